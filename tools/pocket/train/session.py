"""What every training shares: a checkpoint that survives being killed, an average of the weights, a clock.

Batches are made from the number of their step alone, so that a run that goes on sees what it would have seen,
and on the device that trains: a GPU takes thousands of small pictures a second.
"""

from __future__ import annotations

import json
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from animator.diffusion.precision import precision_for

EVERY = 120.0
"""Seconds from one checkpoint to the next."""

SPAN = 0.04
"""Share of the steps that the moving average of the weights looks back."""


@dataclass(frozen=True)
class Machine:
    """Where a training runs.

    Attributes:
        device: of the network and of its batches.
        compile: whether `torch.compile` is used.
    """

    device: str = "cpu"
    compile: bool = False

    def put(self, network: nn.Module) -> nn.Module:
        """Move a network here."""
        return network.to(self.device)

    def dice(self, *numbers: int) -> torch.Generator:
        """Return the source of chance of what these numbers name, a training and its step."""
        seed = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> 1)
        return torch.Generator(self.device).manual_seed(seed)

    def compiled(self, network: Any) -> Any:
        """Return what to call in the network's place."""
        return torch.compile(network, dynamic=False) if self.compile else network

    def autocast(self) -> torch.autocast:
        """Compute in bfloat16 where that loses nothing and the device is made for it."""
        device = torch.device(self.device)
        fast = precision_for("auto", device) == "bfloat16"
        return torch.autocast(device.type, torch.bfloat16, enabled=fast)


@dataclass(frozen=True)
class Budget:
    """How long and how fast to train.

    Attributes:
        steps: most steps; the learning rate falls to nothing over them along a cosine.
        rate: highest learning rate.
        warm_up: steps over which it rises.
        minutes: most minutes, in which the rate falls where they are over first; 0 for as many as the steps
            take. On a CPU they are those that the main thread worked, so that a training that is made
            to wait loses nothing. One that is cut short by the clock is not the same to the bit another time.
    """

    steps: int
    rate: float
    warm_up: int = 200
    minutes: float = 0.0

    def share(self, step: int, seconds: float = 0.0) -> float:
        """Return how much of the training is done after so many steps that took so long, 0 to 1.

        >>> Budget(1000, 1.0, minutes=2).share(100, 60), Budget(1000, 1.0).share(100, 60)
        (0.5, 0.1)
        """
        timed = seconds / (60 * self.minutes) if self.minutes else 0.0
        return min(1.0, max(step / self.steps, timed))

    def rate_at(self, step: int, seconds: float = 0.0) -> float:
        """Return the learning rate of a step.

        >>> Budget(1000, 1.0, 10).rate_at(0), Budget(1000, 1.0, 10).rate_at(1000)
        (0.1, 0.0)
        """
        fall = 0.5 * (1 + math.cos(math.pi * self.share(step, seconds)))
        return self.rate * min((step + 1) / self.warm_up, fall)


class Session:
    """A network in training with its optimiser, its moving average and its place on disk.

    Args:
        network: trained in place.
        budget: how long and how fast.
        path: the checkpoint; continued from where it exists.
        decay: weight decay.

    Attributes:
        share: how much of the training was done after the last step, 0 to 1.
    """

    def __init__(self, network: nn.Module, budget: Budget, path: Path, *, decay: float = 0.01) -> None:
        self.network, self.budget, self.path = network, budget, path
        self.optimiser = torch.optim.AdamW(
            network.parameters(), lr=0.0, weight_decay=decay, betas=(0.9, 0.99), fused=True
        )
        self.average = {name: value.detach().clone() for name, value in network.state_dict().items()}
        self.step, self.seconds = 0, 0.0
        self.history: list[tuple[int, float, float]] = []
        self._losses: list[Tensor] = []
        self._begun = False
        if path.exists():
            self._load()
        self._started, self._saved = self._now(), time.monotonic()
        self.share = budget.share(self.step, self.seconds)

    def _load(self) -> None:
        stored = torch.load(self.path, weights_only=True, map_location=self._device())
        self.network.load_state_dict(stored["network"])
        self.average = stored["average"]
        self.step, self.seconds, self.history = stored["step"], stored["seconds"], stored["history"]
        self.optimiser.load_state_dict(stored["optimiser"])
        print(f"continued from step {self.step}", flush=True)

    def _device(self) -> torch.device:
        return next(self.network.parameters()).device

    def _now(self) -> float:
        """Return seconds since some moment: on a CPU those that the main thread worked."""
        return time.thread_time() if self._device().type == "cpu" else time.monotonic()

    def save(self) -> None:
        """Write the checkpoint under a temporary name, then rename it."""
        now = self._now()
        self.seconds += now - self._started
        self._started, self._saved = now, time.monotonic()
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
    def spent(self) -> float:
        """Seconds of training, those before a stop too."""
        return self.seconds + self._now() - self._started

    @property
    def done(self) -> bool:
        """Whether every step has been taken, or the time was over at the last one: what is done is saved."""
        return self.share >= 1

    def take(self, loss: Tensor) -> None:
        """Go one step down ``loss``; average, log and save when it is time."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.budget.rate_at(self.step, self.spent)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimiser.step()
        self.step += 1
        if not self._begun:
            # Networks are compiled in their first step, which may take minutes.
            self._begun, self._started = True, self._now()
        self.share = self.budget.share(self.step, self.spent)
        expected = self.step / self.share
        self._follow(min(1 - 1 / max(SPAN * expected, 1), (1 + self.step) / (10 + self.step)))
        self._losses.append(loss.detach())
        if self.step % 50 == 0:
            # Asking a GPU for a number waits for it: once in fifty steps.
            mean = float(torch.stack(self._losses).mean())
            self._losses.clear()
            self.history.append((self.step, mean, self.spent))
            left = self.spent / self.share * (1 - self.share)
            print(
                f"step {self.step}/{expected:.0f} loss {mean:.4f} {self.spent:.0f} s, {left:.0f} s left",
                flush=True,
            )
        if time.monotonic() - self._saved > EVERY or self.done:
            self.save()

    @torch.no_grad()
    def _follow(self, keep: float) -> None:
        """Let the moving average keep this share of itself and take the rest from the weights."""
        state = self.network.state_dict()
        floating = [name for name, value in state.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.average[n] for n in floating], [state[n] for n in floating], 1 - keep)
        for name in state.keys() - set(floating):
            self.average[name].copy_(state[name])


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


def mixed(state: dict[str, Tensor], path: Path, share: float) -> dict[str, Tensor]:
    """Return weights between earlier ones and what a training that began with them has made of them.

    After Wortsman et al. 2022 ("Robust fine-tuning of zero-shot models"). A perceptor that was trained long
    pulls at the grain of a picture more than at its forms, and guides worse than it sees; a mean less so.

    Args:
        state: the later weights.
        path: the earlier ones, a safetensors file with the same names.
        share: of the later ones, 0 to 1.
    """
    earlier = load_file(path)
    return {
        name: torch.lerp(earlier[name].float(), value.float(), share) if value.is_floating_point() else value
        for name, value in state.items()
    }


def export(state: dict[str, Tensor], path: Path, description: dict[str, Any]) -> None:
    """Write averaged weights as float16 safetensors and, beside them, their description as JSON."""
    half = {
        name: (value.half() if value.is_floating_point() else value).contiguous()
        for name, value in state.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(save(half))
    path.with_suffix(".json").write_text(json.dumps(description, indent=2) + "\n")
