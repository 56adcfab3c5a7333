"""The U-Net and the secondary model against the published names, shapes and outputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from animator.diffusion.noise_schedule import full_schedule
from animator.diffusion.secondary import SecondaryModel, cosine_time, secondary_denoiser
from animator.diffusion.unet import UNet, unet_config
from animator.diffusion.unet_blocks import GroupNorm32
from animator.errors import WeightsError
from tests.golden_files import fill, load_json, load_npz

FAMILIES = load_json("checkpoint_manifests_unet")
UNET_CASES = load_json("unet_forward")
UNET_FIGURES = load_npz("unet_forward")
SECONDARY = load_json("checkpoint_manifest_secondary")["secondary_model_imagenet_2"]
TINY = {"image_size": 32, "num_channels": 32, "channel_mult": "1,2", "num_res_blocks": 1, "learn_sigma": True}


def assert_close(found: torch.Tensor, expected: np.ndarray) -> None:
    """Hold a network's output to the figures: 1e-4 relative, and 1e-4 of its own standard deviation."""
    np.testing.assert_allclose(
        found.detach().numpy(), expected, rtol=1e-4, atol=1e-4 * float(expected.std(dtype=np.float64))
    )


def small_unet(name: str) -> UNet:
    return fill(UNet(unet_config(UNET_CASES["configs"][name])), UNET_CASES["salt"])


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_full_size_unet_has_the_published_names_and_shapes(family: str) -> None:
    published = FAMILIES[family]
    with torch.device("meta"):
        network = UNet(unet_config(published["config"]))
        weights = {name: torch.empty(shape) for name, shape in published["state_dict"].items()}
    network.load_state_dict(weights, strict=True, assign=True)
    assert sum(parameter.numel() for parameter in network.parameters()) == published["parameters"]


@pytest.mark.slow
@pytest.mark.parametrize("name", UNET_CASES["configs"])
def test_unet_gives_the_golden_output_and_gradient(name: str) -> None:
    figures = {key.split("/")[1]: value for key, value in UNET_FIGURES.items() if key.startswith(name + "/")}
    network = small_unet(name).requires_grad_(False)
    x = torch.from_numpy(figures["x"]).requires_grad_()
    y = network(x, torch.from_numpy(figures["t"]))
    (dx,) = torch.autograd.grad(y[:, :3].square().sum(), x)
    assert_close(y, figures["y"])
    assert_close(dx, figures["dx"])


def test_checkpointing_changes_neither_output_nor_gradient() -> None:
    network = fill(UNet(unet_config({**TINY, "attention_resolutions": "16"})), 1).requires_grad_(False)
    x = torch.randn(2, 3, 16, 32, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([3.0, 700.0])
    found = []
    for use_checkpoint in (False, True):
        network.use_checkpoint = use_checkpoint
        leaf = x.clone().requires_grad_()
        y = network(leaf, t)
        found.append((y.detach(), torch.autograd.grad(y.square().sum(), leaf)[0]))
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-5)


def test_checkpointing_recomputes_in_the_backward_pass() -> None:
    network = UNet(unet_config({**TINY, "use_checkpoint": True})).requires_grad_(False)
    calls: list[int] = []
    network.middle_block.register_forward_pre_hook(lambda *_: calls.append(1))
    x = torch.zeros(1, 3, 16, 16, requires_grad=True)
    network(x, torch.zeros(1)).sum().backward()
    assert len(calls) == 2


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("autocast", [False, True])
def test_half_precision_stays_near_float32(dtype: torch.dtype, autocast: bool) -> None:
    network = fill(UNet(unet_config(TINY)), 0).requires_grad_(False)
    x = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([500.0])
    exact = network(x, t)
    if autocast:
        with torch.autocast("cpu", dtype):
            half = network(x, t)
    else:
        half = network.to(dtype)(x, t)
    assert half.dtype == torch.float32
    assert 0 < float((half - exact).std() / exact.std()) < 0.02


