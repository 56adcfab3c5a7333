"""The memory of a scene for a reader, and what to change where there is not enough."""

from __future__ import annotations

from animator.engines.registry import family_of
from animator.errors import UsageError
from animator.memory.estimate import AT_WORK, MemoryEstimate, estimate
from animator.memory.machine import Room, gpu, in_gib, ram
from animator.scene.reading import LoadedScene
from animator.system.devices import DeviceKind, choose_device


def memory_text(loaded: LoadedScene) -> str:
    """Return the estimate for the device that would render, as a block of lines with a note at its end.

    Where a network cannot be known from the scene, a line that says so.

    Raises:
        UsageError: the scene's device is not there.
        WeightsError: the description of a network is absent or damaged.
    """
    room = gpu(choose_device(loaded.scene.device))
    kind: DeviceKind = "cpu" if room is None else "cuda"
    try:
        found = estimate(loaded, kind)
    except UsageError as fault:
        return f"memory: {fault}"
    return "\n".join([*_lines(found, kind), *shortage(loaded, found, kind, room or ram())])


def _lines(found: MemoryEstimate, kind: DeviceKind) -> list[str]:
    where = "GPU" if kind == "cuda" else "CPU"
    head = f"memory (estimated peak, {where})"
    width = max(len(name) for name, _ in (*found.parts, ("total", 0)))
    rows = [f"  {name:<{width}}  {in_gib(size):>9}" for name, size in (*found.parts, ("total", found.total))]
    return [head, *rows]


def shortage(loaded: LoadedScene, found: MemoryEstimate, kind: DeviceKind, room: Room | None) -> list[str]:
    """Return a note where a scene needs more than there is, with what would help most first; else nothing.

    Args:
        loaded: the scene.
        found: its estimate.
        kind: where it runs.
        room: the memory there, or None if nobody knows.
    """
    if room is None or found.total <= room.free:
        return []
    of = "the GPU's memory" if kind == "cuda" else "the memory"
    scene = loaded.scene
    at_work = {name.removesuffix(AT_WORK): size for name, size in found.parts if name.endswith(AT_WORK)}
    program = sum(size for name, size in found.parts if name == "program")
    lighter = family_of(scene.diffusion.model).lighter(scene, at_work, found.total - program)
    remedies = ["a smaller size", *lighter]
    if scene.batch > 1 and kind == "cuda":
        remedies.insert(0, "a smaller batch")
    held = f"{in_gib(room.free)} of {in_gib(room.total)} are free"
    return [f"note: that is more than {of} ({held}); what helps: {', '.join(remedies)}"]
