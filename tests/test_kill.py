"""Runs that are killed at random moments, again and again, and end with the bytes of one that never was."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from animator.runs import RunFolder
from animator.video.ffmpeg import executable

HEAD = "models: fake\nsize: [64, 64]\nseed: 5\ndiffusion: {steps: 2, skip_steps: 0}\n"
HEAD += "prompts: {0: a red house, 3: a blue sea}\nprompt_blend: 2\n"
PLAIN = "output: {losses: false}\n"
"""Spares a scene the plot of its losses, which takes longer than its frames; one of them has it."""

CAMERA = "camera: {translation_z: 8, rotation_3d_y: 1}\n"
MODES = {
    "stills": f"mode: still\nimages: 5\nbatch: 2\n{PLAIN}",
    "2d": "mode: 2d\nframes: 4\ncamera: {zoom: 1.05, angle: 2}\n"
    f"coherence: {{color_coherence: 0.5}}\n{PLAIN}",
    "3d": f"mode: 3d\nframes: 4\n{CAMERA}warp: {{occlusion: true, fill: inpaint}}\n",
    "turbo": f"mode: 3d\nframes: 6\n{CAMERA}turbo: {{steps: 3, preroll: 1, align: true}}\n{PLAIN}",
    "turbo in 2d": "mode: 2d\nframes: 6\nturbo: {steps: 3, preroll: 0}\n"
    f"camera: {{angle: 3}}\ncoherence: {{noise: moved}}\nseed: {{0: 5, 4: 7}}\n{PLAIN}",
    "stereo": f"mode: 3d\nframes: 4\n{CAMERA}turbo: {{steps: 2, preroll: 1}}\n"
    "vr: {layouts: [left_right, anaglyph]}\noutput: {gif: true, losses: false}\n",
    "larger": f"mode: 2d\nframes: 3\ncamera: {{zoom: 1.05}}\nhires: {{scale: 2, tiles: 64}}\n{PLAIN}",
    "video": "mode: video\nvideo: {init: clip.mp4, flow: dis, finish: flow}\n"
    "coherence: {color_coherence: 0.4, noise: moved}\n"
    "output: {film_every: 2, losses: false}\n",
}
KILLS = 8
TORN_BY_TIME = {"run.lock", "journal.jsonl", "log.txt", "report.json", "report.html"}
"""Files that tell who was at work and how long it took."""


class Dying:
    """A process that renders in forks which die, see `tests.dying`."""

    def __init__(self) -> None:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.dying"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=Path(__file__).parents[1],
        )

    def order(self, **order: object) -> int:
        """Carry an order out; return the number of the signal that it died of, 0 where it came to its end."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)
        status = int(self._process.stdout.readline())
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, order
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0

    def end(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=30)


@pytest.fixture(scope="module")
def dying() -> Iterator[Dying]:
    process = Dying()
    yield process
    process.end()


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=size=64x64:rate=10:duration=0.4"]
    sound = ["-f", "lavfi", "-i", "sine=frequency=440:duration=0.4"]
    subprocess.run([executable(), "-v", "error", *source, *sound, str(path)], check=True)
    return path


def files_of(run: Path) -> dict[str, bytes]:
    """Everything in a run that must not hang on how often it was killed."""
    return {
        str(path.relative_to(run)): path.read_bytes()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name not in TORN_BY_TIME
    }


def begin(dying: Dying, scene: Path, run: Path, **how: object) -> int:
    """Begin a run, or go on with it where it was begun far enough to be resumed."""
    if (run / "scene.yaml").is_file():
        return dying.order(resume=str(run), **how)
    if run.is_dir() and not (run / "run.json").is_file():
        for path in sorted(run.rglob("*"), reverse=True):  # killed while the folder was made: nothing is lost
            path.rmdir() if path.is_dir() else path.unlink()
    return dying.order(scene=str(scene), out=str(run), **how)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
def test_killed_again_and_again_it_ends_with_the_same_bytes(
    dying: Dying, clip: Path, tmp_path: Path, mode: str
) -> None:
    scene = tmp_path / "scene.yaml"
    text = HEAD + MODES[mode].replace("clip.mp4", str(clip))
    if "seed: {" in text:
        text = text.replace("seed: 5\n", "")
    scene.write_text(text)
    began = time.monotonic()
    assert begin(dying, scene, tmp_path / "whole") == 0
    whole_seconds = time.monotonic() - began
    chance = random.Random(f"kills {mode}")
    killed = tmp_path / "killed"
    deaths = 0
    for turn in range(KILLS):
        if turn % 3 == 2:
            how = {"after": chance.uniform(0.02, 0.4) * whole_seconds}
        else:
            how = {"event": chance.randrange(1, 20), "torn": chance.random() < 0.5}
        deaths += begin(dying, scene, killed, **how) in (signal.SIGKILL, signal.SIGALRM)
    assert deaths >= KILLS - 3, "it came to its end too soon for this test"
    assert begin(dying, scene, killed) == 0
    ours, theirs = files_of(killed), files_of(tmp_path / "whole")
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    entries = [RunFolder.open(tmp_path / name).journal() for name in ("killed", "whole")]
    first, second = ({n: (e.inputs, e.seed, e.file, e.more) for n, e in one.items()} for one in entries)
    assert first == second
