"""The pages of the documentation for those who come from another program, made from the table of names.

``python -m animator.importing.pages docs`` writes them into the folder ``docs``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from animator.scene.foreign import ForeignName, foreign_names


@dataclass(frozen=True)
class Page:
    """A page for one program.

    Attributes:
        title: what the program is called.
        tools: its keys in the table.
        intro: what its users should know first.
        better: what they gain, a line each.
        absent: what they will not find, a line each.
    """

    title: str
    tools: tuple[str, ...]
    intro: str
    better: tuple[str, ...]
    absent: tuple[str, ...]


PAGES: Mapping[str, Page] = {
    "disco": Page(
        "Disco Diffusion",
        ("disco", "progrock", "discoart"),
        "Settings saved by Disco Diffusion 2 to 5.7, by ProgRock Diffusion and by DiscoArt, cells of "
        "the notebook, the notebook itself and `.TTI` files of Visions of Chaos open as they are: "
        "`animator render settings.txt`. The scene that is made extends `disco-5`: Disco's defaults, and "
        "its gradient to the digit.",
        (
            "A saved file does not say which animation mode it was. Say it with `--mode still`, `2d`, `3d` "
            "or `video`; left out, it is guessed, and a note says so.",
            "Values may be formulas, times (`2.5s`) and beats (`4b`); every scale takes keyframes and "
            "schedules.",
            "A malformed key is an error with its place, and not ignored; a key beyond the end of the film "
            "shapes the way there, and is not pulled back to the last frame.",
            "Everything wrong is reported before a network is loaded; an interrupted run resumes, and the "
            "film is the same, byte for byte.",
        ),
        ("Prompts and CLIP models of SLIP.", "Training, and downloads of weights without a hash."),
    ),
    "deforum": Page(
        "Deforum",
        ("deforum", "forge", "studio", "parseq"),
        "Settings of the notebook, of the extension for AUTOMATIC1111's web UI and for Forge, of "
        "Deforum Studio, manifests of Parseq and `.srt` files of parameters open as they are: `animator "
        "render settings.txt`. What moves is the same to 1e-6 at every frame. A network guided by CLIP "
        "paints it, unless you name one of [Stable Diffusion](latent.md) in the scene.",
        (
            "Expressions know `t`, `s` and `max_f`, commas in `where(a, b, c)`, and follow the film's sound: "
            "`audio_low(t)`.",
            "After an edit only what changed is painted again; an interrupted run resumes, and the film is "
            "the same, byte for byte.",
            "`animator preview` shows the camera's path in seconds, without a network.",
        ),
        (
            "What a file says of checkpoints, LoRAs, ControlNets and `cfg_scale` is not carried over; a "
            "scene names them under [`latent`](latent.md). There is one ControlNet, for depth in 3D.",
            "What a file says of masks and guided images is not carried over; a scene has [regions and "
            "pinned pictures](regions.md).",
            "Prompts that change within a picture (`[a:b:0.5]`). A weight belongs to a whole prompt, `--neg "
            "fog` becomes `fog:-0.5`; weights of single words (`(x:1.2)`) act with latent networks only.",
            "Hybrid video (footage under a moved camera), perspective flips.",
        ),
    ),
    "warpfusion": Page(
        "WarpFusion",
        ("warpfusion",),
        "Settings of WarpFusion open with the footage that they are for: `animator import settings.txt "
        "--footage film.mp4 -o scene.yaml`. Without `--footage` the scene is a film without footage, and a "
        "comment in it says where the path goes.",
        (
            "Schedules are keyframes: `0: (30%), 50: (45%)`; `style_strength` 0.7 is `video.skip_steps` 30%.",
            "Cuts in the footage are found, and nothing is carried over one.",
            "The flow is checked forwards and back, and the film keeps the footage's sound, speed and "
            "colours.",
        ),
        (
            "What a file says of checkpoints, LoRAs and ControlNets is not carried over; a scene names them "
            "under [`latent`](latent.md). There is one ControlNet, for depth in 3D.",
            "What a file says of masks is not carried over; a scene has [regions](regions.md).",
            "Reconstructed noise, masks that are found by themselves (faces, background).",
            "Colour matching to single frames: `coherence.color_coherence` holds colours to the film's own.",
        ),
    ),
}


def page_text(key: str) -> str:
    """Return a page as Markdown.

    Args:
        key: one of `PAGES`.
    """
    page = PAGES[key]
    names = [one for one in foreign_names().values() if set(one.tools) & set(page.tools)]
    here = [one for one in names if one.place]
    lines = [
        f"# Coming from {page.title}",
        "",
        f"Made from the program by `python -m animator.importing.pages docs`. {page.intro}",
        "[Opening other programs' files](import.md) says how the report reads.",
        *("", "## What is better here", "", *(f"- {line}" for line in page.better)),
        *("", "## What is not there", "", *(f"- {line}" for line in page.absent)),
        *("", "## Words", "", "| there | here | what differs |", "|---|---|---|"),
        *(f"| `{one.name}` | `{one.place}` | {_cell(one.note)} |" for one in here),
        *("", "## Words without a place", "", "| there | why |", "|---|---|"),
        *(f"| {', '.join(f'`{name}`' for name in group)} | {_cell(why)} |" for why, group in _reasons(names)),
    ]
    return "\n".join(lines) + "\n"


def _reasons(names: list[ForeignName]) -> list[tuple[str, list[str]]]:
    """Return names without a place, by the reason for it."""
    groups: dict[str, list[str]] = {}
    for one in names:
        if not one.place:
            groups.setdefault(one.because, []).append(one.name)
    return sorted(groups.items())


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    for name in PAGES:
        target = Path(sys.argv[1]) / f"from-{name}.md"
        target.write_text(page_text(name), encoding="utf-8")
        print(target)
