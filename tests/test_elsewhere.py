"""Tiles whose network is asked in another process: the same bytes, and little that is sent."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from animator.diffusion.elsewhere import (
    Answer,
    Asked,
    Question,
    answered,
    ask_elsewhere,
    predicted,
    sendable,
    weights_of,
)
from animator.diffusion.engine import GuidedDiffusion, Networks
from animator.diffusion.fake import solvable_network
from animator.diffusion.kept import Layered
from animator.diffusion.reading import Reader, followed
from animator.diffusion.tiles import TiledElsewhere, TiledLayersElsewhere, in_tiles, tiles_of
from animator.diffusion.unet import UNet, unet_config
from animator.diffusion.vdiffusion import VDiffusion
from animator.run.render import render_scene
from animator.run.reporter import Reporter
from animator.types import Prompt
from tests.golden_files import fill
from tests.test_engine import DIFFUSION, GUIDANCE, REQUEST, Colours, exact_network
from tests.test_thrift import Greedy
from tests.test_vdiffusion import TINY, TINY_UNET
from tests.wiring import scene

LARGE = replace(REQUEST, width=64, height=32, tiles=32)
MANY, STEPS = len(tiles_of(32, 64, 32)), 2
T = torch.tensor([400.0])


class Others:
    """Answers as other processes do: what they are sent, and what comes back, is written and read."""

    def __init__(self, network: object) -> None:
        self.network = network
        self.questions: list[Question] = []
        self.sent = 0
        self.weights: list[str] = []

    def begin(self, weights: str) -> None:
        self.weights.append(weights)

    def __call__(self, questions: Sequence[Question]) -> list[Answer]:
        self.questions += questions
        written = [pickle.dumps(question) for question in questions]
        self.sent += sum(map(len, written))
        found = [answered(self.network, pickle.loads(one), "cpu") for one in written]
        return [pickle.loads(pickle.dumps(answer)) for answer in found]


@pytest.fixture(scope="module")
def unet() -> UNet:
    return fill(UNet(unet_config({**TINY_UNET, "class_cond": False})), 0).requires_grad_(False)


def engine_of(network: object, reader: Reader | None = None, **changes: dict[str, object]) -> GuidedDiffusion:
    diffusion = DIFFUSION.model_copy(update={"steps": STEPS, **changes.get("diffusion", {})})
    guidance = GUIDANCE.model_copy(update=changes.get("guidance", {}))
    networks = Networks(denoiser=network, perceptors={"colours": Colours()}, reader=reader)  # type: ignore[arg-type]
    return GuidedDiffusion(networks, diffusion, guidance)


def both(engine: GuidedDiffusion, request=LARGE) -> tuple[Tensor, Tensor, Others]:
    """Return a picture painted here, painted by others, and these."""
    here = engine.paint(request)
    others = Others(engine.networks.denoiser)
    ask_elsewhere(engine, others)
    return here, engine.paint(request), others


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("checkpoint", [False, True])
def test_a_guided_picture_is_the_same_to_the_bit(unet: UNet, dtype: str, checkpoint: bool) -> None:
    engine = engine_of(unet, diffusion={"precision": dtype})
    engine.thrift = replace(engine.thrift, checkpoint=checkpoint)
    here, there, others = both(engine)
    assert torch.equal(here, there)
    # There, and back through every tile.
    assert len(others.questions) == 2 * STEPS * MANY
    assert [one.slope is not None for one in others.questions[: 2 * MANY]] == [False] * MANY + [True] * MANY
    assert {one.dtype for one in others.questions} == {torch.bfloat16 if dtype == "bfloat16" else None}
    assert {one.recompute for one in others.questions} == {checkpoint}
    assert others.weights == [weights_of(unet)]


def test_without_a_gradient_each_tile_is_asked_for_once(unet: UNet) -> None:
    engine = engine_of(unet, guidance={"clip_guidance_scale": 0})
    none = replace(LARGE, values={**LARGE.values, "guidance.clip_guidance_scale": np.zeros(1000)})
    here, there, others = both(engine, none)
    assert torch.equal(here, there)
    assert len(others.questions) == STEPS * MANY
    assert not any(one.differentiated for one in others.questions)


def test_deep_features_go_there_and_back(unet: UNet) -> None:
    engine = engine_of(unet, guidance={"clip_guidance_scale": 0}, diffusion={"reuse": 2})
    values = {"guidance.clip_guidance_scale": np.zeros(1000), "diffusion.reuse": np.full(1000, 2.0)}
    here, there, others = both(engine, replace(LARGE, values={**LARGE.values, **values}))
    assert torch.equal(here, there)
    assert {one.call.__name__ for one in others.questions} == {"with_deep", "from_deep"}
    guided = replace(LARGE, values={**LARGE.values, "diffusion.reuse": np.full(1000, 2.0)})
    here, there, _ = both(engine_of(unet, diffusion={"reuse": 2}), guided)
    assert torch.equal(here, there)


def test_a_network_that_reads_is_told_what_to_read() -> None:
    network = fill(VDiffusion(TINY), 0).requires_grad_(False)

    class Reads(Colours):
        def encode_text(self, texts: list[str]) -> Tensor:
            return torch.ones(len(texts), TINY.prompt) * torch.arange(1.0, 1 + len(texts))[:, None]

    engine = engine_of(network, Reader(Reads(), 2.0))
    prompts = (Prompt("red", 0.7), Prompt("blue", 0.3))
    here, there, others = both(engine, replace(LARGE, width=128, height=64, tiles=64, prompts=prompts))
    assert torch.equal(here, there)
    assert {one.call for one in others.questions} == {followed}


def test_gradients_of_tiles_that_overlap_are_added_in_the_same_order() -> None:
    """Sums of floats depend on their order; here up to four tiles meet, and the picture itself counts too."""
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.SiLU(), nn.Conv2d(8, 6, 3, padding=1))
    fill(network, 3).requires_grad_(False)

    def ask(x: Tensor, t: Tensor) -> Tensor:
        return network(x)

    others = Others(ask)
    picture = torch.randn(2, 3, 80, 96, generator=torch.Generator().manual_seed(4))
    found = []
    for asked in (in_tiles(ask, 32), in_tiles(ask, 32, elsewhere=others)):
        x = picture.clone().requires_grad_()
        eps = asked(x, T.expand(2))[:, :3]
        ((x - 0.3 * eps).sin() * 1.7 + x).square().sum().backward()
        found.append((eps.detach(), x.grad))
    assert torch.equal(found[0][0], found[1][0])
    assert torch.equal(found[0][1], found[1][1])
    assert len(tiles_of(80, 96, 32)) > 9


def test_only_a_tile_is_sent_and_only_the_noise_comes_back(unet: UNet) -> None:
    engine = engine_of(unet, guidance={"clip_guidance_scale": 0})
    none = replace(LARGE, values={**LARGE.values, "guidance.clip_guidance_scale": np.zeros(1000)})
    *_, others = both(engine, none)
    tile = 3 * 32 * 32 * 4
    assert tile < others.sent / len(others.questions) < tile + 2000
    assert answered(unet, others.questions[0], "cpu")[0].shape == (1, 3, 32, 32)
    whole = torch.zeros(1, 3, 64, 64)
    assert len(pickle.dumps(sendable(whole[..., :32, :]))) < 1.1 * len(
        pickle.dumps(whole[..., :32, :].clone())
    )


def test_what_others_have_no_memory_for_is_tried_with_less() -> None:
    here = engine_of(exact_network).paint(LARGE)
    engine = engine_of(Greedy())
    ask_elsewhere(engine, Others(Greedy()))
    assert torch.equal(engine.paint(LARGE), here)
    assert engine.thrift.checkpoint


def test_an_interrupt_comes_out_of_the_way_back() -> None:
    class Interrupted(Others):
        def __call__(self, questions: Sequence[Question]) -> list[Answer]:
            if questions[0].slope is not None:
                raise KeyboardInterrupt
            return super().__call__(questions)

    engine = engine_of(exact_network)
    ask_elsewhere(engine, Interrupted(exact_network))
    with pytest.raises(KeyboardInterrupt):
        engine.paint(LARGE)


def test_a_twin_in_float32_asks_the_same(unet: UNet) -> None:
    engine = engine_of(unet, diffusion={"precision": "bfloat16"})
    others = Others(unet)
    ask_elsewhere(engine, others)
    engine.in_float32().paint(LARGE)
    assert {one.dtype for one in others.questions} == {None}


def test_networks_are_told_apart_by_their_weights(unet: UNet) -> None:
    first, second = nn.Linear(2, 2), nn.Linear(2, 2)
    second.load_state_dict(first.state_dict())
    assert weights_of(first) == weights_of(second) != weights_of(unet)
    with torch.no_grad():
        second.bias[1] += 1e-6
    assert weights_of(first) != weights_of(second)
    assert weights_of(first.bfloat16()) != ""
    plain = weights_of(first)
    first.register_buffer("laid over it", torch.ones(1), persistent=False)
    assert weights_of(first) != plain
    assert weights_of(exact_network) == ""


def test_who_is_asked_follows_from_the_network(unet: UNet) -> None:
    others = Others(unet)
    assert isinstance(in_tiles(unet, 32, elsewhere=others), TiledLayersElsewhere)
    plain = in_tiles(Asked(unet, predicted), 32, elsewhere=others)
    assert isinstance(plain, TiledElsewhere)
    assert not isinstance(plain, Layered)
    assert in_tiles(unet, 0, elsewhere=others) is unet


@pytest.mark.parametrize(
    ("settings", "made"), [(("mode=still",), 2), (("mode=2d", "frames=2", "camera.zoom=1.05"), 4)]
)
def test_a_run_is_the_same_and_so_are_larger_frames_of_films(settings, made: int, tmp_path: Path) -> None:
    loaded = scene(tmp_path, *settings, "hires.scale=2", "hires.tiles=64")
    others = Others(solvable_network)
    for name, asked in (("here", None), ("there", others)):
        render_scene(loaded, Reporter(), out=tmp_path / name, report=False, elsewhere=asked)
    here, there = (
        {str(one.relative_to(tmp_path / name)): one.read_bytes() for one in (tmp_path / name).rglob("*.png")}
        for name in ("here", "there")
    )
    assert here == there
    assert len(here) == made
    assert others.questions
    assert {tuple(one.x.shape) for one in others.questions} == {(1, 3, 64, 64)}
