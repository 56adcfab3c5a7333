"""Latent diffusion (Stable Diffusion and its kin), as a family of engines."""

from animator.engines.latent.family import LATENT

__all__ = ["LATENT"]
