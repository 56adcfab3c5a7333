"""Whoever wants to know how far a render is."""

from __future__ import annotations


class Reporter:
    """Hears what a render does. This one does nothing; override what you want to know.

    Attributes:
        unit: what is counted: ``frame``, or ``picture`` where it makes stills.
    """

    unit: str = "frame"

    def begin(self, name: str, total: int, done: int) -> None:
        """A film of ``total`` frames begins, or as many stills; ``done`` of them are finished already."""

    def stage(self, frame: int, name: str) -> None:
        """A step of a frame's way begins."""

    def step(self, done: int, total: int) -> None:
        """So many steps of this frame's diffusion are done."""

    def made(self, done: int, total: int, left: float | None) -> None:
        """Of the stage after the frames that runs, so many pictures of so many are made.

        Args:
            done: pictures that are made.
            total: all of them.
            left: seconds that the others will take, or None where that is not known.
        """

    def finished(self, frame: int, seconds: float, left: int) -> None:
        """A frame is saved, which took so long; so many are left to make."""

    def end(self) -> None:
        """The film is done, or has stopped."""
