"""Make pictures of the README and the card with the bundled networks: ``python -m docs.gallery [PART]...``.

``films`` renders the scenes into ``renders/gallery``, or takes what is there already, and shows each of
them in ``gallery/``, the first as a moving picture too.
``pocket`` paints eight prompts, three seeds each: ``pocket.jpg``; ``world.jpg`` is what
they were learnt from; ``depth.jpg`` is what the depth network sees in some of these. ``controls`` shows what
some controls do, one prompt and one seed, the setting under each picture: ``gallery.png``. ``plot`` is
``animator plot`` of the first scene. ``larger`` paints a still again at four times its size:
``gallery/larger.jpg``, between its enlargement and what comes of noise at that size. ``regions`` makes the
pictures of ``regions.md``; ``page`` takes pictures of the page in a browser. Without a word, all of them are
made. Of what they give nothing is picked.
"""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from PIL import Image
from torch import Tensor

from animator.cli.progress import LineReporter
from animator.depth.pocket import FARTHEST, NEAREST
from animator.film.larger import enlarged
from animator.film.stills import stills
from animator.look.dump import near_is_warm
from animator.look.plot import plot
from animator.run.film_files import EYES
from animator.run.job import shot_of
from animator.run.render import render_scene
from animator.run.sources import gather
from animator.run.tools import load_tools
from animator.runs import RunFolder
from animator.runs.hires import HIRES
from animator.runs.png import encode_png
from animator.scene.footage_reading import open_footage_of
from animator.scene.reading import LoadedScene, read_layered_text, read_scene, read_text_scene
from animator.system.convert import frame_to_uint8, uint8_to_frame
from animator.video.footage import FootageReader
from animator.video.stereo_film import pack
from animator.watch.sheet import sheet, strip
from docs.regions_gallery import region_sheets
from tools.pocket.figures.depth import as_frames, told
from tools.pocket.figures.held_out import drawn
from tools.pocket.figures.networks import load_networks
from tools.pocket.train.pictures import HELD_OUT
from tools.pocket.world.draw import draw
from tools.pocket.world.spec import draw_spec

HERE = Path(__file__).parent
SCENES = HERE.parent / "scenes"
RUNS = HERE.parent / "renders" / "gallery"

FILMS = ("flight", "gate", "stylise", "stereo", "turbo", "sheet")
"""The scenes that are shown."""

LARGEST = 80_000
"""Bytes of a picture of a scene at most: each new version stays in the repository."""

MOVING = "flight"
"""The scene whose film moves at the top of the README."""

LARGEST_MOVING = 700_000
"""Bytes of it at most."""

WIDEST = 800
"""Pixels of it in width at most."""

GAP = 4
"""Pixels between two frames on it."""

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


LARGER = """
extends: pocket
mode: still
size: [128, 128]
seed: 8
prompts: ["an oil painting of a white castle on a green meadow by day, snowy mountains"]
hires: {scale: 4}
"""

PROMPTS = [
    "a red lighthouse on a cliff above a stormy sea at dusk, watercolour",
    "an oil painting of a white castle on a hill at sunset",
    "a green forest by day",
    "low poly art of a road through a snowy plain, mountains, dawn",
    "an ink drawing of a bridge over a river",
    "pixel art of a yellow house on a lake at night",
    "a woodcut of a boat on the sea by day",
    "an orange balloon over a desert by day",
]
SEEDS = (3, 4, 5)


def paint(loaded: LoadedScene) -> np.ndarray:
    """Return the first picture of a scene, H x W x 3 uint8."""
    sources = gather(loaded)
    made = stills(loaded.timeline, shot_of(loaded, sources), load_tools(loaded, sources).engine, [0], {})
    return frame_to_uint8(next(made).picture)


def scene(*settings: str) -> LoadedScene:
    """Return the gallery's scene with some settings changed."""
    return read_text_scene(SCENE, str(HERE / "gallery.yaml"), settings)


