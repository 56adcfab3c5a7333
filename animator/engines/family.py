"""What a family of engines says of itself.

A family paints with networks of one kind. The film, the checks, the plan and the guard know none of them by
name: they ask the family that the scene's `diffusion.model` belongs to (`animator.engines.registry`).
Importing a family imports no torch; loading does. docs/engines.md shows a small one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from animator.errors import UsageError
from animator.settings.base import Declared, declared, share

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor

    from animator.keyframes import Curve
    from animator.keyframes.timeline import Timeline
    from animator.settings.scene import Scene
    from animator.system.devices import DeviceKind
    from animator.types import Frame, Prompt, Request, Schedule, StillEngine
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


@dataclass(frozen=True)
class Presets:
    """Values of a section that a scene may write as one word (``guidance.cuts: pixel-art``).

    Attributes:
        noun: what a user calls such a word.
        example: how the values themselves are written.
        values: by word, every value of the section.
    """

    noun: str
    example: str
    values: Mapping[str, Mapping[str, Any]]


class Family(ABC):
    """One family of engines. `takes` and `load` are all that it must have; the rest describes it better.

    Attributes:
        name: what `animator.settings.base.Declared.engine` calls it.
        remedy: what a user can do where its frames come out broken.
        lessened: the setting that `gentler` lowers, empty where there is none.
        moves_noise: whether the noise of its films moves with the picture where a scene says nothing of it.
        spreads_tiles: whether other processes can be asked for the tiles of its pictures.
    """

    name: ClassVar[str]
    remedy: ClassVar[str] = "choose another diffusion.model"
    lessened: ClassVar[str] = ""
    moves_noise: ClassVar[bool] = False
    spreads_tiles: ClassVar[bool] = False

    def reads(self, said: Sequence[Declared], scene: Scene) -> bool:
        """Return whether a setting means anything to it, or is the film's own.

        Args:
            said: what is declared of its sections and of it, see `animator.settings.base.declared`.
            scene: the scene, on which it may depend.
        """
        return all(not one.engine or self.name in _several(one.engine) for one in said)

    @abstractmethod
    def takes(self, model: str) -> bool:
        """Return whether a `diffusion.model`, a name or a path, is one of its networks."""

    @abstractmethod
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

    def tile_network(self, scene: Scene, device: torch.device) -> object:
        """Return the network that answers for tiles in another process, on a device.

        See `animator.diffusion.elsewhere.answered`. Its engines are those of `ask_elsewhere` there.

        Raises:
            UsageError: it has none.
            WeightsError: weights are absent or damaged.
        """
        raise UsageError(f"{scene.diffusion.model}: other processes cannot be asked for its tiles")

    def check(self, scene: Scene) -> Iterable[tuple[str, str]]:
        """Return the faults of a scene that it sees before anything is loaded: dotted name and message.

        An empty message is no fault.
        """
        return ()

    def idle(self, scene: Scene) -> Mapping[str, str]:
        """Return why settings that it reads have no effect in a scene, by dotted name."""
        return {}

    def check_values(
        self, scene: Scene, values: Mapping[str, Curve | Schedule], begin: np.ndarray, end: float
    ) -> Iterable[tuple[str, str]]:
        """Return the faults of a scene's animated numbers: dotted name and message.

        Args:
            scene: the scene.
            values: its animated numbers by dotted name; those with a fault are missing.
            begin: from where the diffusion of each picture runs, as a share of it, shape (pictures,).
            end: to where it runs.
        """
        return ()

    def unread(self, scene: Scene, prompt: Prompt) -> tuple[int, str] | None:
        """Return where the part of a prompt's text begins that no network reads, and why; None if all is."""
        return None

    def unknown_words(self, scene: Scene, prompt: Prompt) -> Sequence[str]:
        """Return the words of a prompt that no network has learnt, so that they pull nowhere."""
        return ()

    def unstressed(self, text: str) -> str:
        """Return a prompt in which all that stresses words is blank, with each letter in its place."""
        return text

    def presets(self) -> Mapping[str, Presets]:
        """Return what may be written as one word, by the dotted name of its section."""
        return {}

    def trained_side(self, scene: Scene) -> float | None:
        """Return the side in pixels of the pictures that a scene's network was trained on, if it is known."""
        return None

    def networks(self, scene: Scene) -> list[Entry]:
        """Return the networks of the registry that a scene runs on, those it paints with first.

        Raises:
            UsageError: a name is unknown.
        """
        return []

    def files(self, scene: Scene) -> Mapping[str, Path]:
        """Return the files of weights that a scene names by their path, by kind and name."""
        return {}

    def work(self, scene: Scene, timeline: Timeline) -> Work:
        """Return how the work of a scene is counted; here every step that is not skipped costs the same."""
        steps, end = scene.diffusion.steps, share(scene.diffusion.skip_end_steps, scene.diffusion.steps)

        def cost(keep: float, init: bool, frame: int) -> tuple[int, int]:
            return max(0, round((1 - end - keep * init) * steps)), 0

        return Work([], cost, lambda steps, looks: [("diffusion steps", str(steps))])

    def memory(self, scene: Scene, timeline: Timeline, device_kind: DeviceKind, tiles: int = 0) -> Memory:
        """Return what a scene takes, without reading any weights; nothing where it is not known.

        Args:
            scene: the scene.
            timeline: its numbers.
            device_kind: where its networks run.
            tiles: side of the tiles in which a picture is painted, see `animator.types.Request`.

        Raises:
            UsageError: a network is unknown, or cannot be known from the scene.
            WeightsError: the description of a network is absent or damaged.
        """
        return Memory()

    def lighter(self, scene: Scene, at_work: Mapping[str, int], most: int) -> list[str]:
        """Return what a user can change so that a scene takes less memory, what helps most first.

        Args:
            scene: the scene.
            at_work: bytes at the peak by label, see `Memory.peak`.
            most: bytes of all networks and at the peak together.
        """
        return []

    def drafted(self, scene: Scene, timeline: Timeline, pixels: float) -> Mapping[str, Any]:
        """Return its sections as a draft has them, by name; those left out stay.

        Args:
            scene: the scene.
            timeline: its numbers.
            pixels: how many pixels the draft has, as a share of the scene's.
        """
        return {}

    def larger(self, request: Request, pixels: float) -> Request:
        """Return what is asked where a picture is painted again at a larger size.

        Args:
            request: as the scene's settings have it.
            pixels: how many times as many pixels it has as the scene says.
        """
        return request

    def gentler(self, request: Request, turn: int) -> tuple[Request, str]:
        """Return what is asked in place of a request whose picture was bad, and in words what is less.

        Args:
            request: as it was asked.
            turn: 1 or 2, the second gentler than the first. The seed is the guard's to change.
        """
        return request, ""

    def same_stop(self, one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
        """Return whether two diffusions that were stopped can be finished together."""
        return False

    def beginning(self, scene: Scene, request: Request) -> Frame | None:
        """Return what the diffusion of a request begins with, as ``animator frame --dump`` shows it.

        Args:
            scene: the scene.
            request: what is painted.

        Returns:
            3 x H x W; None where no step is left, or where it cannot be shown.
        """
        return None

    def judge(self, scene: Scene) -> str:
        """Return the CLIP model by which the pictures of a scene are scored; empty where there is none."""
        return ""

    def judges(self, scene: Scene) -> list[str]:
        """Return the CLIP models by which `keep_best` chooses: one that does not guide, or those that do."""
        return []


def read_sections(family: Family, scene: Scene) -> tuple[str, ...]:
    """Return the sections whose animated values `animator.types.Request.values` holds for a scene."""
    top = ((name, said) for name, said in declared(type(scene)) if "." not in name)
    return tuple(
        name for name, said in top if name == "diffusion" or (said[-1].engine and family.reads(said, scene))
    )


def unread_settings(family: Family, scene: Scene) -> list[str]:
    """Return the sections and settings that are for another engine than a scene's, by dotted name."""
    return [name for name, said in declared(type(scene)) if not family.reads(said, scene)]


def _several(engine: str | tuple[str, ...]) -> tuple[str, ...]:
    return (engine,) if isinstance(engine, str) else engine
