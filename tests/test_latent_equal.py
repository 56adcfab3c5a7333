"""The latents of a painting are those of the stock pipelines of diffusers, to 1e-5; tiny random networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

pytest.importorskip("diffusers")

import diffusers
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch import Tensor

from animator.diffusion import uncovered
from animator.latent.control import depth_picture
from animator.latent.painter import LatentDiffusion
from animator.latent.painting import Networks
from animator.latent.parts import Parts, TextTower
from animator.settings.diffusion import DiffusionOptions
from animator.settings.latent import LatentOptions
from animator.system import rng
from animator.types import Prompt, Request
from tests.tiny_latent import control, pipeline

CPU = torch.device("cpu")
SIDE = 64
SAID = (Prompt("a red house by the sea"),)
AGAINST = "fog"
STEPS = 5
pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("words")


@pytest.fixture(scope="session")
def stock(words: Path) -> Callable[[str], Any]:
    known: dict[str, Any] = {}

    def of(kind: str) -> Any:
        if kind not in known:
            known[kind] = pipeline(kind, words)
        return known[kind]

    return of


def parts_of(pipe: Any, kind: str) -> Parts:
    towers = [TextTower(pipe.tokenizer, pipe.text_encoder, kind == "sdxl")]
    if kind == "sdxl":
        towers.append(TextTower(pipe.tokenizer_2, pipe.text_encoder_2, True))
    few = kind if kind in ("lcm", "turbo") else ""
    known = {"sd2": "sd2", "sdxl": "sdxl"}.get(kind, "sd1")
    return Parts(known, pipe.unet, pipe.vae, tuple(towers), dict(pipe.scheduler.config), few)


class Watched(LatentDiffusion):
    """Keeps the latents of its last painting."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.decoded: list[Tensor] = []
        decode = self.codec.decode
        self.codec.decode = lambda latents: self.decoded.append(latents) or decode(latents)  # type: ignore

    def latents(self, request: Request) -> Tensor:
        self.decoded.clear()
        self.paint(request)
        return self.decoded[0]


def engine(pipe: Any, kind: str, *, guide: Any = None, **options: Any) -> Watched:
    names = LatentOptions.model_fields
    latent = {name: value for name, value in options.items() if name in names}
    rest = {"eta": 0, **{name: value for name, value in options.items() if name not in names}}
    return Watched(
        Networks(parts_of(pipe, kind), guide),
        DiffusionOptions(steps=STEPS, **rest),
        LatentOptions(negative_prompt=AGAINST, **{"cfg_scale": 6, **latent}),
    )


def request(**more: Any) -> Request:
    return Request(3, 11, SIDE, SIDE, SAID, written=SAID, **more)


def noise(name: str = "noise", stage: str = "noise") -> Tensor:
    return torch.randn((1, 4, 8, 8), generator=rng.generator(11, 3, stage))


def picture(seed: int = 0) -> Tensor:
    small = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(small, size=(SIDE, SIDE), mode="bilinear")[0]


def asked(pipe: Any, **more: Any) -> Tensor:
    """Return the latents of a stock pipeline for the same prompts."""
    usual = {
        "prompt": SAID[0].text,
        "negative_prompt": AGAINST,
        "guidance_scale": 6.0,
        "num_inference_steps": STEPS,
        "output_type": "latent",
    }
    if "image" not in more or "control" in type(pipe).__name__.lower():
        usual |= {"height": SIDE, "width": SIDE, "latents": noise()}
    return pipe(**{**usual, **more}).images


def assert_alike(ours: Tensor, theirs: Tensor) -> None:
    assert ours.shape == theirs.shape
    assert float(theirs.std()) > 0.1
    assert float((ours - theirs).abs().max()) <= 1e-5 * max(1.0, float(theirs.abs().max()))


@pytest.mark.parametrize("kind", ["sd1", "sd2", "sdxl"])
def test_pictures_from_noise(kind: str, stock: Callable[[str], Any]) -> None:
    pipe = stock(kind)
    assert_alike(engine(pipe, kind).latents(request()), asked(pipe))


@pytest.mark.parametrize("spacing", ["trailing", "karras"])
def test_dpm_solver(spacing: str, stock: Callable[[str], Any]) -> None:
    pipe = stock("sd1")
    how = {"use_karras_sigmas": True} if spacing == "karras" else {"timestep_spacing": "trailing"}
    scheduler = diffusers.DPMSolverMultistepScheduler.from_config(pipe.scheduler.config, **how)
    other = diffusers.StableDiffusionPipeline(**{**pipe.components, "scheduler": scheduler})
    other.set_progress_bar_config(disable=True)
    ours = engine(pipe, "sd1", sampler="dpmpp_2m", spacing=spacing).latents(request())
    assert_alike(ours, asked(other))


