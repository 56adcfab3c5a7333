"""The peak of memory of a scene: the sum of what its family of engines and its depth networks take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from animator.engines.registry import family_of
from animator.memory.depth import depth_memory
from animator.scene.larger import tile_side
from animator.scene.reading import LoadedScene
from animator.scene.upright import painted_size
from animator.system.devices import DeviceKind
from animator.system.meter import REST

AT_WORK = " at work"
"""Ends the name of a part that a network takes while it computes."""

WORKSPACES = "workspaces of kernels"
WORKSPACE: Mapping[DeviceKind, float] = {"cpu": 0.6, "cuda": 0.35}
"""Memory inside of kernels and lost between blocks, as a share of what is alive at the peak; as measured with
the bundled networks on a CPU (float32), and on an H100 (bfloat16) before frozen networks kept less."""

PROGRAM = {"cpu": 1_000_000_000, "cuda": 0}
"""Bytes that Python, torch and its libraries hold where the networks are, before there is any: on a CPU, as
measured. Those of a GPU's context are counted by its driver as taken, not as free."""


@dataclass(frozen=True)
class MemoryEstimate:
    """The peak of memory where the networks run, in bytes.

    Attributes:
        parameters: of all networks, which stay loaded, in the type in which they lie there (float32).
        activations: what the networks keep and work with in the most demanding step of a frame, workspaces
            included.
        cuts: what making cuts, and the gradients, take at that moment.
        total: all of it, and the program itself.
        parts: name and bytes of every part, which add up to the total.
    """

    parameters: int
    activations: int
    cuts: int
    total: int
    parts: tuple[tuple[str, int], ...]


def estimate(loaded: LoadedScene, device_kind: DeviceKind) -> MemoryEstimate:
    """Return how much memory a scene takes at its peak, without reading any weights.

    The family of engines adds up what is alive at once in the most demanding step of a frame. With guided
    diffusion, the peaks of the bundled networks on a CPU were measured to be within 35 % of that, without the
    program. On a GPU it was the same on an H100 until frozen networks kept less; it was not measured since.
    Weights being read, and films being written, are not part of it.

    Args:
        loaded: the scene.
        device_kind: where its networks run.

    Raises:
        UsageError: a network is unknown, or is a file that names no family.
        WeightsError: the description of a network is absent or damaged.
    """
    program = [("program", PROGRAM[device_kind])] if PROGRAM[device_kind] else []
    if loaded.scene.models == "fake":
        return _added_up([], {}, program, device_kind)
    scene = loaded.scene.model_copy(update={"size": painted_size(loaded.scene, loaded.timeline.table)})
    family = family_of(scene.diffusion.model)
    painting = family.memory(scene, loaded.timeline, device_kind)
    if scene.large_size is not None:
        large = scene.model_copy(update={"size": loaded.scene.large_size})
        again = family.memory(large, loaded.timeline, device_kind, tile_side(loaded.scene))
        painting = max(painting, again, key=lambda one: sum(one.peak.values()))
    depth, looking = depth_memory(scene, device_kind)
    # A frame's depth is estimated before its diffusion begins: the larger of the two counts.
    peak = looking if sum(looking.values()) > sum(painting.peak.values()) else painting.peak
    return _added_up([*painting.held, *depth], peak, program, device_kind)


def _added_up(
    held: Sequence[tuple[str, int]],
    peak: Mapping[str, int],
    program: Sequence[tuple[str, int]],
    device_kind: DeviceKind,
) -> MemoryEstimate:
    peak = {**peak, WORKSPACES: round(WORKSPACE[device_kind] * sum(peak.values()))} if peak else peak
    cuts = peak.get(REST, 0)
    named = [
        (name if name in (REST, WORKSPACES) else f"{name}{AT_WORK}", size)
        for name, size in peak.items()
        if size
    ]
    parts = (*((f"{name} parameters", size) for name, size in held), *named, *program)
    return MemoryEstimate(
        parameters=sum(size for _, size in held),
        activations=sum(peak.values()) - cuts,
        cuts=cuts,
        total=sum(size for _, size in parts),
        parts=parts,
    )
