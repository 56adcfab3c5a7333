"""``animator study``: the same scene with other values of some settings, side by side."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

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
    say,
    show_notices,
    with_device,
)
from animator.cli.spread import On, painter_for
from animator.errors import SceneError, UsageError

if TYPE_CHECKING:
    from animator.scene.reading import LoadedScene
    from animator.study.cells import Study
    from animator.study.make import Made
    from animator.study.painters import Painter

MOST_NOTICES = 12
"""Notices of all cells that are shown."""

VARY = typer.Option(
    "--vary",
    metavar="KEY=VALUES",
    help="A setting and its values: guidance.clamp_max=0.05,0.1 or 0.05..0.2 x4 (log) or @lines.txt; "
    "several times for several axes.",
)


@guarded
def study(  # noqa: PLR0913 (an option of the command line is an argument)
    scene: Annotated[
        Path,
        typer.Argument(
            help="A scene file, - for the standard input, a picture that carries its scene, or the folder of "
            "a study, to continue it.",
            metavar="SCENE",
            show_default=False,
        ),
    ],
    vary: Annotated[list[str] | None, VARY] = None,
    zip_axes: Annotated[
        bool, typer.Option("--zip", help="Take the axes together: first value with first, and so on.")
    ] = False,
    at: Annotated[
        str,
        typer.Option(
            "--at", metavar="SHARES", help="Also show the pictures on the way: 20%,50%,100% of the steps."
        ),
    ] = "",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The folder, in place of renders/<scene>-study.")
    ] = None,
    settings: Settings = None,
    draft: Annotated[
        bool, typer.Option("--draft", help="Paint every cell as animator render --draft does.")
    ] = False,
    judge: Annotated[
        str, typer.Option("--judge", metavar="NAME", help="The CLIP model that scores all cells.")
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Find what is wrong with any cell; paint nothing.")
    ] = False,
    scene_of: Annotated[
        str,
        typer.Option(
            "--scene-of", metavar="CELL", help="Print the scene of a cell of the study in this folder."
        ),
    ] = "",
    device: Device = None,
    on: On = "",
    deterministic: Deterministic = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Paint a scene with other values of some settings, and show all of it on one sheet.

    The folder gets the sheet, a page to browse and choose (study.html), a table (study.csv) and the
    pictures. Given again, also with more values, the command paints only what is missing.
    """
    folder = scene if scene.is_dir() else None
    asked = bool(vary or at or settings or zip_axes or draft)
    if folder is not None and (asked or out is not None or check or device is not None):
        raise UsageError(
            f"{folder} is the folder of a study, which is continued as it is; name the scene to change it"
        )
    if scene_of:
        _print_scene(folder, scene_of)
        return
    _check_judge(judge)
    if deterministic:
        from animator.system.deterministic import use_deterministic

        use_deterministic()
    painter = painter_for(on)
    if folder is not None:
        _continue(folder, judge, as_json, painter)
        return
    seed = None if check else _kept_seed(scene, out)
    read = _read(scene, with_device(settings, device), tuple(vary or ()), zip_axes, at, draft, seed)
    if check:
        _report_check(read)
        return
    from animator.study.make import make_study

    _shown(
        make_study(read, reporter_for(as_json), out=out, judge=judge, cancel=stop(), say=say, painter=painter)
    )


def _read(
    scene: Path,
    settings: list[str],
    vary: tuple[str, ...],
    zip_axes: bool,
    at: str,
    draft: bool,
    seed: int | None,
) -> Study:
    """Read every cell; report what is wrong with some of them."""
    from animator.study.cells import study_of

    read = study_of(str(scene), settings, vary=vary, zip_axes=zip_axes, at=at, draft=draft, seed=seed)
    show_notices(read.notices[:MOST_NOTICES])
    if len(read.notices) > MOST_NOTICES:
        say(f"note: and {len(read.notices) - MOST_NOTICES} more about single cells")
    for problem in read.problems:
        say(str(problem))
    return read


def _check_judge(name: str) -> None:
    from animator.weights.registry import find

    try:
        find("clip", name) if name else None
    except UsageError as error:
        raise UsageError(f"--judge: {error}") from None


def _kept_seed(scene: Path, out: Path | None) -> int | None:
    from animator.study.place import kept_seed

    return kept_seed(scene, out)


def _continue(folder: Path, judge: str, as_json: bool, painter: Painter) -> None:
    from animator.study.make import resume_study

    _shown(resume_study(folder, reporter_for(as_json), judge=judge, cancel=stop(), say=say, painter=painter))


def _shown(made: Made) -> None:
    """Say what became of a study and where it is."""
    from animator.study.results import FAILED, best_of, count_text

    failed = {one.name: one for one in made.results if one.state == FAILED and one.name in made.failed}
    for one in list(failed.values())[:MOST_NOTICES]:
        values = zip((axis.title for axis in made.grid.shown), one.values, strict=True)
        say(f"failed: {' '.join(f'{name}={value}' for name, value in values)}: {one.reason}")
    if len(failed) > MOST_NOTICES:
        say(f"and {len(failed) - MOST_NOTICES} more failed, see study.csv")
    best = best_of(made.results)
    scored = f"; the best score has {best.name}, {best.score:.3f}" if best else ""
    say(f"{count_text(made.results)}{scored}; browse {made.folder / 'study.html'}")
    print(made.folder)
    if made.exit_status:
        raise typer.Exit(made.exit_status)


def _report_check(read: Study) -> None:
    """Say how large a study is, or end with the faults of its cells, which are said already."""
    from animator.study.cells import size_text

    if read.problems:
        raise typer.Exit(SceneError.exit_status)
    print(f"{read.source}: fine: {size_text(read)}")


def _print_scene(folder: Path | None, cell: str) -> None:
    from animator.study.place import scene_of_cell

    if folder is None:
        raise UsageError("--scene-of needs the folder of a study, such as renders/<scene>-study")
    sys.stdout.write(scene_of_cell(folder, cell))


def check_study(loaded: LoadedScene, scene: Path, settings: list[str]) -> str:
    """Return what `animator check` says of a scene's ``study``; an empty text where it has none.

    Raises:
        SceneError: with what is wrong with any of its cells.
    """
    if loaded.study is None or loaded.study.value is None:
        return ""
    from animator.scene.reading import PIPED
    from animator.study.cells import size_text, study_of

    if str(scene) == PIPED:
        return "; its study was not looked at, for the standard input is read once: check a file"
    read = study_of(str(scene), settings)
    if read.problems:
        raise SceneError(read.problems, read.notices)
    return f"; study of {size_text(read)}"
