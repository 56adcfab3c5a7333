"""All figures of the card, one group after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from tools.pocket import JUDGE
from tools.pocket.figures.depth import depth
from tools.pocket.figures.fid import distances
from tools.pocket.figures.fidelity import Prompts, attributes_of_the_world, fidelity
from tools.pocket.figures.figure import Figure
from tools.pocket.figures.held_out import FIRST, Drawn, drawn
from tools.pocket.figures.networks import Networks, load_networks
from tools.pocket.figures.paint import UNGUIDED, guiding, paint
from tools.pocket.figures.precision import TRAINING, precision
from tools.pocket.figures.retrieval import AMONG, retrieval, retrieval_of_estimates
from tools.pocket.world.prompts import PROMPTS

PARTS = ("retrieval", "depth", "precision", "fid", "fidelity")

WORLD = 4
"""Held-out pictures that stand for the world in the Fréchet distance, for each painted one."""


@dataclass(frozen=True)
class Extent:
    """What is measured, and on how much.

    Attributes:
        parts: groups of figures, of `PARTS`.
        first: first seed of the held-out pictures; the painted ones begin at it too.
        count: held-out pictures, a multiple of 64; also those painted without guidance.
        estimated: of how many of them estimates, diffused frames and rounded networks are looked at, a
            multiple of 64.
        prompts: what is painted, and what of it can be asked for.
        painted: how many of the prompts are painted; all are offered to choose from.
        seeds: pictures of each.
        settings: changes to the scene that paints, as of ``--set``.
        batch: pictures painted at once.
        judge: folder of the judge.
        training: folder of the float32 weights.
        device: where the networks are.
    """

    parts: tuple[str, ...] = PARTS
    first: int = FIRST
    count: int = 256
    estimated: int = 128
    prompts: Prompts = field(default_factory=lambda: PROMPTS)
    painted: int = 40
    seeds: int = 4
    settings: tuple[str, ...] = ()
    batch: int = 4
    judge: Path = JUDGE
    training: Path = TRAINING
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))


Keep = Callable[[str, Tensor], None]
"""Takes the name and the pictures, P x S x 3 x H x W, of what was painted."""


def figures(extent: Extent, keep: Keep | None = None) -> Iterator[dict[str, Figure]]:
    """Measure one group of figures after the other and yield each by their names, in the order of the card.

    Args:
        extent: what is measured, and on how much.
        keep: given the painted pictures, for whoever wants to look at them.

    Raises:
        ValueError: there are too few pictures to look for a caption among 64.
        WeightsError: weights are absent or damaged.
    """
    if extent.count < AMONG or extent.estimated < AMONG:
        raise ValueError(f"{extent.count} and {extent.estimated} pictures are too few: at least {AMONG}")
    networks = load_networks(extent.judge, extent.device)
    held_out = drawn(extent.first, extent.count)
    if "retrieval" in extent.parts:
        yield retrieval(networks, held_out)
        yield retrieval_of_estimates(networks, held_out.part(extent.estimated))
    if "depth" in extent.parts:
        yield depth(networks, held_out, extent.estimated // 2)
    if "precision" in extent.parts:
        yield precision(held_out.part(AMONG), extent.training)
    if "fidelity" in extent.parts or "fid" in extent.parts:
        yield from _painted(extent, networks, held_out, keep)


def _painted(
    extent: Extent, networks: Networks, held_out: Drawn, keep: Keep | None
) -> Iterator[dict[str, Figure]]:
    """Yield the figures of painted pictures; those without guidance serve as baseline and as samples."""
    texts = [text for text, _ in extent.prompts[: extent.painted]]
    free = max(len(texts) * extent.seeds, extent.count if "fid" in extent.parts else 0)
    rounds = -(-free // extent.seeds)
    unguided = paint(
        ["a landscape"] * rounds,
        extent.seeds,
        first_seed=extent.first,
        settings=(*extent.settings, *UNGUIDED),
        batch=extent.batch,
    )
    if keep is not None:
        keep("unguided", unguided)
    if "fid" in extent.parts:
        yield _distances(extent, networks, unguided.flatten(0, 1)[: extent.count])
    if "fidelity" in extent.parts:
        guided = paint(
            texts, extent.seeds, first_seed=extent.first, settings=extent.settings, batch=extent.batch
        )
        if keep is not None:
            keep("guided", guided)
        baseline = unguided[: len(texts)]
        yield fidelity(networks, extent.prompts, guided, baseline, guiding(extent.settings))
        yield attributes_of_the_world(networks, held_out)


def _distances(extent: Extent, networks: Networks, samples: Tensor) -> dict[str, Figure]:
    """Compare samples, and as many training pictures, with held-out pictures that nothing else looks at."""
    world = drawn(extent.first + extent.count, WORLD * len(samples)).pictures
    training = drawn(0, len(samples)).pictures
    return distances(networks, world, {"samples": samples, "training pictures": training})
