"""Downloads, from servers that misbehave in every way that servers do."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
import urllib.request
from collections import namedtuple
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from animator.errors import WeightsError
from animator.weights import disk, transfer
from animator.weights import download as module
from animator.weights.download import Progress, download, part_of
from animator.weights.hashes import note_file
from animator.weights.registry import Entry, location
from tests.local_server import served

BODY = hashlib.shake_256(b"weights").digest(600_000)
HALF = 250_000


class Handler(BaseHTTPRequestHandler):
    """Answers each path in the ways that the server has for it, one after the other; the last one stays."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        ways = self.server.pages[self.path]
        (ways.pop(0) if len(ways) > 1 else ways[0])(self)
        self.close_connection = True

    def log_message(self, *_):
        pass


def send(handler, status, body, length=None, **headers):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    try:
        handler.wfile.write(body)
        handler.wfile.flush()
    except OSError:
        pass


def whole(body=BODY, etag='"one"', cut=None, ranges=True, slow=False):
    """Return a way to answer: a file with its tag, with ranges or without, cut off after so many bytes."""

    def answer(handler):
        asked = handler.headers.get("Range")
        same = handler.headers.get("If-Range") in (None, etag)
        headers = {"ETag": etag} if etag else {}
        start = 0
        if asked and ranges and same:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
        rest = body[start:]
        if slow:
            return send_slowly(handler, 206 if start else 200, rest, headers)
        send(handler, 206 if start else 200, rest[:cut], len(rest), **headers)

    return answer


def send_slowly(handler, status, body, headers):
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name, value)
    handler.end_headers()
    for at in range(0, len(body), 20_000):
        try:
            handler.wfile.write(body[at : at + 20_000])
            handler.wfile.flush()
        except OSError:
            return
        time.sleep(0.05)


def status(code, body=b"no", **headers):
    return lambda handler: send(handler, code, body, **headers)


def serving(**pages):
    ways = {f"/{name}": way if isinstance(way, list) else [way] for name, way in pages.items()}
    return served(Handler, pages=ways, seen=[])


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(module, "PAUSE", 0.01)
    return tmp_path / "cache"


def network(*urls: str, **known) -> Entry:
    known = known or {"sha256": hashlib.sha256(BODY).hexdigest()}
    return Entry(kind="depth", name="net", file="net.pt", urls=urls, **known)


UNPUBLISHED = {"licence": "none"}
"""For `network`: no hash and no size is known."""


def begin(entry: Entry, url: str, count: int, *, tag: str = '"one"', size: int = len(BODY)) -> Path:
    """Put a part there as an earlier download would have left it."""
    part = part_of(location(entry))
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_bytes(BODY[:count])
    mark = {"url": url, "validator": tag, "size": size}
    part.with_name(part.name + ".json").write_text(json.dumps(mark))
    return part


def refused(entry: Entry, pattern: str) -> str:
    """Return the message of a download that must fail, in one line, without a file of the final name."""
    with pytest.raises(WeightsError, match=pattern) as caught:
        download(entry)
    assert "\n" not in str(caught.value)
    assert not location(entry).exists()
    return str(caught.value)


def visible(entry: Entry) -> set[str]:
    return {path.name for path in location(entry).parent.iterdir() if not path.name.startswith(".")}


def ranges(server) -> list[str | None]:
    return [headers.get("Range") for _, headers in server.seen]


# --- what works


@pytest.mark.parametrize("algorithm", ["sha256", "sha512", "sha256_start"])
def test_a_file_is_fetched_checked_and_noted(algorithm: str) -> None:
    digest = hashlib.new(algorithm.removesuffix("_start"), BODY).hexdigest()
    seen: list[Progress] = []
    with serving(net=whole()) as server:
        entry = network(f"{server.url}/net", **{algorithm: digest[:8] if "start" in algorithm else digest})
        path = download(entry, seen.append)
        assert download(entry) == path
        assert len(server.seen) == 1
    assert path.read_bytes() == BODY
    assert visible(entry) == {"net.pt", "net.pt.sha256"}
    assert note_file(path).read_text() == f"{hashlib.sha256(BODY).hexdigest()}  net.pt\n"
    assert (seen[-1].name, seen[-1].done, seen[-1].total) == ("net", len(BODY), len(BODY))
    assert [one.done for one in seen] == sorted(one.done for one in seen)


def test_progress_tells_the_time_left() -> None:
    assert Progress("net", 30, 100, 7.0).seconds_left == 10.0
    assert Progress("net", 30, None, 7.0).seconds_left is None
    assert Progress("net", 0, 100, 0.0).seconds_left is None


