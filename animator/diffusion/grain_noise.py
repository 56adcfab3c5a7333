"""The noise of requests: drawn from a generator, or what the grains of a picture give where they are.

Grains lie between the pixels. A grain's number ``z`` is spread over the four pixels around it, with the
weights ``K`` of bilinear interpolation: what comes of it moves as smoothly as the grains do, but is blurred
and correlated, ``cov(K z) = K K^T``. It is made white again by what changes it least, the inverse root of its
covariance (ZCA whitening), after a little of a second number ``w`` of each pixel's own grain was added, so
that there is something to whiten where the spreading left nothing::

    noise = (K K^T + e I)^(-1/2) (K z + sqrt(e) w),    cov(noise) = I

wherever the grains lie, to the accuracy of the root, which is a series of Chebyshev polynomials.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from animator.system.hashed import normal
from animator.types import GrainNoise, Request

OWN = 0.04
"""Variance of the second number, ``e``: less moves more smoothly, and takes a longer series to be white."""

DEGREE = 20
"""Of the series; the noise is then white to about one part in a thousand."""

Draw = Callable[[str, torch.Generator], Tensor]
"""Takes what noise is for, and what to draw from without grains; returns 1 x 3 x H x W of unit variance."""


def draws_of_noise(
    requests: Sequence[Request], device: torch.device, size: tuple[int, int] | None = None
) -> list[Draw]:
    """Return what gives each request its noise, on ``device``; ``size`` as in `white_noise`."""
    # Float64 and sparse matrices are wanted, which a GPU of Apple's has not.
    place = torch.device("cpu") if device.type == "mps" else device
    return [
        _drawn(one.height, one.width, size) if one.noise is None else _Grains.of(one.noise, place).noise
        for one in requests
    ]


def noise_source(
    requests: Sequence[Request], device: torch.device, size: tuple[int, int] | None = None
) -> Callable[[str, Sequence[torch.Generator]], Tensor]:
    """Return what gives the noise of all requests on a device, N x 3 x H x W, by its name.

    Args:
        requests: what is painted.
        device: where the noise is wanted.
        size: width and height of the picture whose noise that is, see `white_noise`; None: their own.
    """
    give = draws_of_noise(requests, device, size)

    def noise_of(name: str, generators: Sequence[torch.Generator]) -> Tensor:
        parts = [one(name, generator) for one, generator in zip(give, generators, strict=True)]
        return torch.cat([part.to(device, non_blocking=True) for part in parts])

    return noise_of


def _drawn(height: int, width: int, size: tuple[int, int] | None) -> Draw:
    def draw(name: str, generator: torch.Generator) -> Tensor:
        return white_noise(height, width, generator, size)

    return draw


def white_noise(
    height: int, width: int, generator: torch.Generator, size: tuple[int, int] | None = None
) -> Tensor:
    """Return noise of unit variance, 1 x 3 x height x width.

    Args:
        height: pixels.
        width: pixels.
        generator: source of the numbers.
        size: width and height of a larger picture, whose noise is drawn and averaged down: a smaller picture
            then begins as the large one does, seen from afar. One that is not larger, as where a picture is
            painted again beyond it, is passed over.
    """
    if size is None or size == (width, height) or size[0] < width or size[1] < height:
        return torch.randn((1, 3, height, width), generator=generator)
    large = torch.randn((3, size[1], size[0]), generator=generator)
    down, across = (_averaging(length, wanted) for length, wanted in ((size[1], height), (size[0], width)))
    return (down @ large @ across.T)[None]


def _averaging(length: int, wanted: int) -> Tensor:
    """Return what averages a line of noise down to fewer pixels of the same variance, wanted x length."""
    step = length / wanted
    edges, pixels = torch.arange(wanted + 1) * step, torch.arange(length)
    shares = (edges[1:, None].minimum(pixels + 1) - edges[:-1, None].maximum(pixels)).clamp(min=0)
    result: Tensor = shares / shares.norm(dim=1, keepdim=True)
    return result


@dataclass(frozen=True, eq=False)
class _Grains:
    """Grains and how they are spread.

    Attributes:
        identities: H x W.
        spread: ``K``, a sparse matrix from grains to pixels, H W x H W.
        back: its transpose.
        most: a bound of the eigenvalues of ``K K^T``.
    """

    identities: Tensor
    spread: Tensor
    back: Tensor
    most: float

    @classmethod
    def of(cls, noise: GrainNoise, device: torch.device) -> _Grains:
        # Made on the processor: there it does not matter in which order a sparse matrix is put together.
        spread, back = (matrix.to(device) for matrix in spread_of(noise.places.cpu()))
        # Columns sum up to 1 at most, so that no eigenvalue is larger than the largest sum of a row.
        most = float((spread @ torch.ones(spread.shape[1], 1, device=device)).max())
        return cls(noise.identities.to(device), spread, back, max(most, 1e-3))

    def noise(self, name: str, generator: torch.Generator) -> Tensor:
        """Return 1 x 3 x H x W of noise by its name; the generator is not asked."""
        shape = self.identities.shape
        numbers = normal(self.identities, name, 6).flatten(1).T.contiguous()
        mixed = self.spread @ numbers[:, :3] + math.sqrt(OWN) * numbers[:, 3:]
        return self._whitened(mixed).T.reshape(1, 3, *shape)

    def _whitened(self, mixed: Tensor) -> Tensor:
        """Return the inverse root of ``K K^T + e I`` times columns of numbers."""
        first, *others = chebyshev(lambda value: (value + OWN) ** -0.5, self.most, DEGREE)

        def scaled(values: Tensor) -> Tensor:
            return (self.spread @ (self.back @ values)) * (2 / self.most) - values

        before, here = mixed, scaled(mixed)
        result = first * mixed + others[0] * here
        for factor in others[1:]:
            before, here = here, 2 * scaled(here) - before
            result = result + factor * here
        return result


def spread_of(places: Tensor) -> tuple[Tensor, Tensor]:
    """Return the sparse matrix that spreads grains over pixels, and its transpose.

    Args:
        places: of the grains, 2 x H x W in pixels from the centres of those that show them, (x, y).
    """
    _, height, width = places.shape
    count = height * width
    rows = torch.arange(height, device=places.device)[:, None]
    columns = torch.arange(width, device=places.device)
    x, y = columns + places[0], rows + places[1]
    left, top = x.floor(), y.floor()
    grains = torch.arange(count, device=places.device).view(height, width)
    pixels, sources, weights = [], [], []
    for right, across in ((0, left + 1 - x), (1, x - left)):
        for down, along in ((0, top + 1 - y), (1, y - top)):
            column, row, weight = left.long() + right, top.long() + down, across * along
            there = (column >= 0) & (column < width) & (row >= 0) & (row < height) & (weight > 0)
            pixels.append((row * width + column)[there])
            sources.append(grains[there])
            weights.append(weight[there])
    pixel, source, weight = torch.cat(pixels), torch.cat(sources), torch.cat(weights)
    return _sparse(pixel, source, weight, count), _sparse(source, pixel, weight, count)


def _sparse(rows: Tensor, columns: Tensor, values: Tensor, count: int) -> Tensor:
    """Return a sparse matrix, count x count, by rows: its products do not depend on the order of work."""
    with warnings.catch_warnings():
        # Both are of things that hold here: the form is young, and is not checked again.
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support|Sparse invariant checks")
        indices = torch.stack((rows, columns))
        whole = torch.sparse_coo_tensor(indices, values, (count, count), check_invariants=False)
        return whole.coalesce().to_sparse_csr()


def chebyshev(function: Callable[[np.ndarray], np.ndarray], most: float, degree: int) -> list[float]:
    """Return the factors of the Chebyshev polynomials that come to a function from 0 to ``most``."""
    count = 8 * degree
    angles = (np.arange(count) + 0.5) * (np.pi / count)
    values = function((np.cos(angles) + 1) * (most / 2))
    factors = [2 / count * float(values @ np.cos(order * angles)) for order in range(degree + 1)]
    return [factors[0] / 2, *factors[1:]]
