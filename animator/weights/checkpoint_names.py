"""What distinguishes the path of a file of weights from the name of a network."""

from __future__ import annotations

CHECKPOINTS = (".safetensors", ".pt", ".pth", ".ckpt")
"""How the name of a file of weights ends."""


def is_checkpoint(model: str) -> bool:
    """Return whether a network is named by the path of its file.

    >>> is_checkpoint("weights/mine.PT"), is_checkpoint("openai_512")
    (True, False)
    """
    return model.lower().endswith(CHECKPOINTS)
