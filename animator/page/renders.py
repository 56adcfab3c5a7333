"""Renders that the page starts: each a process of its own, the same as on the command line.

A render knows nothing of the page and continues when the server ends. It is found again by what is in the
run, whose lock names the process. What the page itself knows of it is a file in ``.page/jobs``: the scene,
the run and the process; beside it lies what the process prints, ``render --json``.

A run that is to be rendered from a scene that was changed is stopped in order and started again on the same
folder; `animator.run.plan` finds which frames are up to date.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from animator.errors import UsageError
from animator.page.own_python import words_for
from animator.page.owners import alive, owner_of, process_state, works_in
from animator.page.place import OutsideError, inside, own_folder, shown
from animator.page.runs import is_finished, last_events, log_end
from animator.runs.files import write_atomic
from animator.runs.names import folder_name
from animator.system.json_text import parse_json

KEPT = 40
"""Ended renders of which the page keeps what they printed."""

MOST_WAITING = 500
"""Scenes in the queue at most."""

RENDERS = "renders"
"""The folder of new runs, in the page's unless that is it."""

CAN_PAUSE = hasattr(signal, "SIGSTOP")

Job = dict[str, Any]
"""``id``, ``scene`` and ``run`` (paths in the folder), ``process``, ``started``, at its end ``status``."""


