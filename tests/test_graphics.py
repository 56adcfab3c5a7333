"""What the picture operations do, held to small pictures that somebody has looked at.

``pytest tests/test_graphics.py --update-frames`` writes ``tests/frames`` anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from animator.diffusion.cutouts import CutSettings, make_cuts
from animator.film import colour
from animator.system.convert import frame_to_uint8, uint8_to_frame
from animator.types import Camera, Move2D
from animator.warp.affine2d import warp_2d
from animator.warp.reproject3d import reproject

FRAMES = Path(__file__).parent / "frames"
WIDTH, HEIGHT = 48, 32

LEVELS = 1.01
STRAY = 0.002
"""The one tolerance: all values within a level of 255, but for two in a thousand (rounding at an edge)."""


def picture() -> Tensor:
    """A sky that reddens to the right, a chequered floor, a disc: every move of it can be seen."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    sky = np.stack([0.3 + 0.5 * x / WIDTH, 0.4 + 0 * x, 0.9 - 0.4 * y / HEIGHT], axis=2)
    floor = ((x // 6 + y // 4) % 2)[..., None] * np.array([0.5, 0.4, 0.1]) + 0.25
    image = np.where(y[..., None] > 18, floor, sky)
    disc = np.clip(7.5 - np.hypot(x - 30, y - 15), 0, 1)[..., None]
    return torch.from_numpy(
        (image * (1 - disc) + disc * np.array([0.9, 0.2, 0.15])).astype(np.float32)
    ).permute(2, 0, 1)


def greener() -> Tensor:
    """The picture of a film with calmer colours and more green."""
    return 0.6 * picture() + torch.tensor([0.05, 0.25, 0.1])[:, None, None]


def depth() -> Tensor:
    """A far sky, a floor that comes nearer downwards, the disc in front."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    ground = np.where(y > 18, 10 / np.maximum(y - 17, 1), 10)
    return torch.from_numpy(np.where(np.hypot(x - 30, y - 15) < 7.5, 1.0, ground).astype(np.float32))


def flight(**moves) -> Tensor:
    """A 3D move; what it uncovered is painted green."""
    projection = moves.pop("projection", "disco")
    moved, uncovered = reproject(picture(), depth(), Camera(**moves), projection=projection)
    green = torch.tensor([0.0, 1.0, 0.0])[:, None, None]
    return torch.where(uncovered, green, moved)


def sheet(settings: CutSettings) -> Tensor:
    cuts = make_cuts(picture()[None], 16, settings, torch.Generator().manual_seed(4))
    return torch.cat(list(cuts), dim=2).clamp(0, 1)


SCENES: dict[str, Callable[[], Tensor]] = {
    "2d-turn-wrap": lambda: warp_2d(picture(), Move2D(angle=20, zoom=0.8)),
    "2d-turn-reflect": lambda: warp_2d(picture(), Move2D(angle=20, zoom=0.8), "reflect"),
    "2d-shift-replicate": lambda: warp_2d(picture(), Move2D(translation_x=9, translation_y=-5), "replicate"),
    "3d-forwards": lambda: flight(translation_z=30),
    "3d-forwards-pinhole": lambda: flight(translation_z=60, projection="pinhole"),
    "3d-backwards": lambda: flight(translation_z=-40),
    "3d-right": lambda: flight(translation_x=20),
    "3d-yaw": lambda: flight(rotation_3d_y=6, projection="pinhole"),
    "3d-roll": lambda: flight(rotation_3d_z=15, projection="pinhole"),
    "colours-held": lambda: colour.hold(picture(), colour.measure(greener()), 0.8),
    "cuts-overview": lambda: sheet(CutSettings(overview=4, skip_augs=True)),
    "cuts-inner-grey": lambda: sheet(CutSettings(overview=0, innercut=4, icgray_p=0.5, skip_augs=True)),
}


def differs(ours: np.ndarray, stored: np.ndarray) -> bool:
    assert ours.shape == stored.shape
    return float((np.abs(ours.astype(float) - stored) > LEVELS).mean()) > STRAY


@pytest.mark.parametrize("name", SCENES)
def test_the_picture_is_the_one_that_was_looked_at(name: str, request: pytest.FixtureRequest) -> None:
    path = FRAMES / f"{name}.png"
    ours = frame_to_uint8(SCENES[name]())
    if request.config.getoption("--update-frames"):
        FRAMES.mkdir(exist_ok=True)
        cv2.imwrite(str(path), ours[..., ::-1])
    assert not differs(ours, cv2.imread(str(path))[..., ::-1])


def test_every_stored_picture_is_compared() -> None:
    assert {path.stem for path in FRAMES.glob("*.png")} == set(SCENES)


def test_the_comparison_sees_a_shift_of_one_pixel() -> None:
    frame = frame_to_uint8(picture())
    assert differs(np.roll(frame, 1, axis=1), frame)
    assert not differs(frame_to_uint8(uint8_to_frame(frame) + 0.5 / 255 - 1e-3), frame)
