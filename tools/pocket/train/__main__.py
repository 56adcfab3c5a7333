"""``python -m tools.pocket.train PART``: draw the world, train a network, ship it, draw how it went."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch

from tools.pocket import CHECKOUT, JUDGE, WEIGHTS
from tools.pocket.train import (
    autoencoder,
    curves,
    depth,
    diffused,
    estimates,
    latent,
    perceptor,
    pictures,
    secondary,
    told,
    unet,
)
from tools.pocket.train.session import Machine

CURVES = CHECKOUT / "docs" / "training.png"

STEPS = {
    "unet": 28700,
    "secondary": 27500,
    "perceptor": 11000,
    "perceptor-vit": 8000,
    "judge": 5200,
    "depth": 39600,
    "autoencoder": 6000,
    "latent": 30000,
}
"""Steps of a training from nothing with a CPU's batch, about what the bundled weights had in all.

With a larger ``--batch`` as many fewer are enough."""

MIXED = tuple(perceptor.RECIPES)
"""What may be shipped mixed with earlier weights."""


def read_command() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m tools.pocket.train", description=__doc__)
    parser.add_argument("part", choices=["world", "estimates", "diffused", *STEPS, "ship", "curves"])
    parser.add_argument("names", nargs="*", choices=[[], *STEPS], help="ship: which; all that are there")
    parser.add_argument("--folder", type=Path, default=Path(".training"), help="checkpoints and pictures")
    parser.add_argument("--blocks", type=int, default=30, help="of pictures: world, estimates, diffused")
    parser.add_argument("--steps", type=int, default=0, help="steps; 0 = as many as the bundled weights had")
    parser.add_argument(
        "--minutes", type=float, default=0, help="stop sooner, the learning rate falling in time"
    )
    parser.add_argument("--full-steps", type=int, default=-1, help="unet: how many of them at full size")
    parser.add_argument("--start", type=Path, help="earlier weights to begin with or, ship: mix in")
    parser.add_argument(
        "--share", type=float, default=0.6, help="ship: of new weights, where --start is given"
    )
    parser.add_argument("--rate", type=float, help="highest learning rate")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument(
        "--compile", action="store_true", help="compile the networks, on a GPU (minutes; see the card)"
    )
    parser.add_argument("--threads", type=int, default=2, help="threads; world: processes")
    parser.add_argument("--batch", type=int, default=0, help="pictures a step; 0 = as on a CPU")
    given = parser.parse_args()
    if given.part == "ship" and given.start and not (len(given.names) == 1 and given.names[0] in MIXED):
        parser.error(f"ship --start mixes one network, of {', '.join(MIXED)}: name it")
    return given


def main() -> None:
    """Read the command line and run one part."""
    given = read_command()
    torch.set_num_threads(given.threads)
    machine = Machine(given.device, compile=given.compile and given.device != "cpu")
    if given.part == "world":
        pictures.draw_world(given.folder / "world", given.blocks, given.threads)
        return told.tell(given.folder / "world", given.threads)
    if given.part == "estimates":
        return estimates.draw_estimates(given.folder, given.blocks, machine)
    if given.part == "diffused":
        return diffused.draw_diffused(given.folder, given.blocks, machine)
    if given.part == "ship":
        for name in given.names or [one for one in STEPS if (given.folder / f"{one}.pt").exists()]:
            _ship(name, given)
        return None
    if given.part == "curves":
        return curves.draw_curves(given.folder, list(STEPS), CURVES)
    more = {name: value for name in ("rate", "batch", "minutes") if (value := getattr(given, name))}
    steps = given.steps or STEPS[given.part]
    if given.part == "unet":
        full = given.full_steps if given.full_steps >= 0 else steps * 14 // 25
        unet.train(
            given.folder,
            small_steps=steps - full,
            full_steps=full,
            machine=machine,
            start=given.start,
            **more,
        )
    elif given.part in perceptor.RECIPES:
        perceptor.train(given.folder, given.part, steps=steps, machine=machine, start=given.start, **more)
    else:
        parts = {"secondary": secondary, "depth": depth, "autoencoder": autoencoder, "latent": latent}
        train: Callable[..., None] = parts[given.part].train
        train(given.folder, steps=steps, machine=machine, start=given.start, **more)
    return None


def _ship(name: str, given: argparse.Namespace) -> None:
    if name in perceptor.RECIPES:
        package = JUDGE if name == "judge" else WEIGHTS
        perceptor.ship(given.folder, name, package, given.start, given.share)
    elif name != "autoencoder":  # which goes with the latent network
        parts = {"unet": unet, "secondary": secondary, "depth": depth, "latent": latent}
        parts[name].ship(given.folder, WEIGHTS)


if __name__ == "__main__":
    main()
