"""The cuts of Disco Diffusion 5, for ``guidance.compat: disco-5``; `animator.diffusion.cutouts` has ours.

They differ in four ways. One draw augments all cuts of a batch together, in a manner that depends on the
film's mode; one inner cut more is grey; around an inner cut there is black; and colours are varied one after
the other in a random order, cut off at black and white after each, hues along the hexagon of HSV.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.cutouts import (
    GREY,
    Cut,
    make_cuts,
    resample,
    resampling_matrix,
)
from animator.diffusion.squares import CutSettings, squares_of

NOISE = 0.01
"""Standard deviation of each of the noises between the augmentations."""


@dataclass(frozen=True)
class Augmentation:
    """How strongly the cuts of a batch are altered at most, all alike.

    Attributes:
        mirror: chance of being mirrored.
        degrees: largest turn.
        shift: largest shift, as a share of the side; whole pixels.
        nearest: whether turned cuts take the nearest pixel, not a bilinear mean.
        perspective: chance of being tilted.
        distortion: how far a corner moves when tilted, as a share of half the side.
        grey: chance of being grey.
        jitter: largest change of brightness, contrast and saturation, a share of 1; 0 leaves colours alone.
        hue: largest turn of the hue, as a share of the circle.
    """

    mirror: float = 0.5
    degrees: float = 10.0
    shift: float = 0.05
    nearest: bool = False
    perspective: float = 0.0
    distortion: float = 0.4
    grey: float = 0.1
    jitter: float = 0.1
    hue: float = 0.1


STILL = Augmentation()
MOVED = Augmentation(mirror=0.4, hue=0.3)
FOOTAGE = Augmentation(degrees=15.0, shift=0.1, nearest=True, perspective=0.7, grey=0.15, jitter=0.0)
AUGMENTATIONS: Mapping[str, Augmentation] = {"still": STILL, "2d": MOVED, "3d": MOVED, "video": FOOTAGE}
"""By the mode of a scene."""


def cut_for(compat: str, mode: str, *, order: Sequence[int] | None = None) -> Cut:
    """Return what makes cuts: ours, or Disco Diffusion's where it is to be repeated.

    Args:
        compat: the setting ``guidance.compat``.
        mode: of the scene.
        order: see `make_disco_cuts`.
    """
    if compat != "disco-5":
        return make_cuts
    return partial(make_disco_cuts, augmentation=AUGMENTATIONS[mode], order=order)


def make_disco_cuts(
    picture: Tensor,
    size: int,
    settings: CutSettings,
    generator: torch.Generator,
    *,
    augmentation: Augmentation = MOVED,
    order: Sequence[int] | None = None,
) -> Tensor:
    """Cut a batch of pictures for a perceptor as Disco Diffusion 5 does.

    Args:
        picture: N x 3 x H x W in [0, 1]; gradients flow back to it.
        size: side of the cuts in pixels.
        settings: how many cuts of which kind; of the inner ones ``int(icgray_p * innercut) + 1`` are grey.
        generator: a CPU generator, the only source of randomness; the numbers drawn do not depend on N.
        augmentation: how strongly they are altered.
        order: of brightness, contrast, saturation and hue, by the numbers 0 to 3; None draws it.

    Returns:
        (cuts * N) x 3 x size x size; all pictures of the first cut, then all of the second, and so on.

    Raises:
        ValueError: there is no cut to make.
    """
    count = settings.overview + settings.innercut
    if settings.overview < 0 or settings.innercut < 0 or count == 0:
        raise ValueError(f"cannot make {settings.overview} overview and {settings.innercut} inner cuts")
    cuts = _plain(picture, size, settings, generator)
    if settings.skip_augs:
        return cuts.flatten(0, 1)
    return _augmented(cuts, augmentation, generator, order).flatten(0, 1)


def _plain(picture: Tensor, size: int, settings: CutSettings, generator: torch.Generator) -> Tensor:
    """Return the cuts before they are augmented, K x N x 3 x size x size."""
    height, width = picture.shape[-2:]
    longest = max(height, width)
    reach = math.ceil(2 * max(longest / size, 1)) + longest - min(height, width)
    parts = []
    if settings.overview:
        whole = picture.new_full((1,), float(longest))
        top, left = (picture.new_full((1,), -float((longest - side) // 2)) for side in (height, width))
        down = resampling_matrix(top, whole, height, size, pad=reach)
        across = resampling_matrix(left, whole, width, size, pad=reach)
        one = resample(picture, down, across)
        if settings.overview <= 4:
            kinds = torch.cat([one, _grey(one), one.flip(-1), _grey(one.flip(-1))])
            parts.append(kinds[: settings.overview])
        else:
            parts.append(one.expand(settings.overview, -1, -1, -1, -1))
    if settings.innercut:
        squares = squares_of((height, width), size, replace(settings, even=False), generator)
        sides, tops, lefts = (values.to(picture) for values in squares)
        down = _span(tops, sides, height, size, reach)
        inner = resample(picture, down, _span(lefts, sides, width, size, reach))
        grey = int(settings.icgray_p * settings.innercut) + 1
        parts.append(torch.cat([_grey(inner[:grey]), inner[grey:]]))
    return torch.cat(parts)


def _span(start: Tensor, extent: Tensor, length: int, size: int, reach: int) -> Tensor:
    """Return `resampling_matrix` of spans with black around each of them."""
    matrix = resampling_matrix(start, extent, length, size, pad=reach)
    pixels = torch.arange(length, device=start.device)
    within = (pixels >= start[:, None]) & (pixels < (start + extent)[:, None])
    return matrix * within[:, None]


def _augmented(
    cuts: Tensor, how: Augmentation, generator: torch.Generator, order: Sequence[int] | None
) -> Tensor:
    """Alter all cuts alike, and add noise of their own in between."""

    def happens(chance: float) -> Tensor:
        return (torch.rand((), generator=generator) < chance).to(cuts.device)

    def noisy(values: Tensor) -> Tensor:
        noise = torch.randn((len(values), 1, *values.shape[2:]), generator=generator)
        return values + NOISE * noise.to(values)

    size = cuts.shape[-1]
    cuts = noisy(torch.where(happens(how.mirror), cuts.flip(-1), cuts))
    cuts = noisy(_sampled(cuts, _turn(size, how, generator), how.nearest))
    if how.perspective:
        tilted = _sampled(cuts, _tilt(size, how.distortion, generator), nearest=False)
        cuts = noisy(torch.where(happens(how.perspective), tilted, cuts))
    cuts = noisy(torch.where(happens(how.grey), _grey(cuts), cuts))
    if not how.jitter:
        return cuts
    draws = (torch.rand(4, generator=generator) * 2 - 1).to(cuts)
    bright, contrast, saturation = 1 + how.jitter * draws[:3]
    changes: tuple[Callable[[Tensor], Tensor], ...] = (
        lambda values: (values * bright).clamp(0, 1),
        lambda values: _blended(values, _grey(values).mean(dim=(-3, -2, -1), keepdim=True), contrast),
        lambda values: _blended(values, _grey(values), saturation),
        lambda values: _hue_turned(values, how.hue * draws[3]),
    )
    for number in torch.randperm(4, generator=generator).tolist() if order is None else order:
        cuts = changes[number](cuts)
    return cuts


def _grey(cuts: Tensor) -> Tensor:
    return (cuts * cuts.new_tensor(GREY).view(3, 1, 1)).sum(dim=-3, keepdim=True).expand_as(cuts)


def _blended(values: Tensor, other: Tensor, share: Tensor) -> Tensor:
    return (share * values + (1 - share) * other).clamp(0, 1)


def _turn(size: int, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Return where a random turn and shift reads from, size x size x 2, -1 and 1 the edges of the cut."""
    draws = torch.rand(3, generator=generator) * 2 - 1
    angle = draws[0] * math.radians(how.degrees)
    # The cut is 2 wide.
    x, y = (draws[1:] * how.shift * size).round() * 2 / size
    cos, sin = angle.cos(), angle.sin()
    rows = torch.stack([cos, sin, -cos * x - sin * y, -sin, cos, sin * x - cos * y])
    return F.affine_grid(rows.view(1, 2, 3), [1, 1, size, size], align_corners=False)[0]


