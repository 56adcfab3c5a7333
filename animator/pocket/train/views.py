"""What a perceptor is shown in training: views of pictures, spoilt as guidance spoils them.

Guidance shows crops of half-finished pictures, so there are crops that are blurred, noisy, blotched, grey,
tilted and recoloured, and estimates of half-denoised pictures where these have been made.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Views:
    """How pictures are turned into views.

    Attributes:
        size: side of a view in pixels.
        whole: share of views of the whole picture between black bars.
        tall: share of the others that are as high as the picture.
        smallest: side of the smallest part that is cut out, as a share of the picture's height.
        blur: share of views that are blurred.
        tilt: greatest turn in degrees.
        fine: greatest standard deviation of pixel noise.
        coarse: greatest standard deviation of coarse blotches.
        grey: share of views without colour.
    """

    size: int
    whole: float = 0.4
    tall: float = 0.6
    smallest: float = 0.6
    blur: float = 0.3
    tilt: float = 12.0
    fine: float = 0.5
    coarse: float = 0.18
    grey: float = 0.06


def cut(image: np.ndarray, views: Views, rng: np.random.Generator) -> np.ndarray:
    """Return a square view of a picture, uint8: the whole of it between black bars, or a part."""
    height, width = image.shape[:2]
    size = views.size
    chance = rng.random(7)
    if chance[0] < views.whole:
        inner = cv2.resize(image, (size, size * height // width), interpolation=cv2.INTER_AREA)
        view = np.zeros((size, size, 3), np.uint8)
        top = (size - inner.shape[0]) // 2
        view[top : top + inner.shape[0]] = inner
    else:
        share = 1.0 if chance[6] < views.tall else views.smallest + (1 - views.smallest) * chance[1]
        side = int(height * share)
        y, x = rng.integers(height - side + 1), rng.integers(width - side + 1)
        view = cv2.resize(image[y : y + side, x : x + side], (size, size), interpolation=cv2.INTER_AREA)
    if chance[2] < 0.5:
        view = np.ascontiguousarray(view[:, ::-1])
    if chance[3] < 0.3:
        turn = cv2.getRotationMatrix2D((size / 2, size / 2), rng.uniform(-views.tilt, views.tilt), 1.0)
        turn[:, 2] += rng.uniform(-3, 3, 2)
        view = cv2.warpAffine(view, turn, (size, size))
    if chance[4] < views.blur:
        view = cv2.GaussianBlur(view, (0, 0), np.exp(-0.7 + 2.2 * chance[5]))
    return view


def spoil(batch: Tensor, views: Views, generator: torch.Generator) -> Tensor:
    """Recolour, grey and add noise and blotches to a batch in [0, 1], each view by its own measure."""
    count = len(batch)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand((count, 1, 1, 1), generator=generator)

    def some(share: float) -> Tensor:
        return (torch.rand((count, 1, 1, 1), generator=generator) < share).float()

    grey = batch.mean(dim=1, keepdim=True)
    saturation = torch.where(some(views.grey) > 0, torch.zeros(1), uniform(0.75, 1.35))
    batch = grey + (batch - grey) * saturation
    batch = (batch - 0.45) * uniform(0.75, 1.25) + 0.45 + uniform(-0.07, 0.07)
    fine = torch.randn(batch.shape, generator=generator) * some(0.5) * uniform(0, 1) ** 2 * views.fine
    coarse = torch.randn((count, 3, 8, 8), generator=generator)
    coarse = F.interpolate(coarse, size=views.size, mode="bicubic") * some(0.35) * uniform(0, views.coarse)
    return batch + fine + coarse


def make_views(images: list[np.ndarray], views: Views, seed: tuple[int, int]) -> Tensor:
    """Return spoilt views of pictures (uint8 H x W x 3), N x 3 x size x size around [0, 1]."""
    rng = np.random.default_rng(seed)
    cuts = np.stack([cut(image, views, rng) for image in images])
    batch = torch.from_numpy(cuts).permute(0, 3, 1, 2).float() / 255
    return spoil(batch, views, torch.Generator().manual_seed(seed[0] * 1_000_003 + seed[1]))
