"""Renders that the page starts: the same bytes as on the command line; stopped, changed, found, queued."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from animator.page import api_scenes, owners, runs
from animator.page.place import OutsideError
from animator.page.renders import Renders
from animator.run.render import render_scene
from animator.run.reporter import Reporter
from animator.runs import RunFolder
from animator.scene.reading import read_scene
from tests.command import started
from tests.page_site import FILM, client_of, fork_renders, run_named, scene_named, state_of

pytestmark = [
    pytest.mark.long,
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="renders are started as forks here, to be quick"),
]

LONG = FILM.replace("frames: 8", "frames: 400").replace("size: [64, 64]", "size: [128, 128]")
"""A film that is not done before it is stopped."""

PATIENCE = 120.0


@pytest.fixture(autouse=True)
def forks(monkeypatch: pytest.MonkeyPatch) -> None:
    fork_renders(monkeypatch)
    started("--version").wait(280)  # by then torch is imported


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "scenes").mkdir()
    (tmp_path / "scenes" / "film.yaml").write_text(FILM)
    (tmp_path / "scenes" / "long.yaml").write_text(LONG)
    return tmp_path


def until(true: Callable[[], Any], what: str) -> Any:
    """Wait until something is so, and return it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := true():
            return found
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come")


def done(client: Any, folder: str, state: str = "done") -> dict[str, Any]:
    def look() -> Any:
        client_state = state_of(client)
        client_state.catalog.look(now=True)
        found = [one for one in client_state.summaries().values() if one["folder"] == folder]
        return found[0] if found and found[0]["state"] == state else None

    return until(look, f"{folder} {state}")


def files(folder: Path) -> dict[str, bytes]:
    names = [*sorted((folder / "frames").glob("*.png")), *folder.glob("*.mp4"), folder / "scene.yaml"]
    return {str(path.relative_to(folder)): path.read_bytes() for path in names}


def shown(folder: Path) -> dict[str, bytes]:
    """Return the pixels of the frames, and the other files: a PNG also carries the scene of its time."""
    run = RunFolder.open(folder)
    return files(folder) | {
        f"frames/{number:06d}.png": run.read_frame(number).tobytes() for number in run.journal()
    }


def on_the_line(root: Path, *texts: str, name: str = "film") -> Path:
    """Render versions of a scene one after the other into one folder, as one does on the command line."""
    scene = root / "other" / f"{name}.yaml"
    scene.parent.mkdir(exist_ok=True)
    for text in texts:
        scene.write_text(text)
        render_scene(read_scene(scene), Reporter(), out=root / "line")
    return root / "line"


def test_a_change_at_frame_n_makes_frames_from_n_on_and_ends_as_on_the_command_line(root: Path) -> None:
    client = client_of(root)
    scene = scene_named(client, "scenes/film.yaml")
    started = client.post("/runs", json={"scene": scene})
    assert started.status_code == 201
    run = root / started.json()["job"]["run"]
    assert run == root / "renders" / "film" / "001"
    done(client, "renders/film/001")
    before = {path.name: path.stat().st_mtime_ns for path in (run / "frames").iterdir()}
    # The prompt at frame 4 is changed, with everything in the text as it was.
    read = client.get(f"/scenes/{scene}").json()
    text = read["text"].replace("<b>a blue sea</b>", "a green field")
    client.put(f"/scenes/{scene}", json={"text": text, "version": read["version"]})
    again = client.post("/runs", json={"scene": scene, "run": started.json()["run"]})
    assert again.json()["run"] == started.json()["run"]
    done(client, "renders/film/001")
    after = {path.name: path.stat().st_mtime_ns for path in (run / "frames").iterdir()}
    made = sorted(name for name, when in after.items() if when != before[name])
    assert made == [f"{number:06d}.png" for number in range(4, 8)]
    assert files(run) == files(on_the_line(root, FILM, text))
    shutil.rmtree(root / "line")
    assert shown(run) == shown(on_the_line(root, text))  # nor does it show what was before
    assert (root / "scenes" / "film.yaml").read_text().count("#") == FILM.count("#")


