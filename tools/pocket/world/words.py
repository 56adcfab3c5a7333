"""The words that stand for the parts of a picture, and those kept back to measure with.

Everything a caption says is built from these tables and those of `places` and `manners`. What they call
``held`` is said only in captions that are ``unseen``: new arrangements of known words. A rule holds for all:
whoever looks at the picture can see that it is so. What is true only sometimes has a table of its own.
"""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """How one part of a picture is said.

    Attributes:
        say: phrases that follow a noun or end a sentence ("at dusk"); for what has a frame around it, nouns.
        tag: the same as an item of a list ("dusk").
        adjective: words that go before the noun of the ground ("misty").
        held: as ``say``, never in a training caption.
        held_tag: as ``tag``, never in a training caption.
    """

    say: tuple[str, ...] = ()
    tag: tuple[str, ...] = ()
    adjective: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    held_tag: tuple[str, ...] = ()


TIME = {
    "day": Words(
        ("by day", "in daylight", "at noon", "during the day", "in the daytime", "in broad daylight"),
        ("day", "daylight", "noon", "daytime", "midday"),
        held=("in the middle of the day", "in the light of day", "in broad day"),
        held_tag=("light of day", "broad day"),
    ),
    "dawn": Words(
        ("at dawn", "at sunrise", "in the early morning", "in the morning", "at first light", "at daybreak"),
        ("dawn", "sunrise", "early morning", "morning", "morning light"),
        held=("in the first light of the morning", "at early dawn", "in the light of dawn"),
        held_tag=("first morning light", "early dawn"),
    ),
    "sunset": Words(
        ("at sunset", "at sundown", "during sunset", "in the light of sunset", "in the golden hour"),
        ("sunset", "sundown", "golden hour", "sunset sky"),
        held=("in the sunset light", "in the hour of sunset", "during the sunset"),
        held_tag=("sunset light", "sunset hour"),
    ),
    "dusk": Words(
        (
            "at dusk",
            "in the evening",
            "at twilight",
            "in the blue hour",
            "in the evening light",
            "at nightfall",
        ),
        ("dusk", "evening", "twilight", "blue hour", "evening light"),
        held=("in the light of dusk", "during twilight", "in the evening twilight"),
        held_tag=("light of dusk", "evening twilight"),
    ),
    "night": Words(
        (
            "at night",
            "by night",
            "in the dark",
            "at midnight",
            "in the middle of the night",
            "during the night",
        ),
        ("night", "night sky", "midnight", "dark night", "night time"),
        held=("in the dark of night", "on a dark night", "in the night"),
        held_tag=("dark midnight", "dark of night"),
    ),
}

OPEN_TIME = {
    "day": ("under a blue sky", "on a sunny day", "in sunshine", "on a bright day"),
    "dawn": ("under a pink sky", "under a pink morning sky"),
    "sunset": ("under an orange sky", "under a red sky", "under a glowing sky"),
    "dusk": ("under a deep blue sky", "under an evening sky"),
    "night": ("under the stars", "under a starry sky", "on a starry night"),
}
"""More phrases for a time of day, true when the sky is clear."""

