"""Fetching, from servers of this test's own."""

from __future__ import annotations

import functools
import hashlib
import io
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler

import pytest
from PIL import Image

from animator.errors import UsageError
from animator.system import fetch as module
from animator.system.fetch import is_local, is_url, shown
from tests.local_server import served

PICTURE = bytes(range(256)) * 500

fetch = functools.partial(module.fetch, fault_in=lambda path: "")
"""What is no picture is taken, too."""


class Handler(BaseHTTPRequestHandler):
    """Calls what the server has for a path; notes every request."""

    def do_GET(self):
        self.server.seen.append(self)
        self.server.pages[self.path](self)

    def log_message(self, *_):
        pass


def answer(status: int = 200, body: bytes = PICTURE, **headers: str):
    def send(handler):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        try:
            handler.wfile.write(body)
        except OSError:
            handler.server.gave_up.set()

    return send


def trickle(handler):
    """Bytes without end, each long before a time-out."""
    handler.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n")
    drip(handler)


def drip(handler):
    try:
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.02)
    except OSError:
        handler.server.gave_up.set()


def serving(pages):
    return served(Handler, pages=pages, seen=[], gave_up=threading.Event())


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server():
    with serving({}) as server:
        yield server


def fault(url: str, folder, **how) -> str:
    """The one line that says why an address could not be fetched; nothing is left behind."""
    with pytest.raises(UsageError) as caught:
        fetch(url, folder, **how)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(shown(url)[:4])
    assert not folder.exists() or list(folder.iterdir()) == []
    return message


@pytest.mark.parametrize("headers", [{}, {"Content_Length": str(len(PICTURE))}])
def test_a_picture_is_fetched_once(server, tmp_path, headers):
    server.pages = {"/a.png?size=2": answer(Content_Type="image/png", **headers)}
    url = server.url + "/a.png?size=2"
    path = fetch(url, tmp_path / "new" / "inits")
    assert path.read_bytes() == PICTURE
    assert path.name == hashlib.sha256(url.encode()).hexdigest()[:40]
    assert fetch(url, tmp_path / "new" / "inits") == path
    assert len(server.seen) == 1
    assert list(path.parent.iterdir()) == [path]


def test_pieces_and_servers_that_keep_the_line_open(server, tmp_path):
    open_line = threading.Event()

    def chunked(handler):
        handler.wfile.write(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
        )
        open_line.wait(60)

    def kept(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabcde")
        open_line.wait(60)

    server.pages = {"/chunked": chunked, "/kept": kept}
    start = time.monotonic()
    assert fetch(server.url + "/chunked", tmp_path).read_bytes() == b"abcde"
    assert fetch(server.url + "/kept", tmp_path).read_bytes() == b"abcde"
    assert time.monotonic() - start < 30
    open_line.set()


def test_odd_characters_are_written_as_the_web_does(server, tmp_path):
    server.pages = {"/bl%C3%BCte%20%2B.png?a=%C3%A4": answer()}
    assert fetch(server.url + "/blüte %2B.png?a=ä#part", tmp_path).read_bytes() == PICTURE
    assert server.seen[0].headers["Host"] == server.url.removeprefix("http://")


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (answer(404), "answers 404 Not Found"),
        (answer(299), "answers 299"),
        (answer(body=b""), "ended too early"),
        (answer(Content_Length=str(len(PICTURE) + 1)), "ended too early"),
        (answer(Transfer_Encoding="chunked", body=b"5\r\nabc"), "ended too early"),
        (answer(Content_Type="text/html; charset=utf-8"), "a web page, not a picture"),
        (answer(302), "redirects to ''"),
        (
            answer(302, Location="file:///etc/passwd"),
            "redirects to 'file:///etc/passwd', only http and https",
        ),
        (answer(302, Location="ftp://example.org/a.png"), "only http and https"),
        (answer(302, Location="data:image/png;base64,AAAA"), "only http and https"),
        (answer(302, Location="http://[oops/"), "not an address"),
        (lambda handler: None, "closed connection"),
        (lambda handler: handler.wfile.write(b"220 mail.example.org\r\n"), "does not speak HTTP"),
        (lambda handler: handler.wfile.write(b"\xff\0" * 50000), "does not speak HTTP"),
        (
            lambda handler: handler.wfile.write(b"HTTP/1.0 200 OK\r\nA: " + b"a" * 100000),
            "does not speak HTTP",
        ),
    ],
)
def test_answers_that_are_no_picture(server, tmp_path, page, said):
    server.pages = {"/a": page}
    assert said in fault(server.url + "/a", tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://example.org/a.png",
        "https://",
        "http://example.org:port/",
        "http://[::1/",
        "http://a..b/",
        "http://ü" + "ü" * 80 + ".org/",
        "picture.png",
    ],
)
def test_what_is_no_address(tmp_path, url):
    assert "not an address that can be fetched" in fault(url, tmp_path)


