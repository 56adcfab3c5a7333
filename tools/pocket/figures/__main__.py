"""``python -m tools.pocket.figures``: measure the shipped networks and print the table of their card."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from animator.runs.png import encode_png
from animator.system.convert import frame_to_uint8
from animator.watch.sheet import sheet
from tools.pocket import JUDGE
from tools.pocket.figures.figure import CARD, HEAD, Figure, read, row, write
from tools.pocket.figures.held_out import FIRST
from tools.pocket.figures.networks import read_judge
from tools.pocket.figures.precision import TRAINING
from tools.pocket.figures.report import PARTS, Extent, figures
from tools.pocket.figures.retrieval import AMONG

COLUMNS = 16


def parser() -> argparse.ArgumentParser:
    """Return the reader of the command line."""
    words = argparse.ArgumentParser(prog="python -m tools.pocket.figures", description=__doc__)
    words.add_argument(
        "--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS)
    )
    words.add_argument("--seeds-from", type=int, default=FIRST, help="first seed of the held-out pictures")
    words.add_argument("--count", type=int, default=256, help=f"held-out pictures, a multiple of {AMONG}")
    words.add_argument("--quick", action="store_true", help="a quarter of everything; minutes, not hours")
    words.add_argument("--prompts", type=Path, help="a file of prompts of your own, one a line")
    words.add_argument("--seeds", type=int, default=4, help="pictures of each prompt")
    words.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change the scene")
    words.add_argument("--batch", type=int, default=4, help="pictures painted at once")
    words.add_argument("--judge", type=Path, default=JUDGE, help="folder of the judge")
    words.add_argument("--training", type=Path, default=TRAINING, help="folder of the float32 weights")
    words.add_argument(
        "--sheets", type=Path, help="folder for sheets of the painted pictures, a prompt a row"
    )
    words.add_argument("--write", action="store_true", help="keep the figures as those of the card")
    return words


def extent_of(given: argparse.Namespace) -> Extent:
    """Return what the command line asks to be measured."""
    extent = Extent(
        parts=tuple(given.only),
        first=given.seeds_from,
        count=AMONG if given.quick else given.count,
        estimated=AMONG if given.quick else max(AMONG, given.count // 2 // AMONG * AMONG),
        seeds=1 if given.quick else given.seeds,
        settings=tuple(given.set),
        batch=given.batch,
        judge=given.judge,
        training=given.training,
        device=torch.device("cuda" if torch.cuda.is_available() else "cpu"),
    )
    if given.prompts is None:
        return extent
    lines = [line.strip() for line in given.prompts.read_text(encoding="utf-8").splitlines()]
    own: list[tuple[str, dict[str, str]]] = [(line, {}) for line in lines if line]
    return replace(extent, prompts=own, painted=len(own))


def keep_sheet(folder: Path, name: str, pictures: Tensor) -> None:
    """Write pictures, P x S x 3 x H x W in [0, 1], side by side into a PNG of the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    tiles = [frame_to_uint8(one) for one in pictures.flatten(0, 1)]
    columns = max(1, COLUMNS // pictures.shape[1]) * pictures.shape[1]
    (folder / f"{name}.png").write_bytes(encode_png(sheet(tiles, len(tiles), columns, 2), {}))


def main() -> None:
    """Measure, print, and keep what was asked for."""
    given = parser().parse_args()
    extent = extent_of(given)
    if read_judge(given.judge) is None:
        print(f"no judge in {given.judge}: nothing is told of what only it can judge", flush=True)
    folder = given.sheets
    keep = None if folder is None else lambda name, pictures: keep_sheet(folder, name, pictures)
    found: dict[str, Figure] = {}
    print(HEAD)
    for group in figures(extent, keep):
        for name, one in group.items():
            print(row(name, one), flush=True)
        found |= group
    if given.write:
        # What was not measured this time stays as it is.
        whole = set(extent.parts) == set(PARTS) or not CARD.is_file()
        write(found if whole else {**read(), **found})


if __name__ == "__main__":
    main()
