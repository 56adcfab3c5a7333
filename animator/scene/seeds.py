"""The words ``step``, ``fixed`` and ``random`` in the place of a seed."""

from __future__ import annotations

import dataclasses

from animator.errors import Problem
from animator.scene.nodes import Node

WORDS = ("step", "fixed", "random")


def spelt_out(tree: Node, alone: str | None = None) -> tuple[Node, list[Problem]]:
    """Return one layer of a scene in which a word for a seed is written as what it stands for.

    ``seed: random`` is an empty seed, so that one is drawn, and ``seed_mode: random``.

    Args:
        tree: the layer.
        alone: where given, only a `seed_mode` that was written in the file of this name can contradict the
            word; others lie below it and give way.

    Returns:
        The layer, and a fault where its `seed_mode` says something else.
    """
    members = tree.value if isinstance(tree.value, dict) else {}
    seed, mode = members.get("seed"), members.get("seed_mode")
    if seed is None or not isinstance(seed.value, str) or seed.value not in WORDS:
        return tree, []
    beside = mode is not None and mode.value is not None and alone in (None, mode.place.file)
    problems = []
    if beside and mode is not None and mode.value != seed.value:
        message = f"is {seed.value}, but seed_mode is {mode.value}; keep one of them"
        problems.append(seed.place.problem("seed", message))
    drawn = dataclasses.replace(seed, value=None)
    return dataclasses.replace(tree, value={**members, "seed": drawn, "seed_mode": seed}), problems


def counted(root: Node) -> Node:
    """Return a scene in which stills without a number of `images` are as many as there are seeds."""
    members = root.value
    seeds, images, mode = members.get("seed"), members.get("images"), members.get("mode")
    still = mode is not None and mode.value == "still"
    if not still or seeds is None or not isinstance(seeds.value, list) or not seeds.value:
        return root
    if images is not None and images.value is not None:
        return root
    number = Node(len(seeds.value), seeds.place, seeds.key)
    return dataclasses.replace(root, value={**members, "images": number})
