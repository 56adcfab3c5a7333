"""Films with transparency."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from animator.run.render import render_scene
from animator.run.reporter import Reporter
from animator.video.footage import FootageReader, open_footage
from tests.wiring import scene

SUBJECT = "regions={a: {formula: '(x > 0.25) & (x < 0.75)', paste: true, follow: FOLLOW}}"
OTHERS = ("mode=2d", "frames=3", "camera={translation_x: 8}")
KINDS = ("output.sequence=png", "output.codec=prores-4444", "output.alpha=a")


def made(loaded, folder):
    render_scene(loaded, Reporter(), out=folder, report=False)


@pytest.fixture(scope="module", params=[False, True], ids=["drawn", "followed"])
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("alpha")
    follow = str(request.param).lower()
    loaded = scene(folder, *OTHERS, *KINDS, SUBJECT.replace("FOLLOW", follow))
    made(loaded, folder / "run")
    return folder / "run", request.param


def expected(number: int, follow: bool) -> np.ndarray:
    inside = np.zeros((64, 64), bool)
    shift = 8 * number if follow else 0
    inside[:, 16 + shift : 48 + shift] = True
    return inside


@pytest.mark.slow
def test_pictures_of_a_sequence_are_transparent_outside_of_the_subject(run):
    folder, follow = run
    for number, path in enumerate(sorted((folder / "sequence").glob("*.png"))):
        pixels = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert pixels.shape == (64, 64, 4)
        inside = expected(number, follow)
        assert (pixels[..., 3] > 32768)[8:56, 8:56].tolist() == inside[8:56, 8:56].tolist()
    assert (folder / "matte").is_dir() == follow


@pytest.mark.slow
@pytest.mark.parametrize("name", ["scene.mov", "scene-alpha.webm"])
def test_films_are_transparent_there_too(run, name):
    folder, follow = run
    for ground, bright in (((1.0, 0.0, 0.0), 0), ((0.0, 1.0, 0.0), 1)):
        with FootageReader(open_footage(folder / name), 64, 64, "stretch", ground=ground) as reader:
            last = reader.frame(2).numpy()
        inside = expected(2, follow)
        outside = ~inside
        outside[:, :60] &= ~np.roll(inside, 4, axis=1)[:, :60] & ~np.roll(inside, -4, axis=1)[:, :60]
        assert last[bright][outside].mean() > 0.85
        assert last[1 - bright][outside].mean() < 0.15


@pytest.mark.slow
def test_it_is_made_again_where_the_mask_changes(tmp_path):
    folder = tmp_path / "run"
    first = SUBJECT.replace("FOLLOW", "false")
    made(scene(tmp_path, "mode=2d", "frames=2", first, "output.alpha=a"), folder)
    before = (folder / "scene-alpha.webm").read_bytes()
    made(scene(tmp_path, "mode=2d", "frames=2", first.replace("0.25", "0.4"), "output.alpha=a"), folder)
    assert (folder / "scene-alpha.webm").read_bytes() != before


def test_a_subject_that_is_no_region_is_refused(tmp_path):
    from animator.errors import SceneError

    with pytest.raises(SceneError) as caught:
        scene(tmp_path, "output.alpha=b", SUBJECT.replace("FOLLOW", "false"))
    assert "'b' is no region; there are a" in str(caught.value.problems)
