"""A camera of After Effects, copied out of it as text ("Keyframe Data"), at every frame of a film.

After Effects counts pixels: x to the right, y downwards, z into the picture. Angles turn by the right-hand
rule; a camera is turned towards its point of interest, then by its orientation, then about x, y and z.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from animator.errors import UsageError
from animator.scene.camera_poses import Poses
from animator.scene.camera_times import frames_of, linear, near_whole, turned

BEGINS = "Adobe After Effects"
"""The first words of such a text."""

PIXELS = 100.0
"""Pixels to a unit: programs that exchange cameras with After Effects take 100 for a metre."""

GROUPS = ("transform", "camera options")
"""Where a camera's properties are."""

LAST = 1e7
"""The latest frame that a key may be at."""

WIDTHS: Mapping[str, int] = {
    **{"position": 3, "point of interest": 3, "orientation": 3, "zoom": 1},
    **dict.fromkeys(("x position", "y position", "z position", "x rotation", "y rotation", "z rotation"), 1),
}
"""Properties of a camera, and how many numbers each is."""


@dataclass
class Property:
    """One property.

    Attributes:
        at: frame of each key, in frames of After Effects; of a value that does not change NaN.
        values: numbers of each key.
        expression: lines of the formula that takes its place; empty where there is none.
    """

    at: list[float] = field(default_factory=list)
    values: list[list[float]] = field(default_factory=list)
    expression: list[str] = field(default_factory=list)


def is_keyframe_data(text: str) -> bool:
    """Return whether a text is After Effects' keyframes.

    >>> is_keyframe_data("Adobe After Effects 8.0 Keyframe Data")
    True
    """
    return text.lstrip("\ufeff \t\r\n").startswith(BEGINS)


def read_keyframe_data(text: str, file: str, fps: float) -> tuple[Poses, list[str]]:
    """Read the path of a camera; the first key is frame 0.

    Args:
        text: what After Effects put on the clipboard.
        file: its name for messages.
        fps: frames a second of the film.

    Returns:
        The poses, a unit of which is 100 pixels, and what to say of the text.

    Raises:
        UsageError: it has no position of a camera, or a line in it is no row of numbers.
    """
    head, found = _parsed(text, file)
    place = _position(found, file)
    first = min((one.at[0] for one in found.values() if one.at and not np.isnan(one.at[0])), default=0.0)
    last = max((one.at[-1] for one in found.values() if one.at and not np.isnan(one.at[-1])), default=0.0)
    pace = fps / head.get("units per second", fps)
    at = frames_of((last - first) * pace)

    def column(name: str) -> np.ndarray | None:
        return _column(found[name], first, pace, at) if name in found else None

    positions = np.concatenate([_column(one, first, pace, at) for one in place], -1)
    turns = np.tile(np.eye(3), (len(at), 1, 1))
    interest = found.get("point of interest")
    if interest and not interest.expression:
        turns = _towards(_column(interest, first, pace, at) - positions)
    turns = turns @ _turns(found, first, pace, at)
    zoom, high = column("zoom"), head.get("source height", 0.0)
    fov = None
    if zoom is not None and high > 0 and zoom.min() > 0:
        fov = np.degrees(2 * np.arctan(high / (2 * zoom[:, 0])))
    return Poses(at, turns, positions / PIXELS, fov), _notices(found, file)


def _parsed(text: str, file: str) -> tuple[dict[str, float], dict[str, Property]]:
    """Return the numbers of the head, and the properties that are a camera's, by name in small letters."""
    head: dict[str, float] = {}
    found: dict[str, Property] = {}
    name, formula = "", False
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{file}:{number}"
        cells = [cell.strip() for cell in line.split("\t")]
        if line.startswith(("Expression Data", "End of Expression")):
            formula = not line.startswith("End")
        elif formula and name in found and not line.startswith("//"):
            found[name].expression.append(line.strip())
        elif formula or not line.strip():
            continue
        elif line[0] != "\t":
            name = _name([cell.lower() for cell in cells if cell])
            if name in found:
                raise UsageError(f"{where}: {name} is there twice; copy one camera at a time")
        elif name:
            if cells[1].lower() != "frame":
                _take_row(found.setdefault(name, Property()), cells[1:], WIDTHS[name], where)
        elif len(cells) > 2:
            _take_head(head, cells[1].lower(), cells[2])
    return head, found


