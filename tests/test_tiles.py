"""Tiles of a large picture: where they lie, how they are blended, and that no seam shows."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from animator.diffusion.kept import Layered
from animator.diffusion.tiles import Tiled, TiledLayers, in_tiles, shares, spans, tiles_of
from animator.film.requests import first_request
from tests.wiring import job

HALF = torch.full((1,), 500.0)


@pytest.mark.parametrize(("length", "side"), [(256, 192), (512, 192), (1024, 512), (320, 64), (128, 192)])
def test_tiles_cover_a_side_and_overlap(length: int, side: int) -> None:
    parts = spans(length, side)
    assert parts[0][0] == 0
    assert sum(parts[-1]) == length
    ends = [start + size for start, size in parts]
    overlaps = [end - start for end, (start, _) in zip(ends, parts[1:], strict=False)]
    assert all(overlap >= side / 3 - 8 for overlap in overlaps)
    assert all(size == min(side, length) for _, size in parts)
    weights = shares(length, parts)
    assert torch.allclose(weights.sum(dim=0), torch.ones(length))
    # Where a tile ends inside the picture it hardly counts.
    assert all(weights[n, ends[n] - 1] < 0.01 for n in range(len(parts) - 1))
    assert all(weights[n, parts[n][0]] < 0.01 for n in range(1, len(parts)))


def test_what_needs_no_neighbours_is_the_same_in_tiles() -> None:
    picture = torch.randn(2, 3, 128, 192, generator=torch.Generator().manual_seed(1))
    network = Tiled(lambda x, t: torch.tanh(x) * t.view(-1, 1, 1, 1) / 500, 64)
    assert len(tiles_of(128, 192, 64)) > 6
    assert torch.allclose(network(picture, HALF), torch.tanh(picture), atol=1e-6)


def test_no_seam_shows_where_every_tile_answers_otherwise() -> None:
    """Each tile is given another brightness: nothing jumps where one ends."""
    levels = iter(range(100))
    answer = Tiled(lambda x, t: torch.full_like(x, float(next(levels))), 64)(torch.zeros(1, 3, 64, 192), HALF)
    steps = answer[0, 0].diff(dim=1).abs()
    count = len(spans(192, 64))
    assert answer.max() == count - 1
    # Half a wave of a cosine rises by at most pi / 2 over its length, the overlap.
    assert steps.max() < 1.05 * (torch.pi / 2) / (64 / 3 - 8)


def test_activations_are_computed_again_and_gradients_are_the_same() -> None:
    calls = 0

    def network(x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return (x * 1.5).sin()

    picture = torch.randn(1, 3, 64, 128, generator=torch.Generator().manual_seed(2))
    found = []
    for recompute in (False, True):
        x = picture.clone().requires_grad_()
        Tiled(network, 64, recompute=recompute)(x, HALF).square().sum().backward()
        found.append(x.grad)
    many = len(tiles_of(64, 128, 64))
    assert calls == 3 * many
    assert torch.equal(*found)


def test_deep_features_of_each_tile_are_used_again() -> None:
    class Layers:
        def __call__(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
            return self.with_deep(x, t)[0]

        def with_deep(self, x: torch.Tensor, t: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x + x.mean(), x.mean() + torch.zeros(len(x), 5, 2, 2)

        def from_deep(self, x: torch.Tensor, t: torch.Tensor, deep: torch.Tensor) -> torch.Tensor:
            return x + deep.mean()

    network = in_tiles(Layers(), 64)
    assert isinstance(network, TiledLayers)
    assert isinstance(network, Layered)
    picture = torch.randn(1, 3, 64, 128, generator=torch.Generator().manual_seed(3))
    whole, deep = network.with_deep(picture, HALF)
    assert deep.shape == (1, len(tiles_of(64, 128, 64)), 5, 2, 2)
    assert torch.allclose(network.from_deep(picture, HALF, deep), whole, atol=1e-5)
    assert in_tiles(network, 0) is network


def test_an_engine_paints_in_tiles_what_is_asked_for(tmp_path: Path) -> None:
    one = job(tmp_path, "mode=still", "size=[128, 64]")
    request = first_request(one.loaded.timeline.row(0), one.shot, 0)
    whole, one_tile, tiled, again = (
        one.tools.engine.paint(replace(request, tiles=side)) for side in (0, 128, 64, 64)
    )
    assert torch.equal(whole, one_tile)
    assert not torch.equal(whole, tiled)
    assert torch.equal(tiled, again)
