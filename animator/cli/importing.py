"""``animator import``: a settings file of another program as a scene, with a report of every key."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
import textwrap
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from animator.cli.shared import Debug, guarded, printable, say, unreadable
from animator.errors import Problem, SceneError, UsageError

if TYPE_CHECKING:
    from animator.importing.convert import Imported

NARROWEST, WIDEST = 60, 160
"""Columns of the report."""


class Program(str, Enum):
    """Whose file it is."""

    disco = "disco"
    progrock = "progrock"
    discoart = "discoart"
    chaos = "chaos"
    majesty = "majesty"
    deforum = "deforum"
    warpfusion = "warpfusion"
    parseq = "parseq"
    a1111 = "a1111"


class Mode(str, Enum):
    """What is made."""

    still = "still"
    flat = "2d"
    deep = "3d"
    video = "video"


@guarded
def import_(
    file: Annotated[
        Path,
        typer.Argument(
            help="A settings file of another program, a notebook, or a PNG that carries its settings.",
            metavar="FILE",
            show_default=False,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", metavar="SCENE", help="Where to write the scene; left out, it is printed."
        ),
    ] = None,
    program: Annotated[
        Program | None, typer.Option("--from", help="Which program's file it is, where its keys do not say.")
    ] = None,
    mode: Annotated[
        Mode | None, typer.Option("--mode", help="What is made, where the file does not say or is wrong.")
    ] = None,
    prompt: Annotated[
        str, typer.Option("--prompt", metavar="TEXT", help="What to paint, in place of the file's prompts.")
    ] = "",
    footage: Annotated[
        str, typer.Option("--footage", metavar="FILM", help="The footage, for mode video.")
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Write over a scene that is there already.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Scene and report as one JSON object.")] = False,
    debug: Debug = False,
) -> None:
    """Make a scene of another program's settings file, and report where each of its keys went.

    The report has a line for each key: carried over, approximated, or dropped and why. Other files that it
    names are not read; comments in the scene say where they belong.
    """
    from animator.importing.convert import import_file
    from animator.importing.job import Options
    from animator.importing.reading import UnreadableError

    if out is not None and out.exists() and not force:
        raise UsageError(f"{out}: is there already; write over it with --force, or name another with --out")
    if footage and not Path(footage).exists():
        raise UsageError(f"--footage: no such film: {footage}")
    footage = str(Path(footage).absolute()) if footage else ""
    options = Options(program.value if program else "", mode.value if mode else "", prompt, footage)
    try:
        made = import_file(file, options)
    except UnreadableError as error:
        raise SceneError([Problem(str(error), "", str(file))]) from None
    except OSError as error:
        raise SceneError([Problem(unreadable(error), "", str(file))]) from None
    if out is not None:
        _write(out, made.text)
    if as_json:
        print(json.dumps(_tree(made, str(file)), ensure_ascii=False, indent=2))
        return
    report = sys.stdout if out is not None else sys.stderr
    print(table(made, min(max(shutil.get_terminal_size((110, 24)).columns, NARROWEST), WIDEST)), file=report)
    for guess in made.guesses:
        say(f"note: guessed: {guess}")
    print(printable(str(out)) if out is not None else made.text, end="\n" if out is not None else "")


def _write(out: Path, text: str) -> None:
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--out: {out}: {error.strerror}; name a file in a folder that exists") from None


def _tree(made: Imported, file: str) -> dict[str, Any]:
    return {
        **{"file": file, "program": made.tool, "written in": made.form, "guessed": list(made.guesses)},
        **{"to put in": dict(made.todo), "keys": [dataclasses.asdict(row) for row in made.rows]},
        "scene": made.text,
    }


def table(made: Imported, width: int) -> str:
    """Return the report as a table: key, what became of it, where it is now, and what there is to say."""
    head = ("key", "became", "in the scene", "because")
    cells = [tuple(map(printable, (row.key[:60], row.fate, row.place, row.note))) for row in made.rows]
    sizes = [max(len(row[column]) for row in [head, *cells]) for column in range(3)]
    sizes = [min(size, most) for size, most in zip(sizes, (34, 12, 34), strict=True)]
    room = max(20, width - sum(sizes) - 6)
    lines = []
    for row in [head, *cells]:
        notes = textwrap.wrap(row[3], room) or [""]
        first = "  ".join(text.ljust(size) for text, size in zip(row[:3], sizes, strict=True))
        lines.append(f"{first}  {notes[0]}".rstrip())
        lines += [" " * (sum(sizes) + 6) + note for note in notes[1:]]
    counts = ", ".join(f"{made.count(fate)} {fate}" for fate in ("carried", "approximated", "dropped"))
    return "\n".join([*lines, "", f"{made.tool} ({made.form}), {len(made.rows)} keys: {counts}"])
