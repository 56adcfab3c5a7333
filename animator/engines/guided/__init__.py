"""CLIP-guided diffusion as a family of engines: what the program asks of it besides painting."""

from animator.engines.guided.family import GUIDED

__all__ = ["GUIDED"]
