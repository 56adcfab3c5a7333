"""Make the pictures of the README and the card with the bundled networks: ``python docs/gallery.py``.

``gallery.png`` shows what some controls do: one prompt, one seed, and what stands under each picture.
``pocket.png`` shows six prompts, three seeds each. Nothing is picked.
"""

from __future__ import annotations

from pathlib import Path

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
seed: 8
prompts: ["a white castle on a green meadow by day, snowy mountains"]
diffusion: {steps: 40}
guidance:
  cuts: {overview: "[6]*400+[2]*600", innercut: "[2]*400+[6]*600"}
"""

ROWS: list[list[tuple[str, list[str]]]] = [
    [
        # The estimates are left free, or nothing would be beyond the range.
        (f"range_scale {scale}", [f"guidance.range_scale={scale}", "diffusion.estimate=free"])
        for scale in (0, 5000, 20000, 200000)
    ],
    [(f"sat_scale {scale}", [f"guidance.sat_scale={scale}"]) for scale in (0, 1000, 5000, 20000)],
    [(f"tv_scale {scale}", [f"guidance.tv_scale={scale}"]) for scale in (0, 5000, 20000, 100000)],
    [
        ("ddim, 40 steps", []),
        ("plms, 40 steps", ["diffusion.sampler=plms"]),
        ("dpmpp_2m, 25 steps", ["diffusion.sampler=dpmpp_2m", "diffusion.steps=25"]),
        ("dpmpp_2m_sde, 25 steps", ["diffusion.sampler=dpmpp_2m_sde", "diffusion.steps=25"]),
    ],
    [
        ("secondary: true", ["diffusion.secondary=true"]),
        (
            "symmetry at 50 %",
            ["diffusion.use_horizontal_symmetry=true", "diffusion.transformation_percent=[0.5]"],
        ),
        (
            "symmetry at 50 % and 90 %",
            ["diffusion.use_horizontal_symmetry=true", "diffusion.transformation_percent=[0.5, 0.9]"],
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


PROMPTS = [
    "a red sunset over the sea",
    "a green forest by day",
    "a lighthouse by the sea at night",
    "snowy mountains in daylight",
    "a yellow desert at noon",
    "an ink drawing of a house in the snow",
]


def paint(loaded: LoadedScene) -> np.ndarray:
    """Return the first picture of a scene, H x W x 3 uint8."""
    sources = gather(loaded)
    made = stills(loaded.timeline, shot_of(loaded, sources), load_tools(loaded, sources).engine, [0], {})
    return frame_to_uint8(next(made).picture)


def scene(*settings: str) -> LoadedScene:
    """Return the gallery's scene with some settings changed."""
    return read_text_scene(SCENE, str(HERE / "gallery.yaml"), settings)


def main() -> None:
    """Paint every row and write the sheet."""
    tiles = [
        paint(scene(f"prompts={prompt}", f"seed={seed}", "diffusion.steps=30"))
        for prompt in PROMPTS
        for seed in (3, 4, 5)
    ]
    (HERE / "pocket.png").write_bytes(encode_png(sheet(tiles, len(tiles), 3, 4), {}))
    (HERE / "sunset.png").write_bytes(encode_png(tiles[0], {}))
    tiles = []
    for row in ROWS:
        for label, settings in row:
            picture = paint(scene(*settings))
            tiles.append(np.concatenate([picture, strip(label, picture.shape[1], 1.0)]))
            print(label, flush=True)
    (HERE / "gallery.png").write_bytes(encode_png(sheet(tiles, len(tiles), 4, 6), {}))


if __name__ == "__main__":
    main()
