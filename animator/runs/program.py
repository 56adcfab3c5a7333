"""Which version of the program made a run."""

from __future__ import annotations

from pathlib import Path

from packaging.version import InvalidVersion, Version

from animator import __version__
from animator.errors import RunError


def refuse_later(version: object, path: Path) -> None:
    """Refuse a run that a later version of the program made: it may hold what this one misreads.

    Args:
        version: of the program, as the run says; whatever is no version is passed over.
        path: the run folder.

    Raises:
        RunError: it is later than this program's.
    """
    try:
        later = isinstance(version, str) and Version(version) > Version(__version__)
    except InvalidVersion:
        return
    if later:
        raise RunError(
            f"{path}: made by animator {version}, this is {__version__}; "
            "upgrade (pip install --upgrade animator), or render the scene into another folder"
        )
