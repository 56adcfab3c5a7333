"""The networks that can be named, read from data: ``networks.json`` and, for CLIP, ``clip.json``.

The latter holds the place of each file on the Hugging Face hub, as open_clip knows it;
``clip_parameters.json`` how many numbers each architecture of open_clip holds.
"""

from __future__ import annotations

import functools
import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from animator.errors import UsageError, WeightsError
from animator.system.json_text import parse_json
from animator.weights.checkpoint_names import is_checkpoint
from animator.weights.clip_names import canonical_name
from animator.weights.elsewhere import why_not_here
from animator.weights.likeness import folded, likeness

Kind = Literal[
    "diffusion",
    "secondary",
    "clip",
    "depth",
    "flow",
    "perceptual",
    "upscale",
    "interpolate",
    "latent",
    "lora",
    "controlnet",
]

OPTIONAL: Kind = "perceptual"
"""The kind without which a scene runs too: a simpler distance between pictures takes its place."""

AFTER_FRAMES: frozenset[Kind] = frozenset({"upscale", "interpolate"})
"""The kinds that work on finished frames, which do not depend on them."""

OWN: tuple[Kind, ...] = ("latent", "lora", "controlnet")
"""The kinds of which a user's own files may lie in the cache under names of their own."""

PACKAGE = Path(__file__).resolve().parent.parent
"""Where bundled weights lie: the installed ``animator`` package."""

ALIKE = 0.6
"""How alike a name must be, 0 to 1, to be offered for one that is not known."""


@dataclass(frozen=True)
class Family:
    """Networks of one shape.

    Attributes:
        name: such as ``openai_512``.
        kind: what they are for.
        switches: what their network is built from.
        parameters: how many numbers they hold.
    """

    name: str
    kind: Kind
    switches: Mapping[str, Any]
    parameters: int


@dataclass(frozen=True)
class Wheel:
    """A wheel on the package index that holds weights as data files.

    Attributes:
        package: its name on the index.
        version: the one that is meant.
        file: name of the wheel.
        sha256: of the wheel, in hexadecimal.
        size: bytes of the wheel.
    """

    package: str
    version: str
    file: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Member:
    """One data file inside a wheel.

    Attributes:
        file: its path inside the cache.
        path: its path inside the wheel.
        sha256: of the file, in hexadecimal.
        size: bytes of the file.
    """

    file: str
    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class Entry:
    """One set of weights.

    Attributes:
        kind: what it is for.
        name: what a scene calls it.
        file: path of the weights, inside the package if ``bundled``, else inside the cache; of weights in
            several files the first.
        bundled: whether it comes with the program.
        family: name of its `Family`, or None where ``config`` describes it.
        config: path of its description inside the package, or None.
        parameters: how many numbers it holds, where neither its family nor open_clip says; None if unknown.
        size: bytes of the file, or None where it was never published.
        sha256: of the file, in hexadecimal, or None where it was never published.
        sha512: the same.
        sha256_start: the first digits of its SHA-256, where no more was published.
        urls: where it can be had, the best first.
        licence: as its authors state it, or None if they do not.
        estimate: how its clean estimates are held, see ``prediction.hold_for``.
        wheel: the wheel that the weights are in, or None.
        members: its data files that make up the weights; none without a wheel.
    """

    kind: Kind
    name: str
    file: str
    bundled: bool = False
    family: str | None = None
    config: str | None = None
    parameters: int | None = None
    size: int | None = None
    sha256: str | None = None
    sha512: str | None = None
    sha256_start: str | None = None
    urls: tuple[str, ...] = field(default=())
    licence: str | None = None
    estimate: Literal["free", "clamped", "thresholded"] = "free"
    wheel: Wheel | None = None
    members: tuple[Member, ...] = ()


@functools.cache
def families() -> Mapping[str, Family]:
    """Return every known family by its name."""
    return MappingProxyType(
        {name: Family(name=name, **values) for name, values in _data("networks")["families"].items()}
    )


@functools.cache
def entries() -> Mapping[tuple[Kind, str], Entry]:
    """Return every known set of weights by kind and name."""
    listed = [
        _wheel_entry(**row) if "wheel" in row else Entry(**{**row, "urls": tuple(row.get("urls", ()))})
        for row in _data("networks")["networks"]
    ]
    listed += [_open_clip_entry(name, place) for name, place in _data("clip").items()]
    return MappingProxyType({(entry.kind, entry.name): entry for entry in listed})


