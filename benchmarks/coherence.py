"""``python -m benchmarks coherence``: how well a film moves as the camera says, by the noise of its frames.

Four films (`SCENES`) are painted by the bundled networks with each `coherence.noise`. The loop's own warp of
the frame before is what a frame should be if nothing but the camera had changed: compared with it are

| measure | what it is | best |
|---|---|---|
| difference | mean absolute difference from it, of 255 | 0 |
| follows | correlation of fine detail (less than `FINE` pixels) with it | 1 |
| sticks | its correlation with the frame before at the same pixel, less that of the warp | 0 |
| detail | mean absolute Laplacian of the grey picture, of 255 | that of frame 1 |
| zoom, turn | the motion seen in `SPAN` frames, as a share of what was asked, ± its standard error | 1 |

The last is measured against the frame `SPAN` frames before, moved as the camera asked in between. What is
drawn anew in every frame does not add up over them, and what strays does. (Until 2026-11-30 it was the mean
of affine maps by ECC between neighbouring frames. That saw a pan, which turns nothing, turn by 0.08 degrees a
frame, and was uncertain by 2 to 8 % in 48 frames.)

A film is resumed after its last frame, so that a run may be stopped at any time; the zoom and turn of the
`SPAN` frames after that are not measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from animator.film.loop import Listener, film
from animator.film.state import LoopState
from animator.film.upright import Seen, as_seen
from animator.run.job import shot_of
from animator.run.loop_state import restored, saved_state
from animator.run.sources import Sources
from animator.run.tools import load_tools
from animator.runs.state import load_state, save_state
from animator.scene.reading import read_text_scene
from animator.system.convert import frame_to_uint8
from benchmarks.course import SPAN, Course

SCENES = {
    "pan": "mode: 2d\ncamera: {translation_x: 4}",
    "zoom": "mode: 2d\ncamera: {zoom: 1.02}",
    "spin": "mode: 2d\ncamera: {angle: 2, zoom: 1.01}",
    "dolly": "mode: 3d\ncamera: {translation_z: 8}\nwarp: {projection: pinhole}",
}
"""The camera of each film."""

COMMON = "seed: 5\nprompts: [an oil painting of a village by a river with trees]\n"
WAYS = ("new", "fixed", "moved")
FINE = 2.0
"""Standard deviation, in pixels, of the blur that is taken off to see fine detail."""

EDGE = 5
"""Pixels beside what was uncovered that are not measured."""

SHOWN = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Which frames of a film its contact sheet shows, as shares of its length."""


class Watcher(Listener):
    """Keeps what the loop made last: the warped frame before and what was uncovered."""

    def __init__(self) -> None:
        self.seen: dict[str, Tensor] = {}

    def made(self, frame: int, name: str, value: Tensor) -> None:
        """Keep a value by its name."""
        self.seen[name] = value


def coherence(
    folder: Path,
    *,
    frames: int = 48,
    size: Sequence[int] = (128, 64),
    scenes: Sequence[str] = tuple(SCENES),
    ways: Sequence[str] = WAYS,
    over: Sequence[str] = (),
) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """Yield the measures of every frame of every film, by scene and way.

    Args:
        folder: where films under way are kept, and the contact sheets.
        frames: of each film.
        size: width and height of the pictures, multiples of 64.
        scenes: which of `SCENES`.
        ways: which values of `coherence.noise`.
        over: settings laid over the scenes, such as ``diffusion.steps=20``.
    """
    for scene in scenes:
        for way in ways:
            rows = painted(folder, scene, way, frames, size, over)
            sheet(folder / f"{scene}-{way}", frames)
            yield scene, way, rows


def painted(
    folder: Path, scene: str, way: str, frames: int, size: Sequence[int], over: Sequence[str]
) -> list[dict[str, Any]]:
    """Paint one film, or what is left of it, and return the measures of its frames."""
    text = f"{SCENES[scene]}\n{COMMON}size: [{size[0]}, {size[1]}]\nframes: {frames}\n"
    loaded = read_text_scene(text, "coherence.yaml", [*over, f"coherence.noise={way}"])
    shot, watcher = shot_of(loaded, Sources({})), Watcher()
    own = folder / f"{scene}-{way}"
    own.mkdir(parents=True, exist_ok=True)
    kept, state = own / "rows.json", LoopState()
    rows: list[dict[str, Any]] = json.loads(kept.read_text()) if kept.is_file() else []
    if len(rows) >= frames:
        return rows[:frames]
    tools = load_tools(loaded, Sources({}))
    if rows:
        state = restored(*load_state(own / "state.safetensors"), tools.device)
        rows = rows[: state.frame + 1]
    track = state.track
    before = None if track is None else as_seen(shot, state.frame, track.picture).picture
    course = Course(shot)
    for one in film(loaded.timeline, shot, tools.engine, tools.depth, state, listener=watcher):
        seen = watcher.seen
        warped = as_seen(shot, one.frame, seen["warped"], seen["uncovered"]) if before is not None else None
        assert one.state is not None
        rows.append(
            measured(before, one.picture, warped) | course.after(one.row, one.state, seen.get("depth"))
        )
        cv2.imwrite(str(own / f"{one.frame:03}.png"), frame_to_uint8(one.picture)[..., ::-1])
        save_state(own / "state.safetensors", *saved_state(one.state))
        kept.write_text(json.dumps(rows))
        before = one.picture
    return rows


