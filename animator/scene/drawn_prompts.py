"""The choices in a scene's prompts, drawn by its seed; or every set of prompts that they may become.

A choice is drawn by comparing a hash of each of its texts, made with the seed, its list's name and how often
that list was drawn from before: a text that is added to a list changes only the draws that it wins. A scene
that was read holds what was drawn and no lists, so that its pictures can be made again without them.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from animator.errors import ExpressionError, Problem, UsageError
from animator.keyframes import Clock
from animator.keyframes.courses import over
from animator.keyframes.prompts import parse_entry
from animator.keyframes.schedules import schedule_text
from animator.scene.fit import Fit
from animator.scene.nodes import Node, dotted, plain
from animator.scene.templates import (
    NAME,
    Choose,
    WordList,
    Words,
    as_written,
    count,
    expansions,
    filled,
    has_choice,
)
from animator.settings.prompts import Prompts
from animator.settings.scene import Scene
from animator.system.rng import derive, picture_seed

MOST = 10_000
"""Sets of prompts that `expand_all` returns at most."""

MAX_PICTURES = 2_000
MAX_LETTERS = 500_000
"""Pictures of a scene whose words are drawn, and the letters of all of them: every picture carries them."""

PROMPTS, MODIFIERS = "prompts", "modifiers"


@dataclass(frozen=True)
class Templates:
    """The prompts of a scene before anything in them was drawn.

    Attributes:
        prompts: as they were written.
        words: the lists that they may name.
    """

    prompts: Node
    words: Words

    def every(self) -> list[Any]:
        """Return every value of `prompts` that may be drawn, see `expand_all`."""
        return _every(self.prompts, self.words)


def expand_all(
    prompts: Any, modifiers: Mapping[str, str | Sequence[str]] | None = None, folder: Path | None = None
) -> list[Any]:
    """Return every value that prompts with choices in them may become, the last choice running fastest.

    Args:
        prompts: in any form that a scene's `prompts` may have.
        modifiers: lists of texts by name, or names of files, as in a scene.
        folder: what files are relative to; None where there are none.

    Returns:
        Values of the same form, in which nothing is left to draw.

    Raises:
        UsageError: a choice cannot be read, or there are more than `MOST` values.

    >>> expand_all("a {red|blue} house:2")
    ['a red house:2', 'a blue house:2']
    """
    lists = {name: _word_list(texts, folder) for name, texts in (modifiers or {}).items()}
    return _every(_node_of(prompts, folder), Words(lists))


def _word_list(texts: str | Sequence[str], folder: Path | None) -> WordList:
    if not isinstance(texts, str):
        return WordList(tuple(texts), folder)
    try:
        return WordList(Words().file(_file_name(texts), folder).items, folder)
    except ExpressionError as error:
        raise UsageError(error.message) from None


def _file_name(text: str) -> str:
    """Return the name of the file or bundled list that a text of `modifiers` is."""
    if not text.strip().startswith("@"):
        raise ExpressionError(f"expected a list of texts, or @ and a file; found '{text[:40]}'")
    return text.strip()[1:].strip()


def _node_of(value: Any, folder: Path | None) -> Node:
    if isinstance(value, Mapping):
        return Node({key: _node_of(child, folder) for key, child in value.items()})
    if isinstance(value, list | tuple):
        return Node([_node_of(child, folder) for child in value])
    return Node(value, folder=folder)


def _every(node: Node, words: Words) -> list[Any]:
    """Return every value of prompts that may be drawn; raises UsageError."""
    texts: list[tuple[str, Path | None]] = []

    def collect(text: str, folder: Path | None) -> str:
        texts.append((text, folder))
        return text

    _rewritten(node, collect)
    try:
        many = math.prod(count(text, words, folder) for text, folder in texts)
        if many > MOST:
            raise UsageError(f"these prompts may become {many} others, at most {MOST} can be listed")
        ways = [list(expansions(text, words, folder)) for text, folder in texts]
    except ExpressionError as error:
        raise UsageError(error.message) from None
    found = []
    for chosen in itertools.product(*ways):
        one = iter(chosen)
        found.append(_stored(_rewritten(node, lambda text, folder, one=one: next(one))))  # type: ignore[misc]
    return found


# Drawing the prompts of a scene


def draw_prompts(scene: Scene, fit: Fit, clock: Clock) -> tuple[Scene, Templates | None, list[Problem]]:
    """Draw every choice in a scene's prompts; the drawn ones take their place in ``fit``, too.

    Each still draws by its own seed, the n-th picture of a seed for the n-th time; a film draws once for each
    choice, by its first seed.

    Args:
        scene: the scene as it was written.
        fit: its tree; faults of choices and lists are added to it.
        clock: length and pace of the film.

    Returns:
        The scene with what was drawn and no lists; what it was drawn from, None where nothing is drawn; and
        notices of lists that no prompt names.
    """
    node = fit.nodes.get(PROMPTS)
    listed = None if MODIFIERS in fit.faulty else fit.nodes.get(MODIFIERS)
    words = Words() if listed is None else _words(listed, fit)
    without = scene.model_copy(update={MODIFIERS: {}}) if scene.modifiers else scene
    if node is None or PROMPTS in fit.faulty or words is None:
        return without, None, []
    texts = [(name, text) for name, text in _texts(node, PROMPTS) if _may_hold(text.value)]
    before, chosen = len(fit.problems), False
    for name, text in texts:
        try:
            count(text.value, words, text.folder)
            chosen |= has_choice(text.value, words, text.folder)
        except ExpressionError as error:
            fit.add(text.at(error.offset).problem(name, error.message))
    if len(fit.problems) > before:
        return without, None, []
    notices = list(_unused(listed, texts, words)) if listed is not None else []
    if not texts:
        return without, None, notices
    if chosen and scene.mode == "still" and scene.images > MAX_PICTURES:
        message = f"words are drawn for at most {MAX_PICTURES} images, found {scene.images}"
        fit.add(node.place.problem(PROMPTS, f"{message}; make several scenes"))
        return without, None, notices
    try:
        # Where braces are mere letters every picture has the same prompts, as they were written.
        drawn = _drawn(node, words, scene, clock) if chosen else _filled(node, words, Draws(0, 0))
    except ExpressionError:  # a position is none, which the check of the prompts reports
        return without, None, notices
    stored = _stored(drawn)
    if (letters := len(str(stored))) > MAX_LETTERS:
        message = f"have {letters} letters when drawn, at most {MAX_LETTERS} can be kept; make fewer images"
        fit.add(node.place.problem(PROMPTS, message))
        return without, None, notices
    fit.nodes[PROMPTS] = drawn
    kept = TypeAdapter(Prompts).validate_python(stored)
    return without.model_copy(update={PROMPTS: kept}), Templates(node, words) if chosen else None, notices


def _may_hold(text: Any) -> bool:
    return isinstance(text, str) and ("{" in text or "\\}" in text)


def _unused(listed: Node, texts: Sequence[tuple[str, Node]], words: Words) -> Iterator[Problem]:
    every = [text.value for _, text in texts] + [one for known in words.named.values() for one in known.items]
    written = "\n".join(one for one in every if "{" in one)
    for name, node in listed.value.items():
        if not re.search(rf"\{{\s*{re.escape(str(name))}\s*\}}", written):
            yield node.key.problem(f"{MODIFIERS}.{name}", f"no prompt has {{{name}}}")


def _words(listed: Node, fit: Fit) -> Words | None:
    """Return the lists of a scene; None where one has a fault, which is noted."""
    named: dict[str, WordList] = {}
    for name, node in listed.value.items():
        full = dotted(MODIFIERS, name)
        try:
            if not NAME.fullmatch(str(name)):
                raise ExpressionError("a list is named by letters, digits, blanks and -, such as artist")
            if isinstance(node.value, list):
                named[str(name)] = WordList(tuple(one.value for one in node.value), _folder(node))
            else:
                items = Words().file(_file_name(node.value), node.folder).items
                named[str(name)] = WordList(items, node.folder)
            if not named[str(name)].items:
                raise ExpressionError("is empty; write the texts that it may be")
        except ExpressionError as error:
            fit.add(node.place.problem(full, error.message))
    return Words(named) if len(named) == len(listed.value) else None


def _folder(node: Node) -> Path | None:
    return next((one.folder for one in node.value if one.folder is not None), None)


class Draws:
    """Makes choices that follow from a seed.

    Args:
        seed: of a picture, or of the film.
        number: tells pictures of the same seed apart.
    """

    def __init__(self, seed: int, number: int) -> None:
        self._seed, self._number = seed, number
        self._before: Counter[str] = Counter()

    def __call__(self, name: str, options: Sequence[str]) -> int:
        """Return which of some texts is taken; a text that is there twice is taken twice as often."""
        again: Counter[str] = Counter()
        turn, best, chosen = self._before[name], -1, 0
        self._before[name] += 1
        for index, option in enumerate(options):
            stage = f"words {name} {turn}: {again[option]} {option}"
            again[option] += 1
            if (rank := derive(self._seed, self._number, stage)) > best:
                best, chosen = rank, index
        return chosen


def _drawn(node: Node, words: Words, scene: Scene, clock: Clock) -> Node:
    """Return prompts in which every choice is made; raises ExpressionError where a position is none."""
    seeds = scene.seeds
    sets = node.value if isinstance(node.value, dict) else {0: node}
    if scene.mode != "still" or scene.count == 1:
        first = scene.first_seed if scene.mode != "still" else picture_seed(seeds, scene.seed_mode, 0)
        return _filled(node, words, Draws(first, 0))
    starts = sorted((clock.key(position), at) for at, position in enumerate(sets))
    written, times = list(sets.items()), Counter[int]()
    made: dict[Any, Node] = {}
    for picture in range(scene.count):
        force = starts[max(0, bisect_right(starts, (picture, len(starts))) - 1)][1]
        seed = picture_seed(seeds, scene.seed_mode, picture)
        made[picture] = _filled(written[force][1], words, Draws(seed, times[seed]))
        times[seed] += 1
    late = {key: one for key, one in sets.items() if clock.key(key) >= scene.count}
    made |= {key: _filled(one, words, Draws(scene.first_seed, 0)) for key, one in late.items()}
    return dataclasses.replace(node, value=made)


def _filled(node: Node, words: Words, choose: Choose) -> Node:
    def text_of(text: str, folder: Path | None) -> str:
        return filled(text, words, choose, folder) if _may_hold(text) else text

    return _rewritten(node, text_of)


# The texts in prompts, whatever form these have

TextOf = Callable[[str, Path | None], str]
"""Given a prompt's text without its weight, and what files in it are relative to, returns another text."""


