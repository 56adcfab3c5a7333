"""The losses of a run: tables that read back, and their plot."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import torch

from animator.errors import RunError
from animator.types import PaintStep
from animator.watch import Watch
from animator.watch.losses import PULLS, LossRecord, read_table, read_tables, shares_of
from animator.watch.plot import loss_figure
from tests.pretended import Diffusion, awkward, names, never, output, picture

# ---- losses


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


@pytest.mark.slow
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


@pytest.mark.slow
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


def pulls(done):
    """Sizes of two gradients, of which the second comes half-way."""
    return {"clip pocket": torch.tensor([3.0, 1.0]), **({"tv": torch.tensor([1.0, 1.0])} if done > 4 else {})}


class Pulled(Diffusion):
    """A diffusion whose losses have gradients."""

    def step(self, done):
        plain = super().step(done)
        return PaintStep(plain.done, plain.total, plain.pictures, awkward(done), pulls=pulls(done))


@pytest.mark.slow
def test_the_share_of_each_loss_in_the_gradient(tmp_path):
    watch = Watch(tmp_path, output(losses=True), fps=12)
    Pulled(pictures=2).run(watch, frames=[7, 8])
    expected = ["000007-pulls.csv", "000007.csv", "000008-pulls.csv", "000008.csv"]
    assert names(tmp_path / "losses") == expected
    assert list(read_tables(tmp_path / "losses")) == [7, 8]
    tables = read_tables(tmp_path / "losses", PULLS)
    assert list(tables) == [7, 8]
    assert tables[7]["clip pocket"].tolist() == [3.0] * 8
    shares = shares_of(tables)
    assert list(shares.columns) == ["clip pocket", "tv"]
    np.testing.assert_allclose(shares.iloc[0], [1, 0])
    np.testing.assert_allclose(shares.iloc[-1], [(0.75 + 0.5) / 2, (0.25 + 0.5) / 2])
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    figure = loss_figure(read_tables(tmp_path / "losses"), tables)
    titles = [panel.get_title(loc="left") for panel in figure.axes]
    assert titles[-1] == "share of the gradient on the picture, on average"
    assert len(titles) == 5
    watch.end([], never, {})
    assert (tmp_path / "losses.png").is_file()


def test_a_diffusion_without_gradients_has_no_shares():
    table = pd.DataFrame({"tv": [np.nan, 0.0, 2.0]}, pd.RangeIndex(1, 4, name="step"))
    shares = shares_of({0: table})
    assert shares["tv"].isna().sum() == 66
    assert shares["tv"].iloc[-1] == 1
