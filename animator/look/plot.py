"""``animator plot``: all curves of a scene, its prompts and the frames that are diffused, as one picture."""

from __future__ import annotations

import dataclasses
import os
import textwrap
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from animator.keyframes.courses import over
from animator.keyframes.schedules import schedule_text
from animator.look.curves import changing
from animator.look.regions import masks_to_show
from animator.scene.heard import heard_timeline
from animator.scene.painted import painted_frames
from animator.scene.pins import pinned_in
from animator.scene.reading import LoadedScene
from animator.system.figures import png_of
from animator.system.glyphs import lettering
from animator.system.plural import counted
from animator.types import Schedule

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import ArrayLike

DPI = 100
WIDTH = 14.0
"""Inches."""

TOGETHER = 4
"""Curves of one section that share a panel where their sizes are alike; more of them take several."""

ALIKE = 8.0
"""Largest ratio of the spans of two curves in one panel."""

TITLE, PROMPT, TICKS, LANE, FOOT = 0.95, 0.34, 0.3, 0.3, 1.0
"""Heights in inches: of the title, a prompt's bar, the row of frames, a schedule, the foot."""

PANEL, LOW_PANEL, MANY = 1.25, 0.9, 8
"""Heights in inches of a panel of curves, and of one of many; and how many are many."""

REGION, MOMENTS = 0.75, 10
"""Height in inches of a region's lane, and of how many frames its mask is shown."""

MOST_PROMPTS = 24
"""Bars; of more prompts the strongest are shown."""

PICTURE, ROOM = "tab:purple", 0.03
"""Colour of the lines at pinned pictures; and the share of the width that the label of one takes at least."""

LETTERS = 150
"""Of a text in a line of the foot."""


def plot(loaded: LoadedScene, sounds: Mapping[str, np.ndarray] | None = None) -> bytes:
    """Return the plot of a scene as a PNG.

    Args:
        loaded: the scene.
        sounds: envelopes of its sound, 0 to 1, by name, a number a frame.
    """
    return png_of(lambda: figure_of(loaded, sounds or {}))


def figure_of(loaded: LoadedScene, sounds: Mapping[str, np.ndarray]) -> Figure:
    """Return the figure of `plot`."""
    # Imported here because it takes a good part of a second; pyplot is not, since it keeps global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    loaded = dataclasses.replace(loaded, timeline=heard_timeline(loaded.scene, loaded.timeline))
    bars = prompt_weights(loaded)
    panels = panels_of(changing(loaded.timeline))
    if sounds:
        panels.append(("sound", pd.DataFrame(sounds)))
    regions = masks_to_show(loaded, MOMENTS) if loaded.scene.regions else {}
    schedules = {name: values for name, values in loaded.timeline.schedules.items() if np.ptp(values) > 0}
    schedules |= courses_of(loaded)
    heights = [
        PROMPT * len(bars.columns) + 0.1,
        TICKS,
        *[PANEL if len(panels) <= MANY else LOW_PANEL] * len(panels),
    ]
    heights += [REGION * len(regions)] * bool(regions)
    heights += [LANE * len(schedules) + 0.1] * bool(schedules)
    between = 0.16
    high = TITLE + FOOT + sum(heights) + between * len(heights) + 0.45 * bool(schedules)
    figure = Figure(figsize=(WIDTH, high), dpi=DPI)
    FigureCanvasAgg(figure)
    y = high - TITLE
    axes: list[Axes] = []
    for number, height in enumerate(heights):
        last = bool(schedules) and number == len(heights) - 1
        y -= height + (0.55 if last else 0)
        place = (0.085, y / high, 0.735, height / high)
        axes.append(figure.add_axes(place, sharex=axes[0] if axes and not last else None))
        y -= between
    over_frames = axes[: len(axes) - bool(schedules)]
    _frames_axis(over_frames, loaded)
    _draw_prompts(axes[0], bars)
    _draw_diffused(axes[1], loaded)
    _draw_pinned(over_frames, loaded)
    if regions:
        _draw_regions(over_frames[-1], regions)
    for panel, (section, table) in zip(over_frames[2 : 2 + len(panels)], panels, strict=True):
        _draw_curves(panel, section, table)
    if schedules:
        _draw_schedules(axes[-1], schedules)
    letters = lettering([loaded.name])
    title = _title(loaded, letters.shown(loaded.name, "scene"))
    figure.text(
        0.085, 1 - 0.3 / high, title, fontsize=14, va="center",
        fontfamily=list(letters.families), parse_math=False,
    )  # fmt: skip
    figure.text(0.085, 0.12 / high, _foot(loaded), fontsize=8, color="0.35", va="bottom")
    return figure


