"""Run by test_memory.py in a process of its own: paints, and prints by how much memory grew at the peak.

Arguments: a device and, as JSON, a list of [width, height, cuts, secondary].
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
from pathlib import Path

import torch

from animator.diffusion.load import load_engine
from animator.scene.reading import LoadedScene, read_text_scene
from animator.types import Request


def scene(width: int, height: int, cuts: int, secondary: bool, more: str = "") -> LoadedScene:
    return read_text_scene(
        f"mode: still\nsize: [{width}, {height}]\nseed: 1\nprompts: a sea\n"
        f"diffusion: {{secondary: {str(secondary).lower()}, steps: 2, skip_steps: 0}}\n"
        f"guidance:\n  cuts: {{overview: {cuts // 2}, innercut: {cuts - cuts // 2}}}\n{more}",
        "memory.yaml",
    )


def request(loaded: LoadedScene) -> Request:
    row = loaded.timeline.row(0)
    (width, height), values = loaded.scene.size, {name: row.schedule(name) for name in row.names}
    return Request(frame=0, seed=1, width=width, height=height, prompts=row.prompts, values=values)


def resident(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def growth_on_cpu(loaded: LoadedScene) -> int:
    """Return by how much a process grows at most while it paints, its kernels being loaded already."""
    engine = load_engine(loaded.scene.diffusion, loaded.scene.guidance, "cpu")
    small = scene(64, 64, 1, loaded.scene.diffusion.secondary is True)
    engine.paint(request(small))
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    engine.paint(request(loaded))
    return resident("VmHWM") - before


def growth_on_gpu(loaded: LoadedScene) -> int:
    engine = load_engine(loaded.scene.diffusion, loaded.scene.guidance, "cuda")
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    engine.paint(request(loaded))
    return torch.cuda.max_memory_allocated() - before


if __name__ == "__main__":
    torch.set_num_threads(1)
    grown = growth_on_cpu if sys.argv[1] == "cpu" else growth_on_gpu
    print(json.dumps([grown(scene(*case)) for case in json.loads(sys.argv[2])]))
