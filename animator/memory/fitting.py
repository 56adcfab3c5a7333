"""``animator plan --gpu``: whether a scene fits a GPU, and how much larger it could be, from the estimate."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from animator.engines.family import read_sections
from animator.engines.registry import family_of
from animator.errors import UsageError
from animator.keyframes.timeline import Timeline
from animator.memory.estimate import MemoryEstimate, estimate
from animator.memory.gpus import Gpu
from animator.memory.machine import in_gib
from animator.scene.reading import LoadedScene
from animator.settings.scene import SIZE_STEP
from animator.types import DIFFUSION_SCALE

LARGEST_SIDE = 4096
MOST_CUTS = 256
CUTS = ("guidance.cuts.overview", "guidance.cuts.innercut")

MODELS = (
    "ViT-B-32", "RN50", "RN101", "ViT-B-16", "RN50x4", "RN50x16", "ViT-L-14", "ViT-L-14-336", "RN50x64",
)  # fmt: skip
"""OpenAI's CLIP models, those that take least memory first."""

NO_ROOM = (
    "which is more: a render then saves memory (cuts in parts, activations recomputed, idle networks off the "
    "GPU), takes longer, and may still not fit"
)


def taken(loaded: LoadedScene, gpu: Gpu) -> MemoryEstimate:
    """Return what a scene takes on a GPU, with the number format that it would have there.

    Raises:
        UsageError: a network is unknown, or is a file that names no family.
    """
    diffusion = loaded.scene.diffusion
    if diffusion.precision == "auto":
        precision = "bfloat16" if gpu.bfloat16 else "float32"
        loaded = with_settings(loaded, diffusion=diffusion.model_copy(update={"precision": precision}))
    return estimate(loaded, "cuda")


def with_settings(loaded: LoadedScene, **changed: Any) -> LoadedScene:
    """Return a scene with other settings, of which none changes over the frames."""
    return dataclasses.replace(loaded, scene=loaded.scene.model_copy(update=changed))