class Renders:
    """Starts, pauses and stops renders, and holds the queue.

    Args:
        root: the page's folder.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._own = own_folder(root)
        self._jobs_folder = self._own / "jobs"
        self._lock = threading.RLock()
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._jobs = self._read_jobs()
        self._waiting = self._read_queue()

    # What is known.

    def jobs(self) -> list[Job]:
        """Return what was started, the newest first; those that are at work have no ``status``."""
        with self._lock:
            self._notice_ends()
            return sorted(self._jobs.values(), key=lambda one: -float(one["started"]))

    def job_of(self, run: Path) -> Job | None:
        """Return the render that was last started on a run, or None."""
        name = shown(self.root, run)
        return next((one for one in self.jobs() if one["run"] == name), None)

    def begun(self) -> list[Path]:
        """Return the folders of runs that begin, or failed before there was anything in them."""
        paths = [self.root / one["run"] for one in self.jobs() if one.get("status") != 0]
        return [path for path in paths if path.is_dir() and not (path / "run.json").exists()]

    def queue(self) -> list[Job]:
        """Return the scenes that wait, the next one first."""
        with self._lock:
            return [dict(one) for one in self._waiting]

    def progress(self, job: Job) -> dict[str, Any]:
        """Return how far a render that the page started is, as it last reported it."""
        events = last_events(self._printed(job, "jsonl"))
        found: dict[str, Any] = {"scene": job["scene"], "status": job.get("status")}
        if begin := events.get("begin"):
            found |= {"of": begin.get("frames"), "done": begin.get("done")}
        if frame := events.get("frame"):
            found |= {"left": frame.get("left"), "finished": frame.get("frame")}
        if stage := events.get("stage"):
            found |= {"stage": stage.get("stage"), "frame": stage.get("frame")}
        if events and next(reversed(events)) in ("step", "made"):
            last = events[next(reversed(events))]
            found["step"] = [last.get("done"), last.get("of")]
        if job.get("status") not in (None, 0, 130):
            found["said"] = self.said(job)
        return found

    def reported(self, job: Job) -> bool:
        """Return whether a render has reported anything: one that did and has no lock any more is ending."""
        return not self.progress(job).keys() <= {"scene", "status", "said"}

    def said(self, job: Job) -> str:
        """Return the end of what a render printed for people."""
        return log_end(self._printed(job, "txt"), 4000)

    # What is done.

    def start(self, scene: Path, run: Path | None = None, only: str = "", seed: int | None = None) -> Job:
        """Start to render a scene, into a new run or into one that is there, and return the job.

        Args:
            scene: the scene file.
            run: the run, or None for a new one.
            only: numbers of the stills to make, as ``--only`` has them.
            seed: laid over the scene, where it draws one and the run has it already.

        Raises:
            UsageError: somebody is at work at the run.
        """
        with self._lock:
            if run is not None and (owner_of(run) is not None or self._begins(run)):
                raise UsageError("this run is being rendered; stop it first")
            if run is None:
                run = self._new_run(folder_name(scene.stem))
            words = ["render", os.path.relpath(scene, self.root), "--out", os.path.relpath(run, self.root)]
            words += ["--only", only] if only else []
            words += ["--set", f"seed={seed}"] if seed is not None else []
            return self._launch(words, shown(self.root, scene), run)

    def resume(self, run: Path) -> Job:
        """Resume a run: from the scene that the page started it with, else from the run's own.

        Raises:
            UsageError: somebody is at work at it, or it has no scene.
        """
        if owner_of(run) is not None:
            if self.paused(run):
                self.proceed(run)
                return self.job_of(run) or {}
            raise UsageError("this run is being rendered already")
        own = run / "scene.yaml"
        job = self.job_of(run)
        if not own.is_file() and job is not None:
            own = inside(self.root, job["scene"])
        if not own.is_file():
            raise UsageError("this run has no scene yet; render its scene again")
        if own.parent != run:
            return self.start(own, run)
        scene = job["scene"] if job else shown(self.root, own)
        return self._launch(["resume", os.path.relpath(run, self.root)], scene, run)

    def _launch(self, words: list[str], scene: str, run: Path) -> Job:
        with self._lock:
            self._jobs_folder.mkdir(parents=True, exist_ok=True)
            name = f"{time.time_ns():x}"
            job: Job = {"id": name, "scene": scene, "run": shown(self.root, run)}
            with (
                self._printed(job, "jsonl").open("wb") as out,
                self._printed(job, "txt").open("wb") as err,
            ):
                process = start_animator([*words, "--json"], self.root, out, err)
            job |= {"process": process.pid, "started": time.time()}
            self._jobs[name], self._processes[name] = job, process
            self._save(job)
            self._forget_old()
            return dict(job)

    def stop(self, run: Path) -> None:
        """Ask the render of a run to stop in order; it can be resumed.

        Raises:
            UsageError: nobody is at work at it, or somebody on another machine is.
        """
        process = self._process_of(run)
        _signal(process, signal.SIGINT)
        if CAN_PAUSE:
            _signal(process, signal.SIGCONT)

    def pause(self, run: Path) -> None:
        """Halt the render of a run where it is; its memory stays taken. Raises as `stop` does."""
        if not CAN_PAUSE:
            raise UsageError("this system cannot pause a program; stop the render, and go on with it later")
        _signal(self._process_of(run), signal.SIGSTOP)

    def proceed(self, run: Path) -> None:
        """Let a paused render go on. Raises as `stop` does."""
        if CAN_PAUSE:
            _signal(self._process_of(run), signal.SIGCONT)

    def paused(self, run: Path) -> bool:
        """Return whether the render of a run is paused."""
        process = owner_of(run)
        return bool(process) and process_state(process or 0) == "T"

    def enqueue(
        self, scene: Path, run: Path | None = None, *, seed: int | None = None, at_once: bool = False
    ) -> Job:
        """Put a scene into the queue, to be rendered into a new run or into one that is there.

        Args:
            scene: the scene file.
            run: the run, or None for a new one.
            seed: see `start`.
            at_once: whether it begins as soon as its run is free, whatever else is at work.
        """
        with self._lock:
            if len(self._waiting) >= MOST_WAITING:
                raise UsageError(f"{MOST_WAITING} scenes wait already")
            item: Job = {
                "id": f"{time.time_ns():x}",
                "scene": shown(self.root, scene),
                "run": None if run is None else shown(self.root, run),
                "seed": seed,
                "at_once": at_once,
            }
            if run is not None:
                self._waiting = [one for one in self._waiting if one["run"] != item["run"]]
            self._waiting.append(item)
            self._write("queue.json", self._waiting)
            return dict(item)

    def dequeue(self, name: str) -> None:
        """Take a scene out of the queue; raises UsageError where it does not wait."""
        with self._lock:
            left = [one for one in self._waiting if one["id"] != name]
            if len(left) == len(self._waiting):
                raise UsageError("this scene does not wait any more")
            self._waiting = left
            self._write("queue.json", left)

    def again(self, scene: Path, run: Path, seed: int | None = None) -> Job:
        """Render a run from a scene that was changed: what is at work there is stopped first."""
        free, begins = owner_of(run) is None, self._begins(run)
        if free and begins is None:
            return self.start(scene, run, seed=seed)
        item = self.enqueue(scene, run, seed=seed, at_once=True)
        if not free or (begins is not None and not self.reported(begins)):
            self.stop(run)
        return item

    def tick(self) -> bool:
        """Start what waits and can begin; return whether anything was started. Called every half second."""
        with self._lock:
            self._notice_ends()
            busy = any(one.get("status") is None for one in self._jobs.values())
            for item in list(self._waiting):
                run = None if item["run"] is None else self.root / item["run"]
                free = run is None or (owner_of(run) is None and not self._begins(run))
                if not free or (busy and not item.get("at_once")):
                    continue
                self._waiting.remove(item)
                self._write("queue.json", self._waiting)
                scene = inside(self.root, item["scene"])
                if scene.is_file():
                    self.start(scene, run, seed=item.get("seed"))
                    return True
            return False

    # How.

    def _process_of(self, run: Path) -> int:
        process = owner_of(run)
        if process == 0:
            raise UsageError("this run is rendered on another machine; stop it there")
        if process is None:
            job = self._begins(run)
            if job is None or self.reported(job):
                raise UsageError("nobody is at work at this run")
            return int(job["process"])
        return process

    def _begins(self, run: Path) -> Job | None:
        """Return the job that was started on a run and has not taken its lock yet, or has just let it go."""
        name = shown(self.root, run)
        with self._lock:
            self._notice_ends()
            here = [one for one in self._jobs.values() if one["run"] == name and one.get("status") is None]
            return here[-1] if here else None

    def _new_run(self, name: str) -> Path:
        above = () if self.root.name == RENDERS else (RENDERS,)
        folder = self.root.joinpath(*above, name)
        inside(self.root, *above, name)
        folder.mkdir(parents=True, exist_ok=True)
        numbers = [int(one.name) for one in folder.iterdir() if one.name.isdecimal()]
        number = max(numbers, default=0)
        while True:
            number += 1
            try:
                (folder / f"{number:03d}").mkdir()
            except FileExistsError:
                continue
            return folder / f"{number:03d}"

    def _notice_ends(self) -> None:
        for name, job in self._jobs.items():
            if job.get("status") is not None:
                continue
            process = self._processes.get(name)
            if process is not None:
                status = process.poll()
            else:  # an earlier server started it
                status = None if self._lives(int(job["process"])) else self._how_it_ended(job)
            if status is not None:
                job["status"] = status
                self._processes.pop(name, None)
                self._save(job)

    def _how_it_ended(self, job: Job) -> int:
        """Return the status of a render that nobody waited for, by what it left; -1 if that says nothing."""
        if "stopped; continue with:" in self.said(job):
            return 130
        try:
            run = inside(self.root, str(job["run"]))
        except OutsideError:
            return -1
        return 0 if is_finished(self.root, run) else -1

    def _lives(self, process: int) -> bool:
        return alive(process) and works_in(process, self.root)

    def _forget_old(self) -> None:
        ended = [one for one in self._jobs.values() if one.get("status") is not None]
        for job in sorted(ended, key=lambda one: -float(one["started"]))[KEPT:]:
            del self._jobs[job["id"]]
            for kind in ("json", "jsonl", "txt"):
                self._printed(job, kind).unlink(missing_ok=True)

    def _printed(self, job: Job, kind: str) -> Path:
        return self._jobs_folder / f"{job['id']}.{kind}"

    def _save(self, job: Job) -> None:
        write_atomic(self._printed(job, "json"), json.dumps(job).encode())

    def _read_jobs(self) -> dict[str, Job]:
        jobs = {}
        for path in sorted(self._jobs_folder.glob("*.json")):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
                job = parse_json(path.read_bytes())
                names = {key: str(job[key]) for key in ("id", "scene", "run")}
                if names["id"] == path.stem:
                    numbers = {"process": int(job["process"]), "started": float(job["started"])}
                    jobs[path.stem] = {**names, **numbers, "status": job.get("status")}
        return jobs

    def _read_queue(self) -> list[Job]:
        """Return what waited when the server ended; what leads out of the folder is left out."""
        waiting: list[Job] = []
        try:
            found = parse_json((self._own / "queue.json").read_bytes())
            for one in found[:MOST_WAITING]:
                run, seed = one["run"], one["seed"]
                if run is not None:
                    run = shown(self.root, inside(self.root, str(run)))
                item = {"scene": shown(self.root, inside(self.root, str(one["scene"]))), "run": run}
                seeded = seed if type(seed) is int else None
                waiting.append(
                    {"id": str(one["id"]), **item, "seed": seeded, "at_once": one["at_once"] is True}
                )
        except (OSError, ValueError, KeyError, TypeError, UsageError):
            return waiting
        return waiting

    def _write(self, name: str, content: Any) -> None:
        self._own.mkdir(exist_ok=True)
        write_atomic(self._own / name, json.dumps(content).encode())


def start_animator(words: list[str], folder: Path, out: Any, err: Any) -> subprocess.Popen[bytes]:
    """Start ``animator`` in a folder, as a process that goes on when this one ends."""
    return subprocess.Popen(
        words_for("animator", *words),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=out,
        stderr=err,
        start_new_session=True,
        env={**os.environ, "COLUMNS": "200"},
    )


def _signal(process: int, number: int) -> None:
    try:
        os.kill(process, number)
    except ProcessLookupError:
        raise UsageError("nobody is at work at this run any more") from None
    except PermissionError:
        raise UsageError("another user renders this run; only they can stop it") from None
