"""``python -m tools.mutants``: see the package."""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tools.mutants.afresh import forget, import_program
from tools.mutants.child import BROKEN, KILLED, SURVIVED, hunt, learn
from tools.mutants.faults import Area, Fault, ListError, areas, read_area
from tools.mutants.forks import TOO_LONG, Task, run_all

ROOT = Path(__file__).parents[2]
LEARNED = ROOT / "build" / "mutants"
"""Where what was learned of the tests is kept, by a hash of the program and of the tests."""

HEAVY = """
torch numpy pandas cv2 scipy.interpolate scipy.ndimage pydantic ruamel.yaml safetensors.torch PIL.Image
hypothesis matplotlib.figure torch.nn.functional rich typer jsonschema torchvision
"""
"""What is imported once for all."""

LEAST_LIMIT = 60.0
"""Seconds that tests with a fault may take at least."""

ROUNDS = (2.0, 20.0)
"""Seconds of tests at which a round ends. In a round tests run file by file, as those of one file share what
they set up; but the quick tests of every file come before the slow ones of any."""


@dataclass(frozen=True)
class Learned:
    """What is known of a test.

    Attributes:
        seconds: how long it takes.
        calls: the functions that it calls, as ``animator/film/loop.py:217``, the line of their beginning.
    """

    seconds: float
    calls: frozenset[str]


def main() -> int:
    """Run the command line; return 0 where at least the wanted share of the faults was noticed."""
    words = argparse.ArgumentParser(prog="python -m tools.mutants", description=__doc__)
    words.add_argument("--only", action="append", metavar="AREA", help="film, warp, ...; all when left out")
    words.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes at a time")
    words.add_argument("--place", action="append", default=[], help="only this entry of a list: film.txt:12")
    words.add_argument("--budget", type=float, default=60.0, help="seconds of tests for a fault at most")
    words.add_argument("--least", type=float, default=90.0, help="per cent that must be noticed")
    words.add_argument("--usual", action="store_true", help="only with tests that make test runs")
    words.add_argument("--check", action="store_true", help="only hold the lists against the program")
    given = words.parse_args()
    began = time.monotonic()
    chosen, troubles = [], []
    for name in given.only or areas():
        try:
            chosen.append(read_area(name, ROOT))
        except ListError as error:
            troubles.append(str(error))
    if troubles:
        print("\n".join(troubles), file=sys.stderr)
        return 2
    if given.check:
        print(f"{sum(len(area.faults) for area in chosen)} faults fit the program")
        return 0
    signal.signal(
        signal.SIGTERM, lambda number, frame: sys.exit(128 + number)
    )  # so that the folder is removed
    with tempfile.TemporaryDirectory(prefix="mutants-", ignore_cleanup_errors=True) as name:
        scratch = Path(name)
        _import_what_takes_long()
        tests = _learned(
            sorted({file for area in chosen for file in area.tests}), given.jobs, scratch, usual=given.usual
        )
        print(f"{len(tests)} tests learned after {time.monotonic() - began:.0f} s", flush=True)
        import_program()
        ends = _hunted(chosen, tests, given, scratch)
    print(_table(chosen, ends))
    print(f"{time.monotonic() - began:.0f} s")
    share = 100 * sum(code != SURVIVED for code in ends.values()) / max(len(ends), 1)
    return 0 if share >= given.least else 1


