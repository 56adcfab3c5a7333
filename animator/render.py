"""A scene in, a run folder and a film out; and going on where a run was stopped."""

from __future__ import annotations

import hashlib
import io
import json
import platform
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from animator import __version__, convert
from animator.depth.load import load_depth
from animator.diffusion.engine import load_engine, secondary_name
from animator.errors import Interrupted, RunError
from animator.images import read_picture
from animator.loop import Finished, LoopState, Shot, film
from animator.progress import Reporter
from animator.runs import Entry, RunFolder
from animator.scene.reading import LoadedScene, read_scene
from animator.scene.resolved import resolved_text
from animator.types import DepthEstimator, Engine
from animator.video.film import FilmWriter
from animator.weights.files import file_hash
from animator.weights.registry import Kind, find, locate

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
    """Make the frames that do not stand yet and put all of them into the film."""
    shot = shot_of(loaded)
    weights = weights_of(loaded)
    inputs = hash_inputs(loaded, weights)
    try:
        with run.lock(), _film_of(run, name, loaded) as writer:
            done = standing(run, inputs, chained=shot.mode != "still")
            state = load_state(run, done, tools.device)
            _write_head(run, name, loaded, tools, weights)
            reporter.begin(name, shot.pictures, done)
            for frame in range(done):
                if writer:
                    writer.add(run.read_frame(frame))
            began = time.monotonic()
            for finished in film(
                loaded.timeline,
                shot,
                tools.engine,
                tools.depth,
                state,
                on_stage=reporter.stage,
                on_step=reporter.step,
            ):
                pixels = keep(run, name, finished, inputs[finished.frame], time.monotonic() - began)
                if writer:
                    writer.add(pixels)
                reporter.finished(finished.frame, time.monotonic() - began)
                began = time.monotonic()
    except KeyboardInterrupt as stop:
        raise Interrupted(f"stopped; go on with: animator resume {run.path}") from stop
    finally:
        reporter.end()
    return writer.path if writer else run.path / "frames"


def _film_of(run: RunFolder, name: str, loaded: LoadedScene) -> FilmWriter | nullcontext[None]:
    """Return the film to write, or nothing for stills."""
    scene = loaded.scene
    if scene.mode == "still":
        return nullcontext()
    path = run.film_file(scene.output.film or name)
    return FilmWriter(path, *scene.size, scene.fps, crf=scene.output.crf, preset=scene.output.preset)


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


def load_state(run: RunFolder, done: int, device: torch.device) -> LoopState:
    """Return the state after ``done`` frames."""
    if not done or not run.state_file(done - 1).is_file():
        return LoopState(frame=done - 1)
    tensors, meta = run.load_state(done - 1)
    return LoopState(int(meta["frame"]), tensors["picture"].to(device), tensors["colours"])


def weights_of(loaded: LoadedScene) -> dict[str, str]:
    """Return the SHA-256 of every file of weights that a scene runs on, by kind and name."""
    scene = loaded.scene
    used: list[tuple[Kind, str]] = [("diffusion", scene.diffusion.model)]
    used += [("clip", name) for name in scene.guidance.clip_models]
    if scene.diffusion.secondary:
        used.append(("secondary", secondary_name(scene.diffusion)))
    if scene.mode == "3d":
        used.append(("depth", scene.depth.model))
    entries = [find(kind, name) for kind, name in used]
    return {f"{one.kind} {one.name}": file_hash(locate(one)) for one in entries if one.file}


def hash_inputs(loaded: LoadedScene, weights: Mapping[str, str]) -> list[str]:
    """Return a hash for each frame of all that decides it, the frames before it included.

    Args:
        loaded: the scene.
        weights: of the networks, see `weights_of`.
    """
    scene = loaded.scene
    constant = scene.model_dump(
        mode="json", include={"mode", "size", "seed", "warp", "depth", "diffusion", "guidance"}
    )
    init = scene.diffusion.init_image
    constant["init"] = hashlib.sha256(Path(init).read_bytes()).hexdigest() if init else ""
    constant["animator"] = __version__
    constant["weights"] = dict(weights)
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


def _write_head(
    run: RunFolder, name: str, loaded: LoadedScene, tools: Tools, weights: Mapping[str, str]
) -> None:
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
            "weights": dict(weights),
        }
    )
