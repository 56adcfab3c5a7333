"""What a computation would need, found by going through it with tensors that have shapes but no numbers."""

from __future__ import annotations

import weakref
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

Call = TypeVar("Call", bound=Callable[..., Any])

NumberNeeded = DataDependentOutputException
"""Raised inside `without_numbers` where the computation asks for a number that a tensor holds."""

REST = "cuts and gradients"
"""What memory is called that is asked for outside of every labelled call."""


class Meter(TorchDispatchMode):
    """Counts the bytes of all tensors that are alive at once, while it is entered.

    It sees every operation below autograd, the backward pass included, and so also what is kept for it. What
    a kernel allocates inside of itself (a convolution's workspace) it does not see.

    Attributes:
        peak: most bytes that were alive at once, by label.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.peak: Mapping[str, int] = {}
        self._live: Counter[str] = Counter()
        self._most = 0
        self._label = REST
        self._known: dict[int, Any] = {}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an operation and count what it made; views and what is written in place are nothing new."""
        out = func(*args, **(kwargs or {}))
        for made in tree_leaves(out):
            if isinstance(made, Tensor):
                self._count(made.untyped_storage())
        total = self._live.total()
        if total > self._most:
            self._most, self.peak = total, dict(self._live)
        return out

    def labelled(self, label: str, call: Call) -> Call:
        """Return ``call`` so that what is allocated inside of it is counted under a label."""

        def labelled(*arguments: Any) -> Any:
            with self._under(label):
                return call(*arguments)

        return labelled  # type: ignore[return-value]

    @contextmanager
    def _under(self, label: str) -> Iterator[None]:
        before, self._label = self._label, label
        try:
            yield
        finally:
            self._label = before

    def _count(self, storage: Any) -> None:
        key, size, label = id(storage), storage.nbytes(), self._label
        if key in self._known:
            return

        def gone(_: Any) -> None:
            del self._known[key]
            self._live[label] -= size

        # A storage keeps its Python object for as long as autograd holds it, so the reference shows its end.
        self._known[key] = weakref.ref(storage, gone)
        self._live[label] += size


def without_numbers() -> FakeTensorMode:
    """Return a context in which tensors have shapes, types and a place, but no memory.

    Unlike the meta device it takes the kernels that the CPU would take, attention's above all.
    """
    return FakeTensorMode(allow_non_fake_inputs=True)
