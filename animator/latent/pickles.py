"""Files of `torch.save`, read without running any code that may be in them."""

from __future__ import annotations

import re
import warnings
import zipfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch

from animator.errors import WeightsError
from animator.weights.files import DAMAGED

INERT = re.compile(
    r"(pytorch_lightning|lightning|lightning_fabric|omegaconf)\..*"
    r"|numpy\.(_?core\.multiarray\.scalar|dtype)|typing\.Any|collections\.defaultdict"
)
"""What trainers left in published checkpoints beside the weights: it is passed over, and never imported."""


class Passed:
    """Takes the place of a thing that is not read: it keeps nothing and does nothing."""

    def __new__(cls, *arguments: Any, **named: Any) -> Passed:
        """Take whatever the thing was made of."""
        return super().__new__(cls)

    def __setstate__(self, state: Any) -> None:
        """Take whatever it held."""

    def __setitem__(self, key: Any, value: Any) -> None:
        """Take an entry."""

    def extend(self, entries: Any) -> None:
        """Take several entries."""


def read_pickle(path: Path, *, shapes_only: bool = False) -> Any:
    """Return what a file of `torch.save` holds, on the CPU.

    Args:
        path: the file.
        shapes_only: leave out the numbers: the tensors are on the meta device.

    Raises:
        WeightsError: it is damaged, or holds something that might run code.
    """
    # Only archives can be mapped into memory: files of torch before 1.6 are read whole.
    archive = zipfile.is_zipfile(path)
    try:
        with warnings.catch_warnings(), _passing_over(path) if archive else nullcontext():
            warnings.simplefilter("ignore")  # what torch finds odd in a damaged file: the error says it
            place = "meta" if shapes_only else "cpu"
            return torch.load(path, map_location=place, weights_only=True, mmap=archive or None)
    except WeightsError:
        raise
    except DAMAGED as fault:
        if found := re.search(r"GLOBAL (\S+)", str(fault)):
            raise WeightsError(_might_run(path, [found[1]])) from fault
        raise WeightsError(f"{path} is damaged, or no file of weights; fetch it again") from fault


def _passing_over(path: Path) -> Any:
    """Return the context in which `INERT` things of a file are passed over.

    Raises:
        WeightsError: it holds others.
    """
    listed = getattr(torch.serialization, "get_unsafe_globals_in_checkpoint", None)
    if listed is None:  # torch before 2.6 reads plain weights alone
        return nullcontext()
    found = listed(path)
    if others := [name for name in found if not INERT.fullmatch(name)]:
        raise WeightsError(_might_run(path, others))
    return torch.serialization.safe_globals([(Passed, name) for name in found])


def _might_run(path: Path, names: list[str]) -> str:
    return (
        f"{path} holds {', '.join(names[:3])}, which is no weights and might run code; nothing of it was "
        "run. Use the .safetensors file of the same model"
    )
