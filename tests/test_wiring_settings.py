"""Every setting of a scene does something: another value gives other frames, films or files.

A table says in which small scene each setting is tried and with which other value. A setting that is neither
in it nor in `ELSEWHERE` fails the first test, so that a new one cannot be forgotten. The fingerprint of a
frame is held to the same table: where the pictures change it changes, and where they do not it stays, or an
edit would paint nothing, or all of it again.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import BaseModel

from animator.run.fingerprint import hash_inputs
from animator.run.sources import gather
from animator.settings.scene import Scene
from tests.wiring import Desk, footage, picture, scene

FLAT = ("mode=2d", "camera.zoom=1.1", "camera.angle=3")
STILL = ("mode=still", "images=2")
FILMED = ("mode=video", "video.init=CLIP", "video.flow=dis", "frames=3", "output.gif=false")
TURBO = ("turbo.steps=3", "turbo.preroll=0", "frames=5")
EYES = ("vr.enabled=true", "frames=1")
STARTED = ("diffusion.init_image=INIT", "frames=1", "diffusion.skip_steps=1")
CUT = ("mode=video", "video.init=CLIP", "video.flow=dis", "video.start=0.3", "video.check_consistency=false")
SIDEWAYS = ("camera.translation_x=40", "diffusion.skip_steps=1", "coherence.frames_skip_steps=100%")
ONE = ("frames=1",)
GENTLE = ("frames=1", "guidance.clamp_grad=false")
PLAIN = ("frames=1", "guidance.skip_augs=true")
MIRRORED = ("frames=1", "diffusion.use_horizontal_symmetry=true", "diffusion.transformation_percent=[0.1]")
HEADSET = ("vr.enabled=true", "vr.layouts=[vr180]", "frames=1")

TABLE: dict[str, tuple[tuple[str, ...], str]] = {
    "mode": ((), "2d"),
    "size": ((), "[128, 64]"),
    "frames": ((), "3"),
    "images": (STILL, "3"),
    "keep_best": (STILL, "1"),
    "judge_at": ((*STILL, "keep_best=1"), "30%"),
    "modifiers": (("frames=1", "prompts=a {w} sea", "modifiers={w: [red]}"), "{w: [blue]}"),
    "background": ((*FILMED, "video.init=GLASS"), "white"),
    "fps": (ONE, "25"),
    "bpm": (("frames=3", "bpm=600", "camera.translation_x='0: (0), 1b: (9) step'"), "300"),
    "seed": (ONE, "6"),
    "seed_mode": ((), "fixed"),
    "interpolation": (("frames=3", "camera.translation_x='0: (0), 2: (40)'"), "step"),
    "loop": (("frames=3", "fps=1"), "true"),
    "prompts": (ONE, "a blue sea"),
    "prompt_blend": (("prompts={0: a red house, 1: a blue sea}",), "4"),
    "image_prompts": (ONE, "INIT"),
    "regions": ((), "{a: {formula: 'x < 0.5', keep: true}}"),
    "pictures": (("frames=3",), "{1: INIT}"),
    "camera.angle": (FLAT, "9"),
    "camera.zoom": (FLAT, "1.3"),
    "camera.translation_x": ((), "30"),
    "camera.translation_y": ((), "30"),
    "camera.translation_z": ((), "60"),
    "camera.rotation_3d_x": ((), "5"),
    "camera.rotation_3d_y": ((), "5"),
    "camera.rotation_3d_z": ((), "5"),
    "camera.fov": ((), "80"),
    "warp.projection": (("camera.rotation_3d_y=9",), "pinhole"),
    "warp.border_2d": (("mode=2d", "camera.translation_x=9"), "replicate"),
    "warp.padding_mode": (SIDEWAYS, "zeros"),
    "warp.sampling_mode": (SIDEWAYS, "nearest"),
    "warp.fill": (SIDEWAYS, "inpaint"),
    "coherence.frames_skip_steps": ((), "30%"),
    "coherence.uncovered_skip_steps": (SIDEWAYS, "0"),
    "coherence.noise": ((), "new"),
    "coherence.loosen": (("frames=2", "prompts={0: a red house, 1: a blue sea}"), "0.9"),
    "coherence.upright": (("camera.rotation_3d_z=12",), "always"),
    "coherence.frames_scale": ((), "9000"),
    "coherence.color_coherence": ((), "0"),
    "coherence.detail_coherence": (("frames=3",), "0.2"),
    "turbo.steps": (("turbo.preroll=0", "frames=3"), "2"),
    "turbo.preroll": (TURBO, "2"),
    "turbo.fade": (TURBO, "ease"),
    "turbo.align": (TURBO, "true"),
    "vr.enabled": (ONE, "true"),
    "vr.eye_angle": (EYES, "9"),
    "vr.ipd": (EYES, "90"),
    "vr.bulge": (EYES, "-0.4"),
    "vr.layouts": (EYES, "[side_by_side]"),
    "vr.vr180_size": (HEADSET, "512"),
    "vr.vr180_fov": (HEADSET, "70"),
    "vr.vr180_edge": (HEADSET, "mirror"),
    "vr.vr180_eyes": (HEADSET, "top_bottom"),
    "vr.vr180_codec": (HEADSET, "hevc"),
    "vr.vr180_photo": ((*HEADSET, "mode=still"), "true"),
    "video.start": (FILMED, "0.3"),
    "video.end": (("mode=video", "video.init=CLIP", "video.flow=none", "frames=8"), "0.3"),
    "video.extract_nth_frame": (FILMED, "2"),
    "video.fps": (FILMED, "4"),
    "video.flow": (FILMED, "none"),
    "video.flow_blend": (FILMED, "0"),
    "video.check_consistency": (FILMED, "false"),
    "video.consistency_dilation": (FILMED, "20"),
    "video.consistency_blur": (FILMED, "9"),
    "video.cuts": (CUT, "false"),
    "video.cut_threshold": (CUT, "1"),
    "video.fit": ((*FILMED, "size=[64, 64]"), "stretch"),
    "video.finish": (FILMED, "linear"),
    "video.finish_blend": ((*FILMED, "video.finish=linear"), "0.9"),
    "video.sound": (FILMED, "false"),
    "video.extract": (FILMED, "true"),
    "video.steps": (FILMED, "5"),
    "video.skip_steps": (FILMED, "0"),
    "video.frames_scale": (FILMED, "9000"),
    "video.clip_guidance_scale": ((*FILMED, "guidance.clamp_max=5"), "50"),
    "video.tv_scale": (FILMED, "90000"),
    "video.range_scale": ((*FILMED, "guidance.clamp_max=5"), "90000"),
    "video.sat_scale": (FILMED, "90000"),
    "diffusion.sampler": (ONE, "dpmpp_2m"),
    "diffusion.steps": (ONE, "4"),
    "diffusion.skip_steps": (ONE, "1"),
    "diffusion.skip_end_steps": (ONE, "1"),
    "diffusion.stop_at": (STILL, "40%"),
    "diffusion.eta": (ONE, "0.1"),
    "diffusion.estimate": (ONE, "clamped"),
    "diffusion.threshold": ((*ONE, "diffusion.estimate=thresholded"), "0.3"),
    "diffusion.init_image": (("frames=1", "diffusion.skip_steps=1"), "INIT"),
    "diffusion.init_fit": (STARTED, "cover"),
    "diffusion.init_frames": (("diffusion.init_image=INIT", "diffusion.skip_steps=1"), "all"),
    "diffusion.init_scale": (STARTED, "9000"),
    "diffusion.init_noise": (STARTED, "0.5"),
    "diffusion.init_color_noise": (STARTED, "0.5"),
    "diffusion.perlin_init": (("frames=1", "diffusion.skip_steps=1"), "gray"),
    "diffusion.noise_size": ((*ONE, "coherence.noise=new"), "[128, 128]"),
    "diffusion.use_horizontal_symmetry": (ONE, "true"),
    "diffusion.use_vertical_symmetry": (ONE, "true"),
    "diffusion.transformation_percent": (MIRRORED, "[0.9]"),
    "guidance.clip_models": (ONE, "{pocket: 1, RN50: 2}"),
    "guidance.clip_guidance_scale": (GENTLE, "50"),
    "guidance.tv_scale": (ONE, "90000"),
    "guidance.range_scale": (GENTLE, "90000"),
    "guidance.sat_scale": (ONE, "90000"),
    "guidance.symmetry_loss_scale": (ONE, "90000"),
    "guidance.clamp_grad": (ONE, "false"),
    "guidance.clamp_max": (ONE, "0.5"),
    "guidance.cutn_batches": (ONE, "2"),
    "guidance.every": (ONE, "2"),
    "guidance.skip_augs": (ONE, "true"),
    "guidance.even_cuts": (ONE, "true"),
    "guidance.fuzzy_prompt": (ONE, "true"),
    "guidance.rand_mag": ((*ONE, "guidance.fuzzy_prompt=true"), "0.5"),
    "guidance.cuts.overview": (PLAIN, "3"),
    "guidance.cuts.innercut": (PLAIN, "4"),
    "guidance.cuts.ic_pow": (PLAIN, "9"),
    "guidance.cuts.icgray_p": (PLAIN, "1"),
    "guidance.cuts.sizes": ((*PLAIN, "guidance.cuts.ic_pow=5"), "varied"),
    "guidance.cuts.placement": (PLAIN, "stratified"),
    "guidance.compat": (GENTLE, "disco-5"),
    "grade.region": (
        ("frames=1", "grade.brightness=0.5", "regions={a: {formula: 'x < 0.5', paste: true}}"),
        "a",
    ),
    "grade.brightness": (ONE, "0.2"),
    "grade.contrast": (ONE, "1.5"),
    "grade.saturation": (ONE, "0"),
    "grade.gamma": (ONE, "2"),
    "grade.lut": (ONE, "LUT"),
    "grade.lut_amount": (("frames=1", "grade.lut=LUT"), "0.5"),
    "grade.sharpen": (ONE, "1"),
    "grade.sharpen_radius": (("frames=1", "grade.sharpen=1"), "3"),
    "grade.grain": (ONE, "0.1"),
    "grade.grain_size": (("frames=1", "grade.grain=0.1"), "3"),
    "hires.scale": (ONE, "2"),
    "hires.skip_steps": ((*ONE, "hires.scale=2"), "0"),
    "hires.tiles": ((*ONE, "hires.scale=2"), "64"),
    "hires.hold": (("mode=2d", "camera.zoom=1.1", "hires.scale=2"), "0"),
    "output.crf": (ONE, "30"),
    "output.preset": (ONE, "slow"),
    "output.ten_bits": (ONE, "true"),
    "output.codec": (ONE, "prores"),
    "output.audio": (ONE, "CLIP"),
    "output.audio_start": (("frames=1", "output.audio=CLIP"), "0.3"),
    "output.gif": (ONE, "true"),
    "output.alpha": (("frames=1", "regions={a: {formula: 'x < 0.5', paste: true}}"), "a"),
    "output.webp": (ONE, "true"),
    "output.interpolate_to": ((), "24"),
    "output.interpolate_by": (("output.interpolate_to=24",), "ffmpeg"),
    "output.upscale.to": (ONE, "[96, 80]"),
    "output.upscale.scale": (ONE, "1.5"),
    "output.finish.to": (ONE, "[96, 80]"),
    "output.finish.scale": (ONE, "1.5"),
    "output.finish.fps": ((), "24"),
    "output.finish.deflicker": (("frames=3", "output.finish.fps=24"), "0"),
    "output.film_every": ((), "2"),
    "output.range": ((), "[0, 0]"),
    "output.sequence": (ONE, "tiff"),
    "output.number_from": (("frames=1", "output.sequence=png"), "7"),
    "output.film": (ONE, "another"),
    "output.intermediates": (ONE, "2"),
    "output.losses": (ONE, "true"),
    "output.show_cuts": (ONE, "true"),
    "output.contact_sheet": (STILL, "true"),
    "output.keep_states": (("frames=3",), "0"),
    "output.diffusion_film": (ONE, "true"),
}
"""By setting, what it is tried in besides the smallest scene, and its other value."""

ELSEWHERE = {
    "version": "there is one only",
    "models": "what both values load is in test_wiring_run.py",
    "device": "changes where networks run: test_devices.py",
    "batch": "a processor paints one by one: test_wiring_run.py",
    "camera.path": "a file takes the place of the moves: test_camera_path.py",
    "camera.path_scale": "multiplies its ways: test_camera_path.py",
    "camera.near_plane": "bears on no pixel's place, see reproject3d.view; must be nearer than the far one",
    "camera.far_plane": "the same",
    "warp.occlusion": "a plane hides nothing: test_wiring_loop.py",
    "depth.model": "fake scenes see a plane: test_wiring_run.py",
    "depth.midas_weight": "the same",
    "depth.align": "the same",
    "video.init": "every scene of the table with footage names one",
    "diffusion.model": "fake scenes have one network: test_wiring_run.py",
    "diffusion.family": "the same",
    "diffusion.secondary": "the same",
    "diffusion.class_label": "fake scenes' network tells no classes apart: test_vdiffusion.py",
    "diffusion.cfg_scale": "fake scenes' network reads no prompts: test_vdiffusion.py",
    "diffusion.precision": "the same",
    "diffusion.reuse": "fake scenes' network has no deep features: test_kept.py",
    "diffusion.compile": "the same",
    "guidance.allow_unguided": "changes what is refused: test_scene_checks.py",
    "guidance.long_prompts": "changes what is refused: test_scene_prompts.py",
    "guard.policy": "what no network painted is not judged: test_guard.py and test_wiring_run.py",
    "guard.give_up": "the same",
    "guard.flat": "the same",
    "guard.solid": "the same",
    "guard.beyond": "the same",
    "guard.clipped": "the same",
    "guard.grain": "the same",
    **dict.fromkeys(
        (
            "latent.cfg_scale",
            "latent.negative_prompt",
            "latent.few_steps",
            "latent.spacing",
            "latent.loras",
            "latent.control.model",
            "latent.control.scale",
            "latent.ip_adapter.model",
            "latent.ip_adapter.encoder",
            "latent.ip_adapter.scale",
            "latent.clip_guidance",
            "latent.hold_codec",
        ),
        "fake scenes have no latent network: test_latent_settings.py",
    ),
    "output.upscale.model": "fake scenes have no networks: test_upscaled_runs.py",
    "output.finish.model": "the same",
    "output.progress_image": "is gone when a run ends: test_watch.py",
}
"""Settings that another value of does nothing in a small fake scene, and where they are tried."""


def settings(model: type[BaseModel], above: str = "") -> list[str]:
    """Return the dotted names of all settings of a section."""
    names: list[str] = []
    for name, field in model.model_fields.items():
        inner = field.annotation
        section = isinstance(inner, type) and issubclass(inner, BaseModel)
        names += settings(inner, f"{above}{name}.") if section else [f"{above}{name}"]  # type: ignore[arg-type]
    return names


def test_every_setting_is_tried() -> None:
    assert sorted([*TABLE, *ELSEWHERE]) == sorted(settings(Scene))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wiring")
    footage(path)
    picture(path)
    glass = cv2.cvtColor(cv2.imread(str(path / "init.png")), cv2.COLOR_BGR2BGRA)
    glass[..., 3] = np.linspace(0, 255, glass.shape[1], dtype=np.uint8)
    (path / "dim.cube").write_text("LUT_1D_SIZE 2\n0 0 0\n0.5 0.5 0.5\n")
    (path / "glass").mkdir()
    for number in range(4):
        cv2.imwrite(str(path / "glass" / f"{number}.png"), np.roll(glass, number, axis=1))
    return path


@pytest.fixture(scope="module")
def before(folder: Path) -> object:
    """Return what comes of a scene before the change; many settings share one."""
    monkeypatch = pytest.MonkeyPatch()
    desk = Desk(monkeypatch)

    @cache
    def of(context: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
        loaded = scene(folder, *placed(folder, context))
        run = folder / f"run{abs(hash(context))}"
        return desk.render(loaded, run), hash_inputs(loaded, gather(loaded), {})

    yield of
    monkeypatch.undo()


def placed(folder: Path, overrides: tuple[str, ...]) -> list[str]:
    names = {"CLIP": folder / "clip.mp4", "INIT": folder / "init.png", "GLASS": folder / "glass"}
    names["LUT"] = folder / "dim.cube"
    placed = list(overrides)
    for word, path in names.items():
        placed = [one.replace(word, str(path)) for one in placed]
    return placed


NOT_MADE_AGAIN = {
    "diffusion.stop_at": "a draft and the picture that it becomes have one fingerprint",
    "keep_best": "the same",
    "judge_at": "the same",
}
"""Settings that change what is kept of a frame, and why an edit of them makes no frame again."""

COUNTS_UNSEEN = {"video.end": "how footage is selected counts as a whole, though only its length changes"}
"""Settings that a fingerprint counts, though these frames do not show them."""


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
def test_another_value_changes_what_comes_of_a_scene(name, folder, before, monkeypatch, tmp_path) -> None:
    context, value = TABLE[name]
    old, old_hashes = before(context)
    loaded = scene(folder, *placed(folder, (*context, f"{name}={value}")))
    new = Desk(monkeypatch).render(loaded, tmp_path / "run")
    assert new != old

    new_hashes = hash_inputs(loaded, gather(loaded), {})
    there = [number for number in range(len(old_hashes)) if f"frames/{number:06d}.png" in new]
    pictures = [[f"{eye}/{number:06d}.png" for eye in ("frames", "left", "right")] for number in there]
    seen = [any(old.get(one) != new.get(one) for one in of_frame) for of_frame in pictures]
    counted = [old_hashes[number] != new_hashes[number] for number in there]
    if name in NOT_MADE_AGAIN:
        assert not any(counted)
    elif any(seen):
        assert counted[seen.index(True)]
    elif name not in COUNTS_UNSEEN:
        assert not any(counted)
