"""Who is answered: the page itself and programs on this machine, and nobody that a web page sends.

A page of a stranger that is open in the same browser can send requests here. So a request must name this
server as its host (else a name of the stranger's could be made to lead here), and one that changes something
must come from the page itself, or from a program, and be JSON.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import secrets
import socket
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qs

from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 4 << 20
"""Bytes of a request at most; a scene has 1 MiB besides its curves."""

COOKIE = "animator-token"

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data: blob:; "
    "media-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of the page: no script but its own files, no request to another host."""

STRICT = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; sandbox allow-same-origin"
)
"""That of everything else, the report of a run among it: nothing in it runs. It keeps its origin, else a
report could show neither its film nor its pictures."""

LOCAL_NAMES = ("localhost", "127.0.0.1", "[::1]")


@dataclass(frozen=True)
class Door:
    """Who may come in.

    Attributes:
        host: the address that the server listens on.
        port: its port.
        token: what every request must know; empty on the loopback unless one was asked for.
    """

    host: str = "127.0.0.1"
    port: int = 0
    token: str = ""
    names: frozenset[str] = field(default_factory=frozenset)

    @property
    def local(self) -> bool:
        """Whether only this machine can reach the server."""
        return is_loopback(self.host)

    def knows(self, host: str) -> bool:
        """Return whether a Host header, or the host of an Origin, names this server."""
        name, port = split_host(host)
        if port != (self.port or port):
            return False
        if name in LOCAL_NAMES or name in self.names or name == _bracketed(self.host):
            return True
        # On all addresses of a machine: an address cannot be made to lead elsewhere, as a name can.
        return not self.local and (_is_address(name) or name == socket.gethostname().lower())

    def lets_in(self, given: str | None) -> bool:
        """Return whether a token is the right one."""
        return not self.token or hmac.compare_digest(self.token.encode(), (given or "").encode())


def is_loopback(host: str) -> bool:
    """Return whether an address is of this machine alone.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("localhost"), is_loopback("0.0.0.0")
    (True, True, True, False)
    """
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


def split_host(host: str) -> tuple[str, int]:
    """Return the name and the port of a Host header; port 80 where it has none, 0 where it is no number.

    >>> split_host("localhost:8000"), split_host("[::1]:80"), split_host("evil.example")
    (('localhost', 8000), ('[::1]', 80), ('evil.example', 80))
    """
    name, colon, port = host.strip().lower().rpartition(":")
    if not colon or port.endswith("]"):
        return host.strip().lower(), 80
    return name, int(port) if port.isascii() and port.isdecimal() and len(port) < 6 else 0


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host.lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


class Guard:
    """Lets through what the door allows, bounds what is sent, and marks every answer.

    Args:
        app: what answers.
        door: who may come in.
    """

    def __init__(self, app: ASGIApp, door: Door) -> None:
        self._app = app
        self._door = door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        nonce = secrets.token_urlsafe(16)
        scope["state"] = {**scope.get("state", {}), "nonce": nonce}
        marked = _marking(send, nonce)
        fault, status = self._fault(scope, headers)
        if fault:
            await _refuse(marked, status, fault)
            return
        if self._door.token and not self._door.lets_in(_token_of(scope, headers)):
            await _refuse(marked, 401, "a token is needed: open the address that animator page printed")
            return
        if self._door.token and scope["path"] == "/" and b"token=" in scope["query_string"]:
            await _remember(marked, self._door.token)
            return
        await self._app(scope, _Bounded(receive), marked)

    def _fault(self, scope: Scope, headers: dict[str, str]) -> tuple[str, int]:
        """Return why a request is refused, and the status; an empty text where it is not."""
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) != 1 or not self._door.knows(headers.get("host", "")):
            return "this server does not have that name", 421
        origin, site = headers.get("origin"), headers.get("sec-fetch-site", "none")
        if origin is not None:
            scheme, _, host = origin.partition("://")
            if scheme not in ("http", "https") or not self._door.knows(host):
                return "another page may not ask here", 403
        elif site == "cross-site" and not _opens_page(scope, headers):
            return "another page may not ask here", 403
        if scope["method"] in ("GET", "HEAD"):
            return "", 200
        if site not in ("none", "same-origin"):
            return "another page may not ask here", 403
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return "send JSON (content-type: application/json)", 415
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length[:12]) > MAX_BODY:
            return f"more than {MAX_BODY} bytes", 413
        return "", 200


def _opens_page(scope: Scope, headers: dict[str, str]) -> bool:
    """Return whether somebody follows a link to the page."""
    asked = scope["method"] == "GET" and scope["path"] == "/"
    return asked and headers.get("sec-fetch-mode", "navigate") == "navigate"


def _token_of(scope: Scope, headers: dict[str, str]) -> str | None:
    kind, _, given = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return given.strip()
    if scope["path"] == "/":
        asked: list[str] = parse_qs(scope["query_string"].decode("latin-1")).get("token", [])
        if asked:
            return asked[0]
    try:
        cookie = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return None
    return cookie.value if cookie else None


class TooMuch(Exception):
    """More was sent than is allowed, without saying so before."""


class _Bounded:
    """Receives at most `MAX_BODY` bytes."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._bytes = 0

    async def __call__(self) -> Message:
        message = await self._receive()
        self._bytes += len(message.get("body", b""))
        if self._bytes > MAX_BODY:
            raise TooMuch
        return message


def _marking(send: Send, nonce: str) -> Send:
    async def marked(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = list(message.get("headers", ()))
            kinds = [value for name, value in headers if name.lower() == b"content-type"]
            own = any(name.lower() == b"x-page" for name, _ in headers)
            policy = POLICY.format(nonce=nonce) if own else STRICT
            more = {
                "content-security-policy": policy,
                "x-content-type-options": "nosniff",
                "referrer-policy": "no-referrer",
                "cross-origin-resource-policy": "same-origin",
                "cross-origin-opener-policy": "same-origin",
                "permissions-policy": "camera=(), microphone=(), geolocation=()",
            }
            if not any(name.lower() == b"cache-control" for name, _ in headers):
                more["cache-control"] = "no-store" if not own and kinds else "no-cache"
            headers += [(name.encode(), value.encode()) for name, value in more.items()]
            message = {**message, "headers": headers}
        await send(message)

    return marked


async def _refuse(send: Send, status: int, why: str) -> None:
    body = json.dumps({"error": why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _remember(send: Send, token: str) -> None:
    """Keep the token in a cookie of this site, and open the page without it in the address."""
    cookie = f"{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/"
    headers = [(b"location", b"/"), (b"set-cookie", cookie.encode())]
    await send({"type": "http.response.start", "status": 303, "headers": headers})
    await send({"type": "http.response.body", "body": b""})
