"""The pocket depth network: a small encoder and decoder that estimates log distance."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from animator.types import DepthMap, Frame

NEAREST, FARTHEST = 0.2, 10.0
"""Range of the distances it can tell, in the units of AdaBins (the world's sky is at 10)."""


class _Block(nn.Module):
    """Two convolutions with a residual path."""

    def __init__(self, channels: int, out_channels: int, stride: int = 1) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(8, channels)
        self.conv1 = nn.Conv2d(channels, out_channels, 3, stride=stride, padding=1)
        self.norm2 = nn.GroupNorm(8, out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1)
        same = channels == out_channels and stride == 1
        self.skip = nn.Identity() if same else nn.Conv2d(channels, out_channels, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))
        h = self.conv2(F.silu(self.norm2(h)))
        result: Tensor = self.skip(x) + h
        return result


def _stack(channels: int, out_channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(
        _Block(channels, out_channels), *(_Block(out_channels, out_channels) for _ in range(count - 1))
    )


EDGES = 12
"""Channels of the layer that sets the edges at the picture's full size."""


class PocketDepthNetwork(nn.Module):
    """A U-shaped network from a picture to log distance.

    The levels work at half the picture's size and below; a last layer looks at the picture once more, for a
    thing ends within one pixel and not within two.

    Args:
        widths: channels at each level.
        blocks: blocks at each level on the way up. The low levels, where a large thing is a few pixels and is
            seen as one, are cheap to make deep.
    """

    def __init__(self, widths: Sequence[int], blocks: Sequence[int]) -> None:
        super().__init__()
        self.stem = nn.Conv2d(4, widths[0], 3, stride=2, padding=1)
        pairs = list(pairwise(widths))
        self.down = nn.ModuleList([_Block(a, b, stride=2) for a, b in pairs])
        self.middle = _stack(widths[-1], widths[-1], blocks[-1])
        levels = list(zip(pairs, blocks[:-1], strict=True))
        self.up = nn.ModuleList([_stack(a + b, a, count) for (a, b), count in reversed(levels)])
        self.seen = nn.Conv2d(widths[0], EDGES, 1)
        self.edges = nn.Conv2d(4, EDGES, 3, padding=1)
        self.head = nn.Conv2d(EDGES, 1, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return N x 1 x H x W in [0, 1], 0 the nearest and 1 the farthest on a log scale.

        Args:
            x: N x 3 x H x W in [0, 1]; H and W multiples of 32.
        """
        rows = torch.linspace(-1, 1, x.shape[2], device=x.device, dtype=x.dtype)
        rows = rows[None, None, :, None].expand(len(x), 1, -1, x.shape[3])
        picture = torch.cat([x * 2 - 1, rows], dim=1)
        h = self.stem(picture)
        skips = []
        for block in self.down:
            skips.append(h)
            h = block(h)
        h = self.middle(h)
        for block, skip in zip(self.up, reversed(skips), strict=True):
            h = F.interpolate(h, size=skip.shape[2:], mode="bilinear", align_corners=False)
            h = block(torch.cat([h, skip], dim=1))
        h = F.interpolate(self.seen(h), size=x.shape[2:], mode="bilinear", align_corners=False)
        return torch.sigmoid(self.head(F.silu(h + self.edges(picture))))


def to_distance(share: Tensor) -> Tensor:
    """Turn the network's [0, 1] into distances from 0.2 to 10."""
    return NEAREST * (FARTHEST / NEAREST) ** share


class PocketDepth:
    """The pocket estimator: it looks at a picture of about the size that it was trained on.

    It looks at the mirrored picture too, as AdaBins does, and returns the mean of both: that is nearer
    to the truth, and the same for either.

    Args:
        network: the trained network, in eval mode.
        height: rows that the network sees; the width follows the picture's aspect.
    """

    def __init__(self, network: PocketDepthNetwork, height: int = 128) -> None:
        self.network = network
        self.height = height

    @torch.no_grad()
    def __call__(self, frame: Frame) -> DepthMap:
        """Return the distance of every pixel of a frame, 0.2 to 10."""
        height, width = frame.shape[1:]
        rows = self.height
        columns = max(32, round(width / height * rows / 32) * 32)
        small = F.interpolate(frame[None], size=(rows, columns), mode="bilinear", antialias=True)
        here, mirrored = self.network(torch.cat([small, small.flip(3)])).chunk(2)
        share = (here + mirrored.flip(3)) / 2
        full = F.interpolate(share, size=(height, width), mode="bilinear", align_corners=False)
        return to_distance(full.float())[0, 0]
