"""The depth networks of transformers on a processor, in fewer and faster operations.

What takes the place of a part gives the same figures up to rounding. Asked to compute in bfloat16, products
and convolutions round to it, while norms, the sums that each layer adds to, what is between convolutions, and
the last of these stay float32.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAST_ROWS = 16
"""Products of fewer rows than that take weights as they are."""


def lean(network: nn.Module, dtype: torch.dtype, *, pack: bool = True) -> nn.Module:
    """Replace the slow parts of a frozen network by faster ones, in place; return it.

    Args:
        network: DPT, Depth Anything or ZoeDepth of transformers, on a CPU, in evaluation mode.
        dtype: in which products and convolutions are computed, float32 or bfloat16.
        pack: whether weights may be laid out as the products read them; not where they have no numbers.
    """
    neck: Any = network.neck
    head: Any = getattr(network, "relative_head", None) or network.head
    _replace(neck, lambda part: type(part) is nn.Linear, Readout)
    _replace(neck, lambda part: type(part).__name__.endswith("FeatureFusionLayer"), Fusion)
    _replace(neck, lambda part: isinstance(part, nn.ConvTranspose2d), Enlarging)
    _replace(network, lambda part: type(part).__name__ == "GELUActivation", lambda _: InPlaceGelu())
    *inner, _last = [part for one in (neck, head) for part in one.modules() if isinstance(part, nn.Conv2d)]
    for one in (neck, head):
        _replace(one, lambda part: part in inner, lambda part: Convolution(part, dtype))
    _replace(network, lambda part: type(part) is nn.Linear, lambda part: Product(part, dtype, pack))
    return network


def _replace(whole: nn.Module, wanted: Callable[[Any], bool], make: Callable[[Any], nn.Module]) -> None:
    for module in list(whole.modules()):
        for name, part in list(module.named_children()):
            if wanted(part):
                setattr(module, name, make(part))


class Product(nn.Module):
    """A linear layer. It answers in its own number format.

    Its weights are laid out, once, as the library's products read them, which otherwise do it at every call:
    a sixth of the time for the 433 rows of a picture in DPT-Large. They are not kept beside that.

    Args:
        layer: the layer; its weights are taken over.
        dtype: in which it computes.
        pack: whether to lay them out.
    """

    def __init__(self, layer: nn.Linear, dtype: torch.dtype, pack: bool) -> None:
        super().__init__()
        self.weight: nn.Parameter | None = _frozen(layer.weight.to(dtype))
        self.bias = None if layer.bias is None else _frozen(layer.bias.to(dtype))
        self._dtype, self._shape = dtype, layer.weight.shape
        self._pack = pack and _packs(dtype)
        self._packed: Tensor | None = None
        self._rows = 0

    def forward(self, x: Tensor) -> Tensor:
        """Return the product of the rows of a tensor with the weights, and the bias."""
        x = x.to(self._dtype)
        rows = x.numel() // x.shape[-1]
        if self._packed is None and self._pack and rows >= LEAST_ROWS:
            reorder = torch.ops.mkl if self._dtype == torch.float32 else torch.ops.mkldnn
            name = "_mkl_reorder_linear_weight" if self._dtype == torch.float32 else "_reorder_linear_weight"
            self._packed, self._rows = getattr(reorder, name)(self.weight, rows), rows
            self.weight = None
        if self._packed is None:
            assert self.weight is not None
            return F.linear(x, self.weight, self.bias)
        if self._dtype != torch.float32:
            result: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._packed, self.bias, "none", [], "")
            return result
        flat = x.reshape(rows, -1)
        if spare := -rows % self._rows:  # they are laid out for one number of rows: others are brought to it
            flat = F.pad(flat, (0, 0, 0, spare))
        like = x.new_empty(1).expand(self._shape)  # is asked for its shape alone
        made = [
            torch.ops.mkl._mkl_linear(some, self._packed, like, self.bias, self._rows)
            for some in flat.split(self._rows)
        ]
        whole = (made[0] if len(made) == 1 else torch.cat(made))[:rows]
        return whole.view(*x.shape[:-1], -1)


def _packs(dtype: torch.dtype) -> bool:
    """Return whether the installed torch lays out weights in a number format."""
    if dtype == torch.float32:
        return torch.backends.mkl.is_available() and hasattr(torch.ops.mkl, "_mkl_linear")
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


class Convolution(nn.Module):
    """A convolution whose weights have the channels last, as its results then do. It answers in float32."""

    def __init__(self, layer: nn.Conv2d, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = _frozen(layer.weight.to(dtype, memory_format=torch.channels_last))
        self.bias = None if layer.bias is None else _frozen(layer.bias.to(dtype))
        self._how: Any = layer.stride, layer.padding

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolution of pictures of any format."""
        return F.conv2d(x.to(self.weight.dtype), self.weight, self.bias, *self._how).float()


