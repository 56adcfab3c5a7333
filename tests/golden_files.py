"""Where the golden figures lie: ``ANIMATOR_GOLDEN``, or the copy beside the tests."""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(os.environ.get("ANIMATOR_GOLDEN") or Path(__file__).parent / "golden")


def load_npz(name: str) -> dict[str, np.ndarray]:
    """Return every array of one file of figures."""
    with np.load(FOLDER / f"{name}.npz") as arrays:
        return dict(arrays)


def load_json(name: str) -> Any:
    """Return one file of cases."""
    return json.loads((FOLDER / f"{name}.json").read_text())


def fill(network: Any, salt: int) -> Any:
    """Fill a network from the names of its entries alone, by the recipe of the figures."""
    import torch

    state = network.state_dict()
    for name, entry in state.items():
        if not entry.is_floating_point():
            continue
        rng = np.random.default_rng(zlib.crc32(name.encode()) + int(salt))
        value = rng.standard_normal(tuple(entry.shape)).astype(np.float32)
        if name.endswith("running_var"):
            value = 1 + 0.1 * np.abs(value)
        elif name.endswith("running_mean"):
            value = 0.1 * value
        elif value.ndim >= 2:
            value = value / np.sqrt(np.prod(value.shape[1:]))
        elif name.endswith("weight"):
            value = 1 + 0.1 * value
        else:
            value = 0.1 * value
        state[name] = torch.from_numpy(np.asarray(value, np.float32).reshape(tuple(entry.shape)))
    network.load_state_dict(state)
    return network.eval()


def fill_quickly(network: Any) -> Any:
    """Fill a large network much as `fill` does, in place, from a million numbers that are repeated.

    Drawing hundreds of millions takes longer than what is tested with them.
    """
    import torch

    numbers = torch.randn(1_000_003, generator=torch.Generator().manual_seed(0))
    for name, entry in network.state_dict().items():
        if not entry.is_floating_point():
            continue
        if entry.ndim >= 2:
            scale, middle = (entry[0].numel() or 1) ** -0.5, 0.0
        else:
            scale, middle = 0.1, float(name.endswith(("weight", "running_var")))
        flat = entry.view(-1)
        drawn = numbers.roll(zlib.crc32(name.encode()) % len(numbers)).mul_(scale).add_(middle)
        for part in flat.split(len(numbers)):
            part.copy_(drawn[: len(part)])
        if name.endswith("running_var"):
            entry.abs_()
    return network.eval()


def without_random_weights(monkeypatch: Any) -> None:
    """Leave the weights of new networks as memory has them: they are filled, or read, afterwards."""
    import torch

    for name in ("normal_", "uniform_", "erfinv_"):
        monkeypatch.setattr(torch.Tensor, name, lambda self, *_, **__: self)
