"""``animator score``: which texts a picture fits, as each CLIP model sees it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from animator.diffusion.perceptors import Perceptor, load_perceptor
from animator.errors import ExpressionError, SceneError, UsageError
from animator.report.score import middle
from animator.scene.drawn_prompts import expand_all
from animator.scene.reading import read_scene
from animator.scene.word_lists import read_list
from animator.system.convert import frame_to_uint8, uint8_to_frame
from animator.system.images import read_whole

BUNDLED = ("pocket", "pocket-vit")
"""The models that look where neither the command nor a picture's scene names any."""


@dataclass(frozen=True)
class Ranking:
    """What one model says of one picture.

    Attributes:
        picture: its file.
        model: the CLIP model.
        scores: texts with their cosine similarity, -1 to 1, the best first.
    """

    picture: str
    model: str
    scores: tuple[tuple[str, float], ...]


def texts_of(written: Iterable[str], lists: Iterable[str]) -> list[str]:
    """Return texts, each once: with all that choices in them may become, and the lines of files.

    Args:
        written: texts, in which ``{red|blue}`` and ``{@file.txt}`` stand for every one of theirs.
        lists: files of texts, a line each, or bundled lists (``@materials``).

    Raises:
        UsageError: a file cannot be read, or a choice is none.
    """
    here = Path.cwd()
    found = [
        str(one)
        for text in written
        for one in expand_all({"text": text}, folder=here)
        for one in one.values()
    ]
    for name in lists:
        try:
            found += read_list(name.removeprefix("@"), None if name.startswith("@") else here)
        except ExpressionError as error:
            raise UsageError(error.message) from None
    return list(dict.fromkeys(found))


def models_of(named: Sequence[str], pictures: Sequence[Path], scene: Path | None = None) -> list[str]:
    """Return the CLIP models that are to look: those named, of a scene, of the pictures' scenes, or bundled.

    Args:
        named: on the command line.
        pictures: PNGs of this program carry their scene; others name none.
        scene: a scene file.

    Raises:
        SceneError: the scene file cannot be read.
    """
    if named:
        return list(named)
    if scene is not None:
        return list(read_scene(scene).scene.guidance.clip_models)
    found: list[str] = []
    for picture in pictures:
        if picture.suffix.lower() == ".png":
            with suppress(SceneError):  # a picture of another program names no models
                found += read_scene(picture).scene.guidance.clip_models
    return list(dict.fromkeys(found)) or list(BUNDLED)


def rankings(pictures: Sequence[Path], texts: Sequence[str], models: Sequence[str]) -> list[Ranking]:
    """Return what each model says of each picture.

    A picture's largest square in the middle is shown, without cuts or augmentations; the score is the cosine
    of the two embeddings (Hessel et al., "CLIPScore", EMNLP 2021, equation 1, neither scaled nor cut off).

    Raises:
        UsageError: a picture cannot be read, or a model is unknown.
        WeightsError: a model's weights are not there.
    """
    views = {picture: frame_to_uint8(read_whole(picture)) for picture in pictures}
    found = []
    for name in models:
        perceptor = load_perceptor(name)
        embeds = F.normalize(perceptor.encode_text(list(texts)), dim=-1)
        for picture, pixels in views.items():
            with torch.no_grad():
                view = uint8_to_frame(middle(pixels, perceptor.size))[None]
                seen = F.normalize(perceptor.encode_images(view), dim=-1)[0]
            pairs = sorted(zip(texts, (embeds @ seen).tolist(), strict=True), key=lambda pair: -pair[1])
            found.append(Ranking(str(picture), perceptor.name, tuple(pairs)))
    return found


def ranking_text(found: Sequence[Ranking], most: int) -> str:
    """Return rankings as blocks of lines, of each the best ``most``."""
    blocks = []
    for one in found:
        lines = [f"  {score:6.3f}  {text}" for text, score in one.scores[:most]]
        left = len(one.scores) - most
        more = [f"  ... and {left} more, down to {one.scores[-1][1]:.3f}"] if left > 0 else []
        blocks.append("\n".join([f"{one.picture}, by {one.model}", *lines, *more]))
    return "\n\n".join(blocks)


def encoded(perceptor: Perceptor, texts: Sequence[str], at_once: int = 256) -> torch.Tensor:
    """Return the embeddings of many texts, N x D."""
    parts = [list(texts[begin : begin + at_once]) for begin in range(0, len(texts), at_once)]
    return torch.cat([perceptor.encode_text(part) for part in parts])


def as_json(found: Sequence[Ranking]) -> list[Mapping[str, object]]:
    """Return rankings as plain data."""
    return [
        {
            "picture": one.picture,
            "model": one.model,
            "scores": [{"text": text, "score": round(score, 6)} for text, score in one.scores],
        }
        for one in found
    ]
