"""The number format in which networks compute. Samplers, losses and cuts are always float32."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

import torch
from torch import Tensor

Precision: TypeAlias = Literal["float32", "bfloat16"]

Call = TypeVar("Call", bound=Callable[..., Any])


def precision_for(wanted: Literal["auto", "float32", "bfloat16"], device: torch.device) -> Precision:
    """Return the number format for networks on a device.

    Args:
        wanted: a format, which is then the answer, or ``"auto"``: bfloat16 where the device computes in it.
        device: where the networks run.
    """
    if wanted != "auto":
        return wanted
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = device.type == "cpu" and _cpu_has_bfloat16(Path("/proc/cpuinfo"))
    return "bfloat16" if fast else "float32"


def computing_in(precision: Precision, device: torch.device, call: Call) -> Call:
    """Return ``call`` so that its matrix products are computed in a format, and its answer is float32.

    Args:
        precision: the format.
        device: where ``call`` computes.
        call: a network, or what asks one: returns a tensor or a named tuple of tensors.
    """
    if precision == "float32":
        return call

    @wraps(call)
    def computed(*arguments: Any) -> Any:
        with torch.autocast(device.type, dtype=torch.bfloat16):
            answer = call(*arguments)
        return (
            answer.float() if isinstance(answer, Tensor) else type(answer)(*(part.float() for part in answer))
        )

    return computed  # type: ignore[return-value]


def _cpu_has_bfloat16(cpuinfo: Path) -> bool:
    """Return whether Linux lists instructions for it; other systems count as without."""
    return cpuinfo.is_file() and not {"avx512_bf16", "amx_bf16"}.isdisjoint(cpuinfo.read_text().split())
