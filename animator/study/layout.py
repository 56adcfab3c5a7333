"""Where everything is on a page of a study's sheet, in pixels; nothing is drawn here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from animator.study.axes import Axis
from animator.study.grid import Grid, Page, Place
from animator.study.results import DONE, FAILED, Result
from animator.watch.sheet import columns_for

WIDEST = 4096
"""Pixels in width that a page has at most."""

LEAST_SIDE = 160
"""Pixels up to which small pictures are enlarged, by a whole number, so that there is room for letters."""

PAD, GAP = 20, 8
"""Pixels around everything, and between two cells."""

LETTERS = (15, 40)
"""Smallest and largest height of letters in pixels."""

PER_LETTER, PER_LETTER_OF_PAGE = 13, 105
"""Pixels of a picture's width, and of all pictures of a row, for each pixel of a letter's height: a wide page
is seen from further away."""

LINE = 1.3
"""Height of a line, in heights of its letters."""

MOST_LINES = 4
"""Of a label above a column or below a cell."""

DASH = "…"
"""Ends a text that is cut off."""

Measure = Callable[[str, int], float]
"""Returns how wide a text is in letters of a height, in pixels."""


@dataclass(frozen=True)
class Box:
    """A rectangle: its left and upper edge, width and height."""

    x: int
    y: int
    w: int
    h: int

    @property
    def right(self) -> int:
        """Its right edge."""
        return self.x + self.w

    @property
    def bottom(self) -> int:
        """Its lower edge."""
        return self.y + self.h


@dataclass(frozen=True)
class Text:
    """Lines of letters.

    Attributes:
        box: where they are.
        lines: one below another.
        size: height of the letters.
        ink: ``title``, ``axis``, ``value``, ``score``, ``best`` or ``fault``.
    """

    box: Box
    lines: tuple[str, ...]
    size: int
    ink: str


@dataclass(frozen=True)
class Tile:
    """A cell: where it is, and what."""

    box: Box
    result: Result


@dataclass
class Layout:
    """A page of the sheet.

    Attributes:
        width: of the page.
        height: of the page.
        tiles: the cells.
        texts: everything that is written.
    """

    width: int = 0
    height: int = 0
    tiles: list[Tile] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)


def layout_of(
    page: Page,
    grid: Grid,
    results: Mapping[Place, Result],
    *,
    title: str,
    foot: str,
    best: Result | None,
    measure: Measure,
) -> Layout:
    """Return the layout of a page.

    Args:
        page: which cells are on it.
        grid: of the study.
        results: what became of each cell, by its place.
        title: what the study is called.
        foot: what is said below everything.
        best: the cell with the highest score, which is marked.
        measure: measures texts.
    """
    shown = [results[place] for place in page.places]
    sheet = _Sheet(grid, shown, best, measure, tile_of(shown))
    about = " · ".join([title, *(f"{name} = {value}" for name, value in page.about)])
    if page.rows:
        sheet.matrix(page, about)
    else:
        sheet.flow(page, about)
    if foot:
        sheet.write(PAD, sheet.y + GAP, sheet.room, foot, "value", MOST_LINES)
    layout = sheet.layout
    layout.width, layout.height = sheet.right + PAD, sheet.y + PAD
    return layout


def strip_size(result: Result) -> tuple[int, int]:
    """Return the size of a cell's pictures beside one another."""
    count = max(1, len(result.pictures))
    return result.size[0] * count + (count - 1) * 2, result.size[1]


