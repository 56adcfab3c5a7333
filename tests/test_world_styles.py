"""Each look and each mood of the world's pictures changes them in its own, measurable way."""

from __future__ import annotations

import time

import cv2
import numpy as np
import pytest

from tests.slowness import slowness
from tools.pocket.world.air import fill_air, paint_falling
from tools.pocket.world.canvas import FAR, Canvas
from tools.pocket.world.spec import GRADES, STYLES, WEATHERS, Spec
from tools.pocket.world.styles import LOOKS, paint_style
from tools.pocket.world.styles.pixel import square_side
from tools.pocket.world.styles.tools import depth_edges, few_colours, nearest_colour

SIZES = [(128, 128), (192, 128), (96, 64), (100, 70)]
HOURS = {
    "day": ((0.30, 0.55, 0.90), (0.25, 0.55, 0.18)),
    "sunset": ((0.90, 0.45, 0.20), (0.35, 0.30, 0.12)),
    "night": ((0.05, 0.07, 0.20), (0.05, 0.09, 0.08)),
}


def a_spec(**changed) -> Spec:
    parts = {
        "time": "day",
        "ground": "meadow",
        "weather": "clear",
        "season": "summer",
        "ridge": "none",
        "way": "none",
        "thing": "house",
        "paint": "red",
        "perch": "ground",
        "company": "none",
        "disc": True,
        "style": "photo",
        "grade": "none",
        "lens": "normal",
        "height": "eye",
        "seed": 5,
    }
    return Spec(**{**parts, **changed})


