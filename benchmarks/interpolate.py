"""``python -m benchmarks interpolate``: how near frames in between come to those that were left out.

Every second frame of a film is left out and made of its neighbours. Two films are drawn: a texture under a
camera that zooms, turns and pans; and an object that moves before a background that moves. Others are folders
of frames, such as those of a run. The measure is the PSNR of a left-out frame, and the processor's seconds
for each.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from animator.between.load import Maker, load_maker, network_of
from animator.flow.dis import DisFlow
from animator.system.convert import frame_to_uint8, uint8_to_frame
from animator.video.film import FilmWriter
from animator.video.interpolate import by_ffmpeg
from animator.video.probe import read_frames
from animator.weights.registry import location

WIDTH, HEIGHT = 256, 192
FINER = 4
"""How many times finer a drawn film is drawn than it is seen."""

FRAMES = {"zoom, turn and pan": 13, "object over background": 9}
"""How many frames of each drawn film."""

MOST = 25
"""Frames of a film from a folder that are looked at."""

THING = np.array([1, 0.75, 0.45], np.float32)
"""By what the colours of the object are multiplied."""

CELLS = (64, 32, 16, 8, 4)
"""Pixels of the cells of a texture's octaves."""

Film = list[np.ndarray]
"""Frames, H x W x 3 RGB, uint8."""

Way = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Makes the middle of two frames."""


@dataclass(frozen=True)
class Measured:
    """How near a way came to the frames of a film.

    Attributes:
        mean: of the PSNR of all left-out frames, in dB.
        least: of them.
        seconds: of the processor for each; 0 where they are not measured.
    """

    mean: float
    least: float
    seconds: float = 0.0

    def text(self) -> str:
        """Return it as an entry of a table."""
        return f"{self.mean:.1f} ({self.least:.1f})" + (f", {self.seconds:.2f} s" if self.seconds else "")


def zoom_turn_pan(frames: int) -> Iterator[np.ndarray]:
    """Yield a texture that grows by 1.5 % a frame, turns by a degree and goes (2, 1) pixels."""
    ground = _texture(1, 512, 384)
    for frame in range(frames):
        centre = WIDTH * FINER / 2, HEIGHT * FINER / 2
        matrix = cv2.getRotationMatrix2D(centre, 1.0 * frame, 1 / 1.015**frame)
        matrix[:, 2] += np.array([128 + 2 * frame, 96 + frame]) * FINER
        yield _seen(_moved(ground, matrix))


def object_over_background(frames: int) -> Iterator[np.ndarray]:
    """Yield an ellipse that goes (4, 1) pixels a frame before a ground that goes (-1, -1/4)."""
    ground, thing = _texture(2, 512, 384), _texture(3, 256, 192) * THING
    for frame in range(frames):
        x, y = 80 + 4 * frame, 90 + frame
        behind = _moved(ground, _shift(100 + frame, 80 + frame / 4))
        before = _moved(thing, _shift(128 - x, 96 - y))
        mask = np.zeros(behind.shape[:2], np.uint8)
        cv2.ellipse(mask, (x * FINER, y * FINER), (34 * FINER, 25 * FINER), 0, 0, 360, 1, -1)
        yield _seen(np.where(mask[..., None] > 0, before, behind))


def frames_of(folder: Path) -> Film:
    """Return the frames of a folder, the first `MOST` of them."""
    paths = sorted(folder.glob("*.png"))[:MOST]
    return [np.ascontiguousarray(np.asarray(cv2.imread(str(path)))[..., ::-1]) for path in paths]


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Return how alike two pictures of 8 bits are, in dB."""
    error = np.mean(np.square(one.astype(np.float64) - other))
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def measure(film: Film, way: Way) -> Measured:
    """Return how near a way comes to every second frame of a film."""
    begin = time.process_time()
    pictures = [(way(film[at - 1], film[at + 1]), film[at]) for at in range(1, len(film) - 1, 2)]
    seconds = (time.process_time() - begin) / len(pictures)
    found = [psnr(made, there) for made, there in pictures]
    return Measured(float(np.mean(found)), min(found), seconds)


