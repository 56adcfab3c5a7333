"""What the verbs of the command line share: one line for every fault, and the options that all have."""

from __future__ import annotations

import errno
import functools
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from animator.cli.interrupts import stop
from animator.errors import INTERRUPTED, AnimatorError, Problem, SceneError

OneScene = Annotated[
    Path,
    typer.Argument(
        help="A scene file, - for the standard input, or a picture that carries its scene.",
        metavar="SCENE",
        show_default=False,
    ),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Set one value over the scene's: guidance.clamp_max=0.1"),
]
Device = Annotated[
    str | None,
    typer.Option(
        "--device", metavar="DEVICE", help="Where the networks run: auto, cpu, cuda, cuda:1 or mps."
    ),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="Report progress as JSON on stdout, one line for each event.")
]
Deterministic = Annotated[
    bool,
    typer.Option(
        "--deterministic",
        help="On a GPU, use only kernels that give the same bytes each time; slower. A CPU always does.",
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


BROKEN_OFF = (ImportError, SystemError, AttributeError)
"""What importing a library comes to that was broken off."""


def with_device(settings: list[str] | None, device: str | None) -> list[str]:
    """Return settings that go over a scene's, the device of ``--device`` among them."""
    return [*(settings or ()), *([f"device={device}"] if device is not None else ())]


def say(text: str) -> None:
    """Print one line for the user on stderr."""
    print(f"{printable(text)}\n", end="", file=sys.stderr, flush=True)


def printable(text: str) -> str:
    r"""Return a text in one line without anything on which a terminal would act.

    >>> printable("a\nb\x1b[31m.yaml"), printable("größer 夜.png")
    ('a\\nb\\x1b[31m.yaml', 'größer 夜.png')
    """
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def faults_of(error: AnimatorError) -> list[str]:
    """Return what an error says, a line a fault, also where a line break is in the name of a scene."""
    if isinstance(error, SceneError):
        return [str(problem) for problem in error.problems]
    return str(error).splitlines()


def guarded(verb: Callable[..., None]) -> Callable[..., None]:
    """Turn whatever a verb raises into one line and an exit status; with ``--debug`` show the traceback."""

    @functools.wraps(verb)
    def run(*args: Any, debug: bool = False, **kwargs: Any) -> None:
        log = logging.getLogger("animator")
        before = log.level
        if debug:
            log.setLevel(logging.DEBUG)
        try:
            verb(*args, debug=debug, **kwargs)
        except typer.Exit:  # a RuntimeError, and no fault: the verb has said all there is to say
            raise
        except AnimatorError as error:
            if debug:
                raise
            if isinstance(error, SceneError):
                show_notices(error.notices)
            for line in faults_of(error):
                say(line)
            raise typer.Exit(error.exit_status) from error
        except KeyboardInterrupt as error:
            say("interrupted")
            raise typer.Exit(INTERRUPTED) from error
        except BrokenPipeError as error:
            # Who reads what is printed has seen enough; the rest goes nowhere, without a complaint at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from error
        except (
            OSError,
            RuntimeError,
            ValueError,
            LookupError,
            TypeError,
            ArithmeticError,
            *BROKEN_OFF,
        ) as error:
            if debug:
                raise
            raise typer.Exit(unforeseen(error)) from error
        finally:
            log.setLevel(before)  # a process may run more than one verb

    return run


def unreadable(error: OSError) -> str:
    """Return in one line why a file cannot be read."""
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, IsADirectoryError):
        return "is a folder; name a file in it"
    return f"cannot be read: {error.strerror}"


def unforeseen(error: Exception) -> int:
    """Report in one line what no verb has a line for; return the exit status."""
    if stop().cancelled:  # what an interrupt in the middle of an import, or of foreign code, comes to
        say("interrupted")
        return INTERRUPTED
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        say(f"{str(error.filename)[:60]}...: the name is too long; choose a shorter one")
        return 2
    said = str(error).splitlines() or ["no message"]
    say(f"animator failed: {type(error).__name__}: {said[0]} (run again with --debug to see where)")
    return 1


def show_notices(notices: tuple[Problem, ...]) -> None:
    """Print what is not wrong but may not be meant."""
    for notice in notices:
        say(f"note: {notice}")
