"""What the API answers, by the function that answers, in short; `schema_of` makes JSON schemas of it."""

from __future__ import annotations

from typing import Any

Shape = str | list[Any] | dict[str, Any]
"""A kind of value, with a ? where it may be null; a list of a shape; an object, with a ? at optional keys."""

RUN: dict[str, Any] = {
    "id": "string", "folder": "string", "scene": "string", "mode": "string?", "size": "array?",
    "fps": "number?", "seed": "integer?", "pictures": "integer?", "done": "integer", "state": "string",
    "film": "string", "last": "object?", "live": "integer?",
    "prompts": [{"from": "integer", "text": "string"}], "modified": "number", "pace": "number?",
    "mark": "string", "progress?": "object", "more": "integer", "words": "string",
}  # fmt: skip

FRAME: Shape = {
    "number": "integer", "version": "string", "seed": "integer", "seconds": "number", "notes": ["string"],
    "there": "boolean",
}  # fmt: skip

JOB: Shape = {
    "id": "string", "scene": "string", "run": "string?", "started?": "number", "status?": "integer?",
    "said?": "string", "seed?": "integer?", "at_once?": "boolean",
}  # fmt: skip

PROBLEM: Shape = {
    "line": "integer", "column": "integer", "message": "string", "key": "string", "level": "string",
}  # fmt: skip

CURVE: Shape = {
    "name": "string", "points": [["number"]],
    "keys": [{"frame": "integer?", "value": "number?", "line": "integer", "moves": ["boolean"]}],
}  # fmt: skip

CELL: Shape = {
    "cell": "string", "place": ["integer"], "reason": "string", "pictures": ["string"], "film": "string",
    "live": "boolean",
}  # fmt: skip

SCENE: Shape = {"scene": "string", "file": "string"}

SHAPES: dict[str, Shape] = {
    "list_runs": {"runs": [RUN], "all_seen": "boolean"},
    "start_run": {"job?": JOB, "run?": "string", "waits?": JOB},
    "show_run": {
        **RUN, "frames": [FRAME], "films": ["string"], "notices": ["string"], "made": "object",
        "figures": "object", "files": ["string"], "marks": "object", "source": "string?",
    },
    "delete_run": {"deleted": "string"},
    "run_log": {"log": "string"},
    "run_losses": {"losses": "object"},
    "run_scene": {"text": "string"},
    "act": {"done?": "string", "job?": JOB, "run?": "string", "scene?": "string", "file?": "string"},
    "show_queue": {"jobs": [JOB], "waiting": [JOB]},
    "leave_queue": {"done": "string"},
    "list_scenes": {"scenes": [{"id": "string", "file": "string", "modified": "number"}]},
    "make_scene": {"id": "string", "file": "string", "version": "string"},
    "show_scene": {"file": "string", "text": "string", "version": "string"},
    "save_scene": {"version": "string"},
    "check": {
        "problems": [PROBLEM], "facts?": "object", "curves?": [CURVE],
        "prompts?": [{"from": "integer", "texts": ["string"], "key": "integer?"}],
    },
    "move": {"text": "string"},
    "settings": {"settings": [{
        "name": "string", "section": "boolean", "about": "string", "default": "any", "choices": ["string"],
    }]},
    "preview": {"film": "string"},
    "list_studies": {"studies": [{"id": "string", "folder": "string"}]},
    "show_study": {
        "folder": "string", "name": "string", "axes": [{"title": "string", "values": ["string"]}],
        "cells": [CELL], "scores": "object",
    },
    "scene_of_cell": SCENE,
    "openapi": "object",
}  # fmt: skip


def schema_of(shape: Shape) -> dict[str, Any]:
    """Return the JSON schema of a shape.

    >>> schema_of({"a": "integer?", "b?": ["string"]})["required"]
    ['a']
    """
    if isinstance(shape, list):
        return {"type": "array", "items": schema_of(shape[0])}
    if isinstance(shape, str):
        kind = shape.removesuffix("?")
        return {} if kind == "any" else {"type": [kind, "null"] if kind != shape else kind}
    return {
        "type": "object",
        "properties": {key.removesuffix("?"): schema_of(inner) for key, inner in shape.items()},
        "required": [key for key in shape if not key.endswith("?")],
        "additionalProperties": False,
    }
