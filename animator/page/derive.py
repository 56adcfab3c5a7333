"""Scenes that are made of a picture of a run: others like it, or a film that begins with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from animator.importing.opening import open_scene
from animator.importing.short import short_text
from animator.scene.reading import LoadedScene

GROW, MORE = "grow", "more"
"""What is made: a film that begins with a picture; pictures like it."""

LIKE = 6
"""Pictures that `MORE` paints."""


def derived(what: str, scene: str, picture: str, number: int, seed: int) -> str:
    """Return the text of a scene that is made of a picture of a run.

    Args:
        what: ``grow`` or ``more``.
        scene: the run's ``scene.yaml``.
        picture: the file of the picture.
        number: of the picture, whose prompts hold.
        seed: of the picture.
    """
    loaded = open_scene(Path(scene), _settings(what, picture, seed))
    texts = prompts_at(loaded, number)
    loaded = open_scene(Path(scene), [*_settings(what, picture, seed), f"prompts={texts}"])
    made = "A film that begins with" if what == GROW else "Pictures like"
    return short_text(loaded, [f"{made} picture {number} of {Path(scene).parent.name}.", *_ADVICE[what]])


_ADVICE = {
    GROW: ["camera.translation_z flies forwards; 0 keeps still. frames is the length."],
    MORE: ["skip_steps: a larger share keeps more of the picture. Another seed, other pictures."],
}


def _settings(what: str, picture: str, seed: int) -> list[str]:
    from animator.scene.written import yaml_text

    common = [f"diffusion.init_image={yaml_text(picture)}", "keep_best=null"]
    if what == GROW:
        return [*common, "mode=3d", "frames=4s", f"seed={seed}", "camera.translation_z=8"]
    return [*common, "mode=still", f"images={LIKE}", f"seed={seed + 1}", "diffusion.skip_steps=50%"]


def prompts_at(loaded: LoadedScene, number: int) -> str:
    """Return the prompts of a picture as YAML."""
    from animator.scene.written import yaml_text

    sets = loaded.timeline.prompts.sets
    held: Any = [one for one in sets if one.start <= number] or sets[:1]
    return yaml_text(list(held[-1].texts))
