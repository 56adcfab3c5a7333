"""``animator page``: a page to watch, steer and browse; ``animator watch``: render again on each save."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from animator.cli.shared import Debug, guarded, say
from animator.errors import UsageError


@guarded
def page(
    folder: Annotated[
        Path, typer.Argument(help="The folder with scenes and runs; left out, this one.", metavar="[FOLDER]")
    ] = Path(),
    port: Annotated[
        int | None, typer.Option("--port", min=0, max=65535, help="7878 or the next free one; 0: any.")
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="Listen on this address, for other machines too; needs a token.")
    ] = "127.0.0.1",
    token: Annotated[
        str, typer.Option("--token", help="What the page asks for; with --host drawn, if left out.")
    ] = "",
    opens: Annotated[bool, typer.Option("--open/--no-open", help="Open it in the browser.")] = True,
    debug: Debug = False,
) -> None:
    """Open a page to watch, steer and browse runs, on this machine alone."""
    from animator.page.serve import serve

    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder; name one that holds scenes or runs")
    serve(folder, host, port, token, opens, say)