def measured(before: Tensor | None, picture: Tensor, asked_for: Seen | None) -> dict[str, Any]:
    """Return the measures of one frame, from the frame before it and that as the camera moved it."""
    here = grey(picture)
    row: dict[str, Any] = {"detail": float(np.abs(cv2.Laplacian(here, cv2.CV_32F)).mean())}
    if before is None or asked_for is None or asked_for.uncovered is None:
        return row
    warped, uncovered = asked_for.picture, asked_for.uncovered.cpu().numpy().astype(np.uint8)
    free = cv2.dilate(uncovered, np.ones((2 * EDGE + 1,) * 2, np.uint8)) == 0
    row["difference"] = float((picture - warped).abs().mean(dim=0).cpu().numpy()[free].mean() * 255)
    now, then, moved = (fine(one) for one in (here, grey(before), grey(warped)))
    row["follows"] = correlation(now, moved, free)
    row["sticks"] = correlation(now, then, free) - correlation(moved, then, free)
    return row


def grey(picture: Tensor) -> np.ndarray:
    """Return a picture's luminance, float32, H x W, 0 to 255."""
    weights = torch.tensor([0.299, 0.587, 0.114], device=picture.device).view(3, 1, 1)
    values: np.ndarray = ((picture * weights).sum(dim=0) * 255).cpu().numpy().astype(np.float32)
    return values


def fine(values: np.ndarray) -> np.ndarray:
    """Return the fine detail of a grey picture."""
    return values - cv2.GaussianBlur(values, (0, 0), FINE)


def correlation(one: np.ndarray, other: np.ndarray, where: np.ndarray) -> float:
    """Return the correlation of two pictures in some of their pixels."""
    return float(np.corrcoef(one[where], other[where])[0, 1])


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, float]:
    """Return the means of a film's measures; detail as that of its second half over that of frame 1."""
    later = rows[2:]
    found = {
        name: float(np.mean([row[name] for row in later])) for name in ("difference", "follows", "sticks")
    }
    half = [row["detail"] for row in rows[len(rows) // 2 :]]
    found |= {"frame 0": rows[0]["detail"], "frame 1": rows[1]["detail"], "detail": float(np.mean(half))}
    both = [row for row in rows[SPAN + 1 :] if "strays" in row]
    for name, least in (("zoom", 0.003), ("turn", 0.3)):
        asked, strays = (np.array([row[key][name] for row in both]) for key in ("asked", "strays"))
        enough = len(both) > 1 and abs(asked.mean()) >= least * SPAN
        found[name] = 1 + strays.mean() / asked.mean() if enough else float("nan")
        # Neighbours share all but one of their frames: there are only as many as fit one after another.
        deviation = strays.std(ddof=1) / (len(both) / SPAN) ** 0.5 if enough else float("nan")
        found[f"{name} error"] = deviation / abs(asked.mean()) if enough else float("nan")
    return found


def table(films: Sequence[tuple[str, str, list[dict[str, Any]]]]) -> str:
    """Return the measures of some films as a table in Markdown."""
    lines = [
        "| film | noise | difference | follows | sticks | detail: frame 0, 1, second half | zoom | turn |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for scene, way, rows in films:
        one = summary(rows)
        shares = " | ".join(
            "" if np.isnan(one[name]) else f"{one[name]:.2f} ± {one[f'{name} error']:.2f}"
            for name in ("zoom", "turn")
        )
        lines.append(
            f"| {scene} | {way} | {one['difference']:.1f} | {one['follows']:.2f} | {one['sticks']:+.2f} "
            f"| {one['frame 0']:.1f}, {one['frame 1']:.1f}, {one['detail']:.1f} | {shares} |"
        )
    return "\n".join(lines)


def sheet(own: Path, frames: int) -> None:
    """Write some frames of a film side by side, beside its folder."""
    numbers = [round(share * (frames - 1)) for share in SHOWN]
    pictures = [np.asarray(cv2.imread(str(own / f"{number:03}.png"))) for number in numbers]
    cv2.imwrite(str(own.with_suffix(".jpg")), np.hstack(pictures), [cv2.IMWRITE_JPEG_QUALITY, 88])


def main(words: Sequence[str]) -> None:
    """Measure as the words of a command say, and print the table after every film."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks coherence")
    parser.add_argument("--folder", type=Path, default=Path("coherence"), help="films under way, and sheets")
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--size", type=int, nargs=2, default=(128, 64), metavar=("WIDTH", "HEIGHT"))
    parser.add_argument("--scenes", nargs="+", default=tuple(SCENES), choices=tuple(SCENES))
    parser.add_argument("--ways", nargs="+", default=WAYS, choices=WAYS)
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="laid over the scenes"
    )
    given = parser.parse_args(words)
    films = []
    for one in coherence(
        given.folder,
        frames=given.frames,
        size=given.size,
        scenes=given.scenes,
        ways=given.ways,
        over=given.set,
    ):
        films.append(one)
        print(table([one]).splitlines()[-1], flush=True)
    (given.folder / "table.md").write_text(f"{table(films)}\n")
