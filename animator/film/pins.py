"""Pinned pictures: a film that passes through given pictures at given frames.

Before a pin its picture is moved back along the camera's path, as the end of a loop is
(`animator.film.closing`), and the frames are drawn to it more and more; the prompts get it as a picture to
see. Close to a pin, on both sides, less of the diffusion is run, so that the film comes to it and leaves it
slowly. At its own frame the picture is laid over what is painted by its strength; at 1 the frame is the
picture, and nothing is painted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from animator.keyframes.courses import weight_of, weighted
from animator.types import Prompt

if TYPE_CHECKING:
    from animator.types import Frame

SEEN = 0.5
"""Share of the prompts' pull that a picture has at its pin."""

CALM = 0.9
"""Share of the diffusion that is left which is not run at the frames next to a pin."""


@dataclass(frozen=True, eq=False)
class Pin:
    """One picture that a film passes through.

    Attributes:
        frame: at which.
        picture: at the size of the frames.
        name: by which an engine can open it, for prompts.
        strength: how much of it the frame shows, 0 to 1.
        before: over how many frames the film comes to it.
        after: over how many frames it leaves it.
    """

    frame: int
    picture: Frame
    name: str
    strength: float
    before: int
    after: int

    def nearness(self, frame: int) -> float:
        """Return how near a frame is to the pin, 0 to 1: 1 at the pin itself."""
        away, over = abs(frame - self.frame), self.before if frame < self.frame else self.after
        near = max(0.0, 1 - away / (over + 1))
        return near * near * (3 - 2 * near)


def pin_at(pins: Sequence[Pin], frame: int) -> Pin | None:
    """Return the pin of a frame, or None."""
    return next((pin for pin in pins if pin.frame == frame), None)


def shown_at(pins: Sequence[Pin], frame: int) -> Frame | None:
    """Return the picture that a frame is, or None where it is painted."""
    pin = pin_at(pins, frame)
    return pin.picture if pin is not None and pin.strength == 1 else None


def coming(pins: Sequence[Pin], frame: int) -> Pin | None:
    """Return the pin that a frame is drawn to, its own or the next one, or None."""
    ahead = [pin for pin in pins if pin.frame - pin.before <= frame <= pin.frame]
    return min(ahead, key=lambda pin: pin.frame, default=None)


def calmer(pins: Sequence[Pin], frame: int, keep: float) -> float:
    """Return the share of the diffusion that is skipped at a frame, more near a pin.

    Args:
        pins: of the shot.
        frame: its number.
        keep: what is skipped elsewhere.
    """
    near = max((pin.nearness(frame) * pin.strength for pin in pins), default=0.0)
    return keep + (1 - keep) * CALM * near


def drawn_to(pins: Sequence[Pin], frame: int, prompts: tuple[Prompt, ...]) -> tuple[Prompt, ...]:
    """Return the prompts of a frame, with the picture of the pin that it comes to among them."""
    pin = coming(pins, frame)
    if pin is None or not prompts:
        return prompts
    share = SEEN * pin.nearness(frame) * pin.strength
    rest = tuple(weighted(one, weight_of(one) * (1 - share)) for one in prompts)
    return (*rest, Prompt(pin.name, share, image=True))
