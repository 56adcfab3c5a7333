"""Work aside: in order, none lost, faults told."""

from __future__ import annotations

import threading
import time

import pytest

from animator.run.background import BackgroundWorker


def test_tasks_are_carried_out_in_order_in_another_thread() -> None:
    done: list[tuple[int, int]] = []
    with BackgroundWorker() as aside:
        for number in range(20):
            aside.put(lambda number=number: done.append((number, threading.get_ident())))
    assert [number for number, _ in done] == list(range(20))
    assert {thread for _, thread in done} != {threading.get_ident()}


def test_who_puts_goes_on_at_once_but_only_a_few_wait() -> None:
    gate = threading.Event()
    with BackgroundWorker(waiting=2) as aside:
        began = time.monotonic()
        for _ in range(3):  # one at work, two waiting
            aside.put(gate.wait)
        assert time.monotonic() - began < 30  # who waited would wait for ever
        late = threading.Timer(0.2, gate.set)
        late.start()
        aside.put(gate.wait)
        assert time.monotonic() - began >= 0.19


@pytest.mark.parametrize("when", ["put", "finish", "exit"])
def test_a_fault_is_raised_and_nothing_is_done_after_it(when: str) -> None:
    done: list[int] = []

    def fail() -> None:
        raise OSError("the disk is full")

    def use() -> None:
        with BackgroundWorker(waiting=9) as aside:
            aside.put(fail)
            aside.put(lambda: done.append(1))
            if when == "put":
                for _ in range(1000):  # until the fault is known
                    aside.put(lambda: done.append(2))
                    time.sleep(0.02)
            elif when == "finish":
                aside.finish()

    with pytest.raises(OSError, match="the disk is full"):
        use()
    assert done == []


def test_what_the_block_raises_goes_first_and_what_was_put_is_still_done() -> None:
    done: list[int] = []

    def use() -> None:
        with BackgroundWorker(waiting=9) as aside:
            for number in range(5):
                aside.put(lambda number=number: done.append(number))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        use()
    assert done == [0, 1, 2, 3, 4]
