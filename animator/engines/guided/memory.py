"""The memory of guided diffusion, from one guided step that is walked through without numbers."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from animator.diffusion.disco_cuts import cut_for
from animator.diffusion.engine import schedule_for
from animator.diffusion.guidance import Guide, guided
from animator.diffusion.kept import Last, reusing
from animator.diffusion.load import cfg_scale_of, secondary_name, secondary_names
from animator.diffusion.losses import pyramid_distance
from animator.diffusion.noise_schedule import NoiseSchedule
from animator.diffusion.precision import Precision, computing_in, precision_for
from animator.diffusion.prediction import Denoise, Prediction, from_v, hold_for, network_denoiser
from animator.diffusion.reading import READER, SCALE, followed
from animator.diffusion.secondary import SecondaryModel
from animator.diffusion.target import Target
from animator.diffusion.targets import FUZZY_COPIES
from animator.diffusion.tiles import tiles_of
from animator.diffusion.unet import UNet
from animator.diffusion.vdiffusion import VDiffusion
from animator.engines.family import Memory
from animator.engines.guided.peak_step import Worst, worst_step
from animator.engines.guided.shapes import (
    clean_estimate,
    diffusion_network,
    perceptor,
    perceptual_distance,
    secondary_network,
)
from animator.keyframes.timeline import Timeline
from animator.settings.scene import Scene
from animator.system.devices import DeviceKind
from animator.system.meter import Meter, without_numbers
from animator.system.shapes import held_by

CPU = torch.device("cpu")
NETWORK = "diffusion network"


def guided_memory(scene: Scene, timeline: Timeline, device_kind: DeviceKind, tiles: int = 0) -> Memory:
    """Return the bytes of each network of a scene, and those at the peak of its most demanding step.

    The networks are built in their shapes, and one guided step of the scene's size and largest number of cuts
    is walked through, forwards and backwards, by the code that renders; what is alive at once is added up.
    Cuts are looked at batch by batch; on a GPU, together those of several ``cutn_batches`` take more, where
    there is room.

    Args:
        scene: the scene.
        timeline: its values over the frames.
        device_kind: where its networks run.
        tiles: side of the tiles in which the network is asked; 0: the whole picture at once.

    Raises:
        UsageError: a network is unknown, or is a file that names no family.
        WeightsError: the description of a network is absent or damaged.
    """
    worst = worst_step(scene, timeline, together=device_kind == "cuda")
    precision = _precision(scene, device_kind)
    diffusion, (width, height) = scene.diffusion, scene.size
    schedule = schedule_for(diffusion, scene.guidance)
    computing = partial(computing_in, precision, CPU)
    meter = Meter()
    with without_numbers():
        network = diffusion_network(diffusion)
        held = [(NETWORK, held_by(network))]
        denoise = meter.labelled(
            NETWORK, computing(_asked(network, worst, schedule, _scale(scene, timeline)))
        )
        secondary = None
        for name in secondary_names(diffusion):
            model = secondary_network(name)
            held.append(("secondary model", held_by(model)))
            if name == secondary_name(diffusion):
                secondary = meter.labelled("secondary model", computing(_at_half_time(model)))
        targets, seeing = _targets(worst, precision, meter)
        if isinstance(network, VDiffusion) and READER not in worst.values.clip_models:
            held.append((f"CLIP {READER}", held_by(perceptor(READER, torch.float32)[1])))
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
            disco=scene.guidance.compat == "disco-5",
            # A drawn order would be a number.
            cut=cut_for(scene.guidance.compat, scene.mode, order=range(4)),
        )
        middle = schedule.num_timesteps // 2
        with meter:
            guided(denoise, schedule, guide, through=guide.through, hold=hold)(torch.zeros(shape), middle)
    peak = dict(meter.peak)
    if tiles and NETWORK in peak:
        # Walked through whole, which is quick: what tiles take is in proportion to their pixels. Where they
        # are differentiated, the activations of all of them are there at once.
        every = [one.weight.numel() for one in tiles_of(height, width, tiles)]
        peak[NETWORK] = round(
            peak[NETWORK] * (sum(every) if secondary is None else every[0]) / (height * width)
        )
    return Memory(tuple(held), peak)


def _asked(network: UNet | VDiffusion, worst: Worst, schedule: NoiseSchedule, scale: float) -> Denoise:
    """Return the large network as it is asked in the most demanding step."""
    if isinstance(network, VDiffusion):
        embeds = torch.zeros(max(worst.prompts, 1), network.config.prompt)
        weights = torch.ones(len(embeds))

        def denoise(x: Tensor, index: int) -> Prediction:
            v = followed(network, x, torch.full((len(x),), 0.5), embeds, weights, scale)
            return from_v(x, v, float(schedule.alpha_bar[index]))

        return denoise
    if worst.values.reuse == 1:
        return network_denoiser(network, schedule)
    return reusing(network, schedule, lambda index: 1, Last())


def _scale(scene: Scene, timeline: Timeline) -> float:
    """Return how strongly prompts act at the most on a network that reads them itself."""
    written = timeline.schedules[SCALE] if SCALE in timeline.schedules else timeline.table[SCALE]
    return float(max(written)) or cfg_scale_of(scene.diffusion.model)


def _at_half_time(model: SecondaryModel) -> Denoise:
    """Return a secondary model as a `Denoise`; which moment it is given makes no difference to memory."""

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


def _precision(scene: Scene, device_kind: DeviceKind) -> Precision:
    wanted = scene.diffusion.precision
    if device_kind == "cuda" and wanted == "auto" and not torch.cuda.is_available():
        return "bfloat16"
    return precision_for(wanted, torch.device(device_kind))
