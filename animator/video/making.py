"""How a film is made of frames that come one by one: it is whole or not there."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any

import ffmpeg
import numpy as np

from animator.errors import FilmError
from animator.system.disk import fault_line, printed_fault
from animator.video.faults import encoder_failure, printed_log
from animator.video.ffmpeg import QUIET, command, start
from animator.video.film import frame_rate, raw

LAYOUTS = {
    (3, "uint8"): "rgb24",
    (3, "uint16"): "rgb48le",
    (4, "uint8"): "rgba",
    (4, "uint16"): "rgba64le",
}
"""What ffmpeg calls raw pictures, by their channels and the type of their values."""

MAKING = ".making"
"""How the name of a folder ends in which a film is made; what a kill leaves of it can be removed."""


@contextmanager
def workshop(path: Path) -> Iterator[Path]:
    """Lend a hidden folder beside a film for what it is made of; nothing of it stays, whatever happens.

    Raises:
        FilmError: the disk refuses, the program or an encoder that it runs inside the block.
    """
    folder = path.with_name(f".{path.name}{MAKING}")
    try:
        shutil.rmtree(folder, ignore_errors=True)  # what a killed attempt left
        folder.mkdir()
        yield folder
    except OSError as error:
        raise FilmError(fault_line(error, path, f"the film {path.name} was not made")) from error
    except FilmError as error:
        fault = printed_fault(str(error), path)
        if fault is None:
            raise
        raise FilmError(fault) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Lend a file, in a folder of its own, that takes the place of ``path`` if all goes well.

    Raises:
        FilmError: the disk refuses.
    """
    with workshop(path) as folder:
        part = folder / path.name
        part.touch()  # a disk that refuses is found here, not by an encoder
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(part, path)


def begun(frames: Iterable[np.ndarray], path: Path) -> tuple[np.ndarray, Iterator[np.ndarray]]:
    """Return the first frame, and all of them; raises FilmError where there are none."""
    rest = iter(frames)
    first = next(rest, None)
    if first is None:
        raise FilmError(f"{path}: a film needs at least one frame")
    return first, chain([first], rest)


def pictures_like(first: np.ndarray, fps: float | str | Fraction, even: bool = True) -> Any:
    """Return the input of a graph: raw pictures like ``first`` from a pipe."""
    height, width, channels = first.shape
    size = (width + width % 2, height + height % 2) if even else (width, height)
    layout = LAYOUTS[channels, str(first.dtype)]
    rate = str(frame_rate(fps))
    return ffmpeg.input("pipe:", format="rawvideo", pix_fmt=layout, video_size=size, framerate=rate)


def feed(graph: Any, frames: Iterable[np.ndarray], path: Path, even: bool = True) -> int:
    """Run a graph on frames and return how many there were.

    Args:
        graph: begins with `pictures_like`.
        frames: H x W x 3, or x 4 with alpha, all of one size.
        path: what is made, for messages.
        even: as for `pictures_like`.

    Raises:
        FilmError: the encoder fails.
    """
    count = 0
    with printed_log() as log:
        arguments = command(graph.global_args(*QUIET))
        process = start(arguments, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=log)
        assert process.stdin is not None
        try:
            for frame in frames:
                process.stdin.write(raw(frame, even))
                count += 1
            process.stdin.close()
        except BrokenPipeError:
            # The encoder is gone: its status and its last lines say why.
            with suppress(BrokenPipeError):
                process.stdin.close()
        except BaseException:
            process.kill()
            raise
        finally:
            status = process.wait()
        if status != 0:
            raise encoder_failure(path, status, log)
    return count
