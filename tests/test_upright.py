"""A film that rolls, painted upright on a larger canvas: what is seen is what was asked of the camera."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from animator.depth.plane import PlaneDepth
from animator.film.loop import film
from animator.film.state import LoopState
from animator.film.turbo import turbo_film
from animator.film.upright import frame_seen, on_canvas
from animator.run.fingerprint import hash_inputs
from animator.run.job import shot_of
from animator.run.sources import Sources
from animator.scene.reading import LoadedScene, read_scene
from animator.scene.upright import canvas_of, painted_size, rolls
from animator.types import Request
from tests.wiring import Desk

SIDE = 128


class Landscape:
    """An engine that paints soft shapes where there is nothing yet, and leaves what it is given as it is."""

    def __init__(self) -> None:
        self.sizes: set[tuple[int, int]] = set()

    def paint(self, request: Request, on_step=None) -> Tensor:
        self.sizes.add((request.width, request.height))
        return shapes(request.height, request.width) if request.init is None else request.init


def shapes(height: int, width: int) -> Tensor:
    """Return soft shapes that are the same about the middle of every size."""
    y = torch.arange(height)[:, None] - (height - 1) / 2
    x = torch.arange(width) - (width - 1) / 2
    red = 0.5 + 0.25 * torch.sin(x / 9 + y / 23) + 0.2 * torch.cos(y / 11)
    green = 0.5 + 0.4 * torch.sin(x / 15) * torch.cos(y / 8)
    return torch.stack((red, green, 1 - red)).float()


def read(folder: Path, text: str, size: str = f"[{SIDE}, {SIDE}]", frames: int = 9) -> LoadedScene:
    path = folder / "scene.yaml"
    path.write_text(
        f"version: 1\nsize: {size}\nseed: 7\nprompts: a sea\nmodels: fake\nframes: {frames}\n"
        f"warp: {{padding_mode: reflection}}\n{text}"
    )
    return read_scene(path)


WHOLE = 1 / math.tan(math.radians(20))
"""The depth at which Disco's box is as wide as a camera sees; elsewhere its roll is no turn."""


def made(loaded: LoadedScene, depth: float = WHOLE):
    """Return the frames of a film whose painter leaves what is moved as it is, and its sizes."""
    engine, shot = Landscape(), shot_of(loaded, Sources({}))
    drive = turbo_film if shot.turbo.steps > 1 else film
    frames = list(drive(loaded.timeline, shot, engine, PlaneDepth(depth), LoopState()))
    return frames, engine.sizes


