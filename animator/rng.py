"""Randomness by name: what a frame draws depends on its seed, its number and the stage, on nothing else."""

from __future__ import annotations

import hashlib

import torch


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
    return torch.Generator().manual_seed(derive(seed, frame, stage))
