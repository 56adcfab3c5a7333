"""The registry of networks, and weights that do and do not fit."""

from __future__ import annotations

import dataclasses
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import torch
from safetensors.torch import save_file

from animator.diffusion.checkpoints import family_of, load_diffusion, load_secondary, resemblance
from animator.diffusion.prediction import Estimate
from animator.diffusion.secondary import SecondaryModel
from animator.diffusion.unet import UNet, unet_config
from animator.errors import UsageError, WeightsError
from animator.weights import registry
from animator.weights.clip_names import canonical_name
from animator.weights.elsewhere import why_not_here
from animator.weights.files import fit, read_state
from tests.golden_files import fill, load_json

TINY = {"image_size": 32, "num_channels": 32, "channel_mult": "1,2", "num_res_blocks": 1, "learn_sigma": True}
MANIFESTS = load_json("checkpoint_manifests_unet")


@pytest.fixture
def tiny() -> UNet:
    return fill(UNet(unet_config(TINY)), 0)


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand a folder in for the installed package's bundled weights."""
    registry.entries(), registry.families()  # read from the true one
    (tmp_path / "pocket").mkdir()
    monkeypatch.setattr(registry, "PACKAGE", tmp_path)
    return tmp_path


def empty_state(shapes: dict[str, list[int]]) -> dict[str, torch.Tensor]:
    return {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}


# --- the registry


@pytest.mark.parametrize("family", MANIFESTS)
def test_families_are_the_published_ones(family: str) -> None:
    known = registry.families()[family]
    assert known.switches == MANIFESTS[family]["config"]
    assert known.parameters == MANIFESTS[family]["parameters"]


def test_every_entry_can_be_used() -> None:
    files = [part for entry in registry.entries().values() for part in registry.parts(entry)]
    assert len({registry.location(part) for part in files}) == len(files) > len(registry.entries())
    for entry in registry.entries().values():
        assert entry.bundled or entry.urls or entry.wheel, entry
        assert all(url.startswith("https://") for url in entry.urls), entry
        assert entry.family is None or registry.families()[entry.family].kind == entry.kind, entry
        assert entry.sha256 is None or re.fullmatch(r"[0-9a-f]{64}", entry.sha256), entry
        assert entry.sha256_start is None or re.fullmatch(r"[0-9a-f]{8,63}", entry.sha256_start), entry
        assert entry.sha512 is None or re.fullmatch(r"[0-9a-f]{128}", entry.sha512), entry
        assert entry.estimate in get_args(Estimate), entry
        if entry.kind in ("diffusion", "secondary"):
            assert bool(entry.family) != bool(entry.config), entry


@pytest.mark.parametrize("kind", ["diffusion", "secondary", "clip", "depth"])
def test_every_kind_begins_with_a_bundled_network(kind: registry.Kind) -> None:
    assert registry.names(kind)[0] == "pocket"
    assert registry.find(kind, "pocket").bundled


def test_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(
        UsageError, match=r"no diffusion network '512x512_difusion'; did you mean 512x512_diffusion"
    ):
        registry.find("diffusion", "512x512_difusion")
    with pytest.raises(UsageError, match=r"no depth network 'xyz'; there are pocket, adabins"):
        registry.find("depth", "xyz")


def test_absent_weights_say_what_to_fetch_and_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path))
    entry = registry.find("diffusion", "512x512_diffusion_uncond_finetune_008100")
    place = tmp_path / "diffusion" / "512x512_diffusion_uncond_finetune_008100.pt"
    with pytest.raises(WeightsError) as caught:
        registry.locate(entry)
    fetch = f"animator models fetch {entry.name}"
    for part in (str(place), "about 2232 MB", entry.urls[0], fetch, "animator models import FILE"):
        assert part in str(caught.value)
    place.parent.mkdir()
    place.touch()
    assert registry.locate(entry) == place


def test_a_cache_that_may_not_be_looked_into_holds_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path))

    def locked(path: Path, *_: object) -> bool:
        raise PermissionError(13, "Permission denied", str(path))

    for name in ("is_file", "is_dir", "glob"):
        monkeypatch.setattr(Path, name, locked)
    assert registry.own_entries() == []
    with pytest.raises(WeightsError, match=r"512x512_diffusion_uncond_finetune_008100 is not at .*fetch it"):
        registry.locate(registry.find("diffusion", "512x512_diffusion_uncond_finetune_008100"))


