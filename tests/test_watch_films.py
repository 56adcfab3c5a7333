"""Films of diffusions, and the contact sheet."""

from __future__ import annotations

import errno

import numpy as np
import pytest
import torch

from animator.errors import FilmError, RunError
from animator.types import PaintStep
from animator.video.probe import probe, read_frames
from animator.watch import Watch
from animator.watch.contact import contact_sheet
from animator.watch.sheet import STRIP, columns_for
from tests.pretended import SIZE, Diffusion, coloured, names, never, output, picture

# ---- films


@pytest.mark.slow
def test_a_film_of_each_diffusion(tmp_path):
    diffusion = Diffusion(pictures=2, total=6)
    diffusion.run(
        Watch(tmp_path, output(diffusion_film=True, crf=0, preset="ultrafast"), fps=4), frames=[3, 4]
    )
    assert names(tmp_path / "diffusion") == ["000003.mp4", "000004.mp4"]
    for place, name in enumerate(names(tmp_path / "diffusion")):
        film = tmp_path / "diffusion" / name
        assert (probe(film).frames, probe(film).fps) == (5 + 4, 4)
        levels = [frame.mean() for frame in read_frames(film)]
        wanted = [diffusion.level(done, place) for done in (1, 2, 3, 4, 5, 6, 6, 6, 6)]
        np.testing.assert_allclose(levels, wanted, atol=2)
    assert diffusion.asked == [1, 2, 3, 4, 5, 6]


def test_a_film_that_goes_on_leaves_the_first_part(tmp_path):
    diffusion = Diffusion(total=6)
    for first, last in ((1, 3), (4, 6)):
        diffusion.run(Watch(tmp_path, output(diffusion_film=True), fps=1), first=first, last=last)
    assert names(tmp_path / "diffusion") == ["000000.mp4", "000000_from004.mp4"]


def test_a_stop_leaves_a_film_that_can_be_watched(tmp_path):
    diffusion = Diffusion(total=9)
    encoders = []

    def stopped():
        with Watch(tmp_path, output(diffusion_film=True), fps=4) as watch:
            watch.begin([0])
            for done in (1, 2, 3):
                watch.step(diffusion.step(done))
            encoders.append(watch._films._writers[0]._encoder)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    (encoder,) = encoders
    assert encoder.poll() is not None
    assert probe(tmp_path / "diffusion" / "000000.mp4").frames == 3
    diffusion.run(Watch(tmp_path, output(diffusion_film=True), fps=4))
    assert probe(tmp_path / "diffusion" / "000000.mp4").frames == 9 + 3


def test_the_next_pictures_end_a_film_that_was_not_finished(tmp_path):
    diffusion = Diffusion(total=2)
    watch = Watch(tmp_path, output(diffusion_film=True), fps=1)
    watch.begin([0])
    watch.step(diffusion.step(1))
    diffusion.run(watch, frames=[1])
    assert names(tmp_path / "diffusion") == ["000000.mp4", "000001.mp4"]
    assert [probe(tmp_path / "diffusion" / name).frames for name in ("000000.mp4", "000001.mp4")] == [1, 2]


def test_the_quality_is_the_one_of_the_output(tmp_path):
    noise = torch.rand(3, *SIZE, generator=torch.Generator().manual_seed(1))
    for frame, crf in enumerate((5, 45)):
        watch = Watch(tmp_path, output(diffusion_film=True, crf=crf), fps=1)
        watch.begin([frame])
        watch.step(PaintStep(1, 1, lambda: [noise]))
        watch.finish()
    fine, coarse = (path.stat().st_size for path in sorted((tmp_path / "diffusion").iterdir()))
    assert fine > 2 * coarse


def test_a_disk_that_refuses_a_film_is_told_of(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("animator.watch.watch.FilmWriter", full)
    with pytest.raises(RunError, match=r"000000\.mp4: No space left on device"):
        Diffusion().run(Watch(tmp_path, output(diffusion_film=True), fps=1))


def test_an_encoder_that_died_is_told_of(tmp_path):
    watch = Watch(tmp_path, output(diffusion_film=True), fps=4)
    watch.begin([0])
    watch.step(Diffusion().step(1))
    watch._films._writers[0]._encoder.kill()
    with pytest.raises(FilmError, match="encoder stopped"):
        watch.finish()
    watch.abort()


# ---- the contact sheet


def test_the_contact_sheet_shows_all_stills_with_number_and_seed(tmp_path):
    watch = Watch(tmp_path, output(contact_sheet=True), fps=12)
    watch.end([0, 1, 2, 3, 4], coloured, {still: 10 * still for still in range(5)})
    sheet = picture(tmp_path / "contact.png")
    height, width = SIZE
    columns = columns_for(5, width, height)
    rows = -(-5 // columns)
    assert sheet.shape == (rows * (height + STRIP + 4) - 4, columns * (width + 4) - 4, 3)
    for place in range(5):
        top, left = place // columns * (height + STRIP + 4), place % columns * (width + 4)
        assert (sheet[top : top + height, left : left + width] == coloured(place)).all()
        assert sheet[top + height : top + height + STRIP, left : left + width].max() > 150
    assert names(tmp_path) == ["contact.png"]


def test_labels_tell_pictures_and_seeds_apart():
    def strip_of(still, seed):
        size = (64, 128, 3)
        return contact_sheet([still, still], lambda still: np.zeros(size, np.uint8), {still: seed})[
            64:84, :128
        ]

    strips = [strip_of(*pair).tobytes() for pair in ((1, 3041), (2, 3041), (1, 3042))]
    assert len(set(strips)) == 3


def test_a_seed_that_has_no_room_is_left_off():
    def labelled(seeds):
        return contact_sheet([7, 8], lambda still: np.zeros((16, 60, 3), np.uint8), seeds)

    assert (labelled({7: 2**63, 8: 2**62}) == labelled({})).all()
    assert (labelled({7: 5, 8: 6}) != labelled({})).any()


def test_one_still_and_films_have_no_contact_sheet(tmp_path):
    for stills in ([], [0]):
        Watch(tmp_path, output(contact_sheet=True), fps=12).end(stills, never, {0: 1})
    Watch(tmp_path, output(contact_sheet=False), fps=12).end([0, 1], never, {0: 1, 1: 2})
    assert names(tmp_path) == []


@pytest.mark.slow
def test_a_large_contact_sheet_is_averaged_down():
    stripes = np.zeros((480, 3000, 3), np.uint8)
    stripes[:, ::2] = 200  # what is not averaged comes out black or 200
    sheet = contact_sheet(range(30), lambda still: stripes, {})
    columns = columns_for(30, 3000, 480)
    assert columns * 3000 > 4096
    assert 4096 - columns < sheet.shape[1] <= 4096
    assert np.abs(sheet[2:20, 2:1000].astype(int) - 100).max() <= 40
