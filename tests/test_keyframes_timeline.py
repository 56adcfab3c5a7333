"""Schedules, prompts, the choice of a notation, and the table of a whole scene."""

from __future__ import annotations

import csv
import io
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from animator.errors import ExpressionError
from animator.keyframes import (
    Clock,
    Curve,
    Timeline,
    build_timeline,
    compile_value,
    is_schedule,
    parse_prompt,
    parse_prompts,
    parse_schedule,
    schedule_runs,
    schedule_text,
)
from animator.keyframes.prompts import parse_entry
from animator.keyframes.timeline import prompts_text
from animator.types import Prompt

CLOCK = Clock(frames=20, fps=10, bpm=120)


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("[12]*400+[4]*600", [(12, 400), (4, 600)]),
        (" [ 0.2 ] * 400 \n + [-1e-1]*600 ", [(0.2, 400), (-0.1, 600)]),
        ("[1/4]*999+[0]", [(0.25, 999), (0, 1)]),
        ("[1, 2]*2+[3]*996", [(1, 1), (2, 1), (1, 1), (2, 1), (3, 996)]),
    ],
)
def test_schedules(text: str, runs: list) -> None:
    assert is_schedule(text)
    assert schedule_runs(text) == runs
    schedule = parse_schedule(text)
    assert schedule.shape == (1000,)
    assert schedule.dtype == np.float64
    np.testing.assert_array_equal(schedule, [value for value, count in runs for _ in range(count)])


def test_a_number_is_a_schedule_too() -> None:
    np.testing.assert_array_equal(parse_schedule(3), np.full(1000, 3.0))


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("[12]*400+[4]*500", "make 900 values, 1000 are needed", 0),
        ("[12]*400+[4]*601", "make 1001 values, 1000 are needed", 9),
        ("[1]*999999999999999999", "1000 are needed", 0),
        ("[1]*99999999999999999999999", "1000 are needed", 0),
        ("[0,05]*1000", "write 0.05 if this is a decimal comma", 0),
        ("[1]*400,[2]*600", "pieces are joined by +", 7),
        ("[1]*400 [2]*600", "expected '+' or the end, found '['", 8),
        ("[1]*400-[2]*600", "expected '+' or the end, found '-'", 7),
        ("[1]*400+", "a piece like [12]*400", 8),
        ("[1*400", "a piece like [12]*400", 0),
        ("[1]*x", "expected '+' or the end", 3),
        ("[]*1000", "expected a number", 1),
        ("[1,]*1000", "expected a number", 3),
        ("[1/0]*1000", "no finite value", 1),
        ("[sqrt(-1)]*1000", "no finite value", 1),
        ("[t]*1000", "unknown name 't'", 1),
        ("[1]*500+[True]*500", "unknown name 'True'", 9),
        ("12", "a piece like [12]*400", 0),
    ],
)
def test_schedules_that_are_none(text: str, message: str, offset: int) -> None:
    with pytest.raises(ExpressionError, match=re.escape(message)) as caught:
        parse_schedule(text)
    assert caught.value.offset == offset


@pytest.mark.vital
@pytest.mark.slow
@settings(deadline=None)  # a busy machine
@given(st.lists(st.tuples(st.floats(-1e9, 1e9), st.integers(20, 300)), min_size=1, max_size=6))
def test_schedules_are_written_as_they_are_read(runs: list) -> None:
    values = np.resize([value for value, count in runs for _ in range(count)], 1000)
    np.testing.assert_array_equal(parse_schedule(schedule_text(values)), values)


def test_the_notation_decides() -> None:
    assert isinstance(compile_value(3, CLOCK), Curve)
    assert isinstance(compile_value("0: (1)", CLOCK, steps=True), Curve)
    assert compile_value(" [1]*1000", CLOCK, steps=True).shape == (1000,)
    assert compile_value("7", CLOCK, frames=False).values.tolist() == [7.0] * 20
    np.testing.assert_array_equal(compile_value("s", CLOCK, seed=9).values, np.full(20, 9.0))
    assert compile_value({0: 1, 2: 3}, CLOCK, method="step").values[1] == 1


