"""Pictures of a way, painted one after the other and kept, so that painting can be resumed at any picture."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from animator.film.stills import stills
from animator.run.job import shot_of
from animator.run.sources import gather
from animator.run.tools import load_tools
from animator.runs.png import decode_png, encode_png
from animator.system.convert import frame_to_uint8, uint8_to_frame
from animator.types import StillEngine
from benchmarks.quality.ways import Way
from tools.pocket.figures.held_out import FIRST
from tools.pocket.figures.paint import scene_of
from tools.pocket.world.prompts import PROMPTS

EACH = 100
"""Seeds that belong to a prompt."""

SPREAD = 5
"""Neighbouring prompts are of one style; every fifth one is taken first, so that few prompts are of all."""


@dataclass(frozen=True)
class Kept:
    """One picture and what it cost.

    Attributes:
        prompt: its prompt's place in `PROMPTS`.
        seed: its number among those of the prompt, from 0.
        seconds: processor time of painting it, networks loaded and its prompt not yet encoded.
        pixels: H x W x 3, uint8.
    """

    prompt: int
    seed: int
    seconds: float
    pixels: np.ndarray

    @property
    def frame(self) -> Tensor:
        """The picture, 3 x H x W in [0, 1]."""
        return uint8_to_frame(self.pixels)


def order(prompts: int) -> list[int]:
    """Return the places in `PROMPTS` of the first so many to be painted.

    >>> order(3), len(order(40))
    ([0, 5, 10], 40)
    """
    spread = [place for first in range(SPREAD) for place in range(first, len(PROMPTS), SPREAD)]
    return spread[:prompts]


def seed_of(prompt: int, seed: int) -> int:
    """Return the seed of a picture; that of no other, and of the same in every way."""
    return FIRST + EACH * prompt + seed


def wanted(prompts: int, seeds: int) -> list[tuple[int, int]]:
    """Return prompt and seed of every picture, all prompts of the first seed first."""
    return [(prompt, seed) for seed in range(seeds) for prompt in order(prompts)]


class Painter:
    """Paints a way's pictures; its engine is loaded once."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.engine: StillEngine | None = None

    def paint(self, prompt: int, seed: int) -> tuple[Tensor, float]:
        """Return a picture, 3 x H x W in [0, 1], and the processor seconds that it took."""
        loaded = scene_of(PROMPTS[prompt][0], [seed_of(prompt, seed)], self.way.settings)
        if self.engine is None:
            self.engine = load_tools(loaded, gather(loaded)).engine
        shot = shot_of(loaded, gather(loaded))
        began = time.process_time()
        (made,) = stills(loaded.timeline, shot, self.engine, range(1), {}, batch=1)
        return made.picture.cpu(), time.process_time() - began


class Shelf:
    """Where the pictures of a way are kept: a folder of its own, named by its settings too.

    A way whose settings change begins again; pictures of others stay.
    """

    def __init__(self, folder: Path, name: str, way: Way) -> None:
        mark = hashlib.sha256("\n".join(way.settings).encode()).hexdigest()[:8]
        self.folder = folder / f"{name}-{mark}"

    def _path(self, prompt: int, seed: int) -> Path:
        return self.folder / f"{prompt:02d}-{seed}.png"

    def has(self, prompt: int, seed: int) -> bool:
        """Return whether a picture is there, its cost with it."""
        return self._path(prompt, seed).with_suffix(".json").is_file()

    def put(self, prompt: int, seed: int, frame: Tensor, seconds: float) -> None:
        """Keep a picture; what it cost is written last, so that one without is half written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(prompt, seed)
        path.write_bytes(encode_png(frame_to_uint8(frame), {}))
        path.with_suffix(".json").write_text(json.dumps({"seconds": round(seconds, 3)}))

    def get(self, prompt: int, seed: int) -> Kept:
        """Return a picture that is there."""
        path = self._path(prompt, seed)
        pixels = decode_png(path.read_bytes())
        assert pixels is not None, path
        seconds = json.loads(path.with_suffix(".json").read_text())["seconds"]
        return Kept(prompt, seed, float(seconds), pixels)


def fill(folder: Path, ways: Sequence[tuple[str, Way]], prompts: int, seeds: int) -> Iterator[str]:
    """Paint what is not there yet, picture by picture through all ways in turn; yield a line for each."""
    painters = {name: Painter(way) for name, way in ways}
    for prompt, seed in wanted(prompts, seeds):
        for name, way in ways:
            shelf = Shelf(folder, name, way)
            if shelf.has(prompt, seed):
                continue
            frame, seconds = painters[name].paint(prompt, seed)
            shelf.put(prompt, seed, frame, seconds)
            yield f"{name} {prompt:02d}-{seed} {seconds:.1f} s"


def one_thread() -> None:
    """Compute on one core: processor time is then what a picture takes on a core of its own."""
    torch.set_num_threads(1)
