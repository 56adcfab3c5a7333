"""The base of every section of a scene: typed options with a sentence under each field."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

STILL, TWO_D, THREE_D, VIDEO = "still", "2d", "3d", "video"
EVERY_MODE = (STILL, TWO_D, THREE_D, VIDEO)
FILMS = (TWO_D, THREE_D, VIDEO)
"""The values of `mode`, and those of them that make a film."""

SLOWEST = 0.01
"""Fewest frames a second of a film; a picture for longer cannot be written in every kind of film."""

FASTEST = 1000
"""Most frames a second of a film."""


class Options(BaseModel):
    """A section of a scene. Unknown keys are refused and a value never changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=False)


@dataclass(frozen=True)
class Need:
    """What else a scene must say for a setting to have an effect.

    Attributes:
        otherwise: why the setting has none, to follow "has no effect"; ``{}`` is the value of the first
            of the other settings.
        either: tests of other settings by dotted name, one of which must hold. A setting that changes over
            the frames or the diffusion is tested by the largest number that it ever is.
        such: what stands for ``{}`` where no scene is spoken of.
    """

    otherwise: str
    either: Mapping[str, Callable[[Any], bool]]
    such: str = ""

    def text(self) -> str:
        """Return why a setting has no effect, without the value that a scene gives."""
        return self.otherwise.format(self.such)


@dataclass(frozen=True)
class Declared:
    """What a section says of one of its settings beside its type, default, range and sentence.

    Attributes:
        unit: in what it is counted or measured; empty for a number without a unit, None for what is no
            number.
        modes: the modes in which it has an effect.
        eyes: whether it also has one in every mode where there are two eyes.
        needs: what must be so besides for it to have one.
        changes_frames: whether a frame depends on it; where it is a tuple, in these modes only; None: as its
            section says. What is declared nowhere counts, so that a setting which nobody thought about makes
            frames again rather than leaving wrong ones.
        engine: the family of engines that alone reads it, or several; empty where every engine does, or the
            film.
    """

    unit: str | None = None
    modes: tuple[str, ...] = EVERY_MODE
    eyes: bool = False
    needs: tuple[Need, ...] = ()
    changes_frames: bool | tuple[str, ...] | None = None
    engine: str | tuple[str, ...] = ""


def counts_in(mode: str, said: Sequence[Declared]) -> bool:
    """Return whether frames of a mode depend on a setting.

    Args:
        mode: the scene's mode.
        said: what is declared of its sections and of it, the outermost first; the innermost word counts.
    """
    word = next((one.changes_frames for one in reversed(said) if one.changes_frames is not None), True)
    return word if isinstance(word, bool) else mode in word


def setting(
    default: Any = ...,
    *,
    unit: str | None = None,
    modes: tuple[str, ...] = EVERY_MODE,
    eyes: bool = False,
    needs: Need | tuple[Need, ...] = (),
    changes_frames: bool | tuple[str, ...] | None = None,
    engine: str | tuple[str, ...] = "",
    **field: Any,
) -> Any:
    """Declare a setting or a section; see `Declared` for what can be said of it.

    Args:
        default: its value when the scene is silent; left out where there is none or ``default_factory`` is.
        unit: see `Declared`, as all that follow.
        modes: where it has an effect.
        eyes: whether two eyes are reason enough.
        needs: what else must be so.
        changes_frames: whether a frame depends on it.
        engine: which family of engines alone reads it, or which ones.
        field: bounds and the like, as pydantic's ``Field`` takes them.
    """
    every = (needs,) if isinstance(needs, Need) else needs
    info = Field(**field) if default is ... else Field(default, **field)
    info.metadata.append(Declared(unit, modes, eyes, every, changes_frames, engine))
    return info


