"""Forty prompts that measure whether pictures are what was asked for.

They are told as unseen captions are: no training caption reads like them, but each of their words is known.
"""

from __future__ import annotations


def _prompt(text: str, **said: str) -> tuple[str, dict[str, str]]:
    return text, said


PROMPTS: tuple[tuple[str, dict[str, str]], ...] = (
    _prompt(
        "on a steep rocky cliff over the waves of the sea stands a red lighthouse, sunset light, photograph",
        time="sunset", ground="sea", thing="lighthouse", paint="red", perch="cliff", style="photo",
    ),
    _prompt(
        "landscape photograph, a small green cottage in open meadows in the light of day",
        time="day", ground="meadow", thing="house", paint="green", style="photo",
    ),
    _prompt(
        "in the first light of the morning, photograph of a lone fir in a landscape of snow",
        time="dawn", ground="snow", thing="pine", style="photo",
    ),
    _prompt(
        "there is a medieval black fortress high on a hill in the desert in the sunset light, photo",
        time="sunset", ground="desert", thing="castle", paint="black", perch="hill", style="photo",
    ),
    _prompt(
        "on a dark night, in a dense forest stands a tall orange stone tower, landscape photograph",
        time="night", ground="forest", thing="tower", paint="orange", style="photo",
    ),
    _prompt(
        "a painting in oil of a yellow sailing ship on the waters of a stormy sea in the dark of night",
        time="night", ground="sea", weather="storm", thing="boat", paint="yellow", style="oil",
    ),
    _prompt(
        "an impressionist oil painting of a broad lake in misty weather at early dawn",
        time="dawn", ground="lake", weather="fog", style="oil",
    ),
    _prompt(
        "in the evening twilight, above open autumn fields stands an old white mill, oil paint on canvas",
        time="dusk", ground="field", season="autumn", thing="windmill", paint="white", style="oil",
    ),
    _prompt(
        "a beautiful oil painting of a big red hot air balloon over the grassy meadows in broad day",
        time="day", ground="meadow", thing="balloon", paint="red", style="oil",
    ),
    _prompt(
        "impressionist oil painting, there is an ancient stone pyramid among desert dunes during the sunset",
        time="sunset", ground="desert", thing="pyramid", style="oil",
    ),
    _prompt(
        "a soft watercolour of a little blue cottage on the sandy shore in the light of dawn",
        time="dawn", ground="coast", thing="house", paint="blue", style="watercolour",
    ),
    _prompt(
        "in the night, on a little island in a lake stands an old purple fortress, soft watercolor painting",
        time="night", ground="lake", thing="castle", paint="purple", perch="island", style="watercolour",
    ),
    _prompt(
        "a painting in watercolour of a dense autumn forest in heavy pouring rain in the middle of the day",
        time="day", ground="forest", weather="rain", season="autumn", style="watercolour",
    ),
    _prompt(
        "in the light of dusk, a soft watercolor of an old pink lighthouse on the white snowy plain",
        time="dusk", ground="snow", thing="lighthouse", paint="pink", style="watercolour",
    ),
    _prompt(
        "high on a hill in open spring meadows stands a single oak tree, sunset hour, watercolour paint",
        time="sunset", ground="meadow", season="spring", thing="tree", perch="hill", style="watercolour",
    ),
    _prompt(
        "an ink sketch of an old stone bridge over the waters of a lake in thick mist in broad day",
        time="day", ground="lake", weather="fog", thing="bridge", style="ink",
    ),
    _prompt(
        "black and white sketch, on the waves of the sea floats a small black sailing boat, on a dark night",
        time="night", ground="sea", thing="boat", paint="black", style="ink",
    ),
    _prompt(
        "a monochrome ink drawing of a tall palm tree in a desert of dunes in the light of day",
        time="day", ground="desert", thing="palm", style="ink",
    ),
    _prompt(
        "in a dark storm, on top of a cliff by the sandy coast stands a white castle, pen drawing on paper",
        ground="coast", weather="storm", thing="castle", paint="white", perch="cliff", style="ink",
    ),
    _prompt(
        "at early dawn, there is a tall fir tree in open fields in deep winter, monochrome ink sketch",
        time="dawn", ground="field", season="winter", thing="pine", style="ink",
    ),
    _prompt(
        "an 8-bit game picture of an old green stone tower among trees in the woods during twilight",
        time="dusk", ground="forest", thing="tower", paint="green", style="pixel",
    ),
    _prompt(
        "retro pixel art of a small orange sailing boat on a broad lake in the hour of sunset",
        time="sunset", ground="lake", thing="boat", paint="orange", style="pixel",
    ),
    _prompt(
        "in the night, on a small rocky island in the open ocean stands a yellow lighthouse, 8-bit game art",
        time="night", ground="sea", thing="lighthouse", paint="yellow", perch="island", style="pixel",
    ),
    _prompt(
        "a pixelated picture of a tall red windmill in the grass of a meadow in the middle of the day",
        time="day", ground="meadow", thing="windmill", paint="red", style="pixel",
    ),
    _prompt(
        "above desert dunes drifts a big purple hot air balloon, first morning light, retro 8-bit art",
        time="dawn", ground="desert", thing="balloon", paint="purple", style="pixel",
    ),
    _prompt(
        "polygon art of a small pink cabin in a deep snowfield in the dark of night",
        time="night", ground="snow", thing="house", paint="pink", style="lowpoly",
    ),
    _prompt(
        "low poly 3d art of a tall palm tree on the beach by the sea in the light of day",
        time="day", ground="coast", thing="palm", style="lowpoly",
    ),
    _prompt(
        "at early dawn, there is a medieval grey fortress in the fields of a farm, polygon render",
        time="dawn", ground="field", thing="castle", paint="grey", style="lowpoly",
    ),
    _prompt(
        "in the middle of autumn, in a dense forest stands a big oak tree, broad day, 3d polygon art",
        time="day", ground="forest", season="autumn", thing="tree", style="lowpoly",
    ),
    _prompt(
        "a 3d polygon render of a blue sailing ship on the waters of the sea, sunset light",
        time="sunset", ground="sea", thing="boat", paint="blue", style="lowpoly",
    ),
    _prompt(
        "a linocut print of an old arched bridge over a winding stream in a snowfield during the sunset",
        time="sunset", ground="snow", way="river", thing="bridge", style="woodcut",
    ),
    _prompt(
        "in the evening twilight, there is a black tower high on a hill in a deep snowfield, linocut style",
        time="dusk", ground="snow", thing="tower", paint="black", perch="hill", style="woodcut",
    ),
    _prompt(
        "over the open fields floats a big yellow hot air balloon in the middle of the day, linocut print",
        time="day", ground="field", thing="balloon", paint="yellow", style="woodcut",
    ),
    _prompt(
        "a woodblock picture of a little red cottage on a small rocky island in a broad lake at early dawn",
        time="dawn", ground="lake", thing="house", paint="red", perch="island", style="woodcut",
    ),
    _prompt(
        "in the night, on the sandy coast stands a tall white light tower, print in woodcut style",
        time="night", ground="coast", thing="lighthouse", paint="white", style="woodcut",
    ),
    _prompt(
        "in misty weather, in a desert of dunes stands a great ancient pyramid in the light of dusk",
        time="dusk", ground="desert", weather="fog", thing="pyramid",
    ),
    _prompt(
        "during twilight, a path leads to a small blue cabin in the trees of a forest, heavy snowfall",
        time="dusk", ground="forest", weather="snowfall", way="road", thing="house", paint="blue",
    ),
    _prompt(
        "in the fields of a farm stands an old green mill in the light of day, white snowy peaks far behind",
        time="day", ground="field", ridge="peaks", thing="windmill", paint="green",
    ),
    _prompt(
        "in spring bloom, a river flows past a little orange cottage in open meadows, early dawn",
        time="dawn", ground="meadow", season="spring", way="river", thing="house", paint="orange",
    ),
    _prompt(
        "off the sandy coast floats a purple sailing ship during the sunset under stormy clouds",
        time="sunset", ground="coast", weather="storm", thing="boat", paint="purple",
    ),
)  # fmt: skip
"""Each prompt, and what it says as in `attributes`."""
