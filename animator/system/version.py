"""Which program this is, for a report of a fault."""

from __future__ import annotations

import platform
import subprocess
from importlib import metadata
from pathlib import Path

from animator import __version__

STAMP = "COMMIT"
"""The file beside a package's modules, or in the root of a source archive, that says so."""


def commit(root: Path) -> str:
    """Return the short hash of the commit of a checkout or an unpacked source archive, or nothing.

    ``+`` at its end: files were changed since.

    Args:
        root: the folder that holds the package ``animator``.
    """
    for stamp in (root / "animator" / STAMP, root / STAMP):
        if stamp.is_file():
            return stamp.read_text(encoding="utf-8").strip()
    if not (root / ".git").exists():
        return ""
    ask = ["git", "-C", str(root), "describe", "--always", "--abbrev=7", "--dirty=+", "--exclude=*"]
    try:
        answer = subprocess.run(ask, capture_output=True, text=True, check=True, timeout=10)
    except (OSError, subprocess.SubprocessError):
        return ""  # no git, or a folder that it does not trust: the version alone will do
    return answer.stdout.strip()


def version_line() -> str:
    """Return version, commit, torch, Python and the system in one line."""
    at = commit(Path(__file__).parents[2])
    own = f"animator {__version__}" + (f" (commit {at})" if at else "")
    return (
        f"{own}, torch {metadata.version('torch')}, Python {platform.python_version()}, {platform.system()}"
    )
