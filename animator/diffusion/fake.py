"""An engine without networks, for trying a scene: an exactly solvable denoiser, a fixed perceptor.

The denoiser's pictures are normal: soft clouds, mostly grey.
The perceptor sees colours and where they are. It knows some words by their colour; any other word has a
faint, blotchy pattern of its own, so that different prompts never look the same.
"""

from __future__ import annotations

import math
import re

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.engine import GuidedDiffusion, Networks
from animator.diffusion.losses import pyramid_distance
from animator.diffusion.noise_schedule import BASE_STEPS, linear_alpha_bar
from animator.diffusion.targets import OpenImage
from animator.settings.base import STILL
from animator.settings.diffusion import DiffusionOptions
from animator.settings.guidance import GuidanceOptions
from animator.system import rng

SPREAD = 0.5
"""Standard deviation of the values of the denoiser's pictures, in [-1, 1]; their mean is 0."""

GREYNESS = 0.96
"""Share of the variance that is in the grey of the pictures, the rest is in their colours."""

LARGEST_SHAPES = 1.5
"""How many of the largest shapes fit along a picture's shorter side."""

AXES = (
    (1 / math.sqrt(3), 1 / math.sqrt(3), 1 / math.sqrt(3)),
    (1 / math.sqrt(2), 0.0, -1 / math.sqrt(2)),
    (1 / math.sqrt(6), -2 / math.sqrt(6), 1 / math.sqrt(6)),
)
"""Orthonormal axes of colour: grey, red against blue, green against both."""

GRID = 4
"""Squares, along a side, of which the perceptor sees the mean colour."""

DETAIL = 0.12
"""Size of the pattern of a word that names no colour, in [0, 1]'s units."""

STEADY = 0.5
"""The part of every embedding that is the same; the smaller, the more small differences of colour count."""

BRIGHTNESS = 0.15
"""Weight of brightness beside colour; small, so that light and shade, in which motion is seen, are not
pulled flat."""

COLOURS = {
    "black": (0.05, 0.05, 0.05),
    "white": (0.95, 0.95, 0.95),
    "grey": (0.5, 0.5, 0.5),
    "dark": (0.15, 0.15, 0.18),
    "bright": (0.85, 0.85, 0.8),
    "red": (0.85, 0.12, 0.1),
    "orange": (0.95, 0.5, 0.1),
    "yellow": (0.95, 0.85, 0.15),
    "green": (0.15, 0.6, 0.2),
    "turquoise": (0.15, 0.75, 0.7),
    "blue": (0.12, 0.25, 0.85),
    "purple": (0.5, 0.15, 0.65),
    "pink": (0.95, 0.55, 0.7),
    "brown": (0.45, 0.28, 0.12),
}
"""The colours that have a name, sRGB in [0, 1]."""

MEANINGS = {
    "gray": "grey",
    "violet": "purple",
    "magenta": "pink",
    "cyan": "turquoise",
    "golden": "yellow",
    "gold": "yellow",
    "night": "dark",
    "light": "bright",
    "snow": "white",
    "cloud": "white",
    "sunset": "orange",
    "fire": "orange",
    "warm": "orange",
    "desert": "yellow",
    "sea": "blue",
    "ocean": "blue",
    "sky": "blue",
    "water": "blue",
    "cold": "blue",
    "forest": "green",
    "grass": "green",
    "jungle": "green",
    "earth": "brown",
    "wood": "brown",
}
"""Other words that have the colour of one of these."""

SILENT = ("a", "an", "and", "as", "at", "by", "for", "from", "in", "into", "is", "it", "of", "on", "or",
          "over", "the", "through", "to", "under", "with")  # fmt: skip
"""Words that say nothing."""


def solvable_network(x: Tensor, t: Tensor) -> Tensor:
    """Return the noise in ``x``, exactly, where pictures are normal with the power of `power`; a `Network`.

    Along each axis of colour and for each wave of a picture, the estimate of the noise that errs least is
    ``sqrt(1 - alpha_bar) / (alpha_bar * power + 1 - alpha_bar)`` times the wave (Wiener's filter).

    Args:
        x: N x 3 x H x W, in [-1, 1] with noise.
        t: timesteps, shape (N,), all the same, 0 to 999 on the linear schedule; between them, interpolated.
    """
    alpha_bar = _alpha_bar(float(t[0]))
    axes = torch.tensor(AXES, dtype=x.dtype, device=x.device)
    waves = torch.fft.rfft2(torch.tensordot(axes, x, dims=([1], [1])), norm="ortho")
    height, width = x.shape[-2:]
    parts = power(height, width, x.device)[:, None]
    waves = waves * (math.sqrt(1 - alpha_bar) / (alpha_bar * parts + 1 - alpha_bar))
    eps = torch.fft.irfft2(waves, s=(height, width), norm="ortho")
    result: Tensor = torch.tensordot(eps, axes, dims=([0], [0])).movedim(-1, 1)
    return result


