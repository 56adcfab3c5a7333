"""A network that tells classes of pictures apart, such as OpenAI's of ImageNet, asked for one of them."""

from __future__ import annotations

import difflib

from torch import Tensor, nn

from animator.diffusion.unet import CLASSES, UNet, UNetConfig
from animator.errors import UsageError


class Labelled(nn.Module):
    """A `UNet` that is asked for one class of pictures.

    Args:
        unet: of which several may share the weights.
        label: the class, from 0 on.
    """

    def __init__(self, unet: UNet, label: int) -> None:
        super().__init__()
        self.unet = unet
        self.label = label

    @property
    def config(self) -> UNetConfig:
        """See `UNet`."""
        return self.unet.config

    @property
    def use_checkpoint(self) -> bool:
        """See `UNet`; may be set."""
        return self.unet.use_checkpoint

    @use_checkpoint.setter
    def use_checkpoint(self, value: bool) -> None:
        self.unet.use_checkpoint = value

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """See `UNet`."""
        result: Tensor = self.unet(x, t, self.label)
        return result

    def with_deep(self, x: Tensor, t: Tensor) -> tuple[Tensor, Tensor]:
        """See `UNet`."""
        return self.unet.with_deep(x, t, self.label)

    def from_deep(self, x: Tensor, t: Tensor, deep: Tensor) -> Tensor:
        """See `UNet`."""
        return self.unet.from_deep(x, t, deep, self.label)


def no_label(model: str) -> str:
    """Return what to say where a network needs a class and none is named."""
    return (
        f"{model} paints one of ImageNet's classes; name it, or its number: diffusion.class_label: lighthouse"
    )


def label_number(label: int | str) -> int:
    """Return the number of a class of ImageNet, 0 to 999, from its number or its name.

    Raises:
        UsageError: there is no such class; the message offers near names.

    >>> label_number("Lighthouse"), label_number("beacon"), label_number(7)
    (437, 437, 7)
    """
    if isinstance(label, int):
        if not 0 <= label < CLASSES:
            raise UsageError(f"there is no class {label}; ImageNet's have the numbers 0 to {CLASSES - 1}")
        return label
    from torchvision.models import ResNet50_Weights

    names = [name.lower() for name in ResNet50_Weights.IMAGENET1K_V1.meta["categories"]]
    wanted = OTHER_NAMES.get(label.strip().lower(), label.strip().lower())
    if wanted in names:
        return names.index(wanted)
    near = difflib.get_close_matches(wanted, names, 3, 0.6)
    near = near or [name for name in names if wanted in name.split()][:3]
    hint = f"; near it are {', '.join(near)}" if near else ""
    raise UsageError(f"there is no class {label!r} of ImageNet{hint}; or give its number, 0 to 999")


OTHER_NAMES = {"lighthouse": "beacon"}
"""Common words for classes that ImageNet's list calls by another."""
