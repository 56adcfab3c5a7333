"""How well the depth network tells distances, in drawn pictures and in such as a diffusion leaves."""

from __future__ import annotations

import torch
from torch import Tensor

from animator.depth.pocket import FARTHEST, NEAREST
from animator.diffusion.noise_schedule import full_schedule
from tools.pocket.figures.figure import Figure
from tools.pocket.figures.held_out import Drawn
from tools.pocket.figures.networks import Networks
from tools.pocket.figures.retrieval import AT_ONCE
from tools.pocket.train.diffused import diffused

SHARE = 0.4
"""Share of the diffusion that is run over a drawn picture: as over the frames of a film (skip 60 %)."""

STEPS = 25


def relative_error(guess: Tensor, truth: Tensor, *, inverse: bool = True) -> float:
    """Return the mean of |found - truth| / truth over one picture, whatever the scale and shift of the guess.

    ``found`` is the guess after the scale and shift that are best in least squares: of inverse distances, as
    depth networks are usually compared (Ranftl et al. 2020, MiDaS, eq. 4), or of distances, where the far
    decides. The fitted inverse is held to the range of the truth's world, 1 / `FARTHEST` to 1 / `NEAREST`.

    Args:
        guess: distances, H x W.
        truth: true distances, H x W.
        inverse: whether inverse distances are fitted.

    >>> truth = torch.tensor([[1.0, 2.0, 4.0]])
    >>> round(relative_error(1 / (0.3 / truth + 0.1), truth), 6)
    0.0
    >>> round(relative_error(3 * truth + 2, truth, inverse=False), 6)
    0.0
    """
    x, y = guess.flatten().double(), truth.flatten().double()
    if inverse:
        found = 1 / _fitted(1 / x, 1 / y).clamp(1 / FARTHEST, 1 / NEAREST)
    else:
        found = _fitted(x, y)
    return float(((found - y).abs() / y).mean())


def _fitted(x: Tensor, y: Tensor) -> Tensor:
    """Return ``a * x + b``, nearest to ``y`` in least squares."""
    design = torch.stack([x, torch.ones_like(x)], dim=1)
    fit = torch.linalg.lstsq(design, y[:, None]).solution[:, 0]
    result: Tensor = fit[0] * x + fit[1]
    return result


def as_frames(networks: Networks, pictures: Tensor, share: float = SHARE, steps: int = STEPS) -> Tensor:
    """Noise pictures and denoise them again, unguided: what a frame of a film looks like to the network.

    Args:
        networks: the diffusion network.
        pictures: N x 3 x H x W in [0, 1].
        share: of the diffusion that is run, 0 to 1.
        steps: of the whole diffusion.

    Returns:
        N x 3 x H x W in [0, 1], on the CPU.
    """
    schedule = full_schedule(steps)
    denoise = networks.unet_denoiser(schedule)
    generator = torch.Generator().manual_seed(steps)
    done = []
    for some in pictures.split(AT_ONCE):

        def noise(shape: torch.Size = some.shape) -> Tensor:
            return torch.randn(shape, generator=generator).to(networks.device)

        done.append(diffused(denoise, schedule, some.to(networks.device), share, noise).cpu())
    return torch.cat(done)


def told(networks: Networks, pictures: Tensor) -> list[Tensor]:
    """Return what the depth network tells of each picture, distances on the CPU."""
    return [networks.depth(one.to(networks.device)).cpu() for one in pictures]


def depth(networks: Networks, held_out: Drawn, diffused_count: int) -> dict[str, Figure]:
    """Return the figures of the depth network.

    Args:
        networks: the depth and the diffusion network.
        held_out: pictures with their true distances.
        diffused_count: of how many of them diffused versions are looked at.
    """
    pairs = list(zip(told(networks, held_out.pictures), held_out.depths, strict=True))
    some = held_out.part(diffused_count)
    blurred = zip(told(networks, as_frames(networks, some.pictures)), some.depths, strict=True)
    best = "depth, relative error after the best scale and shift"
    return {
        best: Figure.of([relative_error(*pair) for pair in pairs]),
        f"{best} of distances": Figure.of([relative_error(*pair, inverse=False) for pair in pairs]),
        "depth, relative error as it is": Figure.of(
            [float(((guess - true).abs() / true).mean()) for guess, true in pairs]
        ),
        f"{best}, {SHARE:.0%} diffused": Figure.of([relative_error(*pair) for pair in blurred]),
    }
