"""What is wrong with the name of a file."""

from __future__ import annotations

import os
import re

_SCHEME = re.compile(r"(?:^|/)([A-Za-z][A-Za-z0-9+.-]+):/")  # one / where it was taken for a path
_ADDRESS = re.compile(r"https?://[^\s/]+")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

LONGEST_SHOWN = 300
"""Letters of a path that are shown."""


def file_fault(path: str, net: bool = True) -> str:
    """Return what is wrong with the name of a file, or an empty text.

    Args:
        path: absolute, or an address.
        net: whether it may be an address on the net, which is not looked up here.
    """
    if (net and _ADDRESS.match(path)) or os.path.isfile(path):
        return ""
    if os.path.isdir(path):
        return f"is a folder, not a file: {_shown(path)}"
    if os.path.lexists(path):
        kind = "a device or a pipe" if os.path.exists(path) else "a link that leads nowhere"
        return f"is {kind}, not a file: {_shown(path)}"
    scheme = _SCHEME.search(path)
    if scheme and not net:
        return f"expected the path of a file, found an address with {scheme[1]}://; fetch it, name the file"
    if scheme:
        return f"{scheme[1]}:// cannot be read; write a path, or an address such as https://example.org/a.png"
    return f"no such file: {_shown(path)}{_hint(path)}"


def _shown(path: str) -> str:
    """Return a path in one line, hidden letters as a program writes them, cut where it is long."""
    line = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in path)
    return line if len(line) <= LONGEST_SHOWN else f"{line[:LONGEST_SHOWN]}..."


def _hint(path: str) -> str:
    """Return what may be wrong with how a path was written."""
    if _CONTROL.search(path):
        return (
            "; a backslash in double quotes makes such characters: write / between folders, or single quotes"
        )
    if os.sep == "/" and "\\" in path:
        return "; write / between folders"
    return ""
