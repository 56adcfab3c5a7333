"""What a run keeps and shows on the way, from diffusions that are only pretended."""

from __future__ import annotations

import errno
import os
import random
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from animator.errors import RunError
from animator.settings.output import OutputOptions
from animator.types import PaintStep
from animator.watch import Watch
from animator.watch.losses import read_table
from animator.watch.moments import cut_steps, intermediate_steps
from animator.watch.sheet import BACKGROUND, STRIP, columns_for
from tests.pretended import SIZE, Diffusion, awkward, coloured, names, never, output, picture, texts

# ---- which steps


@pytest.mark.parametrize(
    ("wanted", "total", "steps"),
    [
        (0, 50, []),
        (1, 50, [25]),
        (3, 8, [2, 4, 6]),
        (4, 250, [50, 100, 150, 200]),
        (3, 10, [3, 5, 8]),
        (9, 4, [1, 2, 3]),
        (3, 1, []),
        ([5, 40], 50, [5, 40]),
        ([5, 40], 20, [5]),
        (["50%", " 70 %"], 250, [125, 175]),
        (["0.5%"], 50, [1]),
        (["1%", "0%", "100%", "101%"], 50, [1, 50]),
        ([3, "50%", 25], 50, [3, 25]),
    ],
)
def test_steps_of_the_intermediates(wanted, total, steps):
    assert sorted(intermediate_steps(wanted, total)) == steps


@pytest.mark.parametrize("total", [1, 2, 5, 6, 50, 249, 1000])
def test_steps_of_the_cuts(total):
    steps = sorted(cut_steps(total))
    assert len(steps) == min(5, total)
    assert (steps[0], steps[-1]) == (1, total)
    gaps = np.diff(steps)
    assert not len(gaps) or gaps.max() - gaps.min() <= 1


# ---- intermediates


def test_intermediates_are_kept_with_their_step(tmp_path):
    diffusion = Diffusion(pictures=2, total=8)
    diffusion.run(Watch(tmp_path, output(intermediates=3), fps=12), frames=[3, 4])
    folder = tmp_path / "intermediates"
    assert names(folder) == [f"{frame:06d}_step{step:03d}.png" for frame in (3, 4) for step in (2, 4, 6)]
    kept = folder / "000004_step004.png"
    assert texts(kept) == {"frame": "4", "step": "4", "of": "8"}
    assert (picture(kept) == diffusion.level(4, picture=1)).all()
    assert picture(kept).shape == (*SIZE, 3)
    assert diffusion.asked == [2, 4, 6]
    assert names(tmp_path) == ["intermediates"]


# ---- the progress image


def test_progress_is_shown_every_two_seconds_at_most(tmp_path):
    now = [100.0]
    diffusion = Diffusion(total=12)
    watch = Watch(tmp_path, output(progress_image=True), fps=12, clock=lambda: now[0])
    watch.begin([0])
    for done in range(1, 13):
        watch.step(diffusion.step(done))
        assert texts(tmp_path / "progress.png")["step"] == str(diffusion.asked[-1])
        now[0] += 0.5
    assert diffusion.asked == [1, 5, 9]
    watch.begin([1])
    now[0] += 0.5
    watch.step(diffusion.step(1))
    assert diffusion.asked == [1, 5, 9, 1]
    watch.finish()
    watch.end([], never, {})
    assert names(tmp_path) == []


def test_a_slow_disk_does_not_eat_the_time(tmp_path, monkeypatch):
    """The two seconds count from the end of the writing."""
    now = [0.0]

    def slow(path, data):
        now[0] += 3.0

    monkeypatch.setattr("animator.watch.watch.write_atomic", slow)
    watch = Watch(tmp_path, output(progress_image=True), fps=12, clock=lambda: now[0])
    diffusion = Diffusion()
    watch.begin([0])
    for done in (1, 2, 3, 4):
        watch.step(diffusion.step(done))
        now[0] += 1.0
    assert diffusion.asked == [1, 3]


