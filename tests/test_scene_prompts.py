"""Prompts of a scene, texts and pictures: what comes out, and what is told where."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from animator.errors import SceneError
from animator.keyframes.timeline import prompts_text
from animator.scene.reading import LoadedScene, read_scene
from animator.scene.resolved import resolved_text


@pytest.fixture(autouse=True)
def _pictures(tmp_path):
    """Put a.png and b.png beside the scene."""
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    Image.new("RGB", (8, 8)).save(tmp_path / "b.png")


def at(loaded: LoadedScene, frame: int) -> str:
    """Return the prompts of a frame, pictures without their folders."""
    return prompts_text(loaded.timeline.row(frame).prompts).replace(f"{loaded.source.parent}/", "")


CLIP = "guidance: {clip_models: {RN50: 1, ViT-B/32: 1}}\n"


def test_texts_and_pictures_are_one_set_with_positions_of_their_own(read):
    loaded = read(
        "frames: 30\nprompts: {0: [sea, 'fog:-0.5'], 10: storm}\nimage_prompts: {20: ['a.png:0.5', b.png]}"
    )
    assert (
        at(loaded, 0) == "sea:0.5 | fog:-0.25 | image a.png:0.25 | image b.png:0.5"
    )  # the first holds before
    assert at(loaded, 10) == "storm:0.4 | image a.png:0.2 | image b.png:0.4"
    assert [one.start for one in loaded.timeline.prompts.sets] == [0, 10, 20]
    loaded = read("frames: 30\nprompts: sea\nimage_prompts: {0: [], 20: a.png, 1s: b.png, 25: []}")
    assert [at(loaded, frame) for frame in (11, 19, 24, 25)] == [
        "sea:1",
        "sea:0.5 | image b.png:0.5",
        "sea:0.5 | image a.png:0.5",
        "sea:1",
    ]


def test_pictures_alone_will_do(read):
    for none in ("[]", "{}", "{0: []}"):
        assert at(read(f"prompts: {none}\nimage_prompts: a.png:3"), 0) == "image a.png:1"
    assert at(read("prompts: {0: [], 5: sea}\nimage_prompts: [a.png]"), 5) == "sea:0.5 | image a.png:0.5"


def test_a_picture_is_a_path_beside_the_scene_or_an_address(read, tmp_path):
    loaded = read("prompts: sea\nimage_prompts: ['a.png:2', 'https://example.org/b.png:0.5', {image: a.png}]")
    texts = [prompt.text for prompt in loaded.timeline.row(0).prompts if prompt.image]
    assert texts == [str(Path(tmp_path, "a.png").resolve()), "https://example.org/b.png"]
    assert [prompt.image for prompt in loaded.timeline.row(0).prompts] == [False, True, True]
    assert at(loaded, 0).startswith(
        "sea:0.222222 | image a.png:0.666667 | image https://example.org/b.png:0.11"
    )


def test_parts_with_names(read):
    loaded = read(
        CLIP + "prompts: [{text: 'a:b: 2', weight: 3, clip_models: [ViTB32]}, {text: 'say \"sea, or fog\"'}]"
    )
    assert at(loaded, 0) == 'a:b: 2:0.75 for ViTB32 | say "sea, or fog":0.25'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'x:'", "x::1"),
        ("'a:b:0.5'", "a:b:1"),
        ("'commas, 16:9 and \"quotes\"'", 'commas, 16:9 and "quotes":1'),
        ('"it\'s: -1e2 so: +2"', "it's: -1e2 so:1"),
    ],
)
def test_only_a_number_at_the_end_is_a_weight(read, text, expected):
    assert at(read(f"prompts: [{text}]"), 0) == expected


def test_the_same_text_for_other_models_is_another_prompt_in_a_fade(read):
    text = CLIP + "prompt_blend: 1\nprompts: {0: [{text: sea, clip_models: [RN50]}], 2: [%s]}"
    assert at(read(text % "{text: sea, clip_models: [RN50], weight: 4}"), 2) == "sea:1 for RN50"
    assert at(read(text % "sea"), 2) == "sea:0.5 | sea:0.5 for RN50"


def test_the_same_name_as_text_and_picture_is_two_prompts(read, tmp_path):
    loaded = read(f"prompts: ['{tmp_path}/a.png']\nimage_prompts: a.png")
    assert at(loaded, 0) == "a.png:0.5 | image a.png:0.5"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "prompts: ['a:2', 'b:-2']",
            "1:10: prompts: the weights of the prompts at 0 sum to 0, must be at least",
        ),
        (
            "prompts: {0: x, 1s: ['a:1', {text: b, weight: -1.5}]}",
            "1:21: prompts.1s: the weights of the prompts at 1s sum to -0.5, must be at least 0.001, as they "
            "are divided by it: give those that pull (1 in all) more weight than those that push away (1.5)",
        ),
        (
            "prompts: {0: x, 9: [y, 'z:-0.5']}\nimage_prompts: {4: 'a.png:-0.5'}",
            "1:20: prompts.9: the weights of the prompts at 9 sum to 0",
        ),
        (
            "prompts: 'x'\nimage_prompts: {0: a.png, 4: 'a.png:-1'}",
            "2:30: image_prompts.4: the weights of the prompts at 4 sum to 0",
        ),
        ("prompts: []\nimage_prompts: {0: []}", "1:10: prompts: there are no prompts"),
        (
            CLIP + "prompts: ['x:2', {text: y, clip_models: [RN50], weight: -3}, {text: z, weight: 4, "
            "clip_models: [ViTB32]}]",
            "2:10: prompts: the weights of the prompts at 0 for RN50 sum to -1",
        ),
        (
            CLIP + "prompts: ['x:-1', {text: y, clip_models: [RN50], weight: 3}]",
            "2:10: prompts: the weights of the prompts at 0 for ViT-B/32 sum to -1",
        ),
        (
            "prompts: [{text: x, weight: 1e13}]",
            "1:11: prompts.0: the weight is 10000000000000.0; write a number",
        ),
        ("prompts: [{text: ' '}]", "1:11: prompts.0: the prompt has no text"),
        ("prompts: {0: x, 12: y, 1s: z}", "1:24: prompts.1s: there are two sets of prompts at frame 12"),
        (
            "prompts: x\nimage_prompts: {12: a.png, 1s: b.png}",
            "2:28: image_prompts.1s: there are two sets of prompts at frame 12",
        ),
        ("prompts: 'x:-1'\nimage_prompts: c.png", "2:16: image_prompts: no such file"),  # of the sum no word
        ("prompts: x\nimage_prompts: 'c.png:2'", "2:16: image_prompts: no such file: c.png"),
        ("prompts: x\nimage_prompts: [{image: c.png}]", "2:25: image_prompts.0.image: no such file: c.png"),
        ("prompts: x\nimage_prompts: ['']", "2:17: image_prompts.0: the prompt has no path"),
        ("prompts: []\nimage_prompts: {}", "1:10: prompts: has no prompt"),
        ("prompts: x\nimage_prompts: .", "2:16: image_prompts: is a folder, not a file: "),
        ("prompts: x\nimage_prompts: ':2'", "2:16: image_prompts: the prompt has no path; write path"),
        (
            "prompts: x\nimage_prompts: ['ftp://example.org/a.png']",
            "2:17: image_prompts.0: ftp:// cannot be read; write a path, or an address such as https://",
        ),
        ("prompts: x\nimage_prompts: file:///a.png", "2:16: image_prompts: file:// cannot be read"),
        (
            "prompts: x\nimage_prompts: [{image: 'https:///a'}]",
            "2:25: image_prompts.0.image: https:// cannot",
        ),
        (
            "prompts: x\nimage_prompts: [{weight: 1}]",
            "2:17: image_prompts.0: has no 'image'; its parts are image, weight, clip_models",
        ),
        ("prompts: x\nimage_prompts: 5", "2:16: image_prompts: expected "),
        (
            CLIP + "prompts: [{text: x, clip_models: [RN50, ViT-B-16]}]",
            "2:41: prompts.0.clip_models.1: 'ViT-B-16' is not among guidance.clip_models; did you mean "
            "'ViT-B/32'? there are RN50, ViT-B/32",
        ),
        (
            "prompts: x\nimage_prompts: [{image: a.png, clip_models: [nothing at all]}]",
            "2:46: image_prompts.0.clip_models.0: 'nothing at all' is not among guidance.clip_models; there",
        ),
    ],
)
def test_one_fault_is_told_once_and_at_its_place(fault, text, expected):
    assert fault(text).startswith(expected)


def test_a_resolved_scene_reads_back_to_the_same_prompts(read, tmp_path):
    loaded = read(
        CLIP + "prompts: {0: [{text: 'a:2', weight: 2}], 3: b}\nimage_prompts: [{image: a.png}, 'b.png:2']"
    )
    (tmp_path / "resolved.yaml").write_text(resolved_text(loaded.scene))
    again = read_scene(tmp_path / "resolved.yaml").timeline.prompts
    assert [one.prompts for one in again.sets] == [one.prompts for one in loaded.timeline.prompts.sets]


def test_a_model_to_which_no_prompt_speaks_is_no_fault(read):
    assert at(read(CLIP + "prompts: [{text: x, clip_models: [RN50]}]"), 0) == "x:1 for RN50"


def test_faults_of_both_tracks_are_told_together(read):
    with pytest.raises(SceneError) as caught:
        read("prompts: ['x:1', 'y:-1', '']\nimage_prompts: [c.png, 'd.png:2']")
    assert [one.key for one in caught.value.problems] == ["prompts.2", "image_prompts.0", "image_prompts.1"]


LONG = "a red lighthouse by the sea, " * 12


def test_words_that_clip_does_not_read_are_told_or_refused(read, fault):
    (notice,) = read(f"prompts: [{{text: '{LONG}'}}]\nguidance: {{clip_models: {{RN50: 1}}}}").notices
    assert (notice.key, notice.column) == ("prompts.0.text", 19 + LONG.index("sea", 290))
    refused = f"guidance: {{long_prompts: refuse, clip_models: {{RN50: 1}}}}\nprompts: ['{LONG}:2']"
    message = fault(refused)
    assert message.startswith(f"2:{12 + LONG.index('sea', 290)}: prompts.0: takes 84 of CLIP's tokens")
    assert message.endswith("shorten it, or set guidance.long_prompts: warn")


def test_a_key_after_the_last_frame_is_told_of_pictures_too(read):
    (notice,) = read("frames: 10\nprompts: x\nimage_prompts: {0: a.png, 10: b.png}").notices
    assert (notice.key, notice.message[:11]) == ("image_prompts.10", "never shown")
