"""What a scene does, in a few lines and one row a curve."""

from __future__ import annotations

import pandas as pd

from animator.keyframes.schedules import schedule_text
from animator.keyframes.timeline import prompts_text
from animator.scene.heard import heard_timeline
from animator.scene.reading import LoadedScene
from animator.system.plural import counted

COLUMNS = 8
"""Frames that are shown."""


def summary(loaded: LoadedScene) -> str:
    """Return the length of the film, its prompts as they change, and every number that is not constant."""
    scene, timeline = loaded.scene, heard_timeline(loaded.scene, loaded.timeline)
    what = "picture" if scene.mode == "still" else "frame"
    width, height = scene.size
    length = (
        ""
        if scene.mode == "still"
        else f", {scene.frames / scene.fps:.1f} s at {scene.fps:g} frames a second"
    )
    size = f"{counted(scene.count, what)} of {width} x {height}"
    if scene.large_size is not None:
        size += f", painted again at {scene.large_size[0]} x {scene.large_size[1]}"
    lines = [f"{loaded.source}: {scene.mode}, {size}{length}, seed {scene.seed}"]
    lines += ["", "prompts", *_prompts(loaded)]
    changing = timeline.table.loc[:, timeline.table.nunique() > 1]
    if len(changing.columns):
        lines += ["", "over the frames", _sampled(changing).to_string()]
    if timeline.schedules:
        lines += ["", "over the diffusion"]
        lines += [f"  {name}  {schedule_text(values)}" for name, values in timeline.schedules.items()]
    return "\n".join(lines)


def _prompts(loaded: LoadedScene) -> list[str]:
    """One line for every frame at which the set of texts changes."""
    lines, before = [], None
    for frame in range(loaded.timeline.frames):
        prompts = loaded.timeline.row(frame).prompts
        texts = tuple(prompt.text for prompt in prompts)
        if texts != before:
            lines.append(f"  {frame:>6}  {prompts_text(prompts)}")
        before = texts
    return lines


def _sampled(table: pd.DataFrame) -> pd.DataFrame:
    """A column a shown frame, evenly from the first to the last."""
    last = len(table) - 1
    shown = sorted({round(step * last / (COLUMNS - 1)) for step in range(COLUMNS)})
    return table.iloc[shown].T.map(lambda value: f"{value:.5g}")
