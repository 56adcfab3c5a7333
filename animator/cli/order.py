"""In what order ``animator --help`` shows the verbs, and under which headings."""

from __future__ import annotations

import typer
from typer.core import TyperGroup

HEADINGS = {
    "Begin": ("paint", "new", "check", "render", "resume"),
    "Look before you render": ("preview", "plot", "plan", "frame"),
    "Runs": ("page", "watch", "status", "finish", "report", "prune"),
    "Choose": ("study", "score", "show"),
    "Finish and deliver": ("finish-film", "upscale", "edit", "vr180"),
    "Other programs": ("import", "camera", "schema"),
    "The machine": ("doctor", "models"),
}
"""The verbs by heading, those that a newcomer types first at the top."""

_PLACES = {verb: place for place, verb in enumerate(verb for verbs in HEADINGS.values() for verb in verbs)}


class InOrder(TyperGroup):
    """A command whose verbs are shown in the order of `HEADINGS`; others follow."""

    def list_commands(self, ctx: typer.Context) -> list[str]:  # type: ignore[override]
        """Return the names of all verbs, in order."""
        return sorted(super().list_commands(ctx), key=lambda verb: _PLACES.get(verb, len(_PLACES)))


def give_headings(app: typer.Typer) -> None:
    """Put every verb of a command line under its heading; a verb without one is a `KeyError`."""
    headings = {verb: heading for heading, verbs in HEADINGS.items() for verb in verbs}
    for command in app.registered_commands:
        name = str(command.name or getattr(command.callback, "__name__", ""))
        command.rich_help_panel = headings[name]
    for group in app.registered_groups:
        group.rich_help_panel = headings[str(group.name)]
