"""The house keeps its shape: imports point one way, the four packages do not know each other."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "animator"

LEVELS: list[set[str]] = [
    {"types", "errors"},
    {"system"},
    {"weights"},
    {"keyframes"},
    {"settings"},
    {"depth", "warp", "flow", "sound", "diffusion", "grade", "upscale"},
    {"between", "latent"},
    {"video", "engines"},
    {"scene", "film"},
    {"runs", "importing"},
    {"watch"},
    {"report"},
    {"run"},
    {"memory"},
    {"look", "edit"},
    {"study"},
    {"page"},
    {"cli", "api"},
    {"start"},
]
"""From the ground up. A room may import from lower levels and from itself, never from beside or above."""

BESIDE: set[tuple[str, str]] = set()
"""Allowed across a level: nothing."""

NOT_BUILDING = {"pocket", "__main__", "__init__"}
"""The bundled networks are data; nothing imports them."""


def level_of(room: str) -> int:
    return next(number for number, rooms in enumerate(LEVELS) if room in rooms)


def imports_of(path: Path) -> set[str]:
    """Return every ``animator.x`` that a file imports anywhere, also inside functions and for typing."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
            if node.module == "animator":
                names = [f"animator.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name.split(".")[1] for name in names if name.startswith("animator.")}
    return found


def rooms() -> list[tuple[str, Path]]:
    files = sorted(ROOT.rglob("*.py"))
    return [(path.relative_to(ROOT).parts[0].removesuffix(".py"), path) for path in files]


def faults(room: str, imported: set[str]) -> set[str]:
    bad = set()
    for other in imported - {room, "__version__"}:
        allowed = other not in NOT_BUILDING and level_of(other) < level_of(room)
        if not allowed and (room, other) not in BESIDE:
            bad.add(other)
    return bad


@pytest.mark.parametrize(("room", "path"), [pair for pair in rooms() if pair[0] not in NOT_BUILDING])
def test_imports_point_down(room: str, path: Path) -> None:
    assert faults(room, imports_of(path)) == set()


def test_the_check_sees_a_wrong_import() -> None:
    assert faults("warp", {"depth"}) == {"depth"}
    assert faults("keyframes", {"run"}) == {"run"}
    assert faults("diffusion", {"pocket"}) == {"pocket"}
    assert faults("film", {"warp", "types", "diffusion"}) == set()


def test_every_room_has_a_level() -> None:
    known = set.union(*LEVELS) | NOT_BUILDING
    assert {room for room, _ in rooms()} - known == set()


@pytest.mark.slow
@pytest.mark.parametrize(
    "module",
    ["animator.keyframes", "animator.scene.reading", "animator.cli.main", "animator.weights.registry"],
)
def test_reading_a_scene_imports_no_torch(module: str) -> None:
    code = f"import {module}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.slow
def test_importing_starts_nothing() -> None:
    """No thread, no socket and no file is left open by importing the program."""
    code = (
        "import threading, os, sys\n"
        "before = set(os.listdir('/proc/self/fd')) if os.path.isdir('/proc/self/fd') else set()\n"
        "import animator.cli.main, animator.scene.reading, animator.keyframes\n"
        "after = set(os.listdir('/proc/self/fd')) if before else set()\n"
        "sys.exit(threading.active_count() != 1 or len(after) > len(before))\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_small_files() -> None:
    """A file that passes 400 lines wants to be two."""
    long = {
        str(path.relative_to(ROOT)): n
        for _, path in rooms()
        if (n := len(path.read_text().splitlines())) > 400
    }
    assert long == {}
