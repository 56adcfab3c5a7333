"""Pictures from files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from animator.convert import image_to_frame
from animator.errors import UsageError

if TYPE_CHECKING:
    from animator.types import Frame


def read_picture(path: Path, width: int, height: int) -> Frame:
    """Return a picture file as a frame of a size, stretched to it.

    Every kind that OpenCV reads is taken: 8 or 16 bits, grey or colour, turned as its EXIF says.

    Args:
        path: the file.
        width: pixels of the frame.
        height: pixels of the frame.

    Raises:
        UsageError: the file is not there or not a picture.
    """
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    # IMREAD_COLOR alone would cut 16 bits down to 8.
    pixels = cv2.imdecode(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH) if data.size else None
    if pixels is None:
        raise UsageError(f"{path}: not a picture that can be read; use PNG, JPEG, WebP or TIFF")
    top = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}.get(pixels.dtype, 1.0)
    rgb = cv2.cvtColor(pixels.astype(np.float32) / top, cv2.COLOR_BGR2RGB)
    smaller = width * height < rgb.shape[0] * rgb.shape[1]
    resized = cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
    return image_to_frame(resized).clamp(0, 1)
