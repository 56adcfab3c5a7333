"""On which address and port the page is."""

from __future__ import annotations

import errno
import secrets
import socket

from animator.errors import UsageError
from animator.page.safety import is_loopback

PORT = 7878
"""The first port that is tried."""

TRIED = 20
"""Ports that are tried where none is named."""


def token_for(host: str, token: str) -> str:
    """Return what every request must know: what was given, or one that is drawn where others can come in.

    Raises:
        UsageError: it cannot be in an address.
    """
    if token and not (token.isascii() and all(letter.isalnum() or letter in "-_." for letter in token)):
        raise UsageError("--token: use letters, digits, -, _ and . alone")
    return token if token or is_loopback(host) else secrets.token_urlsafe(18)


def listen(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens on an address.

    Args:
        host: the address.
        port: 0 for any free one, None for `PORT` or the next that is free.

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
            why = (
                "another program is there"
                if error.errno == errno.EADDRINUSE
                else error.strerror or str(error)
            )
            raise UsageError(f"{host}, port {one}: {why}; choose another with --host and --port") from None
        return found
    raise UsageError(f"the ports {PORT} to {PORT + TRIED - 1} are all in use; name one with --port")


def address_of(host: str, port: int, token: str) -> str:
    """Return the address of the page for a browser.

    >>> address_of("127.0.0.1", 7878, ""), address_of("10.0.0.2", 80, "abc")
    ('http://localhost:7878/', 'http://10.0.0.2:80/?token=abc')
    """
    shown = {"127.0.0.1": "localhost", "::1": "localhost"}.get(host, host)
    if host in ("0.0.0.0", "::"):
        shown = socket.gethostname()
    shown = f"[{shown}]" if ":" in shown else shown
    return f"http://{shown}:{port}/" + (f"?token={token}" if token else "")
