"""What a frame's fingerprint counts, and what a setting declares of itself."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import animator
from animator.run import fingerprint, neutral
from animator.run.fingerprint import counted, hash_inputs
from animator.run.neutral import neutral_schedule, neutral_values
from animator.run.sources import Sources
from animator.settings.base import EVERY_MODE, Options, declared, given, setting
from animator.settings.scene import Scene
from animator.settings.turbo import TurboOptions

NEUTRAL = Path(__file__).parent / "data" / "neutral.json"

NOTHING = Sources({})

CHANGES_NO_FRAME = {
    *("frames", "images", "batch", "fps", "bpm", "device", "interpolation", "prompt_blend", "camera.path"),
    *("seed", "seed_mode", "prompts", "image_prompts", "diffusion.init_image", "diffusion.stop_at"),
    *("coherence.loosen", "camera.path_scale", "regions", "pictures"),
    *("keep_best", "judge_at", "modifiers", "vr.vr180_photo"),
    *("vr.layouts", "vr.vr180_size", "vr.vr180_fov", "vr.vr180_edge", "vr.vr180_eyes", "vr.vr180_codec"),
}
"""What is not counted, or is counted by what it comes to at each frame; guard, hires, output, video aside."""


class GlowOptions(Options):
    """A section that nobody listed anywhere."""

    strength: float = 0.0
    colour: str = setting("red", changes_frames=False)


class Later(Scene):
    """A scene of a later version."""

    glow: GlowOptions = GlowOptions()
    haze: float = 0.0


def hashes(loaded, **weights):
    return hash_inputs(loaded, NOTHING, weights)


def with_scene(loaded, cls, **more):
    scene = cls.model_validate({**loaded.scene.model_dump(), **more})
    return dataclasses.replace(loaded, scene=scene)


@pytest.fixture
def film(read):
    return read("prompts: x\nmode: 3d\nframes: 3\nseed: 4\n")


def test_a_setting_that_nobody_listed_counts(film) -> None:
    before = hashes(with_scene(film, Later))
    for more in ({"haze": 0.5}, {"glow": {"strength": 1.0}}):
        after = hashes(with_scene(film, Later, **more))
        assert all(one != other for one, other in zip(before, after, strict=True))
    assert hashes(with_scene(film, Later, glow={"colour": "blue"})) == before


def test_only_what_is_declared_to_change_no_frame_is_left_out(film) -> None:
    every = dict(declared(Scene))
    sections = {name.rpartition(".")[0] for name in every}
    leaves = {name for name in every if name not in sections}
    left_out = leaves - set(counted(film.scene))
    laid_over = ("guard.", "grade.", "hires.", "output.", "video.")
    apart = {name for name in leaves if name.startswith((*laid_over, "latent."))} - {"output.ten_bits"}
    assert left_out == CHANGES_NO_FRAME | apart


def test_settings_of_footage_count_in_mode_video_alone(film) -> None:
    def of(mode, **video):
        footage = film.scene.video.model_copy(update=video)
        return counted(film.scene.model_copy(update={"mode": mode, "video": footage}))

    for mode in ("still", "2d", "3d"):
        assert of(mode, start=2.0) == of(mode)
    assert of("video", start=2.0) != of("video")
    for name, value in (("sound", False), ("finish", "flow"), ("extract", True), ("flow", "dis")):
        assert of("video", **{name: value}) == of("video")


def test_a_release_makes_no_frame_anew_but_another_way_of_rendering_does(film, monkeypatch) -> None:
    before = hashes(film)
    monkeypatch.setattr(animator, "__version__", "99.0")
    assert hashes(film) == before
    monkeypatch.setattr(fingerprint, "RENDERINGS", {**fingerprint.RENDERINGS, 99: ()})
    assert not set(hashes(film)) & set(before)


def test_another_way_of_rendering_counts_where_a_scene_uses_what_changed(read, film, monkeypatch) -> None:
    guided = read("prompts: x\nmode: 3d\nframes: 3\nseed: 4\nguidance: {tv_scale: 5}\n")
    before, before_guided = hashes(film), hashes(guided)
    monkeypatch.setattr(fingerprint, "RENDERINGS", {**fingerprint.RENDERINGS, 99: ("guidance.tv_scale",)})
    assert hashes(film) == before
    assert not set(hashes(guided)) & set(before_guided)


def test_a_later_program_finds_the_same_hash_though_it_has_more_settings(film) -> None:
    assert hashes(with_scene(film, Later)) == hashes(film)
    assert hashes(with_scene(film, Later, haze=0.5)) != hashes(film)


def test_a_default_that_changes_makes_no_frame_anew(film, monkeypatch) -> None:
    before = hashes(film)

    class OtherTurbo(TurboOptions):
        preroll: int = 3

    class Brighter(Later):
        turbo: OtherTurbo = OtherTurbo()

    assert hashes(with_scene(film, Brighter)) != before
    neutral_values.cache_clear()
    monkeypatch.setattr(neutral, "FORMER", {**neutral.FORMER, "turbo.preroll": film.scene.turbo.preroll})
    neutral_values.cache_clear()
    assert hashes(with_scene(film, Brighter)) == before


def test_neutral_values_are_those_of_earlier_programs() -> None:
    """A value that is missing here or differs makes every frame of every earlier run again.

    Where a default changed, put its old value into `animator.run.neutral.FORMER`; where a setting is new,
    write the file again: ``python -m tests.test_fingerprint``.
    """
    now = neutral_values(Scene)
    kept = json.loads(NEUTRAL.read_text())
    assert {name: now.get(name) for name in kept} == kept
    assert now.keys() == kept.keys()


def test_every_animated_default_is_what_a_bare_scene_has(film) -> None:
    row = film.timeline.row(0)
    each = {name for name in row.names if neutral_schedule(Scene, name) is None}
    assert all(name.startswith(("guidance.clip_models.", "grade.")) for name in each)
    for name in set(row.names) - each - set(neutral.FORMER):
        assert np.array_equal(neutral_schedule(Scene, name), row.schedule(name)), name


def test_weights_count(film) -> None:
    assert not set(hashes(film, pocket="a")) & set(hashes(film, pocket="b"))


@pytest.mark.parametrize(
    "text",
    [
        "prompts: y",
        "prompts: [{text: x, clip_models: [pocket]}]",
        "guidance: {tv_scale: 1}",
        "guidance: {clip_models: {pocket: 2}}",
        "turbo: {preroll: 3}",
        "size: [64, 64]",
        "models: fake",
        "vr: {ipd: 3}",
        "guidance: {compat: disco-5}",
    ],
)
def test_what_is_edited_counts_in_every_frame(read, film, text) -> None:
    base = "" if text.startswith("prompts") else "prompts: x\n"
    after = hashes(read(f"{base}mode: 3d\nframes: 3\nseed: 4\n{text}\n"))
    assert not set(after) & set(hashes(film))


def test_what_moves_counts_from_its_frame_on(read, film) -> None:
    camera = "camera: {translation_z: {0: 0, 1: 0, 2: 5}}"
    after = hashes(read(f"prompts: x\nmode: 3d\nframes: 3\nseed: 4\n{camera}\n"))
    assert [one == other for one, other in zip(hashes(film), after, strict=True)] == [True, True, False]


@pytest.mark.parametrize(
    "text",
    [
        "output: {crf: 5, gif: true}",
        "fps: 30",
        "guard: {policy: 'off'}",
        "vr: {enabled: true, layouts: [anaglyph]}",
    ],
)
def test_what_changes_no_frame_does_not_count(read, text) -> None:
    base = "prompts: x\nmode: 3d\nframes: 3\nseed: 4\n"
    eyes = "vr: {enabled: true}\n" if "vr" in text else ""
    assert hashes(read(f"{base}{text}\n")) == hashes(read(f"{base}{eyes}"))


def test_how_far_a_still_is_painted_does_not_count(read) -> None:
    still = "prompts: x\nmode: still\nseed: 4\n"
    assert hashes(read(f"{still}diffusion: {{stop_at: 40%}}")) == hashes(read(still))


def test_an_init_counts_by_what_is_in_it(read, tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    Image.new("RGB", (192, 128), "red").save(picture)
    loaded = read("prompts: x\nmode: still\nseed: 4\ndiffusion: {init_image: a.png}\n")
    name = loaded.scene.diffusion.init_image
    before = hash_inputs(loaded, Sources({name: picture}), {})
    Image.new("RGB", (192, 128), "blue").save(picture)
    assert hash_inputs(loaded, Sources({name: picture}), {}) != before


def test_what_is_declared_names_settings_and_modes_that_there_are() -> None:
    every = dict(declared(Scene))
    for said in every.values():
        assert set(said[-1].modes) <= set(EVERY_MODE)
        for need in said[-1].needs:
            assert need.either
            assert set(need.either) <= set(every)
            assert "{" not in need.text()


def test_a_need_is_met_by_any_of_its_settings() -> None:
    need = given("a.b", "a.c")
    assert need.text() == "without a.b or c"
    assert [test(True) for test in need.either.values()] == [True, True]
    assert [test("none") for test in need.either.values()] == [False, False]


def test_frames_of_one_seed_are_not_frames_of_a_fixed_seed(read) -> None:
    """In mode step each has noise of its own, in mode fixed all have the same."""
    base = "prompts: x\nmode: 2d\nframes: 3\ncoherence: {noise: new}\n"
    own = hashes(read(f"{base}seed: {{0: 7, 1: 7, 2: 7}}\n"))
    fixed = hashes(read(f"{base}seed: 7\nseed_mode: fixed\n"))
    assert [one == other for one, other in zip(own, fixed, strict=True)] == [True, False, False]


def test_the_depth_of_a_frames_colours_counts(read) -> None:
    base = "prompts: x\nmode: 2d\nframes: 2\nseed: 4\n"
    assert not set(hashes(read(base))) & set(hashes(read(f"{base}output: {{ten_bits: true}}\n")))


def test_the_distance_of_the_eyes_counts_as_it_did_before_it_could_change(read, film) -> None:
    """As one number it is among the settings, as the float that it was; over the frames it counts at each."""

    def of(ipd):
        return hashes(read(f"prompts: x\nmode: 3d\nframes: 3\nseed: 4\nvr: {{ipd: {ipd}}}\n"))

    assert of("5") == of("5.0") != of("9")
    turned = of("'0: (5), 2: (9)'")
    assert [one == other for one, other in zip(turned, of("5"), strict=True)] == [True, False, False]
    assert len({*turned, *of("'0: (5), 2: (7)'")}) == 5


if __name__ == "__main__":
    NEUTRAL.write_text(json.dumps(neutral_values(Scene), indent=1, sort_keys=True) + "\n")
