"""Every change of a picture's range or layout. Nothing else in the program may do one.

Names: ``frame`` is 3 x H x W in [0, 1]; ``signed`` is N x 3 x H x W in [-1, 1], as the diffusion uses it;
``uint8`` is H x W x 3 in 0..255, RGB, ``uint16`` the same in 0..65535.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def frame_to_signed(frame: Tensor) -> Tensor:
    """Turn a frame, 3 x H x W in [0, 1], into a batch of one, 1 x 3 x H x W in [-1, 1]."""
    return unit_to_signed(frame[None])


def unit_to_signed(unit: Tensor) -> Tensor:
    """Turn [0, 1] into [-1, 1], any shape, without clamping."""
    return unit * 2 - 1


def signed_to_frames(signed: Tensor) -> list[Tensor]:
    """Turn a batch in [-1, 1] into float32 frames, one a picture; what lies outside is clamped."""
    return list(signed_to_unit(signed.float()).clamp(0, 1))


def signed_to_unit(signed: Tensor) -> Tensor:
    """Turn [-1, 1] into [0, 1], any shape, without clamping (guidance needs the gradient outside)."""
    return (signed + 1) / 2


def frame_to_uint8(frame: Tensor) -> np.ndarray:
    """Turn a frame into H x W x 3 bytes, rounding to the nearest level (never down).

    >>> frame_to_uint8(torch.full((3, 1, 1), 0.999)).ravel().tolist()
    [255, 255, 255]
    """
    levels = (frame.detach().float().cpu().clamp(0, 1) * 255).round()
    return levels.to(torch.uint8).permute(1, 2, 0).contiguous().numpy()


def uint8_to_frame(pixels: np.ndarray) -> Tensor:
    """Turn H x W x 3 bytes into a frame.

    >>> uint8_to_frame(np.full((1, 1, 3), 255, np.uint8)).ravel().tolist()
    [1.0, 1.0, 1.0]
    """
    # Pictures of a film that is read are not writable, of which torch would warn: those are copied.
    whole = np.require(pixels, requirements=["C_CONTIGUOUS", "WRITEABLE"])
    return torch.from_numpy(whole).permute(2, 0, 1).contiguous().float() / 255


def frame_to_uint16(frame: Tensor) -> np.ndarray:
    """Turn a frame into H x W x 3 uint16, rounding to the nearest level.

    >>> frame_to_uint16(torch.full((3, 1, 1), 0.5)).ravel().tolist()
    [32768, 32768, 32768]
    """
    levels = (frame.detach().float().cpu().clamp(0, 1) * 65535).round()
    return np.ascontiguousarray(levels.permute(1, 2, 0).numpy().astype(np.uint16))


def uint16_to_frame(pixels: np.ndarray) -> Tensor:
    """Turn H x W x 3 uint16 into a frame.

    >>> uint16_to_frame(np.full((1, 1, 3), 65535, np.uint16)).ravel().tolist()
    [1.0, 1.0, 1.0]
    """
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1).contiguous() / 65535


def frame_to_image(frame: Tensor) -> np.ndarray:
    """Turn a frame into the H x W x 3 float32 array, still [0, 1], that OpenCV works on."""
    return np.ascontiguousarray(frame.detach().cpu().permute(1, 2, 0).numpy())


def image_to_frame(image: np.ndarray) -> Tensor:
    """Turn an H x W x 3 float array in [0, 1] into a frame."""
    return torch.from_numpy(np.ascontiguousarray(image, dtype=np.float32)).permute(2, 0, 1).contiguous()
