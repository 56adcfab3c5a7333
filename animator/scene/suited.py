"""Values that suit the bundled network, where a scene that runs on it says nothing.

Disco Diffusion's defaults were found for networks a hundred times as large. The bundled one needs a stronger
hand while it decides the colours, and one that keeps its estimates in the range, or whole pictures take on
one glaring hue; the values stand under the scene like a file that it extends.
"""

from __future__ import annotations

from collections.abc import Collection

from animator.diffusion.options import DiffusionOptions
from animator.scene.layers import layer
from animator.scene.nodes import Node
from animator.scene.source import parse

BUNDLED = "pocket"
VALUES = """
guidance:
  clip_guidance_scale: 8000
  clamp_max: "[0.3]*400+[0.1]*600"
  range_scale: "[20000]*500+[150]*500"
"""


def suited(root: Node, sections: Collection[str]) -> Node:
    """Return a scene laid over the values for the bundled network, if that is the one it runs on.

    Args:
        root: the scene.
        sections: dotted names of the sections, which merge.
    """
    section = root.value.get("diffusion")
    members = section.value if section is not None and isinstance(section.value, dict) else {}
    named = members["model"].value if "model" in members else None
    if (named or DiffusionOptions.model_fields["model"].default) != BUNDLED:
        return root
    return layer(parse(VALUES, "")[0], root, sections)
