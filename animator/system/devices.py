"""Where networks compute: the one place that chooses a device."""

from __future__ import annotations

from typing import Literal

import torch

from animator.errors import UsageError

AUTO = "auto"

DeviceKind = Literal["cpu", "cuda"]
"""Where networks run, as far as their memory differs."""


def choose_device(wanted: str = AUTO) -> torch.device:
    """Return the device of a name.

    Args:
        wanted: ``auto`` (the first GPU with CUDA, else Apple's, else the CPU), ``cpu``, ``cuda``,
            ``cuda:1`` or ``mps``.

    Raises:
        UsageError: this machine has no such device; the message lists those it has.
    """
    if wanted == AUTO:
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    there = available_devices()
    if wanted in there or (wanted == "cuda" and "cuda:0" in there):
        return torch.device(wanted)
    raise UsageError(f"device: this machine has no {wanted}; it has {', '.join(there)}")


def available_devices() -> list[str]:
    """Return the names of this machine's devices: ``cpu``, and ``cuda:0`` ... and ``mps`` where they are."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    mps = ["mps"] if torch.backends.mps.is_available() else []
    return ["cpu", *(f"cuda:{number}" for number in range(gpus)), *mps]
