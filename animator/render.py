"""A scene in, a run folder and a film out; and going on where a run was stopped."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from animator import __version__, convert
from animator.depth.load import load_depth
from animator.diffusion.engine import load_engine
from animator.errors import Interrupted, RunError
from animator.images import read_picture
from animator.loop import Finished, LoopState, Shot, film
from animator.progress import Reporter
from animator.runs import Entry, RunFolder
from animator.scene.reading import LoadedScene, read_scene
from animator.scene.resolved import resolved_text
from animator.types import DepthEstimator, Engine
from animator.video.film import FilmWriter

RENDERS = Path("renders")
"""Where runs go when no folder is named."""


@dataclass(frozen=True)
class Tools:
    """The networks of a scene, loaded once.

    Attributes:
        engine: paints frames.
        depth: tells distances, or None where the scene needs none.
        device: where they run.
    """

    engine: Engine
    depth: DepthEstimator | None
    device: torch.device


def render_scene(loaded: LoadedScene, reporter: Reporter, *, out: Path | None = None) -> Path:
    """Render a scene and return what a user will want to open: the film, or the folder of the pictures.

    Args:
        loaded: the scene.
        reporter: is told how far it is.
        out: the run folder; a run that is in it already is gone on with, as far as its frames still hold.
            Without it, a new folder under ``renders/<scene>/``.

    Raises:
        Interrupted: by the user; the message tells how to go on.
        WeightsError: a network's weights are not there or damaged.
        RunError: the run folder cannot be used.
        FilmError: the encoder failed.
    """
    tools = load_tools(loaded)
    name = loaded.source.stem
    if out is not None and (out / "run.json").is_file():
        run = RunFolder.open(out)
    else:
        run = RunFolder.create(RENDERS, name, out=out)
    return _make(run, name, loaded, tools, reporter)


def resume_run(path: Path, reporter: Reporter) -> Path:
    """Go on with a run from its last finished frame; return what `render_scene` would have."""
    run = RunFolder.open(path)
    if not run.scene_file.is_file():
        raise RunError(f"{path}: holds no scene.yaml, so nothing was begun; render the scene again")
    loaded = read_scene(run.scene_file)
    name = str(run.read_info().get("scene", "scene"))
    return _make(run, name, loaded, load_tools(loaded), reporter)


def load_tools(loaded: LoadedScene) -> Tools:
    """Load the networks that a scene names."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    scene = loaded.scene
    engine = load_engine(scene.diffusion, scene.guidance, device)
    depth = load_depth(scene.depth, device) if scene.mode == "3d" else None
    return Tools(engine, depth, device)


def shot_of(loaded: LoadedScene) -> Shot:
    """Return what the loop must know of a scene besides its timeline."""
    scene = loaded.scene
    width, height = scene.size
    init = scene.diffusion.init_image
    return Shot(
        mode=scene.mode,
        width=width,
        height=height,
        pictures=scene.pictures,
        seed=scene.seed,
        init=read_picture(Path(init), width, height) if init else None,
        keep=scene.diffusion.keep(),
        border_2d=scene.warp.border_2d,
        padding=scene.warp.padding_mode,
        sampling=scene.warp.sampling_mode,
        projection=scene.warp.projection,
    )


def _make(run: RunFolder, name: str, loaded: LoadedScene, tools: Tools, reporter: Reporter) -> Path:
    """Make the frames that are not there yet and put all of them into the film."""
    with run.lock(), ExitStack() as stack:
        inputs = hash_inputs(loaded)
        done = standing(run, inputs, chained=loaded.scene.mode != "still")
        state = load_state(run, done) if done else LoopState()
        _write_head(run, name, loaded, tools)
        shot = shot_of(loaded)
        reporter.begin(name, shot.pictures, done)
        stack.callback(reporter.end)
        writer = None
        if shot.mode != "still":
            output = loaded.scene.output
            path = run.film_file(output.film or name)
            writer = stack.enter_context(
                FilmWriter(
                    path, shot.width, shot.height, loaded.scene.fps, crf=output.crf, preset=output.preset
                )
            )
            for frame in range(done):
                writer.add(run.read_frame(frame))
        began = time.monotonic()
        frames = film(
            loaded.timeline,
            shot,
            tools.engine,
            tools.depth,
            state,
            on_stage=reporter.stage,
            on_step=reporter.step,
        )
        try:
            for finished in frames:
                seconds = time.monotonic() - began
                pixels = keep(run, name, finished, inputs[finished.frame], seconds)
                if writer is not None:
                    writer.add(pixels)
                reporter.finished(finished.frame, seconds)
                began = time.monotonic()
        except KeyboardInterrupt as stop:
            raise Interrupted(f"stopped; go on with: animator resume {run.path}") from stop
    return run.path / "frames" if writer is None else writer.path


