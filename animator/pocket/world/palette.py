"""Colours of the world, RGB in [0, 1], and the words that stand for its parts."""

from __future__ import annotations

from dataclasses import dataclass

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Light:
    """How a time of day looks.

    Attributes:
        zenith: colour of the sky overhead.
        horizon: colour of the sky where it meets the land.
        sun: colour of the disc and its glow.
        tint: factor on everything that is lit.
        stars: share of stars that are visible.
        disc: ``"sun"`` or ``"moon"``.
    """

    zenith: Colour
    horizon: Colour
    sun: Colour
    tint: Colour
    stars: float
    disc: str


LIGHTS: dict[str, tuple[Light, ...]] = {
    "day": (
        Light((0.20, 0.46, 0.84), (0.72, 0.86, 0.96), (1.0, 0.98, 0.86), (1.0, 1.0, 0.98), 0, "sun"),
        Light((0.32, 0.60, 0.90), (0.82, 0.91, 0.95), (1.0, 0.97, 0.80), (1.04, 1.02, 0.96), 0, "sun"),
    ),
    "dawn": (
        Light((0.47, 0.55, 0.80), (0.98, 0.80, 0.78), (1.0, 0.90, 0.80), (0.92, 0.80, 0.82), 0, "sun"),
        Light((0.60, 0.62, 0.82), (1.0, 0.84, 0.70), (1.0, 0.93, 0.78), (0.95, 0.84, 0.80), 0, "sun"),
    ),
    "sunset": (
        Light((0.42, 0.16, 0.34), (0.99, 0.48, 0.16), (1.0, 0.72, 0.28), (0.92, 0.58, 0.44), 0, "sun"),
        Light((0.55, 0.14, 0.18), (0.98, 0.36, 0.14), (1.0, 0.60, 0.22), (0.88, 0.50, 0.40), 0, "sun"),
        Light((0.30, 0.22, 0.46), (1.0, 0.62, 0.26), (1.0, 0.80, 0.40), (0.95, 0.66, 0.50), 0, "sun"),
    ),
    "night": (
        Light((0.03, 0.05, 0.16), (0.11, 0.17, 0.34), (0.95, 0.96, 0.90), (0.34, 0.40, 0.58), 1, "moon"),
        Light((0.05, 0.04, 0.13), (0.19, 0.15, 0.36), (0.98, 0.95, 0.84), (0.36, 0.35, 0.54), 1, "moon"),
    ),
}

GROUNDS: dict[str, tuple[Colour, Colour]] = {
    "sea": ((0.05, 0.22, 0.36), (0.20, 0.46, 0.58)),
    "meadow": ((0.22, 0.42, 0.12), (0.46, 0.62, 0.20)),
    "forest": ((0.08, 0.22, 0.10), (0.18, 0.34, 0.14)),
    "desert": ((0.72, 0.50, 0.26), (0.92, 0.74, 0.44)),
    "snow": ((0.74, 0.80, 0.88), (0.97, 0.98, 1.0)),
    "lake": ((0.16, 0.34, 0.46), (0.36, 0.56, 0.66)),
    "field": ((0.62, 0.52, 0.16), (0.90, 0.78, 0.30)),
}

PAINTS: dict[str, Colour] = {
    "red": (0.78, 0.12, 0.10),
    "white": (0.95, 0.94, 0.90),
    "blue": (0.14, 0.28, 0.66),
    "yellow": (0.93, 0.77, 0.16),
    "black": (0.10, 0.10, 0.12),
    "green": (0.16, 0.46, 0.22),
    "grey": (0.55, 0.55, 0.56),
}

PAINTED = ("lighthouse", "house", "castle", "boat", "tower", "balloon")
"""Objects whose colour is chosen and told in the caption."""

WORDS: dict[str, tuple[str, ...]] = {
    "day": ("by day", "in daylight", "under a blue sky", "at noon", "on a sunny day"),
    "dawn": ("at dawn", "at sunrise", "in the early morning", "under a pink sky"),
    "sunset": ("at sunset", "at dusk", "in the evening", "under a red sky", "under an orange sky"),
    "night": ("at night", "by night", "under the stars", "in the dark", "in the moonlight"),
    "sea": ("the sea", "the ocean", "a tumultuous sea", "the waves", "the water"),
    "meadow": ("a green meadow", "a meadow", "green grass", "green hills"),
    "forest": ("a forest", "a green forest", "the woods", "pine trees", "a dark forest"),
    "desert": ("a desert", "the desert", "sand dunes", "yellow sand"),
    "snow": ("snow", "a snowy plain", "a snow field", "a white winter landscape"),
    "lake": ("a lake", "a calm lake", "still water", "a quiet lake"),
    "field": ("a field", "golden fields", "a wheat field", "yellow fields"),
    "clear": ("clear sky", "clear weather"),
    "clouds": ("clouds", "a cloudy sky", "white clouds"),
    "rain": ("rain", "a rainy day", "rainy weather"),
    "storm": ("a storm", "stormy weather", "dark clouds", "a thunderstorm"),
    "fog": ("fog", "mist", "foggy", "misty"),
    "snowfall": ("falling snow", "snowfall", "snowing"),
    "hills": ("hills", "distant hills", "rolling hills"),
    "mountains": ("mountains", "rocky mountains", "tall mountains"),
    "peaks": ("snowy mountains", "snow-capped peaks", "white mountains"),
    "lighthouse": ("lighthouse", "singular lighthouse", "light tower"),
    "house": ("house", "cottage", "cabin", "small house"),
    "castle": ("castle", "fortress", "old castle"),
    "tower": ("tower", "ruined tower", "stone tower"),
    "boat": ("boat", "sailing boat", "sailboat", "ship"),
    "tree": ("tree", "lone tree", "big tree", "oak tree"),
    "pyramid": ("pyramid", "ancient pyramid", "stone pyramid"),
    "balloon": ("balloon", "hot air balloon"),
    "plain": ("", "", "a photo of", "a picture of", "a landscape with", "a view of"),
    "ink": ("an ink drawing of", "a black and white drawing of", "a monochrome picture of", "a sketch of"),
    "watercolour": ("a watercolour of", "a watercolor painting of", "a soft watercolour painting of"),
    "oil": ("an oil painting of", "a beautiful painting of", "a painting of", "an impressionist painting of"),
}

TRIMMINGS = (
    "by greg rutkowski",
    "trending on artstation",
    "highly detailed",
    "by ivan aivazovsky",
    "matte painting",
    "yellow color scheme",
    "beautiful",
    "4k",
)
"""What people write behind their prompts; drawn at random so that the perceptor learns to look past it."""