def a_picture(width: int, height: int, hour: str = "day") -> tuple[np.ndarray, np.ndarray]:
    """A red house with a dark roof on a plain that recedes to the horizon, a sky with a disc above it."""
    sky, land = (np.array(c, np.float32) for c in HOURS[hour])
    rows = np.arange(height, dtype=np.float32)
    below = np.maximum(rows - height / 2, 0)[:, None]
    depth = np.broadcast_to(np.minimum(0.3 * height * 1.3 / np.maximum(below, 0.1), FAR), (height, width))
    depth = np.ascontiguousarray(depth, np.float32)
    rgb = np.empty((height, width, 3), np.float32)
    rgb[:] = (sky * (0.7 + 0.6 * rows[:, None] / height))[:, None]
    rgb[height // 2 :] = (land * (0.8 + 0.4 * rows[height // 2 :, None] / height))[:, None]
    light = 0.3 if hour == "night" else 1.0
    cv2.circle(rgb, (width // 5, height // 5), height // 14, (1.0, 0.97, 0.85), -1, cv2.LINE_AA)
    box = [int(width * 0.45), int(height * 0.36), int(width * 0.75), int(height * 0.7)]
    rgb[box[1] : box[3], box[0] : box[2]] = np.array((0.8, 0.1, 0.08), np.float32) * light
    rgb[box[1] : box[1] + height // 8, box[0] : box[2]] = np.array((0.25, 0.15, 0.12), np.float32) * light
    depth[box[1] : box[3], box[0] : box[2]] = 2.0
    return np.clip(rgb, 0, 1), depth


def painted(style: str, grade: str = "none", *, width=128, height=128, hour="day", seed=0, **changed):
    rgb, depth = a_picture(width, height, hour)
    spec = a_spec(style=style, grade=grade, time=hour, **changed)
    return paint_style(rgb, depth, spec, np.random.default_rng(seed))


def saturation(rgb: np.ndarray) -> float:
    return float((rgb.max(axis=2) - rgb.min(axis=2)).mean())


def roughness(rgb: np.ndarray) -> float:
    """The share of neighbouring pixels that differ."""
    return float((np.abs(np.diff(rgb, axis=1)).max(axis=2) > 1e-4).mean())


def colours(rgb: np.ndarray) -> int:
    return len(np.unique(np.round(rgb.reshape(-1, 3) * 255).astype(np.uint8), axis=0))


HOUSE = (slice(68, 86), slice(64, 92))
SKY = (slice(4, 40), slice(70, 124))
LAND = (slice(96, 122), slice(8, 120))


def test_every_style_of_the_specs_has_a_look():
    assert set(LOOKS) == set(STYLES)


@pytest.mark.slow
@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("style", STYLES)
def test_a_look_keeps_size_type_and_range_and_its_input(style, width, height):
    for hour in HOURS:
        rgb, depth = a_picture(width, height, hour)
        kept_rgb, kept_depth = rgb.copy(), depth.copy()
        for grade in ("none", "vivid", "gloomy"):
            spec = a_spec(style=style, grade=grade, time=hour)
            seen = paint_style(rgb, depth, spec, np.random.default_rng(1))
            assert seen.shape == rgb.shape
            assert seen.dtype == np.float32
            assert seen.min() >= 0
            assert seen.max() <= 1
        assert np.array_equal(rgb, kept_rgb)
        assert np.array_equal(depth, kept_depth)


@pytest.mark.parametrize("style", STYLES)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(style):
    first, again, other = (painted(style, "warm", seed=seed) for seed in (3, 3, 4))
    assert first.tobytes() == again.tobytes()
    assert np.abs(first - other).max() > 0.01


@pytest.mark.parametrize("style", [style for style in STYLES if style != "ink"])
@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_things_of_a_caption_survive_each_look(style, width, height):
    for seed in range(3):
        seen = painted(style, seed=seed, width=width, height=height)
        rows, columns = (
            slice(int(0.53 * height), int(0.67 * height)),
            slice(int(0.5 * width), int(0.7 * width)),
        )
        red = seen[rows, columns].mean(axis=(0, 1))
        assert red[0] > 1.6 * max(red[1], red[2]), "the house is no longer red"
        sky = seen[int(0.1 * height) : int(0.3 * height), int(0.55 * width) : int(0.9 * width)].mean(
            axis=(0, 1)
        )
        assert sky.argmax() == 2, "the sky of the day is no longer blue"
        land = seen[int(0.8 * height) : int(0.9 * height), int(0.2 * width) : int(0.8 * width)].mean(
            axis=(0, 1)
        )
        assert land.argmax() == 1, "the meadow is no longer green"


@pytest.mark.parametrize("style", STYLES)
def test_the_night_stays_darker_than_the_day(style):
    for seed in range(3):
        day, night = (painted(style, hour=hour, seed=seed) for hour in ("day", "night"))
        assert night[SKY].mean() < 0.75 * day[SKY].mean()


def test_looks_differ_from_each_other_more_than_seeds_of_one_look():
    looks = {style: [painted(style, seed=seed) for seed in range(2)] for style in STYLES}
    for one, other in [(a, b) for a in STYLES for b in STYLES if a < b]:
        assert np.abs(looks[one][0] - looks[other][0]).mean() > 0.015, (one, other)


def test_a_photo_stays_what_it_was_but_for_tone_and_corners():
    rgb, _ = a_picture(128, 128)
    for seed in range(5):
        seen = painted("photo", seed=seed)
        assert 0 < np.abs(seen - rgb).mean() < 0.08
        # No grain: what was flat along a row in the middle stays flat.
        assert np.abs(np.diff(seen[75, 66:90], axis=0)).max() < 0.004


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_pixel_art_has_equal_squares_of_few_colours(width, height):
    seen = painted("pixel", width=width, height=height)
    side = square_side(height)
    assert side >= 2
    assert -(-height // side) <= 48
    for top in range(0, height, side):
        for left in range(0, width, side):
            square = seen[top : top + side, left : left + side]
            assert np.all(square == square[0, 0])
    assert 5 <= colours(seen) <= 16
    assert colours(painted("photo", width=width, height=height)) > 40


@pytest.mark.parametrize("hour", HOURS)
def test_ink_is_nearly_colourless_and_mostly_of_few_tones(hour):
    for seed in range(3):
        seen = painted("ink", hour=hour, seed=seed)
        assert (seen.max(axis=2) - seen.min(axis=2)).max() < 0.06
        assert seen.min() < 0.2, "no ink"
    day = painted("ink")
    assert np.quantile(day, 0.95) > 0.9, "no bare paper"


def test_ink_at_night_is_a_dark_wash_with_a_light_moon():
    seen = painted("ink", hour="night")
    assert seen[SKY].mean() < 0.5
    assert seen[22:28, 22:28].mean() > 0.85


def test_ink_takes_the_mood_of_a_picture_into_its_paper():
    warm, cold = (painted("ink", grade).reshape(-1, 3) for grade in ("warm", "cold"))
    paper = {name: p[p.sum(axis=1).argmax()] for name, p in (("warm", warm), ("cold", cold))}
    assert paper["warm"][0] > paper["warm"][2] + 0.1
    assert paper["cold"][2] > paper["cold"][0] + 0.05


@pytest.mark.parametrize("style", ["ink", "woodcut"])
def test_drawn_looks_outline_what_stands_in_front_even_in_one_tone(style):
    rgb = np.full((128, 128, 3), 0.8, np.float32)
    depth = np.full((128, 128), 6.0, np.float32)
    depth[40:90, 40:90] = 2.0
    seen = paint_style(rgb, depth, a_spec(style=style), np.random.default_rng(0)).mean(axis=2)
    assert seen[41:89, 40].max() < seen[64, 64] - 0.4
    assert np.abs(seen[60, 45:85] - seen[64, 64]).max() < 0.1


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_lowpoly_has_flat_facets_of_many_pixels(width, height):
    seen = painted("lowpoly", width=width, height=height)
    values = np.unique(np.round(seen.reshape(-1, 3) * 4096).astype(int), axis=0)
    assert len(values) < height * width / 6
    assert roughness(seen) < 0.4
    big = cv2.connectedComponentsWithStats(
        np.all(seen == seen[height // 10, width * 2 // 3], axis=2).astype(np.uint8)
    )
    assert big[2][1:, cv2.CC_STAT_AREA].max() > (height / 14) ** 2, "facets of the sky are small"


def test_lowpoly_facets_are_triangles_of_the_mean_colour():
    ramp = np.linspace(0.3, 0.7, 128, dtype=np.float32)
    rgb = np.ascontiguousarray(np.broadcast_to(ramp[:, None, None], (128, 128, 3)))
    depth = np.full((128, 128), FAR, np.float32)
    seen = paint_style(rgb, depth, a_spec(style="lowpoly"), np.random.default_rng(0))
    for colour in np.unique(seen.reshape(-1, 3), axis=0):
        where = np.all(seen == colour, axis=2)
        assert abs(rgb[where].mean() - colour.mean()) < 0.07 * colour.mean() + 1e-3
        points = np.argwhere(where)[:, ::-1].astype(np.int32)
        inside = points.min(axis=0).min() > 2 and points.max(axis=0).max() < 125
        if inside and len(points) > 60:
            area, _ = cv2.minEnclosingTriangle(points[:, None])
            assert len(points) > 0.6 * area, "not a triangle"


def test_lowpoly_keeps_silhouettes_sharp():
    seen = painted("lowpoly")
    for row in range(68, 84):
        assert seen[row, 60, 0] > 1.5 * seen[row, 60, 1]
        assert seen[row, 55, 0] < 1.2 * seen[row, 55, 1]


def test_oil_has_strokes_along_the_edges_and_rich_colours():
    rgb, depth = a_picture(128, 128)
    seen = painted("oil")
    assert saturation(seen) > 1.05 * saturation(rgb)
    assert roughness(seen) > 0.15
    assert seen[LAND][..., 1].std() > 1.5 * rgb[LAND][..., 1].std(), "no relief"
    # Stripes that stand upright are painted with upright strokes.
    stripes = 0.5 + 0.12 * np.sin(np.arange(128, dtype=np.float32) / 6)
    upright = np.ascontiguousarray(np.broadcast_to(stripes[None, :, None], (128, 128, 3)))
    paint = paint_style(upright, depth, a_spec(style="oil"), np.random.default_rng(0))[..., 0]
    level = paint_style(
        np.ascontiguousarray(upright.transpose(1, 0, 2)), depth, a_spec(style="oil"), np.random.default_rng(0)
    )[..., 0]
    relief, flat = paint - upright[..., 0], level - upright[..., 0].T
    down = [
        np.abs(np.diff(part, axis=0)).mean() / np.abs(np.diff(part, axis=1)).mean() for part in (relief, flat)
    ]
    assert down[0] < 0.9 < 1.1 < down[1]


def test_watercolour_is_light_on_paper_and_sometimes_leaves_a_rim():
    rgb, _ = a_picture(128, 128)
    rims = []
    for seed in range(12):
        seen = painted("watercolour", seed=seed)
        assert seen[30:90, 30:90].mean() > 1.05 * rgb[30:90, 30:90].mean()
        rims.append(bool(seen[0].mean() > 0.9 and seen[-1].mean() > 0.9))
    assert 3 <= sum(rims) <= 11
    bare = painted("watercolour", hour="night", seed=rims.index(True))
    assert bare[0].mean() > 0.9, "the sheet is white at night as well"


def test_watercolour_lets_shapes_bleed():
    def wavering(rgb):
        """How far the left wall of the house strays from upright, in pixels."""
        redness = rgb[66:86, 40:76, 0] - rgb[66:86, 40:76, 2]
        redness = (redness - redness[:, :6].mean()) / (redness[:, -6:].mean() - redness[:, :6].mean())
        return np.argmax(redness > 0.5, axis=1).std()

    assert wavering(painted("photo")) == 0
    assert np.mean([wavering(painted("watercolour", seed=seed)) for seed in range(6)]) > 0.25


def test_a_woodcut_is_a_few_flat_inks_and_dark_lines():
    for hour in HOURS:
        seen = painted("woodcut", hour=hour)
        rounded = np.round(seen.reshape(-1, 3) * 24).astype(int)
        counts = np.sort(np.unique(rounded, axis=0, return_counts=True)[1])[::-1]
        assert counts[:10].sum() > 0.55 * 128 * 128, hour
    day = painted("woodcut")
    assert (day.max(axis=2) < 0.3).mean() > 0.02, "no key block"


def test_a_woodcut_carves_more_where_it_is_darker():
    shades = np.repeat(np.linspace(0.9, 0.2, 4, dtype=np.float32), 32)
    rgb = np.ascontiguousarray(np.broadcast_to(shades[None, :, None], (128, 128, 3)))
    depth = np.full((128, 128), 5.0, np.float32)
    seen = paint_style(rgb, depth, a_spec(style="woodcut"), np.random.default_rng(0)).mean(axis=2)
    spread = [seen[:, start + 8 : start + 24].std() for start in (0, 32, 64, 96)]
    assert spread[0] < 0.02
    assert spread[2] > 0.05


@pytest.mark.parametrize("hour", HOURS)
def test_moods_change_the_colours_as_their_names_say(hour):
    plain = painted("photo", hour=hour)
    seen = {grade: painted("photo", grade, hour=hour) for grade in GRADES}
    warmth = {grade: float((picture[..., 0] - picture[..., 2]).mean()) for grade, picture in seen.items()}
    assert warmth["warm"] > warmth["none"] + 0.05
    assert warmth["cold"] < warmth["none"] - 0.05
    assert seen["pastel"].mean() > plain.mean() + 0.05
    assert saturation(seen["pastel"]) < 0.75 * saturation(plain)
    assert seen["pastel"].std() < 0.75 * plain.std()
    assert saturation(seen["vivid"]) > 1.25 * saturation(plain)
    assert seen["gloomy"].mean() < 0.8 * plain.mean()
    assert saturation(seen["gloomy"]) < 0.6 * saturation(plain)
    for grade in GRADES:
        if grade != "none":
            assert np.abs(seen[grade] - plain).mean() > 0.02


@pytest.mark.parametrize("style", STYLES)
def test_a_mood_is_seen_in_every_look(style):
    plain, gloomy, warm, cold = (painted(style, grade) for grade in ("none", "gloomy", "warm", "cold"))
    assert gloomy.mean() < 0.92 * plain.mean()
    assert (warm[..., 0] - warm[..., 2]).mean() > (cold[..., 0] - cold[..., 2]).mean() + 0.1


def a_canvas(weather: str) -> tuple[Canvas, np.ndarray]:
    canvas = Canvas(64, 64, horizon=32.0, eye=0.3)
    rgb, canvas.depth = a_picture(64, 64)
    canvas.rgb = rgb.copy()
    canvas.haze = np.array((0.8, 0.82, 0.85), np.float32)
    fill_air(canvas, a_spec(weather=weather))
    return canvas, rgb


def test_fog_hides_what_is_far_and_spares_what_is_near():
    fogged, rgb = a_canvas("fog")
    assert fogged.rgb.dtype == np.float32
    # At depth d the share of the haze is 1 - exp(-density * d), whatever the colour.
    gap = fogged.haze[1] - rgb[..., 1]
    share = (fogged.rgb[..., 1] - rgb[..., 1]) / gap
    assert np.abs(gap).min() > 0.01
    assert np.corrcoef(-np.log1p(-share.ravel()), fogged.depth.ravel())[0, 1] > 0.999
    assert share[4, 60] > 0.85, "the sky"
    assert 0.2 < share[38, 40] < 0.6, "the house"
    clear, same = a_canvas("clear")
    assert np.array_equal(clear.rgb, same)
    mean = {
        weather: np.abs(a_canvas(weather)[0].rgb - rgb).mean()
        for weather in ("fog", "snowfall", "rain", "storm")
    }
    assert mean["fog"] > 1.4 * mean["snowfall"] > 0
    assert mean["rain"] > mean["storm"] > 0


def fallen(weather: str, style: str, *, width=128, height=128, seed=0, hour="day", base=None):
    rgb = np.full((height, width, 3), 0.35, np.float32) if base is None else base
    haze = np.array((0.6, 0.65, 0.7), np.float32)
    spec = a_spec(weather=weather, style=style, time=hour)
    return rgb, paint_falling(rgb, spec, haze, np.random.default_rng(seed))


@pytest.mark.parametrize(("width", "height"), SIZES)
@pytest.mark.parametrize("style", STYLES)
def test_what_falls_keeps_size_range_input_and_seed(style, width, height):
    for weather in WEATHERS:
        rgb, seen = fallen(weather, style, width=width, height=height)
        assert seen.shape == rgb.shape
        assert seen.dtype == np.float32
        assert seen.min() >= 0
        assert seen.max() <= 1
        assert np.all(rgb == np.float32(0.35))
        assert seen.tobytes() == fallen(weather, style, width=width, height=height)[1].tobytes()
        changed = np.abs(seen - rgb).max() > 0.05
        assert changed == (weather in ("rain", "storm", "snowfall"))


def test_rain_is_long_faint_and_sparse():
    for seed in range(4):
        rgb, seen = fallen("rain", "photo", seed=seed)
        change = np.abs(seen - rgb).max(axis=2)
        assert change.max() < 0.25, "streaks are too white"
        assert 0.02 < (change > 0.02).mean() < 0.22
        count, _, stats, _ = cv2.connectedComponentsWithStats((change > 0.02).astype(np.uint8))
        inside = [s for s in stats[1:] if s[1] > 0 and s[1] + s[3] < 128]
        assert np.median([s[cv2.CC_STAT_HEIGHT] for s in inside]) > 14, "streaks are short"
        assert count > 8


def test_snow_is_about_forty_round_flakes_of_three_sizes():
    for seed in range(4):
        rgb, seen = fallen("snowfall", "photo", seed=seed)
        bright = ((seen - rgb).min(axis=2) > 0.12).astype(np.uint8)
        count, _, stats, _ = cv2.connectedComponentsWithStats(bright)
        assert 28 <= count - 1 <= 46
        areas = stats[1:, cv2.CC_STAT_AREA]
        assert np.quantile(areas, 0.9) > 2.2 * np.quantile(areas, 0.1)
        wide, high = stats[1:, cv2.CC_STAT_WIDTH], stats[1:, cv2.CC_STAT_HEIGHT]
        assert np.abs(wide - high).mean() < 1.0


def test_snow_shows_before_a_white_sky_too():
    white = np.full((128, 128, 3), 0.93, np.float32)
    _, seen = fallen("snowfall", "photo", base=white)
    assert seen.max() - seen.min() > 0.1


def test_flakes_of_pixel_art_are_its_squares_and_rain_of_a_drawing_is_dark():
    _, seen = fallen("snowfall", "pixel")
    side = square_side(128)
    bright = seen[..., 0] > 0.6
    assert bright.any()
    for top in range(0, 126, side):
        for left in range(0, 126, side):
            assert np.ptp(bright[top : top + side, left : left + side].astype(int)) == 0
    for style, sign in (("ink", -1), ("woodcut", -1), ("photo", 1), ("oil", 1)):
        rgb, seen = fallen("rain", style)
        assert np.sign((seen - rgb).sum()) == sign
    assert (np.ptp(fallen("rain", "ink")[1], axis=2)).max() < 0.06


def test_an_edge_of_depth_is_seen_once_and_the_plain_has_none():
    depth = a_picture(96, 96)[1]
    depth = np.where(depth == 2.0, depth[80, 0], depth)
    plain = a_canvas("clear")[0]
    rows = np.arange(40, 64)
    slope = plain.focal * plain.eye / (rows - plain.horizon)
    flat = np.broadcast_to(slope[:, None], (24, 64)).astype(np.float32)
    assert depth_edges(np.ascontiguousarray(flat))[1:-1].max() < 1e-3
    step = np.full((16, 16), 6.0, np.float32)
    step[:, 8:] = 2.0
    edges = depth_edges(step)
    assert np.array_equal(np.flatnonzero(edges[8] > 0.3), [8])


def test_few_colours_keeps_a_rare_one_and_assigns_the_nearest():
    rng = np.random.default_rng(0)
    many = np.concatenate([rng.normal((0.2, 0.6, 0.2), 0.03, (900, 3)), np.tile((0.9, 0.1, 0.1), (12, 1))])
    chosen = few_colours(many.astype(np.float32), 3)
    assert len(chosen) == 3
    assert np.abs(chosen - (0.9, 0.1, 0.1)).max(axis=1).min() < 0.02
    index = nearest_colour(many.astype(np.float32), chosen)
    exact = ((many[:, None] - chosen[None]) ** 2).sum(axis=2).argmin(axis=1)
    assert (index == exact).mean() > 0.999
    assert len(few_colours(np.full((50, 3), 0.4, np.float32), 8)) == 1


@pytest.mark.slow
def test_the_looks_are_fast_enough_to_draw_a_training_set():
    rgb, depth = a_picture(128, 128)
    spent = {}
    for style in STYLES:
        spec = a_spec(style=style, grade="warm")
        for seed in range(10):
            paint_style(rgb, depth, spec, np.random.default_rng(seed))
        times = []
        for seed in range(10):
            rng = np.random.default_rng(seed)
            start = time.thread_time()
            paint_style(rgb, depth, spec, rng)
            times.append(time.thread_time() - start)
        spent[style] = min(times)
    # The share of the looks in a picture's time is 2.4 ms; the rest is for a busy machine.
    limit = 0.006
    mean = sum(spent.values()) / len(spent)
    assert mean < limit or mean < limit * slowness(), spent
