"""The frames of an edit."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from animator.edit.shots import Edit, Shot
from animator.errors import FilmError
from animator.video.probe import probe, read_frames


def frames_of(edit: Edit, width: int, height: int) -> Iterator[np.ndarray]:
    """Yield the frames of an edit, H x W x 3 uint8 RGB; two films at a time are open at most.

    Across a dissolve of ``n`` frames the next shot has the shares ``1 / (n + 1)`` to ``n / (n + 1)``.

    Args:
        edit: the edit, which `animator.edit.shots.checked` has let pass.
        width: of the frames in pixels.
        height: of the frames in pixels.

    Raises:
        FilmError: a film cannot be read.
    """
    black = np.zeros((height, width, 3), np.uint8)
    before: _Reader | None = None
    reader = _Reader(edit.shots[0], edit.fps, black)
    for number, shot in enumerate(edit.shots):
        more = number + 1 < len(edit.shots)
        following = _Reader(edit.shots[number + 1], edit.fps, black) if more else None
        for k in range(shot.frames):
            picture = reader.at(k)
            if before is not None and k < shot.after:
                picture = _mixed(before.at(before.shot.frames + k), picture, shot, k)
            elif following is not None and k >= shot.frames - following.shot.before:
                ahead = k - shot.frames
                picture = _mixed(picture, following.at(ahead), following.shot, ahead)
            yield picture
        before, reader = reader, following or reader


def _mixed(old: np.ndarray, new: np.ndarray, shot: Shot, k: int) -> np.ndarray:
    """Return a frame of a dissolve into a shot, ``k`` frames after its first."""
    share = (shot.before + k + 1) / (shot.before + shot.after + 1)
    mixed = old + (new.astype(np.float32) - old) * share
    return np.asarray(np.rint(mixed), np.uint8)


class _Reader:
    """Reads the frames that a shot shows, from the front."""

    def __init__(self, shot: Shot, fps: Fraction, black: np.ndarray) -> None:
        self.shot = shot
        self._fps, self._picture, self._at = fps, black, -1
        self._frames: Iterator[np.ndarray] = iter(())
        self._rate, self._count = Fraction(1), 0
        self._opened = False

    def at(self, k: int) -> np.ndarray:
        """Return the frame of the film that is seen ``k`` frames after the shot's first; ``k`` only rises."""
        film = self.shot.film
        if film is None:
            return self._picture
        if not self._opened:
            info = probe(film)
            self._frames, self._rate, self._count = read_frames(film), info.fps, info.frames
            self._opened = True
        moment = (self.shot.start + Fraction(k) / self._fps) * self._rate
        # What is shown at a moment began before it; rounding of rates is not to cost a frame.
        wanted = min(int(moment + Fraction(1, 1000)), self._count - 1)
        while self._at < wanted:
            picture = next(self._frames, None)
            if picture is None:
                raise FilmError(f"{film}: ends before its frame {wanted}")
            self._picture, self._at = picture, self._at + 1
        return self._picture
