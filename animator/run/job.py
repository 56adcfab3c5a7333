"""A scene resolved: everything that its frames are made of, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

from animator.engines.family import read_sections
from animator.engines.registry import family_of
from animator.film.inits import InitSettings
from animator.film.shot import Shot, Turbo
from animator.film.upright import Upright, on_canvas
from animator.run.film_files import FINISHED, FilmFiles, beside, film_files
from animator.run.fingerprint import hash_inputs
from animator.run.graded import Grade, grade_of
from animator.run.loop_state import room_for_states
from animator.run.networks import weights_of
from animator.run.pins import pins_of
from animator.run.regions import mask_digest, regions_of
from animator.run.sources import Sources
from animator.run.tools import Tools
from animator.runs import RunFolder
from animator.runs.folder import FRAMES
from animator.runs.hires import HIRES
from animator.scene.looped import loop_span
from animator.scene.reading import LoadedScene
from animator.scene.resolved import resolved_text
from animator.scene.shown import shown_range
from animator.scene.upright import canvas_of, rolls
from animator.settings.base import share
from animator.settings.scene import Scene
from animator.system.images import read_picture
from animator.video.film import frame_rate


@dataclass(frozen=True)
class Job:
    """A scene with everything that is needed to make its frames.

    Attributes:
        run: where they go.
        loaded: the scene.
        sources: the pictures that it names.
        tools: its networks.
        weights: hashes of the networks' weights.
        inputs: fingerprint of each frame.
        numbers: which frames or pictures are wanted, in order.
        shot: what the drivers must know of the scene besides its timeline.
        stop_at: share of the diffusion after which stills are stopped; 1 at its end.
        states: for how many states of earlier frames there is room.
        text: the scene in full.
        carried: the scene as its pictures carry it: on whatever device the next machine has, and without a
            choice among others.
        fps: frames a second of the film.
        smooth_fps: those of the film at a higher frame rate, or None where there is none.
        files: where the films are.
    """

    run: RunFolder
    loaded: LoadedScene
    sources: Sources
    tools: Tools
    weights: Mapping[str, str]
    inputs: Sequence[str]
    numbers: Sequence[int]
    shot: Shot
    stop_at: float
    states: int
    text: str
    carried: str
    fps: Fraction
    smooth_fps: Fraction | None
    files: FilmFiles

    @property
    def still(self) -> bool:
        """Whether the scene makes single pictures."""
        return self.shot.mode == "still"

    @property
    def opened(self) -> Path:
        """What a user will want to open: the film, or the folder of the pictures; finished or larger."""
        if self.still:
            large = self.run.path / HIRES
            return large if self.loaded.scene.large_size and large.is_dir() else self.run.path / FRAMES
        finish = self.loaded.scene.output.finish
        if finish.to or finish.scale or finish.fps:
            return beside(self.files.main, FINISHED)
        return self.files.large or self.files.main

    @property
    def shows_frames(self) -> bool:
        """Whether the finished film shows the frames as they are, all of them, neither blended nor graded."""
        return not self.blends and not self.grade.settings and len(self.shown) == len(self.numbers)

    @cached_property
    def shown(self) -> range:
        """The numbers of the frames that the films show."""
        return shown_range(self.loaded.scene)

    @property
    def blends(self) -> bool:
        """Whether the finished film blends each frame with the one before it."""
        return self.loaded.scene.mode == "video" and self.loaded.scene.video.finish != "none"

    @cached_property
    def grade(self) -> Grade:
        """The look of the finished film."""
        drawn_from = mask_digest(self.loaded.scene, self.loaded.scene.grade.region, self.sources)
        return grade_of(self.loaded, self.shot.regions, drawn_from)


def job_of(run: RunFolder, loaded: LoadedScene, sources: Sources, tools: Tools) -> Job:
    """Resolve a scene whose sources were found and whose networks are loaded.

    Raises:
        UsageError: a picture cannot be read.
    """
    scene, smooth = loaded.scene, loaded.scene.output.interpolate_to
    weights = weights_of(loaded)
    shot = shot_of(loaded, sources)
    text = resolved_text(scene)
    alone = {"device": "auto", "keep_best": None, "judge_at": type(scene).model_fields["judge_at"].default}
    anywhere = scene.model_copy(update=alone)
    return Job(
        run=run,
        loaded=loaded,
        sources=sources,
        tools=tools,
        weights=weights,
        inputs=hash_inputs(loaded, sources, weights),
        numbers=wanted_numbers(loaded),
        shot=shot,
        stop_at=stop_of(scene),
        states=room_for_states(scene.output.keep_states, shot),
        text=text,
        carried=text if anywhere == scene else resolved_text(anywhere),
        fps=frame_rate(scene.fps),
        smooth_fps=None if smooth is None else frame_rate(smooth),
        files=film_files(run, scene, loaded.name),
    )


def wanted_numbers(loaded: LoadedScene) -> Sequence[int]:
    """Return the numbers of the frames of a film, or of the stills that were chosen, in order."""
    only = loaded.only if loaded.scene.mode == "still" else ()
    return only or range(loaded.scene.count)


def stop_of(scene: Scene) -> float:
    """Return the share of the diffusion after which a scene's pictures are stopped; 1 at its end."""
    stop_at = scene.diffusion.stop_at if scene.mode == "still" else None
    return 1.0 if stop_at is None else share(stop_at, scene.diffusion.steps)


def shot_of(loaded: LoadedScene, sources: Sources) -> Shot:
    """Return what the drivers must know of a scene besides its timeline."""
    scene = loaded.scene
    width, height = scene.size
    diffusion, init = scene.diffusion, scene.diffusion.init_image
    disco = scene.guidance.compat == "disco-5"
    upright = canvas_of(scene, loaded.timeline.table)
    picture = (
        read_picture(sources.files[init], width, height, diffusion.init_fit, scene.ground) if init else None
    )
    if picture is not None and upright is not None:
        picture = on_canvas(picture, *upright)
    pins = pins_of(scene, sources)
    return Shot(
        mode=scene.mode,
        width=width,
        height=height,
        pictures=scene.count,
        seed=scene.seeds,
        seed_mode=scene.seed_mode,
        noise=scene.coherence.noise,
        detail=scene.coherence.detail if scene.mode in ("2d", "3d") else 0.0,
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
        sections=read_sections(family_of(scene.diffusion.model), scene),
        turbo=Turbo(
            steps=scene.turbo.steps,
            preroll=scene.turbo.preroll,
            ease=scene.turbo.fade == "ease",
            align=scene.turbo.align,
            disco=disco,
            also=tuple(pin.frame for pin in pins),
            loops_at=scene.frames if loop_span(scene) and scene.turbo.steps > 1 else 0,
        ),
        disco=disco,
        loop=loop_span(scene),
        pins=pins,
        regions=regions_of(scene, sources),
        upright=upright and Upright(*upright, rolls(scene, loaded.timeline.table).tolist()),
    )
