"""The objects of the world, each a painter with the signature ``painter(canvas, spot, colour, rng)``.

All stand with the middle of their foot at the spot; `SIZES` tells how large they are at ``spot.size`` 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tools.pocket.world.canvas import Canvas, Colour, Spot
from tools.pocket.world.things.boats import boat
from tools.pocket.world.things.bridges import bridge
from tools.pocket.world.things.buildings import house, lighthouse, tower, windmill
from tools.pocket.world.things.castles import castle
from tools.pocket.world.things.others import balloon, birds, pyramid

Painter = Callable[[Canvas, Spot, Colour, np.random.Generator], None]

THINGS: dict[str, Painter] = {
    "lighthouse": lighthouse,
    "house": house,
    "castle": castle,
    "tower": tower,
    "windmill": windmill,
    "bridge": bridge,
    "boat": boat,
    "balloon": balloon,
    "pyramid": pyramid,
    "birds": birds,
}

SIZES: dict[str, tuple[float, float]] = {
    "lighthouse": (1.14, 0.23),
    "house": (0.70, 0.50),
    "castle": (1.00, 0.66),
    "tower": (0.94, 0.26),
    "windmill": (1.08, 0.42),
    "bridge": (0.62, 1.0),
    "boat": (1.00, 0.46),
    "balloon": (1.00, 0.37),
    "pyramid": (0.80, 0.85),
    "tree": (1.05, 0.45),
    "pine": (1.05, 0.34),
    "palm": (1.05, 0.45),
}
"""Height, and half the width, of a thing in its own units; trees are painted by `trees.tree`."""
