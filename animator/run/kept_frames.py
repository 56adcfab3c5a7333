"""Pictures that take long to make: each is kept as soon as it is there, and made again only when it must be.

In each PNG is the key of what it was made of and how. A run that is killed in the middle resumes with the
next picture, and where one frame of many has changed one is made again.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from animator.errors import RunError
from animator.runs.files import errors_in_one_line, write_atomic
from animator.runs.png import decode_png, encode_png, read_text

KEY = "animator-key"
"""Keyword of the text in a PNG that holds its key."""

Told = Callable[[int, int, float | None], None]
"""Receives how many pictures are done, of how many, and the seconds that the rest takes; None: unknown."""


def untold(done: int, total: int, left: float | None) -> None:
    """Tell nobody."""


def key_of(*decided: Any) -> str:
    """Return a key of all that decides a picture, as JSON holds it."""
    return hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()


def kept_frames(
    folder: Path,
    keys: Sequence[str],
    frames: Iterable[np.ndarray],
    make: Callable[[np.ndarray], np.ndarray],
    told: Told,
) -> Iterator[np.ndarray]:
    """Yield what is made of some frames, from the folder where it is there, else made and put there.

    Args:
        folder: its files are ``000000.png`` and on; what is there beyond the last is removed.
        keys: for each frame the key of all that decides the result.
        frames: H x W x 3, uint8 or uint16, as many.
        make: returns the picture that a frame becomes.
        told: is called after every picture.

    Raises:
        RunError: the disk refuses.
    """
    with errors_in_one_line(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.glob("*.png"):
            if path.stem.isdigit() and int(path.stem) >= len(keys):
                path.unlink()
    made, seconds = 0, 0.0
    for number, (key, pixels) in enumerate(zip(keys, frames, strict=True)):
        path = folder / f"{number:06d}.png"
        picture = read_kept(path, key)
        if picture is None:
            begun = time.monotonic()
            picture = make(pixels)
            write_atomic(path, encode_png(picture, {KEY: key}))
            made, seconds = made + 1, seconds + time.monotonic() - begun
        yield picture
        left = len(keys) - number - 1
        told(number + 1, len(keys), seconds / made * left if made else None)


def read_kept(path: Path, key: str) -> np.ndarray | None:
    """Return the picture of a file, H x W x 3, or None where it has another key or is not whole."""
    with errors_in_one_line(path):
        data = path.read_bytes() if path.is_file() else b""
    try:
        if read_text(data).get(KEY) != key:
            return None
    except RunError:  # none there, or torn
        return None
    return decode_png(data, deep=True)
