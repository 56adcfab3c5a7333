"""How good the pictures of a way are, in the eyes of the judge that never guides, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from animator.diffusion.perceptors import Perceptor
from benchmarks.quality.paint import Kept, Shelf, wanted
from benchmarks.quality.ways import Way
from tools.pocket.figures.attributes import right_values
from tools.pocket.figures.fid import frechet
from tools.pocket.figures.held_out import FIRST, drawn
from tools.pocket.figures.networks import read_judge
from tools.pocket.figures.retrieval import seen, told
from tools.pocket.world.prompts import PROMPTS

WORLD = 640
"""Held-out pictures that stand for the world: four times as many as forty prompts by four seeds."""

WORLD_FROM = FIRST + 10_000
"""Their first seed, beyond those of all painted pictures."""

DRAWN_AT_ONCE = 40


@dataclass(frozen=True)
class Judged:
    """What a way gives.

    Attributes:
        count: pictures that the figures are of, the same prompts and seeds in every way.
        seconds: median processor seconds a picture, ours.
        times: how many times less than the first way's, its `Way.slower` counted in.
        first: of each picture, whether its own prompt is the nearest of all.
        near: of each picture, cosine of its embedding and its own prompt's.
        right: of each picture whose prompt names an object, whether it is seen.
        distance: Fréchet distance from the world.
    """

    count: int
    seconds: float
    times: float
    first: np.ndarray
    near: np.ndarray
    right: np.ndarray
    distance: float


HEAD = (
    "| way | s a picture | times faster | own prompt first | object right | Fréchet | cosine to prompt "
    "| of |\n"
    "|---|---|---|---|---|---|---|---|"
)


def row(name: str, one: Judged) -> str:
    """Return a way as a row of the table under `HEAD`; means with their standard errors."""
    cells = [name, f"{one.seconds:.1f}", f"{one.times:.1f}", _share(one.first), _share(one.right)]
    near = f"{one.near.mean():.3f} ± {one.near.std() / len(one.near) ** 0.5:.3f}"
    return f"| {' | '.join([*cells, f'{one.distance:.3f}', near, str(one.count)])} |"


def _share(hits: np.ndarray) -> str:
    return f"{hits.mean():.3f} ± {hits.std() / len(hits) ** 0.5:.3f}"


def judged(
    folder: Path, ways: Sequence[tuple[str, Way]], prompts: int, seeds: int
) -> Iterator[tuple[str, Judged]]:
    """Yield the figures of ways, over the pictures that all of them have.

    Raises:
        ValueError: there are none, or no judge.
    """
    judge = read_judge()
    if judge is None:
        raise ValueError("there is no judge: tests/data/judge is missing")
    shelves = [Shelf(folder, name, way) for name, way in ways]
    common = [one for one in wanted(prompts, seeds) if all(shelf.has(*one) for shelf in shelves)]
    if len(common) < 2:
        raise ValueError("these ways have less than two pictures in common")
    world = _world(folder, judge)
    texts = told(judge, [text for text, _ in PROMPTS])
    cost = 0.0
    for (name, way), shelf in zip(ways, shelves, strict=True):
        found = _judged(judge, [shelf.get(*one) for one in common], texts, world)
        cost = cost or found.seconds * way.slower
        yield name, Judged(**{**vars(found), "times": cost / (found.seconds * way.slower)})


def _judged(judge: Perceptor, pictures: Sequence[Kept], texts: Tensor, world: np.ndarray) -> Judged:
    rows = seen(judge, torch.stack([one.frame for one in pictures]))
    near = rows @ texts.T
    own = torch.tensor([one.prompt for one in pictures])
    of_own = near.gather(1, own[:, None])
    return Judged(
        count=len(pictures),
        seconds=float(np.median([one.seconds for one in pictures])),
        times=1.0,
        first=((near > of_own).sum(dim=1) == 0).double().numpy(),
        near=of_own[:, 0].double().numpy(),
        right=np.array(right_values(judge, rows, [PROMPTS[one.prompt][1] for one in pictures])["thing"]),
        distance=frechet(rows.double().numpy(), world),
    )


def _world(folder: Path, judge: Perceptor) -> np.ndarray:
    """Return the judge's embeddings of the world, drawn once."""
    path = folder / f"world-{WORLD_FROM}-{WORLD}.npy"
    if not path.is_file():
        starts = range(WORLD_FROM, WORLD_FROM + WORLD, DRAWN_AT_ONCE)
        rows = [seen(judge, drawn(start, DRAWN_AT_ONCE).pictures).double().numpy() for start in starts]
        folder.mkdir(parents=True, exist_ok=True)
        np.save(path, np.concatenate(rows))
    kept: np.ndarray = np.load(path)
    return kept
