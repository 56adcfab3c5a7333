"""Weights from files into networks: strictly, or not at all."""

from __future__ import annotations

import pickle
import re
import struct
import warnings
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from animator.errors import WeightsError
from animator.system.json_text import parse_json
from animator.weights.heads import head_fault, is_safetensors

WRAPPERS = (
    *("ema_state_dict", "state_dict_ema", "model_ema", "ema_model", "params_ema", "ema"),
    *("state_dict", "model_state_dict", "model", "params", "network", "net"),
)
"""Entries under which training programs keep the state dict beside other things; where there are several, the
first counts, so that the averaged weights (EMA) go before those that are still being trained."""

MOST_WRAPPINGS = 4
"""How many wrappers inside each other are opened: a file may refer to itself without end."""

EMA_PREFIXES = ("ema_model.", "model_ema.", "ema.")
"""What is before the averaged weights' names in a file that holds both."""

PREFIXES = ("module.", "_orig_mod.", "model.", "online_model.", *EMA_PREFIXES)
"""What wrappers of networks (data-parallel, compiled, averaged) put before every name."""

BOOKKEEPING = frozenset({"initted", "step", "decay", "num_updates", "n_averaged"})
"""What averaging keeps among the weights."""

COUNTER = ".num_batches_tracked"
"""How the names of batch normalisation's counters end. Only training reads them, and old files have none."""

DAMAGED = (
    *(pickle.UnpicklingError, SafetensorError, struct.error, RuntimeError, OSError, EOFError, MemoryError),
    *(ValueError, LookupError, TypeError, AttributeError, AssertionError),
)
"""What reading a damaged file can raise: the readers follow what it says wherever that leads."""

SHOWN = 3
"""How many names of each fault a message spells out."""


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict, on the CPU and as it is stored, without running any code from the file.

    The first bytes say what the file is. A state dict that lies under an entry of `WRAPPERS` is taken
    out, averaged weights before others, and a prefix that all names share (`PREFIXES`) taken away.

    Raises:
        WeightsError: the file is absent, damaged or holds no state dict.
    """
    try:
        stored = _read(path)
    except FileNotFoundError as fault:
        raise WeightsError(f"there are no weights at {path}") from fault
    except DAMAGED as fault:
        raise WeightsError(
            f"the weights at {path} cannot be read ({_reason(fault)}); fetch them again"
        ) from fault
    for _ in range(MOST_WRAPPINGS):
        stored = _wrapped(stored) or stored
    if not _is_state(stored):
        raise WeightsError(f"{path} holds no state dict; only the weights of a network can be loaded")
    return _own_names(dict(stored))


def _read(path: Path) -> Any:
    """Read a file by what its first bytes say it is.

    Raises:
        ValueError: they say that it holds no weights.
    """
    if fault := head_fault(path):
        raise ValueError(fault)
    with path.open("rb") as file:
        safe = is_safetensors(path, file.read(9))
    if safe:
        return load_file(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what torch finds odd in a damaged file: the error says it
        return torch.load(path, map_location="cpu", weights_only=True)


def _reason(fault: BaseException) -> str:
    """Return in a few words why a file cannot be read, without torch's advice to run its code."""
    text = str(fault)
    if "TorchScript" in text:
        return "it is a TorchScript program and no state dict"
    if found := re.search(r"GLOBAL (\S+)", text):
        return f"it holds {found[1]}, which is no weights and might run code"
    if isinstance(fault, pickle.UnpicklingError):
        found = re.search(r"WeightsUnpickler error:\s*(.+)", text)
        return found[1].strip() if found else "it is no file of weights"
    if isinstance(fault, (OSError, ValueError, RuntimeError, SafetensorError)) and text:
        return text.partition("\n")[0].partition(". ")[0][:120]
    return "it is damaged"


def _is_state(stored: Any) -> bool:
    return isinstance(stored, Mapping) and all(
        isinstance(name, str) and isinstance(entry, Tensor) for name, entry in stored.items()
    )


def _wrapped(stored: Any, depth: int = MOST_WRAPPINGS) -> Mapping[str, Any] | None:
    """Return the first entry of `WRAPPERS` that holds tensors, itself or in such an entry; None without."""
    if isinstance(stored, Mapping) and depth:
        for wrapper in WRAPPERS:
            inner = stored.get(wrapper)
            if isinstance(inner, Mapping) and (
                any(isinstance(entry, Tensor) for entry in inner.values()) or _wrapped(inner, depth - 1)
            ):
                return inner
    return None


def _own_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict by the network's own names, of averaged and other weights the averaged ones."""
    weights = [name for name in state if name not in BOOKKEEPING]
    for prefix in EMA_PREFIXES:
        averaged = [name for name in weights if name.startswith(prefix)]
        if averaged and all(name.startswith(PREFIXES) for name in weights):
            return _own_names({name.removeprefix(prefix): state[name] for name in averaged})
    for prefix in PREFIXES:
        if weights and all(name.startswith(prefix) for name in weights):
            return _own_names({name.removeprefix(prefix): state[name] for name in weights})
    return state


def differences(network: nn.Module, state: Mapping[str, Tensor]) -> str:
    """Return how a state dict differs from a network's, the first few names of each kind; "" if it fits.

    Counters of batch normalisation may be absent.
    """
    wanted = {name: entry.shape for name, entry in network.state_dict().items()}
    missing = sorted(name for name in wanted.keys() - state.keys() if not name.endswith(COUNTER))
    unexpected = sorted(state.keys() - wanted.keys())
    misshapen = [
        f"{name}: {_shape_of(state[name].shape)} instead of {_shape_of(shape)}"
        for name, shape in wanted.items()
        if name in state and state[name].shape != shape
    ]
    return ", ".join(
        f"{len(found)} {what} ({_first(found)})"
        for what, found in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("of another shape", misshapen),
        )
        if found
    )


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
        network: every name and shape of it must be there, and no other; the counters of its batch
            normalisation may be absent.
        state: from `read_state`.
        label: what the weights are called in a message.
        resemblance: says, for the message, which known weights they look like.

    Raises:
        WeightsError: names are missing or too many, or shapes differ; the message shows the first few of each
            and says what the weights look like.
    """
    if faults := differences(network, state):
        hint = f"; {resemblance(state)}" if resemblance else ""
        raise WeightsError(f"{label} does not fit its network: {faults}{hint}")
    counters = {
        name: torch.zeros((), dtype=torch.int64) for name in network.state_dict().keys() - state.keys()
    }
    floats = {name: entry.float() if entry.is_floating_point() else entry for name, entry in state.items()}
    network.load_state_dict({**counters, **floats}, strict=True, assign=True)
    network.eval().requires_grad_(False)


def read_config(path: Path) -> dict[str, Any]:
    """Read the description that lies beside bundled weights.

    Raises:
        WeightsError: it is absent or not a JSON object.
    """
    try:
        config = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise WeightsError(f"the description {path} of a network cannot be read ({fault})") from fault
    if not isinstance(config, dict):
        raise WeightsError(f"the description {path} of a network is not a JSON object")
    return config


def _first(found: Iterable[str]) -> str:
    listed = list(found)
    return ", ".join(listed[:SHOWN]) + (", ..." if len(listed) > SHOWN else "")


def _shape_of(shape: Iterable[int]) -> str:
    return "x".join(str(side) for side in shape) or "a single number"
