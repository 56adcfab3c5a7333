"""The bundled networks and the world they were trained on."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open

from animator.diffusion.checkpoints import load_diffusion, load_secondary
from animator.diffusion.noise_schedule import full_schedule
from animator.diffusion.prediction import network_denoiser
from animator.diffusion.secondary import secondary_denoiser
from animator.pocket.train.evaluate import estimates, held_out, retrieval
from animator.pocket.train.pictures import HELD_OUT, bytes_to_depth, depth_to_bytes
from animator.pocket.train.session import Budget, Session
from animator.pocket.world.draw import FAR, draw
from animator.pocket.world.palette import WORDS
from animator.pocket.world.spec import caption, draw_spec

PACKAGE = Path(__file__).parents[1] / "animator" / "pocket"


def test_a_seed_is_a_picture() -> None:
    for seed in (3, 4):
        first, second = draw(draw_spec(seed), 96, 64), draw(draw_spec(seed), 96, 64)
        assert np.array_equal(first[0], second[0])
        assert np.array_equal(first[1], second[1])
    assert not np.array_equal(draw(draw_spec(3), 96, 64)[0], draw(draw_spec(4), 96, 64)[0])


@pytest.mark.parametrize("seed", range(12))
def test_depth_is_true(seed: int) -> None:
    rgb, depth = draw(draw_spec(seed), 96, 64)
    assert rgb.shape == (64, 96, 3)
    assert rgb.dtype == np.uint8
    assert depth.dtype == np.float32
    assert depth.min() > 0
    assert depth.max() == FAR
    assert rgb.std() > 3
    # The sky is far and the ground at one's feet is near.
    assert np.median(depth[0]) == FAR
    assert np.median(depth[-1]) < 2.5


def test_captions_say_nothing_false() -> None:
    times = ("day", "dawn", "sunset", "night")
    things = ("lighthouse", "house", "castle", "tower", "boat", "pyramid", "balloon")
    rng = np.random.default_rng(0)
    for seed in range(400):
        spec = draw_spec(seed)
        text = caption(spec, rng)
        for time_of_day in times:
            if time_of_day != spec.time:
                assert not any(words in text for words in WORDS[time_of_day]), (text, spec)
        for thing in things:
            if thing != spec.thing:
                assert not any(text.startswith(f"a {words} ") for words in WORDS[thing]), (text, spec)


def test_the_world_is_drawn_quickly() -> None:
    draw(draw_spec(0), 96, 64)
    began = time.process_time()
    for seed in range(30):
        draw(draw_spec(seed), 96, 64)
    assert (time.process_time() - began) / 30 < 0.02


def test_depth_survives_being_stored() -> None:
    depth = np.geomspace(0.2, 10, 500).astype(np.float32)
    assert np.abs(bytes_to_depth(depth_to_bytes(depth)) / depth - 1).max() < 0.008


def test_the_weights_are_small_and_described() -> None:
    files = sorted(PACKAGE.glob("*.safetensors"))
    assert [path.stem for path in files] == ["depth", "perceptor", "secondary", "unet"]
    assert sum(path.stat().st_size for path in files) < 40e6
    for path in files:
        assert path.with_suffix(".json").is_file()
        with safe_open(path, "pt") as state:
            kinds = {str(state.get_slice(name).get_dtype()) for name in state.keys()}  # noqa: SIM118
        assert kinds <= {"F16", "I64"}


def test_figures_on_held_out_pictures() -> None:
    """Below the card's figures by what 64 pictures scatter; blind guesses would give 0.016 and about 0.8."""
    from animator.depth.load import load_depth
    from animator.depth.options import DepthOptions
    from animator.diffusion.perceptors import load_perceptor
    from animator.pocket.train.depth import relative_error

    assert HELD_OUT > 10**8
    pictures, captions, depths = held_out(64)
    assert retrieval(load_perceptor("pocket", "cpu"), pictures, captions) > 0.55
    depth = load_depth(DepthOptions())
    errors = [relative_error(depth(one), true) for one, true in zip(pictures, depths, strict=True)]
    assert np.mean(errors) < 0.3


@pytest.mark.slow
def test_prompts_make_different_pictures(tmp_path: Path) -> None:
    """A red sunset over the sea is red; a green forest by day is green; anybody can tell them apart."""
    from animator.diffusion.load import load_engine
    from animator.loop import Shot
    from animator.scene.reading import read_scene
    from animator.stills import stills

    colours = {}
    for prompt in ("a red sunset over the sea", "a green forest by day"):
        path = tmp_path / "scene.yaml"
        path.write_text(
            f"version: 1\nmode: still\nimages: 2\nsize: [128, 64]\nseed: 1\nprompts: {prompt}\n"
            "diffusion: {steps: 20}\nguidance: {cuts: {overview: 4, innercut: 4}}\n"
        )
        loaded = read_scene(path)
        engine = load_engine(loaded.scene.diffusion, loaded.scene.guidance, "cpu")
        shot = Shot("still", 128, 64, 2, seed=1)
        pictures = [one.picture for one in stills(loaded.timeline, shot, engine, range(2), {})]
        colours[prompt] = torch.stack(pictures).mean(dim=(0, 2, 3))
    (red, green, _), (forest_red, forest_green, _) = (colour.tolist() for colour in colours.values())
    assert red > green + 0.1
    assert forest_green > forest_red
    assert red - green > forest_red - forest_green + 0.15


def line_of(path: Path, steps: int) -> Session:
    torch.manual_seed(0)
    return Session(torch.nn.Linear(4, 4), Budget(steps, 0.1, 3), path, average=0.9)


def walk(session: Session, until: int) -> None:
    while session.step < until:
        x = torch.randn(8, 4, generator=torch.Generator().manual_seed(session.step))
        session.take((session.network(x) - x).square().mean())


def test_training_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    whole = line_of(tmp_path / "whole.pt", 10)
    walk(whole, 10)
    first = line_of(tmp_path / "cut.pt", 10)
    walk(first, 6)
    first.save()
    second = line_of(tmp_path / "cut.pt", 10)
    assert second.step == 6
    walk(second, 10)
    assert second.done
    for name, value in whole.average.items():
        assert torch.equal(second.average[name], value)
        assert torch.equal(second.network.state_dict()[name], whole.network.state_dict()[name])


def test_the_secondary_model_tells_much_the_same_as_the_unet() -> None:
    """Of half-noisy pictures that it never saw, and in the same range, up to an error of 0.15."""
    schedule = full_schedule(1000)
    pictures, _, _ = held_out(8)
    network, description = load_diffusion("pocket")
    for level, most in ((250, 0.09), (500, 0.13)):
        large = estimates(
            network_denoiser(network, schedule, description.estimate), schedule, level, pictures
        )
        small = estimates(secondary_denoiser(load_secondary("pocket"), schedule), schedule, level, pictures)
        assert (small - pictures).square().mean().sqrt() < most
        assert (small - large).square().mean().sqrt() < most
