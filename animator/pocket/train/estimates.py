"""Half-denoised pictures on disk: what the diffusion networks make of noisy ones."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from animator.convert import signed_to_unit, unit_to_signed
from animator.diffusion.checkpoints import load_diffusion, load_secondary
from animator.diffusion.noise_schedule import NoiseSchedule, full_schedule
from animator.diffusion.prediction import Denoise, network_denoiser
from animator.diffusion.samplers import noised
from animator.diffusion.secondary import secondary_denoiser
from animator.pocket.train.pictures import HEIGHT, WIDTH, Pictures

BLOCK = 240
BATCH = 12
LOWEST, HIGHEST = 150, 960
"""Timesteps, of 1000, between which pictures are made noisy."""


def estimated(denoise: Denoise, schedule: NoiseSchedule, level: int, pictures: Tensor, seed: int) -> Tensor:
    """Return a denoiser's clean estimates of pictures, N x 3 x H x W in [0, 1], from noise at ``level``."""
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(seed))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        x = noised(unit_to_signed(pictures), noise, schedule, level)
        return signed_to_unit(denoise(x, level).denoised.float()).clamp(0, 1)


def draw_estimates(folder: Path, blocks: int) -> None:
    """Make every missing block of 240 estimates by the bundled networks, of pictures of 96 x 64.

    The network that answers in a film at a noise level answers here: the secondary model near pure noise.
    """
    pictures = Pictures(folder / "world")
    target = folder / "estimates"
    target.mkdir(parents=True, exist_ok=True)
    schedule = full_schedule(1000)
    network, description = load_diffusion("pocket")
    above = description.noisy.above if description.noisy else 1000
    primary = network_denoiser(network, schedule, description.estimate)
    secondary = secondary_denoiser(load_secondary("pocket"), schedule)
    for number in range(blocks):
        path = target / f"block_{number:03d}.npz"
        if path.exists():
            continue
        rng = np.random.default_rng((29, number))
        chosen = rng.integers(len(pictures), size=BLOCK)
        made = []
        for start in range(0, BLOCK, BATCH):
            some = [pictures.picture(int(index)) for index in chosen[start : start + BATCH]]
            half = [cv2.resize(one, (WIDTH // 2, HEIGHT // 2), interpolation=cv2.INTER_AREA) for one in some]
            batch = torch.from_numpy(np.stack(half)).permute(0, 3, 1, 2).float() / 255
            level = int(rng.integers(LOWEST, HIGHEST))
            denoise = secondary if level > above else primary
            guess = estimated(denoise, schedule, level, batch, number * BLOCK + start)
            made.append((guess * 255).round().byte().permute(0, 2, 3, 1).numpy())
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, rgb=np.concatenate(made), index=chosen)
        os.replace(part, path)
        print(f"estimates: block {number + 1} of {blocks}", flush=True)


class Estimates:
    """The blocks that are on disk, in memory (4.4 MB each)."""

    def __init__(self, folder: Path) -> None:
        blocks = [np.load(path) for path in sorted(folder.glob("block_*.npz"))]
        self.rgb = np.concatenate([block["rgb"] for block in blocks])
        self.index = np.concatenate([block["index"] for block in blocks])

    @staticmethod
    def there(folder: Path) -> bool:
        """Whether any have been made."""
        return any(folder.glob("block_*.npz"))

    def draw(self, rng: np.random.Generator) -> tuple[np.ndarray, int]:
        """Return one estimate, uint8 64 x 96 x 3, and the number of the picture that it is of."""
        row = int(rng.integers(len(self.rgb)))
        return self.rgb[row], int(self.index[row])
