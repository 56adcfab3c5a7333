"""How well pictures answer their prompts, as a CLIP model of the scene sees it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.perceptors import Perceptor, load_perceptor
from animator.diffusion.targets import spoken_to
from animator.engines.registry import family_of
from animator.errors import UsageError, WeightsError
from animator.scene.reading import LoadedScene
from animator.system.convert import uint8_to_frame
from animator.types import Prompt

AT_MOST = 60
"""Pictures of a run that are scored."""


@dataclass
class Scores:
    """Scores of pictures by their numbers.

    Attributes:
        perceptor: name of the CLIP model; None where there was none.
        values: cosine similarity, -1 to 1, see `Scorer.add`.
        skipped: why there are no scores, or an empty text.
    """

    perceptor: str | None = None
    values: dict[int, float] = field(default_factory=dict)
    skipped: str = ""


class Scorer:
    """Scores pictures one by one.

    Args:
        loaded: the scene, or None where it could not be read.
        judge: name of the CLIP model that scores; left out, the scene's own choice, see `Family.judge`.
        load: returns a CLIP model by its name.
    """

    def __init__(
        self, loaded: LoadedScene | None, judge: str = "", load: Callable[[str], Perceptor] | None = None
    ) -> None:
        self.scores = Scores()
        self._load_perceptor = load or load_perceptor
        self._loaded = loaded
        self._texts: dict[str, Tensor] = {}
        self._perceptor: Perceptor | None = None
        if loaded is None:
            self.scores.skipped = "the scene cannot be read, so its prompts are not known"
        elif loaded.scene.models == "fake":
            self.scores.skipped = "models: fake has no CLIP model"
        elif not (judge := judge or judge_of(loaded)):
            self.scores.skipped = "the scene names no CLIP model"
        else:
            self._load(judge)

    def _load(self, name: str) -> None:
        """Load the perceptor on the CPU: a render's networks may still fill the accelerator."""
        try:
            self._perceptor = self._load_perceptor(name)
        except (WeightsError, UsageError) as error:
            self.scores.skipped = str(error).splitlines()[0]
        else:
            self.scores.perceptor = name

    def wanted(self, numbers: Sequence[int]) -> set[int]:
        """Return which of some pictures have a text that speaks to the perceptor, and no picture."""
        if self._perceptor is None:
            return set()
        wanted = {number for number in numbers if self._prompts(number)}
        if numbers and not wanted:
            name = self.scores.perceptor
            self.scores.skipped = f"no text prompt is for {name} at the frames that were measured"
        return wanted

    def add(self, number: int, pixels: np.ndarray) -> None:
        """Score a picture: the cosines of its embedding and those of its prompts, times their weights.

        Weights sum to 1, and one that pushes away is negative. The picture's largest square in the middle is
        shown (Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021);
        the score is that of Hessel et al., "CLIPScore", EMNLP 2021, equation 1, neither scaled nor cut off.

        Args:
            number: one of those that `wanted` returned.
            pixels: H x W x 3 uint8 RGB.
        """
        assert self._perceptor is not None
        prompts = self._prompts(number)
        view = uint8_to_frame(middle(pixels, self._perceptor.size))[None]
        with torch.no_grad():
            seen = F.normalize(self._perceptor.encode_images(view), dim=-1)[0]
        cosines = [float(seen @ self._embedding(self._perceptor, one.text)) for one in prompts]
        weighted = (cosine * one.weight for cosine, one in zip(cosines, prompts, strict=True))
        self.scores.values[number] = math.fsum(weighted)

    def _prompts(self, number: int) -> list[Prompt]:
        """Return the texts that speak to the perceptor; none where a picture is among them."""
        assert self._loaded is not None
        assert self.scores.perceptor is not None
        prompts = self._loaded.timeline.row(number).prompts
        heard = spoken_to(prompts, self.scores.perceptor) if prompts else []
        return [] if any(one.image for one in heard) else heard

    def _embedding(self, perceptor: Perceptor, text: str) -> Tensor:
        if text not in self._texts:
            self._texts[text] = F.normalize(perceptor.encode_text([text]), dim=-1)[0]
        return self._texts[text]


def judge_of(loaded: LoadedScene) -> str:
    """Return the CLIP model by which a scene's pictures are scored; empty where there is none."""
    if loaded.scene.models == "fake":
        return ""
    return family_of(loaded.scene.diffusion.model).judge(loaded.scene)


def middle(pixels: np.ndarray, size: int) -> np.ndarray:
    """Return the largest square in the middle of a picture at ``size`` x ``size`` pixels."""
    height, width, _ = pixels.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = np.ascontiguousarray(pixels[top : top + side, left : left + side])
    return cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA if side > size else cv2.INTER_CUBIC)
