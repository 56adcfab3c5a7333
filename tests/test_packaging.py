"""What a stranger installs: the wheel, the source archive, the image, the notebook, the set-up by make."""

from __future__ import annotations

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tarfile
from email import message_from_bytes
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from typer.main import get_command

from animator import __version__
from animator.cli.main import app

ROOT = Path(__file__).parents[1]
PARTS = ("animator", "pyproject.toml", "setup.py", "README.md", "LICENSE")
LINK = re.compile(r"\[[^\]]*\]\(([^)]+)\)")
BIN = Path(sys.executable).parent


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is built, apart from the checkout, in which folders of earlier builds may lie."""
    folder = tmp_path_factory.mktemp("source")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder)
    (folder / "COMMIT").write_text("abc1234\n")
    return folder


@pytest.fixture(scope="module")
def installed(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder into which the wheel is installed, without what it depends on."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(source)], check=True
    )
    (wheel,) = folder.glob("*.whl")
    assert wheel.stat().st_size < 60e6
    subprocess.run([*pip, "install", "--no-deps", "--target", str(folder / "site"), str(wheel)], check=True)
    return folder / "site"


@pytest.mark.vital
@pytest.mark.slow
def test_the_wheel_has_what_is_no_code(installed: Path) -> None:
    for name in ("study/page.js", "study/page.css", "scene/new/film.yaml", "scene/base/pocket.yaml"):
        assert (installed / "animator" / name).is_file(), name


@pytest.mark.slow
def test_the_wheel_renders_by_itself(installed: Path, tmp_path: Path) -> None:
    scene = "extends: pocket\nmode: 2d\nframes: 2\nsize: [64, 64]\nprompts: a sea\nseed: 1\n"
    scene += "diffusion: {steps: 3}\nguard: {policy: 'off'}\n"  # so few steps leave noise
    (tmp_path / "sea.yaml").write_text(scene)
    environment = os.environ | {"PYTHONPATH": str(installed), "PYTHONSAFEPATH": "1"}

    def run(*words: str) -> str:
        done = subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    assert Path(run("-c", "import animator; print(animator.__file__)").strip()).is_relative_to(installed)
    assert f"animator {__version__} (commit abc1234), torch " in run("-m", "animator", "--version")
    film = tmp_path / run("-m", "animator", "render", "sea.yaml").strip()
    assert film.stat().st_size > 1000


@pytest.mark.slow
def test_the_wheel_holds_all_that_is_not_python(installed: Path) -> None:
    kept = {
        str(file.relative_to(ROOT))
        for file in (ROOT / "animator").rglob("*")
        if file.is_file() and file.suffix not in (".py", ".pyc")
    }
    assert len(kept) > 20
    assert sorted(file for file in kept if not (installed / file).is_file()) == []
    assert {file.name for file in installed.iterdir() if not file.name.endswith(".dist-info")} == {
        "animator",
        "bin",
    }  # tests, tools and benchmarks are for developers


@pytest.mark.slow
def test_the_page_of_the_package_has_no_link_that_leads_nowhere(installed: Path) -> None:
    (metadata,) = installed.glob("animator-*.dist-info/METADATA")
    message = message_from_bytes(metadata.read_bytes())
    text = message.get_payload()
    assert message["Description-Content-Type"] == "text/markdown"
    assert message["Version"] == __version__
    assert (message["License-Expression"], message["License-File"]) == ("MIT", "LICENSE")
    assert text.startswith("# animator\n")
    assert [link for link in LINK.findall(text) if not link.startswith(("https://", "#"))] == []


def test_with_an_address_links_and_pictures_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("setuptools.setup", lambda **_: None)
    monkeypatch.syspath_prepend(str(ROOT))
    page = runpy.run_path(str(ROOT / "setup.py"))["readme"]("https://x.org/a")
    links = LINK.findall(page)
    assert len(links) > 20
    assert all(link.startswith(("https://", "#")) for link in links)
    assert re.search(r"!\[[^\]]*\]\(https://x.org/a/raw/\w+/docs/gallery/flight.webp\)", page)
    assert re.search(r"\]\(https://x.org/a/blob/\w+/docs/install.md\)", page)


@pytest.mark.slow
def test_a_source_archive_builds_and_knows_its_commit(source: Path, tmp_path: Path) -> None:
    build = [
        sys.executable,
        "-m",
        "build",
        "--sdist",
        "--no-isolation",
        "--outdir",
        str(tmp_path),
        str(source),
    ]
    subprocess.run(build, check=True, capture_output=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
        stamp = file.extractfile(f"animator-{__version__}/COMMIT")
        assert stamp is not None
        assert stamp.read() == b"abc1234\n"
    assert {"LICENSE", "README.md", "setup.py", "animator/pocket/unet.safetensors"} <= names
    twine = [sys.executable, "-m", "twine", "check", "--strict", str(archive)]
    assert "PASSED" in subprocess.run(twine, check=True, capture_output=True, text=True).stdout


def test_the_image_is_built_as_it_should_be() -> None:
    lint = shutil.which("hadolint", path=str(BIN))
    if lint is None:
        pytest.skip("hadolint is there for Linux only")
    # DL3008, DL3013: versions are not pinned, as the program works with what is current.
    command = [
        lint,
        "--ignore",
        "DL3008",
        "--ignore",
        "DL3013",
        "--ignore",
        "DL3042",
        str(ROOT / "Dockerfile"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.slow
@pytest.mark.skipif(
    not os.environ.get("ANIMATOR_DOCKER"), reason="ANIMATOR_DOCKER=1 builds the image with Docker"
)
@pytest.mark.timeout(3600)
def test_the_image_renders(tmp_path: Path) -> None:
    (tmp_path / "sea.yaml").write_text("extends: pocket\nprompts: a sea\nsize: [64, 64]\nmodels: fake\n")
    subprocess.run(["docker", "build", "--tag", "animator-test", str(ROOT)], check=True)
    run = ["docker", "run", "--rm", "--volume", f"{tmp_path}:/work", "animator-test", "render", "sea.yaml"]
    subprocess.run(run, check=True)
    assert len(list(tmp_path.glob("renders/sea/*/frames/*.png"))) == 1


@pytest.mark.slow
def test_the_notebook_renders_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{BIN}{os.pathsep}{os.environ['PATH']}")
    notebook = nbformat.read(ROOT / "notebooks" / "animator.ipynb", as_version=4)
    assert [cell.outputs for cell in notebook.cells if cell.cell_type == "code" and cell.outputs] == []
    for cell in notebook.cells:
        cell.source = cell.source.replace(
            "frames: 24", "frames: 2\nsize: [64, 64]\ndiffusion: {steps: 3}\nguard: {policy: 'off'}"
        )
    NotebookClient(notebook, timeout=280, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    assert sum("<video" in str(output.get("data", "")) for output in shown) == 3
    assert any("image/png" in output.get("data", {}) for output in shown)
    assert len(list((tmp_path / "animator-runs" / "castle" / "frames").glob("*.png"))) == 2


def test_what_the_demo_says_to_type_next_can_be_typed() -> None:
    recipe = (ROOT / "Makefile").read_text().partition("\ndemo:")[2].partition("\ngallery:")[0]
    lines = re.findall(r'@echo "    \$\(BIN\)/animator (.*?)"', recipe)
    assert len(lines) == 3
    for line in lines:
        words = shlex.split(line)
        for word in words:
            if word.endswith(".yaml"):
                assert (ROOT / word).is_file()
        verb = get_command(app)
        if words != ["--help"]:
            command = verb.get_command(None, words[0])  # type: ignore[attr-defined,arg-type]
            assert command is not None
            command.make_context(words[0], words[1:])


@pytest.mark.vital
@pytest.mark.slow
def test_the_pages_are_a_site(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    first = (tmp_path / "site" / "index.html").read_text()
    assert "gallery/flight.webp" in first
    assert (tmp_path / "site" / "tutorial" / "1-first-picture.html").is_file()
    assert not list((tmp_path / "site").rglob("*.py"))
    addresses = set(re.findall(r'(?:src|href)="(https?://[^"]+)"', first))
    assert all(address.startswith(("https://squidfunk", "https://semver")) for address in addresses)
