"""The page of a report: one file that needs nothing but the film beside it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element

import pandas as pd

from animator.keyframes.timeline import Timeline
from animator.report.charts import chart
from animator.report.markup import document, tag
from animator.report.style import STYLE

MOST_CHARTS = 24
"""Curves of the timeline that are drawn."""

MOST_WARNINGS = 40
"""Of them, those that the page shows; the rest is in ``report.json``."""

LARGEST = 4
"""Times its size at which the film is shown at most."""

NO_SCRIPTS = "script-src 'none'; connect-src 'none'; frame-src 'none'; object-src 'none'"
"""Content-Security-Policy: were a text of a stranger's scene taken for a script, it would not run."""

Report = Mapping[str, Any]


def page(report: Report, thumbs: Mapping[int, bytes], timeline: Timeline | None, film: Path | None) -> bytes:
    """Return the page.

    Args:
        report: the content of ``report.json``.
        thumbs: small JPEGs of some pictures by their numbers.
        timeline: of the scene, or None where it cannot be read.
        film: the film, which lies beside the page, or None.
    """
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=NO_SCRIPTS),
        tag("title", f"{report['scene']}: report"),
        tag("style", STYLE),
    )
    parts = [
        *_top(report),
        *_film(report, film),
        *_figures(report),
        *_sheet(report, thumbs, timeline),
        *_over_time(report, marks_of(timeline) if timeline is not None else {}),
        *_losses(report, marks_of(timeline) if timeline is not None else {}),
        *(_timeline(timeline, report["mode"] == "still") if timeline is not None else ()),
        *_time(report),
        *_made_with(report),
    ]
    return document(tag("html", head, tag("body", tag("main", *parts)), lang="en"))


def _top(report: Report) -> Iterator[Element]:
    """The title, and what the run is."""
    frames = report["frames"]
    still = report["mode"] == "still"
    size = f"{report['size'][0]} × {report['size'][1]} pixels" if report["size"] else None
    rate = f"{report['fps']:g} frames a second" if report["fps"] and not still else None
    length = f"{frames['finished'] / report['fps']:.3g} s" if rate else None
    told = ["pictures" if still else report["mode"], size, rate, length, f"seed {_seed(report['seed'])}"]
    yield tag("h1", report["scene"])
    yield tag("p", " · ".join(one for one in told if one), class_="lead")


def _figures(report: Report) -> Iterator[Element]:
    """The figures of the run, each with its size in words, and what there is to know of it."""
    frames, time = report["frames"], report["time"]
    still, asked = report["mode"] == "still", report["frames"]["asked"]
    done = (
        f"{frames['finished']}" if asked in (None, frames["finished"]) else f"{frames['finished']} of {asked}"
    )
    rows = {
        "pictures" if still else "frames": done,
        "painting": _duration(time["seconds"]),
        "a picture" if still else "a frame": f"{_number(time['seconds_per_frame'])} s",
        "pictures an hour" if still else "frames an hour": _number(time["frames_per_hour"]),
    }
    if not still:
        rows |= {
            _named("brightness", report["brightness"]): _per_cent(report["brightness"]["drift_percent"]),
            _named("saturation", report["saturation"]): _per_cent(report["saturation"]["drift_percent"]),
            _named("flicker", report["flicker"]): _number(report["flicker"]["mean"]),
        }
    rows["CLIP score, of 1 at most"] = _number(report["clip_score"]["mean"])
    yield tag(
        "dl",
        *(tag("div", tag("dd", value), tag("dt", name)) for name, value in rows.items()),
        class_="figures",
    )
    warnings = report["warnings"]
    if warnings:
        more = len(warnings) - MOST_WARNINGS
        lines = [tag("li", line) for line in warnings[:MOST_WARNINGS]]
        lines += [tag("li", f"and {more} more, in report.json")] if more > 0 else []
        yield tag("section", tag("h3", "Worth knowing"), tag("ul", *lines), class_="warnings")


def _film(report: Report, film: Path | None) -> Iterator[Element]:
    if report["mode"] == "still":
        return
    yield tag("h2", "The film")
    if film is None:
        yield tag("p", "It is not in the folder.", class_="soft")
    else:
        # A small film is not blown up until nothing but its pixels can be seen.
        width = f"max-width:{LARGEST * report['size'][0]}px" if report["size"] else ""
        yield tag("video", src=quote(film.name), controls="", loop="", preload="metadata", style=width)
    others = [name for name in report["films"] if film is None or name != film.name]
    if others:
        links: list[Element | str] = ["Also made: "]
        for name in others:
            links += [", "] * (len(links) > 1) + [tag("a", name, href=quote(name))]
        yield tag("p", *links, class_="soft")


