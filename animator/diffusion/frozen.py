"""What a network keeps for its gradient, less: its weights are frozen, and only its input is differentiated.

Between two convolutions of a residual block torch keeps three pictures of features: what goes into the norm,
what comes out of it, and what the activation hands to the convolution. The last is for the gradient of the
convolution's weights, which nobody asks for, and is not kept here; the one before is computed again from the
first. Results are the same to the last bit.

CLIP models of OpenAI's kind keep, in every layer, a sigmoid of the size of its widest features; that is
computed again, too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


class _InputGradient(torch.autograd.Function):
    """A convolution that keeps its weights and no features."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, *how: Any) -> Tensor:  # type: ignore[override]
        """Convolve; ``how`` is stride, padding, dilation and groups."""
        ctx.save_for_backward(weight)
        ctx.how, ctx.shape, ctx.last = how, x.shape, _is_channels_last(x)
        return torch.conv2d(x, weight, bias, *how)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        """Return the gradient of the input; its values have no part in it, only its shape."""
        (weight,) = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.how
        layout = torch.channels_last if ctx.last else torch.contiguous_format
        x = torch.empty(ctx.shape, dtype=weight.dtype, device=weight.device, memory_format=layout)
        mask, none = [True, False, False], [0, 0]
        found = torch.ops.aten.convolution_backward(
            slope, x, weight, None, stride, padding, dilation, False, none, groups, mask
        )
        return found[0], None, None, None, None, None, None


class Convolution(nn.Conv2d):
    """A convolution that keeps nothing of its input while its weights are frozen."""

    def forward(self, x: Tensor) -> Tensor:
        """Return what `torch.nn.Conv2d` does."""
        if not keeps_less(self.weight, x) or isinstance(self.padding, str):
            return super().forward(x)
        weight, bias, kind = self.weight, self.bias, x.device.type
        if torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
            x, weight = x.to(dtype), weight.to(dtype)
            bias = None if bias is None else bias.to(dtype)  # type: ignore[assignment]
        how = (list(one) for one in (self.stride, self.padding, self.dilation))
        with torch.autocast(kind, enabled=False):
            result: Tensor = _InputGradient.apply(x, weight, bias, *how, self.groups)  # type: ignore[no-untyped-call]
        return result


def computed_again(norm: nn.Module, call: Callable[..., Tensor], *given: Tensor) -> Tensor:
    """Return ``call(*given)``, computed once more in the backward pass instead of being kept.

    Args:
        norm: what it computes with; where its weights are trained, everything is kept as usual.
        call: cheap to compute.
        given: tensors.
    """
    if not keeps_less(next(norm.parameters()), *given):
        return call(*given)
    result: Tensor = checkpoint(call, *given, use_reentrant=False, preserve_rng_state=False)
    return result


class QuickGelu(nn.Module):
    """``x * sigmoid(1.702 x)``, of which the sigmoid is computed again and not kept."""

    def forward(self, x: Tensor) -> Tensor:
        """Return x through the activation, any shape."""
        if not torch.is_grad_enabled() or not x.requires_grad or torch.compiler.is_compiling():
            return quick_gelu(x)
        result: Tensor = checkpoint(quick_gelu, x, use_reentrant=False, preserve_rng_state=False)
        return result


def quick_gelu(x: Tensor) -> Tensor:
    """Return ``x * sigmoid(1.702 x)``, the activation of OpenAI's CLIP."""
    return x * torch.sigmoid(1.702 * x)


def with_quick_gelu(network: nn.Module) -> nn.Module:
    """Put `QuickGelu` in the place of open_clip's module of that name, everywhere in a network; return it."""
    for module in list(network.modules()):
        for name, inner in module.named_children():
            if type(inner).__name__ == "QuickGELU":
                setattr(module, name, QuickGelu())
    return network


def keeps_less(weight: Tensor, *given: Tensor) -> bool:
    """Return whether something is differentiated, but not its weights; not while it is compiled."""
    if weight.requires_grad or not torch.is_grad_enabled() or torch.compiler.is_compiling():
        return False
    return any(one.requires_grad for one in given)


def _is_channels_last(x: Tensor) -> bool:
    return x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
