"""``animator upscale`` and ``animator finish-film``: what is there already, larger and smoother."""

from __future__ import annotations

import json
import re
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from animator.cli.interrupts import stop
from animator.cli.progress import reporter_for
from animator.cli.shared import AsJson, Debug, Device, Settings, guarded, say
from animator.errors import UsageError

OVER_FRAMES = ("grade.", "output.")
"""How settings begin that change what is made of finished frames."""


class Model(str, Enum):
    """What makes pictures larger; the names of `animator.settings.upscale.Model`."""

    auto = "auto"
    lanczos = "lanczos"
    animevideov3 = "animevideov3"
    x4plus = "realesrgan-x4plus"
    x4plus_anime = "realesrgan-x4plus-anime"


To = Annotated[
    str | None,
    typer.Option("--to", metavar="WxH", help="Width and height of the result: 768x512.", show_default=False),
]
Scale = Annotated[
    float | None,
    typer.Option(
        "--scale", help="How many times as wide and high, 1 to 8; 4 if left out.", show_default=False
    ),
]
Chosen = Annotated[
    Model | None,
    typer.Option(
        "--model",
        help="What makes it larger: a filter (lanczos) or a network; left out, the best that is there.",
        show_default=False,
    ),
]


class By(str, Enum):
    """How frames between two others are made; the values of `output.interpolate_by`."""

    flow = "flow"
    rife = "rife"
    ffmpeg = "ffmpeg"


@guarded
def upscale(
    source: Annotated[
        Path,
        typer.Argument(
            help="A picture, a film, a folder of pictures, or a run.", metavar="FILE|RUN", show_default=False
        ),
    ],
    to: To = None,
    scale: Scale = None,
    model: Chosen = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="The file or folder to write; of a run it is in the run."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that exists.")] = False,
    device: Device = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Make larger copies of pictures, of a film with its sound, or of what a run made."""
    if (source / "run.json").is_file():
        if out is not None:
            raise UsageError("--out: the larger copy of a run is in the run; leave --out out")
        from animator.run.after import upscale_run

        settings = _settings("upscale", to, scale, model)
        print(upscale_run(source, settings, reporter_for(as_json), device=device, cancel=stop()))
        return
    if not source.exists():
        raise UsageError(f"{source}: no such file; name a picture, a film, a folder of pictures or a run")
    if scale is not None and not 1 <= scale <= 8:
        raise UsageError(f"--scale: expected a number from 1 to 8, found {scale:g}")
    from animator.run.upscale_files import Asked, upscale_files
    from animator.system.devices import choose_device

    name = model.value if model is not None else "auto"
    asked = Asked(_size(to), scale, name, choose_device(device or "auto"))
    for made in upscale_files(source, out, asked, reporter_for(as_json), stop(), force=force):
        print(made)


@guarded
def finish_film(  # noqa: PLR0913 (each is an option of the command line)
    run: Annotated[Path, typer.Argument(help="A run folder.", metavar="RUN", show_default=False)],
    to: To = None,
    scale: Scale = None,
    fps: Annotated[
        float | None,
        typer.Option("--fps", help="Frames a second; 48 or a little more if left out.", show_default=False),
    ] = None,
    model: Chosen = None,
    deflicker: Annotated[
        float | None,
        typer.Option(
            "--deflicker",
            help="How much of the flicker is taken out, 0 to 1; 1 if left out.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        By | None,
        typer.Option("--by", help="How the frames between are made; flow if left out.", show_default=False),
    ] = None,
    settings: Settings = None,
    device: Device = None,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Finish the film of a run: take out its flicker, make it larger, then smoother; its sound stays."""
    from animator.run.after import finish_film as make

    for one in settings or ():
        if not one.strip().startswith(OVER_FRAMES):
            raise UsageError(
                f"--set {one}: would change the frames; here only grade.* and output.* are taken"
            )
    asked = _settings("finish", to, scale, model)
    asked += [] if fps is None else [f"output.finish.fps={fps}"]
    asked += [] if deflicker is None else [f"output.finish.deflicker={deflicker}"]
    asked += [] if by is None else [f"output.interpolate_by={by.value}"]
    film = make(run, [*asked, *(settings or ())], reporter_for(as_json), device=device, cancel=stop())
    found = json.loads(film.with_suffix(".json").read_text(encoding="utf-8"))
    words = [f"{name} {found['before'][name]:.2f} -> {found['after'][name]:.2f}" for name in found["before"]]
    say(f"flicker, in levels of 255: {', '.join(words)}")
    print(film)


def _settings(section: str, to: str | None, scale: float | None, model: Model | None) -> list[str]:
    """Return the settings of a scene that options stand for."""
    settings = []
    if to is not None:
        width, height = _size(to) or (0, 0)
        settings.append(f"output.{section}.to=[{width}, {height}]")
    elif scale is not None:
        settings += [f"output.{section}.to=null", f"output.{section}.scale={scale}"]
    return settings + ([] if model is None else [f"output.{section}.model={model.value}"])


def _size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if not found:
        raise UsageError(f"--to: expected a width and a height such as 768x512, found '{text}'")
    width, height = int(found[1]), int(found[2])
    if not 16 <= min(width, height) <= max(width, height) <= 16384:
        raise UsageError(f"--to: expected 16 to 16384 pixels a side, found '{text}'")
    return width, height
