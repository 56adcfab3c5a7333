"""Frames between two others: along the flow where things hide each other, and by RIFE."""

from __future__ import annotations

import hashlib
import json
from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch

from animator.between.along import AlongFlow
from animator.between.load import decided_by, load_maker, network_of
from animator.between.motion import both_moved
from animator.between.rife import IntermediateFlow, Rife
from animator.errors import WeightsError
from animator.flow.dis import DisFlow
from animator.run.networks import needed, require_weights
from animator.system.convert import frame_to_uint8, uint8_to_frame
from animator.video.interpolate import between
from animator.weights.registry import location
from benchmarks.interpolate import object_over_background, psnr

HALF = Fraction(1, 2)

PUBLISHED = "7e6f32437e718f4b2f02f579cbc3d50f84c4145c119ec214374f17786daf8ff6"
"""SHA-256 of the names and shapes in RIFE's published file, without their common prefix, as JSON."""


@pytest.fixture(scope="module")
def network():
    """RIFE's network with numbers of a pattern in place of its weights."""
    network = IntermediateFlow()
    with torch.no_grad():
        for number, (_, values) in enumerate(sorted(network.named_parameters())):
            ramp = torch.arange(values.numel(), dtype=torch.float64)
            values.copy_((0.035 * torch.sin(ramp * 0.7 + number)).view(values.shape))
    return network.eval()


def waves(shift, height=32, width=64):
    rows, columns = torch.arange(height)[:, None], torch.arange(width)
    planes = [0.5 + 0.5 * torch.sin((columns + shift) / 5 + plane + rows / 7) for plane in range(3)]
    return torch.stack(planes)


def test_the_network_takes_the_published_file():
    shapes = sorted((name, list(values.shape)) for name, values in IntermediateFlow().state_dict().items())
    assert hashlib.sha256(json.dumps(shapes).encode()).hexdigest() == PUBLISHED


def test_the_network_computes_what_the_published_one_does(network):
    """The numbers are of the published definition with the same pattern as weights."""
    middle = Rife(network).at(waves(0), waves(2), 0.5)
    found = middle[:, 5:30:8, 3::20].flatten()[:8]
    expected = [0.98492, 0.14787, 0.40422, 0.87632, 0.74858, 0.64571, 0.0784, 0.93266]
    np.testing.assert_allclose(found.numpy(), expected, atol=2e-5)


def test_any_size_fits(network):
    """Sides are made up to multiples of 32 at the right and below, with the edge drawn out."""
    small = Rife(network).at(waves(0, 20, 35), waves(2, 20, 35), 0.5)
    assert small.shape == (3, 20, 35)
    rows, columns = torch.arange(32).clamp(max=19), torch.arange(64).clamp(max=34)
    drawn_out = [waves(shift, 20, 35)[:, rows][:, :, columns] for shift in (0, 2)]
    whole = Rife(network).at(drawn_out[0], drawn_out[1], 0.5)
    torch.testing.assert_close(small, whole[:, :20, :35])


def test_other_times_are_reached_by_halving(network, monkeypatch):
    rife, asked = Rife(network), []
    plain = rife.at

    def at(first, second, share):
        asked.append(share)
        return plain(first, second, share)

    monkeypatch.setattr(rife, "at", at)
    pair = rife.between(waves(0), waves(2))
    quarter = pair.at(Fraction(1, 4))
    assert asked == [0.5, 0.5]
    torch.testing.assert_close(quarter, plain(waves(0), plain(waves(0), waves(2), 0.5), 0.5))
    pair.at(HALF)
    assert len(asked) == 2  # made on the way
    pair.at(Fraction(1, 5))  # of the first half 0.4
    assert asked[2:] == [pytest.approx(0.4)]


