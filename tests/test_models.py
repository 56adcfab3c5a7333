"""``animator models``: what is there, what a scene needs, and how files come into the cache."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner, Result

from animator.cli import models as cli_models
from animator.cli.main import app
from animator.cli.models import ProgressLine
from animator.diffusion.secondary import SecondaryModel
from animator.errors import SceneError, UsageError, WeightsError
from animator.run.networks import needed, require_weights, weights_of
from animator.scene.reading import read_scene
from animator.weights import cache as module
from animator.weights import hashes, registry
from animator.weights.cache import adopt, verify
from animator.weights.download import Progress, part_of
from animator.weights.heads import PICKLE
from animator.weights.registry import Entry, about_bytes, entries, find, location, named
from tests.test_download import BODY, serving, status, whole

FLIGHT = Path(__file__).parents[1] / "scenes" / "flight.yaml"
SECONDARY = "secondary_model_imagenet_2"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "cache"


@pytest.fixture
def publish(monkeypatch: pytest.MonkeyPatch):
    """Change the entry of a name in the registry, in every room that reads it."""

    def change(kind: str, name: str, **values) -> Entry:
        entry = dataclasses.replace(find(kind, name), **values)
        known = {**registry.entries(), (entry.kind, entry.name): entry}
        for room in (registry, module, cli_models):
            monkeypatch.setattr(room, "entries", lambda: known)
        return entry

    return change


def models(*words: object) -> Result:
    return CliRunner().invoke(app, ["models", *map(str, words)])


def put(entry: Entry, data: bytes = BODY) -> Path:
    path = location(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def scene(tmp_path: Path, text: str, name: str = "scene.yaml") -> Path:
    path = tmp_path / name
    path.write_text("version: 1\nprompts: a sea\nseed: 3\n" + text)
    return path


def needs(path: Path) -> set[str]:
    return {f"{entry.kind} {entry.name}" for entry in needed(read_scene(path).scene)}


# --- what a scene needs


def test_a_scene_of_large_networks_needs_them_all(tmp_path: Path) -> None:
    text = (
        "mode: 3d\ndiffusion: {model: 512x512_diffusion_uncond_finetune_008100, secondary: true}\n"
        "guidance: {clip_models: {ViTB32: 1, ViT-B-32/laion2b_e16: 0.5}}\n"
        "depth: {model: midas}\n"
    )
    assert needs(scene(tmp_path, text)) == {
        "diffusion 512x512_diffusion_uncond_finetune_008100",
        "clip ViT-B-32/openai",
        "clip ViT-B-32/laion2b_e16",
        f"secondary {SECONDARY}",
        "depth midas",
        "depth adabins",
        "perceptual vgg16",
    }


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        ("{model: midas, midas_weight: 1}", {"midas"}),
        ("{model: midas, midas_weight: 0}", {"adabins"}),
        ("{model: midas, midas_weight: 0.3}", {"midas", "adabins"}),
        ("{model: midas-hybrid, midas_weight: 0.3}", {"midas-hybrid"}),
        ("{model: plane}", set()),
    ],
)
def test_depth_needs_what_has_a_share(tmp_path: Path, depth: str, expected: set[str]) -> None:
    found = needs(scene(tmp_path, f"mode: 3d\ndepth: {depth}\n"))
    assert {one.removeprefix("depth ") for one in found if one.startswith("depth")} == expected
    assert not any("depth" in one for one in needs(scene(tmp_path, f"mode: 2d\ndepth: {depth}\n")))


@pytest.mark.parametrize(
    ("text", "pulled"),
    [
        ("mode: still\n", False),
        ("mode: still\ndiffusion: {perlin_init: mixed}\n", True),
        ("mode: still\ndiffusion: {perlin_init: mixed, init_scale: 0}\n", False),
        ("mode: 2d\n", True),
        ("mode: 2d\nframes: 1\n", False),
        ("mode: 2d\ncoherence: {frames_scale: 0}\n", False),
        ('mode: 2d\ncoherence: {frames_scale: "0: (0), 9: (500)"}\n', True),
        ("mode: 2d\ncoherence: {frames_scale: 0}\ndiffusion: {perlin_init: gray}\n", True),
    ],
)
def test_the_perceptual_network_is_needed_where_a_pull_can_act(
    tmp_path: Path, text: str, pulled: bool
) -> None:
    """Not with the bundled networks: they have a distance of their own, so their pictures stay the same."""
    assert "perceptual vgg16" not in needs(scene(tmp_path, text))
    loaded = read_scene(scene(tmp_path, text), ["diffusion.model=256x256_diffusion_uncond"])
    assert ("perceptual vgg16" in [f"{one.kind} {one.name}" for one in needed(loaded.scene)]) == pulled


def test_fake_networks_need_no_files(tmp_path: Path) -> None:
    loaded = read_scene(scene(tmp_path, "models: fake\n"))
    assert needed(loaded.scene) == []
    assert weights_of(loaded) == {}


def test_weights_of_a_scene_are_those_it_cannot_do_without() -> None:
    expected = {
        f"{kind} pocket": hashes.file_hash(location(find(kind, "pocket")))
        for kind in ("clip", "depth", "diffusion", "secondary")
    }
    assert weights_of(read_scene(FLIGHT)) == expected


def test_a_checkpoint_by_its_path_is_no_entry_but_is_hashed(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(PICKLE + BODY)
    loaded = read_scene(scene(tmp_path, "mode: still\ndiffusion: {model: mine.pt}\n"))
    assert {one.kind for one in needed(loaded.scene)} == {"clip"}
    assert weights_of(loaded)["diffusion mine.pt"] == hashlib.sha256(PICKLE + BODY).hexdigest()


def test_all_that_is_missing_is_told_at_once(tmp_path: Path) -> None:
    text = "mode: 3d\nguidance: {clip_models: {RN50: 1, RN101: 1}}\ndepth: {model: midas, midas_weight: 1}\n"
    loaded = read_scene(scene(tmp_path, text))
    put(find("clip", "RN101"))
    with pytest.raises(WeightsError) as caught:
        require_weights(loaded)
    lines = str(caught.value).splitlines()
    assert [line.split(" is not at ")[0] for line in lines] == [
        "the clip network RN50/openai",
        "the depth network midas",
    ]
    put(find("clip", "RN50")), put(find("depth", "midas"))
    require_weights(loaded)


# --- list and where


def test_list_shows_what_is_there_and_what_was_begun(cache: Path) -> None:
    put(find("secondary", SECONDARY))
    part = part_of(put(find("flow", "raft-small")))
    location(find("flow", "raft-small")).rename(part)
    lines = [line.split("  ") for line in models("list").stdout.splitlines()]
    rows = {tuple(word.strip() for word in line if word) for line in lines}
    assert ("secondary", SECONDARY, "0.6 MB", "there", "-") in rows
    assert ("flow", "raft-small", "about 4.0 MB", "0.6 MB fetched", "BSD-3-Clause") in rows
    assert ("depth", "plane", "-", "bundled", "-") in rows
    assert {row[0] for row in rows if row[1] == "pocket"} == {"diffusion", "secondary", "clip", "depth"}
    assert len(rows) == 8


def test_list_all_shows_every_entry() -> None:
    lines = models("list", "--all").stdout.splitlines()
    assert len(lines) == len(entries())
    assert any("RN50x64/openai" in line and "about 2493 MB" in line and "missing" in line for line in lines)


def test_list_of_a_scene_says_what_is_missing(tmp_path: Path) -> None:
    text = "mode: 2d\nguidance: {clip_models: {RN50: 1}}\ndiffusion: {model: 256x256_diffusion_uncond}\n"
    path = scene(tmp_path, text)
    put(find("clip", "RN50")), put(find("diffusion", "256x256_diffusion_uncond"))
    done = models("list", path)
    assert done.exit_code == 0
    assert [line.split()[:2] for line in done.stdout.splitlines()][1:] == [
        ["clip", "RN50/openai"],
        ["perceptual", "vgg16"],
    ]
    assert done.stderr.splitlines()[-1] == (
        f"1 missing, 1 of them optional, about 553 MB: animator models fetch {path}"
    )


def test_where() -> None:
    assert models("where").stdout == f"{registry.cache_folder()}\n"
    path = put(find("depth", "midas"))
    assert models("where", "midas").stdout == f"{path}\n"
    assert len(models("where", "pocket").stdout.splitlines()) == 4
    assert models("where", "plane").stdout == "plane needs no file\n"
    done = models("where", "zoedepth")
    assert done.exit_code == 1
    assert "fetch it with: animator models fetch zoedepth" in done.stderr


def test_every_fetchable_network_but_one_tells_its_size() -> None:
    """That of AdaBins was never published."""
    silent = [one.name for one in entries().values() if one.urls and about_bytes(one) is None]
    assert silent == ["adabins"]


def test_names_of_any_kind() -> None:
    assert [one.kind for one in named("pocket")] == ["diffusion", "secondary", "clip", "depth"]
    assert [one.name for one in named("ViT-B/32")] == ["ViT-B-32/openai"]
    with pytest.raises(UsageError, match=r"no network 'raft-larg'; did you mean raft-large\? .*--all"):
        named("raft-larg")


# --- fetch


def test_fetch_by_name_and_by_scene(tmp_path: Path, publish) -> None:
    digest = hashlib.sha256(BODY).hexdigest()
    with serving(net=whole()) as server:
        small = publish("flow", "raft-small", urls=(f"{server.url}/net",), sha256=digest, sha256_start=None)
        vgg = publish("perceptual", "vgg16", urls=(f"{server.url}/net",), sha256=digest, sha256_start=None)
        done = models("fetch", "raft-small", "pocket", "plane", "raft-small")
        assert done.exit_code == 0, done.stderr
        fetched = [str(location(one)) for one in (small, *named("pocket"))]
        assert done.stdout.splitlines() == fetched
        assert "raft-small: 0.6 MB of 0.6 MB, " in done.stderr
        put(find("diffusion", "256x256_diffusion_uncond"))
        text = "mode: 2d\nframes: 2\ndiffusion: {model: 256x256_diffusion_uncond}\n"
        done = models("fetch", scene(tmp_path, text))
        assert done.exit_code == 0, done.stderr
        assert str(location(vgg)) in done.stdout
        assert len(server.seen) == 2
    assert location(vgg).read_bytes() == BODY


def test_what_cannot_be_fetched_does_not_keep_back_the_rest(publish) -> None:
    with serving(net=whole(), gone=status(404)) as server:
        publish("flow", "raft-small", urls=(f"{server.url}/net",), sha256_start=None)
        publish("flow", "raft-large", urls=(f"{server.url}/gone",))
        done = models("fetch", "raft-large", "raft-small")
    assert done.exit_code == 1
    assert done.stdout.splitlines() == [str(location(find("flow", "raft-small")))]
    assert "raft-large cannot be fetched: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("words", "status_", "said"),
    [
        (["fetch", "midass"], 2, "did you mean midas?"),
        (["fetch", "nowhere.yaml"], 2, "nowhere.yaml: "),
        (["fetch"], 2, "NAME|SCENE"),
        (["verify", "midass"], 2, "did you mean midas?"),
        (["verify", "midas"], 1, "fetch it with: animator models fetch midas"),
        (["import", "nowhere.pt"], 2, "nowhere.pt: no such file"),
        (["list", "nowhere.yaml"], 2, "nowhere.yaml: "),
    ],
)
def test_wrong_use_is_told_in_a_line(words: list[str], status_: int, said: str) -> None:
    done = models(*words)
    assert done.exit_code == status_
    assert said in done.stderr
    assert done.stdout == ""


def test_a_render_that_misses_weights_says_how_to_fetch_them(tmp_path: Path) -> None:
    path = scene(tmp_path, "mode: still\nguidance: {clip_models: {RN50x64: 1}}\n")
    done = CliRunner().invoke(app, ["render", str(path)])
    assert done.exit_code == 1
    assert "fetch it with: animator models fetch RN50x64/openai" in done.stderr
    assert not (tmp_path / "renders").exists()


class Screen:
    """A stream that is a terminal or is none, and keeps what was written."""

    def __init__(self, terminal: bool) -> None:
        self.terminal, self.text = terminal, ""

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


def test_progress_is_rewritten_on_a_terminal_and_rare_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    terminal, plain = Screen(True), Screen(False)
    lines = [ProgressLine(terminal), ProgressLine(plain)]
    for done in range(4, 13, 4):
        for line in lines:
            line.show(Progress("net", done * 10**6, 12 * 10**6, 2e6))
        now += 1
    for line in lines:
        line.say("waiting")
    assert terminal.text.split("\r\x1b[K")[1:] == [
        "net: 4.0 MB of 12 MB, 2.0 MB/s, 0:04 left",
        "net: 8.0 MB of 12 MB, 2.0 MB/s, 0:02 left",
        "net: 12 MB of 12 MB, 2.0 MB/s\nnote: waiting\n",
    ]
    assert plain.text == "net: 12 MB of 12 MB, 2.0 MB/s\nnote: waiting\n"


# --- verify


def test_verify_knows_sound_damaged_and_unknown_files(publish) -> None:
    digest = hashlib.sha256(BODY).hexdigest()
    put(publish("flow", "raft-small", sha256_start=digest[:8]))
    put(find("depth", "midas"))
    done = models("verify")
    assert done.exit_code == 0
    assert "flow raft-small: fine\n" in done.stdout
    assert "depth midas: no published hash\n" in done.stdout
    assert "plane" not in done.stdout
    path = put(find("flow", "raft-small"), BODY[:-1])
    done = models("verify", "raft-small")
    assert done.exit_code == 1
    expected = f"damaged, or another file of this name; remove {path}, then: animator models fetch raft-small"
    assert done.stdout == f"flow raft-small: {expected}\n"
    assert done.stderr == ""


def test_what_has_changed_since_it_came_is_damaged_though_no_hash_was_published() -> None:
    entry = find("depth", "midas")
    path = put(entry)
    hashes.write_note(path, hashlib.sha256(BODY).hexdigest())
    found = verify(entry)
    assert (found.verdict, found.text) == ("unknown", "no published hash, unchanged since it came")
    path.write_bytes(BODY[1:])
    assert (verify(entry).verdict, verify(entry).text[:42]) == (
        "damaged",
        "damaged: it has changed since it came; rem",
    )


# --- import


def no_family(_: Path) -> None:
    raise AssertionError("the hash is known, so that nothing else needs to be looked at")


@pytest.mark.parametrize("name", [None, "adabins"])
def test_import_knows_a_file_by_its_hash(tmp_path: Path, publish, name: str | None) -> None:
    publish("depth", "adabins", sha512=hashlib.sha512(BODY).hexdigest())
    (tmp_path / "any name").write_bytes(BODY)
    adopted = adopt(tmp_path / "any name", name, no_family)
    assert (adopted.entry.name, adopted.notice) == ("adabins", "")
    assert adopted.path == location(find("depth", "adabins"))
    assert adopted.path.samefile(tmp_path / "any name")  # a second name, not a copy
    assert adopt(adopted.path, None, no_family).path == adopted.path
    assert verify(find("depth", "adabins")).verdict == "fine"


def test_import_copies_where_no_link_can_be(tmp_path: Path, publish, monkeypatch: pytest.MonkeyPatch) -> None:
    publish("depth", "adabins", sha512=hashlib.sha512(BODY).hexdigest())
    (tmp_path / "mine.pt").write_bytes(BODY)

    def other_disk(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", other_disk)
    path = adopt(tmp_path / "mine.pt", None, no_family).path
    assert path.read_bytes() == BODY
    assert not path.samefile(tmp_path / "mine.pt")


def test_import_of_a_hash_under_a_wrong_name_is_refused(tmp_path: Path, publish) -> None:
    publish("depth", "adabins", sha512=hashlib.sha512(BODY).hexdigest())
    (tmp_path / "mine.pt").write_bytes(BODY)
    with pytest.raises(UsageError, match="its hash is that of adabins, not of raft-small"):
        adopt(tmp_path / "mine.pt", "raft-small", no_family)


@pytest.mark.slow
def test_import_by_name_and_shapes(tmp_path: Path) -> None:
    state = {name: entry.half() for name, entry in SecondaryModel().state_dict().items()}
    torch.save(state, tmp_path / "mine.ckpt")
    done = models("import", tmp_path / "mine.ckpt")
    assert done.exit_code == 2
    assert (
        f"its hash is unknown; its shapes are those of {SECONDARY}; say what it is with --name" in done.stderr
    )
    done = models("import", tmp_path / "mine.ckpt", "--name", "512x512_diffusion_uncond_finetune_008100")
    assert done.exit_code == 1
    assert f"is of the family openai_512, this file is of the family {SECONDARY}" in done.stderr
    done = models("import", tmp_path / "mine.ckpt", "--name", SECONDARY)
    assert done.exit_code == 0, done.stderr
    assert "note: " in done.stderr
    assert f"its hash is unknown, its names and shapes are those of {SECONDARY}" in done.stderr
    path = location(find("secondary", SECONDARY))
    assert done.stdout == f"secondary {SECONDARY}: {path}\n"
    assert models("verify").stdout.splitlines()[-1].endswith("no published hash")
    done = models("verify", SECONDARY)
    assert (done.exit_code, done.stdout) == (
        0,
        f"secondary {SECONDARY}: unknown hash, unchanged since it was imported\n",
    )
    path.unlink()
    path.write_bytes(b"damaged since")
    assert models("verify", SECONDARY).exit_code == 1


def test_import_takes_the_files_own_name_for_its_name(tmp_path: Path) -> None:
    save_file({"weight": torch.zeros(1)}, tmp_path / "dpt-large.safetensors")
    adopted = adopt(tmp_path / "dpt-large.safetensors", None, lambda _: None)
    assert (adopted.entry.name, adopted.notice) == (
        "midas",
        "its hash is unknown; used as midas, as named",
    )


@pytest.mark.parametrize(
    ("file", "name", "said"),
    [
        ("mine.pt", None, "its hash is unknown; say what it is with --name NAME"),
        ("mine.pt", "pocket", "pocket comes with the program and is not imported"),
        ("mine.pt", "midas", "midas is kept as a .safetensors file; a checkpoint of another format"),
        ("mine.pt", SECONDARY, f"is of the family {SECONDARY}, this file is not of a known family"),
    ],
)
def test_import_refuses_what_nothing_tells(tmp_path: Path, cache: Path, file: str, name, said: str) -> None:
    (tmp_path / file).write_bytes(BODY)
    with pytest.raises((UsageError, WeightsError), match=said):
        adopt(tmp_path / file, name, lambda _: None)
    assert not cache.exists()


def test_import_of_no_weights_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.pt").write_bytes(BODY)
    done = models("import", tmp_path / "mine.pt", "--name", SECONDARY)
    assert done.exit_code == 1
    assert "mine.pt cannot be read" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_import_leaves_another_file_that_is_there_alone(tmp_path: Path, publish) -> None:
    publish("depth", "adabins", sha512=hashlib.sha512(BODY).hexdigest())
    path = put(find("depth", "adabins"), b"mine")
    (tmp_path / "mine.pt").write_bytes(BODY)
    with pytest.raises(WeightsError, match="exists already and is a different file; remove it first"):
        adopt(tmp_path / "mine.pt", None, no_family)
    assert path.read_bytes() == b"mine"


def test_a_wrong_scene_is_told_with_its_place(tmp_path: Path) -> None:
    path = scene(tmp_path, "frames: many\n")
    with pytest.raises(SceneError):
        read_scene(path)
    done = models("fetch", path)
    assert done.exit_code == 2
    assert f"{path}:4:9: frames: " in done.stderr
