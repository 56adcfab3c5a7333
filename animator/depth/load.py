"""From the name of a depth network to an estimator.

A new network is one file beside this one, an entry in ``weights/networks.json``, and a line in `LOADERS`; a
new checkpoint of a known family is a description in ``configs`` instead of the file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import nn

from animator.depth.blend import blend
from animator.depth.plane import PlaneDepth
from animator.depth.pocket import PocketDepth, PocketDepthNetwork
from animator.depth.transformers_depth import DepthAnything, MidasDepth, ZoeDepth, load_network
from animator.errors import UsageError
from animator.settings.depth import DepthOptions
from animator.types import DepthEstimator, DepthMap, Frame
from animator.weights.files import fit, read_config, read_state
from animator.weights.registry import config_file, find, locate

BLENDED = "midas"
"""The network that is blended with AdaBins by ``midas_weight``."""

Loader = Callable[[str, torch.device], DepthEstimator]
"""Takes the registry's name of a network and where it is to compute."""


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


def load_depth(options: DepthOptions, device: torch.device | str = "cpu") -> DepthEstimator:
    """Return the estimator that a scene names.

    Raises:
        UsageError: there is no such network.
        WeightsError: its weights are not there or damaged; what is absent is told before anything is read.
    """
    names, device = depth_names(options), torch.device(device)
    for name in names:
        if name not in LOADERS:
            known = ", ".join(LOADERS)
            raise UsageError(f"the depth network {name} has no loader; there are {known}")
        if name != "plane":
            locate(find("depth", name))
    loaded = {name: LOADERS[name](name, device) for name in names}
    if len(loaded) == 1:
        return loaded[names[0]]
    midas, adabins = loaded.values()
    assert isinstance(midas, MidasDepth)
    return BlendedDepth(midas, adabins, options.midas_weight)


class BlendedDepth:
    """MiDaS and AdaBins, mixed as Disco Diffusion does (see `animator.depth.blend.blend`).

    Args:
        midas: tells relative inverse depth.
        adabins: tells metres.
        midas_weight: share of MiDaS, 0 to 1.
    """

    def __init__(self, midas: MidasDepth, adabins: DepthEstimator, midas_weight: float) -> None:
        self.midas = midas
        self.adabins = adabins
        self.midas_weight = midas_weight

    def __call__(self, frame: Frame) -> DepthMap:
        """Return the mixed depth of a frame."""
        return blend(self.midas.inverse(frame), self.adabins(frame), self.midas_weight)


def _plane(_name: str, _device: torch.device) -> PlaneDepth:
    return PlaneDepth()


def _pocket(name: str, device: torch.device) -> PocketDepth:
    network = PocketDepthNetwork(**read_config(_config(name)))
    fit(network, read_state(locate(find("depth", name))), name)
    return PocketDepth(network.to(device))


def _midas(name: str, device: torch.device) -> MidasDepth:
    return MidasDepth(_published(name, device))


def _adabins(name: str, device: torch.device) -> DepthEstimator:
    from animator.depth.adabins import load_adabins  # timm takes a second to import

    return load_adabins(locate(find("depth", name)), device)


def _depth_anything(name: str, device: torch.device) -> DepthAnything:
    return DepthAnything(_published(name, device))


def _zoedepth(name: str, device: torch.device) -> ZoeDepth:
    return ZoeDepth(_published(name, device))


LOADERS: Mapping[str, Loader] = {
    "pocket": _pocket,
    "plane": _plane,
    "midas": _midas,
    "midas-hybrid": _midas,
    "adabins": _adabins,
    "depth-anything-small": _depth_anything,
    "depth-anything-base": _depth_anything,
    "depth-anything-large": _depth_anything,
    "zoedepth": _zoedepth,
}
"""How each network of the registry is made."""


def _config(name: str) -> Path:
    path = config_file(find("depth", name))
    if path is None:
        raise UsageError(f"the depth network {name} has no description; name one in the registry's entry")
    return path


def _published(name: str, device: torch.device) -> nn.Module:
    return load_network(_config(name), locate(find("depth", name)), name, device)
