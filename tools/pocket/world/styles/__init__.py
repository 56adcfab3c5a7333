"""How a picture is made: the mood of its colours first, then the look of a medium."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tools.pocket.world.spec import Spec
from tools.pocket.world.styles.grade import paint_grade
from tools.pocket.world.styles.ink import paint_ink
from tools.pocket.world.styles.lowpoly import paint_lowpoly
from tools.pocket.world.styles.oil import paint_oil
from tools.pocket.world.styles.photo import paint_photo
from tools.pocket.world.styles.pixel import paint_pixel
from tools.pocket.world.styles.watercolour import paint_watercolour
from tools.pocket.world.styles.woodcut import paint_woodcut

Look = Callable[[np.ndarray, np.ndarray, Spec, np.random.Generator], np.ndarray]

LOOKS: dict[str, Look] = {
    "photo": paint_photo,
    "oil": paint_oil,
    "watercolour": paint_watercolour,
    "ink": paint_ink,
    "pixel": paint_pixel,
    "lowpoly": paint_lowpoly,
    "woodcut": paint_woodcut,
}
"""The painter of each style a spec may name."""


def paint_style(rgb: np.ndarray, depth: np.ndarray, spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Return the picture in the mood ``spec.grade`` and the look ``spec.style``; the input is left as it is.

    Args:
        rgb: float32, H x W x 3, sRGB in [0, 1].
        depth: float32, H x W, distance; larger is farther, positive.
        spec: what is in the picture; the time of day tells a look how dark its paper may stay.
        rng: where the look differs from picture to picture.

    Returns:
        float32, H x W x 3, in [0, 1].
    """
    graded = paint_grade(rgb, spec, rng)
    seen = LOOKS[spec.style](graded, depth, spec, rng)
    return np.clip(seen, 0, 1, out=seen)
