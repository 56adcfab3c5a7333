"""The verbs that look after runs: ``status`` and ``prune``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from animator.cli.shared import Debug, guarded

Run = Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN", show_default=False)]


def add_runs(app: typer.Typer) -> None:
    """Add the verbs to the program's."""
    for verb in (status, prune):
        app.command()(guarded(verb))


def status(
    run: Run,
    as_json: Annotated[bool, typer.Option("--json", help="A JSON object on stdout.")] = False,
    debug: Debug = False,
) -> None:
    """Show what a run has finished, what is damaged or out of date, and what resume would make."""
    from animator.run.status import status_json, status_of, status_text

    found = status_of(run)
    print(status_json(found) if as_json else status_text(found))


def prune(
    run: Run,
    keep_every: Annotated[
        int, typer.Option("--keep-every", metavar="N", min=0, help="Keep every N-th; 0 keeps none.")
    ] = 0,
    states: Annotated[
        bool,
        typer.Option(
            "--states", help="Remove saved states, not pictures: all but the newest, which resume needs."
        ),
    ] = False,
    debug: Debug = False,
) -> None:
    """Make room: remove the pictures of a finished run that its film shows."""
    from animator.runs.prune import prune_frames, prune_states

    freed = (prune_states if states else prune_frames)(run, keep_every=keep_every)
    print(f"{run}: removed {freed.files} {freed.what}, {freed.size / 1e6:.1f} MB")
    for name in freed.left:
        print(f"{run}: the pictures in {name}/ stay: no film shows them by themselves")
