"""``animator paint`` and ``animator new`` as they are typed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from typer.testing import CliRunner

from animator.cli.main import app
from animator.cli.paint import KINDS
from animator.importing.short import short_over, short_text
from animator.scene.bases import base_names
from animator.scene.beginnings import FOLDER
from animator.scene.reading import read_layered_text, read_scene
from animator.video.film import FilmWriter

QUICK = [
    "--set",
    "models=fake",
    "--set",
    "diffusion.steps=3",
    "--set",
    "output.losses=false",
    "--size",
    "64x64",
]
SMALL = [
    "--set",
    "models=fake",
    "--set",
    "size=[64,64]",
    "--set",
    "diffusion.steps=3",
    "--set",
    "output.losses=false",
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def frames(folder: str | Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(Path(folder).glob("*.png"))]


@pytest.mark.slow
def test_pictures_without_a_scene_and_the_scene_that_makes_them_again() -> None:
    made = run("paint", "a castle at night:2", "fog:-0.5", "-n", "2", *QUICK)
    assert (made.exit_code, made.stdout) == (0, "renders/a-castle-at-night/001/frames\n")
    file = Path("renders/a-castle-at-night/001/a-castle-at-night.yaml")
    assert f"the scene is {file}" in made.stderr
    assert len(file.read_text().splitlines()) < 25
    scene = read_scene(file).scene
    assert (scene.mode, scene.images, scene.size) == ("still", 2, (64, 64))
    assert scene.prompts == ["a castle at night:2", "fog:-0.5"]
    assert scene.guidance.clip_guidance_scale == 8000  # of the base scene
    again = run("render", str(file), "--out", "again")
    assert again.exit_code == 0
    assert frames("again/frames") == frames(made.stdout.strip())
    film = run("check", str(file), "--set", "mode=3d", "--set", "frames=4s")
    assert film.exit_code == 0


@pytest.mark.slow
def test_drafts_lead_to_the_pictures_that_they_are_drafts_of() -> None:
    words = [
        "--set",
        "models=fake",
        "--set",
        "output.losses=false",
        "--seed",
        "7",
        "--set",
        "diffusion.steps=4",
    ]
    made = run("paint", "a sea", "--draft", "-o", "out", *words, "--size", "128x128")
    assert (made.exit_code, made.stdout) == (0, "out/frames\n")
    scene = read_scene("out/a-sea.yaml").scene
    assert (scene.size, scene.seed, scene.images) == ((128, 128), 7, 1)
    again = run("render", "out/a-sea.yaml", "--draft", "--out", "again")
    assert again.exit_code == 0
    assert frames("again/frames") == frames("out/frames")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Missing argument 'PROMPT...'"),
        (("a sea", "-n", "0"), "Invalid value for '--images'"),
        (("a sea", "--size", "big"), "--set: size: expected"),
        (("a sea", "--seed", "many"), "--set: seed: expected"),
        (("a sea:nan",), "prompts: the weight is nan"),
        (("a sea:-1",), "prompts"),
        (("a sea", "--model", "pocked"), "did you mean pocket?"),
        (("a sea", "--extends", "pocked"), "did you mean 'pocket'?"),
        (("a sea", "--set", "guidance.clamp_max=-1"), "--set: guidance.clamp_max: expected"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(words: tuple[str, ...], said: str) -> None:
    failed = run("paint", *words)
    assert failed.exit_code == 2
    assert said in " ".join(failed.stderr.replace("│", "").split())
    assert not Path("renders").exists()


@pytest.mark.slow
def test_prompts_that_are_no_yaml() -> None:
    for prompt in ("[a, b", "{x: 1", "a: b", "'a", "~", "größer 夜", "a\nb"):
        made = run(
            "paint",
            prompt,
            *QUICK,
            "--set",
            "diffusion.steps=1",
            "-o",
            "out",
            "--set",
            "diffusion.skip_steps=0",
        )
        assert made.exit_code == 0, (prompt, made.stderr)
        (file,) = [path for path in Path("out").glob("*.yaml") if path.name != "scene.yaml"]
        assert read_scene(file).scene.prompts == prompt
        file.unlink()


@pytest.mark.vital
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["film", "still"])
def test_a_new_scene_renders_as_it_is(kind: str) -> None:
    made = run("new", kind, "mine.yaml")
    assert (made.exit_code, made.stdout) == (0, "mine.yaml\n")
    loaded = read_scene("mine.yaml")
    assert loaded.notices == ()
    assert loaded.scene.mode == {"film": "3d", "still": "still"}[kind]
    assert Path("mine.yaml").read_text().count("#") > 8
    length = "frames=3" if kind == "film" else "images=1"
    done = run("render", "mine.yaml", *SMALL, "--set", length, "--out", "run")
    assert done.exit_code == 0, done.stderr


@pytest.mark.slow
def test_a_new_video_names_the_footage() -> None:
    Path("films").mkdir()
    refused = run("new", "video", "films/mine.yaml")
    assert refused.exit_code == 2
    assert "there is no film beside films/mine.yaml; name the one to paint over: --footage" in refused.stderr
    with FilmWriter(Path("films/it's a clip.mp4"), 64, 64, 10) as writer:
        for frame in range(4):
            writer.add(np.full((64, 64, 3), 40 * frame, np.uint8))
    assert run("new", "video", "films/mine.yaml").exit_code == 0
    assert run("new", "video", "other.yaml", "--footage", "films/it's a clip.mp4").exit_code == 0
    scenes = [read_scene(one) for one in ("films/mine.yaml", "other.yaml")]
    assert {one.scene.video.init for one in scenes} == {str(Path("films/it's a clip.mp4").resolve())}
    assert all(one.notices == () for one in scenes)
    done = run("render", "other.yaml", *SMALL, "--set", "frames=2", "--set", "video.flow=dis", "--out", "run")
    assert done.exit_code == 0, done.stderr
    (Path("films") / "second.mp4").write_bytes(b"")
    assert "there are 2 films" in run("new", "video", "films/third.yaml").stderr


def test_a_file_is_never_written_over() -> None:
    Path("mine.yaml").write_text("prompts: dear\n")
    refused = run("new", "mine.yaml")
    assert refused.exit_code == 2
    assert "mine.yaml: is there already; write over it with --force, or name another file" in refused.stderr
    assert Path("mine.yaml").read_text() == "prompts: dear\n"
    assert run("new", "mine.yaml", "--force").exit_code == 0
    assert read_scene("mine.yaml").scene.mode == "3d"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("film",), "name the file to write: animator new film scene.yaml"),
        (("movie", "a.yaml"), "'movie' is no kind of scene; choose film, still, video"),
        (("film", "a.txt"), "name a file that ends in .yaml"),
        (("film", "nowhere/a.yaml"), "name a file in a folder that exists"),
        (("film", "a.yaml", "b.yaml"), "expected a kind and a file"),
        (("film", "a.yaml", "--footage", "clip.mp4"), "is for a video scene"),
        (("video", "a.yaml", "--footage", "clip.mp4"), "no such file"),
    ],
)
def test_what_new_refuses(words: tuple[str, ...], said: str) -> None:
    refused = run("new", *words)
    assert refused.exit_code == 2
    assert said in refused.stderr


def test_every_kind_has_its_scene() -> None:
    assert {path.stem for path in FOLDER.glob("*.yaml")} == set(KINDS)


@pytest.mark.parametrize("base", base_names())
def test_a_scene_is_written_short_and_reads_back(base: str) -> None:
    text = f"extends: {base}\nprompts: [a sea, 'fog:-0.5']\nseed: {{0: 3, 5: 7}}\nmode: 2d\nframes: 9\n"
    loaded = read_layered_text(f"{text}camera: {{zoom: '0: (1), 5: (1.1)'}}\nfps: 10.5\n", "scene")
    alone = read_layered_text(short_text(loaded, ["a", "b"]), "scene")
    over = short_over(loaded, base, ["a"])
    assert alone.scene == loaded.scene
    assert read_layered_text(over, "scene").scene == loaded.scene
    assert f"extends: {base}\n" in over
    assert len(over.splitlines()) < 30
