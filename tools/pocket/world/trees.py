"""Trees of four kinds, each a clear silhouette in three tones with a lit side."""

from __future__ import annotations

import cv2
import numpy as np

from tools.pocket.world.canvas import SHIFT, Canvas, Spot

LEAVES = {
    "summer": ((0.25, 0.48, 0.13), (0.34, 0.52, 0.16), (0.17, 0.42, 0.17)),
    "spring": ((0.95, 0.62, 0.76), (0.96, 0.88, 0.92), (0.93, 0.50, 0.68)),
    "autumn": ((0.86, 0.40, 0.08), (0.76, 0.17, 0.08), (0.93, 0.66, 0.12)),
}
"""Crowns of broad-leaved trees by season; in winter they are bare."""

BIRCH_LEAVES = {
    "summer": (0.46, 0.64, 0.20),
    "spring": (0.60, 0.80, 0.30),
    "autumn": (0.96, 0.76, 0.14),
}

NEEDLES = ((0.10, 0.30, 0.17), (0.13, 0.35, 0.15), (0.08, 0.26, 0.20))
BARK = (0.33, 0.22, 0.14)
WHITE_BARK = (0.86, 0.85, 0.80)
SNOW = (0.95, 0.97, 1.0)
SHADED_SNOW = (0.66, 0.75, 0.88)
TONES = np.array((0.60, 0.92, 1.28), np.float32)[:, None]
"""Factors on a colour: the shaded body, the middle, the lit side."""

CORNERS = 32
LUMPS = 7


def tree(canvas: Canvas, spot: Spot, kind: str, rng: np.random.Generator, season: str) -> None:
    """Paint one tree, about 1 unit tall at ``spot.size`` 1.

    Args:
        canvas: painted in place, colour and depth.
        spot: where its foot is.
        kind: tree (broad-leaved), pine, palm or birch.
        rng: chooses its shape and colour.
        season: summer, spring (in blossom), autumn (coloured) or winter (bare, or snow on the needles).

    Raises:
        KeyError: for another kind.
    """
    {"tree": _broad, "pine": _pine, "palm": _palm, "birch": _birch}[kind](canvas, spot, rng, season)


def _fill(canvas: Canvas, spot: Spot, parts: list[np.ndarray], colours: np.ndarray) -> None:
    """Fill polygons given as n x 2 (sideways, up) of the foot, one lit colour for each, back to front."""
    scale = canvas.focal / spot.distance * 2**SHIFT
    stretch = np.array((spot.size * scale, -spot.size * scale))
    foot = np.array((spot.x * 2**SHIFT, canvas.horizon * 2**SHIFT + (canvas.eye - spot.up) * scale))
    fixed = np.rint(np.concatenate(parts) * stretch + foot).astype(np.int32)
    seen = canvas.lit(colours, spot.distance).tolist()
    start = 0
    for part, colour in zip(parts, seen, strict=True):
        corners = [fixed[start : start + len(part)]]
        start += len(part)
        cv2.fillPoly(canvas.rgb, corners, colour, cv2.LINE_AA, SHIFT)
        cv2.fillPoly(canvas.depth, corners, spot.distance, cv2.LINE_8, SHIFT)


def _tones(colour: tuple[float, float, float] | np.ndarray) -> np.ndarray:
    return np.asarray(colour, np.float32) * TONES


def _trunk(half: float, top: float, lean: float = 0.0) -> np.ndarray:
    """A trunk that widens at the root."""
    return np.array(
        (
            (-half * 1.7, -0.01),
            (-half, 0.07),
            (lean - half * 0.6, top),
            (lean + half * 0.6, top),
            (half, 0.07),
            (half * 1.7, -0.01),
        )
    )


