"""The files of weights that a scene of a latent diffusion names, without reading them. No torch."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from animator.errors import UsageError, WeightsError
from animator.latent.recognise import Recognised, is_latent_path, recognise, refusal
from animator.settings.scene import Scene
from animator.weights.checkpoint_names import is_checkpoint, is_path
from animator.weights.own import named_path
from animator.weights.registry import Entry, Kind, find

WEIGHTS = (".safetensors", ".bin", ".json", ".txt")
"""What in a folder of diffusers decides a picture."""

MISSING = "is a latent network, which needs diffusers: pip install 'animator[latent]'"


def is_latent(model: str) -> bool:
    """Return whether a model is a latent diffusion, by its name or path, also where that is not there."""
    if not is_path(model):
        return _is_named(model)
    path = Path(model).expanduser()
    if not path.exists():
        return not is_checkpoint(model)
    return is_latent_path(path) and _recognised(path) is not None


def model_fault(model: str) -> str:
    """Return why a model cannot be loaded, as far as is seen without loading it, or an empty text."""
    if importlib.util.find_spec("diffusers") is None:
        return MISSING
    if not is_path(model):
        return ""  # whether its file is there is looked at with those of all other networks
    try:
        return refusal(recognise(model))
    except WeightsError as error:
        return str(error)


def recognised(kind: Kind, text: str) -> Recognised | None:
    """Return what a file or folder is that a scene names, or None where it is not there or nothing known."""
    try:
        return recognise(named_path(kind, text))
    except (UsageError, WeightsError):
        return None


def entries_of(scene: Scene) -> list[Entry]:
    """Return the networks that a scene names by a name of the registry or the cache.

    Raises:
        UsageError: a name is unknown.
    """
    return [find(kind, text) for kind, text in _named(scene) if not is_path(text)]


def _named(scene: Scene) -> list[tuple[Kind, str]]:
    """Return the kind and name or path of every network that a scene names, that of the denoiser first."""
    named: list[tuple[Kind, str]] = [("latent", scene.diffusion.model)]
    named += [("lora", path) for path in scene.latent.loras]
    control = scene.latent.control.model
    return named + ([("controlnet", control)] if control is not None else [])


def _is_named(model: str) -> bool:
    try:
        return find("latent", model).kind == "latent"
    except UsageError:
        return False


def _recognised(path: Path) -> Recognised | None:
    """Return what a model is, read once while it stays as it is; None if it is no latent diffusion."""
    there = path.stat()
    return _known(path, there.st_mtime_ns, there.st_size)


@lru_cache(maxsize=16)
def _known(path: Path, *_: int) -> Recognised | None:
    try:
        found = recognise(path)
    except WeightsError:
        return None
    return found if found.what == "model" else None


def few_steps_of(scene: Scene) -> str:
    """Return whether a scene's network is asked as one of a few steps, ``lcm`` or ``turbo``; else ""."""
    wanted = scene.latent.few_steps
    if wanted != "auto":
        return "" if wanted == "none" else wanted
    found = recognised("latent", scene.diffusion.model)
    return found.few_steps if found else ""


def file_faults(scene: Scene) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with the files that the section `latent` names: dotted name and message."""
    latent = scene.latent
    for text in latent.loras:
        yield f"latent.loras.{text}", _misfit("lora", text, scene.diffusion.model)
    if latent.control.model is not None:
        yield "latent.control.model", _misfit("controlnet", latent.control.model, scene.diffusion.model)
    adapter = latent.ip_adapter
    if adapter.model is not None:
        yield "latent.ip_adapter.model", _misfit("ip-adapter", adapter.model, scene.diffusion.model)
    if adapter.encoder is not None and not (Path(adapter.encoder) / "config.json").is_file():
        yield (
            "latent.ip_adapter.encoder",
            f"there is no network in {adapter.encoder}; name a folder of diffusers",
        )


WANTED = {"lora": "a LoRA", "controlnet": "a ControlNet", "ip-adapter": "an IP-Adapter"}
"""What files beside the model are, by what they are recognised as."""


def _misfit(kind: str, text: str, model: str) -> str:
    """Return why a file is not what is wanted, or is for another network, or an empty text."""
    named: Kind = "controlnet" if kind == "controlnet" else "lora"
    try:
        if not is_path(text):
            find(named, text)
        found = recognise(text) if is_path(text) else recognised(named, text)
    except (UsageError, WeightsError) as error:
        return str(error)
    if found is None:
        return ""  # a network of the registry whose file is not there: that is reported with all others
    if found.what != kind:
        return f"{text} is {found}, not {WANTED[kind]}"
    led = recognised("latent", model)
    fits = led is None or found.kind in ("", led.kind)
    return "" if fits else f"{text} is {found}, but {model} is {led}"


def files_of(scene: Scene) -> dict[str, Path]:
    """Return every file of weights that a scene names by a path or a folder, by kind and name."""
    found = {}
    adapter = scene.latent.ip_adapter
    every = [(str(kind), text, named_path(kind, text)) for kind, text in _named(scene)]
    every += [("ip-adapter", one, Path(one)) for one in (adapter.model, adapter.encoder) if one is not None]
    for kind, text, path in every:
        if not is_path(text) and not path.is_dir():
            continue  # one file of the registry, which is hashed with the others
        for one in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if one == path or (one.is_file() and one.suffix in WEIGHTS):
                found[f"{kind} {one.relative_to(path.parent).as_posix()}"] = one
    return found
