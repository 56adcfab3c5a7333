"""LoRA weights over the networks of a latent diffusion, each with a strength that may change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from animator.errors import WeightsError
from animator.latent.parts import Parts
from animator.latent.single_file import read_tensors


class Loras:
    """LoRAs that lie over networks, and how strongly each acts.

    Args:
        parts: the networks, over which `laid_over` laid them.
        count: how many.
    """

    def __init__(self, parts: Parts, count: int) -> None:
        self.parts = parts
        self.names = [_name(number) for number in range(count)]
        self._unet: tuple[float, ...] = ()
        self._text: tuple[float, ...] = ()

    def paint_with(self, weights: Sequence[float]) -> None:
        """Have the denoiser use these strengths, one a LoRA."""
        if self._unet != tuple(weights):
            self._unet = tuple(weights)
            _set(self.parts.unet, self.names, weights)

    def read_with(self, weights: Sequence[float]) -> bool:
        """Have the text towers use these strengths; return whether they were others before."""
        changed = self._text != tuple(weights)
        if changed:
            self._text = tuple(weights)
            for tower in self.parts.text:
                _set(tower.encoder, self.names, weights)
        return changed


def laid_over(parts: Parts, paths: Sequence[str]) -> None:
    """Lay files of LoRA weights over networks, in place; for `Loras`.

    Raises:
        WeightsError: a file is absent, damaged, or for other networks.
    """
    for number, path in enumerate(paths):
        try:
            _lay_over(parts, path, _name(number))
        except (ValueError, RuntimeError, KeyError, TypeError, AttributeError) as error:
            raise WeightsError(f"the LoRA at {path} does not fit the network ({error})") from error


def _lay_over(parts: Parts, path: str, name: str) -> None:
    from diffusers.loaders import StableDiffusionLoraLoaderMixin, StableDiffusionXLLoraLoaderMixin

    xl = parts.kind == "sdxl"
    mixin: Any = StableDiffusionXLLoraLoaderMixin if xl else StableDiffusionLoraLoaderMixin
    more = {"unet_config": parts.unet.config} if xl else {}
    state, alphas = mixin.lora_state_dict(read_tensors(Path(path)), **more)[:2]
    if not any(key.startswith("unet.") or "text_encoder" in key for key in state):
        raise WeightsError(f"the LoRA at {path} changes no part of this network")
    mixin.load_lora_into_unet(state, network_alphas=alphas, unet=parts.unet, adapter_name=name)
    for tower, prefix in zip(parts.text, ("text_encoder", "text_encoder_2"), strict=False):
        if any(key.startswith(f"{prefix}.") for key in state):
            mixin.load_lora_into_text_encoder(
                state,
                network_alphas=alphas,
                text_encoder=tower.encoder,
                prefix=prefix,
                lora_scale=1.0,
                adapter_name=name,
            )


def _set(network: Any, names: Sequence[str], weights: Sequence[float]) -> None:
    """Set the strengths of those adapters that a network has."""
    from diffusers.utils import set_weights_and_activate_adapters

    held = getattr(network, "peft_config", None) or {}
    pairs = [(name, weight) for name, weight in zip(names, weights, strict=True) if name in held]
    if pairs:
        set_weights_and_activate_adapters(network, [name for name, _ in pairs], [one for _, one in pairs])


def _name(number: int) -> str:
    return f"lora{number}"
