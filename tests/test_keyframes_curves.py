"""Keys to curves: ramps, formulas, easings, splines; and the clock that says where a key is."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from animator.errors import ExpressionError
from animator.keyframes import Clock, parse_curve
from animator.keyframes.easings import EASINGS
from animator.keyframes.keys import METHODS, parse_keys

CLOCK = Clock(frames=12, fps=10, bpm=120)


def values(written: object, clock: Clock = CLOCK, **options: object) -> list[float]:
    return parse_curve(written, clock, **options).values.tolist()


@pytest.mark.parametrize(
    ("position", "frame"),
    [
        (12, 12),
        (2.5, 2.5),
        ("12", 12),
        (" 7 ", 7),
        ("2.5s", 25),
        (".5 s", 5),
        ("4b", 20),
        ("0.5b", 2.5),
        ("1e1", 10),
    ],
)
def test_positions(position: int | float | str, frame: float) -> None:
    assert CLOCK.frame(position) == frame


@pytest.mark.parametrize(
    ("position", "frame"),
    [
        ("10f", 10),
        ("10 frames", 10),
        ("1s500ms", 36),
        ("500 ms", 12),
        ("0.5m", 720),
        ("2min 3sec", 2952),
        ("1h", 86400),
        ("2 beats", Clock(300, 24, 96).frame("2b")),
        ("0%", 0),
        ("50%", 149.5),
        ("100%", 299),
    ],
)
def test_positions_in_words_and_shares(position: str, frame: float) -> None:
    assert Clock(300, 24, 96).frame(position) == frame
    assert parse_keys(f"0: (1), {position}: (2)", Clock(300, 24, 96))[1][1].frame == math.floor(frame + 0.5)


@pytest.mark.parametrize("way", ["easeInOut", "EASE_IN_OUT", "ease-inout", "Ease-In-Out"])
def test_a_way_between_keys_has_many_spellings(way: str) -> None:
    curve = parse_curve(f"0: (1) {way}, 9: (2)", CLOCK)
    assert np.array_equal(curve.values, parse_curve("0: (1) ease-in-out, 9: (2)", CLOCK).values)


def test_max_f_is_the_last_frame_and_formulas_give_whole_frames() -> None:
    assert Clock(300, 12).frame("max_f") == 299
    assert Clock(300, 12).frame("max_f/2") == 149
    assert Clock(300, 12).frame("(max_f - 9) * 0.5") == 145


@pytest.mark.parametrize(
    ("position", "key"), [("1.2b", 6), ("1.3b", 7), (2.5, 3), ("0.24s", 2), ("0.26s", 3)]
)
def test_keys_are_at_the_nearest_frame(position: float | str, key: int) -> None:
    assert CLOCK.key(position) == key


@pytest.mark.parametrize(
    ("position", "message"),
    [
        (-1, "before the first frame"),
        ("-1", "before the first frame"),
        ("-2s", "before the first frame"),
        ("max_f - 500", "before the first frame"),
        ("t", "unknown name 't'"),
        ("2.5x", "expected an operator, found 'x'"),
        ("", "found the end"),
        (float("nan"), "not a position"),
        (float("inf"), "not a position"),
        (10**400, "not a position"),
        (True, "not a position"),
        ("1e12", "beyond frame"),
    ],
)
def test_positions_that_are_none(position: int | float | str, message: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(message)):
        CLOCK.frame(position)


def test_beats_need_a_bpm() -> None:
    with pytest.raises(ExpressionError, match="must say its bpm"):
        Clock(10, 12).frame("4b")


@pytest.mark.parametrize(
    "wrong", [{"frames": 0}, {"fps": 0}, {"fps": float("nan")}, {"bpm": -1}, {"frames": 10**7}]
)
def test_a_clock_refuses_what_cannot_be(wrong: dict) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Clock(**{"frames": 10, "fps": 12, "bpm": 90} | wrong)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (3, [3] * 12),
        ("3", [3] * 12),
        ("3,", [3] * 12),
        ("2*t", [2 * t for t in range(12)]),
        ("where(t > 3, 1, 0)", [0] * 4 + [1] * 8),
        ("0: (1), 10: (2)", [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2, 2]),
        ("0: 1, 1s: 2,", [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2, 2]),
        ("0:((1)),\n 2b\t:\n(2)\n", [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2, 2]),
        ("0:(1e0), max_f - 1:(+2e0)", [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2, 2]),
        ('"0: (1), 10: (2)"', [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2, 2]),
        ("10: (2), 0: (1)", [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2, 2]),
        ({0: 1, "1s": "2"}, [1, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7, 1.8, 1.9, 2, 2]),
        ("0: (0), 22: (22)", list(range(12))),
        ("4: (4), 6: (6)", [4, 4, 4, 4, 4, 5, 6, 6, 6, 6, 6, 6]),
        ("4: (t), 6: (0)", [4, 4, 4, 4, 4, 5, 0, 0, 0, 0, 0, 0]),
        ("0: (0), 4: (10*t)", [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110]),
        ("0: (0), 20: (t)", list(range(12))),
        ("0: (2*1), 6: (4)", [2] * 6 + [4] * 6),
        ("0: (where(t > 2, min(t, 5), 0)), 8: (1)", [0, 0, 0, 3, 4, 5, 5, 5, 1, 1, 1, 1]),
        ("0: (1+1)*t", [2 * t for t in range(12)]),
        ("step; 0: (1), 4: (2), 8: (3)", [1] * 4 + [2] * 4 + [3] * 4),
        ({"method": "step", 0: 1, 6: 2}, [1] * 6 + [2] * 6),
        ("0: (1) step, 4: (2), 8: (6)", [1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 6, 6]),
        ("step; 0: (1), 4: (2) linear, 8: (6)", [1, 1, 1, 1, 2, 3, 4, 5, 6, 6, 6, 6]),
        ("0: (0)ease-in-quad, 10: (100)", [0, 1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 100]),
        ("0: 0 ease-in-quad, 10: 100 step", [0, 1, 4, 9, 16, 25, 36, 49, 64, 81, 100, 100]),
        ("0: (s), 1: (max_f)", [42] + [11] * 11),
        ("0: (3 * t), 1: (-t)", [-t for t in range(12)]),
    ],
)
def test_what_texts_mean(written: object, expected: list[float]) -> None:
    np.testing.assert_allclose(values(written, seed=42), expected, rtol=0, atol=1e-12)


def test_a_single_key_shapes_only_the_ramp_that_starts_there() -> None:
    plain = values("0: (0), 4: (4), 8: (0)")
    eased = values("0: (0), 4: (4) ease-in-out, 8: (0)")
    assert eased[:5] == plain[:5]
    assert eased[4] == 4
    assert eased[5] > plain[5]
    assert eased[6] == pytest.approx(plain[6])
    assert eased[7] < plain[7]


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("0: (1), 10: 2 foo", "unknown interpolation 'foo'", 14),
        ("0: (1) ease-inot, 9: (2)", "did you mean 'ease-in", 7),
        ("0: (1) smooth, 9: (2)", "unknown interpolation 'smooth'; write ease-in-out-sine", 7),
        ("0: (1) hold, 9: (2)", "unknown interpolation 'hold'; write step", 7),
        ("5 deg", "numbers have no unit here: leave 'deg' out", 2),
        ("0: (1), 1:30: (2)", "a time is written 1m30s, not 1:30", 12),
        ("0: (1); 10: (2)", "keys are separated by commas, not by ;", 10),
        ("0: (1), end: (2)", "write max_f, the number of the last frame", 8),
        ("linaer; 0: (1)", "did you mean 'linear'?", 0),
        ("0: (1), 10(2)", "'10(2)' is not a key", 8),
        ("0: (1), foo", "'foo' is not a key", 8),
        ("0: (1) 10: (2)", "a comma is missing", 9),
        ("0: (1),, 3: (2)", "no key before this comma", 7),
        (",", "no key before this comma", 0),
        ("0: (1), -5: (3)", "before the first frame", 8),
        ("0: (1), x: (3)", "unknown name 'x'", 8),
        ("0: (1), : (3)", "no position before ':'", 8),
        ("0: , 3: (1)", "no value after ':'", 0),
        ("0: ()", "expected a number", 4),
        ("0: (1", "never closed", 3),
        ("0: 1)", "no '(' before it", 4),
        ("0: (1), 10: (1+0.1*sine(t))", "did you mean 'sin'?", 19),
        ("0: t and t", "write &, with each comparison", 5),
        ("0: (1)(2)", "a product is written with a sign: (...) * (...)", 6),
        ("0: (sin(t)) ease-in, 4: (0)", "which has no ramp", 0),
        ("", "no value here", 0),
        ("step;", "no value here", 5),
        ("1, 2", "'1' is not a key", 0),
        ("0: (1e999)", "too large", 4),
        ("sqrt(-1-t)", "no finite value at any frame", 0),
        ("0: (-1e308) ease-out-back, 9: (1.7e308)", "not finite", 0),
    ],
)
def test_faults_have_a_place(text: str, message: str, offset: int) -> None:
    with pytest.raises(ExpressionError, match=re.escape(message)) as caught:
        parse_curve(text, CLOCK)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({}, "no key here"),
        ({"method": "step"}, "no key here"),
        ({0: 1, "0s": 2}, "two keys at frame 0"),
        ({0: True}, "write a number or a formula"),
        ({0: [1]}, "write a number or a formula"),
        ({0: float("nan")}, "write a number or a formula"),
        ({None: 1}, "not a position"),
        ({"method": "wobbly", 0: 1}, "unknown interpolation"),
        (True, "is not a number"),
        ([1], "is not a number"),
        (float("inf"), "is not a number"),
        (10**400, "is not a number"),
    ],
)
def test_faults_outside_texts(written: object, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        parse_curve(written, CLOCK)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ExpressionError, match="did you mean 'cubic'"):
        parse_curve("0: (1)", CLOCK, method="cubik")


def test_slips_are_accepted_and_told() -> None:
    twice = parse_curve("0: (1), 4: (2), 4: (3), 4: (5)", CLOCK)
    assert twice.values[[0, 2, 4, 11]].tolist() == [1, 3, 5, 5]
    assert twice.notices == ("two keys at frame 4: the later one counts",)
    bridged = parse_curve("sqrt((t - 3) * (t - 6))", CLOCK)
    assert bridged.values[3:7].tolist() == [0, 0, 0, 0]
    assert bridged.notices == ("no finite value at 2 frames, first at frame 4: bridged linearly",)
    towards = parse_curve("0: (4), 4: (sqrt(t - 8))", CLOCK)
    np.testing.assert_allclose(towards.values[:9], [4, 3.5, 3, 2.5, 2, 1.5, 1, 0.5, 0])


KEYS = st.dictionaries(
    st.integers(0, 40), st.floats(-1e6, 1e6).map(lambda x: round(x, 6)), min_size=1, max_size=8
)


@pytest.mark.vital
@pytest.mark.slow
@given(KEYS, st.sampled_from(METHODS), st.integers(1, 30))
@settings(max_examples=300, deadline=None)
def test_keys_are_passed_and_the_curve_is_finite(keys: dict, method: str, frames: int) -> None:
    clock = Clock(frames, 12)
    curve = parse_curve(
        ", ".join(f"{frame}: ({value!r})" for frame, value in keys.items()), clock, method=method
    )
    assert curve.values.shape == (frames,)
    assert curve.values.dtype == np.float64
    assert np.all(np.isfinite(curve.values))
    scale = max(1.0, *(abs(value) for value in keys.values()))
    for frame, value in keys.items():
        if frame < frames:
            assert curve.values[frame] == pytest.approx(value, abs=1e-8 * scale)
    np.testing.assert_array_equal(parse_curve(keys, clock, method=method).values, curve.values)
    np.testing.assert_array_equal(parse_curve(f"{method}; " + str(keys)[1:-1], clock).values, curve.values)


@pytest.mark.slow
@given(KEYS, st.sampled_from(["linear", "pchip", "ease", "ease-in-out-sine", "step"]))
@settings(max_examples=100, deadline=None)
def test_these_never_overshoot(keys: dict, method: str) -> None:
    got = parse_curve(keys, Clock(50, 12), method=method).values
    slack = 1e-9 * max(1.0, *(abs(value) for value in keys.values()))
    assert got.min() >= min(keys.values()) - slack
    assert got.max() <= max(keys.values()) + slack


@pytest.mark.parametrize("name", EASINGS)
def test_easings_start_at_the_start_and_end_at_the_end(name: str) -> None:
    np.testing.assert_allclose(
        EASINGS[name](np.array([0.0, 1.0])), [0, 1], atol=2e-3 if "expo" in name else 1e-12
    )


@pytest.mark.parametrize("name", [name for name in EASINGS if name.startswith("ease-out-")])
def test_easing_out_is_easing_in_turned_round(name: str) -> None:
    u = np.linspace(0, 1, 41)
    np.testing.assert_allclose(EASINGS[name](u), 1 - EASINGS[name.replace("out", "in")](1 - u), atol=1e-12)
    both = EASINGS[name.replace("out", "in-out")](u)
    np.testing.assert_allclose(both, 1 - both[::-1], atol=1e-12)


@pytest.mark.parametrize(
    ("name", "at", "expected"),
    [
        ("ease-in-cubic", 0.5, 0.125),
        ("ease-out-quart", 0.5, 0.9375),
        ("ease-in-out-quint", 0.25, 0.015625),
        ("ease-in-sine", 1 / 3, 1 - 3**0.5 / 2),
        ("ease-in-expo", 0.5, 2.0**-5),
        ("ease-in-circ", 0.6, 0.2),
        ("ease-in-back", 0.5, -0.0876975),
        ("ease-in-elastic", 0.85, -(2**-1.5)),
        ("ease-out-bounce", 0.5, 0.765625),
        ("ease-out-bounce", 1 / 2.75, 1.0),
        ("ease-out-bounce", 0.8, 0.94),
        ("ease-out-bounce", 0.95, 0.98453125),
        ("ease-in-out", 0.5, 0.5),
        ("ease", 0.5, 0.8024033877399112),
        ("ease-in", 0.25, 0.09346465),
    ],
)
def test_easings_are_those_of_their_names(name: str, at: float, expected: float) -> None:
    assert float(EASINGS[name](np.array([at]))[0]) == pytest.approx(expected, abs=1e-6)


def test_splines_are_smooth_through_formulas_neighbours() -> None:
    text = "cubic; 0: (0), 3: (5), 6: (2), 8: (t), 9: (t), 10: (1)"
    got = parse_curve(text, Clock(14, 12)).values
    np.testing.assert_allclose(got[[0, 3, 6, 8, 9, 10]], [0, 5, 2, 8, 9, 1], atol=1e-9)
    assert got[10:].tolist() == [1, 1, 1, 1]
    assert np.abs(np.diff(got[:9], 2)).max() < 4
