"""A scene in, a run folder with a film or pictures out; and going on where a run was stopped."""

from __future__ import annotations

import dataclasses
import io
import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from animator import __version__, convert
from animator.depth.align import Drift, Expectation
from animator.errors import Interrupted, RunError, UsageError
from animator.inputs import FETCHED, gather
from animator.job import Job, job_of, load_tools, standing, standing_stills
from animator.loop import Finished, Listener, LoopState, film
from animator.progress import Reporter
from animator.runs import Entry, RunFolder
from animator.scene.reading import LoadedScene, read_scene
from animator.stills import stills
from animator.types import PaintStep
from animator.video.film import FilmWriter
from animator.watch import Watch

RENDERS = Path("renders")
"""Where runs go when no folder is named."""


def render_scene(loaded: LoadedScene, reporter: Reporter, *, out: Path | None = None) -> Path:
    """Render a scene and return what a user will want to open: the film, or the folder of the pictures.

    Args:
        loaded: the scene.
        reporter: is told how far it is.
        out: the run folder; a run that is in it already is gone on with, as far as its frames still hold.
            Without it, a new folder under ``renders/<scene>/``.

    Raises:
        Interrupted: by the user; the message tells how to go on.
        UsageError: a picture that the scene names cannot be had.
        WeightsError: a network's weights are not there or damaged.
        RunError: the run folder cannot be used.
        FilmError: the encoder failed.
    """
    begun = out is not None and (out / "run.json").is_file()
    sources = gather(loaded, out if begun else None)
    tools = load_tools(loaded, sources)  # before the folder: what is missing leaves none behind
    run = RunFolder.open(out) if begun and out else RunFolder.create(RENDERS, loaded.name, out=out)
    return _make(job_of(run, loaded, sources, tools), reporter)


def resume_run(path: Path, reporter: Reporter) -> Path:
    """Go on with a run from its last finished frame; return what `render_scene` would have."""
    run, loaded = _opened(path)
    sources = gather(loaded, run.path)
    return _make(job_of(run, loaded, sources, load_tools(loaded, sources)), reporter)


def finish_run(path: Path, pictures: Sequence[int], reporter: Reporter) -> Path:
    """Finish drafts of stills that ``diffusion.stop_at`` left, and return the folder of the pictures.

    On a CPU they become what they would have become without stopping, to the bit where as many were painted
    at once.

    Args:
        path: the run folder.
        pictures: numbers of the drafts to finish; empty: all of them.
        reporter: is told how far it is.

    Raises:
        UsageError: one of them is no draft, or there is none.
    """
    run, loaded = _opened(path)
    drafts = [frame for frame, entry in run.finished_frames().items() if entry.stopped < 1]
    for number in pictures:
        if number not in drafts:
            shown = ", ".join(map(str, drafts)) or "none"
            raise UsageError(f"{path}: picture {number} is no draft; the drafts in this run are: {shown}")
    if not drafts:
        raise UsageError(f"{path}: holds no drafts; render a still with --set diffusion.stop_at=40% first")
    diffusion = loaded.scene.diffusion.model_copy(update={"stop_at": None})
    scene = loaded.scene.model_copy(update={"diffusion": diffusion})
    loaded = dataclasses.replace(loaded, scene=scene, only=tuple(pictures or drafts))
    sources = gather(loaded, run.path)
    # The run's scene.yaml keeps its stop_at: of the other drafts nothing more was asked.
    return _make(job_of(run, loaded, sources, load_tools(loaded, sources)), reporter, head=False)


def _opened(path: Path) -> tuple[RunFolder, LoadedScene]:
    """Return a run and its scene, with the pictures that were chosen from it."""
    run = RunFolder.open(path)
    if not run.scene_file.is_file():
        raise RunError(f"{path}: holds no scene.yaml, so nothing was begun; render the scene again")
    info = run.read_info()
    loaded = read_scene(run.scene_file)
    only = tuple(int(number) for number in info.get("only", ()))
    return run, dataclasses.replace(loaded, title=str(info.get("scene", "scene")), only=only)


def _make(job: Job, reporter: Reporter, *, head: bool = True) -> Path:
    """Make the frames that do not stand yet and put all of them into the film."""
    run, loaded = job.run, job.loaded
    still = loaded.scene.mode == "still"
    try:
        with (
            run.lock(),
            Watch(run.path, loaded.scene.output, fps=loaded.scene.fps) as watch,
            _film_of(run, loaded) as writer,
        ):
            if head:
                _write_head(job)
            numbers = (loaded.only if still else ()) or range(job.shot.pictures)
            entries = run.finished_frames()
            done = standing_stills(job, entries, numbers) if still else standing(job, entries)
            reporter.begin(loaded.name, len(numbers), len(done))
            if writer:
                for frame in done:
                    writer.add(run.read_frame(frame))
            left = [number for number in numbers if number not in done]
            following = _Following(reporter, watch)
            made = _stills(job, left, entries, following) if still else _film(job, left, following)
            for count, finished in enumerate(made, start=1):
                watch.finish()
                seconds = following.lap()
                pixels = keep(job, finished, seconds)
                if writer:
                    writer.add(pixels)
                reporter.finished(finished.frame, seconds, len(left) - count)
            shown = tuple(numbers) if still else ()
            seeds = {number: entry.seed for number, entry in run.journal().items()}
            watch.end(shown, run.read_frame, seeds)
    except KeyboardInterrupt as stop:
        verb = "resume" if head else "finish"
        raise Interrupted(f"stopped; go on with: animator {verb} {run.path}") from stop
    finally:
        reporter.end()
    return writer.path if writer else run.path / "frames"


