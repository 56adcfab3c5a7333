"""What stands in one picture of the world: drawn from a seed, told in a caption."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from animator.pocket.world.palette import PAINTED, PAINTS, TRIMMINGS, WORDS

TIMES = {"day": 0.34, "dawn": 0.16, "sunset": 0.27, "night": 0.23}
GROUNDS = {
    "sea": 0.24,
    "meadow": 0.17,
    "forest": 0.17,
    "desert": 0.13,
    "snow": 0.13,
    "lake": 0.08,
    "field": 0.08,
}
WEATHERS = {"clear": 0.34, "clouds": 0.32, "rain": 0.08, "storm": 0.10, "fog": 0.08, "snowfall": 0.08}
RIDGES = {"none": 0.34, "hills": 0.22, "mountains": 0.24, "peaks": 0.20}
STYLES = {"plain": 0.58, "ink": 0.12, "watercolour": 0.14, "oil": 0.16}
OBJECTS = {
    "none": 0.16,
    "lighthouse": 0.17,
    "house": 0.13,
    "castle": 0.11,
    "tree": 0.14,
    "boat": 0.12,
    "tower": 0.06,
    "pyramid": 0.06,
    "balloon": 0.05,
}


@dataclass(frozen=True)
class Spec:
    """The parts of one picture.

    Attributes:
        time: time of day, a key of ``LIGHTS``.
        ground: a key of ``GROUNDS``.
        weather: clear, clouds, rain, storm, fog or snowfall.
        ridge: what rises at the horizon: none, hills, mountains or peaks.
        thing: the main object, or ``"none"``.
        paint: colour of the object where it is a painted one, else an empty string.
        disc: whether the sun or moon is in the picture.
        style: plain, ink, watercolour or oil.
        seed: decides everything else: places, shapes, textures.
    """

    time: str
    ground: str
    weather: str
    ridge: str
    thing: str
    paint: str
    disc: bool
    style: str
    seed: int


def _choose(rng: np.random.Generator, shares: dict[str, float]) -> str:
    names = list(shares)
    weights = np.array([shares[name] for name in names])
    return names[int(rng.choice(len(names), p=weights / weights.sum()))]


def draw_spec(seed: int) -> Spec:
    """Return the parts of picture number ``seed``; things stand only where they could."""
    rng = np.random.default_rng((seed, 1))
    ground = _choose(rng, GROUNDS)
    things = dict(OBJECTS)
    if ground in ("sea", "lake"):
        for name in ("house", "tree", "pyramid", "tower"):
            things[name] *= 0.25
    else:
        things["boat"] = 0.0
    if ground != "desert":
        things["pyramid"] *= 0.5
    thing = _choose(rng, things)
    weather = _choose(rng, WEATHERS)
    if weather == "snowfall" and ground == "desert":
        weather = "clear"
    ridge = _choose(rng, RIDGES)
    return Spec(
        time=_choose(rng, TIMES),
        ground=ground,
        weather=weather,
        ridge=ridge,
        thing=thing,
        paint=str(rng.choice(list(PAINTS))) if thing in PAINTED else "",
        disc=bool(weather in ("clear", "clouds") and rng.random() < 0.62),
        style=_choose(rng, STYLES),
        seed=seed,
    )


def _a(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _subject(spec: Spec, rng: np.random.Generator, pick) -> list[str]:
    """The object and what it stands on; either may be left out, never both."""
    thing = pick(spec.thing) if spec.thing != "none" else ""
    if thing and spec.paint and rng.random() < 0.75:
        thing = f"{spec.paint} {thing}"
    ground = pick(spec.ground)
    if not thing:
        return [ground]
    if rng.random() < 0.16:
        return [_a(thing)]
    if rng.random() < 0.12:
        return [ground]
    joint = {"sea": ("by", "in", "near", "across"), "lake": ("by", "on", "near")}
    words = joint.get(spec.ground, ("in", "on", "and"))
    return [f"{_a(thing)} {rng.choice(words)} {ground}"]


def caption(spec: Spec, rng: np.random.Generator) -> str:
    """Tell a picture in one of many phrasings; a part may be left unsaid, but nothing false is said."""

    def pick(name: str) -> str:
        return str(rng.choice(WORDS[name]))

    parts = _subject(spec, rng, pick)
    extras = []
    if rng.random() < 0.85:
        extras.append(pick(spec.time))
    if (spec.weather != "clear" or rng.random() < 0.2) and rng.random() < 0.75:
        extras.append(pick(spec.weather))
    if spec.ridge != "none" and rng.random() < 0.6:
        extras.append(pick(spec.ridge))
    if spec.disc and rng.random() < 0.4:
        disc = "moon" if spec.time == "night" else "sun"
        extras.append(str(rng.choice([f"the {disc}", disc, f"with the {disc}"])))
    if rng.random() < 0.3:
        rng.shuffle(extras)
    if extras and rng.random() < 0.6:
        text = " ".join([parts[0], extras[0]])
        text = ", ".join([text, *extras[1:]])
    else:
        text = ", ".join(parts + extras)
    style = pick(spec.style)
    if style and rng.random() < 0.85:
        text = f"{style} {text}"
    if rng.random() < 0.15:
        text = f"{text}, {rng.choice(TRIMMINGS)}"
    return text
