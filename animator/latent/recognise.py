"""What a file or folder of weights is, from names, shapes and what it says of itself; no weights are read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from animator.errors import WeightsError
from animator.latent.foreign import foreign_network, foreign_pipeline
from animator.latent.headers import ENDINGS, Header, Shape, read_header, read_json

What = Literal["model", "lora", "controlnet", "vae", "unet", "ip-adapter", "embedding", "foreign", "unknown"]
Kind = Literal["sd1", "sd2", "sdxl", ""]

LDM = "model.diffusion_model."
CONTEXTS: Mapping[int, Kind] = {768: "sd1", 1024: "sd2", 2048: "sdxl"}
"""How wide the states of a prompt are that the published networks read."""

FILLS_IN, PLAIN = 9, 4
"""Channels that a U-Net reads: the latent alone, or with the mask and the covered picture."""

LORA = re.compile(
    r"lora_(down|up|mid)\.weight$|lora_[AB](\.\w+)?\.weight$|[._]lora(_linear_layer)?\.(down|up)\.weight$"
    r"|\.(hada_w[12]_[ab]|lokr_w[12](_[ab])?|dora_scale|lora_magnitude_vector)|\.(diff|diff_b)$"
)
CONTROL = (
    "control_model.input_hint_block.0.weight",
    "input_hint_block.0.weight",
    "controlnet_cond_embedding.conv_in.weight",
)
UNETS = ("input_blocks.0.0.weight", "time_embedding.linear_1.weight")
VAE = re.compile(r"(first_stage_model\.|vae\.)?decoder\.(up\.\d+\.block|up_blocks\.\d+\.resnets)\.")
ATTENTION = re.compile(
    r"attn2[._]to_k(\.lora)?[._](weight|lora_down\.weight|lora_A(\.\w+)?\.weight|down\.weight)$"
)
READER = re.compile(r"(to_k_ip|to_k_adapter)\.weight$")

FEW_STEPS: tuple[tuple[Literal["lcm", "turbo"], str], ...] = (
    ("lcm", r"(?<![a-z])lcm|latent[-_ ]?consistency"),
    ("turbo", r"turbo|lightning|hyper[-_]?sd|(?<![a-z])(dmd|sdxs)"),
)


@dataclass(frozen=True)
class Recognised:
    """What a file or folder is.

    Attributes:
        path: the file or folder.
        what: ``model`` is a whole latent diffusion; ``unet`` and ``vae`` are these alone; ``foreign`` is
            something known that is not used here, ``unknown`` nothing that is known.
        kind: the latent diffusions that it belongs to; empty where that cannot be known.
        prediction: ``epsilon`` or ``v_prediction`` of a model; empty where only the weights tell.
        zero_snr: whether a model was trained to noise without any picture.
        fills: whether a model reads a mask and fills in.
        few_steps: ``lcm`` or ``turbo`` where it was made for one to eight steps.
        said: what it is in words, for ``foreign``.
    """

    path: Path
    what: What
    kind: Kind = ""
    prediction: Literal["epsilon", "v_prediction", ""] = ""
    zero_snr: bool = False
    fills: bool = False
    few_steps: Literal["lcm", "turbo", ""] = ""
    said: str = ""

    def __str__(self) -> str:
        """Return it in a few words, such as ``a LoRA for SDXL``."""
        names = {"sd1": "Stable Diffusion 1", "sd2": "Stable Diffusion 2", "sdxl": "SDXL", "": ""}
        if self.what == "model":
            fills, fast = (
                " that fills in" if self.fills else "",
                f" ({self.few_steps})" if self.few_steps else "",
            )
            return f"{names[self.kind]}{fills}{fast}"
        words = {
            "lora": "a LoRA",
            "controlnet": "a ControlNet",
            "vae": "an autoencoder (VAE) alone",
            "unet": "a U-Net alone, without text network and VAE",
            "ip-adapter": "an IP-Adapter",
            "embedding": "a textual inversion",
            "foreign": self.said,
            "unknown": "nothing that is known",
        }
        return words[self.what] + (f" for {names[self.kind]}" if self.kind else "")


def is_latent_path(path: Path) -> bool:
    """Return whether a path may be a file or folder of a latent diffusion; it looks at names alone."""
    return path.suffix.lower() in ENDINGS or (path / "model_index.json").is_file()


def recognise(path: str | Path) -> Recognised:
    """Return what a file of weights or a diffusers folder is.

    Args:
        path: ``.safetensors``, ``.ckpt`` and the other endings of `torch.save`, or a folder.

    Raises:
        WeightsError: it is absent, damaged, a GGUF, or a pickle that might run code.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        return _folder(path)
    if not path.exists():
        raise WeightsError(f"there are no weights at {path}")
    return recognise_header(read_header(path))


