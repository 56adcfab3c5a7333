"""v-diffusion's CC12M_1 and OpenAI's network of classes, held to their published definitions."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor

from animator.diffusion import load as load_module
from animator.diffusion.checkpoints import family_of
from animator.diffusion.denoisers import denoiser_of
from animator.diffusion.engine import GuidedDiffusion, Networks
from animator.diffusion.labels import Labelled, label_number
from animator.diffusion.load import cfg_scale_of, load_engine
from animator.diffusion.noise_schedule import full_schedule
from animator.diffusion.prediction import from_v
from animator.diffusion.reading import READER, Reader, followed
from animator.diffusion.unet import UNet, unet_config
from animator.diffusion.vdiffusion import VConfig, VDiffusion
from animator.engines.guided import GUIDED
from animator.errors import UsageError, WeightsError
from animator.scene.reading import read_scene
from animator.settings.diffusion import DiffusionOptions
from animator.settings.guidance import CutOptions, GuidanceOptions
from animator.system.shapes import on_meta
from animator.types import Prompt, Request
from animator.weights.registry import families, find
from tests.golden_files import fill, load_json

WIDE = VConfig(width=16, mapped=24, prompt=12)
"""So wide that its deepest attention has two heads."""

TINY = VConfig(width=4, mapped=8, prompt=12)
TINY_UNET = {
    "image_size": 32,
    "num_channels": 32,
    "num_res_blocks": 1,
    "channel_mult": "1, 2",
    "attention_resolutions": "16",
    "num_head_channels": 16,
    "learn_sigma": True,
    "resblock_updown": True,
    "class_cond": True,
}


UNGUIDED = GuidanceOptions(
    clip_models={"pocket": 1},
    clip_guidance_scale=0,
    range_scale=0,
    cuts=CutOptions(overview=1, innercut=0, ic_pow=1, icgray_p=0),
)


@pytest.fixture(scope="module")
def network() -> VDiffusion:
    return fill(VDiffusion(TINY), 0).requires_grad_(False).eval()


@pytest.fixture(scope="module")
def classes() -> UNet:
    return fill(UNet(unet_config(TINY_UNET)), 0).requires_grad_(False).eval()


# --- the network of v-diffusion


def published_names(c: int, mapped: int, prompt: int) -> dict[str, tuple[int, ...]]:
    """Return names and shapes as the published definition lists its layers, one after another."""
    found: dict[str, tuple[int, ...]] = {
        "mapping_timestep_embed.weight": (64, 1),
        "timestep_embed.weight": (8, 1),
        "mapping.0.main.0.weight": (mapped, prompt + 128),
        "mapping.0.skip.weight": (mapped, prompt + 128),
        "mapping.0.main.2.weight": (mapped, mapped),
        "mapping.1.main.0.weight": (mapped, mapped),
        "mapping.1.main.2.weight": (mapped, mapped),
    }
    for layer in ("0.main.0", "0.main.2", "1.main.0", "1.main.2"):
        found[f"mapping.{layer}.bias"] = (mapped,)

    def conv(at: str, inside: int, middle: int, outside: int, last: bool = False) -> None:
        found.update({f"{at}.main.0.weight": (middle, inside, 3, 3), f"{at}.main.0.bias": (middle,)})
        found[f"{at}.main.2.layer.weight"] = (2 * middle, mapped)
        found.update({f"{at}.main.4.weight": (outside, middle, 3, 3), f"{at}.main.4.bias": (outside,)})
        if not last:
            found[f"{at}.main.6.layer.weight"] = (2 * outside, mapped)
        if inside != outside:
            found[f"{at}.skip.weight"] = (outside, inside, 1, 1)

    def attention(at: str, width: int) -> None:
        found.update({f"{at}.norm.weight": (width,), f"{at}.norm.bias": (width,)})
        found.update({f"{at}.qkv_proj.weight": (3 * width, width, 1, 1), f"{at}.qkv_proj.bias": (3 * width,)})
        found.update({f"{at}.out_proj.weight": (width, width, 1, 1), f"{at}.out_proj.bias": (width,)})

    cs = [c, 2 * c, 2 * c, 4 * c, 4 * c, 8 * c, 8 * c]
    at = "net"
    for number, inside in enumerate([19, c, c, c]):
        conv(f"{at}.{number}", inside, c, c)
    for number, inside in enumerate([2 * c, c, c], 5):
        conv(f"{at}.{number}", inside, c, c)
    conv(f"{at}.8", c, c, 3, last=True)
    at = "net.4.main"
    for level in (1, 2, 3):
        w, above = cs[level], cs[level - 1]
        for number, inside in enumerate([above, w, w, w], 1):
            conv(f"{at}.{number}", inside, w, w)
        for number, inside in enumerate([2 * w, w, w], 6):
            conv(f"{at}.{number}", inside, w, w)
        conv(f"{at}.9", w, w, above)
        at += ".5.main"
    for level in (4, 5):
        w, above = cs[level], cs[level - 1]
        for number, inside in zip((1, 3, 5, 7), (above, w, w, w), strict=True):
            conv(f"{at}.{number}", inside, w, w)
            attention(f"{at}.{number + 1}", w)
        for number, inside in zip((10, 12, 14), (2 * w, w, w), strict=True):
            conv(f"{at}.{number}", inside, w, w)
            attention(f"{at}.{number + 1}", w)
        conv(f"{at}.16", w, w, above)
        attention(f"{at}.17", above)
        at += ".9.main"
    w, above = cs[6], cs[5]
    for number, inside in zip(range(1, 15, 2), (above, w, w, w, w, w, w), strict=True):
        conv(f"{at}.{number}", inside, w, w)
        attention(f"{at}.{number + 1}", w)
    conv(f"{at}.15", w, w, above)
    attention(f"{at}.16", above)
    return found


@pytest.mark.slow
def test_every_published_name_and_shape_is_there() -> None:
    built = on_meta(denoiser_of, families()["cc12m_1"].switches).state_dict()
    found = {name: tuple(one.shape) for name, one in built.items()}
    assert found == published_names(128, 1024, 512)
    count = sum(one.numel() for one in built.values())
    assert count == families()["cc12m_1"].parameters
    assert round(count / 1e6 - 0.5) == 602  # as published: "a 602M parameter CLIP conditioned model"
    assert family_of(built) == "cc12m_1"
    assert find("diffusion", "cc12m_1_cfg").family == "cc12m_1"


def plain_forward(state: dict[str, Tensor], x: Tensor, t: Tensor, embed: Tensor) -> Tensor:
    """Return what the published network makes of its input, layer by layer from the names of its weights."""

    def waves(name: str) -> Tensor:
        angles = 2 * math.pi * t[:, None] @ state[name].T
        return torch.cat([angles.cos(), angles.sin()], dim=-1)

    def mapped(h: Tensor, at: str, last: bool) -> Tensor:
        inner = F.linear(h, state[f"{at}.main.0.weight"], state[f"{at}.main.0.bias"]).relu()
        out = F.linear(inner, state[f"{at}.main.2.weight"], state[f"{at}.main.2.bias"])
        skip = F.linear(h, state[f"{at}.skip.weight"]) if f"{at}.skip.weight" in state else h
        return (out if last else out.relu()) + skip

    says = F.normalize(embed, dim=-1) * embed.shape[-1] ** 0.5
    given = torch.cat([says, waves("mapping_timestep_embed.weight")], dim=1)
    condition = mapped(mapped(given, "mapping.0", False), "mapping.1", True)

    def modulated(h: Tensor, name: str) -> Tensor:
        h = F.group_norm(h, 1)
        scale, shift = F.linear(condition, state[name]).chunk(2, dim=-1)
        return (h * (scale[..., None, None] + 1) + shift[..., None, None]).relu()

    def conv(h: Tensor, at: str) -> Tensor:
        inner = F.conv2d(h, state[f"{at}.main.0.weight"], state[f"{at}.main.0.bias"], padding=1)
        inner = modulated(inner, f"{at}.main.2.layer.weight")
        out = F.conv2d(inner, state[f"{at}.main.4.weight"], state[f"{at}.main.4.bias"], padding=1)
        if f"{at}.main.6.layer.weight" in state:
            out = modulated(out, f"{at}.main.6.layer.weight")
        return out + (F.conv2d(h, state[f"{at}.skip.weight"]) if f"{at}.skip.weight" in state else h)

    def attention(h: Tensor, at: str) -> Tensor:
        n, c, height, width = h.shape
        normed = F.group_norm(h, 1, state[f"{at}.norm.weight"], state[f"{at}.norm.bias"])
        qkv = F.conv2d(normed, state[f"{at}.qkv_proj.weight"], state[f"{at}.qkv_proj.bias"])
        heads = max(c // 64, 1)
        qkv = qkv.view(n, heads * 3, c // heads, height * width).transpose(2, 3)
        q, k, v = qkv.chunk(3, dim=1)
        scale = k.shape[3] ** -0.25
        seen = ((q * scale) @ (k.transpose(2, 3) * scale)).softmax(3) @ v
        seen = seen.transpose(2, 3).contiguous().view(n, c, height, width)
        return h + F.conv2d(seen, state[f"{at}.out_proj.weight"], state[f"{at}.out_proj.bias"])

    def row(h: Tensor, at: str) -> Tensor:
        numbers = sorted(
            {int(name[len(at) + 1 :].split(".")[0]) for name in state if name.startswith(f"{at}.")}
        )
        for number in numbers:
            here = f"{at}.{number}"
            if f"{here}.norm.weight" in state:
                h = attention(h, here)
            elif f"{here}.main.0.weight" in state:
                h = conv(h, here)
            else:
                below = F.avg_pool2d(h, 2)
                below = row(below, f"{here}.main")
                below = F.interpolate(below, scale_factor=2, mode="bilinear", align_corners=False)
                h = torch.cat([below, h], dim=1)
        return h

    planes = waves("timestep_embed.weight")[..., None, None].expand(-1, -1, *x.shape[2:])
    return row(torch.cat([x, planes], dim=1), "net")


@pytest.mark.slow
def test_it_computes_what_is_published() -> None:
    network = fill(VDiffusion(WIDE), 0).requires_grad_(False)
    chance = torch.Generator().manual_seed(3)
    x = torch.randn(2, 3, 64, 64, generator=chance)
    t, embed = torch.tensor([0.2, 0.9]), torch.randn(2, 12, generator=chance)
    ours = network(x, t, embed)
    theirs = plain_forward(network.state_dict(), x, t, embed)
    assert ours.shape == x.shape
    assert float((ours - theirs).abs().max()) < 1e-4 * float(theirs.std())
    assert float((ours[0] - network(x[:1], t[:1], 0 * embed[:1])).abs().max()) > 1e-3 * float(ours.std())


def test_image_and_noise_come_out_of_v() -> None:
    image, noise = torch.randn(2, 3, 4, 4), torch.randn(2, 3, 4, 4)
    for alpha_bar in (0.999, 0.5, 0.0001):
        signal, spread = math.sqrt(alpha_bar), math.sqrt(1 - alpha_bar)
        found = from_v(signal * image + spread * noise, signal * noise - spread * image, alpha_bar)
        assert torch.allclose(found.denoised, image, atol=1e-5)
        assert torch.allclose(found.eps, noise, atol=1e-5)


@pytest.mark.slow
def test_prompts_are_followed_as_far_as_is_asked(network: VDiffusion) -> None:
    chance = torch.Generator().manual_seed(4)
    x, t = torch.randn(2, 3, 64, 64, generator=chance), torch.tensor([0.3, 0.3])
    embeds, weights = torch.randn(2, 12, generator=chance), torch.tensor([1.25, -0.25])

    def v(embed: Tensor) -> Tensor:
        return network(x, t, embed.expand(2, -1))

    none, one, other = v(torch.zeros(12)), v(embeds[0]), v(embeds[1])
    published = none * (1 - 3 * 1.25 + 3 * 0.25) + one * 3 * 1.25 - other * 3 * 0.25
    assert torch.allclose(followed(network, x, t, embeds, weights, 3), published, atol=1e-3)
    mean = v(1.25 * embeds[0] - 0.25 * embeds[1])
    assert torch.allclose(followed(network, x, t, embeds, weights, 1), mean, atol=1e-4)
    assert torch.allclose(followed(network, x, t, embeds, weights, 0), none, atol=1e-4)


def test_how_far_is_known_by_the_name_where_a_scene_is_silent() -> None:
    assert (cfg_scale_of("cc12m_1_cfg"), cfg_scale_of("cc12m_1"), cfg_scale_of("a/mine_cfg.pth")) == (3, 1, 3)


class Words:
    """A perceptor whose embeddings of texts are random, but always the same."""

    name, size = "words", 8

    def encode_text(self, texts: list[str]) -> Tensor:
        seeds = [sum(map(ord, text)) for text in texts]
        return torch.stack([torch.randn(12, generator=torch.Generator().manual_seed(one)) for one in seeds])

    def encode_images(self, batch: Tensor) -> Tensor:
        return batch.flatten(1)[:, :12]


def asked(prompt: str = "a sea", **values: float) -> Request:
    schedules = {f"diffusion.{name}": torch.full((1000,), value).numpy() for name, value in values.items()}
    return Request(frame=0, seed=3, width=64, height=64, prompts=(Prompt(prompt, 1.0),), values=schedules)


def engine(network: VDiffusion, **options: Any) -> GuidedDiffusion:
    diffusion = DiffusionOptions(steps=3, skip_steps=0, precision="float32", model="cc12m_1", **options)
    return GuidedDiffusion(
        Networks(network, {}, size_multiple=64, reader=Reader(Words(), 1.0)), diffusion, UNGUIDED
    )


@pytest.mark.slow
def test_a_picture_is_painted_by_what_the_network_reads(network: VDiffusion) -> None:
    painter = engine(network)
    sea = painter.paint(asked())
    assert torch.equal(sea, painter.paint(asked()))
    assert sea.isfinite().all()
    assert not torch.equal(sea, painter.paint(asked("a fire")))
    assert not torch.equal(sea, painter.paint(asked(cfg_scale=3)))
    assert torch.equal(sea, painter.paint(asked(cfg_scale=1)))
    spoken = replace(asked(), prompts=(Prompt("a sea", 1.0, models=("ViT-B-32",)),))
    assert torch.equal(sea, painter.paint(spoken)), "it reads what is said to some CLIP models only"


def test_the_clean_estimate_is_asked_at_the_time_of_each_level_of_noise(network: VDiffusion) -> None:
    """One step of one index, against v by hand."""
    painter = engine(network)
    schedule = full_schedule(3)
    x = torch.randn(1, 3, 64, 64)
    denoise = painter._reading.denoiser(asked(), schedule, lambda network: network)
    for index in range(3):
        alpha_bar = float(schedule.alpha_bar[index])
        t = torch.tensor([math.acos(math.sqrt(alpha_bar)) * 2 / math.pi], dtype=torch.float32)
        v = network(x, t, Words().encode_text(["a sea"]))
        expected = math.sqrt(alpha_bar) * x - math.sqrt(1 - alpha_bar) * v
        assert torch.allclose(denoise(x, index).denoised, expected, atol=1e-4)


@pytest.mark.slow
def test_a_file_is_loaded_with_the_clip_model_that_it_reads_by(
    network: VDiffusion, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine_cfg.safetensors"
    save_file(network.state_dict(), path)
    switches = {"architecture": "cc12m_1", "width": 4, "mapped": 8, "prompt": 12, "image_size": 64}
    path.with_suffix(".json").write_text(json.dumps({"switches": switches}))
    loaded: list[str] = []

    def perceptor(name: str, *_: object, **__: object) -> Words:
        loaded.append(name)
        return Words()

    monkeypatch.setattr(load_module, "load_perceptor", perceptor)
    options = DiffusionOptions(model=str(path), steps=2, precision="float32")
    painter = load_engine(options, UNGUIDED, "cpu")
    assert sorted(loaded) == sorted([READER, "pocket"])
    assert painter.networks.reader == Reader(painter.networks.reader.perceptor, 3.0)
    assert painter.paint(asked()).shape == (3, 64, 64)
    with pytest.raises(UsageError, match="multiples of 64"):
        painter.paint(replace(asked(), width=32))


def test_switches_of_no_network_are_refused() -> None:
    with pytest.raises(WeightsError, match="no network with the switches"):
        denoiser_of({"architecture": "cc12m_9"})
    with pytest.raises(WeightsError, match="no network with the switches"):
        denoiser_of({"architecture": "cc12m_1", "num_channels": 3})


# --- the network of classes


@pytest.mark.slow
def test_the_network_of_classes_has_one_table_more() -> None:
    built = on_meta(denoiser_of, families()["openai_512_classes"].switches).state_dict()
    published = load_json("checkpoint_manifests_unet")["openai_512"]["state_dict"]
    expected = {name: tuple(shape) for name, shape in published.items()} | {"label_emb.weight": (1000, 1024)}
    assert {name: tuple(one.shape) for name, one in built.items()} == expected
    assert sum(one.numel() for one in built.values()) == families()["openai_512_classes"].parameters
    assert family_of(built) == "openai_512_classes"


def test_a_class_is_added_to_the_embedding_of_the_time(classes: UNet) -> None:
    plain = UNet(unet_config({**TINY_UNET, "class_cond": False}))
    state = {name: one.clone() for name, one in classes.state_dict().items() if name != "label_emb.weight"}
    state["time_embed.2.bias"] += classes.label_emb.weight[437]
    plain.load_state_dict(state)
    x, t = torch.randn(2, 3, 32, 32), torch.tensor([300.0, 300.0])
    labelled = Labelled(classes, 437)
    assert torch.allclose(labelled(x, t), plain(x, t), atol=1e-5)
    answer, deep = labelled.with_deep(x, t)
    assert torch.allclose(answer, labelled(x, t))
    assert torch.allclose(labelled.from_deep(x, t, deep), answer, atol=1e-5)
    assert not torch.allclose(Labelled(classes, 3)(x, t), answer, atol=1e-3)


@pytest.mark.slow
def test_one_network_paints_several_classes(
    classes: UNet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_module, "load_perceptor", lambda *_, **__: Words())
    path = tmp_path / "mine.safetensors"
    save_file(classes.state_dict(), path)
    path.with_suffix(".json").write_text(json.dumps({"switches": TINY_UNET}))

    def painted(label: int | str | None) -> Tensor:
        options = DiffusionOptions(model=str(path), steps=2, precision="float32", class_label=label)
        return load_engine(options, UNGUIDED, "cpu").paint(asked())

    assert torch.equal(painted("lighthouse"), painted(437))
    assert not torch.equal(painted(437), painted(3))
    with pytest.raises(UsageError, match="paints one of ImageNet's classes; name it"):
        painted(None)


def test_classes_are_known_by_names_and_numbers() -> None:
    assert (label_number("Goldfish"), label_number(1), label_number("beacon")) == (1, 1, 437)
    with pytest.raises(UsageError, match="near it are goldfish"):
        label_number("golfish")
    with pytest.raises(UsageError, match=r"there is no class 'qqqq' of ImageNet; or give its number"):
        label_number("qqqq")


def scene(tmp_path: Path, diffusion: str) -> Any:
    path = tmp_path / "scene.yaml"
    path.write_text(f"prompts: a sea\nmode: still\nseed: 3\nsize: [64, 64]\ndiffusion: {{{diffusion}}}\n")
    return read_scene(path)


def test_a_scene_is_checked_for_its_class(tmp_path: Path) -> None:
    from animator.errors import SceneError

    with pytest.raises(SceneError, match="paints one of ImageNet's classes"):
        scene(tmp_path, "model: 512x512_diffusion")
    with pytest.raises(SceneError, match="near it are goldfish"):
        scene(tmp_path, "model: 512x512_diffusion, class_label: golfish")
    with pytest.raises(SceneError, match="have the numbers 0 to 999"):
        scene(tmp_path, "model: 512x512_diffusion, class_label: 1000")
    loaded = scene(tmp_path, "model: 512x512_diffusion, class_label: goldfish")
    assert not [one for one in loaded.notices if "class_label" in str(one)]
    loaded = scene(tmp_path, "class_label: 3, cfg_scale: 2")
    said = " ".join(map(str, loaded.notices))
    assert "diffusion.class_label" in said
    assert "diffusion.cfg_scale" in said


def test_what_reads_prompts_needs_its_clip_model(tmp_path: Path) -> None:
    needed = [one.name for one in GUIDED.networks(scene(tmp_path, "model: cc12m_1_cfg").scene)]
    assert READER in needed
    assert READER not in [one.name for one in GUIDED.networks(scene(tmp_path, "steps: 20").scene)]


@pytest.mark.slow
def test_clip_guides_it_besides(network: VDiffusion) -> None:
    guidance = UNGUIDED.model_copy(update={"clip_guidance_scale": 500})
    options = DiffusionOptions(steps=2, skip_steps=0, precision="float32")
    networks = Networks(network, {"pocket": Words()}, size_multiple=64, reader=Reader(Words(), 3.0))
    guided = GuidedDiffusion(networks, options, guidance).paint(asked())
    assert guided.isfinite().all()
    assert not torch.equal(guided, GuidedDiffusion(networks, options, UNGUIDED).paint(asked()))


@pytest.mark.slow
def test_its_memory_is_known_without_weights(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "model: cc12m_1_cfg")
    memory = GUIDED.memory(loaded.scene, loaded.timeline, "cpu")
    held = dict(memory.held)
    assert held["diffusion network"] / 4 == families()["cc12m_1"].parameters
    assert f"CLIP {READER}" in held
    assert memory.peak["diffusion network"] > 0
