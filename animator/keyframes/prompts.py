"""Prompts over the frames: what pulls at a frame, how strongly, and how one set becomes the next."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from animator.errors import ExpressionError, UsageError
from animator.keyframes.clock import Clock
from animator.keyframes.courses import over, parts, weight_of, weighted
from animator.keyframes.expressions import NUMBER, as_float, check_length
from animator.keyframes.schedules import is_schedule, parse_schedule
from animator.keyframes.signs import plain_signs
from animator.types import Prompt, Schedule
from animator.weights.clip_names import canonical_name

LEAST_SUM = 1e-3
"""Smallest sum of a set's weights: they are divided by it."""

LARGEST = 1e12
"""Largest weight, so that sums stay finite."""

_WEIGHT = re.compile(rf"(?P<text>.*):\s*(?P<weight>[+-]?{NUMBER})\s*", re.ASCII | re.DOTALL)

_COURSE = re.compile(
    r"(?P<text>.*):\s*(?P<weight>\[[-+.,\d\s]*\]\s*\*[-+*.,\d\s\[\]]*)", re.ASCII | re.DOTALL
)

_NO_NUMBER = re.compile(r":\s*([+-]?(?:nan|inf|infinity))\s*$", re.ASCII | re.IGNORECASE)
"""What Python would read as a number at the end, and no weight can be."""


def parse_prompt(text: str) -> Prompt:
    """Read ``"text"`` or ``"text:weight"``; only a number after the last colon is a weight, or a schedule.

    >>> parse_prompt("16:9 poster:0.5").text, parse_prompt("https://example.org/a.png").weight
    ('16:9 poster', 1.0)
    """
    return _read_text(text, "text")


def _read_text(text: str, what: str) -> Prompt:
    check_length(text)
    match = _WEIGHT.fullmatch(plain_signs(text))
    if odd := _NO_NUMBER.search(text):
        raise ExpressionError(f"the weight is {odd[1]}; write a number such as 1", odd.start(1))
    weight: float | Schedule
    words, weight = (text[: match.end("text")], float(match["weight"])) if match else (text, 1.0)
    if match is None and (course := _COURSE.fullmatch(plain_signs(text))):
        words = text[: course.end("text")]
        try:
            weight = parse_schedule(course["weight"])
        except ExpressionError as error:
            raise ExpressionError(error.message, course.start("weight") + error.offset) from None
    if not words.strip():
        raise ExpressionError(f"the prompt has no {what}; write {what} or {what}:weight")
    if np.abs(weight).max() > LARGEST:
        raise ExpressionError(f"the weight is too large; write at most {LARGEST:g}", len(words) + 1)
    return weighted(Prompt(words.strip()), weight)


def parse_entry(entry: object, image: bool = False) -> Prompt:
    """Read one prompt as a scene writes it.

    Args:
        entry: a text as in `parse_prompt`, or a mapping ``{text, weight, clip_models}`` (of a picture
            ``{image, weight, clip_models}``), perhaps with a ``region``, in which a colon is a colon.
        image: whether it is a picture.

    Raises:
        ExpressionError: it cannot be used.

    >>> parse_entry({"text": "ratio 16:9", "clip_models": ["RN50"]})
    Prompt(text='ratio 16:9', weight=1.0, image=False, models=('RN50',))
    """
    if isinstance(entry, str):
        return replace(_read_text(entry, "path" if image else "text"), image=image)
    name = "image" if image else "text"
    if not isinstance(entry, Mapping):
        raise ExpressionError(f"{entry!r} is not a text; put it in quotes")
    text, weight, models = entry.get(name), entry.get("weight", 1.0), entry.get("clip_models", ())
    region = entry.get("region") or ""
    if set(entry) - {name, "weight", "clip_models", "region"} or not isinstance(text, str):
        raise ExpressionError(f"{dict(entry)!r} is not a prompt; write {{{name}: ..., weight: 1}}")
    check_length(text)
    if not text.strip():
        raise ExpressionError(f"the prompt has no {name}; write {{{name}: ..., weight: 1}}")
    if isinstance(weight, str) and is_schedule(weight):
        course = parse_schedule(weight)
    elif isinstance(weight, int | float) and not isinstance(weight, bool):
        course = np.array([as_float(weight)])
    else:
        course = np.array([math.nan])
    if not np.abs(course).max() <= LARGEST:  # not a number is never below it
        message = f"write a number of at most {LARGEST:g}, or a schedule over the diffusion, [1]*500+[4]*500"
        raise ExpressionError(f"the weight is {weight!r}; {message}")
    listed = isinstance(models, Sequence) and not isinstance(models, str)
    if not listed or not all(isinstance(model, str) for model in models):
        raise ExpressionError(f"clip_models is {models!r}; write a list of names, [ViT-B-32]")
    if not isinstance(region, str):
        raise ExpressionError(f"region is {region!r}; write the name of a region")
    return weighted(Prompt(text.strip(), 1.0, image, tuple(models), region=region), course)


