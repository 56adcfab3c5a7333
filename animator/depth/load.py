"""From the name of a depth network to an estimator.

A new network is one file beside this one, an entry in ``weights/networks.json``, and a line in `NETWORKS`,
from which loading and the estimate of memory follow; a new checkpoint of a known family is a description in
``configs`` instead of the file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from animator.depth.blend import blend
from animator.depth.lean import lean
from animator.depth.plane import PlaneDepth
from animator.depth.pocket import PocketDepth, PocketDepthNetwork
from animator.depth.transformers_depth import DepthAnything, MidasDepth, ZoeDepth, build, load_network
from animator.errors import UsageError
from animator.settings.depth import DepthOptions
from animator.types import DepthEstimator, DepthMap, Frame
from animator.weights.files import fit, read_config, read_state
from animator.weights.registry import config_file, find, locate

BLENDED = "midas"
"""The network that is blended with AdaBins by ``midas_weight``."""


@dataclass(frozen=True)
class DepthNetwork:
    """How a network of the registry is built, loaded and asked.

    Attributes:
        build: returns the network of a name in its shapes, without weights and as far as it can be without
            memory; None where there is none to build.
        load: returns it with its weights, where it is to compute; None likewise.
        see: returns the estimator that looks at frames with a network.
        lean: makes it compute faster on a CPU, in a number format; see `animator.depth.lean.lean`.
    """

    build: Callable[[str], nn.Module] | None
    load: Callable[[str, torch.device], nn.Module] | None
    see: Callable[[Any], DepthEstimator]
    lean: Callable[..., nn.Module] | None = None


def depth_names(options: DepthOptions) -> list[str]:
    """Return the registry's names of the networks that a scene's depth is made of.

    Raises:
        UsageError: there is no such network.
    """
    name = find("depth", options.model).name
    if name != BLENDED:
        return [name]
    shares = {name: options.midas_weight, "adabins": 1 - options.midas_weight}
    return [network for network, share in shares.items() if share > 0]


def load_depth(
    options: DepthOptions, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> DepthEstimator:
    """Return the estimator that a scene names.

    Args:
        options: the scene's.
        device: where it computes.
        dtype: number format in which large networks compute on a CPU, float32 or bfloat16; the bundled one
            and AdaBins are always float32 there.

    Raises:
        UsageError: there is no such network.
        WeightsError: its weights are not there or damaged; absent ones are reported before anything is read.
    """
    names, device = depth_names(options), torch.device(device)
    for name in names:
        if network_of(name).load:
            locate(find("depth", name))
    loaded = {name: _loaded(name, device, dtype) for name in names}
    if len(loaded) == 1:
        return loaded[names[0]]
    midas, adabins = loaded.values()
    assert isinstance(midas, MidasDepth)
    return BlendedDepth(midas, adabins, options.midas_weight)


def network_of(name: str) -> DepthNetwork:
    """Return how the network of a name of the registry is made.

    Raises:
        UsageError: there is no such network.
    """
    if name not in NETWORKS:
        known = ", ".join(NETWORKS)
        raise UsageError(f"the depth network {name} has no loader; there are {known}")
    return NETWORKS[name]


def _loaded(name: str, device: torch.device, dtype: torch.dtype) -> DepthEstimator:
    kind = network_of(name)
    network = kind.load(name, device) if kind.load else None
    if network is not None and kind.lean and device.type == "cpu":
        network = kind.lean(network, dtype)
    return kind.see(network)


class BlendedDepth:
    """MiDaS and AdaBins, mixed as Disco Diffusion does (see `animator.depth.blend.blend`).

    Args:
        midas: estimates relative inverse depth.
        adabins: estimates metres.
        midas_weight: share of MiDaS, 0 to 1.
    """

    def __init__(self, midas: MidasDepth, adabins: DepthEstimator, midas_weight: float) -> None:
        self.midas = midas
        self.adabins = adabins
        self.midas_weight = midas_weight

    def __call__(self, frame: Frame) -> DepthMap:
        """Return the mixed depth of a frame."""
        return blend(self.midas.inverse(frame), self.adabins(frame), self.midas_weight)


def _pocket_network(name: str) -> nn.Module:
    with torch.device("meta"):
        return PocketDepthNetwork(**read_config(_config(name)))


def _load_pocket(name: str, device: torch.device) -> nn.Module:
    network = PocketDepthNetwork(**read_config(_config(name)))
    fit(network, read_state(locate(find("depth", name))), name)
    return network.to(device)


def _adabins_network(_name: str) -> nn.Module:
    from animator.depth.adabins_network import AdaBinsNetwork  # timm takes a second to import

    with torch.device("meta"):
        return AdaBinsNetwork()


def _load_adabins(name: str, device: torch.device) -> nn.Module:
    from animator.depth.adabins import load_adabins

    return load_adabins(locate(find("depth", name)), device).network


def _see_adabins(network: Any) -> DepthEstimator:
    from animator.depth.adabins import AdaBinsDepth

    return AdaBinsDepth(network)


def _published_network(name: str) -> nn.Module:
    network: nn.Module = build(_config(name))
    return network


def _load_published(name: str, device: torch.device) -> nn.Module:
    return load_network(_config(name), locate(find("depth", name)), name, device)


_PLANE = DepthNetwork(None, None, lambda _: PlaneDepth())
_POCKET = DepthNetwork(_pocket_network, _load_pocket, PocketDepth)
_ADABINS = DepthNetwork(_adabins_network, _load_adabins, _see_adabins)
_MIDAS = DepthNetwork(_published_network, _load_published, MidasDepth, lean)
_DEPTH_ANYTHING = DepthNetwork(_published_network, _load_published, DepthAnything, lean)
_ZOEDEPTH = DepthNetwork(_published_network, _load_published, ZoeDepth, lean)

NETWORKS: dict[str, DepthNetwork] = {
    "pocket": _POCKET,
    "plane": _PLANE,
    "midas": _MIDAS,
    "midas-hybrid": _MIDAS,
    "adabins": _ADABINS,
    "depth-anything-small": _DEPTH_ANYTHING,
    "depth-anything-base": _DEPTH_ANYTHING,
    "depth-anything-large": _DEPTH_ANYTHING,
    "zoedepth": _ZOEDEPTH,
}
"""Every network of the registry; loading and the estimate of memory follow from here."""


def _config(name: str) -> Path:
    path = config_file(find("depth", name))
    if path is None:
        raise UsageError(f"the depth network {name} has no description; name one in the registry's entry")
    return path
