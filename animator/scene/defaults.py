"""Where colours are not held unless a scene asks for it."""

from __future__ import annotations

import dataclasses

from animator.scene.nodes import Node

DISCO, FOOTAGE = "disco-5", "video"


def without_hold(root: Node) -> Node:
    """Return a scene that says ``color_coherence: 0`` where it says nothing of it and should not have it.

    Disco Diffusion (``compat: disco-5``) does not hold colours, and footage (``mode: video``) has its own.

    Args:
        root: the scene, all of its layers laid over one another.
    """
    members = dict(root.value)
    mode, guidance = members.get("mode"), members.get("guidance")
    compat = guidance.value.get("compat") if guidance and isinstance(guidance.value, dict) else None
    reasons = [node for node, value in ((compat, DISCO), (mode, FOOTAGE)) if node and node.value == value]
    coherence = members.get("coherence", Node(None))
    if not reasons or not isinstance(coherence.value, dict | None):
        return root
    inner = dict(coherence.value or {})
    if "color_coherence" not in inner or inner["color_coherence"].value is None:
        inner["color_coherence"] = Node(0, reasons[0].place, reasons[0].key)
        members["coherence"] = dataclasses.replace(coherence, value=inner)
    return dataclasses.replace(root, value=members)