def measure_ffmpeg(film: Film) -> Measured:
    """Return how near ffmpeg's ``minterpolate`` comes.

    It works on films: almost lossless ones here. Its frames are not always at the time that was asked for, so
    of three neighbouring ones the best counts.
    """
    height, width, _ = film[0].shape
    with tempfile.TemporaryDirectory() as folder:
        half, whole = Path(folder, "half.mp4"), Path(folder, "whole.mp4")
        with FilmWriter(half, width, height, 12, crf=1) as writer:
            for pixels in film[::2]:
                writer.add(pixels)
        by_ffmpeg(half, whole, 24, crf=1)
        made = list(read_frames(whole))
    found = [
        max(psnr(one, film[at]) for one in made[max(0, at - 1) : at + 2]) for at in range(1, len(film) - 1, 2)
    ]
    return Measured(float(np.mean(found)), min(found))


def ways() -> dict[str, Way]:
    """Return the ways that are measured by their names; RIFE where its weights are there."""
    found: dict[str, Way] = {"blend": lambda one, other: ((one.astype(np.float32) + other) / 2).round()}
    makers = {"flow": load_maker("flow", DisFlow())}
    if all(location(entry).is_file() for entry in network_of("rife")):
        makers["rife"] = load_maker("rife", DisFlow())
    return found | {name: _middle_by(maker) for name, maker in makers.items()}


def _middle_by(maker: Maker) -> Way:
    def middle(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        pair = maker.between(uint8_to_frame(one), uint8_to_frame(other))
        return frame_to_uint8(pair.at(Fraction(1, 2)))

    return middle


def _texture(seed: int, width: int, height: int) -> np.ndarray:
    """Return noise of five octaves, H x W x 3 times `FINER`, mostly in [0, 1]."""
    draw, total, weights = np.random.default_rng(seed), np.zeros((height, width, 3), np.float32), 0.0
    for cell in CELLS:
        noise = draw.random((height // cell + 2, width // cell + 2, 3)).astype(np.float32)
        large = cv2.resize(noise, None, fx=cell, fy=cell, interpolation=cv2.INTER_CUBIC)
        total += cell**0.35 * large[:height, :width]
        weights += cell**0.35
    contrast = ((total / weights - 0.5) * 1.9 + 0.5).clip(0, 1)
    return cv2.resize(contrast, None, fx=FINER, fy=FINER, interpolation=cv2.INTER_CUBIC)


def _shift(x: float, y: float) -> np.ndarray:
    return np.array([[1, 0, x * FINER], [0, 1, y * FINER]], np.float32)


def _moved(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    size, how = (WIDTH * FINER, HEIGHT * FINER), cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, matrix, size, flags=how, borderMode=cv2.BORDER_REFLECT)


def _seen(picture: np.ndarray) -> np.ndarray:
    seen = cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.asarray((seen.clip(0, 1) * 255).round().astype(np.uint8))


def main(words: Sequence[str]) -> None:
    """Measure as the words of a command say, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks interpolate", description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="frames of other films, NAME/frames of a run")
    given = parser.parse_args(words)
    films: dict[str, Film] = {
        name: list(make(FRAMES[name]))
        for name, make in zip(FRAMES, (zoom_turn_pan, object_over_background), strict=True)
    }
    films |= {str(folder): frames_of(folder) for folder in given.folders}
    made = ways()
    print(f"| PSNR in dB (least), s a picture | {' | '.join([*made, 'ffmpeg'])} |")
    print("|---" * (len(made) + 2) + "|")
    for name, film in films.items():
        found = [measure(film, way) for way in made.values()] + [measure_ffmpeg(film)]
        print(f"| {name} | {' | '.join(one.text() for one in found)} |", flush=True)
