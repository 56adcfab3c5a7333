"""What watchers are sent: the newest, whatever they do, and never more than a little of it."""

from __future__ import annotations

import asyncio
import json
import tracemalloc

from animator.page.events import MOST, Hub, Mailbox, event_text, lines
from animator.page.openapi import document


async def taken(box: Mailbox) -> list[tuple[str, object]]:
    return await box.take(0.01)


def test_of_each_topic_only_the_newest_waits() -> None:
    async def go() -> None:
        hub = Hub()
        with hub.listening() as box:
            for number in range(1000):
                hub.tell("a", "run", {"done": number})
            hub.tell("b", "run", {"done": 1})
            hub.tell("b", "run", {"done": 1})  # nothing new
            assert await taken(box) == [("run", {"done": 999}), ("run", {"done": 1})]
            assert await taken(box) == []
        assert hub.watchers == 0

    asyncio.run(go())


def test_who_comes_late_hears_what_is_known() -> None:
    async def go() -> None:
        hub = Hub()
        hub.tell("a", "run", 1)
        hub.tell("b", "run", 2)
        hub.forget("b", "gone", 2)
        with hub.listening() as box:
            assert await taken(box) == [("run", 1)]

    asyncio.run(go())


def test_a_watcher_of_too_much_looks_at_everything_anew() -> None:
    async def go() -> None:
        box = Mailbox()
        for number in range(MOST + 1):
            box.put(str(number), "run", number)
        assert await taken(box) == [("again", {})]

    asyncio.run(go())


def test_a_hundred_sleeping_watchers_and_a_day_take_no_memory() -> None:
    """A day of 20 runs is 1.7 million events; here it is its first minutes and its last."""

    async def go() -> tuple[int, int]:
        hub = Hub()
        streams = [lines(hub, lambda: None, beat=0.001) for _ in range(100)]
        for stream in streams:
            await anext(stream)  # each has come in, and then reads nothing more
        assert hub.watchers == 100

        def day(first: int, last: int) -> None:
            for second in range(first, last):
                for run in range(20):
                    hub.tell(
                        str(run), "run", {"id": run, "done": second, "prompts": ["a castle at night"] * 3}
                    )

        day(0, 60)
        tracemalloc.start()
        day(60, 120)
        early, _ = tracemalloc.get_traced_memory()
        day(86_280, 86_400)
        late, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert all(len(box) == 20 for box in hub._boxes)
        first = await anext(streams[0])  # who wakes up gets the newest
        assert json.loads(first.split(b"data: ")[1])["done"] == 86_399
        for stream in streams:
            await stream.aclose()
        assert hub.watchers == 0
        return early, late

    early, late = asyncio.run(go())
    assert late < early + 100_000


def test_an_event_is_one_block_whatever_is_in_it() -> None:
    text = event_text("run", {"prompt": "a\n\ndata: b\r\u2028"})
    assert text.count(b"\n") == 3
    assert text.isascii()


def test_the_api_is_described_completely() -> None:
    from animator.page.app import API

    found = document(API)
    assert set(found["paths"]) == {route.path.replace(":path}", "}").replace(":int}", "}") for route in API}
    operations = [one for path in found["paths"].values() for one in path.values()]
    assert len(operations) == sum(len((route.methods or set()) - {"HEAD"}) for route in API)
    for one in operations:
        assert one["summary"]
        sends = one["operationId"] in (
            "start_run",
            "save_scene",
            "move",
            "check",
            "preview",
            "act",
            "delete_run",
        )
        assert not sends or one["requestBody"]
