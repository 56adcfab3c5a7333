"""Motion found on smaller pictures: quicker, and steadier where the large ones were made of small ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch.nn.functional as F

if TYPE_CHECKING:
    from animator.types import Flow, FlowEstimator, Frame


class ShrunkFlow:
    """Finds the motion between two pictures on smaller copies of them.

    Args:
        flow: finds it there.
        size: width and height of the copies; a picture that is no larger is taken as it is.
    """

    def __init__(self, flow: FlowEstimator, size: tuple[int, int]) -> None:
        self._flow = flow
        self._size = size

    def __call__(self, first: Frame, second: Frame) -> Flow:
        """Return how far each pixel of the first picture moves to the second, in pixels of these pictures."""
        return self._grown(self._flow(self._shrunk(first), self._shrunk(second)), first)

    def both_ways(self, first: Frame, second: Frame) -> tuple[Flow, Flow]:
        """Return the motion from the first picture to the second, and back."""
        forward, backward = self._flow.both_ways(self._shrunk(first), self._shrunk(second))
        return self._grown(forward, first), self._grown(backward, first)

    def _shrunk(self, frame: Frame) -> Frame:
        width, height = self._size
        if frame.shape[2] <= width or frame.shape[1] <= height:
            return frame
        return F.interpolate(frame[None], (height, width), mode="area")[0]

    def _grown(self, flow: Flow, frame: Frame) -> Flow:
        height, width = frame.shape[1:]
        if flow.shape[1:] == (height, width):
            return flow
        factors = flow.new_tensor((width / flow.shape[2], height / flow.shape[1]))[:, None, None]
        return factors * F.interpolate(flow[None], (height, width), mode="bilinear", align_corners=False)[0]
