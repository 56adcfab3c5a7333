"""The peak of memory of a scene, from one guided step that is walked through without numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

import torch
from torch import Tensor

from animator.diffusion.engine import schedule_for
from animator.diffusion.guidance import Guide, Target, guided
from animator.diffusion.load import secondary_name, secondary_names
from animator.diffusion.losses import pyramid_distance
from animator.diffusion.precision import Precision, computing_in, precision_for
from animator.diffusion.prediction import Denoise, Prediction, hold_for, network_denoiser
from animator.diffusion.secondary import SecondaryModel
from animator.diffusion.targets import FUZZY_COPIES
from animator.memory.depth import depth_memory
from animator.memory.meter import REST, Meter, without_numbers
from animator.memory.networks import (
    clean_estimate,
    diffusion_network,
    held_by,
    perceptor,
    perceptual_distance,
    secondary_network,
)
from animator.memory.peak_step import Worst, worst_step
from animator.scene.reading import LoadedScene

DeviceKind = Literal["cpu", "cuda"]

CPU = torch.device("cpu")

WORKSPACES = "workspaces of kernels"
WORKSPACE: Mapping[DeviceKind, float] = {"cpu": 0.15, "cuda": 0.35}
"""Memory inside of kernels and lost between blocks, as a share of what is alive at the peak; as measured with
the bundled networks on a CPU (convolutions in float32 and bfloat16) and on an H100 (bfloat16)."""

PROGRAM = {"cpu": 1_000_000_000, "cuda": 0}
"""Bytes that Python, torch and its libraries hold where the networks are, before there is any: on a CPU, as
measured. Those of a GPU's context are counted by its driver as taken, not as free."""


@dataclass(frozen=True)
class MemoryEstimate:
    """The peak of memory where the networks run, in bytes.

    Attributes:
        parameters: of all networks, which stay loaded, in the type in which they lie there (float32).
        activations: what the networks keep and work with in the most demanding step of a frame, workspaces
            included.
        cuts: what making cuts, and the gradients, take at that moment.
        total: all of it, and the program itself.
        parts: name and bytes of every part, which add up to the total.
    """

    parameters: int
    activations: int
    cuts: int
    total: int
    parts: tuple[tuple[str, int], ...]


def estimate(loaded: LoadedScene, device_kind: DeviceKind) -> MemoryEstimate:
    """Return how much memory a scene takes at its peak, without reading any weights.

    The networks are built in their shapes, and one guided step of the scene's size and largest number of cuts
    is walked through, forwards and backwards, by the code that renders; what is alive at once is added up.
    The peaks of the bundled networks on a CPU and on a GPU (an H100) were measured to be within 35 % of that,
    without the program. The published networks go the same way: a step of 1280 x 768 with a U-Net of 512, the
    secondary model and three perceptors took 10.3 GB there, and 8.7 are told. All of it is with cuts looked
    at batch by batch; on a GPU, together those of several ``cutn_batches`` take more, where there is room.
    Weights being read, and films being written, are not part of it.

    Args:
        loaded: the scene.
        device_kind: where its networks run.

    Raises:
        UsageError: a network is unknown, or is a file that names no family.
        WeightsError: the description of a network is absent or damaged.
    """
    program = [("program", PROGRAM[device_kind])] if PROGRAM[device_kind] else []
    if loaded.scene.models == "fake":
        return _added_up([], {}, program, device_kind)
    precision = _precision(loaded, device_kind)
    held, step = _guided_step(loaded, worst_step(loaded, together=device_kind == "cuda"), precision)
    depth, looking = depth_memory(loaded.scene)
    # A frame's depth is told before its diffusion begins: the larger of the two counts.
    peak = looking if sum(looking.values()) > sum(step.values()) else step
    return _added_up([*held, *depth], peak, program, device_kind)


