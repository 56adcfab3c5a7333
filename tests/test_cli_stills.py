"""Stills through the command line: drafts, batches, pictures that carry their scene, what is kept."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.command import animator

SCENE = """
version: 1
mode: still
images: 3
size: [64, 64]
seed: 5
prompts: ["a red sunset over the sea"]
diffusion: {steps: 8}
guidance: {cuts: {overview: 2, innercut: 2}}
"""
FAKE = f"models: fake\n{SCENE}"
"""The same without networks, where they are not what is tested."""

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "small.yaml").write_text(FAKE)
    return tmp_path


@pytest.fixture
def with_networks(folder: Path) -> Path:
    small = SCENE.replace("steps: 8", "steps: 5").replace(
        "guidance: {", "guidance: {clip_models: {pocket: 1}, "
    )
    (folder / "small.yaml").write_text(f"{small}output: {{losses: false}}\n")
    return folder


def rendered(folder: Path, *words: object, out: str = "run") -> Path:
    done = animator("render", "small.yaml", "--out", out, *words, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / out


def frames(run: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted((run / "frames").glob("*.png"))]


def pixels(path: Path) -> np.ndarray:
    return cv2.imread(str(path)).astype(float)


def test_a_chosen_draft_is_finished_with_the_result_it_would_have_had(with_networks: Path) -> None:
    whole = frames(rendered(with_networks, out="whole"))
    run = rendered(with_networks, "--set", "diffusion.stop_at=40%")
    drafts = frames(run)
    assert len(list((run / "drafts").iterdir())) == 3
    assert all(cv2.imdecode(np.frombuffer(one, np.uint8), 1).shape == (64, 64, 3) for one in drafts)

    done = animator("finish", "run", "1", cwd=with_networks)
    assert done.returncode == 0, done.stderr
    after = frames(run)
    assert (after[0], after[2]) == (drafts[0], drafts[2])
    first, second = (cv2.imdecode(np.frombuffer(one, np.uint8), 1) for one in (after[1], whole[1]))
    assert np.array_equal(first, second)
    assert sorted(path.stem for path in (run / "drafts").iterdir()) == ["000000", "000002"]

    again = animator("finish", "run", "1", cwd=with_networks)
    assert again.returncode == 2
    assert "picture 1 is no draft; the drafts in this run are: 0, 2" in again.stderr
    # Going on with the run does not turn the finished one back into a draft, nor finish the others.
    assert animator("resume", "run", cwd=with_networks).returncode == 0
    assert frames(run) == after
    assert animator("finish", "run", cwd=with_networks).returncode == 0
    assert not list((run / "drafts").iterdir())
    for one, other in zip(frames(run), whole, strict=True):
        same = (cv2.imdecode(np.frombuffer(data, np.uint8), 1) for data in (one, other))
        assert np.array_equal(*same)
    nothing = animator("finish", "run", cwd=with_networks)
    assert nothing.returncode == 2
    assert "holds no drafts" in nothing.stderr


def test_a_picture_renders_itself_again_and_shows_its_scene(folder: Path) -> None:
    run = rendered(folder)
    picture = run / "frames" / "000002.png"
    shown = animator("show", picture, cwd=folder)
    assert shown.returncode == 0
    assert shown.stdout == (run / "scene.yaml").read_text()
    picture.rename(folder / "mine.png")
    done = animator("render", "mine.png", "--out", "again", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in (folder / "again/frames").iterdir()] == ["000002.png"]
    assert (folder / "again/frames/000002.png").read_bytes() == (folder / "mine.png").read_bytes()
    # The run that holds one picture goes on as one that holds one picture.
    assert animator("resume", "again", cwd=folder).returncode == 0
    assert len(list((folder / "again/frames").iterdir())) == 1
    cv2.imwrite(str(folder / "bare.png"), np.zeros((4, 4, 3), np.uint8))
    bare = animator("render", "bare.png", cwd=folder)
    assert bare.returncode == 2
    assert "carries no scene" in bare.stderr


def test_only_some_pictures_and_several_at_once(folder: Path) -> None:
    whole = rendered(folder, out="whole")
    together = rendered(folder, "--set", "batch=3", out="together")
    for one in range(3):
        name = f"frames/{one:06d}.png"
        assert np.array_equal(pixels(whole / name), pixels(together / name))
    some = rendered(folder, "--only", "0,2", out="some")
    assert [path.stem for path in sorted((some / "frames").iterdir())] == ["000000", "000002"]
    assert frames(some) == [frames(whole)[0], frames(whole)[2]]
    wrong = animator("render", "small.yaml", "--only", "3", cwd=folder)
    assert wrong.returncode == 2
    assert "its pictures are 0 to 2" in wrong.stderr


def test_what_is_kept_on_the_way(folder: Path) -> None:
    words = ["--show-cuts"]
    for setting in ("intermediates=[1, 50%]", "diffusion_film=true", "show_cuts=true"):
        words += ["--set", f"output.{setting}"]
    run = rendered(folder, *words)
    assert len(list((run / "intermediates").iterdir())) == 6
    assert len(list((run / "diffusion").glob("*.mp4"))) == 3
    assert len(list((run / "cuts").glob("000001_step*_pocket.png"))) == 5
    assert (run / "cuts" / "000001_looked_pocket.png").is_file()
    assert (run / "losses" / "000002-pulls.csv").is_file()
    assert (run / "losses" / "000002.csv").read_text().splitlines()[0].startswith("step,clip pocket")
    assert pixels(run / "losses.png").shape[0] >= 300
    sheet = pixels(run / "contact.png")
    assert sheet.shape[0] * sheet.shape[1] > 3 * 64 * 64
    assert not (run / "progress.png").exists()
    plain = rendered(folder, out="plain")
    assert [cv2.imdecode(np.frombuffer(one, np.uint8), 1).tolist() for one in frames(run)] == [
        cv2.imdecode(np.frombuffer(one, np.uint8), 1).tolist() for one in frames(plain)
    ]


def test_a_draft_of_the_whole_scene_is_small_and_renders_again(folder: Path) -> None:
    run = rendered(folder, "--set", "size=[256, 128]", "--set", "images=1", "--draft")
    assert pixels(run / "frames/000000.png").shape == (64, 128, 3)
    again = animator("render", run / "scene.yaml", "--out", "again", cwd=folder)
    assert again.returncode == 0, again.stderr
    assert np.array_equal(pixels(run / "frames/000000.png"), pixels(folder / "again/frames/000000.png"))


def test_pictures_from_the_web_are_kept_for_going_on_without_it(folder: Path, monkeypatch) -> None:
    blue = np.zeros((40, 80, 3), np.uint8)
    blue[..., 0] = 200
    data = cv2.imencode(".png", blue)[1].tobytes()
    asked = []

    class Server(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    monkeypatch.setenv("ANIMATOR_CACHE", str(folder / "cache"))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/blue.png"
    words = ["--set", f"diffusion.init_image={address}", "--set", f'image_prompts=["{address}:0.5"]']
    words += ["--set", "diffusion.skip_steps=50%", "--set", "diffusion.init_fit=cover"]
    run = rendered(folder, *words)
    server.shutdown()
    server.server_close()
    assert asked == ["/blue.png"]
    assert [path.read_bytes() for path in (run / "inputs").iterdir()] == [data]
    first = frames(run)
    (run / "journal.jsonl").unlink()
    for path in (folder / "cache").rglob("*"):
        if path.is_file():
            path.unlink()
    done = animator("resume", "run", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert frames(run) == first
    gone = animator("render", "small.yaml", *words, "--out", "other", cwd=folder)
    assert gone.returncode == 2
    assert address in gone.stderr
    assert not (folder / "other").exists()


def test_a_changed_still_is_made_again_and_the_others_stand(folder: Path) -> None:
    text = FAKE.replace("images: 3", "images: 3\nseed_mode: fixed").replace(
        "guidance: {", 'guidance: {clip_guidance_scale: "0: (8000) step, 2: (1000)", '
    )
    (folder / "small.yaml").write_text(text)
    run = rendered(folder)
    before = frames(run)
    assert before[0] != before[2]
    (folder / "small.yaml").write_text(text.replace("(1000)", "(2000)"))
    done = animator("render", "small.yaml", "--out", "run", "--json", cwd=folder)
    made = [json.loads(line) for line in done.stdout.splitlines()[:-1]]
    assert [event["frame"] for event in made if event["event"] == "frame"] == [2]
    assert frames(run)[:2] == before[:2]
    assert frames(run)[2] != before[2]


def test_a_checkpoint_is_named_by_its_path(with_networks: Path) -> None:
    """The bundled network's file, copied elsewhere under another name, paints the same picture."""
    import animator as package

    source = Path(package.__file__).parent / "pocket"
    (with_networks / "mine.safetensors").write_bytes((source / "unet.safetensors").read_bytes())
    (with_networks / "mine.json").write_bytes((source / "unet.json").read_bytes())
    values = ["guidance.clip_guidance_scale=8000", "guidance.clamp_max=[0.3]*400+[0.1]*600"]
    values += ["guidance.range_scale=150"]
    words = [word for value in values for word in ("--set", value)]
    plain = rendered(with_networks, *words, "--only", "0", out="plain")
    mine = rendered(
        with_networks, *words, "--only", "0", "--set", "diffusion.model=mine.safetensors", out="mine"
    )
    assert np.array_equal(pixels(plain / "frames/000000.png"), pixels(mine / "frames/000000.png"))
    (with_networks / "mine.json").unlink()
    unknown = animator("render", "small.yaml", "--set", "diffusion.model=mine.safetensors", cwd=with_networks)
    assert unknown.returncode == 1
    assert "not of a known diffusion family" in unknown.stderr
    absent = animator("check", "small.yaml", "--set", "diffusion.model=no.pt", cwd=with_networks)
    assert absent.returncode == 2
    assert "no.pt" in absent.stderr
