"""CLIP's attention with the batch in front gives what torch's own gives."""

from __future__ import annotations

import copy

import open_clip
import pytest
import torch
from torch import nn

from animator.diffusion.attention import BatchFirstAttention, batch_first
from animator.diffusion.perceptors import build_published, published
from tests.golden_files import fill


@pytest.mark.parametrize("masked", [False, True])
def test_it_answers_like_torchs_own(masked: bool) -> None:
    torch.manual_seed(0)
    whole = nn.MultiheadAttention(32, 4, batch_first=True)
    x = torch.randn(3, 7, 32, requires_grad=True)
    mask = torch.full((7, 7), float("-inf")).triu(1) if masked else None
    answers = [
        one(x, x, x, need_weights=False, attn_mask=mask)[0] for one in (whole, BatchFirstAttention(whole))
    ]
    torch.testing.assert_close(*answers)
    gradients = [torch.autograd.grad(answer.square().sum(), x)[0] for answer in answers]
    torch.testing.assert_close(*gradients)


def test_other_questions_are_answered_by_torchs_own() -> None:
    whole = nn.MultiheadAttention(16, 2, batch_first=True)
    ours, x, other = BatchFirstAttention(whole), torch.randn(2, 3, 16), torch.randn(2, 5, 16)
    torch.testing.assert_close(ours(x, other, other)[0], whole(x, other, other)[0])
    assert ours(x, x, x)[1] is not None
    odd = nn.ModuleList(
        [nn.MultiheadAttention(16, 2), nn.MultiheadAttention(16, 2, kdim=8, batch_first=True)]
    )
    assert not any(isinstance(one, BatchFirstAttention) for one in batch_first(odd).modules())


def test_a_vision_transformer_sees_the_same_and_its_products_are_large() -> None:
    cfg = copy.deepcopy(open_clip.get_model_config("ViT-B-32"))
    cfg["vision_cfg"] |= {"layers": 2, "width": 64, "head_width": 16, "image_size": 64}
    cfg["text_cfg"] |= {"layers": 1, "width": 32, "heads": 2}
    whole = fill(open_clip.CLIP(**cfg), 0)
    ours = batch_first(copy.deepcopy(whole))
    x = torch.rand(4, 3, 64, 64, requires_grad=True)
    seen = [one.encode_image(x) for one in (whole, ours)]
    torch.testing.assert_close(*seen, rtol=1e-4, atol=1e-4)
    gradients = [torch.autograd.grad(one.square().sum(), x)[0] for one in seen]
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-4)
    texts = torch.randint(1, 400, (2, 77))
    torch.testing.assert_close(ours.encode_text(texts), whole.encode_text(texts), rtol=1e-4, atol=1e-4)
    assert sum(isinstance(one, BatchFirstAttention) for one in ours.modules()) == 3
    with torch.profiler.profile(record_shapes=True) as watched:
        ours.encode_image(x)
    products = [event for event in watched.events() if event.name == "aten::bmm"]
    assert len(products) == 2 * 2, "products of more than the attention itself: two in each of two layers"


@pytest.mark.slow
def test_published_models_are_built_with_it() -> None:
    network = batch_first(build_published(published("ViT-B-32/openai").model_cfg))
    assert not any(isinstance(one, nn.MultiheadAttention) for one in _outside(network))


def _outside(network: nn.Module):
    """Yield every module that is not inside a `BatchFirstAttention`."""
    for child in network.children():
        if not isinstance(child, BatchFirstAttention):
            yield child
            yield from _outside(child)
