"""What a scene of ``mode: video`` says about its footage and how it is stylised."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from animator.settings.base import SLOWEST, Animated, Options, animated, given, is_not, setting

_FLOW = is_not("video.flow", "none", "with video.flow: none")


class VideoOptions(Options):
    """Footage in, and how one stylised frame holds on to the one before it."""

    init: str | None = setting(None, changes_frames=False)
    """The footage: any film that ffmpeg reads, or a folder of pictures (`video_init_path` in Disco
    Diffusion); relative to the scene file."""

    start: float = setting(0.0, ge=0, unit="seconds")
    """Where in the footage to begin, in seconds."""

    end: float | None = setting(None, gt=0, unit="seconds")
    """Where in the footage to end, in seconds; its own end when left out."""

    extract_nth_frame: int = setting(1, ge=1, le=10000, unit="frames")
    """Every how many frames of the footage one is taken."""

    fps: (
        Annotated[float, Field(ge=SLOWEST, le=1000)]
        | Annotated[str, Field(pattern=r"^\s*[0-9]+/[0-9]+\s*$")]
        | None
    ) = setting(
        None,
        unit="frames a second",
        json_schema_extra={"allowed": "a number from 0.01 to 1000, or a fraction such as 30000/1001"},
    )
    """Rate at which the footage is read, in place of its own: each frame is what is to be seen at its moment,
    so that its speed stays. Of a folder, how many pictures go by in a second. 30, or 30000/1001."""

    flow: Literal["auto", "raft-large", "raft-small", "dis", "none"] = setting("auto", changes_frames=False)
    """What estimates how things move in the footage: RAFT, OpenCV's ``dis``, or nothing (``none``: each
    frame on its own). ``auto`` takes RAFT if its weights are installed and there is a GPU, else ``dis``."""

    flow_blend: Animated = animated(0.6, ge=0, le=1, unit="share 0..1", needs=_FLOW)
    """Share, 0 to 1, of the previous output, warped along the flow, in what a frame starts from; the rest is
    the footage."""

    check_consistency: bool = setting(True, needs=_FLOW)
    """Whether the footage alone is shown where the flow forwards and the flow back do not agree."""

    consistency_dilation: int = setting(
        3, ge=0, le=64, unit="pixels", needs=(_FLOW, given("video.check_consistency"))
    )
    """Pixels by which places where the flows do not agree are widened."""

    consistency_blur: float = setting(
        2.0, ge=0, le=64, unit="pixels", needs=(_FLOW, given("video.check_consistency"))
    )
    """Standard deviation, in pixels, of the blur of their edges."""

    cuts: bool = True
    """Whether scene cuts in the footage are found; nothing is carried over one."""

    cut_threshold: float = setting(0.3, gt=0, le=1, unit="share 0..1", needs=given("video.cuts"))
    """How different two frames must be to be a cut, 0 to 1; lower finds more."""

    fit: Literal["cover", "contain", "stretch"] = "cover"
    """How footage of another shape comes to the film's `size`: cut off, with borders, or stretched."""

    finish: Literal["none", "linear", "flow"] = setting("none", changes_frames=False)
    """A last pass over the film (`blend_mode`): each frame is mixed with the one before it, as it is or moved
    along the flow."""

    finish_blend: float = setting(
        0.5, ge=0, le=1, unit="share 0..1", needs=given("video.finish"), changes_frames=False
    )
    """Share of the frame itself in that mix."""

    sound: bool = setting(True, changes_frames=False)
    """Whether the sound of the footage is kept, cut to the range."""

    extract: bool = setting(False, changes_frames=False)
    """Whether the frames of the footage that are used are also kept as pictures, in ``footage/``."""

    steps: int | None = setting(None, ge=1, le=1000, unit="steps")
    """In place of `diffusion.steps` in mode video (`video_init_steps`)."""

    skip_steps: Animated | None = setting(None, unit="steps, or % of them")
    """In place of `coherence.frames_skip_steps` in mode video (`video_init_skip_steps`)."""

    frames_scale: Animated | None = setting(None, unit="weight")
    """In place of `coherence.frames_scale` (`video_init_frames_scale`)."""

    clip_guidance_scale: Animated | None = setting(None, unit="weight")
    """In place of `guidance.clip_guidance_scale` (`video_init_clip_guidance_scale`)."""

    tv_scale: Animated | None = setting(None, unit="weight")
    """In place of `guidance.tv_scale` (`video_init_tv_scale`)."""

    range_scale: Animated | None = setting(None, unit="weight")
    """In place of `guidance.range_scale` (`video_init_range_scale`)."""

    sat_scale: Animated | None = setting(None, unit="weight")
    """In place of `guidance.sat_scale` (`video_init_sat_scale`)."""
