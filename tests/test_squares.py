"""Where inner cuts lie, how large they are, and the map of where they fell."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from animator.diffusion import cutouts, disco_cuts
from animator.diffusion.cutouts import CutSettings, make_cuts
from animator.diffusion.looked import looked_at
from animator.diffusion.squares import inner_squares, squares_of
from animator.types import PaintStep
from animator.watch import Watch
from animator.watch.looked import NEVER, LookedRecord
from tests.pretended import Diffusion, names, output, picture

SHAPE, SIZE = (768, 1280), 224


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def steps(count, cuts=12, ic_pow=10.0, shape=SHAPE, **how):
    """Return what some steps looked at, steps x H / 8 x W / 8, and the sides of all cuts."""
    source, found, sides = generator(), [], []
    for _ in range(count):
        seen = torch.zeros(shape[0] // 8, shape[1] // 8)
        squares = inner_squares(shape, SIZE, cuts, ic_pow, source, **how)
        for side, top, left in zip(*(values.int().tolist() for values in squares), strict=True):
            seen[round(top / 8) : round((top + side) / 8), round(left / 8) : round((left + side) / 8)] += 1
        found.append(seen)
        sides.append(squares[0])
    return torch.stack(found), torch.cat(sides)


@pytest.mark.slow
def test_stratified_squares_look_everywhere_alike():
    (random, _), (apart, sides) = (steps(150, **how) for how in ({}, {"stratified": True}))
    unseen = [float((looks == 0).float().mean()) for looks in (random, apart)]
    assert unseen[0] == pytest.approx(0.42, abs=0.02)
    assert unseen[1] < 0.13
    corner = [float((looks[:, 0, 0] > 0).float().mean()) for looks in (random, apart)]
    assert corner[0] < 0.02
    assert corner[1] > 0.35
    spread = [float(looks.mean(dim=0).std() / looks.mean()) for looks in (random, apart)]
    assert spread[1] < 0.35 * spread[0]
    # Sides are those of the power law, more evenly drawn.
    assert float(sides.mean()) == pytest.approx(224 + 544 / 11, rel=0.02)


@pytest.mark.slow
def test_sides_vary_more():
    power, varied = (steps(40, stratified=how, varied=how)[1] for how in (False, True))
    assert float(varied.std()) > 1.15 * float(power.std())
    assert float((varied > 500).float().mean()) > 1.3 * float((power > 500).float().mean())
    assert int(varied.min()) >= 224
    assert int(varied.max()) <= 768
    # Every power of 1 is 1, and nothing more is drawn.
    one, other = (inner_squares(SHAPE, SIZE, 8, 1.0, generator(3), varied=how) for how in (False, True))
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("shape", [(64, 64), (40, 60), (300, 200)])
@pytest.mark.parametrize("count", [0, 1, 7])
def test_every_square_lies_inside(shape, count):
    for seed in range(4):
        found = inner_squares(shape, 48, count, 3.0, generator(seed), stratified=True, varied=True)
        sides, tops, lefts = found
        assert [len(values) for values in found] == [count] * 3
        assert bool((tops >= 0).all() and (lefts >= 0).all())
        assert bool((tops + sides <= shape[0]).all() and (lefts + sides <= shape[1]).all())
        assert all(bool((values == values.round()).all()) for values in found)
        again = inner_squares(shape, 48, count, 3.0, generator(seed), stratified=True, varied=True)
        assert all(torch.equal(a, b) for a, b in zip(found, again, strict=True))


@pytest.mark.parametrize("make", [make_cuts, disco_cuts.make_disco_cuts])
@pytest.mark.parametrize("how", [{}, {"stratified": True}, {"varied": True}, {"even": True}])
def test_the_map_is_of_the_squares_that_are_cut(make, how, monkeypatch):
    settings = CutSettings(overview=2, innercut=3, ic_pow=2.0, **how)
    if make is not make_cuts:
        settings = CutSettings(overview=2, innercut=3, ic_pow=2.0, **{**how, "even": False})
    drawn = []

    def noting(shape, size, asked, source):
        drawn.append(squares_of(shape, size, asked, source))
        return drawn[-1]

    for module in (cutouts, disco_cuts):
        monkeypatch.setattr(module, "squares_of", noting)
    source = generator(5)
    before = source.get_state()
    seen = looked_at((60, 90), 16, settings, [source])
    assert torch.equal(source.get_state(), before)
    make(torch.rand(1, 3, 60, 90, generator=generator()), 16, settings, source)
    wanted = torch.zeros(60, 90, dtype=torch.int32)
    for side, top, left in zip(*(values.int().tolist() for values in drawn[0]), strict=True):
        wanted[top : top + side, left : left + side] += 1
    assert torch.equal(seen[0], wanted)


def step_of(done, looked):
    return PaintStep(done, 2, list, looked={"ViT-B-32": torch.tensor(looked, dtype=torch.int32)})


def test_a_map_marks_what_was_never_looked_at():
    record = LookedRecord()
    first = [[[1, 0, 0, 0]], [[1, 1, 0, 0]]]
    second = [[[1, 1, 0, 0]], [[2, 2, 1, 1]]]
    steps_ = [step_of(1, first), step_of(2, second)]
    for one in (*steps_, steps_[-1]):  # the last asked for no gradient of its own
        record.add(one)
    one, other = (record.maps(number)["ViT-B-32"] for number in (0, 1))
    assert one.shape[1] >= 4
    assert (one[-1, :4] == NEVER).all(axis=1).tolist() == [False, False, True, True]
    assert not (other[-1, :4] == NEVER).all(axis=1).any()
    assert not LookedRecord().maps(0)


def test_maps_are_kept_beside_the_cuts(tmp_path):
    looked = torch.zeros(1, 32, 48, dtype=torch.int32)
    looked[0, 8:24, 8:24] = 3

    class Looking(Diffusion):
        def step(self, done):
            plain = super().step(done)
            return PaintStep(plain.done, plain.total, plain.pictures, looked={"pocket": looked * done})

    Looking().run(Watch(tmp_path, output(show_cuts=True), fps=12), frames=[4])
    assert names(tmp_path / "cuts") == ["000004_looked_pocket.png"]
    shown = picture(tmp_path / "cuts" / "000004_looked_pocket.png")
    assert np.mean((shown[-32:, :48] == NEVER).all(axis=2)) == pytest.approx(1 - 256 / (32 * 48))
    Looking().run(Watch(tmp_path / "none", output(show_cuts=False), fps=12))
    assert not (tmp_path / "none").exists()
