"""What the world is painted on: colour and true depth side by side, seen by one pinhole camera."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

SHIFT = 4
"""Bits after the point in the pixel coordinates given to OpenCV."""

FAR = 10.0
"""Depth of the sky, in units of the world; nothing is farther."""

Colour = tuple[float, float, float]
Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Spot:
    """Where a thing stands.

    Attributes:
        x: pixel column of its foot.
        distance: depth of the whole thing, in units of the world (1.5 is near, 8 far).
        up: height of its foot above the ground, in units of the world.
        size: factor on its size.
    """

    x: float
    distance: float
    up: float = 0.0
    size: float = 1.0


class Canvas:
    """A picture and its depth, painted from back to front.

    Attributes:
        rgb: float32, H x W x 3, range [0, 1].
        depth: float32, H x W, distance; larger is farther.
        focal: focal length in pixels.
        horizon: row of the horizon in pixels; may lie outside of the picture.
        eye: height of the camera above the ground, in units of the world.
        tint: factor on lit colours, RGB.
        haze: colour that distance fades into, RGB.
        side: +1 where the light comes from the right, -1 from the left.
        dark: whether lamps and windows shine.
    """

    def __init__(self, width: int, height: int, *, horizon: float, eye: float, view: float = 40.0) -> None:
        """Start with black at the greatest depth.

        Args:
            width: of the picture in pixels.
            height: of the picture in pixels.
            horizon: row of the horizon in pixels.
            eye: height of the camera, in units of the world.
            view: vertical field of view in degrees.
        """
        self.rgb = np.zeros((height, width, 3), np.float32)
        self.depth = np.full((height, width), FAR, np.float32)
        self.width, self.height = width, height
        self.focal = height / 2 / np.tan(np.radians(view / 2))
        self.horizon = horizon
        self.eye = eye
        self.tint = np.ones(3, np.float32)
        self.haze = np.ones(3, np.float32)
        self.side = 1.0
        self.dark = False

    def lit(self, colour: Colour | np.ndarray, distance: float, shade: float = 1.0) -> np.ndarray:
        """Return a surface colour as it looks at a distance: lit, shaded, faded into the haze."""
        clear = np.exp(-0.055 * distance)
        seen = np.asarray(colour, np.float32) * self.tint * shade
        result: np.ndarray = np.clip(seen * clear + self.haze * (1 - clear), 0, 1)
        return result

    def pixel(self, spot: Spot, side: float, up: float) -> tuple[float, float]:
        """Return the pixel of a point of a thing, given sideways and upwards of its foot in its own units."""
        scale = self.focal / spot.distance
        rise = spot.up + up * spot.size
        return spot.x + side * spot.size * scale, self.horizon + (self.eye - rise) * scale

    def shape(self, spot: Spot, points: Points, colour: Colour | np.ndarray, shade: float = 1.0) -> None:
        """Fill a polygon of a thing, given as (sideways, up) of its foot, in a lit colour."""
        seen = self.lit(colour, spot.distance, shade)
        self.polygon([self.pixel(spot, *point) for point in points], seen, spot.distance)

    def polygon(self, points: Points, colour: np.ndarray, distance: float) -> None:
        """Fill a polygon given in pixels, antialiased in colour, with one depth."""
        fixed = np.round(np.array(points, np.float64) * 2**SHIFT).astype(np.int32)
        cv2.fillPoly(self.rgb, [fixed], tuple(float(c) for c in colour), cv2.LINE_AA, SHIFT)
        cv2.fillPoly(self.depth, [fixed], float(distance), cv2.LINE_8, SHIFT)

    def disc(self, centre: tuple[float, float], radius: float, colour: np.ndarray, distance: float) -> None:
        """Fill a circle given in pixels."""
        centre_fixed = tuple(round(c * 2**SHIFT) for c in centre)
        fixed = max(1, round(radius * 2**SHIFT))
        cv2.circle(self.rgb, centre_fixed, fixed, tuple(float(c) for c in colour), -1, cv2.LINE_AA, SHIFT)
        cv2.circle(self.depth, centre_fixed, fixed, float(distance), -1, cv2.LINE_8, SHIFT)

    def glow(self, centre: tuple[float, float], radius: float, colour: Colour, strength: float) -> None:
        """Add light that falls off around a pixel, as far as it reaches; ``radius`` in pixels."""
        reach = int(np.ceil(3.2 * radius))
        left, right = (int(np.clip(centre[0] + s * reach, 0, self.width)) for s in (-1, 1))
        top, low = (int(np.clip(centre[1] + s * reach, 0, self.height)) for s in (-1, 1))
        if left >= right or top >= low:
            return
        across = np.exp(-((np.arange(left, right, dtype=np.float32) - centre[0]) ** 2) / (2 * radius**2))
        down = np.exp(-((np.arange(top, low, dtype=np.float32) - centre[1]) ** 2) / (2 * radius**2))
        falloff = (down[:, None] * across[None] * strength)[..., None]
        part = self.rgb[top:low, left:right]
        part += (1 - part) * falloff * np.asarray(colour, np.float32)
