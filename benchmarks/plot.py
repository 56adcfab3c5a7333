"""``python -m benchmarks.plot RESULTS.json PICTURE.png``: what a step costs."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from matplotlib.figure import Figure


def draw(results: Path, picture: Path) -> None:
    """Draw what `benchmarks` measured under ``growth``."""
    kept = json.loads(results.read_text())
    figure = Figure(figsize=(12, 3.4), layout="constrained")
    panels = figure.subplots(1, 3)
    for panel, what in zip(panels, ("pixels", "cuts", "models"), strict=True):
        rows = [row for row in kept["growth"] if row["what"] == what]
        amounts, seconds = [row["amount"] for row in rows], [row["seconds"] for row in rows]
        operations = [row["operations"] / rows[-1]["operations"] * seconds[-1] for row in rows]
        panel.plot(amounts, [1e3 * one for one in seconds], "o-", label="measured")
        panel.plot(amounts, [1e3 * one for one in operations], ":", label="as the arithmetic grows")
        panel.set(xlabel=what, ylabel="ms a guided step", ylim=(0, None), xlim=(0, None))
        panel.legend(frameon=False)
    figure.suptitle(f"{kept['machine']['device']}, {kept['machine']['threads']} threads", fontsize=10)
    figure.savefig(picture, dpi=100, metadata={"Software": None})


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]))
