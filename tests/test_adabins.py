"""AdaBins: the published names and shapes, the golden figures, and what the estimator makes of a frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from animator.depth import adabins
from animator.depth.adabins import AdaBinsDepth, load_adabins, working_size
from animator.depth.adabins_network import AdaBinsNetwork
from animator.errors import WeightsError
from tests.golden_files import fill, load_json, load_npz

MANIFEST = load_json("checkpoint_manifest_adabins")["AdaBins_nyu"]


def on_meta() -> AdaBinsNetwork:
    with torch.device("meta"):
        return AdaBinsNetwork()


def close(found: torch.Tensor, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-4, atol=1e-4 * expected.std())


@pytest.mark.slow
def test_the_network_has_the_published_names_and_shapes() -> None:
    network = on_meta()
    assert {name: list(entry.shape) for name, entry in network.state_dict().items()} == MANIFEST["state_dict"]
    assert sum(parameter.numel() for parameter in network.parameters()) == MANIFEST["parameters"]
    state = {name: torch.empty(shape, device="meta") for name, shape in MANIFEST["state_dict"].items()}
    network.load_state_dict(state, strict=True, assign=True)


@pytest.mark.slow
def test_golden_figures_and_the_published_file(tmp_path: Path) -> None:
    """The published file wraps its names twice; what is read from it gives the figures."""
    figures = load_npz("adabins")
    filled = fill(on_meta().to_empty(device="cpu"), figures["salt"])
    stored = {f"module.{name}": entry for name, entry in filled.state_dict().items()}
    torch.save({"model": stored, "optimizer": {}, "epoch": 24}, tmp_path / "AdaBins_nyu.pt")
    estimator = load_adabins(tmp_path / "AdaBins_nyu.pt")
    rng = np.random.default_rng(int(figures["input_seed"]))
    x = torch.from_numpy(rng.standard_normal(tuple(figures["input_shape"])).astype(np.float32))
    answers = []
    estimator.network.register_forward_hook(lambda network, shown, answer: answers.append(answer))
    with torch.no_grad():
        averaged = estimator.mirror_averaged(x)
    close(averaged[..., ::4, ::4], figures["flip_averaged_full_size"])
    ((prediction, edges),) = answers  # of the pictures, and then of their mirror images
    close(edges[: len(x)], figures["bin_edges"])
    close(prediction[: len(x)], figures["prediction"])


class Seen(nn.Module):
    """Stands in for the network: remembers what it was shown and answers with one value a pixel."""

    def __init__(self, answer: torch.Tensor | float = 3.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))
        self.answer = answer
        self.shown = torch.zeros(0)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, None]:
        self.shown = x
        height, width = -(-x.shape[2] // 2), -(-x.shape[3] // 2)
        return torch.zeros(len(x), 1, height, width) + self.answer, None


@pytest.mark.parametrize("size", [(768, 1280), (100, 300), (480, 640), (704, 704), (31, 33), (2000, 1000)])
def test_area_is_kept_within_the_limits_and_the_aspect_with_it(size: tuple[int, int]) -> None:
    height, width = working_size(*size)
    assert adabins.SMALLEST_AREA <= height * width <= adabins.LARGEST_AREA
    assert height / width == pytest.approx(size[0] / size[1], rel=0.01)
    if adabins.SMALLEST_AREA <= size[0] * size[1] <= adabins.LARGEST_AREA:
        assert (height, width) == size


@pytest.mark.parametrize("size", [(96, 128), (480, 640), (768, 1280)])
def test_depth_is_metres_at_the_frames_own_size(size: tuple[int, int]) -> None:
    network = Seen()
    depth = AdaBinsDepth(network)(torch.rand(3, *size))
    assert depth.shape == size
    assert depth.dtype == torch.float32
    torch.testing.assert_close(depth, torch.full(size, 3.0))
    assert network.shown.shape == (2, 3, *working_size(*size))


def test_pictures_are_normalised_as_imagenet_and_mirrored_once() -> None:
    network = Seen()
    frame = torch.rand(3, 480, 640, generator=torch.Generator().manual_seed(1))
    AdaBinsDepth(network)(frame)
    first, second = network.shown
    torch.testing.assert_close(first[0], (frame[0] - 0.485) / 0.229)
    torch.testing.assert_close(first[1], (frame[1] - 0.456) / 0.224)
    torch.testing.assert_close(first[2], (frame[2] - 0.406) / 0.225)
    torch.testing.assert_close(second, first.flip(-1), rtol=0, atol=0)


def test_both_views_are_averaged_at_the_same_pixels() -> None:
    """Near on the left in both answers: turned back, the second is near on the right."""
    ramp = torch.linspace(1, 5, 320)
    depth = AdaBinsDepth(Seen(ramp))(torch.rand(3, 480, 640))
    torch.testing.assert_close(depth, torch.full((480, 640), 3.0))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(float("inf"), 10.0), (float("-inf"), 1e-3), (float("nan"), 1e-3), (30.0, 10.0), (-1.0, 1e-3)],
)
def test_what_is_no_distance_becomes_an_end_of_the_range(answer: float, expected: float) -> None:
    depth = AdaBinsDepth(Seen(answer))(torch.rand(3, 480, 640))
    torch.testing.assert_close(depth, torch.full((480, 640), expected))


def test_a_resized_depth_stays_within_the_range() -> None:
    """Bicubic enlargement swings over an edge between the ends of the range."""
    half = working_size(768, 1280)[1] // 2
    middle = (torch.arange(half) - half / 2).abs() < half / 4  # the same seen from both sides
    depth = AdaBinsDepth(Seen(torch.where(middle, 1e-3, 10.0)))(torch.rand(3, 768, 1280))
    assert 1e-3 <= depth.min() <= depth.max() <= 10


@pytest.mark.slow
def test_a_file_of_another_network_is_refused(tmp_path: Path) -> None:
    torch.save({"model": {"module.weight": torch.zeros(2)}}, tmp_path / "other.pt")
    with pytest.raises(WeightsError, match=r"other.pt does not fit its network: \d+ missing .*1 unexpected"):
        load_adabins(tmp_path / "other.pt")
