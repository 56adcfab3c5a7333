"""What a finished walk becomes: frames, and how far they had to be brought into range."""

from __future__ import annotations

from torch import Tensor

from animator.convert import signed_to_frames, signed_to_unit
from animator.types import Painted


def painted_of(signed: Tensor) -> list[Painted]:
    """Turn a batch in [-1, 1], with what lies outside, into pictures; see `Painted.beyond`."""
    unit = signed_to_unit(signed.float())
    beyond = (unit - unit.clamp(0, 1)).abs().mean(dim=(1, 2, 3)).tolist()
    pictures = signed_to_frames(signed)
    return [Painted(picture, beyond=far) for picture, far in zip(pictures, beyond, strict=True)]
