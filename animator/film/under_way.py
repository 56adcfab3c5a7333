"""Looks at a diffusion under way: where no picture can come of it any more it is given up.

The clean estimates of the first half are blurred, their colours are overdone, and guidance makes them harsh:
what a finished picture may not be, an estimate may well be. So it is held to much wider limits, and noise
counts only at two looks in a row: at the first, strong guidance is nearly as harsh and finds back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from animator.errors import PaintError
from animator.film.judge import NO_NUMBERS, blank_estimate, noisy_estimate

if TYPE_CHECKING:
    from animator.settings.guard import GuardOptions
    from animator.types import Frame, OnStep, PaintStep, Request

LOOKS = (0.15, 0.3, 0.5, 0.75)
"""After which shares of its steps a diffusion is looked at."""

FIRST = 2
"""Steps before the first look, where there are few: the first estimate is little more than noise."""


class GivenUpError(PaintError):
    """Nothing can come of pictures that are being painted.

    Args:
        faults: what is wrong with each of them; empty where nothing is.
        share: of the steps that were taken, 0 to 1.
    """

    def __init__(self, faults: Sequence[str], share: float) -> None:
        self.faults = [fault and f"{fault}, given up at {share:.0%} of the steps" for fault in faults]
        super().__init__("; ".join(fault for fault in self.faults if fault))


class Looking:
    """Passes steps on, and looks at the clean estimates after a few of them; an `OnStep`.

    Pictures that are painted together share their steps: they are given up where all of them are lost, or
    where one is no numbers, at which the engine would stop at the end. Otherwise they go on.

    Args:
        requests: what is painted.
        limits: the section ``guard``.
        on_step: is called first after every step, or None.
    """

    def __init__(self, requests: Sequence[Request], limits: GuardOptions, on_step: OnStep | None) -> None:
        self._requests = requests
        self._limits = limits
        self._on_step = on_step
        self._looks = list(LOOKS)
        self._noisy = [False] * len(requests)

    def __call__(self, step: PaintStep) -> None:
        """Take note of a step.

        Raises:
            GivenUpError: nothing can come of the pictures.
        """
        if self._on_step is not None:
            self._on_step(step)
        if not self._is_due(step):
            return
        faults = [self._fault(number, picture) for number, picture in enumerate(step.pictures())]
        if all(faults) or NO_NUMBERS in faults:
            raise GivenUpError(faults, step.done / step.total)

    def _fault(self, number: int, estimate: Frame) -> str:
        """Return why one picture is lost, an empty text if it may not be; take note of noise."""
        init = self._requests[number].init
        if fault := blank_estimate(estimate, init, self._limits):
            return fault
        noise, before = noisy_estimate(estimate, init, self._limits), self._noisy[number]
        self._noisy[number] = bool(noise)
        return noise if before else ""

    def _is_due(self, step: PaintStep) -> bool:
        """Return whether to look after a step: the first of them past a share; never the last one."""
        passed = [share for share in self._looks if step.done >= share * step.total - 1e-9]
        if not passed or not FIRST <= step.done < step.total:
            return False
        self._looks = self._looks[len(passed) :]
        return True
