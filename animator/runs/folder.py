"""The run folder: everything that one rendering of a scene leaves, under ``renders/<scene>/<run>/``.

::

    scene.yaml               the scene, resolved and complete
    run.json                 versions, device, hashes of weights, seed, timings
    journal.jsonl            a line a finished frame
    frames/000000.png ...    the frames
    frames.before-001/       frames that were made again since
    left/, right/, hires/    the same as two eyes see it; painted again, larger (`animator.runs.hires`)
    state/000012.safetensors what is needed to resume after that frame
    drafts/000003.safetensors what is needed to finish a still that was stopped half-way
    inputs/                  pictures that were fetched from the web
    <scene>.mp4              the film
    pruned/1f3a90c2.mp4      a film that shows frames whose pictures were given up
    outputs.json             which films and pictures are up to date, see `animator.run.stages`
    run.lock                 who is at work here

A frame is finished when its line is in the journal. Its PNG and state are written before, each under a
temporary name first, and states that are no longer needed are removed after. So at every moment one can go
on: killed before the line, the frame is made again from the state of the frame before it, which is still
there; killed after it, both the frame and the state to resume from are on the disk.

States of earlier frames stay as far as there is room for them: every one, or every second, every fourth and
so on. A state names the hash of the inputs of its frame, so one that an edited scene left behind is never
gone on from, whatever the journal says.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from animator import __version__
from animator.errors import RunError, UsageError
from animator.runs import journal
from animator.runs.files import (
    errors_in_one_line,
    refuse_strange,
    remove_leftovers,
    sync_folder,
    write_atomic,
)
from animator.runs.journal import MAX_NUMBER, Entry
from animator.runs.lock import locked
from animator.runs.names import folder_name
from animator.runs.png import decode_png, encode_png
from animator.runs.program import refuse_later
from animator.runs.state import load_state, read_meta, save_state
from animator.system.json_text import parse_json

if TYPE_CHECKING:
    from torch import Tensor

FRAMES = "frames"
"""Folder of the frames."""

STATE = re.compile(r"[0-9]{6}\.safetensors", re.ASCII)
"""Name of a state's file."""

FILM = "film"
"""Key in ``run.json`` under which a finished run names the film that shows its frames as they are."""


