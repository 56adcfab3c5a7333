"""What happens where the memory does not suffice: the same picture, painted again with less at once."""

from __future__ import annotations

import logging
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from animator.diffusion.cutouts import CutSettings, make_cuts
from animator.diffusion.engine import GuidedDiffusion, Networks
from animator.diffusion.guidance import Guide
from animator.diffusion.memory_saving import Places, Thrift, out_of_memory, reported_once, tried
from animator.diffusion.noise_schedule import full_schedule
from animator.diffusion.step_values import StepValues
from animator.diffusion.target import Target
from animator.diffusion.unet import UNet, unet_config
from animator.errors import AnimatorError
from animator.system.convert import signed_to_unit
from animator.types import PaintStep, Prompt
from tests.golden_files import fill, load_json
from tests.test_engine import DIFFUSION, GUIDANCE, REQUEST, Colours, exact_network, toy_engine

CUTS = {"cuts.overview": 1.0, "cuts.innercut": 5.0}
SIX = {f"guidance.{name}": np.full(1000, value) for name, value in CUTS.items()}
REQUEST = replace(REQUEST, values=SIX)
SHORTAGE = "CUDA out of memory. Tried to allocate 2.00 GiB"


class Narrow(Colours):
    """Holds a few cuts at once."""

    def __init__(self, most: int, fault: Exception | None = None) -> None:
        super().__init__()
        self.most = most
        self.fault = fault or torch.OutOfMemoryError(SHORTAGE)
        self.sizes: list[int] = []

    def encode_images(self, batch: Tensor) -> Tensor:
        self.sizes.append(len(batch))
        if len(batch) > self.most:
            raise self.fault
        return super().encode_images(batch)


class Curved(nn.Module):
    """A perceptor of one hidden layer, with weights of its own."""

    name, size = "colours", 8

    def __init__(self) -> None:
        super().__init__()
        self.layers = fill(nn.Sequential(nn.Flatten(), nn.Linear(192, 16), nn.GELU(), nn.Linear(16, 3)), 1)
        self.requires_grad_(False)

    def encode_text(self, texts: list[str]) -> Tensor:
        return Colours().encode_text(texts)

    def encode_images(self, batch: Tensor) -> Tensor:
        return self.layers(batch)


class Greedy(nn.Module):
    """A denoiser that cannot be differentiated unless it computes its activations anew."""

    def __init__(self) -> None:
        super().__init__()
        self.use_checkpoint = False

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        if torch.is_grad_enabled() and not self.use_checkpoint:
            raise torch.OutOfMemoryError(SHORTAGE)
        return exact_network(x, t)


def engine_of(denoiser, perceptor, **diffusion) -> GuidedDiffusion:
    networks = Networks(denoiser, {"colours": perceptor})
    return GuidedDiffusion(networks, DIFFUSION.model_copy(update=diffusion), GUIDANCE)


def test_levels_follow_one_another_up_to_the_last() -> None:
    most = Thrift(parts=12, checkpoint=True, offload=True)
    assert Thrift(together=True).next(most) == Thrift()
    assert str(Thrift()) == "cuts batch by batch"
    levels = [Thrift()]
    while (level := levels[-1].next(most)) is not None:
        levels.append(level)
    assert [level.parts for level in levels[:5]] == [1, 2, 4, 8, 12]
    assert levels[5:] == [replace(most, offload=False), most]
    assert Thrift(parts=4).next(Thrift(parts=3)) is None
    assert str(most) == "cuts in 12 parts, activations recomputed, idle networks off the device"


