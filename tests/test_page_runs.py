"""What the page shows of runs, and what can be done with them without rendering."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from animator.page import owners, place, runs
from animator.page.catalog import Catalog
from animator.runs.lock import locked
from tests.page_site import EVIL, FILM, client_of, fill, run_named, scene_named, state_of


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs, only to be read."""
    return fill(tmp_path_factory.mktemp("site"))


def test_runs_and_scenes_are_found(site: Path) -> None:
    client = client_of(site)
    film = run_named(client, "renders/film/001")
    assert (film["scene"], film["mode"], film["size"], film["fps"], film["seed"]) == (
        "film",
        "2d",
        [64, 64],
        4.0,
        5,
    )
    assert (film["state"], film["done"], film["pictures"], film["film"]) == ("done", 8, 8, "film.mp4")
    assert film["last"]["number"] == 7
    texts = [one["text"] for one in film["prompts"]]
    assert texts == ["a red house", "<b>a blue sea</b> & <script>alert(1)</script>"]
    names = {one["file"] for one in client.get("/scenes").json()["scenes"]}
    assert names == {"scenes/film.yaml", "scenes/stills.yaml", f"scenes/{EVIL.replace('/', '')}.yaml"}


def test_a_run_has_its_pictures_prompts_and_figures(site: Path) -> None:
    client = client_of(site)
    film = run_named(client, "renders/film/001")
    found = client.get(f"/runs/{film['id']}").json()
    assert [one["number"] for one in found["frames"]] == list(range(8))
    assert all(one["there"] for one in found["frames"])
    assert found["prompts"][1]["from"] == 4
    assert found["source"] == scene_named(client, "scenes/film.yaml")
    assert found["figures"]["brightness"]["mean"] > 0
    assert {"losses.png", "report.html"} <= set(found["files"])
    frame = found["frames"][3]
    picture = client.get(f"/runs/{film['id']}/files/frames/000003.png?v={frame['version']}")
    assert picture.content == (site / "renders/film/001/frames/000003.png").read_bytes()
    assert "immutable" in picture.headers["cache-control"]
    assert client.get(f"/runs/{film['id']}/files/film.mp4", headers={"range": "bytes=0-9"}).status_code == 206
    losses = client.get(f"/runs/{film['id']}/losses/3").json()["losses"]
    assert losses
    assert all(losses.values())
    assert "done" in client.get(f"/runs/{film['id']}/log").json()["log"]
    assert "prompts" in client.get(f"/runs/{film['id']}/scene").json()["text"]


def test_answers_are_as_the_openapi_document_says(site: Path) -> None:
    client = client_of(site)
    paths = client.get("/openapi.json").json()["paths"]
    run, scene = run_named(client, "renders/film/001")["id"], scene_named(client, "scenes/film.yaml")
    asked = [
        ("GET", "/runs", {}), ("GET", "/runs/{name}", {}), ("GET", "/runs/{name}/log", {}),
        ("GET", "/runs/{name}/scene", {}), ("GET", "/runs/{name}/losses/{number}", {}), ("GET", "/queue", {}),
        ("GET", "/scenes", {}), ("GET", "/scenes/{name}", {}), ("GET", "/studies", {}),
        ("GET", "/settings", {}),
        ("POST", "/check", {"text": FILM}), ("POST", "/check", {"text": "prompts: [a"}),
        ("POST", "/move", {"text": FILM, "name": "camera.zoom", "key": 0, "value": 1.5}),
        ("POST", "/runs/{name}/{action}", {"mark": ""}), ("GET", "/openapi.json", {}),
        ("GET", "/nothing", {}), ("GET", "/runs/none", {}),
    ]  # fmt: skip
    for method, path, sent in asked:
        real = path.format(name=scene if "scenes" in path else run, number=3, action="mark")
        answer = client.request(method, real, json=sent or None)
        operation = paths.get(path, paths["/runs"])[method.lower()]
        said = operation["responses"].get(str(answer.status_code), operation["responses"]["default"])
        Draft202012Validator(said["content"]["application/json"]["schema"]).validate(answer.json())
    state_of(client).helper.close()


