"""The server: the page, its files, its API and its events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from animator.errors import AnimatorError
from animator.page import api_runs, api_scenes
from animator.page.answers import found, refused, state_of
from animator.page.catalog import MissingError
from animator.page.events import lines
from animator.page.openapi import document
from animator.page.place import inside
from animator.page.safety import Door, Guard, TooMuch
from animator.page.state import State, watch

STATIC = Path(__file__).parent / "static"

KINDS = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".txt": "text/plain"}

OWN = {"x-page": "1"}
"""Marks answers that are the page itself, for its Content-Security-Policy."""


async def page(request: Request) -> Response:
    """The page."""
    html = await run_in_threadpool((STATIC / "index.html").read_text, encoding="utf-8")
    # CodeMirror puts its style into the page itself, which only this word allows.
    return Response(html.replace("NONCE", request.state.nonce), media_type="text/html", headers=OWN)


async def static(request: Request) -> Response:
    """A file of the page; a browser also asks for an icon of what is no page of its own, such as a report."""
    file = inside(STATIC.resolve(), request.path_params.get("path", "icon.svg"))
    if file.suffix not in KINDS or not file.is_file():
        raise MissingError("there is no such file")
    return FileResponse(file, media_type=KINDS[file.suffix], headers=OWN)


async def events(request: Request) -> Response:
    """What is new, as server-sent events: ``run`` (as GET /runs has it), ``gone``, ``work`` (the queue)."""
    state = state_of(request)
    return StreamingResponse(lines(state.hub, state.woken.set), media_type="text/event-stream")


async def openapi(request: Request) -> Response:
    """The API as an OpenAPI document."""
    return found(document(API))


API = [
    *api_runs.ROUTES,
    *api_scenes.ROUTES,
    Route("/events", events, methods=["GET"]),
    Route("/openapi.json", openapi, methods=["GET"]),
]


@contextlib.asynccontextmanager
async def _working(state: State, app: Starlette) -> AsyncIterator[None]:
    """Watch the runs as long as the server runs; renders go on when it ends."""
    task = asyncio.create_task(watch(state))
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        state.helper.close()


def app_of(root: Path, door: Door) -> ASGIApp:
    """Return the server of a folder.

    Args:
        root: the folder.
        door: who may come in.
    """
    state = State(Path(root).resolve(), door)
    faults = {AnimatorError: refused, OSError: refused, TooMuch: refused, HTTPException: refused}
    own = [
        Route("/", page, methods=["GET"]),
        Route("/static/{path:path}", static, methods=["GET"]),
        Route("/favicon.ico", static, methods=["GET"]),
    ]
    app = Starlette(routes=[*own, *API], exception_handlers=faults, lifespan=partial(_working, state))
    app.state.held = state
    return Guard(app, door)
