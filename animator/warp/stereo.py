"""The two views of a pair of eyes, bent for a headset, from a picture and its depth."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from animator.warp.camera3d import UNITS_PER_DEPTH, project_offsets, rotation_matrix
from animator.warp.sampling import corner_spans, from_corner_spans, pixel_centres, sample

if TYPE_CHECKING:
    from animator.types import DepthMap, Frame
    from animator.warp.sampling import Padding, Sampling

BULGE = -0.4
"""How strongly an eye's view is drawn out from its centre, as in Disco Diffusion; 0 leaves it flat."""


def stereo_eyes(
    frame: Frame,
    depth: DepthMap,
    *,
    eye_angle: float = 0.5,
    ipd: float = 5.0,
    fov: float = 40.0,
    bulge: float = BULGE,
    sampling: Sampling = "bicubic",
    padding: Padding = "border",
) -> tuple[Frame, Frame]:
    """Return what the left and the right eye see.

    Each eye is ``cos(eye_angle) * ipd / 2`` to its side and is turned inwards by ``eye_angle``. The view
    is then bent: a new pixel at ``p`` (from -1 to 1, measured from the centre) is read at
    ``p - bulge * |p| * p``, bilinearly, black outside.

    Args:
        frame: the picture between the eyes.
        depth: its depth, of the same size.
        eye_angle: turn of each eye towards the other's side, in degrees.
        ipd: distance of the eyes in Disco's units.
        fov: angle of view in degrees.
        bulge: strength of the bend; negative squeezes the whole picture towards the centre.
        sampling: how a colour between pixels is found in the first of the two steps.
        padding: what is outside the picture in the first of the two steps.
    """
    height, width = frame.shape[-2:]
    span = corner_spans(height, width, frame.device)
    bent = from_corner_spans(span * (1 - bulge * span.norm(dim=-1, keepdim=True)))
    centres = pixel_centres(height, width, frame.device)
    theta = math.radians(eye_angle)

    def view(side: float) -> Frame:
        aside = np.array([-side * math.cos(theta) * ipd / 2 / UNITS_PER_DEPTH, 0.0, 0.0])
        offsets, _ = project_offsets(depth, rotation_matrix(0, -side * eye_angle, 0), aside, fov)
        seen = sample(frame, from_corner_spans(centres - offsets), sampling, padding)
        return sample(seen, bent, "bilinear", "zeros")

    return view(-1.0), view(1.0)