def test_pictures_are_picked_and_stay_picked(tmp_path: Path) -> None:
    run = tmp_path / "a"
    run.mkdir()
    (run / "run.json").write_text('{"scene": "a"}')
    client = client_of(tmp_path)
    name = run_named(client, "a")["id"]
    assert client.post(f"/runs/{name}/mark", json={"mark": "picked"}).status_code == 200
    assert client.post(f"/runs/{name}/mark", json={"mark": "rejected", "picture": 3}).status_code == 200
    assert client.post(f"/runs/{name}/mark", json={"mark": "loved"}).status_code == 400
    again = client_of(tmp_path)
    assert run_named(again, "a")["mark"] == "picked"
    assert again.get(f"/runs/{name}").json()["marks"] == {"3": "rejected"}
    again.post(f"/runs/{name}/mark", json={"mark": ""})
    assert run_named(again, "a")["mark"] == ""


def started_job(root: Path, **more: object) -> Path:
    """Write what the page knows of a render that it started; return the folder of its events."""
    (root / "renders" / "film" / "002").mkdir(parents=True)
    (root / ".page" / "jobs").mkdir(parents=True)
    job = {"id": "ab", "scene": "scenes/film.yaml", "run": "renders/film/002", "process": 0, "started": 7.0}
    (root / ".page" / "jobs" / "ab.json").write_text(json.dumps({**job, **more}))
    return root / ".page" / "jobs"


def test_a_render_that_failed_at_once_is_a_run_and_says_why(tmp_path: Path) -> None:
    jobs = started_job(tmp_path, status=2)
    (jobs / "ab.txt").write_text("film.yaml:1:9: models: expected one of real, fake\n")
    client = client_of(tmp_path)
    run = run_named(client, "renders/film/002")
    assert (run["scene"], run["state"], run["done"], run["modified"]) == ("film", "stopped", 0, 7.0)
    assert "expected one of" in run["progress"]["said"]
    assert client.get(f"/runs/{run['id']}").json()["frames"] == []
    assert client.request("DELETE", f"/runs/{run['id']}", json={"confirm": run["folder"]}).status_code == 200
    assert client.get("/runs").json()["runs"] == []


def test_a_render_starts_until_it_reports_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("animator.page.renders.works_in", lambda process, folder: True)
    jobs = started_job(tmp_path, process=os.getpid())
    client = client_of(tmp_path)
    assert run_named(client, "renders/film/002")["state"] == "starting"
    url = f"/runs/{run_named(client, 'renders/film/002')['id']}"
    assert client.request("DELETE", url, json={"confirm": "renders/film/002"}).status_code == 400
    # Its lock is let go, and its process needs a moment to end.
    (jobs / "ab.jsonl").write_text('{"event": "frame", "frame": 7, "left": 0}\n')
    assert run_named(client, "renders/film/002")["state"] == "stopped"
    assert "nobody is at work" in client.post(f"{url}/stop", json={}).json()["error"]


def test_a_scene_that_has_no_prompts_for_a_while_can_still_be_saved(tmp_path: Path) -> None:
    client = client_of(tmp_path)
    made = client.post("/scenes", json={"file": "film.yaml", "text": "prompts: a\n"}).json()
    sent = {"text": "# later\n", "version": made["version"]}
    empty = client.put(f"/scenes/{made['id']}", json=sent).json()
    state_of(client).catalog.look(now=True)
    sent = {"text": "prompts: b\n", "version": empty["version"]}
    assert client.put(f"/scenes/{made['id']}", json=sent).status_code == 200
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes" / "draft.yaml").write_text("# nothing yet\n")
    (tmp_path / "other.yaml").write_text("# no scene\n")
    files = {one["file"] for one in client_of(tmp_path).get("/scenes").json()["scenes"]}
    assert files == {"film.yaml", "scenes/draft.yaml"}


def test_a_run_is_found_by_every_prompt_it_has(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"scene": "a"}')
    rows = "".join(f"{at},colour {at}:1\n" for at in range(40))
    (tmp_path / "timeline.csv").write_text(f"frame,prompts\n{rows}")
    run = client_of(tmp_path).get("/runs").json()["runs"][0]
    assert [one["text"] for one in run["prompts"]] == [f"colour {at}" for at in range(4)]
    assert run["more"] == 36
    assert "colour 39" in run["words"]


