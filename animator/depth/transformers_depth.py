"""The depth networks that `transformers` carries: MiDaS (DPT), Depth Anything V2 and ZoeDepth.

Each is built from a description in ``configs`` (the published ``config.json``) and filled from the published
file; each looks at a picture in the size and range that it was trained on, and returns the depth at the
picture's own size. A further checkpoint of these families is a description and an entry of the registry.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from animator.depth.blend import NEAREST, midas_to_depth
from animator.types import DepthMap, Frame
from animator.weights.files import fit, read_config, read_state

HALF = ((0.5,) * 3, (0.5,) * 3)
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation by which a network's input is normalised."""

_ATTENTION = (
    (".attention.attention.query.", ".attention.q_proj."),
    (".attention.attention.key.", ".attention.k_proj."),
    (".attention.attention.value.", ".attention.v_proj."),
    (".attention.output.dense.", ".attention.o_proj."),
)
RENAMED = {
    "depth_anything": _ATTENTION,
    "zoedepth": (
        ("backbone.embeddings.", "backbone.beit.embeddings."),
        ("backbone.encoder.layer.", "backbone.beit.layers."),
        (".attention.attention.relative_position_bias.", ".relative_position_bias."),
        *_ATTENTION,
        (".intermediate.dense.", ".mlp.fc1."),
        (".output.dense.", ".mlp.fc2."),
    ),
}
"""By family: how the names in the published files read in transformers 5.23, replaced in this order."""


def build(config: Path) -> Any:
    """Build the network that belongs to a description. Its parameters hold whatever was in memory.

    Raises:
        WeightsError: the description is absent or not a JSON object.
    """
    # Importing transformers takes seconds, and most scenes need none of these networks.
    import transformers
    from transformers.initialization import no_init_weights

    classes = {
        "dpt": (transformers.DPTConfig, transformers.DPTForDepthEstimation),
        "depth_anything": (transformers.DepthAnythingConfig, transformers.DepthAnythingForDepthEstimation),
        "zoedepth": (transformers.ZoeDepthConfig, transformers.ZoeDepthForDepthEstimation),
    }
    described = read_config(config)
    make_config, make_network = classes[described["model_type"]]
    # Not on the meta device, where the index tables that ZoeDepth keeps out of its state would be lost.
    with no_init_weights():
        return make_network(make_config(**described))


def load_network(config: Path, weights: Path, label: str, device: torch.device | str) -> Module:
    """Return the network of a description, filled from a file, on a device.

    Args:
        config: its description, see `build`.
        weights: a state dict, by the published names or by those of transformers.
        label: what the weights are called in a message.
        device: where it computes.

    Raises:
        WeightsError: a file is absent or damaged, or the weights are of another network.
    """
    network = build(config)
    names = network.state_dict().keys()
    family = network.config.model_type
    state = {_current(name, names, family): entry for name, entry in read_state(weights).items()}
    fit(network, state, label)
    result: Module = network.to(device)
    return result


def _current(name: str, names: Collection[str], family: str) -> str:
    """Return the name of a published entry as the installed transformers has it."""
    if name in names:
        return name
    for published, current in RENAMED.get(family, ()):
        name = name.replace(published, current)
    return name


class MidasDepth:
    """MiDaS 3, DPT-Large or DPT-Hybrid (Ranftl et al. 2021): relative inverse depth.

    The network sees the picture at its aspect and the size that MiDaS gives it, see `least_scaled`.

    Args:
        network: a `DPTForDepthEstimation`, in evaluation mode.
        side: pixels of a side that it was trained on.
    """

    def __init__(self, network: Module, side: int = 384) -> None:
        self.network = network
        self.side = side

    @torch.no_grad()
    def inverse(self, frame: Frame) -> Tensor:
        """Return the prediction, float32, H x W of the frame's size; larger is nearer, usually 0 to 50."""
        size = least_scaled(frame, self.side, 32)
        pixels = normalised(resized(frame, size), HALF)
        with half_on_gpu(pixels):
            prediction = predict_dpt(self.network, pixels)
        return enlarged(prediction, frame)

    def __call__(self, frame: Frame) -> DepthMap:
        """Return the depth of a frame, see `animator.depth.blend.midas_to_depth`."""
        return midas_to_depth(self.inverse(frame))


