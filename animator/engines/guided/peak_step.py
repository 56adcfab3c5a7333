"""What the most demanding step of a scene's guided diffusion asks for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from animator.diffusion.cutouts import CutSettings
from animator.diffusion.step_values import StepValues
from animator.keyframes.timeline import Timeline
from animator.settings.scene import Scene
from animator.types import DIFFUSION_SCALE


@dataclass(frozen=True)
class Worst:
    """The most demanding step: what any step of any frame asks for, all at once.

    Attributes:
        values: the settings of guidance.
        pictures: how many are painted together.
        prompts: most prompts that a frame has.
        init: whether there may be a picture to stay near.
    """

    values: StepValues
    pictures: int
    prompts: int
    init: bool


def worst_step(scene: Scene, timeline: Timeline, *, together: bool) -> Worst:
    """Return the most demanding step of a scene.

    Args:
        scene: the scene.
        timeline: its values over the frames.
        together: whether stills are painted in batches, as on a GPU.
    """
    guidance = scene.guidance

    def ever(name: str, written: object) -> float:
        return float(_values(timeline, name, written).max())

    secondary = _values(timeline, "diffusion.secondary", scene.diffusion.secondary).min()
    values = StepValues(
        cuts=_most_cuts(scene, timeline),
        clip_models={
            name: ever(f"guidance.clip_models.{name}", weight)
            for name, weight in guidance.clip_models.items()
        },
        clip_guidance_scale=ever("guidance.clip_guidance_scale", guidance.clip_guidance_scale),
        tv_scale=ever("guidance.tv_scale", guidance.tv_scale),
        range_scale=ever("guidance.range_scale", guidance.range_scale),
        sat_scale=ever("guidance.sat_scale", guidance.sat_scale),
        symmetry_loss_scale=ever("guidance.symmetry_loss_scale", guidance.symmetry_loss_scale),
        init_scale=1.0,
        secondary=bool(secondary >= 0.5),
        rand_mag=float(ever("guidance.fuzzy_prompt", guidance.fuzzy_prompt) >= 0.5),
        reuse=round(ever("diffusion.reuse", scene.diffusion.reuse)),
    )
    film = scene.mode != "still"
    prompts = max(len(timeline.prompts.at(frame)) for frame in range(timeline.frames))
    return Worst(
        values=values,
        pictures=1 if film or not together else min(scene.batch, scene.images),
        prompts=prompts,
        init=film or scene.diffusion.init_image is not None,
    )


def _most_cuts(scene: Scene, timeline: Timeline) -> CutSettings:
    """Return the cuts of the step that has most of them; of several such, the one with most inner cuts."""
    cuts = scene.guidance.cuts
    overviews = _over_diffusion(timeline, "guidance.cuts.overview", cuts.overview)
    inner = _over_diffusion(timeline, "guidance.cuts.innercut", cuts.innercut)
    place = max(range(len(inner)), key=lambda at: (overviews[at] + inner[at], inner[at]))
    skip = _values(timeline, "guidance.skip_augs", scene.guidance.skip_augs).min()
    return CutSettings(int(overviews[place]), int(inner[place]), skip_augs=bool(skip >= 0.5))


def _over_diffusion(timeline: Timeline, name: str, written: object) -> np.ndarray:
    """Return the most that a setting is in any frame, at each position of the diffusion; whole numbers."""
    values = _values(timeline, name, written)
    if name in timeline.schedules:
        return np.round(values)
    return np.full(DIFFUSION_SCALE, np.round(values.max()))


def _values(timeline: Timeline, name: str, written: object) -> np.ndarray:
    """Return every number that a setting is at."""
    if name in timeline.schedules:
        return np.asarray(timeline.schedules[name])
    if name in timeline.table:
        result: np.ndarray = timeline.table[name].to_numpy()
        return result
    if isinstance(written, bool | int | float):
        return np.array([float(written)])
    raise ValueError(f"{name} is {written!r}, and the timeline has no numbers for it")
