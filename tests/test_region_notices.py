"""What is noticed of regions and pinned pictures: parts without effect, hires and loops beside them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from animator.errors import SceneError
from animator.run.job import shot_of
from animator.run.sources import gather
from animator.scene.painted import painted_frames
from animator.scene.reading import read_scene

BASE = """
prompts: a sea
frames: 60
size: [64, 64]
seed: 7
models: fake
"""
KEPT = 'formula: "x > 0.5", keep: true'


@pytest.fixture
def folder(tmp_path):
    for shade, name in enumerate("abc"):
        cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((64, 64, 3), 80 * shade, np.uint8))
    (tmp_path / "masks").mkdir()
    for frame in range(60):
        cv2.imwrite(str(tmp_path / "masks" / f"{frame:02}.png"), np.full((64, 64), 4 * frame, np.uint8))
    return tmp_path


def read(folder, text, *overrides):
    path = folder / "scene.yaml"
    path.write_text(f"{BASE}{text}\n")
    return read_scene(path, overrides)


def told(folder, text, *overrides):
    found = read(folder, text, *overrides).notices
    return [f"{one.key}: {one.message}" for one in found if one.key.startswith(("regions", "pict", "diffu"))]


@pytest.mark.parametrize(
    ("region", "mode", "said"),
    [
        (f"{{a: {{{KEPT}, follow: true}}}}", "2d", "a.follow: is not known to hires, so that in the larger"),
        ('{a: {depth: "< 3", keep: true}}', "3d", "a.depth: is not known to hires, so that in the larger"),
        (
            '{p: {formula: "x", follow: true}}',
            "2d",
            "p.follow: is not known to hires, so that in the larger picture its prompts are not held to it",
        ),
        ('{a: {formula: "x", paste: true}}', "2d", "a.paste: acts before hires"),
        (f"{{a: {{{KEPT}}}}}", "2d", ""),
        ('{a: {formula: "x", follow: true, skip_steps: 90%}}', "2d", ""),
    ],
)
def test_what_a_second_painting_loses_is_noticed(folder, region, mode, said):
    text = f"mode: {mode}\nregions: {region}\n"
    prompts = ("prompts=[{text: a sea, region: p}, a shore]",) if "p:" in region[:4] else ()
    found = told(folder, text + "hires: {scale: 2}\n", *prompts)
    assert len(found) == bool(said)
    assert all(said in one for one in found), found
    assert told(folder, text, *prompts) == []


def test_hires_keeps_a_region_of_stills_that_has_nothing_to_follow(folder):
    text = f"mode: still\nregions: {{a: {{{KEPT}, follow: true}}}}\nhires: {{scale: 2}}\n"
    more = ("diffusion.init_image=" + str(folder / "a.png"), "diffusion.skip_steps=50%")
    assert told(folder, text, *more) == ["regions.a.follow: has no effect in mode still"]
    loaded = read(folder, text, *more)
    assert [one.travels for one in shot_of(loaded, gather(loaded)).regions] == [False]


@pytest.mark.parametrize(
    ("region", "said"),
    [
        ("{file: masks, keep: true, follow: true}", "a.file: is read at the first frame alone with follow"),
        (
            '{formula: "x > t/60", keep: true, follow: true}',
            "a.formula: is read at the first frame alone with",
        ),
        (f'{{{KEPT}, follow: true, grow: "0: (0), 9: (4)"}}', "a.grow: has no effect after the first frame"),
        (f'{{{KEPT}, follow: true, feather: "0: (0), 9: (4)"}}', "a.feather: has no effect after the first"),
        (f"{{{KEPT}, strength: 0}}", "a.strength: is 0 at every frame"),
        (f'{{{KEPT}, follow: true, strength: "0: (0), 9: (1)"}}', ""),
        (f'{{{KEPT}, grow: "0: (0), 9: (4)"}}', ""),
        ("{file: masks, keep: true}", ""),
    ],
)
def test_what_changes_without_effect_is_noticed(folder, region, said):
    found = told(folder, f"mode: 2d\nregions: {{a: {region}}}\n")
    assert len(found) == bool(said), found
    assert all(said in one for one in found), found


@pytest.mark.parametrize(
    ("region", "said"),
    [
        (f"{{{KEPT}, follow: true}}", "a.follow: has no effect with diffusion.init_frames: all"),
        ('{formula: "x", still: true}', "a.still: has no effect with diffusion.init_frames: all"),
        ('{depth: "< 3", keep: true}', "a.depth: has no effect with diffusion.init_frames: all"),
    ],
)
def test_where_each_frame_begins_afresh_nothing_moves(folder, region, said):
    over = ("diffusion.init_frames=all", f"diffusion.init_image={folder}/a.png", "diffusion.skip_steps=50%")
    found = told(folder, f"mode: 3d\nregions: {{a: {region}}}\n", *over)
    assert any(said in one for one in found), found


@pytest.mark.parametrize("part", ["strength: 0.5", "over: 4"])
def test_parts_of_pictures_that_stills_do_not_read_are_noticed(folder, part):
    name, _, _ = part.partition(":")
    text = f"mode: still\npictures: {{0: {{file: a.png, {part}}}}}\n"
    found = told(folder, text, "diffusion.skip_steps=50%")
    assert len(found) == 1
    assert f"pictures.0.{name}: has no effect in mode still" in found[0]
    assert told(folder, text.replace("still", "2d")) == []


def test_hires_over_pictures_is_noticed(folder):
    text = "pictures: [a.png]\nhires: {scale: 2}\n"
    found = told(folder, "mode: 2d\n" + text)
    assert len(found) == 1
    assert "hires paints these frames a second time" in found[0]
    assert told(folder, "mode: still\n" + text, "diffusion.skip_steps=50%") == []


def test_a_picture_of_no_strength_is_noticed(folder):
    found = told(folder, "mode: 2d\npictures: [a.png, {file: b.png, strength: 0}]\n")
    assert len(found) == 1
    assert "pictures.1.strength: is 0: the film shows nothing of the picture" in found[0]


@pytest.mark.parametrize(
    ("text", "noticed"),
    [
        ("mode: 2d\npictures: {0: b.png}", True),
        ("mode: 2d\npictures: {9: b.png}", False),
        ("mode: 2d\npictures: {0: b.png}\nDIFFUSION, init_frames: all}", False),
        ("mode: still\nimages: 2\npictures: {0: b.png}", False),
        ("mode: still\nimages: 2\npictures: [b.png, c.png]", True),
    ],
)
def test_an_init_that_a_picture_takes_the_place_of_is_noticed(folder, text, noticed):
    begun = "diffusion: {init_image: a.png, skip_steps: 50%"
    text = text.replace("DIFFUSION", begun) if "DIFFUSION" in text else f"{text}\n{begun}}}"
    found = [one for one in told(folder, text) if one.startswith("diffusion.init_image")]
    assert len(found) == noticed
    assert all("has no effect beside pictures" in one for one in found)


# loops


@pytest.mark.parametrize("end", ["start", "a.png", "{file: start, strength: 0.5}"])
def test_in_a_loop_the_first_picture_at_the_end_is_one_too_many(folder, end):
    text = f"mode: 2d\npictures: {{0: a.png, end: {end}}}\n"
    found = told(folder, text + "loop: true\n")
    assert len(found) == 1
    assert "loop: true leads back to the first picture by itself" in found[0]
    assert "one is enough: leave out this picture, or loop" in found[0]
    assert told(folder, text) == []


@pytest.mark.parametrize("pictures", ["{0: a.png, end: b.png}", "{end: a.png}", "{9: a.png, end: start}"])
def test_a_loop_that_ends_with_another_picture_is_refused(folder, pictures):
    text = f"mode: 2d\npictures: {pictures}\n"
    with pytest.raises(SceneError) as caught:
        read(folder, text + "loop: true\n")
    assert "the last frame is another picture than the first" in caught.value.problems[0].message
    assert told(folder, text) == []


def test_a_picture_where_a_loop_closes_is_noticed(folder):
    found = told(folder, "mode: 2d\npictures: {0: a.png, 30: b.png, 40: c.png}\nloop: true\n")
    assert len(found) == 1
    assert "frame 40 is one of the last 24, in which loop: true" in found[0]
    assert "move it before frame 36" in found[0]


def test_the_frames_of_pictures_are_painted_in_turbo(folder):
    from animator.film.turbo import is_diffused

    loaded = read(folder, "mode: 2d\nturbo: {steps: 4, preroll: 0}\npictures: {6: a.png, 9: b.png}\n")
    turbo = shot_of(loaded, gather(loaded)).turbo
    assert painted_frames(loaded.scene).tolist() == [is_diffused(frame, turbo) for frame in range(60)]
