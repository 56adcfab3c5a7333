"""The sound that a scene's formulas use."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from animator.errors import FilmError, UsageError
from animator.keyframes import Clock
from animator.keyframes.expressions import NO_SOUNDS, Sounds
from animator.keyframes.functions import SOUNDS
from animator.scene.curves import animated_settings
from animator.scene.fit import Fit
from animator.scene.nodes import plain
from animator.settings.scene import Scene

AUDIO = "output.audio"
RATE = 22050
"""Samples a second at which it is heard: enough for the treble, up to 11 kHz."""


def sounds_of(scene: Scene, fit: Fit, clock: Clock) -> Sounds:
    """Return how loud the scene's sound is at every frame, for its formulas.

    The sound is read only if a formula may use it, because that takes a moment.

    Args:
        scene: the scene; ``output.audio`` is heard from ``output.audio_start`` on.
        fit: the scene's tree held against the schema; a file that is no sound is added to it.
        clock: length and pace of the film.

    Returns:
        Empty where no sound is named or none is asked for. Where it cannot be read all is silent, so that
        one fault is reported and not each formula's.
    """
    named = scene.output.audio
    if named is None:
        return _silence(clock) if AUDIO in fit.faulty else NO_SOUNDS
    path = Path(named)
    if not os.path.isfile(path):  # which `check_scene` reports
        return _silence(clock)
    if not any(_may_hear(value) for value in _written(scene, fit)):
        return NO_SOUNDS
    try:
        return heard(path, scene.output.audio_start, clock)
    except (UsageError, FilmError) as error:
        fit.report(fit.nodes[AUDIO], AUDIO, str(error))
        return _silence(clock)


def heard(path: Path, start_at: float, clock: Clock) -> Sounds:
    """Return how loud a sound is at every frame, by the names that formulas have for it.

    Args:
        path: any file that ffmpeg reads.
        start_at: second of the sound at which the film begins.
        clock: length and pace of the film.

    Raises:
        UsageError: it has no sound.
        FilmError: it is damaged.
    """
    # Imported here because most scenes use no sound and their check should be quick.
    from animator.sound.envelope import envelopes
    from animator.video.sound import decode

    seconds = clock.frames / clock.fps + 1  # the window of the last frame reaches beyond it
    samples = decode(path, start_at=start_at, seconds=seconds, rate=RATE)
    return envelopes(samples, RATE, clock.frames, clock.fps)


def _written(scene: Scene, fit: Fit) -> list[object]:
    """Return the animated values as they are written, or their defaults."""
    settings = animated_settings(scene, fit)
    return [plain(fit.nodes[name]) if name in fit.nodes else value for name, value, _ in settings]


def _may_hear(value: object) -> bool:
    if isinstance(value, Mapping):
        return any(_may_hear(part) for part in value.values())
    return isinstance(value, str) and any(name in value for name in SOUNDS)


def _silence(clock: Clock) -> Sounds:
    return {name: np.zeros(clock.frames) for name in SOUNDS}
