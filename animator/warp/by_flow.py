"""Moving a picture along an optical flow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from animator.warp.sampling import pixel_centres, sample

if TYPE_CHECKING:
    from animator.types import Flow, Frame
    from animator.warp.sampling import Padding, Sampling


def warp_by_flow(
    frame: Frame, flow: Flow, *, sampling: Sampling = "bicubic", padding: Padding = "border"
) -> Frame:
    """Return ``frame`` moved onto another picture: at ``p`` is what was at ``p + flow(p)``.

    Args:
        frame: what is moved.
        flow: from the *other* picture back to ``frame``, 2 x H x W in pixels, (x, y).
        sampling: how a colour between pixels is found.
        padding: what is where the flow leaves ``frame``.

    Returns:
        A frame of the same size. Without any motion it is ``frame`` itself.

    Raises:
        ValueError: the flow has another size than the frame.
    """
    if flow.shape != (2, *frame.shape[1:]):
        raise ValueError(f"a frame of {tuple(frame.shape)} cannot follow a flow of {tuple(flow.shape)}")
    if not flow.any():
        return frame  # sampling at a pixel's centre is exact only up to rounding
    return sample(frame, grid_of_flow(flow), sampling, padding)


def grid_of_flow(flow: Flow) -> Tensor:
    """Return where a flow says that each pixel is read: H x W x 2, coordinates of `warp.sampling`."""
    height, width = flow.shape[1:]
    # Coordinates run over 2 from edge to edge, so that a pixel is 2 / n.
    steps = flow.permute(1, 2, 0) * flow.new_tensor((2 / width, 2 / height))
    return pixel_centres(height, width, flow.device) + steps
