"""The network of AdaBins (Bhat, Alhashim & Wonka 2021, arXiv 2011.14141), by the names of its checkpoint.

An encoder and a decoder give features at half the picture's size. A small transformer looks at all of them
at once and divides the range of distances into bins for this picture; every pixel is a mixture of the bins.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import timm
import torch
import torch.nn.functional as F
from torch import Tensor, nn

NEAREST, FARTHEST = 1e-3, 10.0
"""Range of the distances it can tell, in metres: that of NYU Depth V2, which it was trained on."""

BINS = 256
WIDTH = 128
"""Channels of the decoded features and of the transformer's tokens."""

LARGEST_TOKENS = 500
"""Most patches that the transformer has places for."""


class _Encoder(nn.Module):
    """EfficientNet-B5 up to its last convolution."""

    LEVELS = (0, 1, 2, 4)
    """Stages whose output the decoder takes up again: at 1/2, 1/4, 1/8 and 1/16 of the size."""

    def __init__(self) -> None:
        super().__init__()
        self.original_model: Any = timm.create_model("tf_efficientnet_b5", pretrained=False, num_classes=0)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return 2048 channels at 1/32 of the size, before their normalisation, and the levels above."""
        network = self.original_model
        h = network.bn1(network.conv_stem(x))
        levels = []
        for number, stage in enumerate(network.blocks):
            h = stage(h)
            if number in self.LEVELS:
                levels.append(h)
        return network.conv_head(h), levels


class _Up(nn.Module):
    """Enlarges features to those of the level above, joins the two and convolves them twice."""

    def __init__(self, channels: int, out_channels: int) -> None:
        super().__init__()
        self._net = nn.Sequential(
            nn.Conv2d(channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.LeakyReLU(),
            nn.Conv2d(out_channels, out_channels, 3, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.LeakyReLU(),
        )

    def forward(self, h: Tensor, level: Tensor) -> Tensor:
        h = F.interpolate(h, size=level.shape[2:], mode="bilinear", align_corners=True)
        result: Tensor = self._net(torch.cat([h, level], dim=1))
        return result


class _Decoder(nn.Module):
    """From the encoder's features to 128 channels at half the picture's size."""

    LEVEL_CHANNELS = (176, 64, 40, 24)

    def __init__(self, features: int = 2048) -> None:
        super().__init__()
        # A border of 1 around a 1 x 1 kernel: the trained network has it.
        self.conv2 = nn.Conv2d(features, features, 1, padding=1)
        widths = [features >> octave for octave in range(5)]
        ups = [
            _Up(wide + level, narrow)
            for (wide, narrow), level in zip(pairwise(widths), self.LEVEL_CHANNELS, strict=True)
        ]
        self.up1, self.up2, self.up3, self.up4 = ups
        self.conv3 = nn.Conv2d(widths[-1], WIDTH, 3, padding=1)

    def forward(self, h: Tensor, levels: list[Tensor]) -> Tensor:
        h = self.conv2(h)
        for up, level in zip((self.up1, self.up2, self.up3, self.up4), reversed(levels), strict=True):
            h = up(h, level)
        result: Tensor = self.conv3(h)
        return result


class _PatchTransformer(nn.Module):
    """A vision transformer over patches of 16 x 16 features."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(WIDTH, 4, dim_feedforward=1024, batch_first=True)
        self.transformer_encoder = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
        self.embedding_convPxP = nn.Conv2d(WIDTH, WIDTH, 16, stride=16)
        self.positional_encodings = nn.Parameter(torch.rand(LARGEST_TOKENS, WIDTH))

    def forward(self, h: Tensor) -> Tensor:
        """Return N x patches x 128."""
        tokens = self.embedding_convPxP(h).flatten(2).transpose(1, 2)
        result: Tensor = self.transformer_encoder(tokens + self.positional_encodings[: tokens.shape[1]])
        return result


class _MiniViT(nn.Module):
    """The adaptive bins: their widths from the first token, the kernels of range attention from the rest."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_transformer = _PatchTransformer()
        self.conv3x3 = nn.Conv2d(WIDTH, WIDTH, 3, padding=1)
        self.regressor = nn.Sequential(
            nn.Linear(WIDTH, 256), nn.LeakyReLU(), nn.Linear(256, 256), nn.LeakyReLU(), nn.Linear(256, BINS)
        )

    def forward(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """Return the shares of the range that the bins take, N x 256, and N x 128 range attention maps."""
        tokens = self.patch_transformer(h)
        kernels = tokens[:, 1 : WIDTH + 1]
        attention = torch.einsum("nkc,nchw->nkhw", kernels, self.conv3x3(h))
        # Eq. 1 of the paper; its epsilon, 0.1 here, keeps every width positive.
        widths = F.relu(self.regressor(tokens[:, 0])).float() + 0.1
        return widths / widths.sum(dim=1, keepdim=True), attention


class AdaBinsNetwork(nn.Module):
    """AdaBins, strictly of the names and shapes of ``AdaBins_nyu.pt``."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = _Encoder()
        self.adaptive_bins_layer = _MiniViT()
        self.decoder = _Decoder()
        self.conv_out = nn.Sequential(nn.Conv2d(WIDTH, BINS, 1), nn.Softmax(dim=1))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the distances of each picture at half its size, and the bins that they are mixed of.

        Args:
            x: N x 3 x H x W, normalised with ImageNet's mean and standard deviation. At half the size there
                must be between 129 and 500 whole patches of 16 x 16.

        Returns:
            Metres, N x 1 x ceil(H / 2) x ceil(W / 2), and the edges of the bins in metres, N x 257, rising.
            Both float32.
        """
        shares, attention = self.adaptive_bins_layer(self.decoder(*self.encoder(x)))
        widths = (FARTHEST - NEAREST) * shares
        edges = F.pad(widths, (1, 0), value=NEAREST).cumsum(dim=1)
        centres = (edges[:, :-1] + edges[:, 1:]) / 2  # eq. 2
        mixture = self.conv_out(attention).float()
        return torch.einsum("nbhw,nb->nhw", mixture, centres)[:, None], edges  # eq. 3
