"""How a study is shown: the layout of the sheet, the table, and a page that is safe to open."""

from __future__ import annotations

import base64
import hashlib
import io
import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from animator.runs.png import decode_png
from animator.study.asked import Asked
from animator.study.axes import parse_axis
from animator.study.grid import Grid, Page, grid_of, pages_of
from animator.study.layout import WIDEST, Box, Layout, layout_of, strip_size, wrapped
from animator.study.page import json_in_html, page_of, policy
from animator.study.results import DONE, FAILED, MISSING, Result, best_of, count_text
from animator.study.scores import Judge
from animator.study.sheet import Letters, draw, sheets_of, strip_of
from animator.study.table import csv_of
from tests.test_report import Seen

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \"'`\u2028 é 夜"
MARKED = '<b onclick="x">a</b>'


def grid(*axes: str, at: tuple[str, ...] = ()) -> Grid:
    return grid_of(Asked(tuple(parse_axis(one, []) for one in axes), at=at))


def results(of: Grid, size: tuple[int, int] = (192, 128), **others: object) -> list[Result]:
    """Every cell done, with a picture and a score; ``others`` changes all of them."""
    found = []
    for number, place in enumerate(of.cells):
        name = f"{number:010x}"
        done = Result(
            place,
            of.labels(place),
            name,
            DONE,
            seed=7,
            score=0.5 + number / 1000,
            pictures=(f"cells/{name}/frames/000000.png",),
            size=size,
        )
        found.append(replace(done, **others))  # type: ignore[arg-type]
    return found


def measured(text: str, size: int) -> float:
    """A letter is half as wide as it is high."""
    return len(text) * size / 2


def laid_out(of: Grid, cells: list[Result], page: Page | None = None) -> Layout:
    return layout_of(
        page or pages_of(of)[0], of, {one.place: one for one in cells},
        title="castle", foot="how it is scored", best=best_of(cells), measure=measured,
    )  # fmt: skip


def overlap(one: Box, other: Box) -> bool:
    return one.x < other.right and other.x < one.right and one.y < other.bottom and other.y < one.bottom


def faults_of(layout: Layout) -> list[str]:
    """Return what is wrong with a layout: boxes that overlap or leave the page, lines too long for theirs."""
    boxes = [tile.box for tile in layout.tiles]
    inside = [text for text in layout.texts if any(overlap(text.box, box) for box in boxes)]
    # What is said of a cell without a picture is in its tile.
    apart = boxes + [text.box for text in layout.texts if text not in inside]
    found = [f"{a} and {b}" for a, b in itertools.combinations(apart, 2) if overlap(a, b)]
    for text in inside:
        inner = [box for box in boxes if overlap(text.box, box)]
        if len(inner) > 1 or text.box.bottom > inner[0].bottom or text.box.right > inner[0].right:
            found.append(f"{text} leaves its tile")
    for box in [*boxes, *(text.box for text in layout.texts)]:
        if box.x < 0 or box.y < 0 or box.right > layout.width or box.bottom > layout.height:
            found.append(f"{box} leaves the page")
    for text in layout.texts:
        found += [line for line in text.lines if measured(line, text.size) > text.box.w]
    return found


LONG = "prompts=a very long prompt about a castle on a hill at sunset with towers and banners and a moat,b"


@pytest.mark.parametrize(
    ("axes", "size", "others"),
    [
        (("guidance.clamp_max=0.05,0.1,0.2", "seed=1..3"), (192, 128), {}),
        (("guidance.clamp_max=0.01..0.5 x8", "seed=1..8"), (192, 128), {}),
        (("guidance.clamp_max=0.01..0.5 x8", "seed=1..8"), (1280, 768), {}),
        ((LONG, "seed=1..12"), (64, 64), {}),
        (("seed=1..12", LONG), (64, 128), {}),
        (("seed=1..40",), (64, 64), {}),
        ((LONG,), (192, 128), {}),
        (("seed=1..3", LONG, "diffusion.steps=5,10"), (192, 128), {}),
        (("seed=1,2", "diffusion.steps=5"), (64, 64), {"state": MISSING, "score": None, "pictures": ()}),
        (
            ("seed=1,2", "diffusion.steps=5,6"),
            (64, 64),
            {"state": FAILED, "reason": "x" * 400, "score": None, "pictures": ()},
        ),
        (("seed=1,2", "diffusion.steps=5,6"), (192, 128), {"pictures": ("a", "b", "c")}),
    ],
)
def test_nothing_overlaps_or_leaves_the_page(
    axes: tuple[str, ...], size: tuple[int, int], others: Mapping[str, object]
) -> None:
    of = grid(*axes)
    cells = results(of, size, **others)
    for page in pages_of(of):
        layout = laid_out(of, cells, page)
        assert faults_of(layout) == []
        assert layout.width <= WIDEST
        assert len(layout.tiles) == len(page.places)
        least = min(text.size for text in layout.texts)
        assert least >= 12
        assert all(tile.box.w >= 6 * least for tile in layout.tiles)


