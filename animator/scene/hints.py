"""What to write instead of a value that is refused though its meaning can be guessed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from animator.scene.nodes import Node, plain
from animator.scene.region_forms import NAME as REGIONS
from animator.scene.region_forms import long_form

_SHARE = re.compile(r"\s*(0?\.\d+|0\.\d*)\s*", re.ASCII)
_PERCENT = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*%\s*", re.ASCII)
_TIME = re.compile(r"\s*(?:(\d{1,2}):)?(\d{1,3}):([0-5]?\d)\s*", re.ASCII)
_SHAPE = re.compile(r"\s*(\d{1,2})\s*[:/]\s*(\d{1,2})\s*", re.ASCII)
_LINES = re.compile(r"\s*(\d{3,4})\s*p\s*", re.ASCII)
_THOUSANDS = re.compile(r"\s*[+-]?(\d{1,3}(?:[,_' ]\d{3})+)\s*|\s*(\d+(?:_\d+)+)\s*", re.ASCII)
_RESPACING = re.compile(r"\s*(?:ddim|plms)\s*(\d{1,4})\s*", re.ASCII | re.IGNORECASE)
_KILO = re.compile(r"\s*(\d+(?:\.\d+)?)\s*[kK]\s*", re.ASCII)

WIDE = 16 / 9
"""The shape that a number of lines such as 1080p goes with."""

FIRST: Mapping[str, tuple[str, type | tuple[type, ...]]] = {
    "camera": ("path", str),
    "depth": ("model", str),
    "diffusion": ("steps", int),
    "guidance": ("clip_guidance_scale", (int, float)),
    "hires": ("scale", (int, float)),
    "output": ("film", str),
    "video": ("init", str),
}
"""Of a section the setting that one value in its place is probably meant for, and the type of that."""


SWITCHED = frozenset({"vr", "turbo", "guard"})
"""Sections that may be true or false."""

YES_NO = {
    **dict.fromkeys(("on", "yes", "y", "enabled"), "true"),
    **dict.fromkeys(("off", "no", "n", "disabled"), "false"),
}
"""Words of other notations for true and false."""


def section_hint(node: Node, name: str) -> str:
    """Return which setting a value in the place of a section may be, or an empty text.

    >>> section_hint(Node("clip.mp4"), "video")
    '; perhaps video: {init: clip.mp4}'
    """
    if isinstance(node.value, str) and name in SWITCHED and (word := YES_NO.get(node.value.strip().lower())):
        return f"; write {name}: {word}"
    key, kind = FIRST.get(name, ("", type(None)))
    if not key or not isinstance(node.value, kind) or isinstance(node.value, bool) or "\n" in str(node.value):
        return ""
    return f"; perhaps {name}: {{{key}: {node.value}}}"


def hint(node: Node, name: str, expected: str) -> str:
    """Return what to write instead of a value, with a semicolon before it, or an empty text.

    Args:
        node: the value.
        name: dotted name of its setting.
        expected: what is allowed, in words.

    >>> hint(Node("1:30"), "frames", "a whole number, or a length such as 20s")
    '; a length of time is written 1m30s'
    """
    value = node.value
    said = ""
    if "percentage" in expected:
        said = _share(value, listed=name == "output.intermediates")
    elif name == "size":
        said = _size(plain(node))
    elif name == REGIONS and not isinstance(value, dict):
        whole = "regions by name" in expected
        said = long_form(value, whole) if whole or "a mapping" in expected else ""
    elif name == "background":
        said = _colour(plain(node))
    elif "a length such as" in expected:
        said = _length(value)
    if not said and "number" in expected and isinstance(value, str):
        said = _number(value)
    return f"; {said}" if said else ""


def _share(value: Any, listed: bool) -> str:
    """Return how a share is written where a number of steps or a percentage may be."""
    part = float(value) if isinstance(value, str) and _SHARE.fullmatch(value) else value
    if isinstance(part, float) and 0 < part < 1:
        written = f"{100 * part:.6g}%"
        return f"a share is written with a percent sign: {f'[{written}]' if listed else written}"
    if listed and isinstance(value, str) and (percent := _PERCENT.fullmatch(value)):
        return f"a share is a member of a list: [{percent[1]}%]"
    return ""


def _size(value: Any) -> str:
    """Return how a size is written that is one number, a shape or a number of lines."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return f"a square is [{value}, {value}]"
    if not isinstance(value, str):
        return ""
    if lines := _LINES.fullmatch(value):
        return f"write width and height: [{2 * round(int(lines[1]) * WIDE / 2)}, {lines[1]}]"
    if (shape := _SHAPE.fullmatch(value)) and int(shape[1]) and int(shape[2]):
        width, height = int(shape[1]), int(shape[2])
        step = 64 * math.ceil(8 / max(width, height))
        sides = (step * width, step * height)
        return f"a shape is given by its pixels, such as [{', '.join(map(str, sides))}]"
    return ""


def _colour(value: Any) -> str:
    """Return how a colour is written that is given as three numbers, or that there is none."""
    if isinstance(value, list) and len(value) == 3 and all(isinstance(part, int | float) for part in value):
        whole = all(isinstance(part, int) for part in value) and max(value) > 1
        parts = [part if whole else 255 * part for part in value]
        if all(0 <= part <= 255 for part in parts):
            return 'write "#' + "".join(f"{round(part):02x}" for part in parts) + '"'
    if isinstance(value, str) and value.strip().lower() in ("transparent", "none", "alpha"):
        return "no frame has transparent parts; black is what there is without this setting"
    return ""


def _length(value: Any) -> str:
    """Return how a length of time is written that has a colon, or a fraction and no unit."""
    if isinstance(value, float) and math.isfinite(value) and value > 0:
        return f"frames are whole; a length in seconds is written {value:g}s"
    if isinstance(value, str) and (time := _TIME.fullmatch(value)):
        parts = zip((time[1], time[2], time[3]), "hms", strict=True)
        return f"a length of time is written {''.join(f'{int(n)}{unit}' for n, unit in parts if n)}"
    return ""


def _number(value: str) -> str:
    """Return how a number is written that has signs between its digits, or a letter for thousands."""
    if grouped := _THOUSANDS.fullmatch(value):
        return f"write {re.sub(r'[^0-9]', '', grouped[0])}"
    if steps := _RESPACING.fullmatch(value):
        return f"write {steps[1]}, and the sampler in diffusion.sampler"
    if kilo := _KILO.fullmatch(value):
        return f"write {1000 * float(kilo[1]):.15g}"
    return ""
