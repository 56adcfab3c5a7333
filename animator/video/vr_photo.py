"""A VR180 photo: a JPEG of what the left eye sees, with the right eye's picture in its metadata.

Galleries of headsets show it in depth, any other program as the left eye's picture. The properties are those
of Google's photo spheres (``GPano``: what part of the sphere is shown) and of its VR photos (``GImage``: the
other eye). The right eye is larger than one segment of a JPEG and lies in extended XMP (XMP Specification
Part 3, 1.1.3.1), parts of one text whose MD5 the main text names.
"""

from __future__ import annotations

import base64
import hashlib
import struct

import cv2
import numpy as np

QUALITY = 95
"""Of both JPEGs, 0 to 100."""

XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
"""How segments with XMP begin, and those with more of it."""

MOST = 65_000
"""Bytes of extended XMP in one segment, which holds 65,533 with what is before them."""

SPACES = (
    'xmlns:GPano="http://ns.google.com/photos/1.0/panorama/" '
    'xmlns:GImage="http://ns.google.com/photos/1.0/image/" '
    'xmlns:xmpNote="http://ns.adobe.com/xmp/note/"'
)


def vr180_photo(left: np.ndarray, right: np.ndarray, software: str = "animator") -> bytes:
    """Return a VR180 photo, a JPEG.

    Args:
        left: the half sphere before the left eye, evenly spaced in longitude and latitude, N x N x 3 uint8.
        right: the same of the right eye.
        software: what is named as the program that made it.

    Raises:
        ValueError: the pictures are not square, or of two sizes.
    """
    height, width, _ = left.shape
    if left.shape != right.shape or height != width:
        raise ValueError(f"a VR180 photo needs two squares of one size, not {left.shape} and {right.shape}")
    data = base64.b64encode(_jpeg(right)).decode()
    more = _packet(f'GImage:Data="{data}"').encode()
    name = hashlib.md5(more, usedforsecurity=False).hexdigest().upper()
    values = {
        "GPano:UsePanoramaViewer": "True",
        "GPano:StitchingSoftware": software,
        "GPano:ProjectionType": "equirectangular",
        "GPano:PoseHeadingDegrees": "0.0",
        "GPano:CroppedAreaImageWidthPixels": width,
        "GPano:CroppedAreaImageHeightPixels": height,
        "GPano:FullPanoWidthPixels": 2 * width,
        "GPano:FullPanoHeightPixels": height,
        "GPano:CroppedAreaLeftPixels": width // 2,
        "GPano:CroppedAreaTopPixels": 0,
        "GImage:Mime": "image/jpeg",
        "xmpNote:HasExtendedXMP": name,
    }
    main = XMP + _packet(" ".join(f'{key}="{value}"' for key, value in values.items())).encode()
    head = EXTENSION + name.encode()
    parts = [
        head + struct.pack(">II", len(more), start) + more[start : start + MOST]
        for start in range(0, len(more), MOST)
    ]
    photo = _jpeg(left)
    return photo[:2] + b"".join(_segment(part) for part in (main, *parts)) + photo[2:]


def _packet(attributes: str) -> str:
    """Return XMP of one description."""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about="" {SPACES} {attributes}/></rdf:RDF></x:xmpmeta>'
    )


def _segment(payload: bytes) -> bytes:
    """Return an application segment APP1, whose length counts itself."""
    return b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload


def _jpeg(pixels: np.ndarray) -> bytes:
    """Return an RGB picture as a JPEG, its colours at full size."""
    how = [
        cv2.IMWRITE_JPEG_QUALITY,
        QUALITY,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR,
        cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
    ]
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(pixels[..., ::-1]), how)
    return bytes(data.tobytes())
