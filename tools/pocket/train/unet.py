"""Train the pocket U-Net: the published architecture and loss on the pictures of the world.

The loss is L_hybrid of Nichol & Dhariwal 2021 ("Improved DDPM", eq. 16) with the noise term weighted by
min(SNR, 5)/SNR (Hang et al. 2023), so that the short training goes into shapes rather than into grain. A
third term holds the clean estimate's large patches to the truth: where there is next to no signal, an error
of the predicted noise that the other terms do not see becomes a wrong hue of the whole picture.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.unet import UNet, unet_config
from animator.system.convert import unit_to_signed
from tools.pocket.train.pictures import HEIGHT, WIDTH, Pictures
from tools.pocket.train.session import Budget, Machine, Session, export, start_from
from tools.pocket.train.views import some

SWITCHES = {
    "image_size": 128,
    "num_channels": 32,
    "num_res_blocks": 1,
    "channel_mult": "1,1,3,4,6",
    "attention_resolutions": "16,8",
    "num_head_channels": 32,
    "learn_sigma": True,
    "use_scale_shift_norm": True,
    "resblock_updown": True,
    "rescale_timesteps": True,
}

BATCH = 24
"""Pictures of 96 x 64 in a step on a CPU."""

HUE = 0.1
"""Weight of the patches' term."""

NOISY_ABOVE = 750
"""Timestep above which the secondary model's clean estimates are nearer to the truth (see the card)."""

RARE = 0.4
"""How often timesteps are practised, against the others, at which little is to be learnt: those above
`NOISY_ABOVE`, and those below `CLEAR_BELOW`, where only grain is left."""

CLEAR_BELOW = 120

BETAS = np.linspace(1e-4, 0.02, 1000)
ALPHA_BAR = np.cumprod(1 - BETAS)


def _parts(images: Tensor, height: int, width: int, dice: torch.Generator) -> Tensor:
    """Cut one part of this size out of each picture, N x 3 x H x W, anywhere."""
    count, device = len(images), images.device
    y = torch.randint(HEIGHT - height + 1, (count, 1, 1), generator=dice, device=device)
    x = torch.randint(WIDTH - width + 1, (count, 1, 1), generator=dice, device=device)
    rows = y + torch.arange(height, device=device)[:, None]
    columns = x + torch.arange(width, device=device)
    which = torch.arange(count, device=device)[:, None, None]
    return images[which, :, rows, columns].permute(0, 3, 1, 2)


def _mirrored(images: Tensor, dice: torch.Generator) -> Tensor:
    """Mirror every other picture, and turn all from [0, 1] into [-1, 1]."""
    return unit_to_signed(torch.where(some(len(images), 0.5, dice), images.flip(3), images))


