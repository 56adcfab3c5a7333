"""From the name of a way to enlarge pictures, and a size, to a function that does it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import torch

from animator.system.convert import frame_to_uint8, frame_to_uint16, uint8_to_frame, uint16_to_frame
from animator.upscale.network import Network, load_network
from animator.upscale.resize import Size, covering, cut_to, resized
from animator.upscale.tiles import enlarged
from animator.weights.registry import Entry, find, locate, location, parts

if TYPE_CHECKING:
    from animator.types import Frame

FACTORS: dict[str, dict[int, str]] = {
    "realesrgan-x4plus": {4: "realesrgan-x4plus"},
    "realesrgan-x4plus-anime": {4: "realesrgan-x4plus-anime"},
    "animevideov3": {2: "animevideov3-x2", 3: "animevideov3-x3", 4: "animevideov3-x4"},
}
"""The networks of a model by how much larger they make a picture."""


def model_name(model: str, device: torch.device | str = "cpu") -> str:
    """Return what a name stands for on a device; it may be written into a run.

    ``auto`` is the best model whose weights are at hand: Real-ESRGAN ×4+, which on a CPU takes minutes a
    picture, only on another device, else ``animevideov3``, else ``lanczos``.
    """
    if model != "auto":
        return model
    at_hand = (
        ["animevideov3"] if torch.device(device).type == "cpu" else ["realesrgan-x4plus", "animevideov3"]
    )
    return next((one for one in at_hand if all(map(_there, FACTORS[one].values()))), "lanczos")


def passes(model: str, source: Size, target: Size) -> list[Entry]:
    """Return the networks that enlarge a picture, one after the other.

    The last one is that of the smallest factor which reaches the target; where none does, the largest comes
    before it.

    Args:
        model: its name, not ``auto``.
        source: width and height of the picture.
        target: width and height to be covered.
    """
    wide, _ = covering(source, target)
    wanted, chosen = wide / source[0], []
    factors = FACTORS.get(model, {})
    while factors and wanted > 1:
        factor = next((one for one in sorted(factors) if one >= wanted), max(factors))
        chosen.append(find("upscale", factors[factor]))
        wanted /= factor
    return chosen


@dataclass(frozen=True)
class Upscaler:
    """Makes pictures larger.

    Attributes:
        target: width and height of what it makes; a picture of another shape is cut to it at its sides.
        networks: what enlarges, one after the other; none is a filter alone.
        side: as `enlarged` takes it.
    """

    target: Size
    networks: Sequence[Network] = field(default=())
    side: int | None = None

    def __call__(self, pixels: np.ndarray) -> np.ndarray:
        """Enlarge a picture, H x W x 3, uint8 or uint16; the result is of the same type."""
        deep = pixels.dtype == np.uint16
        frame = self.frame(uint16_to_frame(pixels) if deep else uint8_to_frame(pixels))
        return frame_to_uint16(frame) if deep else frame_to_uint8(frame)

    def frame(self, frame: Frame) -> Frame:
        """Enlarge a frame."""
        for network in self.networks:
            frame = enlarged(network, frame, self.side)
        size = covering((frame.shape[2], frame.shape[1]), self.target)
        return cut_to(resized(frame, size), self.target).clamp(0, 1)


def load_upscaler(
    model: str, source: Size, target: Size, device: torch.device | str = "cpu", side: int | None = None
) -> Upscaler:
    """Load what enlarges pictures of one size to another.

    Args:
        model: one of `animator.settings.upscale.Model`.
        source: width and height of the pictures.
        target: width and height of the result.
        device: where networks run.
        side: as `enlarged` takes it.

    Raises:
        WeightsError: weights are not there, damaged or of another network.
    """
    networks = {entry: _load(entry).to(device) for entry in passes(model_name(model, device), source, target)}
    chain = passes(model_name(model, device), source, target)
    return Upscaler(target, [networks[entry] for entry in chain], side)


def _load(entry: Entry) -> Network:
    locate(entry)
    weights, param = (location(part) for part in parts(entry))
    return load_network(param, weights)


def _there(name: str) -> bool:
    return all(location(part).is_file() for part in parts(find("upscale", name)))
