"""Every rule that a scene is held to is seen to refuse something, and to let its neighbour pass."""

from __future__ import annotations

import pytest
from PIL import Image

from animator.weights.heads import PICKLE

STILL = "mode: still\n"


@pytest.mark.parametrize(
    ("wrong", "message", "right"),
    [
        # Planes
        (
            "camera: {near_plane: 200, far_plane: 200}",
            "camera.far_plane: far_plane must be greater than near_plane; near_plane is 200, far_plane 200",
            "camera: {near_plane: 200, far_plane: 200.1}",
        ),
        (
            "camera: {near_plane: '0: (1), 10: (11)', far_plane: 6}",
            "camera.far_plane: far_plane must be greater than near_plane; near_plane is 6, far_plane 6 at",
            "camera: {near_plane: '0: (1), 10: (5)', far_plane: 6}",
        ),
        (
            "camera: {near_plane: 20000}",
            "camera.near_plane: far_plane must be greater than near_plane",
            "camera: {near_plane: 2000}",
        ),
        # Networks
        ("diffusion: {model: pockets}", "diffusion.model: there is no diffusion network 'pockets'", ""),
        (
            "depth: {model: midass}",
            "depth.model: there is no depth network 'midass'",
            "depth: {model: midas}",
        ),
        ("depth: {model: RN50}", "depth.model: there is no depth network 'RN50'", "depth: {model: plane}"),
        (
            "guidance: {clip_models: {RN51: 1}}",
            "guidance.clip_models.RN51: there is no clip network 'RN51'",
            "guidance: {clip_models: {RN50: 1}}",
        ),
        (
            "guidance: {clip_models: {RN50: 1, RN50/openai: 1}}",
            "guidance.clip_models.RN50/openai: is the same network as 'RN50'; keep one of them",
            "guidance: {clip_models: {RN50: 1, RN101: 1}}",
        ),
        # Files
        ("output: {audio: none.wav}", "output.audio: no such file: none.wav", ""),
        (
            "output: {audio: 'https://example.org/a.wav'}",
            "output.audio: expected the path of a file, found an address with https://",
            "",
        ),
        ("diffusion: {init_image: none.png}", "diffusion.init_image: no such file: none.png", ""),
        # Steps
        (
            "diffusion: {steps: 10, skip_steps: 10}",
            "diffusion.skip_steps: skip_steps leaves out 10 of 10 steps and skip_end_steps 0, so that none",
            "diffusion: {steps: 10, skip_steps: 9}",
        ),
        (
            "diffusion: {steps: 10, skip_steps: 50%, skip_end_steps: 50%}",
            "diffusion.skip_end_steps: skip_steps leaves out 5 of 10 steps and skip_end_steps 5",
            "diffusion: {steps: 10, skip_steps: 50%, skip_end_steps: 40%}",
        ),
        (
            f"{STILL}diffusion: {{stop_at: 0%}}",
            "diffusion.stop_at: is 0%, must be above 0%",
            f"{STILL}diffusion: {{stop_at: 1%}}",
        ),
        (
            "mode: 2d\ndiffusion: {stop_at: 50%}",
            "diffusion.stop_at: is for mode still",
            f"{STILL}diffusion: {{stop_at: 50%}}",
        ),
        # Turbo and headsets
        (
            "vr: {layouts: [vr180], vr180_size: 511}",
            "vr.vr180_size: expected an even number, found 511",
            "vr: {layouts: [vr180], vr180_size: 512}",
        ),
        (
            "turbo: {steps: 2}\ndiffusion: {perlin_init: gray, init_frames: all}",
            "turbo.steps: moves a frame into the next ones, but init_frames: all begins each afresh",
            "turbo: {steps: 2}\ndiffusion: {perlin_init: gray}",
        ),
        # Seeds
        (
            "seed: [1, 2]",
            "seed: a list of seeds is for mode still, found mode 3d",
            f"{STILL}images: 2\nseed: [1, 2]",
        ),
        (
            f"{STILL}images: 3\nseed: [1, 2]",
            "seed: a list of 2, but 3 images need as many",
            f"{STILL}images: 2\nseed: [1, 2]",
        ),
        (
            f"{STILL}seed: {{0: 1}}",
            "seed: a mapping from positions is for films, found mode still",
            "seed: {0: 1}",
        ),
        ("seed: {0: 1, 0.2: 2}", "seed: two seeds begin at frame 0", "seed: {0: 1, 1: 2}"),
        (
            "seed: {0: 1, 4b: 2}",
            "seed: 4b counts beats: the scene must say its bpm",
            "bpm: 120\nseed: {0: 1, 4b: 2}",
        ),
        # Intermediates
        (
            "output: {intermediates: -2}",
            "output.intermediates: expected 0 or more, found -2",
            "output: {intermediates: 2}",
        ),
        (
            "output: {intermediates: [3, 100.1%]}",
            "output.intermediates.1: expected a percentage from 0% to 100%, found '100.1%'",
            "output: {intermediates: [3, 100%]}",
        ),
        # A stretch without guidance
        (
            "guidance: {clip_models: {pocket: '[1]*990+[0]*10'}}",
            "guidance.clip_models: no CLIP model has a weight from 99% to 100% of the",
            "guidance: {clip_models: {pocket: '[1]*990+[0]*10'}}\ndiffusion: {steps: 100, skip_end_steps: 1}",
        ),
        (
            "mode: 2d\nframes: 4\nguidance: {clip_models: {pocket: '[0]*500+[1]*500'}}\n"
            "diffusion: {skip_steps: 50%}\n"
            "coherence: {frames_skip_steps: '0: (50%) step, 2: (40%)'}",
            "guidance.clip_models: no CLIP model has a weight from 40% to 50% of the diffusion",
            "mode: 2d\nframes: 4\nguidance: {clip_models: {pocket: '[0]*500+[1]*500'}}\n"
            "diffusion: {skip_steps: 50%}\n"
            "coherence: {frames_skip_steps: 50%}",
        ),
    ],
)
def test_a_rule_refuses_what_breaks_it_and_lets_its_neighbour_pass(
    fault, read, wrong, message, right
) -> None:
    found = fault(f"prompts: x\n{wrong}\n")
    assert found.split(": ", 1)[1].startswith(message)
    read(f"prompts: x\n{right}\n")


