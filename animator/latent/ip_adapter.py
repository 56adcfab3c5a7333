"""Pictures as prompts: an IP-Adapter over the network, and the network that looks at the pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from animator.errors import WeightsError
from animator.latent.parts import Parts
from animator.latent.single_file import read_tensors
from animator.types import Frame, Prompt
from animator.weights.files import DAMAGED

MEAN = (0.48145466, 0.4578275, 0.40821073)
SPREAD = (0.26862954, 0.26130258, 0.27577711)
"""Of the colours that CLIP's networks were trained on."""

BOTH = ("image_proj", "ip_adapter")
"""What the parts of an IP-Adapter are called in its file."""


class IpAdapter:
    """An IP-Adapter that lies over a network; at first it has no strength.

    Args:
        parts: the networks; the attention of the denoiser is replaced.
        path: the file of the adapter.
        encoder: folder of the CLIP network that looks at pictures, as diffusers keeps it.

    Raises:
        WeightsError: a file is absent, damaged, or does not fit.
    """

    def __init__(self, parts: Parts, path: Path, encoder: Path) -> None:
        from transformers import CLIPVisionModelWithProjection

        state = read_tensors(path)
        named: dict[str, dict[str, Tensor]] = {part: {} for part in BOTH}
        for name, one in state.items():
            part, _, rest = name.partition(".")
            if part in named:
                named[part][rest] = one
        unet: Any = parts.unet
        try:
            unet._load_ip_adapter_weights([named], low_cpu_mem_usage=False)
            seeing = CLIPVisionModelWithProjection.from_pretrained(encoder, local_files_only=True)
        except (*DAMAGED, ValueError, RuntimeError, KeyError) as fault:
            raise WeightsError(f"the IP-Adapter at {path} does not fit this network ({fault})") from fault
        looking: Any = seeing
        self.encoder = looking.float().eval().requires_grad_(False)
        (projection,) = unet.encoder_hid_proj.image_projection_layers
        self.deep = type(projection).__name__ != "ImageProjection"
        self.processors = [one for one in unet.attn_processors.values() if hasattr(one, "scale")]
        self._known: dict[str, Tensor] = {}
        self.act(0.0)

    def act(self, scale: float) -> None:
        """Set how strongly pictures act from now on."""
        for one in self.processors:
            one.scale = [scale]

    def seen(
        self, prompts: Sequence[Prompt], open_image: Callable[[str], Frame], device: torch.device
    ) -> tuple[Tensor, Tensor] | None:
        """Return what the pictures among prompts show, wanted and not, or None where there are none.

        Args:
            prompts: with their weights; a negative one is what the picture is not to be like.
            open_image: opens a picture by its name.
            device: where the encoder is.

        Returns:
            Two means by the weights, each 1 x 1 x width, or 1 x 1 x tokens x width as the adapter asks.
        """
        pictures = [one for one in prompts if one.image]
        if not pictures:
            return None
        looks = [(self._look(one.text, open_image, device), one.weight) for one in pictures]
        empty, _ = self.nothing(device)
        wanted = [(look, weight) for look, weight in looks if weight > 0]
        against = [(look, -weight) for look, weight in looks if weight < 0]
        return _mean(wanted) if wanted else empty, _mean(against) if against else empty

    def nothing(self, device: torch.device) -> tuple[Tensor, Tensor]:
        """Return what is seen where there is no picture, twice."""
        side = int(self.encoder.config.image_size)
        seen = self._looked(torch.zeros(1, 3, side, side, device=device))
        empty = seen if self.deep else torch.zeros_like(seen)
        return empty, empty

    def _look(self, name: str, open_image: Callable[[str], Frame], device: torch.device) -> Tensor:
        if name not in self._known:
            self._known[name] = self._looked(self._prepared(open_image(name), device))
        return self._known[name]

    def _looked(self, picture: Tensor) -> Tensor:
        answer: Any = self.encoder(picture, output_hidden_states=self.deep)
        found: Tensor = answer.hidden_states[-2] if self.deep else answer.image_embeds
        return found[None]

    def _prepared(self, picture: Frame, device: torch.device) -> Tensor:
        """Return the middle of a picture as the encoder takes it, 1 x 3 x side x side."""
        side = int(self.encoder.config.image_size)
        height, width = picture.shape[-2:]
        times = side / min(height, width)
        size = (max(side, round(height * times)), max(side, round(width * times)))
        small = F.interpolate(picture[None].to(device), size, mode="bicubic", antialias=True).clamp(0, 1)
        top, left = (size[0] - side) // 2, (size[1] - side) // 2
        middle = small[..., top : top + side, left : left + side]
        mean, spread = (middle.new_tensor(one)[:, None, None] for one in (MEAN, SPREAD))
        return (middle - mean) / spread


def _mean(looks: Sequence[tuple[Tensor, float]]) -> Tensor:
    total = sum(weight for _, weight in looks)
    return torch.stack([look * (weight / total) for look, weight in looks]).sum(dim=0)
