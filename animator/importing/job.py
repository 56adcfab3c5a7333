"""One file on its way into a scene: its keys, the draft, and how values of each kind are carried over."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np

from animator.errors import ExpressionError
from animator.importing.curve_text import constant, curve_text, every_frame
from animator.importing.draft import Draft, is_nothing, short, truth
from animator.importing.list_language import ScheduleError, Value, read_list
from animator.importing.tool_keys import (
    Keys,
    deforum_keys,
    deforum_values,
    disco_keys,
    disco_values,
    listed_keys,
    number_of,
)
from animator.keyframes.expressions import parse_expression
from animator.scene.fit import Fit
from animator.scene.foreign import foreign_name
from animator.settings.scene import scene_schema
from animator.types import DIFFUSION_SCALE

CHOSEN = ("auto", "random", "random_seed")
"""Values by which a program chooses itself."""


@dataclass(frozen=True)
class Options:
    """What a person says beside the file.

    Attributes:
        tool: which program the file is of; empty to find out.
        mode: still, 2d, 3d or video; empty to read it from the file, or to guess.
        prompt: what to paint where the file has no prompts.
        footage: path of the footage, for mode video.
    """

    tool: str = ""
    mode: str = ""
    prompt: str = ""
    footage: str = ""


@dataclass
class Job:
    """A file on its way into a scene.

    Attributes:
        values: by key, as in the file.
        tool: key of `animator.scene.foreign.tools`.
        options: what a person said.
        draft: what is known of the scene.
        deforum: whether keyframes are read by Deforum's rules; else by Disco's.
        notebook: whether by those of its notebook.
    """

    values: dict[str, Any]
    tool: str
    options: Options
    draft: Draft = field(default_factory=Draft)
    deforum: bool = False
    notebook: bool = False

    @functools.cached_property
    def names(self) -> dict[str, str]:
        """The file's own keys by the name that the table has for them; of several, the first."""
        found: dict[str, str] = {}
        for key in self.values:
            known = foreign_name(key)
            found.setdefault(known.name if known else key, key)
        return found

    def get(self, *names: str) -> Any:
        """Return the value of the first of some names that the file has and that is something; else None."""
        for name in names:
            value = self.values.get(self.names.get(name, name))
            if not is_nothing(value):
                return value
        return None

    def key(self, *names: str) -> str:
        """Return the file's own key of the first of some names that it has; the first name if none."""
        return next((self.names[name] for name in names if name in self.names), names[0])

    def has(self, *names: str) -> bool:
        """Return whether the file has one of some names."""
        return any(name in self.names for name in names)

    def keys_of(self, value: Any) -> Keys:
        """Return the keys of a value by the rules of its program: a number, a text, a list or an object."""
        number = number_of(value)
        if number is not None:
            return Keys({0: number})
        if isinstance(value, list | Mapping):
            return listed_keys(value, self.draft.frames)
        text = str(value)
        if ":" not in text:
            try:
                return Keys({0: parse_expression(text.strip())})
            except ExpressionError as error:
                refused = error
            try:
                return listed_keys(self.items(text), self.draft.frames)
            except ScheduleError:
                return Keys(notes=[refused.message])
        if not self.deforum:
            keys = disco_keys(text)
            if keys.by_frame and not keys.formulas:
                return keys
        return deforum_keys(text, self.draft.frames - 1, self.draft.seed, self.notebook)

    def values_of(self, keys: Keys) -> np.ndarray:
        """Return the value at every frame by the rules of the program; NaN where there is none at all."""
        draft = self.draft
        if keys.formulas or self.deforum:
            return deforum_values(keys, draft.frames, draft.seed, draft.method)
        return disco_values(keys, draft.frames, draft.method)

    def curve(self, name: str, place: str, value: Any, factor: float = 1.0, percent: bool = False) -> None:
        """Carry a value over the frames into a place.

        Args:
            name: key of the file.
            place: dotted name.
            value: as in the file.
            factor: by what the program's numbers are multiplied here.
            percent: whether they are shares of the steps, written with percent signs; ``factor`` is 100.
        """
        draft = self.draft
        keys = self.keys_of(value)
        said = "; ".join(keys.notes[:3])
        if not keys.by_frame:
            draft.drop(
                name, f"nothing can be read from {short(str(value), 40)!r}: {said or 'it has no keys'}"
            )
            return
        values = self.values_of(keys)
        if np.isnan(values).any() or np.isinf(values).any():
            draft.drop(
                name, f"{short(str(value), 40)!r} has no value within the film's {draft.frames} frames"
            )
            return
        low, high = (0.0, 100.0) if percent else limits(place)
        held = np.clip(values * factor, low, high)
        if np.max(np.abs(held - values * factor)) > 1e-9 * max(1.0, np.max(np.abs(held))):
            written: Any = every_frame(held, "%" if percent else "", draft.method)
            if np.ptp(held) == 0:
                written = constant(held[0], percent)
            draft.carry(
                name, place, written, f"held to {low:g} to {high:g}; {said}".strip("; "), differs=True
            )
            return
        written = curve_text(keys, values, draft.method, seed=draft.seed, factor=factor, percent=percent)
        draft.carry(name, place, written, said, differs=bool(said))

    def number(self, name: str, place: str, value: Any, note: str = "", whole: bool = False) -> None:
        """Carry a number into a place, held to the range that it has there."""
        number = number_of(value)
        if number is None:
            keys = self.keys_of(value) if isinstance(value, str | list | Mapping) else Keys()
            first = next(iter(keys.by_frame.values()), None)
            if not isinstance(first, float):
                self.refuse(name, place, value)
                return
            number, note = first, "does not change over the frames here: its first value is taken"
        low, high = limits(place)
        held = min(max(number, low), high)
        kept: int | float = round(held) if whole or held == int(held) else held
        if kept != number:
            note = f"{number:g} is held to {kept:g}"
        self.draft.carry(name, place, kept, note, differs=bool(note))

    def switch(self, name: str, place: str, value: Any) -> None:
        """Carry a yes or no into a place."""
        meant = truth(value)
        if meant is None:
            self.refuse(name, place, value)
        else:
            self.draft.carry(name, place, meant)

    def schedule(self, name: str, place: str, value: Any, whole: bool = False) -> None:
        """Carry a value over the diffusion into a place: a number, or a list as Python writes it."""
        number = number_of(value)
        try:
            items = [number] if number is not None else self.items(value)
        except ScheduleError as error:
            self.draft.drop(name, f"its schedule cannot be read: {error}; the default holds")
            return
        note = ""
        if 1 < len(items) < DIFFUSION_SCALE:
            note = f"has {len(items)} of {DIFFUSION_SCALE} entries: the last one is held"
            items = items + [items[-1]] * (DIFFUSION_SCALE - len(items))
        array = np.array(items[:DIFFUSION_SCALE], np.float64)
        if whole:
            array = np.floor(array + 0.5)
        low, high = limits(place)
        if not np.isfinite(array).all():
            self.draft.drop(name, "has values that are not finite; the default holds")
            return
        if array.min() < low or array.max() > high:
            note = f"held to {low:g} to {high:g}"
            array = np.clip(array, low, high)
        self.draft.carry(name, place, schedule_value(array), note, differs=bool(note))

    def items(self, value: Any) -> list[float]:
        """Return the numbers of a schedule.

        Raises:
            ScheduleError: there are none.
        """
        if isinstance(value, list):
            numbers = [number_of(item) for item in value]
            if not numbers or any(number is None for number in numbers):
                raise ScheduleError("it is a list of other things than numbers")
            return [float(number) for number in numbers if number is not None]
        if not isinstance(value, str):
            raise ScheduleError("it is no list of numbers")
        found = read_list(value, self._lookup({self.names.get(value, value)}))
        if not found:
            raise ScheduleError("it is empty")
        return found

    def _lookup(self, above: set[str]) -> Callable[[str], Value | None]:
        def find(name: str) -> Value | None:
            value = self.values.get(self.names.get(name, name))
            if name in above or value is None or len(above) > 8:
                return None
            number = number_of(value)
            if number is not None:
                return number
            if isinstance(value, list):
                return [one for one in map(number_of, value) if one is not None]
            try:
                return list(read_list(str(value), self._lookup({*above, name})))
            except ScheduleError:
                return str(value)

        return find

    def refuse(self, name: str, place: str, value: Any) -> None:
        """Note that a value means nothing in a place, so that the default holds."""
        if isinstance(value, str) and value.strip().lower() in CHOSEN:
            self.draft.differ(name, place, f"{value.strip()}: that program chooses; here the default holds")
        elif is_nothing(value):
            self.draft.drop(name, "it says nothing")
        else:
            self.draft.drop(name, f"{short(str(value), 40)!r} means nothing here; the default holds")


