"""The prompts of a scene compiled, each fault at its own text, and what no network will read of them."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field, replace
from typing import Any

from animator.engines.registry import family_of
from animator.errors import ExpressionError, Problem, UsageError
from animator.keyframes import Clock, PromptTrack
from animator.keyframes.prompts import joint_sets, parse_entry
from animator.scene.cut_notices import split_quotes
from animator.scene.fit import Fit
from animator.scene.looped import loop_span
from animator.scene.nodes import Node, Place, dotted, plain
from animator.scene.prompt_notices import foreign_syntax, odd_weight, without_syntax
from animator.scene.words import short
from animator.settings.prompts import Position
from animator.settings.scene import Scene
from animator.system.picture_files import picture_file_fault
from animator.types import Prompt
from animator.weights.clip_names import canonical_name

Compiled = tuple[PromptTrack | None, list[Problem]]
ALONE = (
    "a weight that changes has no effect without another prompt, for weights are divided by their sum; "
    "guidance.clip_guidance_scale takes such a schedule"
)
TRACKS = {"prompts": False, "image_prompts": True}
"""The settings that hold prompts, and whether these are pictures."""


def compile_prompts(scene: Scene, fit: Fit, clock: Clock, sure: bool) -> Compiled:
    """Compile the prompts of a scene, texts and pictures.

    Args:
        scene: the scene, in which defaults replace what is faulty.
        fit: the scene's tree held against the schema; faults are added to it.
        clock: length and pace of the film.
        sure: whether the clock is the scene's own; if not, positions are not held against the length.

    Returns:
        The prompts over the frames, or None where they have a fault, and notices.
    """
    before = len(fit.problems)
    tracks = [name for name in TRACKS if name in fit.nodes]
    if "image_prompts" in tracks and fit.nodes["image_prompts"].value in ({}, []):
        tracks.remove("image_prompts")
    reader = _Reader(scene, fit, clock, sure, may_be_empty="image_prompts" in tracks)
    for name in tracks:
        reader.read(name)
    faulty = len(fit.problems) > before or not fit.faulty.isdisjoint(TRACKS)
    faulty = faulty or any(one.key in TRACKS for one in fit.problems)  # given twice, for one
    track = None
    # Of two tracks it is not known what is in force where, if one has a fault.
    if "prompts" in tracks and not (faulty and (len(tracks) > 1 or not reader.sound["prompts"])):
        track = reader.compiled()
    return None if faulty else track, [*reader.notices, *reader.unlearnt()]


@dataclass
class _Reader:
    """Goes through the prompts of a scene.

    Attributes:
        may_be_empty: whether a set may be without texts, because there are pictures.
        notices: what is worth telling about the texts.
        sound: of each track the sets without a fault, plain, by position.
        keys: of each frame with a key, the dotted name of the set there and its place.
        late: start, dotted name and place of the sets that begin after the end.
        unknown: words that no network has learnt, by place and dotted name of the text that has them first.
        said: what was reported of another tool's syntax: the first of each kind will do.
        split: dotted names of prompts of which it was reported that their list has split them.
    """

    scene: Scene
    fit: Fit
    clock: Clock
    sure: bool
    may_be_empty: bool
    notices: list[Problem] = field(default_factory=list)
    sound: dict[str, dict[Position, Any]] = field(default_factory=dict)
    keys: dict[int, tuple[str, Place]] = field(default_factory=dict)
    late: list[tuple[int, str, Place]] = field(default_factory=list)
    unknown: dict[tuple[Place, str], list[str]] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)
    split: set[str] = field(default_factory=set)

    def read(self, track: str) -> None:
        """Look at each prompt of a track by itself."""
        node = self.fit.nodes[track]
        sound = self.sound[track] = {}
        sets: dict[Position, Node] = node.value if isinstance(node.value, dict) else {0: node}
        starts: set[int] = set()
        for position, words in sets.items():
            before = len(self.fit.problems)
            name = track if words is node else dotted(track, position)
            if name in self.fit.faulty or any(one.key == name for one in self.fit.problems):
                continue  # a prompt without quotes, which its schema has reported
            start = self._start(position, words, name)
            if start in starts:
                message = f"there are two sets of prompts at frame {start}; leave one of them out"
                if self.sure:
                    self.fit.add(words.key.problem(name, message))
            elif start is not None:
                starts.add(start)
                if self.sure and start > self.clock.max_f:
                    self.late.append((start, name, words.key))
                self.keys.setdefault(start, (name, words.place))
                if self._read_set(words, name, track) and len(self.fit.problems) == before:
                    sound[position] = plain(words)

    def compiled(self) -> PromptTrack | None:
        """Return the track of the sound sets, or None where they do not fit together, which is noted."""
        blend = self.scene.prompt_blend
        try:
            sets = joint_sets(self.sound["prompts"], self.sound.get("image_prompts", {}), self.clock)
        except ExpressionError as error:
            self.fit.add(self.fit.nodes["prompts"].place.problem("prompts", error.message))
            return None
        self._notice_late(min(one.start for one in sets))
        models = () if "guidance.clip_models" in self.fit.faulty else self.scene.guidance.clip_models
        divided, negative = [], self.scene.guidance.compat == "disco-5"
        for one in sets:
            try:
                divided.append(one.divided(models, negative))
                if len(one.prompts) == 1 and one.prompts[0].course:
                    name, place = self.keys[one.start]
                    self.notices.append(place.problem(name, ALONE))
            except ExpressionError as error:
                name, place = self.keys[one.start]
                self.fit.add(place.problem(name, error.message))
        if len(divided) != len(sets):
            return None
        track, span = PromptTrack(tuple(divided), blend), loop_span(self.scene)
        return track.looped(self.scene.frames, span) if span else track

    def _notice_late(self, first: int) -> None:
        """Notice sets that begin after the end; the first of all holds from frame 0 on, wherever it is."""
        for start, name, place in self.late:
            late = f"frame {start} lies after the last frame, {self.clock.max_f}"
            held = f"{late}; as the first of the prompts it holds from frame 0 on"
            self.notices.append(place.problem(name, held if start == first else f"never shown: {late}"))

    def _start(self, position: Position, words: Node, name: str) -> int | None:
        """Return the frame of a key, or None where it is no position, which is noted."""
        try:
            start = self.clock.key(position)
        except ExpressionError as error:
            hint = "; a prompt with its parts named is written in a list: [{text: a sea, weight: 2}]"
            parts = hint if position in ("text", "image", "weight", "clip_models", "region") else ""
            if not parts and isinstance(position, str) and " " in position.strip():
                parts = "; a prompt with a colon is put in quotes"
            self.fit.add(words.key.problem(name, error.message + parts))
            return None
        return start

    def _read_set(self, words: Node, name: str, track: str) -> bool:
        """Note the faults of one set; return whether all of its prompts are of a known form."""
        if not isinstance(words.value, list):
            return isinstance(words.value, str) and self._read_entry(words, name, track)
        if not words.value and track == "prompts" and not self.may_be_empty:
            self.fit.add(words.place.problem(name, 'has no prompt; write a list: ["text", "text:2"]'))
        for at, message in split_quotes(words.value).items():
            self.split.add(dotted(name, at))
            self.notices.append(words.value[at].place.problem(dotted(name, at), message))
        entries = enumerate(words.value)
        known = [self._read_entry(entry, dotted(name, i), track) for i, entry in entries]
        return all(known)

    def _read_entry(self, entry: Node, name: str, track: str) -> bool:
        image = TRACKS[track]
        try:
            prompt = parse_entry(plain(entry), image)
        except ExpressionError as error:
            if isinstance(entry.value, str) or track not in self.fit.faulty:
                place = entry.place if image else entry.at(error.offset)
                self.fit.add(place.problem(name, error.message))
            return False
        written = entry
        if isinstance(entry.value, dict):
            part = "image" if image else "text"
            written, text_name = entry.value[part], dotted(name, part)
            if "clip_models" in entry.value:
                self._check_models(entry.value["clip_models"], dotted(name, "clip_models"))
            if prompt.region and prompt.region not in self.scene.regions and "regions" not in self.fit.faulty:
                known = ", ".join(self.scene.regions) or "none in this scene"
                message = f"'{short(prompt.region)}' is no region; there are {known}"
                self.fit.add(entry.value["region"].place.problem(dotted(name, "region"), message))
        else:
            text_name = name
        if not image:
            self._check_length(prompt, written, text_name)
            self._notice_text(prompt, written, text_name, weighed=written is entry)
        elif fault := picture_file_fault(prompt.text):
            self.fit.add(written.place.problem(text_name, fault))
        return True

    def _check_length(self, prompt: Prompt, written: Node, name: str) -> None:
        """Report a text that the networks do not read to its end."""
        found = family_of(self.scene.diffusion.model).unread(self.scene, prompt)
        if found is None:
            return
        end, reason = found
        start = written.value.find(prompt.text)
        unread = f"{reason}; not read: '{short(prompt.text[end:])}'"
        place = written.at(start + end)
        if self.scene.guidance.long_prompts == "refuse":
            self.fit.add(place.problem(name, f"{unread}; shorten it, or set guidance.long_prompts: warn"))
        else:
            self.notices.append(place.problem(name, unread))

    def _notice_text(self, prompt: Prompt, written: Node, name: str, weighed: bool) -> None:
        """Report what another tool would read in a text, a doubtful weight, and words that pull nowhere."""
        start = written.value.find(prompt.text)
        read = family_of(self.scene.diffusion.model).unstressed(prompt.text)
        for offset, found, message in foreign_syntax(read):
            if message not in self.said:
                self.said.add(message)
                self.notices.append(written.at(start + offset).problem(name, f"'{found}' {message}"))
        if weighed and name not in self.split and (message := odd_weight(written.value, prompt)):
            self.notices.append(written.at(len(written.value.rstrip()) - 1).problem(name, message))
        plain_text = replace(prompt, text=without_syntax(read))
        every = family_of(self.scene.diffusion.model).unknown_words(self.scene, plain_text)
        before = {word for words in self.unknown.values() for word in words}
        if new := [word for word in every if word not in before]:
            # Texts that were drawn in one place are told of together.
            told = next((key for key in self.unknown if key[0] == written.place and written.place.line), None)
            self.unknown.setdefault(told or (written.place, name), []).extend(new)

    def unlearnt(self) -> list[Problem]:
        """Return notices of the words that pull nowhere, one for each place."""
        if self.scene.models != "real":
            return []
        found = []
        for (place, name), new in self.unknown.items():
            words = ", ".join(new[:12]) + (f" and {len(new) - 12} more" if len(new) > 12 else "")
            message = f"words that no network of this scene has learnt pull nowhere: {words}"
            found.append(place.problem(name, message))
        return found

    def _check_models(self, listed: Node, name: str) -> None:
        """Note names that are not among those of ``guidance.clip_models``."""
        known = {_canonical(model): str(model) for model in self.scene.guidance.clip_models}
        if "guidance.clip_models" in self.fit.faulty:
            return
        for i, model in enumerate(listed.value):
            wanted = _canonical(model.value)
            if wanted in known:
                continue
            names = [*known, *known.values()]
            close = difflib.get_close_matches(wanted, names, 1, 0.6)
            hint = f"did you mean '{known.get(close[0], close[0])}'? " if close else ""
            message = f"'{short(model.value)}' is not among guidance.clip_models; {hint}there are "
            self.fit.add(model.place.problem(dotted(name, i), message + ", ".join(known.values())))


def _canonical(name: str) -> str:
    try:
        return canonical_name(name)
    except UsageError:  # the check of the networks reports it, where they are named
        return name
