"""Regions and pinned pictures in the plot and in the dump of a frame."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

from animator.look.dump import dump_frame
from animator.look.plot import figure_of, prompt_weights
from animator.scene.reading import read_scene

BASE = """
prompts: [{text: a sea, region: left}, a shore]
frames: 40
size: [64, 64]
seed: 7
models: fake
diffusion: {steps: 4}
regions:
  left: {formula: "x < 0.5", strength: 0.5}
  late: {formula: "1", keep: true, strength: "0: (0), 1: (0), 2: (1)"}
"""

LONG = "a name that is far too long for its place"


@pytest.fixture
def folder(tmp_path):
    for shade, name in enumerate(["a", "b", LONG]):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((64, 64, 3), 80 * shade, np.uint8))
    return tmp_path


def scene(folder, text, *overrides):
    path = folder / "scene.yaml"
    path.write_text(BASE + text)
    return read_scene(path, overrides)


def lines(figure):
    """Return where each panel has a line of the pictures' colour, and what is written in that colour."""
    violet = [
        [line.get_xdata()[0] for line in axes.get_lines() if line.get_color() == "tab:purple"]
        for axes in figure.axes
    ]
    said = [
        text.get_text() for axes in figure.axes for text in axes.texts if text.get_color() == "tab:purple"
    ]
    return violet, said


def test_a_plot_marks_the_frames_of_pictures(folder):
    pictures = f'{{0: a.png, 20: "{LONG}.png", 24: b.png, end: start}}'
    text = f"mode: 2d\npictures: {pictures}\n"
    violet, said = lines(figure_of(scene(folder, text), {}))
    over_frames = [found for found in violet if found]
    assert len(over_frames) >= 4
    assert all(found == [0, 20, 24, 39] for found in over_frames)
    assert said == ["a.png", "a name that is…", "b.png", "a.png"]
    assert lines(figure_of(scene(folder, "mode: 2d\n"), {}))[1] == []


def test_a_plot_says_where_prompts_pull(folder):
    loaded = scene(folder, "mode: 2d\n", "prompts=[{text: a sea, region: left}, {text: a sea, region: late}]")
    assert list(prompt_weights(loaded).columns) == ["a sea  in left", "a sea  in late"]


def test_pictures_without_room_have_a_line_and_no_name(folder):
    (folder / "many").mkdir()
    for number in range(40):
        cv2.imwrite(str(folder / "many" / f"{number:02}.png"), np.zeros((64, 64, 3), np.uint8))
    violet, said = lines(figure_of(scene(folder, "mode: 2d\npictures: many\n"), {}))
    assert violet[1] == list(range(40))
    assert said == ["39.png"]


@pytest.mark.parametrize(
    ("over", "depths"),
    [
        (("mode=2d",), 0),
        (("mode=3d",), 7 + 3),
        (("mode=3d", "loop=true"), 7 + 2),
        (("mode=3d", "turbo={steps: 3, preroll: 0}"), 4 + 3),
        (("mode=still", "images=3", "diffusion.skip_steps=50%"), 0),
    ],
)
def test_the_table_of_work_knows_of_pictures(folder, over, depths, monkeypatch):
    from animator.depth.plane import PlaneDepth
    from animator.diffusion import fake
    from animator.look.work import work_of

    count = {"steps": 0, "depths": 0}
    network, tell = fake.solvable_network, PlaneDepth.__call__

    def counted_network(*arguments):
        count["steps"] += 1
        return network(*arguments)

    def counted_depth(self, picture):
        count["depths"] += 1
        return tell(self, picture)

    monkeypatch.setattr(fake, "solvable_network", counted_network)
    monkeypatch.setattr(PlaneDepth, "__call__", counted_depth)
    pictures = "{0: {file: a.png, strength: 0.5}, 2: b.png, 7: {file: a.png, strength: 0.5}}"
    if "mode=still" in over or "loop=true" in over:
        pictures = "{0: a.png, 2: b.png}"
    bare = ("prompts=a sea", "regions=", "frames=8", "fps=2", "diffusion.steps=8")
    loaded = scene(folder, f"pictures: {pictures}\n", *bare, *over)
    work = work_of(loaded)
    dump_frame(loaded, loaded.scene.count - 1, folder / "dump", folder / "scratch", None, lambda _: None)
    if loaded.scene.mode != "still":
        assert work.steps.sum() == count["steps"]
    else:
        assert work.steps[-1] == count["steps"]
    assert work.depths == depths == count["depths"]


def dumped(folder, loaded, frame):
    out = folder / f"dump{frame}"
    dump_frame(loaded, frame, out, folder / "scratch", None, lambda _: None)
    masks = {path.stem: cv2.imread(str(path))[..., 0] for path in out.glob("03-region-*.png")}
    return masks, json.loads((out / "01-row.json").read_text())


def test_a_dump_has_the_masks_of_regions_and_tells_where_prompts_pull(folder):
    loaded = scene(folder, "mode: 2d\n", "frames=3")
    masks, row = dumped(folder, loaded, 2)
    assert set(masks) == {"03-region-left", "03-region-late"}
    assert (masks["03-region-left"][:, :32] == 128).all()
    assert (masks["03-region-left"][:, 32:] == 0).all()
    assert (masks["03-region-late"] == 255).all()
    assert [one.get("region") for one in row["prompts"]] == ["left", None]


def test_a_dump_of_a_still_has_them_too_and_none_of_a_region_without_strength(folder):
    more = ("diffusion.init_image=" + str(folder / "a.png"), "diffusion.skip_steps=50%", "images=3")
    masks, _ = dumped(folder, scene(folder, "mode: still\n", *more), 1)
    assert set(masks) == {"03-region-left"}


def test_a_dump_of_a_still_has_its_picture_and_that_with_noise(folder):
    loaded = scene(
        folder,
        "mode: still\npictures: [a.png, b.png]\n",
        "images=2",
        "diffusion={steps: 20, skip_steps: 95%}",
    )
    dumped(folder, loaded, 1)
    init, noised = (cv2.imread(str(folder / "dump1" / f"05-{name}.png")) for name in ("init", "noised"))
    assert (init == 80).all()
    assert abs(float(noised.mean()) - 80) < 20
    assert 3 < float(noised.std()) < 60
