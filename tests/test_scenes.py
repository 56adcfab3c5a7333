"""The scenes that come along: what each of them promises, what it costs, and what the docs show of it."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from animator.look.work import work_of
from animator.scene.reading import LoadedScene, read_scene
from animator.system.convert import frame_to_uint8
from animator.video.footage import FootageReader, open_footage
from animator.video.stereo_film import pack
from tools.pocket.world.captions import caption
from tools.pocket.world.spec import draw_spec

ROOT = Path(__file__).parents[1]
SCENES = ROOT / "scenes"
NAMES = ("flight", "gate", "sheet", "stereo", "stylise", "turbo")
PASSES = 320
"""Of the diffusion network at 192 x 128, which two cores do in less than three minutes."""


@pytest.fixture(scope="module")
def loaded() -> dict[str, LoadedScene]:
    return {name: read_scene(SCENES / f"{name}.yaml") for name in NAMES}


def script(path: Path) -> ModuleType:
    """Return a file of the project that is no part of the package as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_there_are_six_and_nothing_else() -> None:
    assert tuple(sorted(path.stem for path in SCENES.glob("*.yaml"))) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_scene_is_quickly_painted_and_takes_its_taste_from_one_file(
    loaded: dict[str, LoadedScene], name: str
) -> None:
    one = loaded[name]
    assert one.notices == ()
    taste = read_scene(SCENES / "gate.yaml").scene.guidance
    assert one.scene.guidance.model_copy(update={"clip_models": taste.clip_models}) == taste
    assert "extends: pocket" in (SCENES / f"{name}.yaml").read_text(encoding="utf-8")
    width, height = one.scene.size
    assert work_of(one).steps.sum() * width * height / (192 * 128) <= PASSES


@pytest.mark.parametrize("name", NAMES)
def test_a_scene_says_how_it_is_rendered(name: str) -> None:
    text = (SCENES / f"{name}.yaml").read_text(encoding="utf-8")
    assert f"#     animator render scenes/{name}.yaml\n" in text
    for other in re.findall(rf"#     animator render scenes/{name}.yaml (--set .*)", text):
        settings = [
            first or second or third
            for first, second, third in re.findall(r"""--set (?:'([^']*)'|"([^"]*)"|(\S+))""", other)
        ]
        read_scene(SCENES / f"{name}.yaml", [one for one in settings if "holiday" not in one])


@pytest.mark.slow
def test_the_bundled_networks_know_every_word(loaded: dict[str, LoadedScene]) -> None:
    captions = (caption(draw_spec(seed), np.random.default_rng(seed)) for seed in range(3000))
    known = words(" ".join(captions))
    assert "unicorn" not in known
    for name, one in loaded.items():
        rows = map(one.timeline.row, range(one.timeline.frames))
        said = words(" ".join(prompt.text for row in rows for prompt in row.prompts))
        assert said - known == set(), name


def words(text: str) -> set[str]:
    return set(re.findall(r"[a-z]+", text.lower()))


def test_a_day_ends_on_the_flight(loaded: dict[str, LoadedScene]) -> None:
    scene = loaded["flight"].scene
    assert (scene.mode, scene.warp.projection) == ("3d", "pinhole")
    texts = [loaded["flight"].timeline.row(frame).prompts for frame in (0, 18, 35)]
    for prompts, time in zip(texts, ("by day", "at sunset", "at night"), strict=True):
        strongest = max(prompts, key=lambda prompt: prompt.weight)
        assert time in strongest.text
    assert len(loaded["flight"].timeline.row(13).prompts) > 1  # one becomes the other


def test_the_way_through_the_gate_is_a_zoom(loaded: dict[str, LoadedScene]) -> None:
    one = loaded["gate"]
    assert one.scene.mode == "2d"
    zoom = one.timeline.table["camera.zoom"].to_numpy()
    assert (zoom > 1).all()
    assert zoom.prod() > 4


def test_the_two_eyes_are_apart(loaded: dict[str, LoadedScene]) -> None:
    vr = loaded["stereo"].scene.vr
    assert vr.enabled
    assert vr.ipd > 0
    assert {"side_by_side", "anaglyph"} <= set(vr.layouts)


def test_turbo_paints_a_third_of_its_frames_at_most(loaded: dict[str, LoadedScene]) -> None:
    work = work_of(loaded["turbo"])
    assert loaded["turbo"].scene.mode == "3d"
    assert 3 * work.diffused <= work.frames


def test_the_sheet_has_eight_pictures_each_of_its_own_prompt(loaded: dict[str, LoadedScene]) -> None:
    one = loaded["sheet"]
    assert (one.scene.mode, one.scene.images) == ("still", 8)
    texts = {tuple(prompt.text for prompt in one.timeline.row(still).prompts) for still in range(8)}
    assert len(texts) == 8
    assert one.scene.output.contact_sheet