def recognise_header(header: Header) -> Recognised:
    """Return what a file is by the names and shapes that it holds."""
    shapes, found = header.shapes, partial(Recognised, header.path)
    if any(LORA.search(name) for name in shapes):
        foreign = foreign_network(shapes)
        return found("foreign", said=f"a LoRA for {foreign}") if foreign else found("lora", lora_kind(shapes))
    if any(READER.search(name) for name in shapes):
        return found("ip-adapter", _by_width(shapes, READER))
    if any(name in shapes for name in CONTROL):
        return found("controlnet", _by_width(shapes, ATTENTION))
    if what := foreign_network(shapes):
        return found("foreign", said=what)
    if f"{LDM}input_blocks.0.0.weight" in shapes:
        return _single_file(header)
    # OpenAI's U-Nets have the same names, but nothing that looks at prompts.
    if any(name in shapes for name in UNETS) and any(ATTENTION.search(name) for name in shapes):
        return found("unet", _by_width(shapes, ATTENTION))
    if any(VAE.match(name) for name in shapes):
        return found("vae")
    if kind := _embedding(shapes):
        return found("embedding", kind if kind != "any" else "")
    return found("unknown")


def refusal(found: Recognised) -> str:
    """Return why a file or folder is not painted with as a model, in a sentence; "" if it is."""
    if found.what == "model":
        return ""
    if found.what == "unknown":
        return f"{found.path} holds no latent diffusion: its names are those of no known network"
    where = {
        "lora": "; it changes a model: name the model in diffusion.model, and the LoRA beside it",
        "controlnet": "; it leads a model: name the model in diffusion.model",
        "vae": "; it is a part of a model: name the whole model in diffusion.model",
        "unet": "; name a file or folder that holds all three",
        "ip-adapter": "; it adds pictures to prompts: name the model in diffusion.model",
        "embedding": "; it is a word for prompts: name the model in diffusion.model",
        "foreign": "; only Stable Diffusion 1, 2 and SDXL are read",
    }
    return f"{found.path} is {found}{where[found.what]}"


def _single_file(header: Header) -> Recognised:
    shapes, found = header.shapes, partial(Recognised, header.path)
    channels = shapes[f"{LDM}input_blocks.0.0.weight"][1]
    if "conditioner.embedders.0.model.text_projection" in shapes:
        return found("foreign", said="the SDXL refiner, which only finishes pictures of SDXL itself")
    if channels not in (PLAIN, FILLS_IN):
        kinds = {8: "InstructPix2Pix", 7: "an upscaler", 5: "Stable Diffusion 2 with depth"}
        return found("foreign", said=kinds.get(channels, f"a network that reads {channels} channels"))
    kind = _kind_by_towers(shapes)
    if not kind:
        return found("unet", _by_width(shapes, ATTENTION, LDM))
    if not any(VAE.match(name) for name in shapes):
        return found("unet", kind)
    few = few_steps(header.path.stem, header.said)
    if f"{LDM}time_embed.cond_proj.weight" in shapes:
        few = "lcm"
    prediction = _prediction(header, kind, channels, few)
    return found("model", kind, prediction, "ztsnr" in shapes, channels == FILLS_IN, few)


def _kind_by_towers(shapes: Mapping[str, Shape]) -> Kind:
    if any(name.startswith("conditioner.embedders.1.model.") for name in shapes):
        return "sdxl"
    if any(name.startswith("cond_stage_model.model.") for name in shapes):
        return "sd2"
    return "sd1" if any(name.startswith("cond_stage_model.transformer.") for name in shapes) else ""


def _prediction(
    header: Header, kind: Kind, channels: int, few: str
) -> Literal["epsilon", "v_prediction", ""]:
    """Return what a network predicts, as far as it is written anywhere; Stable Diffusion 2 alone has both."""
    said = " ".join(
        header.said.get(key, "") for key in ("modelspec.prediction_type", "modelspec.architecture")
    )
    name = header.path.stem.lower()
    if (
        "v_pred" in header.shapes
        or re.search(r"\bv(_prediction)?$|768-v", said)
        or "vpred" in name.replace("-", "")
    ):
        return "v_prediction"
    if kind != "sd2" or channels == FILLS_IN or few or "epsilon" in said or header.steps == 875_000:
        return "epsilon"
    if re.search(r"768", name):
        return "v_prediction"
    return "epsilon" if re.search(r"512|base", name) else ""


