"""Tiny latent diffusions of random weights and their names in single files, written apart from the reader."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

RESNET = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
OUTSIDE = {
    "conv_in": "input_blocks.0.0",
    "time_embedding.linear_1": "time_embed.0",
    "time_embedding.linear_2": "time_embed.2",
    "add_embedding.linear_1": "label_emb.0.0",
    "add_embedding.linear_2": "label_emb.0.2",
    "conv_norm_out": "out.0",
    "conv_out": "out.2",
    "mid_block.resnets.0": "middle_block.0",
    "mid_block.attentions.0": "middle_block.1",
    "mid_block.resnets.1": "middle_block.2",
}


def unet_name(name: str, resnets: int) -> str:
    """Return the name of a U-Net's weight in a single file.

    Args:
        name: the one of diffusers.
        resnets: of each level on the way down.
    """
    for ours, theirs in OUTSIDE.items():
        if name.startswith(f"{ours}."):
            return _resnet(name.replace(ours, theirs, 1))
    side, level, part, index, rest = re.match(r"(down|up)_blocks\.(\d+)\.(\w+)\.(\d+)\.(.*)", name).groups()
    if side == "down":
        block = 1 + int(level) * (resnets + 1)
        if part == "downsamplers":
            return f"input_blocks.{block + resnets}.0.op.{rest.removeprefix('conv.')}"
        where = f"input_blocks.{block + int(index)}.{'1' if part == 'attentions' else '0'}"
        return _resnet(f"{where}.{rest}")
    block = int(level) * (resnets + 1)
    if part == "upsamplers":
        return f"output_blocks.{block + resnets}.@.{rest}"
    where = f"output_blocks.{block + int(index)}.{'1' if part == 'attentions' else '0'}"
    return _resnet(f"{where}.{rest}")


def _resnet(name: str) -> str:
    if "transformer_blocks" in name:
        return name
    for ours, theirs in RESNET.items():
        name = re.sub(rf"(?<=\.){ours}(?=\.(weight|bias)$)", theirs, name)
    return name


def unet_to_file(state: dict[str, Any], resnets: int) -> dict[str, Any]:
    named = {unet_name(name, resnets): tensor for name, tensor in state.items()}
    found = {}
    for name, tensor in named.items():  # an upsampler comes after the attention, where there is one
        block = name.split(".@")[0]
        attended = any(other.startswith(f"{block}.1.") for other in named)
        found[name.replace(".@", ".2" if attended else ".1")] = tensor
    return found


def vae_to_file(state: dict[str, Any], levels: int) -> dict[str, Any]:
    found = {}
    for name, tensor in state.items():
        new = name.replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")
        new = re.sub(r"down_blocks\.(\d+)\.resnets", r"down.\1.block", new)
        new = re.sub(r"down_blocks\.(\d+)\.downsamplers\.0", r"down.\1.downsample", new)
        up = re.search(r"up_blocks\.(\d+)", new)
        if up:
            new = new.replace(up[0], f"up.{levels - 1 - int(up[1])}")
            new = new.replace(".resnets.", ".block.").replace(".upsamplers.0.", ".upsample.")
        new = re.sub(r"mid_block\.resnets\.(\d)", lambda m: f"mid.block_{int(m[1]) + 1}", new)
        if "mid_block.attentions.0" in new:
            new = new.replace("mid_block.attentions.0", "mid.attn_1").replace("group_norm", "norm")
            new = (
                new.replace("to_q", "q")
                .replace("to_k", "k")
                .replace("to_v", "v")
                .replace("to_out.0", "proj_out")
            )
            if tensor.ndim == 2:
                tensor = tensor[:, :, None, None]
        found[new] = tensor
    return found


def open_clip_to_file(state: dict[str, Any]) -> dict[str, Any]:
    state = {name.removeprefix("text_model."): tensor for name, tensor in state.items()}
    found = {
        "token_embedding.weight": state["embeddings.token_embedding.weight"],
        "positional_embedding": state["embeddings.position_embedding.weight"],
        "ln_final.weight": state["final_layer_norm.weight"],
        "ln_final.bias": state["final_layer_norm.bias"],
    }
    if "text_projection.weight" in state:
        found["text_projection"] = state["text_projection.weight"].T.contiguous()
    for number in sorted({int(name.split(".")[2]) for name in state if name.startswith("encoder.")}):
        old, new = f"encoder.layers.{number}", f"transformer.resblocks.{number}"
        for kind in ("weight", "bias"):
            parts = [state[f"{old}.self_attn.{one}_proj.{kind}"] for one in "qkv"]
            found[f"{new}.attn.in_proj_{kind}"] = torch.cat(parts)
            found[f"{new}.attn.out_proj.{kind}"] = state[f"{old}.self_attn.out_proj.{kind}"]
            found[f"{new}.mlp.c_fc.{kind}"] = state[f"{old}.mlp.fc1.{kind}"]
            found[f"{new}.mlp.c_proj.{kind}"] = state[f"{old}.mlp.fc2.{kind}"]
            for norm in ("1", "2"):
                found[f"{new}.ln_{norm}.{kind}"] = state[f"{old}.layer_norm{norm}.{kind}"]
    return found


def tiny_pipeline(kind: str, *, in_channels: int = 4, vocabulary: int = 49408) -> Any:
    """Return diffusers' pipeline of a kind with tiny networks of random weights."""
    from diffusers import (
        AutoencoderKL,
        DDIMScheduler,
        StableDiffusionPipeline,
        StableDiffusionXLPipeline,
        UNet2DConditionModel,
    )
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    from animator.latent.vocabulary import clip_tokenizer

    torch.manual_seed(7)
    xl = kind == "sdxl"
    width = 64
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=in_channels,
        block_out_channels=(32, 64),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D")
        if xl
        else ("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D") if xl else ("UpBlock2D", "CrossAttnUpBlock2D"),
        transformer_layers_per_block=(1, 2) if xl else 1,
        cross_attention_dim=2 * width if xl else width,
        attention_head_dim=8 if kind == "sd1" else (1, 1),
        use_linear_projection=kind != "sd1",
        **(
            {
                "addition_embed_type": "text_time",
                "addition_time_embed_dim": 8,
                "projection_class_embeddings_input_dim": 6 * 8 + width,
            }
            if xl
            else {}
        ),
    )
    vae = AutoencoderKL(
        block_out_channels=(32, 64),
        down_block_types=("DownEncoderBlock2D",) * 2,
        up_block_types=("UpDecoderBlock2D",) * 2,
        layers_per_block=1,
        scaling_factor=0.13025 if xl else 0.18215,
    )

    def words(act: str) -> Any:
        return CLIPTextConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            intermediate_size=4 * width,
            num_hidden_layers=2,
            num_attention_heads=1,
            hidden_act=act,
            projection_dim=width,
            bos_token_id=0,
            eos_token_id=2,
        )

    schedule = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        steps_offset=1,
        set_alpha_to_one=False,
        clip_sample=False,
        prediction_type="v_prediction" if kind == "sd2" else "epsilon",
    )
    shared = {"vae": vae, "unet": unet, "scheduler": schedule}
    shared["text_encoder"] = CLIPTextModel(words("gelu" if kind == "sd2" else "quick_gelu"))
    shared["tokenizer"] = clip_tokenizer("!" if kind == "sd2" else "<|endoftext|>")
    if xl:
        second = CLIPTextModelWithProjection(words("gelu"))
        return StableDiffusionXLPipeline(**shared, text_encoder_2=second, tokenizer_2=clip_tokenizer("!"))
    return StableDiffusionPipeline(
        **shared, safety_checker=None, feature_extractor=None, requires_safety_checker=False
    )


