"""Stopping a render from a program."""

from __future__ import annotations

import threading


class Cancelled(KeyboardInterrupt):
    """A render was cancelled; it ends as it does when a user interrupts it."""


class Cancel:
    """A request to stop, which any thread may make of a render that has been given this.

    The render stops at the next stage or step, raises `animator.errors.Interrupted`, and can be resumed.
    """

    def __init__(self) -> None:
        self._asked = threading.Event()

    def cancel(self) -> None:
        """Ask the render to stop."""
        self._asked.set()

    @property
    def cancelled(self) -> bool:
        """Whether the render was asked to stop."""
        return self._asked.is_set()

    def check(self) -> None:
        """Raise `Cancelled` where the render was asked to stop."""
        if self._asked.is_set():
            raise Cancelled
