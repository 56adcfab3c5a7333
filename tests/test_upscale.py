"""Larger pictures: networks of ncnn read and carried out, tiles, sizes, and the names of models."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from animator.errors import AnimatorError, WeightsError
from animator.upscale import load as load_module
from animator.upscale import tiles as tiles_module
from animator.upscale.load import load_upscaler, model_name, passes
from animator.upscale.ncnn import read_layers, read_weights
from animator.upscale.network import Network, load_network
from animator.upscale.resize import covering, cut_to, resized
from animator.upscale.tiles import enlarged, side_for, tiles
from animator.weights.cache import lies_there
from animator.weights.registry import cache_folder, find, location, parts
from tests.ncnn_files import floats, halves, plain, write_enlarging, write_network

PUBLISHED = cache_folder()
"""The cache that may hold the published networks."""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def picture(height: int, width: int, seed: int = 1) -> Tensor:
    """Return a smooth picture with some detail."""
    noise = torch.rand(1, 3, height // 4 + 2, width // 4 + 2, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(noise, (height, width), mode="bicubic").clamp(0, 1)[0]


def put(name: str, scale: int) -> None:
    """Put a tiny network of a published name into the cache."""
    entry = find("upscale", name)
    write_enlarging(location(entry), scale)


# --- the two files


def test_both_kinds_of_weights_are_read(tmp_path: Path) -> None:
    weights = np.arange(27, dtype=np.float32).reshape(1, 3, 3, 3) / 8
    for pack in (halves, floats):
        lines = ["Input in 0 1 data", "Convolution c 1 1 data out 0=1 1=3 4=1 5=1 6=27"]
        param, data = write_network(tmp_path / "one", lines, [pack(weights), plain(np.array([0.25]))])
        found = read_weights(data, read_layers(param))
        assert found[0] == {}
        assert torch.equal(found[1]["weight"], torch.from_numpy(weights))
        assert found[1]["bias"].tolist() == [0.25]


def test_every_layer_does_what_ncnn_does(tmp_path: Path) -> None:
    """Against the same written in torch, with the settings that published networks have."""
    rng = np.random.default_rng(2)
    kernel, other = rng.normal(0, 0.3, (4, 3, 3, 3)), rng.normal(0, 0.3, (3, 7, 1, 1))
    lines = [
        "Input in 0 1 data",
        "Split s 1 3 data a b c",
        "Convolution one 1 1 a x 0=4 1=3 4=1 5=1 6=108 9=2 -23310=1,2.000000e-01",
        "Concat two 2 1 x b y",
        "Convolution three 1 1 y z 0=3 1=1 5=0 6=21 9=1",
        "Eltwise four 2 1 z c sum 0=1 -23301=2,2.000000e-01,5.000000e-01",
        "Interp five 1 1 sum wide 0=3 1=2.000000e+00 2=2.000000e+00",
        "Interp six 1 1 wide out 0=2 1=5.000000e-01 2=5.000000e-01",
    ]
    bias = rng.normal(0, 0.1, 4)
    network = load_network(
        *write_network(tmp_path / "n", lines, [floats(kernel), plain(bias), floats(other)])
    )
    given = picture(12, 20)[None]
    weights = [torch.from_numpy(one).float() for one in (kernel, bias, other)]
    x = F.leaky_relu(F.conv2d(given, weights[0], weights[1], padding=1), 0.2)
    z = F.relu(F.conv2d(torch.cat([x, given], 1), weights[2]))
    wide = F.interpolate(0.2 * z + 0.5 * given, (24, 40), mode="bicubic")
    expected = F.interpolate(wide, (12, 20), mode="bilinear")
    assert torch.allclose(network(given), expected, atol=1e-5)
    assert network.scale == 1
    assert network.reach == 1 + 2 + 1


def test_a_network_knows_its_scale_its_reach_and_its_memory(tmp_path: Path) -> None:
    network = load_network(*write_enlarging(tmp_path / "n", 3))
    assert (network.scale, network.reach) == (3, 2)
    # Most is held at the sum: the picture, and it and what is added three times as wide and high.
    assert network.bytes_a_pixel == 4 * (3 + 27 + 27)
    given = torch.zeros(1, 3, 15, 15)
    given[0, :, 7, 7] = 1
    found = (network(given) - network(torch.zeros_like(given))).abs().sum(1)[0] > 0
    rows = found.any(1).nonzero().flatten().tolist()
    assert (min(rows), max(rows)) == (3 * (7 - 2), 3 * (7 + 2) + 2)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("Softmax x 1 1 data out", "has the layer Softmax"),
        ("Convolution x 1 1 data out 0=1 1=3 4=1 6=27 3=2", "has setting 3=2.0 of Convolution"),
        ("Convolution x 1 1 data out 0=1 1=3 4=0 6=27", "a Convolution that changes the size"),
        ("Convolution x 1 1 data out 0=1 1=3 4=1 6=27 9=5", "has setting 9=5.0 of Convolution"),
        ("Eltwise x 1 1 data out 0=0", "has setting 0=0.0 of Eltwise"),
        ("Interp x 1 1 data out 0=1 1=2 2=3", "an Interp that changes the shape"),
        ("Interp x 1 1 data out 0=1 1=2 2=2 3=64", "has setting 3=64.0 of Interp"),
        ("Concat x 1 1 data out 0=1", "has setting 0=1.0 of Concat"),
        ("PReLU x 1 1 data out 0=two", "cannot be read"),
        ("Concat x 2 1 data nothing out", "reads 'nothing', which nothing makes"),
        ("Eltwise x 1 1 data out 0=1 -23301=2,1.0", "a list of 2 with 1 numbers"),
    ],
)
def test_what_cannot_be_carried_out_is_refused(tmp_path: Path, line: str, said: str) -> None:
    files = write_network(tmp_path / "n", ["Input in 0 1 data", line], [])
    with pytest.raises(WeightsError, match=re.escape(said)):
        load_network(*files)


def test_damaged_files_are_reported(tmp_path: Path) -> None:
    param, data = write_enlarging(tmp_path / "n", 2)
    whole, text = data.read_bytes(), param.read_text()
    for wrong in (whole[:-4], whole + bytes(4), b"\1\2\3\4" + whole[4:]):
        data.write_bytes(wrong)
        with pytest.raises(WeightsError, match="do not fit their network"):
            load_network(param, data)
    data.write_bytes(whole)
    for wrong_text in (text[1:], text.replace("8 9", "9 9"), text.replace("0=4 1=3", "0=4 1")):
        param.write_text(wrong_text)
        with pytest.raises(WeightsError, match="cannot be read"):
            load_network(param, data)
    with pytest.raises(WeightsError, match="there is no network"):
        load_network(tmp_path / "absent.param", data)
    with pytest.raises(WeightsError, match="there are no weights"):
        read_weights(tmp_path / "absent.bin", [])


# --- tiles


@pytest.mark.parametrize(("height", "width", "side"), [(40, 61, 20), (33, 20, 20), (20, 20, 20), (7, 90, 21)])
def test_tiles_cover_a_picture_once_and_are_no_larger_than_wanted(height: int, width: int, side: int) -> None:
    covered = np.zeros((height, width), int)
    for tile in tiles(height, width, side, 4):
        covered[tile.top : tile.bottom, tile.left : tile.right] += 1
        assert tile.outer_bottom - tile.outer_top <= side
        assert tile.outer_right - tile.outer_left <= side
        assert tile.outer_top in (0, tile.top - 4)
        assert tile.outer_right in (width, tile.right + 4)
    assert (covered == 1).all()


def test_tiles_show_no_seams(tmp_path: Path) -> None:
    network = load_network(*write_enlarging(tmp_path / "n", 2))
    given = picture(50, 70)
    whole = enlarged(network, given)
    assert whole.shape == (3, 100, 140)
    assert torch.allclose(enlarged(network, given, side=20), whole, atol=1e-5)


def test_tiles_become_smaller_where_the_memory_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    network = load_network(*write_enlarging(tmp_path / "n", 2))
    given, sizes = picture(64, 64), []
    expected = enlarged(network, given)

    def forward(pictures: Tensor) -> Tensor:
        sizes.append(max(pictures.shape[2:]))
        if sizes[-1] > limit:
            raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried ...")
        return Network.forward(network, pictures)

    monkeypatch.setattr(network, "forward", forward)
    limit = 40
    assert torch.allclose(enlarged(network, given, side=64), expected, atol=1e-5)
    assert sizes[0] == 64
    assert max(sizes[1:]) <= 32
    assert "again in tiles of 32 x 32 pixels" in caplog.text
    limit = 10
    with pytest.raises(AnimatorError, match="has no memory for 20 x 20 pixels at once"):
        enlarged(network, given)
    monkeypatch.setattr(network, "forward", lambda _: (_ for _ in ()).throw(RuntimeError("another fault")))
    with pytest.raises(RuntimeError, match="another fault"):
        enlarged(network, given)


def test_the_size_of_tiles_comes_from_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = load_network(*write_enlarging(tmp_path / "n", 2))
    before = side_for(network, torch.device("cpu"))
    assert before**2 * network.bytes_a_pixel * tiles_module.WORK <= tiles_module.ON_CPU
    monkeypatch.setattr(tiles_module, "ON_CPU", tiles_module.ON_CPU // 4)
    assert side_for(network, torch.device("cpu")) == pytest.approx(before / 2, abs=1)


# --- sizes and models


def test_resizing_is_lanczos_and_takes_every_pixel_when_it_shrinks() -> None:
    flat = torch.full((3, 9, 12), 0.3)
    assert torch.allclose(resized(flat, (40, 30)), torch.full((3, 30, 40), 0.3), atol=1e-6)
    board = torch.ones(3, 32, 32)
    board[:, ::2] = 0
    assert (resized(board, (8, 8)) - 0.5).abs().max() < 0.1
    assert resized(flat, (12, 9)) is flat
    given = picture(32, 48)
    again = resized(resized(given, (96, 64)), (48, 32))
    assert (again - given).abs().mean() < 0.01


def test_another_shape_is_covered_and_cut_at_its_sides() -> None:
    assert covering((192, 128), (768, 512)) == (768, 512)
    assert covering((192, 128), (1920, 1080)) == (1920, 1280)
    assert covering((100, 100), (30, 20)) == (30, 30)
    given = torch.arange(6.0).repeat(3, 4, 1)
    assert cut_to(given, (2, 4))[0, 0].tolist() == [2, 3]


def chosen(model: str, source: tuple[int, int], target: tuple[int, int]) -> list[str]:
    return [entry.name for entry in passes(model, source, target)]


def test_the_smallest_factor_that_reaches_the_size_is_chosen() -> None:
    small = (192, 128)
    assert chosen("animevideov3", small, (384, 256)) == ["animevideov3-x2"]
    assert chosen("animevideov3", small, (480, 320)) == ["animevideov3-x3"]
    assert chosen("animevideov3", small, (768, 512)) == ["animevideov3-x4"]
    assert chosen("animevideov3", small, (1536, 1024)) == ["animevideov3-x4", "animevideov3-x2"]
    assert chosen("animevideov3", small, (192, 128)) == []
    assert chosen("realesrgan-x4plus", small, (384, 256)) == ["realesrgan-x4plus"]
    assert chosen("lanczos", small, (768, 512)) == []


def test_what_auto_stands_for_depends_on_what_is_there(cache: Path) -> None:
    assert model_name("auto") == "lanczos"
    assert model_name("realesrgan-x4plus") == "realesrgan-x4plus"
    put("realesrgan-x4plus", 4)
    assert (model_name("auto", "cpu"), model_name("auto", "cuda")) == ("lanczos", "realesrgan-x4plus")
    for factor in (2, 3, 4):
        put(f"animevideov3-x{factor}", factor)
    assert (model_name("auto", "cpu"), model_name("auto", "cuda")) == ("animevideov3", "realesrgan-x4plus")


def test_an_upscaler_keeps_the_depth_and_reaches_the_size(cache: Path) -> None:
    put("animevideov3-x3", 3)
    pixels = (picture(24, 32) * 65535).round().permute(1, 2, 0).numpy().astype(np.uint16)
    upscale = load_upscaler("animevideov3", (32, 24), (80, 60))
    large = upscale(pixels)
    assert (large.shape, large.dtype) == ((60, 80, 3), np.uint16)
    small = upscale((pixels >> 8).astype(np.uint8))
    assert small.dtype == np.uint8
    assert abs(large.astype(float) / 257 - small).max() < 3
    plain_ = load_upscaler("lanczos", (32, 24), (80, 60))(pixels)
    assert 1 < abs(plain_.astype(float) - large).mean() / 257 < 20  # the network did something, and not much
    with pytest.raises(WeightsError, match="animator models fetch animevideov3-x2"):
        load_upscaler("animevideov3", (32, 24), (64, 48))


@pytest.mark.parametrize("model", ["lanczos", "animevideov3"])
def test_two_eyes_keep_their_parallax(cache: Path, model: str) -> None:
    """What is so many pixels apart in the eyes before is four times as many apart after, to half a pixel."""
    put("animevideov3-x4", 4)
    scene = (picture(48, 80, seed=3).permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
    upscale = load_upscaler(model, (64, 48), (256, 192))
    for shift in (3, 7):
        left, right = scene[:, 8:72], scene[:, 8 - shift : 72 - shift]
        assert disparity(upscale(left), upscale(right)) == pytest.approx(4 * shift, abs=0.5)
    assert load_module.FACTORS["animevideov3"][4] == "animevideov3-x4"


def disparity(left: np.ndarray, right: np.ndarray) -> float:
    """Return by how many pixels the middle of one eye's picture is shifted in the other's, to a fraction."""
    grey = [one.astype(np.float64).mean(axis=2) for one in (left, right)]
    reach, margin = 40, 44
    middle = grey[0][:, margin:-margin]
    errors = [
        ((middle - grey[1][:, margin + by : grey[1].shape[1] - margin + by]) ** 2).mean()
        for by in range(-reach, reach + 1)
    ]
    best = int(np.argmin(errors))
    before, at, after = errors[best - 1 : best + 2]
    return best - reach + (before - after) / (2 * (before - 2 * at + after))


# --- the published networks


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for model in load_module.FACTORS.values() for name in model.values()])
def test_published_networks_do_what_ncnn_does(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ncnn = pytest.importorskip("ncnn")
    monkeypatch.setenv("ANIMATOR_CACHE", str(PUBLISHED))
    if not lies_there(find("upscale", name)):
        pytest.skip(f"the cache has no {name}")
    weights, param = (location(part) for part in parts(find("upscale", name)))
    network, given = load_network(param, weights), picture(24, 32)
    reference = ncnn.Net()
    for switch in ("vulkan_compute", "fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
        setattr(reference.opt, f"use_{switch}", False)
    assert reference.load_param(str(param)) == 0
    assert reference.load_model(str(weights)) == 0
    extractor = reference.create_extractor()
    # A Mat shares the memory of its array; a copy keeps it.
    extractor.input("data", ncnn.Mat(np.ascontiguousarray(given.numpy())).clone())
    expected = np.array(extractor.extract("output")[1])
    found = network(given[None])[0].numpy()
    assert found.shape == expected.shape == (3, 24 * network.scale, 32 * network.scale)
    assert np.abs(found.clip(0, 1) - expected.clip(0, 1)).max() < 0.1 / 255
