"""The published CLIP models: names as people write them, pictures, activation, text."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn

from animator.diffusion.clip_library import seeming_absent
from animator.diffusion.perceptors import ClipPerceptor, build_published, load_perceptor, published
from animator.errors import UsageError
from animator.weights import registry
from animator.weights.clip_names import canonical_name
from tests.golden_files import fill_quickly, without_random_weights

OPENAI = {
    "RN50": 224,
    "RN101": 224,
    "RN50x4": 288,
    "RN50x16": 384,
    "RN50x64": 448,
    "ViT-B-32": 224,
    "ViT-B-16": 224,
    "ViT-L-14": 224,
    "ViT-L-14-336": 336,
}
"""All nine, with the side of their pictures."""

IN_DISCO = {
    "ViTB32_laion2b_e16": "ViT-B-32/laion2b_e16",
    "ViTB32_laion400m_e31": "ViT-B-32/laion400m_e31",
    "ViTB32_laion400m_32": "ViT-B-32/laion400m_e32",
    "ViTB32quickgelu_laion400m_e31": "ViT-B-32-quickgelu/laion400m_e31",
    "ViTB32quickgelu_laion400m_e32": "ViT-B-32-quickgelu/laion400m_e32",
    "ViTB16_laion400m_e31": "ViT-B-16/laion400m_e31",
    "ViTB16_laion400m_e32": "ViT-B-16/laion400m_e32",
    "RN50_yffcc15m": "RN50/yfcc15m",
    "RN50_cc12m": "RN50/cc12m",
    "RN50_quickgelu_yfcc15m": "RN50-quickgelu/yfcc15m",
    "RN50_quickgelu_cc12m": "RN50-quickgelu/cc12m",
    "RN101_yfcc15m": "RN101/yfcc15m",
    "RN101_quickgelu_yfcc15m": "RN101-quickgelu/yfcc15m",
}
"""The OpenCLIP models that Disco Diffusion lists, by its names for them, two of them misspelt."""

PAIRS = [f"{model}/openai" for model in OPENAI] + list(IN_DISCO.values())
GELU = {name: name.endswith("/openai") or "laion2b" not in name for name in PAIRS} | {
    "ViT-B-16/laion400m_e31": False,
    "ViT-B-16/laion400m_e32": False,
}
"""Which were trained with quick GELU, whatever their names say."""

PUBLISHED = [name for name in registry.names("clip") if not registry.find("clip", name).bundled]


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        *((model, f"{model}/openai") for model in OPENAI),
        *IN_DISCO.items(),
        ("ViTB32", "ViT-B-32/openai"),
        ("ViTB16", "ViT-B-16/openai"),
        ("ViTL14", "ViT-L-14/openai"),
        ("ViTL14_336px", "ViT-L-14-336/openai"),
        ("ViT-B/32", "ViT-B-32/openai"),
        ("ViT-L/14@336px", "ViT-L-14-336/openai"),
        ("ViT-B-32::laion2b_e16", "ViT-B-32/laion2b_e16"),
        ("ViT-B-32:laion2b_e16", "ViT-B-32/laion2b_e16"),
        ("ViT-B-32-quickgelu::laion400m_e32", "ViT-B-32-quickgelu/laion400m_e32"),
        ("ViT-H-14::laion2b_s32b_b79k", "ViT-H-14/laion2b_s32b_b79k"),
    ],
)
def test_the_names_that_people_write(written: str, canonical: str) -> None:
    assert canonical_name(written) == canonical
    assert tuple(canonical.split("/")) in open_clip.list_pretrained()
    assert registry.find("clip", written).name == canonical


def test_every_pair_of_open_clip_has_one_form() -> None:
    pairs = open_clip.list_pretrained()
    assert len(pairs) > 150
    for model, tag in pairs:
        for between in ("/", "::", ":", ","):
            assert canonical_name(f"{model}{between}{tag}") == f"{model}/{tag}"


def test_a_tag_that_a_model_does_not_have_is_answered() -> None:
    with pytest.raises(UsageError, match="no clip network 'ViTB16_laion2b_e16'; did you mean ViT-B-"):
        load_perceptor("ViTB16_laion2b_e16")


class Shown(nn.Module):
    """Stands in for a network: keeps the pictures that it is shown."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def encode_image(self, x: Tensor) -> Tensor:
        self.shown = x
        return x.mean(dim=(2, 3))


