"""The ground of the world, its ways and its trees: perspective, seasons, mirrors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.empty_world import EMPTY
from tools.pocket.world.canvas import FAR, Canvas, Spot
from tools.pocket.world.ground import paint_ground
from tools.pocket.world.layout import course, land
from tools.pocket.world.light import light_of
from tools.pocket.world.spec import Spec
from tools.pocket.world.trees import tree
from tools.pocket.world.ways import paint_way
from tools.pocket.world.wood import paint_wood

SIZES = [(128, 128), (192, 128), (96, 64)]
FLAT = ("sea", "coast", "lake", "meadow", "field", "forest")
PLAIN = replace(EMPTY, seed=3)


def blank(width: int, height: int, horizon: float = 0.43, eye: float = 0.3) -> Canvas:
    canvas = Canvas(width, height, horizon=height * horizon, eye=eye)
    canvas.rgb[: int(canvas.horizon) + 1] = (0.3, 0.55, 0.9)
    canvas.haze = np.array((0.75, 0.85, 0.95), np.float32)
    return canvas


def laid(spec: Spec, canvas: Canvas, *parts: str) -> Canvas:
    """Paint ground, then the parts named, each from a generator of its own."""
    light = light_of(spec, np.random.default_rng(1))
    paint_ground(canvas, spec, light, None, np.random.default_rng((spec.seed, 10)))
    if "way" in parts:
        paint_way(canvas, spec, light, np.random.default_rng((spec.seed, 11)))
    if "wood" in parts:
        paint_wood(canvas, spec, np.random.default_rng((spec.seed, 12)))
    return canvas


@pytest.mark.parametrize("ground", FLAT)
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_flat_ground_has_the_depth_of_a_plane_under_a_pinhole_camera(ground, width, height):
    canvas = laid(replace(PLAIN, ground=ground), blank(width, height))
    rows = np.arange(int(canvas.horizon) + 1, height)
    expected = np.minimum(canvas.eye * canvas.focal / (rows - canvas.horizon), FAR)
    got = canvas.depth[int(canvas.horizon) + 1 :]
    np.testing.assert_allclose(got, np.repeat(expected[:, None], width, 1), rtol=1e-5)


@pytest.mark.parametrize("ground", ["desert", "snow"])
@pytest.mark.parametrize("seed", range(4))
def test_dunes_are_never_behind_the_plane_they_rise_from(ground, seed):
    canvas = laid(replace(PLAIN, ground=ground, seed=seed), blank(96, 64))
    rows = np.arange(int(canvas.horizon) + 1, 64)
    plane = np.minimum(canvas.eye * canvas.focal / (rows - canvas.horizon), FAR)[:, None]
    below = canvas.depth[int(canvas.horizon) + 1 :]
    assert np.all(below <= plane * 1.00001)
    assert np.any(below < plane * 0.98)
    # a column of depths grows upwards: what is higher in the picture is not nearer
    assert np.all(np.diff(canvas.depth, axis=0) <= 1e-5)


@pytest.mark.parametrize("horizon", [-0.2, 0.0, 0.7, 0.999, 1.0, 1.3])
@pytest.mark.parametrize("ground", [*FLAT, "desert", "snow"])
def test_any_horizon_leaves_a_finite_picture(horizon, ground):
    spec = replace(PLAIN, ground=ground, way="none" if ground in ("sea", "coast", "lake") else "road")
    canvas = laid(spec, blank(48, 32, horizon=horizon), "way", "wood")
    assert np.isfinite(canvas.rgb).all()
    assert canvas.rgb.min() >= 0
    assert canvas.rgb.max() <= 1
    assert canvas.depth.min() > 0
    assert canvas.depth.max() <= FAR


@pytest.mark.parametrize("way", ["road", "river"])
@pytest.mark.parametrize("ground", ["meadow", "field", "forest", "snow", "desert"])
@pytest.mark.parametrize("seed", range(3))
def test_a_way_is_seen_where_its_course_runs_and_keeps_the_depth(way, ground, seed):
    season = "winter" if ground == "snow" else "summer"
    spec = replace(PLAIN, ground=ground, way=way, season=season, seed=seed)
    without, with_way = laid(spec, blank(128, 128)), laid(spec, blank(128, 128), "way")
    np.testing.assert_array_equal(with_way.depth, without.depth)
    changed = np.abs(with_way.rgb - without.rgb).max(axis=2)
    rows = np.arange(int(without.horizon) + 8, 128)
    centre, half = course(without, spec, (rows - without.horizon)[:, None])
    offset = np.abs(np.arange(128) - centre)
    assert changed[rows][offset < 0.8 * half].mean() > 0.08
    assert changed[rows][offset > 1.5 * half + 2].max() == 0
    assert np.all(np.diff(half[:, 0]) > 0)
    assert (changed[rows] > 0.05).any(axis=1).all()


def test_without_a_way_nothing_is_painted():
    without, same = laid(PLAIN, blank(64, 48)), laid(PLAIN, blank(64, 48), "way")
    np.testing.assert_array_equal(same.rgb, without.rgb)


@pytest.mark.parametrize("ground", ["meadow", "field", "forest"])
def test_each_season_has_its_own_colour(ground):
    seasons = ("summer", "spring", "autumn", "winter")
    means = {
        season: laid(replace(PLAIN, ground=ground, season=season), blank(96, 64)).rgb[30:].mean(axis=(0, 1))
        for season in seasons
    }
    for one in seasons:
        for other in seasons[: seasons.index(one)]:
            assert np.abs(means[one] - means[other]).max() > 0.05, (one, other)
    assert min(means["winter"]) > max(max(means[s]) for s in ("summer", "autumn"))
    assert means["autumn"][0] - means["autumn"][1] > 0.05
    if ground != "field":
        assert means["spring"][1] > means["summer"][1] > means["summer"][0]


@pytest.mark.parametrize("ground", ["sea", "lake"])
def test_water_mirrors_what_stands_above_it(ground):
    spec = replace(PLAIN, ground=ground)
    canvas = blank(128, 96, horizon=0.5)
    # a red cliff on the left, standing on the horizon
    canvas.rgb[24:49, 10:40] = (0.9, 0.1, 0.1)
    water = laid(spec, canvas).rgb[54:64]
    redness = water[..., 0] - water[..., 2]
    assert redness[:, 15:35].mean() - redness[:, 80:120].mean() > (0.3 if ground == "lake" else 0.1)


def test_the_path_of_light_lies_under_the_sun():
    spec = replace(PLAIN, ground="sea", time="sunset", disc=True)
    light = light_of(spec, np.random.default_rng(1))
    canvas, without = blank(128, 96), blank(128, 96)
    paint_ground(canvas, spec, light, (90.0, 20.0), np.random.default_rng(2))
    paint_ground(without, spec, light, None, np.random.default_rng(2))
    gain = (canvas.rgb - without.rgb).sum(axis=(0, 2))
    assert abs(int(np.argmax(gain)) - 90) < 10
    assert gain[:40].max() < 0.02 * gain.max()


def test_a_storm_foams():
    calm = laid(replace(PLAIN, ground="sea"), blank(128, 96)).rgb[60:]
    storm = laid(replace(PLAIN, ground="sea", weather="storm"), blank(128, 96)).rgb[60:]
    white = [(part.min(axis=2) > 0.6).mean() for part in (calm, storm)]
    assert white[1] > 0.02
    assert white[1] > 2 * white[0]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("thing", ["none", "house", "boat"])
def test_a_coast_has_sand_on_land_and_water_beyond(seed, thing):
    spec = replace(PLAIN, ground="coast", thing=thing, seed=seed)
    canvas = laid(spec, blank(128, 96))
    rows = np.arange(int(canvas.horizon) + 3, 96)
    inside = land(canvas, spec, (rows - canvas.horizon)[:, None], np.arange(128)[None])
    blueness = canvas.rgb[rows][..., 2] - canvas.rgb[rows][..., 0]
    assert 0.1 < (inside > 0).mean() < 0.9
    assert blueness[inside > 8].mean() < -0.1
    assert blueness[inside < -8].mean() > 0.1


@pytest.mark.parametrize("season", ["summer", "spring", "autumn", "winter"])
@pytest.mark.parametrize("ground", ["forest", "lake", "coast", "desert"])
def test_trees_stand_on_land_and_off_the_way(monkeypatch, ground, season):
    planted = []
    monkeypatch.setattr(
        "tools.pocket.world.wood.tree",
        lambda canvas, spot, kind, rng, season: planted.append((spot, kind)),
    )
    for seed in range(12):
        way = ("road" if seed % 2 else "river") if ground == "forest" else "none"
        spec = replace(PLAIN, ground=ground, season=season, way=way, thing="castle", seed=seed)
        canvas = blank(96, 64)
        planted.clear()
        paint_wood(canvas, spec, np.random.default_rng(seed))
        assert ground != "forest" or len(planted) > 3
        assert [spot.distance for spot, _ in planted] == sorted(
            (s.distance for s, _ in planted), reverse=True
        )
        for spot, kind in planted:
            below = np.array([canvas.eye * canvas.focal / spot.distance])
            assert spot.distance > 4 or abs(spot.x / 96 - 0.5) >= 0.28
            assert (kind == "palm") == (ground in ("coast", "desert"))
            if way != "none":
                centre, half = course(canvas, spec, below)
                assert abs(spot.x - centre[0]) > half[0]
            elif ground != "desert":
                assert land(canvas, spec, below, np.array([spot.x]))[0] > 0


def test_no_trees_on_the_open_sea():
    canvas = blank(96, 64)
    before = canvas.rgb.copy()
    paint_wood(canvas, replace(PLAIN, ground="sea"), np.random.default_rng(0))
    np.testing.assert_array_equal(canvas.rgb, before)


@pytest.mark.parametrize("kind", ["tree", "pine", "palm", "birch"])
@pytest.mark.parametrize("season", ["summer", "spring", "autumn", "winter"])
def test_a_tree_is_as_tall_as_its_distance_says_and_has_that_depth(kind, season):
    for distance, size in ((2.0, 1.0), (4.0, 1.0), (4.0, 0.5)):
        canvas = Canvas(128, 128, horizon=80, eye=0.3)
        tree(canvas, Spot(64, distance, size=size), kind, np.random.default_rng(4), season)
        rows = np.flatnonzero((canvas.depth < FAR).any(axis=1))
        tall = canvas.focal / distance * size
        assert 0.85 * tall < rows[-1] - rows[0] < 1.3 * tall
        assert abs(rows[-1] - (80 + 0.3 * canvas.focal / distance)) < 3
        assert set(np.unique(canvas.depth)) == {np.float32(distance), np.float32(FAR)}


def test_crowns_show_the_season_and_the_light():
    def crown(season: str, side: float) -> np.ndarray:
        canvas = Canvas(128, 128, horizon=100, eye=0.3)
        canvas.side = side
        tree(canvas, Spot(64, 2.5), "tree", np.random.default_rng(4), season)
        canvas.rgb[canvas.depth == FAR] = np.nan
        return canvas.rgb[:90]

    summer, autumn, spring = (np.nanmean(crown(s, 1.0), axis=(0, 1)) for s in ("summer", "autumn", "spring"))
    assert summer[1] > summer[0]
    assert autumn[0] > 1.25 * autumn[1]
    assert spring.min() > summer.max()
    for side in (1.0, -1.0):
        lit = crown("summer", side)
        assert side * (np.nanmean(lit[:, 64:]) - np.nanmean(lit[:, :64])) > 0.01


def test_the_same_seed_gives_the_same_bytes():
    for ground in (*FLAT, "desert", "snow"):
        spec = replace(PLAIN, ground=ground, way="river" if ground == "meadow" else "none")
        one, two = (laid(spec, blank(96, 64), "way", "wood") for _ in range(2))
        assert one.rgb.tobytes() == two.rgb.tobytes()
        assert one.depth.tobytes() == two.depth.tobytes()
        other = laid(replace(spec, seed=4), blank(96, 64), "way", "wood")
        assert np.abs(one.rgb - other.rgb).max() > 0.02