def declared(section: type[BaseModel], above: str = "") -> Iterator[tuple[str, tuple[Declared, ...]]]:
    """Yield every setting and section below ``section``, a section before what is in it.

    Args:
        section: a class of settings.
        above: what is before the names, with a dot at its end.

    Yields:
        The dotted name, and what is declared of every section on the way to it and of it itself, the
        outermost first.
    """
    for key, field in section.model_fields.items():
        said = (declaration(field),)
        yield f"{above}{key}", said
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, Options):
            for name, below in declared(inner, f"{above}{key}."):
                yield name, said + below


def declaration(field: FieldInfo) -> Declared:
    """Return what is declared of a field; the defaults of `Declared` where nothing is."""
    return next((part for part in field.metadata if isinstance(part, Declared)), Declared())


BY_CLIP = ("guided", "latent")
"""The families that guide by CLIP: the second one only where `latent.clip_guidance` asks for it."""


def on(value: Any) -> bool:
    """Return whether a value switches something on: a number from 0.5 on, or a word other than none."""
    return value >= 0.5 if isinstance(value, bool | int | float) else value not in (None, "none")


def given(name: str, *others: str) -> Need:
    """Return the need for one of some settings to be on.

    >>> given("diffusion.init_image", "diffusion.perlin_init").text()
    'without diffusion.init_image or perlin_init'
    """
    words = " or ".join([name, *(other.rpartition(".")[2] for other in others)])
    return Need(f"without {words}", dict.fromkeys((name, *others), on))


def is_(name: str, word: str, otherwise: str) -> Need:
    """Return the need for a setting to be a word, or for a list to hold it."""
    return Need(otherwise, {name: lambda value: value == word or (isinstance(value, list) and word in value)})


def is_not(name: str, word: str, otherwise: str) -> Need:
    """Return the need for a setting to be anything but a word."""
    return Need(otherwise, {name: lambda value: value != word})


Number = int | float
Animated = Annotated[
    int | float | str | dict[int | float | str, int | float | str],
    Field(union_mode="left_to_right"),
]
"""A number, keyframes over the frames (``"0: (1), 10: (1.05)"`` or a mapping) or a schedule over the
diffusion (``"[12]*400+[4]*600"``). The text is compiled by the scene, which knows its position."""


def animated(
    default: Number | str | None,
    *,
    frames: bool = True,
    steps: bool = False,
    ge: float | None = None,
    le: float | None = None,
    **more: Any,
) -> Any:
    """Declare an option of type `Animated`.

    Args:
        default: its value when the scene is silent; a text is compiled like one from the scene. None: it has
            none, and stands for another setting where it is given.
        frames: whether it may change over the frames.
        steps: whether it may change over the diffusion.
        ge: smallest value it may take anywhere, or None.
        le: largest value it may take anywhere, or None.
        more: what else `setting` takes.
    """
    rules = {"frames": frames, "steps": steps, "ge": ge, "le": le}
    return setting(default, json_schema_extra={"animated": rules}, **more)


Switch = Annotated[
    bool | int | float | str | dict[int | float | str, bool | int | float | str],
    Field(union_mode="left_to_right"),
]
"""True or false, or a number as in `Animated`, which is true from 0.5 on: ``"[1]*500+[0]*500"``."""


def switch(default: bool, **more: Any) -> Any:
    """Declare an option of type `Switch`, which may change over the frames and over the diffusion.

    Args:
        default: its value when the scene is silent.
        more: what else `setting` takes.
    """
    rules = {"frames": True, "steps": True, "ge": 0, "le": 1, "switch": True}
    return setting(default, json_schema_extra={"animated": rules}, **more)


def share(value: int | str, steps: int) -> float:
    """Return a number of steps, or a percentage such as ``"40%"``, as a share of ``steps``, 0 to 1.

    >>> share(10, 50), share("40%", 50), share(99, 50)
    (0.2, 0.4, 1.0)
    """
    if isinstance(value, str):
        return float(value.strip().rstrip("%")) / 100
    return min(value / steps, 1.0)
