"""Which numbers of a scene its engine reads."""

from __future__ import annotations

import dataclasses

from animator.engines.family import unread_settings
from animator.engines.registry import family_of
from animator.keyframes.timeline import Timeline
from animator.settings.scene import Scene


def heard_timeline(scene: Scene, timeline: Timeline) -> Timeline:
    """Return a scene's numbers without those that are for another engine than its own."""
    unread = tuple(f"{name}." for name in unread_settings(family_of(scene.diffusion.model), scene))

    def heard(name: str) -> bool:
        return not f"{name}.".startswith(unread)

    table = timeline.table.loc[:, [name for name in timeline.table.columns if heard(name)]]
    schedules = {name: one for name, one in timeline.schedules.items() if heard(name)}
    return dataclasses.replace(timeline, table=table, schedules=schedules)