def test_deleting_needs_the_name_once_more(tmp_path: Path) -> None:
    run = tmp_path / "renders" / "a" / "001"
    run.mkdir(parents=True)
    (run / "run.json").write_text('{"scene": "a"}')
    (tmp_path / "kept.txt").write_text("kept")
    (run / "link").symlink_to(tmp_path / "kept.txt")
    client = client_of(tmp_path)
    name = run_named(client, "renders/a/001")["id"]
    url = f"/runs/{name}"
    assert client.request("DELETE", url, json={}).status_code == 400
    assert client.request("DELETE", url, json={"confirm": "renders/a"}).status_code == 400
    with locked(run / "run.lock"):
        answer = client.request("DELETE", url, json={"confirm": "renders/a/001"})
        assert "is being rendered" in answer.json()["error"]
    assert client.request("DELETE", url, json={"confirm": "renders/a/001"}).status_code == 200
    assert not run.exists()
    assert (tmp_path / "kept.txt").read_text() == "kept"
    assert client.get(url).status_code == 404


def test_the_folder_itself_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"scene": "a"}')
    client = client_of(tmp_path)
    name = run_named(client, ".")["id"]
    assert client.request("DELETE", f"/runs/{name}", json={"confirm": "."}).status_code == 400
    assert (tmp_path / "run.json").is_file()


def line(frame: int, **more: object) -> bytes:
    entry = {"frame": frame, "inputs": "", "seed": 1, "seconds": 2.0, "file": "ab" * 32, **more}
    return json.dumps(entry).encode() + b"\n"


def test_a_journal_is_read_on_from_where_it_ended(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    assert runs.count_journal(path).done == 0
    path.write_bytes(line(0) + line(1) + line(2)[:20])
    count = runs.count_journal(path)
    assert (count.done, count.last) == (2, (1, "abababab"))
    path.write_bytes(line(0) + line(1) + line(1, file="cd" * 32) + b"no line\n" + line(10**9) + line(3))
    again = runs.count_journal(path, count)
    assert again is count
    assert (again.done, again.last[0], again.total) == (3, 3, 8.0)
    path.write_bytes(line(0))  # somebody began anew
    assert runs.count_journal(path, again).done == 1


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"pid": "many"}', b'{"pid": 1}', b'{"pid": -1, "host": "here"}', b"\xff"]
)
def test_a_strange_lock_is_nobody(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.lock").write_bytes(content)
    assert owners.owner_of(tmp_path) is None


def test_only_who_holds_the_lock_is_at_work(tmp_path: Path) -> None:
    lock = tmp_path / "run.lock"
    assert owners.owner_of(tmp_path) is None
    with locked(lock):
        assert owners.owner_of(tmp_path) == os.getpid()
    assert owners.owner_of(tmp_path) is None  # its file still names this process
    lock.write_text(json.dumps({"pid": 2**22 + 1, "host": socket.gethostname()}))
    assert owners.owner_of(tmp_path) is None


def test_prompts_come_without_weights_and_fades() -> None:
    assert runs._strongest_first("sea:0.5 | fog:-0.25 | 16:9 poster:0.75") == "16:9 poster | sea | not: fog"
    texts = {0: "a", 5: "a | b", 7: "b | a", 9: "b", 20: "b | c", 22: "c | b", 23: "c"}
    found = runs._settled([{"from": at, "text": text} for at, text in texts.items()], 40)
    assert [(one["from"], one["text"]) for one in found] == [(0, "a"), (5, "b"), (20, "c")]


@pytest.mark.parametrize(
    "content", ["", "{", "[1]", '"x"', "{}", '{"scene": 5, "film": "../../x.mp4", "only": "x"}']
)
def test_a_damaged_run_is_still_listed(tmp_path: Path, content: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "run.json").write_text(content)
    (tmp_path / "a" / "scene.yaml").write_bytes(b"\xff\xfe mode: [")
    (tmp_path / "a" / "journal.jsonl").write_bytes(b"\x00\n\xff\n")
    (tmp_path / "a" / "timeline.csv").write_bytes(b"frame,prompts\nx\n\xff,\x00\n")
    (tmp_path / "a" / "report.json").write_text("[]")
    client = client_of(tmp_path)
    found = run_named(client, "a")
    assert (found["done"], found["film"]) == (0, "")
    assert client.get(f"/runs/{found['id']}").status_code in (200, 500)  # the journal's fault is said


def test_a_look_does_not_go_on_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "MOST_FOLDERS", 5)
    for number in range(9):
        (tmp_path / str(number)).mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "run.json").write_text("{}")
    found = Catalog(tmp_path).look()
    assert not found.all_seen
    assert found.runs == {}


