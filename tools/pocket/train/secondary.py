"""Train the pocket secondary model: the published architecture, narrow, on the pictures of the world.

The loss is the mean square error of v (Salimans & Ho 2022, section 4), which weighs noise levels by
SNR + 1. Half of the times are drawn evenly along the cosine curve, as the model is asked in the primary one's
place; the other half from the noisy end of the linear schedule, where it alone answers (see the card): on the
cosine curve that is a seventh. As for the U-Net, a second term holds the clean estimate's large
patches to the truth, so that its hue is right where there is next to no signal.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.secondary import SecondaryModel
from tools.pocket.train.pictures import Pictures
from tools.pocket.train.session import Budget, Machine, Session, export, start_from
from tools.pocket.train.unet import ALPHA_BAR, sized_batch

BASE_WIDTH = 20
BATCH = 24
"""Pictures of 96 x 64 in a step on a CPU."""
HUE = 0.2
"""Weight of the patches' term."""

NOISY = 550
"""Timestep of 1000 from which on the noisy half is drawn."""


def drawn_times(count: int, generator: torch.Generator) -> Tensor:
    """Return ``count`` times from 0 (clean) to 1 (noise) on the cosine curve, alpha_bar = cos(t pi/2)^2."""
    device = generator.device
    even = torch.rand(count, generator=generator, device=device)
    steps = torch.randint(NOISY, len(ALPHA_BAR), (count,), generator=generator, device=device)
    noisy = torch.tensor(ALPHA_BAR).float().to(device)[steps].sqrt().acos() * (2 / math.pi)
    return torch.where(torch.rand(count, generator=generator, device=device) < 0.5, even, noisy)


def loss_of(network: Any, clean: Tensor, generator: torch.Generator, machine: Machine) -> Tensor:
    """Return the loss of one batch, ``clean`` N x 3 x H x W in [-1, 1]."""
    t = drawn_times(len(clean), generator)
    noise = torch.randn(clean.shape, generator=generator, device=clean.device)
    angle = t[:, None, None, None] * (math.pi / 2)
    x = angle.cos() * clean + angle.sin() * noise
    with machine.autocast():
        predicted = network(x, t)
    v = angle.cos() * noise - angle.sin() * clean
    simple = F.mse_loss(predicted.v.float(), v)
    patches = F.avg_pool2d(predicted.denoised.float() - clean, 16)
    return simple + HUE * patches.square().mean()


def train(
    folder: Path,
    *,
    steps: int,
    machine: Machine,
    start: Path | None = None,
    rate: float = 1.5e-3,
    batch: int = BATCH,
    minutes: float = 0.0,
) -> None:
    """Train on small pictures, then on full ones; continue where a run was stopped.

    Args:
        folder: holds ``world/`` and receives the checkpoint.
        steps: in all; half of them of small pictures, half of full ones, as of the U-Net.
        machine: where to train.
        start: earlier weights to begin with.
        rate: highest learning rate.
        batch: pictures of 96 x 64 in a step.
        minutes: most that it takes; 0 for no limit.
    """
    pictures = Pictures(folder / "world", machine.device)
    torch.manual_seed(3)
    network = SecondaryModel(BASE_WIDTH)
    if start:
        start_from(network, start)
    session = Session(machine.put(network), Budget(steps, rate, minutes=minutes), folder / "secondary.pt")
    called = machine.compiled(network)
    while not session.done:
        dice = machine.dice(13, session.step)
        clean = sized_batch(pictures, batch, session.step, session.share < 0.5, dice)
        session.take(loss_of(called, clean.contiguous(), dice, machine))


def ship(folder: Path, package: Path) -> None:
    """Write the averaged weights into the package."""
    stored = torch.load(folder / "secondary.pt", weights_only=True, map_location="cpu")
    export(stored["average"], package / "secondary.safetensors", {"width": BASE_WIDTH})
