"""What can go wrong, and how it is said: one line with a place, the fault and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

INTERRUPTED = 130
"""Exit status of a program that was interrupted."""


@dataclass(frozen=True)
class Problem:
    """One fault in a scene file or on the command line.

    Attributes:
        message: what was found and what is allowed, in one line, without a final full stop.
        key: dotted name of the setting, as a user writes it (``guidance.clip_guidance_scale``).
        file: the scene file as the user named it, or an empty string.
        line: line in the file, counted from 1; 0 where no line is known.
        column: column, counted from 1; 0 where none is known.
    """

    message: str
    key: str = ""
    file: str = ""
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        """``file:line:column: key: message`` with the unknown parts left out."""
        place = ":".join(str(part) for part in (self.file, self.line, self.column) if part)
        return ": ".join(part for part in (place, self.key, self.message) if part)


class AnimatorError(Exception):
    """Base of every error that a user sees in one line. ``exit_status`` is the program's."""

    exit_status = 1


class UsageError(AnimatorError):
    """The command line asks for something that cannot be."""

    exit_status = 2


class SceneError(AnimatorError):
    """A scene cannot be rendered as it is written.

    Attributes:
        problems: every fault that was found.
        notices: what is not wrong but may not be meant.
    """

    exit_status = 2

    def __init__(self, problems: Iterable[Problem], notices: Iterable[Problem] = ()) -> None:
        self.problems = tuple(problems)
        self.notices = tuple(notices)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ExpressionError(ValueError):
    """A keyframe text, schedule or prompt cannot be understood.

    Attributes:
        message: the fault in one line.
        offset: index into the text where it was found, counted from 0.
    """

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.offset = offset


class WeightsError(AnimatorError):
    """A network's weights are missing, damaged or of another network."""


class PaintError(AnimatorError):
    """A picture could not be painted: what came of it are no numbers, or it is bad whatever is tried."""


class MemoryShortage(AnimatorError):
    """A picture does not fit into the memory of a device, whatever is done to save it."""


class RunError(AnimatorError):
    """A run folder cannot be used: absent, damaged, not writable, or of another scene."""


class FilmError(AnimatorError):
    """The encoder failed; carries the last lines that it printed."""


class Interrupted(AnimatorError):
    """The user stopped a render; the message says how to resume."""

    exit_status = 130
