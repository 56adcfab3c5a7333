"""The engine on a denoiser whose answers are known, and once on the real networks, small and unlearned."""

from __future__ import annotations

import logging
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from animator.diffusion import load as load_module
from animator.diffusion.engine import GuidedDiffusion, Networks, schedule_for
from animator.diffusion.kept import Kept
from animator.diffusion.load import load_engine
from animator.diffusion.losses import spherical_distance
from animator.diffusion.noise_schedule import disco_schedule, full_schedule, linear_alpha_bar
from animator.diffusion.precision import _cpu_has_bfloat16, computing_in, precision_for
from animator.diffusion.prediction import denoised_from_eps
from animator.diffusion.samplers import SAMPLERS
from animator.diffusion.secondary import SecondaryModel
from animator.diffusion.unet import UNet, unet_config
from animator.errors import AnimatorError, UsageError
from animator.settings.diffusion import DiffusionOptions
from animator.settings.guidance import CutOptions, GuidanceOptions
from animator.types import Prompt, Request
from tests.golden_files import fill, load_json

CURVE = linear_alpha_bar(1000)
MEAN, SPREAD = 0.1, 0.4
COLOURS = {"red": (1.0, 0.1, 0.1), "blue": (0.1, 0.1, 1.0)}


def exact_network(x: Tensor, t: Tensor) -> Tensor:
    """The noise in ``x`` where every value of every picture is normal, with `MEAN` and `SPREAD`."""
    alpha_bar = float(CURVE[int(t[0])])
    variance = alpha_bar * SPREAD**2 + 1 - alpha_bar
    return math.sqrt(1 - alpha_bar) / variance * (x - math.sqrt(alpha_bar) * MEAN)


class Colours:
    """A perceptor of colour names; counts what it is asked."""

    name = "colours"
    size = 8

    def __init__(self) -> None:
        self.read: Counter[str] = Counter()
        self.seen = 0

    def encode_text(self, texts: list[str]) -> Tensor:
        self.read.update(texts)
        return torch.tensor([COLOURS[text] for text in texts])

    def encode_images(self, batch: Tensor) -> Tensor:
        self.seen += 1
        return batch.mean(dim=(2, 3)) + 0.1


DIFFUSION = DiffusionOptions(steps=8, precision="float32")
GUIDANCE = GuidanceOptions(
    clip_models={"colours": 1},
    clip_guidance_scale=20000,
    clamp_max=2,
    cutn_batches=1,
    range_scale=0,
    cuts=CutOptions(overview=1, innercut=2, ic_pow=1, icgray_p=0),
)
REQUEST = Request(frame=3, seed=11, width=24, height=16, prompts=(Prompt("red"),))
INIT = torch.rand(3, 16, 24, generator=torch.Generator().manual_seed(5))


def toy_engine(network=exact_network, diffusion=None, guidance=None, **parts) -> GuidedDiffusion:
    return GuidedDiffusion(
        Networks(denoiser=network, perceptors={"colours": Colours()}, **parts),
        DIFFUSION.model_copy(update=diffusion or {}),
        GUIDANCE.model_copy(update=guidance or {}),
    )


def redness(frame: Tensor) -> float:
    return spherical_distance(frame.mean(dim=(1, 2)) + 0.1, torch.tensor(COLOURS["red"])).item()


def test_a_frame_is_a_picture_and_nearer_to_its_prompt_than_to_another():
    frame = toy_engine().paint(REQUEST)
    assert frame.shape == (3, 16, 24)
    assert frame.dtype == torch.float32
    assert 0 <= frame.min() < frame.max() <= 1
    blue = toy_engine().paint(replace(REQUEST, prompts=(Prompt("blue"),)))
    unguided = toy_engine().paint(replace(REQUEST, prompts=()))
    assert redness(frame) < 0.5 * redness(unguided) < redness(blue)


