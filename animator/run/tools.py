"""The networks of a scene, loaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import torch

from animator.depth.load import load_depth
from animator.depth.plane import PlaneDepth
from animator.diffusion.fake import fake_engine
from animator.diffusion.load import load_engine, secondary_names
from animator.flow.load import load_flow
from animator.run.networks import flow_of, require_weights, sees_depth
from animator.run.sources import Sources
from animator.scene.reading import LoadedScene
from animator.settings.scene import Scene
from animator.system.devices import choose_device
from animator.types import DepthEstimator, FlowEstimator, StillEngine
from animator.weights.shared import SharedNetworks

FAKE_DEPTH = PlaneDepth(distance=2.0)
"""Where ``models: fake`` sees every picture; about as far away as what the depth networks see."""


@dataclass(frozen=True)
class Tools:
    """The networks of a scene.

    Attributes:
        engine: paints frames.
        depth: estimates distances, or None where the scene needs none.
        device: where they run.
        flow: estimates how things move between two pictures, or None where the scene needs none.
    """

    engine: StillEngine
    depth: DepthEstimator | None
    device: torch.device
    flow: FlowEstimator | None = None


def load_tools(loaded: LoadedScene, sources: Sources, shared: SharedNetworks | None = None) -> Tools:
    """Load the networks that a scene names, or with ``models: fake`` what stands for them.

    Args:
        loaded: the scene.
        sources: its pictures.
        shared: networks of the scenes before it; those that this one does not need are let go.

    Raises:
        UsageError: there is no such network, or no such device.
        WeightsError: weights are absent or damaged.
    """
    scene = loaded.scene
    device = choose_device(scene.device)
    require_weights(loaded)  # all that is missing at once, before minutes of loading
    shared = SharedNetworks() if shared is None else shared
    flow = flow_of(scene)
    shared.keep_only(_wanted(scene, flow))
    fake = scene.models == "fake"
    engine = (fake_engine if fake else partial(load_engine, shared=shared))(
        scene.diffusion,
        scene.guidance,
        device,
        open_image=sources.open,
        keep_cuts=scene.output.show_cuts,
    )
    depth = (FAKE_DEPTH if fake else _depth(scene, device, shared)) if sees_depth(scene) else None
    flow = "dis" if fake and flow else flow
    moves = shared.get("flow", flow, device, lambda: load_flow(flow, device)) if flow else None
    return Tools(engine, depth, device, moves)


def _depth(scene: Scene, device: torch.device, shared: SharedNetworks) -> DepthEstimator:
    options = scene.depth
    settings = (device, options.midas_weight)
    return shared.get("depth", options.model, settings, lambda: load_depth(options, device))


def _wanted(scene: Scene, flow: str) -> Iterator[tuple[str, str]]:
    """Yield the networks that a scene loads, by kind and name."""
    if scene.models == "fake":
        return
    yield "diffusion", scene.diffusion.model
    yield "perceptual", ""
    yield from (("secondary", name) for name in secondary_names(scene.diffusion))
    yield from (("clip", name) for name in scene.guidance.clip_models)
    if sees_depth(scene):
        yield "depth", scene.depth.model
    yield "flow", flow
