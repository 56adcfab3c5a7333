"""Texts of a scene to keys, keys to curves, curves to a timeline: one table, a row a frame.

Nothing in here knows networks or pictures; what a scene does can be read and tested from its timeline alone.
"""

from __future__ import annotations

from animator.keyframes.clock import Clock
from animator.keyframes.compile import compile_value
from animator.keyframes.curves import Curve, parse_curve
from animator.keyframes.expressions import Expression, parse_expression
from animator.keyframes.prompts import PromptTrack, parse_prompt, parse_prompts
from animator.keyframes.schedules import is_schedule, parse_schedule, schedule_runs, schedule_text
from animator.keyframes.timeline import Row, Timeline, build_timeline

__all__ = [
    "Clock",
    "Curve",
    "Expression",
    "PromptTrack",
    "Row",
    "Timeline",
    "build_timeline",
    "compile_value",
    "is_schedule",
    "parse_curve",
    "parse_expression",
    "parse_prompt",
    "parse_prompts",
    "parse_schedule",
    "schedule_runs",
    "schedule_text",
]