def panels_of(table: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Divide curves among panels: of one section, and together only where one scale shows them all.

    >>> table = pd.DataFrame({"a.p": [0, 1], "a.q": [0, 90], "a.r": [1, 3], "b.s": [0, 1]})
    >>> [(section, list(part)) for section, part in panels_of(table)]
    [('a', ['a.p', 'a.r']), ('a', ['a.q']), ('b', ['b.s'])]
    """
    panels: list[tuple[str, list[str]]] = []
    for name in table.columns:
        section = name.rpartition(".")[0]
        for its, names in panels:
            if (
                its == section
                and _unit(names[0]) == _unit(name)
                and len(names) < TOGETHER
                and _alike(table, [*names, name])
            ):
                names.append(name)
                break
        else:
            panels.append((section, [name]))
    sections = list(dict.fromkeys(section for section, _ in panels))
    panels.sort(key=lambda panel: sections.index(panel[0]))
    return [(section, table[names]) for section, names in panels]


def _unit(name: str) -> str:
    """Return what distinguishes the camera's shifts, turns and angles of view: each has its own unit."""
    return name.partition("_")[0] if name.startswith("camera.") else ""


def _alike(table: pd.DataFrame, names: list[str]) -> bool:
    spans = np.ptp(table[names].to_numpy(), axis=0)
    together = np.ptp(table[names].to_numpy())
    return bool(spans.max() <= ALIKE * spans.min() and together <= ALIKE * spans.min())


def prompt_weights(loaded: LoadedScene) -> pd.DataFrame:
    """Return the weight of every prompt at every frame, 0 where it is not there, a column a text."""
    rows = []
    for frame in range(loaded.timeline.frames):
        prompts = loaded.timeline.row(frame).prompts
        row: dict[str, float] = {}
        for one in prompts:
            text = f"picture {one.text.rpartition('/')[2]}" if one.image else one.text
            text += f"  in {one.region}" if one.region else ""
            text += f"  for {', '.join(one.models)}" if one.models else ""
            row[text] = row.get(text, 0.0) + one.weight
        rows.append(row)
    table = pd.DataFrame(rows).fillna(0.0)
    strongest = table.abs().sum().nlargest(MOST_PROMPTS).index
    return table[[name for name in table.columns if name in set(strongest)]]


def courses_of(loaded: LoadedScene) -> dict[str, Schedule]:
    """Return the weights of prompts that change over the diffusion, by name; of the first set with such."""
    for one in loaded.timeline.prompts.sets:
        courses = [prompt for prompt in one.prompts if prompt.course][:MOST_PROMPTS]
        letters = lettering([prompt.text for prompt in courses])
        shown = [letters.shown(prompt.text, f"prompt {n}") for n, prompt in enumerate(courses)]
        texts = [textwrap.shorten(text, 24, placeholder="…") for text in shown]
        if courses:
            pairs = zip(texts, courses, strict=True)
            return {f"prompts.{n + 1} {text}": over(prompt) for n, (text, prompt) in enumerate(pairs)}
    return {}


def _frames_axis(axes: list[Axes], loaded: LoadedScene) -> None:
    """Set up the frames below the last panel, seconds above the first, and beats as faint lines."""
    scene = loaded.scene
    axes[0].set_xlim(-0.5, scene.count - 0.5)
    for panel in axes:
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelbottom=panel is axes[-1], labelsize=8)
        panel.grid(axis="x", alpha=0.25, linewidth=0.6)
    still = scene.mode == "still"
    axes[-1].set_xlabel("picture" if still else "frame", fontsize=9)
    axes[-1].locator_params(axis="x", integer=True)
    if still:
        return
    seconds = axes[0].secondary_xaxis(
        "top", functions=(partial(_times, factor=1 / scene.fps), partial(_times, factor=scene.fps))
    )
    seconds.set_xlabel("seconds", fontsize=8, labelpad=2)
    seconds.tick_params(labelsize=8)
    if scene.bpm:
        beat = 60 / scene.bpm * scene.fps
        count = min(int(scene.count / beat) + 1, 400)
        for panel in axes:
            for number in range(count):
                strong = number % 4 == 0
                panel.axvline(number * beat, color="tab:red", alpha=0.35 if strong else 0.13, linewidth=0.7)


