"""Train the pocket autoencoder: pictures of the world into a latent space an eighth of their size, and back.

The architecture is that of latent diffusion (Rombach et al. 2022, `diffusers.AutoencoderKL`), the loss theirs
without a discriminator: the mean absolute error, also of means over patches, the distance that the first
layers of a bundled perceptor see, and a slight pull of the latents to a normal distribution.

Steps are many and small rather than few and large, and the first weights carry colours (`carried`): what
costs time at a picture's own size is not arithmetic but memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import diffusers
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tools.pocket.train.carried import carry_colours
from tools.pocket.train.perceptor import bundled, normalised
from tools.pocket.train.pictures import HEIGHT, WIDTH, Pictures
from tools.pocket.train.session import Budget, Machine, Session

FACTOR = 8
"""Pixels of a picture for one of its latent."""

CHANNELS = 8

CONFIG: dict[str, Any] = {
    "in_channels": 3,
    "out_channels": 3,
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (16, 32, 64, 96),
    "layers_per_block": 1,
    "latent_channels": CHANNELS,
    # More groups would be of two channels at a picture's own size: they would forget how bright it is.
    "norm_num_groups": 1,
    "mid_block_add_attention": False,
    "sample_size": 96,
}

BATCH = 8
SIDE = 64
"""Parts of pictures in a step on a CPU, and their side in pixels."""

LARGE_AFTER = 0.7
"""Share of the training after which parts are twice as wide and high, and a quarter as many.

What a norm over a part of a picture leaves is not what it leaves of a whole one.
"""

SEEN, LOOKS = 0.3, 3
"""Weight of what the perceptor sees, and the steps from one look to the next: looks take as long as steps."""

PATCHES, PATCH = 0.5, 8
"""Weight of the error of means over patches, and their side in pixels."""

PULL = 1e-6
"""Weight of the pull of the latents to a normal distribution."""


class Eyes(nn.Module):
    """The first layers of a bundled perceptor: how different two pictures look to it."""

    def __init__(self) -> None:
        super().__init__()
        tower = bundled("perceptor").visual
        self.layers = nn.ModuleList(
            [
                nn.Sequential(tower.conv1, tower.bn1, tower.act1, tower.conv2, tower.bn2, tower.act2),
                nn.Sequential(tower.conv3, tower.bn3, tower.act3, tower.avgpool, tower.layer1),
                tower.layer2,
            ]
        )
        self.requires_grad_(False).eval()

    def forward(self, made: Tensor, true: Tensor) -> Tensor:
        """Return the mean distance of features of unit length, N x 3 x H x W in [-1, 1] each."""
        result = made.new_zeros(())
        made, true = normalised(made / 2 + 0.5), normalised(true / 2 + 0.5)
        for layer in self.layers:
            made, true = layer(made), layer(true)
            apart = F.normalize(made.float(), dim=1) - F.normalize(true.float(), dim=1)
            result = result + apart.square().sum(1).mean()
        return result


def build() -> Any:
    """Return the network, a `diffusers.AutoencoderKL`, with its first weights."""
    return carry_colours(diffusers.AutoencoderKL(**CONFIG))


def crops(pictures: Pictures, count: int, side: int, dice: torch.Generator) -> Tensor:
    """Return square parts of pictures in [-1, 1], N x 3 x side x side; every other one mirrored."""
    images = pictures.images(pictures.draw(count, dice))
    y = int(torch.randint(HEIGHT - side + 1, (), generator=dice, device=dice.device))
    x = int(torch.randint(WIDTH - side + 1, (), generator=dice, device=dice.device))
    parts = images[:, :, y : y + side, x : x + side] * 2 - 1
    return torch.cat([parts[: count // 2].flip(3), parts[count // 2 :]])


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
    """Train on parts of pictures; continue where a run was stopped.

    Args:
        folder: holds ``world/`` and receives the checkpoint.
        steps: steps of ``batch`` parts.
        machine: where to train.
        start: not used; earlier weights are continued from the checkpoint.
        rate: highest learning rate.
        batch: parts in a step.
        minutes: most that it takes; 0 for no limit.
    """
    pictures = Pictures(folder / "world", machine.device)
    torch.manual_seed(21)
    network: Any = machine.put(build())
    eyes = machine.put(Eyes())
    session = Session(network, Budget(steps, rate, minutes=minutes), folder / "autoencoder.pt", decay=0.0)
    while not session.done:
        dice = machine.dice(21, session.step)
        large = session.share > LARGE_AFTER
        count, side = (max(1, batch // 4), 2 * SIDE) if large else (batch, SIDE)
        true = crops(pictures, count, side, dice)
        with machine.autocast():
            told = network.encode(true).latent_dist
            noise = torch.randn(told.mean.shape, generator=dice, device=true.device)
            made = network.decode(told.mean + told.std * noise).sample.float()
            loss = error(made, true) + PULL * told.kl().mean()
            if session.step % LOOKS == 0:
                loss = loss + LOOKS * SEEN * eyes(made, true)
        session.take(loss)


def error(made: Tensor, true: Tensor) -> Tensor:
    """Return the mean absolute error, and by its weight that of patches; N x 3 x H x W in [-1, 1] each."""
    apart = made - true
    return apart.abs().mean() + PATCHES * F.avg_pool2d(apart, PATCH).abs().mean()


def trained(folder: Path, device: str = "cpu") -> Any:
    """Return the network with the averaged weights of a training's checkpoint."""
    stored = torch.load(folder / "autoencoder.pt", weights_only=True, map_location="cpu")
    network = build()
    network.load_state_dict(stored["average"])
    network.requires_grad_(False).eval()
    return network.to(device)
