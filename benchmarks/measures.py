"""What is measured, each beside the plain way and the floor."""

from __future__ import annotations

import copy
import dataclasses
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from animator.depth.lean import lean
from animator.depth.transformers_depth import MidasDepth
from animator.diffusion.cutouts import CutSettings, make_cuts
from animator.diffusion.perlin import perlin_picture
from animator.diffusion.precision import computing_in, precision_for
from animator.film.colour import hold, measure
from animator.film.loop import SILENT, film, move
from animator.film.state import LoopState, Track
from animator.run.networks import depth_dtype
from animator.runs.png import encode_png
from animator.system import rng
from animator.system.convert import frame_to_uint8
from animator.types import Camera
from animator.video.film import FilmWriter
from animator.warp.reproject3d import view
from benchmarks.machine import Machine, bytes_of, operations_of, peak_of
from benchmarks.networks import dpt_large
from benchmarks.plain import PlainEngine, plain_cuts, plain_frame_3d, plain_warp
from benchmarks.plain_depth import PlainMidas
from benchmarks.subject import FRAME, Subject, subject
from benchmarks.timing import Timing, clock_of, timed, timed_in_turn

MODELS = ("pocket", "pocket-vit")
FULL_MODELS = ("ViT-B-32", "ViT-B-16", "RN50", "RN101")
"""Perceptors in the order in which they join."""

LARGE = (1280, 768)
"""Disco Diffusion's size, at which the warp is also measured."""


@dataclass(frozen=True)
class Result:
    """One row of the table.

    Attributes:
        what: what was timed.
        ours: how long it takes here.
        plain: how long the plain way takes, in the same run, or None where there is none.
        floor: seconds that the machine needs for the arithmetic, or for the memory that must be read and
            written, or None.
        peak: most bytes held on a GPU meanwhile, or None.
        plain_peak: the same of the plain way.
        precision: number format in which both computed, or empty where no network did.
    """

    what: str
    ours: Timing
    plain: Timing | None = None
    floor: float | None = None
    peak: int | None = None
    plain_peak: int | None = None
    precision: str = ""


def stages(one: Subject, machine: Machine, repeats: int) -> Iterator[Result]:
    """Measure the stages of a frame one by one."""
    device, picture, depth = one.device, one.picture, one.depth
    distance = depth(picture)
    look = partial(depth, picture)
    floor = machine.floor(operations_of(look))
    yield Result("depth of a frame", timed(look, repeats=repeats), floor=floor)
    yield _warp("3D warp of a frame", picture, distance, one.camera, machine, repeats)
    large = perlin_picture(*LARGE, "mixed", rng.generator(1, 0, "perlin")).to(device)
    width, height = LARGE
    yield _warp(f"3D warp of {width} x {height}", large, 2 + 2 * large[0], one.camera, machine, repeats)
    occluded = partial(view, picture, distance, one.camera, occlusion=True)
    yield Result("3D warp with occlusion", timed(occluded, repeats=repeats))
    yield Result("colours held", timed(lambda: hold(picture, measure(picture), 0.5), repeats=repeats))
    cuts = CutSettings(8, 8, 1.0, 0.2)
    for name, perceptor in one.engine.networks.perceptors.items():
        made = partial(make_cuts, picture[None], perceptor.size, cuts, torch.Generator())
        ours, plain = timed_in_turn(
            [made, partial(plain_cuts, picture[None], perceptor.size, cuts)], repeats=repeats
        )
        yield Result(f"16 cuts for {name}", ours, plain, machine.floor(operations_of(made)))
    yield Result("a frame as PNG", timed(lambda: encode_png(frame_to_uint8(picture), {}), repeats=repeats))
    yield Result("a frame into the film", _film_time(one, repeats))


def _warp(
    what: str, picture: Tensor, distance: Tensor, camera: Camera, machine: Machine, repeats: int
) -> Result:
    """Measure a warp here, the depth moved along, beside the plain one from file to file."""
    ours = partial(view, picture, distance, camera)
    moved = bytes_of(picture, distance, *vars(ours()).values())
    with tempfile.TemporaryDirectory() as place:
        source, target = Path(place) / "a.png", Path(place) / "b.png"
        Image.fromarray(frame_to_uint8(picture)).save(source)
        plain = partial(plain_warp, source, target, distance, camera)
        timing, plainly = timed_in_turn([ours, plain], repeats=repeats)
    return Result(what, timing, plainly, machine.floor(moved=moved))