@pytest.mark.parametrize(
    ("written", "options", "message"),
    [
        ("[1]*1000", {}, "schedule over the diffusion is not allowed here; write a number or keyframes"),
        ("0: (1)", {"frames": False, "steps": True}, "not allowed here; write a number or a schedule"),
        ({0: 1}, {"frames": False}, "over the frames is not allowed here; write a number"),
        ("[1]*1000", {"frames": False}, "not allowed here; write a number"),
        ("2*t", {"frames": False}, "over the frames is not allowed here"),
    ],
)
def test_a_notation_that_is_not_allowed(written: object, options: dict, message: str) -> None:
    with pytest.raises(ExpressionError, match=message):
        compile_value(written, CLOCK, **options)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("blue: period", ("blue: period", 1)),
        ("a:2x", ("a:2x", 1)),
        ("a: -.5 ", ("a", -0.5)),
        (" a :1e-1", ("a", 0.1)),
        ("two\nlines:2", ("two\nlines", 2)),
        ("a:1:2", ("a:1", 2)),
        ("a:b:0.5", ("a:b", 0.5)),
        ("text:", ("text:", 1)),
        ('say "a, b": 2', ('say "a, b"', 2)),
    ],
)
def test_prompts(text: str, expected: tuple) -> None:
    assert parse_prompt(text) == Prompt(*expected)


@pytest.mark.parametrize("text", ["", "  ", ":2", " :2", "a:1e999", "a:2e12", "x" * 30_000])
def test_prompts_that_are_none(text: str) -> None:
    with pytest.raises(ExpressionError):
        parse_prompt(text)


@given(st.text(max_size=40), st.floats(-99, 99))
def test_any_prompt_is_read_or_refused(text: str, weight: float) -> None:
    try:
        prompt = parse_prompt(f"{text}:{weight!r}")
    except ExpressionError:
        assert not text.strip()
    else:
        assert prompt == Prompt(text.strip(), weight)


def test_a_set_holds_until_the_next_and_weights_sum_to_one() -> None:
    track = parse_prompts({"1s": ["storm:3", "blur:-1"], 4: "sea"}, CLOCK)
    assert [len(track.at(frame)) for frame in range(20)] == [1] * 10 + [2] * 10
    assert track.at(10) == (Prompt("storm", 1.5), Prompt("blur", -0.5))
    assert track.texts(10) == ("storm:3", "blur:-1")
    assert parse_prompts(["a", "b"], CLOCK).at(19) == (Prompt("a", 0.5), Prompt("b", 0.5))
    assert parse_prompts("a:9", CLOCK).at(0) == (Prompt("a", 1.0),)


def test_a_blend_fades_over_its_frames_from_the_key_on() -> None:
    track = parse_prompts({0: "sea", 10: ["storm:3", "blur:-1"]}, CLOCK, blend=3)
    shares = [{one.text: one.weight for one in track.at(frame)}.get("sea", 0.0) for frame in range(8, 15)]
    assert shares == pytest.approx([1, 1, 0.75, 0.5, 0.25, 0, 0])
    assert {one.text: one.weight for one in track.at(11)} == {"storm": 0.75, "blur": -0.25, "sea": 0.5}
    assert track.texts(9) == ("sea",)
    assert track.texts(10) == ("storm:3", "blur:-1")


@pytest.mark.slow
@given(
    st.dictionaries(
        st.integers(0, 19), st.lists(st.sampled_from(["a", "b:2", "c:-0.5"]), min_size=1, max_size=3)
    ),
    st.floats(0, 30),
)
def test_weights_sum_to_one_in_every_fade(sets: dict, blend: float) -> None:
    sets = {frame: [*texts, "d:3"] for frame, texts in sets.items()} or {0: "d"}
    track = parse_prompts(sets, CLOCK, blend)
    for frame in range(20):
        prompts = track.at(frame)
        assert sum(one.weight for one in prompts) == pytest.approx(1)
        assert len({one.text for one in prompts}) == len(prompts)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ({}, "there are no prompts"),
        ([], "write a list"),
        ({0: []}, "the prompts at 0 are []"),
        ({0: 5}, "the prompts at 0 are 5"),
        ({0: ["a", 5]}, "the prompt 5 at 0 is not a text"),
        ({0: "a", "0s": "b"}, "two sets of prompts at frame 0"),
        ({"x": "a"}, "unknown name 'x'"),
        ({-1: "a"}, "before the first frame"),
        ({None: "a"}, "not a position"),
        ({7: ["a", "b:-1"]}, "the prompts at 7 sum to 0"),
        ({7: ["a", "b:-3"]}, "the prompts at 7 sum to -2"),
        ({0: ["a:1", "b:-0.9995"]}, "at least 0.001"),
    ],
)
def test_sets_that_are_none(written: object, message: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(message)):
        parse_prompts(written, CLOCK)


