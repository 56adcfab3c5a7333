"""Whether a perceptor finds a picture's own caption among others, clean or half denoised."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.cutouts import CutSettings, make_cuts
from animator.diffusion.noise_schedule import full_schedule
from animator.diffusion.perceptors import Perceptor
from animator.diffusion.prediction import Denoise
from animator.diffusion.samplers import noised
from animator.system.convert import signed_to_unit, unit_to_signed
from tools.pocket.figures.figure import Figure
from tools.pocket.figures.held_out import Drawn
from tools.pocket.figures.networks import Networks

AMONG = 64
"""Captions that a picture's own is looked for among."""

LEVELS = (250, 500, 750)
"""Timesteps, of 1000, at which estimates are looked at."""

WHOLE = CutSettings(overview=1, skip_augs=True)
TOGETHER = 64
AT_ONCE = 16
"""Pictures that a perceptor, and a network that denoises, are given at once."""


@torch.no_grad()
def seen(perceptor: Perceptor, pictures: Tensor, device: torch.device | str = "cpu") -> Tensor:
    """Return the embeddings of pictures, N x 3 x H x W in [0, 1], N x D of unit length on the CPU."""
    rows = []
    for some in pictures.split(TOGETHER):
        cuts = make_cuts(some.to(device), perceptor.size, WHOLE, torch.Generator())
        rows.append(F.normalize(perceptor.encode_images(cuts), dim=1).cpu())
    return torch.cat(rows)


def told(perceptor: Perceptor, texts: Sequence[str]) -> Tensor:
    """Return the embeddings of texts, N x D of unit length on the CPU."""
    return F.normalize(perceptor.encode_text(list(texts)), dim=1).cpu()


def own_first(pictures: Tensor, texts: Tensor, captions: Sequence[str], among: int = AMONG) -> list[float]:
    """Tell of each picture whether its own caption, or one of the same words, is the nearest of its group.

    Args:
        pictures: embeddings of the first N pictures, N x D.
        texts: the embeddings of all captions, M x D, M at least N; what is left over of whole groups of
            captions is not looked at.
        captions: the captions.
        among: captions of a group.

    Returns:
        1.0 or 0.0 for each picture of a whole group.
    """
    right = []
    for start in range(0, len(texts) - among + 1, among):
        group = slice(start, start + among)
        best = (pictures[group] @ texts[group].T).argmax(dim=1).tolist()
        right += [float(captions[start + b] == captions[start + n]) for n, b in enumerate(best)]
    return right


@torch.no_grad()
def estimates(denoise: Denoise, level: int, pictures: Tensor, device: torch.device | str = "cpu") -> Tensor:
    """Return a denoiser's clean estimates of pictures, N x 3 x H x W in [0, 1], from noise.

    Args:
        denoise: made with the schedule of 1000 steps.
        level: timestep of the noise, 0 to 999.
        pictures: N x 3 x H x W in [0, 1].
        device: where the denoiser is.
    """
    noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(level))
    x = noised(unit_to_signed(pictures), noise, full_schedule(1000), level)
    parts = [denoise(part.to(device), level).denoised.cpu() for part in x.split(AT_ONCE)]
    return signed_to_unit(torch.cat(parts))


def retrieval(networks: Networks, held_out: Drawn) -> dict[str, Figure]:
    """Return how often each perceptor finds the own caption of clean pictures among 64.

    Args:
        networks: the perceptors, the judge among them.
        held_out: a multiple of 64 pictures, whose captions are tried in both kinds of phrasing.
    """
    found = {}
    for name, perceptor in networks.lookers.items():
        rows = seen(perceptor, held_out.pictures, networks.device)
        for kind, texts in (("", held_out.captions), (", unseen phrasings", held_out.phrasings)):
            hits = own_first(rows, told(perceptor, texts), texts)
            found[f"own caption first of {AMONG}, {name}, clean{kind}"] = Figure.of(hits)
    return found


def retrieval_of_estimates(
    networks: Networks, held_out: Drawn, levels: Sequence[int] = LEVELS, count: int | None = None
) -> dict[str, Figure]:
    """Return how often each perceptor finds the own caption of half denoised pictures among 64.

    Args:
        networks: the perceptors, the judge among them, and what denoises.
        held_out: a multiple of 64 pictures.
        levels: timesteps of the noise.
        count: how many of the pictures are denoised; None for all. The captions are those of all.
    """
    denoisers = networks.denoisers(full_schedule(1000))
    pictures = held_out.pictures[:count]
    looks = {
        f"{name} estimate at {level}": estimates(denoise, level, pictures, networks.device)
        for name, denoise in denoisers.items()
        for level in levels
    }
    found = {}
    for name, perceptor in networks.lookers.items():
        captions = told(perceptor, held_out.captions)
        for look, shown in looks.items():
            hits = own_first(seen(perceptor, shown, networks.device), captions, held_out.captions)
            found[f"own caption first of {AMONG}, {name}, {look}"] = Figure.of(hits)
    return found
