"""``animator paint``: pictures without a scene file; ``animator new``: a scene to begin with."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from animator.cli.interrupts import stop
from animator.cli.progress import reporter_for
from animator.cli.shared import (
    AsJson,
    Debug,
    Deterministic,
    Device,
    Settings,
    guarded,
    printable,
    say,
    show_notices,
    with_device,
)
from animator.errors import SceneError, UsageError

if TYPE_CHECKING:
    from animator.scene.reading import LoadedScene

BASE = "pocket"
"""The network that is used when none is named, and the base scene whose steps and guidance suit it."""


@guarded
def paint(  # noqa: PLR0913 (an option of the command line is an argument)
    prompts: Annotated[
        list[str],
        typer.Argument(
            help='What to paint, with weights as in a scene: "a castle at night" "fog:-0.5".',
            metavar="PROMPT...",
            show_default=False,
        ),
    ],
    images: Annotated[int, typer.Option("--images", "-n", min=1, help="How many pictures.")] = 1,
    size: Annotated[
        str, typer.Option("--size", metavar="WxH", help="Width and height in pixels: 256x192.")
    ] = "",
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="The diffusion network.")] = "",
    extends: Annotated[
        str,
        typer.Option(
            "--extends", metavar="SCENE", help="A scene whose settings are taken, or a base's name."
        ),
    ] = "",
    seed: Annotated[
        str, typer.Option("--seed", metavar="N", help="Of the first picture; left out, one is drawn.")
    ] = "",
    settings: Settings = None,
    draft: Annotated[
        bool, typer.Option("--draft", help="Quick and rough, as animator render --draft does.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder, in place of renders/<prompt>/<number>.")
    ] = None,
    device: Device = None,
    deterministic: Deterministic = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Paint pictures of a text, without a scene file.

    The scene is written beside the pictures: animator render makes the same ones of it again.
    """
    from animator.runs.names import folder_name

    name = folder_name(prompts[0].rpartition(":")[0] or prompts[0])[:60]
    name = name if name != "scene" else "painted"  # a run has a scene.yaml already
    said = {"mode": "still", "images": images, "prompts": prompts if len(prompts) > 1 else prompts[0]}
    words = [("size", size), ("diffusion.model", model), ("seed", seed)]
    over = [f"{key}={value}" for key, value in words if value] + list(settings or ())
    base = extends or (BASE if _model(over) == BASE else "")
    loaded = _read(said, base, with_device(over, device), name)
    show_notices(loaded.notices)
    scene = _scene(loaded, base, draft, name)
    if draft:
        from animator.scene.draft import draft_of

        loaded = draft_of(loaded)
    if deterministic:
        from animator.system.deterministic import use_deterministic

        use_deterministic()
    from animator.run.render import render_scene
    from animator.runs.files import write_atomic

    made = render_scene(loaded, reporter_for(as_json), out=out, cancel=stop())
    file = made.parent / f"{name}.yaml"
    write_atomic(file, scene.encode())
    say(f"the scene is {file}")
    print(made)


def _model(over: list[str]) -> str:
    """Return the diffusion network that is asked for."""
    named = [value for name, _, value in (one.partition("=") for one in over) if name == "diffusion.model"]
    return named[-1].strip() if named else BASE


def _read(said: dict[str, Any], base: str, over: list[str], name: str) -> LoadedScene:
    """Return the scene of what was asked for; faults name no file."""
    from animator.scene.reading import read_layered_text
    from animator.scene.written import yaml_text

    tree = {"version": 1, **({"extends": base} if base else {}), **said}
    try:
        loaded = read_layered_text(yaml_text(tree, flow=False), name, over)
    except SceneError as error:
        raise SceneError(map(_placeless, error.problems), map(_placeless, error.notices)) from None
    notices = tuple(map(_placeless, loaded.notices))
    return dataclasses.replace(loaded, title=name, notices=notices)


def _placeless(problem: Any) -> Any:
    """Return a problem without a place in the scene that only this command has seen."""
    return problem if problem.file == "--set" else dataclasses.replace(problem, file="", line=0, column=0)


def _scene(loaded: LoadedScene, base: str, draft: bool, name: str) -> str:
    """Return the scene of the pictures as a short text; of drafts, the scene that they are drafts of."""
    from animator.importing.short import short_over

    file = f"{name}.yaml"
    head = [f"animator render {file} --draft   makes these drafts again, and without --draft the pictures"]
    plain = [f"animator render {file}   makes these pictures again; mode: 3d and frames: 4s make a film"]
    return short_over(loaded, base, head if draft else plain)


KINDS = ("film", "still", "video")
"""What `new` makes scenes of."""

FOOTAGE = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".gif")
"""How names of films end."""


@guarded
def new(
    words: Annotated[
        list[str],
        typer.Argument(
            help="The kind: film (also if left out), still or video; then the file to write.",
            metavar="[film|still|video] SCENE",
            show_default=False,
        ),
    ],
    footage: Annotated[
        Path | None,
        typer.Option("--footage", metavar="FILM", help="The film that a video scene paints over."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there already.")] = False,
    debug: Debug = False,
) -> None:
    """Write a short scene with comments, to begin with; it renders as it is."""
    from animator.scene.beginnings import beginning

    kind, path = _kind_and_file(words)
    if path.exists() and not force:
        raise UsageError(f"{path}: is there already; write over it with --force, or name another file")
    if kind != "video" and footage is not None:
        raise UsageError(f"--footage: is for a video scene: animator new video {path} --footage {footage}")
    film = _footage(path, footage) if kind == "video" else None
    try:
        path.write_text(beginning(kind, film), encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; name a file in a folder that exists") from None
    say(f"see what it says: animator check {path}; make it: animator render {path}")
    print(printable(str(path)))


def _kind_and_file(words: list[str]) -> tuple[str, Path]:
    kind, file = (words[0], words[1]) if len(words) == 2 else ("film", words[0])
    if len(words) > 2:
        raise UsageError(f"expected a kind and a file, found {len(words)} words")
    if kind not in KINDS:
        raise UsageError(f"'{kind[:40]}' is no kind of scene; choose {', '.join(KINDS)}")
    if len(words) == 1 and file in KINDS:
        raise UsageError(f"name the file to write: animator new {file} scene.yaml")
    if Path(file).suffix.lower() not in (".yaml", ".yml"):
        raise UsageError(f"{file}: name a file that ends in .yaml")
    return kind, Path(file)


def _footage(scene: Path, named: Path | None) -> str:
    """Return the footage as the scene names it: the only film beside the scene, unless one is named."""
    import os

    if named is not None:
        if not named.is_file():
            raise UsageError(f"--footage: {named}: no such file")
        return os.path.relpath(named, scene.parent).replace(os.sep, "/")
    folder = scene.parent
    films = sorted(one.name for one in folder.glob("*") if one.suffix.lower() in FOOTAGE)
    if len(films) != 1:
        there = "there is no film" if not films else f"there are {len(films)} films"
        raise UsageError(f"{there} beside {scene}; name the one to paint over: --footage clip.mp4")
    return films[0]
