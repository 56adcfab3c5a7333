"""Starting this program again, from any folder, without taking code from that folder.

``python -m`` looks for modules in the current folder first: a folder of a stranger could hold a ``json.py``.
"""

from __future__ import annotations

import sys
from pathlib import Path

import animator

HOME = Path(animator.__file__).resolve().parents[1]
"""Where this program is imported from."""

_CODE = (
    "import sys; sys.path[0] = sys.argv.pop(1); import runpy; "
    "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
)


def words_for(module: str, *words: str) -> list[str]:
    """Return the command that runs a module of this program with some arguments."""
    return [sys.executable, "-c", _CODE, str(HOME), module, *words]
