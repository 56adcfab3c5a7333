"""The few values that travel between the packages, and the contracts that networks are held to.

Nothing here imports torch when it runs, so that reading a scene stays quick.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from typing import TypeAlias

    from torch import Tensor

    Frame: TypeAlias = Tensor
    """A picture: float32, 3 x H x W, sRGB-encoded, range [0, 1]."""

    DepthMap: TypeAlias = Tensor
    """Distance from the camera: float32, H x W, positive; larger is farther. See ``docs/conventions.md``."""

    Flow: TypeAlias = Tensor
    """How far each pixel moves: float32, 2 x H x W in pixels; first to the right, then downwards."""

    Mask: TypeAlias = Tensor
    """A choice of pixels: bool, H x W."""
else:
    Frame = DepthMap = Flow = Mask = Tensor = Any

DIFFUSION_SCALE = 1000
"""Entries of a `Schedule`: the scale on which values over the diffusion are written, whatever the steps."""

Schedule = np.ndarray
"""A value over the diffusion: float64 of shape (1000,), index 0 = the first and noisiest moment."""


@dataclass(frozen=True)
class Camera:
    """A camera's move from one frame to the next in 3D, by the names and signs of Disco Diffusion.

    Attributes:
        translation_x: to the right, in Disco's units (200 of them are one unit of depth).
        translation_y: upwards, so that the picture moves down, in the same units.
        translation_z: forwards, in the same units.
        rotation_3d_x: pitch in degrees.
        rotation_3d_y: yaw in degrees.
        rotation_3d_z: roll in degrees.
        fov: vertical field of view in degrees.
        near_plane: distance of the near plane, in Disco's units.
        far_plane: distance of the far plane, in Disco's units.
    """

    translation_x: float = 0.0
    translation_y: float = 0.0
    translation_z: float = 0.0
    rotation_3d_x: float = 0.0
    rotation_3d_y: float = 0.0
    rotation_3d_z: float = 0.0
    fov: float = 40.0
    near_plane: float = 200.0
    far_plane: float = 10000.0


@dataclass(frozen=True)
class Move2D:
    """A picture's move from one frame to the next in 2D.

    Attributes:
        angle: rotation about the centre in degrees, counter-clockwise.
        zoom: magnification about the centre; 1 changes nothing.
        translation_x: shift to the right in pixels.
        translation_y: shift downwards in pixels.
    """

    angle: float = 0.0
    zoom: float = 1.0
    translation_x: float = 0.0
    translation_y: float = 0.0


@dataclass(frozen=True)
class Prompt:
    """What guides the diffusion: a text, or a picture.

    Attributes:
        text: what the perceptors read, the weight not part of it; of a picture its path or address.
        weight: how strongly it pulls; negative pushes away. Where it changes over the diffusion, its mean.
        image: whether ``text`` names a picture.
        models: names of the networks that it speaks to, as the scene writes them; empty: all of them.
        course: its weight over the diffusion where that changes: values from the noisiest on, each with its
            number of entries, 1000 in all; else empty.
        region: name of the region in which alone it pulls; empty: everywhere.
    """

    text: str
    weight: float = 1.0
    image: bool = False
    models: tuple[str, ...] = ()
    course: tuple[tuple[float, int], ...] = field(default=(), repr=False)
    region: str = field(default="", repr=False)


@dataclass(frozen=True)
class GrainNoise:
    """Noise that follows from identities, so that it can move with the picture.

    Attributes:
        identities: of each pixel's grain, int64, H x W; see `animator.warp.grains`.
        places: of the grains, float32, 2 x H x W in pixels from the centres of their pixels, (x, y).
        drawn: where the init holds what this noise drew in a frame before, which is to be taken back before
            it is noised (`animator.diffusion.init_filter`), or None.
    """

    identities: Tensor
    places: Tensor
    drawn: Mask | None = None


@dataclass(frozen=True)
class Request:
    """What the loop asks of an engine for one frame (steps 5 and 6 of a frame's way).

    Attributes:
        frame: number of the frame; with ``seed`` it decides all randomness.
        seed: seed of this frame.
        width: pixels.
        height: pixels.
        prompts: what pulls at this frame; weights sum to 1, shares of a cross-fade multiplied in.
        written: the same with the weights that the scene gives them, shares of a cross-fade multiplied in.
        init: the picture to start from, or None to start from noise.
        keep: share of the diffusion's steps that is skipped because ``init`` stands for them, 0 to 1.
        keep_map: the same at each pixel, float32, H x W, where it is not ``keep`` everywhere; or None.
        regions: the masks of the regions that prompts name, float32, H x W, 0 to 1; a prompt whose region is
            not among them pulls nowhere.
        init_scale: strength of the perceptual pull towards ``init`` over the diffusion, a number or a
            `Schedule`; 0 switches it off.
        values: every setting that may change of the sections which the engine reads, by its dotted name
            (``guidance.clamp_max``), as a `Schedule` for this frame.
        uncovered: where ``init`` shows what the frame before it did not hold, or None.
        uncovered_keep: what takes the place of ``keep`` there, if it is less, or None.
        depth: the depth of ``init``, moved by the camera with it, or None where it is not known.
        noise: what all noise of the diffusion follows from, or None where that is ``seed`` and ``frame``.
        tiles: side in pixels of the overlapping tiles in which the network is asked; 0: the whole at once.
    """

    frame: int
    seed: int
    width: int
    height: int
    prompts: tuple[Prompt, ...]
    init: Frame | None = None
    keep: float = 0.0
    init_scale: float | Schedule = 0.0
    values: Mapping[str, Schedule] = field(default_factory=dict)
    uncovered: Mask | None = None
    uncovered_keep: float | None = None
    written: tuple[Prompt, ...] = ()
    depth: DepthMap | None = None
    noise: GrainNoise | None = None
    tiles: int = 0
    keep_map: Tensor | None = None
    regions: Mapping[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class PaintStep:
    """The state of a diffusion after one of its steps, for those who watch it.

    Nothing here is copied from the device until it is asked for.

    Attributes:
        done: steps done.
        total: steps in all.
        pictures: returns the clean estimate of every picture that is being painted, as frames.
        losses: by name (``clip ViT-B-32``, ``tv``, ``range``, ``sat``, ``init``, ``symmetry``), the losses of
            this step, each times its scale, shape (pictures,). A loss without strength is left out.
        cuts: by perceptor, what it saw last, pictures x cuts x 3 x size x size in about [0, 1]; empty unless
            the engine was asked to keep them.
        pulls: by the names of ``losses``, the root-mean-square of each one's gradient on the picture, shape
            (pictures,): how strongly it pulls beside the others.
        looked: by perceptor, how often its inner cuts have shown each pixel so far, pictures x height x
            width; empty unless the engine was asked to keep cuts.
    """

    done: int
    total: int
    pictures: Callable[[], list[Frame]]
    losses: Mapping[str, Tensor] = field(default_factory=dict)
    cuts: Mapping[str, Tensor] = field(default_factory=dict)
    pulls: Mapping[str, Tensor] = field(default_factory=dict)
    looked: Mapping[str, Tensor] = field(default_factory=dict)


OnStep = Callable[[PaintStep], None]
"""Called after each step of a diffusion."""


@dataclass(frozen=True)
class Painted:
    """What came of a request.

    Attributes:
        picture: the frame.
        unfinished: where a diffusion that was stopped half-way can be resumed, by name, on the CPU; None
            where it came to its end.
        beyond: how far, on average over its values, it was out of range before it was clamped; black is 0 and
            white 1. More than a few tenths are colours that exploded.
    """

    picture: Frame
    unfinished: Mapping[str, Tensor] | None = None
    beyond: float = 0.0


class Engine(Protocol):
    """Turns noise, or a picture and noise, into a picture of the prompts."""

    def paint(self, request: Request, on_step: OnStep | None = None) -> Frame:
        """Return the frame that ``request`` describes; the same request gives the same frame."""
        ...


class StillEngine(Engine, Protocol):
    """An engine that can also paint several pictures at once, stop half-way and resume."""

    def paint_together(
        self,
        requests: Sequence[Request],
        on_step: OnStep | None = None,
        *,
        stop_at: float = 1.0,
        unfinished: Sequence[Mapping[str, Tensor]] | None = None,
    ) -> list[Painted]:
        """Paint requests that differ in their seeds and inits only.

        Args:
            requests: at least one.
            on_step: called after each step.
            stop_at: share of the steps, 0 to 1, after which to stop.
            unfinished: of each request what an earlier call with a smaller ``stop_at`` left.
        """
        ...


class DepthEstimator(Protocol):
    """Estimates how far away the things in a picture are."""

    def __call__(self, frame: Frame) -> DepthMap:
        """Return the depth of ``frame`` at its own size."""
        ...


class FlowEstimator(Protocol):
    """Estimates where the things in one picture are in another."""

    def __call__(self, first: Frame, second: Frame) -> Flow:
        """Return where each pixel of ``first`` is in ``second``: what is at ``p`` goes to ``p + flow``."""
        ...

    def both_ways(self, first: Frame, second: Frame) -> tuple[Flow, Flow]:
        """Return the flow from ``first`` to ``second`` and the one back."""
        ...