class RunFolder:
    """A run on the disk. Make one with `create` or `open`.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, root: Path, scene_name: str, *, out: Path | None = None) -> RunFolder:
        """Make the folder of a new run: the next number under ``root/<scene>``, or ``out`` itself.

        Raises:
            RunError: if ``out`` is there and not empty, or the disk refuses.
        """
        path = out or Path(root) / folder_name(scene_name)
        with errors_in_one_line(path):
            path.mkdir(parents=True, exist_ok=True)
            if out is None:
                path = _next_run(path)
            elif not _is_bare(path):
                raise RunError(f"{path}: not empty; choose another folder, or resume the run that is in it")
            (path / FRAMES).mkdir(exist_ok=True)
            (path / "state").mkdir(exist_ok=True)
            sync_folder(path)
        run = cls(path)
        run.write_info({"scene": scene_name, "animator": __version__})
        return run

    @classmethod
    def open(cls, path: Path) -> RunFolder:
        """Return the run in a folder.

        Raises:
            UsageError: if there is none.
            RunError: a later version of the program made it, or its ``run.json`` is damaged.
        """
        path = Path(path)
        if not (path / "run.json").is_file():
            found = "no such folder" if not path.exists() else "not a run: it has no run.json"
            raise UsageError(f"{path}: {found}; name a folder like renders/<scene>/001")
        run = cls(path)
        refuse_later(run.read_info().get("animator"), path)
        return run

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Keep every other process from writing here inside the block, and clear what a kill left behind.

        Raises:
            RunError: if another process is at work here, which the message names, or something in the folder
                is not of the kind that a run has.
        """
        refuse_strange(self.path)
        with locked(self.path / "run.lock"):
            remove_leftovers(self.path)
            yield

    @property
    def scene_file(self) -> Path:
        """The resolved scene."""
        return self.path / "scene.yaml"

    def film_file(self, name: str) -> Path:
        """The film of that name, usually the scene's."""
        return self.path / f"{folder_name(name)}.mp4"

    def frame_file(self, frame: int, folder: str = FRAMES) -> Path:
        """The picture of a frame, or a further one of it (``left``, ``right``)."""
        return self.path / folder / f"{frame:06d}.png"

    def state_file(self, frame: int) -> Path:
        """The state after a frame."""
        return self.path / "state" / f"{frame:06d}.safetensors"

    def draft_file(self, frame: int) -> Path:
        """From what a draft of a still is finished."""
        return self.path / "drafts" / f"{frame:06d}.safetensors"

    def write(self, name: str, content: str | bytes) -> Path:
        """Write another file of the run (``scene.yaml``, ``timeline.csv``), atomically; return its path."""
        path = self.path / name
        with errors_in_one_line(path):
            path.parent.mkdir(exist_ok=True)
        write_atomic(path, content.encode() if isinstance(content, str) else content)
        return path

    def write_info(self, info: Mapping[str, Any]) -> None:
        """Write ``run.json``, atomically."""
        self.write("run.json", json.dumps(dict(info), indent=2, ensure_ascii=False) + "\n")

    def read_info(self) -> dict[str, Any]:
        """Return the content of ``run.json``.

        Raises:
            RunError: if it is not readable.
        """
        path = self.path / "run.json"
        with errors_in_one_line(path):
            text = path.read_bytes()
        try:
            info = parse_json(text)
        except ValueError as error:
            raise RunError(f"{path}: not JSON ({error}); restore it or render again") from error
        if not isinstance(info, dict):
            raise RunError(f"{path}: holds no mapping; restore it or render again")
        only = info.get("only", [])
        if not isinstance(only, list) or not all(type(one) is int and 0 <= one <= MAX_NUMBER for one in only):
            raise RunError(f"{path}: only: expected a list of numbers of stills; restore it or render again")
        return info

    def save_state(self, frame: int, tensors: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
        """Write what is needed to resume after a frame. Call it before `save_frame` of the same frame.

        Args:
            frame: the frame that the state comes after.
            tensors: by name; they come back on the CPU, the same to the bit.
            meta: values that JSON can hold.
        """
        save_state(self.state_file(frame), tensors, meta)

    def load_state(self, frame: int) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Return the tensors and values that `save_state` wrote.

        Raises:
            RunError: if there are none or they are damaged.
        """
        return load_state(self.state_file(frame))

    def save_draft(self, frame: int, tensors: Mapping[str, Tensor]) -> None:
        """Write what a stopped still is finished from. Call it before `save_frame` of the same frame."""
        with errors_in_one_line(self.path):
            self.draft_file(frame).parent.mkdir(exist_ok=True)
        save_state(self.draft_file(frame), tensors, {})

    def load_draft(self, frame: int) -> dict[str, Tensor]:
        """Return what `save_draft` wrote; raises RunError if there is nothing or it is damaged."""
        return load_state(self.draft_file(frame))[0]

    def save_frame(
        self,
        frame: int,
        pixels: np.ndarray,
        text: Mapping[str, str],
        entry: Entry,
        more: Mapping[str, np.ndarray] = MappingProxyType({}),
        *,
        states: int = 0,
    ) -> Entry:
        """Write a frame's pictures, then its line in the journal, then remove the states nobody needs now.

        Args:
            frame: number of the frame.
            pixels: H x W x 3 uint8 RGB.
            text: what the PNG carries, by keyword (``scene``, ``frame``, ``prompt``).
            entry: its line; the hashes of the files are filled in here.
            more: further pictures of the frame, by the names of their folders.
            states: for how many states there is room, see `thin_states`.

        Returns:
            The line as it was written.
        """
        pngs = {name: encode_png(picture, text) for name, picture in {FRAMES: pixels, **more}.items()}
        hashes = {name: hashlib.sha256(png).hexdigest() for name, png in pngs.items()}
        for name, png in pngs.items():
            path = self.frame_file(frame, name)
            with errors_in_one_line(path):
                path.parent.mkdir(exist_ok=True)
            write_atomic(path, png)
        entry = replace(entry, frame=frame, file=hashes.pop(FRAMES), more=hashes)
        journal.append(self.path / "journal.jsonl", entry)
        self.thin_states(states, frame)
        if entry.stopped == 1:
            with errors_in_one_line(self.path):
                self.draft_file(frame).unlink(missing_ok=True)
        return entry

    def give_up(self, entries: Sequence[Entry]) -> None:
        """Remove the pictures that lines say were pruned; the lines are written first.

        Args:
            entries: the lines, with ``pruned`` filled in; the films that it names are there.
        """
        journal.append(self.path / "journal.jsonl", *entries)
        with errors_in_one_line(self.path):
            for entry in entries:
                for name in entry.pruned:
                    self.frame_file(entry.frame, name).unlink(missing_ok=True)

    def keep_before(self, entries: Sequence[Entry]) -> str:
        """Move the pictures of frames that are to be made again into ``frames.before-001`` and its like.

        Args:
            entries: their lines, which stay in the journal until the frames are made.

        Returns:
            The folder of the frames; empty where none of the pictures is there.
        """
        with errors_in_one_line(self.path):
            names = {name for entry in entries for name in (FRAMES, *entry.more)}
            number = 1
            while any((self.path / _before(name, number)).exists() for name in names):
                number += 1
            for entry in entries:
                for name in (FRAMES, *entry.more):
                    old, new = (self.frame_file(entry.frame, one) for one in (name, _before(name, number)))
                    if old.is_file():
                        new.parent.mkdir(exist_ok=True)
                        old.rename(new)
            kept = _before(FRAMES, number)
            return kept if (self.path / kept).is_dir() else ""

    def remove_bare(self, *, keep_folder: bool) -> None:
        """Remove a run that failed before its first frame; one with a finished frame stays.

        Args:
            keep_folder: whether the folder itself was there before.
        """
        with suppress(OSError, RunError):  # what cannot be removed stays; why the run failed is said
            if self.journal():
                return
            for one in self.path.iterdir():
                shutil.rmtree(one) if one.is_dir() and not one.is_symlink() else one.unlink()
            if not keep_folder:
                self.path.rmdir()
                if not any(self.path.parent.iterdir()):
                    self.path.parent.rmdir()

    def read_frame(self, frame: int, folder: str = FRAMES, *, deep: bool = False) -> np.ndarray:
        """Return a frame's picture, or a further one of it, H x W x 3 RGB.

        Args:
            frame: its number.
            folder: which picture of it.
            deep: whether one of 16 bits comes as uint16, not as uint8 like all others.

        Raises:
            RunError: if it is missing or damaged.
        """
        path = self.frame_file(frame, folder)
        with errors_in_one_line(path):
            pixels = decode_png(path.read_bytes(), deep=deep)
        if pixels is None:
            raise RunError(f"{path}: not a complete PNG; restore it or render again")
        return pixels

    def journal(self) -> dict[int, Entry]:
        """Return every line of the journal by frame, whether or not its picture is still there."""
        return journal.read(self.path / "journal.jsonl")

    def finished_frames(self) -> dict[int, Entry]:
        """Return the lines of the frames whose pictures are there with the bytes that were written.

        A picture that was pruned counts as there: a film shows it.
        """
        return {frame: entry for frame, entry in sorted(self.journal().items()) if self._is_whole(entry)}

    def states(self) -> list[int]:
        """Return after which frames there are states, in order."""
        with errors_in_one_line(self.path):
            # Programs that synchronize folders leave copies such as "000001 2.safetensors".
            names = [path.name for path in (self.path / "state").glob("[0-9]*.safetensors")]
            return sorted(int(name[:6]) for name in names if STATE.fullmatch(name))

    def inputs_of_state(self, frame: int) -> str:
        """Return the hash of the inputs of the frame that a state comes after; empty if not known."""
        return str(read_meta(self.state_file(frame)).get("inputs", ""))

    def thin_states(self, room: int, *needed: int) -> None:
        """Remove states until those that are left fit, evenly over the film.

        Of all up to the newest, every n-th stays, with the smallest power of two for n. What stays hangs on
        nothing but the numbers given and the newest frame, not on when a program was killed.

        Args:
            room: how many may stay at most, the newest not counted; 0 keeps the newest alone.
            needed: frames whose states stay in any case, as does the newest.
        """
        states = self.states()
        newest = max(states, default=0)
        step = 1
        while newest // step + 1 > max(room, 1):
            step *= 2
        with errors_in_one_line(self.path):
            for number in states:
                kept = room > 0 and number % step == 0
                if not (kept or number in needed or number == newest):
                    self.state_file(number).unlink()

    def _is_whole(self, entry: Entry) -> bool:
        return all(
            name in entry.pruned or self.holds(self.frame_file(entry.frame, name), file)
            for name, file in {FRAMES: entry.file, **entry.more}.items()
        )

    @staticmethod
    def holds(path: Path, file: str) -> bool:
        """Return whether a file is there with the bytes of a SHA-256."""
        with errors_in_one_line(path):
            return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == file


def _before(folder: str, number: int) -> str:
    return f"{folder}.before-{number:03d}"


def _is_bare(path: Path) -> bool:
    """Return whether there is nothing in a folder but what a run begins with, as a kill may leave it."""
    left = [one for one in path.iterdir() if not one.name.endswith(".tmp")]
    return all(one.name in (FRAMES, "state") and one.is_dir() and not any(one.iterdir()) for one in left)


def _next_run(parent: Path) -> Path:
    """Make and return the folder with the next free number."""
    numbers = [int(path.name) for path in parent.iterdir() if path.name.isdecimal()]
    number = max(numbers, default=0)
    while True:
        number += 1
        path = parent / f"{number:03d}"
        try:
            path.mkdir()
        except FileExistsError:
            continue  # another process took it in this moment
        return path
