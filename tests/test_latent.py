"""Latent diffusion as an engine: prompts, LoRAs, guidance by CLIP, noise that moves, memory, and no drift."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

pytest.importorskip("diffusers")

from animator.diffusion.fake import FakePerceptor
from animator.diffusion.memory_saving import CPU
from animator.errors import MemoryShortage
from animator.latent.clip_guidance import ClipGuidance
from animator.latent.codec import Codec, restored
from animator.latent.control import depth_picture
from animator.latent.emphasis import fragments
from animator.latent.ip_adapter import IpAdapter
from animator.latent.lora import Loras
from animator.latent.noise import coarse, latent_noise
from animator.latent.painting import Networks
from animator.latent.said import said_by
from animator.latent.saving import Saving
from animator.latent.schedules import latent_schedule
from animator.latent.text import Reader
from animator.settings.diffusion import DiffusionOptions
from animator.settings.guidance import GuidanceOptions
from animator.settings.latent import LatentOptions
from animator.types import GrainNoise, Prompt
from animator.warp.grains import Grains, born, carried
from tests.test_latent_equal import (
    SAID,
    STEPS,
    Watched,
    asked,
    engine,
    parts_of,
    picture,
    request,
    stock,
    words,
)
from tests.tiny_latent import adapter, lora, pipeline, vae

__all__ = ["stock", "words"]


@pytest.fixture(scope="module")
def reader(stock: Callable[[str], Any]) -> Reader:
    return Reader(parts_of(stock("sd1"), "sd1").text, False, CPU)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a sea", [("a sea", 1)]),
        ("(a sea)", [("a sea", 1.1)]),
        ("((a) sea:0.5)", [("a", 0.55), (" sea", 0.5)]),
        ("at 16:9 (", [("at 16:9 (", 1)]),
        (r"\(sea:1.2\)", [("(sea:1.2)", 1)]),
        ("sea) a", [("sea) a", 1)]),
    ],
)
def test_emphasis_is_read(text: str, expected: list[tuple[str, float]]) -> None:
    assert fragments(text) == [(words, pytest.approx(factor)) for words, factor in expected]


def test_what_is_stressed_changes_its_own_tokens_most(reader: Reader) -> None:
    plain, loud = (reader.read(text).states for text in ("a red sea", "a (red:1.4) sea"))
    moved = (plain - loud).square().sum(dim=-1)[0]
    assert int(moved.argmax()) == 2, "begin, a, red"
    assert float(loud.std()) == pytest.approx(float(plain.std()), rel=1e-3)


def test_long_prompts_are_read_in_chunks(reader: Reader) -> None:
    long = " ".join(["sea"] * 80)
    assert reader.read(long).states.shape == (1, 2 * 77, 32)
    assert torch.equal(reader.read(" ".join(["sea"] * 75)).states, reader.read(long).states[:, :77])
    assert reader.read("fog", 2).states.shape == (1, 2 * 77, 32)


def states(reader: Reader, *prompts: Prompt, negative: str = "", position: int = 0) -> list[torch.Tensor]:
    return [one.states for one in said_by(reader, prompts, negative)(position)]


def test_prompts_are_blended_by_their_weights(reader: Reader) -> None:
    sea, fog, empty, dull = (reader.read(text).states for text in ("sea", "fog", "", "dull"))
    wanted, unwanted = states(reader, Prompt("sea", 3), Prompt("fog", 1))
    torch.testing.assert_close(wanted, 0.75 * sea + 0.25 * fog)
    torch.testing.assert_close(unwanted, empty)
    wanted, unwanted = states(reader, Prompt("sea", 2), Prompt("fog", -0.5), negative="dull")
    torch.testing.assert_close(wanted, sea)
    torch.testing.assert_close(unwanted, 0.25 * fog + 0.75 * dull)
    course = Prompt("fog", 0.5, course=((0.0, 500), (1.0, 500)))
    torch.testing.assert_close(states(reader, Prompt("sea"), course, position=0)[0], sea)
    torch.testing.assert_close(states(reader, Prompt("sea"), course, position=999)[0], (sea + fog) / 2)


def test_strength_over_the_diffusion_and_without_prompts(stock: Callable[[str], Any]) -> None:
    one = engine(stock("sd1"), "sd1")
    usual = one.latents(request())
    strong = one.latents(request(values={"latent.cfg_scale": np.full(1000, 12.0)}))
    halves = np.repeat([6.0, 12.0], 500)
    mixed = one.latents(request(values={"latent.cfg_scale": halves}))
    assert not torch.equal(usual, strong)
    assert not torch.equal(usual, mixed)
    assert not torch.equal(strong, mixed)
    none = one.latents(request(values={"latent.cfg_scale": np.ones(1000)}))
    torch.testing.assert_close(none, asked(stock("sd1"), guidance_scale=1.0), atol=1e-5, rtol=1e-5)


@pytest.mark.slow
def test_a_lora_lies_over_the_networks(words: Path) -> None:
    file = str(lora(words))
    parts = parts_of(pipeline("sd1", words), "sd1")
    options = LatentOptions(negative_prompt="fog", cfg_scale=6, loras={file: 0.7})
    networks = Networks(parts, loras=Loras(parts, [Path(file)]))
    ours = Watched(networks, DiffusionOptions(steps=STEPS, eta=0), options)
    pipe = pipeline("sd1", words)
    plain = asked(pipe)
    pipe.load_lora_weights(words, weight_name=Path(file).name, adapter_name="one")
    pipe.set_adapters(["one"], [0.7])
    torch.testing.assert_close(ours.latents(request()), asked(pipe), atol=3e-5, rtol=1e-5)
    off = request(values={f"latent.loras.{file}": np.zeros(1000)})
    torch.testing.assert_close(ours.latents(off), plain, atol=3e-5, rtol=1e-5)


def guided_by_clip(pipe: Any, **guidance: Any) -> Watched:
    cuts = {"overview": 2, "innercut": 2}
    options = GuidanceOptions(**{"clip_models": {"eye": 1}, "cuts": cuts, **guidance})
    diffusion = DiffusionOptions(steps=STEPS, eta=0)
    clip = ClipGuidance({"eye": FakePerceptor("eye")}, diffusion, options, CPU, lambda name: picture())
    one = Watched(Networks(parts_of(pipe, "sd1"), clip=clip), diffusion, LatentOptions(cfg_scale=1))
    return one


CUTS = {f"guidance.cuts.{name}": np.full(1000, value) for name, value in (("ic_pow", 1.0), ("icgray_p", 0.0))}


def test_clip_pulls_a_latent_picture_to_its_prompt(stock: Callable[[str], Any]) -> None:
    red = replace(request(values=CUTS), prompts=(Prompt("red"),), written=(Prompt("red"),))
    seen: list[float] = []
    one = guided_by_clip(stock("sd1"), clamp_max=0.5)
    one.paint(red, lambda step: seen.append(float(step.losses["clip eye"])))
    free = engine(stock("sd1"), "sd1", cfg_scale=1)
    assert len(seen) == STEPS
    assert seen[-1] < seen[0]
    assert redness(one.paint(red)) > redness(free.paint(red)) + 0.01
    assert torch.equal(one.paint(red), one.paint(red))


def redness(frame: torch.Tensor) -> float:
    return float(frame[0].mean() - frame[1:].mean())


def test_without_strength_clip_is_not_asked(stock: Callable[[str], Any]) -> None:
    idle = guided_by_clip(stock("sd1"), clip_guidance_scale=0, range_scale=0)
    free = engine(stock("sd1"), "sd1", cfg_scale=1)
    assert torch.equal(idle.latents(request(values=CUTS)), free.latents(request()))


def test_moved_noise_is_white_and_moves_by_parts_of_a_latent() -> None:
    side, factor = 128, 8
    grains = born(5, side, side)
    y, x = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    shift = 4
    grid = torch.stack([(x - shift + 0.5) * 2 / side - 1, (y + 0.5) * 2 / side - 1], dim=-1).float()
    moved = carried(grains, grid, x < shift, 9)
    first, second = (of_grains(one, side, factor) for one in (grains, moved))
    assert first.shape == (4, side // factor, side // factor)
    assert float(first.mean()) == pytest.approx(0, abs=0.1)
    assert float(first.std()) == pytest.approx(1, abs=0.1)
    assert float((first[0] * first[3]).mean()) == pytest.approx(0, abs=0.2), "channels have nothing in common"
    half = float((first * second)[..., 1:].mean()), float((first[..., :-1] * second[..., 1:]).mean())
    assert half == (pytest.approx(0.5, abs=0.12), pytest.approx(0.5, abs=0.12)), "half a latent to the right"


def of_grains(grains: Grains, side: int, factor: int) -> torch.Tensor:
    asked_for = replace(request(noise=GrainNoise(grains.identities, grains.places)), width=side, height=side)
    return latent_noise([asked_for], CPU, 4, factor)("noise", [torch.Generator()])[0]


def test_a_square_of_pixels_is_uncovered_where_any_is() -> None:
    mask = torch.zeros(64, 64, dtype=torch.bool)
    mask[9, 17] = True
    assert coarse(mask, 8).nonzero().tolist() == [[1, 2]]


def test_depth_is_shown_near_white() -> None:
    shown = depth_picture(torch.tensor([[1.0, 2.0], [4.0, 4.0]]))
    assert shown.shape == (3, 2, 2)
    assert shown[0].tolist() == [[1.0, pytest.approx(1 / 3)], [0.0, 0.0]]
    assert float(depth_picture(torch.full((2, 2), 3.0)).max()) == 0


def test_less_memory_level_by_level(stock: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    one = engine(stock("sd1"), "sd1")
    usual = one.paint(request())
    refusals = 3
    decode = one.codec.decode

    def short(latents: torch.Tensor) -> torch.Tensor:
        nonlocal refusals
        refusals -= 1
        if refusals >= 0:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return decode(latents)

    monkeypatch.setattr(one.codec, "decode", short)
    spared = one.paint(request())
    assert one.saving == Saving(together=False, tiles=True, slices=True)
    assert str(one.saving) == "passes one by one, the autoencoder in tiles, attention in slices"
    torch.testing.assert_close(spared, usual, atol=1e-4, rtol=1e-4)
    refusals = 9
    with pytest.raises(MemoryShortage, match="do not fit into the memory"):
        one.paint(request())


@pytest.mark.slow
def test_a_codec_leaves_no_trace_on_what_is_not_painted() -> None:
    torch.manual_seed(3)
    codec = Codec(vae(4))
    first = held = free = picture()[None, :, :24, :24] * 2 - 1
    for _ in range(200):
        coded = codec.decode(codec.encode(held))
        held = restored(coded, held, coded).clamp(-1, 1)
    for _ in range(3):
        free = codec.decode(codec.encode(free)).clamp(-1, 1)
    assert float((held - first).abs().max()) < 1e-4
    assert float((free - first).abs().mean()) > 0.1, "a codec without numbers forgets a picture at once"


def test_what_is_painted_over_is_not_put_back() -> None:
    init, coded = torch.zeros(1, 3, 16, 16), torch.full((1, 3, 16, 16), 0.2)
    painted = coded.clone()
    painted[..., 8:] = 0.9
    result = restored(painted, init, coded)
    assert float(result[..., 0].max()) == pytest.approx(0, abs=1e-6)
    assert float((result - painted)[..., -1].abs().max()) < 0.01


@pytest.mark.parametrize(
    ("spacing", "few", "places"),
    [
        ("auto", "", [1, 251, 501, 751]),
        ("trailing", "", [249, 499, 749, 999]),
        ("linspace", "", [0, 333, 666, 999]),
        ("auto", "turbo", [249, 499, 749, 999]),
        ("auto", "lcm", [259, 499, 759, 999]),
    ],
)
def test_levels(spacing: str, few: str, places: list[int]) -> None:
    trained = {"steps_offset": 1, "set_alpha_to_one": False}
    found = latent_schedule(trained, 4, spacing, few)
    assert found.timestep_map.tolist() == places
    assert (found.alpha_bar_prev[0] < 1) == (not few)


def test_noise_without_any_picture_divides_by_nothing() -> None:
    found = latent_schedule({"rescale_betas_zero_snr": True}, 4, "trailing")
    assert found.alpha_bar[-1] == 2**-24
    assert (np.diff(found.alpha_bar) < 0).all()


@pytest.mark.slow
def test_pictures_speak_by_an_adapter_as_in_the_stock_pipeline(words: Path) -> None:
    file, seeing = adapter(words)
    parts = parts_of(pipeline("sd1", words), "sd1")
    looking = IpAdapter(parts, file, seeing)
    networks = Networks(parts, adapter=looking, open_image=lambda name: picture(int(name)))
    options = LatentOptions(negative_prompt="fog", cfg_scale=6, ip_adapter={"scale": 0.7})
    ours = Watched(networks, DiffusionOptions(steps=STEPS, eta=0), options)
    said = (*SAID, Prompt("2", 1, image=True))
    shown = ours.latents(replace(request(), prompts=said, written=said))

    pipe = pipeline("sd1", words)
    plain = asked(pipe)
    state = {part: {} for part in ("image_proj", "ip_adapter")}
    for name, one in load_file(file).items():
        part, _, rest = name.partition(".")
        state[part][rest] = one
    pipe.unet._load_ip_adapter_weights([state], low_cpu_mem_usage=False)
    pipe.set_ip_adapter_scale(0.7)
    wanted, unwanted = looking.seen(said, lambda name: picture(int(name)), CPU) or pytest.fail("no picture")
    theirs = asked(pipe, ip_adapter_image_embeds=[torch.cat([unwanted, wanted])])
    torch.testing.assert_close(shown, theirs, atol=3e-5, rtol=1e-5)
    assert float((shown - plain).abs().max()) > 0.01, "the picture does something"
    torch.testing.assert_close(ours.latents(request()), plain, atol=3e-5, rtol=1e-5)
    half = (*SAID, Prompt("2", 3, image=True), Prompt("5", 1, image=True))
    mixed, _ = looking.seen(half, lambda name: picture(int(name)), CPU) or pytest.fail("no picture")
    other, _ = looking.seen(half[2:], lambda name: picture(int(name)), CPU) or pytest.fail("no picture")
    torch.testing.assert_close(mixed, 0.75 * wanted + 0.25 * other)


@pytest.mark.parametrize(("kind", "few"), [("sd1", "none"), ("sd1", "lcm")])
def test_a_draft_that_is_finished_is_the_picture_itself(
    kind: str, few: str, stock: Callable[[str], Any]
) -> None:
    one = engine(stock(kind), kind, few_steps=few, eta=0.8)
    wanted = request()
    (draft,) = one.paint_together([wanted], stop_at=0.4)
    assert draft.unfinished is not None
    (finished,) = one.paint_together([wanted], unfinished=[draft.unfinished])
    assert finished.unfinished is None
    assert torch.equal(finished.picture, one.paint(wanted))
    assert not torch.equal(draft.picture, finished.picture)