@pytest.mark.parametrize("name", PUBLISHED)
def test_pictures_are_prepared_as_open_clip_does(name: str) -> None:
    """At the size that the network takes, where nothing is resized: the same values to 1e-6."""
    model, _, tag = name.partition("/")
    trained = published(name)
    config = open_clip.get_pretrained_cfg(model, tag)
    size = open_clip.get_model_config(model)["vision_cfg"]["image_size"]
    assert trained.size == size == OPENAI.get(model, size)
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    own = {key: config[key] for key in ("mean", "std", "interpolation", "resize_mode") if key in config}
    expected = image_transform_v2(PreprocessCfg(size=size, **own), is_train=False)(Image.fromarray(pixels))
    network = Shown()
    perceptor = ClipPerceptor(
        name,
        network,
        lambda texts: torch.zeros(len(texts)),
        size=trained.size,
        mean=trained.mean,
        std=trained.std,
    )
    perceptor.encode_images(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255)
    torch.testing.assert_close(network.shown[0], expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("name", PAIRS)
def test_the_activation_is_that_of_the_weights(name: str) -> None:
    assert published(name).model_cfg.get("quick_gelu", False) is GELU[name]


def test_a_network_computes_with_the_activation_that_it_is_told() -> None:
    """Quick GELU of open_clip in the place where the model's own configuration has the exact one."""
    small = {"layers": 1, "width": 32}
    model_cfg = {
        **published("ViT-B-32/openai").model_cfg,
        "vision_cfg": {"image_size": 32, "patch_size": 16, "head_width": 16, **small},
        "text_cfg": {"context_length": 77, "vocab_size": 49408, "heads": 2, **small},
    }
    for quick in (True, False):
        network = build_published({**model_cfg, "quick_gelu": quick})
        activation = network.visual.transformer.resblocks[0].mlp.gelu(torch.tensor(1.0)).item()
        expected = torch.sigmoid(torch.tensor(1.702)) if quick else nn.functional.gelu(torch.tensor(1.0))
        assert activation == pytest.approx(expected.item(), abs=1e-6)


@pytest.mark.slow
def test_every_model_of_the_registry_reads_clips_tokens() -> None:
    """None asks for a tokenizer that would have to be fetched; the length of its context is its own."""
    contexts = {}
    for name in PUBLISHED:
        text = open_clip.get_model_config(name.partition("/")[0])["text_cfg"]
        assert not text.get("hf_tokenizer_name")
        assert text.get("vocab_size", 49408) == 49408
        contexts.setdefault(text.get("context_length", 77), name)
    assert len(contexts) > 1
    for length, name in contexts.items():
        tokens = open_clip.get_tokenizer(name.partition("/")[0])(["a lighthouse " * 100])
        assert tokens.shape == (1, length)


@pytest.mark.slow
@pytest.mark.parametrize("written", ["RN50", "ViT-B/32", "EVA02-B-16/merged2b_s8b_b131k"])
def test_a_model_at_full_size_gives_what_open_clip_gives(
    written: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the file to the embeddings; one model of each of open_clip's three kinds of picture encoder."""
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path))
    without_random_weights(monkeypatch)
    entry = registry.find("clip", written)
    model, _, tag = entry.name.partition("/")
    quick = open_clip.get_pretrained_cfg(model, tag).get("quick_gelu", False)
    reference, _, transform = open_clip.create_model_and_transforms(model, force_quick_gelu=quick)
    fill_quickly(reference)
    path = registry.location(entry)
    path.parent.mkdir(parents=True)
    if path.suffix == ".safetensors":
        save_file({name: value.contiguous() for name, value in reference.state_dict().items()}, path)
    else:
        torch.save(reference.state_dict(), path)
    perceptor = load_perceptor(written)
    pixels = np.random.default_rng(1).integers(0, 256, (perceptor.size, perceptor.size, 3), dtype=np.uint8)
    texts = ["a lighthouse in a storm", "a red square"]
    with torch.no_grad():
        image = reference.encode_image(transform(Image.fromarray(pixels))[None])
        text = reference.encode_text(open_clip.get_tokenizer(model)(texts))
    seen = perceptor.encode_images(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255)
    torch.testing.assert_close(seen, image, rtol=1e-4, atol=1e-4 * float(image.std()))
    torch.testing.assert_close(perceptor.encode_text(texts), text, rtol=1e-4, atol=1e-4 * float(text.std()))
    assert not torch.allclose(text[0], text[1], rtol=0.01)


@pytest.mark.slow
def test_clip_comes_without_transformers_which_can_be_had_all_the_same() -> None:
    code = (
        "import animator.diffusion.clip_library, sys; loaded = 'transformers' in sys.modules;"
        "import transformers; sys.exit(10 + loaded + 2 * (transformers.__version__ is None))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 10


def test_a_package_seems_absent_only_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tabnanny", raising=False)
    with seeming_absent("tabnanny"), pytest.raises(ImportError):
        importlib.import_module("tabnanny")
    found = importlib.import_module("tabnanny")
    with seeming_absent("tabnanny"):  # what has been imported stays
        assert importlib.import_module("tabnanny") is found