def test_a_scene_is_saved_only_over_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(FILM)
    client = client_of(tmp_path)
    url = f"/scenes/{scene_named(client, 'a.yaml')}"
    read = client.get(url).json()
    assert read["text"] == FILM
    saved = client.put(url, json={"text": FILM + "# more\n", "version": read["version"]}).json()
    assert path.read_text() == FILM + "# more\n"
    path.write_text(FILM + "# by hand\n")
    answer = client.put(url, json={"text": FILM, "version": saved["version"]})
    assert answer.status_code == 409
    assert path.read_text() == FILM + "# by hand\n"


def test_a_new_scene_never_takes_the_place_of_another(tmp_path: Path) -> None:
    client = client_of(tmp_path)
    first = client.post("/scenes", json={"file": "scenes/a.yaml", "text": "prompts: a\n"}).json()
    second = client.post("/scenes", json={"file": "scenes/a.yaml", "text": "prompts: b\n"}).json()
    assert (first["file"], second["file"]) == ("scenes/a.yaml", "scenes/a-2.yaml")
    assert (tmp_path / "scenes/a.yaml").read_text() == "prompts: a\n"


def test_windows_line_ends_are_kept(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"prompts: a sea\r\nmode: 2d\r\n")
    client = client_of(tmp_path)
    url = f"/scenes/{scene_named(client, 'a.yaml')}"
    read = client.get(url).json()
    client.put(url, json={"text": read["text"].replace("sea", "lake"), "version": read["version"]})
    assert (tmp_path / "a.yaml").read_bytes() == b"prompts: a lake\r\nmode: 2d\r\n"


def test_a_study_is_shown_and_makes_scenes(tmp_path: Path) -> None:
    study = tmp_path / "renders" / "castle-study"
    (study / "scenes").mkdir(parents=True)
    cells = [{"place": [0], "cell": "a1"}, {"place": [1], "cell": "b2", "reason": "<b>out of memory</b>"}]
    axis = {
        "names": ["<i>steps</i>"],
        "values": [{"label": "10", "texts": ["10"]}, {"label": "20", "texts": ["20"]}],
    }
    plan = {
        "study": 1,
        "name": "castle",
        "scene": "castle.yaml",
        "seed": 1,
        "axes": [axis],
        "at": [],
        "cells": cells,
    }
    (study / "study.json").write_text(json.dumps(plan))
    (study / "scores.json").write_text('{"a1": {"pocket at 100%": 0.31, "pocket at 40%": 0.2}}')
    (study / "scenes" / "a1.yaml").write_text("prompts: a castle\n")
    (study / "cells" / "a1" / "frames").mkdir(parents=True)
    (study / "cells" / "a1" / "frames" / "000000.png").write_bytes(b"a picture")
    client = client_of(tmp_path)
    name = client.get("/studies").json()["studies"][0]["id"]
    found = client.get(f"/studies/{name}").json()
    assert [one["title"] for one in found["axes"]] == ["<i>steps</i>"]
    assert found["cells"][0]["pictures"] == ["cells/a1/frames/000000.png"]
    assert found["cells"][1]["reason"] == "<b>out of memory</b>"
    assert found["scores"] == {"a1": 0.31}
    assert client.get(f"/studies/{name}/files/cells/a1/frames/000000.png").content == b"a picture"
    made = client.post(f"/studies/{name}/scene", json={"cell": "a1"}).json()
    assert (tmp_path / made["file"]).read_text() == "prompts: a castle\n"
    for wrong in ("../../x", "b2", "zz"):
        assert client.post(f"/studies/{name}/scene", json={"cell": wrong}).status_code in (400, 404)
    (study / "study.json").write_text(json.dumps({**plan, "cells": [{"place": [0], "cell": "../.."}]}))
    assert client.get(f"/studies/{name}").status_code == 400
