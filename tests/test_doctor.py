"""Every fault that the doctor can see is planted once; its line must name it and the remedy."""

from __future__ import annotations

import builtins
import importlib.metadata
import json
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
from typer.testing import CliRunner

from animator.cli import doctor
from animator.cli.main import app
from animator.memory.machine import Room
from animator.scene.reading import LoadedScene, read_text_scene
from animator.weights import registry

PLAIN = "mode: still\nseed: 1\nsize: [128, 64]\nprompts: a sea\n"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    place = tmp_path / "cache"
    monkeypatch.setenv("ANIMATOR_CACHE", str(place))
    monkeypatch.chdir(tmp_path)
    return place


def loaded(more: str) -> LoadedScene:
    return read_text_scene(PLAIN + more, "doctor.yaml")


def test_a_sound_machine_passes(tmp_path: Path, cache: Path) -> None:
    ran = CliRunner().invoke(app, ["doctor"])
    assert ran.exit_code == 0, ran.output
    looked_at = [line[6:].split(":")[0] for line in ran.stdout.splitlines()]
    assert looked_at == [
        "Python", "packages", "torch", "GPU", "memory", "ffmpeg", "bundled networks", "cache folder",
        "renders folder",
    ]  # fmt: skip
    assert "encodes H.264" in ran.stdout
    assert "all 5 can be read" in ran.stdout
    assert str(cache) in ran.stdout
    assert list(tmp_path.iterdir()) == []  # it leaves nothing behind


@pytest.mark.slow
def test_a_missing_network_fails_with_its_remedy(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(PLAIN + "guidance: {clip_models: {ViT-B-32: 1}}\n")
    ran = CliRunner().invoke(app, ["doctor", str(path)])
    assert ran.exit_code == 1
    (line,) = (line for line in ran.stdout.splitlines() if line.startswith("FAIL"))
    assert line.startswith("FAIL  clip network ViT-B-32/openai: missing")
    assert line.endswith("; animator models fetch ViT-B-32/openai")
    file = registry.location(registry.find("clip", "ViT-B-32"))
    file.parent.mkdir(parents=True)
    file.write_bytes(b"weights")
    ran = CliRunner().invoke(app, ["doctor", str(path)])
    assert ran.exit_code == 0
    assert f"ok    clip network ViT-B-32/openai: {file}" in ran.stdout
    file.write_bytes(b"")
    ran = CliRunner().invoke(app, ["doctor", str(path)])
    assert ran.exit_code == 1
    assert "is empty; remove it, then: animator models fetch ViT-B-32/openai" in ran.stdout


def test_json_is_an_object_a_line(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["doctor", "--json"])
    found = [json.loads(line) for line in ran.stdout.splitlines()]
    assert found[0] == {
        "verdict": "ok",
        "what": "Python",
        "text": ".".join(map(str, sys.version_info[:3])),
        "remedy": "",
    }
    assert len(found) == 9


def test_a_scene_that_is_wrong_is_told_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(PLAIN + "frame: 3\n")
    ran = CliRunner().invoke(app, ["doctor", str(path)])
    assert ran.exit_code == 2
    assert "frame" in ran.stderr


@pytest.mark.parametrize(
    ("more", "missing"),
    [
        ("diffusion: {model: 256x256_diffusion_uncond}", {"diffusion 256x256_diffusion_uncond"}),
        (
            "diffusion: {model: pixelartdiffusion4k, secondary: true}",
            {"diffusion pixelartdiffusion4k", "secondary secondary_model_imagenet_2"},
        ),
        ("diffusion: {secondary: true}", set()),
        ("models: fake\nguidance: {clip_models: {RN50: 1}}", set()),
    ],
)
def test_every_network_that_a_scene_needs_is_looked_for(more: str, missing: set[str]) -> None:
    found = list(doctor.networks(loaded(more)))
    assert {one.what.replace(" network ", " ") for one in found} == missing
    assert all(one.verdict == "FAIL" and one.remedy.startswith("animator models fetch ") for one in found)


def test_python_too_old() -> None:
    assert doctor.python((3, 10, 0)).verdict == "ok"
    old = doctor.python((3, 9, 18))
    assert (old.verdict, old.text, old.remedy) == ("FAIL", "3.9.18", "install Python 3.10 or newer")


def test_packages_that_are_missing_or_too_old(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = ["torch>=99", "no-such-thing>=1.2", "numpy>=1", 'pytest>=99; extra == "dev"']
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: wanted)
    torch, absent = doctor.packages()
    assert (torch.verdict, torch.what, torch.remedy) == ("FAIL", "package torch", 'pip install "torch>=99"')
    assert torch.text == importlib.metadata.version("torch")
    assert (absent.what, absent.text) == ("package no-such-thing", "missing")
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: wanted[2:])
    assert [str(one) for one in doctor.packages()] == ["ok    packages: all 1 are there and new enough"]
    monkeypatch.undo()
    (unknown,) = doctor.packages("not-installed-anywhere")
    assert unknown.verdict == "note"


