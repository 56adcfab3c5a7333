"""Listening: which address and port, and the words that say where the page is."""

from __future__ import annotations

import contextlib
import errno
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import uvicorn

from animator.errors import UsageError
from animator.page.app import app_of
from animator.page.safety import Door, is_loopback

PORT = 7878
"""The first port that is tried."""

TRIED = 20
"""Ports that are tried where none is named."""


def serve(
    folder: Path, host: str, port: int | None, token: str, opens: bool, say: Callable[[str], None]
) -> None:
    """Serve the page of a folder until interrupted; renders that were started go on.

    Args:
        folder: with scenes and runs.
        host: the address to listen on; any but the loopback needs a token, drawn where none is given.
        port: 0 for any free one, None for `PORT` or the next.
        token: what every request must know; empty for none on the loopback.
        opens: whether the browser is opened.
        say: receives the line that says where the page is.

    Raises:
        UsageError: the address cannot be listened on.
    """
    if token and (not token.isascii() or not all(letter.isalnum() or letter in "-_." for letter in token)):
        raise UsageError("--token: use letters, digits, - and _ alone")
    if not token and not is_loopback(host):
        token = secrets.token_urlsafe(18)
    listener = listen(host, port)
    door = Door(host, listener.getsockname()[1], token)
    shown = "localhost" if host in ("127.0.0.1", "::1") else host
    if host in ("0.0.0.0", "::"):
        shown = socket.gethostname()
    address = f"http://{f'[{shown}]' if ':' in shown else shown}:{door.port}/"
    address += f"?token={token}" if token else ""
    config = uvicorn.Config(
        app_of(folder, door),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        limit_concurrency=1000,
        ws="none",
    )
    say(f"the page is at {address} (Ctrl-C ends it; renders go on)")
    if opens:
        threading.Timer(0.5, _open, (address,)).start()
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def _open(address: str) -> None:
    with contextlib.suppress(webbrowser.Error):
        webbrowser.open(address)


def listen(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens on an address.

    Raises:
        UsageError: that cannot be done; the message says why.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for one in (port,) if port is not None else range(PORT, PORT + TRIED):
        found = socket.socket(family, socket.SOCK_STREAM)
        try:
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind((host, one))
            found.listen(200)
        except OSError as error:
            found.close()
            if error.errno == errno.EADDRINUSE and port is None:
                continue
            raise UsageError(
                f"--host {host} --port {one}: {error.strerror or error}; choose another"
            ) from None
        return found
    raise UsageError(f"the ports {PORT} to {PORT + TRIED - 1} are all in use; name one with --port")
