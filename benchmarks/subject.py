"""What is measured: one 3D frame of a scene in the middle of its film, and all that it is made with."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from animator.diffusion.engine import GuidedDiffusion
from animator.diffusion.perlin import perlin_picture
from animator.film.requests import next_request
from animator.film.shot import Shot
from animator.run.job import shot_of
from animator.run.sources import Sources
from animator.scene.reading import LoadedScene, read_text_scene
from animator.system import rng
from animator.types import Camera, DepthEstimator, Request
from benchmarks.networks import depth_for, engine_for

POCKET = """
mode: 3d
frames: 8
seed: 3
size: [192, 128]
prompts: ["a red sunset over the sea with a lighthouse", "warm colors:0.2"]
camera: {translation_z: 10, rotation_3d_y: 0.5}
diffusion: {steps: 50}
guidance: {cuts: {overview: 6, innercut: 10}, tv_scale: 10}
"""
"""A frame of the bundled networks: 20 steps of 50, 16 cuts each."""

FULL = """
mode: 3d
frames: 8
seed: 3
size: [1280, 768]
prompts: ["A beautiful painting of a singular lighthouse, shining its light across a tumultuous sea"]
camera: {translation_z: 10, rotation_3d_y: 0.5}
diffusion: {steps: 250, secondary: true}
guidance: {clip_models: {ViT-B-32: 1, ViT-B-16: 1, RN50: 1}, cutn_batches: 4, tv_scale: 10}
"""
"""A frame of Disco Diffusion's defaults: 100 steps of 250, 64 cuts each, three perceptors."""

FRAME = 4


@dataclass(frozen=True)
class Subject:
    """One frame to be made.

    Attributes:
        loaded: its scene.
        device: where.
        full: whether with published networks of full size.
    """

    loaded: LoadedScene
    device: torch.device
    full: bool

    @functools.cached_property
    def engine(self) -> GuidedDiffusion:
        """The engine, built when it is first asked for."""
        return engine_for(self.loaded.scene, self.device, full=self.full)

    @functools.cached_property
    def depth(self) -> DepthEstimator:
        """Tells distances, built when it is first asked for."""
        return depth_for(self.loaded.scene, self.device, full=self.full)

    @functools.cached_property
    def shot(self) -> Shot:
        """What the loop must know."""
        return shot_of(self.loaded, Sources({}))

    @functools.cached_property
    def picture(self) -> Tensor:
        """A frame before: clouds."""
        width, height = self.loaded.scene.size
        return perlin_picture(width, height, "mixed", rng.generator(1, 0, "perlin")).to(self.device)

    @functools.cached_property
    def request(self) -> Request:
        """What is asked of the engine."""
        return next_request(self.loaded.timeline.row(FRAME), self.shot, self.picture)

    @property
    def camera(self) -> Camera:
        """The move to the frame."""
        return Camera(translation_z=10, rotation_3d_y=0.5)


def subject(device: torch.device, *, full: bool = False, **changes: object) -> Subject:
    """Return the frame that is measured, its scene altered by ``key.path=value`` with __ for the dots."""
    over = [f"{name.replace('__', '.')}={value}" for name, value in changes.items()]
    loaded = read_text_scene(FULL if full else POCKET, str(Path("benchmark.yaml")), over)
    return Subject(loaded, device, full)
