"""Sky, light and ridges of the drawn world."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from tests.empty_world import EMPTY
from tools.pocket.world.canvas import FAR, Canvas
from tools.pocket.world.light import LIGHTS, Light, light_of
from tools.pocket.world.ridges import TALL, crest, paint_ridges
from tools.pocket.world.sky import paint_sky
from tools.pocket.world.spec import TIMES, WEATHERS, Spec

PLAIN = replace(EMPTY, seed=0)
WIDTH, HEIGHT = 96, 64


def _painted(
    spec: Spec, *, width: int = WIDTH, height: int = HEIGHT, horizon: float = 0.6
) -> tuple[Canvas, Light, tuple[float, float] | None]:
    """Return the canvas with sky and ridges, the light, and the place of the disc."""
    rng = np.random.default_rng(spec.seed)
    canvas = Canvas(width, height, horizon=height * horizon, eye=0.3)
    canvas.dark = spec.time in ("night", "dusk")
    light = light_of(spec, rng)
    canvas.tint = np.array(light.tint, np.float32)
    canvas.haze = np.array(light.horizon, np.float32)
    place = paint_sky(canvas, spec, light, rng)
    paint_ridges(canvas, spec, rng)
    return canvas, light, place


def _sky(canvas: Canvas) -> np.ndarray:
    return canvas.rgb[: int(canvas.horizon)]


@pytest.mark.parametrize("weather", ["clear", "clouds"])
def test_the_hours_differ_in_colour_whatever_their_variant(weather: str) -> None:
    means: dict[str, list[np.ndarray]] = {
        time: [
            _sky(_painted(replace(PLAIN, time=time, weather=weather, seed=seed))[0]).mean(axis=(0, 1))
            for seed in range(14)
        ]
        for time in TIMES
    }
    for one, other in combinations(TIMES, 2):
        apart = min(np.abs(a - b).max() for a in means[one] for b in means[other])
        assert apart > 0.08, (one, other)
    assert all(blue > red + 0.1 for red, _, blue in means["day"])
    assert all(red > blue + 0.2 for red, _, blue in means["sunset"])
    assert all(blue > green + 0.1 and blue > red for red, green, blue in means["dusk"])
    assert all(mean.max() < 0.35 for mean in means["night"])


def test_dusk_has_a_warm_band_under_a_blue_sky() -> None:
    for seed in range(8):
        canvas, _, _ = _painted(replace(PLAIN, time="dusk", ground="sea", seed=seed))
        top, band = canvas.rgb[2].mean(axis=0), canvas.rgb[int(canvas.horizon) - 1].mean(axis=0)
        assert top[2] > top[0] + 0.15
        assert band[0] > band[2] + 0.1


@pytest.mark.parametrize("weather", WEATHERS)
def test_a_seed_is_a_sky(weather: str) -> None:
    spec = replace(PLAIN, time="night", weather=weather, ridge="peaks", disc=True, seed=5)
    (one, _, place), (other, _, again) = _painted(spec), _painted(spec)
    assert one.rgb.tobytes() == other.rgb.tobytes()
    assert one.depth.tobytes() == other.depth.tobytes()
    assert place == again
    assert one.rgb.tobytes() != _painted(replace(spec, seed=6))[0].rgb.tobytes()
    assert one.rgb.dtype == np.float32
    assert np.isfinite(one.rgb).all()
    assert -0.01 <= one.rgb.min() <= one.rgb.max() <= 1.01


def test_bad_weather_greys_the_day_and_a_storm_darkens_it() -> None:
    def mean(weather: str) -> np.ndarray:
        skies = [_sky(_painted(replace(PLAIN, weather=weather, seed=seed))[0]) for seed in range(6)]
        return np.mean([sky.mean(axis=(0, 1)) for sky in skies], axis=0)

    def colourful(mean: np.ndarray) -> float:
        return float(np.ptp(mean) / mean.mean())

    clear, storm = mean("clear"), mean("storm")
    for weather in ("rain", "storm", "fog", "snowfall"):
        assert colourful(mean(weather)) < 0.4 * colourful(clear), weather
    assert storm.mean() < 0.68 * clear.mean()
    assert storm.mean() < mean("rain").mean() - 0.15


@pytest.mark.parametrize("ridge", TALL)
@pytest.mark.parametrize("time", TIMES)
def test_sun_and_moon_are_seen(time: str, ridge: str) -> None:
    for seed, weather in enumerate(("clear", "clouds") * 4):
        spec = replace(PLAIN, time=time, ridge=ridge, weather=weather, disc=True, seed=seed)
        canvas, light, place = _painted(spec, horizon=0.26 if seed % 3 == 0 else 0.5)
        assert light.disc == ("moon" if time in ("dusk", "night") else "sun")
        assert place is not None
        x, y = place
        assert 0 < x < WIDTH
        assert 0 < y < canvas.horizon
        assert canvas.side == (1.0 if x > WIDTH / 2 else -1.0)
        near = canvas.rgb[max(0, int(y) - 3) : int(y) + 3, max(0, int(x) - 3) : int(x) + 4]
        shine = np.abs(near - np.array(light.sun)).max(axis=2)
        assert shine.min() < 0.22, spec
    assert _painted(replace(PLAIN, time=time))[2] is None


def test_stars_are_few_and_only_shine_in_the_dark() -> None:
    for seed in range(8):
        spec = replace(PLAIN, time="night", ground="sea", seed=seed)
        canvas, _, _ = _painted(spec, width=128, height=128, horizon=0.55)
        bright = (_sky(canvas).max(axis=2) > 0.5).sum()
        assert 10 < bright < 300
        assert _sky(_painted(replace(spec, weather="rain"))[0]).max() < 0.5


@pytest.mark.parametrize("horizon", [0.18, 0.3, 0.5, 0.74])
@pytest.mark.parametrize("ridge", ["hills", "mountains", "peaks"])
@pytest.mark.parametrize("ground", ["meadow", "desert", "snow"])
def test_ridges_stand_between_the_sky_and_the_land(ground: str, ridge: str, horizon: float) -> None:
    for seed in range(4):
        spec = replace(PLAIN, ground=ground, ridge=ridge, seed=seed)
        canvas, _, _ = _painted(spec, horizon=horizon)
        ridges = canvas.depth < FAR
        assert canvas.depth[ridges].min() > 5
        rows = np.flatnonzero(ridges.any(axis=1))
        assert rows.max() <= canvas.horizon + 2
        risen = canvas.horizon - rows.min()
        assert 0.35 * crest(canvas, spec) < risen < 1.15 * crest(canvas, spec) + 2
        assert not ridges[0].any()
        # They are a range and no single mountain; table rocks stand apart.
        assert ridges[int(np.ceil(canvas.horizon)) - 1].mean() > (0.3 if ground == "desert" else 0.9)


def test_snow_on_peaks_is_white_and_on_mountains_there_is_none() -> None:
    def white(ridge: str) -> float:
        shares = []
        for seed in range(6):
            spec = replace(PLAIN, ridge=ridge, seed=seed)
            canvas, _, _ = _painted(spec, width=128, height=128)
            found = canvas.rgb[canvas.depth < FAR]
            shares.append(((found.min(axis=1) > 0.75) & (np.ptp(found, axis=1) < 0.2)).mean())
        return float(np.mean(shares))

    assert white("peaks") > 0.1
    assert white("mountains") < 0.02


def test_one_side_of_a_mountain_lies_in_the_shade() -> None:
    spec = replace(PLAIN, ridge="mountains", ground="desert", seed=3)
    sums = []
    for side in (1.0, -1.0):
        canvas = Canvas(WIDTH, HEIGHT, horizon=40, eye=0.3)
        canvas.side, canvas.haze = side, np.zeros(3, np.float32)
        paint_ridges(canvas, spec, np.random.default_rng(3))
        sums.append(canvas.rgb.sum(axis=2))
    covered = (sums[0] > 0) & (sums[1] > 0)
    turned = np.corrcoef(sums[0][covered], sums[1][covered])[0, 1]
    assert turned < 0.2


@pytest.mark.parametrize(("season", "warm"), [("autumn", True), ("summer", False)])
def test_the_season_colours_the_hills(season: str, warm: bool) -> None:
    canvas, _, _ = _painted(replace(PLAIN, ridge="hills", season=season, seed=2))
    red, green, _ = canvas.rgb[canvas.depth < FAR].mean(axis=0)
    assert (red > green) == warm


def test_every_light_is_a_colour() -> None:
    for time, lights in LIGHTS.items():
        assert len(lights) >= 3, time
        for weather in WEATHERS:
            for seed in range(6):
                light = light_of(replace(PLAIN, time=time, weather=weather), np.random.default_rng(seed))
                for name in ("zenith", "middle", "horizon", "band", "sun", "cloud", "shade"):
                    assert all(0 <= part <= 1 for part in getattr(light, name)), (time, weather, name)
