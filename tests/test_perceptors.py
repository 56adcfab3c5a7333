"""Perceptors on small random CLIP models, written to disk as the bundled one is."""

from __future__ import annotations

import json
from pathlib import Path

import open_clip
import pytest
import torch
from safetensors.torch import save_file

from animator.diffusion.perceptors import dense_token_table, load_perceptor, read_perceptor
from animator.errors import UsageError, WeightsError
from animator.weights import registry

MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.25, 0.3]


def model_cfg(size: int, width: int) -> dict[str, object]:
    return {
        "embed_dim": 16,
        "vision_cfg": {"image_size": size, "layers": 1, "width": width, "head_width": 16, "patch_size": 8},
        "text_cfg": {"context_length": 12, "vocab_size": 49408, "width": 16, "heads": 1, "layers": 1},
    }


def write(folder: Path, *, size: int = 32, width: int = 32, sparse: bool = True) -> open_clip.CLIP:
    """Write a random perceptor's two files; return the network that they describe."""
    torch.manual_seed(size)
    network = open_clip.CLIP(**model_cfg(size, width)).eval()
    known = open_clip.SimpleTokenizer(context_length=12)(["a red lighthouse in a storm"]).unique()
    with torch.no_grad():
        table = network.token_embedding.weight
        kept = table[known].half().clone()
        table.zero_()
        table[known] = kept.float()
    state = {name: entry.half().contiguous() for name, entry in network.state_dict().items()}
    if sparse:
        del state["token_embedding.weight"]
        state["token_embedding.rows"] = known
        state["token_embedding.values"] = kept
    network.load_state_dict({name: entry.half().float() for name, entry in network.state_dict().items()})
    folder.mkdir(exist_ok=True)
    save_file(state, folder / "perceptor.safetensors")
    described = {"model_cfg": model_cfg(size, width), "size": size, "mean": MEAN, "std": STD}
    (folder / "perceptor.json").write_text(json.dumps(described))
    return network


def read(folder: Path, **options):
    return read_perceptor(folder / "perceptor.safetensors", folder / "perceptor.json", name="tiny", **options)


def pictures(size: int) -> torch.Tensor:
    return torch.rand(3, 3, size, size, generator=torch.Generator().manual_seed(0))


@pytest.mark.slow
@pytest.mark.parametrize("sparse", [True, False])
def test_perceptor_gives_what_its_network_gives(tmp_path: Path, sparse: bool) -> None:
    network = write(tmp_path, sparse=sparse)
    perceptor = read(tmp_path)
    batch = pictures(32)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
    with torch.no_grad():
        expected = network.encode_image((batch - mean) / std)
        tokens = open_clip.SimpleTokenizer(context_length=12)(["a red lighthouse", "a storm"])
        words = network.encode_text(tokens)
    torch.testing.assert_close(perceptor.encode_images(batch), expected)
    torch.testing.assert_close(perceptor.encode_text(["a red lighthouse", "a storm"]), words)
    assert (perceptor.name, perceptor.size) == ("tiny", 32)
    assert expected.shape == (3, 16)
    assert not torch.allclose(words[0], words[1])


@pytest.mark.slow
def test_only_the_pictures_have_a_gradient(tmp_path: Path) -> None:
    write(tmp_path)
    perceptor = read(tmp_path)
    batch = pictures(32).requires_grad_()
    perceptor.encode_images(batch).square().sum().backward()
    assert batch.grad is not None
    assert (batch.grad.flatten(1).abs().sum(1) > 0).all()
    assert not perceptor.encode_images(pictures(32)).requires_grad
    assert not perceptor.encode_text(["a storm"]).requires_grad


@pytest.mark.slow
def test_half_precision_returns_float32_near_the_same(tmp_path: Path) -> None:
    write(tmp_path)
    exact, half = read(tmp_path), read(tmp_path, dtype=torch.bfloat16)
    for asked in ("encode_images", "encode_text"):
        argument = pictures(32) if asked == "encode_images" else ["a red storm"]
        found, expected = getattr(half, asked)(argument), getattr(exact, asked)(argument)
        assert found.dtype == torch.float32
        assert 0 < float((found - expected).norm() / expected.norm()) < 0.05


