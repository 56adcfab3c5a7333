"""What a picture holds of the noise that it is given is taken back, no more and no less."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from animator.diffusion.init_filter import Steps, response, undrawn
from animator.diffusion.noise_schedule import full_schedule
from animator.diffusion.prediction import Prediction
from animator.diffusion.samplers import noised, walk
from animator.types import GrainNoise
from tests.test_engine_uncovered import HEIGHT as LOW
from tests.test_engine_uncovered import REQUEST, engine
from tests.test_engine_uncovered import WIDTH as NARROW

HEIGHT, WIDTH = 96, 128
EVERYWHERE = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)


def noise(seed: int) -> Tensor:
    return torch.randn(3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(seed))


def natural(values: Tensor, strength: float = 0.15) -> Tensor:
    """Return noise with the spectrum of a picture: its power falls with the square of the frequency."""
    down, across = torch.fft.fftfreq(HEIGHT)[:, None], torch.fft.rfftfreq(WIDTH)
    fall = strength / (down * down + across * across).sqrt().clamp(min=0.01)
    return torch.fft.irfft2(torch.fft.rfft2(values) * fall, s=(HEIGHT, WIDTH))


def rings(one: Tensor, other: Tensor) -> Tensor:
    """Return the cross-power of two pictures in eight rings of frequencies."""
    down, across = torch.fft.fftfreq(HEIGHT)[:, None], torch.fft.fftfreq(WIDTH)
    power = (torch.fft.fft2(one) * torch.fft.fft2(other).conj()).real.mean(dim=0) / (HEIGHT * WIDTH)
    ring = ((down * down + across * across).sqrt() * 16).long().clamp(max=7)
    return torch.stack([power[ring == number].mean() for number in range(8)])


def power_of(strength: float = 0.15) -> Tensor:
    down, across = torch.fft.fftfreq(HEIGHT)[:, None], torch.fft.rfftfreq(WIDTH)
    return (strength / (down * down + across * across).sqrt().clamp(min=0.01)) ** 2


def taken(keep: float, eta: float, count: int = 20) -> Steps:
    return Steps(full_schedule(count), range(round((1 - keep) * count) - 1, -1, -1), [eta] * count)


def painted(ground: Tensor, draws: dict[int | str, Tensor], steps: Steps) -> Tensor:
    """Return what the ideal denoiser of pictures with `power_of` makes of a picture and its noise."""
    power = power_of()

    def denoise(x: Tensor, index: int) -> Prediction:
        alpha_bar = float(steps.schedule.alpha_bar[index])
        gain = math.sqrt(alpha_bar) * power / (alpha_bar * power + 1 - alpha_bar)
        denoised = torch.fft.irfft2(torch.fft.rfft2(x) * gain, s=(HEIGHT, WIDTH))
        return Prediction(denoised, (x - math.sqrt(alpha_bar) * denoised) / math.sqrt(1 - alpha_bar))

    x = noised(ground[None], draws["first"][None], steps.schedule, steps.indices[0])
    *_, last = walk(
        denoise,
        steps.schedule,
        x,
        indices=steps.indices,
        eta=steps.etas,
        noise=lambda index: draws[index][None],
    )
    return last.x[0]


@pytest.mark.parametrize(("keep", "eta"), [(0.6, 0.8), (0.8, 0.8), (0.6, 0.0), (0.6, 1.0)])
def test_frame_after_frame_it_does_not_harden(keep: float, eta: float) -> None:
    """The same noise in every frame comes to the power of new noise, and without the filter to far more."""
    steps = taken(keep, eta, 50)
    names = ["first", *steps.indices]
    same: dict[int | str, Tensor] = {name: noise(number) for number, name in enumerate(names)}
    frames = dict.fromkeys(("new", "plain", "filtered"), natural(noise(99)))
    for turn in range(30):
        new: dict[int | str, Tensor] = {name: noise(1000 * turn + n) for n, name in enumerate(names)}
        ground = undrawn(frames["filtered"], same["first"], same.__getitem__, steps, EVERYWHERE)
        frames = {
            "new": painted(frames["new"], new, steps),
            "plain": painted(frames["plain"], same, steps),
            "filtered": painted(ground, same, steps),
        }
    power = {name: rings(frame, frame)[1:] for name, frame in frames.items()}
    hardened = float((power["plain"] / power["new"] - 1).max())
    left = float((power["filtered"] / power["new"] - 1).abs().max())
    assert hardened > 0.4
    assert left < hardened / 3


def test_new_noise_changes_nothing_of_the_power() -> None:
    """So the response is right: what arrives of a picture and of noise make the power that there was."""
    steps = taken(0.6, 0.8, 500)
    power = torch.tensor([3.0, 0.4, 0.05])
    comes = response(steps, power)
    whole = comes.picture**2 * power + comes.first**2 + sum(one**2 for one in comes.steps.values())
    torch.testing.assert_close(whole, power, rtol=0.05, atol=0)
    assert len(comes.steps) == len(steps.indices) - 1  # the last step adds none
    assert response(taken(0.6, 0.0), power).steps == {}


def test_a_picture_that_has_nothing_of_the_noise_stays() -> None:
    picture, steps = natural(noise(103)), taken(0.6, 0.8)
    kept = undrawn(picture, noise(104), lambda index: noise(200 + index), steps, EVERYWHERE)
    assert float((kept - picture).square().mean() / picture.square().mean()) < 0.01


def test_only_where_it_was_drawn() -> None:
    drawn = EVERYWHERE.clone()
    drawn[:, 90:] = False
    picture = natural(noise(8)) + 0.2
    made = undrawn(picture, noise(8), noise, taken(0.6, 0.8), drawn)
    assert torch.equal(made[:, :, 90:], picture[:, :, 90:])
    assert not torch.isclose(made[:, :, :90], picture[:, :, :90], atol=1e-4).all()
    assert float((made - picture).mean().abs()) < 0.02
    assert torch.equal(undrawn(picture, noise(8), noise, taken(0.6, 0.8), ~EVERYWHERE), picture)


def test_the_engine_takes_it_back_before_it_noises() -> None:
    grains, places = torch.arange(NARROW * LOW).view(LOW, NARROW), torch.zeros(2, LOW, NARROW)
    drawn = torch.ones(LOW, NARROW, dtype=torch.bool)
    painter = engine()
    plain = replace(REQUEST, noise=GrainNoise(grains, places))
    again = replace(REQUEST, noise=GrainNoise(grains, places, drawn))
    once = painter.paint(plain)
    assert torch.equal(painter.paint(replace(again, noise=GrainNoise(grains, places, ~drawn))), once)
    first, second = (painter.paint(replace(one, init=once)) for one in (plain, again))
    assert not torch.equal(first, second)
    assert torch.equal(painter.paint(replace(again, init=once, keep=1.0)), once)
