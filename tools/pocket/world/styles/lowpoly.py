"""Low-poly: flat triangles, small where the picture has detail and large where it has none."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from tools.pocket.world.spec import Spec
from tools.pocket.world.styles.tools import depth_edges

VARIANTS = 8
"""How many meshes there are for a size."""

LEVELS = 2
"""How often a large triangle may be cut into four."""

TOLERANCE = (0.055, 0.06)
"""Standard deviation of each of R, G, B above which a triangle is cut, by level."""


@lru_cache(maxsize=4 * VARIANTS)
def _mesh(height: int, width: int, variant: int) -> tuple[np.ndarray, int]:
    """Return the label of the smallest triangle at each pixel, int64 H * W, and the number of labels.

    Triangle ``n`` of one level is cut at the middles of its sides into ``4n`` to ``4n + 3`` of the next.
    """
    rng = np.random.default_rng((variant, 6))
    cell = max(15.0, height / 7)
    rows, columns = int(np.ceil(height / cell)) + 3, int(np.ceil(width / cell)) + 3
    yy, xx = np.mgrid[:rows, :columns].astype(np.float64)
    xx += 0.5 * (yy % 2)
    points = np.stack([xx, yy], axis=-1) - 1.25 + rng.uniform(-0.27, 0.27, (rows, columns, 2))
    points *= cell
    a, b, c, d = points[:-1, :-1], points[:-1, 1:], points[1:, :-1], points[1:, 1:]
    odd = (np.arange(rows - 1) % 2 == 1)[:, None, None]
    first = np.stack([a, b, np.where(odd, d, c)], axis=2)
    second = np.stack([np.where(odd, a, b), c, d], axis=2)
    triangles = np.concatenate([first.reshape(-1, 3, 2), second.reshape(-1, 3, 2)])
    for _ in range(LEVELS):
        p, q, r = triangles[:, 0], triangles[:, 1], triangles[:, 2]
        pq, qr, rp = (p + q) / 2, (q + r) / 2, (r + p) / 2
        children = [(p, pq, rp), (pq, q, qr), (rp, qr, r), (pq, qr, rp)]
        triangles = np.stack([np.stack(child, axis=1) for child in children], axis=1).reshape(-1, 3, 2)
    labels = np.zeros((height, width), np.int32)
    for index, triangle in enumerate(triangles):
        cv2.fillConvexPoly(labels, np.round(triangle * 16).astype(np.int32), index, cv2.LINE_8, 4)
    return labels.ravel().astype(np.int64), len(triangles)


def paint_lowpoly(rgb: np.ndarray, depth: np.ndarray, spec: Spec, rng: np.random.Generator) -> np.ndarray:
    """Return the picture in triangles, each of the mean colour under it, some a touch lighter or darker.

    A large triangle is cut where its colours differ or an outline runs through it; the smallest ones are cut
    along the outline, so that silhouettes stay sharp.
    """
    del spec
    height, width = rgb.shape[:2]
    labels, count = _mesh(height, width, int(rng.integers(VARIANTS)))
    near = 1 / depth.ravel()
    pixels = np.maximum(np.bincount(labels, minlength=count), 1)
    mean_near = np.bincount(labels, near, count) / pixels
    outlined = np.bincount(labels, depth_edges(depth).ravel() > 0.06, count)
    front = near > np.where(outlined, 1.015 * mean_near, np.inf).astype(np.float32)[labels]
    outlined = np.concatenate([outlined, outlined])
    labels = labels + front * count
    flat = rgb.reshape(-1, 3)
    layers = (flat[:, 0], flat[:, 1], flat[:, 2], np.square(flat).sum(axis=1), np.ones_like(near))
    sums = np.stack([np.bincount(labels, layer, 2 * count) for layer in layers], axis=1).astype(np.float32)
    shade = rng.uniform(0.04, 0.065)

    def means(totals: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the shaded mean colour and the variance around it of each triangle."""
        mean = totals[:, :4] / np.maximum(totals[:, 4:], 1)
        light = 1 + shade * rng.uniform(-1, 1, (len(mean), 1)).astype(np.float32)
        return mean[:, :3] * light, mean[:, 3] - np.square(mean[:, :3]).sum(axis=1)

    shown, _ = means(sums)
    for level in range(LEVELS - 1, -1, -1):
        sums = sums.reshape(-1, 4, 5).sum(axis=1)
        outlined = outlined.reshape(-1, 4).sum(axis=1)
        coarse, variance = means(sums)
        whole = (variance < 3 * TOLERANCE[level] ** 2) & (outlined == 0)
        children = len(shown) // len(coarse)
        shown = np.where(whole.repeat(children)[:, None], coarse.repeat(children, axis=0), shown)
    result: np.ndarray = np.take(shown, labels, axis=0).reshape(height, width, 3)
    return result
