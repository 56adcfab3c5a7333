"""The section `camera` of a scene: how it moves from frame to frame."""

from __future__ import annotations

from animator.settings.base import THREE_D, TWO_D, Animated, Options, animated, given, setting


class CameraOptions(Options):
    """The camera's move from each frame to the next, by the names and signs of Disco Diffusion.

    What is left out does not move: Disco's own defaults drift forwards (``zoom`` to 1.05, ``translation_z``
    10); here a camera keeps still until the scene moves it.
    """

    path: str | None = setting(None, changes_frames=False)
    """A file that the moves are read from, relative to the scene file: a camera of glTF, USD, Blender
    (``.chan``, or what its add-ons for Deforum write), After Effects (keyframes as text), COLMAP
    (``images.txt``), nerfstudio (``camera_path.json``) or instant-ngp (``transforms.json``), or a CSV (by
    commas, semicolons or tabs) with columns of the timeline; it takes the place of the moves below."""

    path_scale: float = setting(
        1.0, gt=0, le=1_000_000, unit="times", needs=given("camera.path"), changes_frames=False
    )
    """Factor for the distances in `path`, above 0 to 1000000; at 1 a metre, or another unit, of the file is a
    unit of depth."""

    angle: Animated = animated(0, unit="degrees a frame", modes=(TWO_D,))
    """2D: degrees that the picture turns each frame, counter-clockwise; 0 when left out."""

    zoom: Animated = animated(1, ge=0.01, le=100, unit="times a frame", modes=(TWO_D,))
    """2D: magnification each frame, 0.01 to 100; 1, no change, when left out (Disco grows)."""

    translation_x: Animated = animated(0, unit="pixels (2d) or 1/200 of a unit of depth, a frame")
    """Move to the right each frame: pixels in 2D, in 3D units of 1/200 of depth; 0 when left out."""

    translation_y: Animated = animated(0, unit="pixels (2d) or 1/200 of a unit of depth, a frame")
    """Move the picture down each frame: pixels in 2D, Disco's units in 3D, where it is the camera that goes
    up; 0 when left out."""

    translation_z: Animated = animated(0, unit="1/200 of a unit of depth, a frame", modes=(THREE_D,))
    """3D: move forwards each frame in Disco's units; 0, a camera at rest, when left out (Disco: 10)."""

    rotation_3d_x: Animated = animated(0, unit="degrees a frame", modes=(THREE_D,))
    """3D: pitch each frame in degrees; 0 when left out."""

    rotation_3d_y: Animated = animated(0, unit="degrees a frame", modes=(THREE_D,))
    """3D: yaw each frame in degrees; 0 when left out."""

    rotation_3d_z: Animated = animated(0, unit="degrees a frame", modes=(THREE_D,))
    """3D: roll each frame in degrees; 0 when left out."""

    fov: Animated = animated(40, ge=1, le=179, unit="degrees", modes=(THREE_D,), eyes=True)
    """3D: vertical field of view in degrees, 1 to 179."""

    near_plane: Animated = animated(200, ge=0.001, unit="1/200 of a unit of depth", modes=(THREE_D,))
    """3D: distance of the near plane in Disco's units; positive and nearer than `far_plane`."""

    far_plane: Animated = animated(10000, ge=0.001, unit="1/200 of a unit of depth", modes=(THREE_D,))
    """3D: distance of the far plane in Disco's units; positive and farther than `near_plane`."""
