"""The engine of a scene: its networks found, read and put together."""

from __future__ import annotations

import logging
import math
from functools import partial
from pathlib import Path

import torch

from animator.diffusion.checkpoints import Description, expert_of, load_diffusion, load_secondary
from animator.diffusion.engine import GuidedDiffusion, Networks
from animator.diffusion.labels import Labelled, label_number, no_label
from animator.diffusion.losses import perceptual_loss, pyramid_distance
from animator.diffusion.memory_saving import networks_of
from animator.diffusion.perceptors import load_perceptor
from animator.diffusion.precision import precision_for
from animator.diffusion.reading import CFG, PLAIN, READER, Reader
from animator.diffusion.secondary import WIDTHS, SecondaryModel
from animator.diffusion.targets import OpenImage
from animator.diffusion.unet import UNet
from animator.diffusion.vdiffusion import VDiffusion
from animator.errors import UsageError
from animator.settings.base import STILL
from animator.settings.diffusion import DiffusionOptions
from animator.settings.guidance import GuidanceOptions
from animator.system.devices import choose_device
from animator.weights.shared import SharedNetworks

log = logging.getLogger(__name__)

BUNDLED = "pocket"
PUBLISHED_SECONDARY = "secondary_model_imagenet_2"
"""The secondary models: the bundled one belongs to the bundled denoiser, the published one to all others."""

SECONDARY_MULTIPLE = 2 ** (len(WIDTHS) - 1)
"""Pixels that width and height must be multiples of where a secondary model is asked."""


def secondary_name(diffusion: DiffusionOptions) -> str | None:
    """Return the registry's name of the secondary model that a scene asks at any step, or None."""
    if diffusion.secondary in (False, 0):
        return None
    return BUNDLED if diffusion.model == BUNDLED else PUBLISHED_SECONDARY


def secondary_names(diffusion: DiffusionOptions) -> list[str]:
    """Return the names of all secondary models that a scene runs on, each once.

    Besides the one that it asks for the gradient, that is the one which stands in for its network.
    """
    expert = expert_of(diffusion.model)
    names = [secondary_name(diffusion), expert.secondary if expert else None]
    return list(dict.fromkeys(name for name in names if name))


def cfg_scale_of(model: str) -> float:
    """Return how strongly prompts act on a network that reads them, by its name, where a scene is silent."""
    return CFG if "cfg" in Path(model).stem.lower() else PLAIN


def labelled(denoiser: UNet, label: int | str | None, name: str) -> UNet | Labelled:
    """Return a network asked for a class, where it tells classes apart.

    Raises:
        UsageError: it does and none is named, or there is no such class.
    """
    if not denoiser.config.classes:
        return denoiser
    if label is None:
        raise UsageError(no_label(name))
    return Labelled(denoiser, label_number(label))


def load_denoiser(
    diffusion: DiffusionOptions, device: torch.device, shared: SharedNetworks
) -> tuple[UNet | VDiffusion | Labelled, Description]:
    """Load the network that predicts, asked for its class where it tells classes apart.

    Arguments and errors as in `load_engine`.
    """
    model, family = diffusion.model, diffusion.family
    read = partial(load_diffusion, model, device, family=family)
    denoiser: UNet | VDiffusion
    denoiser, description = shared.get("diffusion", model, (device, family), read)
    if isinstance(denoiser, VDiffusion):
        return denoiser, description
    # A scene before this one may have been short of memory; this one begins as if it were the first.
    denoiser.use_checkpoint = denoiser.config.use_checkpoint
    return labelled(denoiser, diffusion.class_label, description.name), description


def load_engine(
    diffusion: DiffusionOptions,
    guidance: GuidanceOptions,
    device: torch.device | str | None = None,
    *,
    open_image: OpenImage | None = None,
    keep_cuts: bool = False,
    mode: str = STILL,
    shared: SharedNetworks | None = None,
) -> GuidedDiffusion:
    """Load the networks that a scene names and build the engine.

    Args:
        diffusion: the section ``diffusion``.
        guidance: the section ``guidance``.
        device: where to compute; None takes a GPU where there is one.
        open_image: opens the pictures of image prompts.
        keep_cuts: see `GuidedDiffusion`.
        mode: see there.
        shared: networks that are loaded already; those that are loaded now are added.

    Raises:
        UsageError: a name is unknown.
        WeightsError: weights are absent or damaged.
    """
    device = torch.device(device) if device is not None else choose_device()
    if diffusion.compile and device.type == "cpu":
        # Nothing is gained there, and torch 2.14 compiles some transpositions of bfloat16, as those of the
        # attention, into kernels whose results are not numbers (seen on a CPU with AVX-512).
        log.warning("diffusion.compile is for GPUs: on this CPU the networks are not compiled")
        diffusion = diffusion.model_copy(update={"compile": False})
    dtype = torch.bfloat16 if precision_for(diffusion.precision, device) == "bfloat16" else torch.float32
    shared = SharedNetworks() if shared is None else shared
    fast = diffusion.compile
    denoiser, description = load_denoiser(diffusion, device, shared)
    reader = None
    if isinstance(denoiser, VDiffusion):
        reads = partial(load_perceptor, READER, device, dtype=dtype, compile=fast)
        scale = cfg_scale_of(diffusion.model)
        reader = Reader(shared.get("clip", READER, (device, dtype, fast), reads), scale)
    name, noisy = secondary_name(diffusion), description.noisy
    secondary = _secondary(name, device, shared) if name else None
    expert = _secondary(noisy.secondary, device, shared) if noisy else None
    multiple = denoiser.config.size_multiple
    if secondary or expert:
        multiple = math.lcm(multiple, SECONDARY_MULTIPLE)
    perceptors = {
        name: shared.get(
            "clip",
            name,
            (device, dtype, fast),
            partial(load_perceptor, name, device, dtype=dtype, compile=fast),
        )
        for name in guidance.clip_models
    }
    for network in networks_of(*perceptors.values(), reader and reader.perceptor):
        network.to(device)
    networks = Networks(
        denoiser=denoiser,
        perceptors=perceptors,
        estimate=description.estimate,
        size_multiple=multiple,
        secondary=secondary,
        noisy=expert,
        noisy_above=noisy.above if noisy else 1000.0,
        # With the bundled networks always the same, whatever else lies on the machine.
        perceptual=pyramid_distance
        if diffusion.model == BUNDLED
        else shared.get("perceptual", "vgg16", device, partial(perceptual_loss, device)),
        open_image=open_image,
        reader=reader,
    )
    return GuidedDiffusion(networks, diffusion, guidance, device, keep_cuts=keep_cuts, mode=mode)


def _secondary(name: str, device: torch.device, shared: SharedNetworks) -> SecondaryModel:
    return shared.get("secondary", name, device, partial(load_secondary, name, device))
