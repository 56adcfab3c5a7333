"""Flicker of films: measured, and taken out without what moves, comes or fades."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from animator.flow.load import load_flow
from animator.flow.shrunk import ShrunkFlow
from animator.system.convert import uint8_to_frame
from animator.video.deflicker import SAME, Correction, calmed, corrected, corrections
from animator.video.flicker import flicker, shrunk, triples

FLOW = load_flow("dis")
RNG = np.random.default_rng(4)
GROUND = cv2.resize(RNG.integers(40, 200, (14, 24, 3), np.uint8), (120, 70), interpolation=cv2.INTER_CUBIC)


def film(count: int = 8, step: int = 2, light: float = 0.0, grain: float = 0.0) -> list[np.ndarray]:
    """Return a camera that moves over a ground, whose light and grain change from frame to frame."""
    rng = np.random.default_rng(5)
    frames = []
    for number in range(count):
        view = GROUND[4:68, step * number : step * number + 80].astype(float)
        view = view * (1 + light * (-1) ** number) + rng.normal(0, grain, view.shape)
        frames.append(np.clip(view, 0, 255).round().astype(np.uint8))
    return frames


def deep(frames: list[np.ndarray]) -> list[np.ndarray]:
    return [frame.astype(np.uint16) * 257 for frame in frames]


def calm(frames: list[np.ndarray], strength: float = 1.0) -> list[np.ndarray]:
    made, cuts = corrections(frames, strength)
    return list(calmed(frames, made, cuts, strength, FLOW))


def test_motion_and_fades_are_no_flicker_but_changes_to_and_fro_are() -> None:
    still = flicker(film(), FLOW)
    assert still.brightness < 0.7
    assert still.detail < 2.5
    # The light is 5 % up in one frame and down in the next: 10 % to the middle of the neighbours.
    assert flicker(film(light=0.05), FLOW).brightness == pytest.approx(0.1 * GROUND.mean(), rel=0.1)
    assert flicker(film(grain=8), FLOW).detail > still.detail + 4
    fading = [np.full((32, 32, 3), 20 + 10 * number, np.uint8) for number in range(6)]
    assert flicker(fading, FLOW).brightness == pytest.approx(0, abs=1e-4)
    assert flicker(fading[:2], FLOW).brightness == flicker([], FLOW).detail == 0


def test_nothing_is_measured_across_a_cut() -> None:
    white = [np.full_like(frame, 250) for frame in film(3)]
    assert flicker([*film(3), *white, *film(3)], FLOW).brightness < 0.7
    assert [number for number, _, _ in triples([0, 1, 2, 3])] == [0, 1]  # type: ignore[list-item]


def test_films_of_several_sizes_and_depths_are_compared_alike() -> None:
    small = film(4, light=0.05)
    large = [cv2.resize(one, (160, 128), interpolation=cv2.INTER_NEAREST) for one in small]
    expected = flicker(small, FLOW)
    assert flicker(shrunk(large, (80, 64)), FLOW) == expected
    assert flicker(deep(small), FLOW) == expected
    assert next(shrunk(small, (80, 64))) is small[0]


def test_light_that_flickers_comes_to_rest_and_a_fade_stays() -> None:
    dull = [(frame * 0.8).astype(np.uint8) for frame in film()]
    shaken = [np.clip(f * (1.08 if n % 2 else 0.92), 0, 255).astype(np.uint8) for n, f in enumerate(dull)]
    made, cuts = corrections(shaken, 1.0)
    quiet = [corrected(*pair) for pair in zip(shaken, made, strict=True)]
    assert cuts == []
    assert flicker(quiet, FLOW).brightness < 0.35 * flicker(shaken, FLOW).brightness
    half, _ = corrections(shaken, 0.5)
    assert half[3].gain[0] - 1 == pytest.approx((made[3].gain[0] - 1) / 2, abs=1e-4)
    still = film(1)[0]
    fade = [(still * (0.3 + 0.06 * number)).astype(np.uint8) for number in range(9)]
    for correction in corrections(fade, 1.0)[0]:
        assert max(abs(gain - 1) for gain in correction.gain) < 0.02
        assert max(map(abs, correction.shift)) < 0.01
    assert corrections([], 1.0) == ([], [])


def test_each_shot_has_its_own_light() -> None:
    dark = [(frame * 0.2).astype(np.uint8) for frame in film(4)]
    made, cuts = corrections([*dark, *film(4)], 1.0)
    assert cuts == [4]
    assert made[:4] == corrections(dark, 1.0)[0]
    assert made[4:] == corrections(film(4), 1.0)[0]
    frames = calm([*dark, *film(4)])
    assert np.array_equal(frames[3], calm(dark)[3])
    alike, same = film(4, grain=8), [SAME] * 4
    parted = list(calmed(alike, same, [2], 1.0, FLOW))
    assert np.array_equal(parted[1], list(calmed(alike[:2], same, [], 1.0, FLOW))[1])
    assert np.array_equal(parted[2], next(calmed(alike[2:], same, [], 1.0, FLOW)))


def test_a_film_that_loops_is_calmed_across_its_seam() -> None:
    """The same frames, begun elsewhere, become the same."""
    frames = film(6, step=0, light=0.05, grain=6)

    def looped(given: list[np.ndarray]) -> list[np.ndarray]:
        made, cuts = corrections(given, 1.0, loop=True)
        return list(calmed(given, made, cuts, 1.0, FLOW, last=given[-1]))

    one, other = looped(frames), looped([*frames[2:], *frames[:2]])
    assert all(np.array_equal(*pair) for pair in zip([*one[2:], *one[:2]], other, strict=True))
    seam, calm_seam = (np.abs(f[0].astype(float) - f[-1]).mean() for f in (frames, one))
    assert calm_seam < 0.5 * seam
    cut = [*frames[:3], *(np.full_like(one, 250) for one in frames[:3])]
    assert corrections(cut, 1.0, loop=True) == corrections(cut, 1.0)


def test_detail_that_flickers_is_calmed_along_the_motion_and_what_is_new_stays() -> None:
    grainy = film(grain=8)
    quiet = calm(grainy)
    assert flicker(quiet, FLOW).detail < 0.7 * flicker(grainy, FLOW).detail
    truth = np.abs(np.stack(quiet[1:-1]).astype(float) - np.stack(film()[1:-1])).mean()
    assert truth < 0.75 * np.abs(np.stack(grainy[1:-1]).astype(float) - np.stack(film()[1:-1])).mean()
    new = [frame.copy() for frame in film(step=0)]
    for frame in new[4:]:
        frame[20:40, 30:50] = (255, 0, 0)
    found = calm(new)
    assert np.abs(found[3][25:35, 35:45].astype(int) - new[3][25:35, 35:45]).max() < 12
    assert np.abs(found[4][25:35, 35:45].astype(int) - new[4][25:35, 35:45]).max() < 12


def test_without_strength_frames_stay_as_they_are() -> None:
    frames = film(4, light=0.05, grain=4)
    for given in (frames, deep(frames)):
        assert all(np.array_equal(*pair) for pair in zip(calm(given, 0.0), given, strict=True))
        assert calm(given)[0].dtype == given[0].dtype
    assert calm(frames[:1])[0].shape == (64, 80, 3)
    brighter = corrected(frames[0], Correction((1.0, 1.0, 1.0), (0.1, 0.0, 0.0))).astype(int) - frames[0]
    assert brighter.reshape(-1, 3).max(axis=0).tolist() == [26, 0, 0]


def test_the_motion_of_large_pictures_is_found_on_small_ones() -> None:
    first, second = (uint8_to_frame(one) for one in film(2))
    large = [torch.nn.functional.interpolate(one[None], scale_factor=3)[0] for one in (first, second)]
    flow = ShrunkFlow(FLOW, (80, 64))
    forward, backward = flow.both_ways(*large)
    assert forward.shape == (2, 192, 240)
    middle = (slice(60, 130), slice(80, 160))
    assert forward[0][middle].median() == pytest.approx(-6, abs=0.5)
    assert backward[0][middle].median() == pytest.approx(6, abs=0.5)
    assert torch.equal(flow(*large), forward)
    assert torch.equal(flow(first, second), FLOW(first, second))
