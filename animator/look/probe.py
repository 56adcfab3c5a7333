"""``animator plan --probe``: a few real steps of a scene, and what its whole film will take from that."""

from __future__ import annotations

import dataclasses
import itertools
import resource
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch

from animator.film.larger import enlarged, larger_request
from animator.film.loop import SILENT, move
from animator.film.requests import first_request, next_request
from animator.film.shot import Shot, Turbo
from animator.film.state import Track
from animator.look.scenery import Pose, view
from animator.look.work import Work, work_of
from animator.memory.machine import in_gib
from animator.run.job import shot_of
from animator.run.larger import larger_of
from animator.run.sources import gather
from animator.run.tools import Tools, load_tools
from animator.runs.png import encode_png
from animator.scene.reading import LoadedScene
from animator.system.convert import frame_to_uint8, image_to_frame
from animator.types import PaintStep, Request

TIMED = 4
"""Steps that are timed, after one that warms up."""

CPU = torch.device("cpu")

LEAST_SPREAD = 0.1
"""Share by which an estimate is called uncertain at least: the machine has other things to do, too."""


@dataclass(frozen=True)
class Probe:
    """Seconds that the parts of a frame took.

    Attributes:
        load: of loading the networks.
        steps: of each timed step of a diffusion.
        depth: of estimating a depth.
        move: of moving a picture.
        keep: of writing a frame.
        peak: bytes of memory at the peak: of the GPU where there is one, else of the whole program.
        device: where the networks ran.
        shares: of each loss the share of its gradient on the picture half-way, 0 to 1.
        larger: seconds of a step of the second, larger painting; 0 where there is none.
    """

    load: float
    steps: Sequence[float]
    depth: float
    move: float
    keep: float
    peak: int
    device: torch.device = CPU
    shares: Mapping[str, float] = field(default_factory=dict)
    larger: float = 0.0

    def seconds(self, work: Work) -> tuple[float, float, float]:
        """Return how long a scene takes: what to expect, the least and the most."""
        step = statistics.median(self.steps)
        frames = work.depths * self.depth + work.moves * self.move + work.frames * self.keep
        frames += work.larger * work.larger_steps * self.larger
        steps = int(work.steps.sum())
        expected = self.load + frames + steps * step
        low = min(self.load + frames + steps * min(self.steps), expected * (1 - LEAST_SPREAD))
        high = max(self.load + frames + steps * max(self.steps), expected * (1 + LEAST_SPREAD))
        return expected, low, high


def probe(loaded: LoadedScene) -> Probe:
    """Load a scene's networks and time a few steps of one frame, a depth, a move and a picture written.

    Raises:
        WeightsError: a network's weights are not there or damaged.
        UsageError: a picture that the scene names cannot be had.
    """
    begun = time.perf_counter()
    sources = gather(loaded)
    tools = load_tools(loaded, sources)
    shot = shot_of(loaded, sources)
    load = time.perf_counter() - begun
    picture = image_to_frame(view(Pose(), shot.width, shot.height, 40.0)[0]).to(tools.device)
    request, total = _request(loaded, shot, picture), loaded.scene.diffusion.steps
    steps = _steps(tools, request, total)
    shares = _shares(tools, request, picture, total)
    depth = moving = 0.0
    row = loaded.timeline.row(min(1, shot.pictures - 1))
    if (estimator := tools.depth) is not None:
        depth = _timed(lambda: estimator(picture))
    if shot.mode in ("2d", "3d"):
        plain = dataclasses.replace(shot, align=False, turbo=Turbo())
        distance = torch.full_like(picture[0], 2.0)
        moving = _timed(lambda: move(Track(picture, distance), row, plain, None, SILENT))
    keep = _timed(lambda: encode_png(frame_to_uint8(picture), {}))
    larger = _larger(loaded, shot, tools, picture)
    return Probe(load, steps, depth, moving, keep, _peak(tools.device), tools.device, shares, larger)


