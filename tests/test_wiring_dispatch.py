"""Which driver makes what is left of a run, what it is given, and from which state on; nothing is painted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from animator.errors import RunError
from animator.film.guard import KEPT
from animator.film.loop import Finished, Listener
from animator.film.shot import Turbo
from animator.film.state import LoopState
from animator.film.stylise import Trust
from animator.run import dispatch
from animator.run import footage as footage_module
from animator.run.dispatch import broken_before, frames_left
from animator.run.footage import open_footage
from animator.run.job import Job
from animator.run.plan import Gap, ResumePlan
from animator.runs import Entry
from tests.wiring import bare_job, changed

LISTENER = Listener()
CUDA = torch.device("cuda")
"""Where nothing runs; a job may name it."""


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return bare_job(tmp_path, "mode=2d", "frames=8")


def of_mode(job: Job, mode: str, **shot: Any) -> Job:
    loaded = replace(job.loaded, scene=job.loaded.scene.model_copy(update={"mode": mode}))
    return replace(job, loaded=loaded, shot=replace(job.shot, mode=mode, **shot))  # type: ignore[arg-type]


def real(job: Job) -> Job:
    scene = job.loaded.scene.model_copy(update={"models": "real"})
    return replace(job, loaded=replace(job.loaded, scene=scene))


def plan(*gaps: Gap, entries: dict[int, Entry] | None = None) -> ResumePlan:
    missing = {number for gap in gaps for number in range(gap.first, gap.last + 1)}
    return ResumePlan(range(8), entries or {}, frozenset(range(8)) - missing, gaps)


def frame(number: int) -> Finished:
    return Finished(number, torch.zeros(3, 8, 8), 1, None)  # type: ignore[arg-type]


class Drivers:
    """In place of the drivers: each makes frames from its state on to the end, and is noted."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, tuple, dict]] = []
        self.made: list[int] = []
        for name, place in {"film": 4, "turbo_film": 4, "stylise": 7}.items():
            monkeypatch.setattr(dispatch, name, self._driver(name, place))
        monkeypatch.setattr(dispatch, "stills", self._driver("stills", None))
        monkeypatch.setattr(dispatch, "guarded", self._guarded)
        self.judged: list[dict[str, Any]] = []

    def _driver(self, name: str, place: int | None):
        def make(*given: Any, **more: Any) -> Iterator[Finished]:
            self.asked.append((name, given, more))
            first = 0 if place is None else given[place].frame + 1
            for number in range(first, 8):
                self.made.append(number)
                yield frame(number)

        return make

    def _guarded(self, make: Any, engine: object, options: object, listener: object, **more: Any) -> Any:
        self.judged.append({"engine": engine, "options": options, "listener": listener, **more})
        return make("guarded engine", "guarded listener")


@pytest.fixture
def drivers(monkeypatch: pytest.MonkeyPatch) -> Drivers:
    return Drivers(monkeypatch)


# Which driver


@pytest.mark.parametrize(
    ("mode", "turbo", "driver"),
    [
        ("2d", 1, "film"),
        ("3d", 1, "film"),
        ("3d", 2, "turbo_film"),
        ("video", 1, "stylise"),
        ("still", 1, "stills"),
    ],
)
def test_each_mode_has_its_driver(job, drivers, monkeypatch, mode, turbo, driver) -> None:
    monkeypatch.setattr(dispatch, "open_footage", lambda job: Open())
    left = frames_left(of_mode(job, mode, turbo=Turbo(steps=turbo)), plan(Gap(0, 7)), LISTENER)
    assert [one.frame for one in left] == list(range(8))
    assert [name for name, *_ in drivers.asked] == [driver]


class Open:
    """Footage that is open only inside the block."""

    opened = 0

    def __enter__(self) -> SimpleNamespace:
        Open.opened += 1
        return SimpleNamespace(frame="frame", flows="flows", cuts=frozenset({3}), trust="trust")

    def __exit__(self, *error: object) -> None:
        Open.opened -= 1


