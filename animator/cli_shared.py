"""What the verbs of the command line share: one line for every fault, and the options that all have."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer

from animator.errors import AnimatorError, Problem, SceneError

Debug = Annotated[bool, typer.Option("--debug", help="Show where in the program an error arose.")]


def say(text: str) -> None:
    """Print one line for the user on stderr."""
    print(text, file=sys.stderr, flush=True)


def guarded(verb: Callable[..., None]) -> Callable[..., None]:
    """Turn whatever a verb raises into one line and an exit status; with ``--debug`` show the traceback."""

    @functools.wraps(verb)
    def run(*args: Any, debug: bool = False, **kwargs: Any) -> None:
        try:
            verb(*args, debug=debug, **kwargs)
        except typer.Exit:  # a RuntimeError, and no fault: the verb has said all there is to say
            raise
        except AnimatorError as error:
            if debug:
                raise
            if isinstance(error, SceneError):
                show_notices(error.notices)
            for line in str(error).splitlines():
                say(line)
            raise typer.Exit(error.exit_status) from error
        except KeyboardInterrupt as error:
            say("interrupted")
            raise typer.Exit(130) from error
        except BrokenPipeError as error:
            # Who reads what is printed has seen enough; the rest goes nowhere, without a complaint at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(0) from error
        except (OSError, RuntimeError, ValueError, LookupError, TypeError, ArithmeticError) as error:
            if debug:
                raise
            said = str(error).splitlines() or ["no message"]
            say(f"animator failed: {type(error).__name__}: {said[0]} (run again with --debug to see where)")
            raise typer.Exit(1) from error

    return run


def show_notices(notices: tuple[Problem, ...]) -> None:
    """Print what is not wrong but may not be meant."""
    for notice in notices:
        say(f"note: {notice}")