def test_a_redirect_keeps_the_range() -> None:
    with serving(real=whole()) as server:
        server.pages["/net"] = [status(302, b"", Location=f"{server.url}/real")]
        entry = network(f"{server.url}/net")
        begin(entry, f"{server.url}/net", HALF)
        assert download(entry).read_bytes() == BODY
        assert ranges(server) == [f"bytes={HALF}-"] * 2


def test_a_cut_off_transfer_goes_on_where_it_broke() -> None:
    notices: list[str] = []
    with serving(net=[whole(cut=HALF), whole(cut=100_000), whole()]) as server:
        path = download(network(f"{server.url}/net"), None, notices.append)
        assert ranges(server) == [None, f"bytes={HALF}-", f"bytes={HALF + 100_000}-"]
        assert [headers.get("If-Range") for _, headers in server.seen] == [None, '"one"', '"one"']
    assert path.read_bytes() == BODY
    assert len(notices) == 2
    assert f"cut off after {HALF} of {len(BODY)} bytes; again in" in notices[0]


def test_breaking_off_again_and_again_is_borne_as_long_as_something_comes() -> None:
    with serving(net=[*[whole(cut=50_000)] * 8, whole()]) as server:
        assert download(network(f"{server.url}/net")).read_bytes() == BODY
        assert ranges(server)[-1] == f"bytes={8 * 50_000}-"


