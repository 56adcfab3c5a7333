"""Networks that are only pretended: exact figures, prompts and camera seen, nothing loaded."""

from __future__ import annotations

import io
import itertools
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from animator.cli.progress import LineReporter
from animator.diffusion.fake import (
    AXES,
    COLOURS,
    GREYNESS,
    SPREAD,
    FakePerceptor,
    colour_of,
    fake_engine,
    power,
    solvable_network,
)
from animator.diffusion.losses import spherical_distance
from animator.diffusion.noise_schedule import linear_alpha_bar
from animator.film.loop import film
from animator.film.shot import Shot
from animator.film.state import LoopState
from animator.run.job import shot_of
from animator.run.networks import weights_of
from animator.run.render import render_scene
from animator.run.sources import gather
from animator.run.tools import Tools, load_tools
from animator.scene.reading import LoadedScene, read_scene
from animator.settings.diffusion import DiffusionOptions
from animator.settings.guidance import CutOptions, GuidanceOptions
from animator.system.images import read_whole
from animator.types import Camera, Prompt, Request
from animator.warp.reproject3d import reproject

SCENES = Path(__file__).parents[1] / "scenes"
HEIGHT, WIDTH = 4, 6
BANDS = (slice(1, 5), slice(6, 14))
"""Waves, down and across, that are compared with the law."""


def covariance() -> np.ndarray:
    """The covariance of the values of a 4 x 6 picture, 72 x 72, put together from waves one by one."""
    size = HEIGHT * WIDTH
    half = power(HEIGHT, WIDTH).double().numpy()
    found = np.zeros((3 * size, 3 * size))
    i, j = np.divmod(np.arange(size), WIDTH)
    for u in range(HEIGHT):
        for v in range(WIDTH):
            # Waves v and WIDTH - v are each other's mirror images.
            row, column = (u, v) if v <= WIDTH // 2 else (-u % HEIGHT, WIDTH - v)
            wave = np.exp(2j * np.pi * (u * i / HEIGHT + v * j / WIDTH)) / math.sqrt(size)
            for axis, colour in enumerate(AXES):
                mode = np.kron(np.array(colour), wave)
                found += half[axis, row, column] * np.outer(mode, mode.conj()).real
    return found


@pytest.mark.parametrize("t", [0, 20, 300, 640, 999])
def test_the_denoiser_is_exact(t: int) -> None:
    """sqrt(1 - alpha_bar) (alpha_bar C + (1 - alpha_bar) I)^-1 x, with the whole covariance C."""
    alpha_bar = linear_alpha_bar(1000)[t]
    x = np.random.default_rng(1).standard_normal((2, 3 * HEIGHT * WIDTH))
    noisy = alpha_bar * covariance() + (1 - alpha_bar) * np.eye(x.shape[1])
    expected = math.sqrt(1 - alpha_bar) * np.linalg.solve(noisy, x.T).T
    shaped = torch.from_numpy(x).reshape(2, 3, HEIGHT, WIDTH)
    found = solvable_network(shaped, torch.full((2,), float(t)))
    tolerance = 3e-5 * np.abs(expected).max()
    np.testing.assert_allclose(found.reshape(2, -1).numpy(), expected, rtol=0, atol=tolerance)


def test_the_variance_of_its_pictures_is_the_one_that_is_stated() -> None:
    whole = covariance()
    assert np.trace(whole) / len(whole) == pytest.approx(SPREAD**2, rel=1e-5)
    grey = np.kron(np.array(AXES[0]), np.eye(HEIGHT * WIDTH))
    assert np.trace(grey @ whole @ grey.T) / np.trace(whole) == pytest.approx(GREYNESS, rel=1e-5)


