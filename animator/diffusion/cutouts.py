"""What a perceptor looks at: cuts of the picture, after Disco Diffusion's, all of a batch made together.

Cropping, mirroring and resizing with antialiasing are one pair of matrices a cut, so that a batch of cuts
is two matrix products, forwards and backwards, on any device; the augmentations are one sampling and one
colour matrix a cut. Pictures are N x 3 x H x W in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.spread import uniform
from animator.diffusion.squares import CutSettings, inner_squares, squares_of

__all__ = ["GREY", "Cut", "CutSettings", "inner_squares", "make_cuts", "resample", "resampling_matrix"]

GREY = (0.2989, 0.587, 0.114)
"""Luminance of red, green and blue (ITU-R BT.601)."""

MAX_DEGREES = 10.0
MAX_SHIFT = 0.05
GREY_CHANCE = 0.1
MAX_JITTER = 0.1
MAX_HUE_TURN = 0.1 * 2 * math.pi
NOISE = 0.01 * math.sqrt(3)
"""The augmentations of Disco Diffusion: degrees, share of the side, chance, share of 1, radians; its three
noises of 0.01, one after the other, are one of this standard deviation."""


Cut = Callable[[Tensor, int, CutSettings, torch.Generator], Tensor]
"""Makes cuts as `make_cuts` does."""


def make_cuts(picture: Tensor, size: int, settings: CutSettings, generator: torch.Generator) -> Tensor:
    """Cut a batch of pictures for a perceptor.

    An overview cut shows the whole picture, padded with black to a square. Up to four of them are, in this
    order, plain, grey, mirrored, grey and mirrored; more than four are all plain. An inner cut shows a square
    at a uniformly random place, whose side is ``u**ic_pow`` of the way from ``size`` to the picture's shorter
    side, u uniform in [0, 1); the first ``round(icgray_p * innercut)`` are grey. All are resized with a cubic
    kernel (Keys 1981, a = -1/2) that is widened where it shrinks, so nothing aliases. Then, unless
    ``skip_augs``, each cut is augmented on its own: mirrored (1 in 2), turned by up to 10 degrees, shifted by
    up to 5 %, made grey (1 in 10), varied in brightness, contrast and saturation by up to 10 % and in hue by
    up to 36 degrees, and given noise of 0.017.

    Args:
        picture: N x 3 x H x W in [0, 1]; gradients flow back to it.
        size: side of the cuts in pixels.
        settings: how many cuts of which kind.
        generator: a CPU generator, the only source of randomness; the numbers drawn do not depend on N.

    Returns:
        (cuts * N) x 3 x size x size; all pictures of the first cut, then all of the second, and so on. Not
        clamped: cubic kernels, noise and colours beyond the range may leave [0, 1].

    Raises:
        ValueError: there is no cut to make.

    """
    count = settings.overview + settings.innercut
    if settings.overview < 0 or settings.innercut < 0 or count == 0:
        raise ValueError(f"cannot make {settings.overview} overview and {settings.innercut} inner cuts")
    mirrored = torch.zeros(count, dtype=torch.bool)
    grey = torch.zeros(count, dtype=torch.bool)
    if settings.overview <= 4:
        grey[1 : settings.overview : 2] = True
        mirrored[2 : settings.overview] = True
    grey[settings.overview :][: math.floor(settings.icgray_p * settings.innercut + 0.5)] = True

    cuts = resample(picture, *_matrices(picture, size, settings, generator))
    # However many overview cuts there are, they show the same: one is resampled, the first.
    cuts = torch.cat([cuts[:1].expand(settings.overview, -1, -1, -1, -1), cuts[min(settings.overview, 1) :]])
    cuts = cuts.flatten(0, 1)
    if settings.skip_augs:
        return _recolour(_mirror(cuts, mirrored), _desaturation(grey))
    mirrored ^= uniform(1, settings.kinds, generator, even=settings.even)[0] < 0.5
    return _jitter(_turn_and_shift(cuts, mirrored, settings, generator), grey, settings, generator)


def resampling_matrix(
    start: Tensor, extent: Tensor, length: int, size: int, *, pad: int | None = None
) -> Tensor:
    """Return the matrices that cut spans out of a line of pixels and resize them, with antialiasing.

    Row j is a cubic kernel (Keys 1981, eq. 4 with a = -1/2), centred where pixel j of the result lies in the
    source and ``max(1, extent / size)`` times as wide, so that it averages what it shrinks.

    Args:
        start: first pixel of each span, shape (K,).
        extent: pixels of each span, shape (K,).
        length: pixels of the line.
        size: pixels of the result.
        pad: None keeps to the span, as if it had been cropped first. A number lets the spans reach that far
            beyond the line, where there is black, and see whatever lies beside them.

    Returns:
        Shape (K, size, length), on the device of ``start``.
    """
    margin = 0 if pad is None else pad
    pixels = torch.arange(-margin, length + margin, device=start.device, dtype=torch.float32)
    step = (extent / size)[:, None, None]
    centres = start[:, None, None] + (torch.arange(size, device=start.device)[:, None] + 0.5) * step - 0.5
    weights = _cubic((pixels - centres) / step.clamp(min=1))
    if pad is None:
        first = start[:, None, None]
        weights = weights * ((pixels >= first) & (pixels < first + extent[:, None, None]))
    weights = weights / weights.sum(dim=-1, keepdim=True)
    return weights[..., margin : margin + length]


def _matrices(
    picture: Tensor, size: int, settings: CutSettings, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return what resamples rows and columns, K x size x H and K x size x W; one overview, all inner cuts."""
    height, width = picture.shape[-2:]
    longest = max(height, width)
    squares = squares_of((height, width), size, settings, generator)
    sides, tops, lefts = (_like(values, picture) for values in squares)
    down, across = resampling_matrix(tops, sides, height, size), resampling_matrix(lefts, sides, width, size)
    if not settings.overview:
        return down, across
    # Far enough for the kernel, two of its units wide, at the outermost pixel of the padded square.
    reach = math.ceil(2 * max(longest / size, 1)) + longest - min(height, width)
    whole = picture.new_full((1,), float(longest))
    top, left = (picture.new_full((1,), -float((longest - side) // 2)) for side in (height, width))
    return (
        torch.cat([resampling_matrix(top, whole, height, size, pad=reach), down]),
        torch.cat([resampling_matrix(left, whole, width, size, pad=reach), across]),
    )


def _cubic(x: Tensor) -> Tensor:
    x = x.abs()
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return torch.where(x < 1, near, torch.where(x < 2, far, 0))


def resample(picture: Tensor, down: Tensor, across: Tensor) -> Tensor:
    """Return K x N x 3 x size x size: ``down @ picture @ across.T`` for every cut and picture.

    Args:
        picture: N x 3 x H x W.
        down: for each cut, what resamples columns of pixels, K x size x H, see `resampling_matrix`.
        across: the same of rows, K x size x W.
    """
    count, size, _ = down.shape
    number, channels, height, width = picture.shape
    lines = picture.reshape(-1, width) @ across.reshape(-1, width).T
    lines = lines.view(number * channels, height, count, size).permute(2, 1, 0, 3).reshape(count, height, -1)
    return torch.bmm(down, lines).view(count, size, number, channels, size).permute(0, 2, 3, 1, 4)


def _mirror(cuts: Tensor, mirrored: Tensor) -> Tensor:
    chosen = _like(mirrored, cuts).repeat_interleave(len(cuts) // len(mirrored))
    return torch.where(chosen[:, None, None, None], cuts.flip(-1), cuts)


def _turn_and_shift(
    cuts: Tensor, mirrored: Tensor, settings: CutSettings, generator: torch.Generator
) -> Tensor:
    """Mirror the cuts that are chosen, turn and shift each at random; black comes in at the borders."""
    count = len(mirrored)
    draws = uniform(3, settings.kinds, generator, even=settings.even) * 2 - 1
    angle = draws[0] * math.radians(MAX_DEGREES)
    # A picture is 2 units wide in the coordinates of the sampling grid.
    shift_x, shift_y = draws[1] * 2 * MAX_SHIFT, draws[2] * 2 * MAX_SHIFT
    side = 1 - 2 * mirrored.float()
    rows = [side * angle.cos(), -side * angle.sin(), side * shift_x, angle.sin(), angle.cos(), shift_y]
    affine = _like(torch.stack(rows, dim=1).view(count, 2, 3), cuts).repeat_interleave(
        len(cuts) // count, dim=0
    )
    grid = F.affine_grid(affine, list(cuts.shape), align_corners=False)
    return F.grid_sample(cuts, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _jitter(cuts: Tensor, grey: Tensor, settings: CutSettings, generator: torch.Generator) -> Tensor:
    """Vary the colours of every cut and add noise."""
    count = len(grey)
    drawn = uniform(4, settings.kinds, generator, even=settings.even) * 2 - 1
    brightness, contrast, saturation, hue = drawn
    brightness, contrast, saturation = (1 + MAX_JITTER * draw for draw in (brightness, contrast, saturation))
    grey = grey | (uniform(1, settings.kinds, generator, even=settings.even)[0] < GREY_CHANCE)
    to_grey = torch.tensor(GREY).expand(3, 3)
    colours = to_grey + saturation[:, None, None] * (_hue_turn(hue * MAX_HUE_TURN) - to_grey)
    colours = colours @ _desaturation(grey) * (brightness * contrast)[:, None, None]
    cuts = _recolour(cuts, colours)
    # Contrast turns about the mean luminance of the cut: c * x + (1 - c) * mean.
    repeats = len(cuts) // count
    luminance = cuts.mean(dim=(2, 3)) @ cuts.new_tensor(GREY)
    lift = _like((1 - contrast) / contrast, cuts).repeat_interleave(repeats) * luminance
    return cuts + lift[:, None, None, None] + _noise(cuts, generator, count).repeat_interleave(repeats, dim=0)


def _noise(cuts: Tensor, generator: torch.Generator, count: int) -> Tensor:
    """Return a field of noise a cut, K x 3 x size x size: one draw, each cut shifting it round differently.

    Fresh numbers for each would cost the CPU more time than a GPU needs for all the rest.
    """
    size = cuts.shape[-1]
    field = _like(torch.randn(3, size, size, generator=generator) * NOISE, cuts)
    shifts = _like(torch.randint(size, (2, count, 1), generator=generator), cuts, torch.long)
    places = (torch.arange(size, device=cuts.device) + shifts) % size
    return field[:, places[0][:, :, None], places[1][:, None, :]].transpose(0, 1)


def _desaturation(grey: Tensor) -> Tensor:
    return torch.where(grey[:, None, None], torch.tensor(GREY).expand(3, 3), torch.eye(3))


def _hue_turn(radians: Tensor) -> Tensor:
    """Return colour matrices, K x 3 x 3, that turn colours about the grey axis and keep their luminance."""
    luminance = (torch.tensor(GREY) / sum(GREY)).expand(3, 3)
    chroma = torch.eye(3) - luminance
    # Rodrigues' formula about (1, 1, 1) / sqrt(3), with the luminance that it changes put back.
    axis = torch.full((3,), 3**-0.5)
    cross = torch.linalg.cross(axis.expand(3, 3), torch.eye(3), dim=1).T
    cos, sin = radians.cos()[:, None, None], radians.sin()[:, None, None]
    turned = cos * torch.eye(3) + sin * cross + (1 - cos) * torch.outer(axis, axis)
    result: Tensor = luminance + chroma @ turned @ chroma
    return result


def _recolour(cuts: Tensor, matrices: Tensor) -> Tensor:
    """Apply one 3 x 3 colour matrix to each cut."""
    matrices = _like(matrices, cuts).repeat_interleave(len(cuts) // len(matrices), dim=0)
    return torch.bmm(matrices, cuts.flatten(2)).view_as(cuts)


def _like(values: Tensor, other: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Bring drawn numbers to where ``other`` is without waiting for it."""
    kept = values.dtype if values.dtype == torch.bool else other.dtype
    return values.to(device=other.device, dtype=dtype or kept, non_blocking=True)
