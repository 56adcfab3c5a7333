"""Latent diffusions out of files and folders: what they are, and every number of them."""

from __future__ import annotations

import json
import pickle
import socket
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

pytest.importorskip("diffusers")

from animator.errors import WeightsError
from animator.latent.files import asked_prediction, read_controlnet, read_parts, read_vae, recognise
from animator.latent.headers import Header
from animator.latent.layouts import whole_unet_layout
from animator.latent.parts import Parts
from animator.latent.recognise import recognise_header
from animator.latent.single_file import fill, parts_of, shapes_of, unet_names
from animator.latent.vocabulary import clip_tokenizer
from tests.ldm_names import (
    PUBLISHED,
    file_state,
    published_pipeline,
    save_single,
    tiny_pipeline,
    unet_name,
    unet_to_file,
)

KINDS = ("sd1", "sd2", "sdxl")


@pytest.fixture(scope="module")
def pipelines() -> dict[str, Any]:
    return {kind: tiny_pipeline(kind, vocabulary=100) for kind in KINDS}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens a connection while weights are read fails the test."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened while weights were read")

    monkeypatch.setattr(socket.socket, "connect", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    monkeypatch.setattr(socket, "create_connection", refused)


def alike(parts: Parts, pipeline: Any) -> None:
    """Hold every weight of some parts to those of a pipeline."""
    towers = [pipeline.text_encoder, getattr(pipeline, "text_encoder_2", None)]
    pairs = [(parts.unet, pipeline.unet), (parts.vae, pipeline.vae)]
    pairs += [(one.encoder, other) for one, other in zip(parts.text, towers, strict=False)]
    assert len(parts.text) == sum(one is not None for one in towers)
    for ours, theirs in pairs:
        expected = theirs.state_dict()
        found = ours.state_dict()
        assert found.keys() == expected.keys()
        for name, tensor in expected.items():
            assert torch.equal(found[name], tensor.float()), name
        assert not any(one.is_meta for one in (*ours.parameters(), *ours.buffers()))


def painted(unet: Any, xl: bool) -> torch.Tensor:
    torch.manual_seed(1)
    states = torch.randn(1, 5, unet.config.cross_attention_dim)
    more = {"text_embeds": torch.randn(1, 64), "time_ids": torch.ones(1, 6)} if xl else None
    with torch.no_grad():
        return unet(
            torch.randn(1, 4, 8, 8), torch.tensor([400]), encoder_hidden_states=states, added_cond_kwargs=more
        ).sample


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", [".safetensors", ".ckpt"])
def test_a_single_file_gives_every_weight_back(
    kind: str, ending: str, pipelines: dict[str, Any], tmp_path: Path
) -> None:
    path = save_single(pipelines[kind], kind, tmp_path / f"model-768{ending}")
    found = recognise(path)
    assert (found.what, found.kind, found.fills) == ("model", kind, False)
    assert found.prediction == ("v_prediction" if kind == "sd2" else "epsilon")
    parts = read_parts(path)
    alike(parts, pipelines[kind])
    for name in ("scaling_factor", "block_out_channels", "layers_per_block"):
        assert str(parts.vae.config[name]).strip("()[]") == str(pipelines[kind].vae.config[name]).strip(
            "()[]"
        )
    assert torch.equal(painted(parts.unet, kind == "sdxl"), painted(pipelines[kind].unet, kind == "sdxl"))
    with torch.no_grad():
        tokens = torch.randint(0, 100, (1, 77))
        for ours, theirs in zip(parts.text, ("text_encoder", "text_encoder_2"), strict=False):
            expected = getattr(pipelines[kind], theirs)(tokens, output_hidden_states=True)
            answer = ours.encoder(tokens, output_hidden_states=True)
            assert torch.equal(answer.hidden_states[-2], expected.hidden_states[-2])
            assert torch.equal(answer[0], expected[0])
    assert [one.penultimate for one in parts.text] == [kind == "sdxl"] * len(parts.text)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_gives_every_weight_back(kind: str, pipelines: dict[str, Any], tmp_path: Path) -> None:
    pipelines[kind].save_pretrained(tmp_path)
    found = recognise(tmp_path)
    assert (found.what, found.kind) == ("model", kind)
    assert found.prediction == ("v_prediction" if kind == "sd2" else "epsilon")
    parts = read_parts(tmp_path)
    alike(parts, pipelines[kind])
    assert parts.schedule["prediction_type"] == found.prediction
    assert parts.schedule["steps_offset"] == 1
    assert torch.equal(painted(parts.unet, kind == "sdxl"), painted(pipelines[kind].unet, kind == "sdxl"))
    assert parts.text[0].tokenizer("a cat", padding="max_length").input_ids == (
        pipelines[kind].tokenizer("a cat", padding="max_length").input_ids
    )


@pytest.mark.slow
@pytest.mark.parametrize("safe", [True, False])
def test_a_folder_of_half_precision_is_read(safe: bool, pipelines: dict[str, Any], tmp_path: Path) -> None:
    pipelines["sd1"].save_pretrained(tmp_path, variant="fp16", safe_serialization=safe)
    assert not (tmp_path / "unet" / "diffusion_pytorch_model.safetensors").exists()
    alike(read_parts(tmp_path), pipelines["sd1"])


@pytest.mark.slow
def test_weights_come_in_the_type_that_is_asked_for(pipelines: dict[str, Any], tmp_path: Path) -> None:
    pipelines["sd1"].save_pretrained(tmp_path / "folder")
    file = save_single(pipelines["sd1"], "sd1", tmp_path / "file.safetensors")
    for path in (tmp_path / "folder", file):
        parts = read_parts(path, torch.bfloat16)
        for network in (parts.unet, parts.vae, parts.text[0].encoder):
            assert {one.dtype for one in network.parameters()} == {torch.bfloat16}
            assert not any(one.requires_grad for one in network.parameters())
            assert not network.training


@pytest.mark.slow
@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder", "scheduler"])
def test_a_missing_part_of_a_folder_is_named(part: str, pipelines: dict[str, Any], tmp_path: Path) -> None:
    pipelines["sd1"].save_pretrained(tmp_path)
    (tmp_path / part).rename(tmp_path.parent / f"{tmp_path.name}-{part}")
    with pytest.raises(WeightsError, match=f"is incomplete: it has no {part}/"):
        read_parts(tmp_path)


@pytest.mark.slow
def test_a_folder_without_a_tokenizer_takes_clips_own(tmp_path: Path) -> None:
    pipeline = tiny_pipeline("sd1")
    pipeline.save_pretrained(tmp_path)
    expected = pipeline.tokenizer("a lighthouse in the fog").input_ids
    (tmp_path / "tokenizer").rename(tmp_path / "elsewhere")
    assert read_parts(tmp_path).text[0].tokenizer("a lighthouse in the fog").input_ids == expected


@pytest.mark.slow
def test_a_folder_without_weights_says_so(pipelines: dict[str, Any], tmp_path: Path) -> None:
    pipelines["sd1"].save_pretrained(tmp_path)
    weights = tmp_path / "vae" / "diffusion_pytorch_model.safetensors"
    content = weights.read_bytes()
    weights.unlink()
    with pytest.raises(WeightsError, match=r"vae holds no weights"):
        read_parts(tmp_path)
    weights.write_bytes(content[: len(content) // 2])
    with pytest.raises(WeightsError, match=r"vae cannot be read"):
        read_parts(tmp_path)


def test_the_tokenizer_is_that_of_open_clip() -> None:
    from open_clip import tokenize

    for text in ("a lighthouse in the fog", "Ein Löwe, 1900!", "don't  stop 🙂 (really)"):
        expected = tokenize(text)[0].tolist()
        ours = clip_tokenizer("!")(text, padding="max_length", truncation=True).input_ids
        assert ours == expected
        ended = clip_tokenizer()(text, padding="max_length", truncation=True).input_ids
        assert ended == [one or 49407 for one in expected]


# --- the published networks, in their shapes


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "millions", "tensors", "known"),
    [
        ("sd1", 859.5, 686, "output_blocks.11.0.skip_connection.weight"),
        ("sd2", 865.9, 686, "input_blocks.2.1.transformer_blocks.0.attn2.to_k.weight"),
        ("sdxl", 2567.5, 1680, "middle_block.1.transformer_blocks.9.attn2.to_k.weight"),
    ],
)
def test_published_networks_are_known_by_their_shapes(
    kind: str, millions: float, tensors: int, known: str
) -> None:
    pipeline = published_pipeline(kind)
    state = file_state(pipeline, kind)
    assert f"{UNET}{known}" in state
    assert sum(name.startswith(UNET) for name in state) == tensors
    found = recognise_header(Header(Path("model-768.safetensors"), shapes_of(state)))
    assert (found.what, found.kind) == ("model", kind)
    parts = parts_of(state, found, torch.float32, {})
    assert sum(one.numel() for one in parts.unet.parameters()) / 1e6 == pytest.approx(millions, abs=0.06)
    assert sum(one.numel() for one in parts.vae.parameters()) / 1e6 == pytest.approx(83.65, abs=0.01)
    assert [round(sum(p.numel() for p in one.encoder.parameters()) / 1e6, 2) for one in parts.text] == {
        "sd1": [123.06],
        "sd2": [340.39],
        "sdxl": [123.06, 694.66],
    }[kind]
    for ours, theirs in ((parts.unet, pipeline.unet), (parts.vae, pipeline.vae)):
        assert shapes_of(ours.state_dict()) == shapes_of(theirs.state_dict())
    left_open = {"sample_size", "scaling_factor", "force_upcast", "_use_default_values", "_name_or_path"}
    for name, value in pipeline.unet.config.items():
        if name not in left_open and not name.startswith("_"):
            assert str(parts.unet.config[name]).strip("()[]") == str(value).strip("()[]"), name
    for ours, theirs in zip(parts.text, PUBLISHED[kind]["text"], strict=True):
        read = {name: getattr(ours.encoder.config, name) for name in theirs}
        assert {**read, "projection_dim": 0} == {**theirs, "projection_dim": 0}


@pytest.mark.slow
def test_a_network_with_fewer_layers_is_known_by_its_shapes() -> None:
    """Segmind's SSD-1B: SDXL with an attention of another depth in each block, and none in the middle."""
    from diffusers import UNet2DConditionModel

    described = PUBLISHED["sdxl"]["unet"] | {
        "transformer_layers_per_block": (1, 2, 4),
        "reverse_transformer_layers_per_block": ((4, 4, 10), (2, 1, 1), 1),
        "mid_block_type": "UNetMidBlock2D",
    }
    with torch.device("meta"):
        state = UNet2DConditionModel(**described).state_dict()
    named = unet_to_file(state, 2)
    layout = whole_unet_layout(shapes_of(named), "sdxl")
    network = fill(UNet2DConditionModel, layout, unet_names(named, layout), torch.float32, "it")
    assert shapes_of(network.state_dict()) == shapes_of(state)


# --- what a file is


def recognised(tmp_path: Path, state: dict[str, tuple[int, ...]], name: str = "it", **said: str) -> str:
    path = tmp_path / f"{name}.safetensors"
    save_file(
        {key: torch.zeros(shape, dtype=torch.uint8) for key, shape in state.items()},
        path,
        metadata=said or None,
    )
    return str(recognise(path))


UNET = "model.diffusion_model."


READS = f"{UNET}input_blocks.0.0.weight"
STATES = "1.transformer_blocks.0.attn2.to_k.weight"
ALONE = "a U-Net alone, without text network and VAE"
OF_1, OF_2, OF_XL = "for Stable Diffusion 1", "for Stable Diffusion 2", "for SDXL"
LORA = "transformer_blocks_0_attn2_to_k.lora_down.weight"


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        ({"double_blocks.0.img_attn.norm.key_norm.scale": (1,)}, "Flux"),
        ({f"{UNET}double_blocks.0.img_attn.norm.key_norm.scale": (1,)}, "Flux"),
        ({f"{UNET}joint_blocks.0.context_block.adaLN_modulation.1.bias": (1,)}, "Stable Diffusion 3"),
        ({"head.modulation": (1,), "patch_embedding.weight": (1,)}, "a video model (Wan)"),
        ({f"{UNET}patchify_proj.weight": (1,)}, "a video model (LTX)"),
        ({"down_blocks.0.motion_modules.0.temporal_transformer.norm.bias": (1,)}, "a video model"),
        ({READS: (1, 8, 1, 1), f"{UNET}input_blocks.1.1.time_stack.0.x": (1,)}, "a video model"),
        ({READS: (1, 8, 1, 1), "cond_stage_model.transformer.x": (1,)}, "InstructPix2Pix"),
        ({READS: (1, 4, 1, 1), "edm_mean": (1,)}, "a model with its own scale of noise (EDM)"),
        ({"lora_unet_double_blocks_0_img_attn_proj.lora_down.weight": (1,)}, "a LoRA for Flux"),
        ({"transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight": (1,)}, "a LoRA for Flux"),
        ({f"lora_unet_down_blocks_0_attentions_0_{LORA}": (4, 768)}, f"a LoRA {OF_1}"),
        ({f"lora_unet_input_blocks_4_1_{LORA}": (4, 2048)}, f"a LoRA {OF_XL}"),
        ({"unet.mid_block.attentions.0.attn2.to_k.lora_A.weight": (4, 1024)}, f"a LoRA {OF_2}"),
        ({"lora_unet_mid_block.hada_w1_a": (4, 4)}, "a LoRA"),
        (
            {
                "control_model.input_hint_block.0.weight": (1,),
                f"control_model.input_blocks.1.{STATES}": (2, 768),
            },
            f"a ControlNet {OF_1}",
        ),
        (
            {"controlnet_cond_embedding.conv_in.weight": (1,), f"mid_block.attentions.{STATES}": (2, 2048)},
            f"a ControlNet {OF_XL}",
        ),
        (
            {"ip_adapter.1.to_k_ip.weight": (2, 768), "image_proj.proj.weight": (1,)},
            f"an IP-Adapter {OF_1}",
        ),
        ({"decoder.up.0.block.0.conv1.weight": (1,)}, "an autoencoder (VAE) alone"),
        ({"decoder.up_blocks.0.resnets.0.conv1.weight": (1,)}, "an autoencoder (VAE) alone"),
        ({"emb_params": (2, 768)}, f"a textual inversion {OF_1}"),
        ({"clip_l": (2, 768), "clip_g": (2, 1280)}, f"a textual inversion {OF_XL}"),
        ({READS: (1, 4, 1, 1), f"{UNET}input_blocks.1.{STATES}": (2, 768)}, f"{ALONE} {OF_1}"),
        ({"input_blocks.0.0.weight": (1, 4, 1, 1), f"input_blocks.1.{STATES}": (2, 768)}, f"{ALONE} {OF_1}"),
        (
            {"time_embedding.linear_1.weight": (1,), f"mid_block.attentions.{STATES}": (2, 768)},
            f"{ALONE} {OF_1}",
        ),
        ({"input_blocks.0.0.weight": (1, 3, 1, 1), "time_embed.0.weight": (1,)}, "nothing that is known"),
        ({"net.0.main.0.weight": (1, 3, 1, 1)}, "nothing that is known"),
        ({"something.else": (2, 2)}, "nothing that is known"),
    ],
)
def test_other_files_are_recognised_by_their_names(
    state: dict[str, tuple[int, ...]], expected: str, tmp_path: Path
) -> None:
    assert recognised(tmp_path, state) == expected
    if "VAE" not in expected:
        with pytest.raises(WeightsError, match=r"is|holds no latent diffusion"):
            read_parts(tmp_path / "it.safetensors")