def show_films() -> None:
    """Render the scenes, where they do not stand already, and write a picture of each."""
    folder = HERE / "gallery"
    folder.mkdir(exist_ok=True)
    for name in FILMS:
        loaded = read_scene(SCENES / f"{name}.yaml")
        render_scene(loaded, LineReporter(sys.stderr), out=RUNS / name)
        tiles = tiles_of(loaded, RunFolder.open(RUNS / name))
        columns = len(tiles) // 2
        (folder / f"{name}.jpg").write_bytes(small_jpeg(sheet(tiles, len(tiles), columns, GAP)))
    (folder / f"{MOVING}.webp").write_bytes(
        moving(RUNS / MOVING, read_scene(SCENES / f"{MOVING}.yaml").scene.fps)
    )


def moving(run: Path, fps: float) -> bytes:
    """Return the frames of a film as an animated WebP, twice their size, at most `LARGEST_MOVING` large."""
    files = sorted((run / "frames").glob("*.png"))
    frames = [Image.open(file).convert("RGB") for file in files]
    frames = [frame.resize((2 * frame.width, 2 * frame.height), Image.Resampling.LANCZOS) for frame in frames]
    for quality in range(80, 10, -5):
        stream = io.BytesIO()
        more = {"save_all": True, "append_images": frames[1:], "duration": round(1000 / fps), "loop": 0}
        frames[0].save(stream, "WEBP", quality=quality, method=6, **more)
        if len(stream.getvalue()) <= LARGEST_MOVING:
            break
    return stream.getvalue()


def tiles_of(loaded: LoadedScene, run: RunFolder) -> list[np.ndarray]:
    """Return what a picture of a finished run shows in two rows, each H x W x 3 uint8.

    Of stills and films as many as there is room for, evenly spread; of footage some frames above and what
    became of them below; of two eyes the pairs above and the anaglyphs of the same frames below.
    """
    scene = loaded.scene
    columns = (WIDEST + GAP) // (scene.size[0] + GAP)
    if scene.mode == "video":
        numbers = spread(scene.count, columns)
        with FootageReader(open_footage_of(scene), *scene.size, scene.video.fit) as footage:
            above = [frame_to_uint8(footage.frame(number)) for number in numbers]
        return [*above, *map(run.read_frame, numbers)]
    if scene.vr.enabled:
        pairs = [[run.read_frame(number, eye) for eye in EYES] for number in spread(scene.count, columns)]
        seen = [picture for pair in pairs[:: max(1, columns - 1)] for picture in pair]
        return [*seen, *(pack(left, right, "anaglyph") for left, right in pairs)]
    return [run.read_frame(number) for number in spread(scene.count, 2 * columns)]


def spread(frames: int, count: int) -> list[int]:
    """Return numbers of frames, evenly spread from the first to the last.

    >>> spread(48, 4)
    [0, 16, 31, 47]
    """
    return np.linspace(0, frames - 1, count).round().astype(int).tolist()


def small_jpeg(pixels: np.ndarray) -> bytes:
    """Return a picture, H x W x 3 uint8 RGB, as the best JPEG that is not larger than `LARGEST`."""
    for quality in range(95, 0, -3):
        _, data = cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])
        if len(data) <= LARGEST:
            break
    return data.tobytes()


def show_world() -> None:
    """Show the first pictures of the world that no training saw."""
    tiles = [draw(draw_spec(HELD_OUT + number), 128, 128)[0] for number in range(24)]
    (HERE / "world.jpg").write_bytes(small_jpeg(sheet(tiles, len(tiles), 8, GAP)))


