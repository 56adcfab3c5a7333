"""What a cell of a study paints, as a hash: two cells that paint the same pictures have the same."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from animator.run.fingerprint import hash_inputs
from animator.run.job import stop_of, wanted_numbers
from animator.run.networks import weights_of
from animator.run.sources import gather
from animator.scene.reading import LoadedScene

LETTERS = 10
"""Of the name of a cell."""


@dataclass(frozen=True)
class Painted:
    """What a scene paints.

    Attributes:
        name: short hash of all that follows; the cell's name.
        inputs: fingerprint of every frame.
        numbers: those that are wanted.
        stop: share of the diffusion after which they are stopped; 1 at its end.
        larger: how many of them are painted again, larger.
    """

    name: str
    inputs: Sequence[str]
    numbers: Sequence[int]
    stop: float
    larger: int = 0


def painted_by(loaded: LoadedScene) -> Painted:
    """Return what a scene paints.

    Nothing is painted and no network is loaded, but weights and pictures are hashed.

    Raises:
        UsageError: a picture that it names cannot be had.
        WeightsError: weights are not there.
    """
    scene, sources = loaded.scene, gather(loaded)
    sources.try_all()
    inputs = hash_inputs(loaded, sources, weights_of(loaded))
    numbers, stop = wanted_numbers(loaded), stop_of(scene)
    # The rate of a film is in none of its frames, but films that differ in it are two.
    decided: list[Any] = [
        [inputs[number] for number in numbers],
        stop,
        None if scene.mode == "still" else scene.fps,
    ]
    if scene.large_size is not None:
        decided.append(scene.hires.model_dump(mode="json"))
    larger = len(numbers) if scene.large_size is not None and stop == 1 else 0
    digest = hashlib.sha256(json.dumps(decided).encode()).hexdigest()
    return Painted(digest[:LETTERS], inputs, numbers, stop, larger)
