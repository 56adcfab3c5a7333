"""The words for how a picture is made and seen, and those that say nothing about it."""

from __future__ import annotations

from typing import NamedTuple

from tools.pocket.world.words import Words


class Manner(NamedTuple):
    """How a style or a view is said.

    Attributes:
        before: what goes before the main clause ("a watercolour of").
        after: what goes behind it as an item of a list ("watercolour").
        held: as ``before``, never in a training caption.
        held_after: as ``after``, never in a training caption.
    """

    before: tuple[str, ...]
    after: tuple[str, ...]
    held: tuple[str, ...]
    held_after: tuple[str, ...]


STYLE = {
    "photo": Manner(
        ("a photo of", "a photograph of", "photo of", "a landscape photo of", "a picture taken of"),
        ("photo", "photograph", "photography", "landscape photography", "landscape photo"),
        ("a landscape photograph of", "a photograph taken of"),
        ("landscape photograph", "photo taken in the landscape"),
    ),
    "oil": Manner(
        (
            "an oil painting of",
            "an oil painting of",
            "oil painting of",
            "a painting of",
            "a beautiful painting of",
            "an impressionist painting of",
        ),
        ("oil painting", "oil on canvas", "painted in oil", "impressionist painting", "oil paint"),
        ("an impressionist oil painting of", "a painting in oil of", "a beautiful oil painting of"),
        ("impressionist oil painting", "oil paint on canvas"),
    ),
    "watercolour": Manner(
        (
            "a watercolour of",
            "a watercolor painting of",
            "watercolour painting of",
            "a soft watercolour painting of",
            "a watercolour painting of",
            "watercolor of",
        ),
        ("watercolour", "watercolor", "watercolour painting", "watercolor on paper", "in watercolour"),
        ("a soft watercolour of", "a soft watercolor of", "a painting in watercolour of"),
        ("soft watercolor painting", "painted in watercolour", "watercolour paint on paper"),
    ),
    "ink": Manner(
        (
            "an ink drawing of",
            "an ink drawing of",
            "a black and white drawing of",
            "a monochrome picture of",
            "a sketch of",
            "a pen and ink drawing of",
        ),
        ("ink drawing", "ink on paper", "pen and ink", "black and white drawing", "ink sketch"),
        ("an ink sketch of", "a black and white sketch of", "a monochrome ink drawing of"),
        ("black and white sketch", "pen drawing on paper", "monochrome ink sketch"),
    ),
    "pixel": Manner(
        ("pixel art of", "a pixel art picture of", "8-bit pixel art of", "retro game pixel art of"),
        ("pixel art", "pixel art", "8-bit", "8-bit pixel art", "pixelated", "retro game art"),
        ("retro pixel art of", "an 8-bit game picture of", "a pixelated picture of"),
        ("8-bit game art", "retro 8-bit art", "pixelated art"),
    ),
    "lowpoly": Manner(
        ("low poly art of", "a low poly render of", "low poly render of", "a low-poly picture of"),
        ("low poly", "low poly art", "low-poly 3d render", "polygon art", "low poly style"),
        ("polygon art of", "low poly 3d art of", "a 3d polygon render of"),
        ("polygon render", "low poly 3d picture", "3d polygon art"),
    ),
    "woodcut": Manner(
        ("a woodcut of", "woodcut of", "a woodblock print of", "a linocut of", "a woodcut print of"),
        ("woodcut", "woodcut print", "woodblock print", "linocut", "in woodcut style"),
        ("a linocut print of", "a woodblock picture of", "a print in woodcut style of"),
        ("linocut print", "print in woodcut style", "linocut style"),
    ),
}

GRADE = {
    "warm": Words(
        ("in warm colours", "in warm colors", "in warm tones", "with a warm palette"),
        ("warm colours", "warm tones", "yellow color scheme", "yellow colour scheme", "warm colors"),
        held=("in a warm colour scheme", "with a warm yellow palette"),
        held_tag=("warm yellow tones", "warm yellow colours"),
    ),
    "cold": Words(
        ("in cold colours", "in cool tones", "in cold colors", "with a cold palette"),
        ("cold colours", "cool tones", "blue color scheme", "cold color scheme", "cold tones"),
        held=("in a cold colour scheme", "with a cold blue palette"),
        held_tag=("cold blue tones", "cool colours"),
    ),
    "pastel": Words(
        ("in pastel colours", "in soft pastel tones", "in pale colours", "in pastel colors"),
        ("pastel", "pastel colours", "pastel colors", "pastel palette", "pale pastel tones"),
        held=("in pale pastel colours", "with a soft pastel palette"),
        held_tag=("soft pastel colours", "pastel color scheme"),
    ),
    "vivid": Words(
        ("in vivid colours", "in bright colours", "in vibrant colors", "in vivid colors"),
        ("vivid colours", "vibrant", "saturated colours", "vivid colors", "bright saturated colors"),
        held=("in bright vivid colours", "in saturated colors"),
        held_tag=("vibrant saturated colours", "vivid color scheme"),
    ),
    "gloomy": Words(
        ("in gloomy colours", "in a gloomy mood", "in muted colours", "in a bleak mood"),
        ("gloomy", "gloomy mood", "muted colours", "bleak", "gloomy colors"),
        held=("in muted gloomy tones", "in a bleak and gloomy mood"),
        held_tag=("muted tones", "bleak gloomy colours"),
    ),
}

VIEW = {
    "wide": Manner(
        ("a wide angle view of", "wide angle view of", "a wide shot of"),
        ("wide angle", "wide angle view", "wide shot", "wide angle lens", "seen through a wide angle lens"),
        ("a wide angle shot of", "wide angle shot of"),
        ("wide lens", "a wide angle shot"),
    ),
    "tele": Manner(
        ("a telephoto view of", "a telephoto shot of", "a zoomed in view of"),
        ("telephoto", "telephoto lens", "zoomed in", "seen through a telephoto lens", "long lens"),
        ("a zoomed in shot of", "a long lens view of"),
        ("long telephoto lens", "zoomed in shot"),
    ),
    "low": Manner(
        ("a low angle view of", "low angle view of", "a low angle shot of"),
        ("low angle", "from a low angle", "seen from a low angle", "seen from below"),
        ("a view from a low angle of", "a view from below of"),
        ("view from below", "view from a low angle"),
    ),
    "aerial": Manner(
        ("aerial view of", "an aerial view of", "a bird's-eye view of", "a view from above of"),
        ("aerial view", "from above", "bird's-eye view", "seen from above", "seen from the air"),
        ("an aerial shot of", "a view from the air of"),
        ("aerial shot", "view from the air"),
    ),
    "eye": Manner((), ("at eye level", "eye level view"), (), ("eye level shot",)),
    "normal": Manner((), ("normal lens",), (), ("a normal lens",)),
}
"""Lenses and heights of the camera; an ordinary one is hardly ever told."""

TRIMMINGS = (
    "by greg rutkowski",
    "trending on artstation",
    "highly detailed",
    "by ivan aivazovsky",
    "matte painting",
    "beautiful",
    "4k",
    "masterpiece",
    "intricate details",
    "award winning",
    "a beautiful scene",
    "artstation",
    "8k resolution",
    "very detailed",
)
"""What people write behind their prompts; drawn at random so that the perceptor learns to look past it."""
