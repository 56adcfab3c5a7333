"""Settings that contradict one another, files that are missing, and settings without effect."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from animator.weights.heads import PICKLE
from tests.slowness import within


@pytest.fixture
def read(read, tmp_path):
    """Read a scene of one prompt with more settings, beside a.png and a.pt."""
    Image.new("RGB", (192, 128)).save(tmp_path / "a.png")
    (tmp_path / "a.PT").write_bytes(PICKLE)
    return lambda text: read(f"prompts: x\n{text}")


@pytest.fixture
def told(read):
    """Return the notices of a scene."""

    def of(text: str) -> list[str]:
        return [f"{one.key}: {one.message}" for one in read(text).notices]

    return of


STILL = "mode: still\n"
PUBLISHED = "512x512_diffusion_uncond_finetune_008100"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("diffusion: {model: b.pt}", "2:20: diffusion.model: no such file: b.pt"),
        (
            "diffusion: {model: 'https://example.org/b.pt'}",
            "2:20: diffusion.model: expected the path of a file, found an address with https://; fetch it",
        ),
        (
            "diffusion: {model: a.PT, family: openai_521}",
            "2:34: diffusion.family: there is no family 'openai_521'; did you mean 'openai_512'? there are ",
        ),
        (
            "diffusion: {model: a.PT, family: secondary_model_imagenet_2}",
            "2:34: diffusion.family: there is no family",
        ),
        ("diffusion: {init_image: b.png}", "2:25: diffusion.init_image: no such file: b.png"),
        ("diffusion: {init_image: 'ftp://b.org/b.png'}", "2:25: diffusion.init_image: ftp:// cannot be read"),
        (
            "diffusion: {init_image: a.png, perlin_init: mixed}",
            "2:45: diffusion.perlin_init: is mixed, but there is an init_image; choose one",
        ),
        ("diffusion: {secondary: 2}", "2:24: diffusion.secondary: expected true or false, keyframes such as"),
        (
            "diffusion: {secondary: '[2]*1000'}",
            "2:24: diffusion.secondary: expected a number from 0 to 1 every",
        ),
        ("diffusion: {secondary: '[maybe]*1000'}", "2:26: diffusion.secondary: unknown name 'maybe'"),
        ("diffusion: {stop_at: 50%}", "2:22: diffusion.stop_at: is for mode still, in which a draft can be"),
        (STILL + "diffusion: {stop_at: 0.0%}", "3:22: diffusion.stop_at: is 0.0%, must be above 0%"),
        (
            STILL + "diffusion: {stop_at: 5}",
            "3:22: diffusion.stop_at: expected a percentage such as 40%, found 5",
        ),
        (STILL + "diffusion: {stop_at: 101%}", "3:22: diffusion.stop_at: is '101%', must be at most 100%"),
        (
            "diffusion: {skip_steps: 30, skip_end_steps: 40%}",
            "2:45: diffusion.skip_end_steps: skip_steps leaves out 30 of 50 steps and skip_end_",
        ),
        ("diffusion: {steps: 5, skip_steps: 5}", "2:35: diffusion.skip_steps: skip_steps leaves out 5 of 5"),
        (
            "diffusion: {skip_end_steps: few}",
            "2:29: diffusion.skip_end_steps: expected a whole number or a percentage such as 40%",
        ),
        ("seed: [1, 2]", "2:7: seed: a list of seeds is for mode still, found mode 3d; write one seed"),
        (
            STILL + "images: 4\nseed: [1, 2]",
            "4:7: seed: a list of 2, but 4 images need as many; write 4 seeds or images: 2",
        ),
        ("output: {intermediates: -1}", "2:25: output.intermediates: expected 0 or more, found -1"),
        (
            "output: {intermediates: [5, 1.2.3%]}",
            "2:29: output.intermediates.1: expected a percentage from 0%",
        ),
        ("output: {intermediates: [101%]}", "2:26: output.intermediates.0: expected a percentage from 0% to"),
    ],
)
def test_a_contradiction_is_told_at_its_place(fault, text, expected):
    assert fault(text).startswith(expected)


@pytest.mark.parametrize(
    "text",
    [
        "diffusion: {model: a.PT, family: openai_512}\nsize: [512, 512]",
        "diffusion: {init_image: a.png, init_scale: '[1000]*500+[0]*500', init_noise: 0.1, init_fit: cover}",
        "diffusion: {init_image: 'https://example.org/b.png', init_frames: all}",
        "diffusion: {perlin_init: gray, init_color_noise: 0.1, init_scale: {0: 5}}",
        "diffusion: {secondary: '[0.4]*1000'}",
        "diffusion: {secondary: '[0]*999+[1]'}",
        "diffusion: {secondary: '0: (0), 5: (True)'}",
        "diffusion: {secondary: {0: false, 5: true}}",
        f"size: [512, 512]\ndiffusion: {{secondary: true, model: {PUBLISHED}}}",
        STILL + "diffusion: {stop_at: 0.1%, skip_steps: 48, skip_end_steps: 1}",
        STILL + "images: 2\nbatch: 2\nseed: [1, 2]\noutput: {contact_sheet: false}",
        STILL + "output: {diffusion_film: true, crf: 20, preset: slow}",
        "diffusion: {use_vertical_symmetry: true, transformation_percent: [0.2, 0.3]}",
        "diffusion: {transformation_percent: [0.09], threshold: 0.995, init_fit: stretch}",
        "guidance: {symmetry_loss_scale: '[5000]*450+[0]*550'}",
        "diffusion: {estimate: thresholded, threshold: 0.9}",
        "guidance: {fuzzy_prompt: '[True]*1+[False]*999', rand_mag: 0.1}",
        "diffusion: {sampler: '[plms]*500+[ddim]*500', eta: 0.5}",
        "output: {intermediates: [5, 50%, 100%]}",
    ],
)
def test_what_fits_together_is_not_told_of(told, text):
    assert told(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "diffusion: {family: openai_512}",
            ["diffusion.family: has no effect unless diffusion.model is a file"],
        ),
        ("diffusion: {init_fit: cover}", ["diffusion.init_fit: has no effect without diffusion.init_image"]),
        (
            "diffusion: {init_noise: 0.1, init_color_noise: 0.1, init_frames: all, init_scale: 5}",
            [
                f"diffusion.{name}: has no effect without diffusion.init_image or perlin_init"
                for name in ("init_noise", "init_color_noise", "init_frames", "init_scale")
            ],
        ),
        (
            STILL + "diffusion: {init_image: a.png, init_frames: all}",
            ["diffusion.init_frames: has no effect in mode still"],
        ),
        (
            "batch: 2\noutput: {contact_sheet: false}",
            ["batch: has no effect in mode 3d", "output.contact_sheet: has no effect in mode 3d"],
        ),
        (
            STILL + "output: {film: a, crf: 3}",
            [
                "output.film: has no effect in mode still",
                "output.crf: has no effect without output.diffusion_film in mode still",
            ],
        ),
        (
            "diffusion: {transformation_percent: [0.2]}",
            ["diffusion.transformation_percent: has no effect without a use_*_symmetry"],
        ),
        ("diffusion: {threshold: 0.9}", ["diffusion.threshold: has no effect without estimate: thresholded"]),
        ("guidance: {rand_mag: 0.1}", ["guidance.rand_mag: has no effect without fuzzy_prompt"]),
        ("diffusion: {sampler: plms, eta: 0.5}", ["diffusion.eta: has no effect with sampler plms"]),
        (
            STILL + "images: 1\nseed_mode: fixed\nseed: [1, 2, 3]",
            [
                "seed_mode: has no effect beside a list of seeds",
                "seed: 3 seeds for 1 images; the last 2 are not used",
            ],
        ),
    ],
)
def test_what_has_no_effect_is_told(told, text, expected):
    assert told(text) == expected


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("true", [1] * 4),
        ("false", [0] * 4),
        ("{0: false, 2: true}", [0, 0, 1, 1]),
        ("'0: (True), 2: (false)'", [1, 1, 0, 0]),
        ("t > 2", [0, 0, 0, 1]),
    ],
)
def test_a_switch_over_the_frames_is_a_number(read, written, expected):
    loaded = read(f"frames: 4\ninterpolation: linear\nguidance: {{skip_augs: {written}}}")
    assert loaded.timeline.table["guidance.skip_augs"].tolist() == expected


def test_a_switch_over_the_diffusion_is_a_schedule(read):
    loaded = read(
        f"diffusion: {{model: {PUBLISHED}, secondary: '[True]*500 + [false]*500'}}\n"
        "guidance: {clamp_grad: '[False, true]*500', rand_mag: '[0.1]*1000', fuzzy_prompt: 1, "
        "symmetry_loss_scale: {0: 3}}"
    )
    schedules = loaded.timeline.schedules
    np.testing.assert_array_equal(schedules["diffusion.secondary"], [1.0] * 500 + [0.0] * 500)
    np.testing.assert_array_equal(schedules["guidance.clamp_grad"], [0.0, 1.0] * 500)
    row = loaded.timeline.row(0)
    assert [row[f"guidance.{name}"] for name in ("skip_augs", "fuzzy_prompt", "symmetry_loss_scale")] == [
        0,
        1,
        3,
    ]


def test_only_a_switch_is_true_or_false(fault):
    assert fault("guidance: {tv_scale: true}").startswith("2:22: guidance.tv_scale: expected a number")
    assert fault("guidance: {tv_scale: '[True]*1000'}").startswith(
        "2:24: guidance.tv_scale: unknown name 'True'"
    )


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("clip_models: {RN50: 0}", "from 4% to 100% of the diffusion,"),
        ("clip_models: {RN50: 0, RN101: '[1]*400+[0]*250+[1]*350'}", "from 40% to 65% of the diffusion,"),
        (
            "clip_models: {RN50: '[1]*400+[0]*600', RN101: '[0]*500+[1]*500'}",
            "from 40% to 50% of the diffusion,",
        ),
        (
            "clip_models: {RN50: '0: (1), 6: (0) step', RN101: '[1]*900+[0]*100'}",
            "from 90% to 100% of the diffusion at frame 6,",
        ),
        (
            "clip_guidance_scale: '0: (0) step, 9: (1)', clip_models: {RN50: 0}",
            "from 74% to 100% of the diffusion at frame 9,",
        ),
        (
            "clip_guidance_scale: '[1]*10+[0]*890+[5]*100', clip_models: {RN50: '[0.1]*50+[0]*950'}",
            "from 90% to 100% of the diffusion,",
        ),
        ("clip_models: {RN50: '[0]*41+[1]*959'}", "from 4% to 4.1% of the diffusion,"),
    ],
)
def test_a_stretch_without_guidance_is_told(fault, read, text, where):
    message = fault(f"guidance: {{{text}}}")
    assert "guidance.clip_models: no CLIP model has a weight " + where in message
    assert message.endswith("give one a weight above 0, or set guidance.allow_unguided: true")
    assert read(f"guidance: {{allow_unguided: true, {text}}}").notices == ()


@pytest.mark.parametrize(
    "text",
    [
        "guidance: {clip_models: {RN50: 0}, clip_guidance_scale: 0}",
        "guidance: {clip_models: {RN50: '[0]*500+[1]*500'}, clip_guidance_scale: '[0]*500+[1]*500'}",
        "guidance: {clip_models: {RN50: '[0]*500+[1]*500', RN101: '[1]*500+[0]*500'}}",
        "guidance: {clip_models: {RN50: '[0]*40+[1]*960'}}",  # never run: 4 % are skipped
        "guidance: {clip_models: {RN50: '[1]*900+[0]*100'}}\ndiffusion: {skip_end_steps: 10%}",
        "guidance: {clip_models: {RN50: '0: (1), 6: (0) step'}, clip_guidance_scale: '0: (1), 6: (0) step'}",
    ],
)
def test_what_needs_no_guidance_is_not_told_of(told, text):
    assert told(text) == []


def test_a_long_film_is_checked_quickly(fault):
    text = (
        "frames: 100000\nguidance: {clip_models: {RN50: '0: (1), 99998: (1), 99999: (0)', RN101: '[0]*1000'}}"
    )
    with within(2):
        assert "from 74% to 100% of the diffusion at frame 99999" in fault(text)
