"""Cut schedules as Python writes them: the known idioms, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from animator.importing.easings import eased, easing
from animator.importing.job import schedule_value
from animator.importing.list_language import ScheduleError, read_list
from animator.keyframes.schedules import parse_schedule

OTHERS = {"cut_overview": "[12]*400+[4]*600", "fn": "CubicEaseInOut", "again": "again", "n": "3"}


def lookup(name: str):
    text = OTHERS.get(name)
    if text is None or name == "again":
        return None
    try:
        return list(read_list(text, lookup))
    except ScheduleError:
        return text


def read(text: str) -> list[float]:
    return read_list(text, lookup)


@pytest.mark.parametrize(
    ("text", "items"),
    [
        ("[12]*2+[4]*3", [12, 12, 4, 4, 4]),
        ("1", [1]),
        ("[.5]*2", [0.5, 0.5]),
        ("[True]*2+[False]", [1, 1, 0]),
        ("[1,2]*2", [1, 2, 1, 2]),
        ("[22-x for x in [1,2,3]]", [21, 20, 19]),
        ("[x/2 for x in range(0, 6, 2) if x > 0]", [1, 2]),
        ("[9 if x<2 else 2**x for x in range(4)]", [9, 9, 4, 8]),
        ("list(range(3)) + [int(2.9)] + [round(2.44, 1)]", [0, 1, 2, 2, 2.4]),
        ("[max(1, 5), min([4, 2]), abs(-3), 7//2, 7%4, -(2)]", [5, 2, 3, 3, 3, -2]),
        ("np.linspace(0, 1, 3)", [0, 0.5, 1]),
    ],
)
def test_idioms(text: str, items: list[float]) -> None:
    assert read(text) == pytest.approx(items)


def test_the_rest_of_another_schedule() -> None:
    assert read("[22-x for x in eval(cut_overview)]") == [10.0] * 400 + [18.0] * 600


def test_an_easing_by_name() -> None:
    text = "[5]*400+dd_easing_int(start=1, end=5, steps=400, easing_fn=fn)+[0]*200"
    values = read(text)
    assert len(values) == 1000
    assert (values[399], values[400], values[799], values[800]) == (5, 1, 5, 0)
    assert set(values[400:800]) == {1, 2, 3, 4, 5}
    assert values[600] == 3  # in the middle


@pytest.mark.parametrize(
    "kind", ["Quad", "Cubic", "Quartic", "Quintic", "Sine", "Circular", "Exponential", "Bounce"]
)
@pytest.mark.parametrize("way", ["In", "Out", "InOut"])
def test_easings_go_from_start_to_end(kind: str, way: str) -> None:
    function = easing(f"{kind}Ease{way}")
    assert function is not None
    ends = function(np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(ends[[0, 2]], [0, 1], atol=1e-3)
    half = {"In": ends[1] < 0.5, "Out": ends[1] > 0.5, "InOut": abs(ends[1] - 0.5) < 1e-3}
    assert half[way]
    values = eased(10, 1, 500, f"{kind}Ease{way}")
    assert (values.max(), values.min()) == (10, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os').system('x')", "is not understood"),
        ("open('/etc/passwd')", "function 'open' is not known"),
        ("[x for x in ().__class__]", "is not understood"),
        ("[0]*10**9", "more than 2000000 items"),
        ("2**9**9**9", "not finite"),
        ("1/0", "divides by zero"),
        ("[1", "it ends where"),
        ("nothing", "'nothing' is not known"),
        ("eval(again)", "'again' is not known"),
        ("dd_easing_int(1, 2, 3, 'Wobble')", "no easing 'Wobble'"),
        ("dd_easing_int(1, 2, 1e9)", "an easing of 1000000000 steps"),
        ("lambda: 1", "is not understood"),
        ("'text'", "it is a text"),
        ("(" * 100 + "1", "nested more than 40 deep"),
        ("[[x for y in range(2000)] for x in range(2000)]", "too much work"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_reason(text: str, message: str) -> None:
    with pytest.raises(ScheduleError, match=message.replace("(", r"\(")):
        read(text)


def test_what_is_written_is_read_back() -> None:
    values = np.array([*np.linspace(1, 9, 500), *[2.0] * 499, 7.25])
    np.testing.assert_allclose(parse_schedule(schedule_value(values)), values, atol=1e-8)
    assert schedule_value(np.full(1000, 4.0)) == 4
    assert schedule_value(np.repeat([12.0, 4.0], [400, 600])) == "[12]*400+[4]*600"
