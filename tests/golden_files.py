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
