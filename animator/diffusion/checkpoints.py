"""Diffusion networks from their weights: by name, by path, or recognised by what a file holds."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor

from animator.diffusion.denoisers import denoiser_of
from animator.diffusion.prediction import Estimate
from animator.diffusion.secondary import PUBLISHED_WIDTH, SecondaryModel
from animator.diffusion.unet import UNet
from animator.diffusion.vdiffusion import VDiffusion
from animator.errors import UsageError, WeightsError
from animator.weights.checkpoint_names import is_checkpoint
from animator.weights.files import differences, fit, read_config, read_state
from animator.weights.registry import Entry, config_file, families, find, locate

ALIKE = 0.1
"""Share of names and shapes above which weights look like those of a family."""


@dataclass(frozen=True)
class Expert:
    """A secondary model that stands in for a large network.

    Attributes:
        secondary: its name in the registry.
        above: the timestep, 0 to 1000, above which it answers.
    """

    secondary: str
    above: float


@dataclass(frozen=True)
class Description:
    """What a caller must know of a diffusion network beside its weights.

    Attributes:
        name: as it was asked for.
        file: the weights.
        estimate: how its clean estimates are held, see ``prediction.hold_for``.
        native_size: width and height in pixels of the pictures it was trained on.
        noisy: the secondary model that answers in its place where there is most noise, or None.
    """

    name: str
    file: Path
    estimate: Estimate
    native_size: tuple[int, int]
    noisy: Expert | None = None


def family_of(state: Mapping[str, Tensor]) -> str | None:
    """Return the family whose every name and shape a state dict has, or None."""
    name, share = _nearest_family(state)
    return name if share == 1 else None


def load_diffusion(
    name_or_path: str | Path, device: torch.device | str = "cpu", *, family: str | None = None
) -> tuple[UNet | VDiffusion, Description]:
    """Load a diffusion network, frozen and float32.

    Args:
        name_or_path: a name of the registry, or a file of weights. What a file holds is said by a JSON beside
            it of the same name (``{"switches": {...}, "estimate": ..., "native_size": [width, height],
            "noisy": {"secondary": name, "above": timestep}}``), or else recognised among the published
            families.
        device: where to put it.
        family: the family of a file that has no JSON beside it; None recognises it.

    Raises:
        UsageError: the registry has no such name, or there is no such family.
        WeightsError: the file is absent, damaged or of another network.
    """
    path = Path(name_or_path).expanduser()
    if is_checkpoint(path.name):
        state = read_state(path)
        beside = path.with_suffix(".json")
        config = read_config(beside) if beside.is_file() else _config_of_file(state, path, family)
        label = str(path)
    else:
        entry = find("diffusion", str(name_or_path))
        path = locate(entry)
        state = read_state(path)
        config = {"estimate": entry.estimate, **_config_of(entry)}
        label = entry.name
    network = _on_meta(denoiser_of, _setting(config, "switches", label))
    fit(network, state, label, resemblance=resemblance)
    side = network.config.image_size
    width, height = config.get("native_size", (side, side))
    size = int(width), int(height)
    described = Description(label, path, _estimate(config, label), size, _expert(config, label))
    return network.to(device), described


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
    fit(network, state, entry.name, resemblance=resemblance)
    result: SecondaryModel = network.to(device)
    return result


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
    if found not in get_args(Estimate):
        allowed = ", ".join(get_args(Estimate))
        raise WeightsError(f"the description of {label} has the estimate {found!r}; it is one of {allowed}")
    result: Estimate = found
    return result


def expert_of(name_or_path: str | Path) -> Expert | None:
    """Return the secondary model that stands in for a network where there is most noise; loads nothing."""
    path = Path(name_or_path).expanduser()
    if is_checkpoint(path.name):
        beside = path.with_suffix(".json")
        return _expert(read_config(beside), str(path)) if beside.is_file() else None
    return _expert(_config_of(find("diffusion", str(name_or_path))), str(name_or_path))


def _expert(config: Mapping[str, Any], label: str) -> Expert | None:
    noisy = config.get("noisy")
    if noisy is None:
        return None
    try:
        return Expert(str(noisy["secondary"]), float(noisy["above"]))
    except (TypeError, KeyError, ValueError) as fault:
        form = '{"secondary": name, "above": timestep}'
        raise WeightsError(f"the description of {label} has 'noisy': {noisy!r}; it is {form}") from fault


def _config_of_file(state: Mapping[str, Tensor], path: Path, family: str | None) -> dict[str, Any]:
    """Return what the network of a file is built from: its family, named or recognised."""
    known = [name for name, one in families().items() if one.kind == "diffusion"]
    if family is not None and family not in known:
        raise UsageError(f"there is no family {family!r} of diffusion networks; there are {', '.join(known)}")
    family = family or family_of(state)
    if family not in known:
        raise WeightsError(
            f"{path} is not of a known diffusion family ({resemblance(state)}{_apart(state)}); name its "
            f"family, or describe it in {path.with_suffix('.json')} with its switches"
        )
    return {"switches": families()[family].switches}


def _on_meta(build: Any, *arguments: Any) -> Any:
    """Build a network without memory or initial values, which would be thrown away."""
    with torch.device("meta"):
        return build(*arguments)


def _family_network(family: str) -> UNet | VDiffusion | SecondaryModel:
    """Return a network of a family, without memory."""
    switches = families()[family].switches
    if families()[family].kind == "diffusion":
        result: UNet | VDiffusion | SecondaryModel = _on_meta(denoiser_of, switches)
        return result
    result = _on_meta(SecondaryModel, int(switches["width"]))
    return result


@functools.cache
def _family_entries(family: str) -> frozenset[tuple[str, torch.Size]]:
    """Return every name and shape in the state dict of a family's network."""
    state = _family_network(family).state_dict()
    return frozenset((name, entry.shape) for name, entry in state.items())


def _apart(state: Mapping[str, Tensor]) -> str:
    """Return what keeps a state dict from being of the family that it is most like; "" if it is like none."""
    name, share = _nearest_family(state)
    return f": {differences(_family_network(name), state)}" if ALIKE < share < 1 else ""


def _nearest_family(state: Mapping[str, Tensor]) -> tuple[str, float]:
    """Return the family that shares most names and shapes with a state dict, and the share, 0 to 1."""
    given = {(name, entry.shape) for name, entry in state.items()}
    shares = {}
    for family in families():
        known = _family_entries(family)
        shares[family] = len(given & known) / len(given | known)
    best = max(shares, key=lambda name: shares[name])
    return best, shares[best]


def resemblance(state: Mapping[str, Tensor]) -> str:
    """Say which family a state dict looks like."""
    name, share = _nearest_family(state)
    if share == 1:
        return f"these are weights of the family {name}"
    return (
        f"the nearest family is {name} ({share:.0%} alike)" if share > ALIKE else "it is like no known family"
    )
