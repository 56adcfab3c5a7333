"""Attention, and CLIP's transformers with the batch in front.

torch's own module brings its input into the order (length, batch, width) first. Where a gradient is asked
for, that order is no longer laid out in one piece, and the product with the weights becomes a small one for
each place of the sequence, each with a copy of the weights: 197 of them in ViT-B/16.
"""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

SHORT = 512
"""Longest sequence whose attention a CPU computes as products, which hold a value for each pair of places."""


def attend(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return what scaled dot-product attention gives (Vaswani et al. 2017, eq. 1).

    For short sequences torch's fused kernel on a CPU is slower than a product, a softmax and a product: two
    to three times, forwards and backwards.

    Args:
        query: N x heads x L x D.
        key: the same.
        value: the same.
        mask: L x L, added to the logits, or None.
    """
    if query.device.type != "cpu" or query.shape[-2] > SHORT:
        return F.scaled_dot_product_attention(query, key, value, attn_mask=mask)
    logits = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)
    result: Tensor = (logits if mask is None else logits + mask).softmax(dim=-1) @ value
    return result


class BatchFirstAttention(nn.Module):
    """A `torch.nn.MultiheadAttention` that computes the attention of a sequence to itself in its own order.

    Attributes:
        whole: the module itself, with the weights; it answers whatever else is asked.
    """

    def __init__(self, whole: nn.MultiheadAttention) -> None:
        super().__init__()
        self.whole = whole

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        **others: Any,
    ) -> tuple[Tensor, Tensor | None]:
        """Return what `torch.nn.MultiheadAttention.forward` does, N x L x D for N x L x D."""
        whole = self.whole
        if need_weights or others or key is not query or value is not query or query.ndim != 3:
            result: tuple[Tensor, Tensor | None] = whole(
                query, key, value, need_weights=need_weights, attn_mask=attn_mask, **others
            )
            return result
        number, length, width = query.shape
        packed = F.linear(query, whole.in_proj_weight, whole.in_proj_bias)
        split = packed.view(number, length, 3, whole.num_heads, width // whole.num_heads)
        q, k, v = split.permute(2, 0, 3, 1, 4)
        mask = None if attn_mask is None else attn_mask.to(q.dtype)
        seen = attend(q, k, v, mask)
        return whole.out_proj(seen.transpose(1, 2).reshape(number, length, width)), None


def batch_first(network: nn.Module) -> nn.Module:
    """Replace the attentions of a network that have the batch in front, in place; return the network.

    Left as they are: those with weights of their own for keys and values, and with additional keys.
    """
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.MultiheadAttention) and _is_plain(child):
                setattr(module, name, BatchFirstAttention(child))
    return network


def _is_plain(attention: nn.MultiheadAttention) -> bool:
    extra = attention.bias_k is not None or attention.add_zero_attn
    return attention.batch_first and attention.in_proj_weight is not None and not extra
