"""Fractal noise, made once and sampled everywhere."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

SIDE = 512


@lru_cache(maxsize=1)
def bank() -> np.ndarray:
    """Return 8 tileable fractal noise textures, float32 of shape (8, 512, 512), each spread over [0, 1]."""
    rng = np.random.default_rng(20)
    textures = []
    for _ in range(8):
        total: np.ndarray = np.zeros((SIDE, SIDE), np.float32)
        for octave in range(1, 8):
            cells = 2**octave * 2
            grid = rng.standard_normal((cells, cells)).astype(np.float32)
            grid = np.pad(grid, 2, mode="wrap")
            step = SIDE // cells
            big = cv2.resize(grid, None, fx=step, fy=step, interpolation=cv2.INTER_CUBIC)
            total += big[2 * step : 2 * step + SIDE, 2 * step : 2 * step + SIDE] / 1.9**octave
        low, high = np.percentile(total, [1, 99])
        textures.append(np.clip((total - low) / (high - low), 0, 1).astype(np.float32))
    return np.stack(textures)


def sample(layer: int, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Return texture ``layer`` at coordinates ``u``, ``v`` (1 = one repeat), bilinear, float32."""
    texture = bank()[layer % 8]
    u, v = np.broadcast_arrays(u, v)
    x = np.mod(u, 1.0).astype(np.float32) * SIDE
    y = np.mod(v, 1.0).astype(np.float32) * SIDE
    result: np.ndarray = cv2.remap(texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
    return result


def line(layer: int, start: float, length: float, count: int) -> np.ndarray:
    """Return ``count`` values of texture ``layer`` along a line of ``length`` repeats, float32."""
    u = start + np.linspace(0, length, count, dtype=np.float32)
    result: np.ndarray = sample(layer, u[None], np.full((1, count), start * 7.3, np.float32))[0]
    return result