def _name(words: list[str]) -> str:
    """Return the property that a line in the first column begins; empty where it is none of a camera's."""
    name = {"rotation": "z rotation"}.get(words[-1], words[-1])
    return name if words[0] in GROUPS and name in WIDTHS else ""


def _take_head(head: dict[str, float], name: str, cell: str) -> None:
    try:
        value = float(cell)
    except ValueError:
        return  # a row of a property that is no camera's
    if name in ("units per second", "source height") and 0 < value < LAST:
        head[name] = value


def _take_row(one: Property, cells: list[str], width: int, where: str) -> None:
    """Take a line of a property in; NaN is the frame of a value that does not change."""
    try:
        at = float(cells[0]) if cells[0] else np.nan
        values = [float(cell) for cell in cells[1 : width + 1]]
    except ValueError:
        values = []
    if len(values) != width or not np.isfinite(values).all() or (cells[0] and not abs(at) < LAST):
        raise UsageError(f"{where}: {' '.join(cells)[:40]!r} is no frame and {width} numbers")
    if one.at and not at > one.at[-1]:
        raise UsageError(f"{where}: frame {at:g} does not come after {one.at[-1]:g}")
    one.at.append(at)
    one.values.append(values)


def _position(found: Mapping[str, Property], file: str) -> list[Property]:
    """Return what says where the camera is: one property, or one for each axis."""
    if "position" in found:
        return [found["position"]]
    single = [found[f"{axis} position"] for axis in "xyz" if f"{axis} position" in found]
    if len(single) == 3:
        return single
    known = f"only {', '.join(sorted(found))}" if found else "none of a camera's properties"
    raise UsageError(
        f"{file}: has no position of a camera ({known}); select the keyframes of all its properties and copy"
    )


def _column(one: Property, first: float, pace: float, at: np.ndarray) -> np.ndarray:
    """Return the values of a property at every frame of the film, F x width."""
    values = np.array(one.values)
    if np.isnan(one.at[0]):
        return np.tile(values[0], (len(at), 1))
    return linear(near_whole((np.array(one.at) - first) * pace), values, at)


def _towards(ways: np.ndarray) -> np.ndarray:
    """Return rotations that look along some ways, F x 3, with no roll; along z where a way has no length."""
    from scipy.spatial.transform import Rotation

    x, y, z = ways.T
    yaw = np.arctan2(x, z)
    pitch = np.arctan2(-y, np.hypot(x, z))
    turns: np.ndarray = Rotation.from_euler("YX", np.stack([yaw, pitch], -1)).as_matrix()
    return turns


def _turns(found: Mapping[str, Property], first: float, pace: float, at: np.ndarray) -> np.ndarray:
    """Return orientation and then the turns about x, y and z, F x 3 x 3."""
    from scipy.spatial.transform import Rotation

    turns = Rotation.identity(len(at))
    if "orientation" in found:
        one = found["orientation"]
        keys = Rotation.from_euler("XYZ", np.array(one.values), degrees=True)
        still = np.isnan(one.at[0])
        turns = turned(np.zeros(1) if still else near_whole((np.array(one.at) - first) * pace), keys, at)
    angles = [
        _column(found[f"{axis} rotation"], first, pace, at)[:, 0]
        if f"{axis} rotation" in found
        else np.zeros(len(at))
        for axis in "xyz"
    ]
    both: np.ndarray = (turns * Rotation.from_euler("XYZ", np.stack(angles, -1), degrees=True)).as_matrix()
    return both


def _notices(found: Mapping[str, Property], file: str) -> list[str]:
    notices = []
    formulas = [name for name, one in found.items() if one.expression and not _is_known(name, one)]
    if formulas:
        names = ", ".join(formulas)
        notices.append(f"{file}: {names}: expressions are not evaluated; convert them to keyframes")
    if any(len(one.at) > 1 and max(np.diff(one.at)) > 1 for one in found.values()):
        notices.append(f"{file}: it goes straight from key to key; copy one at every frame for curves")
    return notices


def _is_known(name: str, one: Property) -> bool:
    """Return whether a formula changes nothing: no point of interest, and a zoom that fits the picture."""
    return name == "zoom" or (name == "point of interest" and one.expression == ["transform.position"])