SMALL_2 = {
    f"{UNET}input_blocks.0.0.weight": (1, 4, 1, 1),
    "cond_stage_model.model.ln_final.weight": (1,),
    "first_stage_model.decoder.up.0.block.0.conv1.weight": (1,),
}
V2 = "stable-diffusion-v2-768-v"
SMALL_1 = {name.replace(".model.ln", ".transformer.ln"): shape for name, shape in SMALL_2.items()}
SMALL_XL = {
    name.replace("cond_stage_model", "conditioner.embedders.1"): shape for name, shape in SMALL_2.items()
}


@pytest.mark.parametrize(
    ("state", "name", "said", "expected"),
    [
        (SMALL_1, "album", {}, ("sd1", "epsilon", "", False)),
        (SMALL_1, "album-lcm", {}, ("sd1", "epsilon", "lcm", False)),
        (SMALL_1, "furry_vpred", {}, ("sd1", "v_prediction", "", False)),
        (SMALL_2, "v2-1_768-ema-pruned", {}, ("sd2", "v_prediction", "", False)),
        (SMALL_2, "v2-1_512-ema-pruned", {}, ("sd2", "epsilon", "", False)),
        (SMALL_2, "mine", {}, ("sd2", "", "", False)),
        (SMALL_2, "mine", {"modelspec.architecture": V2}, ("sd2", "v_prediction", "", False)),
        (SMALL_2, "mine", {"modelspec.prediction_type": "epsilon"}, ("sd2", "epsilon", "", False)),
        (SMALL_2, "sd_turbo", {}, ("sd2", "epsilon", "turbo", False)),
        (SMALL_XL, "sd_xl_turbo_1.0_fp16", {}, ("sdxl", "epsilon", "turbo", False)),
        (SMALL_XL, "dreamshaperXL_v2TurboDpmppSDE", {}, ("sdxl", "epsilon", "turbo", False)),
        (SMALL_XL | {"v_pred": (1,), "ztsnr": (1,)}, "noob", {}, ("sdxl", "v_prediction", "", True)),
    ],
)
def test_what_a_model_predicts_is_read_where_it_is_written(
    state: dict[str, tuple[int, ...]],
    name: str,
    said: dict[str, str],
    expected: tuple[object, ...],
    tmp_path: Path,
) -> None:
    recognised(tmp_path, state, name, **said)
    found = recognise(tmp_path / f"{name}.safetensors")
    assert (found.kind, found.prediction, found.few_steps, found.zero_snr) == expected


