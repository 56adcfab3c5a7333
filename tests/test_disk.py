"""The disk and the world around a run misbehave: one line is told, and nothing that was finished is lost.

The disks are real: small file systems in memory that fill up, or that are made read-only, in a mount
namespace of their own (see `tests.troubled`).
"""

from __future__ import annotations

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from animator.errors import FilmError
from animator.system.disk import printed_fault
from animator.video.ffmpeg import executable
from animator.video.making import replacing
from tests.test_kill import files_of

pytestmark = [
    pytest.mark.long,
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mounts file systems of Linux"),
]

HEAD = "models: fake\nsize: [64, 64]\nseed: 5\ndiffusion: {steps: 3, skip_steps: 0}\nprompts: a red house\n"
CAMERA = "camera: {translation_z: 8, rotation_3d_y: 1}\n"
SCENES = {
    "film": f"{HEAD}mode: 3d\nframes: 4\n{CAMERA}output: {{losses: true, progress_image: true, crf: 0}}\n"
    "vr: {layouts: [anaglyph]}\n",
    "outputs": f"{HEAD}mode: 3d\nframes: 2\n{CAMERA}output: {{losses: false, gif: true, webp: true, "
    "codec: prores}\nvr: {layouts: [vr180], vr180_size: 256}\n",
    "long": f"{HEAD}mode: 2d\nframes: 5\ncamera: {{angle: 2}}\noutput: {{losses: false}}\n",
    "longer": f"{HEAD}mode: 2d\nframes: 12\ncamera: {{angle: 1}}\noutput: {{losses: false}}\n",
    "video": f"{HEAD.replace(', skip_steps: 0', '')}mode: video\n"
    "video: {init: clip.mp4, flow: dis, finish: flow, extract: true}\n"
    "output: {losses: false, progress_image: false}\n",
    "stills": f"{HEAD}mode: still\nimages: 3\noutput: {{losses: false, contact_sheet: true, "
    "intermediates: 1, diffusion_film: true}\n",
}
DONE = 0


