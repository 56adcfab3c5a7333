"""animator turns a scene file into a film: a camera moved by keyframes through a CLIP-guided diffusion.

From a program: `load`, `render`, `resume` and `frames` (see `animator.api`). They are imported when they are
first used, so that ``import animator`` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from animator.api import Picture, frames, load, render, resume
    from animator.errors import AnimatorError, SceneError
    from animator.run.cancel import Cancel
    from animator.run.reporter import Reporter

__version__ = "0.1.0"

__all__ = [
    "AnimatorError",
    "Cancel",
    "Picture",
    "Reporter",
    "SceneError",
    "__version__",
    "frames",
    "load",
    "render",
    "resume",
]

_HOMES = {
    "AnimatorError": "animator.errors",
    "Cancel": "animator.run.cancel",
    "Picture": "animator.api",
    "Reporter": "animator.run.reporter",
    "SceneError": "animator.errors",
    "frames": "animator.api",
    "load": "animator.api",
    "render": "animator.api",
    "resume": "animator.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'animator' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
