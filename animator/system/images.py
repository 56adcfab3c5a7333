"""Pictures from files."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from animator.errors import UsageError
from animator.system.convert import image_to_frame
from animator.system.picture_files import MAX_BYTES, NO_PICTURE, check_picture
from animator.system.safe_read import read_plain

if TYPE_CHECKING:
    from animator.types import Frame

Fit = Literal["stretch", "cover", "contain"]
"""How a picture of another shape fills a frame; ``diffusion.init_fit`` says what each does."""

Colour = tuple[float, float, float]
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
# What it prints of damaged pictures names no file; what is wrong is said here.

WHITE: Colour = (1.0, 1.0, 1.0)
BLACK: Colour = (0.0, 0.0, 0.0)

WORKED_ON = 25_000_000
"""Pixels above which a picture is halved before it is worked on."""

EXTRA_SAMPLES = 338
"""TIFF's tag of channels beyond colour."""


def read_picture(path: Path, width: int, height: int, fit: Fit = "stretch", ground: Colour = WHITE) -> Frame:
    """Return a picture file as a frame of a size.

    Every kind of `KINDS` is taken: 8 or 16 bits, grey or colour, turned as its EXIF says. What is
    transparent is laid over a colour; a picture that has transparent parts is not turned.

    Args:
        path: the file.
        width: pixels of the frame.
        height: pixels of the frame.
        fit: ``stretch`` distorts a picture of another shape, ``cover`` cuts off what is too much on two sides
            alike, ``contain`` shows all of it in the middle of its mean colour.
        ground: red, green and blue, 0 to 1, of what lies under transparent parts.

    Raises:
        UsageError: the file is not there, not a whole picture, or has more than `MAX_PIXELS`.
    """
    image = _decoded(path, ground)
    if fit == "cover":
        image = _cropped(image, width, height)
    if fit == "contain":
        return _to_frame(_framed(image, width, height))
    return _to_frame(_resized(image, width, height))


def read_whole(path: Path, longest: int = 1024) -> Frame:
    """Return a picture file as a frame of its own shape.

    Args:
        path: the file, of any kind that `read_picture` takes.
        longest: pixels of the longer side; a larger picture is scaled down to it, a smaller one stays.

    Raises:
        UsageError: as `read_picture`.
    """
    image = _decoded(path)
    height, width = image.shape[:2]
    return _to_frame(_resized(image, *_scaled(width, height, min(1.0, longest / max(width, height)))))


def _to_frame(bgr: np.ndarray) -> Frame:
    return image_to_frame(bgr[..., ::-1]).clamp(0, 1)


def _decoded(path: Path, ground: Colour = WHITE) -> np.ndarray:
    """Return a picture file as H x W x 3, BGR, float32, 1 being white."""
    try:
        data = read_plain(path, MAX_BYTES)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; name a picture") from error
    kind = check_picture(data, path)
    try:
        pixels = _pixels(np.frombuffer(data, np.uint8), kind)
    except cv2.error:  # more pixels than OpenCV takes, or a header that makes no sense
        pixels = None
    if pixels is None:
        raise UsageError(f"{path}: {NO_PICTURE}")
    # Before there are four bytes for each of its values.
    while pixels.shape[0] * pixels.shape[1] > WORKED_ON:
        pixels = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    image = np.nan_to_num(pixels.astype(np.float32), copy=False)
    image /= _white(pixels)
    if image.shape[2] == 3:
        return image
    alpha = image[..., 3:]
    if kind == "TIFF" and _multiplied(data, pixels):
        return image[..., :3] + (1 - alpha) * np.array(ground[::-1], np.float32)
    return image[..., :3] * alpha + (1 - alpha) * np.array(ground[::-1], np.float32)


def _pixels(data: np.ndarray, kind: str) -> np.ndarray | None:
    """Return what OpenCV decodes: four channels where something is transparent, else three."""
    whole = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if kind not in {"JPEG", "MPO"} else None
    if kind == "TIFF" and 0 in _extra_samples(data.tobytes()):
        whole = None  # its fourth channel is something else
    if whole is not None and whole.shape[2:] == (4,) and (whole[..., 3] < _white(whole)).any():
        return whole
    del whole
    # IMREAD_COLOR alone would cut 16 bits down to 8; unlike IMREAD_UNCHANGED it turns as the EXIF says.
    return cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)


def _extra_samples(data: bytes) -> tuple[int, ...]:
    """Return what a TIFF says of its channels beyond colour: 0 anything, 1 alpha, multiplied, 2 alpha."""
    try:
        with Image.open(io.BytesIO(data), formats=["TIFF"]) as header:
            return tuple(getattr(header, "tag_v2", {}).get(EXTRA_SAMPLES, ()))
    except UnidentifiedImageError:  # one of floating point, which Pillow does not know
        return (0,)


def _multiplied(data: bytes, pixels: np.ndarray) -> bool:
    """Return whether the colours of a decoded TIFF are multiplied by alpha: OpenCV does it to 8 bits."""
    extra = _extra_samples(data)
    return 1 in extra or (2 in extra and pixels.dtype == np.uint8)


def _white(pixels: np.ndarray) -> float:
    return float(np.iinfo(pixels.dtype.name).max) if pixels.dtype.kind in "ui" else 1.0


def _scaled(width: int, height: int, scale: float) -> tuple[int, int]:
    return max(1, round(width * scale)), max(1, round(height * scale))


def _resized(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return an image of a size, each side on its own: averaged where it shrinks, cubic where it grows."""
    smaller = (min(width, image.shape[1]), min(height, image.shape[0]))
    shrunk = cv2.resize(image, smaller, interpolation=cv2.INTER_AREA)
    return cv2.resize(shrunk, (width, height), interpolation=cv2.INTER_CUBIC)


def _cropped(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return the largest part, in the middle, that has the shape of width x height."""
    scale = min(image.shape[1] / width, image.shape[0] / height)
    part_width, part_height = _scaled(width, height, scale)
    left, top = (image.shape[1] - part_width) // 2, (image.shape[0] - part_height) // 2
    return image[top : top + part_height, left : left + part_width]


def _framed(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return the whole image, as large as it can be, in the middle of its mean colour."""
    scale = min(width / image.shape[1], height / image.shape[0])
    part = _resized(image, *_scaled(image.shape[1], image.shape[0], scale))
    ground = np.broadcast_to(image.mean(axis=(0, 1), dtype=np.float64).astype(np.float32), (height, width, 3))
    framed = ground.copy()
    left, top = (width - part.shape[1]) // 2, (height - part.shape[0]) // 2
    framed[top : top + part.shape[0], left : left + part.shape[1]] = part
    return framed
