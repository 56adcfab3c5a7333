"""What stands in one picture of the world: drawn from a seed, told in a caption."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TIMES = {"day": 0.36, "dawn": 0.14, "sunset": 0.22, "dusk": 0.10, "night": 0.18}
GROUNDS = {
    "sea": 0.20,
    "coast": 0.09,
    "lake": 0.10,
    "meadow": 0.16,
    "field": 0.09,
    "forest": 0.13,
    "desert": 0.11,
    "snow": 0.12,
}
WEATHERS = {"clear": 0.42, "clouds": 0.30, "rain": 0.05, "storm": 0.09, "fog": 0.08, "snowfall": 0.06}
SEASONS = {"summer": 0.55, "spring": 0.12, "autumn": 0.20, "winter": 0.13}
RIDGES = {"none": 0.36, "hills": 0.22, "mountains": 0.22, "peaks": 0.20}
WAYS = {"none": 0.62, "road": 0.18, "river": 0.20}
STYLES = {
    "photo": 0.34,
    "oil": 0.14,
    "watercolour": 0.13,
    "ink": 0.09,
    "pixel": 0.08,
    "lowpoly": 0.12,
    "woodcut": 0.10,
}
GRADES = {"none": 0.62, "warm": 0.09, "cold": 0.08, "pastel": 0.08, "vivid": 0.07, "gloomy": 0.06}
LENSES = {"normal": 0.62, "wide": 0.20, "tele": 0.18}
HEIGHTS = {"eye": 0.68, "low": 0.14, "aerial": 0.18}
PAINTS = ("red", "white", "blue", "yellow", "black", "green", "grey", "orange", "purple", "pink")
THINGS = {
    "none": 0.12,
    "lighthouse": 0.13,
    "house": 0.11,
    "castle": 0.12,
    "tower": 0.05,
    "windmill": 0.05,
    "bridge": 0.05,
    "boat": 0.11,
    "balloon": 0.07,
    "tree": 0.08,
    "pine": 0.04,
    "palm": 0.04,
    "pyramid": 0.04,
}
COMPANIES = {"none": 0.70, "birds": 0.09, "boat": 0.08, "balloon": 0.06, "house": 0.07}

WATER = ("sea", "lake", "coast")
"""Grounds that are, or border on, open water."""

GREEN = ("meadow", "field", "forest", "lake")
"""Grounds on which a season shows."""

PAINTED = ("lighthouse", "house", "castle", "boat", "tower", "balloon", "windmill")
"""Objects whose colour is chosen and told in the caption."""

STANDING = ("lighthouse", "house", "castle", "tower", "windmill", "tree", "pine", "palm")
"""Objects that may stand on a hill, a cliff or an island."""


@dataclass(frozen=True)
class Spec:
    """The parts of one picture; each is a key of the table of the same name above.

    Attributes:
        time: day, dawn, sunset, dusk (the blue hour) or night.
        ground: sea, coast (a beach with the sea behind it), lake, meadow, field, forest, desert or snow.
        weather: clear, clouds, rain, storm, fog or snowfall.
        season: summer, spring (blossom), autumn or winter (snow on the green); summer where none can show.
        ridge: what rises at the horizon: none, hills, mountains or peaks (with snow).
        way: none, a road or a river that leads from the viewer into the distance; on land only.
        thing: the main object, or none.
        paint: colour of the object where it is a painted one, else an empty string.
        perch: what the object stands on: ground, hill, cliff (above water) or island (in water).
        company: a smaller thing: none, birds, boat (on water), balloon (in the air) or house (on land).
        disc: whether the sun or moon is in the picture.
        style: photo, oil, watercolour, ink, pixel, lowpoly or woodcut.
        grade: a mood of the colours: none, warm, cold, pastel, vivid or gloomy.
        lens: normal, wide or tele.
        height: of the camera: eye, low or aerial.
        seed: decides everything else: places, shapes, textures.
    """

    time: str
    ground: str
    weather: str
    season: str
    ridge: str
    way: str
    thing: str
    paint: str
    perch: str
    company: str
    disc: bool
    style: str
    grade: str
    lens: str
    height: str
    seed: int

    @property
    def full_moon(self) -> bool:
        """Whether a moon in the sky is full; else it is a crescent."""
        return self.seed % 20 >= 9


def _choose(rng: np.random.Generator, shares: dict[str, float]) -> str:
    edges = np.cumsum(list(shares.values()))
    return list(shares)[int(np.searchsorted(edges, rng.random() * edges[-1], side="right"))]


def _thing(rng: np.random.Generator, ground: str) -> str:
    """Choose a main object that could be where the ground is."""
    shares = dict(THINGS)
    if ground in ("sea", "lake"):
        for name in ("house", "tree", "pine", "palm", "tower", "windmill", "castle"):
            shares[name] *= 0.35
        shares["pyramid"] = 0.0
    else:
        shares["boat"] *= 0.4 if ground == "coast" else 0.0
        shares["pyramid"] *= 3.0 if ground == "desert" else 0.2
        shares["lighthouse"] *= 1.0 if ground == "coast" else 0.4
    shares["bridge"] *= 0.0 if ground in ("coast", "desert", "field", "forest") else 1.5
    shares["palm"] *= 3.0 if ground in ("desert", "coast") else 0.1
    shares["pine"] *= 0.0 if ground in ("desert", "forest") else 1.0
    return _choose(rng, shares)


def _perch(rng: np.random.Generator, thing: str, ground: str) -> str:
    """Choose what the object stands on; on open water only a lighthouse stands without land under it."""
    if thing not in STANDING:
        return "ground"
    if ground in ("sea", "lake"):
        alone = 0.3 if thing == "lighthouse" else 0.0
        return _choose(rng, {"cliff": 0.42 if ground == "sea" else 0.1, "island": 0.5, "ground": alone})
    if ground == "coast":
        return _choose(rng, {"ground": 0.55, "cliff": 0.45})
    return _choose(rng, {"ground": 0.72, "hill": 0.28})


def _company(rng: np.random.Generator, thing: str, ground: str) -> str:
    """Choose a second thing that is not the first and could be there."""
    shares = dict(COMPANIES)
    if ground not in WATER or thing == "boat":
        shares["boat"] = 0.0
    if ground in ("sea", "coast") or thing in ("house", "castle", "windmill"):
        shares["house"] = 0.0
    if thing == "balloon":
        shares["balloon"] = 0.0
    return _choose(rng, shares)


def draw_spec(seed: int) -> Spec:
    """Return the parts of picture number ``seed``; things stand only where they could."""
    rng = np.random.default_rng((seed, 1))
    ground = _choose(rng, GROUNDS)
    thing = _thing(rng, ground)
    weather = _choose(rng, WEATHERS)
    if weather == "snowfall" and ground in ("desert", "coast"):
        weather = "clear"
    season = _choose(rng, SEASONS) if ground in GREEN else "summer"
    if ground == "snow" or weather == "snowfall":
        season = "winter"
    way = _choose(rng, WAYS) if ground in ("meadow", "field", "forest", "snow", "desert") else "none"
    if thing == "bridge" and ground in ("meadow", "snow"):
        way = "river"
    if way == "river" and ground == "desert":
        way = "road"
    return Spec(
        time=_choose(rng, TIMES),
        ground=ground,
        weather=weather,
        season=season,
        ridge=_choose(rng, RIDGES),
        way=way,
        thing=thing,
        paint=str(rng.choice(PAINTS)) if thing in PAINTED else "",
        perch=_perch(rng, thing, ground),
        company=_company(rng, thing, ground),
        disc=bool(weather in ("clear", "clouds") and rng.random() < 0.6),
        style=_choose(rng, STYLES),
        grade=_choose(rng, GRADES),
        lens=_choose(rng, LENSES),
        height=_choose(rng, HEIGHTS),
        seed=seed,
    )
