"""``animator page``: a page to watch, steer and browse; ``animator watch``: render again on each save."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from animator.cli.interrupts import stop
from animator.cli.progress import reporter_for
from animator.cli.shared import AsJson, Debug, Device, Settings, guarded, say, show_notices, with_device
from animator.errors import UsageError


@guarded
def page(
    folder: Annotated[
        Path, typer.Argument(help="The folder with scenes and runs; left out, this one.", metavar="[FOLDER]")
    ] = Path(),
    port: Annotated[
        int | None,
        typer.Option("--port", min=0, max=65535, help="Left out, 7878 or the next free one; 0: any."),
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="Listen on this address, for other machines too; needs a token.")
    ] = "127.0.0.1",
    token: Annotated[
        str, typer.Option("--token", help="What the page asks for; with --host, one is drawn if left out.")
    ] = "",
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = True,
    debug: Debug = False,
) -> None:
    """Open a page to watch, steer and browse runs, on this machine alone."""
    from animator.page.listening import address_of, listen, token_for
    from animator.page.own_python import words_for
    from animator.page.place import own_folder

    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; name one that holds scenes or runs")
    own_folder(folder)
    token = token_for(host, token)
    listener = listen(host, port)
    address = address_of(host, listener.getsockname()[1], token)
    say(f"the page is at {address} (Ctrl-C ends it; renders go on)")
    shown = address if opens else ""
    if os.name == "posix":  # what the command line has imported is left behind: a third of the memory
        listener.set_inheritable(True)
        os.environ["ANIMATOR_PAGE_TOKEN"] = token
        words = words_for("animator.page", str(folder), host, str(listener.fileno()), shown)
        os.execv(words[0], words)
    from animator.page.serve import serve

    serve(folder, host, listener, token, shown)


@guarded
def watch(
    scene: Annotated[Path, typer.Argument(help="A scene file.", metavar="SCENE", show_default=False)],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The run folder, in place of renders/<scene>/<number>.")
    ] = None,
    settings: Settings = None,
    device: Device = None,
    once: Annotated[
        bool, typer.Option("--once", help="End when all is up to date, instead of waiting for a save.")
    ] = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Render a scene, and again on each save of its file: only the frames that changed."""
    from animator.run.on_save import render_on_save
    from animator.scene.reading import read_scene

    if not scene.is_file():
        raise UsageError(f"{scene}: no such file; name a scene file")
    over = with_device(settings, device)
    made = render_on_save(
        scene,
        lambda more: read_scene(scene, [*over, *more]),
        reporter_for(as_json),
        out=out,
        once=once,
        stop=stop(),
        say=say,
        notice=show_notices,
    )
    print(made)
