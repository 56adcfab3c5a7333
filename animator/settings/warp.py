"""The section `warp` of a scene: how a moved picture is sampled and filled in."""

from __future__ import annotations

from typing import Literal

from animator.settings.base import THREE_D, TWO_D, Options, setting


class WarpOptions(Options):
    """How a moved picture is sampled, and what fills what was not seen."""

    projection: Literal["disco", "pinhole"] = setting("disco", modes=(THREE_D,))
    """3D: the shape of space. `disco` is Disco Diffusion's box, in which the numbers of its scenes mean the
    same; `pinhole` is a real camera: a move forwards acts with a thing's nearness, not with its square."""

    border_2d: Literal["wrap", "reflect", "replicate"] = setting("wrap", modes=(TWO_D,))
    """2D: what comes in from outside: the other side (`wrap`), a mirror image, or the edge drawn out."""

    padding_mode: Literal["border", "reflection", "zeros"] = setting("border", modes=(THREE_D,), eyes=True)
    """3D: what comes in from outside: the edge drawn out (`border`), a mirror image, or black (`zeros`)."""

    sampling_mode: Literal["bicubic", "bilinear", "nearest"] = setting(
        "bicubic", modes=(TWO_D, THREE_D), eyes=True
    )
    """How a colour between pixels is found; in 2D with ``compat: disco-5`` always ``bilinear``."""

    occlusion: bool = setting(False, modes=(THREE_D,))
    """3D: whether every pixel is put where it is seen from the new place, the nearer over the farther, so
    that near things hide what they pass and uncover what was behind them; off, each new pixel is read from
    where the old one at its place came from, as Disco Diffusion does, and edges of near things stretch."""

    fill: Literal["padding", "inpaint"] = "padding"
    """What fills what the move uncovered or brought in from outside: what the padding gives, or the
    surroundings drawn in (``inpaint``, Telea's method)."""
