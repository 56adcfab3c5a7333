"""Make ``docs/gallery.png``: what some controls do, each picture of one prompt on the bundled networks.

    python docs/gallery.py

Nothing is picked: every picture has the seed of its row, and a row differs in what stands under its pictures.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from animator.convert import frame_to_uint8
from animator.inputs import gather
from animator.job import load_tools, shot_of
from animator.runs.png import encode_png
from animator.scene.reading import LoadedScene, read_text_scene
from animator.stills import stills
from animator.watch.sheet import sheet, strip

HERE = Path(__file__).parent

SCENE = """
mode: still
size: [192, 128]
seed: 7
prompts: ["a white castle on a green meadow by day, snowy mountains"]
diffusion: {steps: 40}
guidance:
  cuts: {overview: "[6]*400+[2]*600", innercut: "[2]*400+[6]*600"}
"""

ROWS: list[list[tuple[str, list[str]]]] = [
    [(f"range_scale {scale}", [f"guidance.range_scale={scale}"]) for scale in (0, 2000, 20000, 100000)],
    [(f"sat_scale {scale}", [f"guidance.sat_scale={scale}"]) for scale in (0, 2000, 20000, 100000)],
    [(f"tv_scale {scale}", [f"guidance.tv_scale={scale}"]) for scale in (0, 5000, 20000, 100000)],
    [
        ("ddim, 40 steps", []),
        ("plms, 40 steps", ["diffusion.sampler=plms"]),
        ("dpmpp_2m, 15 steps", ["diffusion.sampler=dpmpp_2m", "diffusion.steps=15"]),
        ("dpmpp_2m_sde, 15 steps", ["diffusion.sampler=dpmpp_2m_sde", "diffusion.steps=15"]),
    ],
    [
        ("secondary: true", ["diffusion.secondary=true"]),
        ("symmetry at 9 %", ["diffusion.use_horizontal_symmetry=true"]),
        (
            "symmetry at 9 % and 50 %",
            ["diffusion.use_horizontal_symmetry=true", "diffusion.transformation_percent=[0.09, 0.5]"],
        ),
        ("symmetry as a loss", ["guidance.symmetry_loss_scale=[50000]*700+[0]*300"]),
    ],
    [
        ("cuts: pixel-art", ["guidance.cuts=pixel-art"]),
        ("cuts: watercolor", ["guidance.cuts=watercolor"]),
        ("perlin_init: mixed", ["diffusion.perlin_init=mixed", "diffusion.skip_steps=40%"]),
        ("an image prompt", ["prompts=[]", f"image_prompts={HERE / 'sunset.png'}"]),
    ],
]


def paint(loaded: LoadedScene) -> np.ndarray:
    """Return the first picture of a scene, H x W x 3 uint8."""
    sources = gather(loaded)
    made = stills(loaded.timeline, shot_of(loaded, sources), load_tools(loaded, sources).engine, [0], {})
    return frame_to_uint8(next(made).picture)


def main() -> None:
    """Paint every row and write the sheet."""
    if not (HERE / "sunset.png").is_file():
        settings = ["prompts=a red sunset over the sea"]
        picture = paint(read_text_scene(SCENE, str(HERE / "gallery.yaml"), settings))
        (HERE / "sunset.png").write_bytes(encode_png(picture, {}))
    tiles = []
    for row in ROWS:
        for label, settings in row:
            picture = paint(read_text_scene(SCENE, str(HERE / "gallery.yaml"), settings))
            shown = cv2.resize(picture, (288, 192), interpolation=cv2.INTER_CUBIC)
            tiles.append(np.concatenate([shown, strip(label, 288, 1.0)]))
            print(label, flush=True)
    (HERE / "gallery.png").write_bytes(encode_png(sheet(tiles, len(tiles), 4, 6), {}))


if __name__ == "__main__":
    main()
