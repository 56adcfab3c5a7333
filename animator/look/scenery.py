"""A drawn country to fly through: a ground with a grid, posts and trees on it, and a sky with meridians."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

HEIGHT = 0.6
"""Of the camera above the ground at the start, in units of depth."""

SKY = 60.0
"""Depth at which the sky is seen."""

SIGHT = 14.0
"""How far things on the ground are drawn, in units of depth; the ground fades into haze there."""

NEAR = 0.12
"""Depth nearer than which a thing is past."""

SPACING = (2.0, 1.5)
"""From one post to the next, to the side and forwards."""

HAZE = np.array((0.80, 0.86, 0.92), np.float32)
ZENITH = np.array((0.25, 0.45, 0.78), np.float32)
FIELDS = np.array(((0.45, 0.60, 0.30), (0.53, 0.66, 0.36)), np.float32)
LINE = np.array((0.93, 0.92, 0.80), np.float32)
STAKES = ((0.85, 0.25, 0.20), (0.95, 0.75, 0.15), (0.20, 0.35, 0.75), (0.75, 0.35, 0.65))
TRUNK, LEAVES = (0.35, 0.24, 0.16), ((0.13, 0.38, 0.17), (0.22, 0.48, 0.16))


@dataclass(frozen=True)
class Pose:
    """Where a camera is in the country.

    Attributes:
        turn: from the camera's axes (x right, y down, z forwards) to the country's, 3 x 3.
        place: of the camera, in units of depth; (0, 0, 0) at the start.
    """

    turn: np.ndarray = field(default_factory=lambda: np.eye(3))
    place: np.ndarray = field(default_factory=lambda: np.zeros(3))

    def moved(self, rotation: np.ndarray, translation: np.ndarray) -> Pose:
        """Return the pose after a move ``X' = rotation^T X + translation`` (see `animator.warp.camera3d`)."""
        turn = self.turn @ rotation
        return Pose(turn, self.place - turn @ translation)


def view(pose: Pose, width: int, height: int, fov: float) -> tuple[np.ndarray, np.ndarray]:
    """Draw what is seen from a pose.

    Args:
        pose: the camera.
        width: pixels.
        height: pixels.
        fov: vertical angle of view in degrees.

    Returns:
        The picture, float32, H x W x 3 in [0, 1], and its true depth, float32, H x W.
    """
    tangent = math.tan(math.radians(fov) / 2)
    x = np.linspace(-1, 1, width, dtype=np.float32) * tangent * width / height
    y = np.linspace(-1, 1, height, dtype=np.float32) * tangent
    ways = np.stack(np.broadcast_arrays(x, y[:, None], np.float32(1)), -1) @ pose.turn.T.astype(np.float32)
    picture, depth = _ground(ways, pose)
    scale = (height - 1) / 2 / tangent
    for thing in _things(pose):
        _draw(thing, pose, scale, picture, depth)
    return picture, depth