def _named(name: str, summary: Mapping[str, Any]) -> str:
    """Return the name of a figure with its size in words."""
    return f"{name}: {summary['words']}" if summary.get("words") else name


def marks_of(timeline: Timeline) -> dict[int, str]:
    """Return where the prompts change, with what they become."""
    return {one.start: " | ".join(one.texts) for one in timeline.prompts.sets[1:]}


def _sheet(report: Report, thumbs: Mapping[int, bytes], timeline: Timeline | None) -> Iterator[Element]:
    """Small pictures, of stills with their prompts under them; a click opens the picture itself."""
    yield tag("h2", "Pictures" if report["mode"] == "still" else "Contact sheet")
    if not thumbs:
        yield tag("p", "The pictures are not in the folder.", class_="soft")
        return
    seeds = {row["frame"]: row["seed"] for row in report["per_frame"]}
    still = report["mode"] == "still"
    figures = []
    for number, data in sorted(thumbs.items()):
        source = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
        moment = "" if still or not report["fps"] else f" · {number / report['fps']:.2f} s"
        caption = f"{number} · seed {seeds[number]}" if still else f"{number}{moment}"
        image = tag("img", src=source, alt=f"{'picture' if still else 'frame'} {number}")
        large = f"frames/{number:06d}.png" if report["frames"]["source"] == "frames" else ""
        linked = tag("a", image, href=large, title="enlarge") if large else image
        words = " | ".join(timeline.prompts.texts(number)) if timeline is not None else ""
        below = [tag("span", words, class_="words")] if still and words else []
        figures.append(tag("figure", linked, tag("figcaption", caption, *below)))
    yield tag("div", *figures, class_="sheet")


def _over_time(report: Report, marks: Mapping[int, str]) -> Iterator[Element]:
    """Curves of what was measured; dashes are where the prompts change."""
    still = report["mode"] == "still"
    score = report["clip_score"]
    yield tag("h2", "Picture by picture" if still else "Over the film")
    cards = [
        _card(report, "brightness", "Brightness", "mean luma, 0 to 1", least_span=0.1, marks=marks),
        _card(report, "saturation", "Saturation", "mean of HSV's S, 0 to 1", least_span=0.1, marks=marks),
        _card(report, "flicker", "Flicker", "from the frame before, after flow", from_zero=True, marks=marks),
        _card(
            report,
            "clip_score",
            "CLIP score",
            f"cosine to the prompts, {score['perceptor']}",
            least_span=0.05,
            marks=marks,
        ),
        _card(
            report,
            "seconds",
            "Seconds a picture" if still else "Seconds a frame",
            "as they were painted",
            from_zero=True,
            marks=marks,
        ),
    ]
    yield tag("div", *cards, class_="charts")
    if score["skipped"]:
        yield tag("p", f"No CLIP score: {score['skipped']}.", class_="soft", style="margin-top:12px")
    if report["frames"]["source"] == "film":
        yield tag("p", "The frames are gone; the figures are those of the film's.", class_="soft")


def _card(report: Report, key: str, title: str, unit: str, **axis: Any) -> Element | None:
    """A chart of one figure of each frame, or None where no frame has it."""
    values = {row["frame"]: row[key] for row in report["per_frame"] if row[key] is not None}
    return _chart_card(title, unit, values, report["per_frame"][-1]["frame"], **axis) if values else None


def _chart_card(title: str, unit: str, values: Mapping[int, float], end: int, **axis: Any) -> Element:
    ends = f"{_number(values[min(values)])} → {_number(values[max(values)])}"
    note = tag("p", f"{unit} · {ends}" if unit else ends, class_="soft")
    return tag("section", tag("h3", title), note, chart(values, end, **axis), class_="card")


def _losses(report: Report, marks: Mapping[int, str]) -> Iterator[Element]:
    yield tag("h2", "Losses at the end of each diffusion")
    if not report["losses"]:
        yield tag("p", "The run kept none.", class_="soft")
        return
    end = report["per_frame"][-1]["frame"]
    cards = []
    for name in report["losses"]:
        values = {row["frame"]: row["losses"].get(name) for row in report["per_frame"]}
        known = {frame: value for frame, value in values.items() if value is not None}
        if known:
            cards.append(_chart_card(name, "", known, end, marks=marks))
    yield tag("div", *cards, class_="charts")


