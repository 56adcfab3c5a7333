"""What is not wrong in a scene but may not be meant is reported, in one line that says what to do."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from animator.errors import SceneError
from animator.film.shot import Turbo
from animator.film.turbo import is_diffused
from animator.scene.painted import painted_frames
from animator.scene.reading import read_scene
from animator.scene.resolved import resolved_text

TURBO = "mode: 2d\nframes: 40\nturbo: {steps: 5, preroll: 10}\n"
STRONG = "models: fake\nguidance: {clip_guidance_scale: 5000}\n"
BIG = "512x512_diffusion_uncond_finetune_008100"


def notices(read, text: str) -> list[str]:
    return [f"{one.key}: {one.message}" for one in read(text).notices]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (
            'guidance: {clip_guidance_scale: "0: (5), 11: (1), 12: (9), 13: (1), 20: (0)"}',
            "the key at frame 12",
        ),
        ('guidance: {clip_guidance_scale: "0: (5) step, 12: (9) step, 14: (1) step"}', "the key at frame 12"),
        ("guidance: {clip_guidance_scale: {0: '5*1', 16: 9*t, 18: 1}}", "the key at frame 16"),
        ('guidance: {clamp_grad: "0: (1), 16: (0), 19: (1)"}', "the key at frame 16"),
        ('guidance: {clip_models: {pocket: "0: (1), 12: (3), 13: (1), 14: (1)"}}', "the key at frame 13"),
        ("seed: {0: 1, 12: 5, 14: 6}", "what begins at frame 12"),
    ],
)
def test_turbo_does_not_meet_everything(read, more: str, expected: str) -> None:
    (notice,) = notices(read, f"prompts: a lake\n{TURBO}{more}")
    between = "15 and then 20" if "16" in expected else "10 and then 15"
    assert f"{expected} is never seen: turbo paints frame {between}; move it to one of them" in notice


def test_turbo_does_not_show_every_prompt(read) -> None:
    prompts = "prompts: {0: a lake, 11: a hill, 13: a house, 21: a tree}\n"
    assert notices(read, prompts + TURBO) == [
        "prompts: what begins at frame 11 is never seen: turbo paints frame 10 and then 15; "
        "move it to one of them"
    ]
    assert notices(read, f"{prompts.replace('13', '17')}{TURBO}prompt_blend: 4") == []
    assert notices(read, f"{prompts}{TURBO}".replace("steps: 5", "steps: 1")) == []


@pytest.mark.parametrize(
    "more",
    [
        'guidance: {clip_guidance_scale: "0: (5), 12: (9), 25: (1)"}',  # a ramp passes painted frames
        'guidance: {clip_guidance_scale: "0: (5), 10: (9), 15: (1)"}',
        'camera: {translation_x: "0: (5), 11: (1), 12: (9), 13: (1)"}',  # moves every frame
        "seed: {0: 1, 12: 5}",
        'guidance: {tv_scale: "[0]*500+[5]*500"}',
    ],
)
def test_what_turbo_does_meet(read, more: str) -> None:
    assert notices(read, f"prompts: a lake\n{TURBO}{more}") == []


@pytest.mark.parametrize("mode", ["2d", "3d", "still", "2d\nloop: true"])
def test_painted_frames_are_those_that_the_driver_paints(read, mode: str) -> None:
    scene = read(
        f"prompts: a lake\nmode: {mode}\nframes: 40\nimages: 40\nturbo: {{steps: 7, preroll: 4}}"
    ).scene
    end = 40 if "loop" in mode else 0
    turbo = Turbo(steps=7, preroll=4, loops_at=end) if mode != "still" else Turbo(steps=1)
    assert painted_frames(scene).tolist() == [bool(is_diffused(frame, turbo)) for frame in range(40)]
    assert painted_frames(scene).dtype == np.bool_


@pytest.mark.parametrize("skip", ["0", "0%"])
def test_clouds_are_painted_over_where_nothing_is_skipped(read, skip: str) -> None:
    scene = f"prompts: a lake\nmode: still\ndiffusion: {{perlin_init: mixed, skip_steps: {skip}}}"
    (notice,) = notices(read, scene)
    assert notice.endswith(
        "nothing of it is left where no step is skipped; set diffusion.skip_steps: 10% or more"
    )
    assert notices(read, scene.replace(f"skip_steps: {skip}", "skip_steps: 10%")) == []


def test_eyes_in_a_flat_film(read) -> None:
    (notice,) = notices(read, "prompts: a lake\nmode: 2d\nvr: {ipd: 4}")
    assert notice.startswith("vr: the camera of mode 2d moves flat pictures: only the eyes see depth")
    assert notices(read, "prompts: a lake\nmode: 3d\nvr: {ipd: 4}") == []


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ("[256, 256]", "is 0.5 times the 512 pixels a side"),
        ("[1920, 1088]", "the subject several times over"),
        ("[512, 512]", ""),
        ("[1280, 768]", ""),
    ],
)
def test_a_size_far_from_what_the_network_knows(read, size: str, expected: str) -> None:
    found = notices(read, f"prompts: a lake\nmode: still\nsize: {size}\ndiffusion: {{model: {BIG}}}")
    assert len(found) == bool(expected)
    assert all(expected in one for one in found)


@pytest.mark.parametrize(("turned", "stretched"), [(1, True), (6, False)])
def test_an_init_of_another_shape_is_stretched(read, tmp_path, turned: int, stretched: bool) -> None:
    exif = Image.Exif()
    exif[274] = turned
    Image.new("RGB", (100, 150)).save(tmp_path / "init.jpg", exif=exif)
    scene = "prompts: a lake\nmode: still\nsize: [192, 128]\ndiffusion: {init_image: init.jpg%s}"
    found = notices(read, scene % "")
    assert len(found) == stretched
    assert all("is 100 x 150 and is stretched to 192 x 128; " in one for one in found)
    assert notices(read, scene % ", init_fit: cover") == []
    assert notices(read, scene % ", init_fit: stretch") == []


def test_what_a_base_holds_for_other_scenes_is_no_matter_of_this_one(read, tmp_path) -> None:
    (tmp_path / "base.yaml").write_text('camera: {zoom: "0: (1), 99: (2)", angle: 3}\n')
    assert notices(read, "prompts: a lake\nmode: 3d\nextends: base.yaml") == []
    (notice,) = notices(read, "prompts: a lake\nmode: 3d\nextends: base.yaml\ncamera: {angle: 4}")
    assert notice == "camera.angle: has no effect in mode 3d"


def test_guidance_that_was_set_for_another_number_of_pixels(read, tmp_path) -> None:
    (tmp_path / "base.yaml").write_text(
        "size: [1280, 768]\nguidance: {clip_guidance_scale: 5000}\nmodels: fake\n"
    )
    scene = "prompts: a lake\nmode: still\nextends: base.yaml\nsize: [512, 512]\n"
    (notice,) = notices(read, scene)
    assert "is from " in notice
    assert "for 1280 x 768; guidance grows with the pixels: times 0.27 pulls 512 x 512 as strongly" in notice
    assert notices(read, f"{scene}guidance: {{clip_guidance_scale: 1300}}") == []
    assert notices(read, scene.replace("[512, 512]", "[1152, 768]")) == []


def test_a_size_on_the_command_line_counts_too(tmp_path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text(
        "prompts: a lake\nsize: [512, 512]\nmodels: fake\nguidance: {clip_guidance_scale: 5000}\n"
    )
    (notice,) = read_scene(path, ["size=[1024, 512]"]).notices
    assert "times 2 pulls 1024 x 512 as strongly" in notice.message
    assert read_scene(path, ["size=[1024, 512]", "guidance.clip_guidance_scale=9000"]).notices == ()


def test_a_resolved_turbo_scene_is_read_again(read) -> None:
    """Its mapping of pictures is empty."""
    text = resolved_text(read(f'prompts: {{0: a lake, 1s: a hill, "max_f": a tree}}\n{TURBO}').scene)
    assert "image_prompts: {}" in text
    read(text)


def test_what_follows_from_another_setting_is_not_reported_as_given(read) -> None:
    assert notices(read, "prompts: a lake\nmode: still\nguidance: {compat: disco-5}\n") == []


@pytest.mark.parametrize(
    ("scene", "hint"),
    [
        ('guidance: {clip_guidance_scale: "5,000"}', "write 5000, or 5.000 if this is a decimal comma"),
        ("guidance: {clamp_max: 0,05}", "a decimal is written with a point"),
    ],
)
def test_commas_in_numbers_are_named(read, scene: str, hint: str) -> None:
    with pytest.raises(SceneError, match=hint):
        read(f"prompts: a lake\nmode: still\n{scene}\n")


def test_a_clip_model_of_none_is_switched_off(read) -> None:
    models = read(
        "prompts: a lake\nguidance: {clip_models: {pocket: 1, RN50: None}}\n"
    ).scene.guidance.clip_models
    assert list(models) == ["pocket"]


def test_signs_and_cases_of_other_programs_are_taken(read) -> None:
    text = (
        "prompts: a lake\nmode: 2d\nframes: 9\n"
        'guidance: {cuts: {overview: "[12]\u00d7400+[4]\u00d7600"}}\n'
        'camera: {angle: "0: (1) Ease-In-Out, 8: (2)"}\n'
    )
    assert notices(read, text) == []


def test_turbo_with_no_picture_among_the_prompts(read) -> None:
    assert notices(read, f"prompts: a lake\nimage_prompts: {{}}\n{TURBO}") == []


MOVING = {
    "2d": ("camera: {zoom: 1.02}", "camera: {angle: '0: (0), 3: (1)'}"),
    "3d": ("camera: {translation_z: 4}", "camera: {rotation_3d_z: 1}"),
}
BEHIND = "the noise stays on the screen while the camera moves"


@pytest.mark.parametrize(("mode", "camera"), [(mode, one) for mode, two in MOVING.items() for one in two])
def test_noise_that_stays_behind_the_camera(read, mode: str, camera: str) -> None:
    film = f"prompts: a lake\nmode: {mode}\nframes: 5\n"
    for more, name in (("seed_mode: fixed", "seed_mode"), ("coherence: {noise: fixed}", "coherence.noise")):
        (notice,) = notices(read, f"{film}{camera}\n{more}\n")
        assert notice.startswith(f"{name}: {BEHIND}")
        assert "coherence.noise: moved" in notice
        assert notices(read, f"{film}{more}\n") == []
    (notice,) = notices(read, f"{film}{camera}\nseed: fixed\n")
    assert BEHIND in notice
    assert notices(read, f"{film}{camera}\n") == []
    for noise in ("new", "moved"):
        assert notices(read, f"{film}{camera}\ncoherence: {{noise: {noise}}}\n") == []
    assert notices(read, f"{film}{camera}\nseed_mode: fixed\ncoherence: {{noise: moved}}\n") == []


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("mode: 2d\ncoherence: {noise: moved}\n", "74%"),
        ("coherence: {noise: moved}\n", "74%"),
        ("mode: 2d\ncoherence: {noise: new}\n", "60%"),
        ("mode: 2d\ncoherence: {noise: moved, frames_skip_steps: 50%}\n", "50%"),
        ("mode: 2d\ncoherence: {noise: moved}\nguidance: {compat: disco-5}\n", "60%"),
        ("mode: 2d\n", "74%"),
        ("seed_mode: fixed\n", "60%"),
    ],
)
def test_moved_noise_draws_less_anew(read, text: str, share: str) -> None:
    assert read(f"prompts: a lake\n{text}").scene.coherence.frames_skip_steps == share


@pytest.mark.parametrize(
    ("text", "noise"),
    [
        ("", "moved"),
        ("mode: 2d\n", "moved"),
        ("mode: 3d\nturbo: {steps: 3}\n", "moved"),
        ("mode: 2d\nmodels: fake\n", "moved"),
        ("mode: still\n", "new"),
        ("mode: 2d\nguidance: {compat: disco-5}\n", "new"),
        ("mode: 2d\nseed_mode: fixed\n", "new"),
        ("mode: 2d\nseed: fixed\n", "new"),
        ("mode: 2d\ndiffusion: {init_frames: all, perlin_init: mixed, skip_steps: 20%}\n", "new"),
        ("mode: 2d\nseed_mode: fixed\ncoherence: {noise: moved}\n", "moved"),
        ("mode: 2d\ncoherence: {noise: fixed}\n", "fixed"),
    ],
)
def test_noise_moves_unless_something_speaks_against_it(read, text: str, noise: str) -> None:
    assert read(f"prompts: a lake\n{text}").scene.coherence.noise == noise


def test_noise_of_footage_is_new_where_nothing_is_said(read, tmp_path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "1.png")
    film = f"prompts: a lake\nmode: video\nvideo: {{init: {tmp_path}}}\n"
    assert read(film).scene.coherence.noise == "new"
    moved = read(f"{film}coherence: {{noise: moved}}\n").scene.coherence
    assert (moved.noise, moved.frames_skip_steps) == ("moved", "60%")


def test_noise_of_latent_networks_is_new_where_nothing_is_said(read) -> None:
    film = "prompts: a lake\nmode: 2d\nsize: [512, 512]\ndiffusion: {model: stable-diffusion-v1-5}\n"
    assert read(film).scene.coherence.noise == "new"
    assert read(f"{film}coherence: {{noise: moved}}\n").scene.coherence.noise == "moved"


def test_noise_that_nothing_moves(read) -> None:
    moved = "coherence: {noise: moved}\ncamera: {zoom: 1.02}\n"
    begun = "diffusion: {perlin_init: mixed, init_frames: all, skip_steps: 20%}\n"
    (notice,) = notices(read, f"prompts: a lake\nmode: 2d\nframes: 5\n{moved}{begun}")
    assert notice.startswith("coherence.noise: no frame comes from the one before it")
    (idle,) = notices(read, "prompts: a lake\nmode: still\nimages: 2\ncoherence: {noise: fixed}\n")
    assert idle == "coherence.noise: has no effect in mode still"


def test_nothing_holds_a_frame_that_comes_from_none(read) -> None:
    begun = "diffusion: {perlin_init: mixed, init_frames: WHICH, skip_steps: 20%}\n"
    held = (
        "coherence: {frames_scale: 900, detail_coherence: 0.5, color_coherence: 0, uncovered_skip_steps: 20%}"
    )
    text = f"prompts: a lake\nmode: 2d\nframes: 5\n{held}\n{begun}"
    found = notices(read, text.replace("WHICH", "all"))
    assert [one.partition(": has no effect: no frame comes")[0] for one in found] == [
        "coherence.frames_scale",
        "coherence.detail_coherence",
        "coherence.uncovered_skip_steps",
    ]
    assert not notices(read, text.replace("WHICH", "first"))