def _crown(rng: np.random.Generator, centre: tuple[float, float], wide: float, tall: float) -> np.ndarray:
    """A rounded outline of lumps, n x 2."""
    angle = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)
    start, broad = rng.uniform(0, 2 * np.pi, 2)
    radius = 0.82 + 0.22 * np.abs(np.sin(angle * LUMPS / 2 + start)) + 0.07 * np.sin(2 * angle + broad)
    return np.stack((centre[0] + wide * radius * np.cos(angle), centre[1] + tall * radius * np.sin(angle)), 1)


def _broad(canvas: Canvas, spot: Spot, rng: np.random.Generator, season: str) -> None:
    if season == "winter":
        _bare(canvas, spot, rng, np.array(BARK), 0.042, 1.0)
        return
    choices = LEAVES[season]
    colour = np.array(choices[int(rng.integers(len(choices)))]) * rng.uniform(0.9, 1.1)
    wide, tall = rng.uniform(0.32, 0.43), rng.uniform(0.35, 0.41)
    middle = 1.02 - tall
    side = canvas.side
    parts = [
        _trunk(0.042, middle - 0.1),
        _crown(rng, (0, middle), wide, tall),
        _crown(rng, (side * wide * 0.14, middle + tall * 0.15), wide * 0.78, tall * 0.74),
        _crown(rng, (side * wide * 0.34, middle + tall * 0.36), wide * 0.42, tall * 0.38),
    ]
    _fill(canvas, spot, parts, np.concatenate((np.array([BARK], np.float32), _tones(colour))))


def _birch(canvas: Canvas, spot: Spot, rng: np.random.Generator, season: str) -> None:
    if season == "winter":
        _bare(canvas, spot, rng, np.array(WHITE_BARK), 0.03, 1.1)
        return
    colour = np.array(BIRCH_LEAVES[season]) * rng.uniform(0.92, 1.08)
    wide = rng.uniform(0.17, 0.23)
    side = canvas.side
    parts = [
        _crown(rng, (0, 0.72), wide, 0.38),
        _trunk(0.024, 0.86),
        *(np.array(((-0.03, up), (0.012, up + 0.012), (0.012, up + 0.03))) for up in (0.10, 0.19, 0.27)),
        _crown(rng, (side * wide * 0.2, 0.80), wide * 0.72, 0.25),
        _crown(rng, (side * wide * 0.4, 0.90), wide * 0.4, 0.13),
    ]
    dark, middle, bright = _tones(colour)
    mark = np.array((0.2, 0.18, 0.17))
    _fill(canvas, spot, parts, np.stack((dark, np.array(WHITE_BARK), mark, mark, mark, middle, bright)))


def _limbs(feet: np.ndarray, angles: np.ndarray, lengths: np.ndarray, half: float) -> np.ndarray:
    """Tapering branches, n x 4 x 2, from ``feet`` (n x 2); ``angles`` from upright in radians."""
    along = np.stack((np.sin(angles), np.cos(angles)), 1)
    across = np.stack((along[:, 1], -along[:, 0]), 1) * half
    tips = feet + along * lengths[:, None]
    return np.stack((feet - across, tips - across * 0.3, tips + across * 0.3, feet + across), 1)


def _bare(
    canvas: Canvas, spot: Spot, rng: np.random.Generator, bark: np.ndarray, half: float, tall: float
) -> None:
    """A leafless tree with snow on its larger branches."""
    turns = np.array((-1.0, 1.0, -0.5, 0.55, 0.04))
    feet = np.stack((np.zeros(5), tall * np.array((0.36, 0.42, 0.48, 0.52, 0.5))), 1)
    angles, lengths = turns * rng.uniform(0.8, 1.0, 5), tall * rng.uniform(0.38, 0.48, 5)
    large = _limbs(feet, angles, lengths, half * 0.6)
    middles = feet + 0.5 * (large[:, 1] + large[:, 2] - large[:, 0] - large[:, 3]) / 2
    left = _limbs(middles, angles - 0.6, lengths * 0.5, half * 0.42)
    right = _limbs(middles, angles + 0.55, lengths * 0.45, half * 0.42)
    snow = _limbs(feet[:4] + (0, half * 0.55), angles[:4], lengths[:4] * 0.85, half * 0.24)
    parts = [_trunk(half, 0.6 * tall), *left, *right, *large, *snow]
    woody = len(parts) - len(snow)
    _fill(canvas, spot, parts, np.concatenate((np.tile(bark * 0.8, (woody, 1)), np.tile(SNOW, (4, 1)))))


