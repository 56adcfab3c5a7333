"""Noise that moves with the picture: what it is, and that it moves as the picture does."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from animator.diffusion.grain_noise import draws_of_noise, white_noise
from animator.system.hashed import normal
from animator.types import Camera, GrainNoise, Move2D, Request
from animator.warp.affine2d import grid_2d, move_matrix, outside_2d
from animator.warp.by_flow import grid_of_flow
from animator.warp.grains import Grains, born, carried
from animator.warp.reproject3d import view

HEIGHT, WIDTH = 96, 128
NOTHING_NEW = torch.zeros(HEIGHT, WIDTH, dtype=torch.bool)


def fresh(frame: int = 0) -> Grains:
    return born(frame * HEIGHT * WIDTH, HEIGHT, WIDTH)


def moved(grains: Grains, move: Move2D, frame: int) -> Grains:
    grid, uncovered = grid_2d(move, HEIGHT, WIDTH), outside_2d(move, HEIGHT, WIDTH)
    return carried(grains, grid, uncovered, frame * HEIGHT * WIDTH)


def dolly(frame: int) -> tuple[Tensor, Tensor]:
    """Return where a camera that flies over a plain with a wall in it reads, and what it uncovers."""
    depth = torch.linspace(3, 1, HEIGHT)[:, None].repeat(1, WIDTH)
    depth[30:60, 40:70] = 0.8
    camera = Camera(translation_x=6 * math.sin(frame), translation_z=8, rotation_3d_y=0.4)
    picture = torch.zeros(3, HEIGHT, WIDTH)
    seen = view(picture, depth, camera, projection="pinhole", occlusion=frame % 2 == 0)
    assert seen.grid is not None
    return seen.grid, seen.uncovered


def noise_at(grains: Grains, draws: int) -> Tensor:
    """Return independent draws of the noise of grains, draws x 3 x H x W."""
    request = Request(0, 0, WIDTH, HEIGHT, (), noise=GrainNoise(grains.identities, grains.places))
    (draw,) = draws_of_noise([request], torch.device("cpu"))
    return torch.cat([draw(f"step {n}", torch.Generator()) for n in range(draws)])


def bands(grains: Grains, count: int = 12) -> Tensor:
    """Return the mean power of the noise in radial bands, 1 for white noise of unit variance."""
    noise = noise_at(grains, 40).flatten(0, 1)
    power = torch.fft.fft2(noise.double()).abs().square().mean(dim=0) / (HEIGHT * WIDTH)
    y, x = torch.fft.fftfreq(HEIGHT)[:, None], torch.fft.fftfreq(WIDTH)[None]
    band = ((x * x + y * y).sqrt() / 0.7072 * count).long().clamp(max=count - 1)
    return torch.stack([power[band == number].mean() for number in range(count)])


FLIGHTS = {
    "zoom": lambda frame: Move2D(zoom=1.03),
    "backwards": lambda frame: Move2D(zoom=0.97),
    "turn": lambda frame: Move2D(angle=2.5),
    "pan": lambda frame: Move2D(translation_x=1.3, translation_y=-0.4),
    "all": lambda frame: Move2D(angle=3 * math.sin(frame / 9), zoom=1 + 0.04 * math.cos(frame / 17),
                                translation_x=2 * math.sin(frame / 5)),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flight", "frames"),
    [("zoom", 50), ("turn", 50), ("pan", 50), ("backwards", 200), ("all", 200), ("depth", 200)],
)
def test_after_many_frames_it_is_white_and_gaussian(flight: str, frames: int) -> None:
    grains = fresh()
    for frame in range(1, frames + 1):
        if flight == "depth":
            grains = carried(grains, *dolly(frame), frame * HEIGHT * WIDTH)
        else:
            grains = moved(grains, FLIGHTS[flight](frame), frame)
    assert len(grains.identities.unique()) == HEIGHT * WIDTH
    assert bands(grains).sub(1).abs().max() < 0.05
    noise = noise_at(grains, 12).double()
    assert abs(float(noise.mean())) < 4 / math.sqrt(noise.numel())
    assert float(noise.var()) == pytest.approx(1, abs=0.01)
    assert float((noise**3).mean()) == pytest.approx(0, abs=0.03)
    assert float((noise**4).mean()) == pytest.approx(3, abs=0.08)
    ordered = noise.flatten().sort().values
    expected = torch.special.ndtri((torch.arange(len(ordered)).double() + 0.5) / len(ordered))
    assert (ordered - expected).abs()[1000:-1000].max() < 0.03
    channels = torch.corrcoef(noise.flatten(2).flatten(0, 1))
    assert (channels - torch.eye(len(channels))).abs().max() < 5 / math.sqrt(HEIGHT * WIDTH)


def test_the_places_of_grains_stay_within_reach_of_their_pixels() -> None:
    grains = fresh()
    for frame in range(1, 60):
        grains = moved(grains, Move2D(angle=2, zoom=1.01), frame)
    far = grains.places.norm(dim=0)
    assert float(far.max()) <= 1.5
    assert float(far.mean()) < 0.5


@pytest.mark.parametrize(
    "grid", [grid_2d(Move2D(), HEIGHT, WIDTH), grid_of_flow(torch.zeros(2, HEIGHT, WIDTH))]
)
def test_without_motion_it_stays_the_same_to_the_bit(grid: Tensor) -> None:
    before = after = moved(moved(fresh(), Move2D(angle=7), 1), Move2D(zoom=1.1), 2)
    for frame in range(3, 9):
        after = carried(after, grid, NOTHING_NEW, frame * HEIGHT * WIDTH)
    assert torch.equal(before.identities, after.identities)
    assert torch.equal(before.places, after.places)
    assert torch.equal(noise_at(before, 2), noise_at(after, 2))


def test_two_places_that_show_the_same_share_no_grain() -> None:
    """As in footage, where what moved covers what stood."""
    flow = torch.zeros(2, HEIGHT, WIDTH)
    flow[0, :, 40:60] = -7
    flow[1, 20:50, 70:90] = 3
    before = fresh()
    after = carried(before, grid_of_flow(flow), NOTHING_NEW, HEIGHT * WIDTH)
    assert len(after.identities.unique()) == HEIGHT * WIDTH
    assert torch.equal(after.identities[:, :30], before.identities[:, :30])
    assert torch.equal(after.identities[60:, 50:58], before.identities[60:, 43:51])


def test_a_pan_of_whole_pixels_shifts_it() -> None:
    before = fresh()
    after = moved(before, Move2D(translation_x=4, translation_y=2), 1)
    assert torch.equal(after.identities[2:, 4:], before.identities[:-2, :-4])
    assert not torch.isin(after.identities[:2], before.identities).any()
    assert not torch.isin(after.identities[:, :4], before.identities).any()
    old, new = noise_at(before, 2), noise_at(after, 2)
    torch.testing.assert_close(new[..., 12:-8, 16:-8], old[..., 10:-10, 12:-12], atol=0.01, rtol=0)


@pytest.mark.parametrize(("x", "y"), [(0.3, 0.0), (0.5, 0.5), (-0.05, 0.17)])
def test_a_pan_of_parts_of_a_pixel_is_right_on_average(x: float, y: float) -> None:
    frames = 40
    grains = fresh()
    for frame in range(1, frames + 1):
        grains = moved(grains, Move2D(translation_x=x, translation_y=y), frame)
    rows, columns = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    old = grains.identities < HEIGHT * WIDTH
    assert float(old.float().mean()) > 0.6
    number = grains.identities[old]
    assert float((columns[old] - number % WIDTH).double().mean()) == pytest.approx(frames * x, abs=0.51)
    assert float((rows[old] - number // WIDTH).double().mean()) == pytest.approx(frames * y, abs=0.51)
    # Where exactly each grain is, is known to a small part of a pixel.
    place = columns[old] + grains.places[0][old] - number % WIDTH
    assert float((place - frames * x).abs().max()) < 0.02


@pytest.mark.parametrize(
    ("move", "least"),
    [
        (Move2D(angle=3), 0.96),
        (Move2D(zoom=1.02), 0.93),
        (Move2D(zoom=0.98), 0.93),
        (Move2D(0.7, 1.0, 0.3, 0.2), 0.96),
    ],
)
def test_most_of_it_is_kept(move: Move2D, least: float) -> None:
    """Magnified by 1.02, all that can be kept is a share of 1 / 1.02^2 = 0.96."""
    grains, inside = fresh(), ~outside_2d(move, HEIGHT, WIDTH)
    shares = []
    for frame in range(1, 21):
        before, grains = grains, moved(grains, move, frame)
        shares.append(float(torch.isin(grains.identities[inside], before.identities).float().mean()))
    assert sum(shares[5:]) / len(shares[5:]) > least


def test_a_turn_takes_each_grain_where_it_belongs() -> None:
    move, frames = Move2D(angle=2), 30
    grains = fresh()
    for frame in range(1, frames + 1):
        grains = moved(grains, move, frame)
    rows, columns = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    old = grains.identities < HEIGHT * WIDTH
    assert float(old.float().mean()) > 0.25
    number = grains.identities[old]
    angle = math.radians(-frames * 2)
    x, y = number % WIDTH - WIDTH // 2, number // WIDTH - HEIGHT // 2
    there_x = math.cos(angle) * x - math.sin(angle) * y + WIDTH // 2
    there_y = math.sin(angle) * x + math.cos(angle) * y + HEIGHT // 2
    off = torch.hypot(
        columns[old] + grains.places[0][old] - there_x, rows[old] + grains.places[1][old] - there_y
    )
    assert float(off.max()) < 0.05


def test_what_is_uncovered_gets_new_grains() -> None:
    grid, uncovered = dolly(2)
    before = fresh()
    after = carried(before, grid, uncovered, HEIGHT * WIDTH)
    assert bool(uncovered.any())
    assert not torch.isin(after.identities[uncovered], before.identities).any()
    assert float(torch.isin(after.identities[~uncovered], before.identities).float().mean()) > 0.85


@pytest.mark.parametrize(
    ("move", "least"), [(Move2D(translation_x=0.5), 0.98), (Move2D(angle=3), 0.95), (Move2D(zoom=1.03), 0.92)]
)
def test_it_moves_between_the_pixels(move: Move2D, least: float) -> None:
    """Moved along, noise that is blurred by a pixel is nearly what it was: of a zoom by 1.03, 6 % are new."""
    grains = fresh()
    shares = []
    for frame in range(1, 7):
        before = noise_at(grains, 4).flatten(0, 1)
        grains = moved(grains, move, frame)
        old, new = (soft(one) for one in (before, noise_at(grains, 4).flatten(0, 1)))
        matrix, size = move_matrix(move, HEIGHT, WIDTH)[:2], (WIDTH, HEIGHT)
        old = np.stack([cv2.warpAffine(one, matrix, size, flags=cv2.INTER_CUBIC) for one in old])
        inner = (slice(None), slice(16, -16), slice(16, -16))
        shares.append(np.corrcoef(old[inner].ravel(), new[inner].ravel())[0, 1])
    assert np.mean(shares[2:]) > least


def soft(noise: Tensor) -> np.ndarray:
    return np.stack([cv2.GaussianBlur(one.numpy(), (0, 0), 1) for one in noise])


def test_numbers_follow_from_names_alone() -> None:
    names = torch.tensor([[5, -7], [2**62, 0]])
    numbers = normal(names, "noise", 3)
    assert numbers.shape == (3, 2, 2)
    assert torch.equal(numbers[:, 0, 1], normal(torch.tensor(-7), "noise", 3))
    assert torch.equal(numbers[:2], normal(names, "noise", 2))
    assert not torch.isclose(numbers, normal(names, "step 3", 3)).any()
    assert numbers.isfinite().all()


def test_a_smaller_picture_has_the_noise_of_a_large_one() -> None:
    def draw(*shape: int, size: tuple[int, int] | None = None) -> torch.Tensor:
        return white_noise(*shape, torch.Generator().manual_seed(3), size)

    large, small = draw(256, 384), draw(128, 192, size=(384, 256))
    torch.testing.assert_close(small, 2 * torch.nn.functional.avg_pool2d(large, 2))
    assert torch.equal(draw(128, 192, size=(192, 128)), draw(128, 192))
    # A smaller one says nothing of a larger one.
    assert torch.equal(draw(128, 192, size=(96, 64)), draw(128, 192))
    # Also where no whole number of pixels becomes one it is of unit variance, and nearly white.
    odd = draw(96, 160, size=(384, 230))
    assert float(odd.std()) == pytest.approx(1, abs=0.02)
    beside = (odd[..., 1:] * odd[..., :-1]).mean(), (odd[..., 1:, :] * odd[..., :-1, :]).mean()
    assert max(map(abs, map(float, beside))) < 0.15
