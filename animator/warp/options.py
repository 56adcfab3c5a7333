"""What a scene says about the camera's move and about how a moved picture is filled in."""

from __future__ import annotations

from typing import Literal

from animator.options import Animated, Options, animated


class CameraOptions(Options):
    """The camera's move from each frame to the next, by the names and signs of Disco Diffusion.

    What is left out does not move: Disco's own defaults drift forwards (``zoom`` to 1.05, ``translation_z``
    10); here a camera stands still until the scene moves it.
    """

    path: str | None = None
    """A file that the moves are read from, relative to the scene file: a ``camera_path.json`` of nerfstudio,
    or a CSV with columns of the timeline; it takes the place of the moves below."""

    angle: Animated = animated(0)
    """2D: degrees that the picture turns each frame, counter-clockwise; 0 when left out."""

    zoom: Animated = animated(1, ge=0.01, le=100)
    """2D: magnification each frame, 0.01 to 100; 1, no change, when left out (Disco grows)."""

    translation_x: Animated = animated(0)
    """Move to the right each frame: pixels in 2D, in 3D units of 1/200 of depth; 0 when left out."""

    translation_y: Animated = animated(0)
    """Move the picture down each frame: pixels in 2D, Disco's units in 3D, where it is the camera that goes
    up; 0 when left out."""

    translation_z: Animated = animated(0)
    """3D: move forwards each frame in Disco's units; 0, a camera at rest, when left out (Disco: 10)."""

    rotation_3d_x: Animated = animated(0)
    """3D: pitch each frame in degrees; 0 when left out."""

    rotation_3d_y: Animated = animated(0)
    """3D: yaw each frame in degrees; 0 when left out."""

    rotation_3d_z: Animated = animated(0)
    """3D: roll each frame in degrees; 0 when left out."""

    fov: Animated = animated(40, ge=1, le=179)
    """3D: vertical field of view in degrees, 1 to 179."""

    near_plane: Animated = animated(200, ge=0.001)
    """3D: distance of the near plane in Disco's units; positive and nearer than `far_plane`."""

    far_plane: Animated = animated(10000, ge=0.001)
    """3D: distance of the far plane in Disco's units; positive and farther than `near_plane`."""


class WarpOptions(Options):
    """How a moved picture is sampled, and what stands where nothing was."""

    projection: Literal["disco", "pinhole"] = "disco"
    """3D: the shape of space. `disco` is Disco Diffusion's box, in which the numbers of its scenes mean the
    same; `pinhole` is a real camera: a move forwards acts with a thing's nearness, not with its square."""

    border_2d: Literal["wrap", "reflect", "replicate"] = "wrap"
    """2D: what comes in from outside: the other side (`wrap`), a mirror image, or the edge drawn out."""

    padding_mode: Literal["border", "reflection", "zeros"] = "border"
    """3D: what comes in from outside: the edge drawn out (`border`), a mirror image, or black (`zeros`)."""

    sampling_mode: Literal["bicubic", "bilinear", "nearest"] = "bicubic"
    """3D: how a colour between pixels is found."""

    occlusion: bool = False
    """3D: whether every pixel is put where it is seen from the new place, the nearer over the farther, so
    that near things hide what they pass and uncover what was behind them; off, each new pixel is read from
    where the old one at its place came from, as Disco Diffusion does, and edges of near things stretch."""

    fill: Literal["padding", "inpaint"] = "padding"
    """What stands where the move uncovered something or left the picture: what the padding gives, or the
    surroundings drawn in (``inpaint``, Telea's method)."""