@pytest.mark.vital
@pytest.mark.slow
@pytest.mark.parametrize("size", [(64, 64), (65, 129), (64, 512)])
def test_unguided_pictures_are_those_of_the_denoiser(size: tuple[int, int]) -> None:
    """Sampled without guidance, the power of their waves follows the law that was asked for."""
    width, height = size
    guidance = GuidanceOptions(
        clip_models={"any": 1}, cuts=CutOptions(overview=1, innercut=0, ic_pow=1, icgray_p=0)
    )
    engine = fake_engine(DiffusionOptions(steps=40, eta=0.0), guidance)
    found = []
    for seed in range(5):
        request = Request(0, seed, width, height, ())
        pictures: list[Tensor] = []
        engine.paint(request, lambda step, kept=pictures: kept.append(step.pictures()[0]))
        found.append(pictures[-1])
    grey = torch.stack(found).mean(dim=1) * 2 - 1
    waves = torch.fft.rfft2(grey, norm="ortho").abs().square().mean(dim=0)
    asked = power(height, width)[0] / 3
    for band in BANDS:
        found_power, wanted = waves[band, band].mean(), asked[band, band].mean()
        assert abs(math.log(found_power / wanted)) < 0.4


def paint(prompt: str, *, size: tuple[int, int] = (64, 64), name: str = "ViT-B-32", seed: int = 3) -> Tensor:
    engine = fake_engine(
        DiffusionOptions(steps=10),
        GuidanceOptions(
            clip_models={name: 1},
            clip_guidance_scale=5000,
            clamp_max=0.1,
            cutn_batches=1,
            cuts=CutOptions(overview=2, innercut=2, ic_pow=1, icgray_p=0),
        ),
    )
    return engine.paint(Request(0, seed, *size, (Prompt(prompt),)))


def hue(frame: Tensor) -> Tensor:
    mean = frame.mean(dim=(1, 2))
    return mean - mean.mean()


@pytest.mark.parametrize("colour", ["red", "green", "blue", "yellow", "orange", "purple"])
def test_colours_of_prompts_are_seen(colour: str) -> None:
    wanted = torch.tensor(COLOURS[colour])
    frame = hue(paint(f"a {colour} lighthouse"))
    assert torch.cosine_similarity(frame, wanted - wanted.mean(), dim=0) > 0.9
    assert frame.abs().max() > 0.1


@pytest.mark.parametrize("size", [(192, 128), (320, 64), (64, 256)])
def test_colours_are_seen_at_any_size(size: tuple[int, int]) -> None:
    assert int(hue(paint("a red house", size=size)).argmax()) == 0
    assert int(hue(paint("the blue sea", size=size)).argmax()) == 2


def test_brightness_is_seen() -> None:
    assert paint("black").mean() + 0.05 < paint("white").mean()


@pytest.mark.slow
def test_any_two_prompts_differ_and_the_same_is_the_same_everywhere() -> None:
    first, second = paint("a harbour"), paint("a castle")
    assert (first - second).abs().mean() > 0.02
    assert torch.equal(first, paint("a harbour"))
    assert not torch.equal(first, paint("a harbour", name="RN50"))
    # Of how a word is read, one figure, so that no machine reads otherwise.
    word = FakePerceptor("RN50").encode_text(["harbour"])[0]
    assert float(word[:4].sum()) == pytest.approx(0.0332114, abs=1e-5)


def test_a_perceptor_of_words_and_colours() -> None:
    perceptor = FakePerceptor("any")
    red, same, dark, blue = perceptor.encode_text(["red", "The RED, of red", "dark red", "a sea of blue"])
    assert torch.equal(red, same)
    picture = torch.tensor(COLOURS["red"]).view(1, 3, 1, 1).expand(1, 3, 32, 32)
    seen = perceptor.encode_images(picture)[0]
    torch.testing.assert_close(seen, red)
    assert spherical_distance(seen, dark) < spherical_distance(seen, blue)
    assert perceptor.encode_text([""]).isfinite().all()
    assert colour_of("gray") == COLOURS["grey"] == colour_of("GREY".lower())
    assert colour_of("castle") is None


