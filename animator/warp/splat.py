"""Forward splatting with a depth test: which old pixel is seen at each new one when the camera has moved.

Every old pixel is laid on the new picture where it is seen, as the small parallelogram that its surface
becomes; where several lie on one another the nearest hides the rest (a z-buffer). What is handed on is not
colours but, for every new pixel, the place between the old pixels that it shows: the picture is then read
once, with any kernel, and does not blur more than by a backward warp.

Every choice among pixels is a smallest value, never a sum, so the outcome does not depend on the order of the
work nor on the number of threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from typing import TypeAlias

    from animator.types import Mask

    Inverse: TypeAlias = tuple[Tensor, Tensor, Tensor, Tensor]
    """Of each pixel a matrix, four H x W: xx, xy, yx, yy."""

REACH = 0.6
"""Half the side of an old pixel's footprint, in old pixels. Half a pixel tiles an even surface; the tenth
beyond it closes the cracks of a curved one."""

SURFACE = 1.03
"""Ratio of depths up to which two pixels that meet are taken for one surface; of these the one that lands
closer is shown."""

FLAT = 0.05
"""Smallest area, in new pixels, of what an old pixel becomes; less is seen edge-on, or from behind."""


@dataclass(frozen=True)
class Splat:
    """What each new pixel shows.

    Attributes:
        grid: where it is read from, float32, H x W x 2, coordinates of `animator.warp.sampling`; without
            meaning at a hole.
        number: which old pixel that is nearest to, row * W + column, int64, H x W; its own at a hole.
        holes: where nothing landed, bool, H x W.
    """

    grid: Tensor
    number: Tensor
    holes: Mask


def splat(offsets: Tensor, z: Tensor, visible: Mask) -> Splat:
    """Lay every old pixel where it is seen, the nearer over the farther.

    A pixel covers the new pixels whose centres lie in its parallelogram, and less than a pixel from where its
    own centre lands: what is pulled apart by more than a factor of two comes apart.

    Args:
        offsets: how far every old pixel moves, float32, H x W x 2, the picture being 2 wide and 2 high.
        z: depth of every old pixel after the move, H x W.
        visible: which old pixels can be seen at all, bool, H x W (not behind the camera).
    """
    height, width = z.shape
    columns = torch.arange(width, dtype=torch.float32, device=z.device).expand(height, width)
    rows = torch.arange(height, dtype=torch.float32, device=z.device)[:, None].expand(height, width)
    # Far offsets are cut before they become integers: beyond twice the picture they only have to miss it.
    x = columns + offsets[..., 0].clamp(-4, 4) * (width / 2)
    y = rows + offsets[..., 1].clamp(-4, 4) * (height / 2)
    back, area = _inverse(x, y, z)
    winner, holes = _winners(x, y, back, z, visible & (area > FLAT))

    def of_winner(values: Tensor) -> Tensor:
        return values.flatten()[winner].view(height, width)

    away_x, away_y = columns - of_winner(x), rows - of_winner(y)
    xx, xy, yx, yy = (of_winner(part) for part in back)
    source_x = of_winner(columns) + xx * away_x + xy * away_y
    source_y = of_winner(rows) + yx * away_x + yy * away_y
    grid = torch.stack(((2 * source_x + 1) / width - 1, (2 * source_y + 1) / height - 1), dim=-1)
    return Splat(grid, winner.view(height, width), holes)


def _winners(x: Tensor, y: Tensor, back: Inverse, z: Tensor, visible: Mask) -> tuple[Tensor, Mask]:
    """Return the number of the old pixel that each new one shows, shape (H * W,), and where there is none."""
    height, width = z.shape
    xx, xy, yx, yy = back
    nowhere = height * width
    left, top = x.floor(), y.floor()
    candidates = []
    for right, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
        column, row = left + right, top + down
        away_x, away_y = column - x, row - y
        reach = torch.maximum((xx * away_x + xy * away_y).abs(), (yx * away_x + yy * away_y).abs())
        arrives = visible & (reach <= REACH)
        arrives &= (column >= 0) & (column < width) & (row >= 0) & (row < height)
        # Sums of whole numbers are exact in 64 bits only: in float32 they end at 2**24 pixels.
        place = torch.where(arrives, row.long() * width + column.long(), nowhere)
        candidates.append((place.flatten(), reach.flatten()))

    depth = z.flatten()
    nearest = depth.new_full((nowhere + 1,), torch.inf)
    for place, _ in candidates:
        nearest.scatter_reduce_(0, place, depth, "amin")
    # A key sorts by how close to a centre a pixel lands, and holds the pixel's number in its lower half.
    numbers = torch.arange(nowhere, device=z.device)
    nobody = torch.iinfo(torch.int64).max
    keys = torch.full_like(nearest, nobody, dtype=torch.int64)
    for place, reach in candidates:
        front = depth <= nearest[place] * SURFACE
        key = ((reach * 2**20).long() << 32) | numbers
        keys.scatter_reduce_(0, torch.where(front, place, nowhere), key, "amin")
    shown = keys[:nowhere]
    holes = shown == nobody
    return torch.where(holes, numbers, shown & 0xFFFFFFFF), holes.view(height, width)


def _inverse(x: Tensor, y: Tensor, z: Tensor) -> tuple[Inverse, Tensor]:
    """Return how far apart points one new pixel apart were on the old picture, and an old pixel's new area.

    The inverse of the landing's Jacobian, which is taken along each axis towards the neighbour of more
    similar depth, so that it is the surface's own and not that of the step to another.
    """
    nearness = z.clamp(min=torch.finfo(z.dtype).tiny).log()
    x_across, y_across = _slopes(x, y, nearness, 1)
    x_down, y_down = _slopes(x, y, nearness, 0)
    area = x_across * y_down - x_down * y_across
    safe = area.clamp(min=FLAT)
    return (y_down / safe, -x_down / safe, -y_across / safe, x_across / safe), area


def _slopes(x: Tensor, y: Tensor, nearness: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """Return how x and y grow per old pixel along an axis, towards the neighbour of more similar depth."""
    if x.shape[axis] == 1:
        one, nought = torch.ones_like(x), torch.zeros_like(x)
        return (one, nought) if axis == 1 else (nought, one)
    step = nearness.diff(dim=axis).abs()
    edge = torch.full_like(nearness.narrow(axis, 0, 1), torch.inf)
    ahead = torch.cat((step, edge), axis) <= torch.cat((edge, step), axis)

    def slope(values: Tensor) -> Tensor:
        rise = values.diff(dim=axis)
        first, last = rise.narrow(axis, 0, 1), rise.narrow(axis, rise.shape[axis] - 1, 1)
        return torch.where(ahead, torch.cat((rise, last), axis), torch.cat((first, rise), axis))

    return slope(x), slope(y)
