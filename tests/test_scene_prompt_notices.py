"""What another tool would read in a prompt is reported, with our way to say it; and doubtful weights."""

from __future__ import annotations

import pytest

from animator.keyframes.prompts import parse_prompt
from animator.scene.prompt_notices import foreign_syntax, odd_weight, without_syntax

FOREIGN = {
    "a house --neg rain": "negative weight",
    "a house --no rain, fog": "negative weight",
    "a house \u2014neg rain": "negative weight",
    "a house negative prompt: rain": "negative weight",
    "a house --ar 16:9": "settings have lines of their own",
    "a house --stylize 500 --v 4": "settings have lines of their own",
    "a (house:1.3) at sea": "prompt of its own with a weight",
    "a ((house)) at sea": "prompt of its own with a weight",
    "a [[house]]": "prompt of its own with a weight",
    "a {{{house}}}": "prompt of its own with a weight",
    "a (red house)1.2": "prompt of its own with a weight",
    "a (red house)++ at sea": "prompt of its own with a weight",
    "a house++": "prompt of its own with a weight",
    "a [house:ruin:0.5]": "mapping from frames",
    "a [house|ruin]": "mapping from frames",
    "a house `0.5*t` by the sea": "mapping from frames",
    "a {red} house": "is written under modifiers",
    "a <red|blue> house": "write {red|blue}",
    "a house by _artist_": "write {@artists.txt}",
    "a house by __artists/old__": "write {@artists.txt}",
    "a $colour house": "no variable here",
    "a house <lora:old:0.8>": "loads no network",
    "a house <hypernet:old:1>": "loads no network",
    "a house in the style of <cat-toy>": "loads no network",
    "embedding:easynegative": "loads no network",
    "a house :0.8 AND a ruin :0.2": "are a list",
    "a house AND a ruin": "are a list",
    "a house | a ruin": "are a list",
    "red::2 blue": "are a list",
    '("a house", "a ruin").and(0.5, 0.5)': "are a list",
    '("a house", "a ruin").blend(0.5, 0.5)': "are a list",
    "a house.swap(ruin)": "are a list",
    "a house BREAK a ruin": "are a list",
}

NATURAL = (
    "a house (old) by the sea, 1890.",
    "a house (built 1890). a ruin",
    "ROCK AND ROLL",
    "well-known artist, half-timbered house",
    "C++ on a screen-print? no: a house",
    "it's 100% wool, $5 each",
    "snake_case and a house",
    "a house - old and grey - at sea",
    "a house \u2014 old and grey",
    "Title [1890]",
    "a house, x < y > z, I <3 you",
    "https://example.org/a.png",
)


@pytest.mark.parametrize("text", FOREIGN)
def test_syntax_of_another_tool_is_reported(text: str) -> None:
    messages = [message for _, _, message in foreign_syntax(text)]
    assert any(FOREIGN[text] in message for message in messages), messages


@pytest.mark.parametrize("text", NATURAL)
def test_plain_language_is_not(text: str) -> None:
    assert list(foreign_syntax(text)) == []


def test_where_it_begins() -> None:
    assert [(at, found) for at, found, _ in foreign_syntax("a <red|blue> house")] == [(2, "<red|blue>")]
    assert without_syntax("a <red|blue> house <lora:x:1> --neg rain").split() == ["a", "house"]


WEIGHTS = {
    "Blade Runner: 2049": "2049 is read as its weight",
    "aspect 16:9": '9 is read as its weight; if it belongs to the text, write {text: "aspect 16:9"}',
    "dawn at 6:30": "30 is read as its weight",
    "a storm:75": "75 is read as its weight",
    "a storm:-75": "-75 is read as its weight",
    "a storm: 1e1": "10 is read as its weight",
    "a storm: 007": "7 is read as its weight",
    "a storm::2": "write one colon before a weight: 'a storm:2'",
    "a storm::.5": "write one colon before a weight: 'a storm:.5'",
    "a storm:0,5": "':0,5' is no weight but painted; write 'a storm:0.5'",
    "red:1:2": "2 is read as its weight",
    "at 10:30:45": "45 is read as its weight",
    "a storm\uff1a2049": "2049 is read as its weight",
    "a storm:\u221275": "-75 is read as its weight",
    "a storm:50%": "':50%' is no weight but painted; write 'a storm:0.5'",
    "a storm:(2)": "write 'a storm:2'",
    "a storm:[-.5]": "write 'a storm:-0.5'",
    "\u201ca storm:2\u201d": "write 'a storm:2'",
    "\u201ca storm": "quotation mark is never closed",
    "a storm:.5by someone:.3": "':.5' is no weight but painted",
    "a storm:2, a calm": "':2' is no weight but painted",
    "a storm:2, a calm:-1": 'write a list of prompts, ["a:0.8", "b:0.2"]',
    'say "dawn" 6:30': 'write {text: "say \\"dawn\\" 6:30"}',
}


