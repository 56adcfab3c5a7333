"""Larger copies of pictures and films that are no run."""

from __future__ import annotations

import logging
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError

from animator.errors import Interrupted, UsageError
from animator.run.cancel import Cancel
from animator.run.enlarging import Enlarging
from animator.run.kept_frames import kept_frames, key_of
from animator.run.reporter import Reporter
from animator.runs.files import errors_in_one_line, write_atomic
from animator.runs.png import encode_png
from animator.settings.upscale import LARGEST, Target, target_of
from animator.system.convert import frame_to_uint8, frame_to_uint16
from animator.system.images import read_whole
from animator.upscale.load import Upscaler, model_name, passes
from animator.video.footage import Footage, FootageReader, open_footage
from animator.video.formats import write_codec
from animator.video.making import replacing
from animator.video.mux import with_sound
from animator.video.source_pictures import PICTURE_ENDINGS, pictures_of, upright_size
from animator.weights.hashes import file_hash

log = logging.getLogger(__name__)

LARGER = 4
"""How many times as wide and high a copy is where nobody says."""

DEEP = 16
"""Bits of a colour in the PNGs that keep them."""


@dataclass(frozen=True)
class Asked:
    """How large a copy is to be.

    Attributes:
        to: width and height, or None.
        scale: how many times as wide and high, where ``to`` does not say; None is `LARGER` times.
        model: what makes it larger, of `animator.settings.upscale.Model`.
        device: where networks run.
    """

    to: Target | None
    scale: float | None
    model: str
    device: torch.device

    def of(self, size: tuple[int, int]) -> Enlarging:
        """Return how pictures of a size are made larger.

        Raises:
            UsageError: the result would be too large.
        """
        target = target_of(self.to, self.scale or LARGER, size)
        if target is None or max(target) > LARGEST:
            raise UsageError(
                f"{size[0]} x {size[1]} pixels would become too large ({LARGEST} a side at most); "
                "choose a smaller --scale"
            )
        name = model_name(self.model, self.device)
        return Enlarging(name, size, target, tuple(passes(name, size, target)), self.device)


def upscale_files(
    source: Path, out: Path | None, asked: Asked, reporter: Reporter, cancel: Cancel, *, force: bool = False
) -> list[Path]:
    """Make larger copies of a picture, of a film with its sound, or of a folder of pictures; return them.

    Args:
        source: the file or folder.
        out: the file, or of a folder the folder, to write; None: beside the source, named after the size.
        asked: how large.
        reporter: receives the progress.
        cancel: stops it.
        force: whether a file that is there is replaced.

    Raises:
        UsageError: something cannot be read, or is there already.
        WeightsError: weights of a network are not there.
        RunError: the disk refuses.
        FilmError: the encoder failed.
        Interrupted: by the user; what is there of a film is used by the next call.
    """
    try:
        if source.is_dir():
            return _folder(source, out, asked, reporter, cancel, force)
        if _is_picture(source):
            how = asked.of(upright_size(source))
            target = out or source.with_name(f"{source.stem}-{how.word}.png")
            _refuse(target, source, ".png", force)
            _picture(source, target, how.load_frames())
            return [target]
        film = open_footage(source)
        how = asked.of((film.width, film.height))
        target = out or source.with_name(f"{source.stem}-{how.word}.mp4")
        _refuse(target, source, ".mp4", force)
        _film(film, target, how, reporter, cancel)
        return [target]
    except KeyboardInterrupt as stop:
        raise Interrupted(f"stopped; the same command continues where {source} was") from stop
    finally:
        reporter.end()


