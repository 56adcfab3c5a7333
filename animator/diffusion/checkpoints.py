"""Weights from files into networks: strictly, or not at all."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from animator.diffusion.prediction import Estimate
from animator.diffusion.secondary import PUBLISHED_WIDTH, SecondaryModel
from animator.diffusion.unet import UNet, unet_config
from animator.errors import WeightsError
from animator.weights.registry import Entry, config_file, families, find, locate

SUFFIXES = (".safetensors", ".pt", ".pth", ".ckpt")
"""Files that are taken for weights where a name is asked for."""

WRAPPERS = ("state_dict", "model")
"""Entries under which training programs keep the state dict beside other things."""

SHOWN = 3
"""How many names of each fault a message spells out."""


@dataclass(frozen=True)
class Description:
    """What a caller must know of a diffusion network beside its weights.

    Attributes:
        name: as it was asked for.
        file: the weights.
        estimate: ``"free"`` or ``"clamped"``, for `network_denoiser`.
        native_size: width and height in pixels of the pictures it was trained on.
    """

    name: str
    file: Path
    estimate: Estimate
    native_size: tuple[int, int]


def read_state(path: Path) -> dict[str, Tensor]:
    """Read a state dict, on the CPU and as it is stored, without running any code from the file.

    A wrapping ``state_dict`` or ``model`` entry is opened, and a ``module.`` before every name taken away.

    Raises:
        WeightsError: the file is absent, damaged or holds no state dict.
    """
    try:
        if path.suffix == ".safetensors":
            stored: Any = load_file(path)
        else:
            stored = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as fault:
        raise WeightsError(f"there are no weights at {path}") from fault
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, EOFError, OSError) as fault:
        reason = str(fault).partition("\n")[0]
        raise WeightsError(f"the weights at {path} cannot be read ({reason}); fetch them again") from fault
    for wrapper in WRAPPERS:
        if isinstance(stored, Mapping) and isinstance(stored.get(wrapper), Mapping):
            stored = stored[wrapper]
    if not isinstance(stored, Mapping) or not all(isinstance(entry, Tensor) for entry in stored.values()):
        raise WeightsError(f"{path} holds no state dict; only the weights of a network can be loaded")
    prefix = "module." if stored and all(name.startswith("module.") for name in stored) else ""
    return {name.removeprefix(prefix): entry for name, entry in stored.items()}


def fit(network: nn.Module, state: Mapping[str, Tensor], label: str) -> None:
    """Put a state dict into a network, in evaluation mode and frozen; floats become float32.

    The network may be built on the meta device; its parameters become those of the state dict.

    Args:
        network: every name and shape of it must be there, and no other.
        state: from `read_state`.
        label: what the weights are called in a message.

    Raises:
        WeightsError: names are missing or too many, or shapes differ; the message shows the first few of each
            and says which known family the weights look like.
    """
    wanted = {name: entry.shape for name, entry in network.state_dict().items()}
    missing = sorted(wanted.keys() - state.keys())
    unexpected = sorted(state.keys() - wanted.keys())
    misshapen = [
        f"{name}: {_shape(state[name])} instead of {_shape_of(shape)}"
        for name, shape in wanted.items()
        if name in state and state[name].shape != shape
    ]
    if missing or unexpected or misshapen:
        faults = [
            f"{len(found)} {what} ({_first(found)})"
            for what, found in (
                ("missing", missing),
                ("unexpected", unexpected),
                ("of another shape", misshapen),
            )
            if found
        ]
        raise WeightsError(f"{label} does not fit its network: {', '.join(faults)}; {_resemblance(state)}")
    floats = {name: entry.float() if entry.is_floating_point() else entry for name, entry in state.items()}
    network.load_state_dict(floats, strict=True, assign=True)
    network.eval().requires_grad_(False)


def family_of(state: Mapping[str, Tensor]) -> str | None:
    """Return the family whose every name and shape a state dict has, or None."""
    name, share = _nearest_family(state)
    return name if share == 1 else None


def load_diffusion(name_or_path: str | Path, device: torch.device | str = "cpu") -> tuple[UNet, Description]:
    """Load a diffusion network, frozen and float32.

    Args:
        name_or_path: a name of the registry, or a file of weights. What a file holds is told by a JSON beside
            it of the same name (``{"switches": {...}, "estimate": ..., "native_size": [width, height]}``), or
            else recognised among the published families.
        device: where to put it.

    Raises:
        UsageError: the registry has no such name.
        WeightsError: the file is absent, damaged or of another network.
    """
    path = Path(name_or_path).expanduser()
    if path.suffix in SUFFIXES:
        state = read_state(path)
        beside = path.with_suffix(".json")
        config = read_config(beside) if beside.is_file() else {"switches": _recognised(state, path)}
        label = str(path)
    else:
        entry = find("diffusion", str(name_or_path))
        path = locate(entry)
        state = read_state(path)
        config = {"estimate": entry.estimate, **_config_of(entry)}
        label = entry.name
    network = _on_meta(UNet, unet_config(_setting(config, "switches", label)))
    fit(network, state, label)
    side = network.config.image_size
    width, height = config.get("native_size", (side, side))
    return network.to(device), Description(label, path, _estimate(config, label), (int(width), int(height)))


def load_secondary(name: str, device: torch.device | str = "cpu") -> SecondaryModel:
    """Load a secondary model of the registry, frozen and float32.

    Raises:
        UsageError: the registry has no such name.
        WeightsError: its file is absent, damaged or of another network.
    """
    entry = find("secondary", name)
    state = read_state(locate(entry))
    config = _config_of(entry)
    network = _on_meta(SecondaryModel, int(config.get("switches", config).get("width", PUBLISHED_WIDTH)))
    fit(network, state, entry.name)
    return network.to(device)


def read_config(path: Path) -> dict[str, Any]:
    """Read the description that lies beside bundled weights.

    Raises:
        WeightsError: it is absent or not a JSON object.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise WeightsError(f"the description {path} of a network cannot be read ({fault})") from fault
    if not isinstance(config, dict):
        raise WeightsError(f"the description {path} of a network is not a JSON object")
    return config


