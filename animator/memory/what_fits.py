"""What fits which GPU, as a page and a chart, from the estimate.

``python -m animator.memory.what_fits docs`` writes ``what-fits.md`` and ``what-fits.png`` into a folder; it
takes some minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from animator.memory.fitting import sizes_like, taken
from animator.memory.gpus import GPUS, RESERVED, SHOWN, USABLE, Gpu, gpu_named
from animator.memory.machine import GIB
from animator.scene.reading import read_layered_text
from animator.system.figures import png_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = {"bfloat16": gpu_named("A100"), "float32": gpu_named("V100")}
"""Number formats, each with a GPU that computes in it."""

SIZES = ((512, 512), (768, 512), (1280, 768), (1920, 1088))
SMALL_SIZES = ((192, 128), (384, 256), (768, 512))


@dataclass(frozen=True)
class Setup:
    """Networks that are used together.

    Attributes:
        name: in the tables.
        scene: lines of a scene.
        sizes: the sizes that are estimated.
    """

    name: str
    scene: str
    sizes: Sequence[tuple[int, int]] = SIZES


def _published(name: str, base: str, models: Sequence[str]) -> Setup:
    listed = ", ".join(f"{model}: 1" for model in models)
    return Setup(name, f"extends: {base}\nguidance: {{clip_models: {{{listed}}}}}\n")


THREE = ("ViT-B-32", "ViT-B-16", "RN50")
SETUPS = (
    Setup("the bundled networks", "mode: still\n", SMALL_SIZES),
    _published("512 x 512 network, secondary model, ViT-B-32, ViT-B-16, RN50", "baseline-secondary", THREE),
    _published("the same with ViT-L-14 and RN50x4", "baseline-secondary", (*THREE, "ViT-L-14", "RN50x4")),
    _published("512 x 512 network without the secondary model, ViT-B-32, ViT-B-16, RN50", "baseline", THREE),
)

Figures = Mapping[tuple[int, int], Mapping[str, float]]
"""By size and number format, what a setup takes in GiB."""


def figures_of(setup: Setup) -> dict[tuple[int, int], dict[str, float]]:
    """Return what a setup takes at each of its sizes."""
    found: dict[tuple[int, int], dict[str, float]] = {}
    for size in setup.sizes:
        loaded = read_layered_text(f"prompts: a sea\nsize: {list(size)}\n{setup.scene}", "what-fits")
        found[size] = {name: taken(loaded, gpu).total / GIB for name, gpu in FORMATS.items()}
    return found


def largest_on(figures: Figures, gpu: Gpu) -> tuple[int, int] | None:
    """Return the largest size of about 5 to 3 that fits a GPU, interpolated; None where none of them does.

    What lies beyond the largest estimated size is not said.
    """
    name = "bfloat16" if gpu.bfloat16 else "float32"
    pixels = np.array([width * height for width, height in figures], float)
    sizes = np.array([one[name] for one in figures.values()])
    # Memory grows with the pixels; below the smallest estimated size the line is drawn on.
    slope = (sizes[1] - sizes[0]) / (pixels[1] - pixels[0])
    best = None
    for size in sizes_like((1280, 768)):
        area = size[0] * size[1]
        if area > pixels[-1]:
            break
        need = sizes[0] + (area - pixels[0]) * slope if area < pixels[0] else np.interp(area, pixels, sizes)
        best = size if need * GIB <= gpu.room else best
    return best


HEAD = f"""# What fits

Made by `python -m animator.memory.what_fits docs`, from the same estimate as `animator plan`, without reading
any weights. `animator plan scene.yaml --gpu T4` does it for a scene of your own.

What is estimated and what was measured: the estimate walks through the most demanding step of a picture with
tensors that have shapes and no numbers. On a CPU the peaks of the bundled networks were measured to be within
35 % of it. On a GPU nothing was measured since the program's memory was last changed, and none of the
published networks ever: take the figures as a guide, and leave a third to spare. Of a GPU's memory
{100 * (1 - USABLE):.0f} % and {RESERVED:g} GiB are taken to be gone for the driver and CUDA, an assumption.

Where a picture does not fit the program does not stop: it looks at the cuts in parts, computes activations
again and puts idle networks off the GPU, which takes less memory than is said here, and longer.

