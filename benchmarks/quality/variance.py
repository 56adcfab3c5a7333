"""``python -m benchmarks.quality.variance``: how much a step's gradient varies with the cuts that are drawn.

The variance over draws, as a share of the square of the mean gradient, of cuts at random and of cuts that are
spread evenly (`guidance.even_cuts`), through the bundled perceptor.
"""

from __future__ import annotations

import torch
from torch import Tensor

from animator.diffusion.cutouts import CutSettings, make_cuts
from animator.diffusion.losses import spherical_distance
from animator.diffusion.perceptors import Perceptor, load_perceptor
from benchmarks.quality.paint import one_thread
from tools.pocket.figures.held_out import FIRST, drawn

DRAWS = 24
SETTINGS = {
    "whole picture and squares, halves": (1, 1),
    "a quarter squares": (3, 1),
    "three quarters": (1, 3),
}
"""Shares of cuts of the whole picture and of squares inside it."""


def gradient(
    perceptor: Perceptor, picture: Tensor, told: Tensor, settings: CutSettings, generator: torch.Generator
) -> Tensor:
    """Return the gradient of one batch of cuts, 3 x H x W, of how far a picture is from a text."""
    seen = picture[None].clone().requires_grad_()
    embeds = perceptor.encode_images(make_cuts(seen, perceptor.size, settings, generator))
    (found,) = torch.autograd.grad(spherical_distance(embeds, told).mean(), seen)
    return found[0]


def variance(perceptor: Perceptor, picture: Tensor, told: Tensor, settings: CutSettings, draws: int) -> float:
    """Return the variance of the gradient, as a share of the square of its mean (which is freed of it)."""
    generator = torch.Generator().manual_seed(1)
    found = torch.stack(
        [gradient(perceptor, picture, told, settings, generator) for _ in range(draws)]
    ).flatten(1)
    spread = float(found.var(dim=0).sum())
    return spread / max(float(found.mean(dim=0).square().sum()) - spread / draws, 1e-30)


def main() -> None:
    """Print a table."""
    one_thread()
    perceptor = load_perceptor("pocket")
    shown = drawn(FIRST, 2)
    told = perceptor.encode_text(["a red lighthouse on a cliff by the sea at sunset"])
    print("| cuts | of the whole picture, squares | at random | evenly |\n|---|---|---|---|")
    for name, (overview, inner) in SETTINGS.items():
        for count in (4, 8, 16):
            cuts = count * overview // (overview + inner), count * inner // (overview + inner)
            rows = [
                sum(
                    variance(perceptor, picture, told, CutSettings(*cuts, even=even), DRAWS)
                    for picture in shown.pictures
                )
                / len(shown.pictures)
                for even in (False, True)
            ]
            print(f"| {count} | {name} {cuts} | {rows[0]:.2f} | {rows[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
