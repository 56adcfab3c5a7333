"""What is said of the world's pictures: captions told in advance, in tokens, and what can be asked of each.

Telling a picture and cutting the caption into tokens takes longer than a GPU's step with it, so each picture
is told in a few phrasings once, by every core.
"""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import open_clip
import torch
from torch import Tensor

from tools.pocket.train import pictures
from tools.pocket.train.naming import stored_answers
from tools.pocket.world.captions import caption
from tools.pocket.world.spec import draw_spec

CONTEXT = 40
"""Tokens of a text at most."""

PHRASINGS = 8
"""Captions of each picture."""


@lru_cache(maxsize=1)
def tokenizer() -> open_clip.SimpleTokenizer:
    """Return what cuts texts into tokens."""
    return open_clip.SimpleTokenizer(context_length=CONTEXT)


@lru_cache(maxsize=1)
def known_tokens() -> Tensor:
    """Return the numbers of every token that captions of the world are made of, ascending."""
    rng = np.random.default_rng(5)
    words = {word for seed in range(20000) for word in caption(draw_spec(int(seed)), rng).split()}
    result: Tensor = torch.unique(tokenizer()(sorted(words)))
    return result


def rows_of(texts: list[str], known: Tensor) -> Tensor:
    """Return texts as rows of the table of known tokens, N x 40."""
    return torch.searchsorted(known, tokenizer()(texts))


def _tell(folder: Path, known: Tensor, number: int) -> None:
    rng = np.random.default_rng((31, number))
    specs = [draw_spec(number * pictures.BLOCK + row) for row in range(pictures.BLOCK)]
    captions = [caption(spec, rng) for spec in specs for _ in range(PHRASINGS)]
    rows = rows_of(captions, known).to(torch.int16).numpy().reshape(len(specs), PHRASINGS, CONTEXT)
    path = folder / f"told_{number:03d}.npz"
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(file, rows=rows, answers=stored_answers(specs).numpy())
    os.replace(part, path)


def tell(folder: Path, processes: int = 1) -> None:
    """Tell every picture of a world that has not been told, several blocks at a time.

    Args:
        folder: holds the blocks of the world and receives what is told of them.
        processes: how many blocks at a time.
    """
    numbers = pictures.blocks_in(folder)
    missing = [number for number in numbers if not (folder / f"told_{number:03d}.npz").exists()]
    if not missing:
        return
    work = partial(_tell, folder, known_tokens())
    if min(processes, len(missing)) == 1:
        list(map(work, missing))
        return
    # Not forked: a child would wait for ever for the threads that torch has in its parent.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, context, torch.set_num_threads, (1,)) as pool:
        list(pool.map(work, missing))


class Told:
    """What is told of the pictures of a world, on the device that asks."""

    def __init__(self, folder: Path, device: str = "cpu") -> None:
        tell(folder, torch.get_num_threads())
        blocks = [np.load(folder / f"told_{number:03d}.npz") for number in pictures.blocks_in(folder)]
        self._rows, self._answers = (
            torch.from_numpy(np.concatenate([block[name] for block in blocks])).to(device)
            for name in ("rows", "answers")
        )

    def captions(self, index: Tensor, dice: torch.Generator) -> Tensor:
        """Return one caption of each picture as rows of the table of known tokens, N x 40."""
        which = torch.randint(PHRASINGS, (len(index),), generator=dice, device=dice.device)
        return self._rows[index, which].long()

    def answers(self, index: Tensor) -> Tensor:
        """Return what `naming.stored_answers` says of each picture."""
        return self._answers[index].long()