def few_steps(name: str, said: Mapping[str, str]) -> Literal["lcm", "turbo", ""]:
    """Return what a file was made for by its name or what it says: ``lcm``, ``turbo``, or "" for many steps.

    >>> few_steps("sd_xl_turbo_1.0", {}), few_steps("dreamshaper_8LCM", {}), few_steps("album", {})
    ('turbo', 'lcm', '')
    """
    text = " ".join([name, said.get("modelspec.title", ""), said.get("ss_output_name", "")]).lower()
    for few, pattern in FEW_STEPS:
        if re.search(pattern, text):
            return few
    return ""


def lora_kind(shapes: Mapping[str, Shape]) -> Kind:
    """Return the kind that a LoRA changes, by the width of prompts' states in it; "" if unknown."""
    if any(re.match(r"lora_te2_|text_encoder_2\.", name) for name in shapes):
        return "sdxl"
    return _by_width(shapes, ATTENTION)


def _by_width(shapes: Mapping[str, Shape], pattern: re.Pattern[str], before: str = "") -> Kind:
    widths = {
        shape[1]
        for name, shape in shapes.items()
        if name.startswith(before) and pattern.search(name) and len(shape) > 1
    }
    return next((CONTEXTS[width] for width in sorted(widths, reverse=True) if width in CONTEXTS), "")


def _embedding(shapes: Mapping[str, Shape]) -> Kind | Literal["any"]:
    """Return whose words a file of textual inversion adds; "" if it is none."""
    if {"clip_l", "clip_g"} <= shapes.keys():
        return "sdxl"
    named = [shape for name, shape in shapes.items() if re.match(r"string_to_param\.|emb_params$", name)]
    single = list(shapes.values()) if len(shapes) == 1 else []
    for shape in named or single:
        if len(shape) in (1, 2) and shape[-1] in (768, 1024, 1280):
            return CONTEXTS.get(shape[-1], "any")
    return "any" if named else ""


def _folder(path: Path) -> Recognised:
    index, config = path / "model_index.json", path / "config.json"
    found = partial(Recognised, path)
    if index.is_file():
        return _pipeline(path, str(read_json(index).get("_class_name", "")))
    if config.is_file():
        name = str(read_json(config).get("_class_name", ""))
        if "ControlNet" in name:
            return found("controlnet", CONTEXTS.get(_context(read_json(config)), ""))
        if name == "AutoencoderKL":
            return found("vae")
        if name == "UNet2DConditionModel":
            return found("unet", CONTEXTS.get(_context(read_json(config)), ""))
    for lora in ("pytorch_lora_weights.safetensors", "pytorch_lora_weights.bin"):
        if (path / lora).is_file():
            return recognise_header(read_header(path / lora))
    return found("unknown")


def _pipeline(path: Path, name: str) -> Recognised:
    found = partial(Recognised, path)
    if what := foreign_pipeline(name):
        return found("foreign", said=what)
    if not re.search(r"StableDiffusion|LatentConsistency", name):
        return found("foreign", said=f"a folder of {name}" if name else "a folder that names no pipeline")
    unet = read_json(path / "unet" / "config.json") if (path / "unet" / "config.json").is_file() else {}
    kind: Kind = "sdxl" if "XL" in name or unet.get("addition_embed_type") == "text_time" else "sd1"
    if kind == "sd1" and (unet.get("use_linear_projection") or _context(unet) == 1024):
        kind = "sd2"
    channels = int(unet.get("in_channels", PLAIN))
    # One that answers in as many channels as it reads has another autoencoder, which lies beside it.
    if channels not in (PLAIN, FILLS_IN, int(unet.get("out_channels", PLAIN))):
        return found("foreign", said=f"a network that reads {unet['in_channels']} channels")
    schedule = path / "scheduler" / "scheduler_config.json"
    said = read_json(schedule) if schedule.is_file() else {}
    few = few_steps(path.resolve().name, {})
    if unet.get("time_cond_proj_dim") or "LCM" in str(said.get("_class_name")) or "Consistency" in name:
        few = "lcm"
    predicts = said.get("prediction_type", "epsilon")
    return found(
        "model",
        kind,
        predicts if predicts in ("epsilon", "v_prediction") else "",
        bool(said.get("rescale_betas_zero_snr")),
        unet.get("in_channels") == FILLS_IN,
        few,
    )


def _context(config: Mapping[str, object]) -> int:
    width = config.get("cross_attention_dim")
    if isinstance(width, Iterable) and not isinstance(width, str):
        width = next(iter(width), None)
    return width if isinstance(width, int) else 0
