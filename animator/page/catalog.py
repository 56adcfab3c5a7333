"""What is in the page's folder, looked at again and again, and read only where it changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from animator.errors import UsageError
from animator.page import runs
from animator.page.owners import owner_of, process_state
from animator.page.place import Found, look_through, name_of, shown

PAUSE = 2.0
"""Seconds between two looks through all folders; ten times as long as a look took, where that is more."""


class MissingError(UsageError):
    """There is no such run, study or scene any more."""


class Catalog:
    """The runs, studies and scenes in a folder. Every method may be called from any thread.

    Args:
        root: the folder, with links resolved.
        begun: returns folders of runs that were started and have nothing in them yet.
    """

    def __init__(self, root: Path, begun: Callable[[], list[Path]] = list) -> None:
        self.root = root
        self._begun = begun
        self._lock = threading.Lock()
        self._found = Found()
        self._next = 0.0
        self._counts: dict[str, runs.Count] = {}
        self._known: dict[str, tuple[Any, dict[str, Any]]] = {}

    def look(self, *, now: bool = False) -> Found:
        """Return what there is, at most `PAUSE` old; with ``now`` looked at again."""
        with self._lock:
            begin = time.monotonic()
            if now or begin >= self._next:
                known = self._found.scenes
                self._found = look_through(self.root)
                self._found.runs |= {name_of(self.root, path): path for path in self._begun()}
                # A scene that was seen stays one while it is written anew and has no prompts for a while.
                for name, path in known.items():
                    if path.is_file() and not path.is_symlink():
                        self._found.scenes.setdefault(name, path)
                end = time.monotonic()
                self._next = end + max(PAUSE, 10 * (end - begin))
                gone = self._known.keys() - self._found.runs.keys()
                for name in gone:
                    self._known.pop(name, None)
                    self._counts.pop(name, None)
            return self._found

    def run(self, name: str) -> Path:
        """Return the folder of a run, by its name or its path; raises MissingError where there is none."""
        return self._of(name, "runs", "run")

    def study(self, name: str) -> Path:
        """Return the folder of a study; raises MissingError where there is none."""
        return self._of(name, "studies", "study")

    def scene(self, name: str) -> Path:
        """Return a scene file, by its name or its path; raises MissingError where there is none."""
        return self._of(name, "scenes", "scene")

    def _of(self, name: str, kind: str, said: str) -> Path:
        for now in (False, True):
            there: dict[str, Path] = getattr(self.look(now=now), kind)
            path = there.get(name) or next(
                (one for one in there.values() if shown(self.root, one) == name), None
            )
            if path is not None:
                return path
        raise MissingError(f"there is no such {said} any more; look at the list again")

    def summary(self, name: str, path: Path) -> dict[str, Any]:
        """Return what a list shows of a run; see `animator.page.runs.summary_of`."""
        with self._lock:
            mark = _mark(path)
            known = self._known.get(name)
            if known is None or known[0] != mark:
                count = runs.count_journal(path / "journal.jsonl", self._counts.get(name))
                self._counts[name] = count
                known = (mark, {"id": name, **runs.summary_of(self.root, path, count)})
                self._known[name] = known
            return known[1]

    def summaries(self) -> dict[str, dict[str, Any]]:
        """Return all runs by their names."""
        return {name: self.summary(name, path) for name, path in self.look().runs.items()}


def _mark(run: Path) -> tuple[Any, ...]:
    """Return what changes when the summary of a run does."""
    times: list[tuple[int, int] | None] = []
    for name in ("journal.jsonl", "run.json", "scene.yaml", "progress.png"):
        try:
            facts = (run / name).stat()
        except OSError:
            times.append(None)
        else:
            times.append((facts.st_mtime_ns, facts.st_size))
    owner = owner_of(run)
    return (*times, owner, owner and process_state(owner) == "T")
