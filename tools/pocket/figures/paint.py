"""Pictures of prompts, painted the way that a user's stills are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from animator.film.stills import stills
from animator.run.job import shot_of
from animator.run.sources import gather
from animator.run.tools import load_tools
from animator.scene.reading import LoadedScene, read_text_scene
from animator.types import StillEngine
from tools.pocket.figures.held_out import SIDE

STEPS = 30
UNGUIDED = ("guidance.clip_guidance_scale=0", "guidance.cuts.overview=1", "guidance.cuts.innercut=0")
"""Settings under which no prompt pulls; cuts that nothing is asked of would only take time."""


def scene_of(prompt: str, seeds: Sequence[int], settings: Sequence[str] = ()) -> LoadedScene:
    """Return a scene of one still a seed, everything at its default but the size and the steps.

    Args:
        prompt: the only prompt.
        seeds: one a picture.
        settings: changes, as of ``--set``.
    """
    scene = {
        "mode": "still",
        "size": [SIDE, SIDE],
        "images": len(seeds),
        "seed": list(seeds),
        "prompts": [{"text": prompt}],
        "diffusion": {"steps": STEPS},
    }
    return read_text_scene(json.dumps(scene), "figures.yaml", settings)


def guiding(settings: Sequence[str] = ()) -> list[str]:
    """Return the names of the perceptors that guide, as a scene has them by default."""
    return list(scene_of("a landscape", [0], settings).scene.guidance.clip_models)


def paint(
    prompts: Sequence[str], seeds: int, *, first_seed: int = 1, settings: Sequence[str] = (), batch: int = 1
) -> Tensor:
    """Paint prompts, each from seeds of its own, so that also pictures without guidance all differ.

    Args:
        prompts: one or more.
        seeds: pictures of each.
        first_seed: of the first picture; every further one has the next.
        settings: changes, as of ``--set``.
        batch: pictures painted at once.

    Returns:
        prompts x seeds x 3 x H x W in [0, 1], on the CPU.
    """
    engine: StillEngine | None = None
    rows = []
    for number, prompt in enumerate(prompts):
        first = first_seed + number * seeds
        loaded = scene_of(prompt, range(first, first + seeds), settings)
        if engine is None:
            engine = load_tools(loaded, gather(loaded)).engine
        rows.append(torch.stack(list(_painted(loaded, engine, batch))))
    return torch.stack(rows)


def _painted(loaded: LoadedScene, engine: StillEngine, batch: int) -> Iterator[Tensor]:
    wanted = range(loaded.scene.images)
    shot = shot_of(loaded, gather(loaded))
    for one in stills(loaded.timeline, shot, engine, wanted, {}, batch=batch):
        yield one.picture.cpu()
