from __future__ import annotations

import pytest
import torch

from animator.diffusion.perlin import COLOURED, perlin_picture
from tests.golden_files import load_npz


def draw(width: int, height: int, mode, seed: int = 1) -> torch.Tensor:
    return perlin_picture(width, height, mode, torch.Generator().manual_seed(seed))


@pytest.mark.slow
@pytest.mark.parametrize("mode", sorted(COLOURED))
def test_golden_clouds(mode):
    """The mean is 2e-5; single pixels fall on the other side of a level."""
    figures = load_npz("perlin")
    expected = torch.from_numpy(figures[mode])[0]
    found = draw(expected.shape[2], expected.shape[1], mode, int(figures["seed"])) * 2 - 1
    difference = (found - expected).abs()
    assert difference.mean() < 3e-4
    assert difference.max() < 0.02


@pytest.mark.slow
def test_what_a_mode_makes():
    gray, mixed, color = (draw(48, 32, mode) for mode in ("gray", "mixed", "color"))
    assert torch.equal(gray[0], gray[1])
    assert torch.equal(gray[0], gray[2])
    assert 0 < (mixed[0] - mixed[2]).std() < (color[0] - color[2]).std()


@pytest.mark.slow
def test_a_picture_is_its_generators():
    assert torch.equal(draw(48, 32, "gray"), draw(48, 32, "gray"))
    assert not torch.equal(draw(48, 32, "gray"), draw(48, 32, "gray", seed=2))


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 300), (65, 3), (1100, 40)])
def test_any_size(width, height):
    """Also larger than the finer noise is drawn, 1024 pixels, and without contrast: a single pixel."""
    picture = draw(width, height, "gray")
    assert picture.shape == (3, height, width)
    assert picture.dtype == torch.float32
    assert picture.is_contiguous()
    assert 0 <= picture.min() <= picture.max() <= 1
    if width * height == 1:
        assert 0 < picture.min() < 1
    else:
        assert picture.max() - picture.min() > 0.5
