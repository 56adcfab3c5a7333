"""Weights from files into networks: strictly, or not at all."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from animator.errors import WeightsError

WRAPPERS = ("state_dict", "model")
"""Entries under which training programs keep the state dict beside other things."""

SHOWN = 3
"""How many names of each fault a message spells out."""


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict, on the CPU and as it is stored, without running any code from the file.

    A wrapping ``state_dict`` or ``model`` entry is opened, and a ``module.`` before every name taken away.

    Raises:
        WeightsError: the file is absent, damaged or holds no state dict.
    """
    try:
        if path.suffix == ".safetensors":
            stored: Any = load_file(path)
        else:
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as fault:
        raise WeightsError(f"there are no weights at {path}") from fault
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, EOFError, OSError) as fault:
        reason = str(fault).partition("\n")[0]
        raise WeightsError(f"the weights at {path} cannot be read ({reason}); fetch them again") from fault
    for wrapper in WRAPPERS:
        if isinstance(stored, Mapping) and isinstance(stored.get(wrapper), Mapping):
            stored = stored[wrapper]
    if not isinstance(stored, Mapping) or not all(isinstance(entry, Tensor) for entry in stored.values()):
        raise WeightsError(f"{path} holds no state dict; only the weights of a network can be loaded")
    prefix = "module." if stored and all(name.startswith("module.") for name in stored) else ""
    return {name.removeprefix(prefix): entry for name, entry in stored.items()}


def fit(
    network: nn.Module,
    state: Mapping[str, Tensor],
    label: str,
    *,
    resemblance: Callable[[Mapping[str, Tensor]], str] | None = None,
) -> None:
    """Put a state dict into a network, in evaluation mode and frozen; floats become float32.

    The network may be built on the meta device; its parameters become those of the state dict.

    Args:
        network: every name and shape of it must be there, and no other.
        state: from `read_state`.
        label: what the weights are called in a message.
        resemblance: says, for the message, which known weights they look like.

    Raises:
        WeightsError: names are missing or too many, or shapes differ; the message shows the first few of each
            and says what the weights look like.
    """
    wanted = {name: entry.shape for name, entry in network.state_dict().items()}
    missing = sorted(wanted.keys() - state.keys())
    unexpected = sorted(state.keys() - wanted.keys())
    misshapen = [
        f"{name}: {_shape(state[name])} instead of {_shape_of(shape)}"
        for name, shape in wanted.items()
        if name in state and state[name].shape != shape
    ]
    if missing or unexpected or misshapen:
        faults = [
            f"{len(found)} {what} ({_first(found)})"
            for what, found in (
                ("missing", missing),
                ("unexpected", unexpected),
                ("of another shape", misshapen),
            )
            if found
        ]
        hint = f"; {resemblance(state)}" if resemblance else ""
        raise WeightsError(f"{label} does not fit its network: {', '.join(faults)}{hint}")
    floats = {name: entry.float() if entry.is_floating_point() else entry for name, entry in state.items()}
    network.load_state_dict(floats, strict=True, assign=True)
    network.eval().requires_grad_(False)


def read_config(path: Path) -> dict[str, Any]:
    """Read the description that lies beside bundled weights.

    Raises:
        WeightsError: it is absent or not a JSON object.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise WeightsError(f"the description {path} of a network cannot be read ({fault})") from fault
    if not isinstance(config, dict):
        raise WeightsError(f"the description {path} of a network is not a JSON object")
    return config


def file_hash(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _first(found: Iterable[str]) -> str:
    listed = list(found)
    return ", ".join(listed[:SHOWN]) + (", ..." if len(listed) > SHOWN else "")


def _shape(entry: Tensor) -> str:
    return _shape_of(entry.shape)


def _shape_of(shape: Iterable[int]) -> str:
    return "x".join(str(side) for side in shape) or "a single number"
