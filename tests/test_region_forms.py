"""How regions and pinned pictures are written: short forms, and one scene over another."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from animator.errors import SceneError
from animator.scene.pins import pinned_in
from animator.scene.reading import read_scene
from animator.scene.resolved import json_schema
from tests.test_spellings import JUDGE

BASE = """
prompts: a sea
mode: 3d
frames: 13
size: [64, 64]
seed: 7
models: fake
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # paths from the command line are relative to where it was typed
    for shade, name in enumerate("abc"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((64, 64, 3), 80 * shade, np.uint8))
    return tmp_path


def scene(folder, text, *overrides, below=None):
    if below is not None:
        (folder / "below.yaml").write_text(BASE + below)
    path = folder / "scene.yaml"
    path.write_text((BASE if below is None else "extends: below.yaml\n") + text)
    return read_scene(path, overrides)


def regions(folder, text, *overrides, below=None):
    """Return what a scene says of its regions, without defaults and folders."""
    found = scene(folder, text, *overrides, below=below).scene.regions
    return {
        name: {
            key: value.rpartition("/")[2] if key in ("file", "alpha") else value
            for key, value in one.model_dump(exclude_defaults=True).items()
        }
        for name, one in found.items()
    }


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("a.png", {"file": "a.png"}),
        ('"y < 0.4"', {"formula": "y < 0.4"}),
        ('"(x-0.5)**2 + (y-0.5)**2 < 0.04"', {"formula": "(x-0.5)**2 + (y-0.5)**2 < 0.04"}),
        ('"< 3"', {"depth": "< 3"}),
        ("2..5", {"depth": "2..5"}),
    ],
)
def test_a_text_is_a_region_that_is_drawn_by_it(folder, written, meant):
    assert regions(folder, f"regions: {{here: {written}}}\n") == {"here": meant}
    assert regions(folder, "", f"regions.here={written}") == {"here": meant}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("regions: {here: left}", "found 'left'; a region is written {file: mask.png}, {alpha: cutout.png}"),
        ("regions: {here: 3}", "found 3; a region is written {file: mask.png}"),
        ('regions: {here: "t > 3"}', "a region is written"),
        ("regions: a.png", "found 'a.png'; a region has a name: {left: {file: a.png}}"),
        ("regions: [a.png]", "found a list of 1; a region has a name: {left: {...}}"),
        ("pictures: 3", "expected a folder or a list of pictures, or a mapping such as {0: a.png"),
        ("pictures: none.png", "no such file"),
        ("pictures: [a.png, none.png]", "pictures.1: no such file"),
        ("pictures: [start, a.png]", "the first is 'start'"),
    ],
)
def test_what_may_be_several_things_is_refused_with_the_long_form(folder, text, told):
    with pytest.raises(SceneError) as caught:
        scene(folder, text + "\n")
    said = [f"{one.key}: {one.message}" for one in caught.value.problems]
    assert any(told in one for one in said), said


def test_parts_of_regions_and_pictures_are_taken_in_other_spellings(folder):
    text = 'regions: {here: {file: a.png, keep: "True"}}\npictures: {4: {file: b.png, strength: 80%}}\n'
    loaded = scene(folder, text)
    assert loaded.scene.regions["here"].keep is True
    assert [one.strength for one in pinned_in(loaded.scene)] == [0.8]


@pytest.mark.parametrize(
    ("written", "places"),
    [
        ("a.png", [(0, "a.png")]),
        ("[a.png]", [(0, "a.png")]),
        ("[a.png, b.png, {file: c.png, strength: 0.5}]", [(0, "a.png"), (6, "b.png"), (12, "c.png")]),
        ("[b.png, a.png, start]", [(0, "b.png"), (6, "a.png"), (12, "b.png")]),
        ("[]", []),
    ],
)
def test_a_list_of_pictures_is_spread_over_the_film_as_a_folder_is(folder, written, places):
    found = pinned_in(scene(folder, f"pictures: {written}\n").scene)
    assert [(one.frame, one.file.rpartition("/")[2]) for one in found] == places


def test_stills_take_the_pictures_of_a_list_in_their_order(folder):
    loaded = scene(folder, "pictures: [a.png, c.png]\n", "mode=still", "images=3", "diffusion.skip_steps=50%")
    assert [(one.frame, one.file[-5:]) for one in pinned_in(loaded.scene)] == [(0, "a.png"), (1, "c.png")]
    too_many = scene(folder, "pictures: [a.png, c.png]\n", "mode=still", "diffusion.skip_steps=50%")
    assert any("has 2 pictures for 1 frame," in one.message for one in too_many.notices)


def test_editors_take_the_short_forms():
    assert json_schema()["properties"]["regions"]
    for value in ({"regions": {"a": "a.png"}}, {"pictures": ["a.png"]}, {"pictures": {"24": "a.png"}}):
        assert not list(JUDGE.iter_errors({"prompts": "a sea", **value})), value
    assert list(JUDGE.iter_errors({"prompts": "a sea", "regions": {"a": 3}}))


# one scene over another

BELOW = 'regions:\n  sky: {formula: "y < 0.4", keep: true, feather: 6}\n  left: {file: a.png, paste: true}\n'


def test_a_region_lies_over_one_of_its_name_key_by_key(folder):
    above = "regions: {sky: {feather: 9, still: true}, more: {file: b.png, keep: true}}\n"
    assert regions(folder, above, below=BELOW) == {
        "sky": {"formula": "y < 0.4", "keep": True, "feather": 9, "still": True},
        "left": {"file": "a.png", "paste": True},
        "more": {"file": "b.png", "keep": True},
    }


@pytest.mark.parametrize("mask", ["b.png", "{file: b.png}", "{depth: null, file: b.png}"])
def test_a_region_is_drawn_as_the_upper_scene_says(folder, mask):
    found = regions(folder, f"regions: {{sky: {mask}}}\n", below=BELOW)
    assert found["sky"] == {"file": "b.png", "keep": True, "feather": 6}


def test_an_empty_value_takes_a_region_or_a_part_of_it_away(folder):
    found = regions(folder, "regions: {sky: {keep: }, left: }\n", below=BELOW)
    assert found == {"sky": {"formula": "y < 0.4", "feather": 6}}
    assert regions(folder, "", "regions.sky=", below=BELOW).keys() == {"left"}
    assert regions(folder, "regions:\n", below=BELOW) == {}


def test_the_command_line_draws_a_region_in_another_way(folder):
    found = regions(folder, BELOW, "regions.sky.file=b.png", "regions.left.paste=false")
    assert found["sky"] == {"file": "b.png", "keep": True, "feather": 6}
    assert found["left"] == {"file": "a.png"}


def test_a_region_that_has_two_masks_in_one_scene_is_refused(folder):
    with pytest.raises(SceneError, match="has file and formula"):
        scene(folder, 'regions: {sky: {file: b.png, formula: "y"}}\n', below=BELOW)


def test_pictures_are_replaced_whole(folder):
    loaded = scene(folder, "pictures: {6: b.png}\n", below="pictures: {0: a.png, end: c.png}\n")
    assert [one.frame for one in pinned_in(loaded.scene)] == [6]


def test_a_region_below_that_serves_other_scenes_is_not_noticed(folder):
    idle = 'regions: {sky: {formula: "y < 0.4"}}\n'
    assert any(one.key == "regions.sky" for one in scene(folder, idle).notices)
    assert not [one for one in scene(folder, "seed: 3\n", below=idle).notices if one.key == "regions.sky"]
