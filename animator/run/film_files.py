"""Where the films of a run are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from animator.runs import RunFolder
from animator.settings.scene import Scene
from animator.settings.vr import VrOptions
from animator.video.formats import SUFFIX
from animator.video.spherical import VR180_NAMES

Packed = Literal["side_by_side", "top_bottom", "anaglyph", "vr180"]
"""How both eyes are in one picture."""

FINISHED = "finished"
"""What the name of a finished film has more."""

EYES = ("left", "right")
"""Folders of what the two eyes see."""


@dataclass(frozen=True)
class FilmFiles:
    """The files of a scene's films.

    Attributes:
        film: the film that shows the frames.
        main: the film that a user will want to open: ``film``, or the one in another codec.
        large: the film of the frames that were painted again, larger, or None.
        every: the quick film of every n-th frame, or None.
        smooth: the film at a higher frame rate, or None.
        eyes: the film of each eye.
        packed: the films of both eyes, by their layout.
    """

    film: Path
    main: Path
    large: Path | None
    every: Path | None
    smooth: Path | None
    eyes: dict[str, Path]
    packed: dict[Packed, Path]

    @property
    def growing(self) -> list[Path]:
        """Those that grow with the frames."""
        return [self.film, *([self.every] if self.every else [])]


def film_files(run: RunFolder, scene: Scene, name: str) -> FilmFiles:
    """Return where a run's films are.

    Args:
        run: the run.
        scene: the scene.
        name: of the scene; the film is named after it unless the scene says otherwise.
    """
    film, output, vr = run.film_file(scene.output.film or name), scene.output, scene.vr
    main = film if output.codec == "h264" else film.with_suffix(SUFFIX[output.codec])
    packed = [layout for layout in dict.fromkeys(vr.layouts) if layout != "left_right"]
    return FilmFiles(
        film=film,
        main=main,
        large=beside(main, "x".join(map(str, scene.large_size))) if scene.large_size else None,
        every=beside(film, f"every{output.film_every}") if output.film_every > 1 else None,
        smooth=None if output.interpolate_to is None else beside(film, f"{output.interpolate_to:g}fps"),
        eyes={name: beside(film, name) for name in EYES} if "left_right" in vr.layouts and vr.enabled else {},
        packed={layout: _packed(film, layout, vr) for layout in packed} if vr.enabled else {},
    )


def beside(film: Path, word: str, mark: str = "-") -> Path:
    """Return the path of a film that is made beside another.

    >>> beside(Path("sea.mp4"), "60fps").name
    'sea-60fps.mp4'
    """
    return film.with_name(f"{film.stem}{mark}{word}{film.suffix}")


def _packed(film: Path, layout: Packed, vr: VrOptions) -> Path:
    """Return the path of a film of both eyes; players know VR180 by the end of its name."""
    if layout == "vr180":
        return beside(film, VR180_NAMES[vr.vr180_eyes], "_")
    return beside(film, layout.replace("_", "-"))
