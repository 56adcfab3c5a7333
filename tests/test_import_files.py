"""Settings files of every kind become sound scenes, and each of their keys has a line in the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from animator.importing.convert import Imported, import_bytes
from animator.importing.job import Options
from animator.importing.lenient import NoValueError, Reader, read_json
from animator.importing.opening import open_scene
from animator.importing.reading import UnreadableError, read_settings
from animator.scene.reading import read_scene
from tests.import_files import (
    A1111,
    CLIP,
    DEFORUM,
    DISCO_57,
    DISCOART_OBJECTS,
    FOOTAGE,
    LITERALS,
    ODD,
    PROGROCK,
    STILLS_DEFORUM,
    TTI,
    WARP,
    files,
    garbled,
)

FILES = {name: data if isinstance(data, bytes) else data.encode() for name, data in files().items()}


def made(file: dict | str | bytes, name: str = "a.txt", **options: str) -> Imported:
    data = file if isinstance(file, bytes) else (file if isinstance(file, str) else json.dumps(file)).encode()
    return import_bytes(data, name, Options(**options))


def row(imported: Imported, key: str):
    return next(row for row in imported.rows if row.key == key)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_each_kind(name: str, tmp_path: Path) -> None:
    imported = import_bytes(FILES[name], name)
    (tmp_path / "scene.yaml").write_text(imported.text, encoding="utf-8")
    (tmp_path / name).write_bytes(FILES[name])
    scene = read_scene(tmp_path / "scene.yaml").scene
    direct = open_scene(tmp_path / name)
    assert direct.scene.model_dump(exclude={"seed"}) == scene.model_dump(exclude={"seed"})
    assert direct.notices[0].message.startswith(f"is a settings file of {imported.tool}")
    told = {one.key for one in imported.rows}
    assert set(read_settings(FILES[name], name).values) <= told
    assert all(one.note for one in imported.rows if one.fate == "dropped")
    assert not any("cannot be used" in one.note for one in imported.rows)
    assert len(imported.text.splitlines()) < 80


EXPECTED = {
    "disco-5.0.txt": ("Disco Diffusion", "still", 1, (1152, 768)),
    "clip-5.0.txt": ("Disco Diffusion", "3d", 600, (1152, 768)),
    "cells.py": ("Disco Diffusion", "2d", 60, (1280, 768)),
    "disco.ipynb": ("Disco Diffusion", "2d", 60, (1280, 768)),
    "disco.png": ("Disco Diffusion", "still", 1, (1152, 768)),
    "a.TTI": ("Visions of Chaos", "still", 1, (832, 512)),
    "progrock.json": ("ProgRock Diffusion", "still", 2, (832, 512)),
    "discoart.yml": ("DiscoArt", "still", 4, (1280, 768)),
    "deforum.txt": ("Deforum", "3d", 120, (512, 704)),
    "notebook.txt": ("Deforum", "2d", 80, (512, 512)),
    "stills.txt": ("Deforum", "still", 2, (512, 512)),
    "nested.json": ("Deforum", "2d", 30, (512, 512)),
    "parseq.json": ("Parseq", "3d", 60, (192, 128)),
    "deforum.srt": ("Parseq", "3d", 30, (192, 128)),
    "warp.txt": ("WarpFusion", "2d", 288, (704, 1280)),
    "majesty.cfg": ("Majesty Diffusion", "still", 1, (512, 448)),
    "entmike.yaml": ("Disco Diffusion", "still", 3, (832, 512)),
    "philpax.toml": ("Disco Diffusion", "still", 1, (640, 448)),
    "a1111.txt": ("AUTOMATIC1111's web UI", "still", 1, (512, 768)),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_program_mode_length_and_size(name: str) -> None:
    imported = import_bytes(FILES[name], name)
    scene = imported.loaded.scene
    assert (imported.tool, scene.mode, scene.count, tuple(scene.size)) == EXPECTED[name]


def test_the_mode_of_a_disco_file_is_guessed_and_can_be_said() -> None:
    still = made(DISCO_57)
    assert still.loaded.scene.mode == "still"
    assert any("mode still" in guess and "--mode" in guess for guess in still.guesses)
    film = made({**DISCO_57, "max_frames": 30}, mode="3d")
    assert (film.loaded.scene.mode, film.loaded.scene.frames) == ("3d", 30)
    assert film.loaded.timeline.row(0)["camera.translation_z"] == 10
    assert not film.guesses


def test_what_is_like_the_defaults_is_not_written() -> None:
    text = made(DISCO_57).text
    body = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert body == [
        *("version: 1", "extends: disco-5", "mode: still"),
        'prompts: ["A lighthouse by the sea:3", "fog:-0.5"]',
        *("size: [1152, 768]", "seed: 3821711738"),
    ]


def test_a_whole_music_video() -> None:
    imported = made(CLIP)
    scene, timeline = imported.loaded.scene, imported.loaded.timeline
    assert scene.turbo.steps == 2
    assert len(timeline.prompts.sets) == 24
    assert [prompt.weight for prompt in timeline.prompts.sets[1].written] == [0.5, 0.5, 1.0]
    assert timeline.prompts.sets[1].written[1].text == ":.5"
    assert timeline.row(0)["guidance.cuts.innercut"] == 2
    assert timeline.row(300)["camera.translation_z"] == 2  # the later of two keys
    assert scene.output.intermediates == list(range(1, 251))
    assert (
        "malformed" in row(imported, "rotation_3d_y").note or row(imported, "rotation_3d_y").fate == "carried"
    )


def test_odd_types_mean_what_they_meant() -> None:
    imported = made(ODD)
    scene = imported.loaded.scene
    assert scene.diffusion.steps == 250
    assert scene.diffusion.perlin_init == "mixed"
    assert scene.guidance.clip_models == {"ViT-B-32": 1, "RN50": 1}
    assert scene.seed == 3821711738
    assert "200 of 1000" in row(imported, "cut_innercut").note
    assert row(imported, "cut_icgray_p").fate == "dropped"
    assert "is not understood" in row(imported, "cut_icgray_p").note
    assert row(imported, "eta").note.startswith("auto")


def test_paths_on_other_disks_are_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They become comments, also where such a file is there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.png").write_text("no picture")
    file = {
        **DISCO_57,
        "init_image": "secret.png",
        "image_prompts": {"0": ["secret.png"]},
        "diffusion_model": "x.pt",
    }
    imported = made(file)
    assert set(imported.todo) == {"diffusion.init_image", "image_prompts", "diffusion.model"}
    assert imported.loaded.scene.diffusion.init_image is None
    assert "#   init_image: PATH   # init picture: secret.png" in imported.text
    assert row(imported, "init_image").note.startswith("not read")


def test_footage_stands_in_until_it_is_there(tmp_path: Path) -> None:
    for file in (FOOTAGE, WARP):
        imported = made(file)
        assert imported.loaded.scene.mode == "2d"
        assert "video.init" in imported.todo
        assert "# video:" in imported.text
    scene = made(FOOTAGE).text
    assert "#   skip_steps:" in scene
    assert "#   flow_blend:" in scene


def test_prompts_of_stable_diffusion_keep_their_words() -> None:
    sets = made(DEFORUM).loaded.timeline.prompts.sets
    assert [one.start for one in sets] == [0, 99]
    assert (sets[0].written[0].text, sets[0].written[0].weight) == ("a sea, fog", 1.0)
    assert {prompt.text for prompt in sets[0].written} >= {"text, lowres", "nsfw, nude"}
    stills = made(STILLS_DEFORUM)
    assert [one.written[0].text for one in stills.loaded.timeline.prompts.sets] == ["a hill", "a lake blue"]


def test_prompts_by_picture_and_step() -> None:
    imported = made(PROGROCK)
    sets = imported.loaded.timeline.prompts.sets
    assert [one.written[0].text for one in sets] == ["a castle of glass", "a river"]
    assert imported.loaded.scene.images == 2
    assert "do not change within a picture" in row(imported, "text_prompts").note


def test_prompt_objects_of_discoart() -> None:
    prompts = made(DISCOART_OBJECTS).loaded.timeline.prompts.sets[0].written
    assert [(prompt.text, prompt.weight) for prompt in prompts] == [("a sea", 1.0), ("fog at 16:9", -0.2)]


def test_numbered_prompts_come_in_the_order_of_their_numbers() -> None:
    prompts = made(TTI, "a.TTI").loaded.timeline.prompts.sets[0].written
    assert [prompt.text for prompt in prompts] == [
        *("a lighthouse in a storm, oil painting", "fog", "dark clouds")
    ]


def test_prompts_in_a_section_of_their_own() -> None:
    text = "[Disco]\nWidth=512\ncut_overview=[12]*1000\n[Prompts]\n2=fog:-0.5\n1=a sea, at dawn\n"
    prompts = made(text, "a.TTI").loaded.timeline.prompts.sets[0].written
    assert [(prompt.text, prompt.weight) for prompt in prompts] == [("a sea, at dawn", 1.0), ("fog", -0.5)]


@pytest.mark.slow
def test_more_prompts_than_a_scene_can_hold() -> None:
    sets = {str(number): ["word " * 150 + str(number)] for number in range(2000)}
    imported = made({"text_prompts": sets, "max_frames": 2000, "cutn_batches": 4, "animation_mode": "3D"})
    assert "cannot hold all" in row(imported, "text_prompts").note
    assert 400 <= len(imported.loaded.timeline.prompts.sets) < 2000


def test_several_films_in_one_file_become_the_first() -> None:
    text = "steps: 150\ncutn_batches: 2\nmultipliers:\n  text_prompts:\n  - 0: [a castle]\n  - 0: [a town]\n"
    imported = made(text + "  clip_guidance_scale: [500, 1000]\n", "a.yaml")
    assert imported.loaded.timeline.prompts.texts(0) == ("a castle",)
    assert imported.loaded.timeline.row(0)["guidance.clip_guidance_scale"] == 500
    assert "first of all combinations" in row(imported, "multipliers").note


def test_cuts_for_one_kind_of_network() -> None:
    cuts = {
        "pad_or_pulp_cut_ic_pow": "[12]*500+[10]*500",
        "watercolor_cut_ic_pow": "[3]*1000",
        "cut_ic_pow": 1,
    }
    pixels = made({**DISCO_57, **cuts, "diffusion_model": "pixel_art_diffusion_hard_256"})
    assert pixels.loaded.timeline.row(0).schedule("guidance.cuts.ic_pow")[0] == 12
    assert made({**DISCO_57, **cuts}).loaded.timeline.row(0).schedule("guidance.cuts.ic_pow")[0] == 1


def test_a_file_without_prompts_gets_a_stand_in_or_what_is_said() -> None:
    bare = {"cut_overview": "[12]*1000", "clamp_max": 0.1}
    assert any("names no prompt" in guess for guess in made(bare).guesses)
    assert made(bare, prompt="a fox").loaded.timeline.prompts.texts(0) == ("a fox",)
    assert made(DISCO_57, prompt="a fox").loaded.timeline.prompts.texts(0) == ("a fox",)


def test_weights_that_cannot_be_divided_are_put_right_and_said() -> None:
    imported = made({**DEFORUM, "prompts": {"0": "x --neg a --neg b --neg c --neg d"}})
    assert sum(one.weight for one in imported.loaded.timeline.prompts.sets[0].written) > 0
    assert "made weaker" in row(imported, "prompts").note or "weaker" in imported.text


def test_a_seed_beyond_32_bits_and_none() -> None:
    assert made({**DISCO_57, "seed": 2**32 + 5}).loaded.scene.seed == 5
    assert "seed" not in [line.split(":")[0] for line in made({**DISCO_57, "seed": -1}).text.splitlines()]


def test_from_says_whose_file_it_is() -> None:
    assert made(DISCO_57, tool="progrock").tool == "ProgRock Diffusion"
    with pytest.raises(UnreadableError, match="of no program"):
        made({"a": 1, "b": 2})


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (json.dumps(LITERALS), "cut off at their first blank"),
        ("", "is empty"),
        ("hello, this is a letter", "no names with values"),
        (b"\x89PNG\r\n\x1a\n" + bytes(30), "a torn PNG|a damaged PNG"),
        (b"\x00\x01\x02" * 50, "is no text"),
        ('{"cells": [], "metadata": {}, "nbformat": 4}', "a notebook without settings"),
        ('{"a": 1', "of no program"),
        ("[" * 500, "nested more than"),
    ],
)
def test_what_holds_nothing_is_refused_in_one_line(data: str | bytes, message: str) -> None:
    with pytest.raises(UnreadableError, match=message) as refused:
        made(data)
    assert "\n" not in str(refused.value)


def test_json_as_people_leave_it_behind() -> None:
    text = """v5 {a: [1, 2,], "b": None, 'c': True, // d
    "e": "say "hi" twice", "f": [an English sentence, 3] "g": 1e3, /* h */ i: .5
    "j": [12]*400+[4]*600, "k": "x\\ty\\u00e9", }"""
    assert read_json(text) == {
        **{"a": [1, 2], "b": None, "c": True, "e": 'say "hi" twice', "f": ["an English sentence", 3]},
        **{"g": 1000.0, "i": 0.5, "j": "[12]*400+[4]*600", "k": "x\tyé"},
    }
    with pytest.raises(NoValueError):
        read_json("nothing")
    assert Reader("'it' 's'", 0, lines=True).value() == "it"


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_broken_in_the_middle_is_a_scene_or_a_line(name: str) -> None:
    for cut in (2, 3, 5):
        _ends_well(FILES[name][: len(FILES[name]) // cut], name)


def _ends_well(data: bytes, name: str) -> None:
    """Check that bytes become a scene, or a refusal of one line."""
    refused, mode = "", ""
    try:
        mode = import_bytes(data, name).loaded.scene.mode
    except UnreadableError as error:
        refused = str(error)
    assert mode in ("still", "2d", "3d") or (refused and "\n" not in refused)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=st.sampled_from(sorted(set(FILES) - {"dense.txt"})), seed=st.integers(0, 2**32 - 1))
def test_a_garbled_file_is_a_scene_or_a_line(name: str, seed: int) -> None:
    _ends_well(garbled(FILES[name], seed), name)


_LEAF = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=12), st.just("0: (1)"))
)
_VALUE = st.recursive(
    _LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(base=st.sampled_from([DISCO_57, DEFORUM, WARP]), data=st.data())
def test_any_value_in_any_key_is_a_scene_or_a_line(base: dict, data: st.DataObject) -> None:
    keys = data.draw(st.lists(st.sampled_from(sorted(base)), min_size=1, max_size=4))
    _ends_well(json.dumps({**base, **{key: data.draw(_VALUE) for key in keys}}).encode(), "a.txt")


@pytest.mark.slow
def test_ten_megabytes_with_a_key_every_frame() -> None:
    """In under 5 s of the processor, other work on the machine apart."""
    import time

    text = ", ".join(f"{frame}: ({frame * 7919 % 1000 / 1000:.4f})" for frame in range(8000))
    file = {**DEFORUM, "max_frames": 8000, **{f"x{n}_schedule": text for n in range(60)}}
    file |= dict.fromkeys(("translation_x", "translation_y", "translation_z", "strength_schedule"), text)
    data = json.dumps(file).encode()
    assert len(data) > 8_000_000
    import_bytes(json.dumps(DEFORUM).encode(), "warm.txt")
    start = time.process_time()
    imported = import_bytes(data, "a.txt")
    assert time.process_time() - start < 5
    assert imported.loaded.scene.frames == 8000


def test_parameters_below_a_picture() -> None:
    prompts = made(A1111).loaded.timeline.prompts.sets[0].written
    assert [(prompt.text, prompt.weight) for prompt in prompts] == [
        ("a castle on a hill", 1.0),
        ("blurry", -0.5),
    ]
