"""Regions of a picture in a latent diffusion: prompts that act in parts of it, and parts that stay."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.prediction import Denoise, Prediction
from animator.diffusion.targets import by_region
from animator.latent.asking import Asking
from animator.latent.said import Said
from animator.types import Prompt, Request


def asked_by_region(
    asking: Asking, requests: Sequence[Request], say: Callable[[Sequence[Prompt]], Said], factor: int
) -> Denoise:
    """Return a network that is asked once for each region that prompts name, each answer in its region.

    In a region its own prompts act together with those that have none; elsewhere these alone do.

    Args:
        asking: how the network is asked, with the prompts that have no region.
        requests: with the same prompts and masks of their own.
        say: turns prompts into what they say.
        factor: pixels along a side of one value of the latents.
    """
    request = requests[0]
    groups = by_region(request.written or request.prompts)
    everywhere = groups.pop("", [])
    others: list[tuple[Tensor, Asking]] = []
    for region, prompts in groups.items():
        masks = [one.regions.get(region) for one in requests]
        known = [mask for mask in masks if mask is not None]
        if len(known) == len(masks):
            small = F.avg_pool2d(torch.stack(known)[:, None], factor)
            others.append((small, replace(asking, said=say([*everywhere, *prompts]))))
    if not others:
        return asking

    def asked(x: Tensor, index: int) -> Prediction:
        found = asking(x, index)
        for mask, own in others:
            answer, share = own(x, index), mask.to(x)
            parts = zip(found, answer, strict=True)
            found = Prediction(*(torch.lerp(one, other, share) for one, other in parts))
        return found

    return asked


def to_fill(request: Request) -> Tensor:
    """Return where a network that fills in paints anew: float32, H x W, 1 there and 0 where it keeps.

    That is what is uncovered, and what lies outside of regions that keep all; everything without either.
    """
    holes, kept = request.uncovered, request.keep_map
    if kept is not None and bool((kept >= 1).any()):
        free = kept < 1
        holes = free if holes is None else free | holes.to(free.device)
    if holes is None:
        return torch.ones(request.height, request.width)
    return holes.float()


def with_kept(signed: Tensor, pictures: Tensor | None, requests: Sequence[Request]) -> Tensor:
    """Return painted pictures with those pixels as they were for which an init stands altogether.

    Args:
        signed: N x 3 x H x W in about [-1, 1].
        pictures: the inits, same shape, or None.
        requests: one for each.
    """
    maps = [one.keep_map for one in requests]
    if pictures is None or all(one is None for one in maps):
        return signed
    whole = [torch.zeros(signed.shape[-2:]) if one is None else one for one in maps]
    stays = torch.stack(whole)[:, None].to(signed.device) >= 1
    return torch.where(stays, pictures, signed)
