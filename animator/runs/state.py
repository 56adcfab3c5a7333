"""The state from which a run is resumed: tensors and a few plain values, a safetensors file a frame.

A state carries the digest of what it holds: one that the disk spoilt is found out, so that no
frame ever grows out of it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from animator.errors import RunError
from animator.runs.files import errors_in_one_line, write_atomic
from animator.system.json_text import parse_json

HEAD = "animator"
"""Key of the file's metadata under which the values and the digest are."""


def save_state(path: Path, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Write tensors (any device and type, kept to the bit) and values that JSON can hold, atomically."""
    # Clones: safetensors refuses tensors that share memory, as two streams of a turbo animation may.
    whole = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    text = json.dumps(dict(meta), sort_keys=True)
    # One key: the order of several changes from run to run, and with it the bytes of the file.
    head = json.dumps({"meta": text, "sha256": _digest(whole, text)})
    if not os.path.lexists(path.parent):  # a program that synchronizes folders leaves out empty ones
        with errors_in_one_line(path):
            path.parent.mkdir()
    write_atomic(path, save(whole, {HEAD: head}))


def load_state(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the tensors, on the CPU, and the values of a state.

    Raises:
        RunError: if there is no such state or it is damaged.
    """
    try:
        with errors_in_one_line(path), safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            head = parse_json(file.metadata()[HEAD])
        text = head["meta"]
        if _digest(tensors, text) != head["sha256"]:
            raise ValueError("a spoilt byte")
        return tensors, parse_json(text)
    except (SafetensorError, ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path}: not a complete state of a run; restore it or render again") from error


def read_meta(path: Path) -> dict[str, Any]:
    """Return the values of a state without its tensors; empty where there is none or it cannot be read."""
    try:
        with safe_open(path, framework="pt") as file:
            meta = parse_json(parse_json(file.metadata()[HEAD])["meta"])
    except (SafetensorError, OSError, ValueError, TypeError, KeyError):
        return {}
    return meta if isinstance(meta, dict) else {}


def _digest(tensors: Mapping[str, Tensor], text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
