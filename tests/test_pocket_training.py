"""The trainings of the bundled networks: each takes a step, and one that was stopped goes on to the bit."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from animator.depth.pocket import FARTHEST, NEAREST, to_distance
from animator.pocket.figures.depth import relative_error
from animator.pocket.train import depth, perceptor, pictures, secondary, unet
from animator.pocket.train.session import Machine, start_from

PICTURES = 24


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a world of a few pictures."""
    folder = tmp_path_factory.mktemp("training")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "BLOCK", PICTURES)
        pictures.draw_block(folder, 0)
    return folder


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Train on one thread: batches of two pictures, beside another test, are slower on more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def folder(world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of a training's own, with that world."""
    monkeypatch.setattr(pictures, "BLOCK", PICTURES)
    monkeypatch.setattr(depth, "BATCH", 2)
    monkeypatch.setattr(perceptor, "BATCH", 8)
    (tmp_path / "world").symlink_to(world)
    return tmp_path


def weights(folder: Path, name: str) -> dict[str, torch.Tensor]:
    """Return what a checkpoint would ship."""
    return dict(torch.load(folder / f"{name}.pt", weights_only=True)["average"])


def test_a_stopped_training_goes_on_to_the_bit(folder: Path) -> None:
    machine = Machine()
    depth.train(folder, steps=3, machine=machine)
    whole = weights(folder, "depth")
    (folder / "depth.pt").unlink()

    class Stopped(Exception):
        pass

    taken = []

    def stopping(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        if step == 2:
            raise Stopped
        taken.append(step)
        return make(world_pictures, None, step)

    make, world_pictures = depth.make_batch, pictures.Pictures(folder / "world")
    with pytest.MonkeyPatch.context() as patch:
        # Saved after each step, as after two minutes, and stopped before the last one.
        patch.setattr("animator.pocket.train.session.EVERY", -1.0)
        patch.setattr(depth, "make_batch", lambda *given: stopping(given[-1]))
        with pytest.raises(Stopped):
            depth.train(folder, steps=3, machine=machine)
    assert taken == [0, 1]
    depth.train(folder, steps=3, machine=machine)
    again = weights(folder, "depth")
    assert all(torch.equal(value, again[name]) for name, value in whole.items())


def test_threads_that_work_ahead_change_nothing(folder: Path) -> None:
    depth.train(folder, steps=2, machine=Machine())
    alone = weights(folder, "depth")
    (folder / "depth.pt").unlink()
    depth.train(folder, steps=2, machine=Machine(workers=2))
    ahead = weights(folder, "depth")
    assert all(torch.equal(value, ahead[name]) for name, value in alone.items())


def test_a_training_learns(folder: Path) -> None:
    """After forty steps from nothing its pictures are seen with a smaller loss."""
    machine = Machine()
    images, truth = depth.make_batch(pictures.Pictures(folder / "world"), None, 0)

    def loss() -> float:
        network = depth.PocketDepthNetwork(depth.WIDTHS, depth.BLOCKS)
        network.load_state_dict(torch.load(folder / "depth.pt", weights_only=True)["network"])
        with torch.no_grad():
            return float(depth.loss_of(network, images, truth, machine))

    depth.train(folder, steps=1, machine=machine)
    before = loss()
    (folder / "depth.pt").unlink()
    depth.train(folder, steps=40, machine=machine)
    assert loss() < 0.9 * before


@pytest.mark.parametrize("name", ["unet", "secondary", "depth", "perceptor", "perceptor-vit", "judge"])
def test_what_is_trained_is_shipped(folder: Path, name: str) -> None:
    """A step of each training on a CPU; its weights are written as the package's are."""
    machine = Machine()
    if name == "unet":
        unet.train(folder, small_steps=0, full_steps=1, machine=machine)
    elif name in perceptor.RECIPES:
        perceptor.train(folder, name, steps=1, machine=machine)
    else:
        {"secondary": secondary, "depth": depth}[name].train(folder, steps=1, machine=machine)
    package = folder / "package"
    if name in perceptor.RECIPES:
        perceptor.ship(folder, name, package)
    else:
        {"unet": unet, "secondary": secondary, "depth": depth}[name].ship(folder, package)
    file = next(package.glob("*.safetensors"))
    bundled = Path(perceptor.__file__).parents[1] / file.name
    if name != "judge":
        assert file.stat().st_size == bundled.stat().st_size
        assert file.with_suffix(".json").read_bytes() == bundled.with_suffix(".json").read_bytes()
    assert all(torch.isfinite(value).all() for value in weights(folder, name).values())


def test_earlier_weights_are_where_a_training_begins(folder: Path) -> None:
    network = depth.PocketDepthNetwork(depth.WIDTHS, depth.BLOCKS)
    bundled = Path(perceptor.__file__).parents[1] / "depth.safetensors"
    start_from(network, bundled)
    images, truth = depth.make_batch(pictures.Pictures(folder / "world"), None, 0)
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
