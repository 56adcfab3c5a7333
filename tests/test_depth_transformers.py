"""MiDaS, Depth Anything and ZoeDepth: full-size names, what the networks are shown, what is made of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from animator.depth import load, transformers_depth
from animator.depth.blend import NEAREST, midas_to_depth
from animator.depth.load import BlendedDepth, depth_names, load_depth
from animator.depth.plane import PlaneDepth
from animator.depth.transformers_depth import (
    HALF,
    HIGH,
    IMAGENET,
    LOW,
    DepthAnything,
    MidasDepth,
    ZoeDepth,
    build,
    covering,
    least_scaled,
    load_network,
    normalised,
    predict_dpt,
    resized,
    to_midas_scale,
)
from animator.errors import UsageError, WeightsError
from animator.settings.depth import DepthOptions
from animator.weights.registry import PACKAGE, config_file, entries, find, names
from tests.golden_files import fill

TINY = {
    "large": {
        "model_type": "dpt",
        "hidden_size": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "image_size": 64,
        "backbone_out_indices": [0, 1, 2, 3],
        "neck_hidden_sizes": [8, 16, 32, 32],
        "fusion_hidden_size": 16,
    },
    "hybrid": {
        "model_type": "dpt",
        "is_hybrid": True,
        "hidden_size": 32,
        "num_hidden_layers": 4,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "image_size": 64,
        "backbone_out_indices": [0, 1, 2, 3],
        "neck_hidden_sizes": [32, 64, 32, 32],
        "reassemble_factors": [1, 1, 1, 0.5],
        "fusion_hidden_size": 16,
        "backbone_featmap_shape": [1, 128, 4, 4],
        "backbone_config": {
            "model_type": "bit",
            "embedding_size": 32,
            "hidden_sizes": [32, 64, 128, 128],
            "depths": [1, 1, 1],
            "layer_type": "bottleneck",
            "global_padding": "same",
            "embedding_dynamic_padding": True,
            "num_groups": 4,
            "out_features": ["stage1", "stage2", "stage3"],
        },
    },
    "depth-anything": {
        "model_type": "depth_anything",
        "reassemble_hidden_size": 32,
        "neck_hidden_sizes": [8, 16, 32, 32],
        "fusion_hidden_size": 16,
        "backbone_config": {
            "model_type": "dinov2",
            "image_size": 56,
            "patch_size": 14,
            "hidden_size": 32,
            "num_hidden_layers": 4,
            "num_attention_heads": 2,
            "out_indices": [1, 2, 3, 4],
            "reshape_hidden_states": False,
        },
    },
    "zoedepth": {
        "model_type": "zoedepth",
        "neck_hidden_sizes": [8, 16, 32, 32],
        "fusion_hidden_size": 16,
        "bottleneck_features": 16,
        "num_attractors": [4, 3, 2, 1],
        "bin_embedding_dim": 8,
        "bin_configurations": [
            {"name": "nyu", "n_bins": 8, "min_depth": 0.001, "max_depth": 10.0},
            {"name": "kitti", "n_bins": 8, "min_depth": 0.001, "max_depth": 80.0},
        ],
        "num_patch_transformer_layers": 4,
        "patch_transformer_hidden_size": 128,
        "patch_transformer_intermediate_size": 32,
        "patch_transformer_num_attention_heads": 2,
        "backbone_config": {
            "model_type": "beit",
            "image_size": 64,
            "patch_size": 16,
            "hidden_size": 32,
            "num_hidden_layers": 4,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "use_relative_position_bias": True,
            "reshape_hidden_states": False,
            "out_features": ["stage1", "stage2", "stage3", "stage4"],
        },
    },
}
PARAMETERS = {
    "midas": 343_030_465,
    "midas-hybrid": 122_377_985,
    "depth-anything-small": 24_785_089,
    "depth-anything-base": 97_470_785,
    "depth-anything-large": 335_315_649,
    "zoedepth": 345_073_307,
}
"""As the published files hold them."""

PUBLISHED = {
    "midas": ("dpt.encoder.layer.23.attention.attention.query.weight", (1024, 1024)),
    "midas-hybrid": ("dpt.embeddings.backbone.bit.encoder.stages.2.layers.8.conv3.weight", (1024, 256, 1, 1)),
    "depth-anything-small": ("backbone.encoder.layer.11.attention.output.dense.weight", (384, 384)),
    "depth-anything-base": ("backbone.encoder.layer.11.attention.attention.key.bias", (768,)),
    "depth-anything-large": ("backbone.encoder.layer.23.attention.attention.value.weight", (1024, 1024)),
    "zoedepth": (
        "backbone.encoder.layer.23.attention.attention.relative_position_bias.relative_position_bias_table",
        (2212, 16),
    ),
}
"""One telling name of each published file, and its shape."""


@pytest.fixture
def described(tmp_path: Path):
    """Return a function that writes the description of a tiny network."""

    def write(kind: str) -> Path:
        path = tmp_path / f"{kind}.json"
        path.write_text(json.dumps(TINY[kind]))
        return path

    return write


@pytest.fixture
def tiny(described):
    """Return a function that builds a tiny network, filled, its predictions far from the floor of ReLUs."""

    def make(kind: str):
        network = fill(build(described(kind)), 3).requires_grad_(False)
        for name, parameter in network.named_parameters():
            if name in ("head.head.4.bias", "head.conv3.bias"):
                parameter.fill_(3.0)
        return network

    return make


def picture(height: int, width: int, seed: int = 0) -> torch.Tensor:
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


# --- the full sizes


@pytest.mark.slow
@pytest.mark.parametrize("name", PARAMETERS)
def test_the_full_networks_have_the_published_sizes_and_names(name: str) -> None:
    with torch.device("meta"):
        network = build(config_file(find("depth", name)))
    assert sum(parameter.numel() for parameter in network.parameters()) == PARAMETERS[name]
    published, shape = PUBLISHED[name]
    state = network.state_dict()
    current = transformers_depth._current(published, state.keys(), network.config.model_type)
    assert tuple(state[current].shape) == shape


def test_every_depth_network_of_the_registry_can_be_made() -> None:
    assert set(names("depth")) == set(load.NETWORKS)
    used = {
        PACKAGE / entry.config for (kind, _), entry in entries().items() if kind == "depth" and entry.config
    }
    assert all(path.is_file() for path in used)
    assert used >= set((PACKAGE / "depth/configs").glob("*.json"))


# --- files


@pytest.mark.slow
@pytest.mark.parametrize("kind", TINY)
def test_files_with_published_names_load_and_give_the_same(
    kind: str, tiny, described, tmp_path: Path
) -> None:
    network = tiny(kind)
    network.save_pretrained(tmp_path)  # writes the names that the published files have
    published = load_file(tmp_path / "model.safetensors")
    if kind in ("depth-anything", "zoedepth"):
        assert "backbone.encoder.layer.0.attention.attention.query.weight" in published
    loaded = load_network(described(kind), tmp_path / "model.safetensors", kind, "cpu")
    pixels = torch.randn(1, 3, 56 if kind == "depth-anything" else 64, 56 if kind == "depth-anything" else 64)
    with torch.no_grad():
        assert torch.equal(loaded(pixels).predicted_depth, network(pixels).predicted_depth)
    assert not any(parameter.requires_grad for parameter in loaded.parameters())


def test_a_file_of_another_network_is_told(tiny, described, tmp_path: Path) -> None:
    save_file(tiny("large").state_dict(), tmp_path / "x.safetensors")
    with pytest.raises(WeightsError, match=r"zoedepth does not fit its network: .* missing"):
        load_network(described("zoedepth"), tmp_path / "x.safetensors", "zoedepth", "cpu")


# --- MiDaS


@pytest.mark.parametrize("kind", ["large", "hybrid"])
def test_a_square_is_predicted_as_transformers_does(kind: str, tiny) -> None:
    network, pixels = tiny(kind), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(predict_dpt(network, pixels), network(pixels).predicted_depth)


@pytest.mark.parametrize(
    ("height", "width"), [(64, 96), (96, 64), (64, 256)]
)  # the last: 4 x 16 = 8 x 8 patches
def test_a_wide_picture_is_laid_out_in_its_own_rows(height: int, width: int, tiny) -> None:
    network, pixels = tiny("large"), torch.randn(1, 3, height, width)
    with torch.no_grad():
        found = predict_dpt(network, pixels)
        hidden = network.dpt(pixels, output_hidden_states=True).hidden_states[1:]
        by_hand = network.head(network.neck(list(hidden), height // 16, width // 16))
    assert found.shape == (1, height, width)
    assert torch.equal(found, by_hand)


@pytest.mark.parametrize("kind", ["large", "hybrid"])
def test_the_prediction_changes_where_the_picture_does(kind: str, tiny) -> None:
    network, pixels = tiny(kind), torch.zeros(1, 3, 64, 256)
    for name, parameter in network.named_parameters():
        if "attention.output.dense" in name:
            parameter.zero_()  # so that no patch hears of another before the neck
    changed = pixels.clone()
    changed[:, :, :16, 192:208] = 3.0
    with torch.no_grad():
        difference = (predict_dpt(network, changed) - predict_dpt(network, pixels)).abs()[0]
    patches = F.avg_pool2d(difference[None], 16)[0]
    row, column = divmod(int(patches.argmax()), patches.shape[1])
    assert row <= 1
    assert 11 <= column <= 13


MIDAS_SIZES = {
    (192, 128): (384, 256),
    (256, 192): (384, 288),
    (256, 256): (384, 384),
    (320, 192): (384, 224),
    (384, 384): (384, 384),
    (448, 256): (384, 224),
    (512, 320): (608, 384),
    (512, 384): (512, 384),
    (512, 512): (384, 384),
    (576, 1024): (384, 672),
    (640, 360): (672, 384),
    (640, 448): (544, 384),
    (768, 512): (576, 384),
    (832, 512): (640, 384),
    (960, 540): (672, 384),
    (1024, 576): (672, 384),
    (1280, 720): (672, 384),
    (1280, 768): (640, 384),
    (1920, 1080): (672, 384),
}
"""Width and height of a frame, and those in which MiDaS sees it, worked out by its rule by hand."""


def test_midas_sees_a_frame_in_the_size_of_its_own_code() -> None:
    for (width, height), (wide, high) in MIDAS_SIZES.items():
        found = least_scaled(torch.empty(3, height, width, device="meta"), 384, 32)
        assert found == (high, wide), (width, height)


def test_depth_anything_sees_the_aspect_518_on_the_short_side() -> None:
    sizes = {(768, 1280): (518, 868), (128, 192): (518, 784), (1024, 576): (924, 518), (512, 512): (518, 518)}
    for (height, width), size in sizes.items():
        assert covering(torch.empty(3, height, width, device="meta"), 518, 14) == size


def test_midas_is_a_positive_depth_at_the_frames_size(tiny) -> None:
    estimator = MidasDepth(tiny("large"), side=64)
    frame = picture(50, 77)
    seen: list[torch.Tensor] = []
    estimator.network.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    depth = estimator(frame)
    assert seen[0].shape == (1, 3, 32, 64)
    expected = F.interpolate(frame[None], (32, 64), mode="bicubic", antialias=True)
    assert torch.allclose(seen[0], (expected - 0.5) / 0.5)
    assert (depth.shape, depth.dtype) == ((50, 77), torch.float32)
    assert (depth >= NEAREST).all()
    assert torch.equal(depth, midas_to_depth(estimator.inverse(frame)))


# --- Depth Anything


def test_depth_anything_is_shown_what_its_published_processor_shows() -> None:
    from transformers import DPTImageProcessor

    mean, deviation = IMAGENET
    processor = DPTImageProcessor(
        size={"height": 518, "width": 518},
        ensure_multiple_of=14,
        keep_aspect_ratio=True,
        image_mean=list(mean),
        image_std=list(deviation),
    )
    frame = picture(640, 900)
    # As floats: what the processor rounds to 8 bits on the way is no part of the recipe.
    expected = processor(frame, do_rescale=False, return_tensors="pt").pixel_values
    found = normalised(resized(frame, covering(frame, 518, 14)), IMAGENET)
    assert found.shape == expected.shape == (1, 3, 518, 728)
    assert torch.allclose(found, expected, atol=1e-4)


def test_any_scale_and_shift_of_depth_anything_is_the_same_depth() -> None:
    prediction = picture(40, 60)[0] * 7 + 1
    found = to_midas_scale(prediction)
    assert torch.allclose(to_midas_scale(prediction * 31 + 12), found, atol=1e-3)
    low, high = torch.quantile(found, torch.tensor([0.02, 0.98]))
    assert (low.item(), high.item()) == (pytest.approx(LOW, abs=1e-3), pytest.approx(HIGH, abs=1e-3))
    prediction[0, 0] = 1e6  # a speck does not decide the scale
    assert (to_midas_scale(prediction) - found).abs().median() < 0.1
    assert (midas_to_depth(to_midas_scale(prediction)) > 0.1).all()
    assert to_midas_scale(torch.zeros(4, 4)).unique().tolist() == [(LOW + HIGH) / 2]


def test_depth_anything_tells_near_from_far(tiny) -> None:
    estimator = DepthAnything(tiny("depth-anything"), side=56)
    frame = picture(50, 80)
    depth = estimator(frame)
    assert (depth.shape, depth.dtype) == ((50, 80), torch.float32)
    with torch.no_grad():
        pixels = normalised(resized(frame, (56, 84)), IMAGENET)
        raw = estimator.network(pixels).predicted_depth
    at_size = F.interpolate(raw[:, None], (50, 80), mode="bicubic")[0, 0]
    assert np.corrcoef(depth.flatten(), at_size.flatten())[0, 1] < -0.9
    assert (depth > 0).all()


# --- ZoeDepth


@pytest.mark.parametrize(("height", "width"), [(480, 640), (300, 700), (128, 192), (640, 400)])
def test_zoedepth_is_shown_what_its_published_processor_shows(height: int, width: int) -> None:
    from transformers import ZoeDepthImageProcessor

    processor = ZoeDepthImageProcessor(ensure_multiple_of=32)
    pixels = (picture(height, width) * 255).round().to(torch.uint8)
    expected = processor(pixels, return_tensors="pt").pixel_values
    found = ZoeDepth(torch.nn.Identity()).pixels(pixels.float() / 255)
    assert found.shape == expected.shape
    assert torch.allclose(found, expected, atol=1e-4)


def test_zoedepth_is_cut_out_as_its_published_processor_does(tiny) -> None:
    from transformers import ZoeDepthImageProcessor

    estimator = ZoeDepth(tiny("zoedepth"), height=64, width=96)
    frame = picture(50, 77)
    depth = estimator(frame)
    with torch.no_grad():
        output = estimator.network(estimator.pixels(frame))
    processor = ZoeDepthImageProcessor(ensure_multiple_of=32)
    expected = processor.post_process_depth_estimation(output, source_sizes=[(50, 77)])[0]["predicted_depth"]
    assert torch.allclose(depth, expected, atol=1e-5)
    assert (depth > 0).all()


def test_the_ranges_are_those_of_the_published_processors() -> None:
    pixels = torch.tensor([0.0, 0.5, 1.0])[None, None, None].expand(1, 3, 1, 3)
    assert normalised(pixels, HALF)[0, 0, 0].tolist() == [-1, 0, 1]
    assert normalised(pixels, IMAGENET)[0, :, 0, 0].tolist() == pytest.approx(
        [-2.1179, -2.0357, -1.8044], abs=1e-4
    )


# --- by name


@pytest.mark.parametrize(
    ("model", "weight", "needed"),
    [
        ("pocket", 0.3, ["pocket"]),
        ("midas", 0.3, ["midas", "adabins"]),
        ("midas", 1, ["midas"]),
        ("midas", 0, ["adabins"]),
        ("midas-hybrid", 0.5, ["midas-hybrid"]),
        ("adabins", 0.3, ["adabins"]),
        ("zoedepth", 0.3, ["zoedepth"]),
    ],
)
def test_what_a_scene_needs(model: str, weight: float, needed: list[str]) -> None:
    assert depth_names(DepthOptions(model=model, midas_weight=weight)) == needed


@pytest.mark.parametrize("there", ["dpt-large.safetensors", "AdaBins_nyu.pt"])
def test_what_is_missing_is_told_before_anything_is_read(there: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path))
    (tmp_path / "depth").mkdir()
    (tmp_path / "depth" / there).write_bytes(b"not read")
    missing = "adabins" if there.startswith("dpt") else "midas"
    with pytest.raises(WeightsError, match=f"the depth network {missing} is not at"):
        load_depth(DepthOptions(model="midas", midas_weight=0.3))


def test_an_unknown_network_is_told() -> None:
    with pytest.raises(UsageError, match="there is no depth network 'midos'; did you mean midas"):
        load_depth(DepthOptions(model="midos"))


@pytest.mark.slow
@pytest.mark.parametrize("weight", [0.25, 0.0, 1.0])
def test_midas_is_blended_with_adabins(weight: float, tiny, described, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path))
    (tmp_path / "depth").mkdir()
    save_file(tiny("large").state_dict(), tmp_path / "depth" / "dpt-large.safetensors")
    (tmp_path / "depth" / "AdaBins_nyu.pt").write_bytes(b"")
    plane = load.DepthNetwork(None, lambda name, device: None, lambda _: PlaneDepth(4.0))
    monkeypatch.setitem(load.NETWORKS, "adabins", plane)
    monkeypatch.setattr(load, "_config", lambda name: described("large"))
    frame = picture(32, 64)
    depth = load_depth(DepthOptions(model="midas", midas_weight=weight))
    midas = load_depth(DepthOptions(model="midas", midas_weight=1.0))
    assert isinstance(depth, BlendedDepth) == (weight == 0.25)
    assert torch.allclose(depth(frame), midas(frame) * weight + 4.0 * (1 - weight))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "kind", "file"),
    [
        ("midas-hybrid", "hybrid", "dpt-hybrid-midas"),
        ("depth-anything-small", "depth-anything", "depth-anything-v2-small"),
        ("zoedepth", "zoedepth", "zoedepth-nyu-kitti"),
    ],
)
def test_every_network_gives_a_depth_by_its_name(
    model, kind, file, tiny, described, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path))
    (tmp_path / "depth").mkdir()
    save_file(tiny(kind).state_dict(), tmp_path / "depth" / f"{file}.safetensors")
    monkeypatch.setattr(load, "_config", lambda name: described(kind))
    depth = load_depth(DepthOptions(model=model, midas_weight=1.0))(picture(32, 64))
    assert (depth.shape, depth.dtype) == ((32, 64), torch.float32)
    assert torch.isfinite(depth).all()
    assert (depth > 0).all()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an accelerator")
@pytest.mark.parametrize(
    ("kind", "estimator"), [("large", MidasDepth), ("hybrid", MidasDepth), ("zoedepth", ZoeDepth)]
)
def test_half_precision_stays_near(kind: str, estimator, tiny) -> None:
    frame = picture(128, 192)
    network = tiny(kind)
    exact = estimator(network)(frame)
    half = estimator(network.cuda())(frame.cuda()).cpu()
    assert half.dtype == torch.float32
    assert ((half - exact).abs() / exact).median() < 0.01
