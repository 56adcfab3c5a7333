"""What is lost by storing weights as float16, and by computing in bfloat16.

Stored weights compute in float32, but each has been rounded to 11 significant bits. How much that changes can
be told only beside the float32 weights, which the trainings leave in ``.training`` and nobody ships.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from animator.depth.pocket import FARTHEST, NEAREST, PocketDepthNetwork
from animator.diffusion.checkpoints import load_diffusion
from animator.diffusion.noise_schedule import full_schedule
from animator.diffusion.perceptors import TOKEN_ROWS, TOKEN_TABLE, TOKEN_VALUES, read_perceptor
from animator.diffusion.prediction import Denoise, network_denoiser
from animator.diffusion.samplers import noised
from animator.diffusion.secondary import SecondaryModel, secondary_denoiser
from animator.system.convert import unit_to_signed
from animator.weights.files import fit, read_config
from animator.weights.registry import Kind, config_file, find, locate
from tools.pocket.figures.figure import Figure
from tools.pocket.figures.held_out import Drawn
from tools.pocket.figures.networks import bundled_perceptors
from tools.pocket.figures.retrieval import AT_ONCE, seen, told

TRAINING = Path(".training")
"""Where the trainings keep their float32 weights."""

LEVEL = 500
"""Timestep, of 1000, at which the networks that denoise are asked."""


@dataclass(frozen=True)
class Answer:
    """What a network says of the held-out pictures.

    Attributes:
        output: N x anything, the noise, the embeddings, the log distances.
        loss: what it is trained to keep small, on these pictures; mean squared error of the clean estimate,
            cross-entropy of the own caption, mean absolute error of the log distance.
    """

    output: Tensor
    loss: float


Ask = Callable[[Path, Path, Drawn, torch.dtype], Answer]
"""Given weights, their description, pictures and the type to compute in, asks the network."""


def _unet(path: Path, config: Path, pictures: Drawn, dtype: torch.dtype) -> Answer:
    network, description = load_diffusion(path)
    return _denoised(network_denoiser(network, full_schedule(1000), description.estimate), pictures, dtype)


def _secondary(path: Path, config: Path, pictures: Drawn, dtype: torch.dtype) -> Answer:
    model = SecondaryModel(int(read_config(config)["width"]))
    fit(model, load_file(path), path.name)
    return _denoised(secondary_denoiser(model, full_schedule(1000)), pictures, dtype)


def _denoised(denoise: Denoise, pictures: Drawn, dtype: torch.dtype) -> Answer:
    true = unit_to_signed(pictures.pictures)
    noise = torch.randn(true.shape, generator=torch.Generator().manual_seed(LEVEL))
    x = noised(true, noise, full_schedule(1000), LEVEL)
    with _computing_in(dtype):
        output = torch.cat([denoise(part, LEVEL).denoised.float() for part in x.split(AT_ONCE)])
    return Answer(output, float(F.mse_loss(output, true)))


def _perceptor(path: Path, config: Path, pictures: Drawn, dtype: torch.dtype) -> Answer:
    perceptor = read_perceptor(path, config, name=path.stem, dtype=dtype)
    scale = float(load_file(path)["logit_scale"].float().exp())
    output = seen(perceptor, pictures.pictures)
    logits = scale * output @ told(perceptor, pictures.captions).T
    return Answer(output, float(F.cross_entropy(logits, torch.arange(len(output)))))


def _depth(path: Path, config: Path, pictures: Drawn, dtype: torch.dtype) -> Answer:
    network = PocketDepthNetwork(**read_config(config))
    fit(network, load_file(path), path.name)
    with _computing_in(dtype):
        output = torch.cat([network(part).float() for part in pictures.pictures.split(AT_ONCE)])[:, 0]
    true = (pictures.depths / NEAREST).log() / torch.tensor(FARTHEST / NEAREST).log()
    return Answer(output, float(F.l1_loss(output, true)))


def _computing_in(dtype: torch.dtype) -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16)


ASKS: Mapping[Kind, Ask] = {"diffusion": _unet, "secondary": _secondary, "clip": _perceptor, "depth": _depth}


def full_weights(stored: Mapping[str, Tensor], folder: Path) -> dict[str, Tensor] | None:
    """Return the float32 weights that were rounded to the stored ones, or None where they are not at hand.

    Args:
        stored: the shipped state, float16.
        folder: of checkpoints; each is held against the shipped weights, whatever its name.
    """
    for path in sorted(folder.glob("*.pt")):
        checkpoint: Any = torch.load(path, weights_only=True, map_location="cpu")
        state = _by_shipped_names(checkpoint.get("average", {}))
        if TOKEN_ROWS in stored:
            state[TOKEN_ROWS] = stored[TOKEN_ROWS]
        if stored.keys() <= state.keys() and all(
            torch.equal(state[name].to(value.dtype), value) for name, value in stored.items()
        ):
            return {name: state[name] for name in stored}
    return None


def _by_shipped_names(average: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a training's weights by the names under which they are shipped."""
    state = {name.removeprefix("model.").replace(".whole.", "."): value for name, value in average.items()}
    if TOKEN_TABLE in state:
        state[TOKEN_VALUES] = state[TOKEN_TABLE]
    return state


def relative_change(changed: Tensor, output: Tensor) -> float:
    """Return |changed - output| / |output|, Euclidean norms over everything.

    >>> round(relative_change(torch.tensor([3.0, 4.5]), torch.tensor([3.0, 4.0])), 6)
    0.1
    """
    return float((changed - output).norm() / output.norm())


@torch.no_grad()
def precision(pictures: Drawn, training: Path = TRAINING) -> dict[str, Figure]:
    """Return what rounding changes in every bundled network.

    Args:
        pictures: held-out pictures; a few dozen tell enough.
        training: the folder of the float32 weights; where those of a network are not there, only what
            computing in bfloat16 changes is told of it.
    """
    found = {}
    kinds: list[tuple[Kind, str]] = [("diffusion", "pocket"), ("secondary", "pocket"), ("depth", "pocket")]
    for kind, name in [*kinds, *(("clip", name) for name in bundled_perceptors())]:
        label = f"{kind} {name}"
        path, config = locate(find(kind, name)), config_file(find(kind, name))
        assert config is not None
        ask = ASKS[kind]
        shipped = ask(path, config, pictures, torch.float32)
        rough = ask(path, config, pictures, torch.bfloat16)
        found[f"{label}, change by computing in bfloat16"] = _change(rough, shipped)
        if (full := full_weights(load_file(path), training)) is not None:
            with tempfile.TemporaryDirectory() as folder:
                exact = ask(*_saved(full, config, Path(folder)), pictures, torch.float32)
            found[f"{label}, change by storing float16"] = _change(shipped, exact)
            found[f"{label}, loss with float32 weights"] = Figure(exact.loss)
            found[f"{label}, relative rise of the loss by storing float16"] = Figure(
                shipped.loss / exact.loss - 1
            )
    return found


def _change(changed: Answer, answer: Answer) -> Figure:
    return Figure(relative_change(changed.output, answer.output))


def _saved(state: Mapping[str, Tensor], config: Path, folder: Path) -> tuple[Path, Path]:
    """Write weights and their description side by side, as every loader finds them."""
    path = folder / f"{config.stem}.safetensors"
    save_file({name: value.contiguous() for name, value in state.items()}, path)
    beside = path.with_suffix(".json")
    beside.write_bytes(config.read_bytes())
    return path, beside
