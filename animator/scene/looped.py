"""Over how many frames the end of a film becomes its beginning."""

from __future__ import annotations

from animator.settings.scene import Scene

SECONDS, SHARE = 2.0, 0.5
"""A loop closes over so many seconds, but over no more than this share of its frames."""


def loop_span(scene: Scene) -> int:
    """Return over how many of its last frames a film becomes its first one again; 0 if it does not loop."""
    if not scene.loop or scene.mode not in ("2d", "3d"):
        return 0
    return min(round(SHARE * scene.frames), max(2, round(SECONDS * scene.fps)))