def _pine(canvas: Canvas, spot: Spot, rng: np.random.Generator, season: str) -> None:
    """Tiers of branches that narrow to a tip; in winter snow lies on them."""
    colour = np.array(NEEDLES[int(rng.integers(len(NEEDLES)))]) * rng.uniform(0.85, 1.2)
    wide, tiers = rng.uniform(0.24, 0.33), 4
    ups = np.linspace(0.14, 0.80, tiers)
    halves = wide * np.linspace(1.0, 0.36, tiers)
    edge = [(0.0, 1.05)]
    for up, half in zip(ups[::-1], halves[::-1], strict=True):
        edge += [(half, up - 0.02), (half * 0.52, up + 0.03)]
    right = np.array(edge[:-1])
    body = np.concatenate((right, right[:0:-1] * (-1, 1)))
    lit = np.concatenate((right, np.array(((0.10 * wide, ups[0]),))))
    lit[:, 0] = np.maximum(lit[:, 0], 0.06 * wide) * canvas.side
    dark, middle, bright = _tones(colour)
    parts, colours = [_trunk(0.035, 0.25), body, lit], [np.array(BARK), dark, middle * 1.15]
    for up, half in zip(ups, halves, strict=True):
        high = up + 0.17
        cap = np.array(((0, high + 0.06), (half * 0.95, up), (half * 0.3, up + 0.055), (0, up + 0.02)))
        whole = np.concatenate((cap, cap[2:0:-1] * (-1, 1)))
        if season == "winter":
            parts.append(whole)
            colours.append(np.array(SHADED_SNOW))
        parts.append(cap * (canvas.side, 1))
        colours.append(np.array(SNOW) if season == "winter" else bright)
    _fill(canvas, spot, parts, np.stack(colours))


def _palm(canvas: Canvas, spot: Spot, rng: np.random.Generator, season: str) -> None:
    """A leaning trunk with fronds that arch and hang; the seasons leave it as it is."""
    lean = rng.uniform(0.06, 0.22) * rng.choice((-1, 1))
    up = np.linspace(0, 1, 6)
    bend, half = lean * up**2, 0.036 - 0.014 * up
    left, right = np.stack((bend - half, up * 0.86), 1), np.stack((bend + half, up * 0.86), 1)
    parts = [np.concatenate((left, right[::-1])), np.concatenate((left + (0.03, 0), right[::-1]))]
    bark = np.array((0.52, 0.40, 0.26))
    colours = [bark * (1.1 if canvas.side < 0 else 0.75), bark * (0.75 if canvas.side < 0 else 1.1)]
    dark, middle, bright = _tones((0.24, 0.47, 0.14))
    along = np.linspace(0, 1, 5)
    for angle in (-0.35, 0.5, 2.75, 3.5, 0.95, 2.2, 1.5):
        reach = rng.uniform(0.36, 0.46)
        turn = angle + rng.uniform(-0.12, 0.12)
        spine = np.stack((np.cos(turn) * along, np.sin(turn) * along - 0.75 * along**2), 1) * reach
        thick = 0.055 * np.sin(np.pi * np.clip(along * 0.9 + 0.1, 0, 1))
        frond = np.concatenate((spine + (0, 0.01), (spine - np.stack((thick * 0, thick * 1.4), 1))[::-1]))
        parts.append(frond + (lean, 0.86))
        colours.append(bright if np.cos(turn) * canvas.side > 0.3 else dark if np.sin(turn) < 0.3 else middle)
    _fill(canvas, spot, parts, np.stack(colours))
