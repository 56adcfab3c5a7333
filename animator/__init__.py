"""animator turns a scene file into a film: a camera moved by keyframes through a CLIP-guided diffusion."""

__version__ = "0.1.0"
