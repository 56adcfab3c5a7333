"""What a family of engines tells of itself.

A family paints with networks of one kind. The film, the checks, the plan and the guard know none of them by
name: they ask the family that the scene's `diffusion.model` belongs to (`animator.engines.registry`).
Importing a family imports no torch; loading does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from animator.keyframes.timeline import Timeline
    from animator.settings.scene import Scene
    from animator.system.devices import DeviceKind
    from animator.types import Frame, Request, StillEngine
    from animator.weights.registry import Entry
    from animator.weights.shared import SharedNetworks


@dataclass(frozen=True)
class Work:
    """How the work of a frame's diffusion is counted.

    Attributes:
        names: settings that may change over the frames and on which ``cost`` depends; frames alike in them
            cost the same.
        cost: takes the share of the diffusion that is skipped, whether there is an init, and a frame; returns
            the steps, and how many pictures all perceptors look at, 0 without any.
        rows: takes the steps and the looks of all frames; returns what is passed through which networks, as
            labels and texts.
    """

    names: Sequence[str]
    cost: Callable[[float, bool, int], tuple[int, int]]
    rows: Callable[[int, int], list[tuple[str, str]]]


@dataclass(frozen=True)
class Memory:
    """What the networks of a scene take where they run, in bytes.

    Attributes:
        held: name and bytes of each network, which stay loaded.
        peak: what is alive at once in the most demanding step of a frame, by the name of the network that
            asked for it, or `animator.system.meter.REST`.
    """

    held: Sequence[tuple[str, int]] = ()
    peak: Mapping[str, int] = field(default_factory=dict)


class Family(Protocol):
    """One family of engines.

    Attributes:
        name: what `Declared.engine` calls it.
        sections: the sections of a scene that its engines read; their animated values are in
            `animator.types.Request.values`.
        remedy: what a user can do where its frames come out broken.
        lessened: the setting that `gentler` lowers, empty where there is none.
    """

    name: str
    sections: tuple[str, ...]
    remedy: str
    lessened: str

    def takes(self, model: str) -> bool:
        """Tell whether a `diffusion.model`, a name or a path, is one of its networks."""
        ...

    def check(self, scene: Scene) -> Iterator[tuple[str, str]]:
        """Yield the faults of a scene that it sees before anything is loaded: dotted name and message."""
        ...

    def networks(self, scene: Scene) -> list[Entry]:
        """Return the networks of the registry that a scene runs on, those it paints with first.

        Raises:
            UsageError: a name is unknown.
        """
        ...

    def files(self, scene: Scene) -> Mapping[str, Path]:
        """Return the files of weights that a scene names by their path, by kind and name."""
        ...

    def load(
        self,
        scene: Scene,
        device: torch.device,
        open_image: Callable[[str], Frame] | None,
        shared: SharedNetworks | None = None,
    ) -> StillEngine:
        """Return the engine of a scene; with ``models: fake`` one that needs no weights.

        Args:
            scene: the scene.
            device: where its networks run.
            open_image: returns a picture that the scene names, by that name.
            shared: networks that were loaded for earlier scenes, see `animator.weights.shared`.

        Raises:
            WeightsError: weights are absent or damaged.
        """
        ...

    def work(self, scene: Scene, timeline: Timeline) -> Work:
        """Return how the work of a scene is counted."""
        ...

    def memory(self, scene: Scene, timeline: Timeline, device_kind: DeviceKind) -> Memory:
        """Return what a scene takes, without reading any weights.

        Raises:
            UsageError: a network is unknown, or cannot be told from the scene.
            WeightsError: the description of a network is absent or damaged.
        """
        ...

    def lighter(self, scene: Scene, at_work: Mapping[str, int], most: int) -> list[str]:
        """Return what a user can change so that a scene takes less memory, what helps most first.

        Args:
            scene: the scene.
            at_work: bytes at the peak by label, see `Memory.peak`.
            most: bytes of all networks and at the peak together.
        """
        ...

    def drafted(self, scene: Scene, timeline: Timeline) -> Mapping[str, Any]:
        """Return its sections as a draft has them, by name; those left out stay."""
        ...

    def gentler(self, request: Request, turn: int) -> tuple[Request, str]:
        """Return what is asked in place of a request whose picture was bad, and in words what is less.

        Args:
            request: as it was asked.
            turn: 1 or 2, the second gentler than the first. The seed is the guard's to change.
        """
        ...

    def same_stop(self, one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
        """Tell whether two diffusions that were stopped can be finished together."""
        ...
