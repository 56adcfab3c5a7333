"""Pictures of the world by their seeds, with all that is true of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from animator.system.convert import uint8_to_frame
from tools.pocket.train.pictures import HELD_OUT
from tools.pocket.world.captions import attributes, caption
from tools.pocket.world.draw import draw
from tools.pocket.world.spec import draw_spec

SIDE = 128
"""Width and height of the pictures in pixels: the native size of the bundled networks."""

FIRST = HELD_OUT
"""First seed of the pictures that the card's figures are of."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """Some pictures of the world.

    Attributes:
        pictures: N x 3 x 128 x 128 in [0, 1].
        captions: one of each, in a phrasing that trainings used.
        phrasings: one of each, in a phrasing that no training used.
        said: what is true of each, by attribute (``time``, ``ground``, …).
        depths: N x 128 x 128, true distances.
    """

    pictures: Tensor
    captions: list[str]
    phrasings: list[str]
    said: list[dict[str, str]]
    depths: Tensor

    def __len__(self) -> int:
        return len(self.pictures)

    def part(self, count: int) -> Drawn:
        """Return the first ``count`` of them."""
        return Drawn(
            self.pictures[:count],
            self.captions[:count],
            self.phrasings[:count],
            self.said[:count],
            self.depths[:count],
        )


def drawn(first: int, count: int) -> Drawn:
    """Draw pictures ``first`` to ``first + count - 1``; the same again for the same numbers.

    Args:
        first: a seed; from `FIRST` on no training has seen them.
        count: how many, at least 1.
    """
    rng = np.random.default_rng(first)
    specs = [draw_spec(seed) for seed in range(first, first + count)]
    painted = [draw(spec, SIDE, SIDE) for spec in specs]
    return Drawn(
        pictures=torch.stack([uint8_to_frame(rgb) for rgb, _ in painted]),
        captions=[caption(spec, rng) for spec in specs],
        phrasings=[caption(spec, rng, unseen=True) for spec in specs],
        said=[attributes(spec) for spec in specs],
        depths=torch.from_numpy(np.stack([depth for _, depth in painted])),
    )