def test_steps_of_training_say_what_the_base_of_2_predicts(tmp_path: Path) -> None:
    state = {name: torch.zeros(shape) for name, shape in SMALL_2.items()}
    torch.save({"state_dict": state, "global_step": 875_000}, tmp_path / "a.ckpt")
    assert recognise(tmp_path / "a.ckpt").prediction == "epsilon"


@pytest.mark.slow
def test_a_network_of_2_is_asked_what_it_predicts(
    pipelines: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = save_single(pipelines["sd2"], "sd2", tmp_path / "mine.safetensors")
    assert recognise(path).prediction == ""
    with caplog.at_level("INFO"):
        assert read_parts(path).schedule["prediction_type"] == "epsilon"
    assert "does not say what it predicts" in caplog.text
    low = {f"{UNET}out.2.bias": torch.full((4,), -5.0)}
    save_single(pipelines["sd2"], "sd2", path, state=low)
    parts = read_parts(path)
    assert parts.schedule["prediction_type"] == "v_prediction" == asked_prediction(parts.unet)
    path.with_suffix(".json").write_text('{"schedule": {"prediction_type": "epsilon"}}')
    assert read_parts(path).schedule["prediction_type"] == "epsilon"


@pytest.mark.slow
def test_a_model_that_fills_in_is_recognised(tmp_path: Path) -> None:
    pipeline = tiny_pipeline("sd1", in_channels=9, vocabulary=100)
    path = save_single(pipeline, "sd1", tmp_path / "fills.safetensors")
    pipeline.save_pretrained(tmp_path / "folder")
    for one in (path, tmp_path / "folder"):
        assert recognise(one).fills
        assert read_parts(one).unet.config.in_channels == 9


@pytest.mark.slow
def test_averaged_weights_go_before_trained_ones(pipelines: dict[str, Any], tmp_path: Path) -> None:
    unet = unet_to_file(pipelines["sd1"].unet.state_dict(), 1)
    ema = {f"model_ema.diffusion_model{name.replace('.', '')}": one + 1 for name, one in unet.items()}
    path = save_single(pipelines["sd1"], "sd1", tmp_path / "full.ckpt", state=ema)
    found = read_parts(path).unet.state_dict()
    assert all(torch.equal(found[name], one + 1) for name, one in pipelines["sd1"].unet.state_dict().items())


# --- files that are not read


class Opens:
    """Runs code when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("archive", [True, False])
def test_a_pickle_with_code_is_refused_and_runs_nothing(archive: bool, tmp_path: Path) -> None:
    path, witness = tmp_path / "bad.ckpt", tmp_path / "it-ran"
    torch.save({"state_dict": {}, "x": Opens(witness)}, path, _use_new_zipfile_serialization=archive)
    with pytest.raises(WeightsError, match=r"might run code; nothing of it was run"):
        read_parts(path)
    assert not witness.exists()
    torch.load(path, weights_only=False)
    assert witness.exists(), "the file would have run its code"


@pytest.mark.slow
def test_what_trainers_leave_in_a_checkpoint_is_passed_over(
    pipelines: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Published checkpoints of Stable Diffusion 1 name a class of pytorch_lightning; it is not imported."""
    import sys
    import types

    module = types.ModuleType("pytorch_lightning.callbacks.model_checkpoint")

    class ModelCheckpoint:
        def __init__(self) -> None:
            self.best = 0.5

    ModelCheckpoint.__module__, ModelCheckpoint.__qualname__ = module.__name__, "ModelCheckpoint"
    module.ModelCheckpoint = ModelCheckpoint
    with monkeypatch.context() as within:
        for name in ("pytorch_lightning", "pytorch_lightning.callbacks"):
            within.setitem(sys.modules, name, types.ModuleType(name))
        within.setitem(sys.modules, module.__name__, module)
        path = save_single(
            pipelines["sd1"], "sd1", tmp_path / "sd-v1-4.ckpt", callbacks={ModelCheckpoint: ModelCheckpoint()}
        )
    assert module.__name__ not in sys.modules
    alike(read_parts(path), pipelines["sd1"])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.gguf", b"GGUF" + bytes(60), "is a GGUF file"),
        ("a.safetensors", b"GGUF" + bytes(60), "is a GGUF file"),
        ("a.safetensors", (10**9).to_bytes(8, "little") + b"{}", "is damaged"),
        ("a.safetensors", (2).to_bytes(8, "little") + b"[]", "is damaged"),
        ("a.ckpt", b"<!DOCTYPE html>", "it is a web page"),
        ("a.ckpt", b"", "the file is empty"),
        ("a.ckpt", b"\x80\x04cposix\nsystem\n(S'touch x'\ntR.", "damaged|might run code"),
        ("a.ckpt", pickle.dumps({"a": 1}), "holds no latent diffusion|damaged"),
    ],
)
def test_damaged_files_are_refused_in_words(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=message):
        read_parts(tmp_path / name)


