"""The trainings of the bundled networks: each takes a step, and one that was stopped goes on to the bit."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from animator.depth.pocket import FARTHEST, NEAREST, to_distance
from tools.pocket import WEIGHTS
from tools.pocket.figures.depth import relative_error
from tools.pocket.train import depth, diffused, perceptor, pictures, secondary, told, unet
from tools.pocket.train.diffused import draw_diffused
from tools.pocket.train.pictures import Pictures
from tools.pocket.train.session import Machine, mixed, start_from
from tools.pocket.train.shown import Kept, Shown, block_path, write_block
from tools.pocket.train.told import PHRASINGS, Told, tell, tokenizer
from tools.pocket.world.spec import draw_spec

pytestmark = [pytest.mark.long, pytest.mark.usefixtures("one_thread")]

PICTURES = 24


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a world of a few pictures."""
    folder = tmp_path_factory.mktemp("training")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "BLOCK", PICTURES)
        pictures.draw_block(folder, 0)
    return folder


@pytest.fixture
def tokens(monkeypatch: pytest.MonkeyPatch) -> torch.Tensor:
    """The tokens of the captions, as they were shipped.

    To look them up anew takes ten seconds; that these are the same is in test_pocket.py.
    """
    shipped = load_file(WEIGHTS / "perceptor.safetensors")["token_embedding.rows"]
    for module in (perceptor, told):
        monkeypatch.setattr(module, "known_tokens", lambda: shipped)
    return shipped


