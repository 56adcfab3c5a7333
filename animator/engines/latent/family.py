"""The family of latent diffusion: what the program asks of it besides painting."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from animator.engines.family import Family, Memory, Work
from animator.engines.latent.files import (
    entries_of,
    few_steps_of,
    file_faults,
    files_of,
    is_latent,
    model_fault,
)
from animator.settings.base import BY_CLIP, Declared, share
from animator.weights.registry import Entry, find

if TYPE_CHECKING:
    from pathlib import Path

    import torch
    from torch import Tensor

    from animator.keyframes.timeline import Timeline
    from animator.settings.scene import Scene
    from animator.system.devices import DeviceKind
    from animator.types import Frame, Request, StillEngine
    from animator.weights.shared import SharedNetworks

CFG = "latent.cfg_scale"
GENTLE_CFG = 7.0
"""What `gentler` lowers where the scene leaves the strength of the prompts to the network."""

BRACKETS = re.compile(r"\\[()]|:\s*[+-]?(?:\d+\.?\d*|\.\d+)\s*\)|[()]")
"""What stresses words, see `animator.latent.emphasis`."""

SHARE_OF_STEPS = 0.5
LEAST_STEPS = 8
"""Share of its steps that a draft takes, and how many at least."""


class Latent(Family):
    """Latent diffusion by the parts of diffusers; see `animator.engines.family.Family`."""

    name = "latent"
    lessened = CFG
    spreads_tiles = True
    remedy = f"lower {CFG}"

    def reads(self, said: Sequence[Declared], scene: Scene) -> bool:
        """Return whether a setting means anything to it: guidance by CLIP only where it is asked for."""
        by_clip = scene.latent.clip_guidance or scene.models == "fake"
        return super().reads(said, scene) and (by_clip or all(one.engine != BY_CLIP for one in said))

    def takes(self, model: str) -> bool:
        """Return whether a model is the path of a latent diffusion."""
        return is_latent(model)

    def check(self, scene: Scene) -> Iterator[tuple[str, str]]:
        """Yield files that are not there, prompts by pictures that no network sees, and wrong CLIP models."""
        if scene.models == "real":
            yield "diffusion.model", model_fault(scene.diffusion.model)
            yield from file_faults(scene)
        adapter = scene.latent.ip_adapter
        if scene.image_prompts and not scene.latent.clip_guidance and adapter.model is None:
            fault = "no network looks at pictures here; name latent.ip_adapter, or set latent.clip_guidance"
            yield "image_prompts", fault
        if adapter.model is not None and adapter.encoder is None:
            fault = "needs the network that it looks at pictures with; name its folder in encoder"
            yield "latent.ip_adapter.model", fault
        if scene.latent.clip_guidance:
            from animator.engines.guided import GUIDED

            yield from (one for one in GUIDED.check(scene) if one[0].startswith("guidance."))

    def idle(self, scene: Scene) -> dict[str, str]:
        """Return what a network of a few steps, or one asked with the prompts alone, has no use for."""
        few = "" if scene.models == "fake" else few_steps_of(scene)
        found = dict.fromkeys(("diffusion.sampler", "diffusion.eta"), f"with few_steps {few}") if few else {}
        strength = scene.latent.cfg_scale
        if strength == 1 or (strength == 0 and few):
            found["latent.negative_prompt"] = "with cfg_scale 1"
        return found

    def unstressed(self, text: str) -> str:
        """Return a prompt whose brackets and their factors are blank: ``(sea:1.2)`` means something here."""
        return BRACKETS.sub(lambda found: " " * len(found[0]), text)

    def networks(self, scene: Scene) -> list[Entry]:
        """Return what is named by a name, and the CLIP models, where they guide."""
        clip = scene.guidance.clip_models if scene.latent.clip_guidance else ()
        return [*entries_of(scene), *(find("clip", name) for name in clip)]

    def files(self, scene: Scene) -> Mapping[str, Path]:
        """Return the files of the network, the LoRAs and the ControlNet."""
        return files_of(scene)

    def load(
        self,
        scene: Scene,
        device: torch.device,
        open_image: Callable[[str], Frame] | None,
        shared: SharedNetworks | None = None,
    ) -> StillEngine:
        """Return the engine of a scene; with ``models: fake`` that of guided diffusion."""
        if scene.models == "fake":
            from animator.diffusion.fake import fake_engine

            return fake_engine(
                scene.diffusion, scene.guidance, device, open_image=open_image, mode=scene.mode
            )
        from animator.latent.load import load_engine

        return load_engine(scene, device, open_image, shared)

    def tile_network(self, scene: Scene, device: torch.device) -> object:
        """Return the U-Net, a ControlNet and what lies over them; with ``models: fake`` that of the other."""
        if scene.models == "fake":
            from animator.diffusion.fake import solvable_network

            return solvable_network
        from animator.latent.load import load_denoiser

        return load_denoiser(scene, device)

    def work(self, scene: Scene, timeline: Timeline) -> Work:
        """Return how steps are counted; each asks the network twice, with and without the prompts."""
        steps, end = scene.diffusion.steps, share(scene.diffusion.skip_end_steps, scene.diffusion.steps)
        names = [CFG] if CFG in timeline.table else []

        def cost(keep: float, init: bool, frame: int) -> tuple[int, int]:
            skipped = int(keep * steps + 0.5)
            left = steps - skipped - int(end * steps + 0.5)
            return (left if init else max(left, 1)), 0

        def rows(steps: int, looks: int) -> list[tuple[str, str]]:
            return [
                ("U-Net passes", f"{steps} with the prompts, as many without them unless {CFG} is 1"),
            ]

        return Work(names, cost, rows)

    def memory(self, scene: Scene, timeline: Timeline, device_kind: DeviceKind, tiles: int = 0) -> Memory:
        """Return what a step of the network and the autoencoder take, from their descriptions."""
        from animator.engines.latent.memory import latent_memory

        return latent_memory(scene, device_kind, tiles)

    def lighter(self, scene: Scene, at_work: Mapping[str, int], most: int) -> list[str]:
        """Return half precision, and tiles."""
        found = [] if scene.diffusion.precision != "float32" else ["diffusion.precision: auto"]
        return found + ([] if scene.large_size else ["a smaller size with hires: 2, which paints in tiles"])

    def drafted(self, scene: Scene, timeline: Timeline, pixels: float) -> Mapping[str, Any]:
        """Return half of the steps, where there are many."""
        from animator.engines.drafting import scaled

        diffusion = scene.diffusion
        before = diffusion.steps
        steps = min(before, max(LEAST_STEPS, round(before * SHARE_OF_STEPS)))
        fewer = {
            "steps": steps,
            "skip_steps": scaled(diffusion.skip_steps, steps, before),
            "skip_end_steps": scaled(diffusion.skip_end_steps, steps, before),
        }
        return {"diffusion": diffusion.model_copy(update=fewer)}

    def gentler(self, request: Request, turn: int) -> tuple[Request, str]:
        """Return a request on which the prompts act with two thirds, then with a little over a third."""
        times = 0.67 if turn == 1 else 0.4
        if CFG not in request.values:
            return request, ""
        strength = request.values[CFG].copy()
        strength[strength == 0] = GENTLE_CFG
        values = {**request.values, CFG: (strength * times).clip(1, None)}
        return replace(request, values=values), f"{times:g} times {CFG}"

    def same_stop(self, one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
        """Return whether two diffusions were stopped at the same step."""
        return int(one["index"]) == int(other["index"])


LATENT = Latent()
