"""Films for other uses than the web: HEVC, ProRes, GIF and WebP, made of finished frames."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

import cv2
import ffmpeg
import numpy as np

from animator.errors import FilmError
from animator.video.ffmpeg import QUIET, command, named, run
from animator.video.film import THREADS, FilmWriter, frame_rate, to_bt709
from animator.video.making import begun, feed, pictures_like, replacing

Codec = Literal["h264", "hevc", "prores", "prores-4444"]

SUFFIX = {"h264": ".mp4", "hevc": ".mp4", "prores": ".mov", "prores-4444": ".mov"}
"""Ending of a film by its codec."""

FASTEST_GIF = Fraction(50)
"""Frames a second of a GIF at most: its delays are whole hundredths of a second, and programs that show it
take one of less than two hundredths for a mistake and wait ten."""

WEBP_QUALITY = 85
LARGEST_WEBP = 16383
ANIMATED, NOT_BLENDED = 2, 2
"""Flags of the chunks VP8X and ANMF."""


def write_codec(
    path: Path,
    frames: Iterable[np.ndarray],
    fps: float | str | Fraction,
    codec: Codec,
    *,
    crf: int = 17,
    preset: str = "medium",
) -> None:
    """Write frames as a film of another codec. The bytes depend on the frames and settings alone.

    HEVC carries the tag ``hvc1``, without which Apple's players refuse it. ProRes is 422 HQ or 4444, always
    of 10 bits, in a ``.mov``; it has no settings. As in the growing film there are no B-frames in the others,
    and a size that is odd is made even by drawing out the last column or row.

    Args:
        path: the film, with the ending that `SUFFIX` names.
        frames: H x W x 3 RGB, all of one size, uint8, or uint16 for 10 bits in the film; of ``prores-4444``
            also H x W x 4 with alpha, which is not premultiplied.
        fps: frames a second.
        codec: which.
        crf: quality of H.264 and HEVC, 0 to 51.
        preset: effort of their encoders.

    Raises:
        FilmError: there are no frames, or the encoder fails; a film that was there stays.
    """
    first, frames = begun(frames, path)
    ten_bits = first.dtype == np.uint16
    if codec == "h264":
        height, width, _ = first.shape
        with FilmWriter(path, width, height, fps, crf=crf, preset=preset, ten_bits=ten_bits) as film:
            for frame in frames:
                film.add(frame)
        return
    if codec == "hevc":
        layout = "yuv420p10le" if ten_bits else "yuv420p"
        # One frame at a time: how many are worked at side by side would decide about the bytes.
        how: dict[str, Any] = {"vcodec": "libx265", "preset": preset, "crf": crf, "vtag": "hvc1"}
        fixed = f"frame-threads=1:pools={THREADS}:bframes=0:keyint={max(1, round(frame_rate(fps)))}"
        how["x265-params"] = f"{fixed}:info=0:log-level=error"
    else:
        full = codec == "prores-4444"
        layout = "yuv444p10le" if full else "yuv422p10le"
        if full and first.shape[2] == 4:
            layout = "yuva444p10le"
        how = {
            "vcodec": "prores_ks",
            "profile:v": "4444" if full else "hq",
            "vendor": "apl0",
            "threads": THREADS,
        }
    with replacing(path) as part:
        film = pictures_like(first, fps).output(
            named(part),
            vf=to_bt709(layout),
            fps_mode="passthrough",
            movflags="faststart",
            map_metadata=-1,
            bitexact=None,
            **how,
        )
        feed(film, frames, path)


def write_alpha_webm(
    path: Path, first: np.ndarray, frames: Iterable[np.ndarray], fps: float | str | Fraction
) -> None:
    """Write frames with alpha as a WebM, VP9 with a second picture for the alpha, which browsers show.

    Args:
        path: the film, ``.webm``.
        first: the first frame, H x W x 4 RGBA, uint8 or uint16; of the latter 8 bits are kept.
        frames: all of them.
        fps: frames a second.

    Raises:
        FilmError: the encoder fails; a film that was there stays.
    """
    with replacing(path) as part:
        film = pictures_like(first, fps).output(
            named(part),
            vf=to_bt709("yuva420p"),
            fps_mode="passthrough",
            vcodec="libvpx-vp9",
            crf=20,
            **{"b:v": 0, "row-mt": 0, "auto-alt-ref": 0},
            threads=1,
            map_metadata=-1,
            bitexact=None,
        )
        feed(film, frames, path)


def write_gif(path: Path, frames: Iterable[np.ndarray], fps: float | str | Fraction) -> None:
    """Write frames as an animated GIF that repeats for ever, in the 256 colours that suit all of them best.

    Its delays are whole hundredths of a second: at 12 frames a second they are 8, 8, 9, ... so that the GIF
    keeps time. Above 50 frames a second frames are left out.

    Args:
        path: the GIF.
        frames: H x W x 3 RGB, all of one size, uint8 or uint16; taken one by one, none is kept in memory.
        fps: frames a second.

    Raises:
        FilmError: there are no frames, or the encoder fails; a GIF that was there stays.
    """
    first, frames = begun(frames, path)
    rate = frame_rate(fps)
    with replacing(path) as part:
        # The colours are known only after the last frame: the frames wait in a lossless film.
        lossless, palette = (named(part.with_name(name)) for name in ("frames.mkv", "palette.png"))
        pictures = pictures_like(first, rate, even=False).filter("format", "gbrp")
        if rate > FASTEST_GIF:
            pictures = pictures.filter("fps", str(FASTEST_GIF))
        split = pictures.split()
        kept = split[0].output(lossless, vcodec="ffv1", fps_mode="passthrough")
        colours = (
            split[1].filter("palettegen", stats_mode="full").output(palette, update=1, **{"frames:v": 1})
        )
        feed(ffmpeg.merge_outputs(kept, colours), frames, path, even=False)
        mapped = ffmpeg.filter(
            [ffmpeg.input(lossless), ffmpeg.input(palette, format="png_pipe")],
            "paletteuse",
            dither="sierra2_4a",
            diff_mode="rectangle",
        )
        gif = mapped.output(named(part), loop=0, fps_mode="passthrough", map_metadata=-1, bitexact=None)
        run(command(gif.global_args(*QUIET)), path)


def write_webp(path: Path, frames: Iterable[np.ndarray], fps: float | str | Fraction) -> None:
    """Write frames as an animated WebP that repeats for ever.

    Every frame is a whole picture of its own. What encoders of moving WebPs save between frames shows as
    trails behind edges, and in a painted film, where everything moves, saves nothing. The file is laid out
    after the "WebP Container Specification": VP8X, ANIM, and an ANMF for each frame.

    Args:
        path: the WebP.
        frames: H x W x 3 RGB, all of one size, uint8 or uint16; taken one by one, none is kept in memory.
        fps: frames a second; each begins at the nearest millisecond.

    Raises:
        FilmError: there are no frames, or they are too large for a WebP; a WebP that was there stays.
    """
    first, frames = begun(frames, path)
    height, width, _ = first.shape
    if max(height, width) > LARGEST_WEBP:
        raise FilmError(f"{path}: {width} x {height} pixels are too large for a WebP ({LARGEST_WEBP} a side)")
    rate = frame_rate(fps)
    size = _three(width - 1) + _three(height - 1)
    with replacing(path) as part, part.open("wb") as file:
        file.write(b"RIFF\0\0\0\0WEBP")
        file.write(_chunk(b"VP8X", bytes([ANIMATED, 0, 0, 0]) + size))
        file.write(_chunk(b"ANIM", bytes(6)))  # a black background, and as many rounds as one likes
        for number, pixels in enumerate(frames):
            begins, ends = (round(1000 * moment / rate) for moment in (number, number + 1))
            placed = bytes(6) + size + _three(ends - begins) + bytes([NOT_BLENDED])
            file.write(_chunk(b"ANMF", placed + _picture(pixels)))
        length = file.tell()
        file.seek(4)
        file.write(struct.pack("<I", length - 8))


def _picture(pixels: np.ndarray) -> bytes:
    """Return a frame as the chunk of a WebP that holds its pixels."""
    if pixels.dtype == np.uint16:
        pixels = ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    quality = [cv2.IMWRITE_WEBP_QUALITY, WEBP_QUALITY]
    done, data = cv2.imencode(".webp", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), quality)
    if not done:
        raise FilmError(f"a picture of {pixels.shape} {pixels.dtype} cannot be written as a WebP")
    return data.tobytes()[12:]  # without the RIFF header: a lossy picture without alpha is one chunk


def _chunk(kind: bytes, data: bytes) -> bytes:
    return kind + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")
