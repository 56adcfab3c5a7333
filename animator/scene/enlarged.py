"""Notices on the sizes of larger copies."""

from __future__ import annotations

from collections.abc import Iterator

from animator.errors import Problem
from animator.scene.fit import Fit
from animator.settings.scene import Scene

CUT = 0.02
"""Share of a picture that may be cut off without a word."""


def notice_enlarged(scene: Scene, fit: Fit) -> Iterator[Problem]:
    """Yield a size of larger copies that is smaller than the pictures, or of another shape."""
    width, height = scene.size
    for section, to in (("upscale", scene.output.upscale.to), ("finish", scene.output.finish.to)):
        name = f"output.{section}.to"
        node = fit.nodes.get(name)
        if to is None or node is None or name in fit.faulty:
            continue
        factor = max(to[0] / width, to[1] / height)
        cut = 1 - (to[0] * to[1]) / (width * height * factor**2)
        if factor < 1:
            message = f"{to[0]} x {to[1]} is smaller than the pictures, which are {width} x {height}"
            yield node.place.problem(name, message)
        elif cut > CUT:
            whole = min(to[0] / width, to[1] / height)
            fitting = f"{round(width * whole)} x {round(height * whole)}"
            message = (
                f"{to[0]} x {to[1]} is of another shape than the pictures ({width} x {height}): {cut:.0%} of "
                f"them is cut off at the sides; {fitting} shows all"
            )
            yield node.place.problem(name, message)