def test_parts_with_names() -> None:
    entry = {"text": " a:2 ", "weight": -3, "clip_models": ["RN50", "ViTB32"]}
    assert parse_entry(entry) == Prompt("a:2", -3, False, ("RN50", "ViTB32"))
    assert parse_entry({"image": "a.png:2"}, image=True) == Prompt("a.png:2", 1, True)
    assert parse_entry("a.png:2", image=True) == Prompt("a.png", 2, True)


@pytest.mark.parametrize(
    ("entry", "image", "message"),
    [
        ({"image": "a.png"}, False, "write {text: ..., weight: 1}"),
        ({"text": "a"}, True, "write {image: ..., weight: 1}"),
        ({"text": "a", "wieght": 1}, False, "is not a prompt"),
        ({"text": " "}, False, "has no text"),
        ({"text": "x" * 30_000}, False, "30000"),
        ({"text": "a", "weight": "2"}, False, "the weight is '2'"),
        ({"text": "a", "weight": True}, False, "the weight is True"),
        ({"text": "a", "weight": float("nan")}, False, "the weight is nan"),
        ({"text": "a", "weight": 10**400}, False, "the weight is 1"),
        ({"text": "a", "clip_models": "RN50"}, False, "clip_models is 'RN50'"),
        ({"text": "a", "clip_models": [5]}, False, "clip_models is [5]"),
        (":2", True, "has no path"),
        (5, False, "5 is not a text"),
    ],
)
def test_entries_that_are_none(entry: object, image: bool, message: str) -> None:
    with pytest.raises(ExpressionError, match=re.escape(message)):
        parse_entry(entry, image)


def test_texts_and_pictures_share_one_sum() -> None:
    track = parse_prompts({0: ["sea:-1"], 6: "fog"}, CLOCK, images={3: ["a:4"], 9: [], "1.2s": "b"})
    assert [one.start for one in track.sets] == [0, 3, 6, 9, 12]
    assert [one.position for one in track.sets] == [0, 3, 6, 9, "1.2s"]
    assert track.texts(4) == ("sea:-1", "a:4")
    shown = [prompts_text(track.at(frame)) for frame in (0, 3, 6, 9, 12)]
    both = "sea:-0.333333 | image a:1.33333"
    assert shown == [both, both, "fog:0.2 | image a:0.8", "fog:1", "fog:0.5 | image b:0.5"]


def test_a_fade_of_pictures() -> None:
    track = parse_prompts("a", CLOCK, 1, images={0: "a", 5: [{"image": "a", "weight": 3}]})
    assert track.at(5) == (Prompt("a", 0.375), Prompt("a", 0.625, True))


@pytest.mark.vital
@pytest.mark.slow
@given(
    st.dictionaries(st.integers(0, 19), st.lists(st.sampled_from(["a", "b:2"]), min_size=1), min_size=1),
    st.dictionaries(st.integers(0, 19), st.lists(st.sampled_from(["a", "c:0.5"]))),
    st.floats(0, 30),
)
def test_weights_of_both_tracks_sum_to_one(texts: dict, images: dict, blend: float) -> None:
    track = parse_prompts(texts, CLOCK, blend, images)
    assert {one.start for one in track.sets} == texts.keys() | images.keys()
    for frame in range(20):
        prompts = track.at(frame)
        assert sum(one.weight for one in prompts) == pytest.approx(1)
        assert len({(one.text, one.image) for one in prompts}) == len(prompts)


@pytest.mark.parametrize(
    ("weights", "heard"),
    [
        ({"RN50": 1.0}, True),
        ({"RN50": -0.5, "ViT-B-32": 2.0}, False),
        ({"RN50": -0.5, "": 0.6}, True),
        ({"RN50": 3.0, "": -1.0}, False),  # the other model hears the second alone
        ({"RN50": 3.0, "ViT-B/32": 3.0, "": -1.0}, True),
    ],
)
def test_the_prompts_of_each_model_must_pull(weights: dict, heard: bool) -> None:
    prompts = [
        {"text": name or "all", "weight": weight, "clip_models": [name] if name else []}
        for name, weight in weights.items()
    ]
    models = ("RN50", "ViTB32")
    if heard:
        parse_prompts(prompts, CLOCK, clip_models=models)
    else:
        with pytest.raises(ExpressionError, match=r"at 0 for (RN50|ViTB32) sum to -"):
            parse_prompts(prompts, CLOCK, clip_models=models)


