"""Finished frames that are to be made again: why, said first, and kept beside the new ones."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from animator import __version__
from animator.errors import SceneError
from animator.run.fingerprint import RENDERINGS, hash_inputs
from animator.run.job import Job
from animator.run.plan import ResumePlan, ranges
from animator.run.sources import Sources
from animator.runs import Entry, RunFolder
from animator.scene.reading import LoadedScene, read_scene

log = logging.getLogger(__name__)

EARLIER = "an earlier version made them differently"
EDITED = "the scene, its pictures or a default changed"


def why_outdated(
    entries: Mapping[int, Entry],
    now: Sequence[str],
    info: Mapping[str, Any],
    loaded: LoadedScene,
    sources: Sources,
    weights: Mapping[str, str],
) -> dict[str, tuple[int, ...]]:
    """Return the numbers of finished frames that are to be made again, by the reason.

    Args:
        entries: the journal's entries of finished frames.
        now: fingerprint of each frame as the scene is now.
        info: what the run says of itself.
        loaded: the scene as it is now.
        sources: its pictures as they are now.
        weights: hashes of its networks' weights as they are now.
    """
    old = [number for number, entry in entries.items() if number < len(now) and entry.inputs != now[number]]
    if not old:
        return {}
    earlier = [hash_inputs(loaded, sources, weights, rendering=one) for one in sorted(RENDERINGS)[:-1]]
    changed = _changed(info.get("weights"), weights)
    found: dict[str, list[int]] = {}
    for number in old:
        entry = entries[number]
        if not entry.program or any(entry.inputs == hashes[number] for hashes in earlier):
            reason = EARLIER
        else:
            reason = f"the weights of {', '.join(changed)} changed" if changed else EDITED
        found.setdefault(reason, []).append(number)
    return {reason: tuple(numbers) for reason, numbers in found.items()}


def _changed(before: object, now: Mapping[str, str]) -> list[str]:
    """Return the names of networks that were there before with other weights."""
    if not isinstance(before, dict):
        return []
    return [name for name, file in now.items() if name in before and before[name] != file]


def edited(run: RunFolder, loaded: LoadedScene) -> bool:
    """Return whether a scene is not the one that a run was begun with, so that other frames are meant."""
    try:
        return read_scene(run.scene_file).scene != loaded.scene
    except SceneError:  # an earlier program's, or none yet: then nothing says that other frames are meant
        return False


def report_outdated(job: Job, plan: ResumePlan, *, keep: bool) -> None:
    """Say which finished frames are to be made again and why, before they are; nothing where none are.

    Args:
        job: the scene; its run is locked.
        plan: which of its frames are finished.
        keep: whether old frames that this version made are moved beside the others; those of others are.
    """
    run = job.run
    reasons = why_outdated(plan.entries, job.inputs, run.read_info(), job.loaded, job.sources, job.weights)
    missing = set(plan.missing)
    wanted = {why: [n for n in numbers if n in missing] for why, numbers in reasons.items()}
    again = [plan.entries[number] for numbers in wanted.values() for number in numbers]
    # What another version made cannot be made again by this one, whatever its user edited.
    beside = [entry for entry in again if keep or entry.program != __version__]
    kept = run.keep_before(beside) if beside else ""
    for reason, numbers in wanted.items():
        if not numbers:
            continue
        log.warning(
            "%d of %d finished frames are made again (%s): %s%s",
            len(numbers), len(plan.entries), ranges(numbers), reason,
            f"; the old ones are kept in {kept}/" if kept else "",
        )  # fmt: skip
