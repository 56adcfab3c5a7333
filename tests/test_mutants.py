"""The tool that plants faults: what it reads, what it refuses, and that it tells killed from survived."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.mutants import faults
from tools.mutants.__main__ import _grouped
from tools.mutants.faults import ListError, read_area
from tools.mutants.forks import TOO_LONG, Task, run_all

PROGRAM = '''\
LIMIT = 3


def outer(a, b):
    """Add."""

    def inner(c):
        return c + a

    return inner(b)
'''

GOOD = """\
tests test_a.py
in a.py

# adds the wrong one
-        return c + a
+        return c + c

# the limit is lost
-LIMIT = 3
+LIMIT = 4
"""


@pytest.fixture
def lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(faults, "FOLDER", tmp_path)
    (tmp_path / "a.py").write_text(PROGRAM)
    (tmp_path / "test_a.py").touch()

    def read(text: str):
        (tmp_path / "area.txt").write_text(text)
        return read_area("area", tmp_path)

    return read


def test_a_list_is_read(lists) -> None:
    area = lists(GOOD)
    first, second = area.faults
    assert (area.name, area.tests, first.place, second.place) == (
        "area",
        ("test_a.py",),
        "area.txt:4",
        "area.txt:8",
    )
    assert (first.breaks, first.module, first.line(PROGRAM)) == ("adds the wrong one", "a", 8)
    assert (first.function(PROGRAM), second.function(PROGRAM)) == (7, None)
    assert "return c + c" in first.planted(PROGRAM)
    assert second.planted(PROGRAM).startswith("LIMIT = 4")


@pytest.mark.parametrize(
    ("wrong", "trouble"),
    [
        (GOOD.replace("return c + a", "return a + c"), "area.txt:4: a.py: text not found"),
        (GOOD.replace("-        return c + a", "-a"), "area.txt:4: a.py: text found"),
        (GOOD.replace("+        return c + c", "+        return ("), "no Python with the fault in it"),
        (GOOD.replace("+LIMIT = 4", "+LIMIT = 3"), "area.txt:8: a.py: changes nothing"),
        (GOOD.replace("in a.py", "in b.py"), "area.txt:4: b.py: no such file"),
        (GOOD.replace("tests test_a.py", "tests test_b.py"), "no such file: test_b.py"),
        (GOOD.replace("# the limit", "the limit"), "area.txt:8: begins with none of"),
    ],
)
def test_what_does_not_fit_is_told_at_its_place(lists, wrong: str, trouble: str) -> None:
    with pytest.raises(ListError, match=trouble):
        lists(wrong)


@pytest.mark.slow
def test_tasks_tell_how_they_ended(tmp_path: Path) -> None:
    ends: list[int] = []

    def endless() -> int:
        while True:
            pass

    # A busy machine may start a process seconds late.
    works = ((lambda: 0, 60.0), (lambda: 1, 60.0), (endless, 0.5))
    run_all([Task(work, ends.append, limit, tmp_path / "log") for work, limit in works], jobs=3)
    assert sorted(ends) == [TOO_LONG, 0, 1]


def test_quick_tests_of_every_file_come_before_slow_ones() -> None:
    meeting = [
        (0.5, "a.py::one"),
        (1.0, "b.py::two"),
        (1.5, "a.py::three"),
        (3.0, "a.py::four"),
        (90.0, "b.py::x"),
    ]
    rounds = [["a.py::one", "b.py::two"], ["a.py::three", "a.py::four"]]
    assert _grouped(meeting, 10) == (rounds, 6.0)
    assert _grouped(meeting, 99) == ([*rounds, ["b.py::x"]], 96.0)


@pytest.mark.slow
def test_a_hunt_that_is_ended_leaves_no_folder(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "tools.mutants", "--only", "warp", "--jobs", "1"]
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    hunt = subprocess.Popen(words, cwd=Path(__file__).parents[1], env=env, stdout=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while not any(tmp_path.glob("mutants-*")) and hunt.poll() is None and time.monotonic() < until:
            time.sleep(0.02)
        assert any(tmp_path.glob("mutants-*"))
    finally:
        hunt.terminate()
    assert hunt.wait(60) == 128 + signal.SIGTERM
    assert not list(tmp_path.glob("mutants-*"))


HUNT = """
import sys
from pathlib import Path
from tools.mutants.child import hunt
root = Path(sys.argv[1])
sys.path.insert(0, str(root))
source = (root / "a.py").read_text().replace(sys.argv[2], sys.argv[3])
test = f"{root}/test_a.py::test_outer"
sys.exit(hunt("a", source, [[test]], root / "killer", root / "tmp"))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("find", "put", "code"), [("c + a", "c - a", 1), ("LIMIT = 3", "LIMIT = 4", 0)])
def test_a_fault_that_a_test_meets_is_killed(tmp_path: Path, find: str, put: str, code: int) -> None:
    (tmp_path / "a.py").write_text(PROGRAM)
    test = "import a\n\ndef test_outer(tmp_path):\n    assert a.outer(1, 2) == 3\n"
    (tmp_path / "test_a.py").write_text(test)
    (tmp_path / "tmp").mkdir()
    words = [sys.executable, "-c", HUNT, str(tmp_path), find, put]
    done = subprocess.run(words, cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    assert (tmp_path / "killer").is_file() == (code == 1)
    assert "c + a" in (tmp_path / "a.py").read_text()
