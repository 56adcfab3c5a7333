"""A camera of a USD file (``.usd``, ``.usda``, ``.usdc``, ``.usdz``) at every frame of a film.

It is read by ``usd-core``, which is installed with ``animator[usd]``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from animator.errors import UsageError
from animator.scene.camera_poses import FLIPPED, Poses, upright
from animator.scene.camera_times import frames_of

INSTALL = "pip install 'animator[usd]'"
"""What puts the reader there."""

_REASON = re.compile(r" : '(.*)'")
"""Where the reader's own words are in its errors."""


def read_usd(path: Path, fps: float) -> tuple[Poses, list[str]]:
    """Read the path of a camera; the stage's first time code is frame 0.

    Of several cameras the first that moves counts. A metre is a unit of depth, whatever the stage's unit.

    Args:
        path: the file; what it refers to is read as USD does, payloads are not.
        fps: frames a second of the film.

    Returns:
        The poses, and what to say of the file.

    Raises:
        UsageError: there is no camera in it, it is not sound, or ``usd-core`` is not installed.
    """
    try:
        from pxr import Tf, Usd, UsdGeom
    except ImportError:
        raise UsageError(f"{path}: USD is read with usd-core, which is not installed: {INSTALL}") from None
    try:
        stage = Usd.Stage.Open(str(path), Usd.Stage.LoadNone)
        return _camera(stage, path, fps, UsdGeom)
    except Tf.ErrorException as error:
        raise UsageError(f"{path}: not a sound USD file ({_reason(error, path)}); export it again") from error
    except ValueError as error:
        raise UsageError(f"{path}: cannot be used ({error}); export it again") from error


def _reason(error: Exception, path: Path) -> str:
    """Return why a file cannot be opened, in the reader's words where it has some."""
    try:
        said = _REASON.search(str(error))
    except UnicodeDecodeError:  # it quotes bytes of the file
        said = None
    return said[1].replace(f"{path}:", "line ")[:80] if said else "it cannot be read"


def _camera(stage: Any, path: Path, fps: float, geometry: Any) -> tuple[Poses, list[str]]:
    cameras = [prim for prim in stage.Traverse() if prim.IsA(geometry.Camera)]
    if not cameras:
        raise UsageError(f"{path}: has no camera in it; export the camera too")
    moving = [prim for prim in cameras if _times(prim, geometry)]
    prim = (moving or cameras)[0]
    times = _times(prim, geometry)
    start, end = (times[0], times[-1]) if times else (0.0, 0.0)
    if stage.HasAuthoredTimeCodeRange():
        start, end = stage.GetStartTimeCode(), max(stage.GetEndTimeCode(), stage.GetStartTimeCode())
    step = stage.GetTimeCodesPerSecond() / fps
    at = frames_of((end - start) / step)
    codes = np.minimum(start + at * step, end)
    matrices = np.array([_world(prim, code, geometry) for code in codes.tolist()])
    if not np.isfinite(matrices).all():
        raise ValueError("a matrix with what is no number")
    lens = geometry.Camera(prim)
    fov = np.array([_vertical(lens.GetCamera(code)) for code in codes.tolist()])
    metres = geometry.GetStageMetersPerUnit(stage)
    poses = Poses(at, upright(matrices[:, :3, :3]) @ FLIPPED, matrices[:, :3, 3] * metres, fov)
    many = f"{path}: has {len(cameras)} cameras; the path of {prim.GetName()[:40]} is taken"
    return poses, [many] if len(cameras) > 1 else []


def _times(prim: Any, geometry: Any) -> list[float]:
    """Return the time codes at which a camera, or what carries it, has values."""
    found: set[float] = set()
    while prim and not prim.IsPseudoRoot():
        xform = geometry.Xformable(prim)
        found |= set(xform.GetTimeSamples() if xform else ())
        prim = prim.GetParent()
    return sorted(found)


def _world(prim: Any, code: float, geometry: Any) -> np.ndarray:
    """Return a prim's matrix to the world, 4 x 4, for columns; USD has it for rows."""
    return np.array(geometry.Xformable(prim).ComputeLocalToWorldTransform(code), np.float64).T


def _vertical(camera: Any) -> float:
    """Return a lens's vertical field of view in degrees."""
    angle = float(camera.GetFieldOfView(camera.FOVVertical))
    if not 0 < angle < 180:
        raise ValueError(f"a field of view of {angle:g} degrees")
    return angle
