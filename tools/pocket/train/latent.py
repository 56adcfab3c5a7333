"""Train the pocket latent network: captions into latents of `autoencoder`.

The architecture is latent diffusion's U-Net (Rombach et al. 2022, `diffusers.UNet2DConditionModel`), reading
the states that the text tower of the bundled perceptor has after its last layer. It predicts `v` (Salimans &
Ho 2022) on Stable Diffusion's noise schedule; a tenth of the captions is left empty, for classifier-free
guidance (Ho & Salimans 2022). The loss of each timestep is weighted by min(SNR, 5)/(SNR + 1)
(Hang et al. 2023).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers.models.attention_processor import AttnProcessor
from torch import Tensor, nn

from tools.pocket import WEIGHTS
from tools.pocket.packed import in_bytes, read_packed
from tools.pocket.train import autoencoder
from tools.pocket.train.perceptor import TEXT_WIDTH, bundled
from tools.pocket.train.pictures import Pictures
from tools.pocket.train.session import Budget, Machine, Session, export
from tools.pocket.train.told import CONTEXT, Told, known_tokens, tokenizer

CONFIG: dict[str, Any] = {
    "sample_size": (16, 24),
    "in_channels": autoencoder.CHANNELS,
    "out_channels": autoencoder.CHANNELS,
    "block_out_channels": (64, 128, 192),
    "layers_per_block": 1,
    # Prompts are read where latents are few: at their full size that takes as long as all the rest.
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "cross_attention_dim": TEXT_WIDTH,
    # How many heads there are, whatever the name says.
    "attention_head_dim": (2, 4, 6),
    "norm_num_groups": 16,
}

SCHEDULE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "prediction_type": "v_prediction",
}

BATCH = 32
"""Latents in a step on a CPU; half as many again of square parts, which every other step is shown."""

EMPTY = 0.1
"""Share of captions that are left empty."""

FLAT = 5.0
"""Signal-to-noise ratio above which a timestep weighs no more."""

TOGETHER = 50
"""Pictures that are turned into latents at once."""


def alpha_bar() -> Tensor:
    """Return how much of the signal's energy is left at each timestep, shape (1000,)."""
    roots = torch.linspace(SCHEDULE["beta_start"] ** 0.5, SCHEDULE["beta_end"] ** 0.5, 1000)
    return torch.cumprod(1 - roots.square(), 0)


def build() -> Any:
    """Return the network, a `diffusers.UNet2DConditionModel`, with its first weights."""
    network: Any = diffusers.UNet2DConditionModel(**CONFIG)
    # With heads this narrow torch's own attention takes half of a step, on a CPU.
    network.set_attn_processor(AttnProcessor())
    return network


class Words(nn.Module):
    """The text tower of the bundled perceptor: rows of the table of known tokens into states."""

    def __init__(self) -> None:
        super().__init__()
        self.tower = bundled("perceptor")
        self.known: Tensor
        self.empty: Tensor
        self.register_buffer("known", known_tokens())
        self.register_buffer("empty", tokenizer()([""])[0])

    @torch.no_grad()
    def forward(self, rows: Tensor, left_out: Tensor) -> Tensor:
        """Return states, N x 40 x 128, of captions, N x 40; those ``left_out``, of N, are empty."""
        tokens = torch.where(left_out[:, None], self.empty, self.known[rows])
        model = self.tower
        x = model.token_embedding(tokens) + model.positional_embedding[:CONTEXT]
        result: Tensor = model.ln_final(model.transformer(x, attn_mask=model.attn_mask))
        return result


def make_latents(folder: Path, machine: Machine) -> Tensor:
    """Return the latents of all pictures of a world, N x 8 x 16 x 24, each channel of mean 0 and variance 1.

    They are made once, with the weights that the autoencoder then has, and lie in ``latents.pt``.
    """
    path = folder / "latents.pt"
    if not path.exists():
        pictures, network = (
            Pictures(folder / "world", machine.device),
            autoencoder.trained(folder, machine.device),
        )
        made = []
        with torch.no_grad():
            for first in range(0, len(pictures), TOGETHER):
                last = min(first + TOGETHER, len(pictures))
                index = torch.arange(first, last, device=machine.device)
                made.append(network.encode(pictures.images(index) * 2 - 1).latent_dist.mean.half().cpu())
        part = path.with_suffix(".part")
        torch.save(torch.cat(made), part)
        os.replace(part, path)
    latents = torch.load(path, weights_only=True)
    shift, scale = statistics(latents)
    result: Tensor = ((latents.float() - shift) * scale).to(machine.device)
    return result