def test_a_film_is_given_its_timeline_its_shot_and_its_networks(job, drivers) -> None:
    tools = replace(job.tools, engine="engine", depth="depth", flow="flow")
    film = replace(job, tools=tools)
    list(frames_left(film, plan(Gap(0, 7)), LISTENER))
    turbo = of_mode(film, "2d", turbo=Turbo(steps=3))
    list(frames_left(turbo, plan(Gap(0, 7)), LISTENER))
    start = LoopState()
    assert drivers.asked == [
        ("film", (job.loaded.timeline, job.shot, "engine", "depth", start), {"listener": LISTENER}),
        (
            "turbo_film",
            (job.loaded.timeline, turbo.shot, "engine", "depth", start),
            {"flow": "flow", "listener": LISTENER},
        ),
    ]


def test_a_stylised_film_is_given_all_of_its_footage_and_closes_it(job, drivers, monkeypatch) -> None:
    monkeypatch.setattr(dispatch, "open_footage", lambda job: Open())
    video = replace(of_mode(job, "video"), tools=replace(job.tools, engine="engine"))
    left = frames_left(video, plan(Gap(0, 7)), LISTENER)
    next(left)
    assert Open.opened == 1
    list(left)
    assert Open.opened == 0
    footage = ("frame", "flows", frozenset({3}), "trust")
    given = (job.loaded.timeline, video.shot, "engine", *footage, LoopState())
    assert drivers.asked == [("stylise", given, {"listener": LISTENER})]


# Stills


def draft(job: Job, number: int, inputs: str | None = None) -> Entry:
    job.run.save_draft(number, {"index": torch.tensor(number)})
    inputs = job.inputs[number] if inputs is None else inputs
    return Entry(number, inputs, 1, 1.0, stopped=0.5)


def test_stills_are_painted_to_their_stop_those_that_are_left_alone(job, drivers) -> None:
    still = replace(of_mode(job, "still"), stop_at=0.7, tools=replace(job.tools, engine="engine"))
    list(frames_left(still, plan(Gap(1, 2), Gap(5, 5)), LISTENER))
    ((_, given, more),) = drivers.asked
    assert given == (job.loaded.timeline, still.shot, "engine", [1, 2, 5], {})
    assert (more["batch"], more["stop_at"], more["listener"]) == (1, 0.7, LISTENER)
    same, other = ({"index": torch.tensor(number)} for number in (4, 5))
    assert more["same_stop"](same, same)
    assert not more["same_stop"](same, other)


@pytest.mark.parametrize(("device", "batch"), [("cpu", 1), ("cuda", 3)])
def test_several_at_once_on_a_gpu_alone(job, drivers, device: str, batch: int) -> None:
    still = of_mode(job, "still")
    still = replace(still, loaded=replace(still.loaded, scene=changed(still.loaded.scene, "batch", 3)))
    still = replace(still, tools=replace(job.tools, device=torch.device(device)))
    list(frames_left(still, plan(Gap(0, 1)), LISTENER))
    assert drivers.asked[0][2]["batch"] == batch


def test_drafts_go_on_where_they_stopped_unless_the_scene_is_another(job, drivers) -> None:
    still = of_mode(job, "still")
    entries = {
        0: draft(still, 0),
        1: draft(still, 1, "another scene"),
        2: draft(still, 2),
        4: draft(still, 4),
    }
    still.run.draft_file(2).unlink()
    draft(still, 3)  # killed before its line in the journal
    list(frames_left(still, plan(Gap(0, 3), entries=entries), LISTENER))
    drafts = drivers.asked[0][1][4]
    assert {number: int(one["index"]) for number, one in drafts.items()} == {0: 0}


# From which state


def states(job: Job, monkeypatch: pytest.MonkeyPatch, damaged: tuple[int, ...] = ()) -> list[int]:
    """Have every state there but the damaged; return after how many frames those that were read come."""
    read: list[int] = []

    def load(run: object, done: int, device: torch.device) -> LoopState:
        assert (run, device) == (job.run, job.tools.device)
        read.append(done)
        if done - 1 in damaged:
            raise RunError(f"state {done - 1}; it is damaged")
        return LoopState(done - 1)

    monkeypatch.setattr(dispatch, "load_state", load)
    return read


