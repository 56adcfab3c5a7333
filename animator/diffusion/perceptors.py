"""Perceptors: networks that put texts and pictures into one space, so that guidance can compare them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from animator.diffusion.attention import batch_first
from animator.diffusion.compiled import compiled
from animator.diffusion.frozen import with_quick_gelu
from animator.diffusion.halving import with_halving
from animator.errors import WeightsError
from animator.weights.files import fit, read_config, read_state
from animator.weights.registry import Entry, config_file, find, locate


def _open_clip() -> Any:
    """Return open_clip. It takes seconds to import, and scenes without networks do without."""
    from animator.diffusion.clip_library import open_clip

    return open_clip


TOKEN_TABLE = "token_embedding.weight"
TOKEN_ROWS, TOKEN_VALUES = "token_embedding.rows", "token_embedding.values"
"""Names under which a small perceptor stores only those rows of its token table that are not zero."""


class Perceptor(Protocol):
    """What guidance asks of a perceptor. Embeddings are not of unit length."""

    name: str
    """What it is called, for messages and weights."""

    size: int
    """Height and width in pixels of the pictures that it takes."""

    def encode_text(self, texts: list[str]) -> Tensor:
        """Return the embeddings of N texts, N x D float32, without gradient."""
        ...

    def encode_images(self, batch: Tensor) -> Tensor:
        """Return the embeddings of N x 3 x size x size pictures in [0, 1], N x D float32, differentiable."""
        ...


class ClipPerceptor:
    """A `Perceptor` made of an open_clip model, which it freezes.

    Args:
        name: what it is called.
        network: an open_clip model.
        tokenizer: turns texts into N x context tokens; what is too long for the context is cut off.
        size: side of its pictures in pixels.
        mean: of each channel, what the network's pictures were normalised with; pictures are in [0, 1].
        std: the same.
        dtype: float32, or the half-precision type in which it computes under autocast.
        compile: whether its look at pictures is compiled.
    """

    def __init__(
        self,
        name: str,
        network: nn.Module,
        tokenizer: Callable[[list[str]], Tensor],
        *,
        size: int,
        mean: Sequence[float],
        std: Sequence[float],
        dtype: torch.dtype = torch.float32,
        compile: bool = False,
    ) -> None:
        self.name = name
        self.size = size
        frozen = network.eval().requires_grad_(False)
        self._network: Any = with_quick_gelu(with_halving(batch_first(frozen)))
        self._tokenizer = tokenizer
        self._dtype = dtype
        self._device = next(network.parameters()).device
        look: Any = self._network.encode_image
        self._look = compiled(look, self._device, first=False) if compile else look
        self._mean, self._std = (
            torch.tensor(values, dtype=torch.float32, device=self._device).view(1, 3, 1, 1)
            for values in (mean, std)
        )

    @torch.no_grad()
    def encode_text(self, texts: list[str]) -> Tensor:
        """Return the embeddings of N texts, N x D float32, on the network's device."""
        with self._precision():
            result: Tensor = self._network.encode_text(self._tokenizer(texts).to(self._device)).float()
            return result

    def encode_images(self, batch: Tensor) -> Tensor:
        """Return the embeddings of pictures, N x D float32, differentiable in ``batch``, not of unit length.

        Args:
            batch: N x 3 x size x size in [0, 1]; what lies a little outside is not clamped.

        Raises:
            ValueError: the pictures have another size.
        """
        if batch.shape[1:] != (3, self.size, self.size):
            raise ValueError(f"{self.name} takes N x 3 x {self.size} x {self.size}, not {tuple(batch.shape)}")
        with self._precision():
            return self._look((batch - self._mean) / self._std).float()

    def _precision(self) -> AbstractContextManager[None]:
        half = self._dtype != torch.float32
        return torch.autocast(self._device.type, self._dtype if half else None, enabled=half)


def load_perceptor(
    name: str,
    device: torch.device | str = "cpu",
    *,
    dtype: torch.dtype = torch.float32,
    compile: bool = False,
) -> Perceptor:
    """Load a CLIP model.

    Args:
        name: in any form that `canonical_name` understands, ``pocket`` and ``pocket-vit`` among them.
        device: where to put it.
        dtype: float32, or a half-precision type to compute in under autocast.
        compile: whether its look at pictures is compiled.

    Raises:
        UsageError: there is no such model.
        WeightsError: its weights are absent, damaged or of another network.
    """
    entry = find("clip", name)
    path = locate(entry)
    if described := config_file(entry):
        return read_perceptor(path, described, device, name=entry.name, dtype=dtype, compile=compile)
    return _published(entry, path, torch.device(device), dtype, compile)


