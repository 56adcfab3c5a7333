"""Scenes to begin with: ``animator new``."""

from __future__ import annotations

import json
from pathlib import Path

FOLDER = Path(__file__).with_name("new")


def beginning(kind: str, footage: str | None = None) -> str:
    """Return the text of a scene to begin with.

    Args:
        kind: ``film``, ``still`` or ``video``.
        footage: of ``video``, the film as the scene names it.
    """
    text = (FOLDER / f"{kind}.yaml").read_text(encoding="utf-8")
    return text if footage is None else text.replace("FOOTAGE", json.dumps(footage, ensure_ascii=False))