def own_entries() -> list[Entry]:
    """Return the user's own files and folders in the cache: those of `OWN` that no published entry is.

    A cache that may not be looked into holds none.
    """
    published = {location(entry) for entry in entries().values() if entry.kind in OWN}
    return [
        Entry(kind, path.stem if path.is_file() else path.name, path.name)
        for kind in OWN
        for path in _listed(cache_folder() / kind)
        if path not in published and (is_checkpoint(path.name) or path.suffix == ".bin" or path.is_dir())
    ]


def _listed(folder: Path) -> list[Path]:
    """Return what lies in a folder, hidden files left out; nothing where it may not be looked into."""
    try:
        return sorted(folder.glob("[!.]*"))
    except PermissionError:
        return []


def own(kind: Kind, name: str) -> Entry | None:
    """Return the user's own file of a kind by its name, or None."""
    return next((one for one in own_entries() if (one.kind, one.name) == (kind, name)), None)


def names(kind: Kind) -> list[str]:
    """Return the names of one kind, those that are bundled first."""
    return [entry.name for (its_kind, _), entry in entries().items() if its_kind == kind]


def find(kind: Kind, name: str) -> Entry:
    """Return the entry of a name, for CLIP in any form that `canonical_name` understands.

    Raises:
        UsageError: there is none; the message lists the names and the nearest one.
    """
    if kind in OWN and (kind, name) not in entries() and (mine := own(kind, name)):
        return mine
    if (kind, name) not in entries() and (reason := why_not_here(kind, name)):
        raise UsageError(f"{name!r} is not here: {reason}")
    wanted = _clip_name(name) if kind == "clip" else name
    if entry := entries().get((kind, wanted)) or _alike(kind).get(folded(wanted)):
        return entry
    known = names(kind)
    tagged = [other for other in known if other.startswith(f"{wanted.partition('/')[0]}/")]
    kin = _of_one_size(wanted, known)
    near = max(tagged or kin, key=lambda candidate: likeness(wanted, candidate))
    hint = f"did you mean {near}? " if tagged or likeness(wanted, near) > ALIKE else ""
    listed = tagged or kin
    shown = ", ".join(listed[:12]) + (f" and {len(listed) - 12} more" if len(listed) > 12 else "")
    raise UsageError(f"there is no {kind} network {name!r}; {hint}there are {shown}")


def _clip_name(name: str) -> str:
    """Return the canonical name of a CLIP model; also of one without a tag, where it has but one.

    Raises:
        UsageError: the text is no name, or the model has several tags.
    """
    try:
        return canonical_name(name)
    except UsageError as error:
        tagged = [other for other in names("clip") if folded(other.partition("/")[0]) == folded(name)]
        if len(tagged) > 1:
            raise UsageError(f"{name!r} needs its tag; there are {', '.join(tagged)}") from error
        if not tagged:
            raise
        return tagged[0]


@functools.cache
def _alike(kind: Kind) -> Mapping[str, Entry]:
    """Return the entries of a kind by their folded names, those alone that no other folds to."""
    by_name: dict[str, list[Entry]] = {}
    for entry in (entries()[kind, name] for name in names(kind)):
        by_name.setdefault(folded(entry.name), []).append(entry)
    return MappingProxyType({name: alike[0] for name, alike in by_name.items() if len(alike) == 1})


def _tagged(text: str) -> bool:
    """Return whether there is a CLIP model of a folded name, whatever its weights."""
    return any(folded(name.partition("/")[0]) == text for name in names("clip"))


def _of_one_size(wanted: str, known: Sequence[str]) -> Sequence[str]:
    """Return the names that may be offered for one: of a ViT those of its size, of a ResNet the others."""
    size = re.match(r"ViT-[A-Za-z]+-|RN(?=[0-9])", wanted)
    return [name for name in known if size and name.startswith(size[0])] or known


def cache_folder() -> Path:
    """Return where fetched weights are kept: ``ANIMATOR_CACHE``, or the platform's usual place."""
    if chosen := os.environ.get("ANIMATOR_CACHE"):
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "animator"
    if sys.platform == "win32":
        return (
            Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "animator" / "cache"
        )
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "animator"


def location(entry: Entry) -> Path:
    """Return where the file of an entry belongs, whether or not it is there."""
    return PACKAGE / entry.file if entry.bundled else cache_folder() / entry.kind / entry.file


