"""Stages after the frames, as data, and the record of what they made.

A stage makes one file, or one folder, of a run. What decides it is written down with it: settings, and which
stages it takes its input from. From that comes its fingerprint, which the run records in ``outputs.json``
together with a hash of what lies on the disk. A stage whose fingerprint is recorded, and whose file is as it
was written, is up to date and is not run again.

Several stages may write one file, as sound is put under a film that is there: the first makes the file, the
others change it. Whatever happens in the middle, the record never claims more than is there: what is about to
be made is struck out before, and recorded after.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from animator.runs import RunFolder
from animator.runs.files import errors_in_one_line
from animator.system.json_text import parse_json

log = logging.getLogger(__name__)

WAY = 1
"""Number of the way in which stages make their files. Raise it when the program makes other files of the same
frames and settings than before; a release that does not leaves it alone."""

RECORD = "outputs.json"
"""File of a run in which its finished stages are recorded."""


@dataclass(frozen=True)
class Stage:
    """Something that is made of finished frames.

    Attributes:
        name: what it makes, for a reader and for the record; no other stage of the run has it.
        file: the file or folder that it makes or changes, as a path in the run.
        settings: all that decides the result besides earlier stages, hashes of frames included; as JSON
            holds it.
        make: makes the file, under a temporary name first.
        inputs: names of earlier stages whose results it reads.
    """

    name: str
    file: str
    settings: Mapping[str, Any]
    make: Callable[[], object]
    inputs: tuple[str, ...] = ()


def fingerprints(stages: Iterable[Stage]) -> dict[str, str]:
    """Return the fingerprint of each stage by its name; a stage comes after those that it reads."""
    found: dict[str, str] = {}
    for stage in stages:
        decided = {
            "way": WAY,
            "name": stage.name,
            "settings": dict(stage.settings),
            "inputs": [found[name] for name in stage.inputs],
        }
        found[stage.name] = hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()
    return found


def make_stages(
    run: RunFolder, stages: Sequence[Stage], begin: Callable[[str], None], made: Iterable[str] = ()
) -> None:
    """Run every stage that is not up to date, in order.

    Args:
        run: the run.
        stages: all that the scene asks for, each after those that it reads.
        begin: called with a stage's name before it runs.
        made: names of stages whose results were just made on the way, as films grow with their frames.

    Raises:
        FilmError: an encoder failed.
        RunError: the disk refuses.
    """
    record, wanted, just_made = Record.read(run), fingerprints(stages), set(made)
    for number, stage in enumerate(stages):
        onto = {one.name for one in stages if one.file == stage.file}
        if stage.name in just_made:
            record.strike(stage.file)
        elif record.is_up_to_date(stage, wanted[stage.name], onto):
            continue
        else:
            begin(stage.name)
            if stage.name == next(one.name for one in stages if one.file == stage.file):
                record.strike(stage.file)
            else:
                record.strike_stages(one.name for one in stages[number:] if one.file == stage.file)
            stage.make()
        record.add(stage, wanted[stage.name])


@dataclass
class Record:
    """Which stages of a run are finished.

    Attributes:
        run: the run.
        stages: file and fingerprint of each, by its name.
        files: hash of each file, or of all files of a folder, as the last stage left it.
    """

    run: RunFolder
    stages: dict[str, tuple[str, str]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, run: RunFolder) -> Record:
        """Return the record of a run; an empty one where there is none that can be read."""
        path = run.path / RECORD
        if not path.is_file():
            return cls(run)
        try:
            with errors_in_one_line(path):
                content = parse_json(path.read_bytes())
            stages = {str(name): (str(file), str(found)) for name, (file, found) in content["stages"].items()}
            return cls(run, stages, {file: str(content["files"][file]) for file, _ in stages.values()})
        except (ValueError, TypeError, KeyError, AttributeError) as fault:
            log.warning("%s: not readable (%s); all films are made again", path, fault)
            return cls(run)

    def is_up_to_date(self, stage: Stage, fingerprint: str, onto: set[str]) -> bool:
        """Return whether a stage need not run.

        Args:
            stage: the stage.
            fingerprint: what it should be.
            onto: all stages that are to write its file; where another did, the file is not as it should be.
        """
        if self.stages.get(stage.name) != (stage.file, fingerprint):
            return False
        if any(file == stage.file and name not in onto for name, (file, _) in self.stages.items()):
            return False
        return self.files.get(stage.file) == hash_of(self.run.path / stage.file)

    def strike(self, file: str) -> None:
        """Forget every stage that wrote a file."""
        left = {name: one for name, one in self.stages.items() if one[0] != file}
        if left != self.stages:
            self.stages = left
            self._write()

    def strike_stages(self, names: Iterable[str]) -> None:
        """Forget a stage that changes a file, and those that change it after it."""
        for name in names:
            self.stages.pop(name, None)
        self._write()

    def add(self, stage: Stage, fingerprint: str) -> None:
        """Write down that a stage is finished."""
        self.stages[stage.name] = (stage.file, fingerprint)
        self.files[stage.file] = hash_of(self.run.path / stage.file)
        self._write()

    def _write(self) -> None:
        files = {file: self.files[file] for file, _ in self.stages.values()}
        content = {"stages": dict(sorted(self.stages.items())), "files": dict(sorted(files.items()))}
        self.run.write(RECORD, json.dumps(content, indent=1) + "\n")


def hash_of(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and bytes of a folder's files; empty if there is none.

    Raises:
        RunError: the disk refuses.
    """
    with errors_in_one_line(path):
        if path.is_dir():
            names = sorted(one.relative_to(path).as_posix() for one in path.rglob("*") if one.is_file())
            whole = "\n".join(f"{name} {hash_of(path / name)}" for name in names)
            return hashlib.sha256(whole.encode()).hexdigest()
        if not path.is_file():
            return ""
        digest = hashlib.sha256()
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
        return digest.hexdigest()
