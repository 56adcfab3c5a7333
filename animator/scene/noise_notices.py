"""Where the noise of a film and what moves in it do not go together, and frames have none before them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from animator.errors import Problem
from animator.keyframes import Curve
from animator.scene.fit import Fit
from animator.settings.scene import Scene
from animator.types import Schedule

RESTING = {"camera.zoom": 1.0}
"""Moves that are none at another value than 0."""

MOVES = {
    "2d": ("angle", "zoom", "translation_x", "translation_y"),
    "3d": tuple(f"{kind}_{axis}" for kind in ("translation", "rotation_3d") for axis in "xyz"),
}
"""What moves a picture, of the section ``camera``, by mode."""


HOLDS = tuple(
    f"coherence.{name}"
    for name in ("color_coherence", "detail_coherence", "frames_scale", "uncovered_skip_steps")
)
"""What holds a frame to those before it."""

NOT_HELD = ("auto", 0)
"""Values of it that ask for nothing there."""

NONE_BEFORE = "no frame comes from the one before it with diffusion.init_frames: all"


def notice_noise(scene: Scene, values: Mapping[str, Curve | Schedule], fit: Fit) -> Iterator[Problem]:
    """Yield noise that stays on the screen while the camera moves, and noise that nothing can move."""
    asked, noise = fit.nodes.get("coherence.noise"), scene.coherence.noise
    carried = scene.diffusion.init_frames == "first"
    name, held = "coherence.noise", asked if noise == "fixed" else None
    if noise == "new" and scene.seed_mode == "fixed" and not isinstance(scene.seed, list):
        name, held = "seed_mode", fit.nodes.get("seed_mode")
    if held is not None and carried and is_moving(scene, values):
        message = (
            "the noise stays on the screen while the camera moves, and holds the picture there: that lags "
            "behind the camera or hardly moves; coherence.noise: moved takes the noise along"
        )
        yield held.place.problem(name, message)
    if scene.mode in MOVES and not carried:
        for hold in HOLDS:
            if (given := fit.nodes.get(hold)) is not None and given.value not in NOT_HELD:
                yield given.key.problem(hold, f"has no effect: {NONE_BEFORE}")
    if asked is None or noise != "moved":
        return
    if scene.mode == "video" and scene.video.flow == "none":
        yield asked.key.problem(
            "coherence.noise", "nothing moves it with video.flow: none; each frame has new noise"
        )
    if scene.mode in MOVES and not carried:
        yield asked.key.problem("coherence.noise", f"{NONE_BEFORE}; each has new noise")


def is_moving(scene: Scene, values: Mapping[str, Curve | Schedule]) -> bool:
    """Return whether the camera moves at any frame after the first; footage has none."""
    for move in MOVES.get(scene.mode, ()):
        curve = values.get(f"camera.{move}")
        if isinstance(curve, Curve) and np.any(curve.values[1:] != RESTING.get(f"camera.{move}", 0.0)):
            return True
    return False