def test_prompts_pull_by_their_weights():
    both = replace(REQUEST, prompts=(Prompt("red", 0.8), Prompt("blue", 0.2)))
    shares = [
        redness(toy_engine().paint(request))
        for request in (REQUEST, both, replace(both, prompts=both.prompts[1:]))
    ]
    assert shares == sorted(shares)
    away = replace(REQUEST, prompts=(Prompt("red", -1.0),))
    assert redness(toy_engine().paint(away)) > redness(toy_engine().paint(replace(REQUEST, prompts=())))


def test_a_frame_depends_on_its_request_alone():
    first = toy_engine()
    expected = first.paint(REQUEST)
    first.paint(replace(REQUEST, frame=4))
    torch.rand(5)
    assert torch.equal(first.paint(REQUEST), expected)
    for change in ({"frame": 4}, {"seed": 12}):
        assert not torch.equal(toy_engine().paint(replace(REQUEST, **change)), expected)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize(("keep", "steps"), [(0.0, 8), (0.4, 5), (0.5, 4), (0.99, 0), (1.0, 0)])
def test_keep_skips_its_share_of_the_steps(sampler, keep, steps):
    heard = []
    engine = toy_engine(diffusion={"sampler": sampler, "eta": 0.0})
    frame = engine.paint(
        replace(REQUEST, init=INIT, keep=keep), lambda step: heard.append((step.done, step.total))
    )
    assert heard == [(done, steps) for done in range(1, steps + 1)]
    if steps == 0:
        assert torch.equal(frame, INIT)


def test_the_more_is_kept_the_nearer_the_frame_is_to_its_init():
    distances = [
        (toy_engine().paint(replace(REQUEST, prompts=(), init=INIT, keep=keep)) - INIT).square().mean().item()
        for keep in (0.0, 0.5, 0.75, 0.9, 1.0)
    ]
    assert distances == sorted(distances, reverse=True)
    assert distances[-1] == 0


def test_without_an_init_at_least_one_step_is_taken():
    heard = []
    toy_engine().paint(replace(REQUEST, keep=1.0), lambda step: heard.append(step.total))
    assert heard == [1]


def test_init_scale_holds_the_colours_of_the_init():
    bright = torch.full((3, 16, 24), 0.95)
    request = replace(REQUEST, prompts=(), init=bright, keep=0.25)
    free = toy_engine().paint(request)
    held = toy_engine().paint(replace(request, init_scale=20000.0))
    assert (held - bright).abs().mean() < 0.8 * (free - bright).abs().mean()


def test_eta_follows_its_schedule_over_the_diffusion():
    request = replace(REQUEST, prompts=())
    engine = toy_engine(diffusion={"eta": 0.0})
    still = engine.paint(request)
    noisy_at_the_end = engine.paint(
        replace(request, values={"diffusion.eta": np.r_[np.zeros(500), np.ones(500)]})
    )
    silent = engine.paint(replace(request, values={"diffusion.eta": np.zeros(1000)}))
    assert torch.equal(silent, still)
    assert not torch.equal(noisy_at_the_end, still)
    with pytest.raises(ValueError, match=r"diffusion\.eta is .* no schedule"):
        toy_engine(diffusion={"eta": "[0]*1000"}).paint(request)


def test_values_of_the_request_rule_over_the_options():
    silenced = replace(REQUEST, values={"guidance.clip_guidance_scale": np.zeros(1000)})
    assert torch.equal(toy_engine().paint(silenced), toy_engine().paint(replace(REQUEST, prompts=())))
    engine = toy_engine()
    engine.paint(replace(REQUEST, values={"guidance.cutn_batches": np.r_[np.ones(500), np.full(500, 3.0)]}))
    assert engine.networks.perceptors["colours"].seen == 4 * 1 + 4 * 3


