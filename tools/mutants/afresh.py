"""What of the program a fault makes it necessary to import again; the rest stays as it is imported."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

PROGRAM = ("animator.run.render", "animator.warp.reproject3d", "animator.diffusion.fake", "animator.flow.dis")
"""Modules that bring nearly all of the program with them."""


def import_program() -> None:
    """Import the program as it is, before processes are forked that look for faults in it."""
    for name in PROGRAM:
        importlib.import_module(name)


def forget(module: str) -> None:
    """Have a module of the program, and all that import it, imported again when they are needed."""
    loaded = {name for name in sys.modules if name.partition(".")[0] == "animator"}
    users = {name: _used_by(name, loaded) for name in loaded}
    gone, found = set[str](), {module}
    while found:
        gone |= found
        found = {name for name in loaded - gone if users[name] & gone}
    for name in gone & loaded:
        above, _, last = name.rpartition(".")
        if above in sys.modules and hasattr(sys.modules[above], last):
            delattr(sys.modules[above], last)
        del sys.modules[name]


def _used_by(name: str, loaded: set[str]) -> set[str]:
    """Return the modules that a module imports, wherever in it."""
    file = sys.modules[name].__file__
    if file is None:
        return set()
    used: set[str] = set()
    for node in ast.walk(ast.parse(Path(file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            used |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            used |= {alias.name for alias in node.names}
    return used & loaded
