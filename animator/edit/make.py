"""An edit as a film."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from animator.edit.pictures import frames_of
from animator.edit.shots import Edit, checked
from animator.edit.sound import write_sound
from animator.errors import UsageError
from animator.run.film_files import film_files
from animator.runs import RunFolder
from animator.scene.reading import read_scene
from animator.video.formats import Codec, write_codec
from animator.video.making import workshop
from animator.video.mux import with_sound


def film_at(path: Path) -> Path:
    """Return the film that a path means: the file itself, or the film of a run's folder.

    Raises:
        UsageError: there is no such file, or the run has no film.
        RunError: the run cannot be read.
    """
    if not path.is_dir():
        if not path.exists():
            raise UsageError(f"{path}: there is no such film or run")
        return path
    run = RunFolder.open(path)
    loaded = read_scene(run.scene_file)
    film = film_files(run, loaded.scene, str(run.read_info().get("scene", loaded.name))).main
    if not film.is_file():
        raise UsageError(f"{path}: has no film yet; finish it with: animator resume {path}")
    return film


def write_edit(
    edit: Edit,
    target: Path,
    *,
    codec: Codec = "h264",
    crf: int = 17,
    seen: Callable[[int], None] = lambda frame: None,
) -> None:
    """Write an edit as a film, with its sound.

    Args:
        edit: the edit.
        target: the film, with the ending of its codec.
        codec: its codec.
        crf: its quality, 0 to 51.
        seen: called with the number of each frame that was taken.

    Raises:
        UsageError: a shot cannot be shown as the edit says.
        FilmError: a film cannot be read, or the encoder fails; a film that was there stays.
    """
    width, height = checked(edit)
    seconds = float(edit.frames / edit.fps)
    with workshop(target) as folder:
        film, sound = folder / target.name, edit.audio or folder / "sound.wav"
        heard = edit.audio is not None or write_sound(edit, sound)
        write_codec(film, _counted(frames_of(edit, width, height), seen), edit.fps, codec, crf=crf)
        if heard:
            with_sound(film, sound, film, start_at=0.0, seconds=seconds)
        os.replace(film, target)


def _counted(frames: Iterable[np.ndarray], seen: Callable[[int], None]) -> Iterator[np.ndarray]:
    for number, pixels in enumerate(frames):
        yield pixels
        seen(number)