def test_a_render_is_paused_stopped_and_resumed_by_another_server(root: Path) -> None:
    client = client_of(root)
    started = client.post("/runs", json={"scene": scene_named(client, "scenes/long.yaml")}).json()
    folder, url = started["job"]["run"], f"/runs/{started['run']}"
    run = root / folder
    until(lambda: runs.count_journal(run / "journal.jsonl").done > 1, "the second frame")
    assert run_named(client, folder)["state"] == "running"
    # The server was killed: another one finds the render by its lock, and its progress by what it printed.
    other = client_of(root)
    found = until(lambda: run_named(other, folder).get("progress"), "progress")
    assert found["of"] == 400
    assert other.post(f"{url}/resume", json={}).status_code == 400
    assert other.request("DELETE", url, json={"confirm": folder}).status_code == 400
    assert other.post(f"{url}/pause", json={}).status_code == 200
    until(lambda: run_named(other, folder)["state"] == "paused", "the pause")
    time.sleep(0.1)
    held = runs.count_journal(run / "journal.jsonl").done
    time.sleep(0.4)
    assert runs.count_journal(run / "journal.jsonl").done == held
    assert other.post(f"{url}/continue", json={}).status_code == 200
    until(lambda: runs.count_journal(run / "journal.jsonl").done > held, "another frame")
    assert other.post(f"{url}/pause", json={}).status_code == 200
    assert other.post(f"{url}/stop", json={}).status_code == 200  # a paused one is stopped in order too
    until(lambda: owners.owner_of(run) is None, "the end")
    stopped = done(other, folder, "stopped")
    assert 0 < stopped["done"] < 400
    assert other.post(f"{url}/stop", json={}).status_code == 400
    # It goes on, with fewer frames, to what the command line makes.
    text = LONG.replace("frames: 400", f"frames: {stopped['done'] + 2}")
    (root / "scenes" / "long.yaml").write_text(text)
    scene = scene_named(other, "scenes/long.yaml")
    assert other.post("/runs", json={"scene": scene, "run": started["run"]}).status_code == 201
    done(other, folder)
    assert len(runs.details_of(run)["frames"]) >= stopped["done"] + 2


def test_a_render_that_is_at_work_is_steered(root: Path) -> None:
    """The scene is changed while it is painted: the render stops, and begins again with the new scene."""
    with client_of(root) as client:
        scene = scene_named(client, "scenes/long.yaml")
        started = client.post("/runs", json={"scene": scene}).json()
        run = root / started["job"]["run"]
        until(lambda: runs.count_journal(run / "journal.jsonl").done > 2, "the third frame")
        short = LONG.replace("frames: 400", "frames: 6").replace("<b>a blue sea</b>", "a green field")
        (root / "scenes" / "long.yaml").write_text(short)
        assert client.post("/runs", json={"scene": scene, "run": started["run"]}).status_code == 201
        done(client, started["job"]["run"])
    line = shown(on_the_line(root, short, name="long"))
    there = shown(run)
    assert {name: there[name] for name in line} == line


def test_scenes_wait_in_a_queue_that_outlives_the_server(root: Path) -> None:
    client = client_of(root)
    film, long = (scene_named(client, f"scenes/{name}.yaml") for name in ("film", "long"))
    for scene in (film, long, film):
        assert client.post("/runs", json={"scene": scene, "queue": True}).status_code == 201
    waiting = client_of(root).get("/queue").json()["waiting"]
    assert [one["scene"] for one in waiting] == ["scenes/film.yaml", "scenes/long.yaml", "scenes/film.yaml"]
    other = client_of(root)
    assert other.request("DELETE", f"/queue/{waiting[1]['id']}").status_code in (200, 415)
    other.request("DELETE", f"/queue/{waiting[1]['id']}", json={})
    renders = state_of(other).renders
    assert renders.tick()
    assert not renders.tick()  # one after the other
    done(other, "renders/film/001")
    until(lambda: renders.tick(), "the second")
    done(other, "renders/film/002")
    until(lambda: not any(one["status"] is None for one in other.get("/queue").json()["jobs"]), "the end")
    assert files(root / "renders/film/001") == files(root / "renders/film/002")


def test_a_render_that_fails_says_why(root: Path) -> None:
    (root / "scenes" / "bad.yaml").write_text(
        "prompts: a sea\nmodels: fake\nmode: still\ndiffusion: {init_image: no.png}\n"
    )
    client = client_of(root)
    client.post("/runs", json={"scene": scene_named(client, "scenes/bad.yaml")})
    job = until(
        lambda: next((one for one in client.get("/queue").json()["jobs"] if one["status"]), None), "the end"
    )
    assert job["status"] == 2
    assert "no.png" in job["said"]
    assert client.post("/runs", json={"scene": "../scenes/film.yaml"}).status_code == 404
    faulty = client.post("/runs", json={"scene": scene_named(client, "scenes/film.yaml"), "run": "0" * 12})
    assert faulty.status_code == 404


