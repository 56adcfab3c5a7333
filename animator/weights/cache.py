"""What lies in the cache: whether it is there, whether it is sound, and how a user's own file gets in."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from animator.errors import UsageError, WeightsError
from animator.weights.disk import alone, errors_explained
from animator.weights.download import part_of
from animator.weights.hashes import (
    changed_in_folder,
    file_hash,
    file_hashes,
    fits,
    published,
    read_note,
    write_folder_note,
    write_note,
)
from animator.weights.registry import OWN, Entry, Kind, entries, is_there, location, named, names, parts
from animator.weights.wheels import wheel_file

PICKLES = frozenset({".pt", ".pth", ".ckpt"})
"""Endings of files that `torch.save` writes; they are read alike."""


@dataclass(frozen=True)
class Finding:
    """What a look at a file of weights says.

    Attributes:
        entry: whose file.
        verdict: ``damaged`` is a file that cannot be used; ``unknown`` one of which no hash was published.
        text: the same in words, with a remedy where there is one.
    """

    entry: Entry
    verdict: Literal["fine", "unknown", "damaged"]
    text: str


def lies_there(entry: Entry) -> bool:
    """Return whether the files of an entry are there; one that needs no file (``plane``) always is."""
    return not entry.file or all(is_there(location(part)) for part in parts(entry))


def held_bytes(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def begun_bytes(entry: Entry) -> int:
    """Return how many bytes of an entry's file or wheel were fetched so far, else 0."""
    part = part_of(wheel_file(entry.wheel) if entry.wheel else location(entry))
    return part.stat().st_size if part.is_file() else 0


def verify(entry: Entry) -> Finding:
    """Hold the files of an entry to their published hashes, or else to those noted when they came.

    Raises:
        WeightsError: one cannot be read.
    """
    found = [_verified(part) for part in parts(entry)]
    return next((one for one in found if one.verdict != "fine"), found[0])


def _verified(entry: Entry) -> Finding:
    path = location(entry)
    if path.is_dir():
        return _verified_folder(entry, path)
    with errors_explained(path):
        hashes = file_hashes(path)
    noted = read_note(path)
    if fits(entry, hashes):
        return Finding(entry, "fine", "fine")
    if noted not in (None, hashes["sha256"]):
        again = "" if entry.bundled else f"; remove {path}, then: animator models fetch {entry.name}"
        return Finding(entry, "damaged", f"damaged: it has changed since it came{again}")
    if published(entry) is None:
        since = ", unchanged since it came" if noted else ""
        return Finding(entry, "unknown", f"no published hash{since}")
    if noted:
        return Finding(entry, "unknown", "unknown hash, unchanged since it was imported")
    return Finding(
        entry,
        "damaged",
        f"damaged, or another file of this name; remove {path}, then: animator models fetch {entry.name}",
    )


def _verified_folder(entry: Entry, path: Path) -> Finding:
    """Hold the files of a folder to the hashes that were noted when they came."""
    with errors_explained(path):
        changed = changed_in_folder(path)
    if changed is None:
        return Finding(entry, "unknown", "no published hash")
    if not changed:
        return Finding(entry, "unknown", "no published hash, unchanged since it came")
    text = f"damaged: {', '.join(changed[:3])} changed since it came; remove {path}, then import it again"
    return Finding(entry, "damaged", text)


@dataclass(frozen=True)
class Adopted:
    """A file of the user's that is in the cache now.

    Attributes:
        entry: what it is.
        path: where it is.
        notice: what is not certain about it, or an empty string.
    """

    entry: Entry
    path: Path
    notice: str


