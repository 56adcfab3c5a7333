"""Settings that are given and do nothing in their scene."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from animator.errors import Problem
from animator.keyframes import Curve
from animator.scene.fit import Fit
from animator.scene.layers import is_checkpoint
from animator.settings.samplers import parse_sampler
from animator.settings.scene import Scene
from animator.types import Schedule

Values = Mapping[str, Curve | Schedule]

_SECTIONS = ("camera", "warp", "depth", "coherence")
_ROTATIONS = ("camera.rotation_3d_x", "camera.rotation_3d_y", "camera.rotation_3d_z")
_LENS = ("camera.fov", "camera.near_plane", "camera.far_plane")
_STILLS = ("images", "batch", "output.contact_sheet")
_VR180 = ("vr.vr180_size", "vr.vr180_fov", "vr.vr180_edge", "vr.vr180_codec")
_FLOW = (
    "video.flow_blend",
    "video.check_consistency",
    "video.consistency_dilation",
    "video.consistency_blur",
)
_CONSISTENCY = ("video.consistency_dilation", "video.consistency_blur")
IDLE = {
    "still": (
        *(*_SECTIONS, "turbo", "video", "frames", "prompt_blend", "diffusion.init_frames"),
        *(
            f"output.{name}"
            for name in ("film", "film_every", "audio", "gif", "webp", "codec", "interpolate_to")
        ),
    ),
    "2d": (
        *("camera.translation_z", *_ROTATIONS, *_LENS),
        *("warp.padding_mode", "warp.sampling_mode", "warp.projection", "warp.occlusion"),
        *("depth", "video", *_STILLS),
    ),
    "3d": ("camera.angle", "camera.zoom", "warp.border_2d", "video", *_STILLS),
    "video": (
        *("camera", "warp", "depth", "turbo", "coherence.uncovered_skip_steps"),
        *("diffusion.skip_steps", "diffusion.init_scale", "diffusion.init_frames", "diffusion.perlin_init"),
        *(f"diffusion.{name}" for name in ("init_image", "init_fit", "init_noise", "init_color_noise")),
        *_STILLS,
    ),
}
"""By mode, the settings and sections that have no effect in it."""

FOR_EYES = ("depth", "camera.fov", "warp.sampling_mode", "warp.padding_mode")
"""Settings and sections that have an effect in every mode where there are two eyes."""


def notice_idle(scene: Scene, values: Values, fit: Fit) -> list[Problem]:
    """Tell of settings that are given, are not at their default, and do nothing in this scene."""
    default = Scene(prompts="-")
    notices = []
    idle = list(_idle(scene, values))
    used = FOR_EYES if scene.vr.enabled else ()
    for name, node in fit.nodes.items():
        reasons = [why for part, why in idle if _within(name, part)]
        if any(_within(name, part) for part in used):
            continue
        if (
            reasons
            and "properties" not in fit.settings[name]
            and _value(scene, name) != _value(default, name)
        ):
            notices.append(node.key.problem(name, f"has no effect {reasons[0]}"))
    return notices


def _within(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")


def _idle(scene: Scene, values: Values) -> Iterator[tuple[str, str]]:
    """Yield (setting or section, why it has no effect) of all that have none."""
    diffusion, output = scene.diffusion, scene.output
    init = diffusion.init_image is not None
    clouds = diffusion.perlin_init != "none"
    symmetric = diffusion.use_horizontal_symmetry or diffusion.use_vertical_symmetry
    noisy = not {"ddim", "dpmpp_2m_sde"}.isdisjoint(parse_sampler(diffusion.sampler))
    film = scene.mode != "still" or scene.output.diffusion_film
    either = "without diffusion.init_image or perlin_init"
    conditions = [
        (film, "without output.diffusion_film in mode still", ("output.crf", "output.preset")),
        (init, "without diffusion.init_image", ("diffusion.init_fit",)),
        (init or clouds, either, ("diffusion.init_noise", "diffusion.init_color_noise")),
        (init or clouds, either, ("diffusion.init_frames", "diffusion.init_scale")),
        (is_checkpoint(diffusion.model), "unless diffusion.model is a file", ("diffusion.family",)),
        (symmetric, "without a use_*_symmetry", ("diffusion.transformation_percent",)),
        (diffusion.estimate == "thresholded", "without estimate: thresholded", ("diffusion.threshold",)),
        (noisy, f"with sampler {diffusion.sampler}", ("diffusion.eta",)),
        (_anywhere(values, "guidance.fuzzy_prompt"), "without fuzzy_prompt", ("guidance.rand_mag",)),
        (
            scene.turbo.steps > 1,
            "without turbo.steps above 1",
            ("turbo.preroll", "turbo.fade", "turbo.align"),
        ),
        (scene.vr.enabled, "without vr.enabled", ("vr",)),
        ("vr180" in scene.vr.layouts, "without vr180 among vr.layouts", _VR180),
        (output.interpolate_to is not None, "without output.interpolate_to", ("output.interpolate_by",)),
        (output.audio is not None, "without output.audio", ("output.audio_start",)),
        (scene.video.finish != "none", "without video.finish", ("video.finish_blend",)),
        (scene.video.flow != "none", "with video.flow: none", _FLOW),
        (scene.video.check_consistency, "without video.check_consistency", _CONSISTENCY),
        (scene.video.cuts, "without video.cuts", ("video.cut_threshold",)),
        (not isinstance(scene.seed, list), "beside a list of seeds", ("seed_mode",)),
    ]
    for effective, why, names in [(False, f"in mode {scene.mode}", IDLE[scene.mode]), *conditions]:
        if not effective:
            yield from ((name, why) for name in names)


def _anywhere(values: Values, name: str) -> bool:
    """Tell whether a switch is on at any frame or moment."""
    value = values.get(name)
    entries = value.values if isinstance(value, Curve) else value
    return entries is not None and bool((entries >= 0.5).any())


def _value(scene: Scene, name: str) -> object:
    value: object = scene
    for part in name.split("."):
        value = getattr(value, part)
    return value
