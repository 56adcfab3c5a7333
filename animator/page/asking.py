"""Asks the helper process, which is started when it is needed and ended when it was not for a while."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from animator.errors import AnimatorError, UsageError
from animator.page.own_python import words_for

PATIENCE = 30.0
"""Seconds that an answer may take; then the helper is ended, and the next question starts a new one."""

IDLE = 90.0
"""Seconds after the last question when the helper is ended: it takes some 100 MB."""


class HelperError(AnimatorError):
    """The helper ended, or took too long."""


class Helper:
    """The helper process. `ask` may be called from any thread; one question is answered at a time.

    Args:
        folder: where it runs: what is relative in a scene from nowhere is relative to it.
        patience: seconds that an answer may take.
    """

    def __init__(self, folder: Path, patience: float = PATIENCE) -> None:
        self._folder = folder
        self._patience = patience
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None
        self._used = 0.0

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def ask(self, do: str, **order: Any) -> Any:
        """Return the answer to a question; see `animator.page.helper`.

        Raises:
            UsageError: the answer is an error, in its words.
            HelperError: there is no answer.
        """
        with self._lock:
            process = self._started()
            assert process.stdin is not None
            assert process.stdout is not None
            late = threading.Timer(self._patience, process.kill)
            late.start()
            try:
                print(json.dumps({"do": do, **order}), file=process.stdin, flush=True)
                line = process.stdout.readline()
            except OSError:
                line = ""
            finally:
                late.cancel()
                self._used = time.monotonic()
            if not line.endswith("\n"):
                self._end()
                raise HelperError(
                    f"this scene took more than {self._patience:g} seconds to read, or too much memory"
                )
        found = json.loads(line)
        if "error" in found:
            raise UsageError(found["error"])
        return found["ok"]

    def rest(self) -> None:
        """End the process where nobody asked for a while."""
        if self.running and time.monotonic() - self._used > IDLE and self._lock.acquire(blocking=False):
            try:
                self._end()
            finally:
                self._lock.release()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _started(self) -> subprocess.Popen[str]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = subprocess.Popen(
                words_for("animator.page.helper"),
                cwd=self._folder,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
            )
        return self._process

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()
        process.wait()
