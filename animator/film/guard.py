"""Bad frames never feed forward: an engine that looks at what it painted before anybody else does.

What a good frame looks like is not changed by a bit. A bad one, which may be given up long before its last
step (`animator.film.under_way`), is painted again, from another seed and more
gently; where that does not help, what it was to be painted over takes its place; and where it happens
too often in a row, the run stops. All of it follows from the request and from the frames before it, so that
a resumed run comes to the same frames and stops at the same one.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import torch
from torch import Tensor

from animator.engines.family import Family
from animator.engines.guided import GUIDED
from animator.errors import PaintError
from animator.film.judge import NO_NUMBERS, fault_of
from animator.film.loop import Finished, Listener
from animator.film.under_way import GivenUpError, Looking
from animator.settings.guard import GuardOptions
from animator.system import rng
from animator.types import OnStep, Painted, PaintStep, Request, StillEngine

if TYPE_CHECKING:
    from animator.types import Frame

log = logging.getLogger(__name__)

KEPT = "kept the moved frame in its place"
"""How the last note of a frame ends that could not be painted."""

CPU = torch.device("cpu")

Make = Callable[[StillEngine, Listener], Iterator[Finished]]
"""A driver that lacks its engine and its listener only."""


@runtime_checkable
class Refinable(Protocol):
    """An engine that may compute in a shorter number format, and has a twin that does not."""

    def in_float32(self) -> StillEngine:
        """Return the twin."""
        ...


@dataclass(frozen=True)
class Attempt:
    """What came of painting one picture.

    Attributes:
        painted: the picture, or None where there is none.
        fault: what is wrong with it; empty if nothing is.
    """

    painted: Painted | None
    fault: str


def guarded(
    make: Make,
    engine: StillEngine,
    options: GuardOptions,
    listener: Listener,
    *,
    device: torch.device = CPU,
    broken: int = 0,
    family: Family = GUIDED,
) -> Iterator[Finished]:
    """Return the frames of a driver, none of them bad, each with notes of what was done about it.

    Args:
        make: the driver.
        engine: paints its frames.
        options: the section ``guard``.
        listener: called at every step.
        device: where the engine's frames are.
        broken: how many frames in a row could not be painted just before the first, see
            `animator.run.dispatch.broken_before`.
        family: of the engine; it knows what to ask more gently.

    Raises:
        PaintError: one is bad, whatever was tried, and there is nothing to keep in its place; or too many in
            a row were bad.
    """
    guard = Guarded(engine, options, device=device, broken=broken, family=family)
    for finished in make(guard, _Numbering(listener, guard)):
        notes = guard.next_notes()
        yield replace(finished, notes=(*finished.notes, *notes)) if notes else finished


class Guarded:
    """An engine whose pictures are looked at and, where they are bad, painted again; a `StillEngine`.

    Drafts that were stopped half-way are no pictures yet: they are taken as they are, if they are numbers.

    Args:
        engine: paints.
        options: the section ``guard``.
        device: where the engine's frames are.
        broken: how many frames in a row could not be painted just before the next one.
        family: of the engine.

    Attributes:
        numbers: of the pictures that are painted next, as messages tell them; a request's ``frame`` is what
            decides its randomness.
    """

    def __init__(
        self,
        engine: StillEngine,
        options: GuardOptions,
        *,
        device: torch.device = CPU,
        broken: int = 0,
        family: Family = GUIDED,
    ) -> None:
        self.numbers: Sequence[int] = ()
        self._engine = engine
        self._options = options
        self._device = device
        self._broken = broken
        self._family = family
        self._notes: deque[tuple[str, ...]] = deque()

    def next_notes(self) -> tuple[str, ...]:
        """Return what happened to the picture that was painted first among those not asked about yet."""
        return self._notes.popleft() if self._notes else ()

    def paint(self, request: Request, on_step: OnStep | None = None) -> Frame:
        """Return the frame that ``request`` describes, or its replacement; see `paint_together`."""
        return self.paint_together([request], on_step)[0].picture

    def paint_together(
        self,
        requests: Sequence[Request],
        on_step: OnStep | None = None,
        *,
        stop_at: float = 1.0,
        unfinished: Sequence[Mapping[str, Tensor]] | None = None,
    ) -> list[Painted]:
        """Paint requests, arguments as the engine's; ``on_step`` does not hear of what is painted again.

        Raises:
            PaintError: see `guarded`.
        """
        attempts = self._attempts(self._engine, requests, on_step, stop_at, unfinished)
        numbers = self.numbers or [request.frame for request in requests]
        made = []
        for number, request, attempt in zip(numbers, requests, attempts, strict=True):
            painted, notes = self._mended(number, request, attempt, stop_at)
            made.append(painted)
            self._notes.append(notes)
        return made

    def _attempts(
        self,
        engine: StillEngine,
        requests: Sequence[Request],
        on_step: OnStep | None,
        stop_at: float,
        unfinished: Sequence[Mapping[str, Tensor]] | None = None,
    ) -> list[Attempt]:
        """Paint requests as they are, and look at what comes of them, already on the way."""
        # A draft is not looked at: it is finished as it was asked for, not as gently as it was painted again.
        if self._options.policy != "off" and stop_at >= 1:
            on_step = Looking(requests, self._options, on_step)
        faults = [""] * len(requests)
        try:
            painted = engine.paint_together(requests, on_step, stop_at=stop_at, unfinished=unfinished)
        except PaintError as error:
            if self._options.policy == "off":
                raise
            if isinstance(error, GivenUpError):
                faults = error.faults
            elif len(requests) == 1:
                faults = [NO_NUMBERS]
        else:
            return [
                Attempt(one, self._fault(one, request))
                for one, request in zip(painted, requests, strict=True)
            ]
        # The others did not fail, but were stopped with those that did.
        parts = [None] * len(requests) if unfinished is None else [[one] for one in unfinished]
        return [
            Attempt(None, fault) if fault else self._attempts(engine, [request], None, stop_at, part)[0]
            for request, fault, part in zip(requests, faults, parts, strict=True)
        ]

    def _fault(self, painted: Painted, request: Request) -> str:
        if self._options.policy == "off" or painted.unfinished is not None:
            return ""
        return fault_of(painted.picture, request.init, self._options, beyond=painted.beyond)

    def _mended(
        self, number: int, request: Request, attempt: Attempt, stop_at: float
    ) -> tuple[Painted, tuple[str, ...]]:
        """Return a usable picture in place of one attempt, and what had to be done."""
        notes: list[str] = []
        for words, engine, gentler in self._ways(request) if attempt.fault else ():
            notes.append(f"{attempt.fault}; {words}")
            log.warning("frame %d: %s", number, notes[-1])
            attempt = self._attempts(engine(), [gentler], None, stop_at)[0]
            if not attempt.fault:
                break
        if not attempt.fault and attempt.painted is not None:
            self._broken = 0
            return attempt.painted, tuple(notes)
        self._broken += 1
        notes.append(f"{attempt.fault}; {KEPT}")
        kept = self._to_keep(request)
        if kept is None or self._broken >= self._options.give_up:
            raise PaintError(_farewell(number, attempt.fault, len(notes) > 1, self._broken, self._family))
        log.warning("frame %d: %s", number, notes[-1])
        return Painted(kept), tuple(notes)

    def _ways(self, request: Request) -> Iterator[tuple[str, Callable[[], StillEngine], Request]]:
        """Return how a bad picture is painted again: in words, the engine, and what it is asked."""
        if self._options.policy != "retry":
            return
        turns = [(self._plainly, ""), (self._exactly, " in float32")]
        for turn, (engine, how) in enumerate(turns, start=1):
            asked, less = self._family.gentler(request, turn)
            seed = rng.derive(request.seed, request.frame, f"painted again {turn}") % rng.SEEDS
            words = f"painted again from seed {seed}{how}" + (f" with {less}" if less else "")
            yield words, engine, replace(asked, seed=seed, noise=None)

    def _plainly(self) -> StillEngine:
        return self._engine

    def _exactly(self) -> StillEngine:
        return self._engine.in_float32() if isinstance(self._engine, Refinable) else self._engine

    def _to_keep(self, request: Request) -> Frame | None:
        """Return the replacement for a frame that cannot be painted, or None."""
        init = request.init
        if init is None or self._options.policy == "stop" or not bool(init.isfinite().all()):
            return None
        return init.to(self._device, copy=True).clamp(0, 1)


class _Numbering(Listener):
    """Passes everything on, and informs a guard which pictures are next."""

    def __init__(self, listener: Listener, guard: Guarded) -> None:
        self._listener = listener
        self._guard = guard

    def stage(self, frame: int, name: str) -> None:
        self._listener.stage(frame, name)

    def made(self, frame: int, name: str, value: Tensor) -> None:
        self._listener.made(frame, name, value)

    def begin(self, frames: Sequence[int]) -> None:
        self._guard.numbers = tuple(frames)
        self._listener.begin(frames)

    def asked(self, request: Request) -> None:
        """Pass on what is asked."""
        self._listener.asked(request)

    def step(self, step: PaintStep) -> None:
        self._listener.step(step)


def _farewell(number: int, fault: str, again: bool, broken: int, family: Family) -> str:
    """Return the line with which a run stops at a frame."""
    less = f" with less of {family.lessened}" if family.lessened else ""
    tried = f", also painted again from two other seeds{less} and in float32" if again else ""
    row = f", the last of {broken} frames in a row that could not be painted" if broken > 1 else ""
    return (
        f"frame {number}: {fault}{tried}{row}; {family.remedy}, or set guard.policy: off if it is meant to "
        "look like this"
    )