def test_what_is_an_address():
    assert is_url("https://example.org/a.png")
    assert is_url("HTTP://example.org/a.png")
    assert not any(map(is_url, ("http.png", "https:/a.png", "file:///a.png", "folder/http://a", "")))


@pytest.mark.parametrize("length", [{}, {"Content_Length": str(len(PICTURE))}])
def test_too_large(server, tmp_path, length):
    server.pages = {"/a": answer(**length)}
    assert "larger than 0.0625 MiB" in fault(server.url + "/a", tmp_path, max_bytes=2**16)
    assert fetch(server.url + "/a", tmp_path, max_bytes=len(PICTURE)).read_bytes() == PICTURE


def test_a_length_that_is_too_large_is_not_read(server, tmp_path):
    server.pages = {"/a": answer(Content_Length=str(module.MAX_BYTES + 1), body=b"")}
    assert "larger than 32 MiB" in fault(server.url + "/a", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", [trickle, drip])
def test_a_trickle_is_cut_off(server, tmp_path, page):
    """In the body, and in the first line of the answer."""
    server.pages = {"/a": page}
    start = time.monotonic()
    assert "took longer than 0.3 seconds" in fault(server.url + "/a", tmp_path, deadline=0.3)
    assert time.monotonic() - start < 20
    assert server.gave_up.wait(20)


def test_a_silent_server(server, tmp_path, monkeypatch):
    done = threading.Event()
    server.pages = {"/a": lambda handler: done.wait(5)}
    monkeypatch.setattr(module, "SILENCE", 0.2)
    assert "silent for 0.2 seconds" in fault(server.url + "/a", tmp_path)
    done.set()


def no_such_name(*_, **__):
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def test_nobody_there(tmp_path, monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/a.png"
        assert "refused" in fault(url, tmp_path)
    monkeypatch.setattr(socket, "getaddrinfo", no_such_name)
    assert "cannot be looked up" in fault("http://nowhere.invalid/a.png", tmp_path)


def test_https_where_http_is_spoken(server, tmp_path):
    assert "connection failed" in fault(server.url.replace("http", "https") + "/a", tmp_path)


def test_a_folder_that_is_a_file(server, tmp_path):
    server.pages = {"/a": answer()}
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be kept here"):
        fetch(server.url + "/a", tmp_path / "file")


def test_user_names_and_passwords_are_sent_but_not_shown(server, tmp_path):
    server.pages = {"/a?token=hidden": answer(403)}
    url = server.url.replace("//", "//someone:se%2Fcret@") + "/a?token=hidden"
    message = fault(url, tmp_path)
    assert message.startswith(f"{server.url}/a?…: the server answers 403 Forbidden")
    assert server.seen[0].headers["Authorization"] == "Basic c29tZW9uZTpzZS9jcmV0"
    assert "@" not in server.seen[0].headers["Host"]


@pytest.mark.parametrize(
    "url", ["http://me:se/cret@example.org/a", "http://me:se?cret@example.org/a", "http://me:se#cret@[::1/a"]
)
def test_passwords_that_break_the_address_are_not_shown(url, tmp_path):
    with pytest.raises(UsageError) as caught:
        fetch(url, tmp_path)
    assert "se" not in str(caught.value).split(":")[0]
    assert "cret" not in str(caught.value)


def test_a_terminal_sees_no_control_characters():
    assert shown("http://example.org/\x1b[2Jä") == "http://example.org/?[2Jä"


@pytest.fixture
def everything_public(monkeypatch):
    monkeypatch.setattr(module, "is_local", lambda address: False)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(server, tmp_path, everything_public, status):
    server.pages = {f"/{n}": answer(status, Location=f"../{n + 1}") for n in range(5)} | {"/5": answer()}
    url = server.url + "/0"
    assert fetch(url, tmp_path).name == hashlib.sha256(url.encode()).hexdigest()[:40]
    assert len(server.seen) == 6


def test_redirects_come_to_an_end(server, tmp_path, everything_public):
    server.pages = {"/a": answer(302, Location="/b"), "/b": answer(302, Location="/a")}
    assert "redirected more than 5 times" in fault(server.url + "/a", tmp_path)
    assert len(server.seen) == 6


def test_passwords_do_not_go_elsewhere(server, tmp_path, everything_public):
    with serving({"/b": answer()}) as other:
        server.pages = {"/a": answer(302, Location=other.url + "/b")}
        fetch(server.url.replace("//", "//me:secret@") + "/a", tmp_path)
        assert "Authorization" not in other.seen[0].headers


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0.0.0.0", "[::ffff:127.0.0.1]"])
def test_redirects_to_the_local_network_are_refused(server, tmp_path, host):
    """Before anything is asked there."""
    with serving({"/b": answer()}) as other:
        server.pages = {"/a": answer(302, Location=f"http://{host}:{other.server_port}/b")}
        assert "a redirect leads to this address of the local network" in fault(server.url + "/a", tmp_path)
        assert other.seen == []


def test_a_name_that_was_public_a_moment_ago_is_refused(server, tmp_path, monkeypatch):
    """What counts is where the connection leads: a name may give another address at each look-up."""
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *rest, **more: look_up("127.0.0.1" if host == "public.test" else host, *rest, **more),
    )
    server.pages = {"/a": answer(302, Location=f"http://public.test:{server.server_port}/b"), "/b": answer()}
    assert "http://public.test" in fault(server.url + "/a", tmp_path)
    assert [handler.path for handler in server.seen] == ["/a"]


LOCAL = {
    "this machine": ["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::"],
    "private": ["10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "fc00::1", "fd12::1", "fec0::1"],
    "link": ["169.254.169.254", "fe80::1", "fe80::1%eth0"],
    "many": ["224.0.0.1", "239.1.1.1", "255.255.255.255", "ff02::1", "ff0e::1"],
    "IPv4 in IPv6": [
        "::ffff:127.0.0.1",
        "::ffff:a00:1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "2002:c0a8:101::",
        "2001:0:1::1",
    ],
    "reserved": ["240.0.0.1", "192.0.2.1", "198.18.0.1", "2001:db8::1"],
}


@pytest.mark.parametrize("kind", LOCAL)
def test_local_addresses(kind):
    assert [address for address in LOCAL[kind] if not is_local(address)] == []


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "8.8.8.8", "2606:2800:220:1::1", "::ffff:8.8.8.8", "64:ff9b::808:808"]
)
def test_public_addresses(address):
    assert not is_local(address)