def test_each_text_is_read_once_without_its_weight():
    engine = toy_engine()
    engine.paint(replace(REQUEST, prompts=(Prompt("red", 0.5), Prompt("blue", 0.5))))
    engine.paint(replace(REQUEST, frame=9, prompts=(Prompt("blue", 0.9), Prompt("red", 0.1))))
    assert engine.networks.perceptors["colours"].read == {"red": 1, "blue": 1}


def test_where_nothing_pulls_no_gradient_is_taken():
    def without_graph(x: Tensor, t: Tensor) -> Tensor:
        assert not x.requires_grad
        return exact_network(x, t)

    toy_engine(without_graph).paint(replace(REQUEST, prompts=()))
    with pytest.raises(AssertionError):
        toy_engine(without_graph).paint(REQUEST)


def test_sizes_that_do_not_suit_are_refused_with_one_that_does():
    engine = toy_engine(size_multiple=16)
    with pytest.raises(UsageError, match=r"100 x 40 .* multiples of 16; use 96 x 32"):
        engine.paint(replace(REQUEST, width=100, height=40))
    with pytest.raises(UsageError, match="init of frame 3 is 3 x 16 x 24, it must be 3 x 32 x 48"):
        engine.paint(replace(REQUEST, width=48, height=32, init=INIT))


def test_values_that_are_no_numbers_are_never_silent(caplog):
    class Blind(Colours):
        def encode_images(self, batch: Tensor) -> Tensor:
            return batch.mean(dim=(2, 3)) * math.nan

    engine = GuidedDiffusion(Networks(exact_network, {"colours": Blind()}), DIFFUSION, GUIDANCE)
    with caplog.at_level(logging.WARNING):
        frame = engine.paint(REQUEST)
    assert "frame 3: guidance gave no finite gradient at 8 of 8 steps" in caplog.text
    assert frame.isfinite().all()
    with pytest.raises(AnimatorError, match=r"frame 3: .* no numbers"):
        toy_engine(lambda x, t: x * math.nan).paint(REQUEST)


def test_estimate_is_the_networks_unless_the_scene_says_otherwise():
    def timid(x: Tensor, t: Tensor) -> Tensor:
        return 0.9 * x

    def painted(estimate: str, of_network: str) -> Tensor:
        diffusion = {"estimate": estimate, "eta": 0.0}
        return toy_engine(timid, diffusion, estimate=of_network).paint(replace(REQUEST, prompts=()))

    free, clamped = painted("free", "free"), painted("clamped", "free")
    assert not torch.equal(free, clamped)
    assert torch.equal(painted("auto", "clamped"), clamped)
    assert torch.equal(painted("auto", "free"), free)


def test_the_schedule_is_discos_only_where_disco_is_repeated():
    diffusion = DiffusionOptions(steps=7)
    even, disco = (schedule_for(diffusion, GuidanceOptions(compat=compat)) for compat in ("none", "disco-5"))
    np.testing.assert_array_equal(even.alpha_bar, full_schedule(7).alpha_bar)
    np.testing.assert_array_equal(disco.alpha_bar, disco_schedule(7).alpha_bar)


