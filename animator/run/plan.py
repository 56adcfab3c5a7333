"""What a run holds of its scene already, and from which saved state the rest is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from animator.runs import Entry, RunFolder


@dataclass(frozen=True)
class Gap:
    """Frames in a row that are left to make.

    Attributes:
        first: the first of them.
        last: the last.
        states: after which frames there are saved states from which the first can be reached, the nearest
            first; empty for stills, and where a film must be made from its beginning.
    """

    first: int
    last: int
    states: tuple[int, ...] = ()


@dataclass(frozen=True)
class ResumePlan:
    """Which of the wanted frames or pictures of a run are finished, and which are left to make.

    Attributes:
        numbers: all that are wanted, in order.
        entries: the journal's entries of those whose files are whole, wanted or not.
        done: those that are up to date: their files are whole, their fingerprints are those of the scene as
            it is now, and stills are painted as far as it asks.
        gaps: those that are left to make, in order.
    """

    numbers: Sequence[int]
    entries: Mapping[int, Entry]
    done: frozenset[int]
    gaps: tuple[Gap, ...]

    @property
    def missing(self) -> list[int]:
        """Those that are left to make, in order."""
        return [number for number in self.numbers if number not in self.done]


def plan_of(
    run: RunFolder,
    numbers: Sequence[int],
    inputs: Sequence[str],
    stop_at: float | Mapping[int, float],
    *,
    still: bool,
) -> ResumePlan:
    """Compare a run with its scene; every file of every frame is read.

    Args:
        run: the run.
        numbers: which frames or pictures are wanted.
        inputs: fingerprint of each frame, see `animator.run.fingerprint.hash_inputs`.
        stop_at: share of the diffusion, 0 to 1, up to which a picture must be painted, or that of each.
        still: whether they are single pictures, which need no state.
    """
    entries = run.finished_frames()
    stops = stop_at if isinstance(stop_at, Mapping) else dict.fromkeys(numbers, stop_at)
    done = frozenset(
        number
        for number in numbers
        if number in entries
        and entries[number].inputs == inputs[number]
        and entries[number].stopped >= stops[number]
    )
    return ResumePlan(numbers, entries, done, gaps_of(run, numbers, inputs, done, still=still))


def gaps_of(
    run: RunFolder, numbers: Sequence[int], inputs: Sequence[str], done: frozenset[int], *, still: bool
) -> tuple[Gap, ...]:
    """Return the frames that are left to make, and the states that are of the scene as it is now.

    Args:
        run: the run.
        numbers: which frames are wanted.
        inputs: fingerprint of each.
        done: those that are up to date.
        still: whether they are single pictures.
    """
    left = [number for number in numbers if number not in done]
    fit: list[int] = []
    if left and not still:
        fit = [n for n in run.states() if n < len(inputs) and run.inputs_of_state(n) == inputs[n]]
    return tuple(
        Gap(first, last, tuple(number for number in reversed(fit) if number < first))
        for first, last in in_a_row(left)
    )


def in_a_row(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return first and last of each row of numbers that follow one another.

    >>> in_a_row([0, 1, 2, 5, 7, 8])
    [(0, 2), (5, 5), (7, 8)]
    """
    firsts = [n for at, n in enumerate(numbers) if at == 0 or numbers[at - 1] != n - 1]
    lasts = [n for at, n in enumerate(numbers) if at == len(numbers) - 1 or numbers[at + 1] != n + 1]
    return list(zip(firsts, lasts, strict=True))


def ranges(numbers: Iterable[int]) -> str:
    """Write numbers in rising order as ranges.

    >>> ranges([0, 1, 2, 5, 7, 8])
    '0-2, 5, 7-8'
    """
    return ", ".join(
        f"{first}-{last}" if last > first else str(first) for first, last in in_a_row(list(numbers))
    )
