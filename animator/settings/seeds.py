"""Seeds that a scene sets at several positions, as the seed of every frame."""

from __future__ import annotations

from collections.abc import Mapping

from animator.errors import ExpressionError
from animator.keyframes.clock import Clock
from animator.system.rng import picture_seed


def scheduled(seeds: Mapping[int | float | str, int], mode: str, clock: Clock) -> list[int]:
    """Return the seed of every frame where a scene gives several over its frames.

    From each position on the seeds go on from its seed as ``mode`` says; the first one holds from the first
    frame on, wherever it is set.

    Args:
        seeds: seed by position.
        mode: ``step``, ``fixed`` or ``random``, see `animator.system.rng.picture_seed`.
        clock: length and pace of the film.

    Raises:
        ExpressionError: a position is none, or two are the same frame.

    >>> scheduled({0: 5, 3: 9}, "step", Clock(frames=6, fps=12))
    [5, 6, 7, 9, 10, 11]
    """
    starts: dict[int, int] = {}
    for position, seed in seeds.items():
        frame = clock.key(position)
        if frame in starts:
            raise ExpressionError(f"two seeds begin at frame {frame}; keep one of them")
        starts[frame] = seed
    starts.setdefault(0, starts[min(starts)])
    if len(starts) > len(seeds):  # nothing begins before the first of them
        del starts[sorted(starts)[1]]
    begins = [max(start for start in starts if start <= frame) for frame in range(clock.frames)]
    return [picture_seed(starts[begin], mode, frame - begin) for frame, begin in enumerate(begins)]
