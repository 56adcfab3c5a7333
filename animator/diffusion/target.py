"""What one perceptor is to see, and how far it is from that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from animator.diffusion import losses


@dataclass(frozen=True)
class Target:
    """What one perceptor is to see.

    Attributes:
        name: the perceptor's.
        size: side in pixels of the pictures it takes.
        encode: turns K x 3 x size x size in [0, 1] into K x D embeddings.
        embeds: what it is to find, P x D, one row a prompt.
        weights: weight of each prompt, shape (P,), or at each position of a `Schedule`, (1000, P); negative
            pushes away.
        fuzz: noise of unit variance for fuzzy prompts, N x P x copies x D, or None.
        where: how far the prompts pull at each pixel, N x 1 x H x W, 0 to 1; None: everywhere.
    """

    name: str
    size: int
    encode: Callable[[Tensor], Tensor]
    embeds: Tensor
    weights: Tensor
    fuzz: Tensor | None = None
    where: Tensor | None = None

    def distance(self, seen: Tensor, rand_mag: float, position: int = 0) -> Tensor:
        """Return how far what was seen is from the prompts, N x K embeddings in, shape (N, K).

        The squared spherical distances, each times its prompt's weight, summed over the prompts. A fuzzy
        prompt is the mean over its noisy copies.

        Args:
            seen: embeddings of K cuts of each of N pictures, N x K x D.
            rand_mag: size of the noise; 0 takes the prompts as they are.
            position: of the diffusion, 0 to 999.
        """
        weights = self.weights if self.weights.ndim == 1 else self.weights[position]
        if self.fuzz is None or rand_mag == 0:
            return losses.spherical_distance(seen[:, :, None], self.embeds) @ weights
        copies = self.embeds[:, None] + rand_mag * self.fuzz
        distances = losses.spherical_distance(seen[:, :, None, None], copies[:, None])
        return distances.mean(dim=-1) @ weights
