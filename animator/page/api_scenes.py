"""The part of the API about scenes: ``/scenes``, checks, keys, previews; and ``/studies``."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from animator.errors import UsageError
from animator.page.answers import FOREVER, asked, body_of, file_in, found, needed, state_of
from animator.page.catalog import MissingError
from animator.page.own_python import words_for
from animator.page.place import OWN, inside, name_of, shown
from animator.page.scenes import (
    ChangedError,
    listed,
    new_scene,
    read_scene_text,
    version_of,
    write_scene,
)
from animator.page.state import State
from animator.page.studies import study_of

PREVIEW_SECONDS = 300
"""Seconds that the preview of a motion may take."""

PREVIEW_WIDTH = 384

KEPT_PREVIEWS = 12


async def list_scenes(request: Request) -> Response:
    """All scene files."""
    return found({"scenes": await run_in_threadpool(listed, state_of(request))})


async def make_scene(request: Request) -> Response:
    """Write a new scene file: a text, or a scene of a kind to begin with."""
    state, body = state_of(request), await body_of(request)
    file, text, kind = needed(body, "file", str), asked(body, "text", str), asked(body, "kind", str, "film")
    if text is None:
        text = await run_in_threadpool(state.helper.ask, "begin", kind=kind)
    path = await run_in_threadpool(new_scene, state.root, file, text)
    await run_in_threadpool(lambda: state.catalog.look(now=True))
    return found(
        {"id": name_of(state.root, path), "file": shown(state.root, path), "version": version_of(text)}, 201
    )


async def show_scene(request: Request) -> Response:
    """A scene's text."""
    state = state_of(request)
    path = await run_in_threadpool(state.catalog.scene, request.path_params["name"])
    text = await run_in_threadpool(read_scene_text, path)
    return found({"file": shown(state.root, path), "text": text, "version": version_of(text)})


async def save_scene(request: Request) -> Response:
    """Write a scene's text, if nobody else did meanwhile."""
    state, body = state_of(request), await body_of(request)
    path = await run_in_threadpool(state.catalog.scene, request.path_params["name"])
    text, version = needed(body, "text", str), needed(body, "version", str)
    try:
        return found({"version": await run_in_threadpool(write_scene, path, text, version)})
    except ChangedError as error:
        return found({"error": str(error)}, 409)


def _file(state: State, body: dict[str, Any]) -> Path:
    """Return the file that a text is of: a scene that is there, or one that may be."""
    name = asked(body, "scene", str)
    return state.catalog.scene(name) if name else inside(state.root, "scenes", "scene.yaml")


async def check(request: Request) -> Response:
    """What is wrong with a text, its curves and prompts."""
    state, body = state_of(request), await body_of(request)
    text = needed(body, "text", str)

    def ask() -> Any:
        return state.helper.ask("check", file=str(_file(state, body)), text=text)

    return found(await run_in_threadpool(ask))


async def move(request: Request) -> Response:
    """A text in which one key was moved, or, without a key, one was added."""
    state, body = state_of(request), await body_of(request)
    order = {"text": needed(body, "text", str), "name": needed(body, "name", str)}
    order["key"] = asked(body, "key", int)
    order |= {"frame": asked(body, "frame", int), "value": asked(body, "value", (int, float))}

    def ask() -> Any:
        return state.helper.ask("move", file=str(_file(state, body)), **order)

    return found({"text": await run_in_threadpool(ask)})


async def settings(request: Request) -> Response:
    """Every setting, for completion."""
    return found({"settings": await run_in_threadpool(state_of(request).helper.ask, "settings")})


async def preview(request: Request) -> Response:
    """The motion of a text as a film."""
    state, body = state_of(request), await body_of(request)
    return found(
        {"film": await run_in_threadpool(_preview, state, _file(state, body), needed(body, "text", str))}
    )


