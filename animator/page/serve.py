"""Serving the page on a socket that listens already."""

from __future__ import annotations

import contextlib
import socket
import threading
import webbrowser
from pathlib import Path

import uvicorn

from animator.page.app import app_of
from animator.page.safety import Door


def serve(folder: Path, host: str, listener: socket.socket, token: str, opens: str = "") -> None:
    """Serve the page of a folder until interrupted; renders that were started go on.

    Args:
        folder: with scenes and runs.
        host: the address that the socket listens on.
        listener: the socket.
        token: what every request must know; empty for none.
        opens: the address that the browser is opened with, if any.
    """
    door = Door(host, listener.getsockname()[1], token)
    config = uvicorn.Config(
        app_of(folder, door),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        limit_concurrency=1000,
        ws="none",
    )
    if opens:
        threading.Timer(0.5, _open, (opens,)).start()
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def _open(address: str) -> None:
    with contextlib.suppress(webbrowser.Error):
        webbrowser.open(address)