@pytest.fixture
def folder(world: Path, tmp_path: Path, tokens: torch.Tensor, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a training's own, with that world."""
    monkeypatch.setattr(pictures, "BLOCK", PICTURES)
    (tmp_path / "world").symlink_to(world)
    return tmp_path


def weights(folder: Path, name: str) -> dict[str, torch.Tensor]:
    """Return what a checkpoint would ship."""
    return dict(torch.load(folder / f"{name}.pt", weights_only=True)["average"])


@pytest.mark.slow
def test_a_stopped_training_goes_on_to_the_bit(folder: Path) -> None:
    machine = Machine()
    depth.train(folder, steps=3, machine=machine, batch=2)
    whole = weights(folder, "depth")
    (folder / "depth.pt").unlink()

    class Stopped(Exception):
        pass

    taken = []

    def stopping(*given: Any) -> tuple[torch.Tensor, torch.Tensor]:
        if len(taken) == 2:
            raise Stopped
        taken.append(len(taken))
        return make(*given)

    make = depth.make_batch
    with pytest.MonkeyPatch.context() as patch:
        # Saved after each step, as after two minutes, and stopped before the last one.
        patch.setattr("tools.pocket.train.session.EVERY", -1.0)
        patch.setattr(depth, "make_batch", stopping)
        with pytest.raises(Stopped):
            depth.train(folder, steps=3, machine=machine, batch=2)
    assert taken == [0, 1]
    depth.train(folder, steps=3, machine=machine, batch=2)
    again = weights(folder, "depth")
    assert all(torch.equal(value, again[name]) for name, value in whole.items())


@pytest.mark.slow
def test_a_training_learns(folder: Path) -> None:
    """After forty steps from nothing its pictures are seen with a smaller loss."""
    machine = Machine()
    images, truth = depth.make_batch(Shown(folder, "cpu", {}), 2, Machine().dice(17, 0))

    def loss() -> float:
        network = depth.PocketDepthNetwork(depth.WIDTHS, depth.BLOCKS)
        network.load_state_dict(torch.load(folder / "depth.pt", weights_only=True)["network"])
        with torch.no_grad():
            return float(depth.loss_of(network, images, truth, machine))

    depth.train(folder, steps=1, machine=machine, batch=2)
    before = loss()
    (folder / "depth.pt").unlink()
    depth.train(folder, steps=40, machine=machine, batch=2)
    assert loss() < 0.9 * before


@pytest.mark.slow
@pytest.mark.parametrize("name", ["unet", "secondary", "depth", "perceptor", "perceptor-vit", "judge"])
def test_what_is_trained_is_shipped(folder: Path, name: str) -> None:
    """A step of each training on a CPU; its weights are written as the package's are."""
    machine = Machine()
    if name == "unet":
        unet.train(folder, small_steps=0, full_steps=1, machine=machine, batch=6)
    elif name in perceptor.RECIPES:
        perceptor.train(folder, name, steps=1, machine=machine, batch=8)
    else:
        {"secondary": secondary, "depth": depth}[name].train(folder, steps=1, machine=machine, batch=3)
    package = folder / "package"
    if name in perceptor.RECIPES:
        perceptor.ship(folder, name, package)
    else:
        {"unet": unet, "secondary": secondary, "depth": depth}[name].ship(folder, package)
    file = next(package.glob("*.safetensors"))
    bundled = WEIGHTS / file.name
    if name != "judge":
        assert file.stat().st_size == bundled.stat().st_size
        assert file.with_suffix(".json").read_bytes() == bundled.with_suffix(".json").read_bytes()
    assert all(torch.isfinite(value).all() for value in weights(folder, name).values())


def test_earlier_weights_are_where_a_training_begins(folder: Path) -> None:
    network = depth.PocketDepthNetwork(depth.WIDTHS, depth.BLOCKS)
    bundled = WEIGHTS / "depth.safetensors"
    start_from(network, bundled)
    images, truth = depth.make_batch(Shown(folder, "cpu", {}), 2, Machine().dice(17, 0))
    with torch.no_grad():
        assert float(depth.loss_of(network, images, truth, Machine())) < 0.8


def test_the_refitted_distances_are_those_of_the_figures() -> None:
    """The loss fits inverse distances as the card's figure does."""
    span = torch.tensor(FARTHEST / NEAREST).log()
    truth, guess = torch.rand(2, 3, 1, 16, 24, generator=torch.Generator().manual_seed(3))
    found = to_distance(depth.refitted(guess, truth))
    error = (found / to_distance(truth) - 1).abs().mean(dim=(1, 2, 3))
    pairs = zip(to_distance(guess), to_distance(truth), strict=True)
    told = [relative_error(*pair) for pair in pairs]
    assert error.tolist() == pytest.approx(told, rel=1e-3)
    # Any scale and shift of inverse distance is fitted away.
    turned = -(0.3 * torch.exp(-span * truth) + 0.1).log() / span
    assert torch.allclose(depth.refitted(turned, truth), truth, atol=1e-3)


def test_pictures_are_told_what_they_show(folder: Path, tokens: torch.Tensor) -> None:
    """Every caption told in advance names the main object, or the ground, of its own picture."""
    tell(folder / "world", 1)
    captions = Told(folder / "world")
    index = torch.arange(PICTURES).repeat_interleave(PHRASINGS)
    rows = captions.captions(index, Machine().dice(1))
    assert rows.shape == (PICTURES * PHRASINGS, 40)
    texts = [tokenizer().decode(row[row > 0].tolist()) for row in tokens[rows]]
    kinds = [draw_spec(int(number)).style for number in index]
    inked = [text for text, kind in zip(texts, kinds, strict=True) if kind == "ink"]
    assert sum("ink" in text for text in inked) > len(inked) / 3
    assert not any(" ink " in text for text, kind in zip(texts, kinds, strict=True) if kind == "pixel")


@pytest.mark.slow
def test_networks_are_shown_each_kind_as_often_as_was_said(folder: Path) -> None:
    """A kind is told by its brightness, the picture of the world that it was by its number."""
    for number, kind in enumerate(("estimates", "diffused")):
        grey = torch.full((6, 3, *((64, 96), (128, 192))[number]), 0.25 + 0.5 * number)
        write_block(block_path(folder, kind, 0), grey, np.arange(6) + 10 * number)
    shown = Shown(folder, "cpu", {"estimates": 0.2, "diffused": 0.5, "none of these": 0.3})
    images, index = shown.draw(400, Machine().dice(3))
    flat = images.flatten(1)
    found = [
        ((flat - level).abs().amax(1) < 0.01) & (index >= low) & (index < low + 6)
        for level, low in ((0.25, 0), (0.75, 10))
    ]
    assert [float(kind.float().mean()) for kind in found] == pytest.approx([0.2, 0.5], abs=0.08)
    drawn = ~(found[0] | found[1])
    assert torch.equal(images[drawn], shown.pictures.images(index[drawn]))


@pytest.mark.slow
def test_what_was_diffused_still_shows_its_picture(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffused, "BLOCK", 3)
    monkeypatch.setattr(diffused, "BATCH", {"cpu": 2})
    draw_diffused(folder, 1, Machine())
    path = block_path(folder, "diffused", 0)
    before = path.read_bytes()
    draw_diffused(folder, 1, Machine())
    assert path.read_bytes() == before
    images, index = Kept([path]).draw(12, Machine().dice(1))
    true = Pictures(folder / "world").images(index)
    own = (images - true).square().mean(dim=(1, 2, 3))
    other = (images - true.roll(1, 0)).square().mean(dim=(1, 2, 3))[index != index.roll(1)]
    assert 1e-5 < float(own.max()) < float(other.mean()) / 2


def test_depth_is_of_what_is_shown() -> None:
    """Pictures that are their own depth stay alike, cut to squares or as wide as they were."""

    class Pictured:
        pictures = SimpleNamespace(shares=lambda index: waves[index])

        def draw(self, count: int, dice: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
            index = torch.randint(len(waves), (count,), generator=dice)
            return waves[index].expand(-1, 3, -1, -1), index

    y, x = torch.meshgrid(torch.linspace(0, 1, 128), torch.linspace(0, 1, 192), indexing="ij")
    waves = torch.stack([0.5 + 0.5 * torch.sin(9 * (x * a + y)) for a in (0.4, 1.7, -1.0)])[:, None]
    widths = set()
    for step in range(12):
        images, truth = depth.make_batch(Pictured(), 4, Machine().dice(7, step))
        assert images.shape[2:] == truth.shape[2:]
        widths.add(truth.shape[3])
        for image, true in zip(images.mean(1), truth[:, 0], strict=True):
            assert float(torch.corrcoef(torch.stack([image.flatten(), true.flatten()]))[0, 1]) > 0.97
    assert widths == {128, 192}


def test_parts_are_cut_where_they_are() -> None:
    """Each part is found in its own picture."""
    images = torch.arange(2 * 128 * 192).view(2, 1, 128, 192).float()
    parts = unet._parts(images, 64, 96, Machine().dice(2))
    for image, part in zip(images, parts, strict=True):
        y, x = divmod(int(part[0, 0, 0] - image[0, 0, 0]), 192)
        assert torch.equal(part, image[:, y : y + 64, x : x + 96])


def test_a_mixture_lies_between_its_parts(tmp_path: Path) -> None:
    counts = torch.tensor([3])
    save_file({"weight": torch.zeros(4).half(), "count": torch.tensor([1])}, tmp_path / "earlier.safetensors")
    found = mixed({"weight": torch.ones(4), "count": counts}, tmp_path / "earlier.safetensors", 0.25)
    assert torch.equal(found["weight"], torch.full((4,), 0.25))
    assert torch.equal(found["count"], counts)


@pytest.mark.slow
def test_a_training_ends_with_its_time(folder: Path) -> None:
    """Its learning rate has fallen by then, whatever the steps that were allowed."""
    depth.train(folder, steps=100_000, machine=Machine(), batch=2, minutes=0.01)
    stored = torch.load(folder / "depth.pt", weights_only=True)
    assert 1 <= stored["step"] < 1000
    assert 0.6 <= stored["seconds"] < 60
    assert stored["optimiser"]["param_groups"][0]["lr"] < 3e-4
