"""AdaBins as a depth estimator: metres, looked at twice, mirrored the second time."""

from __future__ import annotations

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from animator.depth.adabins_network import FARTHEST, NEAREST, AdaBinsNetwork
from animator.types import DepthMap, Frame
from animator.weights.files import fit, read_state

SMALLEST_AREA, LARGEST_AREA = 448 * 448, 500_000
"""Between these the network keeps a picture's own size, in pixels; the upper one is what its transformer has
places for. The limits are Disco Diffusion's."""

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""ImageNet's, of each channel of pictures in [0, 1]."""


class AdaBinsDepth:
    """Distances in metres by AdaBins.

    Args:
        network: with its weights, in evaluation mode; it computes in float16 where it lies on a GPU.
    """

    def __init__(self, network: AdaBinsNetwork) -> None:
        self.network = network
        self._device = next(network.parameters()).device

    @torch.no_grad()
    def __call__(self, frame: Frame) -> DepthMap:
        """Return the distance of every pixel in metres, float32, 0.001 to 10, on the frame's device."""
        height, width = frame.shape[-2:]
        picture = frame.to(self._device, torch.float32)[None]
        size = working_size(height, width)
        if size != (height, width):
            picture = _resized(picture, size).clamp(0, 1)
        mean, std = (picture.new_tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
        metres = self.mirror_averaged((picture - mean) / std)
        if size != (height, width):
            metres = _resized(metres, (height, width)).clamp(NEAREST, FARTHEST)
        return metres[0, 0].to(frame.device)

    @torch.no_grad()
    def mirror_averaged(self, x: Tensor) -> Tensor:
        """Return the distances of pictures, each the mean of what it and its mirror image were given.

        Args:
            x: N x 3 x H x W, as `AdaBinsNetwork` takes it.

        Returns:
            Metres, N x 1 x H x W float32, 0.001 to 10. Where the network gave infinity or no number, the
            farther and the nearer end of that range.
        """
        with torch.autocast(x.device.type, torch.float16, enabled=x.device.type == "cuda"):
            both = self.network(torch.cat([x, x.flip(-1)]))[0]
        # Before anything is mixed: one infinity would make its neighbours no numbers.
        both = both.nan_to_num(nan=NEAREST, posinf=FARTHEST, neginf=NEAREST).clamp(NEAREST, FARTHEST)
        seen, mirrored = both.chunk(2)
        mean = (seen + mirrored.flip(-1)) / 2
        metres = F.interpolate(mean, size=x.shape[2:], mode="bilinear", align_corners=True)
        return metres.clamp(NEAREST, FARTHEST)


def working_size(height: int, width: int) -> tuple[int, int]:
    """Return the size in pixels at which a picture is looked at: its aspect, its area within the limits.

    >>> working_size(768, 1280), working_size(480, 640), working_size(256, 256)
    ((547, 912), (480, 640), (448, 448))
    """
    area = height * width
    if area > LARGEST_AREA:
        scale = math.sqrt(LARGEST_AREA / area)
        return int(height * scale), int(width * scale)
    if area < SMALLEST_AREA:
        scale = math.sqrt(SMALLEST_AREA / area)
        # Upwards, so that the area is not missed again, but not for what floating point adds to a whole.
        return math.ceil(height * scale - 1e-6), math.ceil(width * scale - 1e-6)
    return height, width


def load_adabins(path: Path, device: torch.device | str = "cpu") -> AdaBinsDepth:
    """Load AdaBins from the published file or one of the same names.

    Raises:
        WeightsError: the file is absent, damaged or of another network.
    """
    state = read_state(path)
    with torch.device("meta"):
        network = AdaBinsNetwork()
    fit(network, state, str(path))
    return AdaBinsDepth(network.to(device))


def _resized(x: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(x, size=size, mode="bicubic", antialias=True, align_corners=False)
