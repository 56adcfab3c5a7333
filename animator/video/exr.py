"""OpenEXR files of a frame with its layers, written with the library of that name."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

MISSING = "needs the package OpenEXR: pip install 'animator[exr]'"
"""What is said where it is not installed."""

LAYERS = (
    "R, G, B: linear light, Rec. 709 primaries. Z: depth. backward.u, backward.v: pixels to where this pixel "
    "was in the frame before, u to the right, v upwards. uncovered.mask: 1 where it was not in it."
)
"""What is in a file, for its header."""


def can_write_exr() -> bool:
    """Return whether the library is installed."""
    return find_spec("OpenEXR") is not None


def to_linear(colours: np.ndarray) -> np.ndarray:
    """Return sRGB colours, 0 to 1, as linear light (IEC 61966-2-1)."""
    return np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)


def write_exr(path: Path, picture: np.ndarray, layers: Mapping[str, np.ndarray], fps: Fraction) -> None:
    """Write a frame and its layers.

    Args:
        path: the file.
        picture: H x W x 3 RGB, float, sRGB from 0 to 1; it is written as linear half floats.
        layers: further channels by name, H x W, written as 32-bit floats.
        fps: frames a second, for the header.
    """
    import OpenEXR  # an extra of the program, and slow to load

    linear = to_linear(picture.astype(np.float64)).astype(np.float16)
    channels: dict[str, Any] = {name: np.ascontiguousarray(linear[..., n]) for n, name in enumerate("RGB")}
    channels |= {name: np.ascontiguousarray(values, np.float32) for name, values in layers.items()}
    header: dict[str, Any] = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        "comments": LAYERS,
        "framesPerSecond": fps,
    }
    OpenEXR.File(header, channels).write(str(path))
