"""A network that other processes hold and are asked for: what they are sent, and how they answer.

Who is asked keeps nothing between two questions: for a gradient it computes the answer again and goes back
through it at once. So any process may be asked again in the place of one that is lost. A question is asked
there as it would have been here (differentiated or not, in the same number format, with activations kept or
computed again), so that on a CPU the answer is the same to the last bit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from animator.diffusion.memory_saving import Recomputing, networks_of
from animator.diffusion.prediction import Network

Answer = tuple[Tensor, ...]
"""What a network answers: the prediction, and beside it its deep features where they are asked for."""

Call = Callable[..., Any]
"""Asks a network: takes it, pictures, their timesteps and what else is given; returns tensors. To be sent, it
is a function of a module."""


@dataclass(frozen=True)
class Asked:
    """A `Network` that is asked in a way of its own, known well enough to ask another copy of it so.

    Attributes:
        network: what is asked.
        call: how, see `Call`.
        given: what it is given beside pictures and timesteps: tensors, numbers, what has a method ``to``.
    """

    network: Any
    call: Call
    given: tuple[Any, ...] = ()

    def __call__(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the network's answer."""
        answer: Tensor = self.call(self.network, x, t, *self.given)
        return answer


@dataclass(frozen=True)
class Question:
    """What a network is asked somewhere else; all tensors are on the CPU.

    Attributes:
        call: how it is asked.
        x: pictures, N x C x H x W.
        t: their timesteps, shape (N,).
        given: what else ``call`` takes.
        slope: the gradient of something in the prediction, of its shape: the answer is then the gradient of
            that in ``x``. None asks for the prediction.
        differentiated: whether the answer is differentiated, now or later.
        dtype: of the matrix products where it is a shorter one, see `animator.diffusion.precision`.
        recompute: whether activations are computed again instead of kept.
    """

    call: Call
    x: Tensor
    t: Tensor
    given: tuple[Any, ...] = ()
    slope: Tensor | None = None
    differentiated: bool = False
    dtype: torch.dtype | None = None
    recompute: bool = False


class Elsewhere(Protocol):
    """Answers questions in other processes."""

    def begin(self, weights: str) -> None:
        """Wait until somebody can be asked; ``weights`` are those that they must have, see `weights_of`."""
        ...

    def __call__(self, questions: Sequence[Question]) -> list[Answer]:
        """Return the answers, on the CPU, in the order of the questions."""
        ...


def predicted(network: Any, x: Tensor, t: Tensor) -> Tensor:
    """Return the noise that a network predicts, N x 3 x H x W; what it says of its variance is not sent."""
    answer: Tensor = network(x, t)[:, :3]
    return answer


def with_deep(network: Any, x: Tensor, t: Tensor) -> Answer:
    """Return the same, and the deep features of the network; see `animator.diffusion.kept.Layered`."""
    answer, deep = network.with_deep(x, t)
    return answer[:, :3], deep


def from_deep(network: Any, x: Tensor, t: Tensor, deep: Tensor) -> Tensor:
    """Return the same, made with deep features of before."""
    answer: Tensor = network.from_deep(x, t, deep)[:, :3]
    return answer


def answered(network: Any, question: Question, device: torch.device | str) -> Answer:
    """Answer a question.

    Args:
        network: what is asked; it is on ``device``.
        question: what.
        device: where to compute.

    Returns:
        Tensors on the CPU: the prediction and what comes beside it, or the gradient in the pictures.
    """
    kind = torch.device(device).type
    if isinstance(network, Recomputing):
        network.use_checkpoint = question.recompute
    x = question.x.to(device).requires_grad_(question.differentiated)
    given = [one.to(device) if hasattr(one, "to") else one for one in question.given]
    format_: AbstractContextManager[Any] = nullcontext()
    if question.dtype is not None:
        format_ = torch.autocast(kind, dtype=question.dtype)
    with torch.set_grad_enabled(question.differentiated):
        with format_:
            found = question.call(network, x, question.t.to(device), *given)
        answers = found if isinstance(found, tuple) else (found,)
        if question.slope is not None:
            answers = torch.autograd.grad(answers[0], x, question.slope.to(device))
    return tuple(sendable(one) for one in answers)