def _texts(node: Node, name: str) -> Iterator[tuple[str, Node]]:
    """Yield every text of prompts, weights included, with its dotted name."""
    if isinstance(node.value, list):
        for at, child in enumerate(node.value):
            yield from _texts(child, dotted(name, at))
    elif isinstance(node.value, dict) and "text" in node.value:
        yield from _texts(node.value["text"], dotted(name, "text"))
    elif isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from _texts(child, dotted(name, key))
    elif isinstance(node.value, str):
        yield name, node


def _rewritten(node: Node, text_of: TextOf) -> Node:
    """Return prompts with other texts; ``text_of`` is called for each in order."""
    value = node.value
    if isinstance(value, list):
        return dataclasses.replace(node, value=[_rewritten(child, text_of) for child in value])
    if isinstance(value, dict) and "text" in value:
        text = value["text"]
        made = text_of(str(text.value), text.folder)
        return (
            node
            if made == text.value
            else dataclasses.replace(node, value={**value, "text": _bare(text, made)})
        )
    if isinstance(value, dict):
        return dataclasses.replace(
            node, value={key: _rewritten(child, text_of) for key, child in value.items()}
        )
    return _entry(node, text_of) if isinstance(value, str) else node


def _bare(node: Node, text: str) -> Node:
    return dataclasses.replace(node, value=text, raw=text, exact=False)


def _entry(node: Node, text_of: TextOf) -> Node:
    """Return a prompt with another text and its own weight, which no number in the text may become."""
    try:
        prompt = parse_entry(node.value)
    except ExpressionError:  # the check of the prompts reports it
        return node
    text = text_of(prompt.text, node.folder)
    if text == prompt.text:
        return node
    whole = text + node.value.strip()[len(prompt.text) :]
    try:
        same = parse_entry(whole) == dataclasses.replace(prompt, text=text)
    except ExpressionError:
        same = False
    if same:
        return _bare(node, whole)
    weight = schedule_text(over(prompt)) if prompt.course else prompt.weight
    parts = {"text": _bare(node, text), "weight": Node(weight, node.place, node.key)}
    return dataclasses.replace(node, value=parts)


def _stored(node: Node) -> Any:
    """Return prompts as plain data, written so that reading them draws nothing."""
    value = node.value
    if isinstance(value, list):
        return [_stored(child) for child in value]
    if isinstance(value, dict):
        kept = ("clip_models", "region")
        return {key: plain(child) if key in kept else _stored(child) for key, child in value.items()}
    return as_written(value) if isinstance(value, str) else value