@dataclass(frozen=True)
class PromptSet:
    """The prompts from one key on.

    Attributes:
        start: frame of the key.
        texts: the prompts as the user wrote them, weights included; of a mapping its text.
        prompts: the same, read.
        position: the key as the user wrote it.
        written: the prompts before their weights were divided by the sum; empty where they are not divided.
    """

    start: int
    texts: tuple[str, ...]
    prompts: tuple[Prompt, ...]
    position: int | float | str = 0
    written: tuple[Prompt, ...] = ()

    def divided(self, clip_models: Collection[str] = (), negative: bool = False) -> PromptSet:
        """Return the set with weights that sum to 1: each is divided by their sum.

        Args:
            clip_models: every CLIP model that looks at the picture.
            negative: whether the sum may be negative, too; weights are then divided by its size and sum to
                -1, as in Disco Diffusion.

        Where a weight changes over the diffusion, the weights of each part are divided by their own sum.

        Raises:
            ExpressionError: the weights sum to less than 0.001, or those of the prompts that speak to one of
                the models do, where some prompts are for some models only.
        """
        total = _sums(self.prompts, f"the prompts at {self.position}", negative)
        named = {model: _canonical(model) for model in clip_models}
        named |= {model: _canonical(model) for prompt in self.prompts for model in prompt.models}
        if any(prompt.models for prompt in self.prompts):
            for model, name in named.items():
                heard = [one for one in self.prompts if speaks_to(one, name)]
                if heard:
                    _sums(heard, f"the prompts at {self.position} for {model}", negative)
        if any(prompt.region for prompt in self.prompts):
            for region in dict.fromkeys(prompt.region for prompt in self.prompts):
                where = f" in {region}" if region else " outside of regions"
                group = [one for one in self.prompts if one.region == region]
                _sums(group, f"the prompts at {self.position}{where}", negative)
        divided = tuple(weighted(one, weight_of(one) / total) for one in self.prompts)
        return replace(self, prompts=divided, written=self.prompts)


