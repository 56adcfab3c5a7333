"""The section `latent` of a scene: how a latent diffusion network (Stable Diffusion and its kin) is asked."""

from __future__ import annotations

from typing import Literal

from animator.settings.base import THREE_D, Animated, Need, Options, animated, setting

_CONTROLLED = Need("without latent.control.model", {"latent.control.model": lambda value: value is not None})

_ADAPTED = Need(
    "without latent.ip_adapter.model", {"latent.ip_adapter.model": lambda value: value is not None}
)


class ControlOptions(Options):
    """A ControlNet that holds each frame to the depth of the moved frame before it."""

    model: str | None = setting(None, modes=(THREE_D,))
    """Path of a depth ControlNet that fits the network: a file, or a folder of diffusers. It is shown the
    depth that the loop estimated and moved with the camera; the first frame has none yet and goes without."""

    scale: Animated = animated(
        1, frames=True, steps=True, ge=0, le=4, unit="weight", modes=(THREE_D,), needs=_CONTROLLED
    )
    """How strongly the ControlNet acts; 0 does not ask it."""


class IpAdapterOptions(Options):
    """An IP-Adapter, by which `image_prompts` speak to the network."""

    model: str | None = None
    """Path of the file of an IP-Adapter that fits the network."""

    encoder: str | None = setting(None, needs=_ADAPTED)
    """Folder of the CLIP network that the adapter looks at pictures with (``image_encoder`` beside it)."""

    scale: Animated = animated(1, frames=True, steps=True, ge=0, le=4, unit="weight", needs=_ADAPTED)
    """How strongly the pictures act beside the texts; 0 is off."""


class LatentOptions(Options):
    """How a network that paints in a latent space is asked."""

    cfg_scale: Animated = animated(
        0,
        frames=True,
        steps=True,
        ge=0,
        le=50,
        unit="weight",
        description="How strongly the prompts act (classifier-free guidance): 1 leaves out the negative "
        "prompt and halves the work; 0, the default, takes what suits the network: 7, for SDXL 5, for "
        "networks of a few steps 1.",
    )

    negative_prompt: str = ""
    """What the picture is not to show. Prompts with a negative weight are added to it, and take its place the
    more the larger their weights are."""

    few_steps: Literal["auto", "none", "lcm", "turbo"] = "auto"
    """Whether the network, or a LoRA laid over it, was made for one to eight steps: ``lcm`` steps by noise
    added anew to each clean estimate, ``turbo`` by ancestral steps; both need few `diffusion.steps` and take
    the place of `diffusion.sampler`. ``auto`` is what the network's files say."""

    spacing: Literal["auto", "leading", "trailing", "linspace", "karras"] = "auto"
    """At which levels of noise the steps lie: ``trailing`` begins at pure noise and suits few steps,
    ``leading`` is what the published pipelines do, ``linspace`` has both ends, ``karras`` makes steps small
    where the picture is nearly clean; ``auto`` is what the network's files say."""

    loras: dict[str, Animated] = setting(
        default_factory=dict,
        unit="weight",
        json_schema_extra={
            "animated_each": {"frames": True, "steps": True, "ge": -10, "le": 10},
            "allowed": "files of LoRA weights with their strengths, such as {ink.safetensors: 0.8}",
        },
    )
    """Files of LoRA weights that are laid over the network, each with its strength: 0 is off, 1 as it was
    trained. Paths are relative to the scene file."""

    control: ControlOptions = ControlOptions()
    """A ControlNet for depth."""

    ip_adapter: IpAdapterOptions = IpAdapterOptions()
    """Pictures as prompts."""

    clip_guidance: bool = False
    """Whether the CLIP models of `guidance` look at each step's clean estimate, decoded, and pull at it with
    all losses of `guidance`: Disco Diffusion's look on a latent network, at many times the work."""

    hold_codec: bool = True
    """Whether what the network's autoencoder loses of the moved frame is put back where nothing new was
    painted, so that a long film does not drift by it."""
