"""More noise where a camera's move uncovered something than elsewhere, so that new content grows there.

The walk begins where there is as much noise as such places get. Until it comes to where the others begin,
these are put back after every step to what they are, noised to that step's level: RePaint's eq. 8 (Lugmayr et
al. 2022), with one draw of noise for all levels, the one that the walk begins with. Around a hole pixels are
let go one ring after the other, as in Differential Diffusion (Levin & Fried 2023), so that no seam is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d

from animator.diffusion.noise_schedule import NoiseSchedule
from animator.diffusion.prediction import Prediction
from animator.diffusion.samplers import Step, noised
from animator.types import Mask, Request

SOFT = 1 / 64
"""Half the width of the rings around a hole, in shares of the picture's shorter side."""

Walking = Callable[[Tensor, Prediction | None, range], Iterator[Step]]
"""Walks from a state and the prediction before it down some indices; see `samplers.walk`."""


def begins_at(request: Request) -> float:
    """Return the share of the diffusion's steps that a request leaves out at its noisiest place, 0 to 1."""
    return request.keep if (more := asked_for(request)) is None else more


def asked_for(request: Request) -> float | None:
    """Return the share that ``init`` stands for where it is uncovered, or None where it is that of all."""
    keep, mask = request.uncovered_keep, request.uncovered
    if request.init is None or mask is None or keep is None or keep >= request.keep or not bool(mask.any()):
        return None
    return keep


def softened(mask: Mask) -> Tensor:
    """Return 1 where a mask is True, and around it less and less, down to 0: float32, 1 x H x W."""
    reach = max(round(min(mask.shape) * SOFT), 1)
    side = 2 * reach + 1
    wider = max_pool2d(mask[None].float(), side, 1, reach)
    return torch.where(mask, 1.0, avg_pool2d(wider, side, 1, reach, count_include_pad=False))


@dataclass(frozen=True, eq=False)
class Growth:
    """Which pixels walk before the others, and what the others are meanwhile.

    Attributes:
        schedule: what the indices mean.
        share: 1 where the walk begins at ``first``, 0 where at ``joint``, N x 1 x H x W.
        init: the pictures, N x 3 x H x W in [-1, 1].
        noise: the noise they begin with, of unit variance, same shape.
        first: the index at which the first pixels begin.
        joint: the index at which the last ones do, less than ``first``; -1: they never do.
    """

    schedule: NoiseSchedule
    share: Tensor
    init: Tensor
    noise: Tensor
    first: int
    joint: int

    @property
    def free(self) -> Tensor:
        """Where something grows, bool, N x 1 x H x W."""
        return self.share == 1

    def walk(self, walking: Walking, x: Tensor, before: Prediction | None, indices: range) -> Iterator[Step]:
        """Walk down ``indices``, putting back before each step what waited during the one before it."""
        for index in indices:
            if index < self.joint:
                yield from walking(x, before, range(index, indices[-1] - 1, -1))
                return
            waits = self._waits(index + 1)
            x = torch.where(waits, noised(self.init, self.noise, self.schedule, index), x)
            if before is not None:
                parts = zip((self.init, self.noise), before, strict=True)
                before = Prediction(*(torch.where(waits, still, moved) for still, moved in parts))
            (step,) = walking(x, before, range(index, index - 1, -1))
            x, before = step.x, step.prediction
            yield step

    def finished(self, pictures: Tensor, last: int) -> Tensor:
        """Return what a walk came to by its step at ``last``: the init where that still waited."""
        return torch.where(self._waits(last), self.init, pictures)

    def _waits(self, index: int) -> Mask:
        """Return which pixels do not walk yet at the step at ``index``, N x 1 x H x W."""
        return self.share * (self.first - self.joint) < index - self.joint


def growth_of(
    requests: Sequence[Request],
    schedule: NoiseSchedule,
    init: Tensor | None,
    noise: Tensor,
    first: int,
    joint: int,
) -> Growth | None:
    """Return how requests grow, or None where their walk is one and the same everywhere.

    Args:
        requests: that are painted together.
        schedule: what the indices mean.
        init: their inits, N x 3 x H x W in [-1, 1], or None.
        noise: the noise they begin with, same shape.
        first: the index at which the walk begins.
        joint: the one at which it would begin without holes; -1: at none.
    """
    masks = [one.uncovered for one in requests if asked_for(one) is not None and one.uncovered is not None]
    if init is None or not masks or first <= joint:
        return None
    share = torch.stack([softened(mask.to(init.device)) for mask in masks])
    return Growth(schedule, share, init, noise, first, joint)