def test_attention_orders_are_permutations_of_each_other() -> None:
    """The new order of query, key and value is the legacy one with its heads sorted to the inside."""
    legacy, new = (
        UNet(unet_config({**TINY, "attention_resolutions": "16", "use_new_attention_order": order}))
        for order in (False, True)
    )
    state = fill(legacy, 0).state_dict()
    for name, entry in state.items():
        if ".qkv." in name:
            heads = legacy.config.heads
            state[name] = entry.unflatten(0, (heads, 3, -1)).transpose(0, 1).flatten(0, 2)
    new.load_state_dict(state)
    x, t = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0)), torch.tensor([9.0])
    torch.testing.assert_close(new.eval()(x, t), legacy(x, t))


def test_channels_of_the_output_follow_learn_sigma() -> None:
    network = UNet(unet_config({**TINY, "learn_sigma": False}))
    assert network(torch.zeros(1, 3, 16, 16), torch.zeros(1)).shape == (1, 3, 16, 16)


@pytest.mark.parametrize(
    ("switches", "message"),
    [
        ({"num_chanels": 64}, "unknown switch 'num_chanels'.*num_channels"),
        ({"use_kl": True}, "use_kl=True is not supported; only False"),
        ({"image_size": 96}, "image_size 96 needs the switch channel_mult.*64, 128, 256, 512"),
    ],
)
def test_switches_that_cannot_be_are_refused(switches: dict[str, object], message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        unet_config(switches)


def test_heads_that_do_not_divide_are_refused() -> None:
    with pytest.raises(WeightsError, match="64 channels cannot be divided among 5"):
        UNet(unet_config({**TINY, "num_heads": 5}))


def test_secondary_model_has_the_published_names_and_shapes() -> None:
    with torch.device("meta"):
        network = SecondaryModel()
        weights = {name: torch.empty(shape) for name, shape in SECONDARY["state_dict"].items()}
    network.load_state_dict(weights, strict=True, assign=True)
    assert sum(parameter.numel() for parameter in network.parameters()) == SECONDARY["parameters"]


@pytest.mark.slow
def test_secondary_model_gives_the_golden_output() -> None:
    figures = load_npz("secondary")
    network = fill(SecondaryModel(), figures["salt"]).requires_grad_(False)
    found = network(torch.from_numpy(figures["x"]), torch.from_numpy(figures["t"]))
    assert_close(found.v, figures["v"])
    assert_close(found.denoised, figures["pred"])
    assert_close(found.eps, figures["eps"])


def test_secondary_denoiser_explains_the_state() -> None:
    schedule = full_schedule(20)
    network = SecondaryModel(width=4)
    x = torch.randn(2, 3, 32, 64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    found = secondary_denoiser(network, schedule)(x, 7)
    alpha_bar = float(schedule.alpha_bar[7])
    torch.testing.assert_close(alpha_bar**0.5 * found.denoised + (1 - alpha_bar) ** 0.5 * found.eps, x)
    torch.testing.assert_close(found.denoised, network(x, torch.full((2,), cosine_time(alpha_bar))).denoised)
    assert float(torch.autograd.grad(found.denoised.sum(), x)[0].abs().sum()) > 0


@pytest.mark.parametrize("weights", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("inputs", [torch.float32, torch.float16, torch.bfloat16])
def test_group_norm_is_float32_inside_whatever_it_is_given(weights: torch.dtype, inputs: torch.dtype) -> None:
    norm = GroupNorm32(64).to(weights)
    x = (30 * torch.randn(1, 64, 8, 8, generator=torch.Generator().manual_seed(0)) + 900).to(inputs)
    found = norm(x)
    assert found.dtype == inputs
    exact = torch.nn.functional.group_norm(x.double(), 32).to(inputs)
    torch.testing.assert_close(found, exact, rtol=torch.finfo(inputs).eps, atol=1e-4)
