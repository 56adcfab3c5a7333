"""Tell a picture of the world in one of very many phrasings.

A caption is a main clause (what stands where), a few extras (hour, weather, season, what is behind) and the
manner (style, colours, view). Each may be left unsaid, but nothing false is said. What is *unseen* is told in
phrases and arrangements that no training caption has, from words that training captions do have.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tools.pocket.world import places as p
from tools.pocket.world import words as w
from tools.pocket.world.manners import GRADE, STYLE, TRIMMINGS, VIEW, Manner
from tools.pocket.world.spec import GREEN, PAINTED, STANDING, WATER, Spec
from tools.pocket.world.teller import Extra, Teller, bare, with_article
from tools.pocket.world.words import Words

BUDGET = 34
"""About how many tokens a caption has at most; extras beyond it are left out."""

SNOWED_GROUNDS = ("meadow", "field", "forest")
"""Where snow lies in winter that does not lie there in other seasons."""

TRIMMED = 6
"""Tokens of a trimming, at most."""

EXTRA_SHARES = {"ridge": 0.66, "way": 0.65, "grade": 0.77, "company": 0.60, "disc": 0.50, "view": 0.40}
"""How often an extra is said where there is one and room for it."""


def shown_paint(spec: Spec) -> str:
    """Return the colour of the main object where the picture shows it: ink has none but black and white."""
    return spec.paint if spec.style != "ink" or spec.paint in ("black", "white") else ""


def attributes(spec: Spec) -> dict[str, str]:
    """Return what can be asked about a picture: each an entry of the table of that name in `spec`."""
    names = ("time", "ground", "weather", "season", "ridge", "way", "thing", "perch", "style", "grade")
    return {name: getattr(spec, name) for name in names} | {"paint": shown_paint(spec)}


def caption(spec: Spec, rng: np.random.Generator, *, unseen: bool = False) -> str:
    """Tell a picture in one of many phrasings; a part may be left unsaid, but nothing false is said.

    Args:
        spec: the picture.
        rng: decides the phrasing.
        unseen: use arrangements and phrases that are never used otherwise; every word is known all the same.

    Returns:
        the caption, mostly in lower case, of about 38 tokens at most.
    """
    teller = Teller(spec, rng, unseen)
    trimming = f", {teller.one_of(TRIMMINGS)}" if teller.chance(0.12) else ""
    room = BUDGET - TRIMMED * bool(trimming)
    text = (_short(teller) if teller.chance(0.1) else _full(teller, room)) + trimming
    if teller.chance(0.08):
        text = text[0].upper() + text[1:]
    return text


def _thing(teller: Teller) -> str:
    """Return the main object and its colour, without an article."""
    spec = teller.spec
    words = w.FOREST_TREE if (spec.thing, spec.ground) == ("tree", "forest") else w.THING[spec.thing]
    paint = ""
    if shown_paint(spec) and spec.thing in PAINTED and teller.chance(0.92):
        paint = teller.one_of(w.PAINT[spec.paint]) + " "
    return teller.word(words.say, words.held).format(paint)


def _adjective(teller: Teller, told: set[str]) -> str:
    """Return a word for weather, season or light that goes before the ground, and note what it told."""
    spec = teller.spec
    found: list[tuple[str, Sequence[str]]] = []
    adjectives: Sequence[str]
    if w.WEATHER[spec.weather].adjective:
        adjectives = w.WEATHER[spec.weather].adjective
        if spec.weather == "storm" and spec.ground in ("sea", "lake"):
            adjectives = w.ROUGH
        elif spec.weather == "snowfall" and spec.ground in ("sea", "snow"):
            adjectives = ("wintry",)
        found.append(("weather", adjectives))
    if spec.ground in GREEN:
        if spec.season == "winter" and spec.ground in SNOWED_GROUNDS:
            found.append(("season", w.SNOWED.adjective))
        elif spec.ground != "lake" or spec.season == "autumn":
            found.append(("season", w.SEASON[spec.season].adjective))
    if spec.weather == "clear" and spec.time == "day":
        found.append(("light", ("sunlit", "sunny")))
    if spec.weather == "clear" and spec.disc and spec.time in ("night", "dusk"):
        found.append(("light", ("moonlit",)))
    if not found or not teller.chance(0.45):
        return ""
    part, adjectives = found[int(teller.chance(0.4) and len(found) > 1)]
    told.add(part)
    return teller.one_of(adjectives)


def _ground(teller: Teller, told: set[str]) -> tuple[str, str]:
    """Return the preposition for what stands on the ground, and the ground with its article."""
    spec = teller.spec
    words = p.GROUND[spec.ground]
    adjective = _adjective(teller, told)
    if adjective:
        joined = teller.word(words.adjective, words.held_tag)
        joined = joined.format(a=with_article(adjective), b=adjective)
    else:
        more: tuple[str, ...] = ()
        if spec.ground in p.CALM_GROUND and spec.weather in ("clear", "clouds", "fog"):
            more = p.CALM_GROUND[spec.ground]
        elif _coloured_day(spec) and spec.season == "summer":
            more = p.FRESH_GROUND.get(spec.ground, ())
        joined = teller.word(words.say + more, words.held)
    before, _, noun = joined.partition("|")
    return before, noun


def _coloured_day(spec: Spec) -> bool:
    """Whether colours of land and sky are as everybody knows them."""
    return (
        spec.time == "day"
        and spec.weather in ("clear", "clouds")
        and spec.style != "ink"
        and spec.grade in ("none", "warm", "vivid")
    )


def _place(teller: Teller, told: set[str]) -> str:
    """Return where the main object is: what it stands on, the ground around it, or both."""
    spec = teller.spec
    perch = ""
    if spec.perch != "ground" and teller.chance(0.72):
        perch = teller.word(p.PERCH[spec.perch].say, p.PERCH[spec.perch].held)
    if perch and not teller.chance(0.88):
        return perch
    before, ground = _ground(teller, told)
    if not teller.unseen and _shines(spec) and teller.chance(0.2):
        return f"{perch} shining its light across {ground}".lstrip()
    if perch:
        joins = p.PERCH_JOINS[spec.perch]
        return f"{perch} {joins[0] if spec.ground == 'forest' else teller.one_of(joins)} {ground}"
    return f"{_preposition(teller, before)} {ground}"


def _shines(spec: Spec) -> bool:
    """Whether a lighthouse by the water is lit."""
    dark = spec.time in ("night", "dusk") or spec.weather == "storm"
    return dark and spec.thing == "lighthouse" and spec.ground in WATER


def _preposition(teller: Teller, before: str) -> str:
    """Return what joins the main object to the ground; ``before`` is what joins those that stand on it."""
    spec = teller.spec
    water = spec.ground in ("sea", "lake")
    if spec.thing == "balloon":
        return teller.one_of(("over", "above", "over"))
    if spec.thing == "bridge":
        if water:
            return teller.one_of(("over", "across"))
        return f"over {teller.word(p.WAY['river'].say, p.WAY['river'].held)} {before}"
    if spec.thing == "boat":
        return teller.one_of(("off", "by", "near")) if spec.ground == "coast" else before
    if spec.perch == "cliff":
        return teller.one_of(("by", "above", "near"))
    if spec.perch == "island":
        return teller.one_of(("in the middle of", "surrounded by"))
    return "in" if water else before


def _verb(teller: Teller) -> str:
    spec = teller.spec
    return teller.one_of(w.VERBS.get(spec.thing, ("stands",)))


def _with_thing(teller: Teller, told: set[str]) -> tuple[str, bool]:
    """Return the main clause of a picture with a main object, and whether "a photo of" may go before it."""
    spec = teller.spec
    thing = with_article(_thing(teller))
    way = spec.way != "none" and spec.thing in STANDING + ("pyramid",) and teller.chance(0.3)
    if way:
        told.add("way")
        name = teller.word(p.WAY[spec.way].say, p.WAY[spec.way].held)
        return f"{name} {teller.one_of(p.WAY_VERBS[spec.way])} {thing} {_place(teller, told)}", False
    if spec.thing == "bridge" and spec.ground not in ("sea", "lake"):
        told.add("way")
    if teller.unseen:
        return _unseen_clause(teller, thing, told)
    if spec.perch == "ground" and teller.chance(0.08):
        return thing, True
    form = teller.form(0.66, 0.12, 0.12)
    if form == 0:
        return f"{thing} {_place(teller, told)}", True
    if form == 1:
        return f"{bare(thing)} {_place(teller, told)}", False
    if form == 2:
        return f"{thing} {_verb(teller)} {_place(teller, told)}", False
    perch = ""
    if spec.perch != "ground" and teller.chance(0.72):
        perch = " " + teller.one_of(p.PERCH[spec.perch].say)
    elif spec.thing == "balloon":
        perch = " in the sky"
    ground = _ground(teller, told)[1]
    if teller.chance(0.5):
        return f"{ground} with {thing}{perch}", True
    return f"{bare(ground)}, {bare(thing)}{perch}", False


def _unseen_clause(teller: Teller, thing: str, told: set[str]) -> tuple[str, bool]:
    """Return the main clause in an arrangement that training captions do not have."""
    form = teller.form(0.4, 0.3)
    place = _place(teller, told)
    if form == 0:
        return f"{place} {_verb(teller)} {thing}", False
    if form == 1:
        return f"there is {thing} {place}", False
    return f"{thing} {place}", True


def _without_thing(teller: Teller, told: set[str]) -> tuple[str, bool]:
    """Return the main clause of a picture that is about its ground."""
    spec = teller.spec
    ground = _ground(teller, told)[1]
    if spec.way != "none" and teller.chance(0.3):
        told.add("way")
        name = teller.word(p.WAY[spec.way].say, p.WAY[spec.way].held)
        joint = teller.one_of(p.WAY_THROUGH[spec.way])
        return f"{name} {joint} {ground}", joint == "through"
    return (bare(ground), False) if not teller.unseen and teller.chance(0.3) else (ground, True)


def _extras(teller: Teller, told: set[str]) -> list[Extra]:
    """Return what else is said of the picture, the most telling first."""
    spec = teller.spec
    found: list[Extra] = []
    if teller.chance(0.5 if "light" in told else 0.93):
        found.append(_time(teller))
    if "weather" not in told and teller.chance(0.15 if spec.weather == "clear" else 0.92):
        found.append(teller.extra(w.WEATHER[spec.weather]))
    if "season" not in told and teller.chance(_season_share(spec)):
        snowed = spec.season == "winter" and spec.ground in SNOWED_GROUNDS and teller.chance(0.5)
        found.append(teller.extra(w.SNOWED if snowed else w.SEASON[spec.season]))
    if spec.ridge != "none" and teller.chance(EXTRA_SHARES["ridge"] * (0.25 if spec.weather == "fog" else 1)):
        name = teller.word(p.RIDGE[spec.ridge].say, p.RIDGE[spec.ridge].held)
        found.append(_framed(teller, p.RIDGE_FRAMES, name))
    if "way" not in told and spec.way != "none" and teller.chance(EXTRA_SHARES["way"]):
        name = teller.word(p.WAY[spec.way].say, p.WAY[spec.way].held)
        found.append(_framed(teller, p.WAY_FRAMES[spec.way], name))
    if spec.company != "none" and teller.chance(EXTRA_SHARES["company"]):
        found.append(teller.extra(w.COMPANY[spec.company]))
    if spec.disc and teller.chance(EXTRA_SHARES["disc"]):
        found.append(teller.extra(w.DISC[_disc(spec)]))
    return found


def _disc(spec: Spec) -> str:
    """Return the entry of the sun or moon; of twenty moons nine are crescents, as their seeds tell."""
    if spec.time not in ("night", "dusk"):
        return "sun"
    return "full moon" if spec.full_moon else "moon"


def _framed(teller: Teller, frames: Words, name: str) -> Extra:
    phrase, item = teller.extra(frames)
    return phrase.format(name), item.format(name)


def _season_share(spec: Spec) -> float:
    """How often the season is said: less where it goes without saying."""
    if spec.ground not in GREEN:
        return 0.45 if spec.season == "winter" else 0.0
    return 0.5 if spec.season == "summer" else 0.82


def _time(teller: Teller) -> Extra:
    spec = teller.spec
    words = w.TIME[spec.time]
    plain = spec.weather == "clear" and spec.style != "ink" and spec.grade in ("none", "warm", "vivid")
    if plain and not teller.unseen and teller.chance(0.3):
        phrase = teller.one_of(w.OPEN_TIME[spec.time])
        return phrase, phrase.split(" ", 1)[1].removeprefix("a ").removeprefix("an ")
    return teller.extra(words)


def _manner(teller: Teller, manner: Manner, before: bool) -> str:
    """Return a style or a view in words that go before or behind the main clause."""
    if before:
        return teller.word(manner.before, manner.held)
    return teller.word(manner.after, manner.held_after)


def _full(teller: Teller, room: int) -> str:
    """Return a caption that tells most of what is there."""
    spec = teller.spec
    told: set[str] = set()
    thing = spec.thing != "none" and teller.chance(0.985)
    clause, noun = _with_thing(teller, told) if thing else _without_thing(teller, told)
    extras = _extras(teller, told)
    style = teller.chance(0.43 if spec.style == "photo" else 0.96)
    first = style and noun and teller.chance(0.55)
    last = [_manner(teller, STYLE[spec.style], False)] if style and not first else []
    opening = f"{_manner(teller, STYLE[spec.style], True)} " if first else ""
    closing: list[str] = []
    colourless = spec.style == "ink" and spec.grade in ("pastel", "vivid")
    if spec.grade != "none" and not colourless and teller.chance(EXTRA_SHARES["grade"]):
        phrase, item = teller.extra(GRADE[spec.grade])
        closing.append(phrase if teller.chance(0.5) else item)
    for name in (spec.height, spec.lens):
        if teller.chance(0.02 if name in ("eye", "normal") else EXTRA_SHARES["view"]):
            if noun and not opening and VIEW[name].before and teller.chance(0.6):
                opening = f"{_manner(teller, VIEW[name], True)} "
            else:
                closing.append(_manner(teller, VIEW[name], False))
    room -= sum(map(_length, (opening + clause, *closing, *last)))
    text = _joined(teller, opening + clause, extras, room)
    form = teller.form(0.25, 0.35)
    if form == 0:
        return ", ".join([*last, text, *closing])
    return ", ".join([text, *last, *closing] if form == 1 else [text, *closing, *last])


def _length(text: str) -> int:
    """Return about how many tokens a part has, with the comma behind it."""
    return text.count(" ") + text.count("-") * 2 + 2


def _joined(teller: Teller, clause: str, extras: list[Extra], room: int) -> str:
    """Return the main clause with as many of the extras as there is room for."""
    kept = []
    for extra in extras:
        cost = max(map(_length, extra))
        if cost <= room:
            kept.append(extra)
            room -= cost
    if teller.unseen and kept and teller.chance(0.4):
        # An extra as a phrase at the head is the arrangement that training captions never have.
        lead, *others = kept
        return ", ".join([lead[0].removeprefix("and "), clause, *(item for _, item in others)])
    if teller.chance(0.35):
        items = [item for _, item in kept]
        turn = int(teller.chance(0.5)) if len(items) > 1 else 0
        return ", ".join([clause, *items[turn:], *items[:turn]])
    flowing = 1 + teller.chance(0.6)
    text = " ".join([clause, *(phrase for phrase, _ in kept[:flowing])])
    rest = [phrase.removeprefix("and ") if teller.chance(0.4) else item for phrase, item in kept[flowing:]]
    return ", ".join([text, *rest])


def _short(teller: Teller) -> str:
    """Return a caption of a word or few: only the thing, or the ground and the hour or the style."""
    spec = teller.spec
    told: set[str] = set()
    if spec.thing != "none" and teller.chance(0.5):
        thing = _thing(teller)
        return with_article(thing) if teller.chance(0.6) else thing
    ground = _ground(teller, told)[1]
    if teller.chance(0.5):
        return f"{ground} {_time(teller)[0]}"
    return f"{_manner(teller, STYLE[spec.style], True)} {ground}"
