"""Half-denoised pictures on disk: what the diffusion networks make of noisy ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.checkpoints import load_diffusion, load_secondary
from animator.diffusion.noise_schedule import NoiseSchedule, full_schedule
from animator.diffusion.prediction import Denoise, network_denoiser
from animator.diffusion.samplers import noised
from animator.diffusion.secondary import secondary_denoiser
from animator.system.convert import signed_to_unit, unit_to_signed
from tools.pocket.train.pictures import Pictures
from tools.pocket.train.session import Machine
from tools.pocket.train.shown import BLOCK, block_path, write_block

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
    schedule = full_schedule(1000)
    network, description = load_diffusion("pocket", machine.device)
    above = description.noisy.above if description.noisy else 1000
    primary = network_denoiser(network, schedule, description.estimate)
    secondary = secondary_denoiser(load_secondary("pocket", machine.device), schedule)
    for number in range(blocks):
        path = block_path(folder, "estimates", number)
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
            made.append(guess.cpu())
        write_block(path, torch.cat(made), chosen)
        print(f"estimates: block {number + 1} of {blocks}", flush=True)
