"""GPUs by their names, and what of their memory a render can have."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from animator.errors import UsageError
from animator.memory.machine import GIB

RESERVED = 0.75
"""GiB of a GPU that a render cannot have: what the driver, CUDA's context and its libraries take. Assumed."""

USABLE = 0.98
"""Share of a GPU's nominal memory that its driver reports. Assumed; of a T4's 16 GB, 15 can be used."""

_SIZE = re.compile(r"\s*(\d{1,4}(?:\.\d+)?)\s*(?:g|gb|gib)?\s*", re.IGNORECASE)
_NOISE = re.compile(r"nvidia|tesla|geforce|quadro|rtx|gtx|gb\b|[^a-z0-9]")


@dataclass(frozen=True)
class Gpu:
    """A GPU.

    Attributes:
        name: as its maker calls it, or its memory.
        gigabytes: nominal memory, in GiB.
        bfloat16: whether it computes in bfloat16, in which activations take half as much.
    """

    name: str
    gigabytes: float
    bfloat16: bool = True

    @property
    def room(self) -> int:
        """Bytes that a render can have."""
        return int(max(self.gigabytes * USABLE - RESERVED, 0) * GIB)


def _row(gigabytes: float, *names: str, bfloat16: bool = True) -> dict[str, Gpu]:
    return {_folded(name): Gpu(name, gigabytes, bfloat16) for name in names}


def _folded(name: str) -> str:
    return _NOISE.sub("", name.lower())


GPUS: Mapping[str, Gpu] = {
    # Before Ampere (2020) there is no arithmetic in bfloat16.
    **_row(6, "GTX 1060", "RTX 2060", bfloat16=False),
    **_row(8, "GTX 1070", "GTX 1080", "RTX 2070", "RTX 2080", "M60", "P4", bfloat16=False),
    **_row(11, "GTX 1080 Ti", "RTX 2080 Ti", bfloat16=False),
    **_row(12, "K80", "Titan X", "Titan Xp", bfloat16=False),
    **_row(15, "T4", bfloat16=False),
    **_row(16, "P100", "V100", "RTX 5000", bfloat16=False),
    **_row(24, "P40", "Titan RTX", "RTX 6000", bfloat16=False),
    **_row(32, "V100-32", bfloat16=False),
    **_row(8, "RTX 3050", "RTX 3060 Ti", "RTX 3070", "RTX 3070 Ti", "RTX 4060", "RTX 4060 Ti", "RTX 5060"),
    **_row(10, "RTX 3080"),
    **_row(12, "RTX 3060", "RTX 3080 Ti", "RTX 4070", "RTX 4070 Ti", "RTX 5070"),
    **_row(16, "RTX 4080", "RTX 5070 Ti", "RTX 5080", "RTX A4000", "A2", "A16"),
    **_row(20, "RTX 4000 Ada", "RTX A4500"),
    **_row(24, "RTX 3090", "RTX 3090 Ti", "RTX 4090", "RTX A5000", "A10", "A10G", "A30", "L4"),
    **_row(32, "RTX 5090", "RTX 5000 Ada"),
    **_row(40, "A100"),
    **_row(48, "A40", "RTX A6000", "RTX 6000 Ada", "L40", "L40S"),
    **_row(80, "A100-80", "H100"),
    **_row(96, "GH200", "RTX PRO 6000"),
    **_row(141, "H200"),
    **_row(180, "B200"),
}
"""By folded name; memory in GiB as their makers state it."""

SHOWN = (
    "GTX 1060",
    "RTX 3070",
    "RTX 3060",
    "T4",
    "V100",
    "RTX 4080",
    "RTX 4090",
    "RTX 5090",
    "A100",
    "L40S",
    "H100",
)
"""One GPU for each size of memory, for tables."""


def gpu_named(text: str) -> Gpu:
    """Return the GPU that a user means: by its name, or by its memory such as ``16GB``.

    Raises:
        UsageError: it is neither.

    >>> gpu_named("16GB"), gpu_named("rtx4090").gigabytes, gpu_named("Tesla T4").bfloat16
    (Gpu(name='16 GB', gigabytes=16.0, bfloat16=True), 24, False)
    """
    folded = _folded(text)
    if folded in GPUS:
        return GPUS[folded]
    if (
        (size := _SIZE.fullmatch(text))
        and 1 <= float(size[1]) <= 1000
        and not re.fullmatch(r"\s*\d{4}\s*", text)
    ):
        return Gpu(f"{float(size[1]):g} GB", float(size[1]))
    close = difflib.get_close_matches(folded, GPUS, 1, 0.6)
    hint = f"did you mean {GPUS[close[0]].name}? " if close else ""
    known = ", ".join(dict.fromkeys(one.name for one in GPUS.values()))
    raise UsageError(
        f"--gpu: '{text[:40]}' is no GPU that is known; {hint}write its memory, 16GB, or one of {known}"
    )
