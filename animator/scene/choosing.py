"""Best of many: when the pictures of a scene are judged, and how many of them go on each time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from animator.settings.base import share

if TYPE_CHECKING:
    from animator.settings.scene import Scene


def chooses(scene: Scene) -> bool:
    """Return whether only the best of a scene's pictures are finished."""
    return scene.mode == "still" and scene.keep_best is not None


def judged_at(scene: Scene) -> list[float]:
    """Return the shares of the diffusion at which the pictures of a scene are judged, 0 to 1, rising."""
    moments = [scene.judge_at] if isinstance(scene.judge_at, str) else scene.judge_at
    return [share(one, scene.diffusion.steps) for one in moments]


def survivors(many: int, best: int, times: int) -> list[int]:
    """Return how many pictures go on after each time that they are judged: about the same share each time.

    >>> survivors(40, 4, 1), survivors(40, 4, 3), survivors(5, 2, 3)
    ([4], [19, 9, 4], [4, 3, 2])
    """
    best = min(best, many)
    return [max(best, round(many * (best / many) ** (turn / times))) for turn in range(1, times + 1)]
