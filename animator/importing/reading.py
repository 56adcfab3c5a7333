"""From the bytes of a settings file of another program to its keys and values, whatever it is written in."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from animator.errors import AnimatorError, RunError
from animator.importing.lenient import NoValueError, Reader, Source, read_json, without_conflict
from animator.importing.subtitles import is_subtitles, read_subtitles
from animator.scene.file_kinds import CAMERA, binary_kind, text_kind
from animator.scene.foreign import foreign_name
from animator.scene.nodes import plain
from animator.scene.picture_text import SIGNATURE, read_text
from animator.scene.source import encoding_of, parse

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

MOST_ITEMS = 400_000
"""Keys and list members of a file that are looked at."""

MOST_NAMES = 300
"""Names of a group by which it is seen whether it holds settings."""

_NOTEBOOK = re.compile(r'"(?:nbformat|cell_type)"\s*:')
_ASSIGNED = re.compile(
    r"^[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][\w. -]{0,80}?)[ \t]*(?::[^=\n\"']{1,60})?=(?!=)[ \t]*",
    re.MULTILINE,
)
_SECTION = re.compile(r"^[ \t]*\[{1,2}[A-Za-z_][\w .\"-]*\]{1,2}[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_SECTION_NAME = re.compile(r"\[{1,2}[A-Za-z_][\w .\"-]*\]{1,2}[ \t]*(?:#.*)?\r?$", re.MULTILINE)
_NUMBERED = re.compile(r"[ \t]*(\d{1,6})[ \t]*=[ \t]*(\S.*)")
_QUOTED_KEY = re.compile(r"""["'][\w ()+-]+["']\s*:""")
_YAML_KEY = re.compile(r"^[A-Za-z_][\w -]*:(?:[ \t]|\r?$)", re.MULTILINE)
_COMMENT = re.compile(r"(?:\s+|#[^\n]*(?:\n|\Z)|//[^\n]*(?:\n|\Z)|/\*.*?\*/)*", re.DOTALL)
_COMMENTED = re.compile(r"^[ \t]*#[ \t]*(clip_prompts|latent_prompts)[ \t]*=[ \t]*(?=\[)", re.MULTILINE)
_PAGE = re.compile(r"\s*<(?:!doctype html|html|head|body)\b", re.IGNORECASE)
_PARAMETERS = re.compile(r"^Steps: *\d+, *\w[\w ]*:", re.MULTILINE)
_PAIR = re.compile(r"\s*([A-Za-z][\w \-/]*):\s*(\"(?:\\.|[^\"])*\"|[^,]*)(?:,|$)")


class UnreadableError(AnimatorError):
    """A file from which nothing can be had; its text says why, to follow the file's name."""

    exit_status = 2


@dataclass(frozen=True)
class Settings:
    """What a settings file says.

    Attributes:
        values: by key, sections taken apart; texts without quotes are `Source`.
        form: what it is written in: JSON, YAML, TOML, Python, INI, a notebook, a picture, subtitles,
            parameters.
        text: the text that was read.
        notes: what was passed over on the way.
    """

    values: dict[str, Any]
    form: str
    text: str = ""
    notes: tuple[str, ...] = ()


def read_settings(data: bytes, name: str) -> Settings:
    """Read a settings file.

    Args:
        data: all bytes of the file.
        name: what it is called; its ending is a hint at most.

    Raises:
        UnreadableError: there are no settings in it.
    """
    if data.startswith(SIGNATURE):
        return _of_picture(data)
    said = "" if data.lstrip()[:1] in b"{[" else binary_kind(data[: 1 << 16])
    if said:
        raise UnreadableError(said)
    text = data.decode(encoding_of(data), errors="replace").replace("\r\n", "\n").lstrip("\ufeff")
    if not text.strip():
        raise UnreadableError("is empty")
    if text.count("\0") > 2 or text.count("\ufffd") > max(8, len(text) // 50):
        raise UnreadableError("is no text, and no picture that carries settings")
    return read_text_settings(text, name)


def read_text_settings(text: str, name: str) -> Settings:
    """Read the text of a settings file; see `read_settings`."""
    start = _COMMENT.match(text)
    begin = start.end() if start else 0
    notes = ("a merge conflict: its first side was taken",) if "<<<<<<<" in text else ()
    text = without_conflict(text)
    _refuse_others(text, name)
    try:
        if text.startswith("{", begin) and _NOTEBOOK.search(text):
            return _of_notebook(text)
        if is_subtitles(text):
            return Settings(read_subtitles(text), "subtitles", text)
        if _PARAMETERS.search(text):
            return Settings(_parameters(text), "parameters", text)
        if _is_json(text, begin):
            return Settings(flat(read_json(text)), "JSON", text, notes)
    except NoValueError as error:
        raise UnreadableError(f"cannot be read: {error}") from None
    lowered = name.lower()
    assigned = len(_ASSIGNED.findall(text[:200_000]))
    if assigned and (lowered.endswith(".toml") or _SECTION.search(text)):
        try:
            return Settings({**_commented_prompts(text), **flat(tomllib.loads(text))}, "TOML", text, notes)
        except (tomllib.TOMLDecodeError, RecursionError, ValueError):
            found = {**_commented_prompts(text), **assignments(text), **_numbered_prompts(text)}
            return Settings(found, "INI", text, notes)
    if len(_YAML_KEY.findall(text[:200_000])) > assigned:
        try:
            tree, _ = parse(text, name)
            value = plain(tree)
        except AnimatorError:
            value = Reader("{" + re.sub(r"\n(?=[A-Za-z_])", ",\n", text) + "}").value()
        return Settings(flat(value), "YAML", text, notes)
    found = {**_commented_prompts(text), **assignments(text), **_numbered_prompts(text)}
    if not found:
        raise UnreadableError("is no settings file: there are no names with values in it")
    return Settings(found, "Python" if "'" in text or '"' in text or "#@" in text else "INI", text, notes)


def _refuse_others(text: str, name: str) -> None:
    """Raise UnreadableError of what is known to be something else."""
    if text_kind(text, name) == CAMERA:
        raise UnreadableError(CAMERA)
    if _PAGE.match(text):
        raise UnreadableError("is a web page, not the file that it shows; save that (on GitHub: Raw)")


def _is_json(text: str, begin: int) -> bool:
    """Return whether a text is JSON or nearly so: its first brace comes before any assignment."""
    brace = re.compile(r"[{\[]").search(text, begin)
    if brace is None or (text[brace.start()] == "[" and _SECTION_NAME.match(text, brace.start())):
        return False
    if brace.start() == begin:
        return True
    before = text[begin : brace.start()]
    named = _ASSIGNED.search(before) or _YAML_KEY.search(before)
    return not named and bool(_QUOTED_KEY.search(text, brace.start(), brace.start() + 4000))


def flat(tree: Any, depth: int = 0) -> dict[str, Any]:
    """Return the settings of a tree by key, those of sections among them; of a list the first settings.

    >>> flat({"args": {"W": 512, "steps": 3}, "fps": 9})
    {'W': 512, 'steps': 3, 'fps': 9}
    """
    if isinstance(tree, list):
        tree = next((one for one in tree if isinstance(one, Mapping)), {})
    if not isinstance(tree, Mapping) or depth > 8:
        return {}
    if "rendered_frames" in tree:
        return {str(key): value for key, value in tree.items()}
    values: dict[str, Any] = {}
    for key, value in tree.items():
        inner = value
        if key == "multipliers" and isinstance(value, Mapping):  # of all combinations, the first
            inner = {name: one[0] if isinstance(one, list) and one else one for name, one in value.items()}
            values[str(key)] = value
        if isinstance(value, str) and value.lstrip()[:1] == "{" and foreign_name(str(key)) is None:
            inner = _inner(value)
        if _is_section(str(key), inner):
            for name, one in flat(inner, depth + 1).items():
                values.setdefault(name, one)
        else:
            values[str(key)] = value
    return values


def _inner(text: str) -> Any:
    try:
        return read_json(text)
    except NoValueError:
        return text


def _is_section(key: str, value: Any) -> bool:
    """Return whether a value is a group of settings, not the value of one."""
    if isinstance(value, list):
        return foreign_name(key) is None and any(_is_section(key, one) for one in value[:1])
    if not isinstance(value, Mapping) or not value:
        return False
    known = foreign_name(key)
    if known is not None and "prompt" in key.lower():
        return False
    names = [str(name) for name, _ in zip(value, range(MOST_NAMES), strict=False)]
    found = sum(foreign_name(name) is not None for name in names)
    return found >= max(1, len(names) // 4) if known is None else found >= 4


def _of_picture(data: bytes) -> Settings:
    try:
        texts = read_text(data)
    except RunError as error:
        raise UnreadableError(str(error)) from None
    for text in sorted(texts.values(), key=len, reverse=True):
        if len(text) < 20:
            continue
        try:
            found = read_text_settings(text.replace("\r\n", "\n"), "")
        except UnreadableError:
            continue  # a comment of a camera is no settings
        if sum(foreign_name(key) is not None for key in found.values) >= 3:
            return Settings(found.values, "a picture", text)
    raise UnreadableError("is a picture without settings in it; name the settings file")


def _of_notebook(text: str) -> Settings:
    tree = read_json(text)
    cells = tree.get("cells", []) if isinstance(tree, dict) else []
    if not cells and isinstance(tree, dict):
        cells = [cell for sheet in tree.get("worksheets", []) for cell in sheet.get("cells", [])]
    code = []
    for cell in cells:
        if isinstance(cell, dict) and cell.get("cell_type", "code") == "code":
            lines = cell.get("source", cell.get("input", ""))
            code.append("".join(map(str, lines)) if isinstance(lines, list) else str(lines))
    found = {key: value for key, value in assignments("\n\n".join(code)).items() if foreign_name(key)}
    if not found:
        raise UnreadableError("is a notebook without settings of a program that is known")
    return Settings(found, "a notebook", "\n\n".join(code))


def assignments(text: str) -> dict[str, Any]:
    r"""Return what a program or an ini file sets: of each name the first value that is a literal.

    >>> assignments("steps = 250 #@param\nx = f(3)\nzoom: str = '0: (1)'")
    {'steps': 250, 'x': 'f(3)', 'zoom': '0: (1)'}
    """
    found: dict[str, Any] = {}
    end = 0
    text = re.sub(r"\\[ \t]*\n", " ", text)
    for match in _ASSIGNED.finditer(text):
        if match.start() < end:  # inside of a value that goes over lines
            continue
        reader = Reader(text, match.end(), lines=True)
        at_end = match.end() >= len(text) or text[match.end()] == "\n"
        value = "" if at_end else reader.value()
        end = max(reader.place, match.end())
        name = match["name"].strip()
        if name not in found or (isinstance(found[name], Source) and not isinstance(value, Source)):
            found[name] = value
        if len(found) > MOST_ITEMS:
            break
    return found


def _commented_prompts(text: str) -> dict[str, Any]:
    """Return the prompts that Majesty Diffusion saves as comments, beside the settings that it reads."""
    return {
        name: Reader(text, match.end(), lines=True).value()
        for match in _COMMENTED.finditer(text)
        if (name := match[1])
    }


def _numbered_prompts(text: str) -> dict[str, Any]:
    """Return the lines ``3=a sea`` of a section for prompts in an ini file, as ``prompt_3``."""
    found: dict[str, Any] = {}
    section = ""
    for line in text.splitlines():
        if match := _SECTION_NAME.match(line.strip()):
            section = match[0].lower()
        elif "prompt" in section and (pair := _NUMBERED.match(line)):
            found[f"prompt_{int(pair[1])}"] = pair[2].strip().strip('"')
    return found


def _parameters(text: str) -> dict[str, Any]:
    """Return the settings that the web UI writes below a picture."""
    at = _PARAMETERS.search(text)
    before = text[: at.start()] if at else text
    prompt, _, negative = before.partition("Negative prompt:")
    values: dict[str, Any] = {"prompt": prompt.strip(), "negative_prompt": negative.strip()}
    for name, value in _pairs(text[at.start() :] if at else ""):
        values[name] = value
    return values


def _pairs(text: str) -> Iterator[tuple[str, Any]]:
    for name, value in _PAIR.findall(text.splitlines()[0] if text else ""):
        key = name.strip().lower().replace(" ", "_")
        size = re.fullmatch(r"(\d+)x(\d+)", value.strip())
        if key == "size" and size:
            yield "width", int(size[1])
            yield "height", int(size[2])
        else:
            yield key, Reader(value.strip(), 0, lines=True).value()
