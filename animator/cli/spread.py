"""Where pieces of work are painted: here, or on the machines of a cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from animator.errors import UsageError

if TYPE_CHECKING:
    from animator.diffusion.elsewhere import Elsewhere
    from animator.run.cancel import Cancel
    from animator.scene.reading import LoadedScene
    from animator.study.painters import Painter

On = Annotated[
    str,
    typer.Option(
        "--on",
        metavar="WHERE",
        help="ray: spread the work over a Ray cluster; ray:ADDRESS names which. Left out, all is done here.",
    ),
]

Spread = Annotated[
    str,
    typer.Option(
        "--spread",
        metavar="WHAT",
        help="With --on, what is spread: pictures (each film, each still), or tiles of each larger picture.",
    ),
]

PICTURES, TILES = "pictures", "tiles"


def painter_for(on: str) -> Painter:
    """Return who paints, by the value of ``--on``; raises UsageError where it is none."""
    if not on:
        from animator.study.painters import paint_here

        return paint_here
    from animator.study.on_ray import paint_on_ray

    return partial(paint_on_ray, address=address_of(on))


def address_of(on: str) -> str:
    """Return the address in the value of ``--on``, empty where there is none; raises UsageError."""
    where, _, address = on.partition(":")
    if on.strip().startswith("ray://"):  # an address of Ray's client names Ray itself
        return on.strip()
    if where.strip().lower() != "ray":
        raise UsageError(f"--on: expected ray or ray:ADDRESS, found '{on}'")
    return address.strip()


def spreads_tiles(on: str, spread: str) -> bool:
    """Return whether tiles are spread, by the values of ``--on`` and ``--spread``.

    Raises:
        UsageError: there is nothing of that name, or nowhere to spread it to.
    """
    if spread not in ("", PICTURES, TILES):
        raise UsageError(f"--spread: expected {PICTURES} or {TILES}, found '{spread}'")
    if spread and not on:
        raise UsageError(
            "--spread says what is spread over a cluster; say which: --on ray or --on ray:ADDRESS"
        )
    return spread == TILES


@contextmanager
def tiles_for(loaded: LoadedScene, on: str, cancel: Cancel) -> Iterator[Elsewhere | None]:
    """While it is open, others answer for the tiles of a scene; with an empty ``on`` there are none.

    Errors as in `animator.study.tiles_on_ray.tiles_on_ray`.
    """
    if not on:
        yield None
        return
    address = address_of(on)
    from animator.study.tiles_on_ray import tiles_on_ray

    with tiles_on_ray(loaded, cancel, address) as tiles:
        yield tiles
