"""Every animated number of a scene compiled, and its faults placed on the letter at fault."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from animator.errors import ExpressionError, Problem
from animator.keyframes import Clock, Curve, compile_value
from animator.keyframes.compile import switch_numbers
from animator.keyframes.expressions import NO_SOUNDS, Sounds
from animator.keyframes.keys import keys_of_mapping, parse_keys
from animator.keyframes.schedules import is_schedule, meant_schedule
from animator.keyframes.signs import plain_signs
from animator.scene.fit import Fit
from animator.scene.nodes import Node, dotted, plain
from animator.scene.words import allowed, found
from animator.settings.coherence import without_percent
from animator.settings.scene import Scene
from animator.types import Schedule

SKIP = "coherence.frames_skip_steps"
ROUNDING = 1e-9
"""How far beyond its range a value may lie, relative to a bound above 1, that is a rounding error."""
MAX_WORK = 300_000_000
"""Names in all formulas of a scene, each counted for every frame: some seconds of computing."""

_PERCENT = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*%\s*(?=$|[),])", re.ASCII)
_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)
SHARES = (SKIP, "coherence.uncovered_skip_steps")
"""Settings that are written as a number of steps or with a percent sign, and become shares; so are those of
this name in `regions`."""

Rules = dict[str, Any]
Values = dict[str, Curve | Schedule]


def is_share(name: str) -> bool:
    """Return whether a setting, by its dotted name, is one of `SHARES`."""
    return name in SHARES or (name.startswith("regions.") and name.endswith(".skip_steps"))


Compile = Callable[[Any], Curve | Schedule]
"""Compiles a value by the rules of one setting."""


def compile_curves(
    scene: Scene, fit: Fit, clock: Clock, sure: bool, sounds: Sounds = NO_SOUNDS
) -> tuple[Values, list[Problem]]:
    """Compile every animated number of a scene.

    Args:
        scene: the scene, in which defaults replace what is faulty.
        fit: the scene's tree held against the schema; faults are added to it.
        clock: length and pace of the film.
        sure: whether the clock is the scene's own; if not, only what holds for any length is judged.
        sounds: values of the sound, for formulas (`animator.scene.sound_reading`).

    Returns:
        Curves and schedules by dotted name, and notices.
    """
    values: Values = {}
    notices: list[Problem] = []
    work = 0
    for name, default, rules in animated_settings(scene, fit):
        node = None if name in fit.faulty else fit.nodes.get(name)
        value = default if node is None else plain(node)
        work += _words(value) * clock.frames
        if node is not None and work > MAX_WORK:
            words = f"up to here its formulas have {work // clock.frames} names, for {clock.frames} frames"
            fit.report(node, name, f"{words} a scene may have {MAX_WORK // clock.frames}; shorten them")
            break
        unit = 1.0
        if is_share(name):
            value, percent = without_percent(value)
            unit = 100.0 if percent else float(scene.diffusion.steps)
            rules = rules | {"le": unit}
        if rules.get("switch"):
            value = switch_numbers(value)
        written = node.value if rules["steps"] and node is not None else None
        if isinstance(written, str) and node is not None and (meant := meant_schedule(plain_signs(written))):
            fit.report(node, name, f"a value over the diffusion is written in square brackets: {meant}")
            continue
        compile_one = partial(_compile, scene, clock, sounds, rules)
        try:
            compiled = compile_one(value)
        except ExpressionError as error:
            if node is None:  # a default that does not compile is our fault, not the scene's
                raise
            _report(node, name, error, compile_one, rules, fit)
            continue
        if is_share(name) and unit != 100 and node is not None and (number := _share(value, clock, compiled)):
            fit.report(node, name, share_fault(number, scene.diffusion.steps))
            continue
        compiled = _rounded(compiled, rules)
        if node is not None:
            _judge(compiled, node, name, rules, fit, sure, _spline_of(value, clock, scene.interpolation))
            notices += _late_keys(value, node, name, clock, compiled) if sure else []
            notices += _slips(compiled, node, name)
            notices += _single_step(compiled, node, name, scene) if is_share(name) and unit != 100 else []
        values[name] = _scaled(compiled, unit)
    return values, notices


def animated_settings(scene: Scene, fit: Fit) -> Iterator[tuple[str, Any, Rules]]:
    """Yield (dotted name, value in ``scene``, rules) of every animated number."""
    for name, entry in fit.settings.items():
        if "animated" in entry:
            yield name, _value(scene, name), entry["animated"]
        elif "animated_each" in entry:
            for key, value in _value(scene, name).items():
                full = dotted(name, key)
                if name in fit.nodes and name not in fit.faulty:
                    fit.nodes[full] = fit.nodes[name].value[key]
                yield full, value, entry["animated_each"]
        elif "animated_parts" in entry:
            parts = fit.resolved(entry["additionalProperties"])["properties"]
            yield from _parts_of(_value(scene, name), name, parts, fit)


def _parts_of(
    options: Mapping[str, Any], name: str, parts: Mapping[str, Any], fit: Fit
) -> Iterator[tuple[str, Any, Rules]]:
    """Yield the animated numbers of a mapping of options, those that have a value."""
    for key, one in options.items():
        given = fit.nodes[name].value[key].value if name in fit.nodes and name not in fit.faulty else {}
        for part, entry in parts.items():
            if "animated" not in entry or (value := getattr(one, part)) is None:
                continue
            full = dotted(dotted(name, key), part)
            if part in given:
                fit.nodes[full] = given[part]
            yield full, value, entry["animated"]


def _words(value: object) -> int:
    """Return how many variables and functions the formulas of a value name, about."""
    if isinstance(value, Mapping):
        return sum(map(_words, value.values()))
    return len(_WORD.findall(value)) if isinstance(value, str) else 0


def _value(scene: Scene, name: str) -> Any:
    value: Any = scene
    for part in name.split("."):
        value = getattr(value, part)
    return value


def _compile(scene: Scene, clock: Clock, sounds: Sounds, rules: Rules, value: Any) -> Curve | Schedule:
    return compile_value(
        value,
        clock,
        seed=scene.first_seed,
        method=scene.interpolation,
        frames=rules["frames"],
        steps=rules["steps"],
        switch=rules.get("switch", False),
        sounds=sounds,
    )


def _report(
    node: Node, name: str, error: ExpressionError, compile_one: Compile, rules: Rules, fit: Fit
) -> None:
    """Note why a value cannot be compiled, at the letter at fault; in a mapping, at each key at fault."""
    if not isinstance(node.value, dict):
        yes_no = isinstance(node.value, str) and node.value.lower() in ("on", "off", "yes", "no")
        message = f"expected {allowed({'animated': rules})}, found {found(node)}" if yes_no else error.message
        if isinstance(node.value, str) and (percent := _PERCENT.search(node.value)):
            message = (
                f"a percent sign is for steps; for {percent[0].strip()} write {float(percent[1]) / 100:g}"
            )
        fit.add(node.at(error.offset).problem(name, message))
        return
    alone = False
    for key, child in node.value.items():
        value, _ = without_percent({key: plain(child)}) if is_share(name) else ({key: plain(child)}, False)
        try:
            compile_one(value)
        except ExpressionError as fault:
            alone = True
            in_value = isinstance(child.value, str) and _fails(child.value, compile_one)
            place = child.at(fault.offset) if in_value else child.key
            fit.add(place.problem(dotted(name, key), fault.message))
    if not alone:
        fit.add(node.place.problem(name, error.message))


def _fails(text: str, compile_one: Compile) -> bool:
    try:
        compile_one(text)
    except ExpressionError:
        return True
    return False


def share_fault(number: float, steps: int) -> str:
    """Return what to say of a share where steps are counted.

    >>> share_fault(0.65, 50)
    'is 0.65, where steps are counted: write 65% for a share, or a number of steps such as 33'
    """
    share = f"{100 * number:.6g}%"
    few = max(1, math.floor(number * steps + 0.5))
    written = f"write {share} for a share, or a number of steps such as {few}"
    return f"is {number:.6g}, where steps are counted: {written}"


def _share(value: Any, clock: Clock, compiled: Curve | Schedule) -> float:
    """Return the first number that can only be meant as a share of all steps, or 0: a part of a single step.

    Numbers between the keys of a ramp, and those of a formula that also counts whole steps, are no faults.
    """
    written: list[float] = [value] if isinstance(value, int | float) else []
    if not written and isinstance(compiled, Curve):
        _, keys = parse_keys(value, clock) if isinstance(value, str) else keys_of_mapping(value, clock)
        written = [key.value for key in keys if isinstance(key.value, float)]
    values = compiled.values if isinstance(compiled, Curve) else compiled
    if not written and values.max() <= 1:
        written = values.tolist()
    return next((number for number in written if 0 < number < 1), 0.0)


def _rounded(compiled: Curve | Schedule, rules: Rules) -> Curve | Schedule:
    """Return a value without rounding errors beyond its range, which a spline through 1, 1, 1 has."""
    values = compiled.values if isinstance(compiled, Curve) else compiled
    clipped = values
    for bound, inside in ((rules["ge"], np.maximum), (rules["le"], np.minimum)):
        if bound is not None:
            near = np.abs(clipped - bound) <= ROUNDING * max(1.0, abs(bound))
            clipped = np.where(near, inside(clipped, bound), clipped)
    if clipped is values:
        return compiled
    return dataclasses.replace(compiled, values=clipped) if isinstance(compiled, Curve) else clipped


def _spline_of(value: Any, clock: Clock, method: str) -> str:
    """Return the method of a curve that may overshoot its keys, or an empty text."""
    if isinstance(value, int | float):
        return ""
    if isinstance(value, str) and is_schedule(value):
        return ""
    own, keys = parse_keys(value, clock) if isinstance(value, str) else keys_of_mapping(value, clock)
    methods = {own or method, *(key.method for key in keys)}
    return next((name for name in ("cubic", "quadratic") if name in methods and len(keys) > 2), "")


def _judge(
    compiled: Curve | Schedule, node: Node, name: str, rules: Rules, fit: Fit, sure: bool, spline: str
) -> None:
    """Note the first value outside the range of its setting; of an unsure curve only frame 0 is looked at."""
    curve = isinstance(compiled, Curve)
    values = compiled.values[: None if sure else 1] if isinstance(compiled, Curve) else compiled
    low, high = rules["ge"], rules["le"]
    wrong = np.zeros(len(values), bool)
    if low is not None:
        wrong |= values < low
    if high is not None:
        wrong |= values > high
    if not wrong.any():
        return
    first = int(np.argmax(wrong))
    where = f"at frame {first}" if curve else f"at {first} of {len(values)} of the diffusion"
    words = allowed({"type": "number", "minimum": low, "maximum": high})
    message = f"expected {words} everywhere, is {values[first]:.6g} {where}"
    if spline:
        message += f"; a {spline} curve may overshoot its keys: pchip does not"
    elif is_share(name) and high is not None and high != 100 and high < values[first] <= 100:
        message += f"; a share of the steps has a percent sign: {values[first]:.6g}%"
    fit.report(node, name, message)


def _late_keys(value: Any, node: Node, name: str, clock: Clock, compiled: Curve | Schedule) -> list[Problem]:
    """Tell of keys after the last frame."""
    if not isinstance(compiled, Curve) or isinstance(value, int | float):
        return []
    _, keys = parse_keys(value, clock) if isinstance(value, str) else keys_of_mapping(value, clock)
    late = max(key.frame for key in keys)
    if late <= clock.max_f:
        return []
    message = f"the key at frame {late} is after the last frame, {clock.max_f}, and only shapes the ramp"
    return [node.place.problem(name, message)]


def _single_step(compiled: Curve | Schedule, node: Node, name: str, scene: Scene) -> list[Problem]:
    """Report a lone 1, which is all of the steps in other programs."""
    values = compiled.values if isinstance(compiled, Curve) else compiled
    if scene.diffusion.steps == 1 or not np.all(values == 1):
        return []
    message = f"1 step of {scene.diffusion.steps} is skipped; write 100% where all of them are meant"
    return [node.place.problem(name, message)]


def _slips(compiled: Curve | Schedule, node: Node, name: str) -> list[Problem]:
    if not isinstance(compiled, Curve):
        return []
    return [node.place.problem(name, notice) for notice in compiled.notices]


def _scaled(compiled: Curve | Schedule, unit: float) -> Curve | Schedule:
    if not isinstance(compiled, Curve):
        return compiled / unit
    return dataclasses.replace(compiled, values=compiled.values / unit)