def is_there(path: Path) -> bool:
    """Return whether a file of weights lies somewhere, or a folder of them, that may be looked into."""
    try:
        return path.is_file() or (path.is_dir() and any(path.iterdir()))
    except PermissionError:
        return False


def parts(entry: Entry) -> list[Entry]:
    """Return an entry for each file of an entry: one for each member of a wheel, else itself."""
    return [
        replace(entry, file=one.file, sha256=one.sha256, size=one.size, members=()) for one in entry.members
    ] or [entry]


def config_file(entry: Entry) -> Path | None:
    """Return the file that describes an entry's network, or None where its family does."""
    return PACKAGE / entry.config if entry.config else None


def context_length(entry: Entry) -> int | None:
    """Return how many tokens a CLIP model of its own configuration reads; None for one of open_clip's."""
    path = config_file(entry)
    if path is None or not path.is_file():
        return None
    config = parse_json(path.read_text(encoding="utf-8"))
    return int(config["model_cfg"]["text_cfg"]["context_length"])


def about_bytes(entry: Entry) -> int | None:
    """Return how large the files of an entry are: as published, or else about, at four bytes a parameter.

    None where it is not known. It looks at no file.
    """
    if entry.members:
        return sum(member.size for member in entry.members)
    if entry.size is not None:
        return entry.size
    parameters = families()[entry.family].parameters if entry.family else entry.parameters
    return None if parameters is None else 4 * parameters


def locate(entry: Entry) -> Path:
    """Return the file of an entry; of weights in several files the first, when all are there.

    Raises:
        WeightsError: it is not there; the message says how to fetch it, from where, and where it belongs.
    """
    absent = [location(part) for part in parts(entry) if not is_there(location(part))]
    if not absent:
        return location(entry)
    path = absent[0]
    if entry.bundled:
        raise WeightsError(f"the bundled {entry.kind} network is missing at {path}; reinstall animator")
    about = about_bytes(entry)
    size = f" (about {about / 1e6:.0f} MB)" if about else ""
    source = entry.urls[0] if entry.urls else entry.wheel and f"the wheel {entry.wheel.file}"
    remedy = f"fetch it with: animator models fetch {entry.name}" if source else "no address is known"
    elsewhere = f" (from {source})" if source else ""
    raise WeightsError(
        f"the {entry.kind} network {entry.name} is not at {path}{size}; {remedy}{elsewhere}, "
        "or, if you have the file: animator models import FILE"
    )


def named(name: str) -> list[Entry]:
    """Return every entry of a name, of whatever kind: ``pocket`` names one of several kinds.

    A name without the factor means the networks of every factor: ``animevideov3`` is ``animevideov3-x2`` and
    its like.

    Raises:
        UsageError: there is none; the message offers the nearest name.
    """
    found = [entry for entry in (*entries().values(), *own_entries()) if entry.name == name]
    found = found or [one for one in entries().values() if re.fullmatch(rf"{re.escape(name)}-x\d", one.name)]
    if found:
        return found
    try:
        return [find("clip", name)]
    except UsageError:
        if _tagged(folded(name)):  # a CLIP model, of which there are other weights
            raise
        known = list(dict.fromkeys(entry.name for entry in entries().values()))
    near = max(known, key=lambda candidate: likeness(name, candidate))
    hint = f"did you mean {near}? " if likeness(name, near) > ALIKE else ""
    raise UsageError(f"there is no network {name!r}; {hint}animator models list --all shows every name")


def _open_clip_entry(name: str, place: str) -> Entry:
    """Return the entry of a CLIP model from its place on the Hugging Face hub: owner, repository, file."""
    owner, repository, file = place.split("/")
    return Entry(
        kind="clip",
        name=name,
        file=name.replace("/", "-") + Path(file).suffix,
        parameters=_data("clip_parameters").get(name.partition("/")[0]),
        urls=(f"https://huggingface.co/{owner}/{repository}/resolve/main/{file}",),
    )


def _wheel_entry(wheel: str, members: Sequence[Mapping[str, Any]], **row: Any) -> Entry:
    """Return the entry of weights that are data files of a wheel."""
    held = tuple(Member(**member) for member in members)
    return Entry(
        **row,
        **{name: getattr(held[0], name) for name in ("file", "sha256", "size")},
        wheel=Wheel(package=wheel, **_data("networks")["wheels"][wheel]),
        members=held,
    )


@functools.cache
def _data(stem: str) -> Any:
    return json.loads((PACKAGE / "weights" / f"{stem}.json").read_text(encoding="utf-8"))
