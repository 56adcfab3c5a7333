"""A scene with all that its frames are made of, and which of them stand already."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from animator.depth.load import load_depth
from animator.depth.plane import PlaneDepth
from animator.engines.registry import family_of
from animator.film.inits import InitSettings
from animator.film.loop import Shot, Turbo
from animator.flow.load import load_flow
from animator.run.fingerprint import hash_inputs
from animator.run.loop_state import room_for_states
from animator.run.networks import flow_of, require_weights, sees_depth, weights_of
from animator.run.sources import Sources
from animator.runs import RunFolder
from animator.scene.reading import LoadedScene
from animator.scene.resolved import resolved_text
from animator.settings.base import share
from animator.system.images import read_picture
from animator.types import DepthEstimator, FlowEstimator, StillEngine

FAKE_DEPTH = PlaneDepth(distance=2.0)
"""Where ``models: fake`` sees every picture; about as far away as what the depth networks see."""


@dataclass(frozen=True)
class Tools:
    """The networks of a scene, loaded once.

    Attributes:
        engine: paints frames.
        depth: tells distances, or None where the scene needs none.
        flow: tells how things move between two pictures, or None where the scene needs none.
        device: where they run.
    """

    engine: StillEngine
    depth: DepthEstimator | None
    device: torch.device
    flow: FlowEstimator | None = None


@dataclass(frozen=True)
class Job:
    """A scene with everything that is needed to make its frames.

    Attributes:
        run: where they go.
        loaded: the scene.
        sources: the pictures that it names.
        tools: its networks.
        weights: hashes of the networks' weights.
        inputs: hash of what decides each frame.
    """

    run: RunFolder
    loaded: LoadedScene
    sources: Sources
    tools: Tools
    weights: Mapping[str, str]
    inputs: Sequence[str]

    @functools.cached_property
    def shot(self) -> Shot:
        """What the drivers must know of the scene besides its timeline."""
        return shot_of(self.loaded, self.sources)

    @functools.cached_property
    def states(self) -> int:
        """For how many states of earlier frames there is room."""
        return room_for_states(self.loaded.scene.output.keep_states, self.shot)

    @functools.cached_property
    def text(self) -> str:
        """The scene in full."""
        return resolved_text(self.loaded.scene)

    @functools.cached_property
    def stop_at(self) -> float:
        """Share of the diffusion after which stills are stopped."""
        return stop_of(self.loaded)


def job_of(run: RunFolder, loaded: LoadedScene, sources: Sources, tools: Tools) -> Job:
    """Put a job together."""
    weights = weights_of(loaded)
    return Job(run, loaded, sources, tools, weights, hash_inputs(loaded, sources, weights))


def stop_of(loaded: LoadedScene) -> float:
    """Return the share of the diffusion after which a scene's stills are stopped; 1 at its end."""
    diffusion = loaded.scene.diffusion
    return 1.0 if diffusion.stop_at is None else share(diffusion.stop_at, diffusion.steps)


def load_tools(loaded: LoadedScene, sources: Sources) -> Tools:
    """Load the networks that a scene names, or with ``models: fake`` what stands for them."""
    require_weights(loaded)  # all that is missing at once, before minutes of loading
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    scene = loaded.scene
    fake = scene.models == "fake"
    engine = family_of(scene.diffusion.model).load(scene, device, sources.open)
    depth = (FAKE_DEPTH if fake else load_depth(scene.depth, device)) if sees_depth(scene) else None
    name = flow_of(scene)
    return Tools(engine, depth, device, load_flow("dis" if fake else name, device) if name else None)


def shot_of(loaded: LoadedScene, sources: Sources) -> Shot:
    """Return what the drivers must know of a scene besides its timeline."""
    scene = loaded.scene
    width, height = scene.size
    diffusion, init = scene.diffusion, scene.diffusion.init_image
    picture = read_picture(sources.files[init], width, height, diffusion.init_fit) if init else None
    return Shot(
        mode=scene.mode,
        width=width,
        height=height,
        pictures=scene.pictures,
        seed=scene.seeds,
        seed_mode=scene.seed_mode,
        init=InitSettings(
            picture=picture,
            perlin=diffusion.perlin_init,
            noise=diffusion.init_noise,
            color_noise=diffusion.init_color_noise,
            frames=diffusion.init_frames,
        ),
        keep=diffusion.keep(),
        border_2d=scene.warp.border_2d,
        padding=scene.warp.padding_mode,
        sampling=scene.warp.sampling_mode,
        projection=scene.warp.projection,
        occlusion=scene.warp.occlusion,
        fill=scene.warp.fill,
        # A plane never drifts, but if it were to come nearer it would be flown into.
        align=scene.depth.align and scene.depth.model != "plane" and scene.models == "real",
        stereo=scene.vr.enabled,
        sections=family_of(scene.diffusion.model).sections,
        turbo=Turbo(
            steps=scene.turbo.steps,
            preroll=scene.turbo.preroll,
            ease=scene.turbo.fade == "ease",
            align=scene.turbo.align,
            disco=scene.guidance.compat == "disco-5",
        ),
    )
