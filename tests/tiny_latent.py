"""Tiny random latent pipelines of every kind, made from configs and saved as folders of diffusers."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path

import open_clip
import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    DDIMScheduler,
    LCMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from safetensors.torch import save_file
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

KINDS = ("sd1", "sd2", "sdxl", "inpaint", "lcm", "turbo")
WIDTH = 32
TRAINED = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}


@cache
def vocabulary(folder: Path) -> tuple[str, str]:
    """Write CLIP's vocabulary, as open_clip carries it, in the files that transformers reads."""
    packed = Path(open_clip.__file__).parent / "bpe_simple_vocab_16e6.txt.gz"
    lines = gzip.decompress(packed.read_bytes()).decode().split("\n")[1 : 49152 - 256 - 2 + 1]
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = [*map(chr, printable), *(chr(256 + n) for n in range(len(others)))]
    tokens = [*letters, *(f"{letter}</w>" for letter in letters), *("".join(line.split()) for line in lines)]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({token: n for n, token in enumerate(tokens)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *lines]))
    return str(folder / "vocab.json"), str(folder / "merges.txt")


def tokenizer(folder: Path, pad: str = "<|endoftext|>") -> CLIPTokenizer:
    vocabulary(folder)
    return CLIPTokenizer.from_pretrained(folder, pad_token=pad, model_max_length=77)


def text_config(width: int, **more: object) -> CLIPTextConfig:
    return CLIPTextConfig(
        hidden_size=width,
        intermediate_size=37,
        num_hidden_layers=3,
        num_attention_heads=4,
        vocab_size=49408,
        projection_dim=WIDTH,
        bos_token_id=49406,
        eos_token_id=49407,
        **more,
    )


def unet(kind: str) -> UNet2DConditionModel:
    more: dict[str, object] = {}
    if kind in ("sdxl", "turbo xl"):
        more = {
            "addition_embed_type": "text_time",
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": WIDTH + 6 * 8,
            "transformer_layers_per_block": (1, 2),
            "use_linear_projection": True,
        }
    if kind == "lcm":
        more = {"time_cond_proj_dim": 16}
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=9 if kind == "inpaint" else 4,
        out_channels=4,
        block_out_channels=(16, 32),
        layers_per_block=1,
        norm_num_groups=8,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=2 * WIDTH if kind == "sdxl" else WIDTH,
        attention_head_dim=(2, 4),
        **more,
    )


def vae(width: int = 8) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(width, width, 2 * width, 2 * width),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        layers_per_block=1,
        norm_num_groups=4,
        sample_size=64,
    )


def scheduler(kind: str) -> DDIMScheduler | LCMScheduler:
    if kind == "lcm":
        return LCMScheduler(**{**TRAINED, "set_alpha_to_one": True})
    more: dict[str, object] = {"prediction_type": "v_prediction"} if kind == "sd2" else {}
    if kind == "turbo":
        more = {"timestep_spacing": "trailing", "set_alpha_to_one": True}
    return DDIMScheduler(**{**TRAINED, **more})


def pipeline(kind: str, folder: Path) -> StableDiffusionPipeline | StableDiffusionXLPipeline:
    """Return a pipeline of a kind of `KINDS`; always the same numbers."""
    torch.manual_seed(7)
    words = folder / "words"
    parts = {
        "unet": unet(kind),
        "vae": vae(),
        "scheduler": scheduler(kind),
        "tokenizer": tokenizer(words),
        "text_encoder": CLIPTextModel(text_config(WIDTH)),
    }
    if kind == "sdxl":
        second = CLIPTextModelWithProjection(text_config(WIDTH, hidden_act="gelu"))
        pipe = StableDiffusionXLPipeline(
            **parts, text_encoder_2=second, tokenizer_2=tokenizer(words, "!"), add_watermarker=False
        )
    else:
        pipe = StableDiffusionPipeline(
            **parts, safety_checker=None, feature_extractor=None, requires_safety_checker=False
        )
    pipe.set_progress_bar_config(disable=True)
    for part in (pipe.unet, pipe.vae, pipe.text_encoder):
        part.eval()
    return pipe


def control(folder: Path, kind: str = "sd1") -> ControlNetModel:
    torch.manual_seed(9)
    network = ControlNetModel.from_unet(unet(kind), conditioning_embedding_out_channels=(8, 8, 16, 16))
    with torch.no_grad():
        for block in (*network.controlnet_down_blocks, network.controlnet_mid_block):
            torch.nn.init.normal_(block.weight, std=0.3)
        torch.nn.init.normal_(network.controlnet_cond_embedding.conv_out.weight, std=0.3)
    return network.eval()


def saved(kind: str, folder: Path) -> Path:
    """Return the folder of a pipeline or, of ``control``, of a ControlNet, made if it is not there."""
    path = folder / kind
    if not path.is_dir():
        (control(folder) if kind == "control" else pipeline(kind, folder)).save_pretrained(path)
    return path


def lora(folder: Path, seed: int = 3) -> Path:
    """Return a file of LoRA weights for ``sd1``, in the names of kohya's trainer."""
    path = folder / f"lora{seed}.safetensors"
    if not path.is_file():
        chance = torch.Generator().manual_seed(seed)
        state: dict[str, torch.Tensor] = {}
        towers = ((unet("sd1"), "unet_"), (CLIPTextModel(text_config(WIDTH)), "te_text_model_"))
        for network, kind in towers:
            for name, layer in network.named_modules():
                changed = name.endswith(("to_q", "to_k", "to_v", "to_out.0", "_proj"))
                if changed and isinstance(layer, torch.nn.Linear):
                    key = f"lora_{kind}{name.replace('.', '_')}"
                    down = torch.randn(2, layer.in_features, generator=chance)
                    up = torch.randn(layer.out_features, 2, generator=chance) * 0.1
                    state |= {f"{key}.lora_down.weight": down, f"{key}.lora_up.weight": up}
                    state[f"{key}.alpha"] = torch.tensor(1.0)
        save_file(state, path)
    return path


def adapter(folder: Path) -> tuple[Path, Path]:
    """Return the file of an IP-Adapter for ``sd1``, and the folder of the network that it looks with."""
    path, seeing = folder / "adapter.safetensors", folder / "image_encoder"
    if not path.is_file():
        chance = torch.Generator().manual_seed(4)
        names = [name for name, _ in unet("sd1").named_modules() if name.endswith("attn2")]
        widths = [unet("sd1").get_submodule(name).to_k.out_features for name in names]
        state = {
            "image_proj.proj.weight": torch.randn(4 * WIDTH, WIDTH, generator=chance),
            "image_proj.proj.bias": torch.zeros(4 * WIDTH),
            "image_proj.norm.weight": torch.ones(WIDTH),
            "image_proj.norm.bias": torch.zeros(WIDTH),
        }
        for number, width in enumerate(widths):
            for part in ("to_k_ip", "to_v_ip"):
                key = f"ip_adapter.{2 * number + 1}.{part}.weight"
                state[key] = torch.randn(width, WIDTH, generator=chance)
        save_file(state, path)
        config = CLIPVisionConfig(
            hidden_size=WIDTH,
            intermediate_size=37,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=32,
            patch_size=8,
            projection_dim=WIDTH,
        )
        torch.manual_seed(4)
        CLIPVisionModelWithProjection(config).save_pretrained(seeing)
    return path, seeing
