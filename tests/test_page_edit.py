"""Checks, curves and keys of a scene that is being written: only the numbers change, comments stay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from animator.errors import UsageError
from animator.page import edit, helper
from animator.page.asking import Helper, HelperError
from tests.page_site import FILM

ZOOM = 'zoom: "0: (1.0), 4: (1.05), 7: (1)"   # in and out'
"""A line of `FILM`."""

FILE = "/nowhere/film.yaml"


def changed(before: str, after: str) -> list[tuple[str, str]]:
    """Return the lines that differ."""
    pairs = zip(before.splitlines(keepends=True), after.splitlines(keepends=True), strict=True)
    return [(old.strip(), new.strip()) for old, new in pairs if old != new]


def test_a_scene_without_faults_has_curves_and_prompts() -> None:
    found = edit.check(FILE, FILM)
    assert all(one["level"] == "note" for one in found["problems"])
    assert found["facts"] == {
        "mode": "2d",
        "size": [64, 64],
        "pictures": 8,
        "fps": 4.0,
        "steps": 3,
        "seed": 5,
    }
    curves = {one["name"]: one for one in found["curves"]}
    assert [(key["frame"], key["value"]) for key in curves["camera.zoom"]["keys"]] == [
        (0, 1.0),
        (4, 1.05),
        (7, 1.0),
    ]
    assert [(key["frame"], key["value"]) for key in curves["camera.translation_x"]["keys"]] == [
        (0, 0.0),
        (4, 2.5),
    ]
    assert curves["camera.angle"]["keys"][0] == {
        "frame": None,
        "value": 2.0,
        "line": 13,
        "moves": [False, True],
    }
    assert curves["camera.zoom"]["points"][4] == [4, 1.05]
    assert [(one["from"], one["key"]) for one in found["prompts"]] == [(0, 0), (4, 1)]


@pytest.mark.parametrize(
    ("old", "new", "line", "column", "key"),
    [
        ("fps: 4", "fps: many", 7, 6, "fps"),
        ("angle: 2 ", "angel: 2 ", 13, 3, "camera"),
        ("4: (1.05)", "4: (sine(t))", 14, 25, "camera.zoom"),
        ("mode: 2d", "mode: [2d", 5, 0, ""),
    ],
)
def test_a_fault_is_at_its_line(old: str, new: str, line: int, column: int, key: str) -> None:
    found = edit.check(FILE, FILM.replace(old, new))
    first = next(one for one in found["problems"] if one["level"] == "error")
    assert first["line"] == line or (key == "" and first["line"] > 0)
    assert key in first["key"]
    assert not column or abs(first["column"] - column) <= 4
    assert "curves" not in found


@pytest.mark.parametrize(
    ("name", "key", "frame", "value", "lines"),
    [
        ("camera.zoom", 1, 5, 1.1, [(ZOOM, ZOOM.replace("4: (1.05)", "5: (1.1)"))]),
        ("camera.zoom", 0, None, 1.25, [(ZOOM, ZOOM.replace("(1.0)", "(1.25)"))]),
        ("camera.angle", 0, None, -3.5, [("angle: 2          # degrees", "angle: -3.5          # degrees")]),
        ("camera.translation_x", 1, 6, 4, [
            ("translation_x: {0: 0, 1s: 2.5}", "translation_x: {0: 0, 1.5s: 4}")]),
        ("prompts", 1, 6, None, [
            ('4: "<b>a blue sea</b> & <script>alert(1)</script>"   # the sea',
             '6: "<b>a blue sea</b> & <script>alert(1)</script>"   # the sea')]),
        ("camera.zoom", 1, 4, 1.05, []),
    ],
)  # fmt: skip
def test_a_dragged_key_changes_its_number_alone(
    name: str, key: int, frame: int | None, value: float | None, lines: list[tuple[str, str]]
) -> None:
    moved = edit.move(FILE, FILM, name, key, frame, value)
    assert changed(FILM, moved) == lines
    if lines:
        again = edit.check(FILE, moved)
        assert not [one for one in again["problems"] if one["level"] == "error"]


def test_other_ways_to_write_keys() -> None:
    text = (
        "prompts: a sea\r\nframes: 20\r\nfps: 10\r\nmode: 2d\r\ncamera:\r\n"
        "  zoom:   # block\r\n    0: 1.0\r\n    '12': \"1.2\"  # é夜\r\n"
        "  angle: 'pchip; 0: 1, 50%: 2 ease, 15: sin(t)'\r\n  translation_x: '2.5'\r\n"
        'coherence: {frames_skip_steps: "0: (60%), 10: (70%)"}\r\n'
    )
    moved = edit.move(FILE, text, "camera.zoom", 1, 14, 1.5)
    assert moved == text.replace("'12': \"1.2\"", "'14': \"1.5\"")
    assert edit.move(FILE, text, "camera.angle", 1, None, 4.0) == text.replace("50%: 2 ease", "50%: 4 ease")
    assert edit.move(FILE, text, "camera.translation_x", 0, None, 3.0) == text.replace("'2.5'", "'3'")
    skip = edit.move(FILE, text, "coherence.frames_skip_steps", 1, 12, 75.0)
    assert skip == text.replace("10: (70%)", "12: (75%)")


@pytest.mark.parametrize(
    ("name", "frame", "value", "old", "new"),
    [
        ("camera.zoom", 2, 1.1, "(1.0), 4:", "(1.0), 2: (1.1), 4:"),
        ("camera.zoom", 6, 1.1, "(1.05), 7", "(1.05), 6: (1.1), 7"),
        ("camera.angle", 4, -1.0, "angle: 2   ", 'angle: "0: (2), 4: (-1)"   '),
        ("camera.angle", 0, 3.0, "angle: 2   ", 'angle: "0: (3)"   '),
    ],
)
def test_a_key_is_added(name: str, frame: int, value: float, old: str, new: str) -> None:
    text = edit.move(FILE, FILM, name, None, frame, value)
    assert text == FILM.replace(old, new)
    keys = {one["name"]: one["keys"] for one in edit.check(FILE, text)["curves"]}[name]
    assert (frame, value) in [(key["frame"], key["value"]) for key in keys]


def test_keys_are_added_before_the_first_and_after_a_method() -> None:
    text = FILM.replace('"0: (1.0), 4: (1.05), 7: (1)"', "'pchip; 2: 1, 5: 1.1 ease'")
    assert "'pchip; 0: (1.3), 2: 1, 5: 1.1 ease'" in edit.move(FILE, text, "camera.zoom", None, 0, 1.3)
    assert "5: 1.1 ease, 7: (1.3)'" in edit.move(FILE, text, "camera.zoom", None, 7, 1.3)
    with pytest.raises(UsageError, match="already"):
        edit.move(FILE, text, "camera.zoom", None, 2, 1.3)


@pytest.mark.parametrize(
    ("name", "frame", "old", "new"),
    [
        ("camera.zoom", 2, "{0: 1, '4'", "{0: 1, 2: 1.5, '4'"),
        ("camera.zoom", 9, '"1.1"}', '"1.1", 9: 1.5}'),
        ("camera.angle", 3, "    6: 3", "    3: 1.5\n    6: 3"),
        ("camera.angle", 9, "# turn\n", "# turn\n    9: 1.5\n"),
        ("coherence.frames_skip_steps", 8, "{0: 60%}", "{0: 60%, 8: 1.5%}"),
    ],
)
def test_a_key_is_added_to_a_mapping(name: str, frame: int, old: str, new: str) -> None:
    text = (
        "prompts: a\nmode: 2d\nframes: 12\ncoherence: {frames_skip_steps: {0: 60%}}\ncamera:\n"
        "  zoom: {0: 1, '4': \"1.1\"}  # x\n  angle:   # block\n    0: 0   # first\n    6: 3   # turn\n"
    )
    for end in ("\n", "\r\n"):
        written = text.replace("\n", end)
        added = edit.move(FILE, written, name, None, frame, 1.5)
        assert added == text.replace(old, new).replace("\n", end)
        assert not [one for one in edit.check(FILE, added)["problems"] if one["level"] == "error"]
        assert edit.move(FILE, written.rstrip(), name, None, frame, 1.5).rstrip() == added.rstrip()
    with pytest.raises(UsageError, match="at frame 0 already"):
        edit.move(FILE, text, name, None, 0, 1.5)
    with pytest.raises(UsageError, match="add it in the text"):
        edit.move(FILE, text.replace("{0: 1,", "{0: &a 1, 5: *a,"), "camera.zoom", None, 2, 1.5)


def test_what_cannot_be_moved_is_said() -> None:
    for words, name, key, frame, value in (
        ("no such key", "camera.zoom", 9, 1, None),
        ("no such key", "camera.fov", 0, None, 50.0),
        ("a key at frame 7 already", "camera.zoom", 1, 7, None),
        ("frames are 0 to 7", "camera.zoom", 1, 99, None),
        ("whole film", "camera.angle", 0, 3, None),
    ):
        with pytest.raises(UsageError, match=words):
            edit.move(FILE, FILM, name, key, frame, value)


def test_a_scene_that_is_extended_is_not_written(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(
        'prompts: a sea\nmode: 2d\nframes: 9\ncamera: {zoom: "0: (1), 8: (1.2)"}\n'
    )
    text = "extends: base.yaml\ncamera: {angle: 1}\n"
    file = str(tmp_path / "film.yaml")
    curves = {one["name"]: one["keys"] for one in edit.check(file, text)["curves"]}
    assert curves["camera.zoom"] == []
    assert len(curves["camera.angle"]) == 1
    with pytest.raises(UsageError, match="no such key"):
        edit.move(file, text, "camera.zoom", 0, None, 1.1)


def test_the_settings_are_those_of_the_schema() -> None:
    found = {one["name"]: one for one in edit.settings()}
    assert found["camera"]["section"]
    assert "2d" in found["mode"]["choices"]
    assert found["output.losses"]["choices"] == ["true", "false"]
    assert found["camera.fov"]["about"]
    assert len(json.dumps(list(found.values()))) < 200_000
    assert found["regions.*.feather"]["about"]
    assert found["regions.*.keep"]["choices"] == ["true", "false"]
    assert {"prompts.*.text", "prompts.*.region", "pictures.*.file", "image_prompts.*.weight"} <= found.keys()
    assert "latent.loras.*" not in found


def test_the_helper_answers_in_one_line_whatever_it_is_asked() -> None:
    for order in (
        {"do": "check", "file": FILE, "text": "prompts: [" * 5000},
        {"do": "move", "file": FILE, "text": "", "name": "x", "key": 0},
    ):
        answer = json.dumps(helper.answer(json.dumps(order)))
        assert "\n" not in answer
    assert "error" in helper.answer(json.dumps({"do": "begin", "kind": "x"}))
    assert helper.answer(json.dumps({"do": "begin", "kind": "still"}))["ok"].startswith("#")


@pytest.mark.slow
def test_the_helper_is_started_ended_and_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "numpy", "ruamel", "animator", "runpy", "typing"):  # a stranger's folder
        (tmp_path / f"{name}.py").write_text("open('taken', 'w').close()\nraise SystemExit\n")
    asked = Helper(tmp_path)
    try:
        found = asked.ask("check", file=str(tmp_path / "a.yaml"), text="prompts: a sea\nfps: x\n")
        assert found["problems"][0]["line"] == 2
        assert not (tmp_path / "taken").exists()
        assert asked._process is not None
        asked._process.kill()
        asked._process.wait()
        assert asked.ask("begin", kind="still")
        monkeypatch.setattr("animator.page.asking.IDLE", -1.0)
        asked.rest()
        assert not asked.running
        asked._patience = 0.0
        with pytest.raises(HelperError, match="more than 0 seconds"):
            asked.ask("check", file="a.yaml", text="prompts: a sea\n")
    finally:
        asked.close()