class _Following(Listener):
    """Hears of each step of the drivers, tells who watches, and takes the time."""

    def __init__(self, reporter: Reporter, watch: Watch) -> None:
        self._reporter = reporter
        self._watch = watch
        self._together = 0
        self._seconds = 0.0
        self._last = time.monotonic()

    def stage(self, frame: int, name: str) -> None:
        """A step of a frame's way begins."""
        self._reporter.stage(frame, name)

    def begin(self, frames: Sequence[int]) -> None:
        """These frames are painted at once from now on."""
        self._together = len(frames)
        self._watch.begin(frames)

    def step(self, step: PaintStep) -> None:
        """A step of their diffusion is done."""
        self._reporter.step(step.done, step.total)
        self._watch.step(step)

    def lap(self) -> float:
        """A frame is there; return the seconds it took, its share where several were painted at once."""
        now = time.monotonic()
        if self._together:
            self._seconds = (now - self._last) / self._together
            self._together = 0
        self._last = now
        return self._seconds


def _film(job: Job, left: Sequence[int], following: _Following) -> Iterator[Finished]:
    """Return the frames of a film that are left, one growing out of another."""
    state = load_state(job.run, left[0] if left else job.shot.pictures, job.tools.device)
    return film(
        job.loaded.timeline,
        job.shot,
        job.tools.engine,
        job.tools.depth,
        state,
        listener=following,
    )


def _stills(
    job: Job, left: Sequence[int], entries: Mapping[int, Entry], following: _Following
) -> Iterator[Finished]:
    """Return the stills that are left; drafts are gone on with."""
    drafts = {
        number: job.run.load_draft(number)
        for number in left
        if number in entries
        and entries[number].inputs == job.inputs[number]
        and job.run.draft_file(number).is_file()
    }
    # On a CPU several at once are no faster, and they are rounded otherwise, which grows with every step.
    batch = 1 if job.tools.device.type == "cpu" else job.loaded.scene.batch
    return stills(
        job.loaded.timeline,
        job.shot,
        job.tools.engine,
        left,
        drafts,
        batch=batch,
        stop_at=job.stop_at,
        listener=following,
    )


def _film_of(run: RunFolder, loaded: LoadedScene) -> FilmWriter | nullcontext[None]:
    """Return the film to write, or nothing for stills."""
    scene = loaded.scene
    if scene.mode == "still":
        return nullcontext()
    path = run.film_file(scene.output.film or loaded.name)
    return FilmWriter(path, *scene.size, scene.fps, crf=scene.output.crf, preset=scene.output.preset)


def keep(job: Job, finished: Finished, seconds: float) -> np.ndarray:
    """Step 7: write the frame, the state that is gone on from, and the journal's line."""
    run, state = job.run, finished.state
    if state is not None:
        run.keep_state(finished.frame, *state_to_keep(state))
    stopped = 1.0
    if finished.unfinished is not None:
        run.keep_draft(finished.frame, finished.unfinished)
        stopped = job.stop_at
    pixels = convert.frame_to_uint8(finished.picture)
    prompt = " | ".join(f"{one.text}:{one.weight:g}" for one in finished.row.prompts)
    text = {"scene": job.loaded.name, "frame": str(finished.frame), "seed": str(finished.seed)}
    text |= {"prompt": prompt, "animator.scene": job.text}
    inputs = job.inputs[finished.frame]
    run.keep_frame(
        finished.frame,
        pixels,
        text,
        Entry(finished.frame, inputs, finished.seed, round(seconds, 3), stopped=stopped),
    )
    return pixels


def state_to_keep(state: LoopState) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors and values of a state, as `RunFolder.keep_state` takes them."""
    tensors = {"picture": state.picture, "colours": state.colours}
    tensors |= {"expected": state.expected.depth, "known": state.expected.known}
    meta = {"frame": state.frame, "drift": dataclasses.asdict(state.expected.drift)}
    return {name: value for name, value in tensors.items() if value is not None}, meta


def load_state(run: RunFolder, done: int, device: torch.device) -> LoopState:
    """Return the state after ``done`` frames."""
    if not done or not run.state_file(done - 1).is_file():
        return LoopState(frame=done - 1)
    tensors, meta = run.load_state(done - 1)
    depth, known = (tensors[name].to(device) if name in tensors else None for name in ("expected", "known"))
    expected = Expectation(depth, known, Drift(**meta["drift"]))
    return LoopState(int(meta["frame"]), tensors["picture"].to(device), tensors["colours"], expected)


def _write_head(job: Job) -> None:
    """Write what a run leaves besides its frames: the scene in full, the timeline, and what made it."""
    run, loaded, device = job.run, job.loaded, job.tools.device
    run.write("scene.yaml", job.text)
    for name, data in job.sources.fetched().items():
        run.write(f"{FETCHED}/{name}", data)
    timeline = io.StringIO()
    loaded.timeline.to_csv(timeline)
    run.write("timeline.csv", timeline.getvalue())
    name = torch.cuda.get_device_name() if device.type == "cuda" else platform.processor() or "cpu"
    info = {
        "scene": loaded.name,
        "animator": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "device": name,
        "threads": torch.get_num_threads(),
        "seed": loaded.scene.seed,
        "weights": dict(job.weights),
    }
    run.write_info(info | ({"only": list(loaded.only)} if loaded.only else {}))