def test_the_faults_that_are_looked_for_are_found() -> None:
    of = grid("seed=1,2", "diffusion.steps=5,6")
    layout = laid_out(of, results(of))
    layout.tiles[1].box.__dict__["x"] = layout.tiles[0].box.x + 5
    assert faults_of(layout)


def test_what_is_on_a_page() -> None:
    of = grid("guidance.clamp_max=0.05,0.1,0.2", "prompts=a sea,a wood", "diffusion.steps=5,10")
    layout = laid_out(of, results(of), pages_of(of)[1])
    said = {(text.ink, " ".join(text.lines)) for text in layout.texts}
    assert ("title", "castle · diffusion.steps = 10") in said
    assert {("axis", "guidance.clamp_max →"), ("axis", "prompts ↓")} <= said
    assert {("value", "0.05"), ("value", "a wood"), ("score", "0.506"), ("best", "0.511 best")} <= said
    assert ("value", "how it is scored") in said
    tiles = [(tile.box.x, tile.box.y, tile.box.w, tile.box.h) for tile in layout.tiles]
    assert [tile[2:] for tile in tiles] == [(192, 128)] * 6
    assert len({x for x, *_ in tiles}) == 3
    assert len({y for _, y, *_ in tiles}) == 2
    assert [tile.result.values for tile in layout.tiles[:2]] == [
        ("0.05", "a sea", "10"),
        ("0.1", "a sea", "10"),
    ]
    heads = {" ".join(text.lines): text.box for text in layout.texts}
    assert [heads[value].x for value in ("0.05", "0.1", "0.2")] == [x for x, *_ in tiles[:3]]
    assert heads["a wood"].y == tiles[3][1]


def test_texts_are_wrapped_at_blanks_and_cut_off() -> None:
    assert wrapped("a white castle on a hill", 50, 10, 3, measured) == ("a white", "castle on", "a hill")
    assert wrapped("a white castle on a hill", 50, 10, 2, measured) == ("a white", "castle on…")
    assert wrapped("supercalifragilistic", 50, 10, 3, measured) == ("supercalif", "ragilistic")
    assert wrapped("", 50, 10, 3, measured) == ()
    assert wrapped("aa", 1, 10, 1, measured) == ("…",)


def test_a_page_is_drawn() -> None:
    of = grid("seed=1,2", "prompts=a sea,größer 夜")
    cells = results(of, (64, 64))
    red = np.full((64, 64, 3), (200, 30, 40), np.uint8)
    (png,) = sheets_of(of, cells, title="castle", foot="", read=lambda path: red)
    page = decode_png(png)
    assert page is not None
    letters = Letters("castle seed prompts größer 夜")
    layout = layout_of(
        pages_of(of)[0], of, {one.place: one for one in cells},
        title="castle", foot="", best=best_of(cells), measure=letters.width,
    )  # fmt: skip
    assert page.shape[:2] == (layout.height, layout.width)
    assert (page == (200, 30, 40)).all(axis=2).sum() == 4 * 192 * 192
    empty = draw(layout, letters, lambda path: None)
    assert not (empty == (200, 30, 40)).all(axis=2).any()
    head = next(text.box for text in layout.texts if text.lines == ("1",))
    assert empty[head.y : head.bottom, head.x : head.x + 20].max() > 150


def test_pictures_beside_one_another() -> None:
    one = np.zeros((4, 6, 3), np.uint8)
    strip = strip_of([one, one])
    assert strip is not None
    assert strip.shape == (4, 14, 3)
    assert strip_size(Result((0,), ("1",), "a", DONE, size=(6, 4), pictures=("x", "y"))) == (14, 4)
    assert strip_of([one, None]) is None
    assert strip_of([]) is None


