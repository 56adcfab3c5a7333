"""The helper: a process that reads scenes for the page, so that its server stays small and never hangs.

It takes a JSON object a line, ``{"do": "check", ...}``, and answers each with one: ``{"ok": ...}``, or
``{"error": ...}`` in the words of the program. Nothing of a scene is executed, and no network is loaded.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any, TextIO

from animator.errors import AnimatorError, UsageError


def _check(order: dict[str, Any]) -> Any:
    from animator.page.edit import check

    return check(order["file"], order["text"])


def _move(order: dict[str, Any]) -> Any:
    from animator.page.edit import move

    places = (order["key"], order.get("frame"), order.get("value"))
    return move(order["file"], order["text"], order["name"], *places)


def _settings(order: dict[str, Any]) -> Any:
    from animator.page.edit import settings

    return settings()


def _derive(order: dict[str, Any]) -> Any:
    from animator.page.derive import derived

    return derived(order["what"], order["scene"], order["picture"], order["number"], order["seed"])


def _begin(order: dict[str, Any]) -> Any:
    from animator.scene.beginnings import beginning

    if order["kind"] not in ("film", "still"):
        raise UsageError("a new scene makes a film, or is a still")
    return beginning(order["kind"])


ORDERS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "check": _check,
    "move": _move,
    "settings": _settings,
    "derive": _derive,
    "begin": _begin,
}


def answer(line: str) -> dict[str, Any]:
    """Return the answer to one line."""
    try:
        order = json.loads(line)
        return {"ok": ORDERS[order["do"]](order)}
    except AnimatorError as error:
        return {"error": str(error)}
    except (RecursionError, MemoryError) as error:
        return {"error": f"this scene is too much to be read: {type(error).__name__}"}


def serve(orders: TextIO, answers: TextIO) -> None:
    """Answer every line until there are no more."""
    for line in orders:
        print(json.dumps(answer(line)), file=answers, flush=True)


if __name__ == "__main__":
    real = sys.stdout
    sys.stdout = sys.stderr  # what a library prints is no answer
    serve(sys.stdin, real)
