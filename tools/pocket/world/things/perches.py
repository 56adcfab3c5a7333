"""What a thing stands on: a hill, a cliff above water, an island, or a bare rock."""

from __future__ import annotations

import cv2
import numpy as np

from tools.pocket.world import noise
from tools.pocket.world.canvas import SHIFT, Canvas, Colour, Spot
from tools.pocket.world.spec import Spec
from tools.pocket.world.things.strokes import fill

GRASS: dict[str, Colour] = {
    "summer": (0.30, 0.52, 0.16),
    "spring": (0.44, 0.66, 0.24),
    "autumn": (0.66, 0.50, 0.18),
    "winter": (0.90, 0.93, 0.98),
}
SAND: Colour = (0.88, 0.70, 0.42)
ROCKS: tuple[Colour, ...] = ((0.46, 0.42, 0.40), (0.52, 0.44, 0.36), (0.40, 0.42, 0.46))
CHALK: Colour = (0.84, 0.83, 0.78)


def _cover(spec: Spec) -> Colour:
    """Return what grows or lies on top of a perch."""
    return SAND if spec.ground == "desert" else GRASS[spec.season]


def _grain(
    canvas: Canvas, outline: np.ndarray, strength: float, scale: float, rng: np.random.Generator
) -> None:
    """Roughen the tone of a surface, given as a polygon in pixels, by noise."""
    start, stop = np.floor(outline.min(axis=0)), np.ceil(outline.max(axis=0)) + 1
    left, right = np.clip((start[0], stop[0]), 0, canvas.width).astype(int)
    top, low = np.clip((start[1], stop[1]), 0, canvas.height).astype(int)
    if left >= right or top >= low:
        return
    mask = np.zeros((low - top, right - left), np.uint8)
    fixed = np.round((outline - (left, top)) * 2**SHIFT).astype(np.int32)
    cv2.fillPoly(mask, [fixed], 1, cv2.LINE_8, SHIFT)
    u = np.arange(left, right, dtype=np.float32)[None] / canvas.height * scale + rng.random()
    v = np.arange(top, low, dtype=np.float32)[:, None] / canvas.height * scale * 1.6 + rng.random()
    tone = noise.sample(int(rng.integers(8)), u, v) - 0.5
    part = canvas.rgb[top:low, left:right]
    part *= (1 + strength * tone * mask)[..., None]


def _pixels(canvas: Canvas, spot: Spot, points: np.ndarray) -> np.ndarray:
    scale = canvas.focal / spot.distance * spot.size
    foot = canvas.horizon + (canvas.eye - spot.up) * canvas.focal / spot.distance
    result: np.ndarray = points * (scale, -scale) + (spot.x, foot)
    return result


def hill(canvas: Canvas, spec: Spec, spot: Spot, half: float, tall: float, rng: np.random.Generator) -> None:
    """Raise a rounded hill of grass, leaves, sand or snow; ``half`` of its width and ``tall`` in units."""
    t = np.linspace(-1, 1, 33)
    lean = rng.uniform(-0.12, 0.12)
    bump = (0.5 + 0.5 * np.cos(np.pi * np.clip(t + lean * (1 - t**2), -1, 1))) ** 0.8
    colour = _cover(spec)
    outline = np.stack((half * t, tall * bump), 1)
    pixels = _pixels(canvas, spot, outline)
    rows = slice(
        *np.clip((pixels[0, 1] - 0.4 * np.ptp(pixels[:, 1]), pixels[0, 1] + 3), 0, canvas.height).astype(int)
    )
    before = canvas.rgb[rows].copy()
    fill(canvas, spot, [outline.tolist()], colour, 0.76)
    for shrink, shade in ((0.86, 0.85), (0.66, 0.95), (0.40, 1.04)):
        drift = canvas.side * half * (1 - shrink) * 0.55
        slope = np.stack((half * shrink * t + drift, tall * np.minimum(bump * shrink**0.35, 1)), 1)
        # A lighter slope must stay under the outline of the hill.
        slope[:, 1] = np.minimum(slope[:, 1], np.interp(slope[:, 0], outline[:, 0], outline[:, 1]))
        fill(canvas, spot, [slope.tolist()], colour, shade)
    _grain(canvas, pixels, 0.42, 2.2, rng)
    # The hill grows out of the ground: its foot fades into it.
    fade = np.minimum(np.linspace(0, 1.3, len(before), dtype=np.float32)[:, None, None], 1) ** 1.3
    canvas.rgb[rows] += (before - canvas.rgb[rows]) * fade