WEATHER = {
    "clear": Words(
        ("under a clear sky", "in clear weather", "under a cloudless sky"),
        ("clear sky", "clear weather", "cloudless sky"),
        held=("under a clear and cloudless sky", "below a clear sky"),
        held_tag=("clear cloudless sky",),
    ),
    "clouds": Words(
        ("under a cloudy sky", "under clouds", "with clouds in the sky", "below drifting clouds"),
        ("clouds", "cloudy sky", "cloudy", "drifting clouds", "cloudy weather"),
        held=("below a sky with clouds", "below a cloudy sky", "in cloudy weather"),
        held_tag=("sky with clouds", "clouds drifting"),
    ),
    "rain": Words(
        ("in the rain", "in rainy weather", "in heavy rain", "while it is raining", "in pouring rain"),
        ("rain", "rainy", "rainy weather", "heavy rain", "pouring rain"),
        ("rainy", "wet", "rainy"),
        held=("in heavy pouring rain", "under heavy rain", "while rain is pouring"),
        held_tag=("wet weather", "heavy rainy weather"),
    ),
    "storm": Words(
        ("in a storm", "in stormy weather", "under dark storm clouds", "in a thunderstorm", "during a storm"),
        ("storm", "stormy weather", "thunderstorm", "dark storm clouds", "stormy"),
        ("stormy", "stormy", "storm-swept"),
        held=("in a dark storm", "under stormy clouds", "during a dark thunderstorm"),
        held_tag=("dark thunderstorm", "stormy clouds"),
    ),
    "fog": Words(
        ("in fog", "in the mist", "in thick fog", "wrapped in mist", "in foggy weather", "in the fog"),
        ("fog", "mist", "foggy", "misty", "thick fog"),
        ("foggy", "misty", "hazy"),
        held=("wrapped in thick fog", "in thick mist", "in misty weather"),
        held_tag=("thick mist", "misty weather"),
    ),
    "snowfall": Words(
        ("in falling snow", "in snowfall", "while it is snowing", "in a snowstorm", "in a snow storm"),
        ("falling snow", "snowfall", "snowing", "snowflakes", "snowstorm"),
        ("snowy", "wintry"),
        held=("in heavy snowfall", "in falling snowflakes", "while snow is falling"),
        held_tag=("falling snowflakes", "heavy snowfall"),
    ),
}

ROUGH = ("stormy", "tumultuous", "rough", "stormy", "raging")
"""Adjectives for the sea in a storm."""

SEASON = {
    "summer": Words(
        ("in summer", "in the summer", "in summertime"),
        ("summer", "summertime"),
        ("summer",),
        held=("in the middle of summer", "in deep summer"),
        held_tag=("deep summer",),
    ),
    "spring": Words(
        ("in spring", "in springtime", "in blossom", "with spring blossom", "with flowers in bloom"),
        ("spring", "springtime", "spring blossom", "blossoms", "spring flowers"),
        ("spring", "blooming", "flowering"),
        held=("in spring bloom", "in the blossom of spring", "with spring in bloom"),
        held_tag=("spring bloom", "flowers of spring"),
    ),
    "autumn": Words(
        ("in autumn", "in the fall", "with autumn leaves", "in the autumn"),
        ("autumn", "fall", "autumn leaves", "fall foliage"),
        ("autumn", "autumnal"),
        held=("with fall leaves", "in the middle of autumn", "with autumnal leaves"),
        held_tag=("autumnal leaves", "autumn foliage"),
    ),
    "winter": Words(
        ("in winter", "in wintertime", "in the winter"),
        ("winter", "wintertime"),
        ("winter", "wintry"),
        held=("in the middle of winter", "in deep winter"),
        held_tag=("deep winter",),
    ),
}

SNOWED = Words(
    ("covered in snow", "in winter, with snow on the ground", "under snow", "in winter snow"),
    ("snow on the ground", "covered in snow", "winter snow"),
    ("snowy", "snow-covered", "snowy"),
    held=("under deep snow", "covered in winter snow"),
    held_tag=("deep snow on the ground",),
)
"""Winter on green land, where snow lies."""

THING = {
    "lighthouse": Words(
        ("{}lighthouse", "{}lighthouse", "{}light tower", "singular {}lighthouse", "tall {}lighthouse"),
        held=("tall {}light tower", "old {}lighthouse", "singular {}light tower"),
    ),
    "house": Words(
        ("{}house", "{}house", "{}cottage", "{}cabin", "small {}house", "little {}house"),
        held=("little {}cottage", "small {}cabin", "small {}cottage"),
    ),
    "castle": Words(
        ("{}castle", "{}castle", "{}fortress", "old {}castle", "medieval {}castle"),
        held=("old {}fortress", "medieval {}fortress"),
    ),
    "tower": Words(
        ("{}tower", "{}tower", "old {}tower", "tall {}tower", "{}stone tower"),
        held=("tall {}stone tower", "old {}stone tower"),
    ),
    "windmill": Words(
        ("{}windmill", "{}windmill", "old {}windmill", "{}mill"),
        held=("old {}mill", "tall {}windmill"),
    ),
    "bridge": Words(
        ("bridge", "bridge", "stone bridge", "old bridge", "arched bridge"),
        held=("old stone bridge", "old arched bridge"),
    ),
    "boat": Words(
        ("{}boat", "{}boat", "{}sailing boat", "{}sailboat", "{}ship", "small {}boat"),
        held=("small {}sailing boat", "{}sailing ship"),
    ),
    "balloon": Words(
        ("{}balloon", "{}hot air balloon", "{}hot air balloon", "big {}balloon"),
        held=("big {}hot air balloon", "lone {}balloon"),
    ),
    "tree": Words(
        ("tree", "lone tree", "big tree", "oak tree", "single tree"),
        held=("big oak tree", "lone oak", "single oak tree"),
    ),
    "pine": Words(
        ("pine tree", "pine", "fir tree", "tall pine", "lone pine tree"),
        held=("tall fir tree", "lone fir", "tall pine tree"),
    ),
    "palm": Words(
        ("palm tree", "palm", "palm tree", "tall palm"),
        held=("tall palm tree", "lone palm"),
    ),
    "pyramid": Words(
        ("pyramid", "pyramid", "ancient pyramid", "stone pyramid", "great pyramid"),
        held=("ancient stone pyramid", "great ancient pyramid"),
    ),
}
"""Nouns without their article; the colour, with a blank behind it, goes where the braces are."""