def test_a_server_that_gives_less_than_the_range_is_asked_for_the_rest() -> None:
    def a_little(handler):
        start = int(handler.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        end = min(start + 200_000, len(BODY))
        send(handler, 206, BODY[start:end], Content_Range=f"bytes {start}-{end - 1}/{len(BODY)}")

    with serving(net=[whole(cut=HALF), a_little]) as server:
        entry = network(f"{server.url}/net")
        assert download(entry).read_bytes() == BODY
        assert ranges(server) == [None, f"bytes={HALF}-", f"bytes={HALF + 200_000}-"]


def test_a_part_of_an_earlier_day_is_gone_on_with() -> None:
    with serving(net=whole()) as server:
        entry = network(f"{server.url}/net")
        begin(entry, f"{server.url}/net", HALF)
        seen: list[Progress] = []
        assert download(entry, seen.append).read_bytes() == BODY
        assert ranges(server) == [f"bytes={HALF}-"]
        assert seen[0].done > HALF
    assert visible(entry) == {"net.pt", "net.pt.sha256"}


def test_a_part_that_only_lacks_its_name_needs_no_server() -> None:
    entry = network("http://127.0.0.1:9/net")
    begin(entry, entry.urls[0], len(BODY))
    assert download(entry).read_bytes() == BODY


@pytest.mark.parametrize(
    "way",
    [whole(ranges=False), whole(etag='"two"'), [status(416), whole()]],
    ids=["no ranges", "another version", "range refused"],
)
def test_what_cannot_be_gone_on_with_is_begun_anew(way) -> None:
    with serving(net=way) as server:
        entry = network(f"{server.url}/net")
        part = begin(entry, f"{server.url}/net", HALF)
        part.write_bytes(bytes(HALF))  # of the version before
        assert download(entry).read_bytes() == BODY
        assert ranges(server) in ([f"bytes={HALF}-"], [f"bytes={HALF}-", None])


def test_a_file_that_grew_behind_a_range_is_begun_anew() -> None:
    with serving(net=whole(etag="")) as server:
        entry = network(f"{server.url}/net")
        begin(entry, f"{server.url}/net", HALF, tag="", size=len(BODY) - 5)
        assert download(entry).read_bytes() == BODY
        assert ranges(server) == [f"bytes={HALF}-", None]


@pytest.mark.parametrize("mark", ["", "[]", '{"url": 3}', None])
def test_a_part_without_a_sound_mark_is_begun_anew(mark: str | None) -> None:
    with serving(net=whole()) as server:
        entry = network(f"{server.url}/net")
        part = begin(entry, f"{server.url}/net", HALF)
        beside = part.with_name(part.name + ".json")
        beside.unlink() if mark is None else beside.write_text(mark)
        assert download(entry).read_bytes() == BODY
        assert ranges(server) == [None]


def test_without_a_hash_bytes_of_another_address_or_version_are_not_mixed() -> None:
    with serving(net=whole(etag="")) as server:
        entry = network(f"{server.url}/net", **UNPUBLISHED)
        begin(entry, "http://elsewhere/net", HALF)
        assert download(entry).read_bytes() == BODY
        location(entry).unlink()
        begin(entry, f"{server.url}/net", HALF, tag="")
        assert download(entry).read_bytes() == BODY
        assert ranges(server) == [None, None]


def test_a_server_that_says_no_length_is_believed_only_with_a_hash_or_chunks() -> None:
    def to_the_end(handler):
        handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n" + BODY)

    def chunked(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        handler.wfile.write(b"%x\r\n" % len(BODY) + BODY + b"\r\n0\r\n\r\n")

    with serving(net=to_the_end, chunked=chunked) as server:
        assert download(network(f"{server.url}/net")).read_bytes() == BODY
        location(network()).unlink()
        refused(network(f"{server.url}/net", **UNPUBLISHED), "neither a size nor a hash is known")
        assert download(network(f"{server.url}/chunked", **UNPUBLISHED)).read_bytes() == BODY


def test_mirrors_are_asked_in_turn_and_go_on_with_each_others_bytes() -> None:
    notices: list[str] = []
    with serving(gone=status(404), poor=whole(cut=50_000, ranges=False), net=whole(etag='"other"')) as server:
        entry = network(*(f"{server.url}/{name}" for name in ("gone", "poor", "net")))
        assert download(entry, None, notices.append).read_bytes() == BODY
        assert [path for path, _ in server.seen] == ["/gone"] + ["/poor"] * 4 + ["/net"]
        assert ranges(server)[-1] == "bytes=50000-"
        assert "If-Range" not in server.seen[-1][1]
    assert "/gone: the server answers 404 Not Found; trying another address" in notices[0]


def test_a_busy_server_is_asked_again() -> None:
    with serving(net=[status(503), status(429), whole()]) as server:
        assert download(network(f"{server.url}/net")).read_bytes() == BODY


def test_proxies_of_the_environment_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as proxy:
        proxy.pages["http://weights.invalid/net"] = [whole()]
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("no_proxy", "")
        assert download(network("http://weights.invalid/net")).read_bytes() == BODY
    location(network()).unlink()
    refused(network("http://weights.invalid/net"), rf"\(through the proxy {proxy.url}\)")


# --- what fails: in a line, and without a file


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (status(404), "the server answers 404 Not Found"),
        (status(403), "the server answers 403 Forbidden"),
        (status(503), r"the server answers 503 .* \(4 times\)"),
        (
            status(200, b"Too many downloads today.", Content_Type="text/html; charset=utf-8"),
            "a web page in place",
        ),
        (status(200, b"\n<!DOCTYPE html><p>quota"), "a web page in place of the file"),
        (status(200, BODY, Content_Encoding="gzip"), "sends the file compressed"),
        (status(200, b""), "an empty answer"),
        (lambda handler: handler.wfile.write(b"220 mail.example ESMTP\r\n"), "does not speak HTTP"),
        (lambda handler: None, r"the connection failed .* \(4 times\)"),
    ],
)
def test_what_is_no_file_leaves_nothing_behind(way, said: str) -> None:
    with serving(net=way) as server:
        entry = network(f"{server.url}/net")
        message = refused(entry, said)
        assert f"the depth network net cannot be fetched: {server.url}/net: " in message
        assert "animator models import FILE" in message
    assert visible(entry) == set()


def test_wrong_bytes_are_thrown_away() -> None:
    with serving(net=whole(BODY[::-1])) as server:
        entry = network(f"{server.url}/net")
        message = refused(entry, "wrong sha256: ")
        assert hashlib.sha256(BODY).hexdigest()[:12] in message
        assert len(server.seen) == 1
    assert visible(entry) == set()


def test_wrong_bytes_that_were_begun_earlier_are_fetched_once_more() -> None:
    with serving(net=whole()) as server:
        entry = network(f"{server.url}/net")
        begin(entry, f"{server.url}/net", HALF).write_bytes(bytes(HALF))
        assert download(entry).read_bytes() == BODY
        assert ranges(server) == [f"bytes={HALF}-", None]


def test_another_size_than_the_published_one_is_refused_before_a_byte_is_kept() -> None:
    with serving(net=whole()) as server:
        entry = network(f"{server.url}/net", size=len(BODY) + 1)
        refused(entry, f"the server's file has {len(BODY)} bytes, the published one {len(BODY) + 1}")
    assert visible(entry) == set()


