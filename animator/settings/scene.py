"""What a scene may say: every setting with its type, range, default and a sentence."""

from __future__ import annotations

import re
import secrets
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema, field_validator

from animator.keyframes.clock import SPAN, Clock
from animator.settings.base import (
    BY_CLIP,
    FILMS,
    SLOWEST,
    STILL,
    THREE_D,
    TWO_D,
    VIDEO,
    Need,
    Options,
    given,
    setting,
)
from animator.settings.camera import CameraOptions
from animator.settings.coherence import CoherenceOptions
from animator.settings.depth import DepthOptions
from animator.settings.diffusion import DiffusionOptions, Percent, percent
from animator.settings.grade import GradeOptions
from animator.settings.guard import GuardOptions
from animator.settings.guidance import GuidanceOptions
from animator.settings.hires import HiresOptions
from animator.settings.latent import LatentOptions
from animator.settings.output import OutputOptions
from animator.settings.pins import Pictures
from animator.settings.prompts import ImagePrompts, Position, Prompts
from animator.settings.regions import RegionOptions
from animator.settings.seeds import scheduled
from animator.settings.turbo import TurboOptions
from animator.settings.video import VideoOptions
from animator.settings.vr import VrOptions
from animator.settings.warp import WarpOptions

SIZE_STEP = 64
GROUNDS = {"black": "#000000", "white": "#ffffff", "grey": "#808080", "gray": "#808080"}
"""Names of backgrounds."""

MAX_FRAMES = 100_000
SeedMode = Literal["step", "fixed", "random"]
Side = Annotated[int, Field(ge=SIZE_STEP, le=4096)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]


def _frames_or_length(kind: str, least: int, allowed: str) -> WithJsonSchema:
    """Return the schema of a number of frames that may be written as a length of time."""
    number = {"type": kind, "minimum": least, "maximum": MAX_FRAMES}
    written = {"type": "string", "pattern": f"^{SPAN}$"}
    return WithJsonSchema({"anyOf": [number, written], "allowed": allowed})


Count = Annotated[
    int,
    _frames_or_length(
        "integer", 1, f"a whole number from 1 to {MAX_FRAMES}, or a length such as 20s, 1m30s or 16b"
    ),
]
Span = Annotated[
    float,
    _frames_or_length("number", 0, f"a number from 0 to {MAX_FRAMES}, or a length such as 2s or 4b"),
]


_ONE_SEED = Need("beside a list of seeds", {"seed": lambda seed: not isinstance(seed, list)})


def _draw_seed() -> int:
    return secrets.randbelow(2**32)


