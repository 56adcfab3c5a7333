"""Each augmentation of a cut seen by its own effect, as far as it says.

Statistics over several hundred cuts of pictures on which one augmentation can be told from the others.
"""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from animator.diffusion.cutouts import GREY, CutSettings, inner_squares, make_cuts

SIZE = 32
LUMINANCE = torch.tensor(GREY)


def cuts_of(picture: Tensor, count: int = 400, **settings) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return make_cuts(picture[None], SIZE, CutSettings(overview=count, **settings), generator)


def even(red: float, green: float, blue: float) -> Tensor:
    return torch.tensor([red, green, blue]).view(3, 1, 1).expand(3, SIZE, SIZE)


def centres(cuts: Tensor) -> Tensor:
    """Return the mean colour of the middle of each cut, where no black comes in; the noise averages out."""
    return cuts[:, :, 8:-8, 8:-8].mean(dim=(2, 3))


def spot() -> Tensor:
    """A soft grey spot in the middle of black."""
    y, x = torch.meshgrid(*(torch.arange(SIZE) - (SIZE - 1) / 2,) * 2, indexing="ij")
    return torch.exp(-(x * x + y * y) / 18).expand(3, -1, -1)


def middle(cuts: Tensor) -> tuple[Tensor, Tensor]:
    """Return where the light of each cut has its middle, across and down, in pixels from the centre."""
    light = (cuts.mean(dim=1) - 0.1).clamp(min=0)
    places = torch.arange(SIZE) - (SIZE - 1) / 2
    total = light.sum(dim=(1, 2))
    return (light.sum(dim=1) * places).sum(dim=1) / total, (light.sum(dim=2) * places).sum(dim=1) / total


def test_cuts_are_shifted_by_up_to_a_twentieth_both_ways() -> None:
    for axis in middle(cuts_of(spot())):
        assert float(axis.max()) == pytest.approx(0.05 * SIZE, abs=0.2)
        assert float(axis.min()) == pytest.approx(-0.05 * SIZE, abs=0.2)
        assert float(axis.mean()) == pytest.approx(0, abs=0.15)


def bars(cuts: Tensor) -> Tensor:
    """Return the tilt of a horizontal bar in degrees: by where its light is in the left and right half."""
    light = (cuts.mean(dim=1) - 0.1).clamp(min=0)[:, :, 4:-4]
    places = torch.arange(SIZE, dtype=torch.float32)[:, None]
    heights = (light * places).sum(dim=1) / light.sum(dim=1)
    x = torch.arange(heights.shape[1]) - (heights.shape[1] - 1) / 2
    return torch.rad2deg(torch.atan((heights * x).sum(dim=1) / (x * x).sum()))


def test_cuts_are_turned_by_up_to_ten_degrees_both_ways() -> None:
    bar = torch.zeros(3, SIZE, SIZE)
    bar[:, 14:18] = 1
    tilts = bars(cuts_of(bar))
    assert float(tilts.max()) == pytest.approx(10, abs=1)
    assert float(tilts.min()) == pytest.approx(-10, abs=1)
    assert float(tilts.mean()) == pytest.approx(0, abs=1)


