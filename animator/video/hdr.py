"""Films of high dynamic range, brought to the range and the colours of a screen.

Light is made of the film's values by its curve, as ITU-R BT.2100 gives them: PQ (SMPTE ST 2084), or HLG on a
screen of 1000 cd/m2. Diffuse white, 203 cd/m2 by ITU-R BT.2408, becomes white. What is brighter rolls off
softly, all three colours alike, so that no hue changes.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np

Curve = Literal["PQ", "HLG"]

CURVES: dict[str, Curve] = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
"""By ffmpeg's name of a film's transfer characteristics, its curve."""

DIFFUSE_WHITE = 203.0
"""cd/m2 of a sheet of paper in the picture (BT.2408)."""

SCREEN = 1000.0
"""cd/m2 of the brightest white of the screen that HLG is made for (BT.2100)."""

SYSTEM_GAMMA = 1.2
"""What such a screen does to the light of a scene in HLG (BT.2100)."""

KNEE = 0.92
"""Value, 0 to 1 in sRGB, from which on light rolls off: diffuse white comes to 0.98, the brightest to 1."""

TO_BT709 = {
    "bt2020": (
        (1.660491, -0.587641, -0.072850),
        (-0.124550, 1.132900, -0.008349),
        (-0.018151, -0.100579, 1.118730),
    ),
    "smpte432": ((1.224940, -0.224940, 0.0), (-0.042057, 1.042057, 0.0), (-0.019638, -0.078636, 1.098274)),
    "bt709": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
}
"""By ffmpeg's name of a film's primaries, from its linear RGB to that of BT.709."""

WIDE = {"bt2020": "bt2020", "smpte432": "smpte432", "smpte431": "smpte432"}
"""By ffmpeg's name of primaries that reach farther than those of a screen, those of `TO_BT709`.

Films with the white of cinemas (smpte431) are shown with that of screens, as their greys are grey.
"""

LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)
"""Shares of the primaries of BT.2020 in luminance."""


def to_sdr(pixels: np.ndarray, curve: Curve, primaries: str) -> np.ndarray:
    """Return a picture of high dynamic range as one for a screen.

    Args:
        pixels: H x W x 3 uint16, the film's own RGB, full range.
        curve: of the film.
        primaries: ffmpeg's name of them; unknown ones are taken for those of BT.2020.

    Returns:
        H x W x 3 uint16, sRGB of the primaries of BT.709.
    """
    light = _linear(curve)[pixels]
    if curve == "HLG":
        light *= np.maximum(light @ LUMINANCE, 1e-6)[..., None] ** np.float32(SYSTEM_GAMMA - 1)
    light *= np.float32((SCREEN if curve == "HLG" else 10000.0) / DIFFUSE_WHITE)
    light = light @ np.array(TO_BT709.get(primaries, TO_BT709["bt2020"]), np.float32).T
    brightest = np.maximum(light.max(axis=-1, keepdims=True), 1e-6)
    value = _srgb(brightest)
    rolled = np.where(value > KNEE, KNEE + (1 - KNEE) * np.tanh((value - KNEE) / (1 - KNEE)), value)
    light *= _light_of_srgb(rolled) / brightest
    result: np.ndarray = np.rint(_srgb(light.clip(0, 1)) * 65535).astype(np.uint16)
    return result


def to_bt709(pixels: np.ndarray, primaries: str) -> np.ndarray:
    """Return a picture of ordinary range with the primaries of BT.709; what they cannot show is clipped.

    Args:
        pixels: H x W x 3 uint8 or uint16, RGB of other primaries, full range.
        primaries: ffmpeg's name of them, a key of `WIDE`.

    Returns:
        H x W x 3 uint16. Greys stay what they are.
    """
    most = np.iinfo(pixels.dtype).max
    light = _light_of_srgb(np.arange(most + 1) / most).astype(np.float32)[pixels]
    light = light @ np.array(TO_BT709[WIDE[primaries]], np.float32).T
    result: np.ndarray = np.rint(_srgb(light.clip(0, 1)) * 65535).astype(np.uint16)
    return result


@cache
def _linear(curve: Curve) -> np.ndarray:
    """Return the light of each value of 16 bits, float32, 1 the brightest there is: of PQ on a screen."""
    value = np.arange(65536) / 65535
    if curve == "PQ":
        root = value ** (32 / 2523)
        light = (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (8192 / 1305)
    else:
        a, b, c = 0.17883277, 0.28466892, 0.55991073
        light = np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12)
    return light.astype(np.float32)


def _srgb(light: np.ndarray) -> np.ndarray:
    """Return the values of light (IEC 61966-2-1); what is brighter than white goes on along the curve."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 1e-6) ** (1 / 2.4) - 0.055)


def _light_of_srgb(value: np.ndarray) -> np.ndarray:
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
