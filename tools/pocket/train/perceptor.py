"""Train a pocket perceptor: an open_clip model that tells which caption belongs to which picture.

The loss is CLIP's symmetric contrast of whole captions (Radford et al. 2021) and that of `naming`: single
phrases, one for each value of each thing that the world knows of its picture.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from animator.diffusion.attention import batch_first
from animator.diffusion.perceptors import dense_token_table
from animator.weights.files import fit, read_state
from tools.pocket import JUDGE, WEIGHTS
from tools.pocket.train.naming import Questions, naming_loss
from tools.pocket.train.session import Budget, Machine, Session, export, mixed, start_from
from tools.pocket.train.shown import Shown
from tools.pocket.train.told import CONTEXT, Told, known_tokens, rows_of
from tools.pocket.train.views import Views, make_views

SIZE = 64
BATCH = 256
"""Pictures in a step on a CPU."""

WIDTH = 128
MEAN, STD = [0.45, 0.45, 0.45], [0.27, 0.27, 0.27]
VOCABULARY = 49408
TEXT_WIDTH = 128
TEXT = {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": TEXT_WIDTH, "heads": 4, "layers": 2}
TABLE = "token_embedding.values"
"""Name under which the trained rows of the token table are shipped."""

NAMING = 0.5
"""Weight of naming what stands in the picture."""

SHARPEST = 60
"""Most that similarities are multiplied with before they become probabilities."""

SHARES = {"estimates": 0.25}
"""Share of views that show a network's estimate of a noisy picture, where these have been made."""


@dataclass(frozen=True)
class Recipe:
    """One perceptor.

    Attributes:
        vision: the picture's tower, as open_clip describes it.
        file: stem of its files in the package.
        seed: of its first weights and its batches.
        views: how it is shown pictures.
    """

    vision: dict[str, Any]
    file: str
    seed: int
    views: Views = field(default_factory=lambda: Views(SIZE))


RECIPES = {
    "perceptor": Recipe({"layers": [1, 2, 2, 1], "width": 24, "image_size": SIZE}, "perceptor", 3),
    "perceptor-vit": Recipe(
        {"layers": 4, "width": 160, "head_width": 32, "patch_size": 8, "image_size": SIZE}, "perceptor_vit", 4
    ),
    "judge": Recipe(
        {"layers": [1, 1, 2, 1], "width": 28, "image_size": SIZE},
        "perceptor",
        91,
        Views(SIZE, whole=0.6, smallest=0.6, blur=0.25, tilt=6.0, fine=0.4, coarse=0.12, grey=0.02),
    ),
}
"""The two that are bundled and the one that judges; it never guides and sees other views."""


def build(recipe: Recipe, tokens: int) -> Any:
    """Return the network for a vocabulary of ``tokens`` tokens."""
    vision = dict(recipe.vision)
    return open_clip.CLIP(embed_dim=WIDTH, vision_cfg=vision, text_cfg=dict(TEXT, vocab_size=tokens))


def bundled(name: str) -> Any:
    """Return the network of a key of `RECIPES` with the weights that are shipped, frozen."""
    recipe = RECIPES[name]
    folder = JUDGE if name == "judge" else WEIGHTS
    path = folder / f"{recipe.file}.safetensors"
    network = build(recipe, VOCABULARY)
    fit(network, dense_token_table(read_state(path), VOCABULARY, TEXT_WIDTH), str(path))
    return network.requires_grad_(False).eval()


