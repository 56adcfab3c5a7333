"""The command line: verbs, exit statuses and what is printed; no logic of its own.

Exit status 0: done. 2: the scene or the command line is wrong. 1: our fault, or the machine's. 130:
interrupted.
Networks are imported only by the verbs that run them.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from animator.cli.camera import camera
from animator.cli.edit import edit
from animator.cli.finishing import finish_film, upscale
from animator.cli.importing import import_
from animator.cli.interrupts import stop, take_interrupts
from animator.cli.look import add_look, plan_more, print_fitting
from animator.cli.models import models
from animator.cli.order import InOrder, give_headings
from animator.cli.page import page, watch
from animator.cli.paint import new, paint
from animator.cli.progress import reporter_for
from animator.cli.report import report
from animator.cli.runs import add_runs
from animator.cli.score import score
from animator.cli.shared import (
    AsJson,
    Debug,
    Deterministic,
    Device,
    OneScene,
    Settings,
    guarded,
    printable,
    say,
    show_notices,
    with_device,
)
from animator.cli.spread import On, Spread, painter_for, spreads_tiles, tiles_for
from animator.cli.study import check_study, study
from animator.cli.vr import vr180
from animator.errors import INTERRUPTED, Problem, SceneError, UsageError
from animator.system.plural import counted
from animator.system.version import version_line

if TYPE_CHECKING:
    from animator.scene.reading import LoadedScene

app = typer.Typer(
    cls=InOrder,
    help="Turn a scene file into a film. First: animator new scene.yaml, then animator render scene.yaml.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(models, name="models")
app.command()(vr180)
app.command()(edit)
app.command()(upscale)
app.command("finish-film")(finish_film)
app.command()(report)
app.command()(score)
app.command("import")(import_)
app.command()(camera)
app.command()(study)
app.command()(paint)
app.command()(new)
app.command()(page)
app.command()(watch)

Scenes = Annotated[
    list[Path],
    typer.Argument(
        help="Scene files, - for the standard input, or pictures that carry their scene.",
        metavar="SCENE...",
        show_default=False,
    ),
]


@app.command()
@guarded
def render(  # noqa: PLR0913 (an option of the command line is an argument)
    scenes: Scenes,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The run folder, in place of renders/<scene>/<number>.")
    ] = None,
    settings: Settings = None,
    draft: Annotated[
        bool,
        typer.Option(
            "--draft",
            help="Half the size, 0.4 of the steps (10 or more), half the cuts in one batch: quick and rough.",
        ),
    ] = False,
    show_cuts: Annotated[
        bool, typer.Option("--show-cuts", help="Keep sheets of what CLIP sees; sets output.show_cuts=true.")
    ] = False,
    only: Annotated[
        str | None,
        typer.Option("--only", metavar="N,N", help="Make only these of several stills, counted from 0."),
    ] = None,
    device: Device = None,
    deterministic: Deterministic = False,
    compiled: Annotated[
        bool, typer.Option("--compile", help="Compile the networks first; sets diffusion.compile=true.")
    ] = False,
    on: On = "",
    spread: Spread = "",
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Render scenes to films or pictures; a run that is in the folder already is resumed.

    A picture that this program made, in place of a scene file, is painted again. A settings file of another
    program is rendered as animator import would make a scene of it.
    """
    from animator.importing.opening import open_scene

    tiled = spreads_tiles(on, spread)
    if out is not None and len(scenes) > 1:
        raise UsageError("--out names one run folder, but there are several scenes; render them one by one")
    over = [*with_device(settings, device), *(["output.show_cuts=true"] if show_cuts else ())]
    over += ["diffusion.compile=true"] if compiled else []
    loaded = read_all(scenes, lambda path: open_scene(path, over))
    if only is not None:
        loaded = [chosen(one, only) for one in loaded]
    if draft:
        from animator.scene.draft import draft_of

        loaded = [draft_of(one) for one in loaded]
    if deterministic:
        from animator.system.deterministic import use_deterministic

        use_deterministic()
    if on and not tiled:
        from animator.study.shots import render_spread

        for one in loaded:
            show_notices(one.notices)
        status = render_spread(
            loaded, reporter_for(as_json), painter_for(on), out=out, cancel=stop(), say=say
        )
        if status:
            raise typer.Exit(status)
        return
    from animator.run.render import render_scene
    from animator.weights.shared import SharedNetworks

    shared = SharedNetworks()
    for one in loaded:
        show_notices(one.notices)
        with tiles_for(one, on, stop()) as others:
            made = render_scene(
                one, reporter_for(as_json), out=out, cancel=stop(), shared=shared, elsewhere=others
            )
        print(made)


