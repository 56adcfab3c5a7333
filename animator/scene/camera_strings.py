"""A camera as the Blender add-ons for Deforum export it: texts of keyframes, or JSON, of its moves.

The add-ons write a move for each frame after the first: as keyframe strings
(``translation_x = "0:(0.5),…"``), as a tuple for ``cam_code``, as lists in JSON, or as "raw frames".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from animator.errors import UsageError
from animator.scene.camera_poses import MAX_POSES, Poses

MOVES = tuple(f"{kind}_{axis}" for kind in ("translation", "rotation_3d") for axis in "xyz")
"""What the add-ons write, in their order."""

UNITS_PER_DEPTH = 200.0
"""Units of translation in one unit of depth."""

_HEAD = re.compile(r"^Export frames (-?\d+) - (-?\d+)", re.MULTILINE)
_CAMERA = re.compile(r"^Camera Export: (.*)$", re.MULTILINE)
_ASSIGNED = re.compile(r"^[ \t]*(translation_[xyz]|rotation_3d_[xyz])[ \t]*=[ \t]*\"([^\"]*)\"", re.MULTILINE)
_TUPLE = re.compile(r"^\(translation_x,[\w,]*\) *= *\((.*)\)\s*$", re.MULTILINE)
_RAW = re.compile(r"^Raw frames for (\w+):\s*\n(.*)$", re.MULTILINE)
_JSON = re.compile(r"\{\s*\"translation_x\"\s*:\s*\[")
_KEY = re.compile(r"(\d{1,9})\s*:\s*\(\s*([^()]*?)\s*\)")
_TEXT = re.compile(r"\"([^\"]*)\"")


def is_exported(text: str) -> bool:
    r"""Return whether a text is one of these.

    >>> is_exported('Camera Export: Camera\ntranslation_x = "0:(1.5)"\n'), is_exported("frame,zoom")
    (True, False)
    """
    return any(pattern.search(text) for pattern in (_ASSIGNED, _TUPLE, _RAW, _JSON))


def read_exported(text: str, file: str) -> tuple[Poses, list[str]]:
    """Read the path of the first camera, the one that it starts from at the origin.

    Args:
        text: what an add-on wrote.
        file: its name for messages.

    Returns:
        The poses, one more than there are moves, and what to say of the text.

    Raises:
        UsageError: there are no moves in it, or one is no number.
    """
    cameras = list(_CAMERA.finditer(text))
    own = text[: cameras[1].start()] if len(cameras) > 1 else text
    moves = _moves(own, file)
    count = max((len(one) for one in moves.values()), default=0)
    if head := _HEAD.search(text):  # what does not change at the end has no key there
        count = max(count, min(int(head[2]) - int(head[1]) - 1, MAX_POSES))
    if not 0 < count <= MAX_POSES:
        raise UsageError(f"{file}: has {count} moves of a camera, expected 1 to {MAX_POSES}")
    table = np.zeros((count, 6))
    for column, name in enumerate(MOVES):
        values = moves.get(name, np.zeros(1))
        table[:, column] = np.concatenate([values, np.full(count - len(values), values[-1])])
    notices = []
    if len(cameras) > 1:
        notices.append(
            f"{file}: has {len(cameras)} cameras; the path of {cameras[0][1].strip()[:40]} is taken"
        )
    return _poses(table), notices


def _poses(table: np.ndarray) -> Poses:
    """Return the poses that moves add up to: a row is the move from one pose to the next.

    The add-ons give the way along the axes that the camera has after its turn, and the turn as Blender's
    angles: about x first, then y, then z.
    """
    from scipy.spatial.transform import Rotation

    turns = Rotation.from_euler("xyz", table[:, 3:], degrees=True).as_matrix()
    ways = table[:, :3] / (UNITS_PER_DEPTH, -UNITS_PER_DEPTH, UNITS_PER_DEPTH)
    rotations = np.tile(np.eye(3), (len(table) + 1, 1, 1))
    positions = np.zeros((len(table) + 1, 3))
    for number, (turn, way) in enumerate(zip(turns, ways, strict=True)):
        rotations[number + 1] = rotations[number] @ turn
        positions[number + 1] = positions[number] + rotations[number + 1] @ way
    return Poses(np.arange(len(table) + 1, dtype=np.float64), rotations, positions)


def _moves(text: str, file: str) -> dict[str, np.ndarray]:
    """Return the moves of one camera by name: from lists if there are any, as keyframes are rounded."""
    if start := _JSON.search(text):
        try:
            tree, _ = json.JSONDecoder().raw_decode(text, start.start())
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{file}: its JSON is cut off; export it again") from error
        return {name: _numbers(tree[name], name, file) for name in MOVES if tree.get(name)}
    keyed: Mapping[str, str] = dict(_ASSIGNED.findall(text))
    if not keyed and (joined := _TUPLE.search(text)):
        keyed = dict(zip(MOVES, _TEXT.findall(joined[1]), strict=False))
    if keyed:
        return {name: _filled(one, name, file) for name, one in keyed.items()}
    raw = {name: one for name, one in _RAW.findall(text) if name in MOVES}
    return {name: _filled(one, name, file, held=True) for name, one in raw.items()}


def _filled(text: str, name: str, file: str, held: bool = False) -> np.ndarray:
    """Return a move at every frame, on the lines between its keys; or each held until the next."""
    keys = {int(at): value for at, value in _KEY.findall(text)}
    if not keys or max(keys) >= MAX_POSES:
        raise UsageError(f"{file}: {name} has no keys such as 0:(1.5) below frame {MAX_POSES}")
    at = np.array(sorted(keys))
    values = _numbers([keys[frame] for frame in at.tolist()], name, file)
    wanted = np.arange(at[-1] + 1)
    if held:
        return values[np.clip(np.searchsorted(at, wanted, side="right") - 1, 0, None)]
    filled: np.ndarray = np.interp(wanted, at, values)
    return filled


def _numbers(values: Any, name: str, file: str) -> np.ndarray:
    try:
        found = np.array(values, np.float64)
    except (TypeError, ValueError):
        found = np.zeros(0)
    if found.ndim != 1 or not len(found) or not np.isfinite(found).all():
        raise UsageError(f"{file}: {name} holds what is no number; export it again")
    return found
