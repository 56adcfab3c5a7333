"""How the pictures of a scene are made larger, as plain values that fingerprints are made of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from animator.run.networks import hash_of
from animator.settings.upscale import Model, Target
from animator.upscale.load import Upscaler, load_upscaler, model_name, passes
from animator.weights.registry import Entry, locate, location, parts

if TYPE_CHECKING:
    from animator.settings.scene import Scene


@dataclass(frozen=True)
class Enlarging:
    """How pictures are made larger.

    Attributes:
        model: what makes them larger, not ``auto``.
        source: width and height of the pictures.
        target: width and height of the result.
        networks: which run, one after the other.
        device: where.
    """

    model: str
    source: tuple[int, int]
    target: tuple[int, int]
    networks: tuple[Entry, ...]
    device: torch.device

    @property
    def word(self) -> str:
        """What names of files say of the size."""
        return f"{self.target[0]}x{self.target[1]}"

    @property
    def settings(self) -> dict[str, Any]:
        """All that decides the result, as a `Stage` takes it.

        Raises:
            WeightsError: weights are not there.
        """
        hashes = []
        for entry in self.networks:
            locate(entry)
            hashes += [hash_of(location(part)) for part in parts(entry)]
        return {"larger": self.model, "size": list(self.target), "weights": hashes}

    def load(self) -> Callable[[np.ndarray], np.ndarray]:
        """Return a function that enlarges a picture; networks are loaded when it is first called."""
        loaded: list[Upscaler] = []

        def enlarge(pixels: np.ndarray) -> np.ndarray:
            if not loaded:
                loaded.append(self.load_frames())
            return loaded[0](pixels)

        return enlarge

    def load_frames(self) -> Upscaler:
        """Load the networks now, and return what enlarges pictures and frames."""
        return load_upscaler(self.model, self.source, self.target, self.device)


def enlarging(scene: Scene, model: Model, target: Target, device: torch.device) -> Enlarging:
    """Return how the pictures of a scene are made larger; with ``models: fake`` ``auto`` is the filter.

    Args:
        scene: the scene.
        model: what is asked for.
        target: width and height of the result.
        device: where networks run.
    """
    name = "lanczos" if scene.models == "fake" and model == "auto" else model_name(model, device)
    return Enlarging(name, scene.size, target, tuple(passes(name, scene.size, target)), device)