def _film_time(one: Subject, repeats: int) -> Timing:
    """Return the time of a frame in the encoder, over enough frames to fill it."""
    pixels, count = frame_to_uint8(one.picture), 24

    def whole(path: Path) -> None:
        with FilmWriter(path, *one.loaded.scene.size, 12) as writer:
            for _ in range(count):
                writer.add(pixels)

    with tempfile.TemporaryDirectory() as place:
        found = timed(partial(whole, Path(place) / "film.mp4"), repeats=min(repeats, 3))
    return Timing(found.median / count, found.low / count, found.high / count, found.repeats)


def guided_step(device: torch.device, machine: Machine, repeats: int, **how: Any) -> Iterator[Result]:
    """Measure a guided step, with the secondary model and without it.

    Args:
        device: where.
        machine: what its floor is.
        repeats: how often.
        how: what else `subject` takes.
    """
    for secondary in (True, False):
        one = subject(device, diffusion__secondary=str(secondary).lower(), **how)
        yield _guided_step(one, machine, repeats, "on" if secondary else "off")


def _guided_step(one: Subject, machine: Machine, repeats: int, secondary: str) -> Result:
    plain = PlainEngine(one.loaded.scene, one.engine.networks, one.device)
    request = dataclasses.replace(one.request, keep=1 - 1 / _steps(one))
    ours = partial(one.engine.paint, request)
    theirs = partial(plain.paint, request)
    floor = machine.floor(operations_of(ours))
    timing, plainly = timed_in_turn([ours, theirs], repeats=repeats, clock=clock_of(one.device))
    peak, plain_peak = (peak_of(call, one.device) for call in (ours, theirs))
    what = f"a guided step, secondary model {secondary}"
    return Result(what, timing, plainly, floor, peak, plain_peak, plain.precision)


def frame_but_diffusion(one: Subject, machine: Machine, repeats: int) -> Iterator[Result]:
    """Measure a 3D frame of 256 x 192 without its painting: depth by DPT-Large, warp, file.

    The plain way estimates depth as MiDaS' own code does, from file to file.
    """
    scene, device = one.loaded.scene, one.device
    network, dtype = dpt_large(device), depth_dtype(scene)
    depth = MidasDepth(lean(copy.deepcopy(network), dtype) if device.type == "cpu" else network)
    plain_depth = computing_in(precision_for(scene.diffusion.precision, device), device, PlainMidas(network))
    picture = perlin_picture(256, 192, "mixed", rng.generator(1, 0, "perlin")).to(device)
    with tempfile.TemporaryDirectory() as place:
        source, target = Path(place) / "a.png", Path(place) / "b.png"
        Image.fromarray(frame_to_uint8(picture)).save(source)

        def ours() -> None:
            moved = view(picture, depth(picture), one.camera).picture
            target.write_bytes(encode_png(frame_to_uint8(moved), {}))

        def theirs() -> None:
            seen = torch.from_numpy(np.array(Image.open(source).convert("RGB"))).permute(2, 0, 1) / 255
            plain_warp(source, target, plain_depth(seen.to(device)), one.camera)

        floor = machine.floor(operations_of(theirs))
        timing, plainly = timed_in_turn([ours, theirs], repeats=repeats, clock=clock_of(device))
    yield Result(
        "depth, warp and file of a frame, DPT-Large",
        *(timing, plainly, floor),
        precision=precision_for(scene.diffusion.precision, device),
    )


def whole_frame(one: Subject, machine: Machine, repeats: int) -> Iterator[Result]:
    """Measure a whole 3D frame: depth, warp, colours, diffusion; the plain one from file to file."""
    scene = one.loaded.scene
    depth = one.depth
    plain = PlainEngine(scene, one.engine.networks, one.device)
    before = LoopState(FRAME - 1, Track(one.picture), measure(one.picture))
    shot = dataclasses.replace(one.shot, pictures=FRAME + 1)

    def ours() -> None:
        for finished in film(one.loaded.timeline, shot, one.engine, depth, before):
            encode_png(frame_to_uint8(finished.picture), {})

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        Image.fromarray(frame_to_uint8(one.picture)).save(folder / "previous.png")
        theirs = partial(plain_frame_3d, plain, one.request, one.camera, folder, depth)
        operations = operations_of(partial(one.engine.paint, one.request))
        laps, warmup = repeats, 1
        if one.full:
            # A plain frame may take a minute on a large GPU; ours warms the networks, which both share.
            ours()
            laps, warmup = min(repeats, 2), 0
        timings = timed_in_turn([ours, theirs], repeats=laps, warmup=warmup, clock=clock_of(one.device))
    floor = machine.floor(operations)
    secondary = "on" if scene.diffusion.secondary else "off"
    what = f"a whole 3D frame, secondary model {secondary}"
    yield Result(what, timings[0], timings[1], floor, precision=plain.precision)
    yield _moved_frame(one, repeats)


