"""What a run keeps and shows on the way, from diffusions that are only pretended."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from animator.errors import FilmError, RunError
from animator.runs.png import decode_png
from animator.types import PaintStep
from animator.video.options import OutputOptions
from animator.video.probe import probe, read_frames
from animator.watch import Watch
from animator.watch.contact import contact_sheet
from animator.watch.losses import LossRecord, read_table, read_tables
from animator.watch.moments import cut_steps, intermediate_steps
from animator.watch.plot import loss_figure
from animator.watch.sheet import BACKGROUND, STRIP, columns_for

NOTHING = {"progress_image": False, "losses": False, "contact_sheet": False}
SIZE = (32, 48)


def output(**options) -> OutputOptions:
    """Options with everything switched off but what is named."""
    return OutputOptions(**{**NOTHING, **options})


class Diffusion:
    """A diffusion of grey pictures, brighter with every step; ``asked`` are the steps that were looked at."""

    def __init__(self, pictures=1, total=8, size=SIZE, losses=None, cuts=None):
        self.pictures, self.total, self.size = pictures, total, size
        self.losses = losses or (lambda done: {})
        self.cuts = cuts or (lambda done: {})
        self.asked = []

    def step(self, done) -> PaintStep:
        def look():
            self.asked.append(done)
            return [
                torch.full((3, *self.size), (done + p / 4) / (self.total + 1)) for p in range(self.pictures)
            ]

        return PaintStep(done, self.total, look, self.losses(done), self.cuts(done))

    def level(self, done, picture=0):
        return round((done + picture / 4) / (self.total + 1) * 255)

    def run(self, watch, frames=None, first=1, last=None):
        watch.begin(frames or list(range(self.pictures)))
        for done in range(first, (last or self.total) + 1):
            watch.step(self.step(done))
        watch.finish()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def picture(path: Path) -> np.ndarray:
    pixels = decode_png(path.read_bytes())
    assert pixels is not None
    return pixels


def texts(path: Path) -> dict[str, str]:
    """The tEXt chunks of a PNG."""
    data, position, found = path.read_bytes(), 8, {}
    while position < len(data):
        length = int.from_bytes(data[position : position + 4], "big")
        if data[position + 4 : position + 8] == b"tEXt":
            key, value = data[position + 8 : position + 8 + length].split(b"\0", 1)
            found[key.decode()] = value.decode()
        position += 12 + length
    return found


def never(still):
    raise AssertionError(f"still {still} was read")


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


# ---- losses


def awkward(done, pictures=2):
    """Values without a short decimal; `sat` begins late and `clip RN50` comes last, as schedules have it."""
    generator = torch.Generator().manual_seed(done)
    values = {"clip ViT-B-32": torch.rand(pictures, generator=generator) / 3}
    values["tv"] = 1e-9 * torch.rand(pictures, generator=generator)
    if done > 3:
        values["sat"] = 1e9 * torch.rand(pictures, generator=generator)
    if done > 5:
        values["clip RN50"] = -torch.rand(pictures, generator=generator).requires_grad_()
    return values


COLUMNS = ["step", "clip ViT-B-32", "clip RN50", "tv", "sat"]


def test_losses_read_back_to_the_same_numbers(tmp_path):
    Diffusion(pictures=2, losses=awkward).run(Watch(tmp_path, output(losses=True), fps=12), frames=[7, 8])
    assert names(tmp_path / "losses") == ["000007.csv", "000008.csv"]
    for place, name in enumerate(names(tmp_path / "losses")):
        table = pd.read_csv(tmp_path / "losses" / name)
        assert list(table.columns) == COLUMNS
        assert table.step.tolist() == list(range(1, 9))
        for done in range(1, 9):
            row = table.iloc[done - 1]
            given = awkward(done)
            for column in COLUMNS[1:]:
                if column in given:
                    assert np.float32(row[column]) == given[column][place].detach().numpy()
                else:
                    assert np.isnan(row[column])


def test_half_precision_losses_are_taken(tmp_path):
    record = LossRecord()
    record.add(PaintStep(1, 1, list, {"tv": torch.tensor([0.5], dtype=torch.bfloat16)}))
    assert record.tables(1)[0].to_numpy().tolist() == [[0.5]]


def test_no_losses_no_files(tmp_path):
    watch = Watch(tmp_path, output(losses=True), fps=12)
    Diffusion().run(watch)
    watch.end([0], never, {})
    assert names(tmp_path) == []
    watch = Watch(tmp_path, output(losses=False), fps=12)
    Diffusion(pictures=2, losses=awkward).run(watch)
    watch.end([], never, {})
    assert names(tmp_path) == []


def test_losses_that_are_switched_off_later_are_not_plotted(tmp_path):
    Diffusion(pictures=2, losses=awkward).run(Watch(tmp_path, output(losses=True), fps=12))
    Watch(tmp_path, output(losses=False), fps=12).end([], never, {})
    assert names(tmp_path) == ["losses"]


def test_an_abandoned_diffusion_leaves_nothing_in_the_next_table(tmp_path):
    watch = Watch(tmp_path, output(losses=True), fps=12)
    watch.begin([0])
    watch.step(PaintStep(1, 2, list, {"tv": torch.ones(1)}))
    Diffusion(total=2, losses=lambda done: {"range": torch.ones(1)}).run(watch, frames=[1])
    assert names(tmp_path / "losses") == ["000001.csv"]
    assert list(read_table(tmp_path / "losses" / "000001.csv").columns) == ["range"]


def test_finishing_twice_writes_once(tmp_path):
    watch = Watch(tmp_path, output(losses=True, diffusion_film=True), fps=2)
    Diffusion(pictures=2, losses=awkward).run(watch)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert len(files) == 4
    for path in files:
        path.unlink()
    watch.finish()
    assert not any(path.is_file() for path in tmp_path.rglob("*"))


def test_a_stopped_diffusion_goes_on_in_its_table(tmp_path):
    diffusion = Diffusion(pictures=2, losses=awkward)
    diffusion.run(Watch(tmp_path, output(losses=True), fps=12), last=4)
    table = read_table(tmp_path / "losses" / "000001.csv")
    assert table.index.tolist() == list(range(1, 9))  # so that the plot knows the share of each step
    assert table["clip ViT-B-32"].isna().tolist() == [False] * 4 + [True] * 4
    diffusion.run(Watch(tmp_path, output(losses=True), fps=12), first=5)
    whole = tmp_path / "whole"
    whole.mkdir()
    diffusion.run(Watch(whole, output(losses=True), fps=12))
    for name in ("000000.csv", "000001.csv"):
        assert (tmp_path / "losses" / name).read_bytes() == (whole / "losses" / name).read_bytes()


def test_a_picture_painted_anew_has_a_new_table(tmp_path):
    watch = Watch(tmp_path, output(losses=True), fps=12)
    Diffusion(pictures=2, losses=awkward).run(watch)
    Diffusion(losses=lambda done: {"range": torch.ones(1)}).run(watch)
    assert list(read_table(tmp_path / "losses" / "000000.csv").columns) == ["range"]


def test_a_foreign_table_is_told_of(tmp_path):
    for content in (b"", b"a,b\n1,2\n", b"step,tv\n1,much\n", b"\xff\xfe\0"):
        path = tmp_path / "000000.csv"
        path.write_bytes(content)
        with pytest.raises(RunError, match="not a table of losses; remove it"):
            read_tables(tmp_path)


def test_the_plot_of_a_resumed_run_shows_every_picture(tmp_path):
    first = Watch(tmp_path, output(losses=True), fps=12)
    Diffusion(pictures=2, losses=awkward).run(first, frames=[0, 1])
    second = Watch(tmp_path, output(losses=True), fps=12)
    Diffusion(pictures=2, losses=awkward).run(second, frames=[2, 3])
    second.end([], never, {})
    assert picture(tmp_path / "losses.png").shape == (900, 1400, 3)
    tables = read_tables(tmp_path / "losses")
    assert list(tables) == [0, 1, 2, 3]
    figure = loss_figure(tables)
    panels = figure.axes
    assert [panel.get_title(loc="left") for panel in panels] == COLUMNS[1:]
    assert [len(panel.collections[0].get_segments()) for panel in panels] == [4] * 4
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["0", "1", "2", "3"]
    before = (tmp_path / "losses.png").read_bytes()
    Watch(tmp_path, output(losses=True), fps=12).end([], never, {})
    assert (tmp_path / "losses.png").read_bytes() == before


def tables_of(count, total=10):
    index = pd.RangeIndex(1, total + 1, name="step")
    return {
        n: pd.DataFrame({"tv": np.linspace(n + 1, 1, total), "range": 10.0 ** -np.arange(total)}, index)
        for n in range(count)
    }


def test_x_is_the_share_of_the_diffusion():
    table = tables_of(1)[0]
    table.loc[6:] = np.nan  # stopped half-way
    (line,) = loss_figure({5: table}).axes[0].collections[0].get_segments()
    np.testing.assert_allclose(line[~np.isnan(line[:, 1]), 0], [0.1, 0.2, 0.3, 0.4, 0.5])


@pytest.mark.parametrize(
    ("count", "bar", "legend"), [(1, False, False), (24, False, True), (25, True, False)]
)
def test_many_pictures_have_a_colour_bar(count, bar, legend):
    figure = loss_figure(tables_of(count))
    assert len(figure.axes) == 2 + bar
    assert bool(figure.legends) == legend
    colours = figure.axes[0].collections[0].get_colors()
    assert len({tuple(colour) for colour in np.asarray(colours).round(4).tolist()}) == count


def test_the_last_of_many_pictures_do_not_hide_the_first():
    lines = loss_figure(tables_of(40)).axes[0].collections[0].get_segments()
    pictures = [round(line[0, 1]) - 1 for line in lines]
    assert sorted(pictures) == list(range(40))
    assert min(pictures[-10:]) < 10
    assert max(pictures[-10:]) >= 30


def test_steep_losses_have_a_logarithmic_axis():
    assert [panel.get_yscale() for panel in loss_figure(tables_of(2)).axes] == ["linear", "log"]


def test_a_single_step_is_seen_as_a_point():
    assert len(loss_figure(tables_of(1, total=1)).axes[0].lines) == 1


def test_matplotlib_waits_for_a_plot_and_pyplot_for_ever():
    code = (
        "import sys, animator.watch\n"
        "assert 'matplotlib' not in sys.modules, 'imported too early'\n"
        "import numpy as np, pandas as pd\n"
        "from animator.watch.plot import loss_plot\n"
        "loss_plot({0: pd.DataFrame({'tv': [1.0, 2.0]}, pd.RangeIndex(1, 3))})\n"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


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


# ---- films


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


def coloured(still):
    return np.full((*SIZE, 3), (40 + still, 200 - still, 90), np.uint8)


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


def test_a_large_contact_sheet_is_averaged_down():
    stripes = np.zeros((480, 3000, 3), np.uint8)
    stripes[:, ::2] = 200  # what is not averaged comes out black or 200
    sheet = contact_sheet(range(30), lambda still: stripes, {})
    columns = columns_for(30, 3000, 480)
    assert columns * 3000 > 4096
    assert 4096 - columns < sheet.shape[1] <= 4096
    assert np.abs(sheet[2:20, 2:1000].astype(int) - 100).max() <= 40


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
            began = time.perf_counter()
            watch.step(step)
            spent.append(time.perf_counter() - began)
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
def test_a_full_disk_is_told_in_one_line_and_leaves_nothing_torn(tmp_path, monkeypatch, option):
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
