"""The ten colours that a thing can be painted in, RGB in [0, 1]: strong, and far from one another."""

from __future__ import annotations

from tools.pocket.world.canvas import Colour

PAINTS: dict[str, Colour] = {
    "red": (0.82, 0.07, 0.07),
    "white": (0.98, 0.97, 0.94),
    "blue": (0.07, 0.24, 0.80),
    "yellow": (0.99, 0.84, 0.08),
    "black": (0.05, 0.05, 0.06),
    "green": (0.06, 0.52, 0.17),
    "grey": (0.51, 0.51, 0.53),
    "orange": (0.99, 0.46, 0.03),
    "purple": (0.45, 0.11, 0.66),
    "pink": (0.98, 0.47, 0.68),
}
