"""What frozen networks keep for their gradients: less, and the same gradients to the last bit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from animator.diffusion import frozen
from animator.diffusion.frozen import (
    Convolution,
    QuickGelu,
    computed_again,
    keeps_less,
    quick_gelu,
    with_quick_gelu,
)
from animator.diffusion.unet_blocks import ResBlock, Upsample
from animator.system.meter import Meter


def filled(module: nn.Module) -> nn.Module:
    torch.manual_seed(3)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.2)
    return module.requires_grad_(False)


def outcome(call: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    x = x.clone().requires_grad_()
    out = call(x)
    (slope,) = torch.autograd.grad(out.float().square().sum(), x)
    return out.detach(), slope


def usual(
    monkeypatch: pytest.MonkeyPatch, call: Callable[[Tensor], Tensor], x: Tensor
) -> tuple[Tensor, Tensor]:
    monkeypatch.setattr(frozen, "keeps_less", lambda *_: False)
    found = outcome(call, x)
    monkeypatch.undo()
    return found


def block(kind: str) -> nn.Module:
    how = {"dropout": 0.0, "scale_shift": kind != "added"}
    resize = Upsample(32, convolve=False) if kind == "resized" else None
    return filled(ResBlock(32, 16, 64 if kind == "wider" else 32, resize=resize, **how))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["plain", "wider", "added", "resized"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_block_gives_the_same_to_the_last_bit(kind: str, number: int, monkeypatch) -> None:
    one, embedding = block(kind), torch.randn(number, 16)
    x = torch.randn(number, 32, 12, 16)
    for given in (x, x.to(memory_format=torch.channels_last)):
        found = outcome(lambda h: one(h, embedding), given)
        wanted = usual(monkeypatch, lambda h: one(h, embedding), given)
        assert all(torch.equal(*pair) for pair in zip(found, wanted, strict=True))


@pytest.mark.parametrize("stride", [1, 2])
def test_a_convolution_is_torchs_in_bfloat16_too(stride: int, monkeypatch) -> None:
    layer = filled(Convolution(8, 12, 3, padding=1, stride=stride))
    x = torch.randn(2, 8, 10, 14)

    def half(h: Tensor) -> Tensor:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return layer(h)

    for call in (layer, half):
        found, wanted = outcome(call, x), usual(monkeypatch, call, x)
        assert found[0].dtype == wanted[0].dtype
        assert all(torch.equal(*pair) for pair in zip(found, wanted, strict=True))


def test_less_is_kept(monkeypatch) -> None:
    """Of a block's features, x and the first convolution's output, not the six that torch keeps."""
    one, embedding = block("plain"), torch.randn(1, 16)
    x = torch.randn(1, 32, 32, 32)
    features = x.nbytes

    def kept() -> float:
        h = x.clone().requires_grad_()
        before = Meter()
        with before:
            out = one(h, embedding)
            live = sum(before._live.values())
        del out
        return live / features

    less = kept()
    monkeypatch.setattr(frozen, "keeps_less", lambda *_: False)
    assert less <= kept() - 3.5


def test_weights_that_are_trained_have_their_gradients(monkeypatch) -> None:
    layer = Convolution(4, 4, 3, padding=1)
    x = torch.randn(1, 4, 6, 6, requires_grad=True)
    assert not keeps_less(layer.weight, x)
    layer(x).sum().backward()
    assert layer.weight.grad is not None
    norm = nn.GroupNorm(2, 4)
    computed_again(norm, norm, x).sum().backward()
    assert norm.weight.grad is not None
    with torch.no_grad():
        assert not keeps_less(layer.requires_grad_(False).weight, x)
    assert keeps_less(layer.weight, x)
    assert not keeps_less(layer.weight, x.detach())


def test_quick_gelu_is_open_clips() -> None:
    from animator.diffusion.clip_library import open_clip

    theirs = open_clip.transformer.QuickGELU()
    x = torch.randn(2, 7, 12)
    found, wanted = outcome(QuickGelu(), x), outcome(theirs, x)
    assert all(torch.equal(*pair) for pair in zip(found, wanted, strict=True))
    assert torch.equal(QuickGelu()(x), quick_gelu(x))
    network = with_quick_gelu(nn.Sequential(nn.Linear(12, 12), nn.Sequential(theirs)))
    assert isinstance(network[1][0], QuickGelu)  # type: ignore[index]