class Pupil(nn.Module):
    """What is trained: the model, and how sure the naming is of itself, which is not shipped."""

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.model = model
        self.naming_scale = nn.Parameter(torch.tensor(20.0).log())

    def forward(self, images: Tensor, texts: Tensor, spans: list[slice], answers: Tensor) -> Tensor:
        """Return the loss of one batch of N pictures; the first N texts are their captions."""
        seen, told, scale = self.model(images, texts)[:3]
        seen, told, count = seen.float(), told.float(), len(images)
        logits = scale.float().clamp(max=SHARPEST) * seen @ told[:count].T
        target = torch.arange(count, device=images.device)
        contrast = (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2
        sure = self.naming_scale.exp().clamp(max=SHARPEST)
        return contrast + NAMING * naming_loss(seen, told[count:], spans, answers, sure)


class Lessons:
    """Makes batches: views in [0, 1], texts as rows of the trained token table, questions and answers."""

    def __init__(self, recipe: Recipe, folder: Path, machine: Machine) -> None:
        self.recipe, self.machine = recipe, machine
        self.shown = Shown(folder, machine.device, SHARES)
        self.told = Told(folder / "world", machine.device)
        self._phrases: dict[str, Tensor] = {}

    def __call__(self, step: int, count: int) -> tuple[Tensor, Tensor, list[slice], Tensor]:
        """Return the batch of a step."""
        dice = self.machine.dice(self.recipe.seed, step)
        images, index = self.shown.draw(count, dice)
        questions = Questions(np.random.default_rng((self.recipe.seed, step)))
        texts = torch.cat([self.told.captions(index, dice), self._asked(questions.texts)])
        answers = questions.answers(self.told.answers(index))
        return make_views(images, self.recipe.views, dice), texts, questions.spans, answers

    def _asked(self, texts: list[str]) -> Tensor:
        """Return phrases as rows of the token table; there are not very many, so each is cut once."""
        new = [text for text in dict.fromkeys(texts) if text not in self._phrases]
        if new:
            self._phrases.update(zip(new, rows_of(new, known_tokens()), strict=True))
        return torch.stack([self._phrases[text] for text in texts]).to(self.machine.device)


def normalised(batch: Tensor) -> Tensor:
    """Turn [0, 1] into what the network reads."""
    mean = torch.tensor(MEAN, device=batch.device)[:, None, None]
    std = torch.tensor(STD, device=batch.device)[:, None, None]
    return (batch - mean) / std


def train(
    folder: Path,
    name: str,
    *,
    steps: int,
    machine: Machine,
    start: Path | None = None,
    rate: float = 1.5e-3,
    batch: int = BATCH,
    minutes: float = 0.0,
) -> None:
    """Train for ``steps`` steps; continue where a run was stopped.

    Only the tokens that captions use are trained; all others stay at zero.

    Args:
        folder: holds ``world/``, perhaps ``estimates/``, and receives the checkpoint.
        name: a key of `RECIPES`.
        steps: in all.
        machine: where to train.
        start: earlier weights; those that fit are where the training begins.
        rate: highest learning rate.
        batch: pictures in a step, each told from all others.
        minutes: most that it takes; 0 for no limit.
    """
    recipe = RECIPES[name]
    lessons = Lessons(recipe, folder, machine)
    torch.manual_seed(recipe.seed)
    model = build(recipe, len(known_tokens()))
    if start:
        start_from(model, start, {TABLE: "token_embedding.weight"})
    pupil = machine.put(Pupil(batch_first(model)))
    session = Session(pupil, Budget(steps, rate, minutes=minutes), folder / f"{name}.pt", decay=0.05)
    loss = machine.compiled(pupil.train())
    while not session.done:
        made, texts, spans, answers = lessons(session.step, batch)
        views = normalised(made)
        with machine.autocast():
            found = loss(views, texts, spans, answers)
        session.take(found)


def ship(folder: Path, name: str, package: Path, earlier: Path | None = None, share: float = 1.0) -> None:
    """Write the averaged weights into a folder; of the token table only the trained rows.

    Args:
        folder: holds the checkpoint.
        name: a key of `RECIPES`.
        package: where to write.
        earlier: shipped weights that the training began with, to be mixed in; None for none.
        share: of the trained weights in the mixture.
    """
    recipe = RECIPES[name]
    stored = torch.load(folder / f"{name}.pt", weights_only=True, map_location="cpu")
    state = {
        key.removeprefix("model.").replace(".whole.", "."): value
        for key, value in stored["average"].items()
        if key.startswith("model.") and not key.endswith("attn_mask")
    }
    state[TABLE] = state.pop("token_embedding.weight")
    state["token_embedding.rows"] = known_tokens()
    if earlier is not None:
        state = mixed(state, earlier, share)
    model = {"embed_dim": WIDTH, "vision_cfg": recipe.vision, "text_cfg": TEXT}
    description = {"model_cfg": model, "size": SIZE, "mean": MEAN, "std": STD}
    export(state, package / f"{recipe.file}.safetensors", description)
