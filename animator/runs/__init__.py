"""What a run leaves on the disk, and how it is resumed after it was stopped at any moment.

They are imported when they are first used: who only reads journals and locks needs no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from animator.runs.files import write_atomic
    from animator.runs.folder import RunFolder
    from animator.runs.journal import Entry
    from animator.runs.names import folder_name

__all__ = ["Entry", "RunFolder", "folder_name", "write_atomic"]

_HOMES = {"Entry": "journal", "RunFolder": "folder", "folder_name": "names", "write_atomic": "files"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'animator.runs' has no attribute {name!r}")
    return getattr(import_module(f"animator.runs.{_HOMES[name]}"), name)
