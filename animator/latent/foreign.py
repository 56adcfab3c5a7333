"""Networks that are not latent diffusions of this kind: recognised by names, to say what they are."""

from __future__ import annotations

import re
from collections.abc import Iterable

NETWORKS: tuple[tuple[str, str], ...] = (
    (
        r"motion_modules?\.|temporal_transformer\.|\.time_stack\.|\.time_mixer\.|temporal_attentions",
        "a video model",
    ),
    (
        r"vace_blocks\.|(^|\.)head\.modulation$|(^|diffusion_model\.)patch_embedding\.weight$",
        "a video model (Wan)",
    ),
    (r"patchify_proj\.|transformer_blocks\.\d+\.scale_shift_table$", "a video model (LTX)"),
    (r"txt_in\.individual_token_refiner|attn\.qkv_x\.weight$", "a video model"),
    (r"distilled_guidance_layer\.", "Chroma"),
    (r"single_stream_modulation\.", "Flux 2"),
    (r"double_stream_blocks?\.\d+\.block\.", "HiDream"),
    (
        r"(^|\.)double_blocks\.\d+\.|single_transformer_blocks\.|_double_blocks_\d|_single_transformer_",
        "Flux",
    ),
    (r"joint_blocks\.|_joint_blocks_|context_embedder\.", "Stable Diffusion 3"),
    (r"double_layers\.\d+\.attn\.w2q", "AuraFlow"),
    (r"txt_in\.text_norm|transformer_blocks\.\d+\.img_mod\.", "Qwen-Image"),
    (r"cap_embedder\.|noise_refiner\.", "Lumina or Z-Image"),
    (r"clip_txt_mapper\.|effnet_mapper|channelwise\.", "Stable Cascade"),
    (r"caption_projection\.|adaln_single\.|cross_attn\.kv_linear", "PixArt or Sana"),
    (r"edm_vpred\.sigma|edm_mean$", "a model with its own scale of noise (EDM)"),
    (r"image_proj_model\.|noise_augmentor\.", "a model that reads pictures (unCLIP)"),
    (r"encoder\.block\.\d+\.layer\.\d+\.SelfAttention", "a text network (T5)"),
    (r"model\.layers\.\d+\.self_attn\.", "a language model"),
    (
        r"lora_controlnet|\.oft_|(^|\.)body\.\d+\.(in_conv|block)",
        "an adapter of a kind that is not read here",
    ),
)
"""Patterns of names, the most telling first, and what such a file is."""

PIPELINES: tuple[tuple[str, str], ...] = (
    (r"Flux", "Flux"),
    (r"StableDiffusion3", "Stable Diffusion 3"),
    (r"Video|Animate|Wan|LTX|Hunyuan|Mochi|CogView|Latte|Motion", "a video model"),
    (r"Refiner", "the SDXL refiner"),
    (r"Upscale", "an upscaler"),
    (r"Depth2Img", "Stable Diffusion 2 with depth; use a depth ControlNet instead"),
    (r"Pix2Pix", "a network that edits pictures (InstructPix2Pix)"),
    (r"UnCLIP|ImageVariation", "a model that reads pictures (unCLIP)"),
)
"""The same of the pipelines that diffusers' folders name."""


def foreign_network(names: Iterable[str]) -> str:
    """Return what a file is by the names of its tensors, where it is one of `NETWORKS`; else ""."""
    listed = "\n".join(names)
    for pattern, what in NETWORKS:
        if re.search(pattern, listed, re.MULTILINE):
            return what
    return ""


def foreign_pipeline(name: str) -> str:
    """Return what a folder is by the pipeline that it names, where that is one of `PIPELINES`; else ""."""
    return next((what for pattern, what in PIPELINES if re.search(pattern, name)), "")
