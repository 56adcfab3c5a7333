"""Depths that agree from frame to frame: the fit, its limits, when it begins anew, and the whole loop."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from animator.depth.align import CUT, FARTHEST, LEAST_KNOWN, NO_DRIFT, Drift, Expectation, aligned, fit_range
from animator.film import loop
from animator.film.loop import film
from animator.film.shot import Shot
from animator.film.state import LoopState
from animator.scene.reading import read_scene

HEIGHT, WIDTH = 48, 96
EVERYWHERE = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)


def world(seed: int = 0) -> Tensor:
    """Hills before a plain: depths of 1 to about 6."""
    x, y = torch.linspace(0, 6, WIDTH), torch.linspace(1, 0, HEIGHT)[:, None]
    return 1 + 3.5 * y + 1.2 * torch.sin(x + seed + 2 * y) ** 2


def noise(seed: int = 0) -> Tensor:
    return torch.randn(HEIGHT, WIDTH, generator=torch.Generator().manual_seed(seed))


# --- the fit


@pytest.mark.parametrize(("scale", "shift"), [(1.2, 0.0), (0.8, 0.3), (1.2, -0.4), (0.7, 0.7), (1.0, 0.0)])
def test_a_scale_and_a_shift_are_undone(scale: float, shift: float) -> None:
    true = world()
    found, _ = aligned(true * scale + shift, Expectation(true, EVERYWHERE))
    # What is given up at once of a correction is a hundredth of it.
    assert ((found / true) - 1).abs().max() < 0.012
    assert ((found / true) - 1).abs().median() < 0.006


def test_what_has_changed_does_not_bend_the_rest() -> None:
    true, seen = world(), world() * 1.2
    seen[:, :30] = 9.0  # a third of the picture was painted anew
    found, _ = aligned(seen, Expectation(true, EVERYWHERE))
    assert ((found / true) - 1)[:, 30:].abs().max() < 0.02
    least_squares = np.polyfit(seen.flatten(), true.flatten(), 1)
    assert abs(np.polyval(least_squares, 1.2) - 1.0) > 0.5


def test_only_what_is_known_is_looked_at() -> None:
    true, expected = world(), world()
    known = EVERYWHERE.clone()
    known[:, 40:] = False
    expected[:, 40:] = 100.0
    found, _ = aligned(true * 1.2, Expectation(expected, known))
    assert ((found / true) - 1).abs().max() < 0.02


@pytest.mark.slow
def test_the_range_of_a_shot_is_kept_however_noisy_the_depths() -> None:
    depth, drift = world(), NO_DRIFT
    for frame in range(200):
        estimate = (world() * (1 + 0.1 * noise(frame))).clamp(min=0.3)
        depth, drift = aligned(estimate, Expectation(depth, EVERYWHERE, drift))
    spreads = [value.quantile(0.9) - value.quantile(0.1) for value in (depth, world())]
    assert spreads[0] / spreads[1] == pytest.approx(1, abs=0.1)
    assert depth.median() / world().median() == pytest.approx(1, abs=0.05)


def test_a_flat_depth_is_scaled_alone() -> None:
    flat = torch.full((HEIGHT, WIDTH), 2.0)
    found, _ = aligned(flat * 1.2, Expectation(flat, EVERYWHERE))
    assert (found / flat - 1).abs().max() < 0.005
    fit = fit_range(np.full(100, 3.0), np.full(100, 2.0))
    assert fit is not None
    assert fit.stretch == pytest.approx(fit.level) == pytest.approx(2 / 3)


# --- when it begins anew


def test_nothing_to_expect_leaves_the_very_estimate() -> None:
    estimate = world()
    few = torch.zeros_like(EVERYWHERE)
    few.view(-1)[: int(LEAST_KNOWN * few.numel()) - 1] = True
    before = Drift(0.2, 0.3)
    for expected, known in ((None, None), (world() * 2, few)):
        found, drift = aligned(estimate, Expectation(expected, known, before))
        assert found is estimate
        assert drift == NO_DRIFT


@pytest.mark.parametrize(
    "expected",
    [
        pytest.param(8 - world(), id="turned round"),
        pytest.param(world() * 10, id="a jump"),
        pytest.param((3 * noise(1)).exp(), id="another scene"),
        pytest.param(world().flatten()[noise().flatten().argsort()].view(HEIGHT, WIDTH), id="other places"),
    ],
)
def test_a_cut_begins_anew(expected: Tensor) -> None:
    estimate = world()
    found, drift = aligned(estimate, Expectation(expected, EVERYWHERE, Drift(0.2, 0.3)))
    assert found is estimate
    assert drift == NO_DRIFT


def test_the_error_of_another_scene_is_above_that_of_a_noisy_one() -> None:
    one, other = (value.double().numpy().ravel() for value in (world(), (3 * noise(1)).exp()))
    noisy = fit_range((world() * (1 + 0.1 * noise())).double().numpy().ravel(), one)
    cut = fit_range(one, other)
    assert noisy is not None
    assert noisy.error < CUT / 3
    assert cut is None or cut.error > CUT


# --- a shot


@pytest.mark.slow
def test_a_camera_that_flies_for_ever_does_not_drive_the_depth_to_nothing() -> None:
    estimate, depth, drift = world(), world(), NO_DRIFT
    for _ in range(300):
        depth, drift = aligned(estimate, Expectation((depth - 0.05).clamp(min=0.01), EVERYWHERE, drift))
        assert depth.median() > estimate.median() / FARTHEST * 0.99
    assert depth.median() / estimate.median() == pytest.approx(0.8, abs=0.12)  # and it comes to rest


SCENE = """version: 1
size: [128, 64]
seed: 7
prompts: a hill
mode: 3d
frames: 24
camera: {translation_x: 4, translation_z: 2, rotation_3d_z: 0.2, fov: 60}
"""
FAR = 8.0
STEP = 2 / 200
"""Units of depth that the camera goes forwards at every frame."""


class Hills:
    """An engine whose pictures are depths, black the nearest, that the camera carries along."""

    def paint(self, request, on_step=None) -> Tensor:
        if request.init is not None:
            return request.init
        x = torch.linspace(0, 6, request.width)
        y = torch.linspace(1, 0, request.height)[:, None]
        return ((1.5 + 3 * y + torch.sin(x + y) ** 2) / FAR).expand(3, -1, -1).clone()


class Eye:
    """Knows the depth of every frame of `Hills`, and says it scaled and shifted anew every time."""

    def __init__(self, pump: Callable[[int], tuple[float, float]]) -> None:
        self.pump = pump
        self.frame = 0

    def true(self, frame: Tensor, number: int) -> Tensor:
        return frame[0] * FAR - number * STEP

    def __call__(self, frame: Tensor) -> Tensor:
        scale, shift = self.pump(self.frame)
        self.frame += 1
        return self.true(frame, self.frame - 1) * scale + shift


def scales(tmp_path, monkeypatch, eye: Eye, align: bool) -> list[float]:
    """Return, frame by frame, how many times the true depth the picture was moved with."""
    path = tmp_path / "scene.yaml"
    path.write_text(SCENE)
    loaded = read_scene(path)
    used: list[float] = []
    view = loop.view

    def watched(picture, depth, camera, **how):
        used.append((depth / eye.true(picture, len(used))).median().item())
        return view(picture, depth, camera, **how)

    monkeypatch.setattr(loop, "view", watched)
    shot = Shot("3d", 128, 64, 24, 7, projection="pinhole", align=align)
    list(film(loaded.timeline, shot, Hills(), eye, LoopState()))
    return used


def alternately(frame: int) -> tuple[float, float]:
    sign = -1 if frame % 2 else 1
    return 1 + 0.2 * sign, 0.1 * sign


def in_waves(frame: int) -> tuple[float, float]:
    return 1 + 0.2 * math.sin(2.4 * frame), 0.1 * math.cos(1.7 * frame)


def by_chance(frame: int) -> tuple[float, float]:
    draw = torch.rand(2, generator=torch.Generator().manual_seed(frame)).tolist()
    return 0.8 + 0.4 * draw[0], 0.2 * draw[1] - 0.1


@pytest.mark.slow
@pytest.mark.parametrize("pump", [alternately, in_waves, by_chance])
def test_a_network_that_pumps_no_longer_does(pump, tmp_path, monkeypatch) -> None:
    changes = {}
    for align in (False, True):
        with monkeypatch.context() as patch:
            used = np.array(scales(tmp_path, patch, Eye(pump), align))
        changes[align] = np.abs(np.diff(np.log(used)))
    assert len(changes[True]) == 22
    assert changes[False].max() > 0.2
    assert changes[True].max() < 0.02


@pytest.mark.slow
def test_a_network_that_does_not_pump_is_left_alone(tmp_path, monkeypatch) -> None:
    used = np.array(scales(tmp_path, monkeypatch, Eye(lambda frame: (1.0, 0.0)), True))
    assert np.abs(np.log(used)).max() < 0.03
