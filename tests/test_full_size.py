"""The largest published networks on filled weights: one guided step, from files in the published format."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from animator.diffusion.checkpoints import load_diffusion, load_secondary
from animator.diffusion.engine import GuidedDiffusion, Networks
from animator.diffusion.losses import pyramid_distance
from animator.diffusion.secondary import SecondaryModel
from animator.diffusion.unet import UNet, unet_config
from animator.settings.diffusion import DiffusionOptions
from animator.settings.guidance import CutOptions, GuidanceOptions
from animator.types import PaintStep, Prompt, Request
from animator.weights import registry
from tests.golden_files import fill_quickly

pytestmark = [pytest.mark.long, pytest.mark.slow]

LARGEST = "512x512_diffusion_uncond_finetune_008100"


class Mean:
    """A perceptor that sees the mean colour of a picture, and reads any text as red."""

    name = "mean"
    size = 32

    def encode_text(self, texts: list[str]) -> Tensor:
        return torch.tensor([[1.0, 0.1, 0.1]]).repeat(len(texts), 1)

    def encode_images(self, batch: Tensor) -> Tensor:
        return batch.mean(dim=(2, 3)) + 0.1


def engine(network: UNet, secondary: SecondaryModel | None) -> GuidedDiffusion:
    networks = Networks(
        denoiser=network,
        perceptors={"mean": Mean()},
        size_multiple=64,
        secondary=secondary,
        perceptual=pyramid_distance,
    )
    guidance = GuidanceOptions(
        clip_models={"mean": 1},
        clip_guidance_scale=5000,
        cutn_batches=1,
        cuts=CutOptions(overview=1, innercut=1, ic_pow=1, icgray_p=0),
    )
    return GuidedDiffusion(networks, DiffusionOptions(steps=1, skip_steps=0, precision="float32"), guidance)


def on_meta(family: str) -> UNet:
    with torch.device("meta"):
        return UNet(unet_config(registry.families()[family].switches))


REQUEST = Request(frame=0, seed=5, width=64, height=64, prompts=(Prompt("red"),))


def test_the_largest_network_paints_a_guided_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """558 million parameters and the published secondary model, both from files of the published format."""
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path))
    places = [
        registry.location(registry.find("diffusion", LARGEST)),
        registry.location(registry.find("secondary", "secondary_model_imagenet_2")),
    ]
    for place in places:
        place.parent.mkdir()
    large = fill_quickly(on_meta("openai_512").half().to_empty(device="cpu"))
    torch.save(large.state_dict(), places[0])
    torch.save(fill_quickly(SecondaryModel()).state_dict(), places[1])
    del large

    network, description = load_diffusion(LARGEST)
    assert sum(parameter.numel() for parameter in network.parameters()) == 557_973_638
    assert description.native_size == (512, 512)
    secondary = load_secondary("secondary_model_imagenet_2")
    steps: list[PaintStep] = []
    guided = engine(network, secondary).paint(REQUEST, steps.append)
    assert guided.shape == (3, 64, 64)
    assert torch.isfinite(guided).all()
    assert guided.std() > 0.01
    assert "clip mean" in steps[0].losses
    assert all(torch.isfinite(loss).all() for loss in steps[0].losses.values())


def test_a_file_of_a_fine_tune_is_recognised_at_full_size(tmp_path: Path) -> None:
    """What people publish: averaged weights of a known family, wrapped and prefixed, under any name."""
    network = fill_quickly(on_meta("kaliyuga_256").half().to_empty(device="cpu"))
    state = {f"module.{name}": entry for name, entry in network.state_dict().items()}
    torch.save({"ema": state, "step": 90000}, tmp_path / "my_pixels_090000.pt")
    found, description = load_diffusion(tmp_path / "my_pixels_090000.pt")
    assert description.native_size == (256, 256)
    picture = engine(found, None).paint(REQUEST)
    assert torch.isfinite(picture).all()
    assert picture.std() > 0.01
