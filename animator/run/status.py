"""What there is of a run, and what resuming it would make."""

from __future__ import annotations

import dataclasses
import json
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from animator.errors import AnimatorError
from animator.run.best import stops
from animator.run.fingerprint import hash_inputs
from animator.run.job import stop_of, wanted_numbers
from animator.run.larger import large_inputs
from animator.run.networks import weights_of
from animator.run.outdated import why_outdated
from animator.run.plan import ResumePlan, plan_of, ranges
from animator.run.sources import gather
from animator.runs import Entry, RunFolder
from animator.runs.folder import FRAMES
from animator.runs.hires import finished_large
from animator.runs.lock import owner_of
from animator.scene.choosing import chooses
from animator.scene.reading import LoadedScene, read_scene
from animator.settings.scene import Scene
from animator.system.locks import take

FILMS = (".mp4", ".mov", ".gif", ".webp")


@dataclass(frozen=True)
class Gap:
    """Frames in a row that resuming a run would make.

    Attributes:
        first: the first of them.
        last: the last.
        state: after which frame the state is from which it would begin; None: at the first frame.
    """

    first: int
    last: int
    state: int | None


@dataclass(frozen=True)
class Status:
    """What there is of a run.

    Attributes:
        run: its folder.
        scene: its scene's name.
        mode: the scene's mode.
        frames: how many frames or pictures are wanted.
        done: how many of them are up to date with the scene in the run.
        outdated: finished ones that are to be made again.
        program: version of the program that last worked at it.
        because: why, by the numbers of those for which it is so.
        damaged: finished ones whose files are missing or not as they were written.
        missing: those that were never finished.
        pruned: those that only a film shows.
        drafts: stills that were stopped half-way.
        notes: what happened to a frame, by its number.
        states: after how many frames there are states.
        state_bytes: what they take.
        sizes: bytes by folder of the run; ``.`` is the run folder itself.
        owner: the program that is at work there; empty if none is.
        films: the films and their bytes.
        todo: what resuming would make.
        larger: how many pictures that are painted again, larger, are up to date, and how many are wanted.
        fault: why the frames could not be compared with the scene; then the journal is believed.
    """

    run: str
    scene: str
    mode: str
    frames: int
    done: int
    outdated: tuple[int, ...]
    damaged: tuple[int, ...]
    missing: tuple[int, ...]
    pruned: tuple[int, ...]
    drafts: tuple[int, ...]
    notes: dict[int, tuple[str, ...]]
    states: int
    state_bytes: int
    sizes: dict[str, int]
    owner: str
    films: dict[str, int]
    todo: tuple[Gap, ...]
    fault: str = ""
    program: str = ""
    larger: tuple[int, int] = (0, 0)
    because: dict[str, tuple[int, ...]] = dataclasses.field(default_factory=dict)


def status_of(path: Path) -> Status:
    """Look at a run; every picture of it is read, nothing is written.

    Raises:
        UsageError: there is no run in this folder.
        SceneError: its scene cannot be read.
        RunError: its journal is damaged.
    """
    run = RunFolder.open(path)
    info = run.read_info()
    only = tuple(int(number) for number in info.get("only", ()))
    loaded = dataclasses.replace(read_scene(run.scene_file), only=only)
    lines = run.journal()
    inputs, because, fault = _inputs(run, loaded, lines)
    if not inputs:
        inputs = [lines[n].inputs if n in lines else "" for n in range(loaded.scene.count)]
    numbers, stop_at = wanted_numbers(loaded), stop_of(loaded.scene)
    stop: float | dict[int, float] = (
        stops(run, loaded.scene, numbers, stop_at) if chooses(loaded.scene) else stop_at
    )
    plan = plan_of(run, numbers, inputs, stop, still=loaded.scene.mode == "still")
    wanted = [number for number in plan.numbers if number in lines]
    states = [run.state_file(number) for number in run.states()]
    return Status(
        run=str(run.path),
        scene=str(info.get("scene", "")),
        mode=loaded.scene.mode,
        frames=len(plan.numbers),
        done=len(plan.done),
        outdated=tuple(number for number in wanted if lines[number].inputs != inputs[number]),
        damaged=tuple(number for number in wanted if number not in plan.entries),
        missing=tuple(number for number in plan.numbers if number not in lines),
        pruned=tuple(number for number in wanted if FRAMES in lines[number].pruned),
        drafts=tuple(number for number in wanted if lines[number].stopped < 1),
        notes={number: lines[number].notes for number in wanted if lines[number].notes},
        states=len(states),
        state_bytes=sum(file.stat().st_size for file in states),
        sizes=_sizes(run.path),
        owner=_owner(run.path / "run.lock"),
        films={one.name: one.stat().st_size for one in sorted(run.path.iterdir()) if one.suffix in FILMS},
        todo=tuple(Gap(one.first, one.last, next(iter(one.states), None)) for one in plan.gaps),
        fault=fault,
        program=str(info.get("animator", "")),
        larger=_larger(run, loaded.scene, plan, inputs),
        because={why: tuple(n for n in numbers if n in plan.numbers) for why, numbers in because.items()},
    )