def test_a_file_that_is_cut_off_is_recognised(pipelines: dict[str, Any], tmp_path: Path) -> None:
    path = save_single(pipelines["sd1"], "sd1", tmp_path / "a.safetensors")
    path.write_bytes(path.read_bytes()[:-1_000_000])
    with pytest.raises(WeightsError, match=r"cut off: 1\.0 MB are missing"):
        recognise(path)
    with pytest.raises(WeightsError, match="there are no weights"):
        recognise(tmp_path / "nowhere.safetensors")


@pytest.mark.parametrize("before", ["first_stage_model.", "cond_stage_model."])
def test_a_file_without_all_parts_says_which_it_has(
    before: str, pipelines: dict[str, Any], tmp_path: Path
) -> None:
    state = {
        name: one for name, one in file_state(pipelines["sd1"], "sd1").items() if not name.startswith(before)
    }
    save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match="is a U-Net alone, without text network and VAE"):
        read_parts(tmp_path / "a.safetensors")


def test_a_missing_weight_is_named(pipelines: dict[str, Any], tmp_path: Path) -> None:
    state = file_state(pipelines["sd1"], "sd1")
    state.pop(f"{UNET}middle_block.0.in_layers.0.weight")
    save_file(state, tmp_path / "a.safetensors")
    with pytest.raises(WeightsError, match=r"1 missing \(mid_block.resnets.0.norm1.weight\)"):
        read_parts(tmp_path / "a.safetensors")


