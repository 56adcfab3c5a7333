"""The networks of a scene, loaded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch

from animator.depth.load import load_depth
from animator.depth.plane import PlaneDepth
from animator.diffusion.elsewhere import Elsewhere, ask_elsewhere
from animator.engines.registry import family_of
from animator.errors import WeightsError
from animator.flow.load import load_flow
from animator.run.networks import depth_dtype, flow_of, require_weights, sees_depth
from animator.run.sources import Sources
from animator.scene.reading import LoadedScene
from animator.system.devices import choose_device
from animator.types import DepthEstimator, FlowEstimator, StillEngine
from animator.weights.registry import Kind
from animator.weights.shared import SharedNetworks

MODEL = "diffusion.model"

FAKE_DEPTH = PlaneDepth(distance=2.0)
"""Where ``models: fake`` sees every picture; about as far away as what the depth networks see."""

PERCEPTUAL: tuple[Kind, str] = ("perceptual", "vgg16")
"""Is loaded with every published diffusion network, whether or not a scene turns out to need it."""


@dataclass(frozen=True)
class Tools:
    """The networks of a scene.

    Attributes:
        engine: paints frames.
        depth: estimates distances, or None where the scene needs none.
        device: where they run.
        flow: estimates how things move between two pictures, or None where the scene needs none.
        flow_name: its name, such as ``dis``; empty where there is none.
    """

    engine: StillEngine
    depth: DepthEstimator | None
    device: torch.device
    flow: FlowEstimator | None = None
    flow_name: str = ""


def load_tools(
    loaded: LoadedScene,
    sources: Sources,
    shared: SharedNetworks | None = None,
    elsewhere: Elsewhere | None = None,
) -> Tools:
    """Load the networks that a scene names, or with ``models: fake`` what takes their place.

    Args:
        loaded: the scene.
        sources: its pictures.
        shared: networks of the scenes before it; those that this one does not need are let go.
        elsewhere: other processes that are asked for the tiles of its pictures, or None.

    Raises:
        UsageError: there is no such network, or no such device, or nobody can be asked elsewhere.
        WeightsError: weights are absent or damaged.
    """
    scene = loaded.scene
    device = choose_device(scene.device)
    entries = require_weights(loaded)  # all that is missing at once, before minutes of loading
    sees, flow = sees_depth(scene), flow_of(scene)
    shared = SharedNetworks() if shared is None else shared
    shared.keep_only(
        [*((entry.kind, entry.name) for entry in entries), ("diffusion", scene.diffusion.model), PERCEPTUAL]
    )
    fake = scene.models == "fake"
    try:
        engine = family_of(scene.diffusion.model).load(scene, device, sources.open, shared)
    except WeightsError as fault:
        place = loaded.places.get(MODEL)
        if place is None or scene.diffusion.model not in str(fault):
            raise
        raise WeightsError(str(place.problem(MODEL, str(fault)))) from fault
    if elsewhere is not None:
        ask_elsewhere(engine, elsewhere)
    flow = "dis" if fake and flow else flow
    options = scene.depth
    depth: DepthEstimator | None = None
    moves: FlowEstimator | None = None
    if sees and fake:
        depth = FAKE_DEPTH
    elif sees:
        dtype = depth_dtype(scene)
        settings = (device, dtype, options.midas_weight)
        depth = shared.get("depth", options.model, settings, partial(load_depth, options, device, dtype))
    if flow:
        moves = shared.get("flow", flow, device, partial(load_flow, flow, device))
    return Tools(engine, depth, device, moves, flow)
