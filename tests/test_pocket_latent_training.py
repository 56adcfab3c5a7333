"""The trainings of a latent network: first weights that carry colours, and a step of each."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("diffusers")

import diffusers
import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from animator.latent.text import Reader
from tools.pocket import WEIGHTS
from tools.pocket.packed import read_packed, text_tower
from tools.pocket.train import autoencoder, latent, pictures, told
from tools.pocket.train.perceptor import bundled
from tools.pocket.train.session import Budget, Machine, Session

pytestmark = pytest.mark.usefixtures("one_thread")

PICTURES = 12


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a world of a few pictures, told with the tokens that were shipped."""
    monkeypatch.setattr(pictures, "BLOCK", PICTURES)
    shipped = load_file(WEIGHTS / "perceptor.safetensors")["token_embedding.rows"]
    for module in (told, latent):
        monkeypatch.setattr(module, "known_tokens", lambda: shipped)
    (tmp_path / "world").mkdir()
    pictures.draw_block(tmp_path / "world", 0)
    return tmp_path


def likeness(network: diffusers.AutoencoderKL) -> float:
    """Return how patches' hues in pictures that went there and back go with those before, -1 to 1."""
    chance = torch.Generator().manual_seed(4)
    coarse = torch.rand(6, 3, 4, 6, generator=chance) * 2 - 1
    true = F.interpolate(coarse, scale_factor=16, mode="bilinear")
    with torch.no_grad():
        made = network.decode(network.encode(true).latent_dist.mean).sample

    def hues(images: Tensor) -> Tensor:
        means = F.avg_pool2d(images, 8)
        return (means - means.mean(1, keepdim=True)).flatten()

    return float(torch.corrcoef(torch.stack([hues(made), hues(true)]))[0, 1])


def test_the_first_weights_carry_colours() -> None:
    torch.manual_seed(2)
    assert likeness(diffusers.AutoencoderKL(**autoencoder.CONFIG)) < 0.3
    assert likeness(autoencoder.build()) > 0.9


def test_patches_of_a_wrong_colour_count_more_than_grain() -> None:
    true = torch.zeros(1, 3, 16, 16)
    grain = 0.1 * torch.tensor([1.0, -1.0]).repeat(8).expand(1, 3, 16, 16)
    shade = torch.full_like(true, 0.1)
    assert float(autoencoder.error(true + grain, true)) == pytest.approx(0.1)
    assert float(autoencoder.error(true + shade, true)) == pytest.approx(0.15)


def test_square_parts_are_cut_where_they_are() -> None:
    latents = torch.arange(24).expand(2, 8, 16, 24)
    parts = [latent.squared(latents, Machine().dice(3, number)) for number in range(60)]
    assert {part.shape for part in parts} == {(2, 8, 16, 16)}
    firsts = {int(part[0, 0, 0, 0]) for part in parts}
    assert firsts == set(range(9))
    assert all(int(part[1, 7, 15, 15] - part[0, 0, 0, 0]) == 15 for part in parts)


@pytest.mark.slow
def test_a_step_of_each(folder: Path) -> None:
    """The autoencoder's weights change, the latents are told from them, and the latent network learns."""
    machine = Machine()
    autoencoder.train(folder, steps=2, machine=machine, batch=2)
    made = latent.make_latents(folder, machine)
    assert made.shape == (PICTURES, autoencoder.CHANNELS, 16, 24)
    assert torch.allclose(made.mean((0, 2, 3)), torch.zeros(autoencoder.CHANNELS), atol=1e-2)
    assert torch.allclose(made.std((0, 2, 3)), torch.ones(autoencoder.CHANNELS), atol=2e-2)
    latent.train(folder, steps=2, machine=machine, batch=2)
    stored = torch.load(folder / "latent.pt", weights_only=True)
    assert stored["step"] == 2
    assert all(torch.isfinite(value).all() for value in stored["average"].values())
    latent.ship(folder, folder)
    parts = read_packed(folder / "latent.safetensors", WEIGHTS / "perceptor.safetensors")
    assert set(parts.unet.state_dict()) == set(stored["network"])
    images = pictures.Pictures(folder / "world").images(torch.arange(4)) * 2 - 1
    with torch.no_grad():
        told_again = parts.vae.encode(images).latent_dist.mean
        back = parts.vae.decode(told_again).sample
        true = autoencoder.trained(folder)
        expected = true.decode(true.encode(images).latent_dist.mean).sample
    assert torch.allclose(told_again, made[:4], atol=0.05)
    assert torch.allclose(back, expected, atol=0.02)

    # What was shipped is where another training begins, with the same latents.
    other = folder / "other"
    other.mkdir()
    (other / "world").symlink_to(folder / "world")
    latent.train(other, steps=1, machine=machine, batch=2, rate=1e-9, start=folder / "latent.safetensors")
    begun = torch.load(other / "latent.pt", weights_only=True)["network"]
    assert all(torch.allclose(begun[name], one, atol=1e-6) for name, one in parts.unet.state_dict().items())
    assert torch.allclose(latent.make_latents(other, machine)[:4], made[:4], atol=0.1)


def test_prompts_are_read_as_by_the_perceptor() -> None:
    """By the tower of transformers, with its tokenizer, as the training reads captions."""
    text = "a red lighthouse on a cliff above the sea, oil on canvas"
    tower = text_tower(WEIGHTS / "perceptor.safetensors")
    states = Reader((tower,), False, torch.device("cpu")).read(text).states
    model = bundled("perceptor")
    with torch.no_grad():
        x = model.token_embedding(told.tokenizer()([text])) + model.positional_embedding[:40]
        expected = model.ln_final(model.transformer(x, attn_mask=model.attn_mask))
    assert states.shape == (1, 40, 128)
    assert torch.allclose(states, expected, atol=1e-5)


def test_time_in_which_a_cpu_did_not_train_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(torch.nn.Linear(2, 2), Budget(100, 1e-3, minutes=1), tmp_path / "one.pt")
    monkeypatch.setattr("time.monotonic", lambda: 1e9)
    assert session.spent < 5
