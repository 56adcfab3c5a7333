"""A test picture on its way through the camera's path, by the code of the loop, without diffusion."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import interpolate

from animator.film.loop import SILENT, move
from animator.film.regions import resized
from animator.film.rows import camera_3d
from animator.film.shot import Shot, Turbo
from animator.film.state import Track
from animator.look.scenery import HEIGHT, SKY, Pose, view
from animator.run.job import shot_of
from animator.run.sources import Sources, gather
from animator.system.convert import image_to_frame
from animator.warp.camera3d import camera_rotation, camera_translation

if TYPE_CHECKING:
    from animator.keyframes.timeline import Row
    from animator.scene.reading import LoadedScene
    from animator.types import DepthMap, Frame

FADE = 0.5
"""Share of a second over which the picture that was drawn again takes over."""

PULL = 0.3
"""Share of the landscape, drawn again, in each frame; enough to keep the edges of its things whole."""

SIZED = ("camera.translation_x", "camera.translation_y")
"""Moves that are in pixels in 2D."""


@dataclass(frozen=True)
class ScaledRow:
    """A row of the timeline for pictures of another size: in 2D the shift is in pixels.

    Attributes:
        row: the row.
        scale: pixels of the new size in one of the old.
    """

    row: Row
    scale: float

    @property
    def frame(self) -> int:
        """Number of the frame."""
        return self.row.frame

    def __getitem__(self, name: str) -> float:
        """Return a number of the row, see `Row`."""
        return self.row[name] * (self.scale if name in SIZED else 1.0)


def flown(loaded: LoadedScene, width: int) -> Iterator[Frame]:
    """Fly a test picture through a scene and yield what is seen, a frame at a time.

    The scene's init picture, or a drawn landscape, is moved by `animator.film.loop.move`. Warped again and
    again it would wear out, for nothing new is painted. So what a move uncovers is drawn in. In 3D the
    landscape is drawn at each frame as it looks from where the camera has come, and a share of that is mixed
    in; any other picture is started again once a second and faded in.

    Args:
        loaded: a scene of mode 2d or 3d.
        width: pixels of the pictures; their height follows from the scene's shape.

    Yields:
        Frames, 3 x H x W.
    """
    scene = loaded.scene
    scale = width / scene.size[0]
    shot, shown = test_shot(loaded, width, max(1, round(scene.size[1] * scale)))
    drawn = shown is None and scene.mode == "3d"
    period = shot.pictures if drawn else max(2, round(scene.fps))
    fade = max(1, round(FADE * period))
    pose = Pose()
    tracks: list[Track] = []
    for frame in range(shot.pictures):
        row = ScaledRow(loaded.timeline.row(frame), scale if scene.mode == "2d" else 1.0)
        if frame and drawn:
            camera = camera_3d(row)  # type: ignore[arg-type]
            pose = pose.moved(camera_rotation(camera), camera_translation(camera))
        fresh = _fresh(shown, pose, shot, row["camera.fov"])
        tracks = [_carried(track, fresh, row, shot, PULL if drawn else 0.0) for track in tracks]
        if frame % period == 0:
            tracks = [*tracks, fresh][-2:]
        share = (frame % period + 1) / (fade + 1)
        if share >= 1:
            tracks = tracks[-1:]
        yield torch.lerp(tracks[0].picture, tracks[-1].picture, min(share, 1.0))


def test_shot(loaded: LoadedScene, width: int, height: int) -> tuple[Shot, Frame | None]:
    """Return a shot of another size that moves pictures with their depths, and the scene's init picture."""
    scene = loaded.scene
    names_files = bool(scene.diffusion.init_image or scene.regions or scene.pictures)
    shot = shot_of(loaded, gather(loaded) if names_files else Sources({}))
    shown = shot.init.picture
    if shown is not None:
        shown = interpolate(shown[None], (height, width), mode="bicubic", antialias=True)[0].clamp(0, 1)
    # Turbo's moves take the depth along and estimate none.
    moving = dataclasses.replace(shot, align=False, turbo=Turbo(steps=2), disco=False)
    scale = width / shot.width
    regions = tuple(resized(region, width, height, scale) for region in shot.regions)
    sized = dataclasses.replace(moving, width=width, height=height, regions=regions)
    return dataclasses.replace(sized, upright=None, loop=0, pins=()), shown


def _fresh(shown: Frame | None, pose: Pose, shot: Shot, fov: float) -> Track:
    """Return the test picture as it looks from a pose; a picture of the scene's looks the same from all."""
    if shown is not None:
        return Track(shown, plausible_depth(shot.width, shot.height, fov))
    picture, depth = view(pose, shot.width, shot.height, fov)
    return Track(image_to_frame(picture), torch.from_numpy(depth))


def plausible_depth(width: int, height: int, fov: float) -> DepthMap:
    """Return a depth that most pictures could have: a ground below the horizon, and what is far above it.

    The ground is that of the drawn landscape; above the middle the depth is what it is just below it, from 3
    on, so that a picture's upper half moves too.
    """
    y = torch.linspace(-1, 1, height) * math.tan(math.radians(fov) / 2)
    depth = (HEIGHT / y.clamp(min=HEIGHT / SKY)).clamp(max=3.0)
    return depth[:, None].expand(height, width).contiguous()


def _carried(track: Track, fresh: Track, row: ScaledRow, shot: Shot, pull: float) -> Track:
    """Move a picture by the row's camera, draw in what was uncovered, and draw it towards the fresh one."""
    moved, uncovered = move(track, row, shot, None, SILENT)  # type: ignore[arg-type]
    if uncovered is None or moved.depth is None or fresh.depth is None:
        return moved
    picture = torch.lerp(torch.where(uncovered, fresh.picture, moved.picture), fresh.picture, pull)
    return Track(picture, fresh.depth if pull else torch.where(uncovered, fresh.depth, moved.depth))
