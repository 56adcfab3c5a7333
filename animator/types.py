"""The few values that travel between the packages, and the contracts that networks are held to.

Nothing here imports torch when it runs, so that reading a scene stays quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from typing import TypeAlias

    from torch import Tensor

    Frame: TypeAlias = Tensor
    """A picture: float32, 3 x H x W, sRGB-encoded, range [0, 1]."""

    DepthMap: TypeAlias = Tensor
    """Distance from the camera: float32, H x W, positive; larger is farther. See ``docs/conventions.md``."""

    Mask: TypeAlias = Tensor
    """A choice of pixels: bool, H x W."""
else:
    Frame = DepthMap = Mask = Any

DIFFUSION_SCALE = 1000
"""Entries of a `Schedule`: the scale on which values over the diffusion are written, whatever the steps."""

Schedule = np.ndarray
"""A value over the diffusion: float64 of shape (1000,), index 0 = the first and noisiest moment."""


@dataclass(frozen=True)
class Camera:
    """A camera's move from one frame to the next in 3D, by the names and signs of Disco Diffusion.

    Attributes:
        translation_x: to the right, in Disco's units (200 of them are one unit of depth).
        translation_y: upwards, so that the picture moves down, in the same units.
        translation_z: forwards, in the same units.
        rotation_3d_x: pitch in degrees.
        rotation_3d_y: yaw in degrees.
        rotation_3d_z: roll in degrees.
        fov: vertical field of view in degrees.
        near_plane: distance of the near plane, in Disco's units.
        far_plane: distance of the far plane, in Disco's units.
    """

    translation_x: float = 0.0
    translation_y: float = 0.0
    translation_z: float = 0.0
    rotation_3d_x: float = 0.0
    rotation_3d_y: float = 0.0
    rotation_3d_z: float = 0.0
    fov: float = 40.0
    near_plane: float = 200.0
    far_plane: float = 10000.0


@dataclass(frozen=True)
class Move2D:
    """A picture's move from one frame to the next in 2D.

    Attributes:
        angle: rotation about the centre in degrees, counter-clockwise.
        zoom: magnification about the centre; 1 changes nothing.
        translation_x: shift to the right in pixels.
        translation_y: shift downwards in pixels.
    """

    angle: float = 0.0
    zoom: float = 1.0
    translation_x: float = 0.0
    translation_y: float = 0.0


@dataclass(frozen=True)
class Prompt:
    """A text that guides the diffusion.

    Attributes:
        text: what the perceptors read; the weight is not part of it.
        weight: how strongly it pulls; negative pushes away.
    """

    text: str
    weight: float = 1.0


@dataclass(frozen=True)
class Request:
    """What the loop asks of an engine for one frame (steps 5 and 6 of a frame's way).

    Attributes:
        frame: number of the frame; with ``seed`` it decides all randomness.
        seed: seed of this frame.
        width: pixels.
        height: pixels.
        prompts: the texts of this frame; their weights sum to 1, shares of a cross-fade multiplied in.
        init: the picture to start from, or None to start from noise.
        keep: share of the diffusion's steps that is skipped because ``init`` stands for them, 0 to 1.
        init_scale: strength of the perceptual pull towards ``init``; 0 switches it off.
        values: every setting of ``guidance`` and ``diffusion`` that may change, by its dotted name
            (``guidance.clamp_max``), as a `Schedule` for this frame.
    """

    frame: int
    seed: int
    width: int
    height: int
    prompts: tuple[Prompt, ...]
    init: Frame | None = None
    keep: float = 0.0
    init_scale: float = 0.0
    values: Mapping[str, Schedule] = field(default_factory=dict)


OnStep = Callable[[int, int], None]
"""Called after each step of a diffusion with (steps done, steps in all)."""


class Engine(Protocol):
    """Turns noise, or a picture and noise, into a picture of the prompts."""

    def paint(self, request: Request, on_step: OnStep | None = None) -> Frame:
        """Return the frame that ``request`` describes; the same request gives the same frame."""
        ...


class DepthEstimator(Protocol):
    """Tells how far away the things in a picture are."""

    def __call__(self, frame: Frame) -> DepthMap:
        """Return the depth of ``frame`` at its own size."""
        ...
