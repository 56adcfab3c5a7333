"""The networks of one latent diffusion, as they come out of a checkpoint or a folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection, CLIPTokenizer


@dataclass(frozen=True)
class TextTower:
    """A network that reads prompts.

    Attributes:
        tokenizer: cuts a text into the tokens that ``encoder`` knows.
        encoder: turns tokens into states.
        penultimate: whether the states before the last layer are read, as SDXL does.
    """

    tokenizer: CLIPTokenizer
    encoder: CLIPTextModel | CLIPTextModelWithProjection
    penultimate: bool = False


@dataclass(frozen=True)
class Parts:
    """What one latent diffusion is made of.

    Attributes:
        kind: ``sd1``, ``sd2`` or ``sdxl``.
        unet: predicts noise or ``v`` in the latent space; with 9 input channels it fills in.
        vae: turns pictures into latents and back.
        text: the towers that read prompts, in the order in which their states are joined.
        schedule: what the network was trained with, in the words of diffusers' schedulers: ``beta_start``,
            ``beta_end``, ``beta_schedule``, ``num_train_timesteps``, ``prediction_type``, and for those that
            need them ``timestep_spacing``, ``rescale_betas_zero_snr``.
        few_steps: ``""``, ``lcm`` or ``turbo`` where the network was made for one to eight steps.
    """

    kind: str
    unet: UNet2DConditionModel
    vae: AutoencoderKL
    text: tuple[TextTower, ...]
    schedule: Mapping[str, Any]
    few_steps: str = ""
