"""Whether a file is a picture that can be read, found without decoding more of it than is needed."""

from __future__ import annotations

import functools
import io
import os
import struct
import warnings
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from animator.errors import UsageError
from animator.system.file_names import file_fault
from animator.system.safe_read import read_plain

MAX_PIXELS = 100_000_000
"""Pixels of the largest picture that is read: a small file can claim to be one that fills the memory."""

MAX_BYTES = 400_000_000
"""Bytes of the largest file that is read as a picture."""

KINDS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000", "AVIF")
"""Kinds that are read, those whose size Pillow finds without decoding or running anything."""

TIFF_HEADS = (b"II*\0", b"MM\0*")

NO_PICTURE = "not a picture that can be read; use PNG, JPEG, WebP or TIFF"

DAMAGED = "the picture is damaged ({}); get or save it again"

CHECKED = frozenset({"JPEG", "MPO", "PNG", "BMP"})
"""Kinds of which OpenCV, in some of its versions, takes a file that was cut off and makes up the rest."""

DECODED = (CHECKED - {"PNG"}) | {"GIF", "WEBP"}
"""Kinds that `picture_fault` decodes with Pillow. It does not know every variety of the others, and a PNG has
checksums, which are quicker."""


def picture_file_fault(path: str) -> str:
    """Return what is wrong with a picture that a scene names, or an empty text; an address is not fetched.

    Args:
        path: absolute, or an address.
    """
    named = file_fault(path)
    return named if named or not os.path.isfile(path) else picture_fault(path)


def picture_fault(path: str | os.PathLike[str]) -> str:
    """Return why a file cannot be read as a picture, or an empty text.

    Whether it is of a known kind, of a size that is taken, and whole as far as that is seen quickly.
    """
    try:
        facts = os.stat(path)
    except OSError as error:
        return f"{os.fspath(path)}: {error.strerror}; name a picture"
    return _fault(os.fspath(path), facts.st_mtime_ns, facts.st_size)


@functools.lru_cache(maxsize=4096)
def _fault(path: str, changed: int, size: int) -> str:
    """Return what `picture_fault` does of a file as it was last changed."""
    try:
        data = read_plain(path, MAX_BYTES)
        kind = check_picture(data, Path(path), DECODED)
        if kind == "PNG":
            return _checksum_fault(data, path)
        if kind not in DECODED and not _opencv_decodes(data):
            return f"{path}: {NO_PICTURE}"
    except OSError as error:
        return f"{path}: {error.strerror}; name a picture"
    except UsageError as error:
        return str(error)
    return ""


def _checksum_fault(data: bytes, path: str) -> str:
    """Return why a PNG is not whole, or an empty text."""
    try:
        with warnings.catch_warnings(), Image.open(io.BytesIO(data), formats=["PNG"]) as header:
            warnings.simplefilter("ignore")
            header.verify()
    except (OSError, SyntaxError, ValueError, struct.error) as error:
        return f"{path}: {DAMAGED.format(error)}"
    return ""


def _opencv_decodes(data: bytes) -> bool:
    """Return whether OpenCV, with which pictures are read, can decode one."""
    import cv2  # takes some tenths of a second
    import numpy as np

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH) is not None
    except cv2.error:
        return False


def check_picture(data: bytes, path: Path, decoded: frozenset[str] = CHECKED) -> str:
    """Return Pillow's name for the kind of a picture; refuse what is none of `KINDS` or not whole.

    OpenCV cannot find the size of a picture without decoding it.

    Args:
        data: the bytes of the file.
        path: its name, for messages.
        decoded: kinds that are decoded to see whether they are whole.

    Raises:
        UsageError: it is no such picture, is damaged, or has more than `MAX_PIXELS`.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a large picture, odd EXIF: not the user's concern
            Image.init()
            known = [kind for kind in KINDS if kind in Image.OPEN]  # AVIF in newer versions
            with Image.open(io.BytesIO(data), formats=known) as header:
                kind, (width, height) = header.format or "", header.size
                if width * height > MAX_PIXELS:
                    raise UsageError(
                        f"{path}: {width} x {height} pixels are more than {MAX_PIXELS // 10**6} million; "
                        "scale the picture down"
                    )
                if kind in decoded:
                    header.draft("RGB", (1, 1))  # a JPEG's detail need not be computed to see its end
                    header.load()
    except UnidentifiedImageError as error:
        if data.startswith(TIFF_HEADS):  # one of floating point, which Pillow does not know
            return "TIFF"
        raise UsageError(f"{path}: {NO_PICTURE}") from error
    except Image.DecompressionBombError as error:
        raise UsageError(
            f"{path}: has more than {MAX_PIXELS // 10**6} million pixels; scale the picture down"
        ) from error
    except (OSError, SyntaxError, ValueError) as error:
        raise UsageError(f"{path}: {DAMAGED.format(error)}") from error
    return kind
