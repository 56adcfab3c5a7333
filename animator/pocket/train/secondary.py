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

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.secondary import SecondaryModel
from animator.pocket.train.pictures import Pictures
from animator.pocket.train.session import Budget, Machine, Session, batches, export, start_from
from animator.pocket.train.unet import ALPHA_BAR, full_batch, small_batch

BASE_WIDTH = 20
BATCH = 32
HUE = 0.2
"""Weight of the patches' term."""

NOISY = 550
"""Timestep of 1000 from which on the noisy half is drawn."""


def drawn_times(count: int, generator: torch.Generator) -> Tensor:
    """Return ``count`` times from 0 (clean) to 1 (noise) on the cosine curve, alpha_bar = cos(t pi/2)^2."""
    even = torch.rand(count, generator=generator)
    steps = torch.randint(NOISY, len(ALPHA_BAR), (count,), generator=generator)
    noisy = torch.tensor(ALPHA_BAR).float()[steps].sqrt().acos() * (2 / math.pi)
    return torch.where(torch.rand(count, generator=generator) < 0.5, even, noisy)


def loss_of(network: Any, clean: Tensor, generator: torch.Generator, machine: Machine) -> Tensor:
    """Return the loss of one batch, ``clean`` N x 3 x H x W in [-1, 1]."""
    t = drawn_times(len(clean), generator).to(clean.device)
    noise = machine.give(torch.randn(clean.shape, generator=generator))
    angle = t[:, None, None, None] * (math.pi / 2)
    x = angle.cos() * clean + angle.sin() * noise
    with machine.autocast():
        predicted = network(x, t)
    v = angle.cos() * noise - angle.sin() * clean
    simple = F.mse_loss(predicted.v.float(), v)
    patches = F.avg_pool2d(predicted.denoised.float() - clean, 16)
    return simple + HUE * patches.square().mean()


def train(
    folder: Path, *, steps: int, machine: Machine, start: Path | None = None, rate: float = 1.5e-3
) -> None:
    """Train on small pictures, then on full ones; continue where a run was stopped.

    Args:
        folder: holds ``world/`` and receives the checkpoint.
        steps: in all; half of them of 32 pictures of 96 x 64, half of 8 of 192 x 128 or 12 of 128 x 128.
        machine: where to train.
        start: earlier weights to begin with.
        rate: highest learning rate.
    """
    pictures = Pictures(folder / "world")
    torch.manual_seed(3)
    network = SecondaryModel(BASE_WIDTH)
    if start:
        start_from(network, start)
    session = Session(machine.put(network), Budget(steps, rate), folder / "secondary.pt")
    called = machine.compiled(network)

    def make(step: int) -> Tensor:
        rng = np.random.default_rng((13, step))
        return (
            small_batch(pictures, rng, BATCH) if 2 * step < steps else full_batch(pictures, rng, BATCH // 4)
        )

    for batch in batches(make, session.step, steps, machine.workers):
        generator = torch.Generator().manual_seed(session.step)
        session.take(loss_of(called, machine.give(batch), generator, machine))


def ship(folder: Path, package: Path) -> None:
    """Write the averaged weights into the package."""
    stored = torch.load(folder / "secondary.pt", weights_only=True, map_location="cpu")
    export(stored["average"], package / "secondary.safetensors", {"width": BASE_WIDTH})
