"""What is made of finished frames, as data: which films there are, and what decides each."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from animator.film.stylise import Trust
from animator.run import frame_source, outputs
from animator.run.eyes import films_for_two_eyes, still_pairs
from animator.run.film_files import film_files
from animator.run.frame_source import FrameSource, frames_of
from animator.run.outputs import stages_of
from animator.run.sound import Sound, sound_under
from animator.run.stages import Stage, fingerprints
from animator.runs import Entry, RunFolder
from tests.wiring import bare_job, changed, scene

EYES = ("vr.enabled=true", "vr.layouts=[left_right, side_by_side, vr180]")
FOOTAGE = {"mode": "video", "video.init": "clip.mp4"}
SOUND = Sound(Path("tone.wav"), 0.25, 2.0, 3.0, "hash of the sound")


def no_check() -> None:
    """Let every frame be read."""


def entries(count: int, word: str = "") -> dict[int, Entry]:
    """Return lines of finished frames, of which each eye's picture has a hash of its own."""
    return {
        number: Entry(
            number,
            "",
            1,
            1.0,
            f"frame {number}{word}",
            more={one: f"{one} {number}{word}" for one in ("left", "right")},
        )
        for number in range(count)
    }


def source(folder: Path, *overrides: str, word: str = "", **changes: Any) -> FrameSource:
    job = bare_job(folder, *overrides, **changes)
    return frames_of(job, entries(job.loaded.scene.count, word), no_check)


def stages(folder: Path, *overrides: str, monkeypatch, word: str = "", **changes: Any) -> dict[str, Stage]:
    """Return the stages of a scene by name; its frames are finished."""
    job = bare_job(folder, *overrides, **changes)
    monkeypatch.setattr(RunFolder, "journal", lambda run: entries(job.loaded.scene.count, word))
    return {stage.name: stage for stage in stages_of(job, no_check)}


# Where films are


def names(folder: Path, *overrides: str, enabled: bool | None = None) -> dict[str, Any]:
    found = scene(folder, *overrides).scene
    if enabled is not None:
        found = changed(found, "vr.enabled", enabled)
    files = film_files(RunFolder(folder), found, "sea")
    return {
        "film": files.film.name,
        "main": files.main.name,
        "every": files.every and files.every.name,
        "smooth": files.smooth and files.smooth.name,
        "eyes": {key: path.name for key, path in files.eyes.items()},
        "packed": {key: path.name for key, path in files.packed.items()},
        "growing": [path.name for path in files.growing],
    }


def test_a_scene_has_one_film_named_after_it(tmp_path: Path) -> None:
    one = {"film": "sea.mp4", "main": "sea.mp4", "every": None, "smooth": None, "eyes": {}, "packed": {}}
    assert names(tmp_path) == {**one, "growing": ["sea.mp4"]}
    # Without eyes their layouts make nothing.
    assert names(tmp_path, "vr.layouts=[left_right, vr180]", enabled=False) == {**one, "growing": ["sea.mp4"]}


def test_each_further_film_has_a_name_of_its_own(tmp_path: Path) -> None:
    words = ("output.codec=prores", "output.film_every=3", "output.interpolate_to=60", "output.film=my film")
    found = names(tmp_path, *words)
    assert found == {
        "film": "my-film.mp4",
        "main": "my-film.mov",
        "every": "my-film-every3.mp4",
        "smooth": "my-film-60fps.mp4",
        "eyes": {},
        "packed": {},
        "growing": ["my-film.mp4", "my-film-every3.mp4"],
    }
    assert names(tmp_path, "output.codec=hevc")["main"] == "sea.mp4"
    assert names(tmp_path, "output.interpolate_to=23.976")["smooth"] == "sea-23.976fps.mp4"


