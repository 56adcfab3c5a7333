"""What the page shows of a run: read from its folder, without a network and without its pictures."""

from __future__ import annotations

import csv
import json
import os
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from animator.page.owners import owner_of, process_state
from animator.page.place import shown
from animator.runs import journal
from animator.runs.names import folder_name
from animator.system.json_text import parse_json

FILMS = (".mp4", ".webm", ".mov", ".gif", ".webp")
"""How the names of films end; the first are those that browsers play."""

LONGEST, MOST_PROMPTS, MOST_WORDS = 300, 4, 4000
"""Letters of a prompt and prompts of a run that a list shows; letters of all others, by which it is found."""

PAUSED, RUNNING, STOPPED, DONE, STARTING = "paused", "running", "stopped", "done", "starting"
"""States of a run: nobody is at work at a stopped one, and it has pictures left to make."""

_TOP = re.compile(rb"^(mode|frames|images|fps|size|seed):[ \t]*(.*)$")
_ITEM = re.compile(rb"^- *([0-9]+)\s*$")


@dataclass
class Count:
    """How far a journal was read, and what it held.

    Attributes:
        at: bytes that were read.
        pictures: which are finished; a byte each.
        last: number of the picture that was finished last, and the beginning of its file's hash.
        seconds: of the last pictures.
        total: seconds of all lines.
    """

    at: int = 0
    pictures: bytearray = field(default_factory=bytearray)
    last: tuple[int, str] = (-1, "")
    seconds: deque[float] = field(default_factory=lambda: deque(maxlen=12))
    total: float = 0.0

    @property
    def done(self) -> int:
        """How many pictures are finished."""
        return self.pictures.count(1)


def count_journal(path: Path, before: Count | None = None) -> Count:
    """Return what a journal says, read on from where it was read to before.

    A line that is still being written, or is damaged, counts for nothing.
    """
    try:
        size = path.stat().st_size
    except OSError:
        return Count()
    count = before if before is not None and before.at <= size else Count()
    if count.at == size:
        return count
    with path.open("rb") as file:
        file.seek(count.at)
        for line in file:
            if not line.endswith(b"\n"):
                break
            count.at += len(line)
            _add(count, line)
    return count


def _add(count: Count, line: bytes) -> None:
    try:
        values = parse_json(line)
        frame, seconds, digest = int(values["frame"]), float(values["seconds"]), str(values["file"])
    except (ValueError, TypeError, KeyError):
        return
    if not 0 <= frame <= journal.MAX_NUMBER:
        return
    if frame >= len(count.pictures):
        count.pictures.extend(bytes(frame + 1 - len(count.pictures)))
    count.pictures[frame] = 1
    count.last = (frame, digest[:8])
    count.seconds.append(seconds)
    count.total += seconds


