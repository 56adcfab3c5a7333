"""The page of a study: one file for any browser, with small pictures in it and the large ones beside it."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element

import numpy as np

from animator.report.markup import document, tag
from animator.report.measures import jpeg, within
from animator.study.grid import Grid, Page, Place, pages_of
from animator.study.layout import strip_size
from animator.study.results import FAILED, Result, best_of, count_text
from animator.study.sheet import Read, strip_of

_HERE = Path(__file__).parent

SIDES = ((120, 512), (400, 320), (10**9, 192))
"""Up to how many cells small pictures have which longest side in pixels."""


def policy(script: str) -> str:
    """Return the Content-Security-Policy of a page that runs one script and talks to nobody."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return (
        f"script-src 'sha256-{digest}'; connect-src 'none'; frame-src 'none'; object-src 'none'; "
        "base-uri 'none'; form-action 'none'"
    )


def json_in_html(value: Any) -> str:
    r"""Return JSON that may be in a page whatever its texts are.

    >>> json_in_html("</script>&")
    '"\\u003c/script\\u003e\\u0026"'
    """
    text = json.dumps(value)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def page_of(
    name: str,
    grid: Grid,
    results: Sequence[Result],
    scenes: Mapping[str, str],
    commands: Mapping[str, str],
    *,
    file: str,
    judge: str,
    note: str,
    read: Read,
) -> bytes:
    """Return the page.

    Args:
        name: of the study.
        grid: its axes.
        results: what became of each cell, one for each of ``grid.cells``.
        scenes: the scene of each cell as a text, by the name of what is painted.
        commands: what prints the scene of each cell, by the cell's name.
        file: how files of scenes that are downloaded begin.
        judge: the CLIP model that scored; empty where there are no scores.
        note: why there are no scores, or an empty text.
        read: reads a picture of the study.
    """
    script, every = (_HERE / "page.js").read_text(encoding="utf-8"), {one.place: one for one in results}
    side = next(side for most, side in SIDES if len(results) <= most)
    widest = max((strip_size(one)[0] for one in results), default=0)
    wide = min(side, 384, max(2 * widest, 160))  # what is small is not blown up until only pixels are seen
    order = {one.place: number for number, one in enumerate(results)}
    best = best_of(results)

    def figure(place: Place) -> Element:
        one = every[place]
        return tag("div", _cell(order[place], one, grid, one is best, _thumb(one, side, read)), class_="slot")

    pages = pages_of(grid)
    data = {
        "name": name,
        "file": file,
        "judge": judge,
        "axes": [axis.title for axis in grid.shown],
        "scenes": dict(scenes),
        "cells": [_data(one, commands) for one in results],
    }
    several = grid.shown if len(grid.shown) > 1 else ()
    sizes = " × ".join(str(len(axis.values)) for axis in several)
    scored = f"score: how well a picture answers its own prompts, by {judge}" if judge and best else note
    lead = " · ".join(part for part in (sizes, count_text(results), scored) if part)
    body = tag(
        "main",
        tag("h1", name),
        tag("p", lead, class_="lead"),
        _bar(),
        tag("div", *(_section(one, grid, figure, wide) for one in pages), id="pages"),
        tag("div", id="flat", class_="flow", hidden="hidden", style=f"--wide:{min(wide, 260)}px"),
        _dialog(),
        tag("script", json_in_html(data), type="application/json", id="data"),
        tag("script", script),
    )
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy(script)),
        tag("title", f"{name}: study"),
        tag("style", (_HERE / "page.css").read_text(encoding="utf-8")),
    )
    return document(tag("html", head, tag("body", body), lang="en"))


def _data(one: Result, commands: Mapping[str, str]) -> dict[str, Any]:
    """Return what the page's script knows of a cell."""
    return {
        "name": one.name,
        "scene": one.name.partition("@")[0],
        "values": list(one.values),
        "state": one.state,
        "reason": one.reason,
        "score": one.score,
        "seed": one.seed,
        "seconds": one.seconds,
        "pictures": [quote(path) for path in one.pictures],
        "film": quote(one.film),
        "command": commands.get(one.name, ""),
    }


def _thumb(one: Result, side: int, read: Read) -> bytes | None:
    pixels: np.ndarray | None = strip_of([read(path) for path in one.pictures])
    return None if pixels is None else jpeg(within(pixels, side))