def status_text(status: Status) -> str:
    """Return a status for a reader, a line a fact."""
    what = "pictures" if status.mode == "still" else "frames"
    lines = [
        f"{status.run}: {status.scene}, mode {status.mode}: "
        f"{status.done} of {status.frames} {what} are up to date"
    ]
    if status.owner:
        lines.append(f"at work: {status.owner}")
    if status.program:
        lines.append(f"made by animator {status.program}")
    if status.fault:
        lines.append(f"not compared with the scene: {status.fault}")
    kinds = {
        **{f"out of date, {why}": numbers for why, numbers in status.because.items()},
        "damaged or deleted": status.damaged,
        "not made yet": status.missing,
        "pruned, only a film shows them": status.pruned,
        "drafts": status.drafts,
    }
    lines += [f"{kind}: {ranges(numbers)}" for kind, numbers in kinds.items() if numbers]
    lines += [f"{what[:-1]} {number}: {'; '.join(notes)}" for number, notes in status.notes.items()]
    done, wanted = status.larger
    if wanted:
        lines.append(f"painted again, larger: {done} of {wanted} are up to date")
    lines.append(f"states: {status.states}, {megabytes(status.state_bytes)}")
    lines.append(f"disk: {megabytes(sum(status.sizes.values()))}")
    lines += [f"  {name}/: {megabytes(size)}" for name, size in status.sizes.items() if name != "."]
    lines += [f"film: {name}, {megabytes(size)}" for name, size in status.films.items()]
    lines += [f"resume makes {_gap_text(gap, status.mode)}" for gap in status.todo]
    if done < wanted:
        lines.append(f"resume makes {wanted - done} larger {what}")
    elif not status.todo:
        lines.append(f"resume has no {what} to make")
    return "\n".join(lines)


def status_json(status: Status) -> str:
    """Return a status as a JSON object."""
    return json.dumps(dataclasses.asdict(status), ensure_ascii=False)


def megabytes(size: int) -> str:
    """Write a number of bytes for a reader.

    >>> megabytes(1_234_567), megabytes(512)
    ('1.2 MB', '0.5 kB')
    """
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def _gap_text(gap: Gap, mode: str) -> str:
    made = ranges(range(gap.first, gap.last + 1))
    if mode == "still":
        return f"{made}"
    return f"{made}, from the beginning" if gap.state is None else f"{made}, from the state of {gap.state}"


def _larger(run: RunFolder, scene: Scene, plan: ResumePlan, inputs: Sequence[str]) -> tuple[int, int]:
    """Return how many larger pictures are up to date, and how many the scene wants."""
    if scene.large_size is None:
        return 0, 0
    current = {number: plan.entries[number] for number in plan.done}
    fresh, saved = large_inputs(scene, plan.numbers, inputs, current), finished_large(run)
    done = sum(number in saved and saved[number].inputs == one for number, one in fresh.items())
    drafts = [number for number in plan.done if plan.entries[number].stopped < 1]
    return done, len(plan.numbers) - len(drafts)


def _inputs(
    run: RunFolder, loaded: LoadedScene, lines: Mapping[int, Entry]
) -> tuple[list[str], dict[str, tuple[int, ...]], str]:
    """Return the hash of each frame, and which finished ones differ, by why; or why they are not known."""
    try:
        sources, weights = gather(loaded, run.path), weights_of(loaded)
    except AnimatorError as fault:
        return [], {}, str(fault).splitlines()[0]
    inputs = hash_inputs(loaded, sources, weights)
    return inputs, why_outdated(lines, inputs, run.read_info(), loaded, sources, weights), ""


def _sizes(path: Path) -> dict[str, int]:
    """Return the bytes of a run by its folders; a file with two names counts once."""
    sizes: dict[str, int] = {}
    seen: set[tuple[int, int]] = set()
    for file in sorted(path.rglob("*")):
        try:
            facts = file.lstat()
        except FileNotFoundError:
            continue  # a program at work there has just removed it
        if not stat.S_ISREG(facts.st_mode):
            continue
        within = file.relative_to(path).parts
        folder = within[0] if len(within) > 1 else "."
        if (facts.st_dev, facts.st_ino) not in seen:
            sizes[folder] = sizes.get(folder, 0) + facts.st_size
        seen.add((facts.st_dev, facts.st_ino))
    return sizes


def _owner(lock: Path) -> str:
    """Return who holds a lock, as its file says; empty if nobody does."""
    if not lock.exists():
        return ""
    handle = os.open(lock, os.O_RDONLY)
    try:
        take(handle)
    except (BlockingIOError, PermissionError):
        return owner_of(lock)
    except OSError:
        return ""  # this file system knows no locks
    finally:
        os.close(handle)
    return ""
