"""The networks that the figures are of, and the judge of pictures, each loaded once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from animator.depth.load import load_depth
from animator.diffusion.checkpoints import load_diffusion, load_secondary
from animator.diffusion.noise_schedule import NoiseSchedule
from animator.diffusion.perceptors import Perceptor, load_perceptor, read_perceptor
from animator.diffusion.precision import computing_in, precision_for
from animator.diffusion.prediction import Denoise, Estimate, network_denoiser
from animator.diffusion.secondary import SecondaryModel, secondary_denoiser
from animator.diffusion.unet import UNet
from animator.settings.depth import DepthOptions
from animator.types import DepthEstimator
from animator.weights.registry import find, names
from tools.pocket import JUDGE


@dataclass(frozen=True, eq=False)
class Networks:
    """Networks on one device. Those that denoise compute in the format that the program chooses there.

    Attributes:
        device: where they are.
        perceptors: the bundled ones, by name.
        judge: a perceptor that guidance never saw, or None where it is not at hand.
        unet: the diffusion network.
        estimate: how its clean estimates are held.
        secondary: the secondary model.
        depth: the depth network; takes frames on the device.
    """

    device: torch.device
    perceptors: dict[str, Perceptor]
    judge: Perceptor | None
    unet: UNet
    estimate: Estimate
    secondary: SecondaryModel
    depth: DepthEstimator

    @property
    def lookers(self) -> dict[str, Perceptor]:
        """Every perceptor by its name, the judge last."""
        return self.perceptors if self.judge is None else {**self.perceptors, "judge": self.judge}

    def unet_denoiser(self, schedule: NoiseSchedule) -> Denoise:
        """Return the diffusion network as a `Denoise`."""
        return self._computing(network_denoiser(self.unet, schedule, self.estimate))

    def denoisers(self, schedule: NoiseSchedule) -> dict[str, Denoise]:
        """Return both networks that denoise, by the names of the card."""
        return {
            "U-Net": self.unet_denoiser(schedule),
            "secondary": self._computing(secondary_denoiser(self.secondary, schedule)),
        }

    def _computing(self, denoise: Denoise) -> Denoise:
        return computing_in(precision_for("auto", self.device), self.device, denoise)


def bundled_perceptors() -> list[str]:
    """Return the names of the perceptors that come with the program."""
    return [name for name in names("clip") if find("clip", name).bundled]


def read_judge(folder: Path = JUDGE, device: torch.device | str = "cpu") -> Perceptor | None:
    """Return the judge from its folder, or None where it is not there.

    Raises:
        WeightsError: its weights do not fit their description.
    """
    weights = folder / "perceptor.safetensors"
    if not weights.is_file():
        return None
    return read_perceptor(weights, folder / "perceptor.json", device, name="judge")


def load_networks(judge: Path = JUDGE, device: torch.device | str = "cpu") -> Networks:
    """Load every bundled network and the judge.

    Args:
        judge: the folder of the judge.
        device: where to put them.

    Raises:
        WeightsError: weights are absent or damaged.
    """
    device = torch.device(device)
    unet, description = load_diffusion("pocket", device)
    assert isinstance(unet, UNet)
    return Networks(
        device=device,
        perceptors={name: load_perceptor(name, device) for name in bundled_perceptors()},
        judge=read_judge(judge, device),
        unet=unet,
        estimate=description.estimate,
        secondary=load_secondary("pocket", device),
        depth=load_depth(DepthOptions(), device),
    )
