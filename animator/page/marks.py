"""Which runs and pictures were picked and rejected: ``.page/marks.json``."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from animator.errors import UsageError
from animator.page.place import OWN
from animator.runs.files import write_atomic
from animator.system.json_text import parse_json

KINDS = ("picked", "rejected")

MOST = 100_000


class Marks:
    """The marks of a folder, by the path of a run and, behind ``#``, the number of a picture.

    Args:
        root: the page's folder.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / OWN / "marks.json"
        self._lock = threading.Lock()
        try:
            found = parse_json(self._path.read_bytes())
            self._marks = {str(key): str(kind) for key, kind in found.items() if kind in KINDS}
        except (OSError, ValueError, AttributeError):
            self._marks = {}

    def all(self) -> dict[str, str]:
        """Return all marks, by run or run and picture."""
        with self._lock:
            return dict(self._marks)

    def of(self, run: str) -> dict[str, str]:
        """Return the marks of a run's pictures, by their numbers."""
        with self._lock:
            ahead = f"{run}#"
            return {k.removeprefix(ahead): v for k, v in self._marks.items() if k.startswith(ahead)}

    def set(self, run: str, picture: int | None, kind: str) -> None:
        """Mark a run or a picture; an empty kind takes the mark away."""
        if kind not in (*KINDS, ""):
            raise UsageError("a mark is picked, rejected or empty")
        key = run if picture is None else f"{run}#{picture}"
        with self._lock:
            if kind and len(self._marks) >= MOST:
                raise UsageError(f"{MOST} marks are there already")
            self._marks.pop(key, None)
            if kind:
                self._marks[key] = kind
            self._write()

    def forget(self, run: str) -> None:
        """Take the marks of a run away that was deleted."""
        with self._lock:
            self._marks = {k: v for k, v in self._marks.items() if k != run and not k.startswith(f"{run}#")}
            self._write()

    def _write(self) -> None:
        self._path.parent.mkdir(exist_ok=True)
        write_atomic(self._path, json.dumps(self._marks, indent=1, sort_keys=True).encode())
