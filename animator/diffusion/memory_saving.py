"""What a painting does with less memory: more passes, more arithmetic, more traffic, the same picture."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar, runtime_checkable

import torch
from torch import nn

from animator.types import OnStep, PaintStep

Result = TypeVar("Result")

SHORTAGES = (
    "out of memory",
    "not enough memory",
    "can't allocate memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
)
"""How devices and libraries say that there is no memory where torch has no class of errors for it."""

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Thrift:
    """One level of saving memory; the first one saves nothing.

    Attributes:
        together: whether a perceptor looks at the cuts of all batches of a step in one pass; the first thing
            to be given up. On a GPU, which a pass of few cuts leaves waiting, that is several times as fast.
        parts: passes in which a perceptor looks at the cuts of one batch.
        checkpoint: whether the denoiser computes its activations again when it is differentiated
            (Chen et al. 2016, "Training deep nets with sublinear memory cost").
        offload: whether networks are on the device only while they work.
    """

    together: bool = False
    parts: int = 1
    checkpoint: bool = False
    offload: bool = False

    def next(self, most: Thrift) -> Thrift | None:
        """Return the next level, dearer in time than this one, or None where nothing more can be saved.

        Args:
            most: the last level: how many parts there can be, and which of the others is of use.

        >>> print(Thrift(parts=4).next(Thrift(parts=6, checkpoint=True)))
        cuts in 6 parts
        """
        if self.together:
            return replace(self, together=False)
        if self.parts < most.parts:
            return replace(self, parts=min(2 * self.parts, most.parts))
        if most.checkpoint and not self.checkpoint:
            return replace(self, checkpoint=True)
        if most.offload and not self.offload:
            return replace(self, offload=True)
        return None

    def __str__(self) -> str:
        """Say what is done to save memory.

        >>> print(Thrift(parts=4, checkpoint=True))
        cuts in 4 parts, activations recomputed
        """
        measures = {
            f"cuts in {self.parts} parts": self.parts > 1,
            "activations recomputed": self.checkpoint,
            "idle networks off the device": self.offload,
        }
        return ", ".join(text for text, taken in measures.items() if taken) or "cuts batch by batch"


@runtime_checkable
class Recomputing(Protocol):
    """A network that can compute its activations again instead of keeping them, such as a `UNet`."""

    use_checkpoint: bool


def out_of_memory(fault: BaseException) -> bool:
    """Return whether an error means that a device, or the machine, has no memory left."""
    if isinstance(fault, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(fault, RuntimeError) and any(words in str(fault) for words in SHORTAGES)


def tried(call: Callable[[], Result]) -> Result | None:
    """Return what ``call`` returns; None if it ran out of memory, all that it held being free again."""
    try:
        return call()
    except (RuntimeError, MemoryError) as fault:
        if not out_of_memory(fault):
            raise
    # Only here, with the error gone, is what its traceback held no longer in use.
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def reported_once(on_step: OnStep | None) -> OnStep | None:
    """Return a watcher that does not see again the steps that a repeated painting takes again."""
    if on_step is None:
        return None
    done = 0

    def tell(step: PaintStep) -> None:
        nonlocal done
        if step.done > done:
            done = step.done
            on_step(step)

    return tell


@dataclass
class Places:
    """Where networks are: all on the device, or each only while it works.

    Kept apart, what predicts is on the device and what looks is on the CPU; while one of these looks, they
    change places. Where an error comes between, they stay as they are until `settle`.

    Attributes:
        device: where networks work.
        predicting: the denoiser and its stand-ins.
        seeing: the networks of each perceptor, by its name.
        apart: whether those that do not work leave the device.
    """

    device: torch.device = CPU
    predicting: Sequence[nn.Module] = ()
    seeing: Mapping[str, Sequence[nn.Module]] = field(default_factory=dict)
    apart: bool = False

    def settle(self) -> None:
        """Bring networks that are kept apart to where a painting begins."""
        if self.apart:
            for networks in self.seeing.values():
                _move(networks, CPU)
            _move(self.predicting, self.device)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """While perceptors look, what predicts is away; a graph through it stays whole."""
        if self.apart:
            _move(self.predicting, CPU)
        yield
        if self.apart:
            _move(self.predicting, self.device)

    @contextmanager
    def visit(self, name: str) -> Iterator[None]:
        """While the perceptor of this name looks or reads, its networks are on the device."""
        networks = self.seeing.get(name, ()) if self.apart else ()
        _move(networks, self.device)
        yield
        _move(networks, CPU)


def networks_of(*owners: object) -> list[nn.Module]:
    """Return the networks among some objects, or kept as their attributes."""
    parts = [part for one in owners for part in ([one] if isinstance(one, nn.Module) else _attributes(one))]
    return [part for part in parts if isinstance(part, nn.Module)]


def _attributes(owner: object) -> list[object]:
    return list(getattr(owner, "__dict__", {}).values())


def _move(networks: Sequence[nn.Module], device: torch.device) -> None:
    for network in networks:
        network.to(device)