def _tilt(size: int, distortion: float, generator: torch.Generator) -> Tensor:
    """Return where a random tilt reads from, see `_turn`: the corners come from the old corners."""
    last = size - 1
    corners = torch.tensor([[0, 0], [last, 0], [last, last], [0, last]], dtype=torch.float64)
    inwards = (torch.rand(4, 2, generator=generator) * (int(distortion * (size // 2)) + 1)).floor()
    new = corners + torch.tensor([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * inwards
    # x = (a X + b Y + c) / (g X + h Y + 1), and y alike with d, e, f: eight equations for four corners.
    ones, zeros = new.new_ones(4, 1), new.new_zeros(4, 3)
    place = torch.cat([new, ones], dim=1)
    across = torch.cat([place, zeros, -corners[:, :1] * new], dim=1)
    down = torch.cat([zeros, place, -corners[:, 1:] * new], dim=1)
    solved = torch.linalg.solve(torch.cat([across, down]), torch.cat([corners[:, 0], corners[:, 1]]))
    middles = torch.arange(size, dtype=torch.float64) + 0.5
    grid = torch.stack([middles.expand(size, size), middles[:, None].expand(size, size)], dim=-1)
    below = (grid * solved[6:]).sum(dim=-1) + 1
    read = [((grid * row[:2]).sum(dim=-1) + row[2]) / below for row in (solved[:3], solved[3:6])]
    return (torch.stack(read, dim=-1) * 2 / size - 1).float()


def _sampled(cuts: Tensor, grid: Tensor, nearest: bool) -> Tensor:
    """Read every cut at one grid; black comes in from outside, faded in over the outermost pixel."""
    flat = cuts.flatten(0, 1)
    grid = grid.to(cuts).expand(len(flat), -1, -1, -1)
    mode = "nearest" if nearest else "bilinear"
    read = F.grid_sample(flat, grid, mode=mode, padding_mode="zeros", align_corners=False)
    if not nearest:
        inside = flat.new_ones(1, 1, *flat.shape[-2:])
        read = read * F.grid_sample(inside, grid[:1], mode=mode, padding_mode="zeros", align_corners=False)
    return read.view_as(cuts)


def _hue_turned(cuts: Tensor, turn: Tensor) -> Tensor:
    """Turn the hue of HSV by a share of the circle (Smith 1978, Color Gamut Transform Pairs).

    Value and chroma stay; the two lesser channels are cut off at black and white.
    """
    red, green, blue = cuts.unbind(dim=-3)
    value, least = cuts.amax(dim=-3), cuts.amin(dim=-3)
    chroma = value - least
    safe = torch.where(chroma == 0, 1.0, chroma)
    sixths = torch.where(
        value == red,
        (green - blue) / safe,
        torch.where(value == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    channels = []
    for place in (5, 3, 1):
        k = torch.remainder(place + sixths + 6 * turn, 6)
        less = torch.minimum(k, 4 - k).clamp(0, 1)
        channel = value - chroma * less
        channels.append(torch.where(less > 0, channel.clamp(0, 1), channel))
    return torch.stack(channels, dim=-3)