def file_state(pipeline: Any, kind: str) -> dict[str, Any]:
    """Return the state dict that a single file of a pipeline's networks holds."""
    unet = unet_to_file(pipeline.unet.state_dict(), pipeline.unet.config.layers_per_block)
    vae = vae_to_file(pipeline.vae.state_dict(), len(pipeline.vae.config.block_out_channels))
    found = {f"model.diffusion_model.{name}": tensor for name, tensor in unet.items()}
    found |= {f"first_stage_model.{name}": tensor for name, tensor in vae.items()}
    first = {
        name.removeprefix("text_model."): one for name, one in pipeline.text_encoder.state_dict().items()
    }
    if kind == "sd2":
        # The file has one layer more than is read, and what open_clip keeps besides.
        more = open_clip_to_file(first)
        count = pipeline.text_encoder.config.num_hidden_layers
        last = {n: t for n, t in more.items() if f"resblocks.{count - 1}." in n}
        more |= {n.replace(f"resblocks.{count - 1}.", f"resblocks.{count}."): t + 1 for n, t in last.items()}
        more["text_projection"] = torch.eye(first["embeddings.token_embedding.weight"].shape[1])
        more["logit_scale"] = torch.zeros(())
        found |= {f"cond_stage_model.model.{name}": tensor for name, tensor in more.items()}
    else:
        before = "conditioner.embedders.0.transformer." if kind == "sdxl" else "cond_stage_model.transformer."
        found |= {f"{before}text_model.{name}": tensor for name, tensor in first.items()}
        found[f"{before}text_model.embeddings.position_ids"] = torch.arange(77)[None]
    if kind == "sdxl":
        second = open_clip_to_file(pipeline.text_encoder_2.state_dict())
        found |= {f"conditioner.embedders.1.model.{name}": tensor for name, tensor in second.items()}
    return {name: tensor.contiguous().clone() for name, tensor in found.items()}


