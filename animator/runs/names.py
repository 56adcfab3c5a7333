"""Names of runs and of their films."""

from __future__ import annotations

import re
import unicodedata

LONGEST_NAME = 120
"""Bytes of a name, well under the 255 that file systems allow, so that endings can be added."""

RESERVED = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def folder_name(scene: str) -> str:
    """Return a scene's name as the name of a folder or file that every system accepts.

    >>> folder_name("A lighthouse, at night!"), folder_name("../../etc"), folder_name("con"), folder_name("…")
    ('A-lighthouse-at-night', 'etc', 'con-scene', 'scene')
    """
    plain = re.sub(r"[^\w.+-]+", "-", unicodedata.normalize("NFC", scene)).strip("-.")
    name = plain.encode()[:LONGEST_NAME].decode(errors="ignore").rstrip("-.")
    if not name:
        return "scene"
    return f"{name}-scene" if name.split(".")[0].lower() in RESERVED else name
