"""Whether painted pictures show what was asked for, in the eyes of a judge that did not guide them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from animator.diffusion.perceptors import Perceptor
from tools.pocket.figures.attributes import right_values
from tools.pocket.figures.figure import Figure
from tools.pocket.figures.held_out import Drawn
from tools.pocket.figures.networks import Networks
from tools.pocket.figures.retrieval import seen, told

Prompts = Sequence[tuple[str, Mapping[str, str]]]
"""Prompts, each with the attributes that it names."""


def places(
    perceptor: Perceptor, pictures: Tensor, prompts: Sequence[str], device: torch.device | str = "cpu"
) -> list[int]:
    """Return the place that each picture's own prompt has among all prompts, 1 the nearest.

    Args:
        perceptor: who looks.
        pictures: P x S x 3 x H x W in [0, 1], S of each prompt.
        prompts: P or more; the first are those of the pictures.
        device: where the perceptor is.

    Returns:
        P * S places, those of the first prompt first.
    """
    count, each = pictures.shape[:2]
    near = seen(perceptor, pictures.flatten(0, 1), device) @ told(perceptor, prompts).T
    own = near.gather(1, torch.arange(count).repeat_interleave(each)[:, None])
    return (1 + (near > own).sum(dim=1)).tolist()


def _places(kind: str, who: str, found: Sequence[int], among: int) -> dict[str, Figure]:
    first = [float(place == 1) for place in found]
    return {
        f"own prompt first of {among}, {who}, {kind}": Figure.of(first),
        f"mean place of the own prompt among {among}, {who}, {kind}": Figure.of(found),
    }


def fidelity(
    networks: Networks,
    prompts: Prompts,
    guided: Tensor,
    unguided: Tensor | None,
    guides: Sequence[str],
) -> dict[str, Figure]:
    """Return the figures of painted prompts.

    Args:
        networks: the judge, or nothing of it is told, and the perceptors that guided.
        prompts: those that were painted first; others may follow, that are only offered to choose from.
        guided: pictures of the first prompts, P x S x 3 x H x W in [0, 1].
        unguided: pictures of the same form that no prompt pulled at; None for no baseline.
        guides: names of the perceptors that guided.
    """
    texts = [text for text, _ in prompts]
    sets = {"guided": guided} if unguided is None else {"guided": guided, "unguided": unguided}
    found: dict[str, Figure] = {}
    for kind, pictures in sets.items():
        if networks.judge is not None:
            judged = places(networks.judge, pictures, texts, networks.device)
            found |= _places(kind, "judge", judged, len(texts))
            found |= _attributes(networks.judge, prompts, pictures, kind, networks.device)
    for name in guides:
        judged = places(networks.perceptors[name], guided, texts, networks.device)
        found |= _places("guided", f"{name} itself", judged, len(texts))
    return found


def _attributes(
    judge: Perceptor, prompts: Prompts, pictures: Tensor, kind: str, device: torch.device
) -> dict[str, Figure]:
    count, each = pictures.shape[:2]
    said = [one for _, one in prompts[:count] for _ in range(each)]
    right = right_values(judge, seen(judge, pictures.flatten(0, 1), device), said)
    return {f"{name} right, judge, {kind}": Figure.of(hits) for name, hits in right.items() if hits}


def attributes_of_the_world(networks: Networks, held_out: Drawn) -> dict[str, Figure]:
    """Return how often the judge sees the attributes of true pictures: as much as can be hoped for."""
    if networks.judge is None:
        return {}
    rows = seen(networks.judge, held_out.pictures, networks.device)
    right = right_values(networks.judge, rows, held_out.said)
    return {f"{name} right, judge, true pictures": Figure.of(hits) for name, hits in right.items() if hits}