def _ground(ways: np.ndarray, pose: Pose) -> tuple[np.ndarray, np.ndarray]:
    """Return the ground and the sky along lines of sight whose length is 1 in depth."""
    down = ways[..., 1]
    above = np.float32(HEIGHT - pose.place[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = above / down
    hit = (depth > 0) & (depth < SKY)
    depth = np.where(hit, depth, np.float32(SKY)).astype(np.float32)
    across = depth * ways[..., 0] + np.float32(pose.place[0])
    along = depth * ways[..., 2] + np.float32(pose.place[2])
    chequered = (np.floor(across) + np.floor(along)).astype(np.int64) & 1
    broad = np.clip(depth * 0.012, 0.02, 0.5)  # a line is about a pixel wide however far it is
    lines = (np.abs(across - np.round(across)) < broad) | (np.abs(along - np.round(along)) < broad)
    haze = np.clip(depth / SIGHT, 0, 1)[..., None] ** 0.7
    ground = np.where(lines[..., None], LINE, FIELDS[chequered]) * (1 - haze) + HAZE * haze
    return np.where(hit[..., None], ground, _sky(ways)).astype(np.float32), depth


def _sky(ways: np.ndarray) -> np.ndarray:
    """Return the sky, with faint lines every 15 degrees, by which turns are seen."""
    level = np.hypot(ways[..., 0], ways[..., 2])
    up = np.degrees(np.arctan2(-ways[..., 1], level))
    round_about = np.degrees(np.arctan2(ways[..., 0], ways[..., 2]))
    share = np.clip(up / 50, 0, 1)[..., None].astype(np.float32)
    sky = HAZE * (1 - share) + ZENITH * share
    lines = (np.abs((up + 7.5) % 15 - 7.5) < 0.12) | (np.abs((round_about + 7.5) % 15 - 7.5) < 0.12)
    result: np.ndarray = np.where(lines[..., None], sky * 0.88 + 0.12, sky)
    return result


@dataclass(frozen=True)
class _Thing:
    """A post or a tree.

    Attributes:
        foot: where it is, in the country.
        tall: its height.
        depth: of its foot as the camera sees it.
        kind: a number that decides what it looks like.
    """

    foot: np.ndarray
    tall: float
    depth: float
    kind: int


def _things(pose: Pose) -> list[_Thing]:
    """Return the things in sight, the farthest first. They stand on a lattice without an end."""
    reach = int(SIGHT / min(SPACING)) + 1
    centre = np.round(pose.place[[0, 2]] / SPACING).astype(int)
    things = []
    for column in range(centre[0] - reach, centre[0] + reach + 1):
        for row in range(centre[1] - reach, centre[1] + reach + 1):
            kind = (column * 7919 + row * 104729) % 1009
            aside = ((kind % 11) / 11 - 0.5) * 0.7
            foot = np.array([(column + 0.5) * SPACING[0] + aside, HEIGHT, (row + 0.5) * SPACING[1]])
            depth = float((foot - pose.place) @ pose.turn[:, 2])
            if NEAR < depth < SIGHT and kind % 3:
                things.append(_Thing(foot, 0.5 + (kind % 7) / 8, depth, kind))
    return sorted(things, key=lambda thing: -thing.depth)


def _draw(thing: _Thing, pose: Pose, scale: float, picture: np.ndarray, depth: np.ndarray) -> None:
    """Draw a thing into a picture and its depth."""
    height, width = depth.shape
    top = thing.foot - (0, thing.tall, 0)
    ends = np.stack((thing.foot, top)) - pose.place
    seen = ends @ pose.turn
    if seen[:, 2].min() < NEAR:
        return
    points = seen[:, :2] / seen[:, 2:] * scale + ((width - 1) / 2, (height - 1) / 2)
    if np.abs(points).max() > 20 * max(width, height):
        return
    (x0, y0), (x1, y1) = ((round(x), round(y)) for x, y in points.tolist())
    haze = min(1.0, thing.depth / SIGHT) ** 0.7
    tree = thing.kind % 2 == 0
    broad = max(1, round(scale * 0.05 / thing.depth))
    stem = _hazy(TRUNK if tree else STAKES[thing.kind % len(STAKES)], haze)
    cv2.line(picture, (x0, y0), (x1, y1), stem, broad)
    cv2.line(depth, (x0, y0), (x1, y1), thing.depth, broad)
    if tree:
        radius = max(1, round(scale * 0.3 * thing.tall / thing.depth))
        cv2.circle(picture, (x1, y1), radius, _hazy(LEAVES[thing.kind % len(LEAVES)], haze), -1)
        cv2.circle(depth, (x1, y1), radius, thing.depth, -1)
        cv2.circle(picture, (x1, y1), max(1, radius // 2), _hazy(LEAVES[1], haze), -1)


def _hazy(colour: tuple[float, float, float], haze: float) -> tuple[float, ...]:
    return tuple((np.array(colour) * (1 - haze) + HAZE * haze).tolist())