def statistics(latents: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean of each channel, and what brings its standard deviation to 1, 1 x 8 x 1 x 1 each."""
    some = latents[:2000].float()
    return some.mean((0, 2, 3), keepdim=True), 1 / some.std((0, 2, 3)).view(1, -1, 1, 1)


def squared(latents: Tensor, dice: torch.Generator) -> Tensor:
    """Return parts of latents that are as wide as high, anywhere, N x C x H x H of N x C x H x W."""
    height, width = latents.shape[2:]
    first = int(torch.randint(width - height + 1, (), generator=dice, device=dice.device))
    return latents[..., first : first + height]


def train(
    folder: Path,
    *,
    steps: int,
    machine: Machine,
    start: Path | None = None,
    rate: float = 1e-3,
    batch: int = BATCH,
    minutes: float = 0.0,
) -> None:
    """Train on the latents of a world; continue where a run was stopped.

    Args:
        folder: holds ``world/`` and ``autoencoder.pt``, and receives the checkpoint.
        steps: steps of ``batch`` latents.
        machine: where to train.
        start: earlier weights to begin with, as `ship` writes them; their autoencoder is taken over where
            ``folder`` has none.
        rate: highest learning rate.
        batch: latents in a step.
        minutes: most that it takes; 0 for no limit.
    """
    earlier: Any = read_packed(start, WEIGHTS / "perceptor.safetensors") if start else None
    if earlier and not (folder / "autoencoder.pt").exists():
        torch.save({"average": earlier.vae.state_dict()}, folder / "autoencoder.pt")
    latents, told = make_latents(folder, machine), Told(folder / "world", machine.device)
    torch.manual_seed(23)
    begun = build()
    if earlier:
        begun.load_state_dict(earlier.unet.state_dict())
    network: Any = machine.put(begun)
    words = machine.put(Words())
    session = Session(network, Budget(steps, rate, minutes=minutes), folder / "latent.pt")
    bars = alpha_bar().to(machine.device)
    while not session.done:
        dice = machine.dice(23, session.step)
        square = bool(session.step % 2)
        count = batch + batch // 2 if square else batch
        index = torch.randint(len(latents), (count,), generator=dice, device=dice.device)
        left_out = torch.rand(count, generator=dice, device=dice.device) < EMPTY
        states = words(told.captions(index, dice), left_out)
        t = torch.randint(len(bars), (count,), generator=dice, device=dice.device)
        clean, at = latents[index], bars[t].view(-1, 1, 1, 1)
        clean = squared(clean, dice) if square else clean
        noise = torch.randn(clean.shape, generator=dice, device=clean.device)
        with machine.autocast():
            found = network(at.sqrt() * clean + (1 - at).sqrt() * noise, t, states).sample
        error = (found.float() - (at.sqrt() * noise - (1 - at).sqrt() * clean)).square().mean((1, 2, 3))
        ratio = (at / (1 - at)).flatten()
        session.take((error * ratio.clamp(max=FLAT) / (ratio + 1)).mean())


def ship(folder: Path, package: Path) -> None:
    """Write both networks, with averaged weights, into ``latent.safetensors`` of the package.

    What makes each channel's variance 1 goes into the autoencoder's outermost layers, so that its latents
    are those that the network was trained on.
    """
    vae, network = autoencoder.trained(folder), build()
    stored = torch.load(folder / "latent.pt", weights_only=True, map_location="cpu")
    shift, scale = statistics(torch.load(folder / "latents.pt", weights_only=True))
    scaled(vae, shift.flatten(), scale.flatten())
    network.load_state_dict(stored["average"])
    # Of the autoencoder bytes would cost half a decibel, of the denoiser they change 2 % of its answers.
    state = in_bytes({f"unet.{name}": one for name, one in network.state_dict().items()})
    state |= {f"vae.{name}": one for name, one in vae.state_dict().items()}
    description = {
        "unet": CONFIG,
        "vae": {**autoencoder.CONFIG, "scaling_factor": 1.0},
        "schedule": {**SCHEDULE, "timestep_spacing": "trailing"},
    }
    export(state, package / "latent.safetensors", description)


@torch.no_grad()
def scaled(vae: Any, shift: Tensor, scale: Tensor) -> None:
    """Have an autoencoder tell ``(latents - shift) * scale``, C values each, and read the same."""
    inner, outer = vae.quant_conv, vae.post_quant_conv
    count = len(shift)
    inner.weight[:count] *= scale[:, None, None, None]
    inner.bias[:count] = (inner.bias[:count] - shift) * scale
    inner.bias[count:] += 2 * scale.log()
    outer.bias += outer.weight[:, :, 0, 0] @ shift
    outer.weight /= scale[None, :, None, None]