def save_single(pipeline: Any, kind: str, path: Path, **extra: Any) -> Path:
    """Save a pipeline's networks as one file, by the ending of its name."""
    state = file_state(pipeline, kind) | extra.pop("state", {})
    if path.suffix == ".safetensors":
        save_file(state, path, metadata=extra.get("metadata"))
    else:
        torch.save({"state_dict": state, **extra}, path)
    return path


PUBLISHED: dict[str, dict[str, Any]] = {
    "sd1": {
        "unet": {"cross_attention_dim": 768, "attention_head_dim": 8},
        "text": (
            {"hidden_size": 768, "num_attention_heads": 12, "num_hidden_layers": 12, "projection_dim": 768},
        ),
        "resnets": 2,
    },
    "sd2": {
        "unet": {
            "cross_attention_dim": 1024,
            "attention_head_dim": (5, 10, 20, 20),
            "use_linear_projection": True,
        },
        "text": (
            {"hidden_size": 1024, "num_attention_heads": 16, "num_hidden_layers": 23, "projection_dim": 512},
        ),
        "resnets": 2,
    },
    "sdxl": {
        "unet": {
            "block_out_channels": (320, 640, 1280),
            "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            "transformer_layers_per_block": (1, 2, 10),
            "cross_attention_dim": 2048,
            "attention_head_dim": (5, 10, 20),
            "use_linear_projection": True,
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816,
        },
        "text": (
            {"hidden_size": 768, "num_attention_heads": 12, "num_hidden_layers": 12, "projection_dim": 768},
            {"hidden_size": 1280, "num_attention_heads": 20, "num_hidden_layers": 32, "projection_dim": 1280},
        ),
        "resnets": 2,
    },
}
"""How the published networks are built, in the words of the folders that they are published in."""


def published_pipeline(kind: str) -> Any:
    """Return the networks of a published latent diffusion in their shapes only."""
    from types import SimpleNamespace

    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    described = PUBLISHED[kind]
    with torch.device("meta"):
        texts = [
            (CLIPTextModelWithProjection if number else CLIPTextModel)(
                CLIPTextConfig(**one, intermediate_size=4 * one["hidden_size"])
            )
            for number, one in enumerate(described["text"])
        ]
        return SimpleNamespace(
            unet=UNet2DConditionModel(**described["unet"]),
            vae=AutoencoderKL(
                block_out_channels=(128, 256, 512, 512),
                down_block_types=("DownEncoderBlock2D",) * 4,
                up_block_types=("UpDecoderBlock2D",) * 4,
                layers_per_block=2,
            ),
            text_encoder=texts[0],
            **({"text_encoder_2": texts[1]} if len(texts) > 1 else {}),
        )
