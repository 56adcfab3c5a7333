"""One address to one ``.part`` file: as far as it comes, and on from there the next time.

Beside the part lies its mark, ``FILE.part.json``: where the bytes are from, what the server called that
version of the file, and how large it is. A part without a mark is started again. Ranges, and what makes it
safe to resume one, are those of RFC 9110, sections 13.1.5 (If-Range) and 14.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from animator.system.fetch import credentials, fault_of, shown
from animator.system.json_text import parse_json
from animator.weights.disk import require_room

SILENCE = 30.0
"""Seconds for which a server may be silent."""

PIECE = 1 << 18
"""Bytes that are read at once, at most."""

PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Statuses of HTTP after which asking again may help."""

BROKEN = (TimeoutError, ssl.SSLEOFError, ConnectionResetError, ConnectionAbortedError)
"""Faults of a connection after which asking again may help."""

_WEB_PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|script)", re.IGNORECASE)
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)")


class Refused(Exception):
    """An address does not give the file, and asking it again will not help; the text says why."""


class CutOff(Exception):
    """A transfer ended too early, and can be resumed; the text says why."""


@dataclass(frozen=True)
class Mark:
    """What is known of the bytes in a part.

    Attributes:
        url: where they are from.
        validator: the server's strong entity tag or date for this version of the file, or an empty string.
        size: bytes of the whole file, or None where the server did not say.
    """

    url: str
    validator: str
    size: int | None


def transfer(
    url: str, part: Path, *, size: int | None, checked: bool, on_bytes: Callable[[int, int | None], None]
) -> None:
    """Fetch a file, or what is missing of it, into its part; on return the part is whole.

    A part is resumed where the server gives ranges of the same version of the file, and started again where
    it does not.

    Args:
        url: an http or https address; proxies are taken from the environment.
        part: the file to write.
        size: bytes that the file must have, or None.
        checked: whether a hash of the whole will be checked; only then are bytes of another address gone on
            with, and is an answer taken whose end is not known.
        on_bytes: receives how many bytes are there, and of how many, after each piece.

    Raises:
        Refused: not to be had from here. The part is as it was.
        CutOff: the connection broke; what came is in the part.
        WeightsError: the disk has no room for it.
        OSError: the disk refuses.
    """
    mark = read_mark(part)
    have = part.stat().st_size if part.is_file() else 0
    if mark is None or mark.size is None or have > mark.size or not _may_go_on(mark, url, checked):
        mark, have = None, 0
    elif have == mark.size and size in (None, have):
        return
    with _answer(_request(url, mark, have), part) as answer:
        start, total = 0, size if answer.length is None else answer.length
        if answer.status == HTTPStatus.PARTIAL_CONTENT:
            if mark is None or not _goes_on(answer, have, mark.size):
                discard(part)
                raise CutOff("the server's file has changed since the download started")
            start, total = have, mark.size
        _require_file(answer, url, total, size, checked)
        done = _keep(answer, part, Mark(url, _validator(answer), total), start, on_bytes)
    if total is None:
        _write_mark(part, Mark(url, "", done))
    elif done < total:
        raise CutOff(f"cut off after {done} of {total} bytes")


def discard(part: Path) -> None:
    """Remove a part and its mark."""
    part.unlink(missing_ok=True)
    _mark_file(part).unlink(missing_ok=True)


def read_mark(part: Path) -> Mark | None:
    """Return what is known of a part, or None where nothing can be relied on."""
    try:
        read = parse_json(_mark_file(part).read_text(encoding="utf-8"))
        mark = Mark(**read)
    except (OSError, ValueError, TypeError):
        return None
    known = isinstance(mark.url, str) and isinstance(mark.validator, str)
    return mark if known and isinstance(mark.size, int | None) else None


def _may_go_on(mark: Mark, url: str, checked: bool) -> bool:
    """Return whether bytes of another moment or address would be noticed, now or by the hash at the end."""
    return checked or (mark.url == url and mark.validator != "")


def _request(url: str, mark: Mark | None, have: int) -> urllib.request.Request:
    """Return the request for a file, or for what follows the bytes that are there."""
    request = request_for(url, {"Accept-Encoding": "identity"})
    if mark and have:
        request.add_header("Range", f"bytes={have}-")
        if mark.url == url and mark.validator:
            request.add_header("If-Range", mark.validator)
    return request


