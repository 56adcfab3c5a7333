"""A latent diffusion out of a folder of diffusers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch

from animator.errors import WeightsError
from animator.latent.headers import read_json
from animator.latent.layouts import known
from animator.latent.parts import Parts, TextTower
from animator.latent.recognise import Recognised
from animator.latent.vocabulary import SIZE, clip_tokenizer
from animator.weights.files import DAMAGED

SCHEDULE = (
    *(
        "num_train_timesteps",
        "beta_start",
        "beta_end",
        "beta_schedule",
        "prediction_type",
        "timestep_spacing",
    ),
    *(
        "rescale_betas_zero_snr",
        "steps_offset",
        "set_alpha_to_one",
        "clip_sample",
        "original_inference_steps",
    ),
)
"""What is read of a folder's scheduler."""

WEIGHTS = ("diffusion_pytorch_model", "model", "pytorch_model")


def read_folder(found: Recognised, dtype: torch.dtype) -> Parts:
    """Return the networks in a folder; of several variants of weights the plain ones, else such as ``fp16``.

    Args:
        found: what the folder is, from `animator.latent.recognise.recognise`.
        dtype: of the weights in the networks.

    Raises:
        WeightsError: parts are missing, damaged or do not fit.
    """
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTextModelWithProjection

    path = found.path
    towers = ["text_encoder", *(["text_encoder_2"] if found.kind == "sdxl" else [])]
    if missing := [
        f"{one}/" for one in ("unet", "vae", *towers) if not (path / one / "config.json").is_file()
    ]:
        raise WeightsError(f"the folder {path} is incomplete: it has no {', '.join(missing)}")
    text: list[TextTower] = []
    for one in towers:
        described = known(found.kind)["text"][len(text)]
        build = CLIPTextModelWithProjection if one.endswith("2") else CLIPTextModel
        encoder = load_part(build, path / one, dtype)
        tokenizer = _tokenizer(path / one.replace("text_encoder", "tokenizer"), described, encoder)
        text.append(TextTower(tokenizer, encoder, described["penultimate"]))
    unet = load_part(UNet2DConditionModel, path / "unet", dtype)
    vae = load_part(AutoencoderKL, path / "vae", dtype)
    return Parts(found.kind, unet, vae, tuple(text), _schedule(found), found.few_steps)


def load_part(build: Any, path: Path, dtype: torch.dtype) -> Any:
    """Return one network of a folder, frozen; nothing is fetched.

    Args:
        build: a class of diffusers or transformers.
        path: holds ``config.json`` and weights.
        dtype: of its weights.

    Raises:
        WeightsError: the weights are missing, damaged or do not fit.
    """
    variant = _variant(path)
    noisy = [logging.getLogger(name) for name in ("diffusers", "transformers")]
    levels = [one.level for one in noisy]
    try:
        for one in noisy:
            one.setLevel(logging.ERROR)
        given = {"torch_dtype": dtype} if build.__module__.startswith("diffusers") else {"dtype": dtype}
        network, said = build.from_pretrained(
            path,
            local_files_only=True,
            variant=variant,
            output_loading_info=True,
            low_cpu_mem_usage=True,
            **given,
        )
    except (*DAMAGED, ImportError) as fault:
        raise WeightsError(f"the weights in {path} cannot be read ({_first_line(fault)})") from fault
    finally:
        for one, level in zip(noisy, levels, strict=True):
            one.setLevel(level)
    if lacking := sorted(said["missing_keys"]):
        raise WeightsError(
            f"the weights in {path} are incomplete: {len(lacking)} missing ({', '.join(lacking[:3])})"
        )
    return network.eval().requires_grad_(False)


def _variant(path: Path) -> str | None:
    """Return which weights of a folder are read: None the plain ones, else such as ``fp16``.

    Raises:
        WeightsError: it holds none.
    """
    files = sorted(one.name for one in path.iterdir() if one.name.startswith(WEIGHTS))
    endings = [
        name.split(".")[1:] for name in files if name.endswith((".safetensors", ".bin", ".index.json"))
    ]
    variants = {
        one[0] if len(one) > 1 and one[0] not in ("safetensors", "bin", "index") else "" for one in endings
    }
    variants = {one.split("-")[0] for one in variants}
    if not variants:
        raise WeightsError(f"the folder {path} holds no weights (.safetensors or .bin)")
    return None if "" in variants else min(variants - {"non_ema"} or variants)


def _tokenizer(path: Path, described: dict[str, Any], encoder: Any) -> Any:
    """Return the folder's tokenizer; without one CLIP's own, where the network knows that vocabulary."""
    from transformers import CLIPTokenizer

    if (path / "vocab.json").is_file() or (path / "tokenizer.json").is_file():
        try:
            return CLIPTokenizer.from_pretrained(path, local_files_only=True)
        except (*DAMAGED, ImportError) as fault:
            raise WeightsError(f"the tokenizer in {path} cannot be read ({_first_line(fault)})") from fault
    if encoder.config.vocab_size != SIZE:
        raise WeightsError(f"the folder {path.parent} is incomplete: it has no {path.name}/")
    return clip_tokenizer(described["pad_token"])


def _schedule(found: Recognised) -> dict[str, Any]:
    file = found.path / "scheduler" / "scheduler_config.json"
    if not file.is_file():
        raise WeightsError(f"the folder {found.path} is incomplete: it has no scheduler/")
    said = read_json(file)
    return dict(known(found.kind)["schedule"]) | {
        name: said[name] for name in SCHEDULE if said.get(name) is not None
    }


def _first_line(fault: BaseException) -> str:
    return str(fault).strip().partition("\n")[0][:160] or type(fault).__name__