def _larger(loaded: LoadedScene, shot: Shot, tools: Tools, picture: torch.Tensor) -> float:
    """Return the seconds of a step of the second, larger painting; 0 where there is none."""
    how = larger_of(loaded.scene)
    if how is None:
        return 0.0
    init = enlarged(picture, how.width, how.height)
    total = loaded.scene.diffusion.steps
    return statistics.median(_steps(tools, larger_request(loaded.timeline.row(0), shot, how, init), total))


def _request(loaded: LoadedScene, shot: Shot, picture: torch.Tensor) -> Request:
    """Return what is asked for most of the frames: a picture over another, or a still."""
    if shot.mode == "still" or shot.pictures == 1:
        return first_request(loaded.timeline.row(0), shot, 0)
    return next_request(loaded.timeline.row(1), shot, picture)


def _steps(tools: Tools, request: Request, total: int) -> list[float]:
    """Return the seconds of a few steps of a diffusion."""
    moments: list[float] = []

    def progress(step: PaintStep) -> None:
        _wait(tools.device)
        moments.append(time.perf_counter())

    stop_at = min(1.0, request.keep + (TIMED + 1) / total)
    moments.append(time.perf_counter())
    tools.engine.paint_together([request], progress, stop_at=stop_at)
    laps = [after - before for before, after in itertools.pairwise(moments)]
    return laps[1:] or laps or [0.0]


def _shares(tools: Tools, request: Request, picture: torch.Tensor, total: int) -> dict[str, float]:
    """Return the share of each loss in the gradient at one step, half-way from a drawn picture."""
    found: dict[str, float] = {}

    def note(step: PaintStep) -> None:
        sizes = {name: float(value.mean()) for name, value in step.pulls.items()}
        whole = sum(sizes.values())
        found.update({name: size / whole for name, size in sizes.items() if whole})

    init = picture if request.init is None else request.init
    halfway = dataclasses.replace(request, init=init, keep=0.5, uncovered=None)
    tools.engine.paint_together([halfway], note, stop_at=min(1.0, 0.5 + 1 / total))
    return found


def _timed(call: Callable[[], object]) -> float:
    """Return the seconds of a call that was made once before."""
    call()
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024  # kilobytes, but on a Mac bytes
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def probe_text(loaded: LoadedScene) -> str:
    """Return what a probe reports of the whole scene, as a block of lines."""
    found, work = probe(loaded), work_of(loaded)
    expected, low, high = found.seconds(work)
    step = statistics.median(found.steps)
    where = "of the GPU" if found.device.type == "cuda" else "of the whole program"
    lines = [
        "probe (of one frame)",
        f"  a step of the diffusion {_ms(step)} ({_ms(min(found.steps))} to {_ms(max(found.steps))})",
    ]
    if found.shares:
        parts = (f"{name} {share:.0%}" for name, share in found.shares.items())
        lines.append(f"  of the gradient half-way: {', '.join(parts)}")
    if work.depths:
        lines.append(f"  an estimate of depth {_ms(found.depth)}")
    if work.moves:
        lines.append(f"  a move {_ms(found.move)}")
    if work.larger:
        lines.append(f"  a step of the larger painting {_ms(found.larger)}")
    lines += [
        f"  loading {found.load:.1f} s",
        f"  memory at the peak {in_gib(found.peak)}, {where}",
        f"  in all: about {clock(expected)} ({clock(low)} to {clock(high)})",
    ]
    return "\n".join(lines)


def _ms(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{1000 * seconds:.0f} ms"


def clock(seconds: float) -> str:
    """Write a time as precisely as an estimate deserves.

    >>> clock(9.4), clock(95), clock(2460), clock(9000), clock(200000)
    ('9 s', '95 s', '41 min', '2.5 h', '2.3 days')
    """
    for size, unit, digits in ((86400, "days", 1), (3600, "h", 1), (60, "min", 0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.{digits}f} {unit}"
    return f"{seconds:.0f} s"
