"""Regions: parts of the picture that are painted, moved or started from in their own way.

A region is a mask, H x W from 0 to 1, at every frame: drawn, or moved along with the picture from the first
frame on. What it changes is a map over the picture: how much of the diffusion is skipped at each pixel, how
strong the noise on an init is, where the camera does not move. Edges are as soft as the mask's: a place that
is half inside gets half of what is different.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from animator.warp.sampling import sample

if TYPE_CHECKING:
    from animator.film.shot import Shot
    from animator.film.state import Track
    from animator.keyframes.timeline import Row
    from animator.types import DepthMap, Frame, Mask, Prompt

INSIDE = 0.5
"""Share from which on a pixel counts as inside, where there is no half."""

Masks = Mapping[str, Tensor]
"""The masks of a frame by the names of their regions, float32, H x W, 0 to 1; those of no strength are there
only if they follow the picture."""


@dataclass(frozen=True, eq=False)
class Region:
    """One region of a shot.

    Attributes:
        name: in the scene; its numbers are ``regions.NAME.grow`` and so on in the timeline.
        drawn: returns its mask at a frame, float32, H x W, 0 to 1; None where it follows from the depth.
        depth: the nearest and the farthest distance inside, where ``drawn`` is None.
        invert: whether inside and outside are swapped.
        follow: whether the mask of the first frame moves with the picture.
        skips: whether it says how much of the diffusion is skipped.
        keep: whether nothing is painted inside.
        noisy: whether it says how strong the noise on an init is.
        still: whether the camera does not move what is inside.
        paste: whether what a frame starts from is laid over the painted frame inside.
        scale: of its numbers of pixels, where the picture has another size than the scene says.
    """

    name: str
    drawn: Callable[[int], Tensor] | None = None
    depth: tuple[float, float] = (0.0, 0.0)
    invert: bool = False
    follow: bool = False
    skips: bool = False
    keep: bool = False
    noisy: bool = False
    still: bool = False
    paste: bool = False
    scale: float = 1.0

    @property
    def travels(self) -> bool:
        """Whether its mask follows from how the film was made, and not from the frame's number alone."""
        return self.follow or self.drawn is None

    def number(self, row: Row, name: str) -> float:
        """Return one of its numbers at a frame."""
        return row[f"regions.{self.name}.{name}"]


def masks_of(
    regions: Sequence[Region], row: Row, depth: DepthMap | None = None, moved: Masks | None = None
) -> dict[str, Tensor]:
    """Return the masks of a frame.

    Args:
        regions: of the shot.
        row: of the frame.
        depth: of what the frame is painted over, or None where it is not known.
        moved: those of the frame before, moved with it; None where there is none.
    """
    masks = {}
    for region in regions:
        # One that follows the picture does so where it has no strength, too, to be in its place later.
        if region.number(row, "strength") <= 0 and not region.follow:
            continue
        if region.follow and moved is not None and region.name in moved:
            # It has its edges already, and is not to be softened again at every frame.
            masks[region.name] = moved[region.name]
            continue
        mask = _raw(region, row.frame, depth)
        if mask is not None:
            masks[region.name] = shaped(
                mask,
                region.number(row, "grow") * region.scale,
                region.number(row, "feather") * region.scale,
                region.invert,
            )
    return masks


def _raw(region: Region, frame: int, depth: DepthMap | None) -> Tensor | None:
    if region.drawn is not None:
        return region.drawn(frame)
    if depth is None:
        return None
    near, far = region.depth
    return ((depth >= near) & (depth <= far)).float().cpu()


