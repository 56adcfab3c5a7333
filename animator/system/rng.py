"""Randomness by name: what a frame draws depends on its seed, its number and the stage, on nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

SEEDS = 2**32
"""How many seeds a picture may have; they count from 0."""


def derive(seed: int, frame: int, stage: str) -> int:
    """Return the 63-bit seed of one stage of one frame.

    >>> derive(1, 2, "noise") == derive(1, 2, "noise"), derive(1, 2, "noise") == derive(1, 3, "noise")
    (True, False)
    """
    digest = hashlib.blake2b(f"{seed}/{frame}/{stage}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(seed: int, frame: int, stage: str) -> torch.Generator:
    """Return a fresh CPU generator for one stage of one frame.

    It lives on the CPU on every machine, so that a frame draws the same numbers with and without a GPU.

    Args:
        seed: seed of the frame.
        frame: number of the frame.
        stage: what the numbers are for, such as ``"noise"`` or ``"cuts"``.
    """
    import torch  # reading a scene asks for seeds only, and stays quick without it

    return torch.Generator().manual_seed(derive(seed, frame, stage))


def picture_seed(seed: int | Sequence[int], mode: str, index: int) -> int:
    """Return the seed of one picture or frame, 0 to 2**32 - 1, as a scene's `seed` and `seed_mode` say.

    Args:
        seed: the scene's seed, or a list of them, one a picture; a list that is too short begins again.
        mode: ``step`` adds 1 a picture, ``fixed`` gives all the same, ``random`` draws one for each; without
            a meaning for a list.
        index: number of the picture, from 0.

    >>> [picture_seed(2**32 - 1, "step", index) for index in (0, 1)], picture_seed([7, 9], "step", 1)
    ([4294967295, 0], 9)
    """
    if not isinstance(seed, int):
        return seed[index % len(seed)]
    if mode == "fixed":
        return seed
    if mode == "random":
        return derive(seed, index, "picture seed") % SEEDS
    return (seed + index) % SEEDS
