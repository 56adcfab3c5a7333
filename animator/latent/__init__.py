"""Latent diffusion (Stable Diffusion 1.5, 2.1, SDXL and their kin) by the parts of diffusers."""
