"""How far painted pictures are from the world as a whole: a Fréchet distance of the judge's embeddings.

The formula is that of FID (Heusel et al. 2017, eq. 6), but of embeddings of unit length by a small perceptor
of this world, not of Inception's features: figures compare with each other and with no published one.

Means and covariances of few pictures are themselves uncertain, which makes the distance too large, by about
1/N and the more the more dimensions the embeddings have (Chong & Forsyth 2020): even two samples of the same
world are not at 0. It is therefore always told beside that of as many training pictures, which have the same
bias; their difference is what the painting is to blame for.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor

from tools.pocket.figures.figure import Figure
from tools.pocket.figures.networks import Networks
from tools.pocket.figures.retrieval import seen


def frechet(one: np.ndarray, other: np.ndarray) -> float:
    """Return |m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)) of two samples, N x D and M x D."""
    mean_1, mean_2 = one.mean(axis=0), other.mean(axis=0)
    cov_1, cov_2 = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    # C1 C2 has the eigenvalues of R C2 R, R the root of C1, which is symmetric and so never complex.
    values, vectors = np.linalg.eigh(cov_1)
    root = vectors * np.sqrt(values.clip(min=0)) @ vectors.T
    common = np.sqrt(np.linalg.eigvalsh(root @ cov_2 @ root).clip(min=0)).sum()
    return float(((mean_1 - mean_2) ** 2).sum() + np.trace(cov_1) + np.trace(cov_2) - 2 * common)


def distances(networks: Networks, world: Tensor, samples: dict[str, Tensor]) -> dict[str, Figure]:
    """Return the distance of samples from the world, by their names; nothing without a judge.

    Args:
        networks: the judge.
        world: held-out pictures, N x 3 x H x W in [0, 1]; better several times as many as of each sample.
        samples: pictures of the same form; all of one number, or they do not compare.
    """
    if networks.judge is None:
        return {}
    there = _rows(networks, world)
    return {
        f"Fréchet distance from the world, {len(pictures)} {name}": Figure(
            frechet(_rows(networks, pictures), there)
        )
        for name, pictures in samples.items()
    }


def _rows(networks: Networks, pictures: Tensor) -> np.ndarray:
    assert networks.judge is not None
    return seen(networks.judge, pictures, networks.device).double().numpy()