def test_every_second_cut_is_mirrored() -> None:
    half = torch.zeros(3, SIZE, SIZE)
    half[:, :, SIZE // 2 :] = 1
    cuts = cuts_of(half)
    mirrored = cuts[:, :, :, : SIZE // 2].mean(dim=(1, 2, 3)) > cuts[:, :, :, SIZE // 2 :].mean(dim=(1, 2, 3))
    assert 0.4 < float(mirrored.float().mean()) < 0.6


def test_a_tenth_of_the_cuts_is_grey() -> None:
    colours = centres(cuts_of(even(0.8, 0.4, 0.2)))
    grey = (colours.amax(dim=1) - colours.amin(dim=1)) < 0.05
    assert 0.06 < float(grey.float().mean()) < 0.15
    assert not ((colours.amax(dim=1) - colours.amin(dim=1) > 0.05) & (colours.std(dim=1) < 0.1)).any()


def test_grey_cuts_of_the_settings_stay_grey() -> None:
    generator = torch.Generator().manual_seed(3)
    settings = CutSettings(overview=0, innercut=40, icgray_p=0.5)
    colours = centres(make_cuts(even(0.8, 0.4, 0.2)[None], SIZE, settings, generator))
    spread = colours.amax(dim=1) - colours.amin(dim=1)
    assert float(spread[:20].max()) < 0.05
    assert float((spread[20:] > 0.2).float().mean()) > 0.7


def test_brightness_varies_by_a_tenth() -> None:
    """Of an even picture contrast leaves the mean, hue and saturation its luminance."""
    bright = centres(cuts_of(even(0.5, 0.5, 0.5))) @ LUMINANCE / 0.5
    assert float(bright.max()) > 1.05
    assert float(bright.min()) < 0.95


def stripes() -> Tensor:
    rows = (torch.arange(SIZE) // 8 % 2).float() * 0.4 + 0.3
    return rows[:, None].expand(3, SIZE, SIZE)


def test_contrast_varies_by_a_tenth_about_the_mean() -> None:
    cuts = cuts_of(torch.full((3, SIZE, SIZE), 0.5), 600)
    # Where the border's black comes in, contrast turns about the mean of the cut, which it keeps.
    inside = centres(cuts)[:, 1]
    mean = cuts[:, 1].mean(dim=(1, 2))
    assert float((inside / mean).std()) > 0.01
    wide = cuts_of(stripes(), 600)[:, 1, 4:-4, 12:-12]
    spread = wide.std(dim=(1, 2)) / wide.mean(dim=(1, 2))
    assert float(spread.quantile(0.95) / spread.quantile(0.05)) > 1.2


def test_saturation_varies_by_a_tenth() -> None:
    colours = centres(cuts_of(even(0.6, 0.4, 0.4), 800))
    luminance = colours @ LUMINANCE
    chroma = (colours - luminance[:, None]).norm(dim=1) / luminance
    coloured = chroma[chroma > 0.05]
    alone = (even(0.6, 0.4, 0.4)[:, 0, 0] - 0.4596).norm() / 0.4596
    assert float(coloured.max() / alone) > 1.06
    assert float(coloured.min() / alone) < 0.94


def test_saturation_varies_besides_contrast() -> None:
    """What lies across the grey axis keeps its length as the hue turns.

    To the luminance it is in proportion to contrast, which varies by a tenth, and to saturation, which does
    so too.
    """
    colours = centres(cuts_of(even(0.6, 0.4, 0.4), 800))
    colour = even(0.6, 0.4, 0.4)[:, 0, 0]
    strength = (colours - colours.mean(dim=1, keepdim=True)).norm(dim=1) / (colours @ LUMINANCE)
    shares = strength / ((colour - colour.mean()).norm() / (colour @ LUMINANCE))
    coloured = shares[shares > 0.3]
    assert 1.14 < float(coloured.max()) < 1.25
    assert 0.78 < float(coloured.min()) < 0.86


def test_hue_turns_by_up_to_thirty_six_degrees_both_ways() -> None:
    colours = centres(cuts_of(even(0.7, 0.4, 0.4), 800))
    across = torch.tensor([2.0, -1.0, -1.0]) / math.sqrt(6), torch.tensor([0.0, 1.0, -1.0]) / math.sqrt(2)
    x, y = (colours @ axis for axis in across)
    turns = torch.rad2deg(torch.atan2(y, x))[(x**2 + y**2).sqrt() > 0.05]
    assert 25 < float(turns.max()) < 45
    assert -45 < float(turns.min()) < -25


def test_each_cut_has_noise_of_its_own_of_the_stated_size() -> None:
    cuts = cuts_of(even(0.5, 0.5, 0.5), 60)
    noise = cuts[:, :, 8:-8, 8:-8] - centres(cuts)[:, :, None, None]
    assert float(noise.std()) == pytest.approx(0.01 * math.sqrt(3), rel=0.1)
    alike = torch.corrcoef(noise.flatten(1))
    off = alike[~torch.eye(len(alike), dtype=torch.bool)]
    assert float(off.abs().mean()) < 0.15


def test_skip_augs_leaves_all_of_them_out() -> None:
    generator = torch.Generator().manual_seed(3)
    settings = CutSettings(overview=2, innercut=30, skip_augs=True)
    cuts = make_cuts(even(0.7, 0.4, 0.2)[None], SIZE, settings, generator)
    plain = [number for number in range(32) if number != 1]  # the second overview cut is grey
    torch.testing.assert_close(cuts[plain], even(0.7, 0.4, 0.2).expand(31, -1, -1, -1), atol=1e-5, rtol=0)


def test_inner_cuts_are_placed_across_and_down_independently() -> None:
    sides, tops, lefts = inner_squares((64, 64), 16, 500, 1.0, torch.Generator().manual_seed(1))
    room = 64 - sides
    shares = torch.stack([(tops / room.clamp(min=1)), (lefts / room.clamp(min=1))])[:, room > 8]
    assert abs(float(torch.corrcoef(shares)[0, 1])) < 0.15


def test_ic_pow_decides_how_near_inner_cuts_look() -> None:
    fine = ((torch.arange(96)[:, None] + torch.arange(96)) // 3 % 2).float().expand(3, -1, -1)

    def seen(power: float) -> float:
        settings = CutSettings(overview=0, innercut=40, ic_pow=power, skip_augs=True)
        cuts = make_cuts(fine[None], SIZE, settings, torch.Generator().manual_seed(1))
        return float(cuts.std(dim=(2, 3)).mean())

    assert seen(8.0) > 1.3 * seen(0.2)  # seen from near, the pattern does not average out
