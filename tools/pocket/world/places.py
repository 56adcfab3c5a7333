"""The words for where things stand: ground, what rises behind it, ways, and what an object stands on."""

from __future__ import annotations

from tools.pocket.world.words import Words

GROUND = {
    "sea": Words(
        ("on|the sea", "on|the ocean", "on|the open sea", "on|the waves", "on|the water", "on|the waters"),
        adjective=("on|{a} sea", "on|{a} ocean", "on|the {b} sea", "on|{b} waves"),
        held=("on|the waters of the sea", "on|the waves of the sea", "on|the open ocean"),
        held_tag=("on|the waters of {a} sea", "on|the waves of {a} sea", "on|the open {b} ocean"),
    ),
    "coast": Words(
        ("on|a beach", "on|the beach", "on|a sandy beach", "on|the coast", "on|the seashore", "by|the shore"),
        adjective=("on|{a} beach", "on|{a} coast", "on|the {b} shore"),
        held=("on|the sandy shore", "on|the sandy coast", "on|the beach by the sea"),
        held_tag=("on|{a} sandy shore", "on|{a} beach by the sea"),
    ),
    "lake": Words(
        ("on|a lake", "on|the lake", "on|lake water", "on|the water of a lake"),
        adjective=("on|{a} lake", "on|the {b} lake"),
        held=("on|a broad lake", "on|the waters of a lake", "on|the open water of a lake"),
        held_tag=("on|a broad {b} lake", "on|the waters of {a} lake"),
    ),
    "meadow": Words(
        (
            "in|a meadow",
            "in|the grass",
            "on|a grassy plain",
            "in|a grassy meadow",
            "in|meadows",
            "on|grassland",
        ),
        adjective=("in|{a} meadow", "in|the {b} meadow", "on|{a} grassy plain", "in|{b} meadows"),
        held=("in|open meadows", "in|the grassy meadows", "in|the grass of a meadow"),
        held_tag=("in|open {b} meadows", "in|the grass of {a} meadow"),
    ),
    "field": Words(
        ("in|a field", "in|the fields", "in|farmland", "in|the field", "in|farm fields"),
        adjective=("in|{a} field", "in|{b} fields", "in|the {b} fields"),
        held=("in|open fields", "in|an open field", "in|the fields of a farm"),
        held_tag=("in|open {b} fields", "in|the open {b} field"),
    ),
    "forest": Words(
        (
            "in|a forest",
            "in|the woods",
            "in|the forest",
            "among|the trees",
            "in|dense woods",
            "among|many trees",
        ),
        adjective=("in|{a} forest", "in|the {b} woods", "in|the {b} forest", "in|{b} woods"),
        held=("in|the trees of a forest", "in|a dense forest", "among|trees in the woods"),
        held_tag=("in|the trees of {a} forest", "in|a dense {b} forest"),
    ),
    "desert": Words(
        (
            "in|a desert",
            "in|the desert",
            "among|sand dunes",
            "in|a sandy desert",
            "on|the sand",
            "among|dunes",
        ),
        adjective=("in|{a} desert", "in|the {b} desert", "among|{b} dunes", "among|{b} sand dunes"),
        held=("among|desert dunes", "in|the sand of the desert", "in|a desert of dunes"),
        held_tag=("among|{b} desert dunes", "in|the sand of {a} desert"),
    ),
    "snow": Words(
        (
            "in|the snow",
            "on|a snowy plain",
            "in|a snowy landscape",
            "in|deep snow",
            "on|snow",
            "in|a snowfield",
        ),
        adjective=("on|{a} snowy plain", "in|the {b} snow", "in|{a} snowy landscape"),
        held=("in|a deep snowfield", "in|a landscape of snow", "on|the white snowy plain"),
        held_tag=("in|{a} landscape of snow", "on|the {b} white plain"),
    ),
}
"""A preposition for what stands there, a bar, the noun; ``{b}`` is an adjective, ``{a}`` one with article.

Here ``adjective`` and ``held_tag`` are the nouns that have room for an adjective, seen and held.
"""

CALM_GROUND = {
    "sea": ("on|a calm sea", "on|calm water", "on|the quiet sea"),
    "lake": ("on|a calm lake", "on|still water", "on|a quiet lake"),
}
"""More for water when no storm or rain is over it."""

FRESH_GROUND = {
    "meadow": ("in|a green meadow", "in|green grass", "on|a green grassy plain"),
    "field": ("in|golden fields", "in|a wheat field", "in|yellow fields", "in|a golden wheat field"),
    "forest": ("in|a green forest", "in|the green woods"),
}
"""More for land in the light of a summer's day, in styles that have colours."""

RIDGE = {
    "hills": Words(
        ("hills", "distant hills", "rolling hills", "low hills", "gentle hills"),
        held=("low rolling hills", "gentle distant hills"),
    ),
    "mountains": Words(
        ("mountains", "rocky mountains", "tall mountains", "high mountains", "a mountain range"),
        held=("tall rocky mountains", "a range of mountains"),
    ),
    "peaks": Words(
        ("snowy mountains", "snow-capped peaks", "snowy peaks", "white mountains", "snow-capped mountains"),
        held=("white snowy peaks", "white peaks", "mountain peaks with snow"),
    ),
}

RIDGE_FRAMES = Words(
    ("with {} behind", "with {} in the background", "in front of {}", "before {}", "and {} far away"),
    ("{}", "{} behind", "{} in the background", "{} far away", "{} on the horizon"),
    held=("with {} on the far horizon", "with {} far behind", "with {} at the horizon"),
    held_tag=("{} at the horizon", "{} far behind"),
)

WAY = {
    "road": Words(
        ("a road", "a winding road", "a path", "a dirt road", "a country road"),
        held=("a winding path", "a winding country road"),
    ),
    "river": Words(
        ("a river", "a winding river", "a stream", "a broad river"),
        held=("a winding stream", "a broad winding river"),
    ),
}

WAY_FRAMES = {
    "road": Words(
        ("with {}", "with {} leading into the distance", "and {}", "with {} running through"),
        ("{}", "{} into the distance", "{} leading away"),
        held=("with {} running into the distance", "with {} leading far away"),
        held_tag=("{} running far into the distance",),
    ),
    "river": Words(
        ("with {}", "with {} flowing through", "and {}", "with {} running through"),
        ("{}", "{} into the distance", "{} flowing away"),
        held=("with {} flowing far away", "with {} flowing into the distance"),
        held_tag=("{} flowing into the distance",),
    ),
}

WAY_VERBS = {
    "road": ("leads to", "runs to", "winds towards"),
    "river": ("flows past", "winds past", "runs past"),
}
"""What the way does with the main object, "past" where it need not end there."""

WAY_THROUGH = {
    "road": ("through", "leads through", "runs through", "winds through"),
    "river": ("through", "flows through", "runs through", "winds through"),
}

PERCH = {
    "hill": Words(
        ("on a hill", "on a hill", "on a hilltop", "on top of a hill"),
        held=("high on a hill", "on the top of a hill"),
    ),
    "cliff": Words(
        ("on a cliff", "on a cliff", "on a rocky cliff", "on a steep cliff"),
        held=("on top of a cliff", "on a steep rocky cliff", "high on a cliff"),
    ),
    "island": Words(
        ("on an island", "on an island", "on a small island", "on a rocky island"),
        held=("on a small rocky island", "on a little island"),
    ),
}

PERCH_JOINS = {
    "hill": ("in", "above", "over"),
    "cliff": ("above", "by", "over"),
    "island": ("in", "in the middle of"),
}
"""How what the object stands on is joined to the ground around it."""
