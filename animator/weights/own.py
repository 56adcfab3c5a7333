"""What a scene names: a network of the registry or of the cache, or the path of a file or folder."""

from __future__ import annotations

from pathlib import Path

from animator.weights.checkpoint_names import is_path
from animator.weights.registry import Kind, find, locate


def named_path(kind: Kind, text: str) -> Path:
    """Return where the file or folder of weights is that a scene names.

    Args:
        kind: what it is for, where it is a name.
        text: its path, or its name in the registry or the cache.

    Raises:
        UsageError: there is no network of that name.
        WeightsError: its file is not there.
    """
    return Path(text).expanduser() if is_path(text) else locate(find(kind, text))
