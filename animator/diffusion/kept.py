"""What a picture's diffusion keeps from one step for the next ones, so that they compute less.

Two things change little between neighbouring steps: the deep features of the U-Net (DeepCache, Ma et al.
2023) and the gradient of guidance. Nothing of it outlives the diffusion of a picture; where that is stopped
half-way, it is saved with the rest, so that the resumed diffusion is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from animator.diffusion.noise_schedule import NoiseSchedule
from animator.diffusion.prediction import Denoise, Network, Prediction, network_denoiser


@runtime_checkable
class Layered(Protocol):
    """A network whose deep features can be used again, such as a `UNet`; see there."""

    def with_deep(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """Return the prediction and the deep features."""
        ...

    def from_deep(self, x: Tensor, t: Tensor, deep: Tensor) -> Tensor:
        """Return a prediction made with deep features of before."""
        ...


@dataclass
class Last:
    """A tensor that was computed at one index, N x ..., or none yet."""

    value: Tensor | None = None
    index: int = 0

    def serves(self, index: int, steps: int) -> Tensor | None:
        """Return the value if it serves so many steps and ``index`` is one of them."""
        return self.value if self.index - index < steps else None

    def put(self, value: Tensor, index: int) -> None:
        """Keep a value in place of the last one."""
        self.value, self.index = value.detach(), index


@dataclass
class Kept:
    """What the steps of some pictures that are painted together hand on.

    Attributes:
        deep: deep features of the denoiser.
        descent: gradient of the losses, before its size is limited.
    """

    deep: Last = field(default_factory=Last)
    descent: Last = field(default_factory=Last)

    def of(self, picture: int) -> dict[str, Tensor]:
        """Return what is kept of one picture, for its unfinished diffusion; on the CPU."""
        found = {}
        for name, last in vars(self).items():
            if last.value is not None:
                found[name] = last.value[picture].cpu().clone()
                found[f"{name}_index"] = torch.tensor(last.index)
        return found


def fresh(indices: Iterable[int], steps: Callable[[int], int]) -> list[int]:
    """Return at which of falling indices something is computed that serves so many steps from each.

    >>> fresh(range(7, -1, -1), lambda index: 3 if index > 3 else 1)
    [7, 4, 3, 2, 1, 0]
    """
    found: list[int] = []
    for index in indices:
        if not found or found[-1] - index >= steps(index):
            found.append(index)
    return found


def kept_of(unfinished: Sequence[Mapping[str, Tensor]], device: torch.device) -> Kept:
    """Return what diffusions that were stopped at the same step had kept; nothing of none."""
    kept = Kept()
    for name, last in vars(kept).items():
        if unfinished and all(name in one for one in unfinished):
            last.put(
                torch.stack([one[name] for one in unfinished]).to(device), int(unfinished[0][f"{name}_index"])
            )
    return kept


def saving(
    network: Network, plain: Network, schedule: NoiseSchedule, steps: Sequence[int], last: Last
) -> Denoise:
    """Turn a network into a `Denoise`, whose deep features serve several steps where that is asked for.

    Args:
        network: what is asked.
        plain: the same, not compiled; is asked in its place where features are used again, if it is layered.
        schedule: what the indices mean.
        steps: at each index, how many steps deep features serve from there on.
        last: where they are kept.
    """
    if isinstance(plain, Layered) and max(steps, default=1) > 1:
        return reusing(plain, schedule, steps.__getitem__, last)
    return network_denoiser(network, schedule)


def reusing(network: Layered, schedule: NoiseSchedule, steps: Callable[[int], int], last: Last) -> Denoise:
    """Turn a network into a `Denoise` that computes its deep features at some steps only.

    A step that is differentiated computes all of them: through features of another step there is no gradient.

    Args:
        network: what is asked.
        schedule: what the indices mean.
        steps: how many steps, from an index on, deep features serve at that index.
        last: where they are kept.
    """

    def denoise(x: Tensor, index: int) -> Prediction:
        known = None if torch.is_grad_enabled() else last.serves(index, steps(index))

        def ask(x: Tensor, t: Tensor) -> Tensor:
            if known is not None:
                return network.from_deep(x, t, known)
            answer, deep = network.with_deep(x, t)
            last.put(deep, index)
            return answer

        return network_denoiser(ask, schedule)(x, index)

    return denoise
