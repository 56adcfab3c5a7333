"""The large network of guided diffusion, built from the switches that describe it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from animator.diffusion.unet import UNet, unet_config
from animator.diffusion.vdiffusion import VConfig, VDiffusion
from animator.errors import WeightsError

ARCHITECTURE = "architecture"
"""The switch that names another network than OpenAI's U-Net: ``cc12m_1`` is v-diffusion's."""


def denoiser_of(switches: Mapping[str, Any]) -> UNet | VDiffusion:
    """Return a network with new weights.

    Args:
        switches: of a `UNet`, see `unet_config`; with the architecture ``cc12m_1`` those of a `VConfig`.

    Raises:
        WeightsError: a switch is unknown, or has a value that no network here has.
    """
    chosen = dict(switches)
    architecture = chosen.pop(ARCHITECTURE, "unet")
    if architecture == "unet":
        return UNet(unet_config(chosen))
    if architecture != "cc12m_1" or chosen.keys() - VConfig.__dataclass_fields__.keys():
        raise WeightsError(f"there is no network with the switches {dict(switches)}")
    return VDiffusion(VConfig(**chosen))