def middle(picture: Tensor) -> Tensor:
    """Return what is seen near the middle of a frame, where nothing came in from outside."""
    height, width = picture.shape[-2:]
    return picture[:, height // 2 - 20 : height // 2 + 20, width // 2 - 20 : width // 2 + 20]


TWO_D = "mode: 2d\ncamera: {angle: 6, zoom: 1.03, translation_x: 1.5, translation_y: -1}\n"
THREE_D = (
    "mode: 3d\ncamera: {rotation_3d_z: 3, rotation_3d_y: 0.4, rotation_3d_x: -0.3, translation_z: 4, "
    "translation_x: 3, translation_y: 2}\n"
)


@pytest.mark.parametrize(
    ("moves", "size"),
    [
        (TWO_D, f"[{SIDE}, {SIDE}]"),
        (TWO_D, f"[{SIDE}, 64]"),
        (TWO_D + "turbo: {steps: 3, preroll: 1}\n", f"[{SIDE}, {SIDE}]"),
        (THREE_D, f"[{SIDE}, {SIDE}]"),
        (THREE_D + "turbo: {steps: 3, preroll: 1}\n", f"[{SIDE}, {SIDE}]"),
    ],
)
def test_an_upright_film_shows_what_a_turned_one_does(tmp_path: Path, moves: str, size: str) -> None:
    level, sizes = made(read(tmp_path, moves, size))
    tilted, plain = made(read(tmp_path, moves + "coherence: {upright: never, color_coherence: 0}\n", size))
    assert sizes != plain
    for one, other in zip(level, tilted, strict=True):
        assert one.picture.shape == other.picture.shape
        difference = (middle(one.picture) - middle(other.picture)).abs().mean()
        assert difference < 0.015, one.frame
    # A film that stood still would differ far more.
    assert (middle(level[0].picture) - middle(level[-1].picture)).abs().mean() > 0.08


def test_upright_with_a_pyramid_of_space_and_a_wide_frame(tmp_path: Path) -> None:
    moves = THREE_D.replace("\n", "\nwarp: {projection: pinhole, padding_mode: reflection}\n", 1)
    text = "version: 1\nsize: [192, 128]\nseed: 7\nprompts: a sea\nmodels: fake\nframes: 9\n"
    path = tmp_path / "scene.yaml"
    frames = []
    for upright in ("auto", "never"):
        path.write_text(f"{text}{moves}coherence: {{upright: {upright}, color_coherence: 0}}\n")
        frames.append(made(read_scene(path), 1.3)[0][-1].picture)
    # A picture's pixels are square in a pyramid, so that a roll is a turn whatever the shape of the frame.
    assert (middle(frames[0]) - middle(frames[1])).abs().mean() < 0.03


def test_a_spin_of_92_degrees_is_one(tmp_path: Path) -> None:
    loaded = read(tmp_path, "mode: 2d\ncamera: {angle: '0: (0), 1: (11.5) step'}\n")
    frames, sizes = made(loaded)
    assert rolls(loaded.scene, loaded.timeline.table)[-1] == pytest.approx(92)
    first, last = (one.picture.permute(1, 2, 0).numpy() for one in (frames[0], frames[-1]))
    turn = cv2.getRotationMatrix2D((SIDE // 2, SIDE // 2), 92, 1)
    expected = cv2.warpAffine(first, turn, (SIDE, SIDE), flags=cv2.INTER_CUBIC)
    inside = np.s_[44:84, 44:84]
    # One reading between pixels, not eight: nothing is worn.
    assert np.abs(last - expected)[inside].mean() < 1e-3
    assert sizes == {(192, 192)}


def test_the_canvas_holds_the_frame_at_every_angle(tmp_path: Path) -> None:
    size = "[192, 128]"
    cases = {
        "mode: 2d\ncamera: {angle: 1}\n": None,  # 8 degrees
        "mode: 2d\ncamera: {angle: 3}\n": (256, 256),
        "mode: 2d\ncamera: {angle: '0: (0), 1: (90) step, 2: (0) step'}\n": (192, 192),
        "mode: 2d\ncamera: {angle: 45}\n": (256, 256),
        "mode: 2d\ncamera: {angle: '12*cos(pi*t)'}\n": None,  # there and back
        "mode: 3d\ncamera: {rotation_3d_z: -45}\n": (256, 256),
        "mode: 3d\ncamera: {rotation_3d_y: 45}\n": None,
        "mode: 2d\ncamera: {angle: 1}\ncoherence: {upright: always}\n": (256, 192),
        "mode: 2d\ncamera: {angle: 45}\ncoherence: {upright: never}\n": None,
        "mode: 2d\ncamera: {angle: 45}\nguidance: {compat: disco-5}\n": None,
        "mode: 2d\ncamera: {angle: 45}\ndiffusion: {perlin_init: mixed, init_frames: all}\n": None,
    }
    found = {}
    for text in cases:
        loaded = read(tmp_path, text, size)
        found[text] = canvas_of(loaded.scene, loaded.timeline.table)
        assert painted_size(loaded.scene, loaded.timeline.table) == (found[text] or (192, 128))
    assert found == cases


def test_a_later_roll_counts_in_every_frame(tmp_path: Path) -> None:
    texts = ("mode: 2d\n", "mode: 2d\ncamera: {angle: '0: (0), 7: (0), 8: (40)'}\n")
    level, rolling = (hash_inputs(read(tmp_path, text), Sources({}), {}) for text in texts)
    assert level[0] != rolling[0]
    small = "mode: 2d\ncamera: {angle: '0: (0), 7: (0), 8: (14)'}\n"
    assert hash_inputs(read(tmp_path, small), Sources({}), {})[:7] == level[:7]


def test_what_a_frame_shows_of_its_canvas() -> None:
    canvas = shapes(192, 256)
    level = frame_seen(canvas, 128, 64, 0.0, about=0.0)
    assert torch.equal(level, canvas[:, 64:128, 64:192])
    assert torch.equal(frame_seen(canvas, 128, 64, -720.0, about=0.5), level)
    quarter = frame_seen(canvas, 64, 64, 90.0, about=0.0)
    assert torch.allclose(quarter, torch.rot90(canvas[:, 64:128, 96:160], 1, (1, 2)), atol=1e-4)
    halved = frame_seen(canvas, 64, 64, 180.0, about=0.0)
    assert torch.allclose(halved, torch.rot90(canvas[:, 64:128, 96:160], 2, (1, 2)), atol=1e-4)


def test_an_init_picture_lies_in_the_middle_of_its_canvas() -> None:
    picture = shapes(64, 128)
    canvas = on_canvas(picture, 448, 320)
    assert canvas.shape == (3, 320, 448)
    assert torch.equal(canvas[:, 128:192, 160:288], picture)
    assert torch.equal(canvas[:, 128:192, 288:298], picture[:, :, 117:127].flip(2))
    assert torch.equal(on_canvas(picture, 128, 64), picture)


def test_the_scene_says_what_it_costs(tmp_path: Path) -> None:
    def notices(text: str) -> list[str]:
        return [str(one) for one in read(tmp_path, text).notices if "upright" in str(one)]

    assert "at 192 x 192: 2.2 times the pixels" in notices("mode: 2d\ncamera: {angle: 5}\n")[0]
    assert not notices("mode: 2d\ncamera: {angle: 1}\n")
    assert not notices("mode: 2d\ncamera: {angle: 5}\ncoherence: {upright: always}\n")
    assert "turns no frame" in notices("mode: 2d\ncoherence: {upright: always}\n")[0]


@pytest.mark.slow
def test_a_rolling_film_with_eyes_is_resumed_to_the_byte(tmp_path: Path, monkeypatch) -> None:
    text = (
        "mode: 3d\nvr: {layouts: [anaglyph]}\ncamera: {rotation_3d_z: 9, translation_z: 5}\n"
        "turbo: {steps: 2, preroll: 1}\ndiffusion: {steps: 3}\n"
    )
    loaded = read(tmp_path, text, "[128, 64]", 5)
    whole, resumed = tmp_path / "whole", tmp_path / "resumed"
    Desk(monkeypatch).render(loaded, whole)
    Desk(monkeypatch).render(loaded, resumed)
    for number in range(2, 5):
        for folder in ("frames", "left", "right"):
            for file in (resumed / folder).glob(f"*{number}.png"):
                file.unlink()
    Desk(monkeypatch).render(loaded, resumed)
    names = sorted(path.relative_to(whole) for path in whole.rglob("*.png"))
    assert len(names) >= 15
    for name in names:
        assert (whole / name).read_bytes() == (resumed / name).read_bytes(), name
    picture = cv2.imread(str(whole / "frames" / "000004.png"))
    assert picture.shape == (64, 128, 3)
    assert math.isfinite(float(picture.mean()))
