"""The files of weights that a scene of a latent diffusion names, without reading them. No torch."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from animator.errors import WeightsError
from animator.latent.recognise import is_latent_path, recognise, refusal
from animator.settings.scene import Scene
from animator.weights.checkpoint_names import is_checkpoint

WEIGHTS = (".safetensors", ".bin", ".json", ".txt")
"""What in a folder of diffusers decides a picture."""

MISSING = "is a latent network, which needs diffusers: pip install 'animator[latent]'"


def is_latent(model: str) -> bool:
    """Return whether a model is the path of a latent diffusion, or of a folder that is not there."""
    path = Path(model).expanduser()
    if not path.exists():
        return "/" in model and not is_checkpoint(model)
    if not is_latent_path(path):
        return False
    try:
        return recognise(path).what == "model"
    except WeightsError:
        return False


def model_fault(model: str) -> str:
    """Return why a model cannot be loaded, as far as is seen without loading it, or an empty text."""
    if importlib.util.find_spec("diffusers") is None:
        return MISSING
    try:
        return refusal(recognise(model))
    except WeightsError as error:
        return str(error)


def few_steps_of(scene: Scene) -> str:
    """Return whether a scene's network is asked as one of a few steps, ``lcm`` or ``turbo``; else ""."""
    wanted = scene.latent.few_steps
    if wanted != "auto":
        return "" if wanted == "none" else wanted
    try:
        return recognise(scene.diffusion.model).few_steps
    except WeightsError:
        return ""


def file_faults(scene: Scene) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the files that the section `latent` names: dotted name and message."""
    latent = scene.latent
    for path in latent.loras:
        yield f"latent.loras.{path}", _misfit(path, "lora", scene.diffusion.model)
    if latent.control.model is not None:
        yield "latent.control.model", _misfit(latent.control.model, "controlnet", scene.diffusion.model)


def _misfit(path: str, what: str, model: str) -> str:
    """Return why a file is not what is wanted, or is for another network, or an empty text."""
    try:
        found, led = recognise(path), recognise(model)
    except WeightsError as error:
        return str(error)
    wanted = {"lora": "a LoRA", "controlnet": "a ControlNet"}[what]
    if found.what != what:
        return f"{path} is {found}, not {wanted}"
    return f"{path} is {found}, but {model} is {led}" if found.kind not in ("", led.kind) else ""


def files_of(scene: Scene) -> dict[str, Path]:
    """Return every file of weights that a scene names, by kind and name."""
    named = [("diffusion", scene.diffusion.model), *(("lora", path) for path in scene.latent.loras)]
    if scene.latent.control.model is not None:
        named.append(("controlnet", scene.latent.control.model))
    found = {}
    for kind, text in named:
        path = Path(text)
        for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if one == path or (one.is_file() and one.suffix in WEIGHTS):
                found[f"{kind} {one.relative_to(path.parent).as_posix()}"] = one
    return found
