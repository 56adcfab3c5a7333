"""Single attributes of a picture, told apart by a perceptor that is given a short phrase for every value.

Zero-shot classification with several templates whose embeddings are averaged, as in Radford et al. 2021
(CLIP), section 3.1.4.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.perceptors import Perceptor
from tools.pocket.figures.retrieval import told
from tools.pocket.world.spec import PAINTED, PAINTS, THINGS

WORDS: dict[str, dict[str, str]] = {
    "time": {
        "day": "by day",
        "dawn": "at dawn",
        "sunset": "at sunset",
        "dusk": "at dusk",
        "night": "at night",
    },
    "ground": {
        "sea": "the sea",
        "coast": "a beach",
        "lake": "a lake",
        "meadow": "a meadow",
        "field": "a field",
        "forest": "a forest",
        "desert": "a desert",
        "snow": "snow",
    },
    "thing": {
        **{name: f"a {name}" for name in THINGS if name != "none"},
        "pine": "a pine tree",
        "palm": "a palm tree",
    },
    "style": {
        "photo": "a photo",
        "oil": "an oil painting",
        "watercolour": "a watercolour",
        "ink": "an ink drawing",
        "pixel": "pixel art",
        "lowpoly": "low poly art",
        "woodcut": "a woodcut",
    },
}
"""What each value is called. Every word is one of the captions', for a perceptor knows no others."""

NOUNS = ("{}", "a photo of {}", "a painting of {}")
TEMPLATES = {
    "time": ("{}", "a photo {}", "a painting {}"),
    "ground": NOUNS,
    "thing": NOUNS,
    "paint": NOUNS,
    "style": ("{}", "{} of a landscape", "{} of mountains"),
}
"""What the words are set into; the embeddings of all are averaged."""

ATTRIBUTES = tuple(TEMPLATES)


def values_of(attribute: str) -> list[str]:
    """Return every value of an attribute that a caption can tell."""
    return list(PAINTS) if attribute == "paint" else list(WORDS[attribute])


def phrases(attribute: str, thing: str = "") -> list[str]:
    """Return what each value of an attribute is called.

    Args:
        attribute: one of `ATTRIBUTES`.
        thing: whose colour is asked for, where the attribute is ``paint``.

    >>> phrases("paint", "castle")[:2]
    ['a red castle', 'a white castle']
    """
    if attribute == "paint":
        return [_with_article(f"{paint} {thing}") for paint in PAINTS]
    return list(WORDS[attribute].values())


def _with_article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def classes(perceptor: Perceptor, attribute: str, thing: str = "") -> Tensor:
    """Return one embedding for every value of an attribute, V x D of unit length on the CPU."""
    asked = phrases(attribute, thing)
    each = [
        told(perceptor, [template.format(phrase) for phrase in asked]) for template in TEMPLATES[attribute]
    ]
    return F.normalize(torch.stack(each).mean(dim=0), dim=1)


def is_said(attribute: str, said: Mapping[str, str]) -> bool:
    """Tell whether an attribute is named, and can be asked for; a colour only of a thing that is painted."""
    if attribute == "paint" and said.get("thing") not in PAINTED:
        return False
    return said.get(attribute, "") in values_of(attribute)


def right_values(
    perceptor: Perceptor, pictures: Tensor, said: Sequence[Mapping[str, str]]
) -> dict[str, list[float]]:
    """Tell of each picture, and each attribute that is said of it, whether the perceptor sees its value.

    Args:
        perceptor: the judge.
        pictures: its embeddings of them, N x D.
        said: of each picture, values by attribute; what is not said is not asked.

    Returns:
        by attribute 1.0 or 0.0 for each picture that it was said of.
    """
    found: dict[str, list[float]] = {}
    for attribute in ATTRIBUTES:
        asked = [number for number, one in enumerate(said) if is_said(attribute, one)]
        values = values_of(attribute)
        things = {said[number]["thing"] if attribute == "paint" else "" for number in asked}
        tables = {thing: classes(perceptor, attribute, thing) for thing in things}
        found[attribute] = []
        for number in asked:
            table = tables[said[number]["thing"] if attribute == "paint" else ""]
            best = int((table @ pictures[number]).argmax())
            found[attribute].append(float(values[best] == said[number][attribute]))
    return found
