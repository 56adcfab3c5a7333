"""LoRA files: the same change of every layer as diffusers' own loader makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

pytest.importorskip("peft")
pytest.importorskip("diffusers")

from animator.errors import WeightsError
from animator.latent.lora_files import Lora, read_lora
from animator.latent.parts import Parts, TextTower
from tests.ldm_names import tiny_pipeline, unet_name

KINDS = ("sd1", "sdxl")
LAYERS = ("to_q", "to_v", "to_out.0", "proj_in", "conv1", "time_emb_proj", "conv")
TEXT_LAYERS = ("q_proj", "fc2")


@pytest.fixture(scope="module")
def pipelines() -> dict[str, Any]:
    return {kind: tiny_pipeline(kind, vocabulary=100) for kind in KINDS}


def parts_of(pipeline: Any, kind: str) -> Parts:
    towers = [pipeline.text_encoder, getattr(pipeline, "text_encoder_2", None)]
    text = tuple(TextTower(pipeline.tokenizer, one) for one in towers if one is not None)
    return Parts(kind, pipeline.unet, pipeline.vae, text, {})


def drawn(
    network: Any, names: tuple[str, ...], rank: int = 3
) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return random factors for every layer whose name ends in one of these."""
    chance = torch.Generator().manual_seed(11)
    found = {}
    for layer, module in network.named_modules():
        if layer.endswith(tuple(f".{name}" for name in names)):
            out, *rest = module.weight.shape
            ones = (1,) * (len(rest) - 1)
            found[layer] = (
                torch.randn(rank, *rest, generator=chance) * 0.1,
                torch.randn(out, rank, *ones, generator=chance) * 0.1,
            )
    return found


def towers(pipeline: Any) -> list[Any]:
    return [
        one for one in (pipeline.text_encoder, getattr(pipeline, "text_encoder_2", None)) if one is not None
    ]


def kohya(pipeline: Any, kind: str, *, sgm: bool, alpha: float | None = 1.5) -> dict[str, torch.Tensor]:
    """Return a LoRA by the names of kohya's trainer, with diffusers' or the single files' names of layers."""
    state = {}
    for layer, factors in drawn(pipeline.unet, LAYERS).items():
        name = unet_name(f"{layer}.weight", 1).removesuffix(".weight").replace("@", "1") if sgm else layer
        if sgm and ".upsamplers." in layer and kind == "sdxl":
            name = name.replace(".1.conv", ".2.conv")
        put(state, f"lora_unet_{name.replace('.', '_')}", factors, alpha)
    for number, tower in enumerate(towers(pipeline)):
        before = "lora_te" + (str(number + 1) if kind == "sdxl" else "")
        for layer, factors in drawn(tower, TEXT_LAYERS).items():
            bare = layer.removeprefix("text_model.").replace(".", "_")
            put(state, f"{before}_text_model_{bare}", factors, alpha)
    return state


def put(
    state: dict[str, Any], name: str, factors: tuple[torch.Tensor, torch.Tensor], alpha: float | None
) -> None:
    state[f"{name}.lora_down.weight"], state[f"{name}.lora_up.weight"] = factors
    if alpha is not None:
        state[f"{name}.alpha"] = torch.tensor(alpha)


def weights(pipeline: Any) -> dict[str, torch.Tensor]:
    found = {f"unet.{name}": one.clone() for name, one in pipeline.unet.state_dict().items()}
    for number, tower in enumerate(towers(pipeline)):
        found |= {f"text{number}.{name}": one.clone() for name, one in tower.state_dict().items()}
    return found


def fused(pipeline: Any, path: Path, strength: float) -> dict[str, torch.Tensor]:
    """Return what diffusers' own loader makes of every weight; the pipeline is as before afterwards."""
    before = weights(pipeline)
    pipeline.load_lora_weights(path, adapter_name="one")
    pipeline.fuse_lora(lora_scale=strength)
    pipeline.unload_lora_weights()
    after = weights(pipeline)
    networks = [("unet", pipeline.unet), *((f"text{n}", one) for n, one in enumerate(towers(pipeline)))]
    for before_name, network in networks:
        own = {
            name.removeprefix(f"{before_name}."): one
            for name, one in before.items()
            if name.startswith(f"{before_name}.")
        }
        network.load_state_dict(own)
    return after