def _import_what_takes_long() -> None:
    sys.path.insert(0, str(ROOT))
    os.chdir(ROOT)
    os.environ |= {"OMP_NUM_THREADS": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    for name in HEAVY.split():
        importlib.import_module(name)
    if loaded := [name for name in sys.modules if name.split(".")[0] == "animator"]:
        raise RuntimeError(f"the program is imported already: {loaded[:3]}")


def _learned(files: Sequence[str], jobs: int, scratch: Path, *, usual: bool = False) -> dict[str, Learned]:
    """Return what is known of the tests of some files; those that are not known yet run now.

    Args:
        files: of tests.
        jobs: processes at a time.
        scratch: a folder for what the tests write.
        usual: leave out those that ``make test`` leaves out.
    """
    LEARNED.mkdir(parents=True, exist_ok=True)
    program = hashlib.sha256(b"usual" if usual else b"")
    for path in sorted([*(ROOT / "animator").rglob("*.py"), ROOT / "tools" / "mutants" / "child.py"]):
        program.update(path.read_bytes())
    answers, tasks = {}, []
    for file in files:
        digest = program.copy()
        digest.update((ROOT / file).read_bytes())
        answers[file] = LEARNED / f"{Path(file).stem}-{digest.hexdigest()[:16]}.json"
        if not answers[file].is_file():
            own = scratch / Path(file).stem
            work = partial(learn, ROOT, file, answers[file], own, usual=usual)
            tasks.append(Task(work, partial(_swept, own), 600, LEARNED / f"{Path(file).stem}.log"))
    run_all(tasks, jobs)
    found = {}
    for file, answer in answers.items():
        if not answer.is_file():
            raise SystemExit(f"{file}: its tests could not be run; see {LEARNED / Path(file).stem}.log")
        data = json.loads(answer.read_text())
        if data["left_out"]:
            print(f"{file}: left out, as they fail or are skipped without a fault: {len(data['left_out'])}")
        for name, one in data["tests"].items():
            found[name] = Learned(one["seconds"], frozenset(one["calls"]))
    return found


def _swept(folder: Path, code: int) -> None:
    shutil.rmtree(folder, ignore_errors=True)


def _hunted(
    chosen: Sequence[Area], tests: dict[str, Learned], given: argparse.Namespace, scratch: Path
) -> dict[str, int]:
    """Plant every fault; return by place what came of it."""
    ends: dict[str, int] = {}
    tasks = []
    for area in chosen:
        known = {name: one for name, one in tests.items() if name.partition("::")[0] in area.tests}
        for fault in area.faults:
            if given.place and fault.place not in given.place:
                continue
            note = partial(ends.__setitem__, fault.place)
            tasks.append(_task(fault, known, given.budget, note, scratch / fault.place))
    run_all(tasks, given.jobs)
    return ends


def _task(
    fault: Fault, known: dict[str, Learned], budget: float, note: Callable[[int], None], scratch: Path
) -> Task:
    """Return the task of planting a fault and running the tests that look for it."""
    source = (ROOT / fault.path).read_text(encoding="utf-8")
    function = fault.function(source)

    def meets(one: Learned) -> bool:
        if function is not None:
            return f"{fault.path}:{function}" in one.calls
        return any(call.startswith(f"{fault.path}:") for call in one.calls)

    meeting = sorted((one.seconds, name) for name, one in known.items() if meets(one))
    groups, spent = _grouped(meeting, budget)
    (scratch / "tests").mkdir(parents=True)
    answer = scratch / "killer"

    def done(code: int) -> None:
        killer = answer.read_text() if answer.is_file() else ""
        if code not in (KILLED, SURVIVED, TOO_LONG):
            log = (scratch / "log").read_text(errors="replace")[-800:]
            print(f"{fault.place}: could not be tried ({killer or code}): {log}", flush=True)
        words = {KILLED: "killed", SURVIVED: "SURVIVED", TOO_LONG: "killed (endless)"}.get(code, "BROKEN")
        where = f"{fault.path}:{fault.line(source)}"
        print(f"{words:<9} {fault.place:<16} {where:<40} {killer or fault.breaks}", flush=True)
        note(code if code in (KILLED, SURVIVED, TOO_LONG) else BROKEN)
        shutil.rmtree(scratch, ignore_errors=True)

    planted = fault.planted(source)

    def work() -> int:
        forget(fault.module)
        return hunt(fault.module, planted, groups, answer, scratch / "tests")

    return Task(work, done, max(LEAST_LIMIT, 5 * spent), scratch / "log")


def _grouped(meeting: Sequence[tuple[float, str]], budget: float) -> tuple[list[list[str]], float]:
    """Return the tests of each round, file by file, and how many seconds they take in all.

    Args:
        meeting: seconds and name of each test, the quickest first.
        budget: seconds of tests at most.
    """
    rounds: dict[int, dict[str, list[str]]] = {}
    spent = 0.0
    for seconds, name in meeting:
        if spent + seconds > budget:
            break
        spent += seconds
        files = rounds.setdefault(sum(spent > limit for limit in ROUNDS), {})
        files.setdefault(name.partition("::")[0], []).append(name)
    return [[name for names in files.values() for name in names] for files in rounds.values()], spent


def _table(chosen: Sequence[Area], ends: dict[str, int]) -> str:
    """Return how many faults were noticed, a line an area and one in sum."""
    lines = [f"{'area':<12}{'faults':>8}{'killed':>8}{'survived':>10}{'killed %':>10}"]
    total: Counter[str] = Counter()
    for area in chosen:
        codes = [ends[fault.place] for fault in area.faults if fault.place in ends]
        if BROKEN in codes:
            raise SystemExit(f"{area.name}: some faults could not be tried, see above")
        lived = codes.count(SURVIVED)
        lines.append(_line(area.name, len(codes), lived))
        total.update(faults=len(codes), lived=lived)
    return "\n".join([*lines, _line("in all", total["faults"], total["lived"])])


def _line(name: str, count: int, lived: int) -> str:
    share = 100 * (count - lived) / count if count else 0.0
    return f"{name:<12}{count:>8}{count - lived:>8}{lived:>10}{share:>9.1f}%"


if __name__ == "__main__":
    sys.exit(main())
