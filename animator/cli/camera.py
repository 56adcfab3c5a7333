"""``animator camera``: a scene's camera as a file for other programs."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from animator.cli.shared import Debug, OneScene, Settings, guarded, printable, show_notices
from animator.errors import UsageError


class Kind(str, Enum):
    """What is written."""

    gltf = "gltf"
    chan = "chan"
    json = "json"


@guarded
def camera(
    scene: OneScene,
    kind: Annotated[
        Kind,
        typer.Option("--to", case_sensitive=False, help="glTF 2.0, Blender's .chan, or nerfstudio's JSON."),
    ] = Kind.gltf,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", metavar="FILE", help="Where to write it; left out, <scene>.<kind> here."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there already.")] = False,
    settings: Settings = None,
    debug: Debug = False,
) -> None:
    """Write the path of a scene's camera for other programs; a unit there is a unit of depth."""
    from animator.importing.opening import open_scene
    from animator.scene.camera_export import WRITERS, camera_track

    loaded = open_scene(scene, settings or ())
    show_notices(loaded.notices)
    if loaded.scene.mode != "3d":
        raise UsageError(f"{scene} has no camera in space (mode: {loaded.scene.mode}); mode: 3d has")
    target = out or Path(f"{loaded.name}.{kind.value}")
    if target.exists() and not force:
        raise UsageError(
            f"{target}: is there already; write over it with --force, or name another with --out"
        )
    text = WRITERS[kind.value](camera_track(loaded.timeline, loaded.scene.fps, loaded.scene.size))
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"--out: {target}: {error.strerror}; name a file in a folder that exists") from None
    print(printable(str(target)))