def added(pipeline: Any, lora: Lora, strength: float) -> dict[str, torch.Tensor]:
    found = weights(pipeline)
    for before, changes in [("unet", lora.unet), *((f"text{n}", one) for n, one in enumerate(lora.text))]:
        for layer, change in changes.items():
            weight = found[f"{before}.{layer}.weight"]
            weight += strength * change.weight().reshape(weight.shape)
    return found


def the_same(ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, one in theirs.items():
        # With transformers 5.24, diffusers 0.42.1 leaves out the attention of towers, and says so in its log.
        if not (name.startswith("text") and "self_attn" in name):
            assert torch.allclose(ours[name].float(), one.float(), atol=1e-6, rtol=0), name


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "sgm"), [("sd1", False), ("sdxl", False), ("sdxl", True)])
@pytest.mark.parametrize("alpha", [1.5, None])
def test_kohyas_files_change_what_diffusers_changes(
    kind: str, sgm: bool, alpha: float | None, pipelines: dict[str, Any], tmp_path: Path
) -> None:
    pipeline = pipelines[kind]
    save_file(kohya(pipeline, kind, sgm=sgm, alpha=alpha), tmp_path / "a.safetensors")
    lora = read_lora(tmp_path / "a.safetensors", parts_of(pipeline, kind))
    assert lora.unused == ()
    assert lora.unet.keys() == drawn(pipeline.unet, LAYERS).keys()
    before, ours = weights(pipeline), added(pipeline, lora, 0.7)
    theirs = fused(pipeline, tmp_path / "a.safetensors", 0.7)
    the_same(ours, theirs)
    changed = {name for name, one in theirs.items() if not torch.equal(one, before[name])}
    assert {name for name in changed if name.startswith("unet")} == {
        f"unet.{one}.weight" for one in lora.unet
    }
    for number, tower in enumerate(towers(pipeline)):
        factors = drawn(tower, TEXT_LAYERS)
        assert lora.text[number].keys() == factors.keys()
        for layer, (down, up) in factors.items():
            name = f"text{number}.{layer}.weight"
            expected = before[name] + 0.7 * (alpha or 3) / 3 * up @ down
            assert torch.allclose(ours[name], expected, atol=1e-6, rtol=0), name


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("alpha", [3, 6])
def test_files_of_diffusers_change_what_it_changes(
    kind: str, alpha: int, pipelines: dict[str, Any], tmp_path: Path
) -> None:
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    pipeline = tiny_pipeline(kind, vocabulary=100)
    config = LoraConfig(r=3, lora_alpha=alpha, target_modules=["to_k", "to_out.0", "conv2"])
    pipeline.unet.add_adapter(config)
    for name, parameter in pipeline.unet.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    state = get_peft_model_state_dict(pipeline.unet, adapter_name="default")
    pipeline.save_lora_weights(tmp_path, unet_lora_layers=state, unet_lora_adapter_metadata=config.to_dict())
    fresh = pipelines[kind]
    lora = read_lora(tmp_path, parts_of(fresh, kind))
    assert lora.unused == ()
    assert {one.scale for one in lora.unet.values()} == {alpha / 3}
    the_same(added(fresh, lora, 1.3), fused(fresh, tmp_path, 1.3))
    # The same as older versions wrote it, whose names say nothing of alpha.
    old = {
        name.replace(".lora_A.", ".lora.down.").replace(".lora_B.", ".lora.up."): one
        for name, one in load_file(tmp_path / "pytorch_lora_weights.safetensors").items()
    }
    save_file(old, tmp_path / "old.safetensors")
    read = read_lora(tmp_path / "old.safetensors", parts_of(fresh, kind)).unet
    assert read.keys() == lora.unet.keys()
    for layer, one in read.items():
        assert torch.equal(one.down, lora.unet[layer].down)
        assert torch.equal(one.up, lora.unet[layer].up)
        assert one.scale == 1


@pytest.mark.parametrize("ways", [("lora_A", "lora_B"), ("lora_linear_layer.down", "lora_linear_layer.up")])
def test_files_of_diffusers_change_the_towers(
    ways: tuple[str, str], pipelines: dict[str, Any], tmp_path: Path
) -> None:
    state, factors = {}, [drawn(one, TEXT_LAYERS) for one in towers(pipelines["sdxl"])]
    for before, one in zip(("text_encoder", "text_encoder_2"), factors, strict=True):
        for layer, (down, up) in one.items():
            name = f"{before}.text_model.{layer.removeprefix('text_model.')}"
            state[f"{name}.{ways[0]}.weight"], state[f"{name}.{ways[1]}.weight"] = (
                down,
                up + (before[-1] == "2"),
            )
    save_file(state, tmp_path / "a.safetensors")
    lora = read_lora(tmp_path / "a.safetensors", parts_of(pipelines["sdxl"], "sdxl"))
    assert lora.unused == () == tuple(lora.unet)
    for number, one in enumerate(factors):
        assert lora.text[number].keys() == one.keys()
        for layer, (down, up) in one.items():
            assert torch.allclose(lora.text[number][layer].weight(), (up + number) @ down)