class World:
    """A place in which disks fill up and processes are disturbed."""

    def __init__(self, folder: Path, how: list[str]) -> None:
        self.folder = folder
        self.disk = folder / "disk"
        self._count = 0
        self._process = subprocess.Popen(
            [*how, sys.executable, "-m", "tests.troubled"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "MPLCONFIGDIR": str(folder / "fonts")},
            cwd=Path(__file__).parents[1],
        )
        self.whole = folder / "whole"
        for place in (self.disk, self.whole):
            place.mkdir()
            self.system("mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(place))

    def _order(self, **order: object) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return int(self._process.stdout.readline())

    def seen(self, path: Path) -> Path:
        """Return where a path of that place is found from here."""
        return Path(f"/proc/{self._process.pid}/root{path}")

    def system(self, *command: str) -> None:
        assert self._order(run=command) == 0, command

    def start(self, *argv: object, **how: object) -> tuple[int, Path]:
        """Begin a command of the program; return its number and what it will have told."""
        self._count += 1
        told = self.folder / f"told{self._count}"
        return self._order(argv=[str(word) for word in argv], told=str(told), **how), told

    def wait(self, started: tuple[int, Path]) -> tuple[int, str]:
        """Return the exit status, negative for a signal, and all that was told but the progress."""
        status = os.waitstatus_to_exitcode(self._order(wait=started[0]))
        told = started[1].read_text()
        assert "Traceback" not in told, told
        return status, "\n".join(line for line in told.splitlines() if not is_progress(line))

    def animator(self, *argv: object, **how: object) -> tuple[int, str]:
        return self.wait(self.start(*argv, **how))

    def resize(self, size: str) -> None:
        self.system("mount", "-o", f"remount,size={size}", str(self.disk))

    def clear(self) -> None:
        """Make the disk writable, large and empty again."""
        self.system("mount", "-o", "remount,rw", str(self.disk))
        self.resize("16m")
        for path in self.seen(self.disk).iterdir():
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


def is_progress(line: str) -> bool:
    return line.startswith(("frame ", "picture ")) or " frames" in line[:40] or " pictures" in line[:40]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    how = next(
        (
            how
            for how in (["unshare", "-m"], ["unshare", "-rm"])
            if shutil.which("unshare")
            and subprocess.run([*how, "true"], stderr=subprocess.DEVNULL).returncode == 0
        ),
        None,
    )
    if how is None:
        pytest.skip("this system lets us have no mount namespace of our own, so no disk can be made small")
    world = World(tmp_path_factory.mktemp("world"), how)
    clip = ["-f", "lavfi", "-i", "testsrc2=size=64x64:rate=10:duration=0.3"]
    subprocess.run([executable(), "-v", "error", *clip, str(world.folder / "clip.mp4")], check=True)
    for name, text in SCENES.items():
        (world.folder / f"{name}.yaml").write_text(text)
    yield world
    world.end()


@pytest.fixture(scope="module")
def undisturbed(world: World) -> dict[str, Path]:
    """Runs that nothing disturbed, by the names of their scenes."""
    runs = {name: world.whole / name for name in SCENES}
    for name, run in runs.items():
        status, told = world.animator("render", world.folder / f"{name}.yaml", "--out", run)
        assert status == DONE, told
    return runs


@pytest.fixture(autouse=True)
def tidy(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "world" in request.fixturenames:
        request.getfixturevalue("world").clear()


def same(world: World, run: Path, whole: Path) -> None:
    ours, theirs = files_of(world.seen(run)), files_of(world.seen(whole))
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []


def lines_of(run: Path) -> list[str]:
    """Return the whole lines of a run's journal."""
    path = run / "journal.jsonl"
    return path.read_text().splitlines(keepends=True) if path.is_file() else []


# ---- a full disk

SAID = "free some space, then give the same command again"

FILLED = {
    "film": [
        "run.json",
        "timeline.csv",
        "run.json",
        "000000.png#3",
        "000000.csv",
        "000000.safetensors",
        "000000.png",
        "000001.png#3",
        "000003.png#3",
        "losses.png",
        "film.mp4",
    ],
    "outputs": [
        "outputs.mp4",
        "outputs.mov",
        "outputs.gif",
        "outputs.webp",
    ],
    "video": [
        "000001.png",
        "000001.safetensors",
        "000001.png",
        "video.mp4",
    ],
    "stills": ["000001_step002.png", "000002.png"],
}
"""Of each scene, after which files the disk is filled, one after another."""


@pytest.mark.parametrize("name", FILLED)
def test_a_disk_that_fills_up_again_and_again_loses_nothing(
    world: World, undisturbed: dict[str, Path], name: str
) -> None:
    run = world.disk / "a run"
    lines: list[str] = []
    for event in FILLED[name]:
        begun = (world.seen(run) / "scene.yaml").exists()
        argv = ["resume", run] if begun else ["render", world.folder / f"{name}.yaml", "--out", run]
        status, told = world.animator(*argv, full=event, ballast=str(world.disk / "ballast"))
        begun = (world.seen(run) / "scene.yaml").exists()
        again = f"continue with: animator resume '{run}'" if begun else "give the same command again"
        expected = (
            f"{run}/[^:]+: No space left on device; (the film .* was not made; )?free some space, then "
        )
        assert status == 1, (event, told)
        assert re.fullmatch(expected + again, told)
        world.seen(world.disk / "ballast").unlink()
        assert lines_of(world.seen(run))[: len(lines)] == lines
        lines = lines_of(world.seen(run))
    status, told = world.animator("resume", run)
    assert status == DONE, told
    assert lines_of(world.seen(run))[: len(lines)] == lines
    same(world, run, undisturbed[name])


def test_a_disk_that_grows_a_little_each_time_is_filled_a_little_further(
    world: World, undisturbed: dict[str, Path]
) -> None:
    run, chance, lines = world.disk / "run", random.Random("pages"), list[str]()
    places = set()
    for _ in range(40):
        used = os.statvfs(world.seen(world.disk))
        pages = used.f_blocks - used.f_bfree + chance.randrange(8, 60)
        world.resize(f"{4 * pages}k")
        begun = (world.seen(run) / "scene.yaml").exists()
        argv = ["resume", run] if begun else ["render", world.folder / "longer.yaml", "--out", run]
        status, told = world.animator(*argv)
        assert lines_of(world.seen(run))[: len(lines)] == lines
        lines = lines_of(world.seen(run))
        if status == DONE:
            break
        assert (status, told.count("\n")) == (1, 0)
        assert re.match(rf"{run}/\S+: No space left on device; free some space, then ", told), told
        places.add(Path(told.partition(":")[0]).suffix)
    assert status == DONE
    assert len(places) > 1
    same(world, run, undisturbed["longer"])


def test_an_encoder_that_could_not_even_print_is_known_by_the_full_disk(world: World) -> None:
    film = world.seen(world.disk) / "film.mp4"
    assert printed_fault("", film) is None
    with suppress(OSError):
        (world.seen(world.disk) / "ballast").write_bytes(bytes(1 << 25))
    assert printed_fault("", film) == f"{film}: No space left on device; {SAID}"
    assert printed_fault("Unknown encoder 'x'", film) is None


def test_what_ffmpeg_says_of_the_disk_is_told_like_our_own_faults(tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    for said, told in (
        ("Error writing trailer: No space left on device", f"{film}: No space left on device; {SAID}"),
        ("Unknown encoder 'x'", f"{film}: ffmpeg failed: Unknown encoder 'x'"),
    ):
        with pytest.raises(FilmError) as caught, replacing(film):
            raise FilmError(f"{film}: ffmpeg failed: {said}")
        assert str(caught.value) == told
        assert list(tmp_path.iterdir()) == []


# ---- a folder that is not what it was

SPOILT = {
    "read-only": (
        "mount --bind $DISK/run $DISK/run; mount -o remount,bind,ro $DISK/run",
        "umount $DISK/run",
        "Read-only file system; choose a fold",
    ),
    "renamed": (
        "mv $DISK/run $DISK/other",
        "mv $DISK/other $DISK/run",
        "No such file or directory; .* put it back",
    ),
    "replaced by a file": (
        "mv $DISK/run $DISK/other; touch $DISK/run",
        "rm $DISK/run; mv $DISK/other $DISK/run",
        "Not a directory; something else is in its place",
    ),
    "a file for a folder": (
        "mv $DISK/run/frames $DISK/other; touch $DISK/run/frames",
        "rm $DISK/run/frames; mv $DISK/other $DISK/run/frames",
        "(Not a directory|File exists); something else is in its place",
    ),
    "a folder for a file": (
        "mkdir $DISK/run/frames/000002.png",
        "rmdir $DISK/run/frames/000002.png",
        "Is a directory; something else is in its place",
    ),
    "a dangling link": (
        "mv $DISK/run/state $DISK/other; ln -s nowhere $DISK/run/state",
        "rm $DISK/run/state; mv $DISK/other $DISK/run/state",
        "No such file or directory; .* put it back",
    ),
}


@pytest.mark.parametrize("case", SPOILT)
def test_a_folder_that_is_spoilt_under_the_program_is_told_of(
    world: World, undisturbed: dict[str, Path], case: str
) -> None:
    spoil, mend, expected = SPOILT[case]
    run, env = world.disk / "run", {"DISK": str(world.disk)}
    when = {"000001.png": spoil}
    status, told = world.animator("render", world.folder / "long.yaml", "--out", run, when=when, env=env)
    assert status == 1
    assert re.match(rf"{run}\S*: {expected}", told), told
    assert told.count("\n") == 0
    again, told = world.animator("resume", run)
    assert again in (1, 2), told
    assert told.count("\n") == 0
    world.system("env", f"DISK={world.disk}", "sh", "-c", mend)
    status, told = world.animator("resume", run)
    assert status == DONE, told
    same(world, run, undisturbed["long"])


def test_a_run_that_is_deleted_under_the_program_is_told_of(world: World) -> None:
    run, when = world.disk / "run", {"000001.png": f"rm -r {world.disk}/run"}
    status, told = world.animator("render", world.folder / "long.yaml", "--out", run, when=when)
    assert status == 1
    assert re.match(rf"{run}\S*: No such file or directory; something removed or renamed it", told), told
    assert told.count("\n") == 0
    assert not world.seen(run).exists()


@pytest.mark.parametrize(
    ("out", "expected"),
    [
        ("n" * 300, "name.* too long.*shorter"),
        ("file/run", "Not a directory; something else is in its place"),
        ("link", "File exists; something else is in its place"),
        ("locked/run", "Permission denied; choose a folder that you may write to"),
        ("file", "File exists; something else is in its place"),
    ],
)
def test_a_run_folder_that_cannot_be_is_told_of(world: World, out: str, expected: str) -> None:
    disk = world.seen(world.disk)
    (disk / "file").write_text("something else")
    (disk / "link").symlink_to("nowhere")
    (disk / "locked").mkdir(mode=0o755)
    user = {"uid": 65534} if out.startswith("locked") else {}
    if user and os.geteuid():
        pytest.skip("only the system's administrator can become another user")
    (disk / "scene.yaml").write_text(SCENES["long"])
    status, told = world.animator("render", "scene.yaml", "--out", out, cwd=str(world.disk), **user)
    assert status in (1, 2)
    assert re.search(expected, told), told
    assert told.count("\n") == 0
    assert (disk / "file").read_text() == "something else"


# ---- two programs, signals, clocks, and streams that nobody reads


def hold(folder: Path) -> str:
    """Return a command that says where it is and waits until it may go on."""
    return f"touch {folder}/there; for i in $(seq 1000); do [ -e {folder}/go ] && break; sleep 0.02; done"


def until(path: Path) -> None:
    end = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_second_program_is_kept_out_until_the_first_is_gone(
    world: World, undisturbed: dict[str, Path]
) -> None:
    run, disk = world.disk / "run", world.seen(world.disk)
    first = world.start(
        "render", world.folder / "long.yaml", "--out", run, when={"000001.png": hold(world.disk)}
    )
    until(disk / "there")
    for argv in (["resume", run], ["render", world.folder / "long.yaml", "--out", run]):
        status, told = world.animator(*argv)
        host = socket.gethostname()
        assert (status, told) == (1, f"{run}: in use by process {first[0]} on {host}; wait for it or stop it")
    os.kill(first[0], signal.SIGKILL)
    assert world.wait(first)[0] == -signal.SIGKILL
    # What is left looks as if a program on a host that is no more held it.
    (disk / "run" / "run.lock").write_text('{"pid": 1, "host": "a host that is no more"}')
    status, told = world.animator("resume", run)
    assert status == DONE, told
    same(world, run, undisturbed["long"])


def test_a_disk_without_locks_is_told_of(world: World) -> None:
    run = world.disk / "run"
    status, told = world.animator("render", world.folder / "long.yaml", "--out", run, world=["no_locks"])
    assert status == 1
    assert re.fullmatch(rf"{run}/run\.lock: No locks available; .* choose a folder on another disk", told), (
        told
    )


def test_a_clock_that_jumps_changes_nothing(world: World, undisturbed: dict[str, Path]) -> None:
    run = world.disk / "run"
    status, told = world.animator("render", world.folder / "film.yaml", "--out", run, world=["jumping_clock"])
    assert status == DONE, told
    same(world, run, undisturbed["film"])
    for line in lines_of(world.seen(run)):
        entry = json.loads(line)
        assert all(0 <= seconds < 3600 for seconds in (entry["seconds"], *entry["stages"].values()))


@pytest.mark.parametrize("signals", [["TERM"], ["INT"], ["HUP"], ["INT", "INT"]])
def test_a_program_that_is_told_to_stop_can_be_gone_on_with(
    world: World, undisturbed: dict[str, Path], signals: list[str]
) -> None:
    run = world.disk / "run"
    kills = "; sleep 0.05; ".join(f"kill -{name} $PID" for name in signals)
    status, told = world.animator(
        "render", world.folder / "long.yaml", "--out", run, when={"000001.png": f"({kills}) & sleep 1"}
    )
    if signals == ["HUP"] and status == -signal.SIGHUP:
        assert told == ""
    else:
        assert status == 130
        assert told in (f"stopped; continue with: animator resume {run}", "interrupted")
    status, told = world.animator("resume", run)
    assert status == DONE, told
    same(world, run, undisturbed["long"])


def test_without_any_streams_a_run_is_what_it_is(world: World, undisturbed: dict[str, Path]) -> None:
    run = world.disk / "run"
    status, _ = world.animator("render", world.folder / "long.yaml", "--out", run, world=["no_streams"])
    assert status == DONE
    same(world, run, undisturbed["long"])


def test_a_run_whose_reader_has_gone_can_be_gone_on_with(world: World, undisturbed: dict[str, Path]) -> None:
    run = world.disk / "run"
    words = ["render", world.folder / "long.yaml", "--out", run]
    world.animator(*words, world=["reader_gone"])
    # It may stop before or after its first frame; before, it leaves no folder.
    status, told = world.animator(*(["resume", run] if world.seen(run).exists() else words))
    assert status == DONE, told
    same(world, run, undisturbed["long"])


@pytest.mark.parametrize("size", ["4k", None])
def test_a_full_or_missing_folder_for_temporary_files_does_no_harm(
    world: World, undisturbed: dict[str, Path], size: str | None
) -> None:
    run, temporary = world.disk / "run", world.disk / "temporary"
    if size:
        world.seen(temporary).mkdir()
        world.system("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(temporary))
        world.seen(temporary / "full").write_bytes(bytes(4096))
    env = {"TMPDIR": str(temporary)}
    status, told = world.animator(
        "render", world.folder / "long.yaml", "--out", run, env=env, world=["fresh_tempdir"]
    )
    if size:
        world.system("umount", str(temporary))
    assert status == DONE, told
    same(world, run, undisturbed["long"])


def test_no_folder_for_temporary_files_is_told_of(world: World) -> None:
    run = world.disk / "run"
    status, told = world.animator("render", world.folder / "long.yaml", "--out", run, world=["no_tempdir"])
    assert status == 1
    assert re.fullmatch("No usable temporary directory found in .*; free some space .* TMPDIR .*", told), told
