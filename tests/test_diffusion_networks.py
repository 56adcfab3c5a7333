"""The U-Net and the secondary model against the published names, shapes and outputs."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from animator.diffusion.unet import UNet, unet_config
from animator.errors import WeightsError
from tests.golden_files import fill, load_json, load_npz

FAMILIES = load_json("checkpoint_manifests_unet")
UNET_CASES = load_json("unet_forward")
UNET_FIGURES = load_npz("unet_forward")


def assert_close(found: torch.Tensor, expected: np.ndarray) -> None:
    """Hold a network's output to the figures: 1e-4 relative, and 1e-4 of its own standard deviation."""
    np.testing.assert_allclose(
        found.detach().numpy(), expected, rtol=1e-4, atol=1e-4 * float(expected.std(dtype=np.float64))
    )


def small_unet(name: str) -> UNet:
    return fill(UNet(unet_config(UNET_CASES["configs"][name])), UNET_CASES["salt"])


@pytest.mark.parametrize("family", FAMILIES)
def test_full_size_unet_has_the_published_names_and_shapes(family: str) -> None:
    published = FAMILIES[family]
    with torch.device("meta"):
        network = UNet(unet_config(published["config"]))
        weights = {name: torch.empty(shape) for name, shape in published["state_dict"].items()}
    network.load_state_dict(weights, strict=True, assign=True)
    assert sum(parameter.numel() for parameter in network.parameters()) == published["parameters"]


@pytest.mark.parametrize("name", UNET_CASES["configs"])
def test_unet_gives_the_golden_output_and_gradient(name: str) -> None:
    figures = {key.split("/")[1]: value for key, value in UNET_FIGURES.items() if key.startswith(name + "/")}
    network = small_unet(name).requires_grad_(False)
    x = torch.from_numpy(figures["x"]).requires_grad_()
    y = network(x, torch.from_numpy(figures["t"]))
    (dx,) = torch.autograd.grad(y[:, :3].square().sum(), x)
    assert_close(y, figures["y"])
    assert_close(dx, figures["dx"])
