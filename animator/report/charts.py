"""Small charts as SVG inside the page: in its colours, light and dark, and without a library to load."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from xml.etree.ElementTree import Element

import numpy as np

from animator.report.markup import tag

WIDTH, HEIGHT = 380, 150
LEFT, RIGHT, TOP, BOTTOM = 46, 10, 8, 20
"""Margins of the area in which the curve is, in the chart's units."""

COLUMNS = WIDTH - LEFT - RIGHT
"""Of a longer curve only the least and the most are drawn of each of so many parts."""


def chart(
    values: Mapping[int, float],
    end: int,
    *,
    least_span: float = 0.0,
    from_zero: bool = False,
    marks: Mapping[int, str] = MappingProxyType({}),
) -> Element:
    """Return the curve of a figure over the frames; it has a gap where there is none.

    Args:
        values: by frame, at least one; those that are not finite are gaps too.
        end: the last frame of the axis.
        least_span: what the vertical axis spans at least, so that noise does not look like a mountain.
        from_zero: whether the axis begins at 0.
        marks: frames at which something changes, with what it becomes: dashed lines.
    """
    finite = {frame: value for frame, value in values.items() if math.isfinite(value)}
    low, high = _span(list(finite.values()), least_span, from_zero)
    bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT

    def x(frame: float) -> float:
        return LEFT + frame / max(1, end) * (right - LEFT)

    def y(value: float) -> float:
        return bottom - (value - low) / (high - low) * (bottom - TOP)

    svg = tag("svg", viewBox=f"0 0 {WIDTH} {HEIGHT}", role="img", class_="chart")
    for value in ticks(low, high, 5):
        svg.append(tag("path", d=f"M{LEFT} {y(value):.1f}H{right}", class_="grid"))
        svg.append(tag("text", f"{value:g}", x=LEFT - 6, y=f"{y(value) + 3.5:.1f}", class_="left"))
    for frame in ticks(0, end, 6):
        if frame == int(frame):
            svg.append(tag("text", f"{frame:g}", x=f"{x(frame):.1f}", y=HEIGHT - 5, class_="below"))
    for frame, words in marks.items():
        if frame <= end:
            place = f"M{x(frame):.1f} {TOP}V{bottom}"
            svg.append(tag("path", tag("title", f"{frame}: {words}"), d=place, class_="change"))
    for piece in pieces(finite):
        points = [(x(frame), y(value)) for frame, value in thinned(piece, end)]
        if len(points) == 1:
            svg.append(tag("circle", cx=f"{points[0][0]:.1f}", cy=f"{points[0][1]:.1f}", r=2.5))
        else:
            line = "L".join(f"{across:.1f} {down:.1f}" for across, down in points)
            svg.append(tag("path", d=f"M{line}", class_="curve"))
    return svg


def ticks(low: float, high: float, most: int) -> list[float]:
    """Return round numbers from ``low`` to ``high``, about ``most`` of them, in steps of 1, 2 or 5.

    >>> ticks(0, 47, 6), ticks(0.21, 0.29, 5)
    ([0.0, 10.0, 20.0, 30.0, 40.0], [0.22, 0.24, 0.26, 0.28])
    """
    if not high > low:
        return [float(low)]
    rough = (high - low) / most
    ten = 10.0 ** math.floor(math.log10(rough))
    step = next(ten * round_ for round_ in (1, 2, 5, 10) if ten * round_ >= rough * 0.999)
    numbers = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return [float(f"{number * step:.10g}") for number in numbers]


def pieces(values: Mapping[int, float]) -> list[list[tuple[int, float]]]:
    """Divide a curve where frames are missing between others, at more than the usual distance of its points.

    >>> pieces({0: 1.0, 2: 1.5, 4: 2.0, 8: 1.0})
    [[(0, 1.0), (2, 1.5), (4, 2.0)], [(8, 1.0)]]
    """
    points = sorted(values.items())
    gaps = np.diff([frame for frame, _ in points])
    usual = float(np.median(gaps)) if len(gaps) else 1.0
    found = [points[:1]]
    for gap, point in zip(gaps.tolist(), points[1:], strict=True):
        if gap > 1.5 * usual:
            found.append([])
        found[-1].append(point)
    return [piece for piece in found if piece]


def thinned(points: list[tuple[int, float]], end: int) -> list[tuple[int, float]]:
    """Return the points of a curve that can be seen: of each column of the chart the least and the most."""
    if len(points) <= 2 * COLUMNS:
        return points
    columns: dict[int, list[tuple[int, float]]] = {}
    for point in points:
        columns.setdefault(point[0] * COLUMNS // max(1, end), []).append(point)
    kept = [
        {min(column, key=lambda one: one[1]), max(column, key=lambda one: one[1])}
        for column in columns.values()
    ]
    return sorted(set().union(*kept))


def _span(values: list[float], least: float, from_zero: bool) -> tuple[float, float]:
    """Return where the vertical axis begins and ends."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    if from_zero and low >= 0:
        return 0.0, max(high * 1.06, least) or 1.0
    room = max(least - (high - low), 0.12 * (high - low)) or max(abs(high) * 0.2, 1e-3)
    return low - room / 2, high + room / 2
