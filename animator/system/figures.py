"""Figures that look the same for everybody."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def png_of(drawn: Callable[[], Figure]) -> bytes:
    """Return a figure as a PNG, drawn under matplotlib's own defaults.

    A user's ``matplotlibrc`` is not read: with ``text.usetex`` a plot needs LaTeX, with ``savefig.dpi: 3000``
    it has more pixels than memory holds.

    Args:
        drawn: makes the figure.
    """
    from matplotlib.style import context  # takes a good part of a second

    file = io.BytesIO()
    with context("default"):
        # The version of the library is left out: the same figure gives the same bytes for longer.
        drawn().savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()
