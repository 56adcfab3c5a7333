"""Plots do not obey the matplotlibrc of whoever draws them."""

from __future__ import annotations

import struct

import matplotlib
import pandas
import pytest

from animator.look.plot import plot
from animator.system.figures import png_of
from animator.watch.plot import loss_plot

UNUSABLE = {"text.usetex": True, "savefig.dpi": 3000, "axes.facecolor": "red", "lines.linewidth": 40}


def size_of(png: bytes) -> tuple[int, int]:
    return struct.unpack(">II", png[16:24])


@pytest.mark.slow
def test_a_plot_is_the_same_under_any_matplotlibrc(read) -> None:
    scene = read("mode: 2d\nframes: 8\nprompts: a sea\nseed: 1\ncamera: {angle: '0: (0), 7: (9)'}\n")
    plain = plot(scene)
    with matplotlib.rc_context(UNUSABLE):
        assert plot(scene) == plain


@pytest.mark.slow
def test_losses_are_drawn_the_same_under_any_matplotlibrc() -> None:
    tables = {0: pandas.DataFrame({"tv": [3.0, 2.0, 1.0]})}
    plain = loss_plot(tables)
    assert max(size_of(plain)) < 3000
    with matplotlib.rc_context(UNUSABLE):
        assert loss_plot(tables) == plain


def test_what_the_user_set_holds_again_afterwards() -> None:
    from matplotlib.figure import Figure

    with matplotlib.rc_context({"lines.linewidth": 40}):
        png_of(Figure)
        assert matplotlib.rcParams["lines.linewidth"] == 40