class Scene(Options):
    """A film or a picture, described in full. What a scene file leaves out has the value given here."""

    version: Literal[1] = Field(1, json_schema_extra={"allowed": "1, the format that this program reads"})
    """Version of the scene format; there is one so far."""

    mode: Literal["still", "2d", "3d", "video"] = "3d"
    """What is made: single pictures (`still`), a film of a moved picture (`2d`), a film by a camera that
    moves through the picture's depth (`3d`), or footage that is stylised (`video`)."""

    size: tuple[Side, Side] = setting((192, 128), unit="pixels")
    """Width and height in pixels, 64 to 4096 each, rounded down to multiples of 64; left out, 192 x 128, the
    size that the bundled networks know best; of footage, its own, at most 512 on the longer side."""

    frames: Count = setting(
        48, ge=1, le=MAX_FRAMES, unit="frames, or seconds", modes=FILMS, changes_frames=False
    )
    """Length of the film: a number of frames, or a length such as 20s, 1m30s or 16b (beats, with `bpm`); left
    out, all of the footage."""

    images: int = setting(1, ge=1, le=MAX_FRAMES, unit="pictures", modes=(STILL,), changes_frames=False)
    """Number of pictures that `mode: still` makes, each from its own seed."""

    keep_best: int | None = setting(
        None, ge=1, le=MAX_FRAMES, unit="pictures", modes=(STILL,), changes_frames=False
    )
    """How many of the stills are finished: all are painted a part of the way (`judge_at`), where the broken
    are sorted out and the others scored by a CLIP model that does not guide, if there is one; left out, all
    are finished. The others stay drafts, for ``animator finish``."""

    judge_at: Percent | Annotated[list[Percent], Field(min_length=1, max_length=20)] = setting(
        ["30%", "50%", "70%"],
        unit="share of the diffusion",
        modes=(STILL,),
        needs=given("keep_best"),
        changes_frames=False,
    )
    """Share of a still's steps after which `keep_best` chooses, or several, rising: each time about the same
    share of the pictures goes on, until the best are left. Early on there is little to tell, later little to
    save."""

    batch: int = setting(1, ge=1, le=1024, unit="pictures", modes=(STILL,), changes_frames=False)
    """How many stills are painted at once on a GPU, halved as often as the memory does not hold them; only
    those that differ in nothing but their seeds. Painted together with others a picture is rounded
    differently, and may come out visibly different. A CPU paints one by one, which is as fast there."""

    background: Annotated[str, Field(pattern=r"^\s*(black|white|gr[ae]y|#[0-9a-fA-F]{6})\s*$")] = setting(
        "black",
        needs=given("video.init", "diffusion.init_image"),
        json_schema_extra={"allowed": 'black, white, grey, or a colour in quotes such as "#203040"'},
    )
    """What lies under transparent parts of footage and of an init picture: black, white, grey, or a colour
    such as "#203040" (in quotes, for # begins a comment)."""

    fps: float = setting(12.0, ge=SLOWEST, le=1000, unit="frames a second", changes_frames=False)
    """Frames a second of the film; left out, those of the footage."""

    bpm: float | None = setting(None, gt=0, le=1000, unit="beats a minute", changes_frames=False)
    """Beats a minute of the music, so that positions may be beats (16b)."""

    device: Literal["auto", "cpu", "cuda", "mps"] | Annotated[str, Field(pattern=r"^cuda:[0-9]{1,2}$")] = (
        setting(
            "auto",
            changes_frames=False,
            json_schema_extra={"allowed": "auto, cpu, cuda, cuda:1 (a GPU by its number) or mps"},
        )
    )
    """Where the networks run: ``auto`` is the first GPU with CUDA, else Apple's GPU, else the CPU; ``cpu``,
    ``cuda``, ``cuda:1`` for the second GPU, or ``mps`` on a Mac. It is not part of a frame's fingerprint,
    though every device rounds in its own way."""

    models: Literal["real", "fake"] = "real"
    """``fake`` needs no networks at all: an exactly solvable denoiser, a fixed perceptor and a plane of
    depth, for trying a scene's motion and settings."""

    seed: (
        Seed
        | Annotated[list[Seed], Field(min_length=1)]
        | Annotated[dict[Position, Seed], Field(min_length=1)]
    ) = setting(
        unit="",
        default_factory=_draw_seed,
        json_schema_extra={
            "allowed": "a whole number from 0 to 4294967295, a list of them, a mapping such as "
            "{0: 7, 24: 9}, or step, fixed or random"
        },
        changes_frames=False,
    )
    """What all randomness follows from; left out, it is drawn once and kept in the run. A list gives each
    still its own seed, a mapping such as {0: 7, 4b: 9} starts again with another at each position; the words
    ``step``, ``fixed`` and ``random`` have one drawn and set `seed_mode`."""

    seed_mode: SeedMode = setting("step", needs=_ONE_SEED, changes_frames=False)
    """How seeds follow from `seed`: ``step`` adds 1 for each picture or frame, ``fixed`` gives all the same
    (and the frames of a film the same noise), ``random`` draws one for each from `seed`."""

    interpolation: Literal["linear", "quadratic", "cubic", "pchip", "step"] = setting(
        "linear", changes_frames=False
    )
    """How a value moves between keyframes that are plain numbers (`interp_spline` in Disco Diffusion)."""

    loop: bool = setting(False, modes=(TWO_D, THREE_D))
    """Whether the end of the film becomes its beginning, over its last two seconds, or the last half of a
    film of less than four: the first frame is moved back along the camera's path and mixed in more and more,
    prompts become those of the beginning again, and a film at a higher frame rate leads from the last frame
    to the first."""

    prompts: Prompts = setting(
        json_schema_extra={"allowed": 'texts such as ["a sea", "fog:0.5"], or a mapping from frames to them'},
        changes_frames=False,
    )
    """What to paint: "text" or "text:weight", one or a list of them, or a mapping from positions (a frame,
    8.5s, 16b) to them. A weight may change over the diffusion: "text:[1]*500+[4]*500"."""

    modifiers: dict[str, str | Annotated[list[str], Field(min_length=1)]] = setting(
        default_factory=dict,
        json_schema_extra={"allowed": "lists of texts by name, or files, such as {light: [dawn, dusk]}"},
        changes_frames=False,
    )
    """Lists of words that `prompts` may name in braces, ``{artist}``, by name: the texts, or "@file.txt", a
    line each. One is drawn by the seed for each still, for a film once; and so is one of ``{red|blue}`` and
    of ``{@file.txt}``."""

    prompt_blend: Span = setting(
        0.0, ge=0, le=MAX_FRAMES, unit="frames, or seconds or beats", modes=FILMS, changes_frames=False
    )
    """Frames over which one set of prompts becomes the next, or a length such as 2s or 4b; 0 is a hard
    cut."""

    image_prompts: ImagePrompts = setting(default_factory=dict, changes_frames=False)
    """Pictures as prompts, by the same rules: "path.png:weight" or an http(s) address, one or a list of them,
    or a mapping from positions to them."""

    pictures: Pictures = setting(
        default_factory=dict,
        json_schema_extra={
            "allowed": "a folder or a list of pictures, or a mapping such as "
            "{0: a.png, 48: {file: b.png, over: 2s}}"
        },
        changes_frames=False,
    )
    """Pictures that the film passes through, by position: a file, or {file, strength, over}; the word
    ``start`` is the first of them again, the position ``end`` the last frame. The pictures of a folder or a
    list are spread over the film. Of stills each begins with the picture of its number, in place of
    `diffusion.init_image`."""

    regions: dict[str, RegionOptions] = setting(
        default_factory=dict,
        json_schema_extra={
            "allowed": 'regions by name, such as {sky: {formula: "y < 0.4", still: true}}',
            "animated_parts": True,
        },
        changes_frames=False,
    )
    """Parts of the picture, by name, and what is different there: see [regions](regions.md)."""

    camera: CameraOptions = setting(CameraOptions(), modes=(TWO_D, THREE_D))
    """How the camera moves from frame to frame."""

    warp: WarpOptions = setting(WarpOptions(), modes=(TWO_D, THREE_D))
    """How a moved picture is sampled."""

    depth: DepthOptions = setting(DepthOptions(), modes=(THREE_D,), eyes=True)
    """How far away things are."""

    coherence: CoherenceOptions = setting(CoherenceOptions(), modes=FILMS)
    """How one frame holds on to the frame before it."""

    turbo: TurboOptions = setting(TurboOptions(), modes=(TWO_D, THREE_D))
    """Whether only every n-th frame is diffused."""

    vr: VrOptions = setting(VrOptions(), needs=given("vr.enabled"))
    """Whether there are two eyes, and what is made for them."""

    video: VideoOptions = setting(VideoOptions(), modes=(VIDEO,), changes_frames=(VIDEO,))
    """The footage of `mode: video`, and how it is stylised."""

    diffusion: DiffusionOptions = setting(DiffusionOptions())
    """The network, the solver and the steps that turn noise into a picture."""

    guidance: GuidanceOptions = setting(GuidanceOptions(), engine=BY_CLIP)
    """Through which networks and cuts, and how strongly, the prompts pull."""

    latent: LatentOptions = setting(LatentOptions(), engine="latent")
    """What a latent diffusion network is asked beside: its negative prompt, LoRAs, a ControlNet."""

    guard: GuardOptions = setting(GuardOptions(), changes_frames=False)
    """When a painted frame is broken, and what becomes of it."""

    grade: GradeOptions = setting(GradeOptions(), changes_frames=False)
    """Colours, sharpness and grain that the films and graded stills get, over the finished frames."""

    hires: HiresOptions = setting(HiresOptions(), changes_frames=False)
    """A second, larger painting over each finished picture."""

    output: OutputOptions = setting(OutputOptions(), changes_frames=False)
    """The film that the finished frames become."""

    @field_validator("size")
    @classmethod
    def _multiples(cls, size: tuple[int, int]) -> tuple[int, int]:
        return size[0] - size[0] % SIZE_STEP, size[1] - size[1] % SIZE_STEP

    @field_validator("regions")
    @classmethod
    def _plain_names(cls, value: dict[str, RegionOptions]) -> dict[str, RegionOptions]:
        for name in value:
            if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", name, re.ASCII) is None:
                raise ValueError(f"a region is called by letters, digits, - and _, found '{name[:40]}'")
        return value

    @field_validator("judge_at")
    @classmethod
    def _shares_to_judge(cls, value: str | list[str]) -> str | list[str]:
        return str(percent(value)) if isinstance(value, str) else [str(percent(one)) for one in value]

    @property
    def ground(self) -> tuple[float, float, float]:
        """The background as red, green and blue, 0 to 1."""
        word = self.background.strip()
        red, green, blue = bytes.fromhex(GROUNDS.get(word, word)[1:])
        return red / 255, green / 255, blue / 255

    @property
    def first_seed(self) -> int:
        """The seed, or the first of several; expressions know it as ``s``."""
        if isinstance(self.seed, dict):
            return next(iter(self.seed.values()))
        return self.seed if isinstance(self.seed, int) else self.seed[0]

    @property
    def seeds(self) -> int | list[int]:
        """The seed that those of the pictures follow from, or the seed of each.

        Raises:
            ExpressionError: a position of a mapping is none.
        """
        if not isinstance(self.seed, dict):
            return self.seed
        return scheduled(self.seed, self.seed_mode, Clock(self.count, self.fps, self.bpm))

    @property
    def large_size(self) -> tuple[int, int] | None:
        """Width and height of the pictures that are painted a second time, larger; None without `hires`."""
        return self.hires.size(self.size)

    @property
    def count(self) -> int:
        """Number of pictures that are made: the images of a still, the frames of a film."""
        return self.images if self.mode == "still" else self.frames


@cache
def scene_schema() -> dict[str, Any]:
    """Return the JSON schema of a scene as pydantic makes it; not to be altered."""
    return Scene.model_json_schema()
