"""What a process imports and reads once, before the tests fork their commands from it.

Each fork would do all of it again: on its first gradient alone torch imports sympy, which takes longer than a
film of a few frames.
"""

from __future__ import annotations

import gc
import tempfile
import threading
from pathlib import Path
from typing import Any

import matplotlib.backends.backend_agg
import matplotlib.figure  # noqa: F401

import animator.importing.opening  # noqa: F401
from animator.run.render import render_scene
from animator.scene.reading import read_text_scene

SCENE = """
models: fake
size: [64, 64]
seed: 1
prompts: a sea
mode: 3d
frames: 2
camera: {translation_z: 8}
diffusion: {steps: 2, skip_steps: 0}
output: {losses: true, progress_image: false}
"""


class Quiet:
    """A reporter that says nothing."""

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: None


def warmed() -> None:
    """Render a small film that is thrown away, so that what follows is imported; leaves no threads behind."""
    with tempfile.TemporaryDirectory() as folder:
        render_scene(read_text_scene(SCENE, "warm.yaml"), Quiet(), out=Path(folder) / "run")  # type: ignore[arg-type]
    assert threading.active_count() == 1, "a fork has none of these threads, but their locks"
    gc.collect()
    gc.freeze()  # a fork goes through none of it when it collects garbage