@pytest.mark.parametrize("written", WEIGHTS)
def test_doubtful_weights_are_reported(written: str) -> None:
    assert WEIGHTS[written] in odd_weight(written, parse_prompt(written))


@pytest.mark.parametrize(
    "written",
    ["a storm", "a storm:2", "a storm: 2", "a storm: 0.5", "a storm:-1", "a storm :1.5", "16:9 poster"]
    + ["at 6:30, dawn", "aspect 4:3, sea", "\u201ca storm\u201d, print", '7" disc', 'say "hi":2', "a storm:"],
)
def test_plain_weights_are_not(written: str) -> None:
    assert odd_weight(written, parse_prompt(written)) == ""


def test_a_typographic_minus_is_a_minus() -> None:
    assert parse_prompt("a tree:\u22120.5").weight == -0.5
    assert parse_prompt("well\u2013known:\u20132").text == "well\u2013known"


def test_words_that_small_networks_never_saw_are_named_once(read) -> None:
    loaded = read(
        'prompts: {0: ["a zebra on a hill", "a zebra --neg fog"], 9: "a zebra, a giraffe"}\nmode: 2d'
    )
    words = [one.message for one in loaded.notices if "pull nowhere" in one.message]
    assert [message.rpartition(": ")[2] for message in words] == ["zebra", "giraffe"]
    assert [one.line for one in loaded.notices] == [1, 1, 1]


@pytest.mark.parametrize("more", ["models: fake", "guidance: {clip_models: {ViT-B-32: 1}}"])
def test_no_word_is_unknown_to_a_network_that_reads_all_or_to_none(read, more: str) -> None:
    assert read(f"prompts: a zebra\n{more}").notices == ()


def test_only_the_models_that_a_prompt_speaks_to_must_know_it(read) -> None:
    scene = "prompts: [{text: a zebra, clip_models: [%s]}]\nguidance: {clip_models: {pocket: 1, ViT-B-32: 1}}"
    assert read(scene % "ViT-B-32").notices == ()
    (notice,) = read(scene % "pocket").notices
    assert notice.message.endswith("pull nowhere: zebra")


@pytest.mark.parametrize(
    ("text", "line", "cut"),
    [
        ("models: fake\nprompts:\n  - a sea #trending on artstation", 3, "#trending on artstation"),
        ("models: fake\nprompts: a sea #trending", 2, "#trending"),
        ("models: fake\nprompts:\n  0:\n    - a sea  #trending:2\n", 4, "#trending:2"),
        ("models: fake\nprompts:\n  - text: a sea #\u6d77\n    weight: 2", 3, "#\u6d77"),
    ],
)
def test_a_hashtag_that_yaml_cuts_off_a_prompt_is_reported(read, text: str, line: int, cut: str) -> None:
    (notice,) = read(text).notices
    assert notice.line == line
    assert notice.message == f"'{cut}' is a comment in YAML and cut off; put the whole text in quotes"


@pytest.mark.parametrize(
    "text",
    [
        "prompts: a sea # by day",
        'prompts: "a sea #trending"',
        "prompts:\n  #- a sea\n  - a lake",
        "prompts: a sea\n#trending",
        "prompts: a sea\nseed: 7 #mine",
        "prompts: a#b",
    ],
)
def test_what_is_a_comment_or_in_quotes_is_not(read, text: str) -> None:
    assert read(f"models: fake\n{text}").notices == ()


def test_a_setting_of_which_a_comment_is_all_is_reported(read) -> None:
    (notice,) = read("models: fake\nprompts: a sea\nbackground: #203040\nmode: 2d").notices
    assert (notice.line, notice.key) == (3, "background")
    assert notice.message == "is empty: '#203040' is a comment in YAML; put it in quotes"


def test_on_the_command_line_nothing_is_a_comment(read) -> None:
    scene = read("models: fake\nprompts: x", "prompts=a sea #trending", "background=#203040").scene
    assert (scene.prompts, scene.background) == ("a sea #trending", "#203040")


@pytest.mark.parametrize(
    "text",
    [
        "prompts: [\u201ca cat, sitting\u201d]",
        "prompts: [b, \u201ea cat, sitting\u201c, c]",
        "prompts: {0: [\u00aba cat, sitting\u00bb]}",
        "prompts: [\u2018a cat, sitting\u2019]",
        "prompts: [\u201ca cat\n , sitting\u201d]",
    ],
)
def test_a_text_in_typographic_quotes_that_a_list_splits_is_reported_once(read, text: str) -> None:
    (notice,) = read(f"models: fake\n{text}").notices
    assert notice.line == 2
    assert notice.message.endswith('are letters in YAML; write "a cat, sitting"')


@pytest.mark.parametrize(
    "text", ["prompts: [\u201ca cat\u201d, \u201csitting\u201d]", "prompts: [\u2019tis a cat, sitting]"]
)
def test_quotes_that_close_are_not(read, text: str) -> None:
    assert read(f"models: fake\n{text}").notices == ()