def _config_of(entry: Entry) -> dict[str, Any]:
    """Return what the network of an entry is built from: its own description, or its family's switches."""
    if described := config_file(entry):
        return read_config(described)
    return {"switches": families()[entry.family].switches} if entry.family else {}


def _setting(config: Mapping[str, Any], key: str, label: str) -> Any:
    if key not in config:
        raise WeightsError(f"the description of {label} lacks {key!r}")
    return config[key]


def _estimate(config: Mapping[str, Any], label: str) -> Estimate:
    found = config.get("estimate", "free")
    if found not in ("free", "clamped"):
        raise WeightsError(
            f"the description of {label} has the estimate {found!r}; it is 'free' or 'clamped'"
        )
    return found


def _recognised(state: Mapping[str, Tensor], path: Path) -> Mapping[str, Any]:
    """Return the switches of the published family that a file's weights belong to."""
    family = family_of(state)
    if family is None or families()[family].kind != "diffusion":
        raise WeightsError(
            f"{path} is not of a known diffusion family ({_resemblance(state)}); "
            f"describe it in {path.with_suffix('.json')} with its switches"
        )
    return families()[family].switches


def _on_meta(build: Any, *arguments: Any) -> Any:
    """Build a network without memory or initial values, which would be thrown away."""
    with torch.device("meta"):
        return build(*arguments)


def _nearest_family(state: Mapping[str, Tensor]) -> tuple[str, float]:
    """Return the family that shares most names and shapes with a state dict, and the share, 0 to 1."""
    shares = {}
    for family in families().values():
        if family.kind == "diffusion":
            network = _on_meta(UNet, unet_config(family.switches))
        else:
            network = _on_meta(SecondaryModel, int(family.switches["width"]))
        wanted = {(name, entry.shape) for name, entry in network.state_dict().items()}
        given = {(name, entry.shape) for name, entry in state.items()}
        shares[family.name] = len(wanted & given) / len(wanted | given)
    best = max(shares, key=lambda name: shares[name])
    return best, shares[best]


def _resemblance(state: Mapping[str, Tensor]) -> str:
    """Say which family a state dict looks like."""
    name, share = _nearest_family(state)
    if share == 1:
        return f"these are weights of the family {name}"
    return (
        f"the nearest family is {name} ({share:.0%} alike)" if share > 0.1 else "it is like no known family"
    )


def _first(found: Iterable[str]) -> str:
    listed = list(found)
    return ", ".join(listed[:SHOWN]) + (", ..." if len(listed) > SHOWN else "")


def _shape(entry: Tensor) -> str:
    return _shape_of(entry.shape)


def _shape_of(shape: Iterable[int]) -> str:
    return "x".join(str(side) for side in shape) or "a single number"
