"""More noise in some places than elsewhere: where a camera's move uncovered something, or a region says so.

The walk begins where there is as much noise as any place gets. Until it comes to where the others begin,
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
    keep = request.keep if (more := asked_for(request)) is None else more
    return keep if (kept := map_of(request)) is None else float(kept.min())


def ends_at(request: Request) -> float:
    """Return the share that a request leaves out where it is calmest, 0 to 1."""
    return request.keep if (kept := map_of(request)) is None else float(kept.max())


def asked_for(request: Request) -> float | None:
    """Return the share that ``init`` stands for where it is uncovered, or None where it is that of all."""
    keep, mask = request.uncovered_keep, request.uncovered
    if request.init is None or mask is None or keep is None or keep >= request.keep or not bool(mask.any()):
        return None
    return keep


def map_of(request: Request) -> Tensor | None:
    """Return the share that ``init`` stands for at each pixel, H x W, where regions make it differ, or None.

    Where something is uncovered it is no more than there.
    """
    kept = request.keep_map
    if request.init is None or kept is None:
        return None
    more = asked_for(request)
    if more is None or request.uncovered is None:
        return kept
    soft = softened(request.uncovered)[0].to(kept)
    return torch.minimum(kept, 1 + (more - 1) * soft)


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
        uncovered: where the init holds nothing to stay near, bool, N x 1 x H x W.
    """

    schedule: NoiseSchedule
    share: Tensor
    init: Tensor
    noise: Tensor
    first: int
    joint: int
    uncovered: Mask

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

    def finished(self, pictures: Tensor, last: int, init: Tensor | None = None) -> Tensor:
        """Return what a walk came to by its step at ``last``: the init where that still waited.

        Args:
            pictures: N x 3 x H x W.
            last: the index of the last step.
            init: as it was before anything was taken out of it; the one that was noised if left out.
        """
        return torch.where(self._waits(last), self.init if init is None else init, pictures)

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
    if init is None or first <= joint:
        return None
    maps = [kept for one in requests if (kept := map_of(one)) is not None]
    if maps:
        steps, range_ = schedule.num_timesteps, first - joint
        begins = steps - torch.floor(torch.stack(maps).to(init.device) * steps + 0.5) - 1
        share = ((begins[:, None] - joint) / range_).clamp(0, 1)
        return Growth(schedule, share, init, noise, first, joint, _uncovered(requests, share))
    if not any(asked_for(one) is not None for one in requests):
        return None
    masks = [one.uncovered for one in requests if one.uncovered is not None]
    share = torch.stack([softened(mask.to(init.device)) for mask in masks])
    return Growth(schedule, share, init, noise, first, joint, share == 1)


def _uncovered(requests: Sequence[Request], share: Tensor) -> Mask:
    """Return where new content grows in holes, bool, of the shape of ``share``."""
    found = torch.zeros_like(share, dtype=torch.bool)
    for number, one in enumerate(requests):
        if asked_for(one) is not None and one.uncovered is not None:
            found[number, 0] = one.uncovered.to(share.device)
    return found
