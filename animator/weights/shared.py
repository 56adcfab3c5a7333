"""Networks that are loaded once for several scenes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, TypeVar

from animator.errors import UsageError
from animator.weights.registry import Kind, find

Network = TypeVar("Network")


class SharedNetworks:
    """Loaded networks by kind and name, so that a scene uses again what the one before it loaded.

    Of each name one network is held; asked for with other settings, it is loaded again in its place.
    """

    def __init__(self) -> None:
        self._held: dict[tuple[Kind, str], tuple[Hashable, Any]] = {}

    def get(self, kind: Kind, name: str, settings: Hashable, load: Callable[[], Network]) -> Network:
        """Return a network, loaded only where it is not held.

        Args:
            kind: of the registry, such as ``clip``.
            name: in the registry, or the path of a checkpoint.
            settings: all else that decides what ``load`` returns, such as the device and the type.
            load: loads it.
        """
        key = (kind, _canonical(kind, name))
        if key in self._held and self._held[key][0] == settings:
            network: Network = self._held[key][1]
            return network
        self._held.pop(key, None)  # before the new one takes its memory
        network = load()
        self._held[key] = (settings, network)
        return network

    def keep_only(self, wanted: Iterable[tuple[Kind, str]]) -> None:
        """Let go of every network that is not among these kinds and names."""
        names = {(kind, _canonical(kind, name)) for kind, name in wanted}
        self._held = {key: held for key, held in self._held.items() if key in names}


def _canonical(kind: Kind, name: str) -> str:
    """Return the one name that all names of a network stand for; a path stands for itself."""
    try:
        return find(kind, name).name
    except UsageError:
        return name