def _folder(
    source: Path, out: Path | None, asked: Asked, reporter: Reporter, cancel: Cancel, force: bool
) -> list[Path]:
    """Make larger copies of a folder's pictures; those that are there are passed over."""
    pictures = pictures_of(source)
    hows = {path: asked.of(upright_size(path)) for path in pictures}  # one that is none is found first
    word = hows[pictures[0]].word
    folder = out or source.with_name(f"{source.name}-{word}")
    with errors_in_one_line(folder):
        folder.mkdir(exist_ok=True)
    targets = [folder / f"{path.stem}.png" for path in pictures]
    taken = Counter(targets)
    for path, target in zip(pictures, targets, strict=True):
        if taken[target] > 1:
            raise UsageError(f"{path}: another picture there has this name too; rename one of them")
    left = [pair for pair in zip(pictures, targets, strict=True) if force or not pair[1].exists()]
    reporter.unit = "picture"
    reporter.begin(source.name, len(pictures), len(pictures) - len(left))
    loaded: dict[Enlarging, Upscaler] = {}
    for number, (path, target) in enumerate(left, start=1):
        cancel.check()
        begun, how = time.monotonic(), hows[path]
        if how not in loaded:  # most pictures of a folder are alike
            loaded = {how: how.load_frames()}
        _picture(path, target, loaded[how])
        reporter.finished(number - 1, time.monotonic() - begun, len(left) - number)
    return targets


def _picture(path: Path, target: Path, upscale: Upscaler) -> None:
    """Write a larger copy of a picture as a PNG, of 16 bits where the picture is such a PNG."""
    if _is_transparent(path):
        log.warning("%s: is transparent in places; its copy shows them on white", path)
    frame = upscale.frame(read_whole(path, LARGEST))
    pixels = frame_to_uint16(frame) if _is_deep(path) else frame_to_uint8(frame)
    write_atomic(target, encode_png(pixels, {}))


def _is_transparent(path: Path) -> bool:
    """Return whether a picture may have transparent parts; False where its kind is not known to Pillow."""
    try:
        with Image.open(path) as picture:
            return "A" in picture.getbands() or "transparency" in picture.info
    except UnidentifiedImageError:
        return False


def _film(film: Footage, target: Path, how: Enlarging, reporter: Reporter, cancel: Cancel) -> None:
    """Write a larger copy of a film, H.264.

    What a network made is kept in a hidden folder beside the copy until that is whole.
    """
    settings, make, last = how.settings, how.load(), time.monotonic()
    kept = target.with_name(f".{target.name}.kept")
    reporter.begin(film.path.name, film.frames, 0)

    def told(done: int, total: int, _: float | None) -> None:
        nonlocal last
        now = time.monotonic()
        reporter.finished(done - 1, now - last, total - done)
        last = now

    def larger(reader: FootageReader) -> Iterator[np.ndarray]:
        pictures = (frame_to_uint8(reader.frame(number)) for number in range(film.frames))
        if how.networks:
            source = file_hash(film.path)
            keys = [key_of(source, number, settings) for number in range(film.frames)]
            yield from kept_frames(kept, keys, pictures, make, told)
            return
        for number, pixels in enumerate(pictures, start=1):
            yield make(pixels)
            told(number, film.frames, None)

    def checked(frames: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        for pixels in frames:
            cancel.check()
            yield pixels

    with replacing(target) as part:
        with FootageReader(film, film.width, film.height, "stretch", keep=1) as reader:
            write_codec(part, checked(larger(reader)), film.fps, "h264")
        if film.sound:
            seconds = float(film.frames / film.fps)
            with_sound(part, film.path, part, start_at=film.start, seconds=seconds)
    with errors_in_one_line(kept):
        if kept.is_dir():
            shutil.rmtree(kept)


def _refuse(target: Path, source: Path, ending: str, force: bool) -> None:
    """Raise UsageError where a file cannot be written."""
    if target.suffix.lower() != ending:
        raise UsageError(f"--out: expected a name ending in {ending}, found '{target.name}'")
    if not target.parent.is_dir():
        raise UsageError(f"{target.parent}: no such folder; make it, or name another with --out")
    if target.exists() and target.samefile(source):
        raise UsageError(f"{target}: cannot write over what it is made from; name another with --out")
    if target.is_dir() or (target.exists() and not force):
        raise UsageError(f"{target}: exists already; overwrite it with --force, or name another with --out")


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in PICTURE_ENDINGS


def _is_deep(path: Path) -> bool:
    """Return whether a file is a PNG of 16 bits; its header says so at byte 24."""
    with path.open("rb") as file:
        head = file.read(25)
    return head.startswith(b"\x89PNG") and head[24:] == bytes([DEEP])
