"""``animator score``: which texts a picture fits, and which words a model knows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from animator.cli.main import app
from animator.look.known_words import MADE_UP, known_words
from animator.look.scoring import models_of, texts_of
from animator.runs.png import encode_png

SUNSET = Path(__file__).parents[1] / "docs" / "sunset.png"


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("words.txt").write_text("# to try\na castle by day\na boat on the sea at night\n")

    def of(*words):
        return CliRunner().invoke(app, ["score", *map(str, words)])

    return of


@pytest.mark.slow
def test_texts_are_ranked_by_each_model(run):
    result = run(SUNSET, "--text", "a sky {at sunset|at noon}", "--words", "words.txt", "--json")
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert [one["model"] for one in found] == ["pocket", "pocket-vit"]
    for one in found:
        scores = {entry["text"]: entry["score"] for entry in one["scores"]}
        assert list(scores.values()) == sorted(scores.values(), reverse=True)
        assert max(scores, key=scores.__getitem__) == "a sky at sunset"
        assert set(scores) == {
            "a sky at sunset", "a sky at noon", "a castle by day", "a boat on the sea at night",
        }  # fmt: skip
    shown = run(SUNSET, "--words", "words.txt", "--model", "pocket-vit", "--most", "1").stdout
    best, last = sorted(("a castle by day", "a boat on the sea at night"), key=lambda text: -scores[text])
    assert shown.splitlines()[1:] == [
        f"  {scores[best]:6.3f}  {best}",
        f"  ... and 1 more, down to {scores[last]:.3f}",
    ]


@pytest.mark.slow
def test_words_that_a_model_does_not_know_are_named(run):
    Path("names.txt").write_text("lighthouse\nzebra\nwoodcut\nGreg Rutkowski\n")
    result = run("--known", "names.txt", "--model", "pocket", "--json")
    found = {one["word"]: one for one in json.loads(result.stdout)}
    assert [one for one in found if found[one]["verdict"] == "known"] == ["woodcut", "lighthouse"]
    assert found["zebra"]["unknown"] == ["zebra"]
    assert min(found["lighthouse"]["text"], found["woodcut"]["text"]) > 5 * found["zebra"]["text"]
    assert found["lighthouse"]["pull"] > 4 * found["zebra"]["pull"]
    shown = run("--known", "names.txt", "--model", "pocket").stdout
    assert "words that it was never trained on: zebra" in shown
    assert "that move it no more than made-up words: Greg Rutkowski" in shown
    # What means nothing is not known.
    assert {one.verdict for one in known_words(MADE_UP[:2], ["pocket"])} <= {"weak", "unknown"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "name pictures, and texts by --text or --words"),
        ([SUNSET], "name pictures, and texts by --text or --words"),
        ([SUNSET, "--known", "words.txt"], "--known looks at words alone"),
        ([SUNSET, "--text", "a", "--within", "a {}"], "--within goes with --known"),
        (["--known", "words.txt", "--within", "a"], "expected one {} where the word goes"),
        (["--known", "words.txt", "--within", ", {}"], "nothing is left without the word"),
        (["--known", "gone.txt"], "no such file"),
        (["--known", "@light"], "did you mean {@lights}?"),
        ([SUNSET, "--text", "a {b|c"], "this { is never closed"),
        ([SUNSET, "--text", "a", "--model", "RN5O"], "does not name a CLIP model"),
        (["gone.png", "--text", "a", "--model", "pocket"], "gone.png: No such file"),
    ],
)
def test_faults_in_one_line(run, words, said, monkeypatch):
    monkeypatch.setattr("animator.look.known_words.load_perceptor", lambda name: None)
    result = run(*words)
    assert (result.exit_code, len(result.stderr.splitlines())) == (2, 1), result.stderr
    assert said in result.stderr


def test_who_looks(tmp_path):
    scene = tmp_path / "scene.yaml"
    scene.write_text("prompts: a sea\nguidance: {clip_models: {ViT-B-32: 1, pocket: 1}}\n")
    picture = tmp_path / "a.png"
    picture.write_bytes(encode_png(np.zeros((2, 2, 3), np.uint8), {"animator.scene": scene.read_text()}))
    other = tmp_path / "b.png"
    other.write_bytes(encode_png(np.zeros((2, 2, 3), np.uint8), {}))
    assert models_of(["RN50"], [picture], scene) == ["RN50"]
    assert models_of([], [], scene) == ["ViT-B-32", "pocket"]
    assert models_of([], [picture, other]) == ["ViT-B-32", "pocket"]
    assert models_of([], [other]) == ["pocket", "pocket-vit"]


def test_every_text_once():
    found = texts_of(["a {red|blue} sea", "ratio 16:9", "a red sea"], ["@lights"])
    assert found[:3] == ["a red sea", "a blue sea", "ratio 16:9"]
    assert "at dusk" in found
    assert len(found) == len(set(found))