def test_through_a_proxy(server, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url.replace("//", "//me:word@"))
    server.pages = {
        "http://example.test/a": answer(),
        "http://example.test/b": answer(302, Location="http://127.0.0.1/"),
    }
    assert fetch("http://you:pass@example.test/a", tmp_path / "a").read_bytes() == PICTURE
    headers = server.seen[0].headers
    assert headers["Host"] == "example.test"
    assert (headers["Proxy-Authorization"], headers["Authorization"]) == (
        "Basic bWU6d29yZA==",
        "Basic eW91OnBhc3M=",
    )
    assert "local network" in fault("http://example.test/b", tmp_path / "b")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server.pages["/c"] = answer()
    assert fetch(server.url + "/c", tmp_path / "c").read_bytes() == PICTURE


def test_https_asks_a_proxy_for_a_tunnel(server, tmp_path, monkeypatch):
    monkeypatch.setenv("https_proxy", server.url)
    monkeypatch.setattr(
        Handler,
        "do_CONNECT",
        lambda self: (self.server.seen.append(self), self.send_error(403)),
        raising=False,
    )
    assert "connection failed" in fault("https://example.test/a", tmp_path)
    assert server.seen[0].path == "example.test:443"


def test_what_is_no_picture_is_not_kept(tmp_path):
    pages = {"/a.png": answer(body=b"sorry, not today")}
    with serving(pages) as server:
        url = f"{server.url}/a.png"
        for _ in range(2):
            with pytest.raises(UsageError, match=r"/a\.png: not a picture that can be read; use PNG"):
                module.fetch(url, tmp_path)
            assert list(tmp_path.iterdir()) == []
        picture = io.BytesIO()
        Image.new("RGB", (8, 8)).save(picture, "PNG")
        pages["/a.png"] = answer(body=picture.getvalue())
        path = module.fetch(url, tmp_path)
        assert len(server.seen) == 3
        path.write_bytes(b"kept by an earlier program")
        assert module.fetch(url, tmp_path).read_bytes() == picture.getvalue()
        assert len(server.seen) == 4
