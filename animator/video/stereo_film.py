"""Films for two eyes: packed into one picture, as an anaglyph, and as VR180 for headsets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from animator.system.convert import frame_to_uint8, uint8_to_frame
from animator.video.ffmpeg import named
from animator.video.film import LOOKAHEAD, THREADS, TO_BT709, FilmWriter, frame_rate
from animator.video.making import begun, feed, pictures_like, replacing
from animator.video.mux import with_sound
from animator.video.spherical import Stereo, Vr180Layout, write_stereo_metadata, write_vr180_metadata
from animator.warp.equirect import HalfEquirect, half_equirect_grid

if TYPE_CHECKING:
    from animator.warp.equirect import Edge

Pairs = Iterable[tuple[np.ndarray, np.ndarray]]
"""The left and the right eye of each frame, H x W x 3 uint8 RGB."""

Packing = Literal["side_by_side", "top_bottom", "anaglyph"]

RED_CYAN = np.array(
    [
        [0.4561, 0.500484, 0.176381, -0.0434706, -0.0879388, -0.00155529],
        [-0.0400822, -0.0378246, -0.0157589, 0.378476, 0.73364, -0.0184503],
        [-0.0152161, -0.0205971, -0.00546856, -0.0721527, -0.112961, 1.2264],
    ]
)
"""From linear RGB of the left and the right eye to the linear RGB of an anaglyph for red and cyan glasses.

The least-squares projection of E. Dubois, "A projection method to generate anaglyph stereo images", ICASSP
2001, with the measured phosphors and filters of W. Sanders and D. McAllister, "Producing Anaglyphs from
Synthetic Images", SPIE 5006, 2003; each row scaled so that white stays white.
"""

STEREO: dict[Packing, Stereo] = {"side_by_side": "left_right", "top_bottom": "top_bottom"}
"""What a packed film says of its eyes; an anaglyph is an ordinary film."""

WIDE = 3840
"""Pixels of a side from which on x264 may point farther than the decoders of headsets follow."""

FARTHEST = 511
"""Rows that a block of a picture may have moved there: as in level 5.2, the highest that headsets know."""


@dataclass(frozen=True)
class Encoding:
    """How a stereo film is encoded.

    Attributes:
        fps: frames a second.
        codec: of VR180; packed films and anaglyphs are always H.264.
        crf: quality, 0 (lossless) to 51.
        preset: effort of the encoder, such as ``medium``.
        audio: any file that ffmpeg reads; its first sound is put under the film, as AAC, and ends with it. A
            file without sound is no error.
        audio_start: second of the sound at which the film begins.
        rate_change: how many seconds of the sound one second of the film shows.
    """

    fps: float | str | Fraction
    codec: Literal["h264", "hevc"] = "h264"
    crf: int = 17
    preset: str = "medium"
    audio: Path | None = None
    audio_start: float = 0.0
    rate_change: float = 1.0


def pack(left: np.ndarray, right: np.ndarray, layout: Packing) -> np.ndarray:
    """Put what two eyes see into one picture.

    Args:
        left: H x W x 3 uint8 RGB.
        right: the same size.
        layout: ``side_by_side`` (H x 2W) or ``top_bottom`` (2H x W), the left eye at the left or on top, both
            in full size; or ``anaglyph`` (H x W) by `RED_CYAN`, applied to linear light.

    Raises:
        ValueError: if the sizes differ or the layout is none of these.
    """
    if left.shape != right.shape:
        raise ValueError(f"the left eye's picture is {left.shape}, the right one's {right.shape}")
    if layout == "side_by_side":
        return np.concatenate((left, right), axis=1)
    if layout == "top_bottom":
        return np.concatenate((left, right), axis=0)
    if layout == "anaglyph":
        return _anaglyph(left, right)
    raise ValueError(f"layout is {layout!r}; it must be 'side_by_side', 'top_bottom' or 'anaglyph'")


def _anaglyph(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Mix the eyes in linear light and return to sRGB (IEC 61966-2-1)."""
    level = np.arange(256, dtype=np.float32) / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4).astype(np.float32)
    light = np.concatenate((linear[left], linear[right]), axis=2) @ RED_CYAN.T.astype(np.float32)
    light = light.clip(0, 1)
    levels = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    result: np.ndarray = np.rint(levels * 255).astype(np.uint8)
    return result


def write_packed(path: Path, pairs: Pairs, layout: Packing, encoding: Encoding) -> None:
    """Write a film of both eyes in one H.264 picture, or an anaglyph. It is whole or not there.

    Packed films carry the box ``st3d``, by which players know where the eyes are.

    Args:
        path: the film, ending in ``.mp4``; its folder must exist.
        pairs: the left and the right eye of each frame, all of one size.
        layout: see `pack`.
        encoding: fps, quality and sound.

    Raises:
        FilmError: if there are no frames, the encoder fails or the disk refuses.
        ValueError: if a picture has another size than the first.
    """
    first, packed = begun((pack(left, right, layout) for left, right in pairs), path)
    height, width, _ = first.shape
    with replacing(path) as part:
        crf, preset = encoding.crf, encoding.preset
        with FilmWriter(part, width, height, encoding.fps, crf=crf, preset=preset) as film:
            for pixels in packed:
                film.add(pixels)
        _put_sound(part, film.frames, encoding)
        if layout != "anaglyph":
            write_stereo_metadata(part, part, stereo=STEREO[layout])


