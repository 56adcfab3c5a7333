"""Optical flow without a network: Dense Inverse Search (Kroeger et al. 2016), OpenCV's."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from animator.system.convert import frame_to_uint8
from animator.types import Flow, Frame

SMALLEST_SIDE = 32
"""Pixels to which a smaller side is drawn out: the search compares patches of 8 pixels at half the size."""


class DisFlow:
    """Optical flow by Dense Inverse Search.

    "Fast Optical Flow using Dense Inverse Search", ECCV 2016, with OpenCV's preset ``MEDIUM``: patches of 8
    pixels, 25 steps of descent, variational refinement, down to half the size. It looks at the lightness of
    the pictures, in 256 levels, and runs on the CPU. The same frames give the same bytes, whatever the number
    of cores.
    """

    def __call__(self, first: Frame, second: Frame) -> Flow:
        """Return where each pixel of ``first`` is in ``second``; see `FlowEstimator`.

        Raises:
            ValueError: the frames have different sizes.
        """
        return _flows([(first, second)])[0]

    def both_ways(self, first: Frame, second: Frame) -> tuple[Flow, Flow]:
        """Return the flow from ``first`` to ``second`` and the one back.

        Raises:
            ValueError: the frames have different sizes.
        """
        forward, backward = _flows([(first, second), (second, first)])
        return forward, backward


def _flows(pairs: list[tuple[Frame, Frame]]) -> list[Flow]:
    first, second = pairs[0]
    if first.shape != second.shape:
        raise ValueError(
            f"flow needs two frames of one size, not {tuple(first.shape)} and {tuple(second.shape)}"
        )
    grey = {id(frame): _grey(frame) for frame in (first, second)}
    height, width = first.shape[-2:]
    flows = []
    for start, goal in pairs:
        search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        flow = search.calc(grey[id(start)], grey[id(goal)], None)  # type: ignore[call-overload]
        planes = np.ascontiguousarray(flow[:height, :width].transpose(2, 0, 1), dtype=np.float32)
        flows.append(torch.from_numpy(planes).to(first.device))
    return flows


def _grey(frame: Frame) -> np.ndarray:
    """Return the lightness of a frame, H x W uint8, no side below `SMALLEST_SIDE`."""
    grey = cv2.cvtColor(frame_to_uint8(frame), cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    more = [(0, max(0, SMALLEST_SIDE - side)) for side in (height, width)]
    return np.pad(grey, more, mode="edge")