def _timeline(timeline: Timeline, still: bool) -> Iterator[Element]:
    """The prompts, and curves of all that changes."""
    sets = timeline.prompts.sets
    yield tag("h2", "Prompts")
    rows = []
    for one in sets:
        images = ["image " if prompt.image else "" for prompt in one.prompts]
        lines = [tag("div", image + text) for image, text in zip(images, one.texts, strict=True)]
        rows.append([str(one.start), tag("div", *lines)])
    yield _table([f"from {'picture' if still else 'frame'}", "what is painted"], rows)
    table = timeline.table
    changing = table[[name for name in table.columns if table[name].nunique() > 1]]
    curves = pd.concat([_weights(timeline), changing], axis=1)
    if curves.columns.empty:
        return
    yield tag("h2", "The timeline")
    end = timeline.frames - 1
    shown = list(curves.columns[:MOST_CHARTS])
    marks = marks_of(timeline)
    cards = [_chart_card(str(name), "", dict(curves[name].items()), end, marks=marks) for name in shown]
    yield tag("div", *cards, class_="charts")
    more = len(curves.columns) - len(shown)
    if more:
        yield tag(
            "p", f"{more} more change; they are in timeline.csv.", class_="soft", style="margin-top:12px"
        )


def _weights(timeline: Timeline) -> pd.DataFrame:
    """Return the weights of the prompts that change, a column a prompt, a row a frame."""
    rows: list[dict[str, float]] = []
    for frame in range(timeline.frames):
        row: dict[str, float] = {}
        for one in timeline.prompts.at(frame):
            row[f"“{one.text}”"] = row.get(f"“{one.text}”", 0.0) + one.weight
        rows.append(row)
    table = pd.DataFrame(rows, index=timeline.table.index).fillna(0.0)
    return table[[name for name in table.columns if table[name].nunique() > 1]]


def _time(report: Report) -> Iterator[Element]:
    stages = report["time"]["stages"]
    yield tag("h2", "Where the time went")
    if not stages:
        yield tag("p", "The journal does not say.", class_="soft")
        return
    rows = []
    for name, stage in sorted(stages.items(), key=lambda one: -one[1]["seconds"]):
        share = 100 * (stage["share"] or 0.0)
        bar = tag("td", tag("i", style=f"width:{share:.2f}%"), class_="bar")
        seconds = tag("td", f"{stage['seconds']:.2f} s", class_="number")
        rows.append(tag("tr", tag("th", name), bar, seconds, tag("td", f"{share:.1f} %", class_="number")))
    yield tag("table", tag("tbody", *rows))


def _made_with(report: Report) -> Iterator[Element]:
    facts = {**report["versions"], "device": report["device"], "threads": report["threads"]}
    yield tag("h2", "Made with")
    yield _table([], [[name, str(value)] for name, value in facts.items() if value is not None])
    if report["weights"]:
        yield tag("h2", "Weights")
        rows = [[name, tag("code", str(digest))] for name, digest in report["weights"].items()]
        yield _table(["network", "SHA-256"], rows)
    yield tag("h2", "Once more")
    yield tag("pre", tag("code", report["command"]))
    yield tag("footer", "All figures are in report.json, each frame's and their summaries.")


def _table(heads: list[str], rows: list[list[Any]]) -> Element:
    lines = [tag("tr", tag("th", row[0]), *(tag("td", cell) for cell in row[1:])) for row in rows]
    head = tag("thead", tag("tr", *(tag("th", name) for name in heads))) if heads else None
    return tag("div", tag("table", head, tag("tbody", *lines)), class_="scroll")


def _seed(seed: object) -> str:
    return f"{seed[0]} and {len(seed) - 1} more" if isinstance(seed, list) and len(seed) > 1 else f"{seed}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _per_cent(value: float | None) -> str:
    return "–" if value is None else f"{value:+.1f} %".replace("-", "−")


def _duration(seconds: float) -> str:
    """Write a time as long as it is.

    >>> _duration(12.34), _duration(754), _duration(9000)
    ('12.3 s', '12.6 min', '2 h 30 min')
    """
    if seconds < 60:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    return f"{seconds / 60:.1f} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