def schedule_value(array: np.ndarray) -> int | float | str:
    """Return a schedule of 1000 entries as a scene writes it; a number where all are the same."""
    if np.ptp(array) == 0:
        first = float(f"{array[0]:.12g}")
        return int(first) if first == int(first) else first
    runs = [(value, len(list(run))) for value, run in groupby(float(f"{value:.9g}") for value in array)]
    pieces: list[str] = []
    singles: list[str] = []
    for value, count in runs:
        if count == 1:
            singles.append(f"{value:.9g}")
            continue
        pieces += [f"[{','.join(singles)}]"] if singles else []
        singles = []
        pieces.append(f"[{value:.9g}]*{count}")
    return "+".join([*pieces, *([f"[{','.join(singles)}]"] if singles else [])])


@functools.cache
def setting_rules() -> Mapping[str, Mapping[str, Any]]:
    """Return what the schema says of every setting, by dotted name."""
    return Fit(scene_schema()).settings


@functools.cache
def limits(place: str) -> tuple[float, float]:
    """Return the smallest and the largest number that a setting takes; infinite where there is no bound.

    >>> limits("diffusion.eta")
    (-1.0, 1.0)
    """
    entry: Mapping[str, Any] = setting_rules().get(place, {})
    rules = entry.get("animated")
    if rules:
        low, high = rules.get("ge"), rules.get("le")
    else:
        parts = [entry, *entry.get("anyOf", ())]
        low = next(
            (part[key] for part in parts for key in ("minimum", "exclusiveMinimum") if key in part), None
        )
        high = next(
            (part[key] for part in parts for key in ("maximum", "exclusiveMaximum") if key in part), None
        )
    return (-np.inf if low is None else float(low)), (np.inf if high is None else float(high))
