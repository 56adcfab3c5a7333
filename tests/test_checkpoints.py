"""Files of weights as people have them: wrapped, prefixed, averaged, damaged, of another network."""

from __future__ import annotations

import gzip
import os
import random
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from animator.diffusion.checkpoints import load_diffusion
from animator.diffusion.unet import UNet, unet_config
from animator.errors import WeightsError
from animator.weights.files import fit, read_state
from animator.weights.registry import Family, families
from tests.golden_files import fill, load_json

SWITCHES = {
    "image_size": 32,
    "num_channels": 32,
    "num_res_blocks": 1,
    "channel_mult": "1, 2",
    "attention_resolutions": "16",
    "num_head_channels": 16,
    "learn_sigma": True,
    "use_scale_shift_norm": True,
    "resblock_updown": True,
}
FAMILIES = load_json("checkpoint_manifests_unet")


@pytest.fixture(scope="module")
def unet() -> UNet:
    return fill(UNet(unet_config(SWITCHES)), 0)


@pytest.fixture
def small_family(monkeypatch: pytest.MonkeyPatch, unet: UNet) -> str:
    """One more published family, of small networks."""
    known = dict(families())
    size = sum(parameter.numel() for parameter in unet.parameters())
    known["small"] = Family("small", "diffusion", SWITCHES, size)
    monkeypatch.setattr("animator.diffusion.checkpoints.families", lambda: known)
    return "small"


def plain() -> dict[str, Tensor]:
    return {"a.weight": torch.full((2, 3), 1.0), "b.bias": torch.full((3,), 2.0)}


def trained() -> dict[str, Tensor]:
    """What is still being trained, and must not be taken where the averaged weights are there too."""
    return {name: entry + 7 for name, entry in plain().items()}


def under(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {prefix + name: entry for name, entry in state.items()}


STEP = {"step": torch.tensor(3), "initted": torch.tensor(True)}
FORMS = {
    "plain": plain(),
    "state_dict": {"state_dict": plain(), "epoch": 3},
    "model": {"model": under("module.", plain()), "optimizer": {"state": {0: {"step": torch.ones(1)}}}},
    "Lightning": {"state_dict": under("model.", plain()), "hyper_parameters": {"lr": 1e-4}},
    "Lightning, averaged": {
        "state_dict": {**under("model.", trained()), **under("model_ema.", plain())},
        "pytorch-lightning_version": "1.4",
    },
    "k-diffusion": {"config": {}, "model": trained(), "model_ema": plain(), "opt": {}},
    "ema": {"ema": plain(), "model": trained()},
    "averaged by a class": {
        "ema": {**under("online_model.", trained()), **under("ema_model.", plain()), **STEP},
        "model": trained(),
    },
    "params_ema": {"params_ema": plain(), "params": trained()},
    "params": {"params": plain()},
    "an ema without weights": {"ema": {"decay": 0.999}, "model": plain()},
    "compiled": under("_orig_mod.", plain()),
    "compiled and data-parallel": under("module._orig_mod.", plain()),
    "ema_model": under("ema_model.", plain()),
    "averaged model": {"n_averaged": torch.tensor(5), **under("module.", plain())},
    "wrapped twice": {"state_dict": {"model": under("module.", plain())}},
}


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt"])
@pytest.mark.parametrize("form", FORMS)
def test_a_state_dict_is_found_in_every_wrapping(form: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"weights{suffix}"
    torch.save(FORMS[form], path, _use_new_zipfile_serialization=suffix != ".pth")
    found = read_state(path)
    assert found.keys() == plain().keys()
    for name, entry in plain().items():
        assert torch.equal(found[name], entry)


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "ema_model.", "_orig_mod.module."])
@pytest.mark.parametrize("name", ["weights.safetensors", "weights.pt"])
def test_safetensors_are_read_whatever_they_are_called(name: str, prefix: str, tmp_path: Path) -> None:
    save_file(under(prefix, plain()), tmp_path / name)
    assert read_state(tmp_path / name).keys() == plain().keys()


def test_a_prefix_that_not_all_names_have_is_the_networks_own(tmp_path: Path) -> None:
    state = {"model.weight": torch.ones(2), "head.weight": torch.ones(2), "step": torch.ones(1)}
    torch.save(state, tmp_path / "weights.pt")
    assert read_state(tmp_path / "weights.pt").keys() == state.keys()


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["", "model."])
@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".safetensors"])
def test_a_diffusion_file_is_recognised(
    unet: UNet, small_family: str, tmp_path: Path, suffix: str, prefix: str
) -> None:
    path = tmp_path / f"mine{suffix}"
    state = under(prefix, {name: entry.half() for name, entry in unet.state_dict().items()})
    if suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save({"ema": state, "step": 10} if prefix else state, path)
    network, description = load_diffusion(path)
    assert description.native_size == (32, 32)
    for name, entry in network.state_dict().items():
        torch.testing.assert_close(entry, unet.state_dict()[name].half().float(), rtol=0, atol=0)


def test_a_file_near_a_family_says_what_keeps_it_from_it(
    unet: UNet, small_family: str, tmp_path: Path
) -> None:
    state = dict(unet.state_dict())
    state["out.2.weight"] = torch.zeros(3, 32, 3, 3)
    state["label_emb.weight"] = torch.zeros(10, 128)
    del state["out.0.bias"], state["out.0.weight"]
    torch.save(state, tmp_path / "mine.pt")
    with pytest.raises(WeightsError) as caught:
        load_diffusion(tmp_path / "mine.pt")
    message = str(caught.value)
    assert "not of a known diffusion family (the nearest family is small (9" in message
    assert "2 missing (out.0.bias, out.0.weight)" in message
    assert "1 unexpected (label_emb.weight)" in message
    assert "1 of another shape (out.2.weight: 3x32x3x3 instead of 6x32x3x3)" in message
    with pytest.raises(WeightsError, match=r"mine.pt does not fit its network: 2 missing .*; the nearest"):
        load_diffusion(tmp_path / "mine.pt", family="small")


