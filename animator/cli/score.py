"""``animator score``: which texts pictures fit, and which words a CLIP model knows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from animator.cli.shared import Debug, guarded
from animator.errors import UsageError


@guarded
def score(  # noqa: PLR0913 (an option of the command line is an argument)
    pictures: Annotated[
        list[Path] | None,
        typer.Argument(help="Pictures of any program.", metavar="[PICTURE...]", show_default=False),
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(
            "--text",
            help="A text; give the option again for more. {red|blue} and {@lights} are every text in turn.",
        ),
    ] = None,
    words: Annotated[
        list[str] | None,
        typer.Option(
            "--words", metavar="FILE", help="A file of texts, a line each, or a bundled list: @mediums."
        ),
    ] = None,
    known: Annotated[
        list[str] | None,
        typer.Option(
            "--known",
            metavar="FILE",
            help="Show which words of a file, or of @mediums, the models know; needs no pictures.",
        ),
    ] = None,
    within: Annotated[
        str | None, typer.Option("--within", help="With --known: the prompt in which a word is tried.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help="A CLIP model; give the option again for more. Left out: the scene's, or the bundled.",
        ),
    ] = None,
    scene: Annotated[Path | None, typer.Option("--scene", help="A scene whose CLIP models are used.")] = None,
    most: Annotated[
        int, typer.Option("--most", min=1, help="How many texts are shown for each picture.")
    ] = 10,
    as_json: Annotated[bool, typer.Option("--json", help="All of it as JSON on stdout.")] = False,
    debug: Debug = False,
) -> None:
    """Rank texts by how well pictures fit them, or words by how far a CLIP model knows them."""
    if known and (pictures or text or words):
        raise UsageError("--known looks at words alone; leave out pictures, --text and --words")
    if within is not None and not known:
        raise UsageError("--within goes with --known")
    if not known and not (pictures and (text or words)):
        raise UsageError("name pictures, and texts by --text or --words; or a file of words by --known")
    from animator.look import known_words, scoring

    models = scoring.models_of(model or (), pictures or (), scene)
    if known:
        told = known_words.known_words(scoring.texts_of((), known), models, within or known_words.NEUTRAL)
        print(json.dumps(known_words.as_json(told), indent=1) if as_json else known_words.known_text(told))
        return
    ranked = scoring.rankings(pictures or (), scoring.texts_of(text or (), words or ()), models)
    print(json.dumps(scoring.as_json(ranked), indent=1) if as_json else scoring.ranking_text(ranked, most))
