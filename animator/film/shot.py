"""What the drivers of a film must know of a scene besides its timeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from animator.film.inits import InitSettings

if TYPE_CHECKING:
    from animator.film.pins import Pin
    from animator.film.regions import Region
    from animator.film.upright import Upright
    from animator.warp.affine2d import Border
    from animator.warp.camera3d import Projection
    from animator.warp.fill import Fill
    from animator.warp.sampling import Padding, Sampling


@dataclass(frozen=True)
class Turbo:
    """Which frames of a film are painted, and how the others are faded; see `animator.film.turbo`.

    Attributes:
        steps: every how many frames one is painted; 1 is all of them.
        preroll: the last of the frames at the beginning that are all painted.
        ease: whether the fade is slow at both ends, not even.
        align: whether the two pictures are brought over one another before they are faded.
        disco: whether the weights of the fade are those of Disco Diffusion.
        also: numbers of further frames that are painted.
        loops_at: number of the frame that would be the first again, in a film that loops; else 0.
    """

    steps: int = 1
    preroll: int = 10
    ease: bool = False
    align: bool = False
    disco: bool = False
    loops_at: int = 0
    also: tuple[int, ...] = ()


NO_TURBO = Turbo()


@dataclass(frozen=True)
class Shot:
    """What the loop must know of a scene besides its timeline.

    Attributes:
        mode: ``still`` makes independent pictures, ``2d`` and ``3d`` make each from the one before.
        width: of the finished frames in pixels.
        height: of the finished frames in pixels.
        pictures: how many to make.
        seed: what the seed of each picture follows from, see `animator.system.rng.picture_seed`.
        seed_mode: how.
        noise: whether each frame has noise of its own, all have the same, or it moves with the picture, see
            `animator.film.grains`.
        detail: how far each painted frame is given its film's detail, 0 to 1, see `animator.film.detail`.
        init: what the first frame starts from, or every picture of a still.
        keep: share of the diffusion that is skipped for a first frame, 0 to 1.
        border_2d: what comes in from outside in 2D.
        padding: what comes in from outside in 3D.
        sampling: how colours between pixels are found.
        projection: the shape of space in 3D.
        occlusion: whether near things hide far ones and uncover what was behind them.
        fill: what is shown where the move uncovered something.
        align: whether each depth is brought to the scale of the one before it, see `animator.depth.align`.
        stereo: whether each finished frame comes with its depth, for two eyes to be made of it.
        sections: of the scene, that the engine reads.
        turbo: which frames are painted and how the others are faded.
        disco: whether pictures go through 8 bits and have depths of their own, see `animator.warp.disco`.
        loop: over how many frames the end of the film becomes its beginning; 0 if it does not.
        upright: the canvas on which the film is painted, or None where that is the frame itself.
        pins: pictures that the film passes through, or stills begin with, see `animator.film.pins`.
        regions: parts of the picture that are treated in their own way, see `animator.film.regions`.
    """

    mode: Literal["still", "2d", "3d", "video"]
    width: int
    height: int
    pictures: int
    seed: int | Sequence[int]
    seed_mode: Literal["step", "fixed", "random"] = "step"
    noise: Literal["new", "fixed", "moved"] = "new"
    detail: float = 0.0
    init: InitSettings = field(default_factory=InitSettings)
    keep: float = 0.0
    border_2d: Border = "wrap"
    padding: Padding = "border"
    sampling: Sampling = "bicubic"
    projection: Projection = "disco"
    occlusion: bool = False
    fill: Fill = "padding"
    align: bool = True
    stereo: bool = False
    sections: tuple[str, ...] = ("diffusion", "guidance")
    turbo: Turbo = NO_TURBO
    disco: bool = False
    upright: Upright | None = None
    loop: int = 0
    regions: tuple[Region, ...] = ()
    pins: tuple[Pin, ...] = ()

    @property
    def canvas(self) -> tuple[int, int]:
        """Width and height of the pictures that are painted, in pixels."""
        return (self.upright.width, self.upright.height) if self.upright else (self.width, self.height)
