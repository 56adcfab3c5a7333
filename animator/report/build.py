"""The report of a run, put together from what is in its folder, and from nothing else."""

from __future__ import annotations

import json
import math
import shlex
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from animator.errors import AnimatorError, FilmError, RunError, SceneError, UsageError
from animator.report.measures import Measured, Measuring, drift, spread
from animator.report.page import page
from animator.report.scale import drift_words, flicker_words
from animator.report.score import AT_MOST, Scorer, Scores
from animator.runs import Entry, RunFolder
from animator.scene.reading import LoadedScene, read_scene
from animator.video.probe import read_frames
from animator.watch.losses import read_table

FORMAT = 1
"""Counts the changes of ``report.json`` that a reader of it must know of."""

SHEET = 24
"""Frames of a film on the contact sheet at most; stills are all on it."""

FILMS = {".mp4", ".mov", ".gif", ".webp"}

Losses = Mapping[int, Mapping[str, float]]
"""By picture and name, the last value of each loss."""


@dataclass(frozen=True)
class Contents:
    """What was found in a run folder.

    Attributes:
        run: the folder.
        info: of ``run.json``.
        loaded: the scene, or None where it cannot be read.
        entries: the journal's lines of the pictures that belong to the scene.
        warnings: what a user should know, a line each.
    """

    run: RunFolder
    info: Mapping[str, Any]
    loaded: LoadedScene | None
    entries: Mapping[int, Entry]
    warnings: list[str]

    @property
    def name(self) -> str:
        """What the scene is called."""
        return str(self.info.get("scene", "scene"))

    @property
    def film(self) -> Path | None:
        """The film that browsers show, if it is there."""
        wanted = self.loaded.scene.output.film if self.loaded else None
        path = self.run.film_file(wanted or self.name)
        return path if path.is_file() else None


def write_report(run: RunFolder) -> Path:
    """Write ``report.json`` and ``report.html`` into a run's folder and return the path of the page.

    Both follow from the folder alone, with the same bytes whenever they are made. What is not there (losses,
    a film, pruned frames) is left out of them and named. Nothing is rendered and nothing else is written.

    Raises:
        UsageError: no picture of the run is finished.
        RunError: the run's journal or ``run.json`` is damaged, or the disk refuses.
    """
    contents = look_into(run)
    numbers = list(contents.entries)
    still = contents.loaded is not None and contents.loaded.scene.mode == "still"
    measuring = Measuring(follow=not still, thumbs=numbers if still else spread(numbers, SHEET))
    scorer = Scorer(contents.loaded)
    scored = scorer.wanted(spread(numbers, AT_MOST))
    source, pictures = _pictures(contents)
    for number, pixels in pictures:
        measuring.add(number, pixels)
        if number in scored:
            scorer.add(number, pixels)
    if not (scorer.scores.values or scorer.scores.skipped):
        scorer.scores.skipped = "no picture could be read"
    report = report_of(contents, source, measuring.measured, scorer.scores, _losses(contents))
    run.write("report.json", _json(report))
    timeline = contents.loaded.timeline if contents.loaded else None
    return run.write("report.html", page(report, measuring.measured.thumbs, timeline, contents.film))


def look_into(run: RunFolder) -> Contents:
    """Return what a report needs of a run besides its pictures; raises as `write_report` does."""
    info, entries, warnings = run.read_info(), run.journal(), []
    loaded = None
    try:
        loaded = read_scene(run.scene_file)
    except SceneError as error:
        warnings += [f"the scene cannot be read any more: {line}" for line in str(error).splitlines()]
    # A shorter scene may have been rendered into the folder since, or none of some stills chosen.
    pictures = loaded.scene.count if loaded else math.inf
    ordered = {number: entry for number, entry in sorted(entries.items()) if number < pictures}
    if loaded is not None and loaded.scene.keep_best is not None and ordered:
        most = max(entry.stopped for entry in ordered.values())
        ordered = {number: entry for number, entry in ordered.items() if entry.stopped == most}
    if not ordered:
        raise UsageError(f"{run.path}: no picture is finished yet; continue with: animator resume {run.path}")
    if loaded is not None:
        noticed = [": ".join(part for part in (one.key, one.message) if part) for one in loaded.notices]
        warnings += map(str, info.get("notices", noticed))
    for number, entry in ordered.items():
        warnings += [f"frame {number}: {note}" for note in entry.notes]
    return Contents(run, info, loaded, ordered, warnings)


def _pictures(contents: Contents) -> tuple[str | None, Iterator[tuple[int, np.ndarray]]]:
    """Return where the pictures are read from, and each of them with its number.

    That is from the ``frames``; where none of them is there any more, out of the ``film``; or from nowhere.
    """
    there = [number for number in contents.entries if contents.run.frame_file(number).is_file()]
    if there:
        return "frames", _from_frames(contents, there)
    if contents.film is not None:
        return "film", _from_film(contents, contents.film)
    return None, iter(())


def _from_frames(contents: Contents, there: Sequence[int]) -> Iterator[tuple[int, np.ndarray]]:
    for number in there:
        try:
            pixels = contents.run.read_frame(number)
        except RunError as error:
            contents.warnings.append(f"frame {number}: left out of the figures: {error}")
        else:
            yield number, pixels


def _from_film(contents: Contents, film: Path) -> Iterator[tuple[int, np.ndarray]]:
    try:
        for number, pixels in enumerate(read_frames(film)):
            if number in contents.entries:
                yield number, pixels.copy()  # ffmpeg's bytes are read-only, torch wants them not to be
    except FilmError as error:
        contents.warnings.append(f"the film cannot be read: {error}")


