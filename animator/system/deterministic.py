"""The same bytes again on a GPU, whose fast kernels add up in an order that changes."""

from __future__ import annotations

import os

import torch

WORKSPACE = ":4096:8"
"""What cuBLAS needs in the environment for that (CUDA documentation, cuBLAS, "Results reproducibility")."""


def use_deterministic() -> None:
    """Have torch use only kernels whose results repeat, from now on, on this machine.

    To be called before CUDA starts. Slower; an operation that has no such kernel raises RuntimeError. Without
    a GPU nothing changes: there the results repeat anyway.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", WORKSPACE)
    if not torch.cuda.is_available():
        return
    torch.use_deterministic_algorithms(True, warn_only=False)
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.deterministic = True
