"""``python -m animator.pocket.train PART``: draw the world, train a network, or ship all of them."""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

PACKAGE = Path(__file__).parents[1]
PARTS = ["world", "unet", "secondary", "perceptor", "depth", "ship", "evaluate"]


def main() -> None:
    """Read the command line and run one part."""
    parser = argparse.ArgumentParser(prog="python -m animator.pocket.train", description=__doc__)
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("--folder", type=Path, default=Path(".training"), help="checkpoints and pictures")
    parser.add_argument("--blocks", type=int, default=30, help="world: blocks of 1000 pictures")
    parser.add_argument("--steps", type=int, default=0, help="steps; 0 = as the bundled weights were made")
    parser.add_argument("--full-steps", type=int, default=-1, help="unet: steps at full size")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    if given.part == "world":
        from animator.pocket.train.pictures import draw_world

        draw_world(given.folder / "world", given.blocks)
    elif given.part == "unet":
        from animator.pocket.train import unet

        full = given.full_steps if given.full_steps >= 0 else 1400
        unet.train(given.folder, small_steps=given.steps or 3600, full_steps=full)
    elif given.part == "secondary":
        from animator.pocket.train import secondary

        secondary.train(given.folder, steps=given.steps or 3000)
    elif given.part == "perceptor":
        from animator.pocket.train import perceptor

        perceptor.train(given.folder, steps=given.steps or 3000)
    elif given.part == "depth":
        from animator.pocket.train import depth

        depth.train(given.folder, steps=given.steps or 1400)
    elif given.part == "evaluate":
        from animator.pocket.train.evaluate import report

        for name, figure in report().items():
            print(f"| {name} | {figure:.3f} |")
    else:
        from animator.pocket.train import depth, perceptor, secondary, unet

        for part in (unet, secondary, perceptor, depth):
            part.ship(given.folder, PACKAGE)


if __name__ == "__main__":
    main()