def test_films_of_the_eyes_are_those_of_the_layouts_each_once(tmp_path: Path) -> None:
    layouts = "vr.layouts=[vr180, left_right, side_by_side, vr180, top_bottom, anaglyph]"
    found = names(tmp_path, "vr.enabled=true", layouts)
    assert found["eyes"] == {"left": "sea-left.mp4", "right": "sea-right.mp4"}
    assert found["packed"] == {
        "vr180": "sea_180_LR.mp4",
        "side_by_side": "sea-side-by-side.mp4",
        "top_bottom": "sea-top-bottom.mp4",
        "anaglyph": "sea-anaglyph.mp4",
    }
    assert list(found["packed"]) == ["vr180", "side_by_side", "top_bottom", "anaglyph"]
    assert names(tmp_path, "vr.enabled=true", "vr.layouts=[vr180]")["eyes"] == {}
    twice = changed(scene(tmp_path, "vr.enabled=true").scene, "vr.layouts", ("anaglyph", "vr180", "anaglyph"))
    assert list(film_files(RunFolder(tmp_path), twice, "sea").packed) == ["anaglyph", "vr180"]


# Which stages there are


def test_a_plain_film_is_one_stage(tmp_path: Path, monkeypatch) -> None:
    assert list(stages(tmp_path, monkeypatch=monkeypatch)) == ["film scene.mp4"]


def test_all_that_a_scene_asks_for_is_a_stage_in_order(tmp_path: Path, monkeypatch) -> None:
    words = (*EYES, "output.gif=true", "output.webp=true", "output.film_every=2", "output.codec=prores")
    words = (*words, "output.interpolate_to=24", "output.interpolate_by=ffmpeg")
    monkeypatch.setattr(outputs, "sound_of", lambda job: SOUND)
    found = stages(tmp_path, *words, monkeypatch=monkeypatch)
    assert [(one.name, one.file, one.inputs) for one in found.values()] == [
        ("film scene.mp4", "scene.mp4", ()),
        ("film scene-24fps.mp4", "scene-24fps.mp4", ("film scene.mp4",)),
        ("film scene.mov", "scene.mov", ()),
        ("film scene-every2.mp4", "scene-every2.mp4", ()),
        ("film scene.gif", "scene.gif", ()),
        ("film scene.webp", "scene.webp", ()),
        ("film scene-left.mp4", "scene-left.mp4", ()),
        ("film scene-right.mp4", "scene-right.mp4", ()),
        ("sound of scene.mp4", "scene.mp4", ("film scene.mp4",)),
        ("sound of scene-24fps.mp4", "scene-24fps.mp4", ("film scene-24fps.mp4",)),
        ("sound of scene.mov", "scene.mov", ("film scene.mov",)),
        ("sound of scene-left.mp4", "scene-left.mp4", ("film scene-left.mp4",)),
        ("sound of scene-right.mp4", "scene-right.mp4", ("film scene-right.mp4",)),
        ("film scene-side-by-side.mp4", "scene-side-by-side.mp4", ()),
        ("film scene_180_LR.mp4", "scene_180_LR.mp4", ()),
    ]
    monkeypatch.setattr(outputs, "sound_of", lambda job: None)
    silent = stages(tmp_path, *words, monkeypatch=monkeypatch)
    assert list(silent) == [name for name in found if not name.startswith("sound")]
    packed = "film scene-side-by-side.mp4"
    assert fingerprints([found[packed]]) != fingerprints([silent[packed]])


