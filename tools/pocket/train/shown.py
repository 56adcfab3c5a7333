"""Pictures as networks are shown them: drawn ones, and such as a diffusion network has been at.

The latter lie on disk in blocks of 240: estimates of noisy pictures (`estimates`), and pictures that part
of a diffusion was run over (`diffused`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tools.pocket.train.pictures import HEIGHT, WIDTH, Pictures
from tools.pocket.train.views import uniform

BLOCK = 240
"""Pictures in a block."""


def block_path(folder: Path, kind: str, number: int) -> Path:
    """Return where a block of a kind (``estimates``, ``diffused``) lies in a training's folder."""
    return folder / kind / f"block_{number:03d}.npz"


def write_block(path: Path, pictures: Tensor, index: np.ndarray) -> None:
    """Write a block under a temporary name, then rename it.

    Args:
        path: of the block.
        pictures: N x 3 x H x W in [0, 1].
        index: of each the picture of the world that it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    rgb = (pictures * 255).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, rgb=rgb, index=index)
    os.replace(part, path)


class Kept:
    """The blocks of one kind that are on disk, in memory.

    Args:
        paths: of the blocks, at least one.
        device: where they are asked for.
    """

    def __init__(self, paths: list[Path], device: str = "cpu") -> None:
        blocks = [np.load(path) for path in paths]
        self._rgb, self._index = (
            torch.from_numpy(np.concatenate([block[name] for block in blocks])).to(device)
            for name in ("rgb", "index")
        )

    def draw(self, count: int, dice: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return pictures, N x 3 x 128 x 192 in [0, 1], and the numbers of the world's that they were."""
        rows = torch.randint(len(self._rgb), (count,), generator=dice, device=dice.device)
        images = self._rgb[rows].permute(0, 3, 1, 2).float() / 255
        if images.shape[2:] != (HEIGHT, WIDTH):
            images = F.interpolate(images, size=(HEIGHT, WIDTH), mode="bicubic").clamp(0, 1)
        return images, self._index[rows]


class Shown:
    """Pictures as networks are shown them.

    Args:
        folder: holds ``world/`` and perhaps ``estimates/`` and ``diffused/``.
        device: where they are asked for.
        shares: of pictures that are of each of these kinds, where there are any; together at most 1.
    """

    def __init__(self, folder: Path, device: str, shares: Mapping[str, float]) -> None:
        self.pictures = Pictures(folder / "world", device)
        found = {kind: sorted((folder / kind).glob("block_*.npz")) for kind in shares}
        self._kinds = [(shares[kind], Kept(paths, device)) for kind, paths in found.items() if paths]

    def draw(self, count: int, dice: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return pictures, N x 3 x 128 x 192 in [0, 1], and which of the world they show."""
        index = self.pictures.draw(count, dice)
        images = self.pictures.images(index)
        lot, low = uniform(count, 0, 1, dice), 0.0
        for share, kept in self._kinds:
            chosen = (lot >= low) & (lot < low + share)
            low += share
            others, shown = kept.draw(count, dice)
            images, index = torch.where(chosen, others, images), torch.where(chosen.flatten(), shown, index)
        return images, index