@pytest.mark.slow
@pytest.mark.parametrize(("batches", "sizes"), [(2, [12, 6, 6]), (1, [6])])
def test_batches_are_looked_at_together_while_memory_lasts(batches: int, sizes: list[int]) -> None:
    perceptor = Narrow(6)
    engine = engine_of(exact_network, perceptor, skip_end_steps=DIFFUSION.steps - 1)
    engine.thrift = Thrift(together=True)
    counted = {**REQUEST.values, "guidance.cutn_batches": np.full(1000, float(batches))}
    engine.paint(replace(REQUEST, values=counted))
    assert perceptor.sizes == sizes
    assert engine.thrift == Thrift(together=batches == 1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "shortage"),
    [
        (torch.OutOfMemoryError(SHORTAGE), True),
        (MemoryError(), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:1] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes"), True),
        (RuntimeError("The size of tensor a must match the size of tensor b"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_shortages_are_told_from_other_errors(fault: Exception, shortage: bool) -> None:
    def failing() -> None:
        raise fault

    assert out_of_memory(fault) is shortage
    if shortage:
        assert tried(failing) is None
    else:
        with pytest.raises(type(fault)):
            tried(failing)


def test_the_machines_own_error_is_known() -> None:
    with pytest.raises((RuntimeError, MemoryError)) as caught:
        torch.empty(2**62, dtype=torch.uint8)
    assert out_of_memory(caught.value)


@pytest.mark.slow
def test_what_a_failed_attempt_held_is_free_afterwards() -> None:
    held = []

    def failing() -> None:
        big = torch.zeros(8)
        held.append(weakref.ref(big))
        raise torch.OutOfMemoryError(SHORTAGE)

    assert tried(failing) is None
    assert held[0]() is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault", [None, MemoryError(), RuntimeError("DefaultCPUAllocator: not enough memory")]
)
def test_cuts_are_looked_at_in_parts_until_they_fit(caplog, fault) -> None:
    whole = engine_of(exact_network, Colours()).paint(REQUEST)
    narrow = Narrow(2, fault)
    engine = engine_of(exact_network, narrow)
    with caplog.at_level(logging.WARNING):
        found = engine.paint(REQUEST)
    assert narrow.sizes[:5] == [6, 3, 2, 2, 2]
    assert engine.thrift == Thrift(parts=4)
    assert torch.equal(found, whole)
    again = "frame 3: out of memory at 24 x 16 pixels; painted again from its beginning, from now on with"
    levels = ("cuts in 2 parts", "cuts in 4 parts")
    assert [record.getMessage() for record in caplog.records] == [f"{again} {level}" for level in levels]
    narrow.sizes.clear()
    engine.paint(replace(REQUEST, frame=4))
    assert set(narrow.sizes) == {2}


@pytest.mark.slow
def test_a_curved_perceptor_gives_the_same_frame_in_parts() -> None:
    engine = engine_of(exact_network, Curved())
    request = replace(REQUEST, values={**SIX, "guidance.clip_guidance_scale": np.full(1000, 100.0)})
    whole = engine.paint(request)
    assert not torch.allclose(whole, engine.paint(replace(request, prompts=())), atol=0.05)
    for parts in (2, 4, 5, 6, 99):
        engine.thrift = Thrift(parts=parts)
        torch.testing.assert_close(engine.paint(request), whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
def test_the_gradient_in_parts_is_that_of_the_whole_loss(parts: int) -> None:
    """Against automatic differentiation of the mean distance, for two pictures at once."""
    perceptor = Curved()
    seen = torch.randn(2, 3, 16, 24, generator=torch.Generator().manual_seed(1)).requires_grad_()
    target = Target(
        "colours", 8, perceptor.encode_images, torch.tensor([[1.0, 0.1, 0.1]]), torch.tensor([1.0])
    )
    values = StepValues(CutSettings(overview=2, innercut=5), {"colours": 1.0}, 100.0)
    batches = []

    def encode(cuts: Tensor) -> Tensor:
        batches.append(len(cuts))
        return perceptor.encode_images(cuts)

    def guide(parts: int, target: Target) -> Guide:
        generators = [torch.Generator().manual_seed(seed) for seed in (3, 4)]
        return Guide(full_schedule(8), [target], lambda index: values, generators, parts=parts)

    expected = []
    for n, generator in enumerate(guide(1, target).generators):
        cuts = make_cuts(signed_to_unit(seen[n : n + 1]), 8, values.cuts, generator)
        expected.append(target.distance(perceptor.encode_images(cuts)[None], 0.0).mean())
    (wanted,) = torch.autograd.grad(torch.stack(expected).sum(), seen)
    counted = guide(parts, replace(target, encode=encode))
    loss = counted.prompt_loss(seen, counted.targets[0], values)
    torch.testing.assert_close(loss.detach(), torch.stack(expected).detach(), rtol=1e-5, atol=1e-7)
    (found,) = torch.autograd.grad(loss.sum(), seen)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6 * float(wanted.abs().max()))
    assert max(batches) == 2 * -(-7 // parts)
    assert sum(batches) == 14


@pytest.mark.slow
def test_a_denoiser_that_is_too_large_computes_its_activations_anew(caplog) -> None:
    engine = engine_of(Greedy(), Colours())
    with caplog.at_level(logging.WARNING):
        found = engine.paint(REQUEST)
    assert torch.equal(found, engine_of(exact_network, Colours()).paint(REQUEST))
    assert engine.thrift == Thrift(parts=6, checkpoint=True)
    assert "from now on with cuts in 6 parts, activations recomputed" in caplog.text


@pytest.mark.slow
def test_without_prompts_there_are_no_parts_to_try() -> None:
    engine = engine_of(Greedy(), Colours())
    values = {**SIX, "guidance.tv_scale": np.full(1000, 10.0)}
    engine.paint(replace(REQUEST, prompts=(), values=values))
    assert engine.thrift == Thrift(checkpoint=True)


@pytest.mark.slow
def test_the_unet_gives_the_same_frame_with_its_activations_recomputed() -> None:
    network = fill(UNet(unet_config(load_json("guidance")["unet"])), 0).requires_grad_(False)
    engine = engine_of(network, Colours(), steps=2)
    request = replace(REQUEST, width=64, height=32)
    whole = engine.paint(request)
    kept = []
    engine.thrift = Thrift(checkpoint=True)
    hook = network.middle_block.register_forward_pre_hook(lambda *_: kept.append(torch.is_grad_enabled()))
    assert torch.equal(engine.paint(request), whole)
    hook.remove()
    assert len(kept) == 2 * 2  # once forwards, once more on the way back, at each of two steps


def test_a_network_that_recomputes_already_is_left_as_it_is() -> None:
    denoiser = Greedy()
    denoiser.use_checkpoint = True
    engine = engine_of(denoiser, Colours())
    assert engine.thrift == Thrift(checkpoint=True)
    engine.paint(REQUEST)
    assert denoiser.use_checkpoint is True


@pytest.mark.slow
def test_where_nothing_helps_one_line_says_so() -> None:
    class Full(Greedy):
        def forward(self, x: Tensor, t: Tensor) -> Tensor:
            raise torch.OutOfMemoryError(SHORTAGE)

    with pytest.raises(AnimatorError) as caught:
        engine_of(Full(), Colours()).paint(REQUEST)
    assert str(caught.value) == (
        "frame 3: 24 x 16 pixels do not fit into the memory of the device cpu (tried: cuts in 6 parts, "
        "activations recomputed); use a smaller size, fewer or smaller guidance.clip_models, or "
        "diffusion.secondary: true"
    )
    with pytest.raises(AnimatorError, match="tried: cuts in 6 parts"):
        engine_of(exact_network, Narrow(0)).paint(REQUEST)


def test_other_errors_pass_through() -> None:
    with pytest.raises(RuntimeError, match="shapes differ"):
        engine_of(exact_network, Narrow(0, RuntimeError("shapes differ"))).paint(REQUEST)


@pytest.mark.slow
def test_a_repeated_step_is_told_once() -> None:
    told: list[int] = []
    narrow = Narrow(2)
    engine = engine_of(exact_network, narrow)

    def watch(step: PaintStep) -> None:
        told.append(step.done)

    # The memory runs out in the middle: the cuts become more at the fourth step.
    counts = np.r_[np.full(500, 1.0), np.full(500, 5.0)]
    engine.paint(replace(REQUEST, values={**SIX, "guidance.cuts.innercut": counts}), watch)
    assert narrow.sizes.count(6) == 1
    assert told == list(range(1, 9))
    assert reported_once(None) is None


class Moved(nn.Module):
    """A network whose weights are of no use while it is away; writes down where it goes."""

    def __init__(self, called: str, moves: list[str], inner: nn.Module) -> None:
        super().__init__()
        self.called, self.moves, self.inner = called, moves, inner
        self.at_home: list[Tensor] | None = None

    def move(self, away: bool) -> None:
        self.moves.append(f"{self.called} {'leaves' if away else 'comes'}")
        if away and self.at_home is None:
            self.at_home = [weight.data for weight in self.inner.parameters()]
            for weight in self.inner.parameters():
                weight.data = torch.full_like(weight.data, torch.nan)
        elif not away and self.at_home is not None:
            for weight, data in zip(self.inner.parameters(), self.at_home, strict=True):
                weight.data = data
            self.at_home = None

    def forward(self, *arguments):
        return self.inner(*arguments)


class Scaled(nn.Module):
    """The exact denoiser, times a weight of one that its gradient needs."""

    def __init__(self) -> None:
        super().__init__()
        self.one = nn.Parameter(torch.ones(()), requires_grad=False)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return exact_network(x, t) * self.one


def test_networks_that_do_not_work_are_away(monkeypatch) -> None:
    """One perceptor at a time, the denoiser gone while they look and back for the gradient."""
    moves: list[str] = []

    class Held(Curved):
        def __init__(self, called: str) -> None:
            super().__init__()
            self.layers = Moved(called, moves, self.layers)

    # Only the networks inside are moved here: a perceptor need not be a network itself.
    class Perceptor:
        size = 8

        def __init__(self, called: str) -> None:
            self.name, self.network = called, Held(called).layers

        encode_text = Curved.encode_text

        def encode_images(self, batch: Tensor) -> Tensor:
            return self.network(batch)

    def painter() -> GuidedDiffusion:
        models = {"one": 1.0, "two": 1.0}
        return GuidedDiffusion(
            Networks(Moved("denoiser", moves, Scaled()), {name: Perceptor(name) for name in models}),
            DIFFUSION.model_copy(update={"steps": 1}),
            GUIDANCE.model_copy(update={"clip_models": models}),
        )

    whole = painter().paint(REQUEST)
    monkeypatch.setattr(
        "animator.diffusion.memory_saving._move",
        lambda networks, device: [network.move(device is not HOME) for network in networks],
    )
    HOME = torch.device("cpu")
    engine = painter()
    engine._places.device = HOME
    engine.thrift = Thrift(offload=True)
    moves.clear()
    assert torch.equal(engine.paint(REQUEST), whole)
    text = [f"denoiser {move}" for move in ("leaves", "comes")]
    visits = {name: [f"{name} comes", f"{name} leaves"] for name in ("one", "two")}
    settled = ["one leaves", "two leaves", "denoiser comes"]
    reading = [text[0], *visits["one"], text[1], text[0], *visits["two"], text[1]]
    assert moves == [*settled, *reading, text[0], *visits["one"], *visits["two"], text[1]]
    moves.clear()
    engine.paint(replace(REQUEST, prompts=(Prompt("red"),)))
    assert moves == [*settled, text[0], *visits["one"], *visits["two"], text[1]]


def test_networks_that_an_error_left_elsewhere_are_settled() -> None:
    moves: list[str] = []

    class Noted(nn.Module):
        def to(self, device):
            moves.append(str(device))
            return self

    places = Places(torch.device("meta"), [Noted()], {"one": [Noted()]}, apart=True)
    with pytest.raises(RuntimeError, match="full"), places.looking(), places.visit("one"):
        raise RuntimeError("full")
    assert moves == ["cpu", "meta"]
    moves.clear()
    places.settle()
    assert moves == ["cpu", "meta"]
    places.apart = False
    moves.clear()
    with places.looking(), places.visit("one"):
        places.settle()
    assert moves == []


def test_toy_engine_starts_without_thrift() -> None:
    assert toy_engine().thrift == Thrift()
