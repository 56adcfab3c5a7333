"""The regions of a scene drawn: as outlines over a preview, as small pictures in a plot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import cv2
import numpy as np
import torch

from animator.film.loop import SILENT, move
from animator.film.regions import Masks, following, masks_of, of_strength, resized
from animator.film.shot import Shot
from animator.film.state import Track
from animator.look.flight import ScaledRow, plausible_depth, test_shot
from animator.run.job import shot_of
from animator.run.sources import gather
from animator.scene.reading import LoadedScene

COLOURS = ((255, 196, 0), (0, 200, 255), (255, 80, 160), (120, 230, 90), (190, 130, 255), (255, 140, 60))
"""Of the outlines, red, green and blue."""

SMALL = 96
"""Pixels of the longer side of a mask in a plot."""


def masks_in_motion(loaded: LoadedScene, width: int, height: int) -> Iterator[Masks]:
    """Yield the masks of each frame of a film at another size, as the preview moves them.

    Those that follow the picture are moved by the camera over a plausible depth, or stay in mode video, where
    no flow is measured; those by depth are not known.

    Args:
        loaded: the scene.
        width: pixels.
        height: pixels.
    """
    scene = loaded.scene
    scale = width / scene.size[0]
    shot, _ = test_shot(loaded, width, height)
    flies = scene.mode in ("2d", "3d")
    track = Track(torch.zeros(3, height, width), plausible_depth(width, height, 60.0))
    for frame in range(shot.pictures):
        row = ScaledRow(loaded.timeline.row(frame), scale if scene.mode == "2d" else 1.0)
        if frame and flies and track.masks:
            track, _ = move(track, row, shot, None, SILENT)  # type: ignore[arg-type]
        numbers = loaded.timeline.row(frame)
        masks = masks_of(shot.regions, numbers, None, track.masks if frame else None)
        track = replace(track, masks=following(masks, shot))
        yield {
            one.name: masks[one.name] for one in shot.regions if of_strength(one, numbers, masks) is not None
        }


def outlined(picture: np.ndarray, masks: Masks, names: Mapping[str, int]) -> np.ndarray:
    """Return a picture with the outline and the name of each region over it.

    Args:
        picture: H x W x 3 uint8 RGB.
        masks: of the frame, H x W each.
        names: of all regions, each with its number, which decides its colour.
    """
    drawn = picture.copy()
    for name, mask in masks.items():
        inside = (mask.numpy() >= 0.5).astype(np.uint8)
        lines, _ = cv2.findContours(inside, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        colour = COLOURS[names[name] % len(COLOURS)]
        cv2.drawContours(drawn, lines, -1, colour, 1, cv2.LINE_AA)
        if lines:
            x, y, _, _ = cv2.boundingRect(max(lines, key=cv2.contourArea))
            place = (x + 3, y + 12)
            cv2.putText(drawn, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 0, 0), 3, cv2.LINE_AA)
            cv2.putText(drawn, name, place, cv2.FONT_HERSHEY_SIMPLEX, 0.4, colour, 1, cv2.LINE_AA)
    return drawn


def masks_to_show(loaded: LoadedScene, moments: int) -> dict[str, list[tuple[int, np.ndarray]]]:
    """Return small pictures of the masks that can be drawn, by region: frames, and H x W from 0 to 1.

    Args:
        loaded: the scene.
        moments: of how many frames, spread evenly.
    """
    width, height = loaded.scene.size
    share = SMALL / max(width, height)
    shot: Shot = shot_of(loaded, gather(loaded))
    frames = np.unique(np.linspace(0, shot.pictures - 1, moments).round().astype(int)).tolist()
    small = [resized(one, round(width * share), round(height * share), share) for one in shot.regions]
    found: dict[str, list[tuple[int, np.ndarray]]] = {}
    for frame in frames:
        for name, mask in masks_of(small, loaded.timeline.row(frame)).items():
            found.setdefault(name, []).append((frame, mask.numpy()))
    return found
