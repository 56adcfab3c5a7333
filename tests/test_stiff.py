"""Gradients at the end of a step: those of the losses while they are weak, and never beyond the minimum."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from animator.diffusion import losses
from animator.diffusion.stiff import greying, mirroring, smoothing

Gradient = Callable[[Tensor, float, float], Tensor]
Loss = Callable[[Tensor], Tensor]

KINDS: dict[str, tuple[Loss, Gradient]] = {
    "smoothing": (losses.total_variation, smoothing),
    "greying": (losses.chroma, greying),
    "mirroring": (
        lambda x: losses.asymmetry(x, True, False),
        lambda x, scale, step: mirroring(x, scale, step, True, False),
    ),
    "mirroring both ways": (
        lambda x: losses.asymmetry(x, True, True),
        lambda x, scale, step: mirroring(x, scale, step, True, True),
    ),
}
SCALES = (0.0, 10.0, 1e3, 1e4, 5e4, 1e6, 1e9)


def picture() -> Tensor:
    return torch.randn((2, 3, 12, 20), generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_step_it_is_the_gradient_of_the_loss(kind: str) -> None:
    loss, gradient = KINDS[kind]
    x = picture().requires_grad_()
    (expected,) = torch.autograd.grad(7 * loss(x).sum(), x)
    torch.testing.assert_close(gradient(x.detach(), 7.0, 0.0), expected, atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", [0.01, 1.0, 30.0])
def test_a_stronger_loss_ends_nearer_to_its_minimum_and_never_beyond(kind: str, step: float) -> None:
    loss, gradient = KINDS[kind]
    x = picture()
    ends = [x - step * gradient(x, scale, step) for scale in SCALES]
    found = torch.stack([loss(end) for end in ends])
    assert bool((found[1:] <= found[:-1] + 1e-6).all())
    assert float(found[-1].max()) < 1e-6 * float(found[0].max())
    # Never beyond: what the step leaves points the way that was to go, so that no wave changes its sign.
    for end in ends:
        assert float((gradient(x, 1.0, 0.0) * gradient(end, 1.0, 0.0)).sum()) >= -1e-6


def test_what_is_even_grey_or_symmetric_is_left_alone() -> None:
    even = torch.full((1, 3, 6, 8), 0.4)
    assert float(smoothing(even, 1e6, 1.0).abs().max()) < 1e-4
    assert float(greying(even, 1e6, 1.0).abs().max()) < 1e-4
    assert float(mirroring(even, 1e6, 1.0, True, True).abs().max()) == 0


def test_means_stay_where_they_are() -> None:
    x = picture()
    end = x - smoothing(x, 1e9, 1.0)
    torch.testing.assert_close(end.mean(dim=(2, 3)), x.mean(dim=(2, 3)), atol=1e-5, rtol=0)
    grey = x - greying(x, 1e9, 1.0)
    assert float((grey[:, 0] - grey[:, 1]).abs().max()) < 1e-3
