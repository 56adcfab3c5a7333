"""The half equirectangular picture of a headset: what an eye sees of the hemisphere before it.

Its columns are evenly spaced in longitude, -90 to 90 degrees from left to right, its rows in latitude, 90 to
-90 degrees from top to bottom; -90 and 90 are the outer edges of the first and last pixel.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d

from animator.warp.sampling import sample

if TYPE_CHECKING:
    from typing import TypeAlias

    from animator.types import Frame

    Edge: TypeAlias = Literal["fade", "stretch", "mirror"]

FADE = 5.0
"""Degrees beyond the picture's edges over which it fades to black."""

SHRINK = 1.5
"""Pixels of the picture that may lie between two samples; where there are more, samples are averaged."""

MOST_SAMPLES = 8
"""Samples of an output pixel in each direction at most."""


@dataclass(frozen=True)
class HalfEquirect:
    """Where every pixel of a half equirectangular picture comes from, for pictures of one size and angle.

    Attributes:
        size: pixels of the result in width and height.
        grid: coordinates of `sampling`, float32, samples down x samples across x 2, of the window alone.
        window: rows and columns of the result that the grid covers; the others are black.
        samples: samples of an output pixel, down and across; they are averaged.
        weight: share of the picture's light at each pixel of the window, or None where it is 1 throughout.
        shape: height and width of the pictures.
    """

    size: int
    grid: Tensor
    window: tuple[slice, slice]
    samples: tuple[int, int]
    weight: Tensor | None
    shape: tuple[int, int]

    def __call__(self, frame: Frame) -> Frame:
        """Project a picture.

        Raises:
            ValueError: if it has another size than this was made for.
        """
        if tuple(frame.shape[-2:]) != self.shape:
            raise ValueError(f"a picture of {tuple(frame.shape[-2:])}; this projection takes {self.shape}")
        # The grid stays within the picture; the border only serves its outermost half pixel.
        seen = sample(frame, self.grid, "bicubic", "border")
        if self.samples != (1, 1):
            seen = avg_pool2d(seen, self.samples)
        if self.weight is not None:
            seen = seen * self.weight
        whole = frame.new_zeros(3, self.size, self.size)
        whole[:, self.window[0], self.window[1]] = seen
        return whole


def half_equirect(frame: Frame, size: int, fov: float, *, edge: Edge = "fade") -> Frame:
    """Project a picture of a pinhole camera onto the hemisphere before the eye.

    Args:
        frame: the picture; its pixels are square, its centre lies straight ahead.
        size: pixels of the result in width and height.
        fov: angle in degrees that the picture's height fills, above 0 and below 180.
        edge: what lies beyond the picture, see `half_equirect_grid`.

    Returns:
        A frame of 3 x size x size.

    Raises:
        ValueError: if the size or the angle cannot be.
    """
    height, width = frame.shape[-2:]
    return half_equirect_grid(height, width, size, fov, edge=edge, device=frame.device)(frame)


def half_equirect_grid(
    height: int,
    width: int,
    size: int,
    fov: float,
    *,
    edge: Edge = "fade",
    device: torch.device | None = None,
) -> HalfEquirect:
    """Return the projection of all pictures of a size, so that a film computes it once.

    The direction of longitude ``l`` and latitude ``b`` is ``(x, y, z) = (cos b sin l, -sin b, cos b cos l)``
    with x to the right, y downwards and z ahead; a pinhole camera sees it at ``(x / z, y / z)``, the upper
    edge being at ``-tan(fov / 2)``. First ``l = atan(x / z)`` is clamped or folded at the left and right
    edges, then ``atan(y / z)`` of the direction that this gives at the upper and lower ones. So a mirror at
    the left or right is a meridian, and there are as many mirror images as fit; folded in the plane of the
    picture there would be endlessly many before 90 degrees.

    Args:
        height: pixels of the pictures.
        width: pixels of the pictures.
        size: pixels of the result in width and height.
        fov: angle in degrees that the picture's height fills, above 0 and below 180.
        edge: ``fade``: mirrored over `FADE` degrees while it fades to black; ``stretch``: the last row or
            column drawn out; ``mirror``: mirrored, again and again, out to 90 degrees.
        device: where the grid lives.

    Raises:
        ValueError: if the size or the angle cannot be, or the edge is none of the three.
    """
    if edge not in ("fade", "stretch", "mirror"):
        raise ValueError(f"edge is {edge!r}; it must be 'fade', 'stretch' or 'mirror'")
    if size < 2:
        raise ValueError(f"size is {size}; a half equirectangular picture needs at least 2 pixels")
    if not 0 < fov < 180:
        raise ValueError(f"fov is {fov}; a pinhole picture fills an angle above 0 and below 180 degrees")
    half = (math.atan(width / height * math.tan(math.radians(fov) / 2)), math.radians(fov) / 2)
    rows = columns = slice(0, size)
    weight = None
    if edge == "fade":
        weight = _fading(*_directions(size, (1, 1), rows, columns, device), half)
        rows, columns = _span(weight.amax(dim=1)), _span(weight.amax(dim=0))
        weight = weight[rows, columns]
    samples = _samples(_grid(size, (1, 1), rows, columns, device, half, edge), height, width)
    grid = _grid(size, samples, rows, columns, device, half, edge)
    return HalfEquirect(size, grid, (rows, columns), samples, weight, (height, width))


