"""What a scene says about stereo: two eyes, and the films that are made for them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from animator.settings.base import Options

Layout = Literal["left_right", "side_by_side", "top_bottom", "anaglyph", "vr180"]


class VrOptions(Options):
    """Two eyes for each frame, from one estimate of its depth. A scene with a section `vr` has them."""

    enabled: bool = False
    """Whether there are two eyes; true where the scene has a section `vr` that does not say otherwise."""

    eye_angle: float = Field(0.5, ge=-45, le=45)
    """Turn of each eye towards the other's side in degrees (`vr_eye_angle` in Disco Diffusion)."""

    ipd: float = Field(5.0, ge=-1000, le=1000)
    """Distance of the eyes in Disco's units (`vr_ipd`)."""

    layouts: list[Layout] = Field(["left_right"], min_length=1)
    """Which films are made: one for each eye (``left_right``), both ``side_by_side`` or ``top_bottom``,
    red and cyan (``anaglyph``), and ``vr180`` for headsets."""

    bulge: float = Field(0.0, ge=-1, le=1)
    """How strongly each eye's picture is drawn out from its centre; Disco Diffusion has -0.4, 0 leaves it
    flat."""

    vr180_size: int = Field(2880, ge=256, le=2880)
    """VR180: pixels of each eye's half-equirectangular picture, in width and height, an even number."""

    vr180_fov: float | None = Field(None, ge=10, le=179)
    """VR180: angle in degrees that a picture's height fills before the eye; left out, `camera.fov` of each
    frame in pinhole space, 90 in Disco's box."""

    vr180_edge: Literal["fade", "stretch", "mirror"] = "fade"
    """VR180: what lies beyond the picture's edges: black, faded into; the edge drawn out; or its mirror
    image."""

    vr180_codec: Literal["h264", "hevc"] = "h264"
    """VR180: the codec; HEVC makes smaller files, H.264 plays everywhere."""
