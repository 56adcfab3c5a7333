"""The depth networks in fewer operations say what transformers' own say."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from animator.depth import lean as lean_module
from animator.depth import load
from animator.depth.lean import Enlarging, Fusion, Product, Readout, lean
from animator.depth.transformers_depth import build, predict_dpt
from animator.memory.depth import depth_memory
from animator.run.networks import depth_dtype
from animator.scene.reading import read_text_scene
from tests.golden_files import fill
from tests.test_depth_transformers import TINY, described, picture, tiny  # noqa: F401 (fixtures)

CPU = torch.device("cpu")


def predicted(network: Any, pixels: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        if network.config.model_type == "dpt":
            return predict_dpt(network, pixels)
        result: torch.Tensor = network(pixels).predicted_depth
        return result


def shown(kind: str) -> torch.Tensor:
    side = 14 if kind == "depth-anything" else 16
    return torch.randn(1, 3, 4 * side, 6 * side, generator=torch.Generator().manual_seed(5))


@pytest.mark.parametrize("pack", [True, False])
@pytest.mark.parametrize("kind", TINY)
def test_the_lean_network_predicts_the_same(kind: str, pack: bool, tiny) -> None:  # noqa: F811
    network, pixels = tiny(kind), shown(kind)
    expected = predicted(network, pixels)
    found = predicted(lean(copy.deepcopy(network), torch.float32, pack=pack), pixels)
    assert expected.std() > 1e-3
    assert torch.allclose(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    again = predicted(lean(network, torch.float32, pack=pack), torch.cat([pixels, pixels.flip(3)]))
    assert torch.allclose(again[:1], expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.parametrize("kind", TINY)
def test_in_bfloat16_it_stays_near(kind: str, tiny) -> None:  # noqa: F811
    network, pixels = tiny(kind), shown(kind)
    expected = predicted(network, pixels)
    found = predicted(lean(network, torch.bfloat16), pixels)
    assert found.dtype == torch.float32
    assert not torch.equal(found, expected)
    assert (found - expected).abs().mean() < 0.02 * expected.abs().mean()


def test_every_slow_part_is_replaced(tiny) -> None:  # noqa: F811
    parts = [type(part) for part in lean(tiny("large"), torch.bfloat16).modules()]
    assert (parts.count(Fusion), parts.count(Enlarging), parts.count(Readout)) == (4, 2, 4)
    # Four layers of six products, two for each readout, one for each enlarging.
    assert parts.count(Product) == 4 * 6 + 4 * 2 + 2
    # The patches' and the head's last are left as they are.
    assert parts.count(nn.Conv2d) == 2


@pytest.mark.parametrize("rows", [433, 40, 900, 1])
def test_packed_weights_serve_any_number_of_rows(rows: int) -> None:
    layer = nn.Linear(48, 24).requires_grad_(False)
    product = Product(layer, torch.float32, pack=True)
    if lean_module._packs(torch.float32):
        product(torch.randn(1, 433, 48))
        assert product.weight is None
    x = torch.randn(1, rows, 48)
    assert torch.allclose(product(x), layer(x), atol=1e-5)
    assert product(x).shape == (1, rows, 24)


SCENE = "mode: 3d\nframes: 2\nprompts: a\ndepth: {model: midas, midas_weight: 1}\ndevice: cpu\n"


@pytest.mark.parametrize(
    ("more", "dtype"),
    [
        ("", torch.float32),
        ("diffusion: {precision: float32}", torch.float32),
        ("diffusion: {precision: bfloat16}", torch.bfloat16),
        ("diffusion: {precision: bfloat16}\nguidance: {compat: disco-5}", torch.float32),
    ],
)
def test_depth_is_bfloat16_where_the_scene_says_so(more: str, dtype: torch.dtype, monkeypatch) -> None:
    monkeypatch.setattr("animator.diffusion.precision._cpu_has_bfloat16", lambda _: True)
    assert depth_dtype(read_text_scene(SCENE + more, "a.yaml").scene) == dtype


def test_a_network_is_made_lean_as_it_is_loaded(tiny, monkeypatch) -> None:  # noqa: F811
    kind = load.DepthNetwork(None, lambda *_: tiny("large"), load.NETWORKS["midas"].see, lean)
    monkeypatch.setitem(load.NETWORKS, "midas", kind)
    found = load._loaded("midas", CPU, torch.bfloat16)
    assert Fusion in [type(part) for part in found.network.modules()]  # type: ignore[attr-defined]
    plain = tiny("large")
    expected = load.NETWORKS["midas"].see(plain)(picture(64, 96))
    assert ((found(picture(64, 96)) - expected).abs() / expected).median() < 0.02


@pytest.mark.slow
def test_half_of_the_weights_is_half_of_the_memory() -> None:
    held = {}
    for precision in ("float32", "bfloat16"):
        words = [f"diffusion.precision={precision}", "depth.model=depth-anything-small"]
        scene = read_text_scene(SCENE, "a.yaml", words).scene
        ((name, held[precision]),), peak = depth_memory(scene)
        assert peak
    assert name == "depth depth-anything-small"
    assert 0.45 < held["bfloat16"] / held["float32"] < 0.6


def test_benchmarks_compare_with_the_same_network(described) -> None:  # noqa: F811
    from benchmarks.plain_depth import PlainMidas

    network = fill(build(described("large")), 3).requires_grad_(False)
    pixels = torch.randn(1, 3, 64, 96)
    expected = predict_dpt(network, pixels)
    assert torch.allclose(PlainMidas(network).predict(pixels), expected, rtol=1e-4, atol=1e-5)
