"""What YAML takes for a comment, or for two texts, and was meant as part of one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from animator.errors import Problem
from animator.scene.nodes import Node, dotted
from animator.scene.words import short

OPENING, CLOSING = "\u201c\u201e\u00ab\u2018\u201a", "\u201d\u201c\u00bb\u2019\u2018"
"""Typographic quotation marks, which YAML takes for letters."""

TEXTS = ("prompts", "image_prompts", "video.init", "diffusion.init_image", "output.audio", "camera.path")
"""Settings that hold words or names of files, in which # may be a letter."""


def notice_cut(root: Node) -> Iterator[Problem]:
    """Yield every text that ends before ``#word``, and every setting that has nothing before it."""
    for name, node in _nodes(root, ""):
        if node.cut and node.value is None:
            message = f"is empty: '{short(node.cut)}' is a comment in YAML; put it in quotes"
            yield node.place.problem(name, message)
        elif (
            node.cut
            and isinstance(node.value, str)
            and f"{name}.".startswith(tuple(f"{one}." for one in TEXTS))
        ):
            message = f"'{short(node.cut)}' is a comment in YAML and cut off; put the whole text in quotes"
            yield node.place.problem(name, message)


def split_quotes(entries: Sequence[Node]) -> dict[int, str]:
    """Return what to say of texts in typographic quotes that a list has split at their commas.

    Args:
        entries: the members of the list.

    Returns:
        Messages by the number of the member that such a text begins with.
    """
    said: dict[int, str] = {}
    begin = None
    for at, entry in enumerate(entries):
        text = entry.value.strip() if isinstance(entry.value, str) and not entry.quoted else ""
        if begin is None and text[:1] and text[0] in OPENING and not _closed(text):
            begin = at
        elif begin is not None and text[-1:] and text[-1] in CLOSING and text[0] not in OPENING:
            whole = ", ".join(str(one.value).strip() for one in entries[begin : at + 1])[1:-1]
            message = (
                f'a list is split at commas, and \u201c \u201d are letters in YAML; write "{short(whole)}"'
            )
            said[begin] = message
            begin = None
    return said


def split_key(key: object) -> str:
    """Return what to say of a key that is the end of a text which a mapping has split, or an empty text.

    >>> split_key("sitting\u201d")[:17], split_key("fov")
    ('a mapping is spli', '')
    """
    if not isinstance(key, str) or key[-1:] not in tuple(CLOSING) or key[0] in OPENING:
        return ""
    return (
        'a mapping is split at commas, and \u201c \u201d are letters in YAML; put the text in quotes as " "'
    )


def _closed(text: str) -> bool:
    return len(text) > 1 and text[-1] in CLOSING


def _nodes(node: Node, name: str) -> Iterator[tuple[str, Node]]:
    """Yield every scalar of a tree with its dotted name."""
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            yield from _nodes(child, dotted(name, key))
    elif isinstance(node.value, list):
        for at, child in enumerate(node.value):
            yield from _nodes(child, dotted(name, at))
    else:
        yield name, node
