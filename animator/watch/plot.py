"""The plot of all losses of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from animator.system.figures import png_of
from animator.watch.losses import in_order, shares_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NAMED = 24
"""Pictures that the legend names one by one; more of them are distinguished by a colour bar."""

STEEP = 50.0
"""Ratio of the largest to the smallest value from which a panel's axis is logarithmic."""

DPI = 100
WIDTH, HEIGHT = 14.0, 9.0
"""Size of the plot in inches; it becomes higher where more than `ROWS` rows of panels need it."""

ROWS = 4

GOLDEN = (5**0.5 - 1) / 2
"""The golden section: its multiples, taken modulo 1, fill the range evenly."""


def loss_plot(tables: Mapping[int, pd.DataFrame], pulls: Mapping[int, pd.DataFrame] | None = None) -> bytes:
    """Return `loss_figure` as a PNG."""
    return png_of(lambda: loss_figure(tables, pulls))


def loss_figure(
    tables: Mapping[int, pd.DataFrame], pulls: Mapping[int, pd.DataFrame] | None = None
) -> Figure:
    """Return a figure with a panel a loss and in it a line a picture, over the share of the diffusion.

    Args:
        tables: losses by picture, at least one, see `animator.watch.losses.read_tables`.
        pulls: sizes of their gradients by picture; with them a last panel shows each loss's share.
    """
    # Imported here because it takes a good part of a second; pyplot is not, since it keeps global state.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    names = in_order(name for table in tables.values() for name in table.columns)
    panels = len(names) + bool(pulls)
    columns = 1 if panels <= 2 else 2 if panels <= 8 else 3
    rows = -(-panels // columns)
    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)
    figure = Figure(figsize=(WIDTH, HEIGHT * max(1, rows / ROWS)), dpi=DPI, layout=layout)
    FigureCanvasAgg(figure)
    figure.suptitle(_title(tables), fontsize=15)
    figure.supxlabel("share of the diffusion", fontsize=11)
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    colours = _Colours(list(tables))
    for number, (name, panel) in enumerate(zip(names, axes, strict=False)):
        _draw(panel, name, tables, colours)
        panel.tick_params(labelbottom=number + columns >= panels)
    if pulls:
        _draw_shares(axes[len(names)], shares_of(pulls))
    for empty in axes[panels:]:
        empty.remove()
    colours.explain(figure, axes[:panels])
    return figure


class _Colours:
    """The colour of each picture's lines, and the legend."""

    def __init__(self, pictures: Sequence[int]) -> None:
        import matplotlib
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        self._pictures = pictures
        self.crowded = len(pictures) > NAMED
        self._scale = ScalarMappable(Normalize(min(pictures), max(pictures)), "turbo")
        if len(pictures) <= 10:
            chosen = matplotlib.colormaps["tab10"](np.arange(len(pictures)))
        else:
            chosen = self._scale.to_rgba(np.array(pictures))
        rows = [(float(red), float(green), float(blue)) for red, green, blue, _ in np.asarray(chosen)]
        self._by_picture = dict(zip(pictures, rows, strict=True))

    def __getitem__(self, picture: int) -> tuple[float, float, float]:
        return self._by_picture[picture]

    def explain(self, figure: Figure, panels: Sequence[Axes]) -> None:
        """Put a colour bar or a legend beside the panels; one picture alone is named in the title."""
        from matplotlib.lines import Line2D
        from matplotlib.ticker import MaxNLocator

        if self.crowded:
            whole = MaxNLocator(integer=True)
            figure.colorbar(self._scale, ax=panels, label="picture", ticks=whole, aspect=40, pad=0.01)
        elif len(self._pictures) > 1:
            lines = [Line2D([], [], color=self[picture], linewidth=2.5) for picture in self._pictures]
            names = [str(picture) for picture in self._pictures]
            figure.legend(lines, names, loc="outside right upper", title="picture", frameon=False)


def _title(tables: Mapping[int, pd.DataFrame]) -> str:
    whose = f"picture {next(iter(tables))}" if len(tables) == 1 else f"{len(tables)} pictures"
    return f"Losses of {whose}, each times its scale"


def _spread(item: tuple[int, pd.DataFrame]) -> float:
    """Return a place in the order of drawing that leaves neighbours far apart.

    Drawn by their numbers, the last of many pictures would hide the first.
    """
    return item[0] * GOLDEN % 1


def _draw(panel: Axes, name: str, tables: Mapping[int, pd.DataFrame], colours: _Colours) -> None:
    """Draw one loss of all pictures."""
    from matplotlib.collections import LineCollection
    from matplotlib.ticker import PercentFormatter, StrMethodFormatter

    lines = {
        picture: np.column_stack([table.index / table.index.max(), table[name]])
        for picture, table in sorted(tables.items(), key=_spread)
        if name in table
    }
    values = np.concatenate([line[:, 1] for line in lines.values()])
    values = values[np.isfinite(values)]
    if values.size and values.min() > 0 and values.max() / values.min() >= STEEP:
        panel.set_yscale("log")
    else:
        panel.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    width, opacity = (0.8, max(0.25, min(0.8, 40 / len(tables)))) if colours.crowded else (1.6, 0.9)
    panel.add_collection(
        LineCollection(
            list(lines.values()),
            colors=[colours[picture] for picture in lines],
            linewidths=width,
            alpha=opacity,
        )
    )
    for picture, line in lines.items():
        if np.isfinite(line[:, 1]).sum() == 1:  # a line of one point would not be seen
            panel.plot(line[:, 0], line[:, 1], ".", color=colours[picture])
    panel.autoscale_view()
    panel.set_xlim(0, 1)
    panel.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    panel.set_title(name, fontsize=11, loc="left")
    panel.grid(alpha=0.3, linewidth=0.6)
    panel.spines[["top", "right"]].set_visible(False)


def _draw_shares(panel: Axes, shares: pd.DataFrame) -> None:
    """Draw the share of each loss in the gradient, one on another."""
    from matplotlib.ticker import PercentFormatter

    names = list(shares.columns)
    panel.stackplot(shares.index, shares.fillna(0.0).to_numpy().T, labels=names, alpha=0.85)
    panel.legend(loc="lower left", fontsize=8, framealpha=0.8)
    panel.set_xlim(0, 1)
    panel.set_ylim(0, 1)
    for axis in (panel.xaxis, panel.yaxis):
        axis.set_major_formatter(PercentFormatter(1, decimals=0))
    panel.set_title("share of the gradient on the picture, on average", fontsize=11, loc="left")
    panel.spines[["top", "right"]].set_visible(False)
