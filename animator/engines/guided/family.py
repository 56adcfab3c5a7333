"""The family of CLIP-guided diffusion: what the program asks of it besides painting."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from animator.engines.family import Family, Memory, Presets, Work
from animator.engines.guided.judges import judges_of
from animator.engines.guided.presets import cut_presets
from animator.engines.guided.tokens import CONTEXT, ROOM, lost
from animator.engines.guided.unguided import MODELS, unguided
from animator.engines.guided.vocabulary import unknown_words
from animator.errors import UsageError
from animator.settings.base import Animated, share
from animator.system.file_names import file_fault
from animator.system.plural import counted
from animator.types import DIFFUSION_SCALE, Prompt, Request, Schedule
from animator.weights.checkpoint_names import is_checkpoint
from animator.weights.heads import head_fault
from animator.weights.registry import Entry, Kind, config_file, context_length, families, find
from animator.weights.switches import has

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from animator.keyframes import Curve
    from animator.keyframes.timeline import Row, Timeline
    from animator.settings.diffusion import DiffusionOptions
    from animator.settings.scene import Scene
    from animator.system.devices import DeviceKind
    from animator.types import Frame, StillEngine
    from animator.weights.shared import SharedNetworks

CLAMP, CLAMPED = "guidance.clamp_max", "guidance.clamp_grad"
SCALE = "guidance.clip_guidance_scale"
GROWING = {SCALE, "guidance.tv_scale", "guidance.range_scale", "guidance.sat_scale"}
"""Strengths of losses that are means over the picture: as strong at each pixel if they grow with those."""

CUTS = ("overview", "innercut")
LOOKS = ("guidance.cuts.overview", "guidance.cuts.innercut", "guidance.cutn_batches")
"""What decides how many cuts a perceptor sees in a step."""

EVERY = "guidance.every"
"""Of how many steps one looks at all."""

SHARE_OF_STEPS = 0.4
LEAST_STEPS = 10
"""Share of its steps that a draft takes, and how many at least."""

SHARING_STEPS = 40
SHARED_FEATURES = "[2]*700+[1]*300"
"""From how many steps on those of a draft share gradients and deep features: of fewer, neighbours differ too
much. The features as in ``scenes/base/fast.yaml``."""


class Guided(Family):
    """CLIP-guided diffusion in pixels; see `animator.engines.family.Family`."""

    name = "guided"
    lessened = CLAMP
    moves_noise = True
    spreads_tiles = True
    remedy = f"lower {CLAMP} or guidance.clip_guidance_scale"

    def takes(self, model: str) -> bool:
        """Return whether a model is a diffusion network of the registry or a file."""
        if is_checkpoint(model):
            return True
        try:
            return find("diffusion", model).kind == "diffusion"
        except UsageError:
            return False

    def check(self, scene: Scene) -> Iterator[tuple[str, str]]:
        """Yield names of networks that the registry does not have, and CLIP models named twice."""
        diffusion = scene.diffusion
        if is_checkpoint(diffusion.model):
            yield "diffusion.model", _file_fault(diffusion.model)
        else:
            yield "diffusion.model", _unknown("diffusion", diffusion.model)[1]
        yield "diffusion.family", _family_fault(diffusion.family)
        yield _label_fault(diffusion)
        seen: dict[str, str] = {}
        for written in scene.guidance.clip_models:
            known, fault = _unknown("clip", written)
            yield f"{MODELS}.{written}", fault
            if known in seen:
                same = f"is the same network as '{seen[known]}'; keep one of them"
                yield f"{MODELS}.{written}", same
            seen[known or written] = written

    def check_values(
        self, scene: Scene, values: Mapping[str, Curve | Schedule], begin: np.ndarray, end: float
    ) -> Iterator[tuple[str, str]]:
        """Yield the stretches of a diffusion in which prompts are to pull and nothing is looked at."""
        yield from unguided(scene, values, begin, end)

    def unread(self, scene: Scene, prompt: Prompt) -> tuple[int, str] | None:
        """Return the first letter that one of the CLIP models which a text speaks to does not read."""
        room = _room(scene, prompt)
        count, end = lost(prompt.text, room)
        if end == len(prompt.text):
            return None
        return end, f"takes {count} of CLIP's tokens, which reads {room}"

    def unknown_words(self, scene: Scene, prompt: Prompt) -> list[str]:
        """Return the words that none of the CLIP models was trained on; only small ones have such."""
        return unknown_words(prompt.text, prompt.models or scene.guidance.clip_models)

    def presets(self) -> Mapping[str, Presets]:
        """Return the published cut schedules."""
        return {"guidance.cuts": Presets("cut schedule", "cuts: {overview: 12, innercut: 4}", cut_presets())}

    def trained_side(self, scene: Scene) -> float | None:
        """Return the side that the network's description names, of oblong pictures that of a square."""
        model, family = scene.diffusion.model, scene.diffusion.family
        if is_checkpoint(model):
            return float(families()[family].switches["image_size"]) if family else None
        entry = find("diffusion", model)
        if entry.family is not None:
            return float(families()[entry.family].switches["image_size"])
        path = config_file(entry)
        width, height = json.loads(path.read_text(encoding="utf-8"))["native_size"] if path else (0, 0)
        return math.sqrt(width * height) or None

    def networks(self, scene: Scene) -> list[Entry]:
        """Return the denoiser, the CLIP models, the secondary models and the perceptual network.

        The last is among them where a pull towards a picture can act, though a scene runs without it: a
        simpler distance takes its place.
        """
        from animator.diffusion.load import BUNDLED, secondary_names

        used: list[tuple[Kind, str]] = []
        if not is_checkpoint(scene.diffusion.model):
            used.append(("diffusion", scene.diffusion.model))
        used += [("clip", name) for name in scene.guidance.clip_models]
        if has(scene.diffusion.model, "architecture"):
            from animator.diffusion.reading import READER

            used.append(("clip", READER))
        used += [("secondary", name) for name in secondary_names(scene.diffusion)]
        if scene.diffusion.model != BUNDLED and _is_pulled(scene):
            used.append(("perceptual", "vgg16"))
        return list(dict.fromkeys(find(kind, name) for kind, name in used))

    def files(self, scene: Scene) -> Mapping[str, Path]:
        """Return the checkpoint, where the scene names it by its path."""
        path = Path(scene.diffusion.model)
        return {f"diffusion {path.name}": path} if is_checkpoint(scene.diffusion.model) else {}

    def load(
        self,
        scene: Scene,
        device: torch.device,
        open_image: Callable[[str], Frame] | None,
        shared: SharedNetworks | None = None,
    ) -> StillEngine:
        """Return the engine of a scene, or the one that stands in for it."""
        from animator.diffusion.fake import fake_engine
        from animator.diffusion.load import load_engine

        make = fake_engine if scene.models == "fake" else partial(load_engine, shared=shared)
        return make(
            scene.diffusion,
            scene.guidance,
            device,
            open_image=open_image,
            keep_cuts=scene.output.show_cuts,
            mode=scene.mode,
        )

    def tile_network(self, scene: Scene, device: torch.device) -> object:
        """Return the denoiser alone, or what stands in for it."""
        from animator.engines.guided.alone import denoiser_alone

        return denoiser_alone(scene, device)

    def work(self, scene: Scene, timeline: Timeline) -> Work:
        """Return how steps and cuts are counted, by the very rules that the engine follows."""
        from animator.diffusion.engine import schedule_for
        from animator.diffusion.kept import fresh
        from animator.diffusion.step_range import course_of
        from animator.diffusion.step_values import positions_of

        diffusion = scene.diffusion
        schedule = schedule_for(diffusion, scene.guidance)
        position = positions_of(schedule)
        skip_end = share(diffusion.skip_end_steps, diffusion.steps)
        models = [f"{MODELS}.{name}" for name in scene.guidance.clip_models]

        def cost(keep: float, init: bool, frame: int) -> tuple[int, int]:
            disco = scene.guidance.compat == "disco-5"
            course = course_of(schedule, keep, init, skip_end, disco=disco)
            indices = range(course.first, course.last - 1, -1) if course.first >= 0 else range(0)
            row = timeline.row(frame)
            every = row.schedule(EVERY)
            asked = fresh(indices, lambda index: round(every[position[index]]))
            return len(indices), _looks(row, models, [position[index] for index in asked])

        def rows(steps: int, looks: int) -> list[tuple[str, str]]:
            backwards = "" if diffusion.secondary in (False, 0) else " (gradients by the secondary model)"
            shallow = "" if diffusion.reuse == 1 else ", some of the largest level only"
            return [
                ("U-Net passes", f"{steps}{shallow}{backwards}"),
                ("perceptor passes", f"{looks} cuts, by {counted(len(models), 'CLIP model')}"),
            ]

        names = [name for name in (*LOOKS, EVERY, *models) if name in timeline.table]
        return Work(names, cost, rows)

    def memory(self, scene: Scene, timeline: Timeline, device_kind: DeviceKind, tiles: int = 0) -> Memory:
        """Return what one guided step takes that asks for the most of everything."""
        from animator.engines.guided.memory import guided_memory

        return guided_memory(scene, timeline, device_kind, tiles)

    def lighter(self, scene: Scene, at_work: Mapping[str, int], most: int) -> list[str]:
        """Return gradients by the secondary model, fewer cuts or CLIP models, and half precision."""
        found = []
        if scene.diffusion.secondary in (False, 0):
            found.append("diffusion.secondary: true")
        if sum(size for name, size in at_work.items() if name.startswith("CLIP")) > most / 10:
            found.append("fewer guidance.cuts with more guidance.cutn_batches")
        if len(scene.guidance.clip_models) > 1:
            found.append("fewer or smaller guidance.clip_models")
        if scene.diffusion.precision == "float32":
            found.append("diffusion.precision: auto")
        return found

    def drafted(self, scene: Scene, timeline: Timeline, pixels: float) -> Mapping[str, Any]:
        """Return fewer steps, half of the cuts (at least 1 of any), and guidance for its pixels.

        Cuts are spread evenly, and of many steps neighbours share what they can, as in ``base/fast.yaml``;
        but not with ``compat``, nor where the scene says how many do.
        """
        from animator.engines.drafting import scaled

        diffusion, guidance = scene.diffusion, scene.guidance
        before = diffusion.steps
        steps = min(before, max(LEAST_STEPS, round(before * SHARE_OF_STEPS)))
        fewer = {
            "steps": steps,
            "skip_steps": scaled(diffusion.skip_steps, steps, before),
            "skip_end_steps": scaled(diffusion.skip_end_steps, steps, before),
        }
        cuts = {name: _halved_cuts(f"guidance.cuts.{name}", timeline) for name in CUTS}
        halved = {
            "cutn_batches": 1,
            "cuts": guidance.cuts.model_copy(update=cuts),
            "clip_guidance_scale": _times(SCALE, pixels, timeline),
        }
        shared = _shared(scene, steps)
        noise = diffusion.noise_size or (scene.size if pixels < 1 else None)
        return {
            "diffusion": diffusion.model_copy(update={**fewer, **shared["diffusion"], "noise_size": noise}),
            "guidance": guidance.model_copy(update={**halved, **shared["guidance"]}),
        }

    def larger(self, request: Request, pixels: float) -> Request:
        """Return a request whose guidance is for its pixels, so that it pulls as strongly at each."""
        grown = {name: value * pixels for name, value in request.values.items() if name in GROWING}
        return replace(request, values={**request.values, **grown})

    def gentler(self, request: Request, turn: int) -> tuple[Request, str]:
        """Return a request whose gradient is limited to half, then to a quarter."""
        values = {**request.values, CLAMPED: np.ones(DIFFUSION_SCALE)}
        if CLAMP in values:
            values[CLAMP] = values[CLAMP] / 2**turn
        return replace(request, values=values), f"{'half' if turn == 1 else 'a quarter'} of {CLAMP}"

    def same_stop(self, one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
        """Return whether two diffusions were stopped at the same step."""
        return int(one["index"]) == int(other["index"])

    def beginning(self, scene: Scene, request: Request) -> Frame | None:
        """Return the engine's own noise of a frame, over the init where there is one."""
        from animator.engines.guided.beginning import beginning

        return beginning(scene, request)

    def judge(self, scene: Scene) -> str:
        """Return the first CLIP model that the scene names."""
        return next(iter(scene.guidance.clip_models), "")

    def judges(self, scene: Scene) -> list[str]:
        """Return a CLIP model that does not guide, where there is one on the disk; else those that do."""
        return judges_of(scene)


def _room(scene: Scene, prompt: Prompt) -> int:
    """Return how many tokens every CLIP model reads of the words of a prompt that speaks to it."""
    heard = [_unknown("clip", name)[0] for name in (prompt.models or scene.guidance.clip_models)]
    contexts = [context_length(find("clip", name)) or CONTEXT for name in heard if name]
    return min(contexts, default=CONTEXT) - (CONTEXT - ROOM)


GUIDED = Guided()


def _unknown(kind: Kind, written: str) -> tuple[str, str]:
    """Return the registry's name of a network, or an empty text and what is wrong with the name."""
    try:
        return find(kind, written).name, ""
    except UsageError as error:
        return "", str(error)


def _family_fault(family: str | None) -> str:
    known = [name for name, entry in families().items() if entry.kind == "diffusion"]
    if family is None or family in known:
        return ""
    close = difflib.get_close_matches(family, known, 1, 0.6)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"there is no family {family!r}; {hint}there are {', '.join(known)}"


def _label_fault(diffusion: DiffusionOptions) -> tuple[str, str]:
    """Return what is wrong with the class that a network is to paint, and with which setting."""
    name, label = "diffusion.class_label", diffusion.class_label
    if label is None and not has(diffusion.model, "class_cond"):
        return name, ""
    from animator.diffusion.labels import label_number, no_label

    if label is None:
        return "diffusion.model", no_label(diffusion.model)
    try:
        label_number(label)
    except UsageError as error:
        return name, str(error)
    return name, ""


def _is_pulled(scene: Scene) -> bool:
    """Return whether a picture may be held to another: to its init, or to the frame before it."""
    begun = scene.diffusion.init_image is not None or scene.diffusion.perlin_init != "none"
    moved = scene.mode == "video" or (scene.mode != "still" and scene.frames > 1)
    scales = [scene.diffusion.init_scale] * begun + [scene.coherence.frames_scale] * moved
    return any(str(scale).strip() not in ("0", "0.0", "") for scale in scales)


def _looks(row: Row, models: list[str], places: list[int]) -> int:
    """Return how many cuts all perceptors see in the steps at some places of the diffusion."""
    overview, inner, batches = (np.round(row.schedule(name)[places]) for name in LOOKS)
    seeing = sum((row.schedule(name)[places] != 0).astype(int) for name in models)
    return int((np.maximum(batches, 1) * (overview + inner) * seeing).sum())


def _shared(scene: Scene, steps: int) -> dict[str, dict[str, Any]]:
    """Return the settings by which the steps of a draft share what they compute, by section."""
    if scene.guidance.compat != "none":
        return {"diffusion": {}, "guidance": {}}
    many = steps >= SHARING_STEPS
    return {
        "diffusion": {"reuse": SHARED_FEATURES} if many and scene.diffusion.reuse == 1 else {},
        "guidance": {"even_cuts": True} | ({"every": 2} if many and scene.guidance.every == 1 else {}),
    }


def _times(name: str, share: float, timeline: Timeline) -> Animated:
    """Return a setting times a share: as a number, a schedule, or a key a frame."""
    from animator.engines.drafting import by_frame
    from animator.keyframes.schedules import schedule_text

    if name in timeline.schedules:
        return schedule_text(timeline.schedules[name] * share)
    return by_frame(timeline.table[name] * share)


def _halved_cuts(name: str, timeline: Timeline) -> Animated:
    """Return half of a number of cuts: as a number, a schedule, or a key a frame."""
    from animator.engines.drafting import by_frame
    from animator.keyframes.schedules import schedule_text

    if name in timeline.schedules:
        schedule: Schedule = timeline.schedules[name]
        return schedule_text(schedule.clip(None, (schedule / 2).clip(1, None)))
    return by_frame(timeline.table[name].map(lambda cuts: min(cuts, max(1.0, cuts / 2))))


def _file_fault(path: str) -> str:
    """Return what is wrong with a file of weights, as far as is seen without loading it, or an empty text."""
    if fault := file_fault(path, net=False):
        return fault
    try:
        fault = head_fault(Path(path))
    except OSError as error:
        fault = error.strerror or str(error)
    return f"the weights at {path} cannot be read ({fault}); fetch or copy them again" if fault else ""