def with_cuts(loaded: LoadedScene, cuts: int) -> LoadedScene:
    """Return a scene of as many cuts a batch at every step, a quarter of them of the whole picture."""
    whole = -(-cuts // 4)
    numbers = dict(zip(CUTS, (whole, cuts - whole), strict=True))
    timeline: Timeline = loaded.timeline
    table = timeline.table.drop(columns=[name for name in CUTS if name in timeline.table])
    schedules = {**timeline.schedules}
    schedules |= {name: np.full(DIFFUSION_SCALE, float(number)) for name, number in numbers.items()}
    return dataclasses.replace(
        loaded, timeline=dataclasses.replace(timeline, table=table, schedules=schedules)
    )


def with_models(loaded: LoadedScene, models: Sequence[str]) -> LoadedScene:
    """Return a scene with these CLIP models, each of weight 1."""
    names = [f"guidance.clip_models.{name}" for name in loaded.scene.guidance.clip_models]
    timeline = loaded.timeline
    table = timeline.table.drop(columns=[name for name in names if name in timeline.table])
    schedules = {name: one for name, one in timeline.schedules.items() if name not in names}
    guidance = loaded.scene.guidance.model_copy(update={"clip_models": dict.fromkeys(models, 1)})
    changed = with_settings(loaded, guidance=guidance)
    return dataclasses.replace(
        changed, timeline=dataclasses.replace(timeline, table=table, schedules=schedules)
    )


def sizes_like(size: tuple[int, int]) -> list[tuple[int, int]]:
    """Return sizes in about the shape of one, in multiples of 64, the smallest first, itself among them.

    >>> sizes_like((1280, 768))[:3], (1280, 768) in sizes_like((1280, 768))
    ([(64, 64), (128, 64), (192, 128)], True)
    """
    width, height = size
    found = {size}
    for side in range(SIZE_STEP, LARGEST_SIDE + 1, SIZE_STEP):
        if width >= height:
            pair = (side, max(SIZE_STEP, round(side * height / width / SIZE_STEP) * SIZE_STEP))
        else:
            pair = (max(SIZE_STEP, round(side * width / height / SIZE_STEP) * SIZE_STEP), side)
        found.add(pair)
    return sorted(found, key=lambda pair: (pair[0] * pair[1], pair))


@dataclass
class Search:
    """Looks for the most that fits, with few estimates: memory grows nearly in proportion.

    Attributes:
        room: bytes that there are.
        taken: returns the bytes that an option takes; it takes seconds.
        known: what is known of it, by the place of the option.
        left: estimates that may still be made.
    """

    room: int
    taken: Callable[[Any], int]
    known: dict[int, int] = field(default_factory=dict)
    left: int = 5

    def most(self, options: Sequence[Any], measure: Callable[[Any], float]) -> Any | None:
        """Return the largest option that fits; None where the smallest does not.

        Where the estimates run out it is the largest of those that were found to fit.

        Args:
            options: in rising order.
            measure: what memory grows with.

        >>> Search(100, lambda size: 10 + 3 * size).most(range(1, 50), float)
        30
        """
        low, high = -1, len(options)
        for place, size in self.known.items():
            low, high = (max(low, place), high) if size <= self.room else (low, min(high, place))
        while high - low > 1 and self.left:
            place = self._guess(options, measure, low, high)
            self.known[place] = self.taken(options[place])
            self.left -= 1
            low, high = (place, high) if self.known[place] <= self.room else (low, place)
        return options[low] if low >= 0 else None

    def _guess(self, options: Sequence[Any], measure: Callable[[Any], float], low: int, high: int) -> int:
        """Return the place between two at which the room is probably just enough."""
        points = sorted((measure(options[place]), size) for place, size in self.known.items())
        if len(points) < 2:
            return (low + high) // 2 if not points else (low + 1 if low < 0 else min(high - 1, 2 * low + 1))
        sizes, bytes_ = zip(*points, strict=True)
        nearest = int(np.argmin(np.abs(np.array(bytes_, float) - self.room)))
        other = nearest - 1 if nearest else 1
        slope = (bytes_[nearest] - bytes_[other]) / (sizes[nearest] - sizes[other])
        wanted = sizes[nearest] + (self.room - bytes_[nearest]) / slope if slope > 0 else sizes[-1]
        fitting = [place for place in range(low + 1, high) if measure(options[place]) <= wanted]
        return fitting[-1] if fitting else low + 1


def largest_size(loaded: LoadedScene, gpu: Gpu, own: int) -> tuple[int, int] | None:
    """Return the largest size in a scene's shape that fits, as far as was looked; None where none does.

    Args:
        loaded: the scene.
        gpu: where it is to fit.
        own: bytes that it takes at its own size.
    """
    sizes = sizes_like(loaded.scene.size)
    search = Search(
        gpu.room,
        lambda size: taken(with_settings(loaded, size=size), gpu).total,
        {sizes.index(loaded.scene.size): own},
    )
    found: tuple[int, int] | None = search.most(sizes, lambda size: size[0] * size[1])
    return found


def most_cuts(loaded: LoadedScene, gpu: Gpu) -> int | None:
    """Return the most cuts a batch that fit, 1 to 256, as far as was looked; None where not even one does."""
    counts = [1, 2, *range(4, MOST_CUTS + 1, 4)]
    search = Search(gpu.room, lambda cuts: taken(with_cuts(loaded, cuts), gpu).total)
    found: int | None = search.most(counts, float)
    return found


def models_that_fit(loaded: LoadedScene, gpu: Gpu) -> list[str]:
    """Return OpenAI's CLIP models of which each alone fits in place of the scene's, the lightest first."""
    search = Search(gpu.room, lambda place: taken(with_models(loaded, [MODELS[place]]), gpu).total)
    most: int | None = search.most(range(len(MODELS)), float)
    return list(MODELS[: 0 if most is None else most + 1])


def fitting_lines(loaded: LoadedScene, gpu: Gpu) -> Iterator[str]:
    """Yield what ``plan --gpu`` reports, a line at a time: some take seconds.

    Raises:
        UsageError: a network is unknown, or cannot be known from the scene.
        WeightsError: the description of a network is absent or damaged.
    """
    scene = loaded.scene
    if scene.models == "fake":
        raise UsageError("--gpu: models: fake takes no networks, and fits anywhere")
    found = taken(loaded, gpu)
    format_ = "bfloat16" if gpu.bfloat16 else "float32, for it has no bfloat16"
    yield f"on {gpu.name}: {in_gib(gpu.room)} of {gpu.gigabytes:g} GB for a render ({format_}; estimated)"
    verdict = "fits" if found.total <= gpu.room else NO_ROOM
    yield f"  this scene       {in_gib(found.total)}, {verdict}"
    size = largest_size(loaded, gpu, found.total)
    yield f"  largest size     {f'{size[0]} x {size[1]}' if size else 'none, with these networks and cuts'}"
    if "guidance" not in read_sections(family_of(scene.diffusion.model), scene):
        return
    cuts = most_cuts(loaded, gpu)
    yield f"  most cuts        {f'{cuts} a batch' if cuts else 'none'} at {scene.size[0]} x {scene.size[1]}"
    good = models_that_fit(loaded, gpu)
    yield f"  CLIP models      each alone, at this size and cuts: {', '.join(good) or 'none'}"
    if bad := MODELS[len(good) :]:
        yield f"                   not: {', '.join(bad)}"
