"""The many ways in which users write the name of a CLIP model, brought to one: ``MODEL/PRETRAINED``."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from animator.errors import UsageError

DEFAULT_PRETRAINED = "openai"
"""The weights that are meant where a name says none."""

BUNDLED = ("pocket", "pocket-vit")
"""The models that come with the program, which have one name only."""

_DISCO_TAGS = {"laion400m_32": "laion400m_e32", "yffcc15m": "yfcc15m"}
"""Tags that Disco Diffusion misspells."""

_BETWEEN = r"[-_/\s]*"
_SIZES = {"b": "B", "base": "B", "l": "L", "large": "L", "h": "H", "huge": "H", "g": "g", "giant": "g"}
_SIZES |= {"bigg": "bigG", "s": "S", "m": "M", "e": "e"}
_ONLY_SIZE = {"14": None, "16": "B", "32": "B"}
"""The size of a ViT that a patch alone tells; None where several have it."""
_ONLY_PATCH = {"B": None, "L": "14", "H": "14", "g": "14", "bigG": "14"}
"""The patch of a ViT that a size alone tells."""

_OPENAI_STYLE = re.compile(
    rf"""
    (?: (?: RN | ResNet) {_BETWEEN} (?P<resnet> \d+) (?: {_BETWEEN} x {_BETWEEN} (?P<times> \d+))?
      | ViT {_BETWEEN} (?:
          (?P<size> {"|".join(sorted(_SIZES, key=len, reverse=True))}) (?: {_BETWEEN} (?P<patch> \d\d))?
        | (?P<patch_first> \d\d) (?: {_BETWEEN} (?P<size_last> bigg|[blhg]))? ) )
    (?P<plus> {_BETWEEN} (?:plus | \+) {_BETWEEN} 240)?
    (?: [-_@/\s]* (?P<side> 336 | 378) {_BETWEEN} (?:px)?)?
    (?P<gelu> {_BETWEEN} quick [-_]? gelu)?
    (?: (?: \s* (?: ::? | [/,_]) \s* (?P<tag> [a-z]\w*))
      | (?: [-\s]+ (?P<dashed>
            (?: openai | laion | datacomp | commonpool | metaclip | dfn | yfcc | cc12m) [\w-]*)))?
    """,
    re.VERBOSE | re.IGNORECASE,
)
_TRANSFORMERS = re.compile(r"clip-vit-(?P<size>base|large)-patch(?P<patch>\d\d)(?:-(?P<side>336))?")
"""How OpenAI names its models on the Hugging Face hub."""
_PAIR = re.compile(r"(?P<model>[\w.-]+)\s*(?:::?|[/,])\s*(?P<tag>\w+)")


def canonical_name(name: str) -> str:
    """Return a CLIP model's name as ``MODEL/PRETRAINED``, the two names that open_clip knows it by.

    The forms of Disco Diffusion (``ViTB32``, ``RN50quickgelu_cc12m``), DiscoArt (``ViT-B-32::laion2b_e16``),
    OpenAI (``ViT-B/32``, ``ViT-L/14@336px``), open_clip (``ViT-B-32``), the Hugging Face hub
    (``openai/clip-vit-base-patch32``) and guides (``VITL14_336``, ``ViT16b``, ``Rn50``) are understood,
    whatever their case; the names of the bundled ones stay.

    Raises:
        UsageError: the text has none of these forms, or means several models. Whether such a model exists is
            the registry's question.

    >>> canonical_name("ViTL14_336px"), canonical_name("ViTB32quickgelu_laion400m_e31")
    ('ViT-L-14-336/openai', 'ViT-B-32-quickgelu/laion400m_e31')
    >>> canonical_name("ViT14L"), canonical_name("VIT32"), canonical_name("rn50x4")
    ('ViT-L-14/openai', 'ViT-B-32/openai', 'RN50x4/openai')
    """
    text = name.strip()
    if (bundled := re.sub(r"[\s_]+", "-", text.lower())) in BUNDLED:
        return bundled
    if hub := _on_the_hub(text):
        return hub
    if found := _OPENAI_STYLE.fullmatch(text):
        model = _resnet(found) if found["resnet"] else _transformer(found, name)
        model += "-quickgelu" if found["gelu"] else ""
        tag = (found["tag"] or found["dashed"] or DEFAULT_PRETRAINED).lower().replace("-", "_")
        return f"{model}/{_DISCO_TAGS.get(tag, tag)}"
    if found := _PAIR.fullmatch(text):
        return f"{found['model']}/{found['tag']}"
    raise UsageError(
        f"{name!r} does not name a CLIP model; write one such as ViT-B-32 or a pair, ViT-B-32/laion2b_e16"
    )


def _on_the_hub(text: str) -> str:
    """Return the model that a repository of the Hugging Face hub holds, or an empty text where it is none.

    >>> _on_the_hub("openai/clip-vit-large-patch14"), _on_the_hub("apple/DFN5B-CLIP-ViT-H-14")
    ('ViT-L-14/openai', 'ViT-H-14-quickgelu/dfn5b')
    """
    last = re.split(r"[/:]", text)[-1].lower()
    if found := _TRANSFORMERS.fullmatch(last):
        side = f"-{found['side']}" if found["side"] else ""
        return f"ViT-{_SIZES[found['size']]}-{found['patch']}{side}/openai"
    return _repositories().get(last, "")


@functools.cache
def _repositories() -> Mapping[str, str]:
    """Return models by the last part of their repository's name.

    Of two in one, which differ in their activation, it is that with which the weights were trained; those of
    OpenAI have the right one under either name.
    """
    places = json.loads(Path(__file__).with_name("clip.json").read_text(encoding="utf-8"))
    found: dict[str, str] = {}
    for name, place in places.items():
        repository = place.split("/")[1].lower()
        if repository not in found or ("-quickgelu/" in name and not name.endswith("/openai")):
            found[repository] = name
    return MappingProxyType(found)


def _resnet(found: re.Match[str]) -> str:
    """Return the model that a text in the style of OpenAI means: ``RN50x4``."""
    return f"RN{found['resnet']}" + (f"x{found['times']}" if found["times"] else "")


def _transformer(found: re.Match[str], name: str) -> str:
    """Return the model that a text in the style of OpenAI means: ``ViT-L-14-336``.

    Raises:
        UsageError: several models have this size or this patch.
    """
    size = _SIZES.get((found["size"] or found["size_last"] or "").lower())
    patch = found["patch"] or found["patch_first"]
    side = found["side"]
    if size is None:
        size = "L" if side else _ONLY_SIZE.get(patch)
    if patch is None and size is not None:
        patch = "14" if side else _ONLY_PATCH.get(size)
    if size is None or patch is None:
        meant = "ViT-B-32 or ViT-B-16" if size else "ViT-L-14, ViT-H-14, ViT-g-14 or ViT-bigG-14"
        raise UsageError(f"{name!r} may be several CLIP models; write which: {meant}")
    plus = "-plus-240" if found["plus"] else ""
    return f"ViT-{size}-{patch}{plus}" + (f"-{side}" if side else "")


def same_model(one: str, other: str) -> bool:
    """Return whether two names, in any of their spellings, mean the same model.

    >>> same_model("ViTB32", "ViT-B/32"), same_model("RN50", "RN101"), same_model("x", "x")
    (True, False, True)
    """
    try:
        return one == other or canonical_name(one) == canonical_name(other)
    except UsageError:  # one of them names none
        return False
