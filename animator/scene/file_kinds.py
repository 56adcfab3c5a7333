"""What a file is that was given in the place of a scene, by its first bytes, its text or its name."""

from __future__ import annotations

import re

_FILM = "is a film; footage goes into a scene as video: {init: FILE}, with mode: video"
_PICTURE = "is a picture without a scene in it; it goes into a scene as diffusion: {init_image: FILE}"
_SOUND = "is a sound; it goes into a scene as output: {audio: FILE}"
_WEIGHTS = "holds weights of a network; it goes into a scene as diffusion: {model: FILE}"

CAMERA = "holds the path of a camera, which goes into a scene as camera: {path: FILE}"
"""What is said of a file that ``camera.path`` reads."""

MAGIC: tuple[tuple[re.Pattern[bytes], str], ...] = tuple(
    (re.compile(pattern, re.DOTALL), said)
    for pattern, said in (
        (rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI |\x47.{187}\x47|\x00\x00\x01\xba", _FILM),
        (rb"\xff\xd8\xff|GIF8[79]a|RIFF....WEBP|BM.{12}|II\*\x00|MM\x00\*", _PICTURE),
        (rb"ID3|RIFF....WAVE|fLaC|OggS|\xff[\xfb\xf3\xf2]|FORM....AIFF", _SOUND),
        (rb".{6}\x00\x00\{|\x80[\x02-\x05]", _WEIGHTS),
        (rb"glTF|PXR-USDC|#usda|PK\x03\x04.{26}[^\x00]{1,200}?\.usd[ac]?", CAMERA),
        (rb"PK\x03\x04.*(?:/data\.pkl|/version)", _WEIGHTS),
        (rb"PK\x03\x04|\x1f\x8b|Rar!|7z\xbc\xaf", "is an archive; unpack it"),
        (rb"%PDF", "is a PDF"),
    )
)
"""The beginnings of files, and what to say of them."""

_POSES = re.compile(r'"(?:camera_to_world|transform_matrix)"\s*:|"asset"\s*:\s*\{[^{}]*"version"')
_PARAMETERS = re.compile(
    r"^Steps: *\d+, *\w[\w ]*:|^Negative prompt:.*^Steps: *\d+", re.MULTILINE | re.DOTALL
)
_TABLE = re.compile(r"^[ \t]*\[{1,2}[A-Za-z_][\w .\"-]*\]{1,2}[ \t]*(?:#.*)?$", re.MULTILINE)
_EQUALS = re.compile(r"^[ \t]*[A-Za-z_][\w.-]*[ \t]*=(?!=)[ \t]*\S", re.MULTILINE)
_COLON = re.compile(r"^[A-Za-z_][\w.-]*:(?:[ \t]|$)", re.MULTILINE)

YET = "which no scene can be made of; write one with its values: docs/names.md says where each belongs"
"""What follows of a file of another program that ``animator import`` does not read."""

IMPORTED = (
    "which is no scene; make one of it: animator import {file} -o scene.yaml (docs/names.md says where each "
    "value belongs)"
)
"""What follows of one that it reads."""


def binary_kind(head: bytes) -> str:
    r"""Return what to say of a file by its first bytes, or an empty text where they tell nothing.

    >>> binary_kind(b"\0\0\0\x20ftypisom")[:9], binary_kind(b"prompts: x")
    ('is a film', '')
    """
    return next((said for magic, said in MAGIC if magic.match(head[:65536])), "")


def text_kind(text: str, name: str) -> str:
    r"""Return what to say of a text that is no scene, by what is in it and by its name; else an empty text.

    >>> text_kind("a sea\nSteps: 20, Sampler: Euler a, CFG scale: 7", "a.txt")[:53]
    "holds parameters of AUTOMATIC1111's web UI, which is "
    """
    ending = name.lower().rpartition(".")[2]
    start = text.lstrip("\ufeff \t\r\n")[:200].lower()
    if _PARAMETERS.search(text):
        return f"holds parameters of AUTOMATIC1111's web UI, {IMPORTED.format(file=name)}"
    if start.startswith("adobe after effects") or ending == "chan" or _POSES.search(text[:20_000]):
        return CAMERA
    if ending == "tti":
        return f"is a settings file of Visions of Chaos, {IMPORTED.format(file=name)}"
    if start.startswith("/imagine"):
        return f"is a command for Midjourney, {YET}"
    if start.startswith(("<?xml", "<!doctype", "<html", "<svg")):
        return "is XML or HTML; a scene is YAML, with lines such as prompts: a sea"
    if re.match(r"(?:#!|import \w|from \w[\w.]* import )", start):
        return "is a program; a scene is YAML, with lines such as prompts: a sea"
    if (
        not _COLON.search(text)
        and (_TABLE.search(text) or ending in ("toml", "ini"))
        and _EQUALS.search(text)
    ):
        return "is TOML or INI; a scene is YAML: key: value instead of key = value, sections indented"
    if start and not _COLON.search(text) and len(_EQUALS.findall(text)) == len(text.strip().splitlines()):
        return "is TOML or INI; a scene is YAML: key: value instead of key = value"
    if ending in ("csv", "tsv"):
        return "is a table; the path of a camera goes into a scene as camera: {path: FILE}"
    return ""
