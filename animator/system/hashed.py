"""Gaussian numbers that follow from a name: the same identity and draw always give the same number.

A generator gives numbers in a row, so that a number is known by when it was drawn. Here it is known by what
it belongs to, wherever that has moved to and in whatever order it is asked for. The integers are mixed with
the finalizer of SplitMix64 (Steele et al. 2014), two of them make a Gaussian pair (Box and Muller 1958).
"""

from __future__ import annotations

import hashlib
import math

import torch
from torch import Tensor

_STEP = 0x9E3779B97F4A7C15
_FACTORS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def normal(identities: Tensor, draw: str, count: int) -> Tensor:
    """Return Gaussian numbers of mean 0 and variance 1, ``count`` for each identity.

    Numbers of different identities, draws or places in the count do not depend on each other.

    Args:
        identities: int64, of any shape; each element names something.
        draw: what the numbers are for, such as ``"noise"``.
        count: how many.

    Returns:
        float32, of the shape (count, *identities.shape), on the device of ``identities``.
    """
    digest = hashlib.blake2b(draw.encode(), digest_size=8).digest()
    base = _mixed(identities + _signed(int.from_bytes(digest, "little")))
    pairs = []
    for pair in range((count + 1) // 2):
        # Two words of 32 bits each; the first is kept off 0, of which there is no logarithm.
        word = _mixed(base + _signed(_STEP * (pair + 1)))
        radius = (_shifted(word, 32).double() + 0.5) * 2.0**-32
        angle = (word & 0xFFFFFFFF).double() * (2 * math.pi * 2.0**-32)
        radius = (-2 * radius.log()).sqrt_()
        pairs += [radius * angle.cos(), radius * angle.sin()]
    return torch.stack(pairs[:count]).float()


def _mixed(words: Tensor) -> Tensor:
    for shift, factor in _FACTORS:
        words = (words ^ _shifted(words, shift)) * _signed(factor)
    return words ^ _shifted(words, 31)


def _shifted(words: Tensor, by: int) -> Tensor:
    """Return words shifted to the right as if they had no sign."""
    return (words >> by) & ((1 << (64 - by)) - 1)


def _signed(word: int) -> int:
    """Return a word of 64 bits as the number that an int64 holds of it."""
    word &= 2**64 - 1
    return word - 2**64 if word >= 2**63 else word
