"""Frames between two others by RIFE (Huang et al. 2022), its network HDv3."""

from __future__ import annotations

from fractions import Fraction

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from animator.types import Frame

CHANNELS = 90
"""Width of every block."""

SCALES = (4, 2, 1)
"""How many times smaller the pictures are that each of the three blocks sees, the coarsest first."""

MULTIPLE = 32
"""The sides of a picture must be multiples of it: that is what its authors pad them to."""

HALVINGS = 1
"""How often a gap is halved before the flows of its middle are scaled to the time that is asked for. On films
with four of five frames left out one halving came nearest: each more softens what it starts from again."""


def _convolution(before: int, after: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(before, after, 3, stride, 1), nn.PReLU(after))


def _enlarging(after: int) -> nn.Sequential:
    """Four times larger in two steps, to so many channels."""
    half = CHANNELS // 2
    return nn.Sequential(
        nn.ConvTranspose2d(CHANNELS, half, 4, 2, 1), nn.PReLU(half), nn.ConvTranspose2d(half, after, 4, 2, 1)
    )


class _Block(nn.Module):
    """One refinement of both flows and of the mask, at one scale, by the names of the published file."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = CHANNELS // 2
        self.conv0 = nn.Sequential(_convolution(channels, half, 2), _convolution(half, CHANNELS, 2))
        for number in range(4):
            pair = nn.Sequential(_convolution(CHANNELS, CHANNELS), _convolution(CHANNELS, CHANNELS))
            setattr(self, f"convblock{number}", pair)
        self.conv1 = _enlarging(4)
        self.conv2 = _enlarging(1)

    def forward(self, seen: Tensor, flows: Tensor, scale: int) -> tuple[Tensor, Tensor]:
        """Return what is to be added to the flows, N x 4 x H x W in pixels, and to the mask, N x 1 x H x W.

        Args:
            seen: both warped pictures and the mask, N x 7 x H x W.
            flows: both flows so far.
            scale: how many times smaller it computes.
        """
        small = _resized(torch.cat([seen, flows / scale], dim=1), 1 / scale)
        features = self.conv0(small)
        for number in range(4):
            features = features + getattr(self, f"convblock{number}")(features)
        flow = _resized(self.conv1(features), scale) * scale
        return flow, _resized(self.conv2(features), scale)


class IntermediateFlow(nn.Module):
    """RIFE's IFNet, version HDv3: 3.04 M parameters, 2.3 M of which are used.

    Three blocks, from coarse to fine, refine the flows from the middle to either frame, and the share of the
    first frame in the mixture. Each sees the pair in both orders, and the mean counts. `block_tea`, which saw
    the true middle in training, is in the published file and is not used.
    """

    def __init__(self) -> None:
        super().__init__()
        self.block0, self.block1, self.block2 = _Block(11), _Block(11), _Block(11)
        self.block_tea = _Block(14)

    def forward(self, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
        """Return the motion around the middle of two pictures.

        Args:
            first: N x 3 x H x W in [0, 1], sides multiples of `MULTIPLE`.
            second: the same.

        Returns:
            Both flows, N x 4 x H x W in pixels: from the middle to the first picture (x, y), and to the
            second; and the logit of the first picture's share, N x 1 x H x W.
        """
        flows, mask = torch.zeros_like(first[:, :1]).repeat(1, 4, 1, 1), torch.zeros_like(first[:, :1])
        warped = first, second
        for block, scale in zip((self.block0, self.block1, self.block2), SCALES, strict=True):
            onward, share = block(torch.cat([*warped, mask], dim=1), flows, scale)
            back, other = block(torch.cat([*warped[::-1], -mask], dim=1), _swapped(flows), scale)
            flows = flows + (onward + _swapped(back)) / 2
            mask = mask + (share - other) / 2
            warped = _warped(first, flows[:, :2]), _warped(second, flows[:, 2:])
        return flows, mask


class Rife:
    """Makes frames between two others by RIFE.

    The network knows the middle alone. Any other time lies in one half: that half's own middle is estimated,
    and its flows are scaled to the time, so that any frame rate is reached exactly. Quarters are middles of
    halves, and nothing is scaled there.

    Args:
        network: with its weights, in evaluation mode.
    """

    def __init__(self, network: IntermediateFlow) -> None:
        self.network = network
        self._device = next(network.parameters()).device

    def between(self, first: Frame, second: Frame) -> RifePair:
        """Return two frames of one size, ready to be asked for what is between them."""
        return RifePair(self, first, second)

    @torch.no_grad()
    def at(self, first: Frame, second: Frame, share: float) -> Frame:
        """Return the frame at a time from 0 to 1, without halving: its flows are the middle's, scaled.

        Args:
            first: the earlier frame.
            second: the later one, of the same size.
            share: the time; at 0.5 nothing is scaled.
        """
        _, height, width = first.shape
        more = (0, -width % MULTIPLE, 0, -height % MULTIPLE)
        pair = [
            F.pad(one[None].to(self._device, torch.float32), more, mode="replicate")
            for one in (first, second)
        ]
        flows, mask = self.network(*pair)
        before = _warped(pair[0], flows[:, :2] * (2 * share))
        after = _warped(pair[1], flows[:, 2:] * (2 - 2 * share))
        weight = torch.sigmoid(mask + torch.logit(mask.new_tensor(1 - share)))
        mixed = after + (before - after) * weight
        return mixed[0, :, :height, :width].clamp(0, 1).to(first.device)


class RifePair:
    """Two frames, and those that were made between them on the way to others."""

    def __init__(self, rife: Rife, first: Frame, second: Frame) -> None:
        self._rife = rife
        self._made = {Fraction(0): first, Fraction(1): second}

    def at(self, share: Fraction) -> Frame:
        """Return the frame at a time from 0, the first, to 1, the second."""
        low, high = Fraction(0), Fraction(1)
        for _ in range(HALVINGS):
            if share in self._made:
                break
            middle = (low + high) / 2
            if middle not in self._made:
                self._made[middle] = self._rife.at(self._made[low], self._made[high], 0.5)
            low, high = (low, middle) if share < middle else (middle, high)
        if share in self._made:
            return self._made[share]
        return self._rife.at(self._made[low], self._made[high], float((share - low) / (high - low)))


def _resized(picture: Tensor, factor: float) -> Tensor:
    if factor == 1:
        return picture
    return F.interpolate(picture, scale_factor=factor, mode="bilinear", align_corners=False)


def _swapped(flows: Tensor) -> Tensor:
    """Return both flows in the other order."""
    return torch.cat([flows[:, 2:], flows[:, :2]], dim=1)


def _warped(picture: Tensor, flow: Tensor) -> Tensor:
    """Return pictures read where a flow leads, N x 3 x H x W; beyond their edges the edge goes on.

    The corners of the grid are the centres of the corner pixels, as in training.
    """
    height, width = picture.shape[-2:]
    columns = torch.arange(width, device=flow.device, dtype=flow.dtype) + flow[:, 0]
    rows = torch.arange(height, device=flow.device, dtype=flow.dtype)[:, None] + flow[:, 1]
    grid = torch.stack([columns * (2 / (width - 1)) - 1, rows * (2 / (height - 1)) - 1], dim=-1)
    return F.grid_sample(picture, grid, mode="bilinear", padding_mode="border", align_corners=True)