def test_a_film_is_made_from_the_nearest_state_to_the_end_of_its_gap(job, drivers, monkeypatch) -> None:
    read = states(job, monkeypatch)
    left = frames_left(job, plan(Gap(3, 4, (1, 0))), LISTENER)
    assert [one.frame for one in left] == [2, 3, 4]
    assert read == [2]
    assert drivers.made == [2, 3, 4]
    assert [given[4].frame for _, given, _ in drivers.asked] == [1]


def test_a_film_without_a_state_is_made_from_its_beginning(job, drivers, monkeypatch) -> None:
    assert states(job, monkeypatch) == []
    assert [one.frame for one in frames_left(job, plan(Gap(2, 3)), LISTENER)] == [0, 1, 2, 3]


def test_a_damaged_state_gives_way_to_an_earlier_one(job, drivers, monkeypatch, caplog) -> None:
    read = states(job, monkeypatch, damaged=(3,))
    left = frames_left(job, plan(Gap(4, 4, (3, 1))), LISTENER)
    assert [one.frame for one in left] == [2, 3, 4]
    assert read == [4, 2]
    assert caplog.messages == ["state 3; continuing from an earlier state"]


def test_the_next_gap_goes_on_with_what_runs_where_no_state_is_nearer(job, drivers, monkeypatch) -> None:
    read = states(job, monkeypatch)
    gaps = (Gap(1, 2, (0,)), Gap(4, 4, (2, 0)), Gap(7, 7, (5, 2, 0)))
    assert [one.frame for one in frames_left(job, plan(*gaps), LISTENER)] == [1, 2, 3, 4, 6, 7]
    # The state of frame 2 is where the film is already; that of frame 5 is nearer.
    assert read == [1, 6]
    assert [given[4].frame for _, given, _ in drivers.asked] == [0, 5]
    assert drivers.made == [1, 2, 3, 4, 6, 7]


# Judging


def test_what_a_network_painted_is_judged_as_the_scene_says(job, drivers) -> None:
    bad = Entry(1, "", 1, 1.0, notes=(f"flat; {KEPT}",))
    judged = replace(real(job), tools=replace(job.tools, engine="engine", device=CUDA))
    list(frames_left(judged, plan(Gap(2, 7), entries={0: Entry(0, "", 1, 1.0), 1: bad}), LISTENER))
    (given,) = drivers.judged
    assert (given["engine"], given["options"], given["listener"]) == (
        "engine",
        judged.loaded.scene.guard,
        LISTENER,
    )
    assert (given["device"], given["broken"], given["family"].name) == (CUDA, 0, "guided")
    assert drivers.asked[0][1][2] == "guarded engine"
    assert drivers.asked[0][2] == {"listener": "guarded listener"}


def test_bad_frames_before_a_state_are_counted_on(job, drivers, monkeypatch) -> None:
    states(job, monkeypatch)
    bad = {number: Entry(number, "", 1, 1.0, notes=(f"flat; {KEPT}",)) for number in (1, 2)}
    list(frames_left(real(job), plan(Gap(3, 7, (2,)), entries={0: Entry(0, "", 1, 1.0), **bad}), LISTENER))
    assert [one["broken"] for one in drivers.judged] == [2]


def test_fake_frames_are_not_judged_and_stills_are_from_the_first_on(job, drivers) -> None:
    list(frames_left(job, plan(Gap(0, 7)), LISTENER))
    list(frames_left(of_mode(job, "still"), plan(Gap(0, 7)), LISTENER))
    assert drivers.judged == []
    list(frames_left(real(of_mode(job, "still")), plan(Gap(0, 7)), LISTENER))
    assert [one["broken"] for one in drivers.judged] == [0]


def line(number: int, note: str = "", stage: str = "denoise") -> Entry:
    return Entry(number, "", 1, 1.0, notes=(note,) if note else (), stages={stage: 1.0} if stage else {})


BAD = f"flat; {KEPT}"


