"""A folder for the page's tests: scenes and runs of the fake engine, and a client that asks the server."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import uvicorn
from starlette.testclient import TestClient

from animator.page import renders
from animator.page.app import app_of
from animator.page.listening import listen
from animator.page.safety import Door
from animator.run.render import render_scene
from animator.run.reporter import Reporter
from animator.scene.reading import read_scene
from tests.command import _server, environment

PORT = 7878
EVIL = "<img src=x onerror=alert(1)>&'\u2028夜"
"""A name and a prompt that must be shown as they are."""

FILM = """# a film  # of two prompts
version: 1
models: fake
mode: 2d
size: [64, 64]
frames: 8
fps: 4
seed: 5
prompts:            # what is painted
  0: a red house
  4: "<b>a blue sea</b> & <script>alert(1)</script>"   # the sea
camera:
  angle: 2          # degrees
  zoom: "0: (1.0), 4: (1.05), 7: (1)"   # in and out
  translation_x: {0: 0, 1s: 2.5}
diffusion: {steps: 3, skip_steps: 0}
output: {losses: true, preset: ultrafast}
"""

STILLS = (
    "models: fake\nmode: still\nimages: 3\nsize: [64, 64]\nseed: 3\nprompts: a boat & <i>waves</i>\n"
    "diffusion: {steps: 3, skip_steps: 0}\noutput: {losses: false}\n"
)


def fill(folder: Path) -> Path:
    """Write scenes and render them, one under a hostile name."""
    (folder / "scenes").mkdir(parents=True)
    for name, text in (("film", FILM), ("stills", STILLS), (EVIL.replace("/", ""), STILLS)):
        (folder / "scenes" / f"{name}.yaml").write_text(text, encoding="utf-8")
    for name, run in (("film", "film/001"), ("stills", "stills/001")):
        loaded = read_scene(folder / "scenes" / f"{name}.yaml")
        render_scene(loaded, Reporter(), out=folder / "renders" / run)
    return folder


def client_of(root: Path, door: Door | None = None) -> TestClient:
    """Return what asks a server in this process; used as a context, the server watches the runs too."""
    app = app_of(root, door or Door("127.0.0.1", PORT))
    return TestClient(app, base_url=f"http://127.0.0.1:{PORT}")


def state_of(client: TestClient) -> Any:
    """Return what the server holds."""
    return client.app._app.state.held  # type: ignore[attr-defined]


def run_named(client: TestClient, folder: str) -> dict[str, Any]:
    """Return a run as the list has it."""
    return next(one for one in client.get("/runs").json()["runs"] if one["folder"] == folder)


def scene_named(client: TestClient, file: str) -> str:
    """Return by what a scene is asked for."""
    return next(one["id"] for one in client.get("/scenes").json()["scenes"] if one["file"] == file)


class Forked:
    """A process of `tests.command`, which has imported torch already."""

    def __init__(self, number: int) -> None:
        self.pid = number

    def poll(self) -> int | None:
        """Return its exit status, or None while it runs."""
        return _server().order(wait=self.pid, seconds=0.0)


def start_forked(words: list[str], folder: Path, out: Any, err: Any) -> Any:
    """Take the place of `animator.page.renders.start_animator`."""
    number = _server().order(argv=words, out=out.name, err=err.name, cwd=str(folder), env=environment())
    assert number is not None
    return Forked(number)


def fork_renders(monkeypatch: Any) -> None:
    """Have the page start renders as forks, where there are forks."""
    if hasattr(os, "fork"):
        monkeypatch.setattr(renders, "start_animator", start_forked)
        monkeypatch.setattr(renders, "works_in", lambda process, folder: True)


class Site:
    """A server in a thread, of a folder with scenes and runs."""

    def __init__(self, root: Path) -> None:
        self.root = root
        listener = listen("127.0.0.1", 0)
        self.port = listener.getsockname()[1]
        config = uvicorn.Config(app_of(root, Door("127.0.0.1", self.port)), log_level="warning", ws="none")
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [listener]})
        self.thread.start()

    def address(self, page: str = "") -> str:
        return f"http://127.0.0.1:{self.port}/#/{page}"

    def close(self) -> None:
        self.server.should_exit = True
        self.server.force_exit = True
        self.thread.join()
