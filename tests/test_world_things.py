"""The things of the pocket world: large, in their own colour, at their own depth, on their perch."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tools.pocket.world.canvas import Canvas, Spot
from tools.pocket.world.paints import PAINTS
from tools.pocket.world.spec import COMPANIES, PAINTED, STANDING, Spec, draw_spec
from tools.pocket.world.spec import PAINTS as NAMES
from tools.pocket.world.spec import THINGS as MAIN
from tools.pocket.world.stage import paint_things
from tools.pocket.world.things import SIZES, THINGS

WIDTH, HEIGHT = 96, 64
LAND = np.array((0.36, 0.56, 0.22), np.float32)
SKY = np.array((0.40, 0.66, 0.90), np.float32)

PLAIN = Spec(
    time="day",
    ground="meadow",
    weather="clear",
    season="summer",
    ridge="none",
    way="none",
    thing="castle",
    paint="red",
    perch="ground",
    company="none",
    disc=False,
    style="photo",
    grade="none",
    lens="normal",
    height="eye",
    seed=0,
)

CAMERAS = {
    "eye": {"horizon": 0.5, "eye": 0.33, "view": 40.0},
    "low": {"horizon": 0.68, "eye": 0.13, "view": 40.0},
    "aerial": {"horizon": 0.24, "eye": 1.15, "view": 40.0},
    "wide": {"horizon": 0.45, "eye": 0.30, "view": 64.0},
    "tele": {"horizon": 0.45, "eye": 0.30, "view": 25.0},
}


def open_canvas(
    camera: str = "eye", *, dark: bool = False, size: tuple[int, int] = (WIDTH, HEIGHT)
) -> Canvas:
    """A sky over a plain, without anything on it."""
    width, height = size
    shot = CAMERAS[camera]
    canvas = Canvas(width, height, horizon=height * shot["horizon"], eye=shot["eye"], view=shot["view"])
    canvas.dark = dark
    canvas.tint = np.full(3, 0.4 if dark else 1.0, np.float32)
    canvas.haze = np.array((0.75, 0.86, 0.95), np.float32) * (0.3 if dark else 1.0)
    canvas.rgb[:] = SKY * (0.25 if dark else 1.0)
    top = int(canvas.horizon) + 1
    canvas.rgb[top:] = LAND * (0.25 if dark else 1.0)
    rows = np.arange(top, height) - canvas.horizon
    canvas.depth[top:] = np.minimum(canvas.eye * canvas.focal / rows, 10)[:, None]
    return canvas


def painted(spec: Spec, camera: str = "eye", **shot) -> tuple[Canvas, np.ndarray]:
    """Paint the things of a picture; return it with the pixels whose colour they changed clearly."""
    canvas = open_canvas(camera, **shot)
    before = canvas.rgb.copy()
    paint_things(canvas, spec, np.random.default_rng((spec.seed, 2)))
    return canvas, np.abs(canvas.rgb - before).max(axis=2) > 0.04


def alone(thing: str, paint: str, seed: int) -> tuple[Canvas, np.ndarray]:
    """Paint one thing without perch, shadow or reflection; return it with the pixels that have its depth."""
    canvas = open_canvas()
    rng = np.random.default_rng(seed)
    THINGS[thing](canvas, Spot(WIDTH / 2, 2.0, size=0.8), PAINTS[paint], rng)
    return canvas, canvas.depth == np.float32(2.0)


def test_the_tables_name_what_the_spec_names():
    assert set(PAINTS) == set(NAMES)
    assert set(SIZES) == set(MAIN) - {"none"}
    assert set(THINGS) == (set(MAIN) | set(COMPANIES)) - {"none", "tree", "pine", "palm"}


def test_paints_are_far_from_one_another():
    colours = np.array(list(PAINTS.values()))
    apart = np.linalg.norm(colours[:, None] - colours[None], axis=2) + np.eye(len(colours))
    assert apart.min() > 0.35


@pytest.mark.parametrize("thing", PAINTED)
def test_a_thing_shows_its_own_paint(thing):
    colours = np.array(list(PAINTS.values()))
    seen_right = 0
    for number, paint in enumerate(PAINTS):
        for seed in range(4):
            canvas, mask = alone(thing, paint, 10 * number + seed)
            assert mask.mean() > 0.04, (thing, paint, seed)
            mean = canvas.rgb[mask].mean(axis=0)
            # What the air adds on the way is known; without it the mean is that of the surface.
            clear = np.exp(-0.055 * 2.0)
            surface = (mean - canvas.haze * (1 - clear)) / clear
            # The mean of lit and shaded sides is darker than the paint itself.
            nearest = np.linalg.norm(colours * 0.85 - surface, axis=1).argmin()
            seen_right += nearest == number
    assert seen_right >= 38, f"{thing}: {seen_right} of 40 in their own paint"


@pytest.mark.parametrize("paint", ["red", "blue", "yellow", "green", "purple", "white", "black"])
def test_the_stage_paints_what_the_spec_says(paint):
    colours = np.array(list(PAINTS.values()))
    for seed, thing in enumerate(PAINTED):
        canvas, _ = painted(replace(PLAIN, thing=thing, paint=paint, seed=seed))
        mask = canvas.depth != open_canvas().depth
        clear = np.exp(-0.055 * canvas.depth[mask][0])
        surface = (canvas.rgb[mask].mean(axis=0) - canvas.haze * (1 - clear)) / clear
        assert list(PAINTS)[np.linalg.norm(colours * 0.85 - surface, axis=1).argmin()] == paint, thing


@pytest.mark.parametrize("camera", CAMERAS)
@pytest.mark.parametrize("thing", sorted(SIZES))
def test_the_main_thing_is_large_and_inside(thing, camera):
    for seed in range(6):
        spec = replace(PLAIN, thing=thing, paint="red" if thing in PAINTED else "", seed=seed)
        spec = replace(spec, ground="sea" if thing in ("boat", "bridge") else "meadow")
        canvas, changed = painted(spec, camera)
        rows, columns = np.nonzero(changed)
        assert np.ptp(rows) > 0.28 * HEIGHT, (thing, camera, seed)
        assert changed.mean() > (0.03 if thing in ("bridge", "palm", "pine", "lighthouse") else 0.045)
        assert changed[-1].mean() < 0.3, "the foot is inside of the picture"
        assert abs(columns.mean() / WIDTH - 0.5) < 0.32
        assert np.isfinite(canvas.rgb).all()
        assert (canvas.depth > 0).all()


@pytest.mark.parametrize("thing", sorted(SIZES))
def test_depth_is_the_distance_of_the_ground_at_the_foot(thing):
    spec = replace(PLAIN, thing=thing, seed=3)
    canvas, changed = painted(spec)
    empty = open_canvas()
    values, counts = np.unique(canvas.depth[canvas.depth != empty.depth], return_counts=True)
    assert len(values) == 1
    assert counts[0] > 0.02 * canvas.depth.size
    assert 1.0 < values[0] < 5.0
    if thing != "balloon":
        foot = np.nonzero(canvas.depth != empty.depth)[0].max()
        expected = canvas.horizon + canvas.eye * canvas.focal / values[0]
        assert abs(foot - expected) < 4.5
    assert (changed & (canvas.depth != empty.depth)).sum() > 0.9 * counts[0]


@pytest.mark.parametrize("perch", ["hill", "cliff", "island"])
@pytest.mark.parametrize("thing", STANDING)
def test_a_perch_carries_the_thing(thing, perch):
    ground = "meadow" if perch == "hill" else "sea"
    for seed in range(3):
        spec = replace(PLAIN, thing=thing, ground=ground, perch=perch, paint="purple", seed=seed)
        canvas, _ = painted(spec)
        distance = np.unique(canvas.depth[canvas.depth != open_canvas().depth])
        assert len(distance) == 1
        land = canvas.depth == distance[0]
        wide = land.sum(axis=1)
        foot = canvas.horizon + canvas.eye * canvas.focal / distance[0]
        top = np.nonzero(wide)[0].min()
        assert foot - top > 0.30 * HEIGHT
        # The perch is broader than what stands on it, and lies at the foot of the thing.
        near = wide[max(int(foot) - 3, 0) : int(foot) + 2].max()
        assert near > 1.2 * wide[top : int(top + 0.5 * (foot - top))].mean()
        if perch == "cliff":
            assert land[:, 0].any() or land[:, -1].any()


@pytest.mark.parametrize("thing", ["lighthouse", "house", "castle", "tower", "windmill"])
def test_windows_and_lamps_shine_only_in_the_dark(thing):
    spec = replace(PLAIN, thing=thing, paint="blue", seed=1)
    night, _ = painted(spec, dark=True)
    light = (night.rgb[..., 0] > 0.8) & (night.rgb[..., 2] < 0.8)
    assert light.sum() >= 4
    day, _ = painted(spec)
    warm = (day.rgb[..., 0] > 0.8) & (day.rgb[..., 2] < 0.8)
    assert warm.sum() < 0.7 * light.sum()


def test_the_side_of_the_light_decides_the_shading():
    means = []
    for side in (1.0, -1.0):
        canvas = open_canvas()
        canvas.side = side
        THINGS["lighthouse"](
            canvas, Spot(WIDTH / 2, 2.0, size=0.8), PAINTS["white"], np.random.default_rng(0)
        )
        tower = canvas.rgb[int(canvas.horizon) - 8 : int(canvas.horizon)]
        means.append(
            (tower[:, WIDTH // 2 - 4 : WIDTH // 2].mean(), tower[:, WIDTH // 2 + 1 : WIDTH // 2 + 5].mean())
        )
    assert means[0][1] > means[0][0] + 0.03
    assert means[1][0] > means[1][1] + 0.03


@pytest.mark.parametrize("company", ["birds", "boat", "balloon", "house"])
def test_company_is_small_and_aside(company):
    ground = {"boat": "sea"}.get(company, "meadow")
    for seed in range(5):
        spec = replace(PLAIN, thing="none", paint="", company=company, ground=ground, seed=seed)
        _, changed = painted(spec)
        assert 0.002 < changed.mean() < 0.12, seed
        assert abs(np.nonzero(changed)[1].mean() / WIDTH - 0.5) > 0.12, seed


def test_a_boat_is_mirrored_in_the_water_before_it():
    spec = replace(PLAIN, thing="boat", ground="sea", paint="red", seed=2)
    canvas, changed = painted(spec)
    distance = np.unique(canvas.depth[canvas.depth != open_canvas().depth])[0]
    foot = round(canvas.horizon + canvas.eye * canvas.focal / distance) + 2
    assert changed[foot : foot + 4].any()
    assert (canvas.depth[foot + 2 :] == open_canvas().depth[foot + 2 :]).all()


def test_snow_lies_on_a_house_in_winter():
    summer, _ = painted(replace(PLAIN, thing="house", paint="red", seed=1))
    winter, _ = painted(replace(PLAIN, thing="house", paint="red", season="winter", seed=1))
    white = [(canvas.rgb.min(axis=2) > 0.75).sum() for canvas in (summer, winter)]
    assert white[1] > white[0] + 15


def test_nothing_is_painted_where_nothing_stands():
    canvas, changed = painted(replace(PLAIN, thing="none", paint=""))
    assert not changed.any()
    assert (canvas.depth == open_canvas().depth).all()


@pytest.mark.slow
def test_the_same_seed_paints_the_same_bytes():
    for seed in range(40):
        spec = draw_spec(seed)
        first, second = (painted(spec, dark=seed % 2 == 0)[0] for _ in range(2))
        assert first.rgb.tobytes() == second.rgb.tobytes()
        assert first.depth.tobytes() == second.depth.tobytes()
    other = [painted(replace(PLAIN, seed=seed))[0].rgb.tobytes() for seed in range(6)]
    assert len(set(other)) == 6


def test_any_picture_of_the_world_can_be_staged_at_every_size():
    for seed in range(60):
        for size in ((96, 64), (64, 64)):
            canvas, _ = painted(draw_spec(seed), list(CAMERAS)[seed % len(CAMERAS)], size=size)
            assert canvas.rgb.dtype == np.float32
            assert canvas.depth.dtype == np.float32
            assert np.isfinite(canvas.rgb).all()
            assert canvas.depth.min() > 0
