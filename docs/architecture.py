"""Draw ``docs/architecture.png``: the layers of the package, and the ways of a run and of a frame through it.

``python -m docs.architecture``. The layers are those that tests/test_layers.py holds the imports to.
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from tests.test_layers import LEVELS

HERE = Path(__file__).parent

WHAT = {
    "cli": "what a user types",
    "api": "what programs call",
    "start": "the first import",
    "importing": "other programs' files",
    "study": "many cells, one sheet",
    "page": "runs in a browser",
    "look": "preview, plot, plan",
    "edit": "shots to one film",
    "memory": "estimate before loading",
    "run": "a scene through a run",
    "report": "report.html",
    "watch": "sheets, losses, progress",
    "runs": "what lies on the disk",
    "scene": "read, check, write",
    "film": "the way of a frame",
    "engines": "families of networks",
    "video": "footage in, films out",
    "depth": "how far",
    "warp": "move a picture",
    "flow": "optical flow",
    "sound": "envelopes",
    "diffusion": "guided diffusion",
    "upscale": "larger pictures",
    "between": "frames between frames",
    "latent": "latent diffusion",
    "grade": "looks",
    "settings": "every setting, once",
    "keyframes": "values over frames",
    "weights": "files of networks",
    "system": "files, locks, devices",
    "types": "what travels",
    "errors": "one line each",
}
"""What each room is for, in a few words."""

RUN = (
    ("read the scene", "scene/reading.py"),
    ("gather pictures and footage", "run/sources.py"),
    ("load the networks", "run/tools.py"),
    ("open the run", "runs/folder.py"),
    ("describe it, fingerprint every frame", "run/job.py"),
    ("plan: finished, missing, states", "run/plan.py"),
    ("make the missing frames", "run/frames.py"),
    ("save frame, state, journal", "run/save.py"),
    ("paint again, larger", "run/larger.py"),
    ("films and other outputs", "run/stages.py"),
    ("report", "report/build.py"),
)
"""The way of a scene through a run, each step with its file."""

FRAME = (
    ("look up this frame's settings", "keyframes/timeline.py"),
    ("depth of the previous frame", "depth/align.py"),
    ("warp by the camera's move", "warp/reproject3d.py"),
    ("hold the colours", "film/colour.py"),
    ("noise to the level kept", "diffusion/engine.py"),
    ("denoise towards the prompts", "diffusion/samplers.py"),
    ("save", "run/save.py"),
)
"""The way of a frame, each step with its file; `film/loop.py` takes them in this order."""

PALE, WARM, COOL = "#f4f1ea", "#f0c987", "#9cc5c9"
ROUND = "round,pad=0,rounding_size=0.06"


def draw() -> Figure:
    """Return the picture."""
    figure = Figure(figsize=(15, 9.2), dpi=110)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, 15), ylim=(0, 9.2))
    axes.axis("off")
    axes.text(0.3, 8.85, "Layers: a room imports from lower ones only", fontsize=13, weight="bold")
    height = 8.3 / len(LEVELS)
    for number, rooms in enumerate(LEVELS):
        width = 7.4 / len(rooms)
        for place, room in enumerate(sorted(rooms)):
            at = (0.3 + place * width, 0.25 + number * height)
            size = (width - 0.08, height - 0.1)
            axes.add_patch(FancyBboxPatch(at, *size, boxstyle=ROUND, fc=PALE, ec="#999"))
            x, y = at[0] + size[0] / 2, at[1] + size[1] / 2
            axes.text(x, y + 0.1, room, ha="center", va="center", fontsize=10, weight="bold")
            axes.text(x, y - 0.12, WHAT[room], ha="center", va="center", fontsize=7, color="#555")
    _way(axes, 8.0, "The way of a run (run/render.py)", RUN, WARM)
    _way(axes, 11.55, "The way of a frame (film/loop.py)", FRAME, COOL)
    return figure


def _way(axes, left: float, title: str, steps: tuple[tuple[str, str], ...], colour: str) -> None:
    axes.text(left, 8.85, title, fontsize=11.5, weight="bold")
    height = 0.77
    for number, (what, file) in enumerate(steps):
        top = 8.6 - number * height
        axes.add_patch(FancyBboxPatch((left, top - 0.6), 3.2, 0.58, boxstyle=ROUND, fc=colour, ec="#777"))
        axes.text(left + 0.12, top - 0.2, f"{number + 1}  {what}", fontsize=9.5, va="center")
        axes.text(left + 0.32, top - 0.45, file, fontsize=8, va="center", family="monospace", color="#333")
        if number + 1 < len(steps):
            arrow = {"arrowstyle": "->", "color": "#777"}
            axes.annotate("", (left + 1.6, top - height - 0.01), (left + 1.6, top - 0.6), arrowprops=arrow)


if __name__ == "__main__":
    draw().savefig(HERE / "architecture.png")
