"""Films for two eyes: packed into one picture, as an anaglyph, and as VR180 for headsets."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import ffmpeg
import numpy as np

from animator.convert import frame_to_uint8, uint8_to_frame
from animator.errors import FilmError
from animator.video.ffmpeg import QUIET, command, last_lines_of, run, start
from animator.video.film import LOOKAHEAD, THREADS, TO_BT709, FilmWriter, frame_rate
from animator.video.spherical import Stereo, write_stereo_metadata, write_vr180_metadata
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

AUDIO_BITRATE = "192k"

STEREO: dict[Packing, Stereo] = {"side_by_side": "left_right", "top_bottom": "top_bottom"}
"""What a packed film says of its eyes; an anaglyph is an ordinary film."""


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
    """

    fps: float | str | Fraction
    codec: Literal["h264", "hevc"] = "h264"
    crf: int = 17
    preset: str = "medium"
    audio: Path | None = None
    audio_start: float = 0.0


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
    return np.rint(levels * 255).astype(np.uint8)


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
    with _workshop(path) as folder:
        packed = (pack(left, right, layout) for left, right in pairs)
        first = _first(packed, path)
        height, width, _ = first.shape
        silent = folder / "silent.mp4"
        crf, preset = encoding.crf, encoding.preset
        with FilmWriter(silent, width, height, encoding.fps, crf=crf, preset=preset) as film:
            film.add(first)
            for pixels in packed:
                film.add(pixels)
        finished = _with_sound(silent, film.frames, encoding, path)
        if layout != "anaglyph":
            write_stereo_metadata(finished, finished, stereo=STEREO[layout])
        finished.replace(path)


def write_vr180(
    path: Path,
    pairs: Pairs,
    encoding: Encoding,
    *,
    fovs: Iterable[float] | float,
    size: int = 2880,
    edge: Edge = "fade",
) -> None:
    """Write a VR180 film: each eye's hemisphere, side by side, marked for players. It is whole or not there.

    Up to a size of 2048 the film keeps within level 5.2 of H.264 and HEVC; 2880 needs level 6, which older
    headsets may not decode.

    Args:
        path: the film, ending in ``.mp4``; its folder must exist. By convention its name ends in ``_180_LR``.
        pairs: the left and the right eye of each frame.
        encoding: fps, codec, quality and sound.
        fovs: angle in degrees that a picture's height fills, one for all frames or one for each.
        size: pixels of each eye's picture in width and height, an even number: the film is twice as wide.
        edge: what lies beyond the pictures, see `half_equirect_grid`.

    Raises:
        FilmError: if there are no frames, the encoder fails or the disk refuses.
        ValueError: if the size is odd, an angle is not between 0 and 180 degrees, or there are fewer angles
            than frames.
    """
    if size % 2:
        raise ValueError(f"size is {size}; the pixel layout of a film asks for an even number")
    angles = repeat(float(fovs)) if isinstance(fovs, (int, float)) else iter(fovs)
    with _workshop(path) as folder:
        views = _hemispheres(pairs, angles, size, edge)
        first = _first(views, path)
        silent = folder / "silent.mp4"
        frames = _encode(silent, _chain(first, views), (2 * size, size), encoding, path)
        finished = _with_sound(silent, frames, encoding, path)
        write_vr180_metadata(finished, finished, stereo="left_right")
        finished.replace(path)


def _hemispheres(pairs: Pairs, angles: Iterator[float], size: int, edge: Edge) -> Iterator[np.ndarray]:
    """Yield both eyes' hemispheres side by side; the projection is computed anew only where it changes."""
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
        yield pack(left, right, "side_by_side")


def _first(pictures: Iterator[np.ndarray], path: Path) -> np.ndarray:
    first = next(pictures, None)
    if first is None:
        raise FilmError(f"{path}: a film needs at least one frame")
    return first


def _chain(first: np.ndarray, others: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    yield first
    yield from others


@contextmanager
def _workshop(path: Path) -> Iterator[Path]:
    """Give a hidden folder beside a film for what it is made of; nothing of it stays, whatever happens."""
    folder = path.with_name(f".{path.name}.making")
    try:
        shutil.rmtree(folder, ignore_errors=True)  # what a killed attempt left
        folder.mkdir()
        yield folder
    except OSError as error:
        fault = f"{error.filename or path}: {error.strerror or error}"
        raise FilmError(f"{fault}; the film {path.name} was not made") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _encode(
    film: Path, pictures: Iterator[np.ndarray], size: tuple[int, int], encoding: Encoding, path: Path
) -> int:
    """Encode pictures as they come and return how many there were."""
    frames = 0
    with tempfile.TemporaryFile() as log:
        arguments = command(_encoding(film, size, encoding))
        encoder = start(arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log)
        assert encoder.stdin is not None
        try:
            for pixels in pictures:
                encoder.stdin.write(np.ascontiguousarray(pixels).data)
                frames += 1
            encoder.stdin.close()
            failed = encoder.wait() != 0
        except BrokenPipeError:
            failed = True
        finally:
            encoder.kill()
            encoder.wait()
            with suppress(OSError):  # the pipe of an encoder that is gone
                encoder.stdin.close()
        if failed:
            raise FilmError(f"{path}: the encoder stopped: {last_lines_of(log)}")
    return frames


def _encoding(film: Path, size: tuple[int, int], encoding: Encoding) -> Any:
    """Return the graph from raw pictures on stdin to a film; its bytes depend on the pictures alone.

    The encoders look ahead a few frames only: each takes 25 megabytes at the full size.
    """
    fps = frame_rate(encoding.fps)
    pictures = ffmpeg.input("pipe:", format="rawvideo", pix_fmt="rgb24", video_size=size, framerate=str(fps))
    if encoding.codec == "hevc":
        parameters = f"rc-lookahead={LOOKAHEAD}:bframes=3:pools={THREADS}:frame-threads=1:log-level=error"
        # Apple's players open HEVC under the name hvc1 only.
        codec = {"vcodec": "libx265", "vtag": "hvc1", "x265-params": parameters}
    else:
        codec = {"vcodec": "libx264", "x264-params": f"rc-lookahead={LOOKAHEAD}"}
    out = pictures.output(
        str(film),
        vf=TO_BT709,
        preset=encoding.preset,
        crf=encoding.crf,
        threads=THREADS,
        g=max(1, round(fps)),
        fps_mode="passthrough",
        map_metadata=-1,
        bitexact=None,
        **codec,
    )
    return out.global_args(*QUIET)


def _with_sound(silent: Path, frames: int, encoding: Encoding, path: Path) -> Path:
    """Return a copy of a film, its index in front, with the sound that is asked for, cut to its length."""
    film = silent.with_name("film.mp4")
    streams = [ffmpeg.input(str(silent))["v:0"]]
    sound: dict[str, Any] = {}
    if encoding.audio is not None:
        streams.append(ffmpeg.input(str(encoding.audio), ss=encoding.audio_start)["a:0?"])
        seconds = frames / frame_rate(encoding.fps)
        sound = {"acodec": "aac", "audio_bitrate": AUDIO_BITRATE, "t": f"{float(seconds):.6f}"}
    graph = ffmpeg.output(
        *streams,
        str(film),
        vcodec="copy",
        movflags="faststart",
        map_metadata=-1,
        map_chapters=-1,
        bitexact=None,
        **sound,
    )
    run(command(graph.global_args(*QUIET)), path)
    return film
