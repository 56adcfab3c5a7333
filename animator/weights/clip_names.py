"""The many ways in which users write the name of a CLIP model, brought to one: ``MODEL/PRETRAINED``."""

from __future__ import annotations

import re

from animator.errors import UsageError

DEFAULT_PRETRAINED = "openai"
"""The weights that are meant where a name says none."""

BUNDLED = ("pocket", "pocket-vit")
"""The models that come with the program, which have one name only."""

_DISCO_TAGS = {"laion400m_32": "laion400m_e32", "yffcc15m": "yfcc15m"}
"""Tags that Disco Diffusion misspells."""

_OPENAI_STYLE = re.compile(
    r"""
    (?: (?P<resnet> RN\d+ (?:x\d+)?)
      | ViT-? (?P<size> [A-Za-z]+) [-/]? (?P<patch> \d\d))
    (?: [-_@]? (?P<side> 336) (?:px)?)?
    (?P<gelu> [-_]? quickgelu)?
    (?: (?: ::? | [/,_]) (?P<tag> [a-z]\w*))?
    """,
    re.VERBOSE,
)
_PAIR = re.compile(r"(?P<model>[\w.-]+)(?:::?|[/,])(?P<tag>\w+)")


def canonical_name(name: str) -> str:
    """Return a CLIP model's name as ``MODEL/PRETRAINED``, the two names that open_clip knows it by.

    The forms of Disco Diffusion (``ViTB32``, ``RN50quickgelu_cc12m``), DiscoArt (``ViT-B-32::laion2b_e16``),
    OpenAI (``ViT-B/32``, ``ViT-L/14@336px``) and open_clip (``ViT-B-32``) are understood; the names of the
    bundled ones stay.

    Raises:
        UsageError: the text has none of these forms. Whether such a model exists is the registry's question.

    >>> canonical_name("ViTL14_336px"), canonical_name("ViTB32quickgelu_laion400m_e31")
    ('ViT-L-14-336/openai', 'ViT-B-32-quickgelu/laion400m_e31')
    """
    text = name.strip()
    if text in BUNDLED:
        return text
    if found := _OPENAI_STYLE.fullmatch(text):
        model = found["resnet"] or f"ViT-{found['size']}-{found['patch']}"
        model += f"-{found['side']}" if found["side"] else ""
        model += "-quickgelu" if found["gelu"] else ""
        tag = found["tag"] or DEFAULT_PRETRAINED
        return f"{model}/{_DISCO_TAGS.get(tag, tag)}"
    if found := _PAIR.fullmatch(text):
        return f"{found['model']}/{found['tag']}"
    raise UsageError(
        f"{name!r} does not name a CLIP model; write one such as ViT-B-32 or a pair, ViT-B-32/laion2b_e16"
    )
