"""What a scene of ``mode: video`` says about its footage and how it is stylised."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from animator.settings.base import Animated, Options, animated


class VideoOptions(Options):
    """Footage in, and how one stylised frame holds on to the one before it."""

    init: str | None = None
    """The footage: any film that ffmpeg reads, or a folder of pictures (`video_init_path` in Disco
    Diffusion); relative to the scene file."""

    start: float = Field(0.0, ge=0)
    """Where in the footage to begin, in seconds."""

    end: float | None = Field(None, gt=0)
    """Where in the footage to end, in seconds; its own end when left out."""

    extract_nth_frame: int = Field(1, ge=1, le=10000)
    """Every how many frames of the footage one is taken."""

    flow: Literal["auto", "raft-large", "raft-small", "dis", "none"] = "auto"
    """What tells how things move in the footage: RAFT, OpenCV's ``dis``, or nothing (``none``: every frame on
    its own). ``auto`` takes RAFT where its weights are at hand and a GPU is there, else ``dis``."""

    flow_blend: Animated = animated(0.6, ge=0, le=1)
    """Share, 0 to 1, of the previous output, warped along the flow, in what a frame starts from; the rest is
    the footage."""

    check_consistency: bool = True
    """Whether the footage alone stands where the flow forwards and the flow back do not agree."""

    consistency_dilation: int = Field(3, ge=0, le=64)
    """Pixels by which places where the flows do not agree are widened."""

    consistency_blur: float = Field(2.0, ge=0, le=64)
    """Standard deviation, in pixels, of the blur of their edges."""

    cuts: bool = True
    """Whether scene cuts in the footage are found; nothing is carried over one."""

    cut_threshold: float = Field(0.3, gt=0, le=1)
    """How different two frames must be to be a cut, 0 to 1; lower finds more."""

    fit: Literal["cover", "contain", "stretch"] = "cover"
    """How footage of another shape comes to the film's `size`: cut off, with borders, or stretched."""

    finish: Literal["none", "linear", "flow"] = "none"
    """A last pass over the film (`blend_mode`): each frame is mixed with the one before it, as it is or moved
    along the flow."""

    finish_blend: float = Field(0.5, ge=0, le=1)
    """Share of the frame itself in that mix."""

    sound: bool = True
    """Whether the sound of the footage is kept, cut to the range."""

    extract: bool = False
    """Whether the frames of the footage that are used are also kept as pictures, in ``footage/``."""

    steps: int | None = Field(None, ge=1, le=1000)
    """In place of `diffusion.steps` in mode video (`video_init_steps`)."""

    skip_steps: Animated | None = None
    """In place of `coherence.frames_skip_steps` in mode video (`video_init_skip_steps`)."""

    frames_scale: Animated | None = None
    """In place of `coherence.frames_scale` (`video_init_frames_scale`)."""

    clip_guidance_scale: Animated | None = None
    """In place of `guidance.clip_guidance_scale` (`video_init_clip_guidance_scale`)."""

    tv_scale: Animated | None = None
    """In place of `guidance.tv_scale` (`video_init_tv_scale`)."""

    range_scale: Animated | None = None
    """In place of `guidance.range_scale` (`video_init_range_scale`)."""

    sat_scale: Animated | None = None
    """In place of `guidance.sat_scale` (`video_init_sat_scale`)."""
