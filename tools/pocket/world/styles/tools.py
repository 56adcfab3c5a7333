"""What several looks share: edges, a small palette, a piece of noise."""

from __future__ import annotations

import cv2
import numpy as np

from tools.pocket.world import noise


def grey_of(rgb: np.ndarray) -> np.ndarray:
    """Return the brightness, float32 H x W, in [0, 1]."""
    return cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)


def strength(grey: np.ndarray) -> np.float32:
    """Return how much texture a look may show, 0.4 to 1: on thin contrast it would bury the picture."""
    return np.float32(min(max(float(grey[::2, ::2].std()) / 0.13, 0.4), 1.0))


def smooth(rgb: np.ndarray, side: int) -> np.ndarray:
    """Return the picture without its fine detail but with its edges: a median over ``side`` pixels."""
    return cv2.medianBlur((rgb * 255).astype(np.uint8), side)


def depth_edges(depth: np.ndarray) -> np.ndarray:
    """Return how strongly the distance breaks at each pixel, float32 H x W, about 0.05 (far) to 1 (near).

    The inverse distance of a plane is linear in the picture, so its Laplacian is zero on any flat ground
    however steeply it recedes; what is left are the outlines of what stands in front of something else.
    The sign keeps the nearer side only, so that an outline is one line and not two.
    """
    result: np.ndarray = np.maximum(-cv2.Laplacian(1 / depth, cv2.CV_32F) * depth, 0)
    return result


def tone_edges(grey: np.ndarray) -> np.ndarray:
    """Return how strongly the brightness breaks at each pixel, on the darker side only, float32 H x W."""
    calm = cv2.GaussianBlur(grey, (0, 0), max(0.75, grey.shape[0] / 140))
    return np.maximum(cv2.Laplacian(calm, cv2.CV_32F, ksize=3), 0)


def piece(rng: np.random.Generator, height: int, width: int, share: float) -> np.ndarray:
    """Return fractal noise in [0, 1], float32 H x W; the height covers ``share`` of the texture's side."""
    texture = noise.bank()[int(rng.integers(8))]
    side = texture.shape[0]
    rows = min(int(share * side), side)
    columns = min(max(1, rows * width // height), side)
    top, left = int(rng.integers(side - rows + 1)), int(rng.integers(side - columns + 1))
    part = texture[top : top + rows, left : left + columns]
    result: np.ndarray = cv2.resize(part.astype(np.float32), (width, height))
    return result


def few_colours(pixels: np.ndarray, count: int) -> np.ndarray:
    """Return ``count`` or fewer colours that stand for ``pixels`` (float32, N x 3), float32, count x 3.

    The cloud is cut again and again where it spreads most (after Heckbert, "Color image quantization for
    frame buffer display", 1982), between the mean and the middle of its range rather than at the median, and
    the choice of the next cut weighs the spread more than the number of pixels: the one red roof in a green
    picture keeps a colour of its own.
    """

    def measure(part: np.ndarray) -> tuple[float, np.ndarray, int, np.ndarray]:
        mean = part.mean(axis=0)
        spread = ((part - mean) ** 2).mean(axis=0)
        axis = int(spread.argmax())
        return float(spread[axis]) * len(part) ** 0.4, part, axis, mean

    boxes = [measure(pixels)]
    while len(boxes) < count:
        worst = max(range(len(boxes)), key=lambda index: boxes[index][0])
        score, part, axis, mean = boxes[worst]
        if score < 1e-3:
            break
        along = part[:, axis]
        above = along > 0.5 * mean[axis] + 0.25 * (along.min() + along.max())
        boxes[worst] = measure(part[above])
        boxes.append(measure(part[~above]))
    return np.stack([box[3] for box in boxes])


def nearest_colour(pixels: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Return for each pixel (float32, N x 3) the index of the nearest of ``colours`` (K x 3), int64, N."""
    # |p - c|^2 without |p|^2, which is the same for every colour.
    distance = (colours**2).sum(axis=1)[:, None] - 2 * (colours @ pixels.T)
    result: np.ndarray = distance.argmin(axis=0)
    return result
