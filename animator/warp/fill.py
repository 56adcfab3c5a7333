"""What fills the holes of a moved picture: drawn in from their surroundings, or from their far side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
import torch

from animator.system.convert import frame_to_image, image_to_frame
from animator.warp.edges import STEP

if TYPE_CHECKING:
    from typing import TypeAlias

    from torch import Tensor

    from animator.types import DepthMap, Frame, Mask

    Fill: TypeAlias = Literal["padding", "inpaint"]

RADIUS = 4
"""Pixels around a pixel of a hole that its colour is drawn from."""

AT_ONCE = 96
"""Longer side, in pixels, of the picture that wide holes are drawn in on."""

WIDE = 12
"""Pixels from the nearest edge beyond which a hole is wide."""

SEAM = 6.0
"""Pixels over which the difference at the edge of a wide hole fades out."""

LEVELS = 65535
"""Levels of what is drawn in."""

FARTHEST_LOOK = 64
"""Pixels around a hole, at most, in which its nearer side is looked for."""


def fill(frame: Frame, mask: Mask, how: Fill, avoid: Mask | None = None) -> Frame:
    """Return a frame with its holes filled; outside them every value stays the very same.

    ``inpaint`` is Telea 2004 (An Image Inpainting Technique Based on the Fast Marching Method). Holes that
    are somewhere farther than `WIDE` pixels from their edge are drawn in on a smaller picture and joined to
    the large one along their edges: at full size they would become streaks, and take long.

    Args:
        frame: the picture, in whose holes something is there already (the padding).
        mask: its holes, bool, H x W.
        how: ``padding`` leaves them as they are, ``inpaint`` draws in their surroundings.
        avoid: what nothing is drawn from, bool, H x W: the near things beside a hole that shows what was
            behind them, see `near_sides`.
    """
    if how == "padding" or not bool(mask.any()):
        return frame
    holes = _bytes(mask)
    unknown = holes if avoid is None else holes | _bytes(avoid)
    if unknown.all():
        unknown = holes
    if unknown.all():
        return frame
    drawn = _drawn(frame_to_image(frame), holes, unknown)
    return torch.where(mask, image_to_frame(drawn).clamp(0, 1).to(frame.device), frame)


def far_ends(holes: Mask, depth: DepthMap) -> tuple[Tensor, Mask]:
    """Return with which pixel each hole goes on behind what uncovered it, and the pixels that uncovered it.

    A hole is crossed along the row and along the column, the shorter way counts, and of the two pixels at its
    ends the farther one belongs to the background.

    Args:
        holes: bool, H x W.
        depth: H x W, looked at outside the holes only.

    Returns:
        The pixel's number, row * W + column, int64, H x W; a pixel's own outside the holes and where a hole
        has no end. And the nearer ends, bool, H x W, where they are nearer by more than the factor `STEP`.
    """
    height, width = holes.shape
    far = torch.arange(height * width, device=holes.device)
    near = torch.zeros_like(far, dtype=torch.bool)
    own, flat = holes.flatten().nonzero()[:, 0], depth.flatten()
    best, other = own, own
    shortest = torch.full_like(own, height + width)
    for axis, stride, places in ((1, 1, own % width), (0, width, own // width)):
        before, after = (ends.flatten()[own] for ends in _ends(holes, axis))
        starts, stops = before >= 0, after < holes.shape[axis]
        first = torch.where(starts, own + (before - places) * stride, own)
        last = torch.where(stops, own + (after - places) * stride, own)
        # An end that is missing is nearer than any other, and the way to it longer.
        last_is_far = torch.where(stops, flat[last], 0) > torch.where(starts, flat[first], 0)
        span = torch.where(starts & stops, after - before, height + width - 1)
        shorter = (starts | stops) & (span < shortest)
        best = torch.where(shorter, torch.where(last_is_far, last, first), best)
        other = torch.where(shorter, torch.where(last_is_far, first, last), other)
        shortest = torch.where(shorter, span, shortest)
    far[own] = best
    # An end that is missing is the hole's own pixel still.
    near[other[(other != own) & (flat[other] * STEP < flat[best])]] = True
    return far.view(height, width), near.view(height, width)


def near_sides(holes: Mask, ends: Mask, depth: DepthMap) -> Mask:
    """Return the near things beside holes that opened behind them, bool, H x W, as far in as a hole is wide.

    Args:
        holes: what was uncovered, bool, H x W.
        ends: the near pixels at their ends, see `far_ends`.
        depth: of the moved picture, H x W, looked at outside the holes only.
    """
    if not bool(ends.any()):
        return torch.zeros_like(holes)
    reach = min(2 * int(np.ceil(_distance(_bytes(holes)).max())) + 3, FARTHEST_LOOK)
    window = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    # Depths are positive: 0 is where no end is.
    values = depth.detach().cpu().float().numpy()
    as_near = cv2.dilate(np.where(ends.cpu().numpy(), values, 0), window)
    return torch.from_numpy(values < as_near * STEP).to(holes.device) & ~holes


def _ends(holes: Mask, axis: int) -> tuple[Tensor, Tensor]:
    """Return the places along an axis of the last pixel before a hole and of the first after it.

    Both int64, H x W; -1 and the axis' length stand for none.
    """
    length = holes.shape[axis]
    places = torch.arange(length, device=holes.device)
    places = (places[:, None] if axis == 0 else places).expand(holes.shape)
    before = torch.where(holes, -1, places).cummax(dim=axis).values
    after = torch.where(holes, length, places).flip(axis).cummin(dim=axis).values.flip(axis)
    return before, after


def _drawn(image: np.ndarray, holes: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """Return an image, H x W x 3, with its holes drawn in from what is not unknown."""
    deep = _distance(holes) > WIDE
    if not deep.any():
        return _telea(image, unknown)
    _, parts = cv2.connectedComponents(holes)
    wide = np.isin(parts, np.unique(parts[deep])).astype(np.uint8)
    drawn = _widely_drawn(image, unknown, wide)
    narrow = unknown & (1 - wide)
    return _telea(drawn, narrow) if narrow.any() else drawn


def _widely_drawn(image: np.ndarray, unknown: np.ndarray, wide: np.ndarray) -> np.ndarray:
    """Draw wide holes in on a small picture, and join it to the large one where they meet."""
    height, width = unknown.shape
    scale = min(AT_ONCE / max(height, width), 1)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    known = (1 - unknown)[..., None].astype(np.float32)
    share = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
    colour = cv2.resize(image * known, size, interpolation=cv2.INTER_AREA)
    colour = colour / np.maximum(share, 1e-6)[..., None]
    small = _telea(colour, (share < 1e-3).astype(np.uint8))
    rough = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    source = _nearest(unknown)
    error = (image - rough).reshape(-1, 3)[source.ravel()].reshape(image.shape)
    fade = np.exp(-_distance(unknown) / SEAM)[..., None]
    return np.where(wide[..., None] > 0, rough + fade * error, image).astype(np.float32)


def _telea(image: np.ndarray, unknown: np.ndarray) -> np.ndarray:
    """Draw in on 16 bits, which OpenCV takes one channel at a time; on floats it runs away in wide holes."""
    levels = np.rint(np.clip(image, 0, 1) * LEVELS).astype(np.uint16)
    channels = [np.ascontiguousarray(levels[..., n]) for n in range(image.shape[2])]
    drawn = np.stack([cv2.inpaint(one, unknown, RADIUS, cv2.INPAINT_TELEA) for one in channels], axis=-1)
    return np.where(unknown[..., None] > 0, drawn.astype(np.float32) / LEVELS, image)


def _distance(marks: np.ndarray) -> np.ndarray:
    """Return how far every marked pixel is from the nearest unmarked one, in pixels."""
    return cv2.distanceTransform(marks, cv2.DIST_L2, cv2.DIST_MASK_5)


def _nearest(marks: np.ndarray) -> np.ndarray:
    """Return the number of the nearest unmarked pixel, int64, H x W; there is one."""
    _, labels = cv2.distanceTransformWithLabels(
        marks, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    unmarked = np.flatnonzero(marks == 0)
    numbers = np.zeros(labels.max() + 1, np.int64)
    numbers[labels.ravel()[unmarked]] = unmarked
    result: np.ndarray = numbers[labels]
    return result


def _bytes(mask: Mask) -> np.ndarray:
    return mask.detach().cpu().numpy().astype(np.uint8)
