"""The verbs of ``animator --help`` come in the order in which they are needed."""

from __future__ import annotations

import re

import typer.main
from typer.testing import CliRunner

from animator.cli.main import app
from animator.cli.order import HEADINGS


def test_every_verb_has_a_heading_and_all_come_in_its_order() -> None:
    verbs = [verb for under in HEADINGS.values() for verb in under]
    command = typer.main.get_command(app)
    assert isinstance(command, typer.core.TyperGroup)
    assert command.list_commands(typer.Context(command)) == verbs
    shown = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "120", "TERM": "dumb"}).stdout
    places = [shown.index(heading) for heading in HEADINGS]
    assert places == sorted(places)
    assert re.findall(r"^\W* (\w[\w-]*)  +\w", shown, re.MULTILINE) == verbs
