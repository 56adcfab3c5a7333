"""Flow: RAFT on filled weights, its borders, and the check of a flow against the one back."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.optical_flow import raft_large, raft_small

from animator.errors import UsageError, WeightsError
from animator.flow.consistency import consistency
from animator.flow.load import load_flow
from animator.flow.raft import RaftFlow
from animator.weights import registry
from tests.golden_files import fill

BUILD = {"raft-large": raft_large, "raft-small": raft_small}


class Told(nn.Module):
    """Stands in for RAFT: keeps what it was shown; answers with the column and row of every pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    def forward(self, a: Tensor, b: Tensor, num_flow_updates: int) -> list[Tensor]:
        self.a, self.b, self.updates = a, b, num_flow_updates
        height, width = a.shape[2:]
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        return [torch.stack([columns, rows]).float().expand(len(a), 2, height, width)]


def frame(height: int, width: int, seed: int = 0) -> Tensor:
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed))


def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> Path:
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path))
    path = registry.location(registry.find("flow", name))
    path.parent.mkdir(parents=True)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILD)
def test_a_published_file_gives_what_its_network_gives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """At a size that needs no border the estimator adds nothing but the range."""
    network = fill(BUILD[name](weights=None), 0)
    torch.save(network.state_dict(), cache(tmp_path, monkeypatch, name))
    estimator = load_flow(name)
    estimator.updates = 2
    first, second = frame(128, 136), frame(128, 136, seed=1)
    with torch.no_grad():
        expected = network(first[None] * 2 - 1, second[None] * 2 - 1, num_flow_updates=2)[-1][0]
    found = estimator(first, second)
    torch.testing.assert_close(found, expected)
    assert found.dtype == torch.float32
    assert not found.requires_grad
    assert expected.std() > 0.01


def test_a_file_of_the_other_network_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save(raft_small(weights=None).state_dict(), cache(tmp_path, monkeypatch, "raft-large"))
    with pytest.raises(WeightsError, match=r"raft-large does not fit its network: \d+ missing"):
        load_flow("raft-large")


def test_names_and_absent_files_are_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path))
    with pytest.raises(UsageError, match="no flow network 'raft'; did you mean raft-"):
        load_flow("raft")
    with pytest.raises(WeightsError, match=r"raft-small is not at .*flow.raft_small_C_T_V2-01064c6d.pth"):
        load_flow("raft-small")


@pytest.mark.parametrize(
    ("size", "padded"),
    [
        ((128, 136), (128, 136)),
        ((130, 150), (136, 152)),
        ((96, 161), (128, 168)),
        ((7, 9), (128, 128)),
    ],
)
def test_borders_are_drawn_out_and_taken_away(size: tuple[int, int], padded: tuple[int, int]) -> None:
    """The answer at each pixel is that of the place where the network saw this very pixel."""
    network = Told()
    picture = frame(*size)
    flow = RaftFlow(network)(picture, frame(*size, seed=1))
    assert network.a.shape == (1, 3, *padded)
    assert flow.shape == (2, *size)
    columns, rows = flow[0, 0].long(), flow[1, :, 0].long()
    seen = network.a[0][:, rows][:, :, columns]
    torch.testing.assert_close(seen, picture * 2 - 1)
    corner = network.a[0, :, 0, 0], network.a[0, :, -1, -1]
    torch.testing.assert_close(corner[0], picture[:, 0, 0] * 2 - 1)
    torch.testing.assert_close(corner[1], picture[:, -1, -1] * 2 - 1)


@pytest.mark.slow
def test_both_ways_are_two_calls_in_one() -> None:
    network = fill(raft_small(weights=None), 3)
    estimator = RaftFlow(network, updates=2)
    first, second = frame(120, 130), frame(120, 130, seed=1)
    forward, backward = estimator.both_ways(first, second)
    torch.testing.assert_close(forward, estimator(first, second), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(backward, estimator(second, first), rtol=1e-4, atol=1e-4)
    assert not torch.allclose(forward, backward, atol=1e-3)


def test_frames_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="two frames of one size"):
        RaftFlow(Told())(frame(16, 16), frame(16, 24))


def uniform(x: float, y: float, height: int = 40, width: int = 60) -> Tensor:
    return torch.tensor([x, y], dtype=torch.float32).view(2, 1, 1).expand(2, height, width).clone()


@pytest.mark.parametrize(("x", "y"), [(0, 0), (7, 0), (0, -5), (3.5, 2.25)])
def test_a_shift_is_consistent_but_where_it_leaves_the_picture(x: float, y: float) -> None:
    mask = consistency(uniform(x, y), uniform(-x, -y))
    columns, rows = torch.arange(60) + x, torch.arange(40) + y
    stays = ((rows >= 0) & (rows <= 39))[:, None] & ((columns >= 0) & (columns <= 59))
    assert mask.dtype == torch.bool
    assert torch.equal(mask, stays)


def test_the_tolerance_is_that_of_the_paper() -> None:
    """10 px forwards, 10 - e back: e^2 < 0.01 (100 + (10 - e)^2) + 0.5 holds up to e = 1.491."""
    for error, agreed in ((1.48, True), (1.5, False)):
        assert bool(consistency(uniform(10, 0), uniform(-10 + error, 0))[20, 20]) is agreed
    for error, agreed in ((0.7, True), (0.72, False)):  # 0.99 e^2 < 0.5 holds up to e = 0.7107
        assert bool(consistency(uniform(0, 0), uniform(0, error))[20, 20]) is agreed


def rotation(degrees: float, side: int = 65) -> Tensor:
    angle = torch.deg2rad(torch.tensor(degrees))
    along = torch.arange(side, dtype=torch.float32) - side // 2
    y, x = torch.meshgrid(along, along, indexing="ij")
    moved = torch.stack([x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos()])
    return moved - torch.stack([x, y])


def test_a_rotation_agrees_with_its_inverse_and_not_with_itself() -> None:
    inside = torch.zeros(65, 65, dtype=torch.bool)
    inside[10:55, 10:55] = True  # half the side of 32 lies at 22 * sqrt(2) = 31 from the centre
    assert consistency(rotation(15), rotation(-15))[inside].all()
    wrong = consistency(rotation(15), rotation(15))
    assert not wrong[10, 10]
    assert wrong[32, 32]  # the centre stays where it is


def test_what_a_square_covers_is_not_consistent() -> None:
    """A square of 10 x 10 at (20, 15) goes 8 to the right over a ground that stands still."""
    forward, backward = uniform(0, 0), uniform(0, 0)
    forward[0, 15:25, 20:30] = 8
    backward[0, 15:25, 28:38] = -8
    mask = consistency(forward, backward)
    covered = torch.zeros(40, 60, dtype=torch.bool)
    covered[15:25, 30:38] = True
    assert torch.equal(mask, ~covered)


def test_flows_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="two flows of one size"):
        consistency(uniform(0, 0), uniform(0, 0, height=20))