@pytest.mark.slow
def test_the_footage_is_what_its_script_draws(loaded: dict[str, LoadedScene]) -> None:
    scene = loaded["stylise"].scene
    path = SCENES / "footage" / "valley.mp4"
    assert scene.mode == "video"
    assert Path(str(scene.video.init)).resolve() == path
    assert path.stat().st_size < 150_000
    drawn = list(script(path.with_suffix(".py")).frames())
    assert scene.frames == len(drawn)
    footage = open_footage(path)
    height, width, _ = drawn[0].shape
    assert (footage.frames, footage.width, footage.height) == (len(drawn), width, height)
    with FootageReader(footage, width, height) as reader:
        for number in (0, len(drawn) - 1):
            kept = frame_to_uint8(reader.frame(number))
            assert np.abs(kept.astype(int) - drawn[number]).mean() < 3
    assert np.abs(drawn[0].astype(int) - drawn[-1]).mean() > 10  # it moves


class Drawn:
    """A run all of whose pictures are there: grey, as light as their numbers."""

    def read_frame(self, number: int, folder: str = "frames") -> np.ndarray:
        return np.full((128, 192, 3), {"frames": 0, "left": 100, "right": 200}[folder] + number, np.uint8)


def test_what_the_gallery_shows(loaded: dict[str, LoadedScene]) -> None:
    gallery = script(ROOT / "docs" / "gallery.py")
    assert sorted(gallery.FILMS) == list(NAMES)

    def shown(name: str) -> list[np.ndarray]:
        return gallery.tiles_of(loaded[name], Drawn())

    assert [int(tile[0, 0, 0]) for tile in shown("sheet")] == list(range(8))
    assert [int(tile[0, 0, 0]) for tile in shown("flight")] == [0, 5, 10, 15, 20, 25, 30, 35]
    footage = shown("stylise")
    assert [int(tile[0, 0, 0]) for tile in footage[4:]] == [0, 12, 23, 35]
    assert all(tile.std() > 20 for tile in footage[:4])
    eyes = shown("stereo")
    assert [int(tile[0, 0, 0]) for tile in eyes[:4]] == [100, 200, 123, 223]
    assert np.array_equal(eyes[4], pack(eyes[0], eyes[1], "anaglyph"))
    assert np.array_equal(eyes[7], pack(eyes[2], eyes[3], "anaglyph"))
    assert len(eyes) == 8


@pytest.mark.slow
def test_the_gallery_renders_a_scene_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gallery = script(ROOT / "docs" / "gallery.py")
    text = "version: 1\nmodels: fake\nmode: 2d\nframes: 3\nseed: 1\nprompts: a sea\ndiffusion: {steps: 4}\n"
    (tmp_path / "sea.yaml").write_text(text)
    for name, value in {
        "SCENES": tmp_path,
        "HERE": tmp_path,
        "RUNS": tmp_path / "runs",
        "FILMS": ["sea"],
        "MOVING": "sea",
    }.items():
        monkeypatch.setattr(gallery, name, value)
    gallery.main(["films"])
    first = (tmp_path / "runs" / "sea" / "journal.jsonl").read_bytes()
    with Image.open(tmp_path / "gallery" / "sea.jpg") as picture:
        assert picture.size == (780, 260)
    with Image.open(tmp_path / "gallery" / "sea.webp") as picture:
        assert (picture.n_frames, picture.size) == (3, (384, 256))
    gallery.main(["films"])
    assert (tmp_path / "runs" / "sea" / "journal.jsonl").read_bytes() == first


def test_a_picture_of_the_gallery_is_small() -> None:
    gallery = script(ROOT / "docs" / "gallery.py")
    noise = np.random.default_rng(1).integers(0, 256, (260, 780, 3), np.uint8)
    assert 60_000 < len(gallery.small_jpeg(noise)) <= gallery.LARGEST
    with pytest.raises(SystemExit, match="there is no part 'film'; there are: plot, world, depth, films, "):
        gallery.main(["film"])


@pytest.mark.parametrize("name", NAMES)
def test_the_docs_show_a_small_picture_of_each_scene(name: str) -> None:
    path = ROOT / "docs" / "gallery" / f"{name}.jpg"
    page = (ROOT / "docs" / "scenes.md").read_text(encoding="utf-8")
    assert f"](gallery/{name}.jpg)" in page
    assert f"scenes/{name}.yaml" in page
    assert path.stat().st_size <= 80_000
    with Image.open(path) as picture:
        assert 700 <= picture.width <= 800


def test_make_gallery_is_told_by_make_help() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert '@echo "make gallery   ' in text
    assert "gallery: $(STAMP)\n\t$(BIN)/python -m docs.gallery\n" in text