def ask_all(
    elsewhere: Elsewhere,
    call: Call,
    parts: Sequence[Tensor],
    t: Tensor,
    given: Sequence[tuple[Any, ...]],
    *,
    recompute: bool,
) -> list[Answer]:
    """Ask for all parts of a picture at once; differentiable in the parts where gradients are on.

    Args:
        elsewhere: who is asked.
        call: how.
        parts: pictures, each N x C x H x W.
        t: timesteps, shape (N,).
        given: what else, for each part.
        recompute: see `Question`.

    Returns:
        For each part the answer, on the part's device; deep features carry no gradient.
    """
    kind = t.device.type
    dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
    differentiated = torch.is_grad_enabled() and any(part.requires_grad for part in parts)
    plain = [tuple(map(_sent, more)) for more in given]
    when = sendable(t)

    def ask(parts: Sequence[Tensor], slopes: Sequence[Tensor | None]) -> list[Answer]:
        questions = [
            Question(
                call,
                sendable(part),
                when,
                more,
                None if slope is None else sendable(slope),
                differentiated,
                dtype,
                recompute,
            )
            for part, more, slope in zip(parts, plain, slopes, strict=True)
        ]
        return [tuple(one.to(t.device) for one in answer) for answer in elsewhere(questions)]

    if not differentiated:
        return ask(parts, [None] * len(parts))
    flat = _Answers.apply(ask, *parts)
    count = len(parts)
    return [tuple(flat[number::count]) for number in range(count)]


class _Answers(torch.autograd.Function):
    """All answers at once; the way back asks for all gradients at once.

    One node for all parts, so that the way back is spread, too; the parts are cut out of the picture before
    it, one by one, so that their gradients are added up in the order in which they are without it.
    """

    @staticmethod
    def forward(ctx: Any, ask: Any, *parts: Tensor) -> tuple[Tensor, ...]:
        """Return the predictions of all parts, then what comes beside each."""
        answers = ask(parts, [None] * len(parts))
        ctx.save_for_backward(*parts)
        ctx.ask = ask
        predictions = tuple(answer[0] for answer in answers)
        beside = tuple(one for answer in answers for one in answer[1:])
        ctx.mark_non_differentiable(*beside)
        return predictions + beside

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient in each part."""
        parts = ctx.saved_tensors
        return None, *(found for (found,) in ctx.ask(parts, slopes[: len(parts)]))


def sendable(tensor: Tensor) -> Tensor:
    """Return a tensor on the CPU, without a graph, and without the rest of one that it is a part of."""
    plain = tensor.detach().cpu()
    whole = plain.untyped_storage().nbytes()
    return plain.clone() if whole > plain.numel() * plain.element_size() else plain


def _sent(one: Any) -> Any:
    """Return a value as it is sent: a tensor, what holds tensors, or a number."""
    if isinstance(one, Tensor):
        return sendable(one)
    return one.to("cpu") if hasattr(one, "to") else one


def ask_elsewhere(engine: Any, elsewhere: Elsewhere) -> None:
    """Have an engine ask others for the tiles of its pictures from now on; see `Family.spreads_tiles`."""
    engine.elsewhere = elsewhere
    elsewhere.begin(weights_of(engine.networks.denoiser))


def weights_of(network: object) -> str:
    """Return a hash of all weights of a network, or of what holds several, with what lies over them.

    Where there are none it is an empty text.
    """
    found, count = hashlib.sha256(), 0
    for module in networks_of(network):
        every = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        for name, weights in sorted(every.items()):
            count += 1
            found.update(f"{name} {weights.dtype} {tuple(weights.shape)} ".encode())
            plain = weights.detach().cpu().contiguous().reshape(-1)
            found.update(plain.view(torch.uint8).numpy().data)
    return found.hexdigest() if count else ""


def in_way(network: Network) -> tuple[Call, tuple[Any, ...]]:
    """Return how another copy of a network is asked as this one is."""
    return (network.call, network.given) if isinstance(network, Asked) else (predicted, ())
