"""How much memory this machine has."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

GIB = 2**30

MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True)
class Room:
    """Memory of a device, in bytes.

    Attributes:
        free: what can be had now; the whole where the system does not tell.
        total: all of it.
    """

    free: int
    total: int


def ram(meminfo: Path = MEMINFO) -> Room | None:
    """Return the memory of this machine, or None where the system does not tell."""
    if meminfo.is_file():
        rows = (line.split(":") for line in meminfo.read_text(encoding="ascii").splitlines() if ":" in line)
        kibibytes = {name: int(value.split()[0]) for name, value in rows}
        if {"MemAvailable", "MemTotal"} <= kibibytes.keys():
            return Room(kibibytes["MemAvailable"] * 1024, kibibytes["MemTotal"] * 1024)
    if {"SC_PAGE_SIZE", "SC_PHYS_PAGES"} <= getattr(os, "sysconf_names", {}).keys():
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return Room(whole, whole)
    return None


def gpu(device: torch.device) -> Room | None:
    """Return the memory of a GPU with CUDA, or None where the device is another."""
    import torch  # takes seconds to import

    if device.type != "cuda":
        return None
    free, total = torch.cuda.mem_get_info(device)
    return Room(free, total)


def in_gib(size: int) -> str:
    """Write a number of bytes for a reader.

    >>> in_gib(3 * 2**29)
    '1.50 GiB'
    """
    return f"{size / GIB:.2f} GiB"
