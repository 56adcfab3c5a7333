"""How far a film's picture came in some frames, compared with how far its camera went."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from torch import Tensor

from animator.film.loop import SILENT, move
from animator.film.state import LoopState, Track
from animator.film.upright import as_seen
from animator.system.convert import frame_to_uint8
from animator.warp.sampling import pixel_centres, sample

if TYPE_CHECKING:
    from animator.film.shot import Shot
    from animator.keyframes.timeline import Row
    from animator.types import DepthMap, Frame, Mask

SPAN = 8
"""Frames between the two that are compared."""

BESIDE = 5
"""Pixels beside what was uncovered that are not measured."""

LOOSE = 0.7
"""Pixels from the common motion at which a place counts half: what was drawn anew goes its own way."""

ROUNDS = 10
"""Rounds in which the places that count are found."""


class Course:
    """Follows a film frame by frame, and the camera's moves as they were asked for."""

    def __init__(self, shot: Shot) -> None:
        self.shot = shot
        self.ways: deque[Tensor] = deque(maxlen=SPAN)
        self.pictures: deque[Frame] = deque(maxlen=SPAN + 1)

    def after(self, row: Row, state: LoopState, depth: DepthMap | None) -> dict[str, dict[str, float]]:
        """Return how far the picture strayed in the last `SPAN` frames; nothing as long as they are too few.

        Args:
            row: of the frame that is finished.
            state: after it.
            depth: of the frame before it, in 3D.

        Returns:
            ``asked``: the move of the picture by the camera, ``zoom`` as a logarithm, ``turn`` in degrees
            counter-clockwise; ``strays``: what the picture did beyond it.
        """
        assert state.track is not None
        if self.pictures:
            self.ways.append(way(row, self.shot, depth))
        self.pictures.append(state.track.picture.cpu())
        if len(self.pictures) <= SPAN:
            return {}
        places, known = back(self.ways, self.shot, state.frame)
        moved = sample(self.pictures[0], places * 2 - 1, "bicubic")
        picture = as_seen(self.shot, state.frame, self.pictures[-1]).picture
        asked = asked_for(places, known, self.pictures[0].shape[-2:])
        if self.shot.upright is not None:
            # The places are those of the canvas, which was read out turned by so much.
            rolled = asked["turn"] - self.shot.upright.rolls[state.frame - SPAN]
            asked["turn"] = (rolled + 180) % 360 - 180
        return {"asked": asked, "strays": strays(moved, picture, known)}


def way(row: Row, shot: Shot, depth: DepthMap | None) -> Tensor:
    """Return where a frame's move reads each pixel of the canvas from.

    Returns:
        3 x H x W: x and y as shares of the canvas, and 1 where that is on it, else 0.
    """
    width, height = shot.canvas
    here = (pixel_centres(height, width, torch.device("cpu")).permute(2, 0, 1) + 1) / 2
    whole = torch.cat((here, torch.ones(1, height, width)))
    # A cubic kernel at the edges would mix the places of both sides.
    plain = replace(shot, sampling="bilinear", border_2d="replicate", padding="border", disco=False)
    moved, uncovered = move(Track(whole, None if depth is None else depth.cpu()), row, plain, None, SILENT)
    return torch.cat((moved.picture[:2], (~uncovered).float()[None]))


def back(ways: deque[Tensor], shot: Shot, frame: int) -> tuple[Tensor, Mask]:
    """Return where each pixel that a frame shows was before some moves, and where that is known.

    Args:
        ways: of the moves, the last is that to the frame.
        shot: what does not change.
        frame: its number.

    Returns:
        H x W x 2, x and y as shares of the canvas; H x W.
    """
    width, height = shot.canvas
    here = (pixel_centres(height, width, torch.device("cpu")).permute(2, 0, 1) + 1) / 2
    start = as_seen(shot, frame, torch.cat((here, torch.ones(1, height, width)))).picture
    places, known = start[:2].permute(1, 2, 0), torch.ones(start.shape[1:], dtype=torch.bool)
    for one in reversed(ways):
        read = sample(one, places * 2 - 1, "bilinear")
        places, known = read[:2].permute(1, 2, 0), known & (read[2] > 0.999)
    unknown = cv2.dilate((~known).numpy().astype(np.uint8), np.ones((2 * BESIDE + 1,) * 2, np.uint8))
    return places, torch.from_numpy(unknown == 0)


def asked_for(places: Tensor, known: Mask, size: Any) -> dict[str, float]:
    """Return the zoom and turn of a picture whose pixels come from ``places``; ``size`` is height, width."""
    height, width = known.shape
    y, x = np.mgrid[:height, :width]
    where = known.numpy()
    here = np.stack((x, y, np.ones_like(x)), axis=-1)[where].astype(np.float64)
    there = (places.numpy() * (size[1], size[0]))[where].astype(np.float64)
    square = np.linalg.inv(np.linalg.lstsq(here, there, rcond=None)[0][:2].T)
    turn = np.degrees(np.arctan2(square[0, 1] - square[1, 0], square[0, 0] + square[1, 1]))
    return {"zoom": float(np.log(abs(np.linalg.det(square))) / 2), "turn": float(turn)}


def strays(moved: Frame, picture: Frame, known: Mask) -> dict[str, float]:
    """Return by how much a picture is magnified (a logarithm) and turned (in degrees) against another.

    Args:
        moved: the other, as it should be.
        picture: the picture.
        known: where they are compared.
    """
    one, other = (cv2.cvtColor(frame_to_uint8(part), cv2.COLOR_RGB2GRAY) for part in (moved, picture))
    # There and back: what only one of the two has, sharper edges say, pulls both ways.
    there, again = (common(flow_of(*pair), known.numpy()) for pair in ((one, other), (other, one)))
    zoom, turn = (there - again) / 2
    return {"zoom": float(zoom), "turn": float(np.degrees(turn))}


def flow_of(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return how far each pixel of a grey picture, uint8, moves to another: float64, H x W x 2."""
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    finder.setFinestScale(0)
    flow = finder.calc(one, other, None)  # type: ignore[call-overload]
    return np.asarray(flow, np.float64)


def common(flow: np.ndarray, where: np.ndarray) -> np.ndarray:
    """Return the zoom (a logarithm) and turn (radians, counter-clockwise) that most of a flow has in common.

    Args:
        flow: H x W x 2 in pixels.
        where: what counts, H x W.
    """
    height, width = where.shape
    y, x = np.mgrid[:height, :width]
    x, y = (x - (width - 1) / 2)[where], (y - (height - 1) / 2)[where]
    one, none = np.ones_like(x), np.zeros_like(x)
    maps = np.concatenate((np.stack((x, y, one, none), -1), np.stack((y, -x, none, one), -1)))
    found, seen = np.zeros(4), np.concatenate((flow[where][:, 0], flow[where][:, 1]))
    for _ in range(ROUNDS):
        rest = (seen - maps @ found).reshape(2, -1)
        weight = np.tile(1 / (1 + (rest**2).sum(axis=0) / LOOSE**2), 2)[:, None]
        found = np.linalg.solve(maps.T @ (weight * maps), (weight * maps).T @ seen)
    return found[:2]
