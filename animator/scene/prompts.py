"""The prompts of a scene compiled, each fault at its own text, and told what CLIP will not read."""

from __future__ import annotations

from collections.abc import Iterator

from animator.errors import ExpressionError, Problem
from animator.keyframes import Clock, PromptTrack, parse_prompt, parse_prompts
from animator.scene.fit import Fit
from animator.scene.nodes import Node, dotted, plain
from animator.scene.schema import Scene
from animator.scene.tokens import ROOM, lost
from animator.scene.words import short

Compiled = tuple[PromptTrack | None, list[Problem]]


def compile_prompts(scene: Scene, fit: Fit, clock: Clock, sure: bool) -> Compiled:
    """Compile the prompts of a scene.

    Args:
        scene: the scene, in which defaults stand in for what is faulty.
        fit: the scene's tree held against the schema; faults are added to it.
        clock: length and pace of the film.
        sure: whether the clock is the scene's own; if not, positions are not held against the length.

    Returns:
        The prompts over the frames, or None where they have a fault, and notices.
    """
    node = fit.nodes.get("prompts")
    if node is None:
        return None, []
    before = len(fit.problems)
    notices: list[Problem] = []
    for key, words in _sets(node):
        name = "prompts" if words is node else dotted("prompts", key)
        notices += _check_set(key, words, name, fit, clock)
        if words is not node and sure and (late := _late(key, clock)):
            notices.append(words.key.problem(name, late))
    if "prompts" in fit.faulty or len(fit.problems) > before:
        return None, notices
    try:
        return parse_prompts(plain(node), clock, scene.prompt_blend), notices
    except ExpressionError as error:
        fit.add(node.place.problem("prompts", error.message))
        return None, notices


def _sets(node: Node) -> Iterator[tuple[int | float | str, Node]]:
    """Yield (position, node of a text or a list of texts) of every set of prompts."""
    if isinstance(node.value, dict):
        yield from node.value.items()
    else:
        yield 0, node


def _check_set(key: int | float | str, words: Node, name: str, fit: Fit, clock: Clock) -> list[Problem]:
    """Note the faults of one set of prompts; return what is worth telling about its texts."""
    before = len(fit.problems)
    notices: list[Problem] = []
    try:
        clock.key(key)
    except ExpressionError as error:
        fit.add(words.key.problem(name, error.message))
        return []
    listed = isinstance(words.value, list)
    texts = words.value if listed else [words]
    if not all(isinstance(text.value, str) for text in texts):
        return []  # the schema has told of it
    for i, text in enumerate(texts):
        text_name = dotted(name, i) if listed else name
        try:
            prompt = parse_prompt(text.value)
        except ExpressionError as error:
            fit.add(text.at(error.offset).problem(text_name, error.message))
            continue
        notices += _unread(prompt.text, text, text_name)
    if len(fit.problems) == before:
        try:
            parse_prompts({key: plain(words)}, clock)
        except ExpressionError as error:
            fit.add(words.place.problem(name, error.message))
    return notices


def _unread(text: str, node: Node, name: str) -> list[Problem]:
    count, end = lost(text)
    if end == len(text):
        return []
    start = node.value.find(text)
    message = f"takes {count} of CLIP's tokens, which reads {ROOM}; not read: '{short(text[end:])}'"
    return [node.at(start + end).problem(name, message)]


def _late(key: int | float | str, clock: Clock) -> str:
    try:
        frame = clock.key(key)
    except ExpressionError:
        return ""
    late = f"never shown: frame {frame} lies after the last frame, {clock.max_f}"
    return late if frame > clock.max_f else ""
