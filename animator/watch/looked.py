"""Maps of where the inner cuts of a diffusion fell, and what they never showed."""

from __future__ import annotations

import cv2
import numpy as np
from torch import Tensor

from animator.types import PaintStep
from animator.watch.sheet import with_header

NEVER = (255, 0, 255)
"""Red, green and blue of what was never looked at."""

WIDEST = 2048
"""Pixels in width that a map has at most."""


class LookedRecord:
    """Holds where each perceptor has looked in one diffusion."""

    def __init__(self) -> None:
        self._last: dict[str, Tensor] = {}
        self._unseen: dict[str, list[np.ndarray]] = {}

    def add(self, step: PaintStep) -> None:
        """Take note of a step; without cuts that are kept there is nothing to note."""
        for name, looked in step.looked.items():
            before = self._last.get(name)
            if before is looked:
                continue  # a step that asked for no gradient of its own
            fresh = looked if before is None else looked - before
            self._unseen.setdefault(name, []).append((fresh == 0).float().mean(dim=(1, 2)).numpy())
            self._last[name] = looked

    def maps(self, picture: int) -> dict[str, np.ndarray]:
        """Return a map of each perceptor for one of the pictures, uint8 RGB, under a strip of figures."""
        return {
            name: looked_map(
                looked[picture].numpy(), name, [float(one[picture]) for one in self._unseen[name]]
            )
            for name, looked in self._last.items()
        }


def looked_map(looked: np.ndarray, perceptor: str, unseen: list[float]) -> np.ndarray:
    """Return how often each pixel was shown by inner cuts, from dark to bright, uint8 RGB under a strip.

    Args:
        looked: counts, H x W.
        perceptor: its name.
        unseen: of each step the share of the picture that no inner cut showed.
    """
    shares = looked / max(1, looked.max())
    colours = cv2.applyColorMap(np.round(255 * shares).astype(np.uint8), cv2.COLORMAP_VIRIDIS)[..., ::-1]
    colours = np.where((looked == 0)[..., None], np.array(NEVER, np.uint8), colours)
    if colours.shape[1] > WIDEST:
        height = round(colours.shape[0] * WIDEST / colours.shape[1])
        colours = cv2.resize(colours, (WIDEST, height), interpolation=cv2.INTER_NEAREST)
    never = (looked == 0).mean()
    text = (
        f"{perceptor}  {len(unseen)} steps  never looked at {never:.1%}  "
        f"in a step {np.mean(unseen):.0%}  corner in {looked[0, 0]} of {looked.max()}"
    )
    return with_header(np.ascontiguousarray(colours), text)