def test_scaled_flows_go_over_into_the_frames(network):
    rife, (first, second) = Rife(network), (waves(0), waves(2))
    torch.testing.assert_close(rife.at(first, second, 1e-7), first, atol=1e-5, rtol=0)
    torch.testing.assert_close(rife.at(first, second, 1 - 1e-6), second, atol=1e-4, rtol=0)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_film_by_rife(network, kind):
    """No seam in a film that loops, nothing mixed across a cut, no bits lost."""
    most = np.iinfo(kind).max
    frames = [(waves(shift).permute(1, 2, 0).numpy() * most).round().astype(kind) for shift in (0, 1, 2)]
    rife = Rife(network)
    film = list(between(frames, 12, 24, rife, loop=True))
    assert [frame.dtype for frame in film] == [kind] * 6
    last, first = (torch.from_numpy(frames[at] / np.float32(most)).permute(2, 0, 1) for at in (2, 0))
    seam = rife.at(last, first, 0.5).permute(1, 2, 0).numpy() * most
    np.testing.assert_allclose(film[5], seam, atol=0.51 if kind == np.uint8 else 1)
    black, white = np.zeros_like(frames[0]), np.full_like(frames[0], most)
    assert [int(frame.max()) for frame in between([black, white], 10, 40, rife)] == [0] * 2 + [most] * 6


def test_without_its_weights_rife_says_how_to_fetch_them(tmp_path, monkeypatch):
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path))
    with pytest.raises(WeightsError, match="animator models fetch rife"):
        load_maker("rife", DisFlow())
    with pytest.raises(WeightsError, match="animator models fetch rife"):
        decided_by("rife", "dis")


def test_the_weights_are_loaded_and_hashed(tmp_path, monkeypatch, network):
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path))
    (entry,) = network_of("rife")
    path = location(entry)
    path.parent.mkdir(parents=True)
    torch.save({f"module.{name}": values for name, values in network.state_dict().items()}, path)
    made = load_maker("rife", DisFlow()).between(waves(0), waves(2)).at(HALF)
    torch.testing.assert_close(made, Rife(network).at(waves(0), waves(2), 0.5))
    assert decided_by("rife", "dis") == {"network": [hashlib.sha256(path.read_bytes()).hexdigest()]}
    assert decided_by("flow", "dis") != decided_by("flow", "raft-large")
    assert decided_by("ffmpeg", "dis") == {}


def test_an_object_over_a_background_keeps_its_edges():
    """36.9 dB before flows were put right at the edges of what moves."""
    first, middle, second = (uint8_to_frame(one) for one in object_over_background(3))
    made = AlongFlow(DisFlow()).between(first, second).at(HALF)
    assert psnr(frame_to_uint8(made), frame_to_uint8(middle)) > 42.5


def test_what_one_frame_alone_shows_is_found():
    first, _, second = (one.astype(np.float32) / 255 for one in object_over_background(3))
    onward, back = both_moved(first, second, DisFlow())
    # The ellipse, 68 x 50 pixels, goes 10 to the right of the background: half an ellipse's outline by that.
    strip = 10 * 50 * np.pi / 4
    for moved, ahead in ((onward, 1), (back, -1)):
        near = np.zeros(moved.hidden.shape, bool)
        near[60:125, 40:135] = True
        assert (moved.hidden & near).sum() == pytest.approx(strip, rel=0.35)
        columns = np.nonzero(moved.hidden & near)[1]
        assert (columns.mean() - 85) * ahead > 20


def test_a_motion_that_does_not_fit_gives_way():
    """The estimator sees a pan where nothing moves: along it the frames disagree, without it they agree."""

    class Pan:
        def both_ways(self, first, second):
            pan = torch.zeros(2, *first.shape[1:])
            pan[0] = 6
            return pan, -pan

    rough = np.random.default_rng(1).random((16, 24, 3)).astype(np.float32)
    still = torch.from_numpy(cv2.resize(rough, (96, 64))).permute(2, 0, 1)
    made = AlongFlow(Pan()).between(still, still).at(HALF)
    # What a pan brings in at the sides but one frame shows.
    assert psnr(frame_to_uint8(made)[:, 16:-16], frame_to_uint8(still)[:, 16:-16]) > 35


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ("mode: 3d\noutput: {interpolate_to: 24, interpolate_by: rife}", True),
        ("mode: 3d\nmodels: fake\noutput: {finish: {fps: 24}, interpolate_by: rife}", True),
        ("mode: 3d\noutput: {interpolate_to: 24}", False),
        ("mode: 3d\noutput: {interpolate_by: rife}", False),
    ],
)
def test_its_weights_are_asked_for_before_anything_is_painted(read, tmp_path, monkeypatch, settings, asked):
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path))
    loaded = read(f"prompts: x\nframes: 3\n{settings}\n")
    assert ("rife" in [entry.name for entry in needed(loaded.scene)]) == asked
    if asked:
        with pytest.raises(WeightsError, match="animator models fetch rife"):
            require_weights(loaded)
