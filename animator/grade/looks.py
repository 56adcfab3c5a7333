"""A look, and a picture with it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from animator.grade.cube import Lut
from animator.system.convert import (
    frame_to_image,
    frame_to_uint8,
    frame_to_uint16,
    image_to_frame,
    uint8_to_frame,
    uint16_to_frame,
)

LUMA = (0.2126, 0.7152, 0.0722)
"""Shares of red, green and blue in the brightness of a colour (ITU-R BT.709)."""


@dataclass(frozen=True)
class Look:
    """How a picture is graded; the defaults leave it as it is.

    Attributes:
        brightness: added to every colour, share of white.
        contrast: factor of the distance to middle grey.
        saturation: factor of the distance to grey of the same brightness.
        gamma: colours to the power of its inverse.
        lut_amount: share of the table that counts, 0 to 1.
        sharpen: share of the difference to a blurred copy that is added.
        radius: standard deviation of that blur in pixels.
        grain: standard deviation of the grain in the mid-tones, share of white.
        grain_size: of a grain in pixels.
    """

    brightness: float = 0.0
    contrast: float = 1.0
    saturation: float = 1.0
    gamma: float = 1.0
    lut_amount: float = 1.0
    sharpen: float = 0.0
    radius: float = 1.0
    grain: float = 0.0
    grain_size: float = 1.0


def graded(pixels: np.ndarray, look: Look, lut: Lut | None, seed: int, number: int) -> np.ndarray:
    """Return a picture with a look: tones, then saturation, the table, sharpening, and grain over all.

    Args:
        pixels: H x W x 3 RGB, uint8 or uint16.
        look: the look.
        lut: the table of colours, or None.
        seed: what the grain follows from.
        number: of the picture; each has its own grain.

    Returns:
        A picture of the same shape and type.
    """
    deep = pixels.dtype == np.uint16
    frame = uint16_to_frame(pixels) if deep else uint8_to_frame(pixels)
    frame = _toned(frame, look)
    if lut is not None and look.lut_amount:
        frame = torch.lerp(frame, lut.apply(frame).clamp(0, 1), look.lut_amount)
    if look.sharpen:
        frame = (frame + look.sharpen * (frame - _blurred(frame, look.radius))).clamp(0, 1)
    if look.grain:
        frame = frame + _grain(frame, look, seed, number)
    return frame_to_uint16(frame) if deep else frame_to_uint8(frame)


def _toned(frame: Tensor, look: Look) -> Tensor:
    """Return a frame with its contrast, brightness, gamma and saturation, clamped to 0..1."""
    frame = ((frame - 0.5) * look.contrast + 0.5 + look.brightness).clamp(0, 1)
    if look.gamma != 1:
        frame = frame ** (1 / look.gamma)
    if look.saturation != 1:
        frame = torch.lerp(_luma(frame), frame, look.saturation).clamp(0, 1)
    return frame


def _luma(frame: Tensor) -> Tensor:
    return (frame * torch.tensor(LUMA)[:, None, None]).sum(dim=0, keepdim=True).expand_as(frame)


def _blurred(frame: Tensor, radius: float) -> Tensor:
    """Return a frame through a Gaussian; the picture goes on beyond its edge as its last pixels."""
    image = cv2.GaussianBlur(frame_to_image(frame), (0, 0), radius, borderType=cv2.BORDER_REPLICATE)
    return image_to_frame(image)


def _grain(frame: Tensor, look: Look, seed: int, number: int) -> Tensor:
    """Return the grain of a frame, 1 x H x W: grey, Gaussian, weakest in black and white."""
    _, height, width = frame.shape
    grain = np.random.default_rng([seed, number]).standard_normal((height, width), np.float32)
    if look.grain_size > 1:
        blurred = cv2.GaussianBlur(grain, (0, 0), look.grain_size / 2, borderType=cv2.BORDER_REFLECT_101)
        grain = np.asarray(blurred / max(float(blurred.std()), 1e-9), np.float32)
    tone = _luma(frame)[:1]
    return look.grain * 4 * tone * (1 - tone) * torch.from_numpy(grain)[None]