def test_absent_weights_without_an_address_are_imported() -> None:
    entry = registry.Entry(kind="depth", name="mine", file="mine.pt")
    with pytest.raises(
        WeightsError, match=r"the depth network mine is not at .*no address is known, .*import"
    ):
        registry.locate(entry)


def test_sizes_are_the_published_ones_or_four_bytes_a_parameter() -> None:
    entry = registry.Entry(kind="depth", name="mine", file="mine.pt")
    assert registry.about_bytes(entry) is None
    assert registry.about_bytes(registry.find("clip", "ViT-B-32")) == 4 * 151277313
    assert registry.about_bytes(registry.find("secondary", "secondary_model_imagenet_2")) == 4 * 13841547
    assert registry.about_bytes(dataclasses.replace(entry, parameters=10)) == 40
    assert registry.about_bytes(dataclasses.replace(entry, parameters=10, size=41)) == 41


def test_absent_bundled_weights_blame_the_installation(package: Path) -> None:
    with pytest.raises(WeightsError, match=r"bundled depth network is missing at .*reinstall animator"):
        registry.locate(registry.find("depth", "pocket"))


def test_cache_follows_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANIMATOR_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    monkeypatch.setattr(sys, "platform", "linux")
    assert registry.cache_folder() == Path("/caches/animator")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert registry.cache_folder() == Path.home() / "Library" / "Caches" / "animator"


def test_the_registry_needs_no_torch() -> None:
    code = (
        "import sys, animator.weights.registry as r; r.find('clip', 'ViTB32'); print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("written", "canonical"),
    [
        ("pocket", "pocket"),
        ("pocket-vit", "pocket-vit"),
        ("ViTB32", "ViT-B-32/openai"),
        ("ViT-B/32", "ViT-B-32/openai"),
        ("ViT-B-32", "ViT-B-32/openai"),
        (" ViT-B-32/openai ", "ViT-B-32/openai"),
        ("ViT-B-32/laion2b_e16", "ViT-B-32/laion2b_e16"),
        ("ViT-B/32/laion2b_e16", "ViT-B-32/laion2b_e16"),
        ("ViT-B-32::laion2b_e16", "ViT-B-32/laion2b_e16"),
        ("ViTB32_laion2b_e16", "ViT-B-32/laion2b_e16"),
        ("ViTB32quickgelu_laion400m_e31", "ViT-B-32-quickgelu/laion400m_e31"),
        ("ViTL14_336px", "ViT-L-14-336/openai"),
        ("ViT-L/14@336px", "ViT-L-14-336/openai"),
        ("ViT-L-14-336", "ViT-L-14-336/openai"),
        ("RN50", "RN50/openai"),
        ("RN50x16", "RN50x16/openai"),
        ("RN50x4::openai", "RN50x4/openai"),
        ("RN50_yfcc15m", "RN50/yfcc15m"),
        ("RN50quickgelu_cc12m", "RN50-quickgelu/cc12m"),
        ("RN101quickgelu_yfcc15m", "RN101-quickgelu/yfcc15m"),
        ("ViT-bigG-14/laion2b_s39b_b160k", "ViT-bigG-14/laion2b_s39b_b160k"),
        ("ViT-H-14-378/dfn5b", "ViT-H-14-378/dfn5b"),
        ("convnext_base_w/laion2b_s13b_b82k", "convnext_base_w/laion2b_s13b_b82k"),
        ("VITL14", "ViT-L-14/openai"),
        ("VITL14_336", "ViT-L-14-336/openai"),
        ("ViT32b", "ViT-B-32/openai"),
        ("ViT16b", "ViT-B-16/openai"),
        ("ViT14L", "ViT-L-14/openai"),
        ("VIT32", "ViT-B-32/openai"),
        ("VitB32", "ViT-B-32/openai"),
        ("Vitb16", "ViT-B-16/openai"),
        ("vit b 32", "ViT-B-32/openai"),
        ("Rn50", "RN50/openai"),
        ("rn101", "RN101/openai"),
        ("rn50x4", "RN50x4/openai"),
        ("RN50_quickgelu_yfcc15m", "RN50-quickgelu/yfcc15m"),
        ("vit-b-32/LAION2B_E16", "ViT-B-32/laion2b_e16"),
        ("ViT-B-32-laion2b_e16", "ViT-B-32/laion2b_e16"),
        ("ViT-B-32 openai", "ViT-B-32/openai"),
        ("ViTB16plus240_laion400m_e32", "ViT-B-16-plus-240/laion400m_e32"),
        ("ViT-B/16+240 laion400m_e31", "ViT-B-16-plus-240/laion400m_e31"),
        ("openai/clip-vit-large-patch14", "ViT-L-14/openai"),
        ("openai/clip-vit-large-patch14-336", "ViT-L-14-336/openai"),
        ("clip-vit-base-patch16", "ViT-B-16/openai"),
        ("laion/CLIP-ViT-H-14-laion2B-s32B-b79K", "ViT-H-14/laion2b_s32b_b79k"),
        ("laion/CLIP-ViT-bigG-14-laion2B-39B-b160k", "ViT-bigG-14/laion2b_s39b_b160k"),
        ("hf-hub:laion/CLIP-ViT-L-14-laion2B-s32B-b82K", "ViT-L-14/laion2b_s32b_b82k"),
        ("apple/DFN5B-CLIP-ViT-H-14", "ViT-H-14-quickgelu/dfn5b"),
    ],
)
def test_clip_names_have_one_form(written: str, canonical: str) -> None:
    assert canonical_name(written) == canonical
    assert canonical_name(canonical) == canonical
    assert registry.find("clip", written).name == canonical


