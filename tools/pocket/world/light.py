"""The light of an hour: colours of sky, sun and clouds, and what they do to everything that is lit."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tools.pocket.world.canvas import Colour
from tools.pocket.world.spec import Spec

LUMA = np.array((0.299, 0.587, 0.114), np.float32)
"""Weights of R, G and B in what looks bright (ITU-R BT.601)."""

GREYING = {"clear": 0.0, "clouds": 0.06, "rain": 0.76, "storm": 0.78, "fog": 0.85, "snowfall": 0.82}
"""Share of its colour that the weather takes from daylight; from a coloured hour it takes less."""

DIMMING = {"storm": 0.56, "rain": 0.84, "fog": 1.04, "snowfall": 1.05}
"""Factor on the brightness of the sky."""

GREYS: dict[str, Colour] = {
    "day": (0.96, 0.99, 1.05),
    "dawn": (1.02, 0.97, 1.03),
    "sunset": (1.14, 0.92, 0.96),
    "dusk": (0.96, 0.95, 1.14),
    "night": (0.93, 0.98, 1.12),
}
"""What bad weather makes of white, by the hour."""


@dataclass(frozen=True)
class Light:
    """How an hour looks; colours are RGB in [0, 1], from the top of the sky to the bottom.

    Attributes:
        zenith: the sky at the top of the picture.
        middle: the sky halfway down.
        horizon: the sky low above the land; also what distance fades into.
        band: the last thin strip of the sky, right at the horizon.
        sun: the sun or moon and its glow.
        tint: factor on everything that is lit.
        cloud: the lit side of a cloud.
        shade: the side of a cloud in shadow.
        stars: share of stars that are visible.
        disc: ``"sun"`` or ``"moon"``.
    """

    zenith: Colour
    middle: Colour
    horizon: Colour
    band: Colour
    sun: Colour
    tint: Colour
    cloud: Colour
    shade: Colour
    stars: float
    disc: str


LIGHTS: dict[str, tuple[Light, ...]] = {
    "day": (
        Light(
            zenith=(0.16, 0.42, 0.84), middle=(0.40, 0.66, 0.94), horizon=(0.72, 0.87, 0.97),
            band=(0.84, 0.93, 0.97), sun=(1.0, 0.98, 0.84), tint=(1.0, 1.0, 0.98),
            cloud=(1.0, 1.0, 1.0), shade=(0.64, 0.72, 0.84), stars=0, disc="sun",
        ),
        Light(
            zenith=(0.26, 0.58, 0.92), middle=(0.50, 0.77, 0.96), horizon=(0.80, 0.92, 0.96),
            band=(0.91, 0.95, 0.93), sun=(1.0, 0.97, 0.78), tint=(1.04, 1.02, 0.96),
            cloud=(1.0, 0.99, 0.97), shade=(0.68, 0.76, 0.86), stars=0, disc="sun",
        ),
        Light(
            zenith=(0.10, 0.30, 0.70), middle=(0.22, 0.50, 0.86), horizon=(0.55, 0.77, 0.93),
            band=(0.72, 0.86, 0.94), sun=(1.0, 0.99, 0.90), tint=(1.02, 1.01, 0.98),
            cloud=(1.0, 1.0, 1.0), shade=(0.58, 0.67, 0.82), stars=0, disc="sun",
        ),
        Light(
            zenith=(0.20, 0.56, 0.78), middle=(0.42, 0.74, 0.86), horizon=(0.74, 0.90, 0.90),
            band=(0.88, 0.94, 0.88), sun=(1.0, 0.96, 0.76), tint=(1.03, 1.02, 0.94),
            cloud=(1.0, 1.0, 0.96), shade=(0.64, 0.76, 0.80), stars=0, disc="sun",
        ),
    ),
    "dawn": (
        Light(
            zenith=(0.56, 0.62, 0.86), middle=(0.82, 0.74, 0.86), horizon=(0.99, 0.79, 0.78),
            band=(1.0, 0.88, 0.74), sun=(1.0, 0.93, 0.78), tint=(0.96, 0.84, 0.86),
            cloud=(1.0, 0.84, 0.82), shade=(0.68, 0.58, 0.76), stars=0, disc="sun",
        ),
        Light(
            zenith=(0.66, 0.64, 0.86), middle=(0.93, 0.72, 0.82), horizon=(1.0, 0.74, 0.74),
            band=(1.0, 0.84, 0.70), sun=(1.0, 0.90, 0.74), tint=(0.98, 0.82, 0.84),
            cloud=(1.0, 0.80, 0.82), shade=(0.72, 0.55, 0.74), stars=0, disc="sun",
        ),
        Light(
            zenith=(0.58, 0.74, 0.86), middle=(0.86, 0.82, 0.84), horizon=(1.0, 0.80, 0.72),
            band=(1.0, 0.91, 0.72), sun=(1.0, 0.95, 0.80), tint=(0.98, 0.87, 0.84),
            cloud=(1.0, 0.87, 0.80), shade=(0.72, 0.64, 0.74), stars=0, disc="sun",
        ),
    ),
    "sunset": (
        Light(
            zenith=(0.38, 0.15, 0.36), middle=(0.80, 0.27, 0.26), horizon=(0.98, 0.48, 0.14),
            band=(1.0, 0.74, 0.24), sun=(1.0, 0.82, 0.36), tint=(0.92, 0.60, 0.44),
            cloud=(1.0, 0.56, 0.24), shade=(0.46, 0.16, 0.26), stars=0, disc="sun",
        ),
        Light(
            zenith=(0.44, 0.08, 0.14), middle=(0.78, 0.16, 0.12), horizon=(0.96, 0.34, 0.10),
            band=(1.0, 0.56, 0.14), sun=(1.0, 0.70, 0.26), tint=(0.90, 0.50, 0.38),
            cloud=(1.0, 0.42, 0.16), shade=(0.40, 0.08, 0.12), stars=0, disc="sun",
        ),
        Light(
            zenith=(0.62, 0.30, 0.24), middle=(0.93, 0.50, 0.16), horizon=(1.0, 0.64, 0.18),
            band=(1.0, 0.84, 0.36), sun=(1.0, 0.94, 0.58), tint=(0.98, 0.68, 0.46),
            cloud=(1.0, 0.76, 0.36), shade=(0.58, 0.28, 0.20), stars=0, disc="sun",
        ),
        Light(
            zenith=(0.46, 0.20, 0.46), middle=(0.88, 0.32, 0.42), horizon=(1.0, 0.50, 0.28),
            band=(1.0, 0.70, 0.32), sun=(1.0, 0.86, 0.48), tint=(0.94, 0.60, 0.52),
            cloud=(1.0, 0.54, 0.40), shade=(0.50, 0.18, 0.36), stars=0, disc="sun",
        ),
    ),
    "dusk": (
        Light(
            zenith=(0.11, 0.13, 0.40), middle=(0.21, 0.22, 0.55), horizon=(0.42, 0.34, 0.62),
            band=(0.98, 0.54, 0.30), sun=(0.98, 0.95, 0.88), tint=(0.48, 0.46, 0.74),
            cloud=(0.58, 0.42, 0.66), shade=(0.17, 0.17, 0.40), stars=0.25, disc="moon",
        ),
        Light(
            zenith=(0.15, 0.10, 0.38), middle=(0.30, 0.18, 0.54), horizon=(0.52, 0.32, 0.62),
            band=(0.96, 0.46, 0.50), sun=(0.99, 0.94, 0.90), tint=(0.52, 0.44, 0.74),
            cloud=(0.72, 0.42, 0.64), shade=(0.22, 0.15, 0.40), stars=0.25, disc="moon",
        ),
        Light(
            zenith=(0.07, 0.17, 0.42), middle=(0.13, 0.28, 0.58), horizon=(0.32, 0.38, 0.66),
            band=(0.98, 0.66, 0.40), sun=(0.96, 0.96, 0.90), tint=(0.44, 0.49, 0.76),
            cloud=(0.46, 0.46, 0.70), shade=(0.13, 0.20, 0.44), stars=0.3, disc="moon",
        ),
    ),
    "night": (
        Light(
            zenith=(0.02, 0.04, 0.13), middle=(0.05, 0.08, 0.21), horizon=(0.10, 0.15, 0.30),
            band=(0.14, 0.19, 0.34), sun=(0.95, 0.96, 0.90), tint=(0.30, 0.36, 0.54),
            cloud=(0.36, 0.42, 0.56), shade=(0.07, 0.09, 0.18), stars=1, disc="moon",
        ),
        Light(
            zenith=(0.03, 0.02, 0.10), middle=(0.07, 0.06, 0.18), horizon=(0.14, 0.12, 0.28),
            band=(0.20, 0.16, 0.32), sun=(0.98, 0.94, 0.80), tint=(0.33, 0.33, 0.50),
            cloud=(0.36, 0.34, 0.50), shade=(0.08, 0.07, 0.16), stars=1, disc="moon",
        ),
        Light(
            zenith=(0.01, 0.05, 0.10), middle=(0.02, 0.10, 0.18), horizon=(0.06, 0.19, 0.28),
            band=(0.10, 0.25, 0.32), sun=(0.92, 0.97, 0.94), tint=(0.27, 0.38, 0.50),
            cloud=(0.30, 0.44, 0.52), shade=(0.05, 0.11, 0.17), stars=1, disc="moon",
        ),
    ),
}  # fmt: skip


def mix(a: Colour | np.ndarray, b: Colour | np.ndarray, share: float | np.ndarray) -> np.ndarray:
    """Return ``a`` where ``share`` is 0, ``b`` where it is 1, and what lies between."""
    a = np.asarray(a, np.float32)
    result: np.ndarray = a + (np.asarray(b, np.float32) - a) * share
    return result


def _colour(values: np.ndarray) -> Colour:
    red, green, blue = (float(v) for v in values)
    return red, green, blue


def light_of(spec: Spec, rng: np.random.Generator) -> Light:
    """Return one of the lights of the hour, greyed by the weather as far as the hour stays recognisable."""
    light = LIGHTS[spec.time][int(rng.integers(len(LIGHTS[spec.time])))]
    if spec.weather == "clear":
        return light
    kept = 0.85 if spec.weather in ("fog", "snowfall") else 0.6
    grey = GREYING[spec.weather] * (1.0 if spec.time == "day" else kept)
    dim = DIMMING.get(spec.weather, 1.0)
    veil = 0.7 if spec.weather == "fog" else 0.5 if spec.weather == "snowfall" else 0.0

    def greyed(colour: Colour, share: float = 1.0) -> Colour:
        veiled = mix(colour, light.horizon, veil)
        flat = float(LUMA @ veiled) * np.array(GREYS[spec.time], np.float32)
        return _colour(np.clip(mix(veiled, flat, grey * share) * dim, 0, 1))

    flat_tint = np.full(3, float(LUMA @ np.array(light.tint, np.float32)), np.float32)
    return replace(
        light,
        zenith=greyed(light.zenith),
        middle=greyed(light.middle),
        horizon=greyed(light.horizon, 0.8),
        band=greyed(light.band, 0.7),
        tint=_colour(mix(light.tint, flat_tint, grey * 0.7) * (0.5 + 0.5 * dim)),
        cloud=greyed(light.cloud),
        shade=_colour(mix(greyed(light.shade), np.zeros(3), 0.45 if spec.weather == "storm" else 0.0)),
        stars=light.stars * (0.5 if spec.weather == "clouds" else 0.0),
    )
