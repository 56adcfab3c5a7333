"""Captions of the world: true, varied, short, and made of known words where they are unseen."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest
from open_clip import SimpleTokenizer

from tools.pocket.world import manners, places, spec, words
from tools.pocket.world.captions import attributes, caption, shown_paint
from tools.pocket.world.prompts import PROMPTS
from tools.pocket.world.spec import Spec, draw_spec
from tools.pocket.world.words import Words

COUNT = 3000

TABLES: dict[str, tuple[Mapping[str, float], Mapping[str, Words | manners.Manner]]] = {
    "time": (spec.TIMES, words.TIME),
    "ground": (spec.GROUNDS, places.GROUND),
    "weather": (spec.WEATHERS, words.WEATHER),
    "season": (spec.SEASONS, words.SEASON),
    "ridge": (spec.RIDGES, places.RIDGE),
    "way": (spec.WAYS, places.WAY),
    "style": (spec.STYLES, manners.STYLE),
    "grade": (spec.GRADES, manners.GRADE),
    "thing": (spec.THINGS, words.THING),
    "company": (spec.COMPANIES, words.COMPANY),
}

TELLING = {
    "time": {
        "day": r"\b(day|daylight|noon|daytime|midday|sunny|sunlit|sunshine|(?<!deep )blue sky)\b",
        "dawn": r"\b(dawn|sunrise|morning|daybreak|first light|pink sky)\b",
        "sunset": r"\b(sunset|sundown|golden hour|orange sky|red sky)\b",
        "dusk": r"\b(dusk|evening|twilight|blue hour|nightfall)\b",
        "night": r"\b(night|midnight|in the dark|stars|starry)\b",
    },
    "thing": {
        "lighthouse": r"\b(lighthouse|light tower)\b",
        "castle": r"\b(castle|fortress)\b",
        "tower": r"(?<!light )\btower\b",
        "windmill": r"\b(windmill|mill)\b",
        "bridge": r"\bbridge\b",
        "palm": r"\bpalm\b",
        "pine": r"\b(pine|fir)\b",
        "tree": r"(?<!pine )(?<!fir )(?<!palm )\b(tree|oak)\b",
        "pyramid": r"\bpyramid\b",
    },
    "ground": {
        "sea": r"\b(ocean|waves)\b",
        "coast": r"\b(beach|seashore|shore|coast)\b",
        "lake": r"\blakes?\b",
        "meadow": r"\b(meadows?|grass|grassy|grassland)\b",
        "field": r"\b(fields?|farmland|farm)\b",
        "forest": r"\b(forest|woods|trees)\b",
        "desert": r"\b(desert|dunes|sand)\b",
        "snow": r"\b(plain|snowfield|landscape of snow|deep snow|snowy landscape)\b(?<!grassy plain)",
    },
    "weather": {
        "rain": r"\b(rain|rainy|raining|wet)\b",
        "storm": r"\b(storm|stormy|thunderstorm|tumultuous|storm-swept)\b",
        "fog": r"\b(fog|mist|foggy|misty|hazy)\b",
        "snowfall": r"\b(snowfall|snowing|snowflakes|snowstorm|falling snow|snow storm|snow is falling)\b",
    },
    "season": {
        "summer": r"\b(summer|summertime)\b",
        "spring": r"\b(spring|springtime|bloom|blooming|blossoms?|flowering)\b",
        "autumn": r"\b(autumn|fall|autumnal)\b",
        "winter": r"\b(winter|wintertime|wintry|snow-covered)\b",
    },
    "style": {
        "photo": r"\b(photo|photograph|photography|picture taken)\b",
        "oil": r"\b(oil|impressionist|a painting of|beautiful painting)\b",
        "watercolour": r"\b(watercolour|watercolor)\b",
        "ink": r"\b(ink|drawing|sketch|monochrome)\b",
        "pixel": r"\b(pixel|8-bit|pixelated|game)\b",
        "lowpoly": r"\b(low poly|low-poly|polygon)\b",
        "woodcut": r"\b(woodcut|woodblock|linocut)\b",
    },
    "grade": {
        "warm": r"\bwarm\b|yellow colou?r scheme",
        "cold": r"\b(cold|cool)\b|blue color scheme",
        "pastel": r"\b(pastel|pale)\b",
        "vivid": r"\b(vivid|vibrant|saturated)\b",
        "gloomy": r"\b(gloomy|muted|bleak)\b",
    },
    "ridge": {
        "hills": r"\bhills\b",
        "mountains": r"(?<!snowy )(?<!white )(?<!snow-capped )\b(mountains|mountain range)\b",
        "peaks": r"\b(peaks|(snowy|white|snow-capped) mountains)\b",
    },
    "way": {"road": r"\b(road|path)\b", "river": r"\b(river|stream)\b"},
}
"""Words that are true of one kind of picture only, written apart from the tables of the package."""

SHARES = {
    "thing": 0.78,
    "time": 0.70,
    "weather": 0.70,
    "style": 0.65,
    "ground": 0.70,
    "season": 0.45,
    "ridge": 0.33,
    "way": 0.40,
    "grade": 0.50,
}
"""How often at least a part is said that is there; a tenth of the captions are short and tell one or two."""


def _plain(part: str) -> str:
    """What no caption has to say: it shows as the absence of something."""
    return {"weather": "clear", "season": "summer"}.get(part, "none")


@pytest.fixture(scope="module")
def told() -> dict[bool, list[tuple[Spec, str]]]:
    """3000 pictures with a caption each, unseen and not, in lower case."""
    specs = [draw_spec(seed) for seed in range(COUNT)]
    out = {}
    for unseen in (False, True):
        rng = np.random.default_rng(5)
        out[unseen] = [(each, caption(each, rng, unseen=unseen).lower()) for each in specs]
    return out


def _held_patterns() -> list[re.Pattern[str]]:
    """Every phrase that is held back, as a pattern of its own."""
    held: set[str] = set()
    for table in (*vars(words).values(), *vars(places).values(), *vars(manners).values()):
        entries = table.values() if isinstance(table, dict) else [table]
        for entry in entries:
            if isinstance(entry, Words):
                held |= {*entry.held, *entry.held_tag}
            elif isinstance(entry, manners.Manner):
                held |= {*entry.held, *entry.held_after}
    patterns = []
    for phrase in sorted(held):
        text = re.escape(phrase.rpartition("|")[2])
        for gap, any_word in ((r"\{a\}", r"an? [\w-]+"), (r"\{b\}", r"[\w-]+")):
            text = text.replace(gap, any_word)
        free = r"(?:[\w-]+ )?" if re.search(r"\\\{\\\}\w", text) else r"[^,]+"
        patterns.append(re.compile(rf"(?<![\w-]){text.replace(re.escape('{}'), free)}(?![\w-])"))
    return patterns


def test_every_key_of_the_world_has_words_of_both_kinds() -> None:
    """Each entry can be said, and can be said in a way that training never heard."""
    for shares, table in TABLES.values():
        assert {*shares} - {"none"} == {*table}
        for entry in table.values():
            assert entry[0]
            assert entry.held
    assert {*manners.VIEW} == {*spec.LENSES, *spec.HEIGHTS}
    assert {*words.PAINT} == {*spec.PAINTS}
    assert {*places.PERCH} == {"hill", "cliff", "island"}


@pytest.mark.slow
def test_what_a_caption_says_is_so(told: dict[bool, list[tuple[Spec, str]]]) -> None:
    """A word that tells one kind of picture stands in captions of that kind only."""
    for picture, text in [*told[False], *told[True]]:
        for part, table in TELLING.items():
            for name, pattern in table.items():
                if not re.search(pattern, text):
                    continue
                assert getattr(picture, part) == name or _excused(picture, part, name), (picture, text, name)


def _excused(picture: Spec, part: str, name: str) -> bool:
    """Whether a word has another meaning here: a bridge's river, snow on land, a storm of snow, a company."""
    if part == "way":
        return picture.thing == "bridge" and name == "river"
    if part == "ground":
        return name == "snow" and picture.season == "winter"
    if part == "weather":
        return name == "storm" and picture.weather == "snowfall"
    return False


