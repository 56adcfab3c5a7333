"""Which frames the films of a scene show."""

from __future__ import annotations

from animator.errors import ExpressionError
from animator.keyframes import Clock
from animator.settings.scene import Scene


def shown_range(scene: Scene) -> range:
    """Return the numbers of the frames that a scene's films show; see `output.range`.

    Raises:
        ExpressionError: a position is none, or the range ends before it begins or after the film.
    """
    ends, pictures = scene.output.range, scene.count
    if ends is None or scene.mode == "still":
        return range(pictures)
    clock = Clock(pictures, scene.fps, scene.bpm)
    first, last = (int(clock.frame(one)) for one in ends)
    if last == pictures:  # the length of the film, meant as its end
        last -= 1
    if last >= pictures:
        raise ExpressionError(f"ends with frame {last}; the last one is {pictures - 1}")
    if first > last:
        raise ExpressionError(f"begins with frame {first} and ends with {last}, which comes before")
    return range(first, last + 1)