def predict_dpt(network: Any, pixels: Tensor) -> Tensor:
    """Return what a DPT predicts of pictures of any shape, N x H x W.

    Left alone, transformers lays the tokens of its own encoders out as a square and refuses other inputs to
    the hybrid one. So the neck is given the patch grid, and the hybrid's embeddings that they may stretch.

    Args:
        network: a `DPTForDepthEstimation`.
        pixels: N x 3 x H x W, sides multiples of twice the patch size.
    """
    rows, columns = (side // network.config.patch_size for side in pixels.shape[2:])

    def tell_grid(_neck: Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        return given[0], rows, columns

    def let_stretch(_embeddings: Module, given: tuple[Any, ...]) -> tuple[Any, ...]:
        return (given[0], True) if network.config.is_hybrid else given

    with (
        network.neck.register_forward_pre_hook(tell_grid),
        network.dpt.embeddings.register_forward_pre_hook(let_stretch),
    ):
        result: Tensor = network(pixels).predicted_depth
        return result


LOW, HIGH = 2.0, 38.0
"""Where the farthest and nearest fiftieth of a Depth Anything prediction come to lie on MiDaS' scale: depths
of 2.5 and 0.6. What lies beyond goes on along the same line, at most to `HIGHEST`."""

HIGHEST = 48.0


def to_midas_scale(prediction: Tensor) -> Tensor:
    """Bring relative inverse depth of any scale to the range that MiDaS' usually has.

    Its second and ninety-eighth percentile become `LOW` and `HIGH`; percentiles, because a single bright
    speck would otherwise decide the scale of the picture. A picture without any depth lies in the middle.

    Args:
        prediction: H x W, larger is nearer, known up to scale and shift.
    """
    prediction = prediction.float()
    low, high = torch.quantile(prediction.flatten(), torch.tensor([0.02, 0.98]).to(prediction))
    spread = high - low
    if not spread > 1e-6 * high.abs():
        return torch.full_like(prediction, (LOW + HIGH) / 2)
    result: Tensor = (LOW + (HIGH - LOW) * (prediction - low) / spread).clamp(0, HIGHEST)
    return result


class DepthAnything:
    """Depth Anything V2 (Yang et al. 2024): relative inverse depth, its scale different for every size.

    The network sees the picture at its aspect, the shorter side 518 pixels long, both multiples of 14.

    Args:
        network: a `DepthAnythingForDepthEstimation`, in evaluation mode.
        side: pixels of the shorter side.
    """

    def __init__(self, network: Module, side: int = 518) -> None:
        self.network = network
        self.side = side

    @torch.no_grad()
    def __call__(self, frame: Frame) -> DepthMap:
        """Return the depth of a frame: brought to MiDaS' scale, then turned by MiDaS' line."""
        pixels = normalised(resized(frame, covering(frame, self.side, 14)), IMAGENET)
        with half_on_gpu(pixels):
            prediction = self.network(pixels).predicted_depth
        return midas_to_depth(to_midas_scale(enlarged(prediction, frame)))


class ZoeDepth:
    """ZoeDepth (Bhat et al. 2023): depth in metres, indoors and outdoors.

    As published, the picture is continued as its own mirror image beyond its edges, where the network is
    unsure, and the margins are cut off again; the network sees about 384 x 512 at the picture's aspect.

    Args:
        network: a `ZoeDepthForDepthEstimation`, in evaluation mode.
        height: pixels that the padded picture is brought near to, and
        width: the same across; the side that needs less scaling decides.
    """

    def __init__(self, network: Module, height: int = 384, width: int = 512) -> None:
        self.network = network
        self.height = height
        self.width = width

    def pixels(self, frame: Frame) -> Tensor:
        """Return the network's input, 1 x 3 x H x W."""
        rows, columns = (_margin(side) for side in frame.shape[1:])
        padded = F.pad(frame[None], (columns, columns, rows, rows), mode="reflect")
        height, width = padded.shape[2:]
        scale = min((self.width / width, self.height / height), key=lambda scale: (abs(1 - scale), scale))
        size = (to_multiple(height * scale, 32), to_multiple(width * scale, 32))
        return normalised(F.interpolate(padded, size, mode="bilinear", align_corners=True), HALF)

    @torch.no_grad()
    def __call__(self, frame: Frame) -> DepthMap:
        """Return the depth of a frame in metres."""
        pixels = self.pixels(frame)
        with half_on_gpu(pixels):
            prediction = self.network(pixels).predicted_depth.float()
        height, width = frame.shape[1:]
        rows, columns = _margin(height), _margin(width)
        size = (height + 2 * rows, width + 2 * columns)
        padded = F.interpolate(prediction[:, None], size, mode="bicubic", align_corners=False)[0, 0]
        return padded[rows : rows + height, columns : columns + width].clamp(min=NEAREST)


def _margin(side: int) -> int:
    """Return by how many pixels ZoeDepth continues a side of that many at each end."""
    return int(math.sqrt(side / 2) * 3)


def to_multiple(side: float, multiple: int) -> int:
    """Return the multiple nearest to a side, at least one."""
    return max(1, round(side / multiple)) * multiple


def covering(frame: Frame, side: int, multiple: int) -> tuple[int, int]:
    """Return height and width at a frame's aspect whose shorter side is ``side``, rounded to multiples."""
    height, width = frame.shape[1:]
    scale = side / min(height, width)
    return to_multiple(height * scale, multiple), to_multiple(width * scale, multiple)


def least_scaled(frame: Frame, side: int, multiple: int) -> tuple[int, int]:
    """Return height and width at a frame's aspect; one is ``side``, that for which it is scaled least.

    That is the resizing "minimal" of MiDaS 3 (Ranftl et al. 2021): of the scales ``side / height`` and
    ``side / width`` the one nearer to 1, and both sides rounded to multiples.

    >>> least_scaled(torch.empty(3, 128, 192), 384, 32), least_scaled(torch.empty(3, 768, 1280), 384, 32)
    ((256, 384), (384, 640))
    """
    height, width = frame.shape[1:]
    high, wide = side / height, side / width
    scale = wide if abs(1 - wide) < abs(1 - high) else high
    return to_multiple(height * scale, multiple), to_multiple(width * scale, multiple)


def resized(frame: Frame, size: tuple[int, int]) -> Tensor:
    """Return a frame in another size, 1 x 3 x height x width; smaller without aliasing."""
    return F.interpolate(frame[None], size, mode="bicubic", antialias=True)


def normalised(pixels: Tensor, by: tuple[tuple[float, ...], tuple[float, ...]]) -> Tensor:
    """Return pictures in [0, 1], N x 3 x H x W, less a mean and divided by a deviation for each colour."""
    mean, deviation = (pixels.new_tensor(values)[:, None, None] for values in by)
    return (pixels - mean) / deviation


def enlarged(prediction: Tensor, frame: Frame) -> Tensor:
    """Return a prediction, 1 x h x w, at a frame's size: float32, H x W, bicubic as MiDaS does it."""
    size = frame.shape[1:]
    return F.interpolate(prediction[:, None].float(), size, mode="bicubic", align_corners=False)[0, 0]


def half_on_gpu(pixels: Tensor) -> torch.autocast:
    """Return a context in which networks compute in float16 on a GPU, and as always elsewhere."""
    device = pixels.device.type
    return torch.autocast(device, torch.float16, enabled=device == "cuda")
