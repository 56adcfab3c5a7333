"""``animator score --known``: which words a CLIP model knows, measured by how far each of them moves it."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.losses import spherical_distance
from animator.diffusion.perceptors import Perceptor, load_perceptor
from animator.engines.guided.vocabulary import unknown_words
from animator.errors import UsageError
from animator.look.scoring import encoded
from animator.system import rng

NEUTRAL = "a picture, {}"
"""What a word is tried in; without it the neutral prompt is left."""

MADE_UP = ("brivok", "sunthel", "quormash", "aldrenip", "fethwyn", "ozmural", "krelvane", "mipsodar")
"""Words that mean nothing: what they move is no knowledge."""

PICTURES = 4
NOISE = 0.25
"""Grey pictures with noise of this standard deviation, black being 0 and white 1, for measuring the pull."""


@dataclass(frozen=True)
class Known:
    """How far a word moves a CLIP model.

    Attributes:
        word: the word or words.
        model: the CLIP model.
        text: angle between the embeddings of the neutral prompt with it and without, in degrees.
        pull: size of the change of the guide's gradient at neutral noised pictures, as a share of the size of
            the gradient of the neutral prompt.
        unknown: those of its words that the model was never trained on, as far as that is known: of the
            bundled models; of published ones none.
        verdict: ``unknown`` where there are such; ``weak`` where it moves both no more than half of
            some made-up words do; else ``known``.
    """

    word: str
    model: str
    text: float
    pull: float
    unknown: tuple[str, ...]
    verdict: str


def known_words(words: Sequence[str], models: Sequence[str], within: str = NEUTRAL) -> list[Known]:
    """Measure words.

    Args:
        words: at least one.
        models: names of CLIP models.
        within: the prompt in which they are tried, ``{}`` in their place.

    Returns:
        For each model all words, what moves it most first.

    Raises:
        UsageError: ``within`` has no ``{}``, or a model is unknown.
        WeightsError: a model's weights are not there.
    """
    if within.count("{}") != 1:
        raise UsageError(f"--within: expected one {{}} where the word goes, such as '{NEUTRAL}'")
    found: list[Known] = []
    for name in models:
        perceptor = load_perceptor(name)
        every = [*words, *MADE_UP]
        texts = [within.replace("{}", word) for word in every]
        neutral = within.replace("{}", "").strip(" ,;:")
        if not neutral:
            raise UsageError("--within: nothing is left without the word; write one more")
        embeds, plain = encoded(perceptor, texts), perceptor.encode_text([neutral])
        angles = _angles(embeds, plain)
        pulls = _pulls(perceptor, embeds, plain)
        limit = tuple(statistics.median(values[len(words) :]) for values in (angles, pulls))
        found += sorted(
            (
                _known(word, name, angle, pull, limit)
                for word, angle, pull in zip(words, angles, pulls, strict=False)
            ),
            key=lambda one: -one.text,
        )
    return found


def _known(word: str, model: str, angle: float, pull: float, limit: tuple[float, ...]) -> Known:
    unknown = tuple(unknown_words(word, [model]))
    weak = angle <= limit[0] and pull <= limit[1]
    verdict = "unknown" if unknown else "weak" if weak else "known"
    return Known(word, model, round(angle, 2), round(pull, 4), unknown, verdict)


def _angles(embeds: Tensor, plain: Tensor) -> list[float]:
    """Return the angle between each embedding and that of the neutral prompt, in degrees."""
    cosines = (F.normalize(embeds, dim=-1) @ F.normalize(plain, dim=-1)[0]).clamp(-1, 1)
    return torch.rad2deg(cosines.arccos()).tolist()


def _pulls(perceptor: Perceptor, embeds: Tensor, plain: Tensor) -> list[float]:
    """Return how much each prompt changes the gradient of the guide's loss, relative to the neutral one's.

    The gradient of a prompt's loss is that of its embedding's distance, carried back through the network: one
    pass forwards serves all prompts.
    """
    size = perceptor.size
    draws = torch.randn(PICTURES, 3, size, size, generator=rng.generator(0, 0, "known words"))
    pictures = (0.5 + NOISE * draws).clamp(0, 1).to(embeds.device).requires_grad_()
    seen = perceptor.encode_images(pictures)

    def gradient(target: Tensor) -> Tensor:
        loss = spherical_distance(seen, target).sum()
        return torch.autograd.grad(loss, pictures, retain_graph=True)[0].flatten(1)

    neutral = gradient(plain[0])
    length = neutral.norm(dim=1)
    return [float(((gradient(one) - neutral).norm(dim=1) / length).mean()) for one in embeds]


def known_text(found: Sequence[Known]) -> str:
    """Return measures as a block of lines for each model, with the unknown ones named at its end."""
    blocks = []
    for model in dict.fromkeys(one.model for one in found):
        mine = [one for one in found if one.model == model]
        width = max(len(one.word) for one in mine)
        lines = [f"{model}: angle in degrees, change of the gradient"]
        for one in mine:
            said = "" if one.verdict == "known" else f"  {one.verdict}"
            lines.append(f"  {one.word:<{width}}  {one.text:6.2f}  {one.pull:6.3f}{said}")
        unknown = dict.fromkeys(word for one in mine for word in one.unknown)
        weak = [one.word for one in mine if one.verdict == "weak"]
        if unknown:
            lines.append(f"  words that it was never trained on: {', '.join(unknown)}")
        if weak:
            lines.append(f"  that move it no more than made-up words: {', '.join(weak)}")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def as_json(found: Sequence[Known]) -> list[dict[str, object]]:
    """Return measures as plain data."""
    return [asdict(one) for one in found]
