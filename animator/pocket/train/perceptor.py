"""Train the pocket perceptor: an open_clip model that tells which caption belongs to which picture.

Guidance shows a perceptor crops of half-finished pictures, so it is trained on crops that are blurred,
noisy, blotched, grey, tilted and recoloured. The loss is CLIP's symmetric contrast (Radford et al. 2021).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import open_clip
import torch
import torch.nn.functional as F
from torch import Tensor

from animator.pocket.train.pictures import Pictures
from animator.pocket.train.session import Budget, Session, export
from animator.pocket.world.spec import caption, draw_spec

SIZE = 64
CONTEXT = 40
BATCH = 256
MEAN, STD = [0.45, 0.45, 0.45], [0.27, 0.27, 0.27]
VOCABULARY = 49408
MODEL = {
    "embed_dim": 128,
    "vision_cfg": {"layers": [1, 2, 2, 1], "width": 24, "image_size": SIZE},
    "text_cfg": {"context_length": CONTEXT, "vocab_size": VOCABULARY, "width": 128, "heads": 4, "layers": 3},
}


def known_tokens() -> Tensor:
    """Return the numbers of every token that captions of the world are made of, ascending."""
    tokenizer = open_clip.SimpleTokenizer(context_length=CONTEXT)
    rng = np.random.default_rng(5)
    captions = [caption(draw_spec(int(seed)), rng) for seed in range(20000)]
    return torch.unique(tokenizer(captions))


def build(tokens: int) -> torch.nn.Module:
    """Return the network for a vocabulary of ``tokens`` tokens."""
    text = dict(MODEL["text_cfg"], vocab_size=tokens)
    return open_clip.CLIP(embed_dim=MODEL["embed_dim"], vision_cfg=dict(MODEL["vision_cfg"]), text_cfg=text)


def cut(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a square view of 64 x 64: the whole picture between black bars, or a part of it; uint8."""
    height, width = image.shape[:2]
    if rng.random() < 0.4:
        inner = cv2.resize(image, (SIZE, SIZE * height // width), interpolation=cv2.INTER_AREA)
        view = np.zeros((SIZE, SIZE, 3), np.uint8)
        top = (SIZE - inner.shape[0]) // 2
        view[top : top + inner.shape[0]] = inner
    else:
        side = int(rng.integers(height // 2, height + 1))
        y, x = rng.integers(height - side + 1), rng.integers(width - side + 1)
        view = cv2.resize(image[y : y + side, x : x + side], (SIZE, SIZE), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        view = view[:, ::-1]
    if rng.random() < 0.3:
        turn = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), rng.uniform(-12, 12), 1.0)
        turn[:, 2] += rng.uniform(-3, 3, 2)
        view = cv2.warpAffine(np.ascontiguousarray(view), turn, (SIZE, SIZE))
    if rng.random() < 0.4:
        view = cv2.GaussianBlur(np.ascontiguousarray(view), (0, 0), np.exp(rng.uniform(-0.7, 1.5)))
    return view


def spoil(batch: Tensor, generator: torch.Generator) -> Tensor:
    """Recolour, grey and add noise and blotches to a batch in [0, 1], each picture by its own measure."""
    count = len(batch)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand((count, 1, 1, 1), generator=generator)

    def some(share: float) -> Tensor:
        return (torch.rand((count, 1, 1, 1), generator=generator) < share).float()

    grey = batch.mean(dim=1, keepdim=True)
    saturation = torch.where(some(0.1) > 0, torch.zeros(1), uniform(0.75, 1.35))
    batch = grey + (batch - grey) * saturation
    batch = (batch - 0.45) * uniform(0.75, 1.25) + 0.45 + uniform(-0.07, 0.07)
    fine = torch.randn(batch.shape, generator=generator) * some(0.6) * uniform(0, 1) ** 2 * 0.6
    coarse = torch.randn((count, 3, 8, 8), generator=generator)
    coarse = F.interpolate(coarse, size=SIZE, mode="bicubic") * some(0.35) * uniform(0, 0.22)
    return batch + fine + coarse


def normalised(batch: Tensor) -> Tensor:
    """Turn [0, 1] into what the network reads."""
    mean = torch.tensor(MEAN)[:, None, None]
    return ((batch - mean) / torch.tensor(STD)[:, None, None]).contiguous(memory_format=torch.channels_last)


def make_batch(pictures: Pictures, step: int, count: int) -> tuple[Tensor, list[str]]:
    """Return spoilt views in [0, 1] and their captions."""
    rng = np.random.default_rng((13, step))
    views, captions = [], []
    for index in rng.integers(len(pictures), size=count):
        views.append(cut(pictures.picture(int(index)), rng))
        captions.append(caption(pictures.spec(int(index)), rng))
    batch = (
        torch.from_numpy(np.stack([np.ascontiguousarray(v) for v in views])).permute(0, 3, 1, 2).float() / 255
    )
    return spoil(batch, torch.Generator().manual_seed(step)), captions


def contrast(network: Any, images: Tensor, texts: Tensor) -> Tensor:
    """Return CLIP's symmetric cross-entropy for matching rows."""
    with torch.autocast("cpu", torch.bfloat16):
        seen, told, scale = network(images, texts)[:3]
    logits = scale.float().clamp(max=60) * seen.float() @ told.float().T
    target = torch.arange(len(images))
    return (F.cross_entropy(logits, target) + F.cross_entropy(logits.T, target)) / 2


def train(folder: Path, *, steps: int, rate: float = 1.5e-3) -> None:
    """Train for ``steps`` batches of 256; continue where a run was stopped.

    Only the tokens that captions use are trained; all others stay at zero.
    """
    pictures = Pictures(folder / "world")
    known = known_tokens()
    torch.manual_seed(3)
    network = build(len(known)).to(memory_format=torch.channels_last)
    tokenizer = open_clip.SimpleTokenizer(context_length=CONTEXT)
    session = Session(network, Budget(steps, rate), folder / "perceptor.pt", average=0.995, decay=0.05)
    while not session.done:
        batch, captions = make_batch(pictures, session.step, BATCH)
        texts = torch.searchsorted(known, tokenizer(captions))
        session.take(contrast(network.train(), normalised(batch), texts))


def ship(folder: Path, package: Path) -> None:
    """Write the averaged weights into the package; of the token table only the trained rows."""
    stored = torch.load(folder / "perceptor.pt", weights_only=True)
    state = dict(stored["average"])
    state["token_embedding.values"] = state.pop("token_embedding.weight")
    state["token_embedding.rows"] = known_tokens()
    state.pop("attn_mask", None)
    description = {"model_cfg": MODEL, "size": SIZE, "mean": MEAN, "std": STD}
    export(state, package / "perceptor.safetensors", description)
