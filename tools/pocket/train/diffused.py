"""Pictures that part of a diffusion was run over, unguided: what frames are to the depth network."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from animator.diffusion.checkpoints import load_diffusion
from animator.diffusion.noise_schedule import NoiseSchedule, full_schedule
from animator.diffusion.prediction import Denoise, network_denoiser
from animator.diffusion.samplers import noised, walk
from animator.system.convert import signed_to_frames, unit_to_signed
from tools.pocket.train.pictures import Pictures
from tools.pocket.train.session import Machine
from tools.pocket.train.shown import BLOCK, block_path, write_block

BATCH = {"cpu": 8, "cuda": 80}
"""Pictures at once, by the kind of device; a processor's caches hold no more."""

STEPS = (10, 30)
"""Steps of the whole diffusion, at least and at most."""

SHARE = (0.2, 0.55)
"""Share of the diffusion that is run, at least and at most: of frames it is 0.4 by default."""

ETA = 0.8
"""Of DDIM, as in Disco Diffusion."""


@torch.no_grad()
def diffused(
    denoise: Denoise,
    schedule: NoiseSchedule,
    pictures: Tensor,
    share: float,
    noise: Callable[[], Tensor],
) -> Tensor:
    """Noise pictures and denoise them again; return N x 3 x H x W in [0, 1], where they were.

    Args:
        denoise: the diffusion network.
        schedule: of the whole diffusion.
        pictures: N x 3 x H x W in [0, 1].
        share: of the diffusion that is run, 0 to 1.
        noise: gives noise of their shape, where they are.
    """
    last = round(share * schedule.num_timesteps) - 1
    x = noised(unit_to_signed(pictures), noise(), schedule, last)
    for step in walk(denoise, schedule, x, indices=range(last, -1, -1), eta=ETA, noise=lambda index: noise()):
        x = step.x
    return torch.stack(signed_to_frames(x))


def draw_diffused(folder: Path, blocks: int, machine: Machine) -> None:
    """Make every missing block of 240 pictures of 192 x 128 that the bundled network has been at."""
    pictures = Pictures(folder / "world")  # a few of many: they are read where they lie
    network, description = load_diffusion("pocket", machine.device)
    at_once = BATCH[torch.device(machine.device).type]
    for number in range(blocks):
        path = block_path(folder, "diffused", number)
        if path.exists():
            continue
        rng = np.random.default_rng((37, number))
        chosen = rng.integers(len(pictures), size=BLOCK)
        made = []
        for start in range(0, BLOCK, at_once):
            batch = pictures.images(torch.from_numpy(chosen[start : start + at_once])).to(machine.device)
            schedule = full_schedule(int(rng.integers(*STEPS)))
            denoise = network_denoiser(network, schedule, description.estimate)
            noise = partial(
                torch.randn, batch.shape, generator=machine.dice(37, number, start), device=batch.device
            )
            with machine.autocast():
                made.append(diffused(denoise, schedule, batch, rng.uniform(*SHARE), noise).cpu())
        write_block(path, torch.cat(made), chosen)
        print(f"diffused: block {number + 1} of {blocks}", flush=True)
