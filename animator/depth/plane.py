"""A depth that needs no network: one plane in front of the camera."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from animator.types import DepthMap, Frame


@dataclass(frozen=True)
class PlaneDepth:
    """Sees every picture as one plane, upright or tilted.

    Attributes:
        distance: depth at the middle of the picture; positive, in units of depth.
        slope_x: how much deeper the right edge is than the middle; the left edge is as much nearer.
        slope_y: how much deeper the lower edge is than the middle. A floor has a negative one.

    Raises:
        ValueError: if a part of the plane would lie at or behind the camera.
    """

    distance: float = 1.0
    slope_x: float = 0.0
    slope_y: float = 0.0

    def __post_init__(self) -> None:
        if not self.distance > abs(self.slope_x) + abs(self.slope_y):
            raise ValueError(
                f"a plane at distance {self.distance} with slopes {self.slope_x} and {self.slope_y} reaches "
                "behind the camera; the distance must be greater than both slopes together"
            )

    def __call__(self, frame: Frame) -> DepthMap:
        """Return the plane's depth, float32, H x W of the frame's size, on its device."""
        height, width = frame.shape[-2:]
        x = torch.linspace(-1, 1, width, device=frame.device)
        y = torch.linspace(-1, 1, height, device=frame.device)[:, None]
        return self.distance + self.slope_x * x + self.slope_y * y