FOREST_TREE = Words(("big tree", "tree", "oak tree"), held=("big oak tree",))
"""A tree that has others around it."""

VERBS = {"balloon": ("floats", "drifts", "flies"), "boat": ("sails", "floats"), "bridge": ("leads",)}
"""What an object does; whatever is not here ``stands``."""

PAINT = {
    "red": ("red",),
    "white": ("white",),
    "blue": ("blue",),
    "yellow": ("yellow",),
    "black": ("black",),
    "green": ("green",),
    "grey": ("grey", "gray"),
    "orange": ("orange",),
    "purple": ("purple", "purple", "violet"),
    "pink": ("pink",),
}

COMPANY = {
    "birds": Words(
        ("with birds in the sky", "with a flock of birds", "with flying birds", "and birds in the air"),
        ("birds", "a flock of birds", "flying birds", "there are birds in the sky"),
        held=("with a flock of birds in the air", "with birds flying"),
        held_tag=("birds flying", "a flock of flying birds"),
    ),
    "boat": Words(
        ("with a small boat", "with a boat in the distance", "and a small boat", "with a small boat sailing"),
        ("a small boat", "a boat in the distance", "there is also a boat", "a distant boat"),
        held=("with a little boat", "and a little boat in the distance"),
        held_tag=("a little boat", "a boat sailing in the distance"),
    ),
    "balloon": Words(
        ("with a balloon in the sky", "and a hot air balloon in the sky", "with a balloon in the air"),
        ("a balloon in the sky", "a hot air balloon", "a distant balloon", "a balloon flying"),
        held=("with a hot air balloon flying", "and a balloon in the distance"),
        held_tag=("a distant hot air balloon", "a balloon flying in the sky"),
    ),
    "house": Words(
        (
            "with a small house",
            "and a little house nearby",
            "with a cottage nearby",
            "with a house in the distance",
        ),
        ("a small house", "a cottage nearby", "a house in the distance", "a house nearby"),
        held=("with a little cottage nearby", "and a small cottage in the distance"),
        held_tag=("a little cottage nearby", "a cottage in the distance"),
    ),
}

DISC = {
    "sun": Words(
        ("with the sun in the sky", "under the sun", "with the sun", "with the sun shining"),
        ("the sun", "sun", "the sun in the sky", "shining sun"),
        held=("with the shining sun", "under the shining sun"),
        held_tag=("the shining sun",),
    ),
    "moon": Words(
        ("under the moon", "with the moon in the sky", "in the moonlight", "by moonlight"),
        ("moon", "the moon", "moonlight", "the moon in the sky"),
        held=("by the light of the moon", "with the moon shining"),
        held_tag=("the shining moon", "light of the moon"),
    ),
    "full moon": Words(
        ("under a full moon", "under the full moon", "with the moon in the sky", "in the moonlight"),
        ("full moon", "moon", "a full moon", "moonlight"),
        held=("with a full moon in the sky", "with the full moon shining"),
        held_tag=("a full moon in the sky", "the shining moon"),
    ),
}
