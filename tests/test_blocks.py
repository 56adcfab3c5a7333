"""The parts of networks that are computed in a way of our own give what torch's give."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from animator.diffusion.attention import SHORT, attend
from animator.diffusion.halving import Halving, halved, with_halving
from animator.diffusion.unet_blocks import GroupNorm32, pointwise, spread_norm


def close(one: Tensor, other: Tensor, x: Tensor) -> None:
    """Hold two values, and their gradients in ``x``, to one another."""
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    pull = torch.randn(one.shape, generator=torch.Generator().manual_seed(9))
    gradients = [torch.autograd.grad(value, x, pull)[0] for value in (one, other)]
    torch.testing.assert_close(*gradients, rtol=1e-4, atol=1e-5)


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1)).requires_grad_()


@pytest.mark.parametrize("shape", [(2, 3, 8, 12), (1, 5, 7, 9), (1, 1, 2, 2)])
def test_halving_is_the_mean_of_four(shape: tuple[int, ...]) -> None:
    x = random(*shape)
    close(halved(x), F.avg_pool2d(x, 2), x)


def test_only_pools_of_two_by_two_are_replaced() -> None:
    kept = [nn.AvgPool2d(3), nn.AvgPool2d(2, stride=1), nn.Identity()]
    network = nn.Sequential(nn.AvgPool2d(2), nn.Sequential(nn.AvgPool2d(2)), *kept)
    with_halving(network)
    assert isinstance(network[0], Halving)
    assert isinstance(network[1][0], Halving)
    assert list(network[2:]) == kept


@pytest.mark.parametrize("number", [1, 3])
def test_a_norm_that_is_modulated_is_a_norm_scaled_and_shifted(number: int) -> None:
    norm, x = GroupNorm32(64), random(number, 64, 6, 4)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    scale, shift = torch.randn(2, number, 64)
    plain = norm(x) * (1 + scale[..., None, None]) + shift[..., None, None]
    close(norm.modulated(x, scale, shift), plain, x)


def test_the_statistics_of_a_norm_are_float32() -> None:
    """Sums of thousands of bfloat16 numbers far from zero would lose all of their digits."""
    x = 8 + 0.1 * torch.randn(1, 32, 128, 128, generator=torch.Generator().manual_seed(3))
    x = x.bfloat16()
    norm = GroupNorm32(32)
    found, exact = norm(x), F.group_norm(x.double(), 32, eps=norm.eps)
    assert found.dtype == torch.bfloat16
    assert float((found.double() - exact).abs().max()) < 0.02


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("number", [1, 3])
def test_a_norm_whose_sums_are_shared_out_is_the_same(number: int, dtype: torch.dtype) -> None:
    x = (8 + random(number, 64, 6, 4)).to(dtype)
    before, (weight, bias) = x.clone(), torch.randn(2, 64)
    found = spread_norm(x, 32, weight, bias, 1e-5)
    exact = F.group_norm(x.double(), 32, weight.double(), bias.double(), 1e-5)
    assert found.dtype == dtype
    assert torch.equal(x, before)
    torch.testing.assert_close(found.double(), exact, rtol=torch.finfo(dtype).eps, atol=1e-5)


@pytest.mark.parametrize("layer", [nn.Conv1d(6, 10, 1), nn.Conv2d(6, 10, 1), nn.Conv2d(6, 10, 1, bias=False)])
def test_a_convolution_of_one_pixel_is_a_product(layer: nn.Conv1d | nn.Conv2d) -> None:
    x = random(2, 6, 4, 5) if isinstance(layer, nn.Conv2d) else random(2, 6, 20)
    close(pointwise(layer, x), layer(x), x)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("length", [5, SHORT + 1])
def test_attention_is_scaled_dot_product_attention(length: int, masked: bool) -> None:
    x = random(3, 1, 2, length, 8)
    mask = torch.full((length, length), float("-inf")).triu(1) if masked else None
    query, key, value = x
    close(attend(query, key, value, mask), F.scaled_dot_product_attention(*x, attn_mask=mask), x)