def _moved_frame(one: Subject, repeats: int) -> Result:
    """Measure a frame of turbo between two painted ones: both of its pictures moved.

    The plain way estimates the depth of each of them again and keeps them as files.
    """
    depth = one.depth
    turbo = dataclasses.replace(one.shot, turbo=dataclasses.replace(one.shot.turbo, steps=3))
    track, row = Track(one.picture, depth(one.picture)), one.loaded.timeline.row(FRAME)

    def ours() -> None:
        for _ in range(2):
            move(track, row, turbo, depth, SILENT)

    with tempfile.TemporaryDirectory() as place:
        source, target = Path(place) / "a.png", Path(place) / "b.png"
        Image.fromarray(frame_to_uint8(one.picture)).save(source)

        def theirs() -> None:
            for _ in range(2):
                plain_warp(source, target, depth(one.picture), one.camera)

        timings = timed_in_turn([ours, theirs], repeats=repeats)
    return Result("a moved frame in turbo", timings[0], timings[1])


def start(repeats: int) -> Iterator[Result]:
    """Measure how long the program takes until it does what it was started for."""
    scene = str(Path(__file__).parents[1] / "scenes" / "flight.yaml")
    for what, words in (("animator --help", ["--help"]), ("animator check", ["check", scene])):
        command = [sys.executable, "-m", "animator", *words]
        run = partial(subprocess.run, command, check=True, capture_output=True)
        yield Result(what, timed(run, repeats=repeats))
    yield Result("first step of a render", timed(partial(_first_step, scene), repeats=min(repeats, 3)))


def _first_step(scene: str) -> None:
    """Render until the first clean estimate of the first frame lies in the run."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as place:  # the encoder outlives it
        words = [scene, "--out", f"{place}/run", "--set", "frames=1"]
        command = [sys.executable, "-m", "animator", "render", *words]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while not (Path(place) / "run" / "progress.png").exists() and process.poll() is None:
                time.sleep(0.01)
            process.kill()


def growth(device: torch.device, *, full: bool, repeats: int) -> Iterator[tuple[str, float, Timing, float]]:
    """Yield (what grows, how much of it, the time of a step, its operations)."""
    sizes = ["[128,128]", "[192,128]", "[256,192]", "[384,256]"] if not full else ["[640,384]", "[1280,768]"]
    for size in sizes:
        one = subject(device, full=full, size=size)
        width, height = one.loaded.scene.size
        yield ("pixels", width * height, *_step(one, repeats))
    for cuts in (4, 8, 16, 32, 64):
        changes: dict[str, Any] = {
            "guidance__cuts__overview": cuts // 2,
            "guidance__cuts__innercut": cuts // 2,
        }
        yield ("cuts", cuts, *_step(subject(device, full=full, **changes), repeats))
    names = FULL_MODELS if full else MODELS
    for count in range(1, len(names) + 1):
        models = ", ".join(f"{name}: 1" for name in names[:count])
        one = subject(device, full=full, guidance__clip_models=f"{{{models}}}")
        yield ("models", count, *_step(one, repeats))


def _step(one: Subject, repeats: int) -> tuple[Timing, float]:
    request = dataclasses.replace(one.request, keep=1 - 1 / _steps(one))
    call: Callable[[], Any] = partial(one.engine.paint, request)
    return timed(call, repeats=repeats), operations_of(call)


def batches(device: torch.device, *, full: bool, repeats: int) -> Iterator[tuple[int, Timing]]:
    """Yield (stills at once, the time of five of their steps)."""
    one = subject(device, full=full, mode="still", images=16)
    for count in (1, 2, 4, 8, 16):
        requests = [
            dataclasses.replace(one.request, seed=seed, keep=1 - 5 / _steps(one)) for seed in range(count)
        ]
        yield count, timed(partial(one.engine.paint_together, requests), repeats=repeats)


def _steps(one: Subject) -> int:
    return one.loaded.scene.diffusion.steps
