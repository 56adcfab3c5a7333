"""What stands of a scene in its run, and from where the rest is made."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from animator.errors import RunError
from animator.film.guard import KEPT
from animator.film.loop import LoopState
from animator.run.job import Job, stop_of
from animator.run.persist import load_state
from animator.runs import Entry, RunFolder
from animator.runs.folder import FILM, FRAMES
from animator.scene.reading import LoadedScene

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """What a run holds of the frames or pictures that are wanted.

    Attributes:
        numbers: all that are wanted, in order.
        entries: the lines of those whose files are whole, wanted or not.
        done: which need not be made: their files are whole, they are made of what the scene says now, and
            stills are painted as far as it asks.
    """

    numbers: Sequence[int]
    entries: Mapping[int, Entry]
    done: frozenset[int]

    @property
    def missing(self) -> list[int]:
        """Those that are left to make, in order."""
        return [number for number in self.numbers if number not in self.done]


def standing(run: RunFolder, loaded: LoadedScene, inputs: Sequence[str]) -> Standing:
    """Look what stands; every file of every frame is read.

    Args:
        run: the run.
        loaded: the scene.
        inputs: hash of what decides each of its frames, see `animator.run.fingerprint.hash_inputs`.
    """
    still = loaded.scene.mode == "still"
    numbers = (loaded.only if still else ()) or range(loaded.scene.pictures)
    entries = run.finished_frames()
    stop_at = stop_of(loaded) if still else 0.0
    done = frozenset(
        number
        for number in numbers
        if number in entries
        and entries[number].inputs == inputs[number]
        and entries[number].stopped >= stop_at
    )
    return Standing(numbers, entries, done)


def film_stands(job: Job, there: Standing) -> bool:
    """Tell whether a film of which frames were pruned is what the scene asks for.

    Then it is left alone: made again of what it shows, it would go through the encoder once more.
    """
    run = job.run
    pruned = any(FRAMES in there.entries[number].pruned for number in there.done)
    if not pruned or there.missing or not run.scene_file.is_file():
        return False
    film = run.read_info().get(FILM)
    same = run.scene_file.read_text(encoding="utf-8") == job.text
    return same and isinstance(film, str) and (run.path / film).is_file()


def usable_states(run: RunFolder, inputs: Sequence[str], frame: int, after: int = -1) -> Iterator[int]:
    """Yield after which frames there are states from which a frame can be reached, the nearest first.

    Args:
        run: the run.
        inputs: hash of what decides each frame of the scene as it is now.
        frame: the frame.
        after: only states of later frames than this count.
    """
    for number in reversed(run.states()):
        if after < number < frame and run.inputs_of_state(number) == inputs[number]:
            yield number


def state_before(job: Job, frame: int, after: int = -1) -> LoopState | None:
    """Return the nearest state from which a frame can be reached and that is whole, or None.

    Args:
        job: the scene.
        frame: the frame.
        after: only states of later frames than this count.
    """
    for number in usable_states(job.run, job.inputs, frame, after):
        try:
            return load_state(job.run, number + 1, job.tools.device)
        except RunError as fault:
            log.warning("%s; going on from an earlier state", str(fault).partition(";")[0])
    return None


def broken_before(entries: Mapping[int, Entry], frame: int) -> int:
    """Return how many painted frames in a row, up to the one before ``frame``, could not be painted.

    Frames that were only moved, as in turbo, are passed over.
    """
    count = 0
    for number in range(frame - 1, -1, -1):
        entry = entries.get(number)
        if entry is None:
            break
        if any(note.endswith(KEPT) for note in entry.notes):
            count += 1
        elif "denoise" in entry.stages or not entry.stages:
            break
    return count