def test_a_model_without_the_usual_weights_says_which_there_are() -> None:
    for written in ("ViT-H-14", "ViTH14", "vit-h"):
        with pytest.raises(UsageError, match="did you mean ViT-H-14/laion2b_s32b_b79k") as refused:
            registry.find("clip", written)
        assert "ViT-H-14/dfn5b" in str(refused.value)
        assert "ViT-L-14" not in str(refused.value)
        with pytest.raises(UsageError, match="did you mean ViT-H-14/laion2b_s32b_b79k"):
            registry.named("ViT-H-14")
    assert registry.find("clip", "MobileCLIP-S1").name == "MobileCLIP-S1/datacompdr"
    with pytest.raises(UsageError, match="needs its tag; there are convnext_base_w/laion2b_s13b_b82k, "):
        registry.find("clip", "convnext_base_w")
    with pytest.raises(UsageError, match="may be several CLIP models; write which: ViT-L-14, ViT-H-14"):
        registry.find("clip", "ViT14")


def test_every_repository_of_the_hub_names_a_model_in_it() -> None:
    places = json.loads((registry.PACKAGE / "weights" / "clip.json").read_text())
    for name, place in places.items():
        repository = place.rpartition("/")[0]
        assert places[canonical_name(repository)] == place, name


@pytest.mark.parametrize(
    ("kind", "written", "said"),
    [
        ("clip", "SLIP_ViTB16", "SLIP's networks are not built in; the nearest are ViT-B-16"),
        ("clip", "SLIPViTB16", "SLIP's networks"),
        ("clip", "BLIP-large", "compares nothing"),
        ("clip", "google/siglip-base-patch16-224", "SigLIP's networks"),
        ("clip", "ViT-B-16-SigLIP/webli", "SigLIP's networks"),
        ("diffusion", "512x512OpenAi", "512x512_diffusion_uncond_finetune_008100"),
        ("diffusion", "512x512OpenAi", "trained with classes, is 512x512_diffusion;"),
        ("diffusion", "512x512_diffusion_uncond_entropy", "512x512_diffusion_uncond_finetune_008100"),
        ("diffusion", "256x256OpenAi", "256x256_diffusion_uncond"),
        ("diffusion", "yfcc_2", "of v-diffusion's networks there are cc12m_1_cfg and cc12m_1"),
        ("diffusion", "dreamshaper_8", "it paints latents: write the path of its file"),
        ("diffusion", "flux1-dev", "paint pixels"),
        ("diffusion", "256x256_openai_comics_faces_by_alex_spirin_084000", "write its path"),
        ("diffusion", "custom", "the path of its file"),
        ("diffusion", "secondary_model", "diffusion.secondary: true"),
    ],
)
def test_networks_of_other_programs_are_not_here_and_why(
    kind: registry.Kind, written: str, said: str
) -> None:
    with pytest.raises(UsageError, match="is not here: ") as refused:
        registry.find(kind, written)
    assert said in str(refused.value)
    assert "there are pocket" not in str(refused.value)


