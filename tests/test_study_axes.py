"""The axes of a study: how values are written, and which cells they make."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from animator.errors import SceneError
from animator.scene.reading import LoadedScene, read_study
from animator.study.asked import Asked, asked_in_scene, asked_on_command_line
from animator.study.axes import (
    MAX_BYTES,
    Axis,
    AxisError,
    Value,
    parse_at,
    parse_axis,
    split_values,
    zipped,
)
from animator.study.cells import study_of
from animator.study.grid import MOST_ALONG, Grid, grid_of, pages_of

FEW = settings(max_examples=40, deadline=None)
HEAD = "models: fake\nmode: still\nsize: [64, 64]\nseed: 5\ndiffusion: {steps: 4, skip_steps: 0}\n"


def texts(axis: str, *folders: Path) -> list[str]:
    return [value.texts[0] for value in parse_axis(axis, folders).values]


def fault(axis: str, *folders: Path) -> str:
    with pytest.raises(AxisError) as caught:
        parse_axis(axis, folders)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("guidance.clamp_max=0.05, 0.1,0.2", ["0.05", "0.1", "0.2"]),
        ("guidance.clamp_max=0.05..0.2 x4", ["0.05", "0.1", "0.15", "0.2"]),
        ("guidance.clamp_max=0.01..1 x3 log", ["0.01", "0.1", "1"]),
        ("guidance.clamp_max=0.2..0.05 x2,0.3", ["0.2", "0.05", "0.3"]),
        ("seed=1..3", ["1", "2", "3"]),
        ("seed=3..1", ["3", "2", "1"]),
        ("diffusion.steps=10..250 x4 log", ["10", "29", "85", "250"]),
        ("diffusion.steps=1..2 x5", ["1", "2"]),
        ("diffusion.skip_steps=0%..50% x3", ["0%", "25%", "50%"]),
        ("size=[64,64],[128,64]", ["[64,64]", "[128,64]"]),
        ('prompts="a castle, by night",a sea', ['"a castle, by night"', "a sea"]),
        (r'prompts="a \"sea\", oil",b', [r'"a \"sea\", oil"', "b"]),
        ("prompts=van Gogh's house,a sea", ["van Gogh's house", "a sea"]),
        ("guidance.cuts.overview=[12]*400+[4]*600,[4]*1000", ["[12]*400+[4]*600", "[4]*1000"]),
        (
            "guidance.clip_models={pocket: 1, RN50: 0.5},{pocket: 1}",
            ["{pocket: 1, RN50: 0.5}", "{pocket: 1}"],
        ),
        ("seed=1,2,1", ["1", "2"]),
        ("guidance.clamp_max=0.1..0.1 x3", ["0.1"]),
    ],
)
def test_values_as_they_are_written(written: str, values: list[str]) -> None:
    assert texts(written) == values


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("clamp_max", "expected name=values"),
        ("=1", "expected name=values"),
        ("seed=", "has no values"),
        ("seed=,,", "has no values"),
        ("seed=[1,2", "a bracket is never closed"),
        ('prompts="a sea', "a quotation mark is never closed"),
        ("guidance.clamp_max=0.1..0.2", "say how many values, such as 0.1..0.2 x4"),
        ("guidance.clamp_max=0..1 x3 log", "a log range needs both ends above 0"),
        ("seed=1..3 x1", "makes 1 values"),
        ("seed=1..9999", "makes 9999 values"),
        ("guidance.clamp_max=1..1e999 x3", "is too large"),
        ("prompts=@nowhere.txt", "@nowhere.txt: no such file"),
        ("prompts=@", "no such file"),
    ],
)
def test_what_is_no_axis_is_said(written: str, said: str) -> None:
    assert said in fault(written)


def test_lines_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "artists.txt").write_text("﻿# who\n\na house, by Monet\n  a sea  \r\na sea\n", "utf-8")
    assert texts("prompts=@artists.txt,more", tmp_path) == ["a house, by Monet", "a sea", "more"]
    assert texts("prompts=@artists.txt", tmp_path / "nowhere", tmp_path) == ["a house, by Monet", "a sea"]
    (tmp_path / "empty.txt").write_text("# nothing\n")
    (tmp_path / "latin.txt").write_bytes("größer".encode("latin-1"))
    (tmp_path / "large.txt").write_bytes(b"a" * (MAX_BYTES + 1))
    for name, said in (
        ("empty", "holds no values"),
        ("latin", "is no UTF-8"),
        ("large", "has 1000001 bytes"),
    ):
        assert said in fault(f"prompts=@{name}.txt", tmp_path)


piece = st.text(st.characters(exclude_characters="\"'()[]{},", exclude_categories=["Cs"]), min_size=1).filter(
    str.strip
)


@FEW
@given(st.lists(piece, min_size=1, max_size=5))
def test_plain_values_are_split_at_commas(pieces: list[str]) -> None:
    assert split_values(",".join(pieces)) == [one.strip() for one in pieces]


@FEW
@given(st.text(max_size=40))
def test_any_text_is_split_or_refused(text: str) -> None:
    try:
        parts = split_values(text)
    except AxisError:
        return
    assert all(part and part == part.strip() for part in parts)
    assert sum(map(len, parts)) <= len(text)


ends = st.floats(min_value=1e-3, max_value=1e3)


@FEW
@example(first=1.0625, last=1.0625, count=3, log=True)
@given(first=ends, last=ends, count=st.integers(2, 50), log=st.booleans())
def test_a_range_goes_from_end_to_end_in_even_steps(first: float, last: float, count: int, log: bool) -> None:
    written = f"guidance.clamp_max={first:.6g}..{last:.6g} x{count}{' log' if log else ''}"
    values = [float(text) for text in texts(written)]
    assert values[0] == float(f"{first:.6g}")
    assert values[-1] == float(f"{last:.6g}")
    assert len(values) <= count
    if len(values) == count > 2:
        scale = [math.log(value) for value in values] if log else values
        steps = [after - before for before, after in itertools.pairwise(scale)]
        assert max(steps) - min(steps) <= (4e-3 if log else 3e-5 * max(values))


def test_shares_of_the_diffusion() -> None:
    assert parse_at(["100%", "9%", "50.0 %", "9%"]) == ("9%", "50%", "100%")
    for wrong in ("20", "0%", "101%", "half"):
        with pytest.raises(AxisError, match="expected shares"):
            parse_at([wrong])


def axis(name: str, *labels: str) -> Axis:
    return Axis((name,), tuple(Value(label, (label,)) for label in labels))


def test_the_cross_product_and_its_pages() -> None:
    grid = grid_of(Asked((axis("a", "1", "2"), axis("b", "x", "y", "z"), axis("c", "k", "l")), at=("50%",)))
    assert len(grid.cells) == len(set(grid.cells)) == 12
    assert [grid.settings(place) for place in grid.cells[:3]] == [
        ["a=1", "b=x", "c=k"],
        ["a=2", "b=x", "c=k"],
        ["a=1", "b=y", "c=k"],
    ]
    pages = pages_of(grid)
    assert [page.about for page in pages] == [
        (("c", "k"), ("at", "50%")),
        (("c", "l"), ("at", "50%")),
    ]
    assert sorted(place for page in pages for place in page.places) == sorted(grid.cells)
    assert grid.labels(grid.cells[-1]) == ("2", "z", "l", "50%")


@FEW
@given(st.lists(st.integers(1, 14), min_size=1, max_size=3), st.integers(0, 2))
def test_every_cell_is_on_one_page(counts: list[int], shares: int) -> None:
    axes = tuple(axis(f"a{n}", *map(str, range(count))) for n, count in enumerate(counts))
    grid = Grid(axes, tuple(f"{10 * n}%" for n in range(1, shares + 1)))
    pages = pages_of(grid)
    assert sorted(place for page in pages for place in page.places) == sorted(grid.cells)
    assert all(len(page.rows) <= MOST_ALONG for page in pages)


def test_zipped_axes_are_one() -> None:
    together = zipped([axis("a", "1", "2"), axis("b", "x", "y")])
    assert together.names == ("a", "b")
    assert [(value.label, value.texts) for value in together.values] == [
        ("1, x", ("1", "x")),
        ("2, y", ("2", "y")),
    ]
    with pytest.raises(AxisError, match="a has 2, b has 3"):
        zipped([axis("a", "1", "2"), axis("b", "x", "y", "z")])
    assert len(grid_of(Asked((axis("a", "1", "2"), axis("b", "x", "y")), zip=True)).cells) == 2


def test_too_many_cells_and_none() -> None:
    many = axis("a", *map(str, range(200)))
    with pytest.raises(AxisError, match="200 x 200 values make 40000 cells"):
        grid_of(Asked((many, axis("b", *map(str, range(200))))))
    with pytest.raises(AxisError, match="nothing to vary"):
        grid_of(Asked())


def test_a_scene_and_the_command_line(read: Callable[..., LoadedScene], tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("a red house\na blue sea\n")
    text = HEAD + (
        "prompts: a house\nstudy:\n  vary:\n    guidance.clamp_max: 0.1..0.3 x3\n    prompts: '@words.txt'\n"
        "    diffusion: {steps: [2, 3]}\n    diffusion.init_image: [in.png]\n  at: [50%, 100%]\n"
    )
    loaded = read(text)
    asked, problems = asked_in_scene(loaded.study)
    assert problems == []
    assert [one.title for one in asked.axes] == [
        "guidance.clamp_max",
        "prompts",
        "diffusion.steps",
        "diffusion.init_image",
    ]
    assert [value.label for value in asked.axes[1].values] == ["a red house", "a blue sea"]
    assert asked.axes[3].values[0].texts == (str((tmp_path / "in.png").resolve()),)
    assert asked.at == ("50%", "100%")
    over, problems = asked_on_command_line(["diffusion.steps=8,9", "seed=1,2"], False, "20%", [tmp_path])
    assert problems == []
    joined = over.over(asked)
    assert [len(one.values) for one in joined.axes] == [3, 2, 2, 1, 2]
    assert [value.label for value in joined.axes[2].values] == ["8", "9"]
    assert joined.at == ("20%",)


def test_faults_of_a_study_have_their_places(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text(
        "prompts: a\nstudy:\n  vary:\n    seed: []\n    guidance.clamp_max: 0.1..0.2\n  zip: maybe\n"
        "  at: half\n  wary: 1\n"
    )
    _, problems = asked_in_scene(read_study(path))
    said = {(one.line, one.key, one.message.partition(";")[0]) for one in problems}
    assert said == {
        (4, "study.vary.seed", "has no values"),
        (5, "study.vary.guidance.clamp_max", "'0.1..0.2': say how many values, such as 0.1..0.2 x4"),
        (6, "study.zip", "expected true or false"),
        (7, "study.at", "expected shares of the diffusion such as 20%,50%,100%, found 'half'"),
        (8, "study.wary", "unknown key"),
    }
    for wrong in ("study: 5", "study: {vary: 5}"):
        path.write_text(f"prompts: a\n{wrong}\n")
        assert len(asked_in_scene(read_study(path))[1]) == 1


def test_a_scene_reads_no_lines_from_outside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("a secret\n")
    folder = tmp_path / "scenes"
    folder.mkdir()
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    path = folder / "scene.yaml"
    for name in ("../secret.txt", str(tmp_path / "secret.txt"), "link.txt"):
        for written in (f"'@{name}'", f"['@{name}']"):
            path.write_text(f"prompts: a\nstudy: {{vary: {{prompts: {written}}}}}\n")
            asked, (problem,) = asked_in_scene(read_study(path))
            assert asked.axes == ()
            assert "lies outside the folder of the scene" in problem.message
    assert texts("prompts=@../secret.txt", folder) == ["a secret"]  # who types it has the right to


def test_every_fault_of_every_cell_is_said_once(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text(HEAD + "prompts: a\n")
    study = study_of(str(path), vary=["diffusion.steps=4,0", "guidance.clamp_max=0.1,-1"])
    assert [(one.loaded is None, bool(one.reason)) for one in study.planned] == [
        (False, False),
        (True, True),
        (True, True),
        (True, True),
    ]
    steps, clamp = sorted(map(str, study.problems))
    assert steps.startswith(
        "--vary: diffusion.steps: expected a whole number from 1 to 1000, found 0 (in 2 cells"
    )
    assert "guidance.clamp_max: expected" in clamp
    with pytest.raises(SceneError) as caught:
        study_of(str(path), vary=["diffusion.stepz=4,5"])
    assert str(caught.value) == "--vary: diffusion.stepz: unknown key; did you mean 'steps'?"


def test_one_seed_is_drawn_for_all_cells_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "scene.yaml"
    path.write_text(HEAD.replace("seed: 5\n", "seed: fixed\n") + "prompts: a\n")
    study = study_of(str(path), vary=["diffusion.steps=4,5,6"])
    seeds = {one.loaded.scene.seed for one in study.planned if one.loaded}
    assert seeds == {study.seed}
    again = study_of(str(path), vary=["diffusion.steps=4,5"], seed=99)
    assert {(one.loaded.scene.seed, one.loaded.scene.seed_mode) for one in again.planned if one.loaded} == {
        (99, "fixed")
    }
    path.write_text(HEAD + "prompts: a\n")
    given = study_of(str(path), vary=["diffusion.steps=4,5"], seed=99)
    assert given.seed is None
    assert given.planned[0].loaded is not None
    assert given.planned[0].loaded.scene.seed == 5


def words_of(scene: Path, *vary: str) -> list[str]:
    read = study_of(str(scene), vary=vary)
    assert not read.problems
    assert not read.notices
    (axis,) = read.grid.axes
    assert [one.loaded.scene.prompts for one in read.planned if one.loaded] != []
    return [value.label for value in axis.values]


def test_choices_in_an_axis_of_prompts_are_all_painted(tmp_path: Path) -> None:
    scene = tmp_path / "houses.yaml"
    lists = "modifiers: {light: [by day, at night]}\nprompts: ['a {red|blue} house {light}', 'fog:-0.2']\n"
    scene.write_text(f"version: 1\nmode: still\nmodels: fake\nseed: 3\n{lists}")
    every = [
        f"a {colour} house {light} | fog:-0.2"
        for colour in ("red", "blue")
        for light in ("by day", "at night")
    ]
    assert words_of(scene, "prompts=all") == every
    assert words_of(scene, "prompts=a {light} sea,a castle,a {red|blue} boat") == [
        *("a by day sea", "a at night sea", "a castle", "a red boat", "a blue boat")
    ]
    cells = [one.loaded for one in study_of(str(scene), vary=["prompts=all"]).planned]
    assert [one.timeline.row(0).prompts[0].text for one in cells] == [one.split(" | ")[0] for one in every]
    with pytest.raises(SceneError, match="the scene's prompts have no choices"):
        study_of(str(scene), ["prompts=a sea"], vary=["prompts=all"])
