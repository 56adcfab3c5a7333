"""Make the pictures of docs/regions.md with the bundled networks: a part of ``python -m docs.gallery``."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from animator.cli.progress import LineReporter
from animator.run.render import render_scene
from animator.runs import RunFolder
from animator.runs.png import encode_png
from animator.scene.reading import read_layered_text
from animator.watch.sheet import sheet

STILL = """
mode: still
size: [192, 128]
diffusion: {steps: 25}
"""

INITS = {
    "castle": ("a white castle on a hill by day", 5),
    "lighthouse": ("a red lighthouse on a cliff above the sea at sunset", 11),
    "forest": ("a green forest with a lake by day, snow on the mountains", 12),
}
"""Pictures that the others begin with or pass through, each with its seed."""

INPAINTED = """
prompts: a red lighthouse on a cliff above the sea, sunset
mode: still
images: 3
seed: 3
size: [192, 128]
diffusion: {init_image: castle.png, steps: 25, skip_steps: 20%}
regions:
  right: {formula: "x > 0.5", keep: true, feather: 16}
"""

TWO_PROMPTS = """
prompts:
  - {text: a white castle on a hill at night, region: left}
  - {text: "an orange balloon over a desert by day", region: right}
mode: still
images: 2
seed: 5
size: [192, 128]
diffusion: {steps: 25}
regions:
  left: {formula: "x < 0.5", feather: 20}
  right: {formula: "x >= 0.5", feather: 20}
"""

PINNED = f"""
prompts:
  0: {INITS["castle"][0]}
  20: {INITS["lighthouse"][0]}
  45: "{INITS["forest"][0]}"
prompt_blend: 8
mode: 2d
frames: 60
seed: 3
size: [192, 128]
camera: {{zoom: 1.01, translation_x: 1}}
diffusion: {{steps: 25}}
pictures: {{0: castle.png, 30: lighthouse.png, end: forest.png}}
output: {{losses: false}}
"""


def frames_of(folder: Path, name: str, text: str) -> list[np.ndarray]:
    """Render a scene into a folder, or take what is there, and return its pictures."""
    loaded = read_layered_text(text, str(folder / f"{name}.yaml"))
    render_scene(loaded, LineReporter(sys.stderr), out=folder / name)
    run = RunFolder.open(folder / name)
    return [run.read_frame(number) for number in range(loaded.scene.count)]


def region_sheets(folder: Path, gap: int) -> dict[str, np.ndarray]:
    """Return the pictures of the page by name, H x W x 3 uint8.

    Args:
        folder: where runs are kept.
        gap: pixels between pictures.
    """
    folder.mkdir(parents=True, exist_ok=True)
    inits = {}
    for name, (prompt, seed) in INITS.items():
        (inits[name],) = frames_of(folder, name, f"prompts: {prompt!r}\nseed: {seed}{STILL}")
        (folder / f"{name}.png").write_bytes(encode_png(inits[name], {}))
    inpainted = [inits["castle"], *frames_of(folder, "inpainted", INPAINTED)]
    two, pinned = frames_of(folder, "two-prompts", TWO_PROMPTS), frames_of(folder, "pinned", PINNED)
    shown = pinned[::3][:20]
    return {
        "inpainted": sheet(inpainted, 4, 4, gap),
        "two-prompts": sheet(two, 2, 2, gap),
        "pinned": sheet([*shown[:-1], pinned[-1]], 20, 5, gap),
    }
