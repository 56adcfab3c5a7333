"""The loss of every training over its time, as a picture."""

from __future__ import annotations

from pathlib import Path

import torch
from matplotlib.figure import Figure


def draw_curves(folder: Path, names: list[str], picture: Path) -> None:
    """Draw what the checkpoints tell of the way that they came.

    Args:
        folder: holds the checkpoints.
        names: of the trainings; those that were never begun are left out.
        picture: where to write, in a format that its ending names.
    """
    begun = [name for name in names if (folder / f"{name}.pt").exists()]
    figure = Figure(figsize=(2.6 * len(begun), 2.6), layout="constrained")
    for panel, name in zip(figure.subplots(1, len(begun), squeeze=False)[0], begun, strict=True):
        stored = torch.load(folder / f"{name}.pt", weights_only=True, map_location="cpu")
        steps, losses, seconds = zip(*stored["history"], strict=True)
        panel.plot([one / 60 for one in seconds], losses, linewidth=1)
        panel.set_title(f"{name}, {steps[-1]} steps", fontsize=9)
        panel.set_xlabel("minutes", fontsize=8)
        # A network that begins with nothing is a hundred times worse than after a minute.
        panel.set_ylim(0, 1.1 * max(losses[len(losses) // 20 :]))
        panel.tick_params(labelsize=8)
    figure.savefig(picture, dpi=90, metadata={"Software": None})