def shaped(mask: Tensor, grow: float, feather: float, invert: bool = False) -> Tensor:
    """Return a mask inverted, grown and with a soft edge, in this order.

    Args:
        mask: float32, H x W, 0 to 1.
        grow: pixels by which it grows on every side; negative shrinks it.
        feather: pixels over which its edge fades, half of them inside.
        invert: whether inside and outside are swapped first.
    """
    array = mask.cpu().numpy()
    if invert:
        array = 1 - array
    if grow:
        side = 2 * max(1, round(abs(grow))) + 1
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
        array = cv2.dilate(array, disc) if grow > 0 else cv2.erode(array, disc)
    if feather > 1:
        # Two box blurs fade over as many pixels as both reach to both sides, and not a pixel farther.
        reach = math.floor(feather / 2 + 0.5)
        for side in (reach // 2, reach - reach // 2):
            width = 2 * side + 1  # odd ones stay in place
            array = cv2.blur(array, (width, width), borderType=cv2.BORDER_REPLICATE)
    return torch.from_numpy(np.ascontiguousarray(array, np.float32))


def resized(region: Region, width: int, height: int, scale: float) -> Region:
    """Return a region for pictures of another size.

    Args:
        region: of the scene's size.
        width: of the pictures in pixels.
        height: of the pictures in pixels.
        scale: how many times as many pixels wide they are.
    """
    draw = region.drawn
    if draw is None:
        return replace(region, scale=scale)

    def drawn(frame: int) -> Tensor:
        mask = draw(frame)[None, None]
        return interpolate(mask, (height, width), mode="bilinear", antialias=scale < 1)[0, 0].clamp(0, 1)

    return replace(region, drawn=drawn, scale=scale)


def of_strength(region: Region, row: Row, masks: Masks) -> Tensor | None:
    """Return the mask of a region times its strength at a frame, or None where there is none."""
    mask, strength = masks.get(region.name), region.number(row, "strength")
    return None if mask is None or strength <= 0 else mask * strength


def keep_map(shot: Shot, row: Row, masks: Masks, keep: float) -> Tensor | None:
    """Return how much of the diffusion is skipped at each pixel, float32, H x W, 0 to 1.

    Args:
        shot: what does not change.
        row: of the frame.
        masks: of the frame.
        keep: the share everywhere else.

    Returns:
        None where it is the same everywhere. Where regions overlap the later one lies over the earlier.
    """
    found = None
    for region in shot.regions:
        if not (region.keep or region.skips) or (mask := of_strength(region, row, masks)) is None:
            continue
        inside = 1.0 if region.keep else region.number(row, "skip_steps")
        before = torch.full_like(mask, keep) if found is None else found
        found = before + (inside - before) * mask
    return found


def named_by(prompts: Sequence[Prompt], shot: Shot, row: Row, masks: Masks) -> dict[str, Tensor]:
    """Return the masks of the regions that prompts name, times their strengths."""
    named = {prompt.region for prompt in prompts}
    found = {one.name: of_strength(one, row, masks) for one in shot.regions if one.name in named}
    return {name: mask for name, mask in found.items() if mask is not None}


def init_noise(shot: Shot, row: Row, masks: Masks) -> float | Tensor:
    """Return the strength of the grey noise on an init, at each pixel where a region changes it."""
    found: float | Tensor = shot.init.noise
    for region in shot.regions:
        if region.noisy and (mask := of_strength(region, row, masks)) is not None:
            before = found if isinstance(found, Tensor) else torch.full_like(mask, found)
            found = before + (region.number(row, "init_noise") - before) * mask
    return found


def unmoved(shot: Shot, row: Row, masks: Masks) -> Tensor | None:
    """Return how far the camera does not move each pixel, H x W, 0 to 1; None where it moves all."""
    found = None
    for region in shot.regions:
        if region.still and (mask := of_strength(region, row, masks)) is not None:
            found = mask if found is None else torch.maximum(found, mask)
    return found


def not_kept(shot: Shot, row: Row, masks: Masks) -> Tensor | None:
    """Return how far each pixel is outside of the regions in which nothing is painted; None without any."""
    free = None
    for region in shot.regions:
        if region.keep and (mask := of_strength(region, row, masks)) is not None:
            free = 1 - mask if free is None else free * (1 - mask)
    return free


def as_before_where_kept(shot: Shot, row: Row, masks: Masks, held: Frame, before: Frame) -> Frame:
    """Return a picture that was held to its film, as it was before where nothing is painted."""
    free = not_kept(shot, row, masks)
    return held if free is None else torch.lerp(before, held, free.to(held))


def pasted(shot: Shot, row: Row, masks: Masks, painted: Frame, init: Frame | None) -> Frame:
    """Return a painted frame with what it started from laid over it where a region says so."""
    for region in shot.regions:
        if region.paste and init is not None and (mask := of_strength(region, row, masks)) is not None:
            painted = torch.lerp(painted, init.to(painted), mask.to(painted))
    return painted


def following(masks: Masks, shot: Shot) -> dict[str, Tensor]:
    """Return of the masks of a frame those that move with the picture."""
    return {one.name: masks[one.name] for one in shot.regions if one.follow and one.name in masks}


def along(masks: Masks, grid: Tensor | None) -> dict[str, Tensor]:
    """Return masks moved with a picture.

    Args:
        masks: before the move.
        grid: where each pixel is read from, H x W x 2 as `sample` takes it; None where nothing moved.
    """
    if grid is None:
        return dict(masks)
    return {name: sample(mask[None], grid.cpu(), "bilinear", "zeros")[0] for name, mask in masks.items()}


def held_in_place(
    still: Tensor, before: Frame, depth: DepthMap | None, moved: Track, uncovered: Mask, grid: Tensor | None
) -> tuple[Track, Mask, Tensor | None]:
    """Return a moved picture in which some of it has stayed where it was.

    Args:
        still: how far each pixel stays, H x W, 0 to 1.
        before: the picture before the move.
        depth: its depth, or None.
        moved: the picture and its depth after it.
        uncovered: what the move newly uncovered.
        grid: where each pixel was read from, H x W x 2; None where nothing moved.

    Returns:
        The last three as they are where those pixels stayed.
    """
    stays = still.to(moved.picture)
    inside = stays > INSIDE
    picture = torch.lerp(moved.picture, before, stays)
    distance, expected = moved.depth, moved.expected
    if depth is not None:
        if distance is not None:
            distance = torch.where(inside, depth, distance)
        if expected.depth is not None:
            expected = replace(expected, depth=torch.where(inside, depth, expected.depth))
    if grid is not None:
        grid = torch.where(inside.to(grid.device)[..., None], _own_places(grid), grid)
    return replace(moved, picture=picture, depth=distance, expected=expected), uncovered & ~inside, grid


def _own_places(grid: Tensor) -> Tensor:
    """Return the grid of a picture that does not move, of the shape of another."""
    height, width = grid.shape[:2]
    y = (torch.arange(height, device=grid.device, dtype=grid.dtype) * 2 + 1) / height - 1
    x = (torch.arange(width, device=grid.device, dtype=grid.dtype) * 2 + 1) / width - 1
    return torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1)