# --- what goes with a model


@pytest.mark.slow
@pytest.mark.parametrize("before", ["", "first_stage_model."])
def test_an_autoencoder_alone_is_read(before: str, pipelines: dict[str, Any], tmp_path: Path) -> None:
    state = {
        f"{before}{name.removeprefix('first_stage_model.')}": one
        for name, one in file_state(pipelines["sdxl"], "sdxl").items()
        if name.startswith("first_stage_model.")
    }
    save_file(state, tmp_path / "a.vae.safetensors")
    pipelines["sdxl"].vae.save_pretrained(tmp_path / "vae")
    pipelines["sdxl"].save_pretrained(tmp_path / "whole")
    for path in (tmp_path / "a.vae.safetensors", tmp_path / "vae", tmp_path / "whole"):
        vae = read_vae(path, "sdxl")
        assert vae.config.scaling_factor == 0.13025
        for name, one in pipelines["sdxl"].vae.state_dict().items():
            assert torch.equal(vae.state_dict()[name], one)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_controlnet_is_read_from_a_file_and_a_folder(
    kind: str, pipelines: dict[str, Any], tmp_path: Path
) -> None:
    from diffusers import ControlNetModel

    torch.manual_seed(5)
    net = ControlNetModel.from_unet(
        pipelines[kind].unet, conditioning_embedding_out_channels=(16, 32, 96, 256)
    )
    for one in net.parameters():
        torch.nn.init.normal_(one, std=0.1)
    net.save_pretrained(tmp_path / "folder")
    torch.save(control_to_file(net.state_dict(), 1), tmp_path / "control.pth")
    save_file(net.state_dict(), tmp_path / "renamed.safetensors")
    for path in (tmp_path / "folder", tmp_path / "control.pth", tmp_path / "renamed.safetensors"):
        found = read_controlnet(path, kind)
        assert found.state_dict().keys() == net.state_dict().keys()
        assert all(torch.equal(one, net.state_dict()[name]) for name, one in found.state_dict().items())
    with pytest.raises(WeightsError, match="is a ControlNet; it leads a model"):
        read_parts(tmp_path / "control.pth")


