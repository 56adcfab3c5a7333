"""The part of the API about runs: ``/runs``, ``/queue``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from animator.errors import UsageError
from animator.page import runs
from animator.page.answers import asked, body_of, file_in, found, needed, state_of
from animator.page.owners import owner_of
from animator.page.place import OWN, inside, name_of, shown
from animator.page.scenes import new_scene, read_scene_text, scene_of_run
from animator.page.state import State
from animator.runs.names import folder_name

ACTIONS = ("pause", "continue", "stop", "resume", "again", "more", "grow", "mark", "open")


async def list_runs(request: Request) -> Response:
    """All runs, by their names."""
    state = state_of(request)
    summaries = await run_in_threadpool(state.summaries)
    return found({"runs": list(summaries.values()), "all_seen": state.catalog.look().all_seen})


async def start_run(request: Request) -> Response:
    """Render a scene: now, or when everything before it is done."""
    state, body = state_of(request), await body_of(request)
    scene, run = needed(body, "scene", str), asked(body, "run", str)
    later = asked(body, "queue", bool, False)

    def start() -> dict[str, Any]:
        file = state.catalog.scene(scene)
        folder = None if run is None else state.catalog.run(run)
        seed = None if folder is None else _seed_for(state, file, folder)
        if later:
            return {"waits": state.renders.enqueue(file, folder, seed=seed)}
        if folder is not None:
            return _with_run(state, state.renders.again(file, folder, seed))
        return _with_run(state, state.renders.start(file))

    started = await run_in_threadpool(start)
    await run_in_threadpool(lambda: state.catalog.look(now=True))
    state.woken.set()
    return found(started, 201)


def _seed_for(state: State, scene: Path, run: Path) -> int | None:
    """Return the seed of a run for a scene that says none: another one would make every frame anew."""
    found = state.helper.ask("check", file=str(scene), text=read_scene_text(scene))
    seed = runs.info_of(run).get("seed")
    if "facts" not in found:
        first = next(one for one in found["problems"] if one["level"] == "error")
        raise UsageError(f"line {first['line']}: {first['key']}: {first['message']}")
    return seed if found["facts"]["seed"] is None and isinstance(seed, int) else None


def _with_run(state: State, job: dict[str, Any]) -> dict[str, Any]:
    """Return a job with the name by which its run is going to be asked for."""
    return {"job": {key: job.get(key) for key in ("id", "scene", "run")}, "run": _name(state, job["run"])}


def _name(state: State, run: str) -> str:
    return name_of(state.root, state.root / run)


async def show_run(request: Request) -> Response:
    """One run: its pictures, prompts, films and figures."""
    state, name = state_of(request), request.path_params["name"]

    def look() -> dict[str, Any]:
        path = state.catalog.run(name)
        summary = state.summary(name, path)
        details = runs.details_of(path)
        scene = scene_of_run(state, path)
        source = None if scene is None else name_of(state.root, scene)
        return {**summary, **details, "marks": state.marks.of(summary["folder"]), "source": source}

    return found(await run_in_threadpool(look))


async def delete_run(request: Request) -> Response:
    """Delete a run; its folder must be named once more."""
    state, body = state_of(request), await body_of(request)
    name = request.path_params["name"]

    def delete() -> None:
        path = state.catalog.run(name)
        folder = shown(state.root, path)
        if needed(body, "confirm", str) != folder:
            raise UsageError("to delete a run, send its folder as confirm")
        if path == state.root or path.is_symlink():
            raise UsageError("this folder is not deleted from here")
        if owner_of(path) is not None or state.summary(name, path)["state"] == runs.STARTING:
            raise UsageError("this run is being rendered; stop it first")
        # It is out of the way at once, and never half there.
        gone = state.root / OWN / f"deleted-{time.time_ns():x}"
        gone.parent.mkdir(exist_ok=True)
        path.rename(gone)
        shutil.rmtree(gone)
        state.marks.forget(folder)
        state.catalog.look(now=True)

    await run_in_threadpool(delete)
    state.woken.set()
    return found({"deleted": name})


async def act(request: Request) -> Response:
    """Pause, continue, stop, resume, mark or open a run, or make something of it."""
    state, body = state_of(request), await body_of(request)
    name, action = request.path_params["name"], request.path_params["action"]
    if action not in ACTIONS:
        raise UsageError(f"a run cannot '{action[:40]}'; there are {', '.join(ACTIONS)}")
    done = await run_in_threadpool(_act, state, name, action, body)
    state.woken.set()
    return found(done)


def _act(state: State, name: str, action: str, body: dict[str, Any]) -> dict[str, Any]:
    path, renders = state.catalog.run(name), state.renders
    plain = {
        "pause": renders.pause,
        "continue": renders.proceed,
        "stop": renders.stop,
        "resume": renders.resume,
    }
    if action in plain:
        plain[action](path)
        return {"done": action}
    if action == "mark":
        state.marks.set(shown(state.root, path), asked(body, "picture", int), asked(body, "mark", str, ""))
        return {"done": action}
    if action == "open":
        _open(state, path)
        return {"done": action}
    if action == "again":
        return _again(state, path)
    return _derived(state, path, action, needed(body, "picture", int))


def _again(state: State, path: Path) -> dict[str, Any]:
    """Render the scene of a run once more, into a new one."""
    info = runs.info_of(path)
    own = inside(path, "scene.yaml")
    if not own.is_file():  # it failed, or was stopped, before it began
        source = scene_of_run(state, path)
        if source is None:
            raise UsageError("this run has no scene; render its scene again")
        return _with_run(state, state.renders.start(source))
    text = read_scene_text(own)
    folder = state.root / OWN / "scenes"
    folder.mkdir(parents=True, exist_ok=True)
    scene = folder / f"{folder_name(str(info.get('scene', 'scene')))}.yaml"
    scene.write_text(text, encoding="utf-8")
    only = info.get("only") if isinstance(info.get("only"), list) else []
    return _with_run(state, state.renders.start(scene, only=",".join(str(int(one)) for one in only or ())))


def _derived(state: State, path: Path, what: str, picture: int) -> dict[str, Any]:
    """Make a scene of a picture of a run: a film that grows from it, or pictures like it."""
    file = inside(path, "frames", f"{picture:06d}.png")
    if not file.is_file():
        raise UsageError(f"picture {picture} of this run is not there")
    seeds = {one["number"]: one["seed"] for one in runs.details_of(path)["frames"]}
    order = {"picture": str(file), "number": picture, "seed": seeds.get(picture, 0)}
    text = state.helper.ask("derive", what=what, scene=str(inside(path, "scene.yaml")), **order)
    stem = folder_name(str(runs.info_of(path).get("scene", "scene")))
    scene = new_scene(state.root, f"scenes/{stem}-{'film' if what == 'grow' else 'more'}.yaml", text)
    state.catalog.look(now=True)
    return {"scene": name_of(state.root, scene), "file": shown(state.root, scene)}


def _open(state: State, path: Path) -> None:
    """Show the folder of a run in the system's own way."""
    if not state.door.local:
        raise UsageError(f"the folder is on the machine that serves this page: {path}")
    if sys.platform == "win32":
        os.startfile(path)
        return
    program = "open" if sys.platform == "darwin" else "xdg-open"
    if shutil.which(program) is None:
        raise UsageError(f"this machine has no program that opens folders; it is {path}")
    subprocess.Popen(
        [program, str(path)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


async def run_file(request: Request) -> Response:
    """A file of a run: a picture, a film, a table, the report."""
    path = await run_in_threadpool(state_of(request).catalog.run, request.path_params["name"])
    return file_in(path, request.path_params["path"], request.query_params.get("v", ""))


async def run_log(request: Request) -> Response:
    """The end of a run's log."""
    path = await run_in_threadpool(state_of(request).catalog.run, request.path_params["name"])
    return found({"log": await run_in_threadpool(runs.log_end, inside(path, "log.txt"))})


async def run_losses(request: Request) -> Response:
    """The losses of one picture, step by step."""
    path = await run_in_threadpool(state_of(request).catalog.run, request.path_params["name"])
    number = request.path_params["number"]
    inside(path, "losses", f"{number:06d}.csv")
    return found({"losses": await run_in_threadpool(runs.losses_of, path, number)})


async def run_scene(request: Request) -> Response:
    """The scene of a run in full."""
    path = await run_in_threadpool(state_of(request).catalog.run, request.path_params["name"])
    return found({"text": await run_in_threadpool(read_scene_text, inside(path, "scene.yaml"))})


async def show_queue(request: Request) -> Response:
    """What was started, and what waits."""
    return found(await run_in_threadpool(state_of(request).work))


async def leave_queue(request: Request) -> Response:
    """Take a scene out of the queue."""
    state = state_of(request)
    await run_in_threadpool(state.renders.dequeue, request.path_params["name"])
    state.woken.set()
    return found({"done": "dequeue"})


ROUTES = [
    Route("/runs", list_runs, methods=["GET"]),
    Route("/runs", start_run, methods=["POST"]),
    Route("/runs/{name}", show_run, methods=["GET"]),
    Route("/runs/{name}", delete_run, methods=["DELETE"]),
    Route("/runs/{name}/log", run_log, methods=["GET"]),
    Route("/runs/{name}/scene", run_scene, methods=["GET"]),
    Route("/runs/{name}/losses/{number:int}", run_losses, methods=["GET"]),
    Route("/runs/{name}/files/{path:path}", run_file, methods=["GET"]),
    Route("/runs/{name}/{action}", act, methods=["POST"]),
    Route("/queue", show_queue, methods=["GET"]),
    Route("/queue/{name}", leave_queue, methods=["DELETE"]),
]
