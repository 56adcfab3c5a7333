"""A run takes no more memory, open files or time a frame at its end than at its beginning."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from statistics import median

import pytest

from animator.video.ffmpeg import executable

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc of Linux"),
]

HEAD = "size: [64, 64]\nseed: 5\nprompts: {0: a red house, 15: a blue sea}\nprompt_blend: 5\n"
FAKE = f"{HEAD}models: fake\ndiffusion: {{steps: 3, skip_steps: 0}}\n"
CAMERA = "camera: {translation_z: 3, rotation_3d_y: 0.3}\n"
SCENES = {
    "pocket": f"{HEAD}mode: 3d\nframes: 60\n{CAMERA}depth: {{model: pocket}}\n"
    "diffusion: {model: pocket, steps: 2, skip_steps: 0}\n"
    "guidance: {clip_models: {pocket: 1}, cutn_batches: 1, cuts: {overview: 1, innercut: 1}}\n",
    "turbo": f"{FAKE}mode: 3d\nframes: 60\n{CAMERA}turbo: {{steps: 3, preroll: 5, align: true}}\n"
    "vr: {layouts: [anaglyph]}\n",
    "video": f"{FAKE}mode: video\nvideo: {{init: clip.mp4, flow: dis}}\n".replace(", skip_steps: 0", ""),
}
GROWTH = 20e6
"""Bytes by which 500 frames may grow."""

MEASURED = 6
"""Frames from one measure to the next."""


@pytest.mark.parametrize("name", SCENES)
def test_what_a_run_takes_stays_the_same(tmp_path: Path, name: str) -> None:
    (tmp_path / "scene.yaml").write_text(SCENES[name])
    clip = ["-f", "lavfi", "-i", "testsrc2=size=64x64:rate=10:duration=6", str(tmp_path / "clip.mp4")]
    if name == "video":
        subprocess.run([executable(), "-v", "error", *clip], check=True)
    printed = subprocess.run(
        [sys.executable, "-m", "tests.measure_run", tmp_path / "scene.yaml", tmp_path / "run", str(MEASURED)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[1],
    ).stdout
    frames, resident, files, seconds = zip(*map(json.loads, printed.splitlines()), strict=True)
    assert frames[0] == MEASURED
    assert frames[-1] == 60
    # What leaks grows from every measure to the next; the C library takes a megabyte at once now and then.
    # In the first half caches of torch and of the C library still fill.
    grown = [after - before for before, after in pairwise(resident[len(resident) // 2 :])]
    assert median(grown) < GROWTH * MEASURED / 500, grown
    # A frame may be being written in the other thread just now.
    assert max(files) - min(files) <= 1
    # The least of several frames and measures: a busy machine delays some of them, hardly all.
    assert min(seconds[-3:]) < 1.5 * max(seconds[:3]) + 0.002
