"""The API in the words of OpenAPI: ``/openapi.json``."""

from __future__ import annotations

from typing import Any

from starlette.routing import Route

from animator import __version__
from animator.page.answer_shapes import SHAPES, schema_of
from animator.page.api_runs import ACTIONS

BODIES: dict[str, dict[str, str]] = {
    "start_run": {"scene": "string", "run": "string", "queue": "boolean"},
    "delete_run": {"confirm": "string"},
    "act": {"picture": "integer", "mark": "string"},
    "make_scene": {"file": "string", "text": "string", "kind": "string"},
    "save_scene": {"text": "string", "version": "string"},
    "check": {"text": "string", "scene": "string"},
    "move": {
        "text": "string", "scene": "string", "name": "string", "key": "integer", "frame": "integer",
        "value": "number",
    },
    "preview": {"text": "string", "scene": "string"},
    "scene_of_cell": {"cell": "string"},
}  # fmt: skip
"""What is sent, by the function that answers."""

NEEDED = {
    "make_scene": ["file"],
    "start_run": ["scene"],
    "delete_run": ["confirm"],
    "act": [],
    "preview": ["text"],
    "check": ["text"],
    "move": ["text", "name"],
}


PARTS: dict[str, dict[str, Any]] = {
    "number": {"type": "integer"},
    "action": {"type": "string", "enum": list(ACTIONS)},
}
"""Parts of paths that are not any text."""


def document(routes: list[Route]) -> dict[str, Any]:
    """Return the OpenAPI document of some routes."""
    paths: dict[str, Any] = {}
    for route in routes:
        path = route.path.replace(":path}", "}").replace(":int}", "}")
        for method in sorted((route.methods or set()) - {"HEAD"}):
            paths.setdefault(path, {})[method.lower()] = _operation(route, method, path)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "animator page",
            "version": __version__,
            "description": "What the page asks of its server. Requests that change something are JSON; a "
            'fault is {"error": "..."}. With a token, send Authorization: Bearer TOKEN.',
        },
        "paths": paths,
    }


def _operation(route: Route, method: str, path: str) -> dict[str, Any]:
    name = route.endpoint.__name__
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    operation: dict[str, Any] = {
        "operationId": name,
        "summary": (route.endpoint.__doc__ or "").strip().splitlines()[0].rstrip("."),
        "responses": {
            "default": {"description": "A fault", "content": {"application/json": {"schema": _FAULT}}},
            "201" if name in ("start_run", "make_scene", "scene_of_cell") else "200": _answer(name),
        },
    }
    operation["parameters"] = [
        {"name": one, "in": "path", "required": True, "schema": PARTS.get(one, {"type": "string"})}
        for one in names
    ]
    if name in BODIES:
        properties = {key: {"type": kind} for key, kind in BODIES[name].items()}
        schema = {"type": "object", "properties": properties, "required": NEEDED.get(name, [*properties])}
        operation["requestBody"] = {
            "required": bool(schema["required"]),
            "content": {"application/json": {"schema": schema}},
        }
    return operation


def _answer(name: str) -> dict[str, Any]:
    """Return what a function answers: JSON, or the file or the events that it sends."""
    if name in SHAPES:
        content = {"application/json": {"schema": schema_of(SHAPES[name])}}
    else:
        content = {"text/event-stream" if name == "events" else "*/*": {"schema": {"type": "string"}}}
    return {"description": "Done", "content": content}


_FAULT = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}
