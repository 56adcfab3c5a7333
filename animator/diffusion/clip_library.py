"""open_clip, imported without transformers.

Where transformers is installed, open_clip imports a good part of it for the text towers that some of its
models take from there. No model that this program knows has one (see ``weights/clip.json``), and importing it
takes a sixth of the time until the first step of a render.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def seeming_absent(package: str) -> Iterator[None]:
    """Let a package seem not to be installed, unless it has been imported before; afterwards it can be."""
    if package in sys.modules:
        yield
        return
    sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[package]


with seeming_absent("transformers"):
    import open_clip
    from open_clip.convert import convert_state_dict
    from open_clip.model import convert_to_custom_text_state_dict

__all__ = ["convert_state_dict", "convert_to_custom_text_state_dict", "open_clip"]
