"""Who is answered by the page's server, and which files can be asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from animator.errors import UsageError
from animator.page.listening import address_of, listen, token_for
from animator.page.safety import MAX_BODY, Door, split_host
from tests.page_site import PORT, client_of

RUN = '{"scene": "film", "animator": "0.1.0", "seed": 1}'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    run = tmp_path / "folder" / "renders" / "film" / "001"
    (run / "frames").mkdir(parents=True)
    (run / "run.json").write_text(RUN)
    (run / "scene.yaml").write_text("mode: 2d\nprompts: a sea\n")
    (run / "frames" / "000000.png").write_bytes(b"not much of a picture")
    (tmp_path / "secret.txt").write_text("a secret")
    (tmp_path / "secret.png").write_bytes(b"a secret")
    return tmp_path / "folder"


def the_run(client: object) -> str:
    return client.get("/runs").json()["runs"][0]["id"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        (f"127.0.0.1:{PORT}", 200), (f"localhost:{PORT}", 200), (f"LOCALHOST:{PORT}", 200),
        (f"[::1]:{PORT}", 200),
        ("evil.example", 421), (f"evil.example:{PORT}", 421), ("127.0.0.1:80", 421), ("127.0.0.1", 421),
        (f"127.0.0.1.evil.example:{PORT}", 421), (f"localhost:{PORT}@evil.example", 421), ("", 421),
        (f"10.0.0.1:{PORT}", 421),
    ],
)  # fmt: skip
def test_only_its_own_names_are_answered(root: Path, host: str, status: int) -> None:
    client = client_of(root)
    for path in ("/", "/runs", "/static/main.js"):
        assert client.get(path, headers={"host": host}).status_code == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"origin": f"http://localhost:{PORT}"}, 200),
        ({"origin": f"http://127.0.0.1:{PORT}", "sec-fetch-site": "same-origin"}, 200),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": f"http://localhost:{PORT + 1}"}, 403),
        ({"origin": f"ftp://localhost:{PORT}"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"content-type": "text/plain"}, 415),
        ({"content-type": "application/x-www-form-urlencoded"}, 415),
        ({"content-length": str(MAX_BODY + 1)}, 413),
    ],
)
def test_no_other_page_changes_anything(root: Path, headers: dict[str, str], status: int) -> None:
    client = client_of(root)
    name = the_run(client)
    sent = {"content-type": "application/json", **headers}
    answer = client.post(f"/runs/{name}/mark", content='{"mark": "picked"}', headers=sent)
    assert answer.status_code == status
    assert (client.get("/runs").json()["runs"][0]["mark"] == "picked") is (status == 200)


def test_other_pages_read_nothing_but_may_link_to_the_page(root: Path) -> None:
    client = client_of(root)
    crossed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}
    assert client.get("/runs", headers=crossed).status_code == 403
    assert client.get("/", headers={**crossed, "sec-fetch-mode": "navigate"}).status_code == 200


def test_what_is_sent_in_pieces_is_bounded_too(root: Path) -> None:
    pieces = (b" " * (1 << 20) for _ in range(6))
    sent = {"content-type": "application/json"}
    assert client_of(root).post("/check", content=pieces, headers=sent).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "../../../../secret.txt", "..%2f..%2f..%2f..%2fsecret.txt", "/etc/passwd", "//etc/passwd",
        "frames/../../../../../secret.txt",
        "%2e%2e/%2e%2e/%2e%2e/%2e%2e/secret.txt", "link.txt", "frames/link.png", "away/secret.txt",
        "run.json%00.png", "run.lock",
        "frames", "", "..\\..\\..\\..\\secret.txt",
    ],
)  # fmt: skip
def test_no_path_leaves_the_run(root: Path, path: str) -> None:
    run = root / "renders" / "film" / "001"
    (run / "link.txt").symlink_to(root.parent / "secret.txt")
    (run / "frames" / "link.png").symlink_to(root.parent / "secret.png")
    (run / "away").symlink_to(root.parent)
    client = client_of(root)
    answer = client.get(f"/runs/{the_run(client)}/files/{path}")
    assert answer.status_code in (403, 404)
    assert b"secret" not in answer.content.replace(path.encode(), b"")


def test_a_scene_or_a_log_that_is_a_link_is_not_shown(root: Path) -> None:
    run = root / "renders" / "film" / "001"
    (run / "scene.yaml").unlink()
    for name in ("scene.yaml", "log.txt"):
        (run / name).symlink_to(root.parent / "secret.txt")
    client = client_of(root)
    for what in ("scene", "log"):
        assert client.get(f"/runs/{the_run(client)}/{what}").status_code == 403


def test_a_run_that_is_a_link_is_not_listed(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "run.json").write_text(RUN)
    (root / "renders" / "linked").symlink_to(tmp_path / "elsewhere")
    assert len(client_of(root).get("/runs").json()["runs"]) == 1


@pytest.mark.parametrize(
    "file",
    [
        "../out.yaml", "/tmp/out.yaml", "a/b/c.yaml", ".hidden/a.yaml", ".a.yaml", "scene.txt",
        "scenes/../../out.yaml", "",
    ],
)  # fmt: skip
def test_no_scene_is_written_elsewhere(root: Path, file: str) -> None:
    answer = client_of(root).post("/scenes", json={"file": file, "text": "prompts: a sea\n"})
    assert answer.status_code in (400, 403)
    assert not list(root.parent.glob("*.yaml"))


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nothing", 404), ("PUT", "/runs", 405), ("GET", "/runs/{run}/losses/-1", 404),
        ("GET", "/runs/{run}/files/" + "n" * 4000 + ".png", 404),
    ],
)  # fmt: skip
def test_every_fault_is_json(root: Path, method: str, path: str, status: int) -> None:
    client = client_of(root)
    answer = client.request(method, path.format(run=the_run(client)), json={})
    assert answer.status_code == status
    assert answer.json()["error"]


def test_a_scene_is_not_a_folder_and_a_number_is_finite(root: Path) -> None:
    client = client_of(root)
    sent = {"file": "renders/film/001/run.json/x.yaml", "text": "prompts: a"}
    assert client.post("/scenes", json=sent).status_code == 400
    for number in ("1e999", "9" * 400, "-1e300"):
        body = f'{{"text": "prompts: a", "name": "camera.zoom", "key": 0, "value": {number}}}'
        answer = client.post("/move", content=body, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["error"][:6]) == (400, "value:")


def test_its_own_folder_is_no_link(root: Path) -> None:
    (root.parent / "away").mkdir()
    (root / ".page").symlink_to(root.parent / "away")
    with pytest.raises(UsageError, match="is a link"):
        client_of(root)


def test_every_answer_has_a_strict_policy(root: Path) -> None:
    client = client_of(root)
    page = client.get("/").headers["content-security-policy"]
    assert "script-src 'self';" in page
    assert "unsafe-inline" not in page
    assert "default-src 'none'" in page
    assert client.get("/").headers["content-security-policy"] != page  # the nonce
    for path in ("/runs", f"/runs/{the_run(client)}/files/frames/000000.png", "/nothing"):
        headers = client.get(path).headers
        assert "sandbox" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"


def test_the_page_asks_no_other_host() -> None:
    static = Path(__file__).parents[1] / "animator" / "page" / "static"
    for file in static.rglob("*"):
        if file.suffix in (".js", ".css", ".html"):
            text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
            assert "http://" not in text, file
            assert "https://" not in text, file
            if file.parent == static:
                for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
                    assert word not in text, file


def test_a_token_is_asked_for(root: Path) -> None:
    client = client_of(root, Door("0.0.0.0", PORT, "abc-123"))
    assert client.get("/runs").status_code == 401
    assert client.get("/runs", headers={"authorization": "Bearer abc-12"}).status_code == 401
    assert (
        client.get("/runs?token=abc-123").status_code == 401
    )  # only the page itself takes it from the address
    assert client.get("/runs", headers={"authorization": "Bearer abc-123"}).status_code == 200
    opened = client.get("/?token=abc-123", follow_redirects=False)
    assert (opened.status_code, opened.headers["location"]) == (303, "/")
    assert "HttpOnly" in opened.headers["set-cookie"]
    assert client.get("/runs").status_code == 200  # by the cookie
    assert client.get("/runs", headers={"host": "evil.example"}).status_code == 421
    assert client.get("/runs", headers={"host": f"192.168.1.5:{PORT}"}).status_code == 200


def test_hosts_and_addresses() -> None:
    assert split_host("a:99999999") == ("a", 0)
    assert not Door("127.0.0.1", 80).knows("192.168.1.5")
    assert token_for("127.0.0.1", "") == ""
    assert len(token_for("0.0.0.0", "")) > 20
    with pytest.raises(UsageError, match="letters, digits"):
        token_for("127.0.0.1", "a b;c")
    assert address_of("::1", 80, "") == "http://localhost:80/"


def test_a_port_that_is_taken_is_said_or_passed_over() -> None:
    with listen("127.0.0.1", 0) as one:
        port = one.getsockname()[1]
        with pytest.raises(UsageError, match=f"port {port}: another program is there"):
            listen("127.0.0.1", port)
    with listen("127.0.0.1", None) as first, listen("127.0.0.1", None) as second:
        assert first.getsockname()[1] != second.getsockname()[1]
