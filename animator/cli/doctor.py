"""``animator doctor``: what of the machine and the installation would keep a scene from being made.

What may itself be broken, torch and all that needs it, is imported only where it is looked at.
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from animator.errors import AnimatorError, FilmError
from animator.memory.machine import Room, in_gib, ram
from animator.scene.reading import LoadedScene
from animator.video import ffmpeg
from animator.weights.cache import lies_there
from animator.weights.registry import Entry, about_bytes, cache_folder, entries, location

DISTRIBUTION = "animator"
LEAST_PYTHON = (3, 10)
LEAST_RAM = 2 * 2**30
"""Bytes below which even the bundled networks at their own size may not fit."""

BYTES_A_PIXEL = 3 * 1.3 + 3 * 4
"""Of a frame on the disk: a PNG of little redundancy and its share of the film, and its state in float32."""


@dataclass(frozen=True)
class Finding:
    """One line of what the doctor says.

    Attributes:
        verdict: ``ok``, ``note`` (it works, but not as well as it could) or ``FAIL``.
        what: what was looked at.
        text: what was found.
        remedy: what to do; empty where all is well.
    """

    verdict: Literal["ok", "note", "FAIL"]
    what: str
    text: str
    remedy: str = ""

    def __str__(self) -> str:
        """One line: verdict, what, what was found; and the remedy."""
        return f"{self.verdict:<4}  {self.what}: {self.text}" + (f"; {self.remedy}" if self.remedy else "")


def examine(loaded: LoadedScene | None, device: str | None = None) -> Iterator[Finding]:
    """Yield what there is to say, one thing after another; uses no network.

    Args:
        loaded: a scene whose needs are looked at too, or None.
        device: where networks are to run, in place of what the scene says.

    Raises:
        UsageError: this machine has no such device.
    """
    yield python(sys.version_info[:3])
    yield from packages()
    computing = list(devices())
    yield from computing
    if computing[-1].verdict == "FAIL":
        return  # all that is left needs torch
    from animator.system.devices import choose_device

    choose_device(device or (loaded.scene.device if loaded else "auto"))
    yield memory(ram())
    yield encoder()
    yield from bundled()
    from animator.run.render import RENDERS

    yield folder("cache folder", cache_folder(), _missing_bytes(loaded), "choose another with ANIMATOR_CACHE")
    yield folder("renders folder", RENDERS, _bytes_of_run(loaded), "go to another folder, or use --out")
    if loaded is not None:
        yield from networks(loaded)


def python(version: tuple[int, ...]) -> Finding:
    """Return whether this Python is new enough."""
    text = ".".join(str(part) for part in version)
    if version[:2] < LEAST_PYTHON:
        least = ".".join(str(part) for part in LEAST_PYTHON)
        return Finding("FAIL", "Python", text, f"install Python {least} or newer")
    return Finding("ok", "Python", text)


def packages(distribution: str = DISTRIBUTION) -> Iterator[Finding]:
    """Yield a line a package that is missing or too old, or one line if there is none."""
    try:
        required = importlib.metadata.requires(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        remedy = "install it with: pip install -e ."
        yield Finding(
            "note", "packages", f"{distribution} is not installed, so what it needs is not known", remedy
        )
        return
    from packaging.requirements import Requirement

    faults, sound = [], 0
    for requirement in map(Requirement, required):
        if requirement.marker is not None and not requirement.marker.evaluate({"extra": ""}):
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            version = "missing"
        if version != "missing" and requirement.specifier.contains(version, prereleases=True):
            sound += 1
            continue
        remedy = f'pip install "{requirement.name}{requirement.specifier}"'
        faults.append(Finding("FAIL", f"package {requirement.name}", version, remedy))
    yield from faults or [Finding("ok", "packages", f"all {sound} are there and new enough")]


def devices() -> Iterator[Finding]:
    """Yield what torch computes with; a line that fails, and no more, where it cannot be imported."""
    try:
        import torch
    except (ImportError, OSError) as fault:
        said = str(fault).partition("\n")[0]
        yield Finding("FAIL", "torch", f"cannot be imported ({said})", "pip install --force-reinstall torch")
        return
    from animator.diffusion.precision import precision_for

    threads = f"{torch.get_num_threads()} threads on {os.cpu_count()} processors"
    native = precision_for("auto", torch.device("cpu"))
    yield Finding("ok", "torch", f"{torch.__version__}, {threads}, {native} on the CPU")
    if not torch.cuda.is_available():
        remedy = "for larger networks and pictures use a machine with one and a build of torch for it"
        yield Finding("note", "GPU", f"torch {torch.__version__} sees none, networks run on the CPU", remedy)
        return
    name, (free, total) = torch.cuda.get_device_name(), torch.cuda.mem_get_info()
    half = precision_for("auto", torch.device("cuda"))
    yield Finding("ok", "GPU", f"{name}, {in_gib(free)} of {in_gib(total)} free, {half}")


def memory(room: Room | None) -> Finding:
    """Return how much memory is free."""
    if room is None:
        return Finding("note", "memory", "the system does not say how much there is")
    text = f"{in_gib(room.free)} of {in_gib(room.total)} free"
    if room.free < LEAST_RAM:
        return Finding("note", "memory", text, "close other programs, or render small pictures")
    return Finding("ok", "memory", text)


def encoder() -> Finding:
    """Return whether ffmpeg can be found and makes a film of two frames."""
    try:
        program = ffmpeg.executable()
        with tempfile.TemporaryDirectory() as place:
            film = Path(place) / "film.mp4"
            source = ["-f", "lavfi", "-i", "color=c=red:s=64x64:r=2:d=1"]
            coding = ["-c:v", "libx264", "-pix_fmt", "yuv420p", str(film)]
            ffmpeg.run([program, *ffmpeg.QUIET, *source, *coding], "a film of two frames")
            size = film.stat().st_size
    except (FilmError, OSError) as fault:
        remedy = f"set {ffmpeg.VARIABLE} to an ffmpeg that has libx264"
        return Finding("FAIL", "ffmpeg", str(fault), remedy)
    if not size:
        return Finding(
            "FAIL", "ffmpeg", f"{program} wrote an empty film", f"set {ffmpeg.VARIABLE} to another"
        )
    return Finding("ok", "ffmpeg", f"{program} encodes H.264")


def bundled() -> Iterator[Finding]:
    """Yield a line a bundled network that cannot be read, or one line if all can."""
    faults, sound = [], 0
    for entry in entries().values():
        if not entry.bundled or not entry.file:
            continue
        if fault := _unreadable(location(entry)):
            faults.append(Finding("FAIL", f"bundled {entry.kind} network", fault, "reinstall animator"))
        else:
            sound += 1
    yield from faults or [Finding("ok", "bundled networks", f"all {sound} can be read")]


def folder(what: str, path: Path, wanted: int, remedy: str) -> Finding:
    """Return whether a folder, or the one that it would be made in, can be written to and has room.

    Args:
        what: what it is called.
        path: the folder, there or not; nothing is left in it.
        wanted: bytes that are going to be written.
        remedy: what to do where it cannot be used.
    """
    path = path.absolute()
    there = next(place for place in (path, *path.parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as fault:
        return Finding("FAIL", what, f"{path} cannot be written ({fault.strerror})", remedy)
    needs = f", about {in_gib(wanted)} needed" if wanted else ""
    text = f"{path}, {in_gib(free)} free{needs}"
    if wanted > free:
        return Finding("FAIL", what, text, f"free some space, or {remedy}")
    return Finding("ok", what, text)


def networks(loaded: LoadedScene) -> Iterator[Finding]:
    """Yield a line for each network of a scene that does not come with the program."""
    from animator.run.networks import needed

    try:
        wanted = needed(loaded.scene)
    except AnimatorError as fault:
        yield Finding("FAIL", "networks", str(fault), "correct the scene")
        return
    for entry in wanted:
        if not entry.bundled:
            yield _network(entry)


def _network(entry: Entry) -> Finding:
    what = f"{entry.kind} network {entry.name}"
    if lies_there(entry):
        fault = _unreadable(location(entry))
        remedy = f"remove it, then: animator models fetch {entry.name}"
        return Finding("FAIL", what, fault, remedy) if fault else Finding("ok", what, str(location(entry)))
    size = about_bytes(entry)
    text = f"missing{f', about {in_gib(size)}' if size else ''}"
    remedy = f"animator models fetch {entry.name}"
    if entry.kind == "perceptual":
        return Finding("note", what, f"{text}; a simpler distance is used instead", remedy)
    return Finding("FAIL", what, text, remedy)


def _unreadable(path: Path) -> str:
    """Return why a file cannot be read, or an empty string; its contents are not checked."""
    try:
        with path.open("rb") as file:
            return "" if file.read(1) else f"{path} is empty"
    except OSError as fault:
        return f"{path} cannot be read ({fault.strerror})"


def _missing_bytes(loaded: LoadedScene | None) -> int:
    """Return about how many bytes are still to be fetched for a scene."""
    if loaded is None:
        return 0
    from animator.run.networks import needed

    try:
        wanted = needed(loaded.scene)
    except AnimatorError:  # reported by `networks`
        return 0
    return sum(about_bytes(entry) or 0 for entry in wanted if not lies_there(entry))


def _bytes_of_run(loaded: LoadedScene | None) -> int:
    """Return about how many bytes a run of a scene writes; few are less, unless every frame is noise."""
    if loaded is None:
        return 0
    width, height = loaded.scene.size
    return round(loaded.scene.count * width * height * BYTES_A_PIXEL)