@dataclass(frozen=True)
class PromptTrack:
    """The prompts of a film, texts and pictures.

    Attributes:
        sets: by their start, at least one, the weights of each with the sum 1.
        blend: frames over which a set fades in, 0 for a hard cut.
    """

    sets: tuple[PromptSet, ...]
    blend: float = 0.0

    def texts(self, frame: int) -> tuple[str, ...]:
        """Return the prompts of the set in force, as they were written."""
        return self.sets[_in_force(self.sets, frame)].texts

    def at(self, frame: int) -> tuple[Prompt, ...]:
        """Return the prompts of a frame with weights that sum to 1; during a fade those of both sets.

        With a blend of n, the n frames from a key on hold 1/(n+1), 2/(n+1), … n/(n+1) of the new set, and the
        rest of what was before; the frame after them is the new set's alone. A prompt that is in both
        sets, for the same CLIP models, is one prompt with the weights of both, so that it does not flicker.
        """
        return self._faded(frame, [one.prompts for one in self.sets])

    def looped(self, frames: int, span: int) -> PromptTrack:
        """Return the track of a film that loops: the first set takes over again before its end.

        It fades in over the blend so that it is alone again when the film begins anew; without a blend it
        comes in at once, in the middle of the frames over which the film closes. A key that lies later than
        that holds for one frame at least.

        Args:
            frames: of the film.
            span: over how many of them it closes.
        """
        before = [one for one in self.sets if one.start < frames]
        if len(before) < 2:
            return self
        start = frames - (math.ceil(self.blend) if self.blend else (span + 1) // 2)
        again = replace(before[0], start=min(frames, max(start, before[-1].start + 1)))
        return replace(self, sets=(*before, again))

    def written_at(self, frame: int) -> tuple[Prompt, ...]:
        """Return the prompts of a frame as `at` does, but with the weights that the scene gives them."""
        return self._faded(frame, [one.written or one.prompts for one in self.sets])

    def _faded(self, frame: int, sets: Sequence[tuple[Prompt, ...]]) -> tuple[Prompt, ...]:
        weights: dict[Prompt, float | Schedule] = {}
        remaining = 1.0
        for index in range(_in_force(self.sets, frame), -1, -1):
            share = remaining * self._fade(index, frame)
            for prompt in sets[index]:
                same = weighted(prompt, 1.0)
                weights[same] = weights.get(same, 0.0) + share * weight_of(prompt)
            remaining -= share
            if remaining <= 0:
                break
        return tuple(weighted(prompt, weight) for prompt, weight in weights.items())

    def _fade(self, index: int, frame: int) -> float:
        """Return how far the set has faded in, 0 to 1; the first one is always there."""
        if index == 0 or self.blend <= 0:
            return 1.0
        return min(1.0, (frame - self.sets[index].start + 1) / (self.blend + 1))


def parse_prompts(
    prompts: object,
    clock: Clock,
    blend: float = 0,
    images: object = (),
    clip_models: Collection[str] = (),
) -> PromptTrack:
    """Read the prompts of a scene.

    Args:
        prompts: a mapping from positions (frames, ``"8.5s"``, ``"16b"``) to a prompt or a list of prompts; or
            one prompt or list for the whole film. A set holds until the next key, the first also before it.
        clock: the film's length and pace.
        blend: frames over which one set becomes the next (`PromptTrack.at`); 0 is a hard cut.
        images: pictures as prompts in the same forms, with positions of their own. Texts and pictures in
            force at a frame are one set, whose weights are divided by their common sum.
        clip_models: every CLIP model that looks at the picture, see `PromptSet.divided`.

    Raises:
        ExpressionError: a prompt, position or set cannot be used; two keys are at one frame; or the weights
            of a set sum to less than 0.001.

    >>> track = parse_prompts({0: "sea", 10: ["sea:3", "storm"]}, Clock(frames=20, fps=12), blend=1)
    >>> [(prompt.text, prompt.weight) for prompt in track.at(10)]
    [('sea', 0.875), ('storm', 0.125)]
    """
    if not (math.isfinite(blend) and blend >= 0):
        raise ExpressionError(f"a blend of {blend} frames is not possible; write 0 or more")
    sets = joint_sets(prompts, images, clock)
    return PromptTrack(tuple(one.divided(clip_models) for one in sets), float(blend))


def joint_sets(prompts: object, images: object, clock: Clock) -> list[PromptSet]:
    """Return the sets of texts and pictures together, by their start, with the weights as they are written.

    There is one at every key of either; arguments and faults are those of `parse_prompts`.
    """
    pictures = _read_sets(images, clock, image=True) if images else []
    if pictures and not prompts:
        return pictures
    texts = _read_sets(prompts, clock, image=False, may_be_empty=bool(pictures))
    if not pictures:
        return texts
    keys = {one.start: one.position for one in [*pictures, *texts]}
    joint = []
    for start in sorted(keys):
        text, picture = texts[_in_force(texts, start)], pictures[_in_force(pictures, start)]
        written, read = text.texts + picture.texts, text.prompts + picture.prompts
        joint.append(PromptSet(start, written, read, keys[start]))
    return joint


def speaks_to(prompt: Prompt, clip_model: str) -> bool:
    """Return whether a prompt is meant for a CLIP model, whose name is in the form of `canonical_name`."""
    return not prompt.models or clip_model in map(_canonical, prompt.models)


def _canonical(name: str) -> str:
    try:
        return canonical_name(name)
    except UsageError:  # of no known form, so that only the same letters are the same name
        return name


def _in_force(sets: Sequence[PromptSet], frame: int) -> int:
    return max(0, bisect_right(sets, frame, key=lambda one: one.start) - 1)


def _read_sets(prompts: object, clock: Clock, image: bool, may_be_empty: bool = False) -> list[PromptSet]:
    keys = prompts if isinstance(prompts, Mapping) else {0: prompts}
    if not keys:
        raise ExpressionError('there are no prompts; write for example {0: ["a lighthouse"]}')
    sets: dict[int, PromptSet] = {}
    for position, value in keys.items():
        if not isinstance(position, int | float | str):
            raise ExpressionError(f"{position!r} is not a position; write a frame, 2.5s or 4b")
        start = clock.key(position)
        if start in sets:
            raise ExpressionError(f"there are two sets of prompts at frame {start}; leave one of them out")
        sets[start] = _read_set(start, position, value, image, may_be_empty or image)
    return [sets[start] for start in sorted(sets)]


def _read_set(
    start: int, position: int | float | str, value: object, image: bool, may_be_empty: bool
) -> PromptSet:
    entries = [value] if isinstance(value, str) else value
    if isinstance(entries, Mapping) or not isinstance(entries, Sequence) or not (entries or may_be_empty):
        raise ExpressionError(f'the prompts at {position} are {value!r}; write a list: ["text", "text:2"]')
    for entry in entries:
        if not isinstance(entry, str | Mapping):
            raise ExpressionError(f"the prompt {entry!r} at {position} is not a text; put it in quotes")
    prompts = tuple(parse_entry(entry, image) for entry in entries)
    pairs = zip(entries, prompts, strict=True)
    texts = tuple(entry if isinstance(entry, str) else prompt.text for entry, prompt in pairs)
    return PromptSet(start, texts, prompts, position)


def _sums(prompts: Sequence[Prompt], which: str, negative: bool) -> float | Schedule:
    """Return the sum of the weights, over the diffusion where one changes; see `_sum`."""
    if not any(prompt.course for prompt in prompts):
        return _sum([prompt.weight for prompt in prompts], which, negative)
    every = [over(prompt) for prompt in prompts]
    totals = np.empty_like(every[0])
    for first, last in parts(prompts):
        part = f"{which}, in entries {first} to {last} of the diffusion's 1000,"
        totals[first : last + 1] = _sum([float(one[first]) for one in every], part, negative)
    return totals


def _sum(weights: Sequence[float], which: str, negative: bool) -> float:
    """Return the sum of weights, or its size; raises ExpressionError where it is no divisor."""
    if not weights:
        raise ExpressionError(f"there are no prompts: {which} are neither texts nor pictures; write one")
    total = math.fsum(weights)
    total = abs(total) if negative else total
    if total >= LEAST_SUM:
        return total
    pull = math.fsum(weight for weight in weights if weight > 0)
    push = -math.fsum(weight for weight in weights if weight < 0)
    raise ExpressionError(
        f"the weights of {which} sum to {total:g}, must be at least {LEAST_SUM}, as they are divided by it: "
        f"give those that pull ({pull:g} in all) more weight than those that push away ({push:g})"
        + ("" if negative or total > -LEAST_SUM else ", or set guidance.compat: disco-5, which allows it")
    )