def _preview(state: State, file: Path, text: str) -> str:
    folder = state.root / OWN / "previews"
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(f"{file}\n{text}".encode(errors="surrogatepass")).hexdigest()[:24]
    film = folder / f"{name}.mp4"
    if not film.is_file():
        making = folder / f"{name}.making.mp4"
        words = ["preview", "-", "--out", str(making), "--size", str(PREVIEW_WIDTH)]
        try:
            made = subprocess.run(
                words_for("animator", *words),
                input=text.encode(errors="replace"),
                cwd=file.parent if file.parent.is_dir() else state.root,
                capture_output=True,
                timeout=PREVIEW_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise UsageError(f"the preview took more than {PREVIEW_SECONDS} seconds") from None
        if made.returncode:
            raise UsageError(made.stderr.decode(errors="replace").strip()[-2000:] or "the preview failed")
        making.rename(film)
        old = sorted(folder.glob("*.mp4"), key=lambda one: -one.stat().st_mtime)[KEPT_PREVIEWS:]
        for one in old:
            one.unlink(missing_ok=True)
    return f"/previews/{film.name}?v=1"


async def preview_file(request: Request) -> Response:
    """A preview that was made."""
    folder = inside(state_of(request).root, OWN, "previews")
    answer = file_in(folder, request.path_params["name"], "1")
    answer.headers["cache-control"] = FOREVER
    return answer


async def list_studies(request: Request) -> Response:
    """All studies."""
    state = state_of(request)

    def look() -> list[dict[str, Any]]:
        studies = state.catalog.look(now=True).studies
        return [{"id": name, "folder": shown(state.root, path)} for name, path in studies.items()]

    return found({"studies": await run_in_threadpool(look)})


async def show_study(request: Request) -> Response:
    """The axes and cells of a study."""
    state = state_of(request)
    path = await run_in_threadpool(state.catalog.study, request.path_params["name"])
    study = await run_in_threadpool(study_of, path)
    if not study:
        raise UsageError("this study is damaged; give the command that began it again")
    return found({"folder": shown(state.root, path), **study})


async def study_file(request: Request) -> Response:
    """A picture or a film of a study."""
    path = await run_in_threadpool(state_of(request).catalog.study, request.path_params["name"])
    return file_in(path, request.path_params["path"], request.query_params.get("v", ""))


async def scene_of_cell(request: Request) -> Response:
    """Make a scene file of a cell of a study."""
    state, body = state_of(request), await body_of(request)
    path = await run_in_threadpool(state.catalog.study, request.path_params["name"])
    cell = needed(body, "cell", str)

    def make() -> dict[str, Any]:
        if not (cell.isalnum() and cell.isascii()):
            raise MissingError("there is no such cell")
        text = read_scene_text(inside(path, "scenes", f"{cell}.yaml"))
        scene = new_scene(state.root, f"scenes/{path.name.removesuffix('-study')}-{cell[:6]}.yaml", text)
        state.catalog.look(now=True)
        return {"scene": name_of(state.root, scene), "file": shown(state.root, scene)}

    return found(await run_in_threadpool(make), 201)


ROUTES = [
    Route("/scenes", list_scenes, methods=["GET"]),
    Route("/scenes", make_scene, methods=["POST"]),
    Route("/scenes/{name}", show_scene, methods=["GET"]),
    Route("/scenes/{name}", save_scene, methods=["PUT"]),
    Route("/check", check, methods=["POST"]),
    Route("/move", move, methods=["POST"]),
    Route("/settings", settings, methods=["GET"]),
    Route("/preview", preview, methods=["POST"]),
    Route("/previews/{name}", preview_file, methods=["GET"]),
    Route("/studies", list_studies, methods=["GET"]),
    Route("/studies/{name}", show_study, methods=["GET"]),
    Route("/studies/{name}/files/{path:path}", study_file, methods=["GET"]),
    Route("/studies/{name}/scene", scene_of_cell, methods=["POST"]),
]