def test_the_table_reads_back_whatever_the_texts_are() -> None:
    of = grid('prompts="a, b",=1+1', "diffusion.steps=5", at=("20%", "100%"))
    cells = results(of)
    cells[1] = Result(cells[1].place, cells[1].values, "", FAILED, f"line\n{HOSTILE}")
    read = pd.read_csv(io.BytesIO(csv_of(of, cells, "pocket")), dtype=str, keep_default_na=False)
    assert list(read["prompts"]) == ["a, b", "=1+1"] * 2
    assert list(read["at"]) == ["20%", "20%", "100%", "100%"]
    assert list(read["state"]) == [DONE, FAILED, DONE, DONE]
    assert list(read["score"]) == ["0.5", "", "0.502", "0.503"]
    assert list(read["judge"]) == ["pocket", "", "pocket", "pocket"]
    assert read["reason"][1] == f"line\n{HOSTILE}"
    seeds = grid("seed=1,2")
    missing = [Result(place, seeds.labels(place), "a", MISSING) for place in seeds.cells]
    read = pd.read_csv(io.BytesIO(csv_of(seeds, missing, "")))
    assert list(read["seed"]) == [1, 2]


def hostile_page() -> str:
    of = grid("prompts=a,b", "seed=1,2")
    cells = [replace(one, values=(HOSTILE, MARKED)) for one in results(of, (64, 64))]
    cells[0] = replace(cells[0], name="", state=FAILED, reason=HOSTILE, pictures=())
    picture = np.full((64, 64, 3), 90, np.uint8)
    scenes = {one.name: f"prompts: {HOSTILE}" for one in cells}
    commands = {one.name: f"animator {HOSTILE}" for one in cells}
    page = page_of(
        f"castle {HOSTILE}",
        of,
        cells,
        scenes,
        commands,
        file="castle",
        judge="pocket",
        note="",
        read=lambda path: picture,
    )
    return page.decode()


def test_a_hostile_prompt_stays_a_text() -> None:
    page = hostile_page()
    seen = Seen(page)
    assert seen.of("script") == [{"type": "application/json", "id": "data"}, {}]
    body = r'<script type="application/json" id="data">([^<]*)</script><script>(.*?)</script></main>'
    (found,) = re.findall(body, page, re.DOTALL)
    data, script = json.loads(found[0]), found[1]
    assert data["name"] == f"castle {HOSTILE}"
    assert data["cells"][1]["values"] == [HOSTILE, MARKED]
    assert data["cells"][0]["reason"] == HOSTILE
    assert not [tag for tag, _ in seen.tags if tag == "b"]
    assert all(
        image["src"].startswith("data:image/jpeg;base64,") for image in seen.of("img") if image.get("src")
    )
    assert not [name for _, attributes in seen.tags for name in attributes if name.startswith("on")]
    (allowed,) = [one["content"] for one in seen.of("meta") if one.get("http-equiv")]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in str(allowed)
    assert "connect-src 'none'" in str(allowed)
    assert "innerHTML" not in script
    assert "http" not in re.sub("http-equiv", "", page.replace(HOSTILE, ""))


def test_json_in_a_page() -> None:
    assert json.loads(json_in_html(HOSTILE)) == HOSTILE
    assert not set("<>&\u2028") & set(json_in_html(HOSTILE))
    assert policy("x") != policy("y")


def test_every_cell_is_on_the_page_once() -> None:
    of = grid("seed=1..15", "diffusion.steps=5,6", "prompts=a,b")
    cells = results(of, (64, 64))
    cells[3] = Result(cells[3].place, cells[3].values, "abc", MISSING)
    picture = np.full((64, 64, 3), 90, np.uint8)
    page = page_of("castle", of, cells, {}, {}, file="castle", judge="", note="", read=lambda path: picture)
    figures = [int(str(one["data-cell"])) for one in Seen(page.decode()).of("figure")]
    assert sorted(figures) == list(range(60))
    assert "not painted yet" in page.decode()


def test_counts_and_the_best() -> None:
    of = grid("seed=1..3")
    cells = results(of)
    assert best_of(cells) is cells[2]
    assert count_text(cells) == "3 cells: 3 done"
    assert best_of(results(of, score=None)) is None
    assert Judge("").skipped