def control_to_file(state: dict[str, Any], resnets: int) -> dict[str, Any]:
    found = {}
    for name, one in state.items():
        kind = name.rpartition(".")[2]
        if name.startswith("controlnet_cond_embedding.conv_in"):
            new = f"input_hint_block.0.{kind}"
        elif name.startswith("controlnet_cond_embedding.conv_out"):
            new = f"input_hint_block.14.{kind}"
        elif name.startswith("controlnet_cond_embedding.blocks"):
            new = f"input_hint_block.{2 + 2 * int(name.split('.')[2])}.{kind}"
        elif name.startswith("controlnet_down_blocks"):
            new = f"zero_convs.{name.split('.')[1]}.0.{kind}"
        elif name.startswith("controlnet_mid_block"):
            new = f"middle_block_out.0.{kind}"
        else:
            new = unet_name(name, resnets)
        found[f"control_model.{new}"] = one
    return found


@pytest.mark.parametrize(
    ("name", "unet", "expected"),
    [
        ("FluxPipeline", {}, "Flux"),
        ("StableDiffusion3Pipeline", {}, "Stable Diffusion 3"),
        ("StableVideoDiffusionPipeline", {}, "a video model"),
        ("StableDiffusionXLImg2ImgPipeline", {"in_channels": 8}, "a network that reads 8 channels"),
        ("StableDiffusionPipeline", {"in_channels": 8, "out_channels": 8}, "Stable Diffusion 1"),
        ("LatentConsistencyModelPipeline", {"time_cond_proj_dim": 256}, "Stable Diffusion 1 (lcm)"),
        ("StableDiffusionPipeline", {"cross_attention_dim": 1024}, "Stable Diffusion 2"),
        ("StableDiffusionXLInpaintPipeline", {"in_channels": 9}, "SDXL that fills in"),
        ("SomethingElse", {}, "a folder of SomethingElse"),
    ],
)
def test_folders_are_recognised_by_what_they_say(
    name: str, unet: dict[str, int], expected: str, tmp_path: Path
) -> None:
    (tmp_path / "unet").mkdir()
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": name}))
    (tmp_path / "unet" / "config.json").write_text(json.dumps(unet))
    assert str(recognise(tmp_path)) == expected