@pytest.mark.parametrize("family", ["kaliyuga_256", "portrait_generator_v001"])
def test_a_file_of_another_family_says_which(unet: UNet, tmp_path: Path, family: str) -> None:
    """At full size: names and shapes alone, every tensor a single stored zero."""
    state = {
        name: torch.zeros(1).expand(shape) if shape else torch.zeros(())
        for name, shape in FAMILIES[family]["state_dict"].items()
    }
    torch.save(state, tmp_path / "mine.pt")
    with pytest.raises(WeightsError, match=f"of another shape .*these are weights of the family {family}"):
        load_diffusion(tmp_path / "mine.pt", family="openai_512")


def test_counters_of_batch_normalisation_may_be_absent() -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    state = {name: entry for name, entry in fill(network, 0).state_dict().items() if "tracked" not in name}
    with torch.device("meta"):
        fresh = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    fit(fresh, state, "old")
    x = torch.ones(1, 3, 2, 2)
    torch.testing.assert_close(fresh(x), network.eval()(x))
    del state["1.running_mean"]
    with pytest.raises(WeightsError, match=r"old does not fit its network: 1 missing \(1.running_mean\)$"):
        fit(fresh, state, "old")


class Trap:
    def __init__(self, call: object, *arguments: object) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self):
        return self.call, self.arguments


def endless() -> dict[str, object]:
    inner: dict[str, object] = {"weight": torch.ones(1)}
    inner["model"] = inner
    return inner


def published(path: Path) -> bytes:
    torch.save({"model": plain()}, path)
    return path.read_bytes()


BAD = {
    "empty.pt": (b"", "the file is empty"),
    "page.pt": (b"\n<!DOCTYPE html><html>404</html>", "it is a web page"),
    "page.safetensors": (b"<html></html>", "it is a web page"),
    "pointer.pth": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "a pointer of Git LFS"),
    "text.ckpt": (b"not weights", "(operand|magic|no file)"),
    "zip.pt": (gzip.compress(b"weights"), "cannot be read"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_weights_is_a_line(name: str, tmp_path: Path) -> None:
    content, reason = BAD[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(WeightsError, match=reason) as caught:
        read_state(tmp_path / name)
    message = str(caught.value)
    assert "\n" not in message
    assert f"the weights at {tmp_path / name} cannot be read (" in message
    assert message.endswith("; fetch them again")


@pytest.mark.parametrize("call", [os.system, eval])
@pytest.mark.parametrize("old", [False, True])
def test_a_file_that_would_run_code_is_refused_without_bad_advice(
    tmp_path: Path, call: object, old: bool
) -> None:
    touched = tmp_path / "sprung"
    argument = f"touch {touched}" if call is os.system else f"open({str(touched)!r}, 'w')"
    torch.save(
        {"model": plain(), "x": Trap(call, argument)},
        tmp_path / "bomb.pt",
        _use_new_zipfile_serialization=not old,
    )
    with pytest.raises(WeightsError, match=r"it holds \S*(system|eval), which is no weights") as caught:
        read_state(tmp_path / "bomb.pt")
    assert "weights_only" not in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not touched.exists()


def test_a_file_that_refers_to_itself_comes_to_an_end(tmp_path: Path) -> None:
    torch.save(endless(), tmp_path / "bomb.pt")
    with pytest.raises(WeightsError, match="holds no state dict"):
        read_state(tmp_path / "bomb.pt")


@pytest.mark.parametrize(
    "content", [3, [torch.ones(1)], {"epoch": 3}, {"model": {"epoch": 3}}, {3: torch.ones(1)}]
)
def test_files_without_a_state_dict_are_refused(content: object, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=r"other\.pt holds no state dict"):
        read_state(tmp_path / "other.pt")


def test_a_torchscript_program_is_told_apart(tmp_path: Path) -> None:
    """The files that OpenAI published CLIP in are of this kind."""
    torch.jit.save(torch.jit.trace(nn.Linear(2, 2), torch.ones(1, 2)), tmp_path / "ViT-B-32.pt")
    with pytest.raises(WeightsError, match="it is a TorchScript program and no state dict"):
        read_state(tmp_path / "ViT-B-32.pt")


@pytest.mark.parametrize("form", ["zip", "old", "safetensors"])
def test_damage_anywhere_is_one_line_or_none(form: str, tmp_path: Path) -> None:
    """Cut off and with wrong bytes, from a fixed seed: a state dict or a `WeightsError`, nothing else."""
    path = tmp_path / ("weights.safetensors" if form == "safetensors" else "weights.pt")
    if form == "safetensors":
        save_file(plain(), path)
    else:
        torch.save({"model": plain()}, path, _use_new_zipfile_serialization=form == "zip")
    whole, chance, refused = path.read_bytes(), random.Random(0), []
    for attempt in range(300):
        content = bytearray(whole)
        if attempt % 3 == 0:
            content = content[: chance.randrange(len(content))]
        for _ in range(attempt % 3 * 2):
            content[chance.randrange(min(len(content), 800))] = chance.randrange(256)
        path.write_bytes(content)
        try:
            read_state(path)
        except WeightsError as fault:
            refused.append(str(fault))
    assert len(refused) > 150
    assert not any("\n" in message for message in refused)
