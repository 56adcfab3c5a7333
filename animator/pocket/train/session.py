"""What every training shares: a checkpoint that survives being killed, an average of the weights, a clock.

Batches are made from the number of their step alone, so that a run that goes on sees what it would have seen;
other threads may make the next ones meanwhile.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from animator.diffusion.precision import layout_for

EVERY = 120.0
"""Seconds from one checkpoint to the next."""

Batch = TypeVar("Batch")


@dataclass(frozen=True)
class Machine:
    """Where a training runs.

    Attributes:
        device: of the network.
        workers: threads that make batches ahead; 0 makes each when it is needed.
        compile: whether `torch.compile` is used; it pays on a GPU.
    """

    device: str = "cpu"
    workers: int = 0
    compile: bool = False

    def put(self, network: nn.Module) -> nn.Module:
        """Move a network here, in the layout that is fastest."""
        return network.to(self.device, memory_format=layout_for(torch.device(self.device)))

    def give(self, batch: Tensor) -> Tensor:
        """Move a batch of pictures, N x C x H x W, here, in the same layout."""
        return batch.to(self.device, memory_format=layout_for(torch.device(self.device)))

    def compiled(self, network: Any) -> Any:
        """Return what to call in the network's place."""
        return torch.compile(network) if self.compile else network

    def autocast(self) -> torch.autocast:
        """Compute in bfloat16 where that loses nothing."""
        return torch.autocast(torch.device(self.device).type, torch.bfloat16)


def batches(make: Callable[[int], Batch], first: int, last: int, workers: int = 0) -> Iterator[Batch]:
    """Yield ``make(step)`` for the steps from ``first`` up to, not with, ``last``, in order.

    Args:
        make: builds the batch of a step.
        first: step of the first batch.
        last: step after the last batch.
        workers: threads that build ahead, each at most two batches; 0 = none.
    """
    if not workers:
        yield from map(make, range(first, last))
        return
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Batch]] = deque()
        for step in range(first, last):
            waiting.append(pool.submit(make, step))
            if len(waiting) > 2 * workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@dataclass(frozen=True)
class Budget:
    """How long and how fast to train.

    Attributes:
        steps: steps in all; the learning rate falls to nothing over them along a cosine.
        rate: highest learning rate.
        warm_up: steps over which it rises.
    """

    steps: int
    rate: float
    warm_up: int = 200

    def rate_at(self, step: int) -> float:
        """Return the learning rate of a step.

        >>> Budget(1000, 1.0, 10).rate_at(0), Budget(1000, 1.0, 10).rate_at(1000)
        (0.1, 0.0)
        """
        rise = min(1.0, (step + 1) / self.warm_up)
        fall = 0.5 * (1 + math.cos(math.pi * min(1.0, step / self.steps)))
        return self.rate * (rise if step < self.warm_up else fall)


class Session:
    """A network in training with its optimiser, its moving average and its place on disk.

    Args:
        network: trained in place.
        budget: how long and how fast.
        path: the checkpoint; continued from where it exists.
        average: share of the moving average that a step keeps.
        decay: weight decay.
    """

    def __init__(
        self, network: nn.Module, budget: Budget, path: Path, *, average: float = 0.998, decay: float = 0.01
    ) -> None:
        self.network, self.budget, self.path, self.keep = network, budget, path, average
        self.optimiser = torch.optim.AdamW(
            network.parameters(), lr=0.0, weight_decay=decay, betas=(0.9, 0.99)
        )
        self.average = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self.step, self.seconds = 0, 0.0
        self.history: list[tuple[int, float, float]] = []
        self._sums = [0.0, 0.0]
        if path.exists():
            self._load()
        self._started = self._saved = time.monotonic()

    def _load(self) -> None:
        stored = torch.load(self.path, weights_only=True, map_location=self._device())
        self.network.load_state_dict(stored["network"])
        self.average = stored["average"]
        self.step, self.seconds, self.history = stored["step"], stored["seconds"], stored["history"]
        self.optimiser.load_state_dict(stored["optimiser"])
        print(f"continued from step {self.step}", flush=True)

    def _device(self) -> torch.device:
        return next(self.network.parameters()).device

    def save(self) -> None:
        """Write the checkpoint under a temporary name, then rename it."""
        now = time.monotonic()
        self.seconds += now - self._started
        self._started = self._saved = now
        part = self.path.with_suffix(".part")
        part.parent.mkdir(parents=True, exist_ok=True)
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average,
                "optimiser": self.optimiser.state_dict(),
                "step": self.step,
                "seconds": self.seconds,
                "history": self.history,
            },
            part,
        )
        os.replace(part, self.path)

    @property
    def done(self) -> bool:
        """Whether every step has been taken."""
        return self.step >= self.budget.steps

    def take(self, loss: Tensor) -> None:
        """Go one step down ``loss``; average, log and save when it is time."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.budget.rate_at(self.step)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        keep = min(self.keep, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, value in self.network.state_dict().items():
                if value.is_floating_point():
                    self.average[name].lerp_(value, 1 - keep)
                else:
                    self.average[name].copy_(value)
        self._sums = [self._sums[0] + float(loss.detach()), self._sums[1] + 1]
        if self.step % 50 == 0:
            mean = self._sums[0] / self._sums[1]
            spent = self.seconds + time.monotonic() - self._started
            self.history.append((self.step, mean, spent))
            self._sums = [0.0, 0.0]
            left = spent / self.step * (self.budget.steps - self.step)
            print(
                f"step {self.step}/{self.budget.steps} loss {mean:.4f} {spent:.0f} s, {left:.0f} s left",
                flush=True,
            )
        if time.monotonic() - self._saved > EVERY or self.done:
            self.save()


def start_from(network: nn.Module, path: Path, renamed: dict[str, str] | None = None) -> None:
    """Take over those tensors of a safetensors file whose names and shapes a network has.

    Args:
        network: changed in place.
        path: the file.
        renamed: names in the file, each with that in the network, where they differ.
    """
    own = network.state_dict()
    stored = {(renamed or {}).get(name, name): value for name, value in load_file(path).items()}
    found = {name: value.float() for name, value in stored.items() if name in own}
    fitting = {name: value for name, value in found.items() if value.shape == own[name].shape}
    network.load_state_dict({**own, **fitting})
    print(f"started from {len(fitting)} of {len(own)} tensors of {path.name}", flush=True)


def export(state: dict[str, Tensor], path: Path, description: dict[str, Any]) -> None:
    """Write averaged weights as float16 safetensors and, beside them, their description as JSON."""
    half = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in state.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(save(half))
    path.with_suffix(".json").write_text(json.dumps(description, indent=2) + "\n")