def test_no_network_of_ours_is_said_not_to_be_here() -> None:
    for kind, name in registry.entries():
        assert registry.find(kind, name).name == name
        assert kind == "diffusion" or not why_not_here(kind, name), name


@pytest.mark.parametrize(("written", "near"), [("RN200", "RN50/openai"), ("ViTB34", "ViT-B-32/openai")])
def test_a_size_that_does_not_exist_is_answered_with_those_of_its_kind(written: str, near: str) -> None:
    with pytest.raises(UsageError) as refused:
        registry.find("clip", written)
    hint, _, listed = str(refused.value).partition("? there are ")
    assert hint.endswith(f"did you mean {near}")
    assert all(name.startswith(near[:2]) for name in listed.split(", "))


@pytest.mark.parametrize("written", ["", "CLIP", "ViT", "a b/c"])
def test_text_that_names_no_clip_model_is_refused(written: str) -> None:
    with pytest.raises(UsageError, match="does not name a CLIP model; write"):
        canonical_name(written)


# --- loading


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_state_is_read_whatever_its_wrapping(tiny: UNet, tmp_path: Path, suffix: str, prefix: str) -> None:
    state = {prefix + name: entry.half() for name, entry in tiny.state_dict().items()}
    path = tmp_path / f"weights{suffix}"
    if suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"model": state, "epoch": 3} if prefix else state, path)
    with torch.device("meta"):
        network = UNet(unet_config(TINY))
    fit(network, read_state(path), "tiny")
    for name, entry in tiny.state_dict().items():
        found = network.state_dict()[name]
        assert found.dtype == torch.float32
        torch.testing.assert_close(found, entry.half().float(), rtol=0, atol=0)
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_files_that_hold_no_weights_are_refused(tmp_path: Path) -> None:
    for name in ("noise.pt", "noise.safetensors"):
        (tmp_path / name).write_bytes(b"not weights at all")
        with pytest.raises(WeightsError, match=f"{name} cannot be read .*fetch them again"):
            read_state(tmp_path / name)
        with pytest.raises(WeightsError, match="there are no weights at"):
            read_state(tmp_path / ("no-" + name))
    torch.save({"steps": 3}, tmp_path / "steps.pt")
    with pytest.raises(WeightsError, match="holds no state dict"):
        read_state(tmp_path / "steps.pt")


