"""Flow without a network, moving a picture along it, and trusting it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from animator.errors import RunError, WeightsError
from animator.flow.cache import FlowCache
from animator.flow.consistency import consistency
from animator.flow.dis import DisFlow
from animator.flow.load import flow_name, load_flow
from animator.flow.trust import trusted
from animator.warp.by_flow import warp_by_flow
from animator.weights import registry

FLOW = DisFlow()


def texture(height: int, width: int, seed: int = 0) -> torch.Tensor:
    noise = np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)
    soft = cv2.GaussianBlur(noise, (0, 0), 2)
    return torch.from_numpy((soft - soft.min()) / (soft.max() - soft.min())).permute(2, 0, 1).contiguous()


def moved(frame: torch.Tensor, right: int, down: int) -> torch.Tensor:
    return torch.roll(frame, (down, right), (1, 2))


def constant(height: int, width: int, x: float, y: float) -> torch.Tensor:
    return torch.tensor([float(x), float(y)])[:, None, None].expand(2, height, width).clone()


@pytest.mark.parametrize("size", [(64, 64), (96, 160), (101, 67), (24, 90)])
@pytest.mark.parametrize("shift", [(3, -2), (-4, 1)])
def test_a_shift_is_found(size: tuple[int, int], shift: tuple[int, int]) -> None:
    first = texture(*size)
    flow = FLOW(first, moved(first, *shift))
    assert flow.shape == (2, *size)
    assert flow.dtype == torch.float32
    found = flow[:, 6:-6, 6:-6].flatten(1).median(dim=1).values
    assert (found - torch.tensor(shift)).abs().max() < 0.3


def test_a_large_shift_is_found() -> None:
    first = texture(256, 256)
    found = FLOW(first, moved(first, 20, -15))[:, 40:-40, 40:-40].flatten(1).median(dim=1).values
    assert (found - torch.tensor([20.0, -15.0])).abs().max() < 0.3


@pytest.mark.parametrize("size", [(1, 1), (5, 9), (8, 8), (40, 3)])
def test_tiny_and_flat_pictures_have_a_flow(size: tuple[int, int]) -> None:
    still = torch.full((3, *size), 0.4)
    flow = FLOW(still, still)
    assert flow.shape == (2, *size)
    assert flow.abs().max() == 0


def test_the_same_bytes_with_any_number_of_threads() -> None:
    first = texture(150, 230)
    second = 0.7 * moved(first, 5, -9) + 0.3 * texture(150, 230, seed=1)
    threads = cv2.getNumThreads()
    found = []
    try:
        for number in (1, 2, 3, 8):
            cv2.setNumThreads(number)
            found += [flow.numpy().tobytes() for flow in (FLOW(first, second), FLOW(first, second))]
    finally:
        cv2.setNumThreads(threads)
    assert len(set(found)) == 1


def test_both_ways_are_the_two_ways() -> None:
    first = texture(80, 96)
    second = moved(first, 4, 2)
    forward, backward = FLOW.both_ways(first, second)
    assert torch.equal(forward, FLOW(first, second))
    assert torch.equal(backward, FLOW(second, first))
    agree = consistency(forward, backward)[10:-10, 10:-10]
    assert agree.float().mean() > 0.99
    assert not consistency(forward, forward)[10:-10, 10:-10].any()


def test_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="two frames of one size"):
        FLOW(texture(32, 32), texture(32, 40))
    with pytest.raises(ValueError, match="cannot follow a flow"):
        warp_by_flow(texture(32, 32), torch.zeros(2, 32, 40))


def test_a_picture_is_restored_along_its_flow() -> None:
    old = texture(96, 128)
    new = moved(old, 5, -3)
    _, back = FLOW.both_ways(old, new)
    restored = warp_by_flow(old, back)
    inside = (slice(None), slice(12, -12), slice(12, -12))
    error = (restored - new)[inside].abs().mean()
    assert error < 0.01
    assert (old - new)[inside].abs().mean() > 10 * error


def test_whole_pixels_are_moved_to_the_level() -> None:
    old = texture(20, 30)
    assert warp_by_flow(old, torch.zeros(2, 20, 30)) is old
    new = warp_by_flow(old, constant(20, 30, -4, 2))
    torch.testing.assert_close(new[:, :-2, 4:], old[:, 2:, :-4], atol=1e-5, rtol=0)
    torch.testing.assert_close(new[:, :-2, 0], old[:, 2:, 0], atol=1e-5, rtol=0)  # the edge is drawn out
    black = warp_by_flow(old, constant(20, 30, -4, 0), padding="zeros", sampling="bilinear")
    assert black[:, :, :3].max() == 0
    assert black[:, :, 4:].min() >= 0


def test_trust_is_lost_where_the_flows_disagree_and_around() -> None:
    forward, backward = constant(40, 40, 0, 0), constant(40, 40, 0, 0)
    backward[0, 18:22, 18:22] = 5
    hard = trusted(forward, backward)
    assert hard.dtype == torch.float32
    assert torch.equal(hard == 1, consistency(forward, backward))
    assert (hard == 0).sum() == 16
    wide = trusted(forward, backward, dilation=3)
    assert (wide == 0).sum() == 100
    assert (wide[15:25, 15:25] == 0).all()
    soft = trusted(forward, backward, dilation=3, blur=2.0)
    assert soft[20, 20] < 0.05
    assert 0.4 < soft[20, 25] < 0.75  # a step under a Gaussian is at a half at its edge
    assert soft[20, 34] == 1
    assert soft[0, 0] == 1
    assert torch.all(soft[20, 20:36].diff() >= 0)


def test_auto_is_dis_where_raft_cannot_be_or_is_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path))
    assert flow_name("auto", "cuda") == "dis"
    assert isinstance(load_flow("auto", "cpu"), DisFlow)
    assert isinstance(load_flow("dis", "cuda"), DisFlow)
    path = registry.location(registry.find("flow", "raft-large"))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"weights")
    assert flow_name("auto", "cuda") == "raft-large"
    assert flow_name("auto", "cpu") == "dis"
    assert flow_name("raft-small", "cpu") == "raft-small"
    with pytest.raises(WeightsError):
        load_flow("auto", "cuda")


class Counting:
    """A flow that is told from the brightness of the frames; counts how often it is asked for."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        return self.both_ways(first, second)[0]

    def both_ways(self, first: torch.Tensor, second: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.asked += 1
        size = tuple(first.shape[1:])
        return constant(*size, float(first.mean()), 1 / 3), constant(*size, float(second.mean()), -1e6)


def test_flows_are_computed_once_and_read_back_the_same(tmp_path: Path) -> None:
    folder, estimator = tmp_path / "new" / "flow", Counting()
    first, second = texture(8, 12), texture(8, 12, seed=1)
    fresh = FlowCache(folder, estimator, "a key").both_ways(12, first, second)
    assert [path.name for path in folder.iterdir()] == ["000012.safetensors"]
    again = FlowCache(folder, estimator, "a key").both_ways(12, first, second)
    assert estimator.asked == 1
    for one, other in zip(fresh, again, strict=True):
        assert one.dtype == torch.float32
        assert one.shape == (2, 8, 12)
        assert torch.equal(one, other)
    assert fresh[0][0, 0, 0] == pytest.approx(float(first.mean()), abs=1e-3)
    assert fresh[0][1, 0, 0] == torch.tensor(1 / 3).half().float()
    assert fresh[1][1].min() == -65504
    FlowCache(folder, estimator, "a key").both_ways(13, first, second)
    assert estimator.asked == 2


@pytest.mark.parametrize("damage", ["cut", "empty", "key", "size", "keyless"])
def test_files_that_are_not_the_right_ones_are_written_anew(tmp_path: Path, damage: str) -> None:
    estimator = Counting()
    first, second = texture(8, 12), texture(8, 12, seed=1)
    path = tmp_path / "000001.safetensors"
    if damage == "size":
        FlowCache(tmp_path, estimator, "key").both_ways(1, texture(4, 4), texture(4, 4))
    elif damage == "keyless":
        save_file({"forward": torch.zeros(2, 8, 12).half(), "backward": torch.zeros(2, 8, 12).half()}, path)
    else:
        FlowCache(tmp_path, estimator, "other" if damage == "key" else "key").both_ways(1, first, second)
    whole = path.read_bytes()
    if damage in {"cut", "empty"}:
        path.write_bytes(whole[:-7] if damage == "cut" else b"")
    before = estimator.asked
    fresh = FlowCache(tmp_path, estimator, "key").both_ways(1, first, second)
    assert estimator.asked == before + 1
    again = FlowCache(tmp_path, estimator, "key").both_ways(1, first, second)
    assert estimator.asked == before + 1
    assert torch.equal(fresh[0], again[0])
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_disk_that_refuses_is_heard(tmp_path: Path) -> None:
    (tmp_path / "flow").write_text("a file, where the folder belongs")
    with pytest.raises(RunError, match="flow"):
        FlowCache(tmp_path / "flow", Counting(), "key").both_ways(1, texture(8, 8), texture(8, 8))
