"""Who paints the pieces of work of a study: here this process, one after another.

A painter takes `Painting`s, which are plain data and independent of one another, and yields an `Outcome` for
each as soon as it is known, in any order. That is all that a study asks of it, so that other machines can do
the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from animator.diffusion.memory_saving import out_of_memory
from animator.errors import AnimatorError, Interrupted, RunError, SceneError
from animator.run.cancel import Cancel
from animator.study.painting import Painting, paint
from animator.study.progress import StudyProgress
from animator.weights.shared import SharedNetworks


@dataclass(frozen=True)
class Outcome:
    """What came of a painting.

    Attributes:
        name: of the cell.
        reason: why it failed, in one line; empty where all of it is there.
        exit_status: of the failure.
    """

    name: str
    reason: str = ""
    exit_status: int = 0


Painter = Callable[[Sequence[Painting], StudyProgress, Cancel], Iterator[Outcome]]
"""Paints pieces of work, as `paint_here` does."""


def paint_here(paintings: Sequence[Painting], progress: StudyProgress, cancel: Cancel) -> Iterator[Outcome]:
    """Paint one after another; networks stay loaded from one to the next that needs them.

    Args:
        paintings: the pieces of work, in the order in which they are painted.
        progress: hears of all of them.
        cancel: stops it, from another thread.

    Raises:
        Interrupted: by the user or by ``cancel``.
        RunError: the disk refuses; the other paintings would be no better off.
    """
    shared = SharedNetworks()
    for painting in paintings:
        cancel.check()
        progress.cell(painting.name)
        try:
            paint(painting, progress, cancel, shared)
        except (Interrupted, RunError):
            raise
        except (AnimatorError, RuntimeError, MemoryError) as error:
            yield failure(painting.name, error)
        else:
            yield Outcome(painting.name)


def failure(name: str, error: Exception) -> Outcome:
    """Return the outcome of a painting that ended with an error."""
    first = (str(error).splitlines() or ["no message"])[0]
    if out_of_memory(error):
        return Outcome(name, "the memory does not hold it; try a smaller size or fewer cuts", 1)
    if isinstance(error, AnimatorError):
        # Its scene was fine when the study was read: that it is not now is no fault of the command line.
        return Outcome(name, first, 1 if isinstance(error, SceneError) else error.exit_status)
    return Outcome(name, f"{type(error).__name__}: {first}", 1)