def tile_of(results: Sequence[Result]) -> tuple[int, int]:
    """Return the size in which cells are shown: of the largest of them, small ones enlarged.

    >>> from animator.study.results import Result
    >>> tile_of([Result((0,), ("1",), "a", "done", size=(64, 64))])
    (192, 192)
    """
    sizes = [strip_size(one) for one in results if one.state == DONE]
    sizes = sizes or [one.size for one in results if one.size[0]] or [(192, 128)]
    width, height = max(w for w, _ in sizes), max(h for _, h in sizes)
    times = max(1, -(-LEAST_SIDE // width))
    return width * times, height * times


def wrapped(text: str, width: float, size: int, most: int, measure: Measure) -> tuple[str, ...]:
    """Return a text in lines of a width, at blanks where there are any; what is too much is cut off."""
    lines: list[str] = []
    line = ""
    for word in text.split():
        for piece in _pieces(word, width, size, measure):
            longer = f"{line} {piece}" if line else piece
            if line and measure(longer, size) > width:
                lines.append(line)
                longer = piece
            line = longer
    lines += [line] if line else []
    if len(lines) <= most:
        return tuple(lines)
    last = lines[most - 1]
    while last and measure(f"{last}{DASH}", size) > width:
        last = last[:-1]
    return (*lines[: most - 1], f"{last.rstrip()}{DASH}")


def _pieces(word: str, width: float, size: int, measure: Measure) -> list[str]:
    """Return a word in parts that fit into a width; each has a letter at least."""
    parts = [""]
    for letter in word:
        if parts[-1] and measure(parts[-1] + letter, size) > width:
            parts.append("")
        parts[-1] += letter
    return parts


class _Sheet:
    """A page that is being laid out, from its top to its foot; ``y`` is how far it has come."""

    def __init__(
        self,
        grid: Grid,
        shown: Sequence[Result],
        best: Result | None,
        measure: Measure,
        tile: tuple[int, int],
    ) -> None:
        self.layout = Layout()
        self.grid, self.shown, self.best, self.measure = grid, shown, best, measure
        self.scored = any(one.score is not None for one in shown)
        self.tile = tile
        self.y, self.right = PAD, 0
        self.size = LETTERS[0]

    @property
    def room(self) -> int:
        """Pixels between the margins."""
        return self.right - PAD

    def _fit(self, columns: int, left: int) -> None:
        """Make the cells as small as the widest page asks, and the letters as large as they are read."""
        most = (WIDEST - 2 * PAD - left - (columns - 1) * GAP) // columns
        width, height = self.tile
        if width > most:
            self.tile = most, max(1, round(height * most / width))
        wanted = max(self.tile[0] // PER_LETTER, columns * self.tile[0] // PER_LETTER_OF_PAGE)
        # A value of eight letters fits above a column, and seven lines beside a picture.
        self.size = min(max(min(wanted, self.tile[0] // 6, self.tile[1] // 7), LETTERS[0]), LETTERS[1])

    def matrix(self, page: Page, about: str) -> None:
        """Lay out two axes: one along the rows, one down the columns."""
        across, down = self.grid.shown[:2]
        self._fit(len(page.columns), max(120, self.tile[0]))
        left = self._left(down, page)
        x = PAD + left + GAP
        self.right = max(x + len(page.columns) * (self.tile[0] + GAP) - GAP, PAD + 24 * self.size)
        self.write(PAD, self.y, self.room, about, "title", MOST_LINES, self.size * 5 // 4)
        self.y += GAP
        self.write(x, self.y, self.right - x, f"{across.title} →", "axis", 2)
        labels = [self._lines(across.values[n].label, self.tile[0]) for n in page.columns]
        high = max(len(lines) for lines in labels)
        for number, lines in enumerate(labels):
            top = self.y + (high - len(lines)) * self._line()
            self._put(x + number * (self.tile[0] + GAP), top, self.tile[0], lines, "value")
        below = self._put(PAD, self.y, left, self._lines(f"{down.title} ↓", left, 3), "axis")
        self.y = max(self.y + high * self._line(), below) + GAP // 2
        cells = iter(self.shown)
        for row in page.rows:
            lines = self._lines(down.values[row].label, left, max(1, self.tile[1] // self._line()))
            self._put(PAD, self.y, left, lines, "value")
            bottoms = [
                self._cell(x + number * (self.tile[0] + GAP), self.y, next(cells))
                for number in range(len(page.columns))
            ]
            self.y = max(bottoms) + GAP

    def flow(self, page: Page, about: str) -> None:
        """Lay out one axis: cells in a grid as square as possible, each with its value below."""
        (axis,) = self.grid.shown
        columns = min(columns_for(len(page.columns), self.tile[0], self.tile[1] + 3 * self._line()), 12)
        self._fit(columns, 0)
        self.right = max(PAD + columns * (self.tile[0] + GAP) - GAP, PAD + 24 * self.size)
        self.write(PAD, self.y, self.room, about, "title", MOST_LINES, self.size * 5 // 4)
        self.y += GAP
        self.write(PAD, self.y, self.room, axis.title, "axis", 2)
        self.y += GAP // 2
        for first in range(0, len(page.columns), columns):
            bottoms = []
            for number, column in enumerate(page.columns[first : first + columns]):
                x = PAD + number * (self.tile[0] + GAP)
                below = self._cell(x, self.y, self.shown[first + number])
                lines = self._lines(axis.values[column].label, self.tile[0])
                bottoms.append(self._put(x, below, self.tile[0], lines, "value"))
            self.y = max(bottoms) + GAP

    def _left(self, down: Axis, page: Page) -> int:
        """Return the width of the column with the names of the rows."""
        texts = [f"{down.title} ↓", *(down.values[row].label for row in page.rows)]
        widest = max(self.measure(text, self.size) for text in texts)
        return round(min(max(widest, 4 * self.size), max(12 * self.size, self.tile[0]))) + 1

    def _cell(self, x: int, y: int, result: Result) -> int:
        """Place a cell with its score; return where it ends."""
        width, height = self.tile
        self.layout.tiles.append(Tile(Box(x, y, width, height), result))
        if result.state != DONE:
            size = max(LETTERS[0] * 6 // 7, self.size * 6 // 7)
            said = f"failed: {result.reason}" if result.state == FAILED else "not painted yet"
            room = max(1, (height - 12) // round(size * LINE))
            lines = wrapped(said, width - 16, size, room, self.measure)
            ink = "fault" if result.state == FAILED else "value"
            self._put(x + 8, y + 6, width - 16, lines, ink, size)
        bottom = y + height
        if not self.scored:
            return bottom
        if result.score is not None:
            best = result is self.best
            said = f"{result.score:.3f}{' best' if best else ''}"
            self._put(x, bottom, width, (said,), "best" if best else "score")
        return bottom + self._line()

    def write(
        self, x: int, y: int, width: int, text: str, ink: str, most: int, size: int | None = None
    ) -> None:
        """Write a text over the whole width and go on below it."""
        lines = wrapped(text, width, size or self.size, most, self.measure)
        self.y = self._put(x, y, width, lines, ink, size)

    def _lines(self, text: str, width: int, most: int = MOST_LINES) -> tuple[str, ...]:
        return wrapped(text, width, self.size, most, self.measure)

    def _line(self, size: int | None = None) -> int:
        return round((size or self.size) * LINE)

    def _put(
        self, x: int, y: int, width: int, lines: tuple[str, ...], ink: str, size: int | None = None
    ) -> int:
        """Place lines of letters; return where they end."""
        size = size or self.size
        high = len(lines) * self._line(size)
        if lines:
            self.layout.texts.append(Text(Box(x, y, width, high), lines, size, ink))
        return y + high