def _added_up(
    held: Sequence[tuple[str, int]],
    peak: Mapping[str, int],
    program: Sequence[tuple[str, int]],
    device_kind: DeviceKind,
) -> MemoryEstimate:
    peak = {**peak, WORKSPACES: round(WORKSPACE[device_kind] * sum(peak.values()))} if peak else peak
    cuts = peak.get(REST, 0)
    named = [
        (name if name in (REST, WORKSPACES) else f"{name} at work", size)
        for name, size in peak.items()
        if size
    ]
    parts = (*((f"{name} parameters", size) for name, size in held), *named, *program)
    return MemoryEstimate(
        parameters=sum(size for _, size in held),
        activations=sum(peak.values()) - cuts,
        cuts=cuts,
        total=sum(size for _, size in parts),
        parts=parts,
    )


def _precision(loaded: LoadedScene, device_kind: DeviceKind) -> Precision:
    wanted = loaded.scene.diffusion.precision
    if device_kind == "cuda" and wanted == "auto" and not torch.cuda.is_available():
        return "bfloat16"
    return precision_for(wanted, torch.device(device_kind))


def _guided_step(
    loaded: LoadedScene, worst: Worst, precision: Precision
) -> tuple[list[tuple[str, int]], Mapping[str, int]]:
    """Return the bytes of each network of a guided step, and those at its peak by label."""
    diffusion, (width, height) = loaded.scene.diffusion, loaded.scene.size
    schedule = schedule_for(diffusion, loaded.scene.guidance)
    computing = partial(computing_in, precision, CPU)
    meter = Meter()
    with without_numbers():
        network = diffusion_network(diffusion)
        held = [("diffusion network", held_by(network))]
        denoise = meter.labelled("diffusion network", computing(network_denoiser(network, schedule)))
        secondary = None
        for name in secondary_names(diffusion):
            model = secondary_network(name)
            held.append(("secondary model", held_by(model)))
            if name == secondary_name(diffusion):
                secondary = meter.labelled("secondary model", computing(_at_half_time(model)))
        targets, seeing = _targets(worst, precision, meter)
        perceptual, beside = perceptual_distance() if worst.init else (pyramid_distance, 0)
        held += [*seeing, *([("LPIPS", beside)] if beside else [])]
        hold = hold_for(clean_estimate(diffusion), diffusion.threshold)
        shape = (worst.pictures, 3, height, width)
        guide = Guide(
            schedule=schedule,
            targets=targets,
            values=lambda _: worst.values,
            generators=[torch.Generator() for _ in range(worst.pictures)],
            secondary=secondary,
            hold=hold,
            init=torch.zeros(shape) if worst.init else None,
            perceptual=meter.labelled("LPIPS", perceptual) if beside else perceptual,
            disco=loaded.scene.guidance.compat == "disco-5",
        )
        middle = schedule.num_timesteps // 2
        with meter:
            guided(denoise, schedule, guide, through=guide.through, hold=hold)(torch.zeros(shape), middle)
    return held, meter.peak


def _at_half_time(model: SecondaryModel) -> Denoise:
    """Return a secondary model as a `Denoise`; which moment it is told makes no difference to memory."""

    def denoise(x: Tensor, _: int) -> Prediction:
        predicted = model(x, torch.full((len(x),), 0.5))
        return Prediction(predicted.denoised, predicted.eps)

    return denoise


def _targets(worst: Worst, precision: Precision, meter: Meter) -> tuple[list[Target], list[tuple[str, int]]]:
    """Return what every CLIP model of a scene is to see, and the bytes of each."""
    dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
    targets, held = [], []
    for name in worst.values.clip_models:
        seeing, network, width = perceptor(name, dtype)
        held.append((f"CLIP {seeing.name}", held_by(network)))
        fuzz = torch.zeros(worst.pictures, worst.prompts, FUZZY_COPIES, width)
        targets.append(
            Target(
                name=name,
                size=seeing.size,
                encode=meter.labelled(f"CLIP {seeing.name}", seeing.encode_images),
                embeds=torch.zeros(worst.prompts, width),
                weights=torch.ones(worst.prompts),
                fuzz=fuzz if worst.values.rand_mag else None,
            )
        )
    return targets, held