def test_colours_and_company_are_said_only_where_they_are(told: dict[bool, list[tuple[Spec, str]]]) -> None:
    """The colour before an object is its colour, and none is told of an ink drawing's red."""
    painted = re.compile(
        r"\b(red|white|blue|yellow|black|green|gr[ea]y|orange|purple|violet|pink) (?:stone )?"
        r"(?:lighthouse|light tower|house|cottage|cabin|castle|fortress|boat|sailing|sailboat|ship|tower"
        r"|windmill|mill|balloon|hot)"
    )
    for picture, text in [*told[False], *told[True]]:
        for colour in painted.findall(text):
            colour = {"gray": "grey", "violet": "purple"}.get(colour, colour)
            assert colour == shown_paint(picture), (picture, text)
        if "birds" in text:
            assert picture.company == "birds"
        if "balloon" in text:
            assert "balloon" in (picture.thing, picture.company)
        if "moon" in text:
            assert picture.disc
            assert picture.time in ("night", "dusk")
        if re.search(r"\bthe (shining )?sun\b", text):
            assert picture.disc
            assert picture.time not in ("night", "dusk")


def test_captions_tell_most_of_what_is_there(told: dict[bool, list[tuple[Spec, str]]]) -> None:
    """Each part is said about as often as it should be."""
    for unseen, pairs in told.items():
        there: Counter[str] = Counter()
        said: Counter[str] = Counter()
        for picture, text in pairs:
            for part in SHARES:
                pattern = TELLING[part].get(getattr(picture, part))
                if pattern is None or getattr(picture, part) == _plain(part):
                    continue
                there[part] += 1
                said[part] += bool(re.search(pattern, text))
        for part, least in SHARES.items():
            assert said[part] / there[part] > least, (unseen, part, said[part] / there[part])