def test_torch_that_cannot_be_imported_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = builtins.__import__

    def broken(name: str, *arguments: object) -> object:
        if name == "torch":
            raise ImportError("libc10.so is gone\nand more")
        return whole(name, *arguments)

    monkeypatch.setattr(builtins, "__import__", broken)
    found = list(doctor.examine(None))
    assert (found[-1].verdict, found[-1].what) == ("FAIL", "torch")
    assert "(libc10.so is gone)" in found[-1].text


def test_a_gpu_is_described(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert [one.verdict for one in doctor.devices()] == ["ok", "note"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Some GPU")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (2**30, 2**33))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: True)
    *_, gpu = doctor.devices()
    assert str(gpu) == "ok    GPU: Some GPU, 1.00 GiB of 8.00 GiB free, bfloat16"


def test_little_memory() -> None:
    assert doctor.memory(Room(2**33, 2**34)).verdict == "ok"
    assert doctor.memory(Room(2**30, 2**34)).verdict == "note"
    assert doctor.memory(None).verdict == "note"


def test_ffmpeg_that_is_not_there_or_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANIMATOR_FFMPEG", "no-such-ffmpeg")
    absent = doctor.encoder()
    assert (absent.verdict, "no-such-ffmpeg" in absent.text) == ("FAIL", True)
    broken = tmp_path / "ffmpeg"
    broken.write_text("#!/bin/sh\necho Unknown encoder libx264 >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("ANIMATOR_FFMPEG", str(broken))
    failed = doctor.encoder()
    assert failed.verdict == "FAIL"
    assert "Unknown encoder libx264" in failed.text
    assert failed.remedy == "set ANIMATOR_FFMPEG to an ffmpeg that has libx264"
    broken.write_text("#!/bin/sh\nfor last; do :; done\n: > $last\n")
    assert "wrote an empty film" in doctor.encoder().text


def test_bundled_networks_that_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "PACKAGE", tmp_path)
    found = list(doctor.bundled())
    assert [one.what.split()[1] for one in found] == ["diffusion", "secondary", "clip", "clip", "depth"]
    assert {one.remedy for one in found} == {"reinstall animator"}
    assert "No such file" in found[0].text


def test_a_folder_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("")
    barred = doctor.folder("cache folder", in_the_way / "cache", 0, "choose another")
    assert (barred.verdict, barred.remedy) == ("FAIL", "choose another")
    assert "cannot be written" in barred.text
    usage = namedtuple("usage", "total used free")(2**31, 0, 2**30)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: usage)
    assert doctor.folder("renders folder", tmp_path, 2**30, "go away").verdict == "ok"
    full = doctor.folder("renders folder", tmp_path, 2**30 + 1, "go away")
    assert (full.verdict, full.remedy) == ("FAIL", "free some space, or go away")
    assert "1.00 GiB free, about 1.00 GiB needed" in full.text


def test_space_grows_with_the_frames() -> None:
    few, many = (doctor._bytes_of_run(loaded(f"images: {count}")) for count in (10, 1000))
    assert many == 100 * few
    assert 10 * 128 * 64 * 3 < few < 10 * 128 * 64 * 3 * 10
    assert doctor._missing_bytes(loaded("diffusion: {model: 256x256_diffusion_uncond}")) > 2e9
    assert doctor._missing_bytes(loaded("")) == 0


@pytest.mark.slow
def test_the_command_line_starts_without_it() -> None:
    code = "import animator.cli.main, sys; sys.exit('animator.cli.doctor' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
