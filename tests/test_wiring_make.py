"""What a render does in which order, its parts replaced: locks, compares, makes what is left, reports."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import animator.run.render as rendering
from animator.errors import Interrupted
from animator.run.cancel import Cancel, Cancelled
from animator.run.job import Job
from animator.run.plan import Gap, ResumePlan
from animator.run.reporter import Reporter
from animator.runs.folder import FILM
from tests.wiring import bare_job, changed

GAPS = (Gap(1, 1),)


class Noting(Reporter):
    """Notes what is reported."""

    def __init__(self) -> None:
        self.noted: list[tuple] = []

    def stage(self, frame: int, name: str) -> None:
        self.noted.append((frame, name))

    def end(self) -> None:
        self.noted.append(("end",))


class Steps:
    """In place of the parts of a render; notes in which order they are called."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.called: list[str] = []
        self.wanted: list[bool] = []
        self.given: dict[str, tuple] = {}
        self.gaps = GAPS
        self.fault: BaseException | None = None

        def plan_of(run, numbers, inputs, stop_at, *, still):
            assert (run.path / "run.lock").is_file()
            self._note("plan", numbers, inputs, stop_at, still)
            return ResumePlan(numbers, {}, frozenset(), self.gaps)

        def growing(job: Job, *, wanted: bool) -> SimpleNamespace:
            self.wanted.append(wanted)
            return SimpleNamespace(stages=["film that grew"])

        def make_frames(*given: Any) -> None:
            self._note("frames", *given)
            if self.fault is not None:
                raise self.fault

        def make_stages(run, stages, begin, made) -> None:
            self._note("stages", stages, made)
            begin("film a.mp4")

        monkeypatch.setattr(rendering, "plan_of", plan_of)
        monkeypatch.setattr(rendering, "write_head", lambda job: self._note("head"))
        monkeypatch.setattr(rendering, "GrowingFilms", growing)
        monkeypatch.setattr(rendering, "make_frames", make_frames)
        monkeypatch.setattr(rendering, "stages_of", lambda job, check, told: ["all stages", check])
        monkeypatch.setattr(rendering, "make_stages", make_stages)
        monkeypatch.setattr(rendering, "write_report", lambda run: self._note("report"))

    def _note(self, name: str, *given: object) -> None:
        self.called.append(name)
        self.given[name] = given


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(monkeypatch)


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return bare_job(tmp_path, "mode=2d", "frames=3", "output.codec=prores", stop_at=0.4)


def test_a_film_is_made_step_by_step(job: Job, steps: Steps) -> None:
    reporter, cancel = Noting(), Cancel()
    assert rendering._make(job, reporter, cancel) == job.files.main != job.files.film
    assert steps.called == ["plan", "head", "frames", "stages", "report"]
    assert steps.given["plan"] == (job.numbers, job.inputs, 0.4, False)
    assert steps.given["frames"][0] is job
    assert steps.given["frames"][3:] == (reporter, cancel)
    assert steps.given["stages"] == (["all stages", cancel.check], ["film that grew"])
    assert reporter.noted == [(2, "film a.mp4"), (2, "report"), ("end",)]
    assert job.run.read_info()[FILM] == "scene.mp4"


@pytest.mark.parametrize(("gaps", "wanted"), [(GAPS, True), ((), False)])
def test_films_grow_where_frames_are_to_make(job: Job, steps: Steps, gaps, wanted: bool) -> None:
    steps.gaps = gaps
    rendering._make(job, Reporter(), Cancel())
    assert steps.wanted == [wanted]


def test_a_run_whose_drafts_are_finished_keeps_its_own_scene(job: Job, steps: Steps) -> None:
    rendering._make(job, Reporter(), Cancel(), resume_with="finish")
    assert steps.called == ["plan", "frames", "stages", "report"]


def test_stills_are_in_their_folder_and_no_film_shows_them(tmp_path: Path, steps: Steps) -> None:
    still = bare_job(tmp_path, "mode=still", "images=3")
    assert rendering._make(still, Reporter(), Cancel()) == still.run.path / "frames"
    assert steps.given["plan"][3] is True
    assert FILM not in still.run.read_info()


def test_a_film_that_is_blended_does_not_show_its_frames(job: Job, steps: Steps) -> None:
    blended = changed(job.loaded.scene.model_copy(update={"mode": "video"}), "video.finish", "linear")
    rendering._make(replace(job, loaded=replace(job.loaded, scene=blended)), Reporter(), Cancel())
    assert FILM not in job.run.read_info()


@pytest.mark.parametrize("verb", ["resume", "finish"])
def test_a_stop_says_how_to_go_on_and_ends_the_report(job: Job, steps: Steps, verb: str) -> None:
    reporter, steps.fault = Noting(), Cancelled()
    with pytest.raises(Interrupted, match=f"continue with: animator {verb} {job.run.path}"):
        rendering._make(job, reporter, Cancel(), resume_with=verb)
    assert reporter.noted == [("end",)]
    assert "stages" not in steps.called


def test_a_render_is_cancelled_before_a_stage(job: Job, steps: Steps) -> None:
    cancel, reporter = Cancel(), Noting()
    cancel.cancel()
    with pytest.raises(Interrupted):
        rendering._make(job, reporter, cancel)
    assert reporter.noted == [("end",)]
