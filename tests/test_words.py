"""Choices in prompts: what may be written, what is drawn, and that a picture's scene draws the same again."""

from __future__ import annotations

from collections import Counter

import pytest

from animator.errors import SceneError, UsageError
from animator.importing.prompts import written
from animator.scene.drawn_prompts import Draws, expand_all
from animator.scene.reading import read_scene, read_text_scene
from animator.scene.resolved import resolved_text
from animator.scene.word_lists import bundled_names, read_list


@pytest.fixture
def read(tmp_path):
    (tmp_path / "artists.txt").write_text("# mine\nAnna Berg\n\nBlade Runner: 2049\nC. {red|blue} Doe\n")

    def of(text, *overrides):
        path = tmp_path / "scene.yaml"
        path.write_text(text)
        return read_scene(path, overrides)

    return of


def prompts_of(loaded):
    return [[one.text for one in loaded.timeline.row(at).prompts] for at in range(loaded.scene.count)]


# What may be written


@pytest.mark.parametrize(
    ("written", "every"),
    [
        ("a {red|blue} house", ["a red house", "a blue house"]),
        ("a {red|{dark|light} blue} house", ["a red house", "a dark blue house", "a light blue house"]),
        ("{a|b} {c|d}", ["a c", "a d", "b c", "b d"]),
        ("a {very |}old {|stone }house", [
            "a very old house", "a very old stone house", "a old house", "a old stone house",
        ]),
        ("a {red|blue} house:2", ["a red house:2", "a blue house:2"]),
        ("a {red:3|blue} house", ["a red:3 house", "a blue house"]),
        ("a {x|y}:[1]*500+[2]*500", ["a x:[1]*500+[2]*500", "a y:[1]*500+[2]*500"]),
        ("film {at 6:30|now}", [{"text": "film at 6:30", "weight": 1.0}, "film now"]),
        ("a {plain} brace and a } too {", ["a {plain} brace and a } too {"]),
        (r"a \{red|blue\} sea", [r"a \{red|blue\} sea"]),
        (r"a {b\|c|d\}} sea", ["a b|c sea", "a d} sea"]),
        (["a {x|y}", "fog:-0.5"], [["a x", "fog:-0.5"], ["a y", "fog:-0.5"]]),
        ({0: "{a|b}", "2s": {"text": "{c|d} 16:9", "weight": 2}}, [
            {0: one, "2s": {"text": f"{two} 16:9", "weight": 2}} for one in "ab" for two in "cd"
        ]),
        ("{word} sea", ["dark sea", "bright sea"]),
        ("{ word } {both}", ["dark dark sea", "dark bright sea", "bright dark sea", "bright bright sea"]),
    ],
)  # fmt: skip
def test_every_text_that_choices_may_become(written, every):
    lists = {"word": ["dark", "bright"], "both": ["{word} sea"]}
    found = expand_all(written, lists if "word" in str(written) else None)
    assert found == every
    # Nothing is left to draw.
    assert all(expand_all(one) == [one] for one in found)


@pytest.mark.parametrize(
    ("written", "lists", "said"),
    [
        ("a {red|blue house", {}, "this { is never closed"),
        ("a {@materals} house", {}, "did you mean {@materials}?"),
        ("a {@} house", {}, "expected the name of a list after @"),
        ("a {@own.txt} house", {}, "there is no bundled list 'own.txt'"),
        ("a {artst} house", {"artist": ["x"]}, "did you mean {artist}? modifiers has artist"),
        ("a {light} house", {"artist": ["x"]}, "did you mean {@lights}?"),
        ("a {zzz} house", {"artist": ["x"]}, "where braces are meant"),
        ("{a}", {"a": ["{b}"], "b": ["x", "{a}"]}, "go round in a circle: a -> b -> a"),
        ("{" * 14 + "a" + "|b}" * 14, {}, "nested more than 12 levels"),
        ("{@lights} {@mediums} {@materials}", {}, "may become"),
    ],
)
def test_faults_of_choices(written, lists, said):
    with pytest.raises(UsageError, match=r".") as caught:
        expand_all(written, lists)
    assert said in str(caught.value)


