"""Latent diffusions, LoRAs and ControlNets in the cache, under names of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from typer.testing import CliRunner, Result

from animator.cli.main import app
from animator.errors import UsageError
from animator.latent.recognise import recognise
from animator.weights.own import named_path
from animator.weights.registry import OWN, entries, find, own_entries

UNET = "model.diffusion_model.input_blocks"
MODEL = {
    f"{UNET}.0.0.weight": (1, 4, 1, 1),
    "cond_stage_model.transformer.x": (1,),
    "first_stage_model.decoder.up.0.block.0.conv1.weight": (1,),
}
LORA = {"lora_unet_mid_block_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": (4, 768)}
CONTROL = {"control_model.input_hint_block.0.weight": (1,)}
FLUX = {"double_blocks.0.img_attn.norm.key_norm.scale": (1,)}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def models(*words: object) -> Result:
    return CliRunner().invoke(app, ["models", *map(str, words)])


def put(tmp_path: Path, name: str, shapes: dict[str, tuple[int, ...]], value: float = 0) -> Path:
    path = tmp_path / name
    save_file({key: torch.full(shape, value) for key, shape in shapes.items()}, path)
    return path


def folder(tmp_path: Path, name: str = "dream") -> Path:
    path = tmp_path / name
    (path / "unet").mkdir(parents=True)
    (path / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')
    (path / "unet" / "config.json").write_text('{"in_channels": 4}')
    put(path / "unet", "diffusion_pytorch_model.safetensors", {"conv_in.weight": (1,)})
    return path


def test_files_of_all_kinds_are_imported_at_once(tmp_path: Path, cache: Path) -> None:
    files = [
        put(tmp_path, "album-v2.safetensors", MODEL),
        put(tmp_path, "ink.safetensors", LORA),
        put(tmp_path, "depth.safetensors", CONTROL),
        folder(tmp_path),
    ]
    result = models("import", *files)
    assert result.exit_code == 0, result.output
    assert [line.partition(":")[0] for line in result.stdout.splitlines()] == [
        "latent album-v2",
        "lora ink",
        "controlnet depth",
        "latent dream",
    ]
    assert "cannot be verified" in result.stderr
    assert {(one.kind, one.name) for one in own_entries()} == {
        ("latent", "album-v2"),
        ("latent", "dream"),
        ("lora", "ink"),
        ("controlnet", "depth"),
    }
    assert named_path("latent", "album-v2") == cache / "latent" / "album-v2.safetensors"
    assert named_path("latent", "dream") == cache / "latent" / "dream"
    assert recognise(named_path("lora", "ink")).what == "lora"
    shown = models("list").stdout
    assert all(word in shown for word in ("album-v2", "dream", "there"))
    assert models("where", "dream").stdout.strip() == str(cache / "latent" / "dream")
    again = models("import", *files)
    assert again.exit_code == 0, again.output


def test_a_lora_in_a_folder_of_diffusers_is_kept(tmp_path: Path, cache: Path) -> None:
    path = tmp_path / "ink"
    path.mkdir()
    put(path, "pytorch_lora_weights.safetensors", LORA)
    assert models("import", path).exit_code == 0
    assert named_path("lora", "ink") == cache / "lora" / "ink"
    assert str(recognise(named_path("lora", "ink"))) == "a LoRA for Stable Diffusion 1"
    torch.save({name: torch.zeros(shape) for name, shape in LORA.items()}, tmp_path / "old.bin")
    assert models("import", tmp_path / "old.bin").exit_code == 0
    assert str(recognise(named_path("lora", "old"))) == "a LoRA for Stable Diffusion 1"


def test_an_imported_file_takes_a_name_and_its_description(tmp_path: Path, cache: Path) -> None:
    path = put(tmp_path, "x.safetensors", MODEL)
    path.with_suffix(".json").write_text('{"schedule": {"prediction_type": "v_prediction"}}')
    assert models("import", path, "--name", "mine").exit_code == 0
    assert find("latent", "mine").file == "mine.safetensors"
    assert (cache / "latent" / "mine.json").is_file()


def test_what_changed_since_it_came_is_damaged(tmp_path: Path, cache: Path) -> None:
    assert models("import", put(tmp_path, "a.safetensors", MODEL), folder(tmp_path)).exit_code == 0
    result = models("verify", "a", "dream")
    assert result.exit_code == 0
    assert result.stdout.count("unchanged since it came") == 2
    inside = cache / "latent" / "dream" / "unet" / "config.json"
    inside.unlink()
    inside.write_text("{}")
    result = models("verify")
    assert result.exit_code == 1
    assert "latent dream: damaged: unet/config.json changed since it came" in result.stdout
    assert "latent a: no published hash, unchanged" in result.stdout


def test_another_file_or_folder_of_a_name_is_left_alone(tmp_path: Path) -> None:
    assert models("import", put(tmp_path, "a.safetensors", MODEL), folder(tmp_path)).exit_code == 0
    other = put(tmp_path, "b.safetensors", MODEL, 1)
    result = models("import", other, "--name", "a")
    assert result.exit_code != 0
    assert "is a different file" in result.output
    changed = folder(tmp_path, "other")
    (changed / "unet" / "config.json").write_text('{"in_channels": 9}')
    result = models("import", changed, "--name", "dream")
    assert result.exit_code != 0
    assert "is a different folder" in result.output


def test_networks_of_other_kinds_are_refused_and_the_rest_is_kept(tmp_path: Path) -> None:
    flux, good = put(tmp_path, "flux.safetensors", FLUX), put(tmp_path, "a.safetensors", MODEL)
    empty = tmp_path / "empty"
    empty.mkdir()
    result = models("import", flux, good, empty)
    assert result.exit_code != 0
    assert "flux.safetensors is Flux; models, LoRAs and ControlNets are kept" in result.output
    assert "empty is nothing that is known" in result.output
    assert [one.name for one in own_entries()] == ["a"]


def test_a_checkpoint_of_guided_diffusion_is_none_of_these(tmp_path: Path) -> None:
    from animator.diffusion.unet import UNet, unet_config

    switches = {"image_size": 32, "num_channels": 32, "num_res_blocks": 1, "channel_mult": "1, 2"}
    path = tmp_path / "mine.pt"
    torch.save(UNet(unet_config(switches)).state_dict(), path)
    assert recognise(path).what == "unknown"
    result = models("import", path)
    assert result.exit_code == 2
    assert "its hash is unknown; say what it is with --name NAME" in result.output


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden"])
def test_a_name_that_no_file_can_have_is_refused(name: str, tmp_path: Path) -> None:
    result = models("import", put(tmp_path, "a.safetensors", MODEL), "--name", name)
    assert result.exit_code != 0
    assert own_entries() == []


def test_one_name_is_for_one_file(tmp_path: Path) -> None:
    files = [put(tmp_path, "a.safetensors", MODEL), put(tmp_path, "b.safetensors", MODEL)]
    result = models("import", *files, "--name", "mine")
    assert result.exit_code != 0
    assert "import them one by one" in result.output


def test_published_models_have_an_address_and_a_hash() -> None:
    listed = [entry for entry in entries().values() if entry.kind in OWN]
    assert {entry.kind for entry in listed} == set(OWN)
    for entry in listed:
        assert all((entry.urls, entry.size, len(entry.sha256 or "") == 64)), entry.name
    with pytest.raises(UsageError, match="did you mean sdxl-turbo"):
        find("latent", "sdxl-turb")


def test_a_path_is_no_name_and_a_name_no_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert named_path("latent", "models/mine.safetensors") == Path("models/mine.safetensors")
    monkeypatch.chdir(tmp_path)
    folder(tmp_path)
    assert named_path("latent", "./dream") == Path("dream")
    with pytest.raises(UsageError, match="there is no latent network 'dream'"):
        named_path("latent", "dream")