def show_depth() -> None:
    """Show pictures that no training saw, their true and their estimated depth, and those of frames."""

    def in_colour(depth: Tensor) -> np.ndarray:
        share = (depth / NEAREST).log() / math.log(FARTHEST / NEAREST)
        return near_is_warm(share.clamp(0, 1).numpy())

    pictures = drawn(HELD_OUT, 8)
    networks = load_networks()
    frames = as_frames(networks, pictures.pictures)
    rows = [
        [frame_to_uint8(picture) for picture in pictures.pictures],
        [in_colour(depth) for depth in pictures.depths],
        [in_colour(depth) for depth in told(networks, pictures.pictures)],
        [frame_to_uint8(frame) for frame in frames],
        [in_colour(depth) for depth in told(networks, frames)],
    ]
    tiles = [tile for row in rows for tile in row]
    (HERE / "depth.jpg").write_bytes(small_jpeg(sheet(tiles, len(tiles), len(pictures), GAP)))


def show_pocket() -> None:
    """Paint some prompts, and a sunset, which `show_controls` takes as an image prompt."""
    tiles = [
        paint(scene(f"prompts={prompt}", f"seed={seed}", "size=[128,128]", "diffusion.steps=30"))
        for seed in SEEDS
        for prompt in PROMPTS
    ]
    (HERE / "pocket.jpg").write_bytes(small_jpeg(sheet(tiles, len(tiles), len(PROMPTS), GAP)))
    sunset = paint(scene("prompts=a red sunset over the sea", "seed=3"))
    (HERE / "sunset.png").write_bytes(encode_png(sunset, {}))


def show_controls() -> None:
    """Paint every row and write the sheet."""
    tiles = []
    for row in ROWS:
        for label, settings in row:
            picture = paint(scene(*settings))
            tiles.append(np.concatenate([picture, strip(label, picture.shape[1], 1.0)]))
            print(label, flush=True)
    (HERE / "gallery.png").write_bytes(encode_png(sheet(tiles, len(tiles), 4, 6), {}))


def show_plot() -> None:
    """Draw the curves of the first scene."""
    (HERE / "plot.png").write_bytes(plot(read_scene(SCENES / f"{FILMS[0]}.yaml")))


def show_larger() -> None:
    """Show a still enlarged, painted again at that size, and painted at that size from noise."""
    loaded = read_layered_text(LARGER, str(HERE / "larger.yaml"))
    size = loaded.scene.large_size
    assert size is not None
    at_once = read_layered_text(LARGER, str(HERE / "larger.yaml"), [f"size={list(size)}", "hires.scale=1"])
    for name, one in (("larger", loaded), ("at-once", at_once)):
        render_scene(one, LineReporter(sys.stderr), out=RUNS / name)
    run, other = (RunFolder.open(RUNS / name) for name in ("larger", "at-once"))
    first = frame_to_uint8(enlarged(uint8_to_frame(run.read_frame(0)), *size))
    tiles = [first, run.read_frame(0, HIRES), other.read_frame(0)]
    (HERE / "gallery" / "larger.jpg").write_bytes(small_jpeg(sheet(tiles, 3, 3, GAP)))


def show_regions() -> None:
    """Show what stays in a still, two prompts in one picture, and a film through three pictures."""
    for name, pixels in region_sheets(RUNS / "regions", GAP).items():
        (HERE / f"{name}.jpg").write_bytes(small_jpeg(pixels))


def show_page() -> None:
    """Take the pictures of the page in a browser."""
    from page_pictures import show_page as take  # beside this file

    take()


PARTS: dict[str, Callable[[], None]] = {
    "plot": show_plot,
    "world": show_world,
    "depth": show_depth,
    "films": show_films,
    "pocket": show_pocket,
    "controls": show_controls,
    "larger": show_larger,
    "regions": show_regions,
    "page": show_page,
}


def main(words: Sequence[str]) -> None:
    """Make the parts that are named, or all of them."""
    for word in words or PARTS:
        if word not in PARTS:
            sys.exit(f"there is no part {word!r}; there are: {', '.join(PARTS)}")
        PARTS[word]()


if __name__ == "__main__":
    main(sys.argv[1:])