def adopt(
    source: Path,
    name: str | None,
    recognise: Callable[[Path], str | None],
    own_kind: Callable[[Path], Kind | None] = lambda _: None,
) -> Adopted:
    """Put a file of weights that the user has into the cache: linked where the disk can, else copied.

    It is known by its hash; failing that it is kept under a name of its own where it is of one of the kinds
    `OWN`; failing that it is known by the name given, or by its own file name, and its family must be that
    of the entry where the entry has one.

    Args:
        source: the file, or the folder of a latent diffusion.
        name: what it is, or what it is to be called, or None.
        recognise: returns the family of a file of weights, or None if it has none; raises WeightsError where
            the file cannot be read. Called only if the hash is not known.
        own_kind: returns which of `OWN` it is, or None; raises WeightsError where it is no network for here.

    Raises:
        UsageError: there is no such file or name, or nothing says what the file is.
        WeightsError: the file is of another network, or cannot be kept.
    """
    if source.is_dir() and (kind := own_kind(source)):
        return _kept_folder(source, own_name(kind, name or source.resolve().name, ""))
    if not source.is_file():
        raise UsageError(f"{source}: no such file; name a file of weights")
    with errors_explained(source):
        hashes = file_hashes(source)
    by_hash = [part for entry in entries().values() for part in parts(entry) if fits(part, hashes)]
    wanted = {part for entry in named(name) for part in parts(entry)} if name and by_hash else set(by_hash)
    if fitting := [part for part in by_hash if part in wanted]:
        return _kept(source, fitting[0], hashes["sha256"], "")
    if by_hash:
        raise UsageError(f"{source}: its hash is that of {by_hash[0].name}, not of {name}; leave --name out")
    known = name is not None and any(name in names(kind) for kind in OWN)
    if not known and (kind := own_kind(source)):
        entry = own_name(kind, name or source.stem, source.suffix.lower())
        adopted = _kept(source, entry, hashes["sha256"], "its hash is unknown, so that it cannot be verified")
        _keep_description(source, adopted.path)
        return adopted
    entry = _meant(source, name, recognise)
    if (family := recognise(source)) != entry.family and entry.family is not None:
        like = f"of the family {family}" if family else "not of a known family"
        raise WeightsError(f"{source}: {entry.name} is of the family {entry.family}, this file is {like}")
    shapes = f", its names and shapes are those of {entry.family}" if entry.family else ""
    return _kept(
        source, entry, hashes["sha256"], f"its hash is unknown{shapes}; used as {entry.name}, as named"
    )


def own_name(kind: Kind, name: str, suffix: str) -> Entry:
    """Return the entry that a user's own file, or folder, is kept as.

    Raises:
        UsageError: the name cannot be that of a file.
    """
    if not re.fullmatch(r"[\w][\w .+-]*", name):
        raise UsageError(f"{name!r} cannot be the name of a network: letters, digits, '-', '_' and '.' can")
    return Entry(kind, name, f"{name}{suffix}")


def _keep_description(source: Path, path: Path) -> None:
    """Keep the JSON that lies beside a file and describes it, where there is one."""
    beside = source.with_suffix(".json")
    if beside.is_file():
        with errors_explained(path):
            shutil.copyfile(beside, path.with_suffix(".json"))


def _kept_folder(source: Path, entry: Entry) -> Adopted:
    path = location(entry)
    with errors_explained(path), alone(path, lambda _: None):
        if path.exists():
            if changed_in_folder(path, source) != []:
                raise WeightsError(f"{path} exists already and is a different folder; remove it first")
        else:
            temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            try:
                shutil.copytree(source, temporary, copy_function=_link_or_copy)
                temporary.replace(path)
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
            write_folder_note(path)
    return Adopted(entry, path, "no hash of it was published, so that it cannot be verified")


def _link_or_copy(source: str, target: str) -> None:
    _link(Path(source).resolve(), Path(target))


def _meant(source: Path, name: str | None, recognise: Callable[[Path], str | None]) -> Entry:
    """Return the entry that a file of unknown hash is meant to be."""
    if name is None:
        fitting = [entry for entry in entries().values() if entry.file == source.name and not entry.bundled]
    else:
        fitting = [entry for entry in named(name) if not entry.bundled]
    if name is not None and not fitting:
        raise UsageError(f"{name} comes with the program and is not imported; name another")
    if not fitting:
        family = recognise(source)
        alike = [entry.name for entry in entries().values() if family and entry.family == family]
        hint = f"; its shapes are those of {', '.join(alike)}" if alike else ""
        raise UsageError(f"{source}: its hash is unknown{hint}; say what it is with --name NAME")
    wanted = Path(fitting[0].file).suffix
    if source.suffix != wanted and not {source.suffix, wanted} <= PICKLES:
        raise UsageError(
            f"{source}: {fitting[0].name} is kept as a {wanted} file; a checkpoint of another format is "
            "named by its path in the scene (diffusion.model: PATH)"
        )
    return fitting[0]


def _kept(source: Path, entry: Entry, sha256: str, notice: str) -> Adopted:
    path = location(entry)
    with errors_explained(path), alone(path, lambda _: None):
        if path.is_file():
            if file_hash(path) != sha256:
                raise WeightsError(f"{path} exists already and is a different file; remove it first")
        else:
            temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
            try:
                _link(source.resolve(), temporary)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        write_note(path, sha256)
    return Adopted(entry, path, notice)


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it to where that cannot be."""
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copyfile(source, target)
