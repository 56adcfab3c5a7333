"""Keyframes, schedules and prompts against what the tools that people come from make of the same texts."""

from __future__ import annotations

import re

import numpy as np
import pytest

from animator.errors import ExpressionError
from animator.keyframes import Clock, parse_curve, parse_prompt, parse_prompts, parse_schedule, schedule_runs
from tests.golden_files import load_json

KEYFRAMES = load_json("keyframes")
EXPRESSIONS = load_json("expressions")["cases"]
SEED = 42
"""What the figures hold where a text reads ``s``."""


@pytest.mark.parametrize("case", KEYFRAMES["curves"], ids=lambda case: f"{case['method']} {case['text']}")
def test_curves(case: dict) -> None:
    got = parse_curve(case["text"], Clock(case["frames"], 12), method=case["method"])
    np.testing.assert_allclose(got.values, case["values"], rtol=0, atol=1e-9)
    assert got.notices == ()


def is_well_formed(text: str) -> bool:
    """Tell whether a text is a list of ``frame: (...)``, whatever the brackets hold."""
    text = text.strip().strip('"')
    while (shorter := re.sub(r"\([^()]*\)", "@", text)) != text:
        text = shorter
    return re.fullmatch(r"(\s*\d+\s*:\s*@\s*,)*\s*\d+\s*:\s*@\s*,?\s*", text) is not None


@pytest.mark.parametrize("case", EXPRESSIONS, ids=lambda case: case["text"][:50])
def test_expressions(case: dict) -> None:
    """A text that those tools read by dropping a part of it is refused here, at a place, instead."""
    clock = Clock(case["max_frames"], 12)
    if not is_well_formed(case["text"]):
        with pytest.raises(ExpressionError) as caught:
            parse_curve(case["text"], clock, seed=SEED)
        assert 0 < caught.value.offset < len(case["text"])
        return
    got = parse_curve(case["text"], clock, seed=SEED).values
    frames = [int(frame) for frame in case["values"]]
    np.testing.assert_allclose(got[frames], list(case["values"].values()), rtol=1e-9, atol=1e-9)


def test_hardly_any_expression_is_refused() -> None:
    refused = [case["text"] for case in EXPRESSIONS if not is_well_formed(case["text"])]
    assert len(refused) <= 0.02 * len(EXPRESSIONS), refused


@pytest.mark.parametrize("case", KEYFRAMES["step_schedules"], ids=lambda case: case["text"])
def test_step_schedules(case: dict) -> None:
    assert schedule_runs(case["text"]) == [tuple(run) for run in case["runs"]]
    expected = [value for value, count in case["runs"] for _ in range(count)]
    np.testing.assert_array_equal(parse_schedule(case["text"]), expected)


@pytest.mark.parametrize("case", KEYFRAMES["prompt_schedules"], ids=lambda case: str(case["prompts"])[:50])
def test_prompt_schedules(case: dict) -> None:
    track = parse_prompts(case["prompts"], Clock(case["frames"], 12))
    assert [list(track.texts(frame)) for frame in range(case["frames"])] == case["per_frame"]


@pytest.mark.parametrize("case", KEYFRAMES["prompt_weights"], ids=lambda case: case["text"])
def test_prompt_weights(case: dict) -> None:
    prompt = parse_prompt(case["text"])
    assert [prompt.text, prompt.weight] == case["parsed"]