def test_painting_again_growing_a_film_and_more_like_this(root: Path) -> None:
    with client_of(root) as client:
        started = client.post("/runs", json={"scene": scene_named(client, "scenes/film.yaml")}).json()
        done(client, "renders/film/001")
        url = f"/runs/{started['run']}"
        client.post(f"{url}/again", json={})
        done(client, "renders/film/002")
        one, two = (files(root / f"renders/film/00{number}") for number in (1, 2))
        assert one == two
        for action, mode in (("more", "still"), ("grow", "3d")):
            made = client.post(f"{url}/{action}", json={"picture": 5}).json()
            text = (root / made["file"]).read_text()
            checked = client.post("/check", json={"scene": made["scene"], "text": text}).json()
            assert not [one for one in checked["problems"] if one["level"] == "error"], checked
            assert checked["facts"]["mode"] == mode
            assert [one["texts"] for one in checked["prompts"]] == [
                ["<b>a blue sea</b> & <script>alert(1)</script>"]
            ]
            assert "000005.png" in text
        assert client.post(f"{url}/grow", json={"picture": 99}).status_code == 400


def test_strange_files_of_the_page_start_and_stop_nothing(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("animator.page.renders.works_in", owners.works_in)
    jobs = root / ".page" / "jobs"
    jobs.mkdir(parents=True)
    (jobs / "a.json").write_text('{"id": "../../x", "scene": "s", "run": "r", "process": 1, "started": 0}')
    (jobs / "b.json").write_text("[]")
    ours = {"id": "c", "scene": "s", "run": "r", "process": os.getpid(), "started": 0}
    (jobs / "c.json").write_text(json.dumps(ours))
    away = [{"id": "1", "scene": "scenes/film.yaml", "run": "../away", "seed": None, "at_once": True}]
    for content in ({"no": "list"}, [1], away, [{**away[0], "run": None, "scene": "../../x.yaml"}]):
        (root / ".page" / "queue.json").write_text(json.dumps(content))
        renders = Renders(root)
        assert renders.queue() == []
        assert not renders.tick()
    assert [one["id"] for one in renders.jobs()] == ["c"]
    assert renders.jobs()[0]["status"] == -1  # this process is no render of the folder


@pytest.mark.parametrize(
    ("printed", "pictures", "status"),
    [("", 2, 0), ("", 1, -1), ("stopped; continue with: animator resume r", 1, 130)],
)
def test_how_a_render_ended_whose_server_was_gone(
    root: Path, printed: str, pictures: int, status: int
) -> None:
    jobs, run = root / ".page" / "jobs", root / "r"
    jobs.mkdir(parents=True)
    run.mkdir()
    (run / "scene.yaml").write_text("mode: 2d\nframes: 2\n")
    line = '{{"frame": {}, "seconds": 1, "file": "abc"}}\n'
    (run / "journal.jsonl").write_text("".join(line.format(number) for number in range(pictures)))
    job = {"id": "a", "scene": "s", "run": "r", "process": 4_000_000, "started": 0}
    (jobs / "a.json").write_text(json.dumps(job))
    (jobs / "a.txt").write_text(printed)
    assert Renders(root).jobs()[0]["status"] == status


def test_a_page_of_the_renders_themselves_puts_new_runs_beside_them(tmp_path: Path) -> None:
    (tmp_path / "renders").mkdir()
    assert Renders(tmp_path / "renders")._new_run("film") == tmp_path / "renders" / "film" / "001"
    assert Renders(tmp_path)._new_run("film") == tmp_path / "renders" / "film" / "002"
    (tmp_path / "renders" / "away").symlink_to(tmp_path.parent)
    with pytest.raises(OutsideError):
        Renders(tmp_path)._new_run("away")


def test_a_preview_is_made_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []

    def run(words: list[str], **more: Any) -> Any:
        calls.append(words)
        assert more["cwd"] == root / "scenes"
        Path(words[words.index("--out") + 1]).write_bytes(b"a film")
        return type("Made", (), {"returncode": 0, "stderr": b""})()

    monkeypatch.setattr(api_scenes.subprocess, "run", run)
    client = client_of(root)
    body = {"scene": scene_named(client, "scenes/film.yaml"), "text": FILM}
    film = client.post("/preview", json=body).json()["film"]
    assert client.post("/preview", json=body).json()["film"] == film
    assert len(calls) == 1
    assert client.get(film).content == b"a film"