class Fusion(nn.Module):
    """A fusion layer that projects before it enlarges, on a quarter of the pixels.

    The projection mixes channels, enlarging mixes pixels with shares that add up to 1: the order is the same.

    Args:
        layer: a fusion layer of any of the families.
    """

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.residual_layer1, self.residual_layer2 = layer.residual_layer1, layer.residual_layer2
        self.projection = layer.projection

    def forward(self, x: Tensor, residual: Tensor | None = None, size: Any = None) -> Tensor:
        """Return features of twice the height and width, or of a size.

        Args:
            x: features of the deeper level, N x C x H x W.
            residual: those of this level, or None at the deepest.
            size: height and width that the next level has, or None.
        """
        if residual is not None:
            if x.shape != residual.shape:
                residual = F.interpolate(residual, x.shape[2:], mode="bilinear", align_corners=False)
            x = x + self.residual_layer1(residual)
        x = self.projection(self.residual_layer2(x))
        scale = 2 if size is None else None
        return F.interpolate(x, size, scale, mode="bilinear", align_corners=True)


class Enlarging(nn.Module):
    """A transposed convolution whose squares do not overlap: a product, its results set side by side.

    Args:
        layer: its kernel is as large as its stride.
    """

    def __init__(self, layer: nn.ConvTranspose2d) -> None:
        super().__init__()
        channels, made, side, _ = layer.weight.shape
        self._side = side
        self.product = nn.Linear(1, 1, bias=layer.bias is not None, device="meta")
        self.product.weight = _frozen(layer.weight.permute(2, 3, 1, 0).reshape(side * side * made, channels))
        if layer.bias is not None:
            self.product.bias = _frozen(layer.bias.repeat(side * side))

    def forward(self, x: Tensor) -> Tensor:
        """Return pictures of ``side`` times the height and width, the channels last."""
        side, (number, _, height, width) = self._side, x.shape
        squares = self.product(x.permute(0, 2, 3, 1)).view(number, height, width, side, side, -1)
        laid = squares.transpose(2, 3).reshape(number, height * side, width * side, -1)
        enlarged: Tensor = laid.permute(0, 3, 1, 2)
        return enlarged


class Readout(nn.Module):
    """The product of each patch with the token of the whole picture behind it, which is computed once.

    Args:
        layer: its inputs are the patch's features and then as many of the whole picture's.
    """

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        width = layer.in_features // 2
        self.patch = nn.Linear(1, 1, bias=False, device="meta")
        self.whole = nn.Linear(1, 1, device="meta")
        patch, whole = layer.weight.split(width, dim=1)
        self.patch.weight, self.whole.weight = _frozen(patch.contiguous()), _frozen(whole.contiguous())
        self.whole.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:
        """Return N x L x C for N x L x 2C."""
        patch, whole = x.chunk(2, dim=-1)
        result: Tensor = self.patch(patch) + self.whole(whole[:, :1])
        return result


class InPlaceGelu(nn.Module):
    """GELU, written over what it is given: nobody else reads that here."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the same tensor."""
        result: Tensor = torch.ops.aten.gelu_(x)
        return result


def _frozen(values: Tensor) -> nn.Parameter:
    return nn.Parameter(values, requires_grad=False)
