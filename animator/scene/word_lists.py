"""Lists of words in files, a line each, and those that come with the program."""

from __future__ import annotations

import difflib
import os
import re
from functools import cache
from pathlib import Path

from animator.errors import ExpressionError
from animator.system.file_names import file_fault
from animator.system.safe_read import read_plain

FOLDER = Path(__file__).with_name("lists")
MAX_BYTES = 2_000_000
MAX_LINES = 20_000
"""Bounds of a file of words."""

ENDING = ".txt"
"""How the name of such a file ends: a scene of a stranger shall not show what is in any other."""

_OWN_NAME = re.compile(r"[a-z][a-z-]*")


@cache
def bundled_names() -> tuple[str, ...]:
    """Return the names of the lists that come with the program, in order."""
    return tuple(sorted(file.stem for file in FOLDER.glob(f"*{ENDING}")))


def read_list(name: str, folder: Path | None) -> tuple[str, ...]:
    """Return the words of a list: every line that is neither empty nor begins with ``#``.

    Args:
        name: of a bundled list, or path of a file.
        folder: what the path is relative to; None where there are no files.

    Raises:
        ExpressionError: there is no such list, it is no text, or has no words.
    """
    if name in bundled_names():
        return _lines(FOLDER / f"{name}{ENDING}", name)
    if not name:
        known = ", ".join(f"{{@{one}}}" for one in bundled_names())
        raise ExpressionError(f"expected the name of a list after @; bundled are {known}")
    if _OWN_NAME.fullmatch(name) or folder is None:
        close = difflib.get_close_matches(name, bundled_names(), 1, 0.6)
        meant = f"did you mean {{@{close[0]}}}? " if close else ""
        known = ", ".join(bundled_names())
        message = f"there is no bundled list '{name[:60]}'; {meant}there are {known}"
        raise ExpressionError(f"{message}; a file of your own is named with its ending, {{@{name[:60]}.txt}}")
    if not name.lower().endswith(ENDING):
        raise ExpressionError(f"'{name[:60]}' does not end in {ENDING}, as a list of words does, a line each")
    path = os.path.realpath(folder / os.path.expanduser(name)) if "\0" not in name else name
    if fault := file_fault(path, net=False) if "\0" not in path else "has a NUL in its name":
        raise ExpressionError(fault)
    return _lines(Path(path), name)


def _lines(path: Path, name: str) -> tuple[str, ...]:
    try:
        text = read_plain(path, MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise ExpressionError(f"{name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ExpressionError(f"{name} is no text in UTF-8; save it as such") from None
    lines = (" ".join(line.split()) for line in text.splitlines())
    words = tuple(line for line in lines if line and not line.startswith("#"))
    if not words:
        raise ExpressionError(f"{name} has no words; write one a line")
    if len(words) > MAX_LINES:
        raise ExpressionError(f"{name} has {len(words)} lines, at most {MAX_LINES} are read")
    return words
