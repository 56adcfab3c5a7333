"""Scene files that come with the program, which every scene may extend by their names."""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path

FOLDER = Path(__file__).with_name("base")
_OWN_NAME = re.compile(r"(?:base/)?([a-z][a-z0-9-]*)(?:\.yaml)?")
"""A plain name, or the path that led to these files where they lay beside a scene."""


def base_names() -> list[str]:
    """Return the names of the bundled base scenes in order."""
    return sorted(file.stem for file in FOLDER.glob("*.yaml"))


def extended_file(name: str, folder: Path) -> Path:
    """Return the file that ``extends`` means.

    Args:
        name: what the scene says: a path, or the name of a bundled base scene.
        folder: where the scene lies. A file there comes before a bundled one of the same name.
    """
    own = folder / name
    plain = _OWN_NAME.fullmatch(name)
    bundled = FOLDER / f"{plain[1]}.yaml" if plain else own
    return own if os.path.isfile(own) or not bundled.is_file() else bundled


def hint(name: str) -> str:
    """Return the bundled names, the nearest of them first, where a name that is no file could be one."""
    plain = _OWN_NAME.fullmatch(name)
    if not plain:
        return ""
    close = difflib.get_close_matches(plain[1], base_names(), 1, 0.6)
    return (f"; did you mean '{close[0]}'?" if close else "") + f" Bundled are {', '.join(base_names())}"