def test_the_first_files_of_diffusers_are_read(pipelines: dict[str, Any], tmp_path: Path) -> None:
    block = "mid_block.attentions.0.transformer_blocks.0.attn1"
    state = {
        f"unet.{block}.processor.{layer}_lora.{way}.weight": torch.randn(shape)
        for layer in ("to_q", "to_out")
        for way, shape in (("down", (2, 64)), ("up", (64, 2)))
    }
    save_file(state, tmp_path / "a.safetensors")
    lora = read_lora(tmp_path / "a.safetensors", parts_of(pipelines["sd1"], "sd1"))
    assert set(lora.unet) == {f"{block}.to_q", f"{block}.to_out.0"}
    down, up = (state[f"unet.{block}.processor.to_q_lora.{way}.weight"] for way in ("down", "up"))
    assert torch.allclose(lora.unet[f"{block}.to_q"].weight(), up @ down)


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("hada_w1_a", "LoHa"),
        ("lokr_w1", "LoKr"),
        ("dora_scale", "DoRA"),
        ("lora_mid.weight", "LoCon with a middle factor"),
        ("diff", "whole weights"),
    ],
)
def test_other_adapters_are_refused_by_name(
    name: str, what: str, pipelines: dict[str, Any], tmp_path: Path
) -> None:
    state = kohya(pipelines["sd1"], "sd1", sgm=False)
    save_file({**state, f"lora_unet_conv_in.{name}": torch.zeros(2)}, tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match=what):
        read_lora(tmp_path / "a.safetensors", parts_of(pipelines["sd1"], "sd1"))


def test_a_lora_for_another_model_is_refused(pipelines: dict[str, Any], tmp_path: Path) -> None:
    layer = "down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k"
    state: dict[str, Any] = {}
    put(state, f"lora_unet_{layer}", (torch.zeros(2, 2048), torch.zeros(32, 2)), None)
    save_file(state, tmp_path / "xl.safetensors")
    with pytest.raises(WeightsError, match=r"a LoRA for SDXL and does not fit this model \(sd1\)"):
        read_lora(tmp_path / "xl.safetensors", parts_of(pipelines["sd1"], "sd1"))
    state = {name.replace(layer, "elsewhere"): one for name, one in state.items()}
    save_file(state, tmp_path / "none.safetensors")
    with pytest.raises(WeightsError, match="changes no layer of this model"):
        read_lora(tmp_path / "none.safetensors", parts_of(pipelines["sd1"], "sd1"))


def test_what_fits_nowhere_is_listed(pipelines: dict[str, Any], tmp_path: Path) -> None:
    state = kohya(pipelines["sd1"], "sd1", sgm=False)
    put(state, "lora_unet_elsewhere", (torch.zeros(2, 4), torch.zeros(4, 2)), None)
    save_file(state, tmp_path / "a.safetensors")
    assert read_lora(tmp_path / "a.safetensors", parts_of(pipelines["sd1"], "sd1")).unused == (
        "lora_unet_elsewhere",
    )


def test_damaged_loras_are_refused(pipelines: dict[str, Any], tmp_path: Path) -> None:
    path, parts = tmp_path / "a.safetensors", parts_of(pipelines["sd1"], "sd1")
    state = kohya(pipelines["sd1"], "sd1", sgm=False)
    first = next(name for name in state if name.endswith("lora_up.weight"))
    save_file({name: one for name, one in state.items() if name != first}, path)
    with pytest.raises(WeightsError, match="one of its two factors is missing"):
        read_lora(path, parts)
    save_file({**state, first: torch.zeros(32, 9, 1, 1)}, path)
    with pytest.raises(WeightsError, match="do not fit each other"):
        read_lora(path, parts)
    save_file(state, path, metadata={"lora_adapter_metadata": json.dumps([1])[:-1]})
    with pytest.raises(WeightsError, match="no JSON"):
        read_lora(path, parts)
    save_file({"something": torch.zeros(1)}, path)
    with pytest.raises(WeightsError, match="is nothing that is known, no LoRA"):
        read_lora(path, parts)
