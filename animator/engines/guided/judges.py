"""By which CLIP model pictures are judged that others have guided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from animator.weights.cache import lies_there
from animator.weights.registry import about_bytes, entries, find

if TYPE_CHECKING:
    from animator.settings.scene import Scene


def judges_of(scene: Scene) -> list[str]:
    """Return the names of CLIP models that judge a scene's pictures.

    That is one which does not guide them, for what guides is the easiest to please: of scenes on the bundled
    networks the other bundled one, of others the largest whose weights are on the disk. Where there is none,
    those that guide; with ``models: fake`` none.
    """
    if scene.models == "fake":
        return []
    guiding = {find("clip", name).name for name in scene.guidance.clip_models}
    bundled = find("diffusion", scene.diffusion.model).bundled if _known(scene) else False
    others = [
        one
        for (kind, _), one in entries().items()
        if kind == "clip" and one.bundled == bundled and one.name not in guiding and lies_there(one)
    ]
    if not others:
        return list(scene.guidance.clip_models)
    return [max(others, key=lambda one: (about_bytes(one) or 0, one.name)).name]


def _known(scene: Scene) -> bool:
    from animator.weights.checkpoint_names import is_checkpoint

    return not is_checkpoint(scene.diffusion.model)