def request_for(url: str, headers: Mapping[str, str]) -> urllib.request.Request:
    """Return a request for an address; a user name and password in it go to that server alone."""
    place = urlsplit(url)
    plain = place._replace(netloc=place.netloc.rpartition("@")[2]).geturl()
    request = urllib.request.Request(plain, headers={"User-Agent": "animator", **headers})
    for name, value in credentials("Authorization", place).items():
        request.add_unredirected_header(name, value)
    return request


def _keep(
    answer: http.client.HTTPResponse,
    part: Path,
    mark: Mark,
    start: int,
    on_bytes: Callable[[int, int | None], None],
) -> int:
    """Write the bytes of an answer from ``start`` on, as far as they come; return how many are there then."""
    total = mark.size
    piece = _piece(answer)
    if not piece and total:
        return start
    if not piece or (not start and _WEB_PAGE.match(piece)):
        raise Refused("a web page in place of the file" if piece else "an empty answer")
    if total is not None:
        require_room(part.parent, total - start)
    with part.open("ab" if start else "wb") as file:
        _write_mark(part, mark)
        done = start
        while piece:
            file.write(piece)
            done += len(piece)
            on_bytes(done, total)
            # At the last byte some versions of `read1` wait for a server that keeps the connection open.
            piece = b"" if done == total else _piece(answer)
        file.flush()
        os.fsync(file.fileno())
    return done


def _write_mark(part: Path, mark: Mark) -> None:
    """Write a mark so that it is whole or not there."""
    temporary = _mark_file(part).with_suffix(".tmp")
    temporary.write_text(json.dumps(asdict(mark)), encoding="utf-8")
    temporary.replace(_mark_file(part))


def _mark_file(part: Path) -> Path:
    return part.with_name(part.name + ".json")


@contextmanager
def _answer(request: urllib.request.Request, part: Path) -> Iterator[http.client.HTTPResponse]:
    """Ask, and hand out the beginning of the answer; what fails becomes `Refused` or `CutOff`."""
    try:
        # Not `urlopen`, which keeps the proxies that the environment named at its first call.
        answer = urllib.request.build_opener().open(request, timeout=SILENCE)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            discard(part)
        again = error.code in PASSING or error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        raise (CutOff if again else Refused)(f"the server answers {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        # What happened is wrapped, and may be only a text.
        cause = getattr(error, "reason", None) if isinstance(error, urllib.error.URLError) else error
        cause = cause if isinstance(cause, Exception) else OSError(str(cause))
        again = isinstance(cause, BROKEN)
        through = _proxy(request.full_url)
        raise (CutOff if again else Refused)(fault_of(cause, SILENCE) + through) from error
    with answer:
        yield answer


def _piece(answer: http.client.HTTPResponse) -> bytes:
    try:
        return answer.read1(PIECE)
    except (OSError, http.client.HTTPException) as error:
        raise CutOff(fault_of(error, SILENCE)) from error


def _goes_on(answer: http.client.HTTPResponse, have: int, size: int | None) -> bool:
    """Return whether an answer holds what follows the bytes that are there, of a file of the same size."""
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", "").strip())
    return found is not None and (int(found[1]), int(found[2])) == (have, size)


def _require_file(
    answer: http.client.HTTPResponse, url: str, total: int | None, size: int | None, checked: bool
) -> None:
    """Raise `Refused` for an answer that cannot be the file."""
    if answer.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
        raise Refused("a web page in place of the file")
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        raise Refused("the server sends the file compressed, which was not asked for")
    if urlsplit(url).scheme == "https" and urlsplit(answer.url).scheme != "https":
        raise Refused("the server redirects to an address without TLS, which is not followed")
    if size is not None and total != size:
        raise Refused(f"the server's file has {total} bytes, the published one {size}")
    if total is None and not checked and not answer.chunked:
        raise Refused("neither a size nor a hash is known, so a cut-off file could not be noticed")


def _validator(answer: http.client.HTTPResponse) -> str:
    """Return what names this version of the file: a strong entity tag, or else its date."""
    tag = answer.headers.get("ETag", "")
    return tag if tag.startswith('"') else answer.headers.get("Last-Modified", "")


def _proxy(url: str) -> str:
    """Return the words that name the proxy through which an address is reached, or none."""
    parts = urlsplit(url)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if not proxy or urllib.request.proxy_bypass(parts.hostname or ""):
        return ""
    return f" (through the proxy {shown(proxy if '//' in proxy else f'http://{proxy}')})"