def test_hevc_takes_the_place_of_the_film_that_grew(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(outputs, "sound_of", lambda job: SOUND)
    found = stages(tmp_path, "output.codec=hevc", monkeypatch=monkeypatch)
    assert [(one.name, one.file, one.inputs) for one in found.values()] == [
        ("film scene.mp4", "scene.mp4", ()),
        ("hevc scene.mp4", "scene.mp4", ("film scene.mp4",)),
        ("sound of scene.mp4", "scene.mp4", ("hevc scene.mp4",)),
    ]


def test_stills_are_made_into_pairs_alone(tmp_path: Path, monkeypatch) -> None:
    words = ("mode=still", "images=2", "vr.enabled=true", "vr.layouts=[vr180, left_right, anaglyph]")
    found = stages(tmp_path, *words, "output.gif=true", monkeypatch=monkeypatch)
    files = [f"vr180/00000{number}_180_LR.png" for number in (0, 1)]
    files += [f"anaglyph/00000{number}.png" for number in (0, 1)]
    assert {one.name: one.file for one in found.values()} == {f"pair {file}": file for file in files}


# What decides a stage


LIGHT = ("mode=2d", "frames=2")
TWO_EYES = (*LIGHT, "warp.projection=pinhole", "vr.enabled=true", "vr.layouts=[left_right, anaglyph, vr180]")
SMOOTH = (*LIGHT, "output.interpolate_to=24")
MANY = (*TWO_EYES, "output.interpolate_to=24", "output.film_every=2", "output.gif=true", "output.codec=hevc")

GROWN = {"film scene.mp4", "hevc scene.mp4"}
QUICK = {"film scene-every2.mp4"}
SMOOTHED = {"film scene-24fps.mp4"}
GIF = {"film scene.gif"}
LEFT, RIGHT = {"film scene-left.mp4"}, {"film scene-right.mp4"}
ANAGLYPH, HEADSET = {"film scene-anaglyph.mp4"}, {"film scene_180_LR.mp4"}
PACKED = ANAGLYPH | HEADSET
ALL = GROWN | QUICK | SMOOTHED | GIF | LEFT | RIGHT | PACKED

DECIDES: dict[str, set[str]] = {
    "output.crf=30": ALL - GIF,
    "output.preset=slow": ALL - GIF,
    "fps=30": ALL,
    "vr.vr180_size=512": HEADSET,
    "vr.vr180_fov=77": HEADSET,
    "vr.vr180_edge=mirror": HEADSET,
    "vr.vr180_codec=hevc": HEADSET,
    "camera.fov=77": HEADSET,
    "output.keep_states=0": set(),
    "output.ten_bits=true": set(),
}
"""Stages that are made again where a setting changes and the frames stay as they were."""


@pytest.mark.parametrize("setting", DECIDES)
def test_a_setting_decides_the_films_that_show_it(tmp_path: Path, monkeypatch, setting: str) -> None:
    one = stages(tmp_path, *MANY, monkeypatch=monkeypatch)
    other = stages(tmp_path, *MANY, setting, monkeypatch=monkeypatch)
    assert set(one) == set(other) == ALL
    assert _differ(one, other) == DECIDES[setting]


def _differ(one: dict[str, Stage], other: dict[str, Stage]) -> set[str]:
    before, after = fingerprints(one.values()), fingerprints(other.values())
    return {name for name in before if before[name] != after[name]}


def test_frames_decide_every_film_and_each_eye_its_own(tmp_path: Path, monkeypatch) -> None:
    job = bare_job(tmp_path, *MANY)
    plain = entries(2)

    def of(lines: dict[int, Entry]) -> dict[str, Stage]:
        monkeypatch.setattr(RunFolder, "journal", lambda run: lines)
        return {stage.name: stage for stage in stages_of(job, no_check)}

    frames = {**plain, 1: replace(plain[1], file="another")}
    assert _differ(of(plain), of(frames)) == GROWN | QUICK | SMOOTHED | GIF
    for eye, shown in (("left", LEFT), ("right", RIGHT)):
        other = {**plain, 0: replace(plain[0], more={**plain[0].more, eye: "another"})}
        assert _differ(of(plain), of(other)) == shown | PACKED
    swapped = {0: replace(plain[1], frame=0), 1: replace(plain[0], frame=1)}
    assert _differ(of(plain), of(swapped)) == ALL


def test_the_pictures_of_both_eyes_decide_a_pair(tmp_path: Path) -> None:
    job = bare_job(tmp_path, "mode=still", "images=2", "vr.enabled=true", "vr.layouts=[anaglyph]")
    plain = entries(2)
    for eye in ("left", "right"):
        other = {**plain, 1: replace(plain[1], more={**plain[1].more, eye: "another"})}
        before, after = ({one.name: one for one in still_pairs(job, lines)} for lines in (plain, other))
        assert _differ(before, after) == {"pair anaglyph/000001.png"}


@pytest.mark.slow
def test_how_a_film_is_smoothed_decides_it(tmp_path: Path, monkeypatch) -> None:
    one = stages(tmp_path, *SMOOTH, monkeypatch=monkeypatch)
    ffmpeg = stages(tmp_path, *SMOOTH, "output.interpolate_by=ffmpeg", monkeypatch=monkeypatch)
    assert _differ(one, ffmpeg) == SMOOTHED
    assert one["film scene-24fps.mp4"].inputs == ()
    tools = bare_job(tmp_path, *SMOOTH).tools
    raft = stages(tmp_path, *SMOOTH, monkeypatch=monkeypatch, tools=replace(tools, flow_name="raft-small"))
    assert _differ(one, raft) == SMOOTHED
    dis = stages(tmp_path, *SMOOTH, monkeypatch=monkeypatch, tools=replace(tools, flow_name="dis"))
    assert _differ(one, dis) == set()
    # The same name of a file, to the six digits that are in it.
    near = stages(tmp_path, *SMOOTH, monkeypatch=monkeypatch, smooth_fps=Fraction(24_000_001, 1_000_000))
    assert _differ(one, near) == SMOOTHED
    # ffmpeg smooths the film that is there, and knows nothing of a flow.
    words = (*SMOOTH, "output.interpolate_by=ffmpeg")
    by_film = stages(tmp_path, *words, monkeypatch=monkeypatch, word=" other")
    assert _differ(ffmpeg, by_film) == {"film scene.mp4", *SMOOTHED}


def test_the_codec_and_the_share_of_frames_decide_their_films(tmp_path: Path, monkeypatch) -> None:
    noted = []
    monkeypatch.setattr(outputs, "write_codec", lambda path, frames, fps, codec, **more: noted.append(codec))
    of = source(tmp_path, *LIGHT, "output.codec=prores", "output.film_every=3")
    (film,), (quick,) = outputs._main_film(of), outputs._every_nth(of)
    film.make()
    assert (film.settings["codec"], noted) == ("prores", ["prores"])
    assert (quick.settings["every"], quick.settings["frames"]) == (3, of.frames)


def test_what_smooths_a_film_is_part_of_its_settings(tmp_path: Path) -> None:
    job = bare_job(tmp_path, *SMOOTH)
    for by in ("flow", "ffmpeg"):
        of = replace(job.loaded, scene=changed(job.loaded.scene, "output.interpolate_by", by))
        (stage,) = outputs._smooth_film(frames_of(replace(job, loaded=of), entries(2), no_check))
        assert (stage.settings["by"], stage.settings["target"]) == (by, "24")
        assert stage.inputs == (("film scene.mp4",) if by == "ffmpeg" else ())


def test_a_film_of_both_eyes_names_its_layout(tmp_path: Path) -> None:
    _, packed = films_for_two_eyes(
        source(tmp_path, *LIGHT, "vr.enabled=true", "vr.layouts=[side_by_side, anaglyph]"), None
    )
    assert [stage.settings["layout"] for stage in packed] == ["side_by_side", "anaglyph"]


@pytest.mark.parametrize(
    "change", [{"start": 0.5}, {"rate_change": 1.0}, {"seconds": 4.0}, {"digest": "another"}]
)
def test_where_sound_begins_how_fast_it_is_and_what_it_is_decide_it(tmp_path: Path, change) -> None:
    of = source(tmp_path, *TWO_EYES)
    film = outputs._films(of)[0]
    one, other = (sound_under(of.job, film, sound) for sound in (SOUND, replace(SOUND, **change)))
    assert fingerprints([film, one]) != fingerprints([film, other])
    both = [films_for_two_eyes(of, sound)[1] for sound in (SOUND, replace(SOUND, **change))]
    for before, after in zip(*both, strict=True):
        assert fingerprints([before]) != fingerprints([after])
    assert sound_under(of.job, film, replace(SOUND, path=Path("b.wav"))).settings == one.settings


# Footage


BLENDED = {**FOOTAGE, "video.finish": "linear"}


def test_how_footage_is_blended_decides_the_film(tmp_path: Path) -> None:
    job = bare_job(tmp_path, *LIGHT, settings=BLENDED)

    def settings(name: str = "mode", value: object = "video", **changes: Any) -> dict:
        of = replace(job.loaded, scene=changed(job.loaded.scene, name, value))
        return dict(frames_of(replace(job, loaded=of, **changes), entries(2), no_check).settings)

    plain = settings()
    for name, value in (("finish", "flow"), ("finish_blend", 0.9), ("cut_threshold", 0.9), ("cuts", False)):
        assert settings(f"video.{name}", value) != plain, name
    for name, value in (("init", "another.mp4"), ("sound", False), ("extract", True)):
        assert settings(f"video.{name}", value) == plain, name
    assert settings("size", (128, 128)) != plain
    assert settings(sources=replace(job.sources, footage="another")) != plain
    assert settings(tools=replace(job.tools, flow_name="raft-small")) != plain
    assert "blended" not in settings("video.finish", "none")
    assert "blended" not in settings("mode", "2d")


@pytest.mark.slow
def test_frames_are_shown_as_they_are_unless_they_are_blended(tmp_path: Path) -> None:
    assert bare_job(tmp_path, *LIGHT).shows_frames
    assert bare_job(tmp_path, *LIGHT, settings={"video.finish": "linear"}).shows_frames
    assert bare_job(tmp_path, *LIGHT, settings={**FOOTAGE, "video.finish": "none"}).shows_frames
    assert not bare_job(tmp_path, *LIGHT, settings=BLENDED).shows_frames


class OpenFootage:
    """Footage that is open: a cut, and a flow that names its frames."""

    def __init__(self, flows: bool = True) -> None:
        self.cuts, self.trust, self.asked = frozenset({3}), Trust(), list[tuple]()
        self.flows = self._flows if flows else None

    def frame(self, number: int) -> str:
        return f"footage {number}"

    def _flows(self, number: int, before: str, here: str) -> tuple[str, str]:
        self.asked.append((number, before, here))
        return "forward", "backward"

    def __enter__(self) -> OpenFootage:
        return self

    def __exit__(self, *error: object) -> None:
        pass


@pytest.mark.parametrize(
    ("finish", "flows", "how"),
    [("linear", True, "linear"), ("flow", True, "flow"), ("flow", False, "linear")],
)
def test_a_film_is_blended_as_the_scene_says(tmp_path: Path, monkeypatch, finish, flows, how) -> None:
    given, opened = [], OpenFootage(flows)
    monkeypatch.setattr(frame_source, "open_footage", lambda job: opened)
    monkeypatch.setattr(frame_source, "finished_film", lambda *words: given.append(words) or iter("ab"))
    monkeypatch.setattr(frame_source, "followed", lambda *words: words)
    monkeypatch.setattr(frame_source, "read_frames", lambda *words, **more: iter("xyz"))
    of = source(tmp_path, *LIGHT, settings={**BLENDED, "video.finish": finish, "video.finish_blend": 0.8})
    assert list(of.shown()) == ["a", "b"]
    ((frames, named, blend, back, cuts),) = given
    assert (list(frames), named, blend, cuts) == (["x", "y", "z"], how, 0.8, frozenset({3}))
    if flows:
        assert back(5) == ("backward", ("forward", "backward", opened.trust))
        assert opened.asked == [(5, "footage 4", "footage 5")]


def test_frames_are_read_from_their_folder_and_checked_one_by_one(tmp_path: Path, monkeypatch) -> None:
    given, checked = [], []
    job = bare_job(tmp_path, *LIGHT)
    lines = entries(2)
    of = frames_of(job, lines, lambda: checked.append(1))
    monkeypatch.setattr(
        frame_source, "read_frames", lambda *words, **more: given.append((words, more)) or iter("xy")
    )
    assert list(of.saved()) == list(of.shown()) == list(of.saved("left")) == ["x", "y"]
    assert len(checked) == 6
    frames = ((job.run, lines, job.numbers, "frames"), {"deep": True})
    assert given == [frames, frames, ((job.run, lines, job.numbers, "left"), {"deep": False})]
