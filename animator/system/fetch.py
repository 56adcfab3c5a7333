"""Pictures from the web, kept in a folder under a name made of their address.

A scene may come from a stranger and so may a server's answer. Only http and https are spoken, an answer is
limited in size and time, and a server cannot send the program on into the user's own network.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import ipaddress
import secrets
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from animator.errors import UsageError
from animator.system.picture_files import picture_fault

MAX_BYTES = 32 * 2**20
"""Bytes of the largest answer that is taken."""

DEADLINE = 60.0
"""Seconds that a picture may take from the first look-up to the last byte, redirects included."""

SILENCE = 15.0
"""Seconds for which a server may be silent."""

MAX_REDIRECTS = 5
"""How often an address may lead to another."""

REDIRECTS = frozenset({301, 302, 303, 307, 308})

NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""IPv6 addresses whose last 32 bits are the IPv4 address that a gateway connects to (RFC 6052)."""


KEPT = "%/:=&?~#+!$,;'@()*[]"
"""What may be in a request as it is, besides letters and digits; all else is written as %XX."""

HEADERS = {
    "User-Agent": "animator",
    "Accept": "image/png, image/jpeg, image/webp, */*;q=0.5",
    "Connection": "close",
}


def is_url(text: str) -> bool:
    """Return whether a text is an address to `fetch`, and not a path.

    >>> is_url("HTTPS://example.org/a.png"), is_url("http.png"), is_url("file:///a.png")
    (True, False, False)
    """
    return text.lower().startswith(("http://", "https://"))


def fetch(
    url: str,
    folder: Path,
    *,
    fault_in: Callable[[Path], str] = picture_fault,
    deadline: float = DEADLINE,
    max_bytes: int = MAX_BYTES,
) -> Path:
    """Return the file that holds what an address gives; it is fetched only if it is not there yet.

    Only a picture that can be read is kept; one that is there and cannot be read is fetched again.

    The address itself may be of the user's own network; what it redirects to may not. Proxies are taken from
    the environment, as `urllib.request.getproxies` finds them; as it is the proxy that connects, what it is
    redirected to is looked up here to be judged.

    Args:
        url: an http or https address. A user name and password in it are sent, and never printed.
        folder: where the file is kept; made if it is not there.
        fault_in: returns why a file is not what is wanted, after its path and a colon, or an empty text.
        deadline: seconds for all of it.
        max_bytes: bytes of the largest answer that is taken.

    Raises:
        UsageError: the picture cannot be had, for a reason given in one line.
    """
    path = folder / hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()[:40]
    if path.is_file() and not fault_in(path):
        return path
    part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("xb") as file, closing(_download(url, deadline, max_bytes)) as pieces:
                file.writelines(pieces)
            if fault := fault_in(part):
                raise UsageError(f"{shown(url)}: {fault.removeprefix(f'{part}: ')}")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:  # those of the network have been named by now
        raise UsageError(f"{folder}: {error.strerror}; a fetched picture cannot be kept here") from error
    return path


def shown(url: str) -> str:
    """Return an address for a message: without user name, password, query and what no terminal should see.

    >>> shown("https://me:secret@example.org:8080/a.png?key=1")
    'https://example.org:8080/a.png?…'
    """
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where a password with a slash has put the @ outside of the authority
        query = "…" if parts.query else ""
        text = parts._replace(netloc=_place(parts), query=query, fragment="").geturl()
    except ValueError:
        text = "…" + url.rpartition("@")[2]
    return "".join(character if character.isprintable() else "?" for character in text)[:200]


