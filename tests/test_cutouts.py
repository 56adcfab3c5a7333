"""What the perceptors see: the geometry of cuts against torch's own resizing, colours and chances."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.cutouts import GREY, CutSettings, inner_squares, make_cuts, resampling_matrix
from tests.golden_files import load_json, load_npz


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def picture(height: int = 96, width: int = 128, number: int = 1) -> Tensor:
    return torch.rand(number, 3, height, width, generator=generator(7))


def plain(overview: int = 0, innercut: int = 0, **settings: float) -> CutSettings:
    return CutSettings(overview, innercut, skip_augs=True, **settings)


def is_grey(cuts: Tensor) -> list[bool]:
    return [bool((cut.std(dim=0) < 1e-5).all()) for cut in cuts]


@pytest.mark.parametrize(
    ("height", "width", "size"), [(96, 128, 64), (128, 96, 32), (64, 64, 64), (48, 80, 112)]
)
def test_overview_is_the_whole_picture_on_black(height, width, size):
    image = picture(height, width, number=2)
    found = make_cuts(image, size, plain(overview=1), generator())

    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = F.pad(image, (left, side - width - left, top, side - height - top))
    black = side  # as much again on every side, so that the kernel meets black beyond the square
    whole = F.interpolate(F.pad(square, (black,) * 4), (3 * size, 3 * size), mode="bicubic", antialias=True)
    torch.testing.assert_close(found, whole[..., size : 2 * size, size : 2 * size], rtol=0, atol=3e-5)


def test_overview_cuts_are_plain_grey_mirrored_and_both():
    cuts = make_cuts(picture(), 32, plain(overview=4), generator())
    torch.testing.assert_close(cuts[2], cuts[0].flip(-1))
    torch.testing.assert_close(cuts[3], cuts[1].flip(-1))
    luminance = (cuts[0] * torch.tensor(GREY).view(3, 1, 1)).sum(dim=0)
    torch.testing.assert_close(cuts[1], luminance.expand(3, -1, -1))
    assert is_grey(cuts) == [False, True, False, True]
    for fewer in (1, 2, 3):
        torch.testing.assert_close(make_cuts(picture(), 32, plain(overview=fewer), generator()), cuts[:fewer])
    many = make_cuts(picture(), 32, plain(overview=6), generator())
    torch.testing.assert_close(many, cuts[:1].expand(6, -1, -1, -1))


@pytest.mark.parametrize("ic_pow", [0.5, 1.0, 8.0])
def test_inner_cuts_are_torchs_crops_resized(ic_pow):
    image = picture(number=2)
    cuts = make_cuts(image, 48, plain(innercut=5, ic_pow=ic_pow), generator(3))
    squares = inner_squares((96, 128), 48, 5, ic_pow, generator(3))
    for number, (side, top, left) in enumerate(
        zip(*(values.int().tolist() for values in squares), strict=True)
    ):
        crop = image[..., top : top + side, left : left + side]
        expected = F.interpolate(crop, (48, 48), mode="bicubic", antialias=True)
        torch.testing.assert_close(cuts[2 * number : 2 * number + 2], expected, rtol=0, atol=3e-5)


def test_golden_cuts_come_first_of_all_pictures_then_of_the_next():
    one, two = picture(number=1), picture(number=1) ** 2
    both = make_cuts(torch.cat([one, two]), 32, CutSettings(2, 3), generator(5))
    torch.testing.assert_close(both[0::2], make_cuts(one, 32, CutSettings(2, 3), generator(5)))
    torch.testing.assert_close(both[1::2], make_cuts(two, 32, CutSettings(2, 3), generator(5)))


@pytest.mark.parametrize("ic_pow", [0.5, 1.0, 3.0])
def test_sides_of_inner_cuts_follow_their_power(ic_pow):
    sides, tops, lefts = inner_squares((600, 900), 100, 20000, ic_pow, generator(1))
    assert (sides >= 100).all()
    assert (sides <= 600).all()
    assert ((tops >= 0) & (tops + sides <= 600)).all()
    assert ((lefts >= 0) & (lefts + sides <= 900)).all()
    # u**p has the mean 1 / (p + 1) and the median 2**-p; sides are floored, half a pixel on average.
    shares = (sides + 0.5 - 100) / 500
    assert shares.mean().item() == pytest.approx(1 / (ic_pow + 1), abs=0.01)
    assert shares.median().item() == pytest.approx(2**-ic_pow, abs=0.015)
    # Every place is as likely as another: the centres of the range of offsets.
    assert (tops / (601 - sides)).mean().item() == pytest.approx(0.5, abs=0.01)
    assert (lefts / (901 - sides)).mean().item() == pytest.approx(0.5, abs=0.01)


def test_inner_cuts_of_a_picture_smaller_than_the_perceptor_show_all_of_its_shorter_side():
    sides, tops, _ = inner_squares((40, 60), 224, 50, 1.0, generator())
    assert set(sides.tolist()) == {40.0}
    assert set(tops.tolist()) == {0.0}


@pytest.mark.parametrize(("share", "grey"), [(0, 0), (0.2, 1), (0.29, 1), (0.3, 2), (0.5, 3), (1, 5)])
def test_icgray_p_is_the_share_of_grey_inner_cuts(share, grey):
    cuts = make_cuts(picture(), 32, plain(overview=1, innercut=5, icgray_p=share), generator())
    assert is_grey(cuts) == [False] + [True] * grey + [False] * (5 - grey)


def test_fine_patterns_average_out_instead_of_aliasing():
    checkers = ((torch.arange(384)[:, None] + torch.arange(384)) % 2).float().expand(1, 3, -1, -1)
    cuts = make_cuts(checkers, 64, plain(overview=1, innercut=4, ic_pow=0.05), generator())
    inside = cuts[:, :, 4:-4, 4:-4]
    assert (inside - 0.5).abs().max() < 1e-3
    unfiltered = F.interpolate(checkers, (64, 64), mode="nearest")
    assert (unfiltered - 0.5).abs().max() > 0.4


@pytest.mark.slow
def test_every_cut_is_augmented_on_its_own_and_about_its_picture():
    image = F.interpolate(picture(8, 8), (64, 64), mode="bicubic").clamp(0, 1)
    cuts = make_cuts(image, 64, CutSettings(overview=200), generator(2))
    assert torch.pdist(cuts.flatten(1)).min() > 0.1
    grey = np.mean([(cut.std(dim=0).mean() < 0.03).item() for cut in cuts])  # noise leaves some colour
    assert grey == pytest.approx(0.1, abs=0.06)
    upright = F.cosine_similarity((image - 0.5).flatten(1), (cuts - 0.5).flatten(1)).numpy()
    mirrored = F.cosine_similarity((image.flip(-1) - 0.5).flatten(1), (cuts - 0.5).flatten(1)).numpy()
    assert np.mean(mirrored > upright) == pytest.approx(0.5, abs=0.12)


def test_augmentation_stays_within_its_bounds():
    even = torch.tensor([0.6, 0.4, 0.3]).view(1, 3, 1, 1).expand(1, 3, 64, 64)
    cuts = make_cuts(even, 64, CutSettings(overview=300), generator(4))
    centre = cuts[:, :, 24:40, 24:40]
    colours = centre.mean(dim=(2, 3))
    luminance, before = colours @ torch.tensor(GREY), (even[0, :, 0, 0] @ torch.tensor(GREY)).item()
    # Brightness turns it by 10 %, contrast moves it less; hue and saturation keep it.
    assert 0.85 * before < luminance.min() < 0.93 * before
    assert 1.07 * before < luminance.max() < 1.15 * before
    residue = (centre - colours[:, :, None, None]).std()
    assert residue.item() == pytest.approx(0.01 * 3**0.5, rel=0.1)
    corners = cuts[:, :, 0, 0].mean(dim=1)
    assert (corners < 0.1).float().mean() > 0.3  # turned or shifted away, black


def test_gradients_reach_every_pixel_and_are_right():
    image = picture(24, 32).double().float().requires_grad_()
    cuts = make_cuts(image, 16, CutSettings(2, 2), generator(1))
    weights = torch.randn(cuts.shape, generator=generator(2))
    gradient = torch.autograd.grad((cuts * weights).sum(), image)[0]
    assert (gradient != 0).all()
    # The cuts are affine in the picture, so a finite difference is exact up to rounding.
    direction = torch.randn(image.shape, generator=generator(3))
    moved = make_cuts(image + direction, 16, CutSettings(2, 2), generator(1))
    torch.testing.assert_close(
        ((moved - cuts) * weights).sum(), (gradient * direction).sum(), rtol=1e-3, atol=1e-3
    )


def test_randomness_comes_from_the_generator_alone():
    first = make_cuts(picture(), 32, CutSettings(2, 4), generator(1))
    torch.manual_seed(99)
    assert torch.equal(first, make_cuts(picture(), 32, CutSettings(2, 4), generator(1)))
    assert not torch.equal(first, make_cuts(picture(), 32, CutSettings(2, 4), generator(2)))


@pytest.mark.parametrize(("overview", "innercut"), [(0, 0), (-1, 3), (2, -1)])
def test_impossible_numbers_of_cuts_are_refused(overview, innercut):
    with pytest.raises(ValueError, match="cannot make"):
        make_cuts(picture(), 32, CutSettings(overview, innercut), generator())


def test_rows_of_a_resampling_matrix_are_averages():
    spans = torch.tensor([0.0, 5.0]), torch.tensor([40.0, 11.0])
    cropped = resampling_matrix(*spans, 40, 16)
    torch.testing.assert_close(cropped.sum(dim=-1), torch.ones(2, 16))
    assert cropped[1, :, :5].abs().max() == 0 == cropped[1, :, 16:].abs().max()
    bordered = resampling_matrix(*spans, 40, 16, pad=8)
    assert bordered[0].sum(dim=-1).min() < 0.99


@pytest.mark.parametrize("case", load_json("guidance")["cases"], ids=lambda case: str(case["case"]))
def test_golden_cuts_are_those_of_their_first_one(case):
    """The figures hold no clean picture, but every other cut follows from the plain one."""
    golden = torch.from_numpy(load_npz("guidance")[f"{case['case']}/cuts"])
    again = make_cuts(golden[:1], golden.shape[-1], plain(overview=case["cut_overview"]), generator())
    torch.testing.assert_close(again, golden, rtol=0, atol=1e-5)