def test_what_always_breaks_off_is_given_up_and_kept() -> None:
    with serving(net=[whole(cut=HALF), whole(cut=0)]) as server:
        entry = network(f"{server.url}/net")
        message = refused(entry, rf"cut off after {HALF} of {len(BODY)} bytes \(4 times\)")
        assert "0 MB are saved and will be resumed" in message
        assert len(server.seen) == 4
    assert part_of(location(entry)).read_bytes() == BODY[:HALF]


@pytest.mark.slow
def test_a_silent_server_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transfer, "SILENCE", 0.05)
    with serving(net=lambda handler: time.sleep(0.3)) as server:
        refused(network(f"{server.url}/net"), r"was silent for 0.05 seconds; try again \(4 times\)")


def test_no_address_is_known() -> None:
    refused(network(), "no address is known for the depth network net; .* import FILE --name net")


def test_faults_before_any_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    refused(network(f"http://127.0.0.1:{port}/net"), "the connection failed .*refused")
    with serving(net=whole()) as server:
        refused(network(f"{server.url}/net".replace("http:", "https:")), "the connection failed .*SSL")

    def unknown(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    message = refused(network("http://a.invalid/net", "http://b.invalid/net"), "name cannot be looked up")
    assert "http://a.invalid/net: " in message
    assert " | http://b.invalid/net: " in message


def test_an_address_with_tls_that_leads_to_one_without_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    opener = urllib.request.OpenerDirector
    real = opener.open
    with serving(net=whole()) as server:
        monkeypatch.setattr(opener, "open", lambda self, _, **words: real(self, f"{server.url}/net", **words))
        refused(network("https://example.org/net"), "without TLS")


# --- the disk


def test_too_little_room_is_seen_before_a_byte_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    free = namedtuple("usage", "total used free")(10**9, 0, disk.SPARE + 400_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: free)
    with serving(net=whole()) as server:
        entry = network(f"{server.url}/net")
        refused(entry, "1 MB are needed, 68 MB are free .*ANIMATOR_CACHE")
        assert visible(entry) == set()
        begin(entry, f"{server.url}/net", HALF)  # the rest has room
        assert download(entry).read_bytes() == BODY


def test_a_disk_that_runs_full_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with serving(net=whole()) as server:
        refused(network(f"{server.url}/net"), "net.pt: No space left on device; free some space, or")


def test_a_cache_that_cannot_be_written_is_told(cache: Path) -> None:
    cache.write_text("a file where a folder should be")
    refused(network("http://127.0.0.1:9/net"), "choose a folder that you may write to with ANIMATOR_CACHE")


def test_a_read_only_cache_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(path, *_):
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(os, "open", read_only)
    refused(network("http://127.0.0.1:9/net"), "net.pt.lock: Read-only file system; choose a folder that you")


# --- more than one process


SCRIPT = textwrap.dedent(
    """
    import sys
    from animator.weights.download import download
    from animator.weights.registry import Entry
    entry = Entry(kind="depth", name="net", file="net.pt", urls=(sys.argv[1],), sha256=sys.argv[2])
    def show(progress):
        print(progress.done, flush=True)
    print(download(entry, show, lambda text: print("note", text, flush=True)))
    """
)


def start(url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", SCRIPT, url, hashlib.sha256(BODY).hexdigest()]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_of_two_processes_the_second_waits_and_finds_the_file() -> None:
    with serving(net=whole(slow=True)) as server:
        first, second = (start(f"{server.url}/net") for _ in range(2))
        said = [process.communicate(timeout=60)[0] for process in (first, second)]
        assert (first.returncode, second.returncode) == (0, 0)
        assert len(server.seen) == 1
    assert location(network()).read_bytes() == BODY
    assert sum("note net.pt: another process is fetching it; waiting for it" in one for one in said) == 1
    assert all(one.splitlines()[-1] == str(location(network())) for one in said)


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_download_is_gone_on_with(how: signal.Signals) -> None:
    with serving(net=[whole(slow=True), whole()]) as server:
        entry = network(f"{server.url}/net")
        process = start(entry.urls[0])
        assert process.stdout is not None
        while int(process.stdout.readline()) < 100_000:
            pass
        process.send_signal(how)
        process.communicate(timeout=60)
        assert process.returncode != 0
        assert not location(entry).exists()
        came = part_of(location(entry)).stat().st_size
        assert 0 < came < len(BODY)
        assert download(entry).read_bytes() == BODY
        assert ranges(server) == [None, f"bytes={came}-"]
    assert visible(entry) == {"net.pt", "net.pt.sha256"}