def is_local(address: str) -> bool:
    """Return whether an IP address is anything but one of the public internet.

    Loopback, private, link-local, multicast, unspecified and reserved addresses are local, and so are IPv6
    addresses that stand for such an IPv4 address.

    >>> is_local("127.0.0.1"), is_local("::ffff:10.0.0.1"), is_local("93.184.216.34")
    (True, True, False)
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in NAT64 else ip.ipv4_mapped or ip.sixtofour
        if inner is not None:
            return is_local(str(inner))
        if ip.is_site_local:
            return True
    return not ip.is_global or ip.is_multicast or ip.is_reserved


def _download(url: str, seconds: float, max_bytes: int) -> Generator[bytes, None, None]:
    """Yield what an address gives, in pieces, following redirects."""
    end = time.monotonic() + seconds
    for redirects in range(MAX_REDIRECTS + 1):
        try:
            with _answer(url, end, redirected=redirects > 0) as answer:
                if answer.status not in REDIRECTS:
                    yield from _body(answer, url, end, max_bytes)
                    return
                url = _next_address(url, answer)
        except (OSError, http.client.HTTPException, ValueError) as error:
            late = time.monotonic() >= end
            fault = f"took longer than {seconds:g} seconds; try again" if late else fault_of(error, SILENCE)
            raise UsageError(
                f"{shown(url)}: {fault}, or get the picture yourself and name its file"
            ) from error
    raise UsageError(f"{shown(url)}: redirected more than {MAX_REDIRECTS} times; name the final address")


@contextmanager
def _answer(url: str, end: float, redirected: bool) -> Iterator[http.client.HTTPResponse]:
    """Ask for an address and hand out the beginning of the answer."""
    parts = urlsplit(url)
    host = _host(parts)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    proxy = _proxy(parts)
    seconds = min(SILENCE, end - time.monotonic())
    if seconds <= 0:
        raise TimeoutError
    if proxy is None:
        connection = http.client.HTTPConnection(host, port, timeout=seconds)
    else:
        connection = http.client.HTTPConnection(proxy.hostname or "", proxy.port or 80, timeout=seconds)
        if parts.scheme == "https":
            connection.set_tunnel(host, port, credentials("Proxy-Authorization", proxy))
    with closing(connection):
        connection.connect()
        if redirected:
            # The address of the connection itself: a second look-up of the name could give another.
            _refuse_local(
                url, [connection.sock.getpeername()[0]] if proxy is None else _looked_up(host, port)
            )
        if parts.scheme == "https":
            context = ssl.create_default_context()
            connection.sock = context.wrap_socket(
                connection.sock, server_hostname=host, do_handshake_on_connect=False
            )
        with _cut_off(connection.sock, end):
            if isinstance(connection.sock, ssl.SSLSocket):
                connection.sock.do_handshake()
            target = quote(parts.path or "/", safe=KEPT) + ("?" if parts.query else "")
            target += quote(parts.query, safe=KEPT)
            headers = HEADERS | {"Host": _place(parts)} | credentials("Authorization", parts)
            if proxy is not None and parts.scheme == "http":
                target = f"http://{_place(parts)}{target}"
                headers |= credentials("Proxy-Authorization", proxy)
            connection.request("GET", target, headers=headers)
            with connection.getresponse() as answer:
                yield answer


@contextmanager
def _cut_off(connected: socket.socket, end: float) -> Iterator[None]:
    """End a connection at a moment, however steadily it still trickles: a time-out is only for silence."""

    def shut_down() -> None:
        with suppress(OSError):  # the other side has gone already
            # That of SSLSocket would forget its session, while another thread is reading.
            socket.socket.shutdown(connected, socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, end - time.monotonic()), shut_down)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _body(answer: http.client.HTTPResponse, url: str, end: float, max_bytes: int) -> Iterator[bytes]:
    if answer.status != HTTPStatus.OK:
        known = answer.status in HTTPStatus.__members__.values()
        name = f"{answer.status} {HTTPStatus(answer.status).phrase}" if known else str(answer.status)
        raise UsageError(f"{shown(url)}: the server answers {name}; check the address in a browser")
    if answer.headers.get_content_type() == "text/html":
        raise UsageError(f"{shown(url)}: a web page, not a picture; name the address of the picture itself")
    expected, received = answer.length, 0
    too_large = UsageError(
        f"{shown(url)}: larger than {max_bytes / 2**20:g} MiB; make the picture smaller and name its file"
    )
    if expected is not None and expected > max_bytes:
        raise too_large
    # Some versions of `read1` wait, at the last byte, for a server that keeps the connection open.
    while received != expected and (piece := answer.read1(2**16)):
        received += len(piece)
        if received > max_bytes:
            raise too_large
        yield piece
    if time.monotonic() >= end:  # without a length, being cut off looks like the end
        raise TimeoutError
    if not received or received < (expected or 0):
        raise http.client.IncompleteRead(b"", expected)


def _next_address(url: str, answer: http.client.HTTPResponse) -> str:
    location = answer.headers.get("Location", "")
    following = urljoin(url, location)
    if not location or not is_url(following):
        raise UsageError(
            f"{shown(url)}: redirects to {shown(location)!r}, only http and https are followed; "
            "name the address of the picture itself"
        )
    return following


def _refuse_local(url: str, addresses: list[str]) -> None:
    if any(is_local(address) for address in addresses):
        raise UsageError(
            f"{shown(url)}: a redirect leads to this address of the local network, which is not followed; "
            "name it yourself if you mean it"
        )


def _looked_up(host: str, port: int) -> list[str]:
    return [str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _host(parts: SplitResult) -> str:
    """Return the host as it is looked up; raise ValueError if there is none."""
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError(f"no http or https address: {parts}")
    return parts.hostname if parts.hostname.isascii() else parts.hostname.encode("idna").decode()


def _place(parts: SplitResult) -> str:
    """Return host and port as a request names them, without user name and password."""
    place = parts.netloc.rpartition("@")[2]
    return place if place.isascii() else place.encode("idna").decode()


def _proxy(parts: SplitResult) -> SplitResult | None:
    proxy = urllib.request.getproxies().get(parts.scheme)
    if not proxy or urllib.request.proxy_bypass(_place(parts)):
        return None
    return urlsplit(proxy if "//" in proxy else f"//{proxy}")


def credentials(header: str, parts: SplitResult) -> dict[str, str]:
    """Return the header that carries the user name and password of an address, if it has them (RFC 7617)."""
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {header: "Basic " + base64.b64encode(pair.encode()).decode()}


def fault_of(error: Exception, silence: float) -> str:
    """Return what went wrong on the way to a server, and what to do about it, in a few words.

    Args:
        error: what the connection raised.
        silence: seconds for which the server was allowed to say nothing.
    """
    match error:
        case socket.gaierror():
            return "the name cannot be looked up; check it and the connection"
        case TimeoutError():
            return f"the server was silent for {silence:g} seconds; try again"
        case ssl.SSLCertVerificationError():
            return f"the server's certificate is not accepted ({error.verify_message}); check the address"
        case http.client.InvalidURL() | ValueError():  # its own text may hold a password
            return "not an address that can be fetched; write one such as https://example.org/picture.png"
        case http.client.IncompleteRead():
            return "the answer ended too early; try again"
        case OSError():
            return f"the connection failed ({error.strerror or error}); check the address and the connection"
        case _:
            return "what answers there does not speak HTTP; check the address"
