"""The state that a run needs to go on: tensors and a few plain values, a safetensors file a frame."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from animator.errors import RunError
from animator.runs.files import told_in_one_line, write_atomic


def save_state(path: Path, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Write tensors (any device and type, kept to the bit) and values that JSON can hold, atomically."""
    # Clones: safetensors refuses tensors that share memory, as two streams of a turbo animation may.
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    write_atomic(path, save(whole, {"meta": json.dumps(dict(meta), sort_keys=True)}))


def load_state(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors, on the CPU, and the values of a state.

    Raises:
        RunError: if there is no such state or it is damaged.
    """
    try:
        with told_in_one_line(path), safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            meta = json.loads(file.metadata()["meta"])
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path}: not a whole state of a run; restore it or render anew") from error
    return tensors, meta
