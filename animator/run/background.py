"""Work that is done in the background, in order, while the next frame is painted."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import TracebackType

Task = Callable[[], object]

_END: Task = lambda: None  # noqa: E731 (a mark, compared by identity)


class BackgroundWorker:
    """Carries out tasks one after another in a thread of its own; a few may wait.

    What a task raises is raised by the next `put` or `finish`, and nothing is carried out after it, so that
    no frame is saved whose predecessor is not. As a context manager it waits for what was put.

    Args:
        waiting: how many tasks may wait before `put` does.
    """

    def __init__(self, waiting: int = 2) -> None:
        self._tasks: queue.Queue[Task] = queue.Queue(waiting)
        self._fault: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="background", daemon=True)
        self._thread.start()

    def put(self, task: Task) -> None:
        """Have a task carried out after those before it; waits where too many are waiting."""
        self._raise()
        self._tasks.put(task)

    def finish(self) -> None:
        """Wait until everything is done."""
        if self._thread.is_alive():
            self._tasks.put(_END)
            self._thread.join()
        self._raise()

    def __enter__(self) -> BackgroundWorker:
        """Return the worker itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for what was put; what it raised gives way to what the block raised."""
        try:
            self.finish()
        except BaseException:
            if error is None:
                raise

    def _work(self) -> None:
        while (task := self._tasks.get()) is not _END:
            if self._fault is None:
                try:
                    task()
                except BaseException as fault:
                    self._fault = fault

    def _raise(self) -> None:
        if self._fault is not None:
            raise self._fault