def test_faults_have_a_place_and_a_hint(read):
    with pytest.raises(SceneError) as caught:
        read(
            'mode: still\nmodifiers: {artist: [x, "{b}"], light: lights, none: "@gone.txt"}\n'
            "prompts: a {artst|b\n"
        )
    lines = str(caught.value).splitlines()
    assert "modifiers.light: expected a list of texts, or @ and a file; found 'lights'" in lines[0]
    assert "scene.yaml:2:" in lines[0]
    assert "modifiers.none: no such file" in lines[1]
    with pytest.raises(SceneError) as caught:
        read("mode: still\nprompts:\n- a sea\n- 'a {red|{@nothing}} house:2'\n")
    (line,) = str(caught.value).splitlines()
    assert line.split("scene.yaml:")[1].startswith("4:11: prompts.1: there is no bundled list 'nothing'")
    with pytest.raises(SceneError, match=r"in \{a\}, 'x \{c\}': there is no list 'c'"):
        read("modifiers: {a: ['x {c}']}\nprompts: '{a} sea'\n")


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("secret.key", "hidden", "does not end in .txt"),
        ("empty.txt", "# nothing\n\n", "has no words"),
        ("latin.txt", "caf\xe9".encode("latin-1"), "is no text in UTF-8"),
        ("many.txt", "a\n" * 20_001, "has 20001 lines"),
        ("large.txt", "a" * 2_000_001, "has more than 2 MB"),
    ],
)
def test_files_that_are_no_list_of_words(read, tmp_path, name, content, said):
    data = content if isinstance(content, bytes) else content.encode()
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SceneError) as caught:
        read(f"prompts: 'a {{@{name}}} sea'\n")
    assert said in str(caught.value)
    assert "hidden" not in str(caught.value)


def test_bundled_lists_are_words_of_our_own():
    assert bundled_names() == ("lights", "materials", "mediums", "modifiers", "negatives")
    for name in bundled_names():
        words = read_list(name, None)
        assert 15 <= len(words) <= 60
        assert len(set(words)) == len(words)
        assert not any("{" in word or ":" in word for word in words)


# What is drawn


def test_each_still_draws_by_its_seed(read):
    text = "mode: still\nimages: 12\nseed: 5\n"
    text += "prompts: ['a {red|blue|green} house by {@artists.txt}:2', 'fog:-0.5']\n"
    drawn = prompts_of(read(text))
    assert len({one[0] for one in drawn}) > 4
    assert all(one[1] == "fog" for one in drawn)
    assert [one.weight for one in read(text).timeline.row(3).prompts] == pytest.approx([2 / 1.5, -0.5 / 1.5])
    assert any("Blade Runner: 2049" in one[0] for one in drawn)
    # The same again; one picture alone, by its seed; more pictures beside.
    assert prompts_of(read(text)) == drawn
    assert prompts_of(read(text, "seed=9", "images=1")) == [drawn[4]]
    assert prompts_of(read(text, "images=20"))[:12] == drawn
    assert prompts_of(read(text, "seed=[16, 5, 16]", "images=3"))[:2] == [drawn[11], drawn[0]]
    assert prompts_of(read(text, "seed=6"))[:11] == drawn[1:]


def test_pictures_of_one_seed_draw_one_after_another(read):
    text = "mode: still\nimages: 8\nseed: 5\nseed_mode: fixed\nprompts: 'a {a|b|c|d|e|f|g|h} sea'\n"
    drawn = prompts_of(read(text))
    assert len({one[0] for one in drawn}) > 2
    listed = prompts_of(read(text, "seed=[5, 6, 5]", "seed_mode=step", "images=3"))
    assert [listed[0], listed[2]] == drawn[:2]


def test_a_film_draws_once_for_each_position(read):
    text = "frames: 12\nseed: 3\nprompts: {0: '{@lights} sea', 6: ['{@lights} sea', '{a|b}']}\n"
    loaded = read(text)
    drawn = prompts_of(loaded)
    assert drawn[:6] == [drawn[0]] * 6
    assert drawn[6:] == [drawn[6]] * 6
    assert drawn[0][0] != drawn[6][0]
    # What is drawn does not hang on where it is, nor on the words around it.
    moved = "frames: 12\nseed: 3\nprompts: {0: 'a {@lights} lake', 9: ['{@lights} sea', '{a|b} fog']}\n"
    other = prompts_of(read(moved))
    assert other[0][0] == "a " + drawn[0][0].replace("sea", "lake")
    assert other[9][0] == drawn[6][0]