def write_vr180(
    path: Path,
    pairs: Pairs,
    encoding: Encoding,
    *,
    fovs: Iterable[float] | float,
    size: int = 2880,
    edge: Edge = "fade",
    layout: Vr180Layout = "side_by_side",
) -> None:
    """Write a VR180 film: the hemispheres of both eyes, marked for players. It is whole or not there.

    Up to a size of 2048 the film keeps within level 5.2 of H.264 and HEVC; 2880 needs level 6, which older
    headsets may not decode.

    Args:
        path: the film, ending in ``.mp4``; its folder must exist. By convention its name ends as
            `VR180_NAMES` says.
        pairs: the left and the right eye of each frame.
        encoding: fps, codec, quality and sound.
        fovs: angle in degrees that a picture's height fills, one for all frames or one for each.
        size: pixels of each eye's picture in width and height, an even number: the film is twice as wide.
        edge: what lies beyond the pictures, see `half_equirect_grid`.
        layout: where the eyes are, the left one at the left or on top.

    Raises:
        FilmError: if there are no frames, the encoder fails or the disk refuses.
        ValueError: if the size is odd, an angle is not between 0 and 180 degrees, or there are fewer angles
            than frames.
    """
    if size % 2:
        raise ValueError(f"size is {size}; the pixel layout of a film asks for an even number")
    angles = repeat(float(fovs)) if isinstance(fovs, (int, float)) else iter(fovs)
    first, views = begun(hemispheres(pairs, angles, size, edge, layout), path)
    with replacing(path) as part:
        frames = feed(_encoding(part, first, encoding), views, path)
        _put_sound(part, frames, encoding)
        write_vr180_metadata(part, part, stereo=STEREO[layout], apple=encoding.codec == "hevc")


def hemispheres(
    pairs: Pairs, angles: Iterator[float], size: int, edge: Edge, layout: Vr180Layout = "side_by_side"
) -> Iterator[np.ndarray]:
    """Yield both eyes' hemispheres in one picture; the projection is computed again only where it changes.

    Args:
        pairs: the left and the right eye of each picture.
        angles: degrees that the height of each fills.
        size: pixels of each eye's picture, as `edge` and `layout` that of `write_vr180`.
        edge: what lies beyond.
        layout: where the eyes are.

    Raises:
        ValueError: there are fewer angles than pictures.
    """
    project: HalfEquirect | None = None
    known = None
    for number, eyes in enumerate(pairs):
        fov = next(angles, None)
        if fov is None:
            raise ValueError(f"there are angles of view for {number} frames only")
        height, width, _ = eyes[0].shape
        if project is None or known != (height, width, fov):
            project, known = half_equirect_grid(height, width, size, fov, edge=edge), (height, width, fov)
        # Copied: pictures of a film that is read are not writable, of which torch would warn.
        left, right = (frame_to_uint8(project(uint8_to_frame(eye.copy()))) for eye in eyes)
        yield pack(left, right, layout)


def _encoding(film: Path, first: np.ndarray, encoding: Encoding) -> Any:
    """Return the graph from raw pictures on stdin to a film; its bytes depend on the pictures alone.

    The encoders look ahead a few frames only: each takes 25 megabytes at the full size.
    """
    if encoding.codec == "hevc":
        parameters = f"rc-lookahead={LOOKAHEAD}:bframes=3:pools={THREADS}:frame-threads=1:log-level=error"
        # Apple's players open HEVC under the name hvc1 only.
        codec = {"vcodec": "libx265", "vtag": "hvc1", "x265-params": parameters}
    else:
        near = f":mvrange={FARTHEST}" if max(first.shape) > WIDE else ""
        codec = {"vcodec": "libx264", "x264-params": f"rc-lookahead={LOOKAHEAD}{near}"}
    return pictures_like(first, encoding.fps).output(
        named(film),
        vf=TO_BT709,
        preset=encoding.preset,
        crf=encoding.crf,
        threads=THREADS,
        g=max(1, round(frame_rate(encoding.fps))),
        fps_mode="passthrough",
        movflags="faststart",
        map_metadata=-1,
        bitexact=None,
        **codec,
    )


def _put_sound(film: Path, frames: int, encoding: Encoding) -> None:
    """Put the sound that is asked for under a film, cut to its length."""
    if encoding.audio is not None:
        seconds = float(frames / frame_rate(encoding.fps))
        change, start_at = encoding.rate_change, encoding.audio_start
        with_sound(film, encoding.audio, film, start_at=start_at, seconds=seconds, rate_change=change)
