"""VR180 photos: two pictures in one JPEG, read back by a parser that shares nothing with the writer."""

from __future__ import annotations

import base64
import hashlib
import io
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from animator.video.vr_photo import vr180_photo


def segments(data):
    """Every segment of a JPEG before its picture: marker and payload."""
    found, at = [], 2
    while data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        found.append((data[at + 1], data[at + 4 : at + 2 + length]))
        at += 2 + length
    return found


def eye(seed, size=256):
    rough = np.random.default_rng(seed).random((16, 16, 3)).astype(np.float32)
    fine = np.random.default_rng(seed).integers(-20, 20, (size, size, 3))
    return (cv2.resize(rough, (size, size)) * 255 + fine).clip(0, 255).astype(np.uint8)


def nearness(one, other):
    return np.abs(np.asarray(one).astype(int) - other).mean()


def test_both_eyes_are_in_it():
    left, right = eye(1), eye(2)
    photo = vr180_photo(left, right)
    assert nearness(Image.open(io.BytesIO(photo)), left) < 4
    texts = [payload for marker, payload in segments(photo) if marker == 0xE1]
    (main,) = (text for text in texts if text.startswith(b"http://ns.adobe.com/xap/1.0/\0"))
    values = dict(re.findall(r'(\w+:\w+)="([^"]*)"', main.decode("utf-8", "replace")))
    assert values["GPano:ProjectionType"] == "equirectangular"
    sizes = ("FullPanoWidthPixels", "FullPanoHeightPixels", "CroppedAreaLeftPixels", "CroppedAreaTopPixels")
    assert [values[f"GPano:{name}"] for name in sizes] == ["512", "256", "128", "0"]
    assert values["GImage:Mime"] == "image/jpeg"
    parts = [text[35:] for text in texts if text.startswith(b"http://ns.adobe.com/xmp/extension/\0")]
    assert len(parts) > 1
    assert {part[:32].decode() for part in parts} == {values["xmpNote:HasExtendedXMP"]}
    whole = b""
    for part in parts:
        assert int.from_bytes(part[36:40], "big") == len(whole)
        whole += part[40:]
    assert {int.from_bytes(part[32:36], "big") for part in parts} == {len(whole)}
    assert hashlib.md5(whole).hexdigest().upper() == values["xmpNote:HasExtendedXMP"]
    (data,) = re.findall(rb'GImage:Data="([^"]*)"', whole)
    assert nearness(Image.open(io.BytesIO(base64.b64decode(data, validate=True))), right) < 4


@pytest.mark.parametrize(("left", "right"), [((8, 8), (16, 16)), ((8, 16), (8, 16))])
def test_only_two_squares_of_one_size_make_one(left, right):
    with pytest.raises(ValueError, match="two squares of one size"):
        vr180_photo(np.zeros((*left, 3), np.uint8), np.zeros((*right, 3), np.uint8))
