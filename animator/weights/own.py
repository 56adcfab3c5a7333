"""What a scene names: a network of the registry or of the cache, or the path of a file or folder."""

from __future__ import annotations

from pathlib import Path

from animator.weights.checkpoint_names import is_checkpoint
from animator.weights.registry import Kind, find, locate


def is_path(text: str) -> bool:
    """Return whether a text is the path of a file or folder of weights, and no name.

    >>> is_path("models/mine"), is_path("mine.safetensors"), is_path("sdxl-base-1.0")
    (True, True, False)
    """
    return is_checkpoint(text) or "/" in text or "\\" in text or Path(text).expanduser().is_dir()


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