@pytest.mark.parametrize(
    ("text", "notice"),
    [
        ("size: [130, 64]", "size: 130 x 64 is rounded down to 128 x 64, multiples of 64"),
        (f"{STILL}images: 1\nseed: [1, 2, 3]", "seed: 3 seeds for 1 images; the last 2 are not used"),
        (
            "mode: 2d\nframes: 4\nprompts: {0: x, 9: y}",
            "prompts.9: never shown: frame 9 lies after the last frame, 3",
        ),
    ],
)
def test_what_may_not_be_meant_is_told(read, text: str, notice: str) -> None:
    prompts = "" if "prompts" in text else "prompts: x\n"
    assert notice in [f"{one.key}: {one.message}" for one in read(f"{prompts}{text}\n").notices]


def test_an_init_picture_and_clouds_contradict_each_other(fault, tmp_path) -> None:
    Image.new("RGB", (192, 128)).save(tmp_path / "a.png")
    found = fault("prompts: x\ndiffusion: {init_image: a.png, perlin_init: gray}\n")
    assert "diffusion.perlin_init: is gray, but there is an init_image; choose one" in found


def test_a_last_pass_along_a_flow_needs_one(fault, tmp_path) -> None:
    from tests.wiring import footage

    clip = footage(tmp_path)
    found = fault(f"prompts: x\nmode: video\nvideo: {{init: {clip.name}, flow: none, finish: flow}}\n")
    assert "video.finish: is flow, but video.flow is none" in found


def test_a_family_is_one_of_diffusion(fault, read, tmp_path) -> None:
    (tmp_path / "a.pt").write_bytes(PICKLE)
    text = "prompts: x\ndiffusion: {model: a.pt, family: FAMILY}\n"
    for wrong in ("openai_999", "secondary_model_imagenet_2"):
        assert f"diffusion.family: there is no family '{wrong}'" in fault(text.replace("FAMILY", wrong))
    read(text.replace("FAMILY", "openai_512"))