def _losses(contents: Contents) -> Losses:
    """Return the last value of each loss of each picture, as far as there are tables."""
    losses = {}
    for number in contents.entries:
        path = contents.run.path / "losses" / f"{number:06d}.csv"
        if not path.is_file():
            continue
        try:
            table = read_table(path)
        except AnimatorError as error:
            contents.warnings.append(str(error))
            continue
        last = {str(name): table[name].dropna() for name in table.columns}
        losses[number] = {name: float(column.iloc[-1]) for name, column in last.items() if len(column)}
    return losses


def report_of(
    contents: Contents, source: str | None, measured: Measured, scores: Scores, losses: Losses
) -> dict[str, Any]:
    """Return the content of ``report.json``; its keys are described in ``docs/report.md``."""
    run, info, scene = contents.run, contents.info, contents.loaded.scene if contents.loaded else None
    entries = contents.entries
    names = list(dict.fromkeys(name for one in losses.values() for name in one))
    report: dict[str, Any] = {
        "report": FORMAT,
        "scene": contents.name,
        "mode": scene.mode if scene else None,
        "size": list(scene.size) if scene else None,
        "frames": {"asked": len(info.get("only", ())) or scene.count if scene else None},
        "fps": scene.fps if scene else None,
        "seed": info.get("seed"),
        "versions": {name: info.get(name) for name in ("animator", "torch", "python", "system")},
        "device": info.get("device"),
        "threads": info.get("threads"),
        "weights": dict(info.get("weights", {})),
        "time": _time(list(entries.values())),
        "brightness": _drift(measured.brightness),
        "saturation": _drift(measured.saturation),
        "flicker": _flicker(measured.flicker),
        "clip_score": {
            "perceptor": scores.perceptor,
            **_summary(scores.values),
            "skipped": scores.skipped or None,
        },
        "losses": {
            name: _summary({n: one[name] for n, one in losses.items() if name in one}) for name in names
        },
        "warnings": contents.warnings,
        "films": sorted(path.name for path in run.path.glob("[!.]*") if path.suffix in FILMS),
        "film": contents.film.name if contents.film else None,
        "command": _command(contents),
    }
    report["frames"] |= {"finished": len(entries), "measured": len(measured.brightness), "source": source}
    report["per_frame"] = [
        {
            "frame": number,
            "seed": entry.seed,
            "seconds": figure(entry.seconds),
            "brightness": figure(measured.brightness.get(number)),
            "saturation": figure(measured.saturation.get(number)),
            "flicker": figure(measured.flicker.get(number)),
            "clip_score": figure(scores.values.get(number)),
            "losses": {name: figure(value) for name, value in losses.get(number, {}).items()},
            "notes": list(entry.notes),
        }
        for number, entry in entries.items()
    ]
    return report


def _time(entries: Sequence[Entry]) -> dict[str, Any]:
    seconds = math.fsum(entry.seconds for entry in entries)
    stages: dict[str, float] = {}
    for entry in entries:
        for name, part in entry.stages.items():
            stages[name] = stages.get(name, 0.0) + part
    told = math.fsum(stages.values())
    return {
        "seconds": figure(seconds),
        "seconds_per_frame": figure(seconds / len(entries)),
        "frames_per_hour": figure(len(entries) / seconds * 3600 if seconds else None),
        "stages": {
            name: {"seconds": figure(part), "share": figure(part / told if told else None)}
            for name, part in stages.items()
        },
    }


def _summary(values: Mapping[int, float]) -> dict[str, float | None]:
    """Return what sums up a figure over the pictures; all None where there are none."""
    finite = {number: value for number, value in sorted(values.items()) if math.isfinite(value)}
    ordered = list(finite.values())
    return {
        "mean": figure(statistics.fmean(ordered) if ordered else None),
        "first": figure(ordered[0] if ordered else None),
        "last": figure(ordered[-1] if ordered else None),
        "least": figure(min(ordered, default=None)),
        "most": figure(max(ordered, default=None)),
        "drift_percent": figure(drift(finite)),
    }


def _drift(values: Mapping[int, float]) -> dict[str, Any]:
    summary = _summary(values)
    return {**summary, "words": drift_words(summary["drift_percent"])}


def _flicker(values: Mapping[int, float]) -> dict[str, Any]:
    summary = _summary(values)
    return {**summary, "words": flicker_words(summary["mean"])}


def _command(contents: Contents) -> str:
    """Return the command that makes the run once more."""
    words = ["animator", "render", str(contents.run.scene_file)]
    only = ",".join(str(number) for number in contents.info.get("only", ()))
    return shlex.join([*words, *(["--only", only] if only else []), "--out", "NEW"])


def figure(value: float | None) -> float | None:
    """Return a number to six figures, or None where there is none that JSON can hold.

    >>> figure(1 / 3), figure(math.nan), figure(None)
    (0.333333, None, None)
    """
    return float(f"{value:.6g}") if value is not None and math.isfinite(value) else None


def _json(report: Mapping[str, Any]) -> bytes:
    """Return a report as JSON, with a line for each frame."""
    rows = [json.dumps(row, ensure_ascii=False) for row in report["per_frame"]]
    head = {key: value for key, value in report.items() if key != "per_frame"}
    text = json.dumps(head, indent=2, ensure_ascii=False).removesuffix("\n}")
    lines = ",\n    ".join(rows)
    # What UTF-8 cannot hold (half a surrogate pair) is written as JSON escapes it.
    return f'{text},\n  "per_frame": [\n    {lines}\n  ]\n}}\n'.encode(errors="backslashreplace")
