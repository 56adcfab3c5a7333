"""What stands in a picture, asked of a perceptor in words.

For every attribute the text tower is given a phrase for each of its values, and the picture must be nearest
to its own: the zero-shot classification of Radford et al. 2021 (CLIP, section 3.1), as a loss. A contrast of
whole captions alone says little of a single word; this makes one word, which is what a prompt may consist of,
tell pictures apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from tools.pocket.world import places as p
from tools.pocket.world import words as w
from tools.pocket.world.captions import attributes
from tools.pocket.world.manners import GRADE, STYLE, VIEW
from tools.pocket.world.spec import GREEN, PAINTED, PAINTS, Spec
from tools.pocket.world.teller import with_article
from tools.pocket.world.words import Words

UNASKED = -100
"""Stands for an attribute that a picture cannot be asked for; cross-entropy leaves it out."""

COLOURED = 3
"""Things whose colours are asked for in one batch; each takes ten phrases."""

Phrases = Mapping[str, Sequence[str]]
"""Of one attribute, what each value may be called."""


def _said(words: Mapping[str, Words]) -> Phrases:
    return {value: (*one.say, *one.tag) for value, one in words.items()}


def _things() -> Phrases:
    nouns = {thing: [noun.format("") for noun in words.say] for thing, words in w.THING.items()}
    return {thing: [*some, *map(with_article, some)] for thing, some in nouns.items()}


ASKED: dict[str, Phrases] = {
    "time": _said(w.TIME),
    "ground": {value: [one.partition("|")[2] for one in words.say] for value, words in p.GROUND.items()},
    "weather": _said(w.WEATHER),
    "season": _said(w.SEASON),
    "ridge": {value: words.say for value, words in p.RIDGE.items()},
    "way": {value: words.say for value, words in p.WAY.items()},
    "thing": _things(),
    "perch": {value: words.say for value, words in p.PERCH.items()},
    "company": {value: words.tag for value, words in w.COMPANY.items()},
    "style": {value: manner.after for value, manner in STYLE.items()},
    "grade": _said(GRADE),
    "height": {value: VIEW[value].after for value in ("eye", "low", "aerial")},
    "lens": {value: VIEW[value].after for value in ("normal", "wide", "tele")},
}
"""Every attribute but the colour, in the words of training captions."""


def truth(spec: Spec) -> dict[str, str]:
    """Return what a picture can be asked for and shows, by attribute; the others are left out."""
    shown = attributes(spec) | {"company": spec.company, "height": spec.height, "lens": spec.lens}
    if spec.ground not in GREEN and spec.season != "winter":
        del shown["season"]
    if spec.style == "ink" and spec.grade in ("pastel", "vivid"):
        del shown["grade"]
    return shown


def stored_answers(specs: Sequence[Spec]) -> Tensor:
    """Return of each picture the number of its value of every attribute, of its object and of its colour.

    Returns:
        pictures x (attributes of `ASKED`, then object, then colour), `UNASKED` where it has none; int16.
    """
    rows = []
    for spec in specs:
        shown = truth(spec)
        row = [_place(list(phrases), shown.get(name)) for name, phrases in ASKED.items()]
        rows.append([*row, _place(list(PAINTED), spec.thing), _place(list(PAINTS), shown["paint"])])
    return torch.tensor(rows, dtype=torch.int16)


class Questions:
    """The phrases of one batch, and what each picture should answer.

    Args:
        rng: chooses the phrases, and whose colours are asked for.

    Attributes:
        texts: the phrases of all questions, one question after the other.
        spans: where in ``texts`` each question has its phrases.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.texts: list[str] = []
        self.spans: list[slice] = []
        for phrases in ASKED.values():
            self._ask([str(rng.choice(some)) for some in phrases.values()])
        self._painted = [int(number) for number in rng.choice(len(PAINTED), COLOURED, replace=False)]
        for number in self._painted:
            noun = str(rng.choice(w.THING[list(PAINTED)[number]].say))
            self._ask([noun.format(str(rng.choice(w.PAINT[paint])) + " ") for paint in PAINTS])

    def _ask(self, texts: list[str]) -> None:
        self.spans.append(slice(len(self.texts), len(self.texts) + len(texts)))
        self.texts += texts

    def answers(self, stored: Tensor) -> Tensor:
        """Return which phrase of each question is right, pictures x questions, `UNASKED` where none is.

        Args:
            stored: the pictures' rows of `stored_answers`.
        """
        thing, paint = stored[:, -2], stored[:, -1]
        paints = [torch.where(thing == number, paint, UNASKED) for number in self._painted]
        return torch.stack([*stored[:, :-2].T, *paints], dim=1)


def _place(values: list[str], value: str | None) -> int:
    return values.index(value) if value in values else UNASKED


def naming_loss(seen: Tensor, told: Tensor, spans: Sequence[slice], answers: Tensor, scale: Tensor) -> Tensor:
    """Return the mean cross-entropy of the questions' answers.

    Args:
        seen: embeddings of the pictures, N x D of unit length.
        told: embeddings of the phrases, M x D of unit length.
        spans: see `Questions`.
        answers: N x questions.
        scale: what similarities are multiplied with.
    """
    logits = scale * seen @ told.T
    each = [
        F.cross_entropy(logits[:, span], answers[:, n], ignore_index=UNASKED, reduction="sum")
        for n, span in enumerate(spans)
    ]
    return torch.stack(each).sum() / (answers != UNASKED).sum().clamp(min=1)
