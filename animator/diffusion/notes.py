"""What a guide writes down on the way, for whoever runs the sampler."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import torch
from torch import Tensor

OWN = "own"
"""Name among the tensors of an unfinished diffusion, see `Notes.own`."""

ESTIMATES = 3
"""How many clean estimates, of the last steps, `Notes` keeps."""


@dataclass
class Notes:
    """What a guide notes at its steps.

    Attributes:
        finite: of each gradient so far whether it was finite, bool of shape (N,) on the device. One that was
            not has been replaced by zero.
        losses: the losses of the last step by name, each times its scale, shape (N,).
        pulls: of each loss the root-mean-square of its gradient on the picture that it looks at, in [-1, 1],
            before the network is differentiated, shape (N,).
        cuts: what each perceptor saw last, N x K x 3 x size x size, where ``keep_cuts``.
        looked: of each perceptor how often its inner cuts have shown each pixel so far, N x H x W, there too.
        estimates: the last `ESTIMATES` clean estimates of the network, before they were bent, N x 3 x H x W.
        keep_cuts: whether to keep them.
    """

    finite: list[Tensor] = field(default_factory=list)
    losses: dict[str, Tensor] = field(default_factory=dict)
    pulls: dict[str, Tensor] = field(default_factory=dict)
    cuts: dict[str, Tensor] = field(default_factory=dict)
    looked: dict[str, Tensor] = field(default_factory=dict)
    estimates: deque[Tensor] = field(default_factory=lambda: deque(maxlen=ESTIMATES))
    keep_cuts: bool = False

    def own(self, picture: int) -> dict[str, Tensor]:
        """Return what the network itself saw last in one picture, 3 x H x W in [-1, 1] on the CPU.

        It tells much better than the bent estimate what an unfinished picture will become: guidance
        exaggerates on the way. The mean of several is less of a chance. Nothing before the first step.
        """
        seen = [one[picture].float().clamp(-1, 1) for one in self.estimates]
        return {OWN: torch.stack(seen).mean(dim=0).cpu()} if seen else {}
