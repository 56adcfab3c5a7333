"""Every setting of a latent network does something, and counts for its frames alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("diffusers")

import torch
from PIL import Image

from animator.engines.latent import LATENT
from animator.errors import SceneError
from animator.film.loop import LoopState, film
from animator.latent.load import load_engine
from animator.run.fingerprint import hash_inputs
from animator.run.job import shot_of
from animator.run.networks import weights_of
from animator.run.sources import Sources, gather
from animator.run.tools import load_tools
from animator.scene.reading import LoadedScene, read_scene
from animator.settings.latent import LatentOptions
from animator.system.shapes import held_by
from animator.weights.shared import SharedNetworks
from tests.ldm_names import save_single, tiny_pipeline
from tests.tiny_latent import adapter, lora, saved

SCENE = """prompts: a red house
mode: 3d
size: [64, 64]
frames: 2
seed: 5
depth: {model: plane}
camera: {translation_z: 40}
guard: {policy: off}
"""
CLIP = ("latent.clip_guidance=true", "guidance.cuts.overview=1", "guidance.cuts.innercut=1")
TABLE: dict[str, tuple[tuple[str, ...], str]] = {
    "cfg_scale": ((), "2"),
    "negative_prompt": ((), "fog"),
    "few_steps": ((), "turbo"),
    "spacing": ((), "karras"),
    "loras": ((), "LORA"),
    "control.model": ((), "CONTROL"),
    "control.scale": (("latent.control.model=CONTROL",), "0.3"),
    "ip_adapter.scale": (
        ("latent.ip_adapter={model: ADAPTER, encoder: ENCODER}", "image_prompts=[PICTURE]"),
        "0.2",
    ),
    "clip_guidance": (CLIP[1:], "true"),
    "hold_codec": ((), "false"),
}
"""By setting, what it is tried with, and its other value."""


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("latent settings")
    for kind in ("sd1", "control"):
        saved(kind, folder)
    return folder


def scene(folder: Path, weights: Path, *overrides: str) -> LoadedScene:
    path = folder / "scene.yaml"
    path.write_text(SCENE)
    file, seeing = adapter(weights)
    files = {"LORA": f"{{{lora(weights)}: 0.8}}", "CONTROL": weights / "control", "ADAPTER": file}
    files |= {"ENCODER": seeing, "PICTURE": weights / "seen.png"}
    Image.new("RGB", (48, 40), (200, 30, 30)).save(weights / "seen.png")
    named = list(overrides)
    for word, there in files.items():
        named = [re.sub(rf"\b{word}\b", str(there), one) for one in named]
    model = f"diffusion={{model: {weights / 'sd1'}, steps: 2, skip_steps: 0}}"
    return read_scene(path, (model, *named))


def pictures(loaded: LoadedScene, shared: SharedNetworks) -> list[torch.Tensor]:
    tools, shot = load_tools(loaded, gather(loaded), shared), shot_of(loaded, gather(loaded))
    return [one.picture for one in film(loaded.timeline, shot, tools.engine, tools.depth, LoopState())]


def test_every_setting_is_tried() -> None:
    names = set(LatentOptions.model_fields) - {"control", "ip_adapter"}
    assert set(TABLE) == names | {"control.model", "control.scale", "ip_adapter.scale"}


@pytest.fixture(scope="module")
def shared() -> SharedNetworks:
    return SharedNetworks()


@pytest.fixture(scope="module")
def before(
    weights: Path, shared: SharedNetworks, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[tuple[str, ...]], tuple[list[torch.Tensor], list[str]]]:
    """Return what comes of a scene before a change; many settings share one."""
    folder = tmp_path_factory.mktemp("before")

    @cache
    def of(context: tuple[str, ...]) -> tuple[list[torch.Tensor], list[str]]:
        loaded = scene(folder, weights, *context)
        return pictures(loaded, shared), hash_inputs(loaded, gather(loaded), weights_of(loaded))

    return of


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLE)
def test_another_value_makes_other_frames(
    name: str, before: Callable[..., Any], weights: Path, shared: SharedNetworks, tmp_path: Path
) -> None:
    context, value = TABLE[name]
    old, old_hashes = before(context)
    loaded = scene(tmp_path, weights, *context, f"latent.{name}={value}")
    assert not torch.equal(old[1], pictures(loaded, shared)[1])
    assert old_hashes[1] != hash_inputs(loaded, gather(loaded), weights_of(loaded))[1]
    assert loaded.notices == ()


def test_what_is_of_another_engine_is_noticed_and_does_not_count(weights: Path, tmp_path: Path) -> None:
    plain = scene(tmp_path, weights)
    idle = ("guidance.tv_scale=5", "diffusion.secondary=true", "coherence.frames_scale=9")
    given = scene(tmp_path, weights, *idle)
    said = {one.key: one.message for one in given.notices}
    assert said.keys() == {one.partition("=")[0] for one in idle}
    assert all(text.startswith("has no effect with diffusion.model") for text in said.values())
    assert hash_inputs(plain, Sources({}), {}) == hash_inputs(given, Sources({}), {})
    guided = read_scene(tmp_path / "scene.yaml", ("latent.cfg_scale=3",))
    assert "latent.cfg_scale" in [one.key for one in guided.notices]
    by_clip = scene(tmp_path, weights, *CLIP, *idle)
    assert [one.key for one in by_clip.notices] == ["diffusion.secondary"]


def test_settings_that_a_few_steps_leave_idle_are_noticed(weights: Path, tmp_path: Path) -> None:
    few = ("latent.few_steps=lcm", "diffusion.sampler=plms", "latent.negative_prompt=fog")
    said = [(one.key, one.message) for one in scene(tmp_path, weights, *few).notices]
    assert sorted(said) == [
        ("diffusion.sampler", "has no effect with few_steps lcm"),
        ("latent.negative_prompt", "has no effect with cfg_scale 1"),
    ]


@pytest.mark.parametrize(
    ("override", "key", "message"),
    [
        ("diffusion.model=no/where", "diffusion.model", "there are no weights at"),
        ("latent.loras={no.safetensors: 1}", "latent.loras", "there are no weights at"),
        ("latent.loras=THE_CONTROL", "latent.loras", "is a ControlNet"),
        ("latent.control.model=SD1", "latent.control.model", "not a ControlNet"),
        ("image_prompts=[x.png]", "image_prompts", ""),
    ],
)
def test_faults_are_placed(override: str, key: str, message: str, weights: Path, tmp_path: Path) -> None:
    override = override.replace("THE_CONTROL", f"{{{weights / 'control'}: 1}}")
    override = override.replace("=SD1", f"={weights / 'sd1'}")
    with pytest.raises(SceneError) as caught:
        scene(tmp_path, weights, override)
    assert any(one.key.startswith(key) and message in one.message for one in caught.value.problems)


def test_without_diffusers_the_extra_is_named(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("animator.engines.latent.files.importlib.util.find_spec", lambda name: None)
    with pytest.raises(SceneError, match=r"pip install 'animator\[latent\]'"):
        scene(tmp_path, weights)


def test_brackets_in_a_prompt_are_no_foreign_syntax(weights: Path, tmp_path: Path) -> None:
    assert scene(tmp_path, weights, "prompts=a (red:1.3) ((house))").notices == ()
    assert LATENT.unstressed("a (red:1.3) sea") == "a  red      sea"


@pytest.mark.slow
def test_a_draft_takes_fewer_steps_and_fake_networks_do(weights: Path, tmp_path: Path) -> None:
    loaded = scene(tmp_path, weights, "diffusion.steps=40")
    assert LATENT.drafted(loaded.scene, loaded.timeline, 0.5)["diffusion"].steps == 20
    fake = scene(tmp_path, weights, "models=fake", "guidance.cuts.overview=1", "guidance.cuts.innercut=1")
    assert len(pictures(fake, SharedNetworks())) == 2


@pytest.mark.slow
def test_memory_is_known_without_reading_weights(weights: Path, tmp_path: Path) -> None:
    loaded, file = scene(tmp_path, weights), tmp_path / "one.safetensors"
    found = LATENT.memory(loaded.scene, loaded.timeline, "cuda")
    held = dict(found.held)
    half = LATENT.memory(loaded.scene, loaded.timeline, "cpu")
    assert set(held) == {"latent network", "autoencoder", "text networks"}
    assert dict(half.held)["latent network"] == pytest.approx(2 * held["latent network"], rel=0.01)
    save_single(tiny_pipeline("sd1"), "sd1", file)
    large = scene(tmp_path, weights, f"diffusion.model={file}", "size=[256, 256]")
    single = LATENT.memory(large.scene, large.timeline, "cpu")
    assert set(dict(single.held)) == set(held)
    assert sum(single.peak.values()) > 5 * sum(half.peak.values())


@pytest.mark.slow
def test_memory_of_what_lies_over_a_network(weights: Path, tmp_path: Path) -> None:
    """What is told from shapes alone is what the loaded networks hold."""
    over = ("latent.loras=LORA", "latent.control.model=CONTROL")
    over += ("latent.ip_adapter={model: ADAPTER, encoder: ENCODER}", "image_prompts=[PICTURE]")
    whole = "diffusion.precision=float32"
    bare, loaded = scene(tmp_path, weights, whole), scene(tmp_path, weights, whole, *over)
    told = dict(LATENT.memory(loaded.scene, loaded.timeline, "cpu").held)
    without = dict(LATENT.memory(bare.scene, bare.timeline, "cpu").held)
    assert {name: told[name] for name in without} == without
    network = load_engine(bare.scene, torch.device("cpu")).networks.parts
    laid = load_engine(loaded.scene, torch.device("cpu")).networks
    assert laid.control is not None
    assert laid.adapter is not None
    towers = [tower.encoder for tower in laid.parts.text]
    factors = [
        one for part in (laid.parts.unet, *towers) for name, one in part.named_buffers() if "lora_" in name
    ]
    loras = sum(one.numel() * one.element_size() for one in factors)
    assert loras > 10_000
    assert told["LoRAs"] == pytest.approx(loras, rel=0.02)
    assert told["ControlNet"] == held_by(laid.control)
    assert told["network that looks at pictures"] == held_by(laid.adapter.encoder)
    in_unet = sum(one.numel() * one.element_size() for one in laid.parts.unet.parameters())
    assert told["IP-Adapter"] == in_unet - held_by(network.unet)
    loaded = scene(tmp_path, weights, *over)
    half = dict(LATENT.memory(loaded.scene, loaded.timeline, "cuda").held)
    assert half["ControlNet"] == told["ControlNet"] / 2
    assert told["LoRAs"] / 2 < half["LoRAs"] < told["LoRAs"]  # those over text networks stay in float32