@pytest.mark.slow
def test_every_token_of_unseen_captions_is_known_and_captions_are_short(
    told: dict[bool, list[tuple[Spec, str]]],
) -> None:
    """A token that training never saw has no embedding; one caption in a thousand may be longer than 38."""
    encode = SimpleTokenizer().encode
    tokens = {unseen: [encode(text) for _, text in pairs] for unseen, pairs in told.items()}
    known = {token for text in tokens[False] for token in text}
    assert {token for text in tokens[True] for token in text} <= known
    assert {token for text, _ in PROMPTS for token in encode(text)} <= known
    for texts in (*tokens.values(), [encode(text) for text, _ in PROMPTS]):
        assert sum(len(text) > 38 for text in texts) <= COUNT / 1000


@pytest.mark.slow
def test_held_phrases_are_in_every_unseen_caption_and_in_no_other(
    told: dict[bool, list[tuple[Spec, str]]],
) -> None:
    """What measures understanding was never heard in training."""
    patterns = _held_patterns()
    assert len(patterns) > 200
    seen = "\n".join(text for _, text in told[False])
    assert [p.pattern for p in patterns if p.search(seen)] == []
    assert [text for _, text in told[True] if not any(p.search(text) for p in patterns)] == []
    assert [text for text, _ in PROMPTS if not any(p.search(text) for p in patterns)] == []


def test_unseen_captions_have_arrangements_of_their_own(told: dict[bool, list[tuple[Spec, str]]]) -> None:
    """A place, or an hour, at the head, and "there is" before the object."""
    pattern = re.compile(
        r"^(?!in (?:woodcut|watercolour))(?:in|on|at|over|above|under|during|by|with) "
        r"|^there is an? |(?:stands|floats) an? "
    )
    shares = {
        unseen: np.mean([bool(pattern.search(text)) for _, text in pairs]) for unseen, pairs in told.items()
    }
    assert shares[False] < 0.005
    assert shares[True] > 0.5


def test_a_caption_follows_from_its_generator() -> None:
    """The same seed tells the same; another mostly tells otherwise."""
    picture = draw_spec(11)
    texts = [caption(picture, np.random.default_rng(seed)) for seed in (1, 1, *range(2, 40))]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 35


def test_both_spellings_and_trimmings_are_said(told: dict[bool, list[tuple[Spec, str]]]) -> None:
    """What people write is heard in training, British and American, with names that mean nothing."""
    seen = "\n".join(text for _, text in told[False])
    for phrase in ("watercolour", "watercolor", "grey", "gray", "colours", "colors", "yellow color scheme"):
        assert phrase in seen
    for phrase in (
        "tumultuous sea",
        "shining its light across",
        "light tower",
        "full moon",
        *manners.TRIMMINGS,
    ):
        assert phrase in seen
    share = np.mean([any(text.endswith(t) for t in manners.TRIMMINGS) for _, text in told[False]])
    assert 0.09 < share < 0.16


def test_attributes_are_what_the_picture_shows() -> None:
    """Attributes are those of the picture, but for a colour that an ink drawing cannot show."""
    drawn = [draw_spec(seed) for seed in range(400)]
    names = {
        "time",
        "ground",
        "weather",
        "season",
        "ridge",
        "way",
        "thing",
        "paint",
        "perch",
        "style",
        "grade",
    }
    assert all({*attributes(each)} == names for each in drawn)
    reds = [each for each in drawn if each.paint == "red"]
    assert {attributes(each)["paint"] for each in reds if each.style == "ink"} == {""}
    assert {attributes(each)["paint"] for each in reds if each.style != "ink"} == {"red"}


def test_prompts_are_forty_unlike_requests() -> None:
    """They cover the world evenly, and no two ask for the same."""
    assert len(PROMPTS) == len({text for text, _ in PROMPTS}) == 40
    said = [attributes_said for _, attributes_said in PROMPTS]
    keys = ("time", "ground", "thing", "paint", "style")
    assert len({tuple(each.get(key) for key in keys) for each in said}) == 40
    assert all(sum(key in each for key in keys) >= 3 for each in said)
    assert Counter(each["style"] for each in said if "style" in each) == dict.fromkeys(spec.STYLES, 5)
    assert Counter(each["ground"] for each in said) == dict.fromkeys(spec.GROUNDS, 5)
    assert {each["time"] for each in said if "time" in each} == {*spec.TIMES}
    assert {each["thing"] for each in said if "thing" in each} == {*spec.THINGS} - {"none"}


@pytest.mark.parametrize(("text", "said"), PROMPTS)
def test_a_prompt_says_what_it_is_judged_by(text: str, said: dict[str, str]) -> None:
    """Each attribute of a prompt that has telling words has them in its text, and no other of its kind."""
    for part, name in said.items():
        if part in ("paint", "perch"):
            assert re.search(rf"\b{name}\b", text)
            continue
        found = {each for each, pattern in TELLING[part].items() if re.search(pattern, text)}
        assert found <= {name}, (part, found)
        assert found or name in ("boat", "house", "balloon", "sea", "clear", "photo")
