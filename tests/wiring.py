"""Small renders of fake scenes of which everything is written down that leaves the program."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

import animator.run.render as rendering
from animator.run import eyes, finished, growing, larger_views, outputs, sound, upscaled
from animator.run.job import Job, job_of
from animator.run.reporter import Reporter
from animator.run.sources import gather
from animator.run.tools import FAKE_DEPTH, Tools, load_tools
from animator.runs import RunFolder
from animator.scene.reading import LoadedScene, read_scene
from animator.video.ffmpeg import executable

BASE = """
prompts: a red house
models: fake
mode: 3d
size: [64, 64]
seed: 5
frames: 2
camera: {translation_z: 20}
diffusion: {steps: 3, skip_steps: 0}
guidance: {cuts: {overview: 1, innercut: 2}}
output: {losses: false, progress_image: false, contact_sheet: false, preset: ultrafast}
"""


def scene(folder: Path, *overrides: str) -> LoadedScene:
    """Read the smallest scene with settings laid over it."""
    path = folder / "scene.yaml"
    path.write_text(BASE)
    return read_scene(path, overrides)


def job(folder: Path, *overrides: str) -> Job:
    """Resolve the smallest fake scene with settings laid over it; its run is in the folder."""
    loaded = scene(folder, *overrides)
    sources = gather(loaded)
    run = RunFolder.create(folder / "runs", "scene")
    return job_of(run, loaded, sources, load_tools(loaded, sources))


def bare_job(folder: Path, *overrides: str, **changes: Any) -> Job:
    """Resolve a scene without its networks.

    Args:
        folder: the run is in it.
        overrides: settings that are laid over the smallest scene.
        changes: other attributes of the job; ``settings`` are values of the scene by dotted name that nobody
            checks, such as a mode that needs footage.
    """
    loaded = scene(folder, *overrides)
    sources = gather(loaded)
    for name, value in changes.pop("settings", {}).items():
        loaded = replace(loaded, scene=changed(loaded.scene, name, value))
    tools = Tools(None, FAKE_DEPTH, torch.device("cpu"))  # type: ignore[arg-type]
    run = RunFolder.create(folder / "runs", "scene")
    return replace(job_of(run, loaded, sources, tools), **changes)


def changed(model: Any, name: str, value: object) -> Any:
    """Return a scene, or a section, with one setting changed, unchecked."""
    first, _, rest = name.partition(".")
    return model.model_copy(update={first: changed(getattr(model, first), rest, value) if rest else value})


def footage(folder: Path) -> Path:
    """Make a film of eight frames at 10 a second with sound; a new scene begins with the fifth."""
    path = folder / "clip.mp4"
    if not path.is_file():
        first, second = ("testsrc2=size=96x64:rate=10:duration=0.4", "mandelbrot=size=96x64:rate=10")
        joined = "[0:v][1:v]concat=n=2:v=1[v]"
        words = ["-f", "lavfi", "-i", first, "-t", "0.4", "-f", "lavfi", "-i", second]
        words += ["-f", "lavfi", "-i", "sine=frequency=440:duration=0.8", "-filter_complex", joined]
        words += ["-map", "[v]", "-map", "2:a", str(path)]
        subprocess.run([executable(), "-v", "error", *words], check=True)
    return path


def picture(folder: Path, name: str = "init.png") -> Path:
    """Make a picture of coloured blotches, wider than high."""
    path = folder / name
    numbers = np.random.default_rng(len(name)).integers(0, 255, (6, 12, 3), np.uint8)
    cv2.imwrite(str(path), cv2.resize(numbers, (96, 48), interpolation=cv2.INTER_CUBIC))
    return path


class Desk:
    """What the encoders of a run were asked for; no film is made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[str] = []
        note = self._note

        class Writer:
            def __init__(self, path: Path, *given: object, **more: object) -> None:
                self.about = ("grows", path, given, more)
                self.frames: list[np.ndarray] = []

            def add(self, pixels: np.ndarray) -> None:
                self.frames.append(pixels)

            def __enter__(self) -> Writer:
                return self

            def __exit__(self, *error: object) -> None:
                note(*self.about, digest(self.frames))

        def taking(kind: str) -> Any:
            def write(path: Path, frames: Iterator[Any], *given: object, **more: Any) -> None:
                if "fovs" in more:
                    more["fovs"] = list(more["fovs"])
                note(kind, path, given, sorted(more.items()), digest(frames))

            return write

        def smooth(frames: Iterator[np.ndarray], *given: object, **more: object) -> Iterator[np.ndarray]:
            note("between", Path(), given[:2], more if more["loop"] else {})
            yield from frames

        def changing(kind: str) -> Any:
            return lambda film, *given, **more: note(kind, film, given, more)

        monkeypatch.setattr(growing, "FilmWriter", Writer)
        for kind in ("write_codec", "write_gif", "write_webp"):
            monkeypatch.setattr(outputs, kind, taking(kind))
        for kind in ("write_codec", "write_packed", "write_vr180"):
            monkeypatch.setattr(eyes, kind, taking(kind))
        for kind in ("write_codec", "write_packed", "write_vr180"):
            monkeypatch.setattr(larger_views, kind, taking(kind))
        monkeypatch.setattr(upscaled, "write_codec", taking("write_codec"))
        monkeypatch.setattr(finished, "write_codec", taking("write_codec"))
        monkeypatch.setattr(finished, "read_frames", lambda path, deep=False: ())
        for room in (outputs, finished):
            monkeypatch.setattr(room, "between", smooth)
            monkeypatch.setattr(room, "by_ffmpeg", changing("by_ffmpeg"))
        monkeypatch.setattr(sound, "with_sound", changing("with_sound"))
        monkeypatch.setattr(rendering, "write_report", lambda run: run.path)

    def _note(self, kind: str, path: Path, *what: object) -> None:
        self.asked.append(f"{kind} {path.name} {what!r}")

    def render(self, loaded: LoadedScene, run: Path) -> dict[str, str]:
        """Render a scene; return a digest of each picture, the names of other files and what was asked."""
        self.asked.clear()
        rendering.render_scene(loaded, Reporter(), out=run)
        found = {}
        for path in sorted(run.rglob("*")):
            name = str(path.relative_to(run))
            if path.suffix == ".png":
                found[name] = digest([cv2.imread(str(path), cv2.IMREAD_UNCHANGED)])
            elif path.is_file():
                found[name] = ""
        return {**found, "asked": "\n".join(self.asked).replace(str(run), "RUN")}


def digest(pictures: Any) -> str:
    """Return a short digest of pictures, or of pairs of them."""
    total = hashlib.sha256()
    for one in pictures:
        for part in one if isinstance(one, tuple) else (one,):
            total.update(part.numpy().tobytes() if isinstance(part, torch.Tensor) else part.tobytes())
    return total.hexdigest()[:12]
