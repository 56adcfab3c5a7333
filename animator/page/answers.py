"""How requests are read and answered."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from animator.errors import AnimatorError, UsageError
from animator.page.catalog import MissingError
from animator.page.place import OutsideError, inside
from animator.page.safety import TooMuch
from animator.page.state import State
from animator.system.json_text import parse_json

KINDS = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
    ".mov": "video/quicktime",
    ".csv": "text/csv; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".yaml": "text/plain; charset=utf-8",
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
}
"""Files of a run that can be asked for, by their endings."""

MOST_NUMBER = 1e12
"""The largest number that a request may have."""

FOREVER = "private, max-age=31536000, immutable"


def state_of(request: Request) -> State:
    """Return what the server holds."""
    state: State = request.app.state.held
    return state


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object that was sent; an empty one where nothing was.

    Raises:
        UsageError: it is no JSON object.
    """
    data = await request.body()
    if not data:
        return {}
    try:
        found = parse_json(data)
    except ValueError as error:
        raise UsageError(f"not JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError("send a JSON object")
    return found


def asked(body: Mapping[str, Any], name: str, kind: type | tuple[type, ...], otherwise: Any = None) -> Any:
    """Return a value of a request, of the kind that it must be; ``otherwise`` where it is left out.

    Raises:
        UsageError: it is of another kind.
    """
    value = body.get(name)
    if value is None:
        return otherwise
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise UsageError(f"{name}: not what is expected here")
    if isinstance(value, int | float) and not abs(value) <= MOST_NUMBER:
        raise UsageError(f"{name}: expected a number up to {MOST_NUMBER:g}")
    return value


def needed(body: Mapping[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    """Return a value of a request that must be there; raises UsageError where it is not, as `asked` does."""
    value = asked(body, name, kind)
    if value is None:
        raise UsageError(f"{name}: is missing")
    return value


def found(content: Any, status: int = 200) -> Response:
    """Return an answer in JSON."""
    data = json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).encode()
    return Response(data, status, media_type="application/json")


def file_in(folder: Path, path: str, version: str = "") -> Response:
    """Return a file of a run or a study.

    Args:
        folder: of the run.
        path: in it.
        version: where one is asked for, it is the file's for ever, and a browser may keep it.

    Raises:
        MissingError: there is no such file, or none that is shown.
        OutsideError: it lies elsewhere.
    """
    file = inside(folder, path)
    kind = KINDS.get(file.suffix.lower())
    if kind is None or not os.path.isfile(file):
        raise MissingError("there is no such file")
    headers = {"cache-control": FOREVER if version else "no-cache"}
    return FileResponse(file, media_type=kind, headers=headers)


def refused(request: Request, fault: Exception) -> Response:
    """Return what is answered to a request that cannot be served."""
    if isinstance(fault, HTTPException):
        return JSONResponse({"error": fault.detail}, fault.status_code, fault.headers)
    if isinstance(fault, TooMuch):
        return JSONResponse({"error": "too much was sent"}, 413)
    status = 500
    if isinstance(fault, UsageError):
        status = 404 if isinstance(fault, MissingError) else 403 if isinstance(fault, OutsideError) else 400
    said = str(fault) if isinstance(fault, AnimatorError) else f"{type(fault).__name__}: {fault}"
    return JSONResponse({"error": said}, status)