def test_precision_is_chosen_by_the_machine_and_answers_are_float32(tmp_path):
    cpu = torch.device("cpu")
    assert precision_for("bfloat16", cpu) == "bfloat16"
    assert precision_for("float32", cpu) == "float32"
    for flags, fast in (
        ("fpu avx512f avx512_bf16 sse", True),
        ("fpu amx_bf16", True),
        ("fpu avx512f", False),
    ):
        (tmp_path / "cpuinfo").write_text(f"flags\t: {flags}\n")
        assert _cpu_has_bfloat16(tmp_path / "cpuinfo") is fast
    assert _cpu_has_bfloat16(tmp_path / "none") is False

    layer = torch.nn.Linear(64, 64, bias=False).requires_grad_(False)
    x = torch.randn(8, 64, generator=torch.Generator().manual_seed(1))
    rounded = computing_in("bfloat16", cpu, layer)(x)
    assert rounded.dtype == torch.float32
    assert 1e-4 < (rounded - layer(x)).abs().max() < 0.1
    assert torch.equal(computing_in("float32", cpu, layer)(x), layer(x))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("precision", "with_secondary", "steps", "width"),
    [("float32", False, 2, 64), ("bfloat16", True, 1, 32)],  # the latter is dear on most processors
)
def test_real_networks_paint_any_fitting_size(precision, with_secondary, steps, width):
    network = fill(UNet(unet_config(load_json("guidance")["unet"])), 0).requires_grad_(False)
    secondary = fill(SecondaryModel(8), 0).requires_grad_(False) if with_secondary else None
    engine = GuidedDiffusion(
        Networks(network, {"colours": Colours()}, "clamped", network.config.size_multiple, secondary),
        DIFFUSION.model_copy(update={"steps": steps, "precision": precision}),
        GUIDANCE,
    )
    request = replace(REQUEST, width=width, height=32)
    frame = engine.paint(request)
    assert frame.shape == (3, 32, width)
    assert torch.equal(engine.paint(request), frame)
    assert not torch.equal(engine.paint(replace(request, prompts=())), frame)


def test_networks_are_loaded_by_the_names_of_the_scene(monkeypatch):
    from animator.diffusion.checkpoints import Description

    network = fill(UNet(unet_config(load_json("guidance")["unet"])), 0).requires_grad_(False)
    asked = []

    def load(name, device, family):
        asked.append(name)
        return network, Description(name, Path("weights.pt"), "clamped", (64, 64))

    monkeypatch.setattr(load_module, "load_diffusion", load)
    monkeypatch.setattr(
        load_module, "load_secondary", lambda name, device: asked.append(name) or SecondaryModel(8)
    )
    monkeypatch.setattr(
        load_module,
        "load_perceptor",
        lambda name, device, dtype, compile: asked.append((name, dtype)) or Colours(),
    )
    guidance = GUIDANCE.model_copy(update={"clip_models": {"ViT-B-32": 1, "RN50": 0.5}})
    plain = load_engine(DIFFUSION.model_copy(update={"model": "pocket"}), guidance, "cpu")
    assert asked == ["pocket", ("ViT-B-32", torch.float32), ("RN50", torch.float32)]
    assert (plain.networks.estimate, plain.networks.size_multiple) == ("clamped", 8)

    for model, expected in (("pocket", "pocket"), ("256x256_diffusion_uncond", "secondary_model_imagenet_2")):
        asked.clear()
        options = DIFFUSION.model_copy(update={"model": model, "secondary": True, "precision": "bfloat16"})
        loaded = load_engine(options, GUIDANCE, "cpu")
        assert asked == [model, expected, ("colours", torch.bfloat16)]
        assert loaded.networks.size_multiple == 32
        assert loaded.networks.secondary is not None


class Push:
    """A guide that pulls hard towards white."""

    def through(self, index):
        return False

    def __call__(self, x, index, prediction):
        return torch.full_like(x, 0.05)


def test_what_guidance_makes_of_a_clamped_estimate_is_clamped_too():
    """Near pure noise a gradient of 0.05 moves the estimate by 8, far beyond white."""
    x = torch.randn(1, 3, 16, 24, generator=torch.Generator().manual_seed(1))
    found = {}
    for estimate in ("free", "clamped"):
        engine = toy_engine(estimate=estimate)
        last = engine.schedule.num_timesteps - 1
        found[estimate] = engine._denoiser(Push(), [], Kept(), REQUEST)(x, last)
    assert found["free"].denoised.min() > 4
    held = found["clamped"]
    assert held.denoised.abs().max() <= 1
    alpha_bar = float(engine.schedule.alpha_bar[last])
    again = denoised_from_eps(x, held.eps, alpha_bar)
    torch.testing.assert_close(again, held.denoised, rtol=1e-3, atol=1e-3)
