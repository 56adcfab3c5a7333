"""How good the bundled networks are on pictures that they never saw: the figures of their card."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from animator.convert import signed_to_unit, uint8_to_frame, unit_to_signed
from animator.depth.load import load_depth
from animator.depth.options import DepthOptions
from animator.diffusion.checkpoints import load_diffusion, load_secondary
from animator.diffusion.cutouts import CutSettings, make_cuts
from animator.diffusion.noise_schedule import NoiseSchedule, full_schedule
from animator.diffusion.perceptors import Perceptor, load_perceptor
from animator.diffusion.prediction import Denoise, network_denoiser
from animator.diffusion.samplers import noised
from animator.diffusion.secondary import secondary_denoiser
from animator.pocket.train.depth import relative_error
from animator.pocket.train.pictures import HEIGHT, HELD_OUT, WIDTH
from animator.pocket.world.draw import draw
from animator.pocket.world.spec import caption, draw_spec

AMONG = 64
"""Captions that a picture's own is looked for among."""


def held_out(count: int, first: int = HELD_OUT) -> tuple[Tensor, list[str], Tensor]:
    """Return pictures nobody trained on, N x 3 x 128 x 192 in [0, 1], their captions and their depths."""
    rng = np.random.default_rng(first)
    pictures, captions, depths = [], [], []
    for seed in range(first, first + count):
        spec = draw_spec(seed)
        rgb, depth = draw(spec, WIDTH, HEIGHT)
        pictures.append(uint8_to_frame(rgb))
        captions.append(caption(spec, rng))
        depths.append(torch.from_numpy(depth))
    return torch.stack(pictures), captions, torch.stack(depths)


def retrieval(perceptor: Perceptor, pictures: Tensor, captions: list[str]) -> float:
    """Return the share of pictures whose own caption, or one of the same words, is the nearest of 64."""
    whole = CutSettings(overview=1, skip_augs=True)
    right = 0
    with torch.no_grad():
        for start in range(0, len(pictures) - AMONG + 1, AMONG):
            some = slice(start, start + AMONG)
            cuts = make_cuts(pictures[some], perceptor.size, whole, torch.Generator())
            seen = torch.nn.functional.normalize(perceptor.encode_images(cuts), dim=1)
            told = torch.nn.functional.normalize(perceptor.encode_text(captions[some]), dim=1)
            best = (seen @ told.T).argmax(dim=1).tolist()
            right += sum(captions[some][b] == captions[some][n] for n, b in enumerate(best))
    return right / (len(pictures) // AMONG * AMONG)


def estimates(denoise: Denoise, schedule: NoiseSchedule, level: int, pictures: Tensor) -> Tensor:
    """Return a denoiser's clean estimates of pictures in [0, 1] from noise at ``level`` of 1000."""
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(level))
    with torch.no_grad():
        x = noised(unit_to_signed(pictures), noise, schedule, level)
        parts = [denoise(part, level).denoised for part in x.split(8)]
    return signed_to_unit(torch.cat(parts))


def report(count: int = 256) -> dict[str, float]:
    """Return every figure of the card by its name."""
    pictures, captions, depths = held_out(count)
    perceptor = load_perceptor("pocket", "cpu")
    depth = load_depth(DepthOptions())
    found = {"own caption first of 64, clean": retrieval(perceptor, pictures, captions)}
    schedule = full_schedule(1000)
    network, description = load_diffusion("pocket")
    denoisers = {
        "clean estimate": network_denoiser(network, schedule, description.estimate),
        "secondary estimate": secondary_denoiser(load_secondary("pocket"), schedule),
    }
    some = pictures[: 2 * AMONG]
    mean = held_out(AMONG, HELD_OUT + count)[0].mean(dim=0)
    found["mean picture, root mean square error"] = float((mean - some).square().mean().sqrt())
    for level in (250, 500, 750, 850, 900, 950, 999):
        for label, denoise in denoisers.items():
            seen = estimates(denoise, schedule, level, some)
            if level <= 750:
                name = f"own caption first of 64, {label} at noise {level} of 1000"
                found[name] = retrieval(perceptor, seen, captions[: 2 * AMONG])
            miss = (seen - some).square().mean().sqrt()
            found[f"{label} at noise {level} of 1000, root mean square error"] = float(miss)
    errors = [relative_error(depth(one), true) for one, true in zip(pictures, depths, strict=True)]
    found["depth, relative error after the best scale and shift"] = float(np.mean(errors))
    raw = [
        float(((depth(one) - true).abs() / true).mean()) for one, true in zip(pictures, depths, strict=True)
    ]
    found["depth, relative error as it is"] = float(np.mean(raw))
    return found
