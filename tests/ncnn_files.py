"""Tiny networks in the two files of ncnn, written here so that nothing needs the published ones."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

MAGIC = "7767517"


def halves(weights: np.ndarray) -> bytes:
    """Return weights of 16 bits with their tag, filled up to whole fours."""
    data = weights.astype("<f2").tobytes()
    return struct.pack("<I", 0x01306B47) + data + bytes(-len(data) % 4)


def floats(weights: np.ndarray) -> bytes:
    """Return weights of 32 bits with their tag."""
    return struct.pack("<I", 0) + plain(weights)


def plain(weights: np.ndarray) -> bytes:
    """Return numbers without a tag, as biases are."""
    return weights.astype("<f4").tobytes()


def write_network(path: Path, lines: list[str], weights: list[bytes]) -> tuple[Path, Path]:
    """Write ``.param`` and ``.bin`` and return them."""
    param, data = path.with_suffix(".param"), path.with_suffix(".bin")
    path.parent.mkdir(parents=True, exist_ok=True)
    param.write_text("\n".join([MAGIC, f"{len(lines)} 9", *lines]) + "\n")
    data.write_bytes(b"".join(weights))
    return param, data


def write_enlarging(path: Path, scale: int, seed: int = 0, strength: float = 0.02) -> tuple[Path, Path]:
    """Write a network of the shape of animevideov3: convolutions, a shuffle, and the picture itself added."""
    rng, outputs = np.random.default_rng(seed), 3 * scale**2
    first, second = rng.normal(0, 0.3, (4, 3, 3, 3)), rng.normal(0, strength, (outputs, 4, 3, 3))
    lines = [
        "Input in 0 1 data",
        "Split split 1 2 data data_0 data_1",
        f"Convolution a 1 1 data_0 x 0=4 1=3 4=1 5=1 6={first.size}",
        "PReLU b 1 1 x y 0=4",
        f"Convolution c 1 1 y z 0={outputs} 1=3 4=1 5=1 6={second.size}",
        f"PixelShuffle d 1 1 z large 0={scale}",
        f"Interp e 1 1 data_1 base 0=1 1={scale}.0 2={scale}.0",
        "BinaryOp f 2 1 large base output",
    ]
    slopes = rng.uniform(0, 0.5, 4)
    weights = [halves(first), plain(np.zeros(4)), plain(slopes), floats(second), plain(np.zeros(outputs))]
    return write_network(path, lines, weights)
