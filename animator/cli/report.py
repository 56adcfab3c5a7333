"""``animator report``: the figures of a run as ``report.json`` and as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from animator.cli.shared import Debug, guarded


@guarded
def report(
    run: Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN", show_default=False)],
    debug: Debug = False,
) -> None:
    """Measure the pictures of a run; write report.json and report.html into it."""
    from animator.report import write_report
    from animator.runs import RunFolder

    print(write_report(RunFolder.open(run)))