def test_a_grown_list_changes_only_what_it_wins(read):
    lists = [[f"word{n}" for n in range(count)] for count in (10, 11)]
    text = "mode: still\nimages: 200\nseed: 1\nprompts: 'a {w} sea'\nmodifiers: {w: %s}\n"
    before, after = (prompts_of(read(text % one)) for one in lists)
    changed = [new[0] for old, new in zip(before, after, strict=True) if old != new]
    assert 5 <= len(changed) <= 35
    assert set(changed) == {"a word10 sea"}
    counts = Counter(one[0] for one in before)
    assert max(counts.values()) < 40


def test_a_text_that_is_listed_twice_comes_twice_as_often():
    drawn = Counter(Draws(seed, 0)("", ["a", "b", "a"]) for seed in range(600))
    assert 340 < drawn[0] + drawn[2] < 460
    assert min(drawn.values()) > 140


def test_the_scene_that_was_read_holds_what_was_drawn(read, tmp_path):
    text = (
        "mode: still\nimages: 6\nseed: 2\nmodifiers: {a: '@artists.txt'}\n"
        "prompts: {0: 'by {a}', 3: ['{a|b} \\{x|y\\} sea', {text: '{a|c}: 3', weight: 2}]}\n"
    )
    loaded = read(text)
    stored = resolved_text(loaded.scene)
    (tmp_path / "artists.txt").unlink()
    again = read_text_scene(stored, str(tmp_path / "stored.yaml"))
    assert again.scene == loaded.scene
    assert prompts_of(again) == prompts_of(loaded)
    assert again.templates is None
    assert loaded.scene.modifiers == {}
    assert any("{x|y}" in one[0] for one in prompts_of(loaded))
    assert loaded.templates is not None
    assert len(loaded.templates.every()) == 4 * 2 * 2


def test_scenes_without_choices_are_what_they_were(read):
    text = "mode: still\nimages: 3\nseed: 2\nprompts: {0: 'a {plain} sea', 2: '} {'}\n"
    loaded = read(text)
    assert (loaded.scene.prompts, loaded.templates) == ({0: "a {plain} sea", 2: "} {"}, None)
    assert "is written under modifiers" in str(loaded.notices[0])


def test_lists_of_a_scene_that_is_extended_lie_beside_it(read, tmp_path):
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "words.txt").write_text("deep")
    (tmp_path / "base" / "base.yaml").write_text(
        "prompts: '{@words.txt} {w}'\nmodifiers: {w: ['{@words.txt} sea']}\n"
    )
    assert prompts_of(read("extends: base/base.yaml\nframes: 1\n")) == [["deep deep sea"]]
    (tmp_path / "words.txt").write_text("calm")
    assert prompts_of(read("extends: base/base.yaml\nframes: 1\nprompts: '{@words.txt} {w}'\n")) == [
        ["calm deep sea"]
    ]


def test_notices(read):
    said = [
        str(one) for one in read("frames: 1\nprompts: a {b} sea\nmodifiers: {b: [x], cold: [y]}\n").notices
    ]
    assert len(said) == 1
    assert said[0].endswith("modifiers.cold: no prompt has {cold}")
    with pytest.raises(SceneError, match="words are drawn for at most 2000 images, found 2001"):
        read("mode: still\nimages: 2001\nprompts: a {b|c} sea\n")
    # What is said of a text that was drawn for many pictures is said once.
    many = read("mode: still\nimages: 9\nprompts: a {b|b} (sea:1.2)\n").notices
    assert len(many) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prompts: {red|blue}\n", 'put the whole prompt in quotes: "{red|blue}"'),
        ("prompts: [{red|blue}]\n", 'put the whole prompt in quotes: "{red|blue}"'),
        ("prompts: {red|blue} house\n", "put it in quotes"),
        ("prompts: a sea\nmodifiers: oil\n", "expected lists of texts by name, or files"),
        ("prompts: a sea\nmodifiers: {x: []}\n", "modifiers.x: expected"),
        ("prompts: a sea\nmodifiers: {'a|b': [x]}\n", "a list is named by letters, digits"),
    ],
)
def test_what_yaml_makes_of_braces_is_explained(read, text, said):
    with pytest.raises(SceneError) as caught:
        read(text)
    assert said in str(caught.value)
    assert len(caught.value.problems) == 1


def test_braces_of_other_programs_are_letters(read):
    assert written(("a {red|blue} sea", 2.0)) == "a \\{red|blue\\} sea:2"
    assert written(("a {red} sea", 1.0)) == "a {red} sea"
    loaded = read(f"frames: 1\nprompts: ['{written(('a {red|blue} sea', 1.0))}']\n")
    assert prompts_of(loaded) == [["a {red|blue} sea"]]