def info_of(run: Path) -> dict[str, Any]:
    """Return the content of ``run.json``; empty where it cannot be read."""
    try:
        info = parse_json((run / "run.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return info if isinstance(info, dict) else {}


def head_of(run: Path) -> dict[str, Any]:
    """Return mode, size, frames a second and number of pictures, as a run's ``scene.yaml`` begins."""
    found: dict[str, Any] = {}
    size: list[int] = []
    try:
        with (run / "scene.yaml").open("rb") as file:
            lines = file.read(1 << 16).splitlines()
    except OSError:
        return {}
    name = b""
    for line in lines:
        if top := _TOP.match(line):
            name = top[1]
            if name.decode() not in found and top[2].strip():
                found[name.decode()] = top[2].strip().strip(b"\"'").decode(errors="replace")
        elif name == b"size" and len(size) < 2 and (item := _ITEM.match(line)):
            size.append(int(item[1]))
    mode = str(found.get("mode", ""))
    number = found.get("images" if mode == "still" else "frames", "")
    return {
        "mode": mode,
        "size": size if len(size) == 2 else None,
        "fps": _number(found.get("fps")),
        "pictures": int(number) if str(number).isdecimal() else None,
    }


def _number(text: object) -> float | None:
    try:
        return float(str(text))
    except ValueError:
        return None


def prompts_of(run: Path) -> list[dict[str, Any]]:
    """Return from which picture on which prompts hold, as the run's timeline has them; fades are left out."""
    found: list[dict[str, Any]] = []
    path, end = run / "timeline.csv", 0
    try:
        with path.open(encoding="utf-8", errors="replace", newline="") as file:
            rows = csv.reader(file)
            if (next(rows, None) or [""])[-1] != "prompts":
                return []
            for row in rows:
                text = _strongest_first(row[-1])
                end += 1
                if row[0].isdecimal() and (not found or found[-1]["text"] != text):
                    found.append({"from": int(row[0]), "text": text})
    except (OSError, csv.Error):
        return []
    return _settled(found, end)


def _strongest_first(text: str) -> str:
    """Return prompts without their weights; of several the negative ones last, marked."""
    parts = []
    for one in text.split(" | "):
        words, colon, weight = one.rpartition(":")
        value = _number(weight) if colon else None
        parts.append((-(value or 0.0), words if value is not None else one))
    return " | ".join(f"not: {words}" if weight > 0 else words for weight, words in sorted(parts))


def _settled(found: list[dict[str, Any]], end: int) -> list[dict[str, Any]]:
    """Leave out the fades: of what begins with the same prompt, what holds longest; from its fade on.

    Args:
        found: texts that differ, each with its first picture.
        end: how many pictures there are.
    """
    kept: list[dict[str, Any]] = []
    longest, begin = 0, 0
    for number, one in enumerate(found):
        after = found[number + 1]["from"] if number + 1 < len(found) else end
        length = after - one["from"]
        same = kept and kept[-1]["text"].partition(" | ")[0] == one["text"].partition(" | ")[0]
        if not same:
            kept.append({"from": begin, "text": one["text"]})
        elif length > longest:
            kept[-1]["text"] = one["text"]
        if not same or length > longest:
            longest, begin = length, after
    return kept


def film_of(run: Path, info: dict[str, Any], name: str) -> str:
    """Return the name of the film that is shown; empty where there is none."""
    named = info.get("film")
    if isinstance(named, str) and os.path.basename(named) == named and (run / named).is_file():
        return named
    usual = f"{folder_name(name)}.mp4"
    if (run / usual).is_file():
        return usual
    films = films_of(run)
    return films[0] if films and films[0].endswith(FILMS[:3]) else ""


def films_of(run: Path) -> list[str]:
    """Return the names of all films in a run, those that browsers play first."""
    try:
        names = [one.name for one in os.scandir(run) if one.is_file(follow_symlinks=False)]
    except OSError:
        return []
    films = [name for name in names if name.endswith(FILMS) and not name.startswith(".")]
    return sorted(films, key=lambda name: (FILMS.index("." + name.rpartition(".")[2]), name))


def summary_of(root: Path, run: Path, count: Count) -> dict[str, Any]:
    """Return what a list shows of a run.

    Args:
        root: the page's folder.
        run: the run's folder.
        count: of its journal.
    """
    info, head = info_of(run), head_of(run)
    name = str(info.get("scene", run.name))
    only = info.get("only")
    wanted = len(only) if isinstance(only, list) and only else head.get("pictures")
    owner = owner_of(run)
    paused = owner is not None and process_state(owner) == "T"
    finished = wanted is not None and count.done >= wanted
    state = (PAUSED if paused else RUNNING) if owner is not None else DONE if finished else STOPPED
    progress = run / "progress.png"
    said = prompts_of(run)
    prompts = [{**one, "text": one["text"][:LONGEST]} for one in said[:MOST_PROMPTS]]
    words = " | ".join(dict.fromkeys(one["text"] for one in said[MOST_PROMPTS:]))
    live = int(progress.stat().st_mtime * 1000) if owner is not None and progress.is_file() else None
    number, version = count.last
    return {
        "folder": shown(root, run),
        "scene": name,
        **{key: head.get(key) for key in ("mode", "size", "fps")},
        "seed": info.get("seed"),
        "pictures": wanted,
        "done": min(count.done, wanted) if wanted is not None else count.done,
        "state": state,
        "film": film_of(run, info, name),
        "last": {"number": number, "version": version} if number >= 0 else None,
        "live": live,
        "prompts": prompts,
        "more": len(said[MOST_PROMPTS:]),
        "words": words[:MOST_WORDS],
        "modified": _modified(run),
        "pace": sum(count.seconds) / len(count.seconds) if count.seconds else None,
    }


def is_finished(root: Path, run: Path) -> bool:
    """Return whether a run has all of its pictures and nobody is at work at it."""
    return bool(summary_of(root, run, count_journal(run / "journal.jsonl"))["state"] == DONE)


def _modified(run: Path) -> float:
    times = []
    for name in ("journal.jsonl", "run.json"):
        path = run / name
        if path.is_file():
            times.append(path.stat().st_mtime)
    return max(times, default=0.0)


def details_of(run: Path) -> dict[str, Any]:
    """Return what the page of a single run shows besides its summary.

    Raises:
        RunError: the journal is damaged.
    """
    entries = journal.read(run / "journal.jsonl")
    info = info_of(run)
    there = _pictures_there(run)
    frames = [
        {
            "number": number,
            "version": entry.file[:8],
            "seed": entry.seed,
            "seconds": entry.seconds,
            "notes": list(entry.notes),
            "there": f"{number:06d}.png" in there,
        }
        for number, entry in sorted(entries.items())
    ]
    return {
        "frames": frames,
        "prompts": prompts_of(run),
        "films": films_of(run),
        "notices": [str(one) for one in info.get("notices", []) if isinstance(one, str)],
        "made": {key: info.get(key) for key in ("animator", "torch", "device", "system")},
        "figures": figures_of(run),
        "files": [name for name in ("contact.png", "losses.png", "report.html") if (run / name).is_file()],
    }


def _pictures_there(run: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(run / "frames"))
    except OSError:
        return frozenset()


def figures_of(run: Path) -> dict[str, Any]:
    """Return what the report measured, without the rows of single pictures; empty where there is none."""
    try:
        report = parse_json((run / "report.json").read_bytes())
        return {
            name: report[name]
            for name in ("time", "brightness", "saturation", "flicker", "clip_score")
            if isinstance(report.get(name), dict)
        }
    except (OSError, ValueError, AttributeError):
        return {}


def losses_of(run: Path, number: int) -> dict[str, list[float | None]]:
    """Return the losses of a picture, a list a loss; of the last picture that has them where it has none."""
    path = run / "losses" / f"{number:06d}.csv"
    found: dict[str, list[float | None]] = {}
    try:
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                for name, value in row.items():
                    if name and isinstance(value, str) and name != "step":
                        found.setdefault(name, []).append(_number(value))
    except (OSError, csv.Error, UnicodeDecodeError):
        return {}
    return found


def log_end(path: Path, most: int = 1 << 14) -> str:
    """Return the end of a log."""
    return "".join(_last_lines(path, most))


def _last_lines(path: Path, most: int) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            begin = max(0, file.seek(0, os.SEEK_END) - most)
            file.seek(begin)
            data = file.read(most)
    except OSError:
        return
    lines = data.decode("utf-8", errors="replace").splitlines(keepends=True)
    yield from lines[1:] if begin else lines


def last_events(path: Path) -> dict[str, dict[str, Any]]:
    """Return the last event of each kind that a render reported as JSON lines; see ``render --json``."""
    found: dict[str, dict[str, Any]] = {}
    for line in _last_lines(path, 1 << 13):
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and isinstance(event.get("event"), str):
            found.pop(event["event"], None)
            found[event["event"]] = event
    return found
