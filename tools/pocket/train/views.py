"""What a perceptor is shown in training: views of pictures, spoilt as guidance spoils them.

Guidance shows crops of half-finished pictures, so there are crops that are blurred, noisy, blotched, grey,
tilted and recoloured, and estimates of half-denoised pictures where these have been made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

SHIFT = 0.06
"""How far a tilted view is moved at most, as a share of half the picture."""


@dataclass(frozen=True)
class Views:
    """How pictures are turned into views.

    Attributes:
        size: side of a view in pixels.
        whole: share of views of the whole picture between black bars.
        tall: share of the others that are as high as the picture.
        smallest: side of the smallest part that is cut out, as a share of the picture's height.
        blur: share of views that are blurred.
        tilt: greatest turn in degrees.
        fine: greatest standard deviation of pixel noise.
        coarse: greatest standard deviation of coarse blotches.
        grey: share of views without colour.
    """

    size: int
    whole: float = 0.4
    tall: float = 0.6
    smallest: float = 0.6
    blur: float = 0.3
    tilt: float = 12.0
    fine: float = 0.5
    coarse: float = 0.18
    grey: float = 0.06


def uniform(count: int, low: float, high: float, dice: torch.Generator) -> Tensor:
    """Return one number a picture between two bounds, N x 1 x 1 x 1."""
    return low + (high - low) * torch.rand((count, 1, 1, 1), generator=dice, device=dice.device)


def some(count: int, share: float, dice: torch.Generator) -> Tensor:
    """Return for each picture whether it belongs to such a share of all, N x 1 x 1 x 1."""
    return torch.rand((count, 1, 1, 1), generator=dice, device=dice.device) < share


def blurred(batch: Tensor, sigma: Tensor) -> Tensor:
    """Blur each picture by its own Gaussian, whose weights beyond the borders go to the pixels within.

    Args:
        batch: N x C x H x W.
        sigma: standard deviations in pixels, N x 1 x 1 x 1.
    """

    def weights(side: int) -> Tensor:
        place = torch.arange(side, device=batch.device, dtype=batch.dtype)
        apart = (place[:, None] - place[None]) / sigma.clamp(min=0.05)
        bell = torch.exp(-0.5 * apart.square())
        return bell / bell.sum(dim=-1, keepdim=True)

    return weights(batch.shape[2]) @ batch @ weights(batch.shape[3]).transpose(-1, -2)


def placed(x: Tensor, y: Tensor, half: tuple[Tensor, Tensor], turn: Tensor) -> Tensor:
    """Return what `torch.nn.functional.affine_grid` needs to look at a part of each picture.

    Args:
        x: where the part's middle is, from -1 (left) to 1; N x 1 x 1 x 1 like all others.
        y: the same, from top to bottom.
        half: its width and height as shares of the picture's; a negative width mirrors it.
        turn: radians by which it is turned.
    """
    wide, high = half
    rows = [
        torch.cat([wide * turn.cos(), -wide * turn.sin(), x], dim=3),
        torch.cat([high * turn.sin(), high * turn.cos(), y], dim=3),
    ]
    return torch.cat(rows, dim=2)[:, 0]


def cut(images: Tensor, views: Views, dice: torch.Generator) -> Tensor:
    """Return a square view of each picture: the whole of it between black bars, or a part.

    Args:
        images: N x 3 x H x W in [0, 1], wider than high.
        views: how.
        dice: chance, on the pictures' device.

    Returns:
        N x 3 x size x size in [0, 1].
    """
    count, _, height, width = images.shape
    whole = some(count, views.whole, dice)
    tall = some(count, views.tall, dice)
    part = torch.where(tall, 1.0, uniform(count, views.smallest, 1, dice))
    # Sides of the view in heights of the picture, and how far its middle may be from the picture's.
    side = torch.where(whole, width / height, part)
    free = torch.where(whole, 0.0, 1.0)
    x = uniform(count, -1, 1, dice) * (1 - side * height / width) * free
    y = uniform(count, -1, 1, dice) * (1 - side) * free
    tilted = some(count, 0.3, dice)
    angle = math.radians(views.tilt)
    turn = torch.where(tilted, uniform(count, -angle, angle, dice), 0.0)
    x = x + torch.where(tilted, uniform(count, -SHIFT, SHIFT, dice), 0.0)
    y = y + torch.where(tilted, uniform(count, -SHIFT, SHIFT, dice), 0.0)
    mirror = torch.where(some(count, 0.5, dice), -1.0, 1.0)
    where = placed(x, y, (mirror * side * height / width, side), turn)
    # Seen at twice the size, and pairs averaged, or thin things would fall between the pixels.
    grid = F.affine_grid(where, [count, 3, 2 * views.size, 2 * views.size], align_corners=False)
    view = F.avg_pool2d(F.grid_sample(images, grid, align_corners=False), 2)
    sigma = torch.exp(uniform(count, -0.7, 1.5, dice))
    return blurred(view, torch.where(some(count, views.blur, dice), sigma, 0.0))


def spoil(batch: Tensor, views: Views, dice: torch.Generator) -> Tensor:
    """Recolour, grey and add noise and blotches to a batch in [0, 1], each view by its own measure."""
    count, device = len(batch), batch.device
    grey = batch.mean(dim=1, keepdim=True)
    saturation = torch.where(some(count, views.grey, dice), 0.0, uniform(count, 0.75, 1.35, dice))
    batch = grey + (batch - grey) * saturation
    batch = (batch - 0.45) * uniform(count, 0.75, 1.25, dice) + 0.45 + uniform(count, -0.07, 0.07, dice)
    fine = torch.randn(batch.shape, generator=dice, device=device) * views.fine
    fine = fine * uniform(count, 0, 1, dice) ** 2 * some(count, 0.5, dice)
    coarse = torch.randn((count, 3, 8, 8), generator=dice, device=device)
    coarse = F.interpolate(coarse, size=views.size, mode="bicubic")
    return batch + fine + coarse * some(count, 0.35, dice) * uniform(count, 0, views.coarse, dice)


def make_views(images: Tensor, views: Views, dice: torch.Generator) -> Tensor:
    """Return spoilt views of pictures, N x 3 x H x W in [0, 1]: N x 3 x size x size around [0, 1]."""
    return spoil(cut(images, views, dice), views, dice)
