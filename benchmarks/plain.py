"""A frame the plain way: what Disco Diffusion 5.7 does, call for call, written down from a description of it.

It is what there is to be faster than. The same networks, the same settings, the same sizes, the same number
format; but

- with the secondary model a step asks the denoiser once, without a graph, and the secondary model once, with
  one; without it the denoiser is asked twice, once without a graph and once more to be differentiated, its
  stages computed again in the backward pass (`UNet.use_checkpoint`, which the notebook sets);
- cuts are cropped and resized one by one, and augmented by a chain of transforms;
- every prompt is encoded again for every frame;
- attention is a product, a softmax and a product; every convolution a convolution, every mean of two by two
  pixels a pool, what the timestep scales and shifts in a norm is scaled and shifted after it;
- depth is estimated again for every picture that is moved;
- frames travel between the steps as PNG files of 8 bits.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torchvision import transforms as T

from animator.diffusion import attention, frozen, halving, losses, unet_blocks
from animator.diffusion.cutouts import CutSettings, inner_squares
from animator.diffusion.engine import Networks, schedule_for
from animator.diffusion.precision import computing_in, precision_for
from animator.diffusion.prediction import Denoise, denoised_from_eps, hold_for, network_denoiser, relayed
from animator.diffusion.secondary import secondary_denoiser
from animator.diffusion.step_values import StepValues, schedule_position, step_values
from animator.diffusion.unet import UNet
from animator.diffusion.unet_blocks import GroupNorm32
from animator.settings.scene import Scene
from animator.types import Camera, DepthEstimator, DepthMap, Request
from animator.warp.camera3d import camera_rotation, camera_translation


class Noise(nn.Module):
    """Adds a little noise, as one transform of a chain."""

    def forward(self, pictures: Tensor) -> Tensor:
        """Return the pictures with noise."""
        return pictures + torch.randn_like(pictures) * 0.01


AUGMENTATIONS = T.Compose(
    [
        T.RandomHorizontalFlip(p=0.4),
        Noise(),
        T.RandomAffine(degrees=10, translate=(0.05, 0.05), interpolation=T.InterpolationMode.BILINEAR),
        Noise(),
        T.RandomGrayscale(p=0.1),
        Noise(),
        T.ColorJitter(brightness=0.1, contrast=0.1, saturation=0.1, hue=0.3),
    ]
)
"""Of films in 2D and 3D, one draw for all cuts of a batch."""


@contextmanager
def plain_operations() -> Iterator[None]:
    """Compute those parts of networks that this program computes in ways of its own as torch does."""

    def modulated(norm: GroupNorm32, x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        scale, shift = (value[:, :, None, None] for value in (scale, shift))
        result: Tensor = norm(x) * (1 + scale) + shift
        return result

    def group_norm(x: Tensor, groups: int, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        return F.group_norm(x.float(), groups, weight, bias, eps).to(x.dtype)

    with (
        patch.object(unet_blocks, "spread_norm", group_norm),
        patch.object(unet_blocks, "pointwise", lambda layer, x: layer(x)),
        patch.object(halving, "halved", lambda x: F.avg_pool2d(x, 2)),
        patch.object(attention, "SHORT", 0),
        patch.object(frozen, "keeps_less", lambda *_: False),
        patch.object(unet_blocks, "keeps_less", lambda *_: False),
        patch.object(frozen.QuickGelu, "forward", lambda _, x: frozen.quick_gelu(x)),
        patch.object(GroupNorm32, "modulated", modulated),
    ):
        yield


def plain_cuts(picture: Tensor, size: int, settings: CutSettings) -> Tensor:
    """Return the cuts of one picture, 1 x 3 x H x W in [0, 1], each made by itself."""
    height, width = picture.shape[-2:]
    longest = max(height, width)
    across, down = (longest - width) // 2, (longest - height) // 2
    whole = F.pad(picture, (across, longest - width - across, down, longest - height - down))
    one = _resized(whole, size) if settings.overview else whole
    cuts = [one] * settings.overview
    if settings.overview <= 4:
        grey_one, mirrored = T.functional.rgb_to_grayscale(one, 3), one.flip(-1)
        cuts = [one, grey_one, mirrored, T.functional.rgb_to_grayscale(mirrored, 3)][: settings.overview]
    grey = int(settings.icgray_p * settings.innercut) + 1
    squares = inner_squares(
        (height, width), size, settings.innercut, settings.ic_pow, torch.default_generator
    )
    for number, (side, top, left) in enumerate(zip(*(one.int().tolist() for one in squares), strict=True)):
        cut = _resized(picture[:, :, top : top + side, left : left + side], size)
        cuts.append(T.functional.rgb_to_grayscale(cut, 3) if number < grey else cut)
    made = torch.cat(cuts)
    return made if settings.skip_augs else AUGMENTATIONS(made)


def _resized(picture: Tensor, size: int) -> Tensor:
    return F.interpolate(picture, size=(size, size), mode="bicubic", antialias=True)


class PlainEngine:
    """Paints a request the plain way, with ddim.

    Args:
        scene: its sections ``diffusion`` and ``guidance``.
        networks: the very networks of the engine that it is compared with.
        device: where they are.
    """

    def __init__(self, scene: Scene, networks: Networks, device: torch.device) -> None:
        self.scene, self.networks, self.device = scene, networks, device
        self.schedule = schedule_for(scene.diffusion, scene.guidance)
        self.precision = precision_for(scene.diffusion.precision, device)
        self.denoise = self._computed(network_denoiser(networks.denoiser, self.schedule))
        if networks.noisy is not None:
            expert = self._computed(secondary_denoiser(networks.noisy, self.schedule))
            self.denoise = relayed(expert, self.denoise, self.schedule, networks.noisy_above)
        # What is differentiated for the gradient.
        self.differentiated = self.denoise
        if networks.secondary is not None and scene.diffusion.secondary:
            self.differentiated = self._computed(secondary_denoiser(networks.secondary, self.schedule))
        self.hold = hold_for(networks.estimate) or (lambda denoised: denoised)

    def paint(self, request: Request, steps: int | None = None) -> Tensor:
        """Return a frame; with ``steps`` only so many are taken."""
        with sdpa_kernel(SDPBackend.MATH), plain_operations(), self._recomputing(), torch.no_grad():
            return self._paint(request, steps)

    def _computed(self, denoise: Denoise) -> Denoise:
        return computing_in(self.precision, self.device, denoise)

    @contextmanager
    def _recomputing(self) -> Iterator[None]:
        """Have the denoiser's stages computed again in the backward pass."""
        denoiser = self.networks.denoiser
        if not isinstance(denoiser, UNet):
            yield
            return
        before, denoiser.use_checkpoint = denoiser.use_checkpoint, True
        try:
            yield
        finally:
            denoiser.use_checkpoint = before

    def _paint(self, request: Request, steps: int | None) -> Tensor:
        texts = [one.text for one in request.prompts]
        weights = torch.tensor([one.weight for one in request.prompts], device=self.device)
        embeds = {name: one.encode_text(texts) for name, one in self.networks.perceptors.items()}
        total = self.schedule.num_timesteps
        first = total - math.floor(request.keep * total + 1e-9) - 1
        x = torch.randn(1, 3, request.height, request.width, device=self.device)
        if request.init is not None:
            alpha_bar = float(self.schedule.alpha_bar[first])
            init = request.init[None].to(self.device) * 2 - 1
            x = math.sqrt(alpha_bar) * init + math.sqrt(1 - alpha_bar) * x
        denoised = x
        for index in range(first, max(-1, first - (steps or total)), -1):
            denoised, x = self._step(request, x, index, embeds, weights)
        return (denoised[0] / 2 + 0.5).clamp(0, 1)

    def _step(
        self, request: Request, x: Tensor, index: int, embeds: dict[str, Tensor], weights: Tensor
    ) -> tuple[Tensor, Tensor]:
        alpha_bar = float(self.schedule.alpha_bar[index])
        eps = self.denoise(x, index).eps
        gradient = self._gradient(request, x, index, embeds, weights)
        eps = eps - math.sqrt(1 - alpha_bar) * gradient
        denoised = self.hold(denoised_from_eps(x, eps, alpha_bar))
        eps = (x - math.sqrt(alpha_bar) * denoised) / math.sqrt(1 - alpha_bar)
        before = float(self.schedule.alpha_bar[index - 1]) if index else 1.0
        eta = float(request.values["diffusion.eta"][0])
        sigma = eta * math.sqrt((1 - before) / (1 - alpha_bar) * (1 - alpha_bar / before)) if index else 0.0
        moved = math.sqrt(before) * denoised + math.sqrt(max(1 - before - sigma**2, 0)) * eps
        return denoised, moved + sigma * torch.randn_like(x)

    def _gradient(
        self, request: Request, x: Tensor, index: int, embeds: dict[str, Tensor], weights: Tensor
    ) -> Tensor:
        position = schedule_position(self.schedule, index)
        options = self.scene.diffusion, self.scene.guidance
        values = step_values(*options, request.values, position, request.init_scale)
        with torch.enable_grad():
            x = x.detach().requires_grad_()
            denoised = self.differentiated(x, index).denoised
            share = math.sqrt(1 - float(self.schedule.alpha_bar[index]))
            seen = self.hold(denoised) * share + x * (1 - share)
            pull = torch.zeros_like(seen)
            for name in self.networks.perceptors:
                for _ in range(values.cutn_batches):
                    pull += self._pull(seen, name, embeds[name], weights, values)
            extra = values.tv_scale * losses.total_variation(seen).sum()
            extra = extra + values.range_scale * losses.out_of_range(denoised).sum()
            extra = extra + values.sat_scale * losses.saturation(seen).sum()
            if request.init is not None and values.init_scale:
                init = request.init[None].to(self.device) * 2 - 1
                extra = extra + values.init_scale * losses.pyramid_distance(seen, init).sum()
            pull += torch.autograd.grad(extra, seen)[0]
            gradient = -torch.autograd.grad(seen, x, pull)[0]
        size = gradient.square().mean().sqrt()
        return gradient * (size.clamp(max=values.clamp_max) / size)

    def _pull(self, seen: Tensor, name: str, embeds: Tensor, weights: Tensor, values: StepValues) -> Tensor:
        """Return the gradient of one batch of cuts on the picture that a perceptor sees."""
        perceptor = self.networks.perceptors[name]
        found = perceptor.encode_images(plain_cuts(seen / 2 + 0.5, perceptor.size, values.cuts))
        distance = losses.spherical_distance(found[:, None], embeds[None])
        loss = (distance * weights).sum(dim=1).mean() * values.clip_guidance_scale / values.cutn_batches
        return torch.autograd.grad(loss, seen)[0]


