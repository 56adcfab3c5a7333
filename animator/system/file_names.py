"""What is wrong with the name of a file."""

from __future__ import annotations

import os
import re

_SCHEME = re.compile(r"(?:^|/)([A-Za-z][A-Za-z0-9+.-]+):/")  # one / where it was taken for a path
_ADDRESS = re.compile(r"https?://[^\s/]+")

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
    scheme = _SCHEME.search(path)
    if scheme and not net:
        return f"expected the path of a file, found an address with {scheme[1]}://; fetch it, name the file"
    if scheme:
        return f"{scheme[1]}:// cannot be read; write a path, or an address such as https://example.org/a.png"
    return f"no such file: {path if len(path) <= LONGEST_SHOWN else path[:LONGEST_SHOWN] + '...'}"