def power(height: int, width: int, device: torch.device | None = None) -> Tensor:
    """Return the variance of each wave of the pictures along each axis of colour, 3 x H x (W // 2 + 1).

    It falls with the fourth power of the frequency, faster than that of photographs, which falls with the
    square (Field 1987), so that shapes are smooth and their motion is seen. Waves are those of
    ``torch.fft.rfft2(..., norm="ortho")``; the mean over all H x W of them is the variance of a pixel.
    """
    shorter = min(height, width)
    down = torch.fft.fftfreq(height, device=device)[:, None] * shorter
    across = torch.fft.rfftfreq(width, device=device) * shorter
    shape = (1 + (down.square() + across.square()) / LARGEST_SHAPES**2) ** -2
    # Of the waves across, all but the first (and, of an even width, the last) stand for two.
    times = torch.full((width // 2 + 1,), 2.0, device=device)
    times[0] = 1
    if width % 2 == 0:
        times[-1] = 1
    mean = (shape * times).sum() / (height * width)
    shares = torch.tensor([GREYNESS, (1 - GREYNESS) / 2, (1 - GREYNESS) / 2], device=device)
    # Along orthonormal axes the variances of the three add up to three times that of a value.
    result: Tensor = 3 * SPREAD**2 * shares[:, None, None] * shape / mean
    return result


def _alpha_bar(t: float) -> float:
    """Return the level of a timestep, which may lie between two of the schedule."""
    return float(np.interp(t, np.arange(BASE_STEPS), linear_alpha_bar(BASE_STEPS)))


class FakePerceptor:
    """A `Perceptor` that compares colours; the same on every machine.

    An embedding holds the mean colours of `GRID` x `GRID` squares, as distances from grey, and a steady part.
    The squares fill the middle half: a cut of a whole picture has black bars, which are not to be brightened.

    Args:
        name: what it is called; words without a colour look different to perceptors of different names.
    """

    size = 32

    def __init__(self, name: str) -> None:
        self.name = name

    def encode_text(self, texts: list[str]) -> Tensor:
        """Return the embeddings of N texts, N x D, on the CPU."""
        return _embedded(torch.stack([self._picture(text) for text in texts]))

    def encode_images(self, batch: Tensor) -> Tensor:
        """Return the embeddings of N x 3 x 32 x 32 pictures in [0, 1], N x D, differentiable."""
        edge = self.size // 4
        return _embedded(F.avg_pool2d(batch[..., edge:-edge, edge:-edge], self.size // (2 * GRID)))

    def _picture(self, text: str) -> Tensor:
        """Return what a text looks like, 3 x GRID x GRID in about [0, 1]."""
        words = [word for word in re.findall(r"\w+", text.lower()) if word not in SILENT]
        colours = [colour for word in words if (colour := colour_of(word)) is not None]
        mean = torch.tensor(colours or [COLOURS["grey"]]).mean(dim=0)
        picture = mean[:, None, None].expand(3, GRID, GRID)
        others = [word for word in words if colour_of(word) is None]
        for word in others:
            noise = torch.randn(3, GRID, GRID, generator=rng.generator(0, 0, f"{self.name} reads {word}"))
            picture = picture + DETAIL / math.sqrt(len(others)) * noise
        return picture


def colour_of(word: str) -> tuple[float, float, float] | None:
    """Return the colour that a word names, in singular or plural, or None.

    >>> colour_of("clouds") == COLOURS["white"], colour_of("lighthouse")
    (True, None)
    """
    for form in (word, word.removesuffix("s")):
        name = MEANINGS.get(form, form)
        if name in COLOURS:
            return COLOURS[name]
    return None


def _embedded(squares: Tensor) -> Tensor:
    """Return embeddings, N x D, of the mean colours of squares, N x 3 x GRID x GRID."""
    axes = squares.new_tensor(AXES) * squares.new_tensor([BRIGHTNESS, 1, 1])[:, None]
    colours = torch.tensordot(squares - 0.5, axes, dims=([1], [1])).flatten(1) / GRID
    return torch.cat([colours, colours.new_full((len(colours), 1), STEADY)], dim=1)


def fake_engine(
    diffusion: DiffusionOptions,
    guidance: GuidanceOptions,
    device: torch.device | str = "cpu",
    *,
    open_image: OpenImage | None = None,
    keep_cuts: bool = False,
    mode: str = STILL,
) -> GuidedDiffusion:
    """Return an engine that takes every setting of a scene but the names of its networks.

    Arguments as in `animator.diffusion.load.load_engine`.
    """
    networks = Networks(
        denoiser=solvable_network,
        perceptors={name: FakePerceptor(name) for name in guidance.clip_models},
        perceptual=pyramid_distance,
        open_image=open_image,
    )
    # There is nothing that a shorter number format would speed up.
    exact = diffusion.model_copy(update={"precision": "float32"})
    return GuidedDiffusion(networks, exact, guidance, device, keep_cuts=keep_cuts, mode=mode)