def test_black_bars_beside_a_wide_picture_are_not_looked_at() -> None:
    picture = torch.full((1, 3, 32, 32), 0.7)
    barred = picture.clone()
    barred[..., :8, :] = 0
    barred[..., 24:, :] = 0
    perceptor = FakePerceptor("any")
    assert torch.equal(perceptor.encode_images(barred), perceptor.encode_images(picture))


@pytest.fixture
def bare(monkeypatch, tmp_path: Path):
    """A machine without any weights, on which to look for some is a fault."""

    def never(*arguments, **options):
        raise AssertionError("weights were looked for")

    for name in ("tools.load_depth", "networks.locate", "networks.file_hash"):
        monkeypatch.setattr(f"animator.run.{name}", never)
    monkeypatch.setattr("animator.diffusion.load.load_engine", never)
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path / "cache"))


def scene(tmp_path: Path, text: str, *settings: str) -> LoadedScene:
    path = tmp_path / "scene.yaml"
    path.write_text(f"version: 1\nmodels: fake\nseed: 3\nprompts: a red house in the snow\n{text}")
    return read_scene(path, settings)


def made(loaded: LoadedScene) -> tuple[list[Tensor], Shot, Tools]:
    sources = gather(loaded)
    tools = load_tools(loaded, sources)
    shot = shot_of(loaded, sources)
    finished = film(loaded.timeline, shot, tools.engine, tools.depth, LoopState())
    return [one.picture for one in finished], shot, tools


@pytest.mark.slow
@pytest.mark.usefixtures("bare")
def test_the_camera_is_seen(tmp_path: Path) -> None:
    """Each frame is nearer to the moved frame before it than to that frame as it was."""
    text = (
        "frames: 4\nsize: [128, 64]\ndiffusion: {steps: 10}\nguidance: {clip_models: {RN50: 1}}\n"
        "warp: {projection: pinhole}\ncamera: {translation_z: 30, rotation_3d_z: 4}\n"
        "coherence: {frames_skip_steps: 80%}\n"
    )
    loaded = scene(tmp_path, text)
    assert weights_of(loaded) == {}
    frames, shot, tools = made(loaded)
    assert shot.align is False
    for before, after in itertools.pairwise(frames):
        moved, _ = reproject(
            before,
            tools.depth(before),
            Camera(translation_z=30, rotation_3d_z=4),
            sampling="bicubic",
            padding="border",
            projection="pinhole",
        )
        assert (after - moved).abs().mean() < 0.7 * (after - before).abs().mean()


@pytest.mark.usefixtures("bare")
@pytest.mark.parametrize("mode", ["still", "2d"])
def test_without_3d_there_is_no_depth(tmp_path: Path, mode: str) -> None:
    loaded = scene(tmp_path, f"mode: {mode}\n", "diffusion.steps=2")
    assert load_tools(loaded, gather(loaded)).depth is None


@pytest.mark.usefixtures("bare")
def test_the_same_film_twice(tmp_path: Path) -> None:
    loaded = scene(tmp_path, "frames: 2\nsize: [64, 64]\n", "diffusion.steps=3")
    for one, other in zip(made(loaded)[0], made(loaded)[0], strict=True):
        assert torch.equal(one, other)


@pytest.mark.slow
@pytest.mark.usefixtures("bare")
def test_a_scene_of_published_networks_renders_without_weights(tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text("extends: disco-5\nprompts: a blue lake\nseed: 1\n")
    settings = ["size=[192,128]", "diffusion.steps=6", "diffusion.skip_steps=1", "frames=3", "models=fake"]
    loaded = read_scene(tmp_path / "s.yaml", settings)
    film_file = render_scene(loaded, LineReporter(io.StringIO()), out=tmp_path / "run")
    assert film_file.is_file()
    frames = sorted((tmp_path / "run" / "frames").glob("*.png"))
    assert len(frames) == 3
    assert int(hue(read_whole(frames[2])).argmax()) == 2
    assert "models: fake" in (tmp_path / "run" / "scene.yaml").read_text()
    assert not (tmp_path / "cache").exists()
