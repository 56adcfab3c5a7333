"""Every scene and command of the documentation works.

A fenced block ``yaml`` whose first line is ``# name.yaml`` is that file; blocks of a page lie in one folder,
so that a later one may extend an earlier one. ``# name.yaml, notices`` allows notices. Files that a scene or
a command names are small ones that are made here.
"""

from __future__ import annotations

import itertools
import re
import shlex
import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import typer.main
from PIL import Image
from typer.testing import CliRunner

from animator.cli.main import app
from animator.scene.reading import LoadedScene, read_scene
from animator.video.film import FilmWriter
from tests.docs_pages import PAGES, ROOT, Block, blocks, name_of

NAMED = re.compile(r"# (?P<name>[\w-]+\.yaml)(?P<notices>, notices)?\b")
READERS = frozenset({"render", "check", "plan", "preview", "plot"})
"""Verbs that read a scene and take ``--set``."""
ELSEWHERE = frozenset({"docs/engines.md", "docs/latent.md"})
"""Pages whose scenes need their code, or weights: see `test_engines_page` and `test_latent_films`."""
GENERIC = frozenset({"scene.yaml", "stills.yaml", "one.yaml", "two.yaml", "three.yaml"})
"""Names that stand for any scene of the reader's."""


def commands(page: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield (place, words) of each line of a page's commands that calls the program."""
    for block in blocks(page, "sh", ""):
        for number, line in enumerate(block.text.splitlines(), block.line + 1):
            for call in map(str.strip, line.split(" | ")):
                if call.startswith("animator "):
                    plain = re.sub(r" \[([^\]=]*)\]", r" \1", call)  # [--csv] says that it may be left out
                    words = shlex.split(plain, comments=True)[1:]
                    yield f"{block.page.name}:{number}", list(itertools.takewhile(">".__ne__, words))


def make_files(folder: Path, text: str) -> None:
    """Make small files of the kinds that a text names, in a folder, and the folders they lie in."""
    kinds = r"[\w./-]+\.(?:png|jpe?g|mp4|mov|mp3|wav|json|csv|cube)\b|(?<=@)[\w./-]+\.txt\b"
    for name in set(re.findall(kinds, text)):
        path = folder / name
        if (path.is_absolute() and name.startswith("/")) or ".." in path.parts or path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        _make(path)


def _make(path: Path) -> None:
    if path.suffix in (".png", ".jpg", ".jpeg"):
        Image.fromarray(np.tile(np.arange(192, dtype=np.uint8), (128, 1))).convert("RGB").save(path)
    elif path.suffix in (".mp4", ".mov"):
        with FilmWriter(path, 96, 64, 12) as writer:
            for frame in range(60):
                writer.add(np.full((64, 96, 3), 2 * frame, np.uint8))
    elif path.suffix in (".mp3", ".wav"):
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            tone = 0.5 * np.sin(np.arange(8000 * 60) * 2 * np.pi * 100 / 8000)
            file.writeframes((tone * 32767).astype("<i2").tobytes())
    elif path.suffix == ".txt":
        path.write_text("one\nanother\n")
    elif path.suffix == ".cube":
        path.write_text("LUT_1D_SIZE 2\n0 0 0\n1 1 0.9\n")
    elif path.suffix == ".csv":
        path.write_text("frame,translation_z\n0,5\n9,10\n")


def write_scenes(page: Path, folder: Path) -> dict[str, Block]:
    """Write the named scenes of a page into a folder, with what they name; return them by name."""
    named = {}
    for block in blocks(page, "yaml"):
        match = NAMED.match(block.text)
        if match:
            (folder / match["name"]).write_text(block.text, encoding="utf-8")
            named[match["name"]] = block
        make_files(folder, block.text)
    return named


def scenes_of(page: Path) -> set[str]:
    """Return the names of the scenes of a page."""
    return {match["name"] for one in blocks(page, "yaml") if (match := NAMED.match(one.text))}


def readable(block: Block, folder: Path) -> LoadedScene:
    """Read a block as a scene: a fragment without prompts and bases gets a prompt."""
    path = folder / "block.yaml"
    match = NAMED.match(block.text)
    if match:
        path = folder / match["name"]
    text = block.text
    if not re.search(r"^(prompts|extends):", text, re.MULTILINE):
        text += '\nprompts: ["a lighthouse"]\n'
    path.write_text(text, encoding="utf-8")
    return read_scene(path)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def pages_with(*languages: str) -> list[Path]:
    return [page for page in PAGES if any(True for _ in blocks(page, *languages))]


@pytest.mark.parametrize(
    "page", [one for one in pages_with("yaml") if name_of(one) not in ELSEWHERE], ids=name_of
)
def test_every_scene_of_a_page_is_read(page: Path, folder: Path) -> None:
    assert problems_of_scenes(page, folder) == []


def problems_of_scenes(page: Path, folder: Path) -> list[str]:
    """Return what is wrong with the scenes of a page: faults, and notices where none are announced."""
    named = write_scenes(page, folder)
    found = []
    for block in blocks(page, "yaml"):
        try:
            loaded = readable(block, folder)
        except Exception as fault:
            found.append(f"{block}: {fault}")
            continue
        match = NAMED.match(block.text)
        whole = match is not None or re.search(r"^prompts:", block.text, re.MULTILINE) is not None
        if whole and not (match and match["notices"]):
            found += [f"{block}: {notice}" for notice in loaded.notices]
    assert len(named) == sum(NAMED.match(one.text) is not None for one in blocks(page, "yaml")), (
        "a name twice"
    )
    return found


@pytest.mark.parametrize("page", pages_with("sh", ""), ids=name_of)
def test_every_command_of_a_page_is_one(page: Path, folder: Path) -> None:
    named = write_scenes(page, folder)
    assert [
        fault for place, words in commands(page) for fault in faults_of(place, words, folder, named)
    ] == []


def faults_of(place: str, words: list[str], folder: Path, named: dict[str, Block]) -> list[str]:
    """Return what is wrong with a command: a verb, an option, a scene or a value that is not there."""
    root = typer.main.get_command(app)
    if words[:1] == ["--version"] or words[:1] == ["--help"]:
        return []
    try:
        context = root.make_context("animator", list(words))
        command, rest = root, list(words)
        while hasattr(command, "resolve_command"):
            verb, command, rest = command.resolve_command(context, rest)
            context = command.make_context(verb, rest, parent=context)
    except BaseException as fault:  # click's own exceptions, and Exit
        return [f"{place}: animator {shlex.join(words)}: {getattr(fault, 'message', fault)!r}"]
    found = []
    scenes = [word for word in words if word.endswith(".yaml") and "=" not in word]
    for scene in scenes:
        there = (folder / scene).exists() or (ROOT / scene).exists() or scene in GENERIC
        if not there and not is_known(scene):
            found.append(f"{place}: {scene} is no scene of this page or of the project")
    values = [value for word, value in itertools.pairwise(words) if word == "--set"]
    if words[0] in READERS and values:
        for scene in scenes:
            path = folder / scene if scene in named else ROOT / scene
            if path.exists():
                make_files(path.parent if scene in named else folder, " ".join(values))
                try:
                    read_scene(path, values)
                except Exception as fault:
                    found.append(f"{place}: {fault}")
    return found


def is_known(scene: str) -> bool:
    """Return whether a scene is one of the project or of another page."""
    return (ROOT / "scenes" / scene).exists() or any(scene in scenes_of(page) for page in PAGES)


QUICK = frozenset({"check", "schema"})
SLOW = frozenset({"plot", "preview", "plan"})


@pytest.mark.parametrize("page", pages_with("sh"), ids=name_of)
def test_quick_commands_run(page: Path, folder: Path) -> None:
    assert failed(page, folder, QUICK, ("--csv",)) == []


SLOWER = [
    pytest.param(page, words, id=f"{place} {words[0]}")
    for page in pages_with("sh")
    for place, words in commands(page)
    if words[0] in SLOW and not {"--csv", "--probe"} & {*words} and scenes_of(page) & {*words}
]


@pytest.mark.slow
@pytest.mark.parametrize(("page", "words"), SLOWER)
def test_a_slower_command_runs(page: Path, words: list[str], folder: Path) -> None:
    write_scenes(page, folder)
    small = ["--size", "64", "--set", "frames=6"] if words[0] == "preview" else []
    result = CliRunner().invoke(app, [*words, *small])
    assert result.exit_code == 0, result.output


SMALL = (
    "models=fake",
    "size=[64,64]",
    "frames=3",
    "images=1",
    "diffusion.steps=12",
    "vr.vr180_size=256",
    "guidance.cuts={overview: 1, innercut: 1}",
)
"""Settings with which a scene of a page is rendered in a moment, without networks."""
RENDERED = [
    pytest.param(page, name, id=f"{page.stem} {name}")
    for page in (*(ROOT / "docs" / "tutorial").glob("*.md"), ROOT / "docs" / "recipes.md")
    for name in sorted(scenes_of(page))
]


@pytest.mark.slow
@pytest.mark.parametrize(("page", "name"), RENDERED)
def test_a_scene_of_a_guide_renders(page: Path, name: str, folder: Path) -> None:
    write_scenes(page, folder)
    over = [word for one in SMALL for word in ("--set", one)]
    result = CliRunner().invoke(app, ["render", name, "--out", "run", *over])
    assert result.exit_code == 0, result.output
    made = Path(result.stdout.splitlines()[-1])
    assert made.exists()
    assert list((folder / "run" / "frames").glob("*.png"))


def failed(page: Path, folder: Path, verbs: frozenset[str], options: tuple[str, ...]) -> list[str]:
    """Run the commands of a page that have one of these verbs or options; return those that fail."""
    named = write_scenes(page, folder)
    found = []
    for place, words in commands(page):
        wanted = words[0] in verbs or any(option in words for option in options)
        if not wanted or not any(word in named for word in words):
            continue
        result = CliRunner().invoke(app, words)
        if result.exit_code:
            found.append(f"{place}: {shlex.join(words)}: {result.exit_code}: {result.output}")
    return found


PLANTED = """# A page

```yaml
# good.yaml
prompts: "a lighthouse"
```

```yaml
# wrong.yaml
extends: good.yaml
camera: {zom: 1}
```

```yaml
# noted.yaml
extends: good.yaml
camera: {zoom: 1.1}
```

```yaml
# allowed.yaml, notices
extends: good.yaml
camera: {zoom: 1.1}
```

```sh
animator rendre good.yaml
animator render good.yaml --drafft
animator render absent.yaml
animator render good.yaml --set fps=0
animator check good.yaml --set fps=24    # fine
animator check wrong.yaml
```
"""


def test_faults_of_a_page_are_found(folder: Path) -> None:
    page = folder / "page.md"
    page.write_text(PLANTED)
    (folder / "work").mkdir()
    scenes = problems_of_scenes(page, folder / "work")
    assert len(scenes) == 2
    assert "page.md:8" in scenes[0]
    assert "did you mean 'zoom'?" in scenes[0]
    assert "camera.zoom: has no effect in mode 3d" in scenes[1]
    named = write_scenes(page, folder)
    wrong = [fault for place, words in commands(page) for fault in faults_of(place, words, folder, named)]
    assert len(wrong) == 4
    for fault, said in zip(wrong, ("rendre", "--drafft", "absent.yaml", "fps: expected"), strict=True):
        assert said in fault
    (broken,) = failed(page, folder, QUICK, ())
    assert broken.startswith("page.md:32: check wrong.yaml: 2")
