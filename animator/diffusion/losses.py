"""The losses of guidance, each once. Pictures are N x 3 x H x W in [-1, 1], what lies outside included."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from animator.diffusion.halving import halved
from animator.weights.files import fit, read_state
from animator.weights.registry import find, location

PerceptualLoss = Callable[[Tensor, Tensor], Tensor]
"""Takes two batches of pictures, N x 3 x H x W in [-1, 1], and returns how different they look, shape
(N,)."""

LUMINANCE = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in a pixel's grey (ITU-R BT.601)."""

VGG16_FILE = "vgg16-397923af.pth"
"""The name under which torchvision keeps the weights that LPIPS is built on."""


def total_variation(x: Tensor) -> Tensor:
    """Return how rough each picture is: 0 for an even one, without upper limit; shape (N,).

    The mean of ``(x[i, j+1] - x[i, j])^2 + (x[i+1, j] - x[i, j])^2`` over all values, the picture
    continued by its last row and column (Mahendran & Vedaldi 2015, eq. 6 with beta = 2).
    """
    across = (x[..., 1:] - x[..., :-1]).square().sum(dim=(1, 2, 3))
    down = (x[..., 1:, :] - x[..., :-1, :]).square().sum(dim=(1, 2, 3))
    return (across + down) / x[0].numel()


def out_of_range(x: Tensor) -> Tensor:
    """Return the mean of ``(x - clip(x, -1, 1))^2`` of each picture; 0 and up, shape (N,)."""
    return (x - x.clamp(-1, 1)).square().mean(dim=(1, 2, 3))


def saturation(x: Tensor) -> Tensor:
    """Return the mean of ``|x - clip(x, -1, 1)|`` of each picture; 0 and up, shape (N,).

    Colours are too saturated for a screen where a channel leaves the range; Disco Diffusion's measure. Unlike
    `out_of_range` its pull does not fade as the value comes near the range. `chroma` is for the others.
    """
    return (x - x.clamp(-1, 1)).abs().mean(dim=(1, 2, 3))


def asymmetry(x: Tensor, horizontal: bool, vertical: bool) -> Tensor:
    """Return how far each picture is from its mirror image; 0 for a symmetric one, shape (N,).

    The mean of ``(x[i, j] - x[i, W-1-j])^2``, and of ``(x[i, j] - x[H-1-i, j])^2``.

    Args:
        x: pictures.
        horizontal: whether left and right are compared.
        vertical: whether above and below are compared; the sum of both where both are asked for.
    """
    axes = [axis for axis, asked in ((-1, horizontal), (-2, vertical)) if asked]
    loss = x.new_zeros(len(x))
    for axis in axes:
        loss = loss + (x - x.flip(axis)).square().mean(dim=(1, 2, 3))
    return loss


def chroma(x: Tensor) -> Tensor:
    """Return the mean square of each value's distance from its pixel's grey: how strong colours are.

    Shape (N,), 0 for a grey picture. Grey is the luminance of ITU-R BT.601.
    """
    grey = (x * x.new_tensor(LUMINANCE).view(3, 1, 1)).sum(dim=1, keepdim=True)
    return (x - grey).square().mean(dim=(1, 2, 3))


def spherical_distance(x: Tensor, y: Tensor) -> Tensor:
    """Return ``2 * arcsin(|x - y| / 2)^2`` of the directions of two embeddings, range [0, pi^2 / 2].

    That is half the square of the angle between them.

    Args:
        x: embeddings, ... x D; need not be of unit length.
        y: embeddings of a shape that broadcasts with ``x``.

    >>> spherical_distance(torch.tensor([2.0, 0.0]), torch.tensor([0.0, 3.0])).item() * 2  # (pi / 2)^2
    2.467400...
    """
    chord = (F.normalize(x, dim=-1) - F.normalize(y, dim=-1)).norm(dim=-1)
    result: Tensor = (chord / 2).clamp(max=1).arcsin().square() * 2
    return result


def pyramid_distance(x: Tensor, y: Tensor) -> Tensor:
    """Return how far pictures are apart in composition and colours, range [0, 1), shape (N,).

    Both are averaged down to 1/4, 1/8, 1/16 ... of their size, as long as 4 pixels a side are left, so that
    the two finest octaves, the detail, stay free for the prompt. ``d^2``, averaged over these levels, adds up
    the mean squares of two differences: that of the colours, and twice that of the changes from pixel to
    pixel, which hold edges in their places. The result is ``d^2 / (d^2 + 1/4)``.

    Its size is that of LPIPS (Zhang et al. 2018), so that ``init_scale`` and ``frames_scale`` act alike
    with both: about 0.7 for pictures that have nothing in common, under 0.2 for pictures that resemble
    each other; and as with LPIPS the pull hardly weakens until they do.
    """
    levels = [x - y]
    if min(x.shape[-2:]) >= 16:
        levels = [halved(halved(x - y))]
        while min(levels[-1].shape[-2:]) >= 8:
            levels.append(halved(levels[-1]))
    squares = [level.square().mean(dim=(1, 2, 3)) + 2 * total_variation(level) for level in levels]
    square = torch.stack(squares).mean(dim=0)
    return square / (square + 0.25)


def perceptual_loss(device: torch.device) -> PerceptualLoss:
    """Return the loss that holds a picture to an init: LPIPS where its weights lie, else `pyramid_distance`.

    VGG16 is looked for in the cache and where torchvision keeps it; nothing is downloaded.

    Args:
        device: where the pictures are.

    Raises:
        WeightsError: the file of VGG16 is damaged or of another network.
    """
    for path in perceptual_files():
        if path.is_file():
            return _lpips(path, device)
    return pyramid_distance


def perceptual_files() -> tuple[Path, Path]:
    """Return where the weights of VGG16 may lie: in the cache, and in torch hub's folder."""
    return location(find("perceptual", "vgg16")), Path(torch.hub.get_dir()) / "checkpoints" / VGG16_FILE


def _lpips(vgg16: Path, device: torch.device) -> PerceptualLoss:
    from lpips import LPIPS  # takes seconds to import, and most runs do without

    features = read_state(vgg16)
    network = LPIPS(net="vgg", pnet_rand=True, verbose=False).eval().requires_grad_(False)
    # LPIPS splits the layers of VGG16 into slices and keeps their numbers: slice2.7.bias is features.7.bias.
    published = {name: "features." + name.split(".", 1)[1] for name in network.net.state_dict()}
    found = {name: features[theirs] for name, theirs in published.items() if theirs in features}
    fit(network.net, found, f"VGG16 at {vgg16}")
    network.to(device)
    return lambda x, y: network(x, y).flatten()
