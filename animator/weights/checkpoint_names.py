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


def is_path(model: str) -> bool:
    """Return whether a network is named by a path: of its file, or of its folder, which has a slash.

    The disk is not asked: a folder that happens to be called as a network is does not hide it.

    >>> is_path("weights/dreams"), is_path("mine.ckpt"), is_path("openai_512")
    (True, True, False)
    """
    return is_checkpoint(model) or "/" in model or "\\" in model
