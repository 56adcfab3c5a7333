"""What a diffusion network can do, as far as its name says."""

from __future__ import annotations

from animator.weights.checkpoint_names import is_checkpoint
from animator.weights.registry import entries, families


def has(name: str, switch: str) -> bool:
    """Return whether a network of the registry has a switch, such as ``class_cond``, that is not off."""
    entry = entries().get(("diffusion", name))
    return bool(entry and entry.family and families()[entry.family].switches.get(switch))


def may(name: str, switch: str) -> bool:
    """Return the same; also of a file, of which the name does not say.

    >>> may("512x512_diffusion", "class_cond"), may("pocket", "class_cond"), may("mine.pt", "class_cond")
    (True, False, True)
    """
    return is_checkpoint(name) or has(name, switch)