def _times(values: ArrayLike, factor: float) -> np.ndarray:
    return np.asarray(values, np.float64) * factor


def _draw_prompts(panel: Axes, bars: pd.DataFrame) -> None:
    """Draw each prompt as a bar, as strong as its weight, with its text."""
    import matplotlib

    colours = matplotlib.colormaps["tab10"]
    largest = max(float(bars.abs().to_numpy().max()), 1e-9)
    count = len(bars.columns)
    letters = lettering([" ".join(text.split()) for text in bars.columns])
    for number, text in enumerate(bars.columns):
        weights = bars[text].to_numpy()
        red, green, blue, _ = colours(number % 10)
        image = np.zeros((1, len(weights), 4))
        image[..., :3] = red, green, blue
        image[..., 3] = np.abs(weights) / largest * 0.55
        panel.imshow(
            image, extent=(-0.5, len(weights) - 0.5, number + 0.45, number - 0.45),
            aspect="auto", interpolation="nearest",
        )  # fmt: skip
        label = textwrap.shorten(
            letters.shown(" ".join(text.split()), f"prompt {number}"), 110, placeholder="…"
        )
        present = weights[weights != 0]
        low, high = (present.min(), present.max()) if len(present) else (0.0, 0.0)
        span = f"{low:.3g}" if high - low < 0.005 else f"{low:.2g} to {high:.2g}"
        panel.text(
            0.006, number, label, fontsize=9, va="center", transform=panel.get_yaxis_transform(),
            fontfamily=list(letters.families), parse_math=False,
        )  # fmt: skip
        panel.text(1.01, number, span, fontsize=8, va="center", transform=panel.get_yaxis_transform())
    panel.set_ylim(count - 0.5, -0.5)
    panel.set_xlim(-0.5, len(bars) - 0.5)
    panel.set_yticks([])
    _name(panel, "prompts")


def _draw_diffused(panel: Axes, loaded: LoadedScene) -> None:
    """Draw a tick for every frame that is diffused."""
    diffused = painted_frames(loaded.scene)
    frames = np.flatnonzero(diffused)
    if diffused.all():
        panel.axvspan(-0.5, len(diffused) - 0.5, color="tab:green", alpha=0.35, linewidth=0)
    else:
        panel.eventplot(frames, lineoffsets=0.5, linelengths=0.8, colors="tab:green", linewidths=1.2)
    panel.set_ylim(0, 1)
    panel.set_yticks([])
    _name(panel, "diffused")
    said = "every one" if diffused.all() else f"{len(frames)} of {len(diffused)}"
    panel.text(1.01, 0.5, said, fontsize=8, va="center", transform=panel.transAxes)


