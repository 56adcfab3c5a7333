"""A picture of the world with next to nothing in it, for tests to put one thing after the other into."""

from __future__ import annotations

from tools.pocket.world.spec import Spec

EMPTY = Spec(
    time="day",
    ground="meadow",
    weather="clear",
    season="summer",
    ridge="none",
    way="none",
    thing="none",
    paint="",
    perch="ground",
    company="none",
    disc=False,
    style="photo",
    grade="none",
    lens="normal",
    height="eye",
    seed=0,
)