![What some setups take](what-fits.png)
"""


def page_of(figures: Mapping[str, Figures]) -> str:
    """Return the page as Markdown."""
    parts = [HEAD, "## Memory, in GiB\n", *_memory_rows(figures), ""]
    parts += ["## The largest picture of about 5 : 3\n", *_size_rows(figures), ""]
    parts += [
        "Sizes between the estimated ones are interpolated; *more* is beyond the largest of them. GPUs\n"
        "before Ampere compute in float32, which takes up to twice as much.\n",
        "## GPUs that are known\n",
        "`--gpu` takes these names, with or without RTX and the like, or a number of gigabytes:\n",
        *_known_rows(),
    ]
    return "\n".join(parts) + "\n"


def _memory_rows(figures: Mapping[str, Figures]) -> Iterator[str]:
    yield (
        "| networks | size | RTX 30, A100 and later (bfloat16) | older GPUs (float32) "
        "| the smallest of the later ones | of the older ones |"
    )
    yield "|---|---|---|---|---|---|"
    for name, of_setup in figures.items():
        for (width, height), one in of_setup.items():
            gpus = [_smallest(one[kind], kind) for kind in FORMATS]
            cells = [name, f"{width} x {height}", *(f"{one[kind]:.1f}" for kind in FORMATS), *gpus]
            yield f"| {' | '.join(cells)} |"


def _smallest(size: float, kind: str) -> str:
    """Return the smallest of the shown GPUs of a number format that holds a number of GiB."""
    shown = [GPUS_SHOWN[name] for name in SHOWN]
    fitting = [gpu for gpu in shown if gpu.bfloat16 == (kind == "bfloat16") and gpu.room >= size * GIB]
    return min(fitting, key=lambda gpu: gpu.gigabytes).name if fitting else "none of these"


def _size_rows(figures: Mapping[str, Figures]) -> Iterator[str]:
    names = [name for name in figures if name != SETUPS[0].name]
    yield "| GPU | memory | " + " | ".join(names) + " |"
    yield "|---|---|" + "---|" * len(names)
    for shown in SHOWN:
        gpu, cells = GPUS_SHOWN[shown], []
        for name in names:
            best = largest_on(figures[name], gpu)
            last = max(width * height for width, height in figures[name])
            more = best is not None and best[0] * best[1] > 0.9 * last
            cells.append("none" if best is None else "more" if more else f"{best[0]} x {best[1]}")
        yield f"| {gpu.name} | {gpu.gigabytes:g} GB | {' | '.join(cells)} |"


def _known_rows() -> Iterator[str]:
    yield "| memory | with bfloat16 | without |"
    yield "|---|---|---|"
    for gigabytes in sorted({gpu.gigabytes for gpu in GPUS.values()}):
        cells = [
            ", ".join(gpu.name for gpu in GPUS.values() if (gpu.gigabytes, gpu.bfloat16) == (gigabytes, kind))
            for kind in (True, False)
        ]
        yield f"| {gigabytes:g} GB | {' | '.join(cells)} |"


GPUS_SHOWN = {name: gpu_named(name) for name in SHOWN}


def chart_of(figures: Mapping[str, Figures]) -> bytes:
    """Return the chart as a PNG: a bar for each setup, size and number format, and lines for GPUs."""
    return png_of(lambda: _figure(figures))


def _figure(figures: Mapping[str, Figures]) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Canvas

    rows = [(name, size, one) for name, of_setup in figures.items() for size, one in of_setup.items()]
    figure = Canvas(figsize=(11, 0.42 * len(rows) + 1.6), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    panel = figure.subplots()
    for number, kind in enumerate(FORMATS):
        places = [row + 0.2 - 0.4 * number for row in range(len(rows))]
        panel.barh(places, [one[kind] for _, _, one in rows], 0.38, label=kind)
    labels = [f"{size[0]} x {size[1]}" for _, size, _ in rows]
    panel.set_yticks(range(len(rows)), labels, fontsize=9)
    panel.invert_yaxis()
    top = 1.05 * max(max(one.values()) for _, _, one in rows)
    first = 0
    for name, of_setup in figures.items():
        panel.text(0.995 * top, first - 0.3, name, fontsize=8, ha="right", va="top", color="0.25")
        panel.axhline(first - 0.5, color="0.8", linewidth=0.8)
        first += len(of_setup)
    for gigabytes in (8, 12, 16, 24, 40, 80):
        if gigabytes < top:
            panel.axvline(gigabytes * USABLE - RESERVED, color="0.45", linewidth=0.9, linestyle="--")
            panel.text(
                gigabytes * USABLE - RESERVED, -0.62, f"{gigabytes} GB", fontsize=8, ha="center", va="bottom"
            )
    panel.set_xlim(0, top)
    panel.set_xlabel(
        "GiB at the peak, estimated; the lines are what GPUs of so much memory leave for a render"
    )
    panel.legend(loc="lower right", fontsize=9)
    panel.spines[["top", "right"]].set_visible(False)
    return figure


def main(folder: Path) -> None:
    """Write the page and the chart into a folder."""
    figures = {}
    for setup in SETUPS:
        figures[setup.name] = figures_of(setup)
        print(setup.name, figures[setup.name], file=sys.stderr, flush=True)
    (folder / "what-fits.md").write_text(page_of(figures), encoding="utf-8")
    (folder / "what-fits.png").write_bytes(chart_of(figures))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
