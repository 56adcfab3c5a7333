"""Numbers of things, in words."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural unless it is one.

    >>> counted(1, "picture"), counted(0, "frame"), counted(12, "frame")
    ('1 picture', '0 frames', '12 frames')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"
