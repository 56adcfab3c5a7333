"""PNG files that carry text, the same bytes for the same picture and text."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import cv2
import numpy as np

from animator.errors import RunError
from animator.scene.picture_text import read_text

__all__ = ["decode_png", "encode_png", "read_text"]

END_OF_HEADER = 33
"""Where the chunks after IHDR begin: 8 bytes of signature and 25 of IHDR."""

END = b"IEND\xaeB`\x82"
"""The last bytes of every whole PNG."""

COMPRESSION = 3
"""zlib level: a painted picture becomes hardly smaller at 9, but takes many times as long."""


def encode_png(pixels: np.ndarray, text: Mapping[str, str]) -> bytes:
    """Return a PNG of a picture with texts in it.

    Args:
        pixels: H x W x 3 RGB, uint8 or uint16; the PNG has as many bits.
        text: texts by keyword (1 to 79 Latin-1 characters). What Latin-1 can write becomes a tEXt chunk, the
            rest an iTXt chunk in UTF-8 (PNG specification, 11.3.3).
    """
    done, data = cv2.imencode(
        ".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, COMPRESSION]
    )
    if not done:
        raise RunError(f"a picture of {pixels.shape} {pixels.dtype} cannot be written as a PNG")
    png = data.tobytes()
    chunks = b"".join(_text_chunk(keyword, value) for keyword, value in text.items())
    return png[:END_OF_HEADER] + chunks + png[END_OF_HEADER:]


def decode_png(data: bytes, *, deep: bool = False) -> np.ndarray | None:
    """Return the picture of a PNG, H x W x 3 RGB, or None if the bytes are not a whole one.

    Args:
        data: the file's content.
        deep: whether a picture of 16 bits is returned as uint16; otherwise it becomes uint8 like all others.
    """
    if not data.endswith(END):
        return None  # the decoder would fill up a torn file with grey
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    if pixels is None:
        return None
    if pixels.dtype == np.uint16 and not deep:
        # To the nearest of the 8-bit levels, which are 257 apart; the decoder would round down.
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def _text_chunk(keyword: str, value: str) -> bytes:
    try:
        return _chunk(b"tEXt", keyword.encode("latin-1") + b"\0" + value.encode("latin-1"))
    except UnicodeEncodeError:
        # Uncompressed (two zero bytes), with neither a language nor a translated keyword.
        return _chunk(b"iTXt", keyword.encode("latin-1") + b"\0\0\0\0\0" + value.encode("utf-8"))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
