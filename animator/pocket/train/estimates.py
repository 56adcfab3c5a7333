"""Half-denoised pictures on disk: what the diffusion networks make of noisy ones."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from animator.convert import signed_to_unit, unit_to_signed
from animator.diffusion.checkpoints import load_diffusion, load_secondary
from animator.diffusion.noise_schedule import NoiseSchedule, full_schedule
from animator.diffusion.prediction import Denoise, network_denoiser
from animator.diffusion.samplers import noised
from animator.diffusion.secondary import secondary_denoiser
from animator.pocket.train.pictures import HEIGHT, WIDTH, Pictures
from animator.pocket.train.session import Machine
from animator.pocket.train.views import some

BLOCK = 240
BATCH = 12
LOWEST, HIGHEST = 150, 960
"""Timesteps, of 1000, between which pictures are made noisy."""


def estimated(
    denoise: Denoise, schedule: NoiseSchedule, level: int, pictures: Tensor, seed: int, machine: Machine
) -> Tensor:
    """Return a denoiser's clean estimates of pictures, N x 3 x H x W in [0, 1], from noise at ``level``."""
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(seed)).to(pictures.device)
    with torch.no_grad(), machine.autocast():
        x = noised(unit_to_signed(pictures), noise, schedule, level)
        return signed_to_unit(denoise(x, level).denoised.float()).clamp(0, 1)


def draw_estimates(folder: Path, blocks: int, machine: Machine) -> None:
    """Make every missing block of 240 estimates by the bundled networks, of pictures of 96 x 64.

    The network that answers in a film at a noise level answers here: the secondary model near pure noise.
    """
    pictures = Pictures(folder / "world")  # a few of many: they are read where they lie
    target = folder / "estimates"
    target.mkdir(parents=True, exist_ok=True)
    schedule = full_schedule(1000)
    network, description = load_diffusion("pocket", machine.device)
    above = description.noisy.above if description.noisy else 1000
    primary = network_denoiser(network, schedule, description.estimate)
    secondary = secondary_denoiser(load_secondary("pocket", machine.device), schedule)
    for number in range(blocks):
        path = target / f"block_{number:03d}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng((29, number))
        chosen = rng.integers(len(pictures), size=BLOCK)
        made = []
        for start in range(0, BLOCK, BATCH):
            noisy = pictures.images(torch.from_numpy(chosen[start : start + BATCH]))
            batch = F.avg_pool2d(noisy, 2).to(machine.device)
            level = int(rng.integers(LOWEST, HIGHEST))
            denoise = secondary if level > above else primary
            guess = estimated(denoise, schedule, level, batch, number * BLOCK + start, machine)
            made.append((guess * 255).round().byte().permute(0, 2, 3, 1).cpu().numpy())
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, rgb=np.concatenate(made), index=chosen)
        os.replace(part, path)
        print(f"estimates: block {number + 1} of {blocks}", flush=True)


class Estimates:
    """The blocks that are on disk, in memory (4.4 MB each)."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        blocks = [np.load(path) for path in sorted(folder.glob("block_*.npz"))]
        self._rgb, self._index = (
            torch.from_numpy(np.concatenate([block[name] for block in blocks])).to(device)
            for name in ("rgb", "index")
        )

    @staticmethod
    def there(folder: Path) -> bool:
        """Whether any have been made."""
        return any(folder.glob("block_*.npz"))

    def draw(self, count: int, dice: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return estimates in the pictures' size, N x 3 x 128 x 192, and the numbers of their pictures."""
        rows = torch.randint(len(self._rgb), (count,), generator=dice, device=dice.device)
        small = self._rgb[rows].permute(0, 3, 1, 2).float() / 255
        return F.interpolate(small, size=(HEIGHT, WIDTH), mode="bicubic").clamp(0, 1), self._index[rows]


class Shown:
    """Pictures as networks are shown them: some are a diffusion network's estimate of a noisy one.

    Args:
        folder: holds ``world/`` and perhaps ``estimates/``.
        device: where they are asked for.
        share: of pictures that are estimates, where there are any.
    """

    def __init__(self, folder: Path, device: str, share: float) -> None:
        self.pictures, self.share = Pictures(folder / "world", device), share
        there = Estimates.there(folder / "estimates")
        self.estimates = Estimates(folder / "estimates", device) if there else None

    def draw(self, count: int, dice: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return pictures, N x 3 x 128 x 192 in [0, 1], and which of the world they show."""
        index = self.pictures.draw(count, dice)
        if self.estimates is None:
            return self.pictures.images(index), index
        estimates, shown = self.estimates.draw(count, dice)
        chosen = some(count, self.share, dice)
        index = torch.where(chosen.flatten(), shown, index)
        return torch.where(chosen, estimates, self.pictures.images(index)), index
