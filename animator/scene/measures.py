"""Numbers with their units, shares, sizes and colours in the many ways in which people write them."""

from __future__ import annotations

import re
from typing import Any

NUMBER = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)"

UNITS = {
    "fps": r"(?:fps|p|hz|frames(?: a| per |/)\s*s(?:econd)?|frames/s)",
    "video.fps": r"(?:fps|p|hz|frames(?: a| per |/)\s*s(?:econd)?|frames/s)",
    "bpm": r"(?:bpm|beats(?: a| per |/)\s*min(?:ute)?)",
    "diffusion.steps": r"steps?",
    "turbo.steps": r"(?:steps?|frames?|x)",
    "images": r"(?:images?|pictures?|stills?)",
}
"""What may follow the number of a setting, as regular expressions."""

PERCENT = r"(?:percent|per cent|pct\.?)"
SIDES = {"width": 0, "w": 0, "height": 1, "h": 1}
SIDE = r"[0-9]{1,5}(?:\s*px)?"
BETWEEN = r"(?:\s*[xX×*;,]\s*|\s+by\s+|\s+)"

HEX = re.compile("#?([0-9a-fA-F]{6}|[0-9a-fA-F]{3})")
_PERCENT_WORD = re.compile(rf"(?<=[0-9.])\s*{PERCENT}(?![A-Za-z])", re.IGNORECASE)
_FRACTION = re.compile(r"\s*([0-9]{1,7})\s*/\s*([1-9][0-9]{0,6})\s*")


def with_percent_signs(text: str) -> str:
    """Return a text with percent signs where it has the word.

    >>> with_percent_signs("10 percent"), with_percent_signs("0: (60 pct)")
    ('10%', '0: (60%)')
    """
    return _PERCENT_WORD.sub("%", text) if "p" in text or "P" in text else text


def without_unit(text: str, name: str) -> str:
    """Return the number of a setting without its unit; any other text as it is.

    >>> without_unit("30 fps", "fps"), without_unit("30 fps", "bpm")
    ('30', '30 fps')
    """
    unit = UNITS.get(name)
    found = re.fullmatch(rf"\s*({NUMBER})\s*{unit}\s*", text, re.IGNORECASE) if unit else None
    return found[1] if found else text


def rate(text: str) -> float | None:
    """Return the number that a fraction such as ``30000/1001`` is, or None where a text is none."""
    found = _FRACTION.fullmatch(text)
    return int(found[1]) / int(found[2]) if found else None


def sides(value: Any) -> list[Any] | None:
    """Return width and height of a text such as ``1920 by 1080``, or of a mapping; None of anything else.

    >>> sides("512px x 256px"), sides({"width": 512, "height": 256}), sides("512")
    (['512', '256'], [512, 256], None)
    """
    if isinstance(value, dict):
        places = {SIDES.get(str(key).strip().lower()): key for key in value}
        return [value[places[0]], value[places[1]]] if places.keys() == {0, 1} and len(value) == 2 else None
    if not isinstance(value, str):
        return None
    found = re.fullmatch(rf"\s*({SIDE}){BETWEEN}({SIDE})\s*", value, re.IGNORECASE)
    return [re.sub(r"\D", "", side) for side in found.groups()] if found else None


def colour(text: str) -> str | None:
    """Return a colour as ``#rrggbb``, of any name or form that CSS has; None where a text is none.

    >>> colour("Red"), colour("#fff"), colour("203040"), colour("rgb(0, 128, 255)"), colour("seaside")
    ('#ff0000', '#ffffff', '#203040', '#0080ff', None)
    """
    from PIL import ImageColor

    word = re.sub(r"[\s_-]+", "", text.lower())
    bare = HEX.fullmatch(word)
    try:
        red, green, blue = ImageColor.getrgb(f"#{bare[1]}" if bare else word)[:3]
    except ValueError:  # it is no colour
        return None
    return f"#{red:02x}{green:02x}{blue:02x}"
