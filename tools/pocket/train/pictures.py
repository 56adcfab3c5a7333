"""The world on disk: blocks of pictures drawn once and read by every training."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from tools.pocket.world.canvas import FAR
from tools.pocket.world.draw import draw
from tools.pocket.world.spec import draw_spec

WIDTH, HEIGHT = 192, 128
BLOCK = 1000
HELD_OUT = 1_000_000_000
"""Pictures with this seed and above are never trained on."""

NEAREST = 0.2


def depth_to_bytes(depth: np.ndarray) -> np.ndarray:
    """Store distances from 0.2 to 10 as bytes, evenly on a logarithmic scale (steps of 1.5 %).

    Shares of 255, they are what the depth network tells (`animator.depth.pocket.to_distance`).
    """
    share = np.log(np.clip(depth, NEAREST, FAR) / NEAREST) / np.log(FAR / NEAREST)
    result: np.ndarray = np.round(share * 255).astype(np.uint8)
    return result


def draw_block(folder: Path, number: int) -> None:
    """Draw pictures ``number * 1000`` to ``number * 1000 + 999`` into two files, unless they are there."""
    done = folder / f"depth_{number:03d}.npy"
    if done.exists():
        return
    rgb = np.empty((BLOCK, HEIGHT, WIDTH, 3), np.uint8)
    depth = np.empty((BLOCK, HEIGHT, WIDTH), np.uint8)
    for row in range(BLOCK):
        rgb[row], distance = draw(draw_spec(number * BLOCK + row), WIDTH, HEIGHT)
        depth[row] = depth_to_bytes(distance)
    for name, array in ((f"rgb_{number:03d}.npy", rgb), (done.name, depth)):
        part = folder / (name + ".part")
        with part.open("wb") as file:
            np.save(file, array)
        os.replace(part, folder / name)


def draw_world(folder: Path, blocks: int, processes: int = 1) -> None:
    """Draw every block that is missing, several at a time."""
    folder.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    with ProcessPoolExecutor(processes) as pool:
        made = [pool.submit(draw_block, folder, number) for number in range(blocks)]
        for count, one in enumerate(as_completed(made)):
            one.result()
            print(f"world: {count + 1} of {blocks} blocks", flush=True)


def blocks_in(folder: Path) -> list[int]:
    """Return the numbers of the blocks that are on disk, ascending."""
    return sorted(int(path.stem.split("_")[1]) for path in folder.glob("depth_*.npy"))


class Pictures:
    """The blocks that are on disk: mapped into memory for a CPU, moved whole to a GPU.

    Args:
        folder: where `draw_world` left them.
        device: where they are asked for.
    """

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        numbers = blocks_in(folder)
        if not numbers:
            raise FileNotFoundError(
                f"no pictures in {folder}: run 'python -m tools.pocket.train world' first"
            )
        self.folder, self.numbers, self.device = folder, numbers, device
        self._rgb, self._depth = self._kept("rgb"), self._kept("depth")

    def __len__(self) -> int:
        """Pictures on disk."""
        return len(self.numbers) * BLOCK

    def _kept(self, kind: str) -> list[np.ndarray] | Tensor:
        blocks = [np.load(self.folder / f"{kind}_{n:03d}.npy", mmap_mode="r") for n in self.numbers]
        if self.device == "cpu":
            return blocks
        return torch.cat([torch.from_numpy(np.array(block)).to(self.device) for block in blocks])

    def _rows(self, kept: list[np.ndarray] | Tensor, index: Tensor) -> Tensor:
        if isinstance(kept, Tensor):
            return kept[index]
        rows = [kept[number // BLOCK][number % BLOCK] for number in index.tolist()]
        return torch.from_numpy(np.stack(rows))

    def images(self, index: Tensor) -> Tensor:
        """Return pictures, N x 3 x 128 x 192 in [0, 1]; ``index`` holds N numbers below the length."""
        return self._rows(self._rgb, index).permute(0, 3, 1, 2).float() / 255

    def shares(self, index: Tensor) -> Tensor:
        """Return their log distances, N x 1 x 128 x 192: 0 the nearest, 1 the farthest."""
        return self._rows(self._depth, index)[:, None].float() / 255

    def draw(self, count: int, dice: torch.Generator) -> Tensor:
        """Return the numbers of ``count`` pictures, drawn by chance."""
        return torch.randint(len(self), (count,), generator=dice, device=self.device)
