"""``plan --gpu``: GPUs by their names, the search for what fits, and the page of what fits."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from animator.cli.main import app
from animator.errors import UsageError
from animator.memory import fitting, what_fits
from animator.memory.estimate import MemoryEstimate
from animator.memory.fitting import Search, sizes_like, with_cuts, with_models
from animator.memory.gpus import GPUS, SHOWN, Gpu, gpu_named
from animator.memory.machine import GIB
from animator.memory.what_fits import SETUPS, largest_on, page_of
from animator.scene.reading import read_scene

PAGE = Path(__file__).parents[1] / "docs" / "what-fits.md"


@pytest.mark.parametrize(
    ("text", "gigabytes", "bfloat16"),
    [
        ("T4", 15, False), ("tesla t4", 15, False), ("P100", 16, False), ("V100", 16, False),
        ("V100-32", 32, False), ("A100", 40, True), ("A100-80GB", 80, True), ("NVIDIA A100 80 GB", 80, True),
        ("3090", 24, True), ("RTX 4090", 24, True), ("rtx4090", 24, True), ("GeForce GTX 1080 Ti", 11, False),
        ("H100", 80, True), ("16GB", 16, True), ("16 GB", 16, True), ("11", 11, True), ("7.5 gib", 7.5, True),
    ],
)  # fmt: skip
def test_gpus_by_their_names(text, gigabytes, bfloat16):
    found = gpu_named(text)
    assert (found.gigabytes, found.bfloat16) == (gigabytes, bfloat16)
    assert 0.85 * gigabytes - 0.8 <= found.room / GIB < gigabytes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("4091", "'4091' is no GPU that is known; did you mean RTX 4090?"),
        ("H1000", "did you mean H100?"),
        ("Voodoo", "is no GPU that is known; write its memory, 16GB, or one of GTX 1060"),
        ("0GB", "is no GPU"),
        ("", "is no GPU"),
    ],
)
def test_what_is_no_gpu(text, said):
    with pytest.raises(UsageError) as caught:
        gpu_named(text)
    assert said in str(caught.value)


def test_the_table_is_sound():
    assert all(name in GPUS for name in ("t4", "p100", "v100", "a100", "3090", "4090", "h100"))
    rooms = [gpu_named(name).room for name in SHOWN]
    assert rooms == sorted(rooms)
    assert Gpu("small", 0.5).room == 0


@pytest.mark.parametrize("room", [0, 7, 40, 41, 1000, 5000, 10**9])
def test_a_search_finds_the_most_that_fits(room):
    options = list(range(1, 200))

    def takes(number):
        return 10 + 3 * number + number**2 // 40

    fitting_ones = [one for one in options if takes(one) <= room]
    search = Search(room, takes)
    found = search.most(options, float)
    assert (found is None) == (not fitting_ones)
    assert len(search.known) <= 5
    if fitting_ones:
        assert takes(found) <= room
        assert found >= 0.9 * fitting_ones[-1]
    # What is known is not asked for again.
    asked = []
    known = Search(room, lambda one: asked.append(one) or takes(one), {50: takes(51)})
    known.most(options, float)
    assert 51 not in asked


def test_sizes_of_one_shape():
    sizes = sizes_like((1280, 768))
    assert (640, 384) in sizes
    assert all(side % 64 == 0 and side <= 4096 for size in sizes for side in size)
    assert [a * b for a, b in sizes] == sorted(a * b for a, b in sizes)
    tall = sizes_like((128, 192))
    assert (256, 384) in tall


@pytest.fixture
def scene(tmp_path):
    path = tmp_path / "scene.yaml"
    path.write_text(
        "mode: still\nprompts: a sea\nsize: [128, 64]\nguidance: {cuts: {overview: 1, innercut: 1}}\n"
    )
    return path


@pytest.fixture
def counted(monkeypatch):
    """Let memory be counted by a formula instead of by a walk through the networks."""
    asked = []

    def estimate(loaded, kind):
        scene, schedules = loaded.scene, loaded.timeline.schedules
        row = loaded.timeline.row(0)
        cuts = sum(float(row.schedule(f"guidance.cuts.{name}").max()) for name in ("overview", "innercut"))
        half = 0.5 if scene.diffusion.precision == "bfloat16" else 1
        weights = sum(
            fitting.MODELS.index(name) for name in scene.guidance.clip_models if name in fitting.MODELS
        )
        size = scene.size[0] * scene.size[1] / 1e6 * (2 + cuts / 4) * half + 0.5 + weights
        asked.append((kind, scene.size, cuts, tuple(scene.guidance.clip_models), schedules is not None))
        return MemoryEstimate(0, 0, 0, round(size * GIB), ())

    monkeypatch.setattr(fitting, "estimate", estimate)
    return asked


def test_a_plan_for_another_gpu(scene, counted):
    done = CliRunner().invoke(app, ["plan", str(scene), "--gpu", "T4"])
    assert done.exit_code == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "on T4: 13.95 GiB of 15 GB for a render (float32, for it has no bfloat16; estimated)"
    assert lines[1].split(None, 2)[2] == "0.52 GiB, fits"
    size = [int(part) for part in lines[2].split()[2:5:2]]
    assert size[0] / size[1] == pytest.approx(2, rel=0.05)
    assert 0.8 * 13.4 <= size[0] * size[1] / 1e6 * 2.5 <= 13.45
    assert lines[3].split(None, 2)[2] == "256 a batch at 128 x 64"
    assert lines[4].endswith("alone, at this size and cuts: " + ", ".join(fitting.MODELS))
    small = CliRunner().invoke(app, ["plan", str(scene), "--gpu", "1.5 GB", "--set", "size=[1024, 512]"])
    lines = small.stdout.splitlines()
    assert "which is more: a render then saves memory" in lines[1]
    assert lines[-2].endswith("this size and cuts: none")
    assert lines[-1].split()[1] == "ViT-B-32,"
    assert len(counted) < 40
    with pytest.raises(UsageError, match="fits anywhere"):
        list(fitting.fitting_lines(read_scene(scene, ["models=fake"]), gpu_named("T4")))


def test_other_cuts_and_models(scene):
    loaded = read_scene(scene)
    row = with_cuts(loaded, 10).timeline.row(0)
    assert [row.schedule(f"guidance.cuts.{name}")[500] for name in ("overview", "innercut")] == [3, 7]
    other = with_models(loaded, ["RN50", "ViT-B-32"])
    assert list(other.scene.guidance.clip_models) == ["RN50", "ViT-B-32"]
    assert "guidance.clip_models.pocket" not in other.timeline.row(0).names


@pytest.mark.slow
def test_the_page_is_what_the_command_writes(monkeypatch):
    """Of the small networks, which take seconds; the other figures are those of the page."""
    setup = SETUPS[0]
    size = setup.sizes[0]
    monkeypatch.setattr(what_fits, "SMALL_SIZES", (size,))
    small = type(setup)(setup.name, setup.scene, (size,))
    figures = what_fits.figures_of(small)
    assert 0.1 < figures[size]["bfloat16"] < figures[size]["float32"] < 0.5
    rows = page_of({setup.name: figures}).splitlines()
    wanted = next(row for row in rows if row.startswith(f"| {setup.name} | {size[0]} x"))
    page = PAGE.read_text()
    assert wanted in page
    assert what_fits.HEAD in page
    assert "\n".join(what_fits._known_rows()) in page


def test_the_largest_size_is_interpolated():
    figures = {(512, 512): {"float32": 4.0, "bfloat16": 2.0}, (1280, 768): {"float32": 13.0, "bfloat16": 6.5}}
    assert largest_on(figures, gpu_named("A100")) == (1280, 768)
    assert largest_on(figures, gpu_named("T4")) == (1280, 768)
    small = largest_on(figures, gpu_named("GTX 1060"))
    assert small is not None
    assert 0.9 * 352_000 < small[0] * small[1] <= 352_000
    assert largest_on(figures, gpu_named("1GB")) is None