@pytest.mark.parametrize(
    ("written", "values"),
    [
        (True, [1, 1, 1, 1]),
        ({0: True, 2: False}, [1, 1, 0, 0]),
        ("0: (False), 2: true", [0, 0, 1, 1]),
        ("linear; 0: 0, 2: 1", [0, 0.5, 1, 1]),
        ("where(t > 1, True, false)", [0, 0, 1, 1]),
    ],
)
def test_a_switch_steps_between_true_and_false(written: object, values: list) -> None:
    curve = compile_value(written, Clock(4, 10), switch=True)
    assert isinstance(curve, Curve)
    assert curve.values.tolist() == values


def test_a_switch_over_the_diffusion_keeps_the_places_of_its_letters() -> None:
    schedule = compile_value("[True, false]*250+[False]*500", CLOCK, steps=True, switch=True)
    np.testing.assert_array_equal(schedule, [1, 0] * 250 + [0] * 500)
    with pytest.raises(ExpressionError, match="unknown name 'Truely'") as caught:
        compile_value("[False]*500+[Truely]*500", CLOCK, steps=True, switch=True)
    assert caught.value.offset == 13


@pytest.mark.parametrize("blend", [-1, float("nan"), float("inf")])
def test_a_blend_that_is_none(blend: float) -> None:
    with pytest.raises(ExpressionError, match="0 or more"):
        parse_prompts("a", CLOCK, blend)


@pytest.fixture
def timeline() -> Timeline:
    written = {
        "camera.fov": "0: (40), 10: (1/3)",
        "guidance.clamp_max": "[0.05]*500+[0.1]*500",
        "guidance.tv": 7,
    }
    values = {name: compile_value(value, CLOCK, steps=True) for name, value in written.items()}
    return build_timeline(values, parse_prompts({0: 'a "sea", calm', 10: ["b", "c:-0.25"]}, CLOCK, 2), CLOCK)


def test_rows(timeline: Timeline) -> None:
    assert timeline.frames == 20
    assert timeline.table.index.name == "frame"
    row = timeline.row(10)
    assert row.frame == 10
    assert row["camera.fov"] == 1 / 3
    assert row.names == ("camera.fov", "guidance.tv", "guidance.clamp_max")
    assert row.schedule("guidance.clamp_max")[[0, 499, 500, 999]].tolist() == [0.05, 0.05, 0.1, 0.1]
    np.testing.assert_array_equal(row.schedule("camera.fov"), np.full(1000, 1 / 3))
    assert {one.text for one in row.prompts} == {'a "sea", calm', "b", "c"}


def test_rows_that_are_none(timeline: Timeline) -> None:
    with pytest.raises(IndexError, match="20 frames"):
        timeline.row(20)
    with pytest.raises(IndexError, match="frame -1"):
        timeline.row(-1)
    with pytest.raises(KeyError, match=r"Row\.schedule"):
        timeline.row(0)["guidance.clamp_max"]
    with pytest.raises(KeyError):
        timeline.row(0)["guidance.nothing"]


def test_a_table_of_wrong_shape_is_refused() -> None:
    prompts = parse_prompts("a", CLOCK)
    with pytest.raises(ValueError, match="camera"):
        build_timeline({"camera.fov": Curve(np.zeros(19))}, prompts, CLOCK)
    with pytest.raises(ValueError, match="eta"):
        build_timeline({"eta": np.zeros(999)}, prompts, CLOCK)


def test_the_csv_reads_back_and_is_the_same_every_time(timeline: Timeline, tmp_path: Path) -> None:
    buffer = io.StringIO()
    timeline.to_csv(buffer)
    timeline.to_csv(tmp_path / "timeline.csv")
    assert (tmp_path / "timeline.csv").read_bytes() == buffer.getvalue().encode()
    rows = list(csv.DictReader(io.StringIO(buffer.getvalue())))
    assert [int(row["frame"]) for row in rows] == list(range(20))
    assert [float(row["camera.fov"]) for row in rows] == timeline.table["camera.fov"].tolist()
    assert rows[3]["guidance.clamp_max"] == "[0.05]*500+[0.1]*500"
    assert rows[0]["prompts"] == 'a "sea", calm:1'
    assert rows[19]["prompts"] == "b:1.33333 | c:-0.333333"


def test_a_scene_without_changes_is_a_table_too() -> None:
    empty = build_timeline({}, parse_prompts("a", CLOCK), CLOCK)
    assert empty.frames == 20
    assert empty.row(3).names == ()


@pytest.mark.slow
def test_reading_keyframes_needs_neither_torch_nor_scipy() -> None:
    program = "import sys, animator.keyframes; print([m for m in ('torch', 'scipy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
