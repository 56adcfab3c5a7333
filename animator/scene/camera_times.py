"""Values between the keys of a camera, at the frames of a film."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from animator.scene.camera_poses import MAX_POSES

if TYPE_CHECKING:
    from scipy.spatial.transform import Rotation

NEAR = 1e-3
"""How far from a whole frame a key may be that is meant for it: files hold seconds in 32 bits."""


def near_whole(at: np.ndarray) -> np.ndarray:
    """Return frames of which those next to a whole one are it.

    >>> near_whole(np.array([0.99999, 2.5])).tolist()
    [1.0, 2.5]
    """
    whole = np.round(at)
    moved = np.where(np.abs(at - whole) < NEAR, whole, at)
    return moved if (np.diff(moved) > 0).all() else at


def frames_of(length: float) -> np.ndarray:
    """Return the frames 0, 1, 2, … that a path of some length in frames takes, its end among them.

    >>> frames_of(2.4).tolist()
    [0.0, 1.0, 2.0, 3.0]
    """
    return np.arange(min(int(np.ceil(length - NEAR)) + 1, MAX_POSES), dtype=np.float64)


def linear(at: np.ndarray, keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return values on the lines between keys, K x width, at the wanted frames; beyond them they hold."""
    return np.stack([np.interp(wanted, at, column) for column in keys.T], -1)


def hermite(at: np.ndarray, keys: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return values on the cubic splines between keys.

    Args:
        at: frame of each key, rising.
        keys: K x 3 x width: tangent before, value, tangent after, the tangents a frame's.
        wanted: frames.
    """
    if len(at) == 1:
        return np.tile(keys[0, 1], (len(wanted), 1))
    held = np.clip(wanted, at[0], at[-1])
    left = np.clip(np.searchsorted(at, held, side="right") - 1, 0, len(at) - 2)
    span = (at[left + 1] - at[left])[:, None]
    u = (held[:, None] - at[left][:, None]) / span
    start, end = keys[left], keys[left + 1]
    found: np.ndarray = (
        (2 * u**3 - 3 * u**2 + 1) * start[:, 1]
        + (u**3 - 2 * u**2 + u) * span * start[:, 2]
        + (3 * u**2 - 2 * u**3) * end[:, 1]
        + (u**3 - u**2) * span * end[:, 0]
    )
    return found


def turned(at: np.ndarray, keys: np.ndarray | Rotation, wanted: np.ndarray) -> Rotation:
    """Return rotations on the shortest ways between keys, quaternions (x, y, z, w), at the wanted frames."""
    from scipy.spatial.transform import Rotation, Slerp

    turns = keys if isinstance(keys, Rotation) else Rotation.from_quat(keys)
    if len(at) == 1:
        return turns[np.zeros(len(wanted), int)]
    return Slerp(at, turns)(np.clip(wanted, at[0], at[-1]))
