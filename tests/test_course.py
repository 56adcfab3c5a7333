"""How far a film came, as the benchmark of coherence measures it, on films whose motion is known."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate

from animator.depth.plane import PlaneDepth
from animator.film.loop import film
from animator.film.state import LoopState
from animator.run.job import shot_of
from animator.run.sources import Sources
from animator.scene.reading import read_text_scene
from animator.types import Move2D, Request
from animator.warp.affine2d import warp_2d
from benchmarks.coherence import Watcher, summary, table
from benchmarks.course import SPAN, Course, strays

SIZE = "size: [128, 64]\nprompts: a sea\nseed: 3\n"
EVERYWHERE = torch.ones(64, 128, dtype=torch.bool)


def blots(number: int, strength: float = 0.5) -> Tensor:
    """Return a picture of soft blots, 3 x 64 x 128, around grey."""
    coarse = torch.randn(1, 3, 16, 32, generator=torch.Generator().manual_seed(number))
    soft = interpolate(coarse, size=(64, 128), mode="bicubic")[0]
    return (0.5 + strength * soft / soft.std() * 0.3).clamp(0, 1)


class Painter:
    """Paints blots first, then what it is asked to paint over; the last frame moved by one more move."""

    def __init__(self, more: Move2D) -> None:
        self.more = more

    def paint(self, request: Request, on_step=None) -> Tensor:
        if request.init is None:
            wide, high = request.width / 128, request.height / 64
            return interpolate(blots(1)[None], scale_factor=(high, wide), mode="bicubic")[0].clamp(0, 1)
        return warp_2d(request.init, self.more, "reflect") if request.frame == SPAN else request.init


STILL = Move2D()


def last(text: str, more: Move2D = STILL) -> dict[str, dict[str, float]]:
    """Return what is measured at the last of `SPAN` + 1 frames; nothing is before."""
    over = ["coherence.color_coherence=0", "depth.align=false"]
    loaded = read_text_scene(f"{text}{SIZE}frames: {SPAN + 1}\n", "scene.yaml", over)
    shot, watcher = shot_of(loaded, Sources({})), Watcher()
    course, rows = Course(shot), []
    for one in film(loaded.timeline, shot, Painter(more), PlaneDepth(2.0), LoopState(), listener=watcher):
        assert one.state is not None
        rows.append(course.after(one.row, one.state, watcher.seen.get("depth")))
    assert rows[:-1] == [{}] * SPAN
    return rows[-1]


@pytest.mark.parametrize(
    ("text", "zoom", "turn"),
    [
        ("mode: 2d\ncamera: {zoom: 1.02}\n", math.log(1.02), 0.0),
        ("mode: 2d\ncamera: {angle: 2, zoom: 1.01}\ncoherence: {upright: never}\n", math.log(1.01), 2.0),
        ("mode: 2d\ncamera: {angle: 3, zoom: 1.01}\n", math.log(1.01), 3.0),  # upright: 24 degrees
        ("mode: 2d\ncamera: {translation_x: 4}\n", 0.0, 0.0),
        # A wall at depth 2, found anew in every frame, and a camera that comes nearer by 8 of 200 units: each
        # pixel is read from as far back as it would go on, in steps of a picture of n - 1 pixels.
        (
            "mode: 3d\ncamera: {translation_z: 8}\nwarp: {projection: pinhole}\n",
            -math.log(1 - (2 / 1.96 - 1) * 64 / 63) / 2 - math.log(1 - (2 / 1.96 - 1) * 128 / 127) / 2,
            0.0,
        ),
    ],
)
def test_a_film_that_follows_its_camera_does_not_stray(text: str, zoom: float, turn: float) -> None:
    found = last(text)
    assert found["asked"]["zoom"] == pytest.approx(SPAN * zoom, abs=1e-3)
    assert found["asked"]["turn"] == pytest.approx(SPAN * turn, abs=1e-2)
    # The cubic kernel reads parts of a pixel a little beside where they are.
    assert found["strays"]["zoom"] == pytest.approx(0, abs=8e-3)
    assert found["strays"]["turn"] == pytest.approx(0, abs=0.1)


def test_a_painter_that_lags_behind_is_found() -> None:
    found = last("mode: 2d\ncamera: {zoom: 1.02}\n", Move2D(zoom=1 / 1.03, angle=-1.6))
    assert found["asked"]["zoom"] == pytest.approx(SPAN * math.log(1.02), abs=1e-3)
    assert found["strays"]["zoom"] == pytest.approx(-math.log(1.03), rel=0.1)
    assert found["strays"]["turn"] == pytest.approx(-1.6, rel=0.1)


def test_what_is_drawn_anew_does_not_pass_for_a_move() -> None:
    found = [strays(blots(one), blots(one) + blots(one + 100, 0.2) - 0.5, EVERYWHERE) for one in range(10)]
    assert abs(sum(one["zoom"] for one in found) / 10) < 0.008  # a twentieth of eight frames of 1.02
    assert abs(sum(one["turn"] for one in found) / 10) < 0.4


def test_a_film_is_summed_up_with_a_standard_error() -> None:
    plain = {"difference": 1.0, "follows": 1.0, "sticks": 0.0, "detail": 5.0}
    rows = [dict(plain) for _ in range(SPAN + 1)]
    for number in range(2 * SPAN):
        strayed = {"zoom": -0.01 + 0.002 * (-1) ** number, "turn": 0.0}
        rows.append({**plain, "asked": {"zoom": 0.1, "turn": 0.0}, "strays": strayed})
    found = summary(rows)
    assert found["zoom"] == pytest.approx(0.9)
    # The sample deviation of 16 values of +-0.002, over the root of the two spans that they hold.
    assert found["zoom error"] == pytest.approx(0.02 * math.sqrt(16 / 15) / math.sqrt(2))
    assert math.isnan(found["turn"])
    assert "| 0.90 ± 0.01 |  |" in table([("zoom", "moved", rows)])
