"""Where pieces of work are painted: here, or on the machines of a cluster."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from animator.errors import UsageError

if TYPE_CHECKING:
    from animator.study.painters import Painter

On = Annotated[
    str,
    typer.Option(
        "--on",
        metavar="WHERE",
        help="ray: spread the work over a Ray cluster; ray:ADDRESS names which. Left out, all is done here.",
    ),
]


def painter_for(on: str) -> Painter:
    """Return who paints, by the value of ``--on``; raises UsageError where it is none."""
    where, _, address = on.partition(":")
    if not on:
        from animator.study.painters import paint_here

        return paint_here
    if where.strip().lower() != "ray":
        raise UsageError(f"--on: expected ray or ray:ADDRESS, found '{on}'")
    from animator.study.on_ray import paint_on_ray

    return partial(paint_on_ray, address=address.strip())