def read_perceptor(
    path: Path,
    description: Path,
    device: torch.device | str = "cpu",
    *,
    name: str,
    dtype: torch.dtype = torch.float32,
    compile: bool = False,
) -> Perceptor:
    """Read a CLIP model of any small configuration from its two files.

    Args:
        path: the weights, float16 or float32; the token table may be stored by its non-zero rows.
        description: a JSON, ``{"model_cfg": <of open_clip>, "size": pixels, "mean": [...], "std": [...]}``.
        device: where to put it.
        name: what to call it.
        dtype: as in `load_perceptor`.
        compile: as in `load_perceptor`.

    Raises:
        WeightsError: a file is absent, damaged or does not fit the other.
    """
    config = read_config(description)
    lacking = [key for key in ("model_cfg", "size", "mean", "std") if key not in config]
    if lacking:
        raise WeightsError(f"the description {description} of a perceptor lacks {', '.join(lacking)}")
    model_cfg = config["model_cfg"]
    open_clip = _open_clip()
    network = open_clip.CLIP(**model_cfg)
    rows, width = network.token_embedding.weight.shape
    fit(network, dense_token_table(read_state(path), rows, width), str(path))
    context = model_cfg["text_cfg"].get("context_length", open_clip.tokenizer.DEFAULT_CONTEXT_LENGTH)
    return ClipPerceptor(
        name,
        network.to(device),
        open_clip.SimpleTokenizer(context_length=context),
        size=int(config["size"]),
        mean=config["mean"],
        std=config["std"],
        dtype=dtype,
        compile=compile,
    )


def dense_token_table(state: dict[str, Tensor], rows: int, width: int) -> dict[str, Tensor]:
    """Return a state dict whose token table is whole; one that already is comes back as it is.

    A perceptor of few words leaves nearly all of the 49,408 rows of CLIP's table at zero, unstored.

    Args:
        state: with or without ``token_embedding.rows`` (int64, R) and ``token_embedding.values`` (R x width).
        rows: number of rows of the whole table.
        width: its columns.

    Raises:
        WeightsError: the stored rows do not belong to such a table.
    """
    if TOKEN_ROWS not in state or TOKEN_VALUES not in state:
        return state
    numbers, values = state[TOKEN_ROWS], state[TOKEN_VALUES]
    inside = numbers.numel() == 0 or (int(numbers.min()) >= 0 and int(numbers.max()) < rows)
    if values.shape != (len(numbers), width) or not inside:
        raise WeightsError(
            f"{len(numbers)} token rows of {tuple(values.shape)} do not belong to a table of {rows} x {width}"
        )
    table = torch.zeros(rows, width, dtype=values.dtype)
    table[numbers.long()] = values
    rest = {name: entry for name, entry in state.items() if name not in (TOKEN_ROWS, TOKEN_VALUES)}
    return {**rest, TOKEN_TABLE: table}


@dataclass(frozen=True)
class Published:
    """What weights of open_clip need of the network and the pictures that they are given.

    Attributes:
        model_cfg: what open_clip builds the network from.
        size: side of its pictures in pixels.
        mean: of each channel, what the pictures are normalised with; pictures are in [0, 1].
        std: the same.
    """

    model_cfg: Mapping[str, Any]
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]


def published(name: str) -> Published:
    """Return what the weights ``MODEL/PRETRAINED`` were trained with, from open_clip's own records.

    The activation is that of the weights, whichever the model's name says: OpenAI's were trained with
    ``x * sigmoid(1.702 x)`` (quick GELU), and so were some of OpenCLIP's.
    """
    model, _, pretrained = name.partition("/")
    open_clip = _open_clip()
    trained = open_clip.get_pretrained_cfg(model, pretrained)
    model_cfg: dict[str, Any] = copy.deepcopy(open_clip.get_model_config(model))
    if trained.get("quick_gelu", False):
        model_cfg["quick_gelu"] = True
    side = model_cfg["vision_cfg"]["image_size"]
    size = side if isinstance(side, int) else side[0]
    return Published(model_cfg, size, tuple(trained["mean"]), tuple(trained["std"]))


def build_published(model_cfg: Mapping[str, Any]) -> nn.Module:
    """Return one of open_clip's networks, its weights still random; nothing is downloaded."""
    config = copy.deepcopy(dict(model_cfg))
    open_clip = _open_clip()
    kind = open_clip.CustomTextCLIP if config.pop("custom_text", False) else open_clip.CLIP
    if "timm_model_name" in config["vision_cfg"]:
        config["vision_cfg"]["timm_model_pretrained"] = False
    result: nn.Module = kind(**config)
    return result


def _published(
    entry: Entry, path: Path, device: torch.device, dtype: torch.dtype, compile: bool
) -> Perceptor:
    """Build one of open_clip's own models from a file of its weights."""
    trained = published(entry.name)
    state = read_state(path)
    network = build_published(trained.model_cfg)
    fit(network, _of_open_clip(network, state), entry.name)
    return ClipPerceptor(
        entry.name,
        network.to(device),
        _open_clip().get_tokenizer(entry.name.partition("/")[0]),
        size=trained.size,
        mean=trained.mean,
        std=trained.std,
        dtype=dtype,
        compile=compile,
    )


def _of_open_clip(network: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return a state dict by the names that open_clip uses today; older and foreign files have others."""
    from animator.diffusion.clip_library import convert_state_dict, convert_to_custom_text_state_dict

    state = dict(convert_state_dict(network, state))
    if "positional_embedding" in state and not hasattr(network, "positional_embedding"):
        state = convert_to_custom_text_state_dict(state)
    for name in ("logit_scale", "logit_bias"):  # a number, or one in brackets
        own = getattr(network, name, None)
        if own is not None and name in state and state[name].numel() == 1:
            state[name] = state[name].reshape(own.shape)
    return state
