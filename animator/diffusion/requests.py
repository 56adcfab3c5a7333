"""Which requests an engine can paint, and which of them together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from animator.diffusion.uncovered import begins_at, ends_at
from animator.errors import UsageError
from animator.types import Request


def check_requests(requests: Sequence[Request], size_multiple: int) -> None:
    """Raise where requests cannot be painted together, or one does not suit the network.

    Args:
        requests: at least one.
        size_multiple: pixels that width and height must be multiples of.

    Raises:
        ValueError: they differ in more than their seeds, frames and inits, or a mask has another size.
        UsageError: the size does not suit the network, or an init has another size.
    """
    first = requests[0]
    for one in requests:
        if not _alike(one, first):
            raise ValueError("pictures that are painted together differ in more than seeds and inits")
        if one.init is not None and tuple(one.init.shape) != (3, one.height, one.width):
            shape = " x ".join(str(side) for side in one.init.shape)
            raise UsageError(
                f"the init of frame {one.frame} is {shape}, it must be 3 x {one.height} x {one.width}"
            )
        for name in ("uncovered", "keep_map"):
            part = getattr(one, name)
            if part is not None and tuple(part.shape) != (one.height, one.width):
                must = f"it must be {(one.height, one.width)}"
                raise ValueError(f"{name} of frame {one.frame} is {tuple(part.shape)}, {must}")
    width, height = first.width, first.height
    if width % size_multiple or height % size_multiple or min(width, height) < 1:
        sides = [max(side // size_multiple, 1) * size_multiple for side in (width, height)]
        raise UsageError(
            f"a picture of {width} x {height} pixels does not suit the network, "
            f"which needs multiples of {size_multiple}; use {sides[0]} x {sides[1]}"
        )


def _alike(one: Request, other: Request) -> bool:
    """Return whether two requests differ only in their seeds, frames, inits, holes and regions."""
    names = ("width", "height", "prompts", "keep", "tiles")
    if any(getattr(one, name) != getattr(other, name) for name in names):
        return False
    if begins_at(one) != begins_at(other) or ends_at(one) != ends_at(other):
        return False
    if (one.keep_map is None) != (other.keep_map is None):
        return False
    if (one.init is None) != (other.init is None) or one.values.keys() != other.values.keys():
        return False
    if not np.array_equal(one.init_scale, other.init_scale):
        return False
    return all(np.array_equal(one.values[name], other.values[name]) for name in one.values)
