"""Rendering a scene again on each save of its file: edit while it renders.

The networks stay loaded. A save that has faults is reported, and the render of before continues; one that is
fine stops it after the step it is at, and the frames that are not up to date are made. Where the scene says
no seed, the one that was drawn first stays.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from animator.errors import AnimatorError, Interrupted, SceneError
from animator.run.cancel import Cancel
from animator.run.render import RENDERS, render_scene
from animator.run.reporter import Reporter
from animator.runs import RunFolder
from animator.scene.reading import LoadedScene
from animator.weights.shared import SharedNetworks

PAUSE = 0.3
"""Seconds between two looks at the file."""


class Saves:
    """Looks at a scene file from a thread of its own, and reads it when it was saved.

    Args:
        path: the file.
        read: reads and checks it, with settings laid over it, as ``--set`` has them.
        stop: set by the user.
        say: receives what is wrong with a save, a line each.

    Attributes:
        first: the scene as it is at first.
    """

    def __init__(
        self,
        path: Path,
        read: Callable[[Sequence[str]], LoadedScene],
        stop: Cancel,
        say: Callable[[str], None],
    ) -> None:
        self._path, self._read, self._stop, self._say = path, read, stop, say
        self._mark = mark_of(path)
        self._over: list[str] = []
        self.first = read(())
        if self.first.seed_drawn:
            self._over = [f"seed={self.first.scene.first_seed}"]
        self._next: LoadedScene | None = None
        self._cancel = Cancel()
        self._lock = threading.Lock()
        self._changed = threading.Event()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="saves", daemon=True)

    def __enter__(self) -> Saves:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        """Look no more."""
        self._ended.set()
        self._thread.join()

    def cancel(self) -> Cancel:
        """Return what stops a render as soon as there is a new scene, or the user stops."""
        with self._lock:
            self._cancel = Cancel()
            if self._next is not None or self._stop.cancelled:
                self._cancel.cancel()
            return self._cancel

    def take(self) -> LoadedScene | None:
        """Return the scene that was saved since, once; None where there is none."""
        with self._lock:
            found, self._next = self._next, None
            self._changed.clear()
            return found

    def wait(self) -> None:
        """Wait for a save that is fine; raises KeyboardInterrupt where the user stops."""
        while not self._changed.wait(PAUSE):
            self._stop.check()

    def _look(self) -> None:
        while not self._ended.wait(PAUSE):
            if self._stop.cancelled:
                self._cancel.cancel()
            mark = mark_of(self._path)
            if mark is None or mark == self._mark:
                continue
            self._mark = mark
            try:
                loaded = self._read(self._over)
            except SceneError as error:
                for problem in error.problems:
                    self._say(str(problem))
                self._say("the render goes on with the scene as it was; save it again")
                continue
            with self._lock:
                self._next = loaded
                self._changed.set()
                self._cancel.cancel()


def mark_of(path: Path) -> tuple[int, int, int] | None:
    """Return what changes with each save of a file; None while it is not there, as some editors leave it."""
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_size, facts.st_ino


def render_on_save(
    path: Path,
    read: Callable[[Sequence[str]], LoadedScene],
    reporter: Reporter,
    *,
    stop: Cancel,
    say: Callable[[str], None],
    notice: Callable[[tuple[Any, ...]], None],
    out: Path | None = None,
    once: bool = False,
) -> Path:
    """Render a scene, and again on each save, into one run folder.

    Args:
        path: the scene file.
        read: reads and checks it; see `Saves`.
        reporter: receives the progress.
        stop: set by the user.
        say: receives what a user should know, a line each.
        notice: receives the notices of each scene that is rendered.
        out: the run folder; without it a new one under ``renders/<scene>/``.
        once: whether it ends when all is up to date.

    Returns:
        What `animator.run.render.render_scene` returns.

    Raises:
        SceneError: the scene has faults before anything is rendered.
        Interrupted: by the user; the message says how to resume.
        AnimatorError: see `animator.run.render.render_scene`.
    """
    with Saves(path, read, stop, say) as saves:
        loaded, shared = saves.first, SharedNetworks()
        new = RunFolder.create(RENDERS, loaded.name) if out is None else None
        folder = new.path if new is not None else out
        while True:
            notice(loaded.notices)
            try:
                made = render_scene(loaded, reporter, out=folder, cancel=saves.cancel(), shared=shared)
            except Interrupted:
                fresh = saves.take()
                if fresh is None or stop.cancelled:
                    raise
                loaded = fresh
                continue
            except AnimatorError:
                if new is not None:
                    new.remove_bare(keep_folder=False)
                raise
            if once:
                return made
            say(f"{made}: up to date; save {path} to render again, Ctrl-C to end")
            fresh = saves.take()
            if fresh is None:
                saves.wait()
                fresh = saves.take()
            loaded = fresh or loaded
