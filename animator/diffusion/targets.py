"""What each perceptor is to see: the prompts of a request as embeddings, each encoded once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from animator.diffusion.cutouts import CutSettings, make_cuts
from animator.diffusion.memory_saving import Places
from animator.diffusion.perceptors import Perceptor
from animator.diffusion.target import Target
from animator.errors import UsageError
from animator.keyframes.courses import over, weighted
from animator.system import rng
from animator.types import Frame, Prompt, Request
from animator.weights.clip_names import canonical_name

FUZZY_COPIES = 25
"""Noisy copies of a fuzzy prompt, as many as in Disco Diffusion."""

IMAGE_CUTS = CutSettings(overview=1, innercut=15, skip_augs=True)
"""What a perceptor is shown of a picture that serves as a prompt: all of it, and squares inside it."""

OpenImage = Callable[[str], Frame]
"""Returns the picture of a path or address, at its own size."""


def no_image(name: str) -> Frame:
    """Refuse to open a picture, where an engine has no function that does."""
    raise UsageError(f"{name}: this engine has no function that opens pictures")


class Targets:
    """Turns prompts into `Target`s; remembers every embedding.

    Args:
        perceptors: by name.
        device: where embeddings are kept.
        open_image: opens the pictures of image prompts.
        places: where the perceptors are while others work.
    """

    def __init__(
        self,
        perceptors: Mapping[str, Perceptor],
        device: torch.device,
        open_image: OpenImage,
        places: Places,
    ) -> None:
        self._perceptors = perceptors
        self._device = device
        self._open_image = open_image
        self._places = places
        self._embeds: dict[tuple[str, str, bool], Tensor] = {}

    def of(self, requests: Sequence[Request], *, fuzzy: bool = False) -> list[Target]:
        """Return what each perceptor is to see; one to which no prompt speaks is left out.

        Args:
            requests: with the same prompts; their seeds decide the noise of fuzzy prompts.
            fuzzy: whether any step asks for fuzzy prompts.
        """
        targets = []
        groups = by_region(requests[0].prompts)
        for region, own in groups.items():
            where = self._where(requests, region)
            if region and where is None:
                continue
            for name, perceptor in self._perceptors.items():
                prompts = spoken_to(own, name, apart=len(groups) > 1)
                if not prompts:
                    continue
                self._learn(name, perceptor, prompts)
                rows = [self._embeds[name, one.text, one.image] for one in prompts]
                weights = _weights(prompts, [len(row) for row in rows])
                embeds = torch.cat(rows)
                targets.append(
                    Target(
                        name=name,
                        size=perceptor.size,
                        encode=perceptor.encode_images,
                        embeds=embeds,
                        weights=weights.to(self._device),
                        fuzz=self._fuzz(requests, name, embeds) if fuzzy else None,
                        where=where,
                    )
                )
        return targets

    def _where(self, requests: Sequence[Request], region: str) -> Tensor | None:
        """Return the masks of a region, N x 1 x H x W; None where one of the requests does not have it."""
        masks = [one.regions.get(region) for one in requests]
        known = [mask for mask in masks if mask is not None]
        return torch.stack(known)[:, None].to(self._device) if len(known) == len(masks) and known else None

    def _learn(self, name: str, perceptor: Perceptor, prompts: Sequence[Prompt]) -> None:
        """Encode what was not encoded before."""
        unknown = [one for one in prompts if (name, one.text, one.image) not in self._embeds]
        if unknown:
            with self._places.looking(), self._places.visit(name):
                self._encode(name, perceptor, unknown)

    def _encode(self, name: str, perceptor: Perceptor, unknown: Sequence[Prompt]) -> None:
        """Encode prompts."""
        texts = list(dict.fromkeys(one.text for one in unknown if not one.image))
        with torch.no_grad():
            if texts:
                embeds = perceptor.encode_text(texts).float().to(self._device)
                self._embeds.update(
                    ((name, text, False), row[None]) for text, row in zip(texts, embeds, strict=True)
                )
            for picture in dict.fromkeys(one.text for one in unknown if one.image):
                self._embeds[name, picture, True] = self._look_at(perceptor, picture)

    def _look_at(self, perceptor: Perceptor, name: str) -> Tensor:
        """Return the embeddings of the cuts of a picture, K x D; always of the same cuts."""
        picture = self._open_image(name).to(self._device)[None]
        cuts = make_cuts(picture, perceptor.size, IMAGE_CUTS, rng.generator(0, 0, "image prompt"))
        return perceptor.encode_images(cuts).float().to(self._device)

    def _fuzz(self, requests: Sequence[Request], name: str, embeds: Tensor) -> Tensor:
        shape = (len(embeds), FUZZY_COPIES, embeds.shape[1])
        draws = [
            torch.randn(shape, generator=rng.generator(one.seed, one.frame, f"fuzzy {name}"))
            for one in requests
        ]
        return torch.stack(draws).to(self._device)


def by_region(prompts: Sequence[Prompt]) -> dict[str, list[Prompt]]:
    """Return prompts by the region in which they pull, those that pull everywhere by an empty name."""
    groups: dict[str, list[Prompt]] = {}
    for one in prompts:
        groups.setdefault(one.region, []).append(one)
    return groups


def spoken_to(prompts: Sequence[Prompt], name: str, *, apart: bool = False) -> list[Prompt]:
    """Return the prompts that speak to a perceptor, with weights that sum to 1 again (or to -1, see below).

    Args:
        prompts: that pull in one region.
        name: of the perceptor.
        apart: whether there are others elsewhere, with which these do not share their weight.

    >>> spoken_to([Prompt("sea", 0.5), Prompt("fog", 0.5, models=("RN50",))], "ViT-B-32")
    [Prompt(text='sea', weight=1.0, image=False, models=())]
    """
    heard = [one for one in prompts if not one.models or _names(one.models, name)]
    if not heard or (len(heard) == len(prompts) and not apart):
        return heard
    # A negative sum comes with ``compat: disco-5`` alone; there weights are divided by its size.
    if any(one.course for one in heard):
        totals = np.abs(np.sum([over(one) for one in heard], axis=0))
        return [weighted(one, over(one) / totals) for one in heard]
    total = abs(sum(one.weight for one in heard))
    return [weighted(one, one.weight / total) for one in heard]


def _weights(prompts: Sequence[Prompt], rows: Sequence[int]) -> Tensor:
    """Return the weight of every row, R, or over the diffusion, 1000 x R; a prompt has some rows."""
    pairs = list(zip(prompts, rows, strict=True))
    if not any(one.course for one in prompts):
        return torch.tensor([one.weight / count for one, count in pairs for _ in range(count)])
    every = [over(one) / count for one, count in pairs for _ in range(count)]
    return torch.tensor(np.stack(every, axis=1), dtype=torch.float32)


def _names(models: Sequence[str], name: str) -> bool:
    """Return whether a perceptor is among some names of CLIP models, in whatever form they are written."""
    return name in models or canonical_name(name) in {canonical_name(model) for model in models}
