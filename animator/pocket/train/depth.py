"""Train the pocket depth network on the world's true distances.

The loss is the mean absolute error of the log distance: as it is, after the picture's own scale has been
taken out (as in Eigen et al. 2014, eq. 4, there of squares, which leave edges soft), after the scale and
shift of inverse distance that fit best (Ranftl et al. 2020, eq. 4), and of its gradients, so that edges stay
where the things end.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from animator.depth.pocket import FARTHEST, NEAREST, PocketDepthNetwork
from animator.pocket.train.estimates import Estimates
from animator.pocket.train.pictures import HEIGHT, WIDTH, Pictures
from animator.pocket.train.session import Budget, Machine, Session, batches, export, start_from

WIDTHS = (24, 40, 64, 96, 128)
BLOCKS = (1, 1, 2, 3, 3)
BATCH = 16
ESTIMATED = 0.2
"""Share of pictures that are estimates by the diffusion networks, where these have been made."""


def make_batch(pictures: Pictures, estimates: Estimates | None, step: int) -> tuple[Tensor, Tensor]:
    """Return pictures, often blurred, noisy or half denoised as frames are, and log distance in [0, 1]."""
    rng = np.random.default_rng((17, step))
    images, shares = [], []
    for index in rng.integers(len(pictures), size=BATCH):
        if estimates and rng.random() < ESTIMATED:
            small, index = estimates.draw(rng)
            whole = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        else:
            whole = pictures.picture(int(index))
        image = whole.astype(np.float32) / 255
        share = np.log(pictures.distance(int(index)) / NEAREST) / np.log(FARTHEST / NEAREST)
        if rng.random() < 0.5:
            image, share = image[:, ::-1], share[:, ::-1]
        if rng.random() < 0.35:
            zoom = rng.uniform(1.0, 1.6)
            side = [int(n / zoom) for n in share.shape]
            y, x = (int(rng.integers(n - s + 1)) for n, s in zip(share.shape, side, strict=True))
            size = share.shape[::-1]
            image = cv2.resize(np.ascontiguousarray(image[y : y + side[0], x : x + side[1]]), size)
            share = cv2.resize(np.ascontiguousarray(share[y : y + side[0], x : x + side[1]]), size)
        if rng.random() < 0.4:
            image = cv2.GaussianBlur(np.ascontiguousarray(image), (0, 0), rng.uniform(0.5, 2.5))
        image = (image - 0.5) * rng.uniform(0.7, 1.3) + 0.5 + rng.normal(0, 0.06, 3)
        image = image + rng.normal(0, rng.uniform(0, 0.06), image.shape)
        images.append(np.clip(image, 0, 1).astype(np.float32))
        shares.append(np.ascontiguousarray(share, dtype=np.float32))
    batch = torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
    return batch.contiguous(), torch.from_numpy(np.stack(shares))[:, None]


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
    relative = SPAN * (refitted(guess, truth) - truth).abs().mean()
    edges = (miss[..., 1:] - miss[..., :-1]).abs().mean() + (
        miss[..., 1:, :] - miss[..., :-1, :]
    ).abs().mean()
    return 0.5 * shape + relative + 0.5 * edges + 0.2 * miss.abs().mean()


def train(
    folder: Path, *, steps: int, machine: Machine, start: Path | None = None, rate: float = 2e-3
) -> None:
    """Train for ``steps`` batches of 16 pictures; continue where a run was stopped.

    Args:
        folder: holds ``world/``, perhaps ``estimates/``, and receives the checkpoint.
        steps: in all.
        machine: where to train.
        start: earlier weights to begin with.
        rate: highest learning rate.
    """
    pictures = Pictures(folder / "world")
    estimates = Estimates(folder / "estimates") if Estimates.there(folder / "estimates") else None
    torch.manual_seed(5)
    network = PocketDepthNetwork(WIDTHS, BLOCKS)
    if start:
        start_from(network, start)
    session = Session(machine.put(network), Budget(steps, rate, 100), folder / "depth.pt", average=0.99)
    called = machine.compiled(network)
    make = partial(make_batch, pictures, estimates)
    for images, truth in batches(make, session.step, steps, machine.workers):
        session.take(loss_of(called, machine.give(images), machine.give(truth), machine))


def ship(folder: Path, package: Path) -> None:
    """Write the averaged weights into the package."""
    stored = torch.load(folder / "depth.pt", weights_only=True, map_location="cpu")
    export(stored["average"], package / "depth.safetensors", {"widths": list(WIDTHS), "blocks": list(BLOCKS)})
