"""A folder of pictures as footage: which they are, in which order, and how large."""

from __future__ import annotations

import re
from pathlib import Path

from PIL import Image

from animator.errors import UsageError

PICTURE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})

QUARTER_TURNED = frozenset({5, 6, 7, 8})
"""Values of EXIF's orientation that exchange width and height."""

ORIENTATION = 0x0112
"""EXIF's tag of the orientation."""


def pictures_of(folder: Path) -> tuple[Path, ...]:
    """Return the pictures of a folder in the order in which people number them.

    Raises:
        UsageError: there are none.
    """
    try:
        found = [
            file
            for file in folder.iterdir()
            if file.suffix.lower() in PICTURE_ENDINGS and not file.name.startswith(".") and file.is_file()
        ]
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}; choose a folder that you may read") from error
    if not found:
        kinds = ", ".join(sorted(PICTURE_ENDINGS))
        raise UsageError(f"{folder}: a folder without pictures; put some there ({kinds}) or name a film")
    return tuple(sorted(found, key=_natural))


def upright_size(picture: Path) -> tuple[int, int]:
    """Return the width and height of a picture file, turned as its EXIF says.

    Raises:
        UsageError: it is not a picture.
    """
    try:
        with Image.open(picture) as header:
            width, height = header.size
            turned = header.getexif().get(ORIENTATION) in QUARTER_TURNED
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise UsageError(f"{picture}: not a picture that can be read; replace or remove it") from error
    return (height, width) if turned else (width, height)


def _natural(path: Path) -> tuple[list[tuple[int, int | str]], str]:
    """Return what sorts names as people number them: ``2.png`` before ``10.png``."""
    parts = re.split(r"(\d+)", path.name.casefold())
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part], path.name