def _directions(
    size: int, samples: tuple[int, int], rows: slice, columns: slice, device: torch.device | None
) -> tuple[Tensor, Tensor]:
    """Return latitude (samples down x 1) and longitude (samples across) in radians, float32."""

    def places(count: int, part: slice) -> Tensor:
        step = torch.arange(part.start * count, part.stop * count, dtype=torch.float64)
        # Apple's GPUs have no float64.
        return (((step + 0.5) / (size * count) - 0.5) * math.pi).float().to(device)

    return -places(samples[0], rows)[:, None], places(samples[1], columns)


def _grid(
    size: int,
    samples: tuple[int, int],
    rows: slice,
    columns: slice,
    device: torch.device | None,
    half: tuple[float, float],
    edge: Edge,
) -> Tensor:
    """Return where each sample lies in the picture; ``half`` are half its angles across and down."""
    latitude, longitude = _directions(size, samples, rows, columns, device)
    bound = _clamped if edge == "stretch" else _folded
    across = bound(longitude, half[0])
    down = bound(torch.atan2(-torch.tan(latitude), torch.cos(across)), half[1])
    x = torch.tan(across) / math.tan(half[0])
    y = torch.tan(down) / math.tan(half[1])
    return torch.stack((x.expand_as(y), y), dim=-1)


def _clamped(angle: Tensor, half: float) -> Tensor:
    return angle.clamp(-half, half)


def _folded(angle: Tensor, half: float) -> Tensor:
    """Reflect an angle at -half and half until it lies between them."""
    return half - ((angle + half).remainder(4 * half) - 2 * half).abs()


def _fading(latitude: Tensor, longitude: Tensor, half: tuple[float, float]) -> Tensor:
    """Return 1 inside the picture, falling smoothly to 0 over `FADE` degrees beyond it."""
    x = torch.cos(latitude) * torch.sin(longitude)
    y = -torch.sin(latitude)
    z = torch.cos(latitude) * torch.cos(longitude)
    # The angle between a direction and the plane through the eye and an edge of the picture.
    aside = torch.asin((x.abs() * math.cos(half[0]) - z * math.sin(half[0])).clamp(0, 1))
    above = torch.asin((y.abs() * math.cos(half[1]) - z * math.sin(half[1])).clamp(0, 1))
    near = (1 - torch.hypot(aside, above) / math.radians(FADE)).clamp(0, 1)
    return near * near * (3 - 2 * near)


def _span(weights: Tensor) -> slice:
    """Return from the first to the last place that is not 0."""
    lit = weights.nonzero().flatten().tolist()
    return slice(lit[0], lit[-1] + 1) if lit else slice(0, 1)


def _samples(grid: Tensor, height: int, width: int) -> tuple[int, int]:
    """Return how many samples down and across keep them, nearly everywhere, within `SHRINK` pixels.

    Nearly: towards the points straight above and below, mirror images grow dense.
    """
    pixels = grid * grid.new_tensor((width / 2, height / 2))

    def needed(steps: Tensor) -> int:
        length = steps.norm(dim=-1).flatten()
        far = float(length.kthvalue(max(1, round(0.98 * length.numel()))).values) if length.numel() else 0.0
        return min(MOST_SAMPLES, max(1, math.ceil(far / SHRINK)))

    return needed(pixels.diff(dim=0)), needed(pixels.diff(dim=1))
