"""The machine: what it is called, and the two rates that bound everything on it."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from animator.diffusion.precision import precision_for
from benchmarks.timing import clock_of, timed_in_turn


@dataclass(frozen=True)
class Machine:
    """What a machine is and can do.

    Attributes:
        device: where the networks run.
        name: of the processor or card.
        flops: operations a second of a large matrix product, in the type that the networks compute in.
        bandwidth: bytes a second of a large copy, read and written.
    """

    device: torch.device
    name: str
    flops: float
    bandwidth: float

    def floor(self, operations: float = 0, moved: float = 0) -> float:
        """Return the seconds that work takes at best: what takes longer, its arithmetic or its memory.

        Args:
            operations: at the rate of a matrix product.
            moved: bytes read and written, at the rate of a copy.
        """
        return max(operations / self.flops, moved / self.bandwidth)

    def facts(self) -> dict[str, Any]:
        """Return what stands beside results."""
        return {
            "device": self.name,
            "threads": torch.get_num_threads(),
            "cores": os.cpu_count(),
            "gflops": round(self.flops / 1e9, 1),
            "gb_per_s": round(self.bandwidth / 1e9, 1),
            "torch": torch.__version__,
            "python": platform.python_version(),
            "system": platform.platform(),
        }


def measured(device: torch.device, precision: str = "auto") -> Machine:
    """Measure a machine, its products in a number format as `precision_for` takes it."""
    gpu = device.type == "cuda"
    half = precision_for(precision, device) == "bfloat16"  # type: ignore[arg-type]
    dtype = torch.bfloat16 if half else torch.float32
    side = 8192 if gpu else 2048
    one = torch.randn(side, side, device=device, dtype=dtype)
    clock = clock_of(device)  # that of the rows, whatever else the machine does
    product = timed_in_turn([lambda: one @ one], repeats=9, clock=clock)[0].low
    block = torch.empty(2**28 if gpu else 2**25, device=device)
    other = torch.empty_like(block)
    copy = timed_in_turn([lambda: other.copy_(block)], repeats=9, clock=clock)[0].low
    name = torch.cuda.get_device_name() if gpu else _processor()
    return Machine(device, name, 2 * side**3 / product, 2 * block.nbytes / copy)


def operations_of(call: Callable[[], Any]) -> float:
    """Return the operations of matrix products, convolutions and attention in a call, backward passes too."""
    with Operations() as counter:
        call()
    return float(counter.total)


def bytes_of(*values: Any) -> int:
    """Return the bytes of all tensors among some values, which may be tuples of them."""
    return sum(
        bytes_of(*value) if isinstance(value, tuple | list) else getattr(value, "nbytes", 0)
        for value in values
    )


def peak_of(call: Callable[[], Any], device: torch.device) -> int | None:
    """Return the most bytes that a call holds on a GPU, networks included; None on a CPU: nobody counts."""
    if device.type != "cuda":
        return None
    torch.cuda.synchronize(device)
    torch.cuda.reset_peak_memory_stats(device)
    call()
    torch.cuda.synchronize(device)
    return torch.cuda.max_memory_allocated(device)


class Operations(TorchDispatchMode):
    """Counts what torch's own counter counts; that one cannot watch gradients that are taken by hand."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        count = flop_registry.get(func._overloadpacket)
        if count is not None:
            self.total += count(*args, **(kwargs or {}), out_val=out)
        return out


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