def keep(run: RunFolder, name: str, finished: Finished, inputs: str, seconds: float) -> np.ndarray:
    """Step 7: write the frame, the state that the next one goes on from, and the journal's line."""
    state = finished.state
    assert state.picture is not None
    assert state.colours is not None
    tensors = {"picture": state.picture, "colours": state.colours}
    run.keep_state(finished.frame, tensors, {"frame": state.frame})
    pixels = convert.frame_to_uint8(finished.picture)
    prompt = " | ".join(f"{one.text}:{one.weight:g}" for one in finished.row.prompts)
    text = {"scene": name, "frame": str(finished.frame), "seed": str(finished.seed), "prompt": prompt}
    entry = Entry(finished.frame, inputs, finished.seed, round(seconds, 3))
    run.keep_frame(finished.frame, pixels, text, entry)
    return pixels


def standing(run: RunFolder, inputs: list[str], *, chained: bool) -> int:
    """Return how many frames from the first on stand: they are there, and made of what the scene says now.

    Args:
        run: the run folder.
        inputs: hash of what goes into each frame.
        chained: whether a frame needs the state of the one before it.
    """
    finished = run.finished_frames()
    count = 0
    while count < len(inputs) and count in finished and finished[count].inputs == inputs[count]:
        count += 1
    if chained and 0 < count < len(inputs) and not run.state_file(count - 1).is_file():
        return 0
    return count


def load_state(run: RunFolder, done: int) -> LoopState:
    """Return the state after ``done`` frames."""
    if not run.state_file(done - 1).is_file():
        return LoopState(frame=done - 1)
    tensors, meta = run.load_state(done - 1)
    return LoopState(int(meta["frame"]), tensors["picture"], tensors["colours"])


def hash_inputs(loaded: LoadedScene) -> list[str]:
    """Return a hash for each frame of all that decides it, the frames before it included."""
    scene = loaded.scene
    constant = scene.model_dump(
        mode="json", include={"mode", "size", "seed", "warp", "depth", "diffusion", "guidance"}
    )
    init = scene.diffusion.init_image
    constant["init"] = hashlib.sha256(Path(init).read_bytes()).hexdigest() if init else ""
    constant["animator"] = __version__
    chain = hashlib.sha256(json.dumps(constant, sort_keys=True).encode()).hexdigest()
    hashes = []
    for frame in range(scene.pictures):
        row = loaded.timeline.row(frame)
        digest = hashlib.sha256(chain.encode())
        for name in row.names:
            digest.update(name.encode())
            digest.update(row.schedule(name).tobytes())
        digest.update(repr([(prompt.text, prompt.weight) for prompt in row.prompts]).encode())
        hashes.append(digest.hexdigest())
        if scene.mode != "still":
            chain = hashes[-1]
    return hashes


def _write_head(run: RunFolder, name: str, loaded: LoadedScene, tools: Tools) -> None:
    """Write what a run leaves besides its frames: the scene in full, the timeline, and what made it."""
    run.write("scene.yaml", resolved_text(loaded.scene))
    timeline = io.StringIO()
    loaded.timeline.to_csv(timeline)
    run.write("timeline.csv", timeline.getvalue())
    device = torch.cuda.get_device_name() if tools.device.type == "cuda" else platform.processor() or "cpu"
    run.write_info(
        {
            "scene": name,
            "animator": __version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
            "system": platform.platform(),
            "device": device,
            "threads": torch.get_num_threads(),
            "seed": loaded.scene.seed,
        }
    )
