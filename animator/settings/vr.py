"""What a scene says about stereo: two eyes, and the films that are made for them."""

from __future__ import annotations

from typing import Literal

from animator.settings.base import STILL, Animated, Options, animated, is_, setting

Layout = Literal["left_right", "side_by_side", "top_bottom", "anaglyph", "vr180"]


_VR180 = is_("vr.layouts", "vr180", "without vr180 among vr.layouts")


class VrOptions(Options):
    """Two eyes for each frame, from one estimate of its depth. A scene with a section `vr` has them."""

    enabled: bool = False
    """Whether there are two eyes; true where the scene has a section `vr` that does not say otherwise."""

    eye_angle: float = setting(0.5, ge=-45, le=45, unit="degrees")
    """Turn of each eye towards the other's side in degrees (`vr_eye_angle` in Disco Diffusion)."""

    ipd: Animated = animated(5, ge=-1000, le=1000, unit="1/200 of a unit of depth")
    """Distance of the eyes in Disco's units (`vr_ipd`); over the frames it lets a scene grow deeper or calmer
    ("0: (2), 48: (8)")."""

    layouts: list[Layout] = setting(["left_right"], min_length=1, changes_frames=False)
    """Which films are made: one for each eye (``left_right``), both ``side_by_side`` or ``top_bottom``,
    red and cyan (``anaglyph``), and ``vr180`` for headsets, of stills a picture."""

    bulge: float = setting(0.0, ge=-1, le=1, unit="share of the radius")
    """How strongly each eye's picture is drawn out from its centre; Disco Diffusion has -0.4, 0 leaves it
    flat."""

    vr180_size: int = setting(2880, ge=256, le=2880, unit="pixels", needs=_VR180, changes_frames=False)
    """VR180: pixels of each eye's half-equirectangular picture, in width and height, an even number."""

    vr180_fov: float | None = setting(None, ge=10, le=179, unit="degrees", needs=_VR180, changes_frames=False)
    """VR180: angle in degrees that a picture's height fills before the eye; left out, `camera.fov` of each
    frame in pinhole space, 90 in Disco's box."""

    vr180_edge: Literal["fade", "stretch", "mirror"] = setting("fade", needs=_VR180, changes_frames=False)
    """VR180: what lies beyond the picture's edges: black, faded into; the edge drawn out; or its mirror
    image."""

    vr180_eyes: Literal["side_by_side", "top_bottom"] = setting(
        "side_by_side", needs=_VR180, changes_frames=False
    )
    """VR180: where the eyes are, the left one at the left or on top. ``top_bottom`` is 2880 pixels wide where
    ``side_by_side`` is 5760, more than some headsets decode."""

    vr180_photo: bool = setting(False, modes=(STILL,), needs=_VR180, changes_frames=False)
    """VR180: whether a still is made into a photo as well, ``vr180/000000.vr.jpg``, which galleries of
    headsets show in depth: a JPEG of the left eye that holds the right eye's picture in its metadata."""

    vr180_codec: Literal["h264", "hevc"] = setting("h264", needs=_VR180, changes_frames=False)
    """VR180: the codec; H.264 plays everywhere, HEVC makes smaller files, which Apple's players know as VR180
    too."""