def small_batch(pictures: Pictures, count: int, dice: torch.Generator) -> Tensor:
    """Return ``count`` pictures of 96 x 64 in [-1, 1]: whole ones at half size, and parts at full size."""
    images = pictures.images(pictures.draw(count, dice))
    parts = _parts(images, HEIGHT // 2, WIDTH // 2, dice)
    return _mirrored(torch.where(some(count, 0.75, dice), F.avg_pool2d(images, 2), parts), dice)


def full_batch(pictures: Pictures, count: int, square: bool, dice: torch.Generator) -> Tensor:
    """Return whole pictures of 192 x 128, or half as many again of 128 x 128, in [-1, 1]."""
    images = pictures.images(pictures.draw(count + count // 2 if square else count, dice))
    return _mirrored(_parts(images, HEIGHT, HEIGHT, dice) if square else images, dice)


def sized_batch(pictures: Pictures, count: int, step: int, small: bool, dice: torch.Generator) -> Tensor:
    """Return the batch of a step: small pictures, or full ones, which are square at every other step.

    Args:
        pictures: where they come from.
        count: small pictures; of full ones a third, or half of square ones.
        step: of the training.
        small: whether small ones.
        dice: chance.
    """
    if small:
        return small_batch(pictures, count, dice)
    return full_batch(pictures, count // 3, step % 2 == 1, dice)


def practised(count: int, generator: torch.Generator) -> Tensor:
    """Draw timesteps of 1000, the `RARE` ones seldom."""
    share = torch.ones(len(BETAS), device=generator.device)
    share[:CLEAR_BELOW] = RARE
    share[NOISY_ABOVE:] = RARE
    return torch.multinomial(share, count, replacement=True, generator=generator)


class Hybrid:
    """The loss, with the tables of the linear noise schedule that it needs."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        before = np.append(1.0, ALPHA_BAR[:-1])
        posterior = BETAS * (1 - before) / (1 - ALPHA_BAR)
        posterior[0] = posterior[1]
        snr = ALPHA_BAR / (1 - ALPHA_BAR)
        self.alpha_bar = torch.tensor(ALPHA_BAR).float().to(machine.device)
        self.weight = torch.tensor(np.minimum(snr, 5) / snr).float().to(machine.device)
        self.log_beta = torch.tensor(np.log(BETAS)).float().to(machine.device)
        self.log_posterior = torch.tensor(np.log(posterior)).float().to(machine.device)
        # How far the posterior's mean moves for a unit of error in the predicted noise, squared.
        slope = BETAS / (np.sqrt(1 - ALPHA_BAR) * np.sqrt(1 - BETAS))
        self.mean_slope = torch.tensor(slope**2).float().to(machine.device)

    def __call__(self, network: UNet, clean: Tensor, generator: torch.Generator) -> Tensor:
        """Return the loss of one batch, ``clean`` N x 3 x H x W in [-1, 1]."""
        t = practised(len(clean), generator)
        noise = torch.randn(clean.shape, generator=generator, device=clean.device)
        at = self.alpha_bar[t][:, None, None, None]
        x = at.sqrt() * clean + (1 - at).sqrt() * noise
        with self.machine.autocast():
            output = network(x, t.float())
        eps, raw = output.float().chunk(2, dim=1)
        error = (eps - noise).square()
        simple = (error.mean(dim=(1, 2, 3)) * self.weight[t]).mean()
        ratio = ((1 - at) / at).sqrt()
        patches = F.avg_pool2d((eps - noise) * ratio, 16)
        hue = F.huber_loss(patches, torch.zeros_like(patches), delta=0.5)
        share = (raw + 1) / 2
        low = self.log_posterior[t][:, None, None, None]
        log_variance = low + share * (self.log_beta[t][:, None, None, None] - low)
        miss = error.detach() * self.mean_slope[t][:, None, None, None]
        bound = 0.5 * (
            log_variance - low + torch.exp(low - log_variance) - 1 + miss * torch.exp(-log_variance)
        )
        result: Tensor = simple + 1e-3 * bound.mean() + HUE * hue
        return result


def train(
    folder: Path,
    *,
    small_steps: int,
    full_steps: int,
    machine: Machine,
    start: Path | None = None,
    rate: float = 6e-4,
    batch: int = BATCH,
    minutes: float = 0.0,
) -> None:
    """Train on small pictures, then on full ones; continue where a run was stopped.

    Args:
        folder: holds ``world/`` and receives the checkpoint.
        small_steps: steps of ``batch`` pictures of 96 x 64.
        full_steps: steps of a third as many of 192 x 128 or half as many of 128 x 128.
        machine: where to train.
        start: earlier weights to begin with.
        rate: highest learning rate; it falls to nothing over both parts.
        batch: pictures of 96 x 64 in a step.
        minutes: most that it takes; 0 for no limit.
    """
    pictures = Pictures(folder / "world", machine.device)
    torch.manual_seed(7)
    network = UNet(unet_config(SWITCHES))
    if start:
        start_from(network, start)
    budget = Budget(small_steps + full_steps, rate, minutes=minutes)
    session = Session(machine.put(network), budget, folder / "unet.pt")
    loss, called = Hybrid(machine), machine.compiled(network)
    while not session.done:
        dice = machine.dice(11, session.step)
        small = session.share < small_steps / budget.steps
        clean = sized_batch(pictures, batch, session.step, small, dice)
        session.take(loss(called, clean.contiguous(), dice))


def ship(folder: Path, package: Path) -> None:
    """Write the averaged weights into the package."""
    stored = torch.load(folder / "unet.pt", weights_only=True, map_location="cpu")
    description = {
        "switches": SWITCHES,
        "estimate": "clamped",
        "native_size": [WIDTH, HEIGHT],
        "noisy": {"secondary": "pocket", "above": NOISY_ABOVE},
    }
    export(stored["average"], package / "unet.safetensors", description)