def cliff(
    canvas: Canvas, spec: Spec, spot: Spot, reach: tuple[float, float], tall: float, rng: np.random.Generator
) -> None:
    """Raise a cliff from the side of the picture.

    Args:
        canvas: painted in place.
        spec: tells what grows on it.
        spot: its foot under the thing, at the water.
        reach: from the side of the picture, signed, to its brow, in units sideways of the spot.
        tall: height of its edge, in units.
        rng: chooses its rock.
    """
    edge, brow = reach
    way = np.sign(brow - edge)
    rock = CHALK if rng.random() < 0.2 else ROCKS[int(rng.integers(len(ROCKS)))]
    count = 9
    across = np.linspace(edge, brow, count) + np.append(rng.uniform(-0.05, 0.05, count - 1), 0.0)
    top = tall * (1 + rng.uniform(-0.02, 0.02, count) + rng.uniform(0.1, 0.7) * np.linspace(1, 0, count) ** 2)
    foot = np.linspace(edge, brow + way * 0.30 * tall, count) + rng.uniform(-0.04, 0.04, count)
    bend = across * 0.55 + foot * 0.45 + rng.uniform(-0.05, 0.05, count)
    knee = top * rng.uniform(0.32, 0.62, count)
    depth = -0.03 - 0.05 * rng.random(count) * tall
    shades = rng.uniform(0.46, 0.96, count - 1) + (0.16 if canvas.side == way else 0.0)
    face = [
        (edge, -0.02),
        *zip(across, top, strict=True),
        (bend[-1], knee[-1]),
        (foot[-1], depth[-1]),
        (edge, -0.06),
    ]
    fill(canvas, spot, [[(float(s), float(u)) for s, u in face]], rock, 0.62)
    for k in range(count - 1):
        upper = [
            (across[k], top[k]),
            (across[k + 1], top[k + 1]),
            (bend[k + 1], knee[k + 1]),
            (bend[k], knee[k]),
        ]
        lower = [
            (bend[k], knee[k]),
            (bend[k + 1], knee[k + 1]),
            (foot[k + 1], depth[k + 1]),
            (foot[k], depth[k]),
        ]
        fill(canvas, spot, [upper], rock, 1.08 * shades[k])
        fill(canvas, spot, [lower], rock, 0.82 * shades[(k * 3 + 1) % (count - 1)])
    _grain(canvas, _pixels(canvas, spot, np.array(face)), 0.28, 4.0, rng)
    fringe = top - tall * rng.uniform(0.07, 0.20, count)
    back = top + tall * 0.05
    grass = [*zip(across, back, strict=True), *zip(across[::-1], fringe[::-1], strict=True)]
    fill(canvas, spot, [[(float(s), float(u)) for s, u in grass]], _cover(spec), 0.95)
    lip = [*zip(across, back, strict=True), *zip(across[::-1], (top - tall * 0.02)[::-1], strict=True)]
    fill(canvas, spot, [[(float(s), float(u)) for s, u in lip]], _cover(spec), 1.15)
    if spec.ground != "coast":
        foam = [*zip(foot, depth + 0.010, strict=True), *zip(foot[::-1], (depth - 0.012)[::-1], strict=True)]
        fill(canvas, spot, [[(float(s), float(u)) for s, u in foam]], (0.62, 0.72, 0.76))


def island(
    canvas: Canvas,
    spec: Spec,
    spot: Spot,
    half: float,
    tall: float,
    rng: np.random.Generator,
    *,
    bare: bool = False,
) -> None:
    """Raise a small island with a dark waterline, green on top unless it is ``bare`` rock."""
    t = np.linspace(-1, 1, 13)
    rock = ROCKS[int(rng.integers(len(ROCKS)))]
    bump = np.clip(1.12 * (1 - t**4), 0, 1) * np.where(np.abs(t) < 0.5, 1, rng.uniform(0.75, 1.05, 13))
    outline = np.stack((half * t, tall * bump), 1)
    keel = np.stack((half * t[::-1], -0.06 * half * np.sqrt(1 - t**2) - 0.005), 1)
    fill(canvas, spot, [np.concatenate((outline, keel)).tolist()], rock, 0.34)
    stone = outline + (0, 0.0)
    stone[[0, -1], 1] = 0.12 * tall
    body = np.concatenate(
        (stone, np.stack((half * t[::-1], 0.10 * tall + rng.uniform(0, 0.08, 13) * tall), 1))
    )
    fill(canvas, spot, [body.tolist()], rock, 0.72)
    lighter = body[(body[:, 0] * canvas.side > -0.15 * half)]
    fill(canvas, spot, [lighter.tolist()], rock, 1.05)
    if not bare:
        under = tall * bump * rng.uniform(0.45, 0.75, 13)
        cap = np.concatenate((outline[1:-1], np.stack((half * t, under), 1)[-2:0:-1]))
        fill(canvas, spot, [cap.tolist()], _cover(spec), 0.92)
        fill(canvas, spot, [cap[(cap[:, 0] * canvas.side > 0)].tolist()], _cover(spec), 1.1)
    _grain(canvas, _pixels(canvas, spot, np.concatenate((outline, keel))), 0.5, 3.0, rng)