@pytest.mark.parametrize(
    ("pictures", "size", "shape"),
    [
        (1, (32, 48), (32, 48)),
        (4, (32, 48), (68, 100)),
        (3, (32, 32), (68, 68)),
        (2, (768, 1280), (614 * 2 + 4, 1024)),
        (20, (100, 700), (10 * 73 + 9 * 4, 1024)),
    ],
)
def test_progress_shows_all_pictures_in_a_grid(tmp_path, pictures, size, shape):
    diffusion = Diffusion(pictures=pictures, size=size)
    watch = Watch(tmp_path, output(progress_image=True), fps=12)
    watch.begin(range(pictures))
    watch.step(diffusion.step(1))
    shown = picture(tmp_path / "progress.png")
    assert shown.shape[:2] == shape
    levels = {diffusion.level(1, p) for p in range(pictures)}
    assert levels <= set(np.unique(shown).tolist())


def test_grids_are_as_square_as_they_can_be():
    assert [columns_for(n, 10, 10) for n in (1, 2, 4, 5, 9, 10, 16)] == [1, 1, 2, 2, 3, 3, 4]
    for count in range(1, 40):
        columns = columns_for(count, 1280, 768)
        rows = -(-count // columns)
        assert 0.5 <= columns * 1280 / (rows * 768) <= 2


# ---- cuts


def test_sheets_of_cuts(tmp_path):
    def cuts(done):
        seen = torch.stack([torch.full((5, 3, 40, 40), level) for level in (1.7, -0.3)])
        return {"ViT-B-32": seen, "laion/RN50": seen[:, :4, :, :8, :8]}

    diffusion = Diffusion(pictures=2, total=9, cuts=cuts)
    diffusion.run(Watch(tmp_path, output(show_cuts=True), fps=12), frames=[3, 4])
    assert names(tmp_path / "cuts") == sorted(
        f"{frame:06d}_step{step:03d}_{name}.png"
        for frame in (3, 4)
        for step in (1, 3, 5, 7, 9)
        for name in ("ViT-B-32", "laion-RN50")
    )
    assert diffusion.asked == []
    sheet = picture(tmp_path / "cuts" / "000003_step001_ViT-B-32.png")
    assert sheet.shape[0] == STRIP + 3 * 40 + 2 * 2  # five squares: 2 columns, 3 rows
    assert (sheet[STRIP : STRIP + 40, :40] == 255).all()
    assert (sheet[STRIP : STRIP + 40, 40:42] == BACKGROUND).all()
    assert (sheet[STRIP : STRIP + 40, 42:82] == 255).all()
    assert (sheet[-40:, 42:82] == BACKGROUND).all()
    assert sheet[:STRIP].max() > 150  # letters
    below = picture(tmp_path / "cuts" / "000004_step009_laion-RN50.png")
    assert (below[STRIP : STRIP + 8, :8] == 0).all()
    text = texts(tmp_path / "cuts" / "000004_step009_laion-RN50.png")
    assert text == {"frame": "4", "step": "9", "of": "9", "perceptor": "laion/RN50"}


def test_cuts_nobody_asked_for_are_not_kept(tmp_path):
    diffusion = Diffusion(cuts=lambda done: {"a": torch.ones(1, 2, 3, 8, 8)})
    diffusion.run(Watch(tmp_path, output(show_cuts=False), fps=12))
    assert names(tmp_path) == []


def test_the_header_has_room_over_small_cuts(tmp_path):
    cuts = {"ViT-L/14@336px": torch.zeros(1, 1, 3, 8, 8)}
    Diffusion(total=1, cuts=lambda done: cuts).run(Watch(tmp_path, output(show_cuts=True), fps=12))
    sheet = picture(tmp_path / "cuts" / "000000_step001_ViT-L-14-336px.png")
    assert sheet.shape[1] > 100
    assert (sheet[:STRIP, -4:] == BACKGROUND).all()


# ---- the rest


def test_nothing_due_costs_nothing(tmp_path, monkeypatch):
    """With the defaults a step asks for no picture, moves no loss and takes far less than a millisecond."""
    diffusion = Diffusion(pictures=3, total=1000, losses=lambda done: values)
    values = {f"clip {n}": torch.rand(3) for n in range(8)}
    watch = Watch(tmp_path, OutputOptions(), fps=12, clock=lambda: 0.0)
    watch.begin([0, 1, 2])
    watch.step(diffusion.step(1))  # shows the first progress image
    assert diffusion.asked == [1]

    def moved(*_, **__):
        raise AssertionError("a loss was moved")

    with monkeypatch.context() as patch:
        for name in ("cpu", "to", "numpy", "item", "tolist", "__array__", "__float__"):
            patch.setattr(torch.Tensor, name, moved)
        steps = [diffusion.step(done) for done in range(2, 1001)]
        spent = []
        for step in steps:
            began = time.thread_time()
            watch.step(step)
            spent.append(time.thread_time() - began)
    assert np.median(spent) < 1e-3
    assert diffusion.asked == [1]
    watch.finish()
    assert len(read_table(tmp_path / "losses" / "000002.csv")) == 1000


EVERYTHING = OutputOptions(intermediates=2, show_cuts=True, diffusion_film=True)


def everything(folder):
    folder.mkdir()
    cuts = {"a/b": torch.linspace(0, 1, 2 * 3 * 3 * 64).reshape(2, 3, 3, 8, 8)}
    pictures = [torch.linspace(-0.1, 1.1, 3 * 32 * 48).reshape(3, 32, 48) for _ in range(2)]
    values = awkward(8)
    before = [t.clone() for t in (*cuts.values(), *pictures, *values.values())]
    with Watch(folder, EVERYTHING, fps=2, clock=lambda: 0.0) as watch:
        watch.begin([0, 1])
        for done in range(1, 5):
            watch.step(PaintStep(done, 4, lambda: pictures, values, cuts))
        watch.finish()
        watch.end([0, 1], coloured, {0: 1, 1: 2})
    assert all(
        torch.equal(*pair) for pair in zip(before, (*cuts.values(), *pictures, *values.values()), strict=True)
    )
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_it_is_deterministic_and_touches_nothing(tmp_path):
    torch.manual_seed(5)
    np.random.seed(5)  # noqa: NPY002 (the global state is what is looked at)
    random.seed(5)
    states = (torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate())  # noqa: NPY002
    one = everything(tmp_path / "one")
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (np.random.get_state()[1] == states[1]).all()  # noqa: NPY002
    assert random.getstate() == states[2]
    assert everything(tmp_path / "two") == one
    assert {Path(name).parts[0] for name in one} == {
        *("contact.png", "cuts", "diffusion", "intermediates", "losses", "losses.png")
    }


@pytest.mark.parametrize(
    "option", ["intermediates", "progress_image", "losses", "show_cuts", "contact_sheet"]
)
def test_a_full_disk_is_a_line_and_leaves_nothing_torn(tmp_path, monkeypatch, option):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    diffusion = Diffusion(
        total=2, losses=lambda done: {"tv": torch.ones(1)}, cuts=lambda done: {"a": torch.ones(1, 2, 3, 8, 8)}
    )

    def whole_run():
        watch = Watch(tmp_path, output(**{option: True}), fps=12)
        diffusion.run(watch)
        watch.end([0, 1], coloured, {})

    whole_run()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"No space left on device; free some space") as caught:
        whole_run()
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("option", "folder"),
    [
        ("intermediates", "intermediates"),
        ("losses", "losses"),
        ("show_cuts", "cuts"),
        ("diffusion_film", "diffusion"),
    ],
)
def test_a_file_in_the_way_is_told_of(tmp_path, option, folder):
    (tmp_path / folder).write_text("mine")
    diffusion = Diffusion(
        total=2, losses=lambda done: {"tv": torch.ones(1)}, cuts=lambda done: {"a": torch.ones(1, 2, 3, 8, 8)}
    )
    with pytest.raises(RunError, match=folder):
        diffusion.run(Watch(tmp_path, output(**{option: True}), fps=12))


def test_a_progress_image_that_cannot_be_removed_is_told_of(tmp_path):
    (tmp_path / "progress.png").mkdir()
    with pytest.raises(RunError, match=r"progress\.png"):
        Watch(tmp_path, output(), fps=12).end([], never, {})


def test_what_a_kill_left_is_swept_up(tmp_path):
    torn = tmp_path / "intermediates" / ".000000_step001.png.123.tmp"
    torn.parent.mkdir()
    torn.write_bytes(b"half")
    Diffusion(total=2).run(Watch(tmp_path, output(intermediates=1), fps=12))
    assert names(torn.parent) == ["000000_step001.png"]