def _cell(number: int, one: Result, grid: Grid, best: bool, thumb: bytes | None) -> Element:
    """Return a cell of the page."""
    values = [f"{axis.title}: {value}" for axis, value in zip(grid.shown, one.values, strict=True)]
    if thumb is None:
        said = f"failed: {one.reason}" if one.state == FAILED else "not painted yet"
        picture = tag("div", said, class_="none")
    else:
        address = f"data:image/jpeg;base64,{base64.b64encode(thumb).decode()}"
        picture = tag("img", src=address, alt=", ".join(values), loading="lazy")
    caption = [tag("span", value, class_="values") for value in values]
    if one.score is not None:
        score = f"{one.score:.3f}" + (" best" if best else "")
        caption.append(tag("span", score, class_="best" if best else "score"))
    caption.append(tag("span", one.name, class_="id"))
    kind = f"cell {one.state}"
    return tag(
        "figure", picture, tag("figcaption", *caption), class_=kind, tabindex=0, data_cell=number
    )  # fmt: skip


def _section(page: Page, grid: Grid, figure: Callable[[Place], Element], wide: int) -> Element:
    """Return a page of the sheet: a table of two axes, or the cells of one."""
    about = " · ".join(f"{name} = {value}" for name, value in page.about)
    head = [tag("h2", about)] if about else []
    if not page.rows:
        title = tag("p", grid.shown[0].title, class_="across")
        cells = [figure(place) for place in page.places]
        flow = tag("div", *cells, class_="flow", style=f"--wide:{min(wide, 260)}px")
        return tag("section", *head, title, flow)
    across, down = grid.shown[:2]
    parts = [tag("div", f"{down.title} ↓", class_="corner")]
    parts += [tag("div", across.values[column].label, class_="top") for column in page.columns]
    places = iter(page.places)
    for row in page.rows:
        parts.append(tag("div", down.values[row].label, class_="left"))
        parts += [figure(next(places)) for _ in page.columns]
    style = f"--columns:{len(page.columns)};--wide:{wide}px"
    table = tag("div", *parts, class_="matrix", style=style)
    return tag(
        "section", *head, tag("p", f"{across.title} →", class_="across"), tag("div", table, class_="scroll")
    )


def _bar() -> Element:
    """Return what orders, filters and exports."""
    choices = (("all", "all cells"), ("left", "not rejected"), ("picked", "picked"))
    return tag(
        "div",
        tag("button", "Sort by score", id="order", type="button", aria_pressed="false"),
        tag(
            "select", *(tag("option", said, value=value) for value, said in choices),
            id="which", aria_label="which cells are shown",
        ),
        tag("button", "Export marks", id="export", type="button"),
        tag("span", id="marks", class_="soft"),
        tag("span", class_="said", role="status"),
        tag("span", *_keys(), class_="keys"),
        class_="bar",
    )  # fmt: skip


def _keys() -> Iterator[Element | str]:
    keys = (("← ↑ ↓ →", "move"), ("Enter", "enlarge"), ("p", "pick"), ("r", "reject"), ("s", "sort"))
    for key, what in (*keys, ("Esc", "close")):
        yield tag("kbd", key)
        yield f" {what}  "


def _dialog() -> Element:
    """Return what a cell is enlarged in; the script fills it."""

    def button(said: str, name: str) -> Element:
        return tag("button", said, id=name, type="button")

    scene = tag(
        "div",
        tag("h2", "A scene of this cell"),
        tag("pre", id="scene"),
        button("Copy", "copy-scene"),
        " ",
        button("Download", "download"),
        tag("p", "The same in a terminal:", class_="soft"),
        tag("pre", id="command"),
        button("Copy command", "copy-command"),
        id="grown",
    )
    top = (tag("h2", id="name"), button("Pick", "pick"), button("Reject", "reject"), button("Close", "close"))
    facts = (
        tag("table", id="settings"),
        tag("p", tag("a", "Open the film", id="film", href="")),
        scene,
    )
    return tag(
        "dialog",
        tag("div", *top, class_="head"),
        tag("p", class_="said", role="status"),
        tag("div", tag("div", id="pictures", class_="pictures"), tag("div", *facts), class_="open"),
        id="big",
    )