@pytest.mark.slow
def test_two_perceptors_work_side_by_side(tmp_path: Path) -> None:
    write(tmp_path / "a", size=32)
    write(tmp_path / "b", size=48, width=48)
    first, second = read(tmp_path / "a"), read(tmp_path / "b")
    alone = first.encode_images(pictures(32)), first.encode_text(["a storm"])
    assert second.encode_images(pictures(48)).shape == (3, 16)
    assert not torch.allclose(second.encode_text(["a storm"]), alone[1])
    torch.testing.assert_close(first.encode_images(pictures(32)), alone[0], rtol=0, atol=0)


@pytest.mark.slow
def test_long_texts_are_cut_and_not_refused(tmp_path: Path) -> None:
    write(tmp_path)
    assert read(tmp_path).encode_text(["a red lighthouse in a storm " * 20]).shape == (1, 16)


def test_pictures_of_another_size_are_refused(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(ValueError, match="tiny takes N x 3 x 32 x 32, not"):
        read(tmp_path).encode_images(pictures(48))


def test_bundled_perceptor_is_loaded_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.entries()
    monkeypatch.setattr(registry, "PACKAGE", tmp_path)
    write(tmp_path / "pocket")
    assert load_perceptor("pocket").encode_images(pictures(32)).shape == (3, 16)


def test_absent_weights_say_what_to_fetch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path))
    with pytest.raises(
        WeightsError, match=r"ViT-B-32/openai is not at .*ViT-B-32-openai.safetensors.*fetch it with"
    ):
        load_perceptor("ViTB32")


def test_unknown_model_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="no clip network 'ViT-B-33'; did you mean ViT-B-32/openai"):
        load_perceptor("ViT-B-33")


def test_published_perceptor_is_built_from_a_file_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A published model, made small: what counts is that file, activation and normalisation find together."""
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path))
    monkeypatch.setitem(open_clip.factory._MODEL_CONFIGS, "ViT-B-32", model_cfg(32, 32))
    network = open_clip.CLIP(**model_cfg(32, 32), quick_gelu=True).eval()
    (tmp_path / "clip").mkdir()
    save_file(network.state_dict(), tmp_path / "clip/ViT-B-32-openai.safetensors")
    perceptor = load_perceptor("ViT-B/32")
    trained = open_clip.get_pretrained_cfg("ViT-B-32", "openai")
    mean, std = (torch.tensor(trained[key]).view(1, 3, 1, 1) for key in ("mean", "std"))
    expected = network.encode_image((pictures(32) - mean) / std)
    torch.testing.assert_close(perceptor.encode_images(pictures(32)), expected.detach())
    assert (perceptor.name, perceptor.size) == ("ViT-B-32/openai", 32)

    save_file({"weight": torch.zeros(1)}, tmp_path / "clip/ViT-B-32-openai.safetensors")
    with pytest.raises(
        WeightsError, match=r"ViT-B-32/openai does not fit its network: \d+ missing .*1 unexpected"
    ):
        load_perceptor("ViT-B/32")


def test_registry_knows_where_open_clip_keeps_its_models() -> None:
    for name in registry.names("clip"):
        if registry.find("clip", name).bundled:
            continue
        model, _, pretrained = name.partition("/")
        place = open_clip.get_pretrained_cfg(model, pretrained)["hf_hub"].rstrip("/")
        assert (
            registry.find("clip", name).urls[0].startswith(f"https://huggingface.co/{place.split('/')[0]}/")
        )
        assert open_clip.get_model_config(model) is not None


@pytest.mark.parametrize("lacking", ["model_cfg", "size", "mean", "std"])
def test_a_description_that_lacks_something_is_refused(tmp_path: Path, lacking: str) -> None:
    write(tmp_path)
    described = json.loads((tmp_path / "perceptor.json").read_text())
    del described[lacking]
    (tmp_path / "perceptor.json").write_text(json.dumps(described))
    with pytest.raises(WeightsError, match=f"lacks {lacking}"):
        read(tmp_path)


@pytest.mark.parametrize("rows", [[0, 10], [-1, 2]])
def test_token_rows_outside_the_table_are_refused(rows: list[int]) -> None:
    state = {"token_embedding.rows": torch.tensor(rows), "token_embedding.values": torch.ones(2, 4)}
    with pytest.raises(WeightsError, match="do not belong to a table of 10 x 4"):
        dense_token_table(state, 10, 4)
