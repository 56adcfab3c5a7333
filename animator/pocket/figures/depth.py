"""How well the depth network tells distances, in drawn pictures and in such as a diffusion leaves."""

from __future__ import annotations

import torch
from torch import Tensor

from animator.convert import signed_to_frames, unit_to_signed
from animator.diffusion.noise_schedule import full_schedule
from animator.diffusion.samplers import noised, walk
from animator.pocket.figures.figure import Figure
from animator.pocket.figures.held_out import Drawn
from animator.pocket.figures.networks import Networks
from animator.pocket.figures.retrieval import AT_ONCE

SHARE = 0.4
"""Share of the diffusion that is run over a drawn picture: as over the frames of a film (skip 60 %)."""

STEPS, ETA = 25, 0.8


def relative_error(guess: Tensor, truth: Tensor) -> float:
    """Return the mean of |a * guess + b - truth| / truth over one picture, whatever its scale and shift.

    ``a`` and ``b`` are the best in least squares, as in Ranftl et al. 2020 (MiDaS), eq. 4, here of distances.

    >>> round(relative_error(torch.tensor([[1.0, 2.0, 4.0]]), torch.tensor([[5.0, 7.0, 11.0]])), 6)
    0.0
    """
    x, y = guess.flatten().double(), truth.flatten().double()
    design = torch.stack([x, torch.ones_like(x)], dim=1)
    fit = torch.linalg.lstsq(design, y[:, None]).solution[:, 0]
    return float(((fit[0] * x + fit[1] - y).abs() / y).mean())


@torch.no_grad()
def diffused(networks: Networks, pictures: Tensor, share: float = SHARE, steps: int = STEPS) -> Tensor:
    """Noise pictures and denoise them again, unguided: what a frame of a film looks like to the network.

    Args:
        networks: the diffusion network.
        pictures: N x 3 x H x W in [0, 1].
        share: of the diffusion that is run, 0 to 1.
        steps: of the whole diffusion.
    """
    schedule = full_schedule(steps)
    denoise = networks.unet_denoiser(schedule)
    generator = torch.Generator().manual_seed(steps)
    last = round(share * steps) - 1
    done = []
    for some in pictures.split(AT_ONCE):

        def noise(shape: torch.Size = some.shape) -> Tensor:
            return torch.randn(shape, generator=generator).to(networks.device)

        x = noised(unit_to_signed(some).to(networks.device), noise(), schedule, last)
        for step in walk(denoise, schedule, x, indices=range(last, -1, -1), eta=ETA, noise=noise):
            x = step.x
        done += signed_to_frames(x.cpu())
    return torch.stack(done)


def errors(networks: Networks, pictures: Tensor, truths: Tensor) -> list[float]:
    """Return the relative error of each picture after the best scale and shift."""
    return [
        relative_error(networks.depth(one.to(networks.device)).cpu(), true)
        for one, true in zip(pictures, truths, strict=True)
    ]


def depth(networks: Networks, held_out: Drawn, diffused_count: int) -> dict[str, Figure]:
    """Return the figures of the depth network.

    Args:
        networks: the depth and the diffusion network.
        held_out: pictures with their true distances.
        diffused_count: of how many of them diffused versions are looked at.
    """
    found = errors(networks, held_out.pictures, held_out.depths)
    as_it_is = [
        float(((networks.depth(one.to(networks.device)).cpu() - true).abs() / true).mean())
        for one, true in zip(held_out.pictures, held_out.depths, strict=True)
    ]
    some = held_out.part(diffused_count)
    frames = diffused(networks, some.pictures)
    return {
        "depth, relative error after the best scale and shift": Figure.of(found),
        "depth, relative error as it is": Figure.of(as_it_is),
        f"depth, relative error after the best scale and shift, {SHARE:.0%} diffused": Figure.of(
            errors(networks, frames, some.depths)
        ),
    }