def plain_warp(source: Path, target: Path, depth: DepthMap, camera: Camera) -> None:
    """Move a picture by a camera, from file to file, all points through two projections of 4 x 4 matrices."""
    image = torch.from_numpy(np.array(Image.open(source).convert("RGB"))).float() / 255
    height, width, _ = image.shape
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    points = torch.stack([x.flatten(), y.flatten(), depth.flatten().cpu(), torch.ones(height * width)], dim=1)
    lens = torch.zeros(4, 4)
    lens[0, 0] = lens[1, 1] = 1 / math.tan(math.radians(camera.fov) / 2)
    lens[2, 3] = lens[3, 2] = 1.0
    move = torch.eye(4)
    move[:3, :3] = torch.from_numpy(camera_rotation(camera)).float()
    move[3, :3] = torch.from_numpy(camera_translation(camera)).float()
    old, new = points @ lens.T, (points @ move) @ lens.T
    offset = (new[:, :2] / new[:, 3:] - old[:, :2] / old[:, 3:]).reshape(1, height, width, 2)
    still = F.affine_grid(torch.eye(2, 3)[None], [1, 3, height, width], align_corners=False)
    picture = image.permute(2, 0, 1)[None]
    moved = F.grid_sample(picture, still - offset, mode="bicubic", padding_mode="border", align_corners=False)
    pixels = (moved[0].clamp(0, 1) * 255).byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(target)


def plain_frame_3d(
    engine: PlainEngine,
    request: Request,
    camera: Camera,
    folder: Path,
    depth: DepthEstimator,
    steps: int | None = None,
) -> None:
    """Make a whole 3D frame out of the one before it: ``previous.png`` in a folder becomes the next one."""
    previous, scaled = folder / "previous.png", folder / "scaled.png"
    image = torch.from_numpy(np.array(Image.open(previous).convert("RGB"))).permute(2, 0, 1).float() / 255
    plain_warp(previous, scaled, depth(image.to(engine.device)), camera)
    init = torch.from_numpy(np.array(Image.open(scaled).convert("RGB"))).permute(2, 0, 1).float() / 255
    painted = engine.paint(dataclasses.replace(request, init=init), steps)
    pixels = (painted.cpu() * 255).byte().permute(1, 2, 0).numpy()
    Image.fromarray(pixels).save(previous)
    Image.fromarray(pixels).save(folder / f"{request.frame:06d}.png")
