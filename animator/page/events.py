"""What watchers are sent: the newest state of each run, and never more than that.

A watcher that is slow, or asleep in a closed laptop, does not make anything pile up here: of each run only
what is newest waits for it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import contextmanager
from typing import Any

MOST = 2_000
"""Different things that wait for a watcher at most; then it is asked to look at everything anew."""

BEAT = 15.0
"""Seconds after which a sign of life is sent where nothing happens: closed connections are noticed by it."""


class Mailbox:
    """What waits for one watcher: by topic, the newest."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[str, Any]] = {}
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, topic: str, kind: str, data: Any) -> None:
        """Replace what waits of a topic."""
        if len(self._waiting) >= MOST and topic not in self._waiting:
            self._waiting.clear()
            topic, kind, data = "all", "again", {}
        self._waiting.pop(topic, None)
        self._waiting[topic] = (kind, data)
        self._filled.set()

    async def take(self, patience: float) -> list[tuple[str, Any]]:
        """Return what waits, as soon as there is something; nothing where that takes too long."""
        try:
            await asyncio.wait_for(self._filled.wait(), patience)
        except asyncio.TimeoutError:
            return []
        waiting = list(self._waiting.values())
        self._waiting.clear()
        self._filled.clear()
        return waiting


class Hub:
    """Tells all watchers what is new.

    Attributes:
        latest: the newest of each topic, which a new watcher is sent first.
    """

    def __init__(self) -> None:
        self._boxes: set[Mailbox] = set()
        self.latest: dict[str, tuple[str, Any]] = {}

    @property
    def watchers(self) -> int:
        """How many listen."""
        return len(self._boxes)

    def tell(self, topic: str, kind: str, data: Any) -> None:
        """Send what is new to all, where it differs from what they know."""
        if self.latest.get(topic) == (kind, data):
            return
        self.latest[topic] = (kind, data)
        for box in self._boxes:
            box.put(topic, kind, data)

    def forget(self, topic: str, kind: str, data: Any) -> None:
        """Send that something is no more."""
        if self.latest.pop(topic, None) is not None:
            for box in self._boxes:
                box.put(topic, kind, data)

    @contextmanager
    def listening(self) -> Any:
        """Yield a mailbox that holds what is known, and is filled as long as the block runs."""
        box = Mailbox()
        for topic, (kind, data) in self.latest.items():
            box.put(topic, kind, data)
        self._boxes.add(box)
        try:
            yield box
        finally:
            self._boxes.discard(box)


async def lines(hub: Hub, arrive: Callable[[], None], beat: float = BEAT) -> AsyncIterator[bytes]:
    """Yield server-sent events, one for each thing that is new, as long as the watcher is there.

    Args:
        hub: tells what is new.
        arrive: is called when the watcher is there.
        beat: seconds between two signs of life.
    """
    with hub.listening() as box:
        yield b"retry: 1000\n\n"
        arrive()
        while True:
            news = await box.take(beat)
            if not news:
                yield b": still here\n\n"
            for kind, data in news:
                yield event_text(kind, data)


def event_text(kind: str, data: Any) -> bytes:
    r"""Return a server-sent event.

    >>> event_text("run", {"id": "a"})
    b'event: run\ndata: {"id": "a"}\n\n'
    """
    return f"event: {kind}\ndata: {json.dumps(data)}\n\n".encode()
