"""Names and shapes of what a file of weights holds; the weights themselves are not read."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from animator.errors import WeightsError
from animator.system.json_text import parse_json
from animator.weights.heads import head_fault, is_safetensors

SAFETENSORS = ".safetensors"
PICKLES = (".ckpt", ".pt", ".pth", ".bin")
ENDINGS = (SAFETENSORS, *PICKLES)
"""How the files end in which weights of latent diffusions are published."""

LONGEST_HEAD = 100_000_000
"""Bytes that the head of a safetensors file may have; the format allows no more."""

DEEPEST = 4
"""How many entries inside each other are opened: a file may refer to itself without end."""

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Header:
    """What a file says of its weights.

    Attributes:
        path: the file.
        shapes: of each tensor, by its name; those inside other entries as ``entry.name``, but without the
            entry ``state_dict``.
        said: texts that lie beside the weights, such as ``modelspec.architecture``.
        steps: how many steps it was trained, or 0 where it does not say.
    """

    path: Path
    shapes: Mapping[str, Shape]
    said: Mapping[str, str] = field(default_factory=dict)
    steps: int = 0


def read_header(path: Path) -> Header:
    """Return the names and shapes of a file, ``.safetensors`` or one of `PICKLES`.

    Raises:
        WeightsError: the file is absent or damaged, is a GGUF, or might run code; none of its code is run.
    """
    try:
        with path.open("rb") as file:
            head = file.read(9)
    except OSError as fault:
        raise WeightsError(f"the weights at {path} cannot be read ({fault.strerror})") from fault
    if head.startswith(b"GGUF"):
        raise WeightsError(
            f"{path} is a GGUF file, whose weights are quantised for other programs; "
            "use the .safetensors file of the same model"
        )
    if why := head_fault(path):
        raise WeightsError(f"the weights at {path} cannot be read ({why}); fetch them again")
    return _safetensors(path) if is_safetensors(path, head) else _pickle(path)


def _safetensors(path: Path) -> Header:
    try:
        shapes, said, end = _table(path)
    except (ValueError, TypeError, KeyError, AttributeError, struct.error) as fault:
        raise WeightsError(f"the head of {path} is damaged; fetch the file again") from fault
    if end > path.stat().st_size:
        missing = (end - path.stat().st_size) / 1e6
        raise WeightsError(f"{path} is cut off: {missing:.1f} MB are missing; fetch it again")
    return Header(path, shapes, said)


def _table(path: Path) -> tuple[dict[str, Shape], dict[str, str], int]:
    """Return shapes, texts and the byte where the last tensor ends."""
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        if length > min(LONGEST_HEAD, path.stat().st_size):
            raise ValueError("a head longer than the file")
        table = parse_json(file.read(length))
    said = {str(key): str(value) for key, value in table.pop("__metadata__", {}).items()}
    shapes = {name: tuple(map(int, entry["shape"])) for name, entry in table.items()}
    last = max((int(entry["data_offsets"][1]) for entry in table.values()), default=0)
    return shapes, said, 8 + length + last


def _pickle(path: Path) -> Header:
    from animator.latent.pickles import read_pickle

    stored = read_pickle(path, shapes_only=True)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors_of(stored)}
    steps = stored.get("global_step", 0) if isinstance(stored, Mapping) else 0
    return Header(path, shapes, {}, steps if isinstance(steps, int) else 0)


def tensors_of(stored: Any, before: str = "", depth: int = DEEPEST) -> Iterator[tuple[str, Any]]:
    """Yield the name and the tensor of every tensor in entries inside each other."""
    if not isinstance(stored, Mapping) or not depth:
        return
    inner = stored.get("state_dict")
    if isinstance(inner, Mapping):
        yield from tensors_of(inner, before, depth - 1)
        return
    for key, value in stored.items():
        if hasattr(value, "shape") and hasattr(value, "dtype"):
            yield f"{before}{key}", value
        else:
            yield from tensors_of(value, f"{before}{key}.", depth - 1)


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        WeightsError: it is absent or holds none.
    """
    try:
        found = parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, json.JSONDecodeError) as fault:
        raise WeightsError(f"the description {path} cannot be read ({fault})") from fault
    if not isinstance(found, dict):
        raise WeightsError(f"the description {path} is not a JSON object")
    return found