def _draw_pinned(axes: list[Axes], loaded: LoadedScene) -> None:
    """Draw a line at the frame of each picture that the film passes through, named where there is room."""
    pinned = pinned_in(loaded.scene)
    labels = [os.path.basename(one.file) for one in pinned]
    letters = lettering(labels)
    frames = [one.frame for one in pinned]
    for number, (one, label) in enumerate(zip(pinned, labels, strict=True)):
        for panel in axes:
            panel.axvline(one.frame, color=PICTURE, linewidth=1, alpha=0.8)
        following = frames[number + 1] if number + 1 < len(frames) else loaded.scene.count
        room = (following - one.frame) / loaded.scene.count
        last = number + 1 == len(pinned) and room < ROOM * 4
        if room < ROOM and not last:
            continue
        shown, most = letters.shown(label, f"picture {number}"), max(5, round(room * LETTERS))
        shown = shown if len(shown) <= most or last else f"{shown[: most - 1]}…"
        axes[1].annotate(
            shown, (one.frame, 0.5), xytext=(-3 if last else 3, 0), textcoords="offset points",
            ha="right" if last else "left", va="center", fontsize=8, color=PICTURE,
            fontfamily=list(letters.families), parse_math=False,
            bbox={"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8},
        )  # fmt: skip


def _draw_regions(panel: Axes, regions: Mapping[str, list[tuple[int, np.ndarray]]]) -> None:
    """Draw the masks of each region at some frames, in a lane of its own, white inside."""
    low, high = panel.get_xlim()
    wide = (high - low) / MOMENTS
    for lane, (name, pictures) in enumerate(regions.items()):
        for frame, mask in pictures:
            left = min(max(frame - wide * 0.46, low), high - wide * 0.92)
            place = (left, left + wide * 0.92, lane + 0.46, lane - 0.46)
            panel.imshow(mask, extent=place, aspect="auto", cmap="gray", vmin=0, vmax=1.2)
        panel.text(1.01, lane, name, fontsize=8, va="center", transform=panel.get_yaxis_transform())
    panel.set_ylim(len(regions) - 0.5, -0.5)
    panel.set_xlim(low, high)
    panel.set_yticks([])
    _name(panel, "regions")


def _draw_curves(panel: Axes, section: str, table: pd.DataFrame) -> None:
    for name in table.columns:
        values = table[name].to_numpy()
        panel.plot(
            values, linewidth=1.5, label=name.rpartition(".")[2], marker="." if len(values) == 1 else ""
        )
    _name(panel, section.replace(".", ".\n"))
    panel.margins(y=0.12)
    panel.grid(alpha=0.25, linewidth=0.6)
    panel.locator_params(axis="y", nbins=4)
    panel.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False)


def _draw_schedules(panel: Axes, schedules: Mapping[str, np.ndarray]) -> None:
    """Draw values over the diffusion, each in a lane of its own between its least and its most."""
    for lane, (name, values) in enumerate(schedules.items()):
        low, high = values.min(), values.max()
        share = (values - low) / (high - low)
        (line,) = panel.plot(lane + 0.35 - 0.7 * share, linewidth=1.5)
        said = f"{name.partition('.')[2]}  {low:.3g} to {high:.3g}"
        place = panel.get_yaxis_transform()
        colour = line.get_color()
        panel.text(1.01, lane, said, fontsize=8, va="center", transform=place, color=colour, parse_math=False)
    panel.set_xlim(0, 1000)
    panel.set_ylim(len(schedules) - 0.5, -0.5)
    panel.set_yticks([])
    panel.tick_params(labelsize=8)
    panel.set_xlabel(
        "over the diffusion of each frame (0: all noise, 1000: the finished picture)", fontsize=9
    )
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(alpha=0.25, linewidth=0.6)
    _name(panel, "schedules")


def _name(panel: Axes, text: str) -> None:
    """Write what a panel shows to its left."""
    panel.text(-0.108, 0.5, text, fontsize=9, va="center", transform=panel.transAxes)


def _title(loaded: LoadedScene, name: str) -> str:
    scene = loaded.scene
    what = counted(scene.count, "picture") if scene.mode == "still" else (
        f"{counted(scene.frames, 'frame')}, {scene.frames / scene.fps:.4g} s at {scene.fps:g} frames a second"
    )  # fmt: skip
    beats = f", {scene.bpm:g} beats a minute" if scene.bpm else ""
    return f"{name}: {scene.mode}, {what}{beats}, {scene.size[0]} x {scene.size[1]}"


def _foot(loaded: LoadedScene) -> str:
    """Return the camera's settings that stay the same, and schedules that do."""
    table = loaded.timeline.table
    camera = [name for name in table.columns if name.startswith("camera.") and table[name].nunique() == 1]
    plain = {"camera.near_plane", "camera.far_plane"}
    parts = [f"{name.partition('.')[2]} {table[name].iloc[0]:g}" for name in camera if name not in plain]
    flat = loaded.timeline.schedules.items()
    parts_flat = [f"{name} {schedule_text(values)}" for name, values in flat if np.ptp(values) == 0]
    lines = textwrap.wrap("the camera's constants: " + ", ".join(parts), LETTERS) if parts else []
    lines += (
        textwrap.wrap("constant over the diffusion: " + ", ".join(parts_flat), LETTERS) if parts_flat else []
    )
    return "\n".join(lines[:3])