@app.command()
@guarded
def resume(
    run: Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN", show_default=False)],
    device: Device = None,
    deterministic: Deterministic = False,
    on: On = "",
    spread: Spread = "",
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Resume a run that was interrupted, from its last finished frame."""
    if deterministic:
        from animator.system.deterministic import use_deterministic

        use_deterministic()
    from animator.run.render import opened_run, resume_run

    if not spreads_tiles(on, spread) and on:
        raise UsageError("--on: a run is resumed here; to spread the tiles of pictures, add --spread tiles")
    with tiles_for(opened_run(run, device)[1], on, stop()) as others:
        print(resume_run(run, reporter_for(as_json), device=device, cancel=stop(), elsewhere=others))


@app.command()
@guarded
def finish(
    run: Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN", show_default=False)],
    pictures: Annotated[
        list[int] | None,
        typer.Argument(
            help="Numbers of the stills, from 0; all of them if left out.", metavar="[PICTURE...]"
        ),
    ] = None,
    device: Device = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Finish drafts: stills that diffusion.stop_at stopped part of the way."""
    from animator.run.render import finish_run

    print(finish_run(run, tuple(pictures or ()), reporter_for(as_json), device=device, cancel=stop()))


@app.command()
@guarded
def check(scenes: Scenes, settings: Settings = None, debug: Debug = False) -> None:
    """Find everything that is wrong with scenes, without loading a network."""
    from animator.importing.opening import open_scene

    def read(path: Path) -> tuple[LoadedScene, str]:
        loaded = open_scene(path, settings or ())
        return loaded, check_study(loaded, path, settings or [])

    for one, studied in read_all(scenes, read):
        show_notices(one.notices)
        scene = one.scene
        what = "picture" if scene.mode == "still" else "frame"
        size = f"{scene.size[0]} x {scene.size[1]}"
        if scene.large_size is not None:
            size += f", painted again at {scene.large_size[0]} x {scene.large_size[1]}"
        made = f"{scene.mode}, {counted(scene.count, what)} of {size}, {scene.diffusion.steps} steps"
        print(f"{printable(str(one.source))}: fine: {made}{studied}")


@app.command()
@guarded
def plan(
    scene: OneScene,
    csv: Annotated[
        bool, typer.Option("--csv", help="The whole timeline as CSV, one row for each frame.")
    ] = False,
    probe: Annotated[
        bool, typer.Option("--probe", help="Take a few real steps and estimate how long all of it will take.")
    ] = False,
    gpu: Annotated[
        str | None,
        typer.Option("--gpu", help="Whether it fits another GPU, and what does: 16GB, T4, A100, 4090."),
    ] = None,
    device: Device = None,
    settings: Settings = None,
    debug: Debug = False,
) -> None:
    """Show what every setting is at every frame, what will run, and about how much memory it takes."""
    from animator.importing.opening import open_scene

    loaded = open_scene(scene, with_device(settings, device))
    show_notices(loaded.notices)
    if csv:
        loaded.timeline.to_csv(sys.stdout)
        return
    if gpu is not None:
        print_fitting(loaded, gpu)
        return
    from animator.scene.summary import summary

    print(summary(loaded), flush=True)
    from animator.memory.report import memory_text  # torch takes seconds to import: the rest is there first

    print(f"\n{memory_text(loaded)}", flush=True)
    print(f"\n{plan_more(loaded, probe=probe)}")


@app.command()
@guarded
def doctor(
    scene: Annotated[
        Path | None,
        typer.Argument(
            help="Also look at what this scene needs: its networks, space for its frames.",
            metavar="[SCENE]",
            show_default=False,
        ),
    ] = None,
    device: Device = None,
    settings: Settings = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="JSON on stdout, one object for each line.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Look at the machine and the installation, and say what to do about every fault."""
    from animator.cli.doctor import examine
    from animator.importing.opening import open_scene

    failed = False
    loaded = open_scene(scene, with_device(settings, device)) if scene else None
    for found in examine(loaded, device):
        print(json.dumps(dataclasses.asdict(found)) if as_json else found, flush=True)
        failed = failed or found.verdict == "FAIL"
    if failed:
        raise SystemExit(1)


@app.command()
@guarded
def show(
    picture: Annotated[
        Path, typer.Argument(help="A PNG that this program made.", metavar="PICTURE", show_default=False)
    ],
    everything: Annotated[
        bool, typer.Option("--all", help="Begin with its number, seed and prompt, as comments.")
    ] = False,
    debug: Debug = False,
) -> None:
    """Print the scene that a picture carries."""
    from animator.scene.carried import carried_text

    print(carried_text(picture, everything=everything), end="")


@app.command()
@guarded
def schema(debug: Debug = False) -> None:
    """Print the JSON Schema of a scene, for completion in editors."""
    from animator.scene.resolved import json_schema

    print(json.dumps(json_schema(), indent=2))


add_look(app)
add_runs(app)
give_headings(app)


def read_all(paths: list[Path], read: Callable[[Path], Any]) -> list[Any]:
    """Read every scene; where some are wrong, report the problems of all of them together."""
    loaded: list[Any] = []
    problems: list[Problem] = []
    notices: list[Problem] = []
    for path in paths:
        try:
            loaded.append(read(path))
        except SceneError as error:
            problems += error.problems
            notices += error.notices
    if problems:
        raise SceneError(problems, notices)
    return loaded


def chosen(loaded: LoadedScene, numbers: str) -> LoadedScene:
    """Return a scene of stills of which only some are to be made; ``numbers`` are as in ``--only 3,5``."""
    words = [word.strip() for word in numbers.split(",")]
    if not all(word.isascii() and word.isdecimal() for word in words):
        raise UsageError(f"--only: expected numbers of stills such as 3,5, found '{numbers}'")
    scene = loaded.scene
    if scene.mode != "still":
        raise UsageError(f"--only chooses among stills, but {loaded.source} is a film (mode: {scene.mode})")
    only = sorted({int(word[:20]) for word in words})
    if only[-1] >= scene.count:
        last = scene.count - 1
        raise UsageError(f"--only: {loaded.source} has no picture {only[-1]}; its pictures are 0 to {last}")
    return dataclasses.replace(loaded, only=tuple(only))


def _show_version(wanted: bool) -> None:
    if wanted:
        print(version_line())
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Turn a scene file into a film."""


def main() -> None:
    """Run the command line; SIGTERM ends as cleanly as Ctrl-C."""
    take_interrupts()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # so that a path that is no UTF-8 is printed as it is
            stream.reconfigure(errors="surrogateescape")
    try:
        os.getcwd()
    except FileNotFoundError:
        say("the current folder was removed; change to another one, then give the same command again")
        raise SystemExit(2) from None
    try:
        app()
    except KeyboardInterrupt:  # outside of a verb
        say("interrupted")
        raise SystemExit(INTERRUPTED) from None