def drawn(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    """Have a scheduler draw the noise that ours draws for its steps."""
    source = rng.generator(11, 3, "steps")
    monkeypatch.setattr(f"{module}.randn_tensor", lambda shape, **_: torch.randn(shape, generator=source))


def test_a_consistency_model(stock: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = stock("lcm")
    drawn(monkeypatch, "diffusers.schedulers.scheduling_lcm")
    ours = engine(pipe, "lcm").latents(request())
    assert_alike(ours, asked(pipe))


def test_a_turbo_network(stock: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    pipe = stock("turbo")
    config = {**pipe.scheduler.config, "timestep_spacing": "trailing"}
    scheduler = diffusers.EulerAncestralDiscreteScheduler.from_config(config)
    other = diffusers.StableDiffusionPipeline(**{**pipe.components, "scheduler": scheduler})
    other.set_progress_bar_config(disable=True)
    drawn(monkeypatch, "diffusers.schedulers.scheduling_euler_ancestral_discrete")
    ours = engine(pipe, "turbo", cfg_scale=0).latents(request())
    # Euler's begins with sigma times the noise, where sqrt(sigma^2 + 1) times it is a state of pure noise.
    asked_for = asked(other, guidance_scale=1.0, latents=noise() * (1 + 1 / other_sigma(other) ** 2) ** 0.5)
    assert_alike(ours, asked_for)


def other_sigma(pipe: Any) -> float:
    pipe.scheduler.set_timesteps(STEPS)
    return float(pipe.scheduler.sigmas[0])


@pytest.fixture
def likeliest(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stock pipelines draw latents of a picture; ours takes the likeliest."""
    monkeypatch.setattr(DiagonalGaussianDistribution, "sample", lambda self, generator=None: self.mode())


def given(monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    monkeypatch.setattr(f"diffusers.pipelines.{module}.randn_tensor", lambda shape, **_: noise())


@pytest.mark.parametrize("kind", ["sd1", "sdxl"])
def test_pictures_from_a_picture(
    kind: str, stock: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, likeliest: None
) -> None:
    pipe = stock(kind)
    if kind == "sdxl":
        other = diffusers.StableDiffusionXLImg2ImgPipeline(**pipe.components)
        given(monkeypatch, "stable_diffusion_xl.pipeline_stable_diffusion_xl_img2img")
    else:
        other = diffusers.StableDiffusionImg2ImgPipeline(**pipe.components, requires_safety_checker=False)
        given(monkeypatch, "stable_diffusion.pipeline_stable_diffusion_img2img")
    other.set_progress_bar_config(disable=True)
    theirs = asked(other, image=picture()[None], strength=0.6)
    assert_alike(engine(pipe, kind).latents(request(init=picture(), keep=0.4)), theirs)


def hole() -> Tensor:
    mask = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    mask[8:40, 16:48] = True
    return mask


def inpainted(pipe: Any, monkeypatch: pytest.MonkeyPatch, strength: float) -> Tensor:
    other = diffusers.StableDiffusionInpaintPipeline(**pipe.components, requires_safety_checker=False)
    other.set_progress_bar_config(disable=True)
    given(monkeypatch, "stable_diffusion.pipeline_stable_diffusion_inpaint")
    shown = {"image": picture()[None], "mask_image": hole()[None, None].float()}
    return asked(other, **shown, strength=strength, height=SIDE, width=SIDE)


def test_a_network_that_fills_in(
    stock: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, likeliest: None
) -> None:
    pipe = stock("inpaint")
    ours = engine(pipe, "inpaint").latents(request(init=picture(), keep=0.4, uncovered=hole()))
    assert_alike(ours, inpainted(pipe, monkeypatch, 0.6))


def test_holes_by_a_network_that_does_not(
    stock: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, likeliest: None
) -> None:
    pipe = stock("sd1")
    monkeypatch.setattr(uncovered, "softened", lambda mask: mask[None].float())
    wanted = request(init=picture(), keep=1.0, uncovered=hole(), uncovered_keep=0.4)
    assert_alike(engine(pipe, "sd1").latents(wanted), inpainted(pipe, monkeypatch, 0.6))


def test_a_controlnet(stock: Callable[[str], Any], words: Path) -> None:
    pipe = stock("sd1")
    guide = control(words)
    other = diffusers.StableDiffusionControlNetPipeline(
        **pipe.components, controlnet=guide, requires_safety_checker=False
    )
    other.set_progress_bar_config(disable=True)
    depth = 1 + 3 * picture(1)[0]
    strength = {"scale": 0.8}
    ours = engine(pipe, "sd1", guide=guide, control=strength).latents(request(depth=depth))
    shown = depth_picture(depth)[None]
    theirs = asked(other, image=shown, controlnet_conditioning_scale=0.8)
    assert_alike(ours, theirs)
    assert float((theirs - asked(pipe)).abs().max()) > 1e-2, "the ControlNet does something"
