"""Train the pocket depth network on the world's true distances.

The loss is the mean absolute error of the log distance: as it is, after the picture's own scale has been
taken out (as in Eigen et al. 2014, eq. 4, there of squares, which leave edges soft), and of its gradients, so
that edges stay where the things end; and the figure of the card, the mean of |found - true| / true after the
scale and shift of inverse distance that fit best (Ranftl et al. 2020, eq. 4). By the latter what is uncertain
is told rather too near than too far: a near thing that is told to be sky costs several times its distance.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from animator.depth.pocket import FARTHEST, NEAREST, PocketDepthNetwork
from tools.pocket.train.pictures import HEIGHT, WIDTH
from tools.pocket.train.session import Budget, Machine, Session, export, start_from
from tools.pocket.train.shown import Shown
from tools.pocket.train.views import blurred, placed, some, uniform

WIDTHS = (24, 40, 64, 96, 128)
BLOCKS = (1, 1, 2, 3, 3)
BATCH = 16
"""Pictures in a step on a CPU."""

SHARES = {"estimates": 0.1, "diffused": 0.4}
"""Shares of pictures that a diffusion network has been at, where such have been made."""

SQUARE = 0.5
"""Share of batches that are squares cut out of the pictures; the others are as wide as these."""


def make_batch(shown: Shown, count: int, dice: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return pictures, often blurred, noisy or half denoised as frames are, and log distance in [0, 1]."""
    images, index = shown.draw(count, dice)
    truth = shown.pictures.shares(index)
    square = bool(torch.rand((), generator=dice, device=dice.device) < SQUARE)
    width = HEIGHT if square else WIDTH
    zoom = torch.where(some(count, 0.35, dice), uniform(count, 1.0, 1.6, dice), 1.0)
    half = width / WIDTH / zoom, 1 / zoom
    x, y = (uniform(count, -1, 1, dice) * (1 - part) for part in half)
    mirror = torch.where(some(count, 0.5, dice), -1.0, 1.0)
    where = placed(x, y, (mirror * half[0], half[1]), torch.zeros_like(zoom))
    grid = F.affine_grid(where, [count, 1, HEIGHT, width], align_corners=False)
    images, truth = (
        F.grid_sample(part, grid, padding_mode="border", align_corners=False) for part in (images, truth)
    )
    sigma = torch.where(some(count, 0.4, dice), uniform(count, 0.5, 2.5, dice), 0.0)
    images = blurred(images, sigma)
    tint = 0.06 * torch.randn((count, 3, 1, 1), generator=dice, device=dice.device)
    images = (images - 0.5) * uniform(count, 0.7, 1.3, dice) + 0.5 + tint
    grain = torch.randn(images.shape, generator=dice, device=dice.device)
    return (images + grain * uniform(count, 0, 0.06, dice)).clamp(0, 1), truth


SPAN = float(np.log(FARTHEST / NEAREST))
"""From the nearest distance to the farthest, in logarithms."""


def refitted(guess: Tensor, truth: Tensor) -> Tensor:
    """Return log distances, N x 1 x H x W, after the best scale and shift of their inverse distances.

    Args:
        guess: log distance in [0, 1], N x 1 x H x W.
        truth: of the same kind; the fit's sum of squares is measured against it.
    """
    found, true = (torch.exp(-SPAN * share.float()).flatten(1) for share in (guess, truth))
    mean, aim = found.mean(1, keepdim=True), true.mean(1, keepdim=True)
    spread = (found - mean).square().mean(1, keepdim=True)
    scale = ((found - mean) * (true - aim)).mean(1, keepdim=True) / (spread + 1e-6)
    fitted = scale * (found - mean) + aim
    return -fitted.clamp(np.exp(-SPAN), 1).log().view_as(guess) / SPAN


def loss_of(network: Any, images: Tensor, truth: Tensor, machine: Machine) -> Tensor:
    """Return the loss of one batch."""
    with machine.autocast():
        guess = network(images).float()
    miss = SPAN * (guess - truth)
    shape = (miss - miss.mean(dim=(1, 2, 3), keepdim=True)).abs().mean()
    relative = torch.expm1(SPAN * (refitted(guess, truth) - truth)).abs().mean()
    edges = (miss[..., 1:] - miss[..., :-1]).abs().mean() + (
        miss[..., 1:, :] - miss[..., :-1, :]
    ).abs().mean()
    result: Tensor = 0.5 * shape + relative + 0.5 * edges + 0.2 * miss.abs().mean()
    return result


def train(
    folder: Path,
    *,
    steps: int,
    machine: Machine,
    start: Path | None = None,
    rate: float = 2e-3,
    batch: int = BATCH,
    minutes: float = 0.0,
) -> None:
    """Train for ``steps`` steps; continue where a run was stopped.

    Args:
        folder: holds ``world/``, perhaps ``estimates/`` and ``diffused/``, and receives the checkpoint.
        steps: in all.
        machine: where to train.
        start: earlier weights to begin with.
        rate: highest learning rate.
        batch: pictures in a step.
        minutes: most that it takes; 0 for no limit.
    """
    shown = Shown(folder, machine.device, SHARES)
    torch.manual_seed(5)
    network = PocketDepthNetwork(WIDTHS, BLOCKS)
    if start:
        start_from(network, start)
    session = Session(machine.put(network), Budget(steps, rate, 100, minutes), folder / "depth.pt")
    called = machine.compiled(network)
    while not session.done:
        images, truth = make_batch(shown, batch, machine.dice(17, session.step))
        session.take(loss_of(called, images, truth, machine))


def ship(folder: Path, package: Path) -> None:
    """Write the averaged weights into the package."""
    stored = torch.load(folder / "depth.pt", weights_only=True, map_location="cpu")
    export(stored["average"], package / "depth.safetensors", {"widths": list(WIDTHS), "blocks": list(BLOCKS)})
