"""Compare what fills the holes of a moved picture: ``python docs/holes.py`` writes ``holes.png``.

A few posts before a landscape, with their true depth, are moved frame by frame, each from the one before and
without diffusion, so that what a warp does wrong adds up.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from animator.runs.png import encode_png
from animator.system.convert import frame_to_uint8, uint8_to_frame
from animator.types import Camera, DepthMap, Frame
from animator.warp.fill import fill
from animator.warp.reproject3d import view
from animator.watch.sheet import sheet, strip
from tools.pocket.world.draw import draw
from tools.pocket.world.spec import Spec
from tools.pocket.world.things import Canvas

HERE = Path(__file__).parent
WIDTH, HEIGHT, FRAMES, GAP = 256, 128, 12, 4

MOVES = {
    "backwards": Camera(translation_z=-12),
    "to the right": Camera(translation_x=7),
}
WAYS: dict[str, dict] = {
    "classic, border": {},
    "classic, mirror": {"padding": "reflection"},
    "classic, inpaint": {"fill": "inpaint"},
    "occlusion, padding": {"occlusion": True},
    "occlusion, inpaint": {"occlusion": True, "fill": "inpaint"},
}


def posts() -> tuple[Frame, DepthMap]:
    """Return the first frame and its depth: a landscape, and before it three posts and a gate."""
    spec = Spec("day", "meadow", "clouds", "mountains", "house", "red", False, "plain", 12)
    pixels, far = draw(spec, WIDTH, HEIGHT)
    canvas = Canvas(WIDTH, HEIGHT, HEIGHT / 2, 0.3)
    canvas.rgb[:], canvas.depth[:] = pixels / 255, far
    for x, distance, wide, colour in (
        (50, 2.2, 7, (0.75, 0.25, 0.15)),
        (126, 1.4, 10, (0.2, 0.25, 0.5)),
        (200, 1.8, 8, (0.85, 0.75, 0.3)),
    ):
        top, foot = HEIGHT * 0.2, int((far[:, x] > distance).sum())
        dark = np.array(colour, np.float32) * 0.6
        canvas.polygon(
            [(x - wide, foot), (x - wide, top), (x + wide, top), (x + wide, foot)],
            np.array(colour, np.float32),
            distance,
        )
        for row in np.arange(top + 6, foot, 12):
            corners = [(x - wide, row), (x - wide, row + 5), (x + wide, row + 5), (x + wide, row)]
            canvas.polygon(corners, dark, distance)
    frame = uint8_to_frame((canvas.rgb * 255).round().astype(np.uint8))
    return frame, torch.from_numpy(canvas.depth)


def flown(camera: Camera, settings: dict) -> Frame:
    """Return the last frame of a flight without diffusion."""
    how = settings.get("fill", "padding")
    frame, depth = posts()
    for _ in range(FRAMES):
        seen = view(frame, depth, camera, **{key: value for key, value in settings.items() if key != "fill"})
        frame, depth = fill(seen.picture, seen.uncovered, how, seen.near), seen.depth
    return frame


def tiles() -> Iterator[np.ndarray]:
    """Yield every picture over its caption."""
    for name, camera in MOVES.items():
        yield _captioned(posts()[0], f"before {FRAMES} moves {name}")
        for way, settings in WAYS.items():
            yield _captioned(flown(camera, settings), way)


def _captioned(frame: Frame, text: str) -> np.ndarray:
    return np.concatenate([frame_to_uint8(frame), strip(text, WIDTH)])


def main() -> None:
    """Write the sheet."""
    count = len(MOVES) * (1 + len(WAYS))
    (HERE / "holes.png").write_bytes(encode_png(sheet(tiles(), count, 3, GAP), {}))


if __name__ == "__main__":
    main()