def test_a_pickle_that_runs_code_is_refused(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    torch.save({"weight": Trap()}, tmp_path / "trap.pt")
    with pytest.raises(WeightsError, match="cannot be read"):
        read_state(tmp_path / "trap.pt")
    assert not (tmp_path / "sprung").exists()


def test_misfit_names_the_first_of_each_fault_and_counts_the_rest(tiny: UNet) -> None:
    state = tiny.state_dict()
    for name in [name for name in state if name.startswith("middle_block.1.")]:
        del state[name]
    state["extra.bias"] = torch.zeros(3)
    state["out.2.weight"] = torch.zeros(6, 8, 3, 3)
    with pytest.raises(WeightsError) as caught:
        fit(tiny, state, "tiny.pt")
    message = str(caught.value)
    assert "tiny.pt does not fit its network: 6 missing (middle_block.1.norm.bias, " in message
    assert "1 unexpected (extra.bias)" in message
    assert "1 of another shape (out.2.weight: 6x8x3x3 instead of 6x32x3x3)" in message


@pytest.mark.parametrize("family", MANIFESTS)
def test_family_is_recognised_by_names_and_shapes(family: str) -> None:
    state = empty_state(MANIFESTS[family]["state_dict"])
    assert family_of(state) == family
    del state["out.2.bias"]
    assert family_of(state) is None


def test_misfit_says_which_family_the_weights_are_of(tiny: UNet) -> None:
    for family in ("kaliyuga_256", "portrait_generator_v001"):
        with pytest.raises(WeightsError, match=f"these are weights of the family {family}"):
            fit(tiny, empty_state(MANIFESTS[family]["state_dict"]), "a file", resemblance=resemblance)
    secondary = load_json("checkpoint_manifest_secondary")["secondary_model_imagenet_2"]["state_dict"]
    with pytest.raises(WeightsError, match="these are weights of the family secondary_model_imagenet_2"):
        fit(tiny, empty_state(secondary), "a file", resemblance=resemblance)
    with pytest.raises(WeightsError, match="it is like no known family"):
        fit(tiny, {"weight": torch.zeros(1)}, "a file", resemblance=resemblance)


def test_bundled_diffusion_network_is_read_from_its_description(tiny: UNet, package: Path) -> None:
    save_file(
        {name: entry.half() for name, entry in tiny.state_dict().items()}, package / "pocket/unet.safetensors"
    )
    described = {"switches": TINY, "estimate": "clamped", "native_size": [128, 64]}
    (package / "pocket/unet.json").write_text(json.dumps(described))
    network, description = load_diffusion("pocket")
    assert (description.name, description.estimate, description.native_size) == (
        "pocket",
        "clamped",
        (128, 64),
    )
    x = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        network(x, torch.tensor([5.0])), tiny(x, torch.tensor([5.0])), rtol=0.02, atol=0.01
    )


def test_a_file_is_read_by_the_description_beside_it(tiny: UNet, tmp_path: Path) -> None:
    torch.save(tiny.state_dict(), tmp_path / "mine.pt")
    with pytest.raises(
        WeightsError, match=r"not of a known diffusion family.*name its family, or describe it in .*mine.json"
    ):
        load_diffusion(tmp_path / "mine.pt")
    (tmp_path / "mine.json").write_text(json.dumps({"switches": TINY}))
    _, description = load_diffusion(tmp_path / "mine.pt")
    assert (description.estimate, description.native_size) == ("free", (32, 32))


def test_a_file_of_a_named_family(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "mine.pt")
    with pytest.raises(WeightsError, match="it is like no known family"):
        load_diffusion(tmp_path / "mine.pt", family="openai_256")
    with pytest.raises(UsageError, match=r"no family 'openai'.*there are openai_512, openai_256"):
        load_diffusion(tmp_path / "mine.pt", family="openai")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "not a JSON object"),
        ("{}", "lacks 'switches'"),
        (json.dumps({"switches": {**TINY, "num_channels": 64}}), "of another shape"),
        (
            json.dumps({"switches": TINY, "estimate": "held"}),
            "estimate 'held'; it is one of free, clamped, thresholded",
        ),
    ],
)
def test_a_wrong_description_is_refused(tiny: UNet, tmp_path: Path, text: str, message: str) -> None:
    torch.save(tiny.state_dict(), tmp_path / "mine.pt")
    (tmp_path / "mine.json").write_text(text)
    with pytest.raises(WeightsError, match=message):
        load_diffusion(tmp_path / "mine.pt")


def test_bundled_secondary_model_has_its_own_width(package: Path) -> None:
    narrow = SecondaryModel(width=8)
    save_file(
        {name: entry.half() for name, entry in narrow.state_dict().items()},
        package / "pocket/secondary.safetensors",
    )
    (package / "pocket/secondary.json").write_text(json.dumps({"width": 8}))
    loaded = load_secondary("pocket")
    x = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    t = torch.tensor([0.4])
    torch.testing.assert_close(loaded(x, t).denoised, narrow(x, t).denoised, rtol=0.01, atol=0.01)


def test_published_secondary_model_is_found_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path))
    (tmp_path / "secondary").mkdir()
    state = {name: entry.half() for name, entry in SecondaryModel().state_dict().items()}
    torch.save(state, tmp_path / "secondary/secondary_model_imagenet_2.pth")
    assert sum(p.numel() for p in load_secondary("secondary_model_imagenet_2").parameters()) == 13841547
