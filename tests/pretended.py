"""Diffusions that are only pretended, and what their watchers left."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from animator.runs.png import decode_png
from animator.settings.output import OutputOptions
from animator.types import PaintStep

NOTHING = {"progress_image": False, "losses": False, "contact_sheet": False}
SIZE = (32, 48)


def output(**options) -> OutputOptions:
    """Options with everything switched off but what is named."""
    return OutputOptions(**{**NOTHING, **options})


class Diffusion:
    """A diffusion of grey pictures, brighter with every step; ``asked`` are the steps that were looked at."""

    def __init__(self, pictures=1, total=8, size=SIZE, losses=None, cuts=None):
        self.pictures, self.total, self.size = pictures, total, size
        self.losses = losses or (lambda done: {})
        self.cuts = cuts or (lambda done: {})
        self.asked = []

    def step(self, done) -> PaintStep:
        def look():
            self.asked.append(done)
            return [
                torch.full((3, *self.size), (done + p / 4) / (self.total + 1)) for p in range(self.pictures)
            ]

        return PaintStep(done, self.total, look, self.losses(done), self.cuts(done))

    def level(self, done, picture=0):
        return round((done + picture / 4) / (self.total + 1) * 255)

    def run(self, watch, frames=None, first=1, last=None):
        watch.begin(frames or list(range(self.pictures)))
        for done in range(first, (last or self.total) + 1):
            watch.step(self.step(done))
        watch.finish()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def picture(path: Path) -> np.ndarray:
    pixels = decode_png(path.read_bytes())
    assert pixels is not None
    return pixels


def texts(path: Path) -> dict[str, str]:
    """The tEXt chunks of a PNG."""
    data, position, found = path.read_bytes(), 8, {}
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        if data[position + 4 : position + 8] == b"tEXt":
            key, value = data[position + 8 : position + 8 + length].split(b"\0", 1)
            found[key.decode()] = value.decode()
        position += 12 + length
    return found


def never(still):
    raise AssertionError(f"still {still} was read")


def awkward(done, pictures=2):
    """Values without a short decimal; `sat` begins late and `clip RN50` comes last, as schedules have it."""
    generator = torch.Generator().manual_seed(done)
    values = {"clip ViT-B-32": torch.rand(pictures, generator=generator) / 3}
    values["tv"] = 1e-9 * torch.rand(pictures, generator=generator)
    if done > 3:
        values["sat"] = 1e9 * torch.rand(pictures, generator=generator)
    if done > 5:
        values["clip RN50"] = -torch.rand(pictures, generator=generator).requires_grad_()
    return values


def coloured(still):
    return np.full((*SIZE, 3), (40 + still, 200 - still, 90), np.uint8)
