"""What the server holds, and telling the watchers what is new."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool

from animator.errors import AnimatorError
from animator.page.asking import Helper
from animator.page.catalog import Catalog
from animator.page.events import Hub
from animator.page.marks import Marks
from animator.page.renders import Renders
from animator.page.runs import PAUSED, RUNNING, STARTING
from animator.page.safety import Door

PULSE = 0.5
"""Seconds between two looks at the runs."""

log = logging.getLogger(__name__)


@dataclass
class State:
    """What the server holds.

    Attributes:
        root: the folder that the page shows, with links resolved.
        door: who may come in.
    """

    root: Path
    door: Door
    catalog: Catalog = field(init=False)
    renders: Renders = field(init=False)
    marks: Marks = field(init=False)
    helper: Helper = field(init=False)
    hub: Hub = field(default_factory=Hub)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.renders = Renders(self.root)
        self.catalog = Catalog(self.root, self.renders.begun)
        self.marks = Marks(self.root)
        self.helper = Helper(self.root)

    def summaries(self) -> dict[str, dict[str, Any]]:
        """Return all runs as lists show them, with how far those are that are at work."""
        marks, jobs = self.marks.all(), {one["run"]: one for one in reversed(self.renders.jobs())}
        return {
            name: self._with_work(summary, marks, jobs.get(summary["folder"]))
            for name, summary in self.catalog.summaries().items()
        }

    def summary(self, name: str, path: Path) -> dict[str, Any]:
        """Return one run as `summaries` has it."""
        return self._with_work(self.catalog.summary(name, path), self.marks.all(), self.renders.job_of(path))

    def _with_work(
        self, summary: dict[str, Any], marks: dict[str, str], job: dict[str, Any] | None
    ) -> dict[str, Any]:
        more: dict[str, Any] = {"mark": marks.get(summary["folder"], "")}
        if job is None:
            return {**summary, **more}
        if not summary["modified"]:
            more |= {"scene": Path(job["scene"]).stem, "modified": job["started"]}
        at_work = summary["state"] in (RUNNING, PAUSED)
        if at_work or job.get("status") not in (0, 130):
            more["progress"] = self.renders.progress(job)
        if job.get("status") is None and not at_work and not self.renders.reported(job):
            more["state"] = STARTING
        return {**summary, **more}

    def work(self) -> dict[str, Any]:
        """Return what was started and what waits."""
        jobs = [self._with_words(one) for one in self.renders.jobs()[:20]]
        return {"jobs": jobs, "waiting": self.renders.queue()}

    def _with_words(self, job: dict[str, Any]) -> dict[str, Any]:
        kept = {key: job.get(key) for key in ("id", "scene", "run", "started", "status")}
        failed = job.get("status") not in (None, 0, 130)
        return kept | ({"said": self.renders.said(job)} if failed else {})


async def watch(state: State) -> None:
    """Start what waits, and tell the watchers what is new, until cancelled."""
    known: set[str] = set()
    while True:
        try:
            await run_in_threadpool(state.renders.tick)
            await run_in_threadpool(state.helper.rest)
            if state.hub.watchers:
                known = await _tell(state, known)
        except (AnimatorError, OSError) as fault:
            log.warning(
                "%s", fault
            )  # a folder was taken away just now, or the disk is full; it is tried again
        state.woken.clear()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(state.woken.wait(), PULSE)


async def _tell(state: State, known: set[str]) -> set[str]:
    runs = await run_in_threadpool(state.summaries)
    for name, summary in runs.items():
        state.hub.tell(name, "run", summary)
    for name in known - runs.keys():
        state.hub.forget(name, "gone", {"id": name})
    state.hub.tell("work", "work", await run_in_threadpool(state.work))
    return set(runs)
