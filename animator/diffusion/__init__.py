"""Guided diffusion: networks, noise schedule, samplers, perceptors, guidance, and the engine over them."""
