"""The denoiser of a scene by itself, for a process that answers for tiles and does nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from animator.diffusion.fake import solvable_network
from animator.diffusion.load import load_denoiser
from animator.weights.shared import SharedNetworks

if TYPE_CHECKING:
    import torch

    from animator.settings.scene import Scene


def denoiser_alone(scene: Scene, device: torch.device) -> object:
    """Return the network that predicts, or with ``models: fake`` what stands in for it.

    It is not compiled: `diffusion.compile` is for the process that asks.

    Raises:
        UsageError: there is no such network.
        WeightsError: its weights are absent or damaged.
    """
    if scene.models == "fake":
        return solvable_network
    return load_denoiser(scene.diffusion, device, SharedNetworks())[0]