@pytest.mark.parametrize(
    ("entries", "count"),
    [
        ([], 0),
        ([line(4)], 0),
        ([line(4, BAD)], 1),
        ([line(2), line(3, BAD), line(4, BAD)], 2),
        ([line(2, BAD), line(3), line(4, BAD)], 1),
        ([line(2, BAD), line(3, stage="warp"), line(4, stage="warp")], 1),  # moved in turbo
        ([line(2, BAD), line(3, stage=""), line(4, BAD)], 1),  # an old journal that knows no stages
        ([line(2, BAD), line(4, BAD)], 1),  # nobody knows frame 3
        ([line(3, BAD), line(4, "flat; painted again")], 0),
        ([line(4, BAD), line(5, BAD)], 1),
        ([line(number, BAD) for number in range(5)], 5),
    ],
)
def test_a_row_of_bad_frames_is_counted_back_from_a_frame(entries: list[Entry], count: int) -> None:
    assert broken_before({one.frame: one for one in entries}, 5) == count


# Footage


class Reader:
    """Reads frames of footage of which some are whole."""

    def __init__(self, *given: object, ground: tuple[int, int, int]) -> None:
        Reader.given, Reader.ground, self.decodable = given, ground, 6

    def frame(self, number: int) -> torch.Tensor:
        return torch.full((3, 8, 8), number / 10)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *error: object) -> None:
        pass


CLIP = SimpleNamespace(path=Path("clip.mp4"), start=0.5, fps=12, frames=8)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch):
    """Open footage of a scene with some settings changed; return it, and what its cuts were asked of."""
    asked: list[tuple] = []
    monkeypatch.setattr(footage_module, "open_footage_of", lambda scene: CLIP)
    monkeypatch.setattr(footage_module, "FootageReader", Reader)
    monkeypatch.setattr(footage_module, "cuts_of", lambda *given: asked.append(given) or frozenset({4}))

    def of(job: Job, **settings: object):
        scene = job.loaded.scene.model_copy(update={"mode": "video"})
        for name, value in settings.items():
            scene = changed(scene, f"video.{name}", value)
        asked.clear()
        with open_footage(replace(job, loaded=replace(job.loaded, scene=scene))) as found:
            return found, list(asked)

    return of


def test_cuts_are_looked_for_where_the_scene_says_and_by_its_threshold(job, opened) -> None:
    found, asked = opened(job, cuts=True, cut_threshold=0.77)
    assert (found.cuts, asked) == (frozenset({4}), [(CLIP, 0.77)])
    assert [opened(job, cuts=False)[0].cuts, opened(job, cuts=False)[1]] == [frozenset(), []]


def test_footage_is_trusted_and_fitted_as_the_scene_says(job, opened) -> None:
    settings = {"check_consistency": False, "consistency_dilation": 7, "consistency_blur": 3.5}
    found, _ = opened(job, fit="contain", **settings)
    assert found.trust == Trust(False, 7, 3.5)
    assert Reader.given == (CLIP, 64, 64, "contain")
    assert found.flows is None
    assert float(found.frame(2)[0, 0, 0]) == pytest.approx(0.2)


def test_frames_of_footage_are_kept_where_the_scene_says(job, opened) -> None:
    for extract in (False, True):
        found, _ = opened(job, extract=extract)
        assert float(found.frame(3)[0, 0, 0]) == pytest.approx(0.3)
        assert job.run.frame_file(3, "footage").is_file() == extract
    assert np.unique(job.run.read_frame(3, "footage")).tolist() == [76]


def test_a_flow_is_kept_under_all_that_decides_it(job, opened, monkeypatch) -> None:
    class Cache:
        def __init__(self, *given: object) -> None:
            keys.append(given)
            self.both_ways = "both ways"

    keys: list[tuple] = []
    monkeypatch.setattr(footage_module, "FlowCache", Cache)
    flowing = replace(job, tools=replace(job.tools, flow="flow"), sources=replace(job.sources, footage="abc"))
    assert opened(flowing, flow="dis", fit="cover")[0].flows == "both ways"
    opened(flowing, flow="raft-small", fit="cover")
    opened(flowing, flow="dis", fit="contain")
    opened(replace(flowing, sources=replace(job.sources, footage="abd")), flow="dis", fit="cover")
    assert {given[:2] for given in keys} == {(job.run.path / "flow", "flow")}
    assert len({given[2] for given in keys}) == 4


def test_footage_that_breaks_off_is_reported(job, opened, caplog) -> None:
    opened(job)
    assert caplog.messages == ["clip.mp4 ends early: its last 2 frames repeat the last complete one"]
