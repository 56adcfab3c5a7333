"""Best of many: pictures painted a part of the way, judged, and the best of them finished."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from animator.engines.guided.judges import judges_of
from animator.errors import Interrupted, RunError, SceneError
from animator.look.work import work_of
from animator.run import best
from animator.run.best import Verdict, ranked
from animator.run.render import finish_run, render_scene, resume_run
from animator.run.status import status_of, status_text
from animator.runs import RunFolder
from animator.scene.reading import read_scene
from animator.system.convert import frame_to_uint8
from tests.warm import Quiet

SCENE = """
models: fake
mode: still
images: 5
seed: 3
size: [64, 64]
prompts: a red house
diffusion: {steps: 6, skip_steps: 0}
guidance: {cuts: {overview: 1, innercut: 1}}
output: {losses: false, progress_image: false}
"""
SCORES = [0.1, 0.5, 0.2, 0.9, 0.4, 0.7]


@pytest.fixture
def read(tmp_path, monkeypatch):
    """Read the scene with settings laid over it; pictures are scored by their numbers, one is broken."""
    path = tmp_path / "scene.yaml"
    path.write_text(SCENE)

    class Scorer:
        def __init__(self, loaded, judge):
            self.scores = SimpleNamespace(perceptor=judge, values={}, skipped="")

        def wanted(self, numbers):
            return set(numbers)

        def add(self, number, pixels):
            self.scores.values[number] = SCORES[number]

    monkeypatch.setattr(best, "Scorer", Scorer)
    monkeypatch.setattr(best, "_fault", lambda job, number: "all black" if number == 3 else "")
    monkeypatch.setattr("animator.engines.guided.judges.judges_of", lambda scene: ["eye"])
    monkeypatch.setattr("animator.engines.guided.family.judges_of", lambda scene: ["eye"])
    return lambda *overrides: read_scene(path, overrides)


def frames(run):
    return {path.stem: path.read_bytes() for path in sorted((run / "frames").iterdir())}


@pytest.mark.vital
def test_the_best_are_finished_as_if_painted_whole(read, tmp_path, caplog):
    whole, run = tmp_path / "whole", tmp_path / "run"
    render_scene(read(), Quiet(), out=whole)
    chosen = read("keep_best=2", "judge_at=50%")
    assert render_scene(chosen, Quiet(), out=run) == run / "frames"
    first, made = frames(whole), frames(run)
    # Picture 3 has the highest score and is broken.
    assert [name for name in made if made[name] == first[name]] == ["000001", "000004"]
    entries = RunFolder.open(run).journal()
    assert [entries[n].stopped for n in range(5)] == [0.5, 1, 0.5, 0.5, 1]
    assert "at 50% the best 2 of 5 by eye, 1 broken: 1, 4; the others stay drafts" in caplog.text
    assert "painted 21 steps in place of 30" in caplog.text
    assert (run / "judged.png").is_file()
    report = json.loads((run / "report.json").read_text())
    assert [row["frame"] for row in report["per_frame"]] == [1, 4]
    kept = json.loads((run / "best.json").read_text())["pictures"]
    assert [kept[str(n)][0]["fault"] for n in range(5)] == ["", "", "", "all black", ""]
    said = status_text(status_of(run))
    assert "resume has no pictures to make" in said
    # Nothing is painted again, and another can be finished later.
    resume_run(run, Quiet())
    assert frames(run) == made
    finish_run(run, [2], Quiet())
    assert frames(run)["000002"] == first["000002"]
    resume_run(run, Quiet())
    assert frames(run)["000002"] == first["000002"]


class Stops(Quiet):
    """A reporter that interrupts a render at a certain call."""

    def __init__(self, name, times):
        self.name, self.times = name, times

    def __getattr__(self, name):
        def called(*args, **kwargs):
            if name == self.name:
                self.times -= 1
                if self.times < 0:
                    raise KeyboardInterrupt

        return called


@pytest.mark.vital
def test_the_better_ones_go_on_each_time(read, tmp_path, caplog):
    """Of six pictures 4 (of ``SCORES``: 3 is broken) go on at a third, 3 at a half, and 2 are finished."""
    run = tmp_path / "run"
    chosen = read("keep_best=2", "images=6", "judge_at=[17%, 33%, 50%]", "output.contact_sheet=true")
    render_scene(chosen, Quiet(), out=run)
    entries = RunFolder.open(run).journal()
    assert [entries[n].stopped for n in range(6)] == [0.17, 1, 0.33, 0.17, 0.5, 1]
    assert "at 17% the best 4 of 6 by eye, 1 broken: 1, 2, 4, 5" in caplog.text
    assert "at 33% the best 3 of 4 by eye: 1, 4, 5" in caplog.text
    assert "at 50% the best 2 of 3 by eye: 1, 5" in caplog.text
    # 6 pictures by 1 step, 4 by one more, 3 by one more, 2 by the last three.
    assert "painted 19 steps in place of 36" in caplog.text
    assert work_of(chosen).steps.tolist() == [6, 6, 3, 2, 1, 1]
    assert "resume has no pictures to make" in status_text(status_of(run))
    whole = tmp_path / "whole"
    render_scene(read("images=6"), Quiet(), out=whole)
    assert {n for n, data in frames(run).items() if data == frames(whole)[n]} == {"000001", "000005"}


@pytest.mark.parametrize(
    ("at", "call", "times"),
    [
        ("judge_at=50%", "finished", 2),
        ("judge_at=50%", "begin", 1),
        ("judge_at=50%", "finished", 5),
        ("judge_at=[17%, 50%]", "finished", 4),
        ("judge_at=[17%, 50%]", "begin", 1),
        ("judge_at=[17%, 50%]", "finished", 6),
        ("judge_at=[17%, 50%]", "finished", 9),
    ],
)
def test_a_run_that_was_stopped_comes_to_the_same(read, tmp_path, at, call, times):
    chosen = read("keep_best=2", at)
    render_scene(chosen, Quiet(), out=tmp_path / "run")
    with pytest.raises(Interrupted):
        render_scene(chosen, Stops(call, times), out=tmp_path / "other")
    resume_run(tmp_path / "other", Quiet())
    assert frames(tmp_path / "other") == frames(tmp_path / "run")
    names = [json.loads((tmp_path / run / "best.json").read_text()) for run in ("run", "other")]
    for one in names:
        for verdicts in one["pictures"].values():
            for verdict in verdicts:
                del verdict["seconds"]
    assert names[0] == names[1]


def test_more_pictures_and_more_of_them(read, tmp_path):
    run = tmp_path / "run"
    render_scene(read("keep_best=1", "judge_at=50%"), Quiet(), out=run)
    entries = RunFolder.open(run).journal()
    assert [n for n in entries if entries[n].stopped == 1] == [1]
    render_scene(read("keep_best=2", "judge_at=50%", "images=6"), Quiet(), out=run)
    entries = RunFolder.open(run).journal()
    assert [n for n in sorted(entries) if entries[n].stopped == 1] == [1, 5]
    with (run / "best.json").open("w") as file:
        file.write("{")
    with pytest.raises(RunError, match="remove it, and the pictures are judged again"):
        resume_run(run, Quiet())


def test_a_draft_is_judged_by_what_the_network_itself_sees(read, tmp_path, monkeypatch):
    """And not by the estimate that guidance has bent, which is the picture of the draft."""
    shown = {}

    def add(self, number, pixels):
        shown[number] = pixels
        self.scores.values[number] = SCORES[number]

    monkeypatch.setattr(best.Scorer, "add", add)
    render_scene(read("keep_best=1", "judge_at=50%"), Quiet(), out=tmp_path / "run")
    run = RunFolder.open(tmp_path / "run")
    assert sorted(shown) == [0, 1, 2, 3, 4]
    for number in (0, 2):
        own = run.load_draft(number)["own"]
        assert (shown[number] == frame_to_uint8((own + 1) / 2)).all()
        assert (shown[number] != run.read_frame(number)).any()


def test_what_an_earlier_program_found_still_holds(read, tmp_path):
    run, chosen = tmp_path / "run", read("keep_best=2", "judge_at=50%")
    render_scene(chosen, Quiet(), out=run)
    kept = json.loads((run / "best.json").read_text())
    before = {number: dict(one) for number, (one,) in kept["pictures"].items()}
    for one in before.values():
        one["stopped"] = one.pop("at")
    (run / "best.json").write_text(json.dumps({**kept, "pictures": before}))
    made = frames(run)
    assert best.read_verdicts(RunFolder.open(run))[4][0.5].scores == {"eye": 0.4}
    resume_run(run, Quiet())
    assert frames(run) == made


def test_the_order_of_verdicts():
    def of(fault="", **scores):
        return Verdict("", 0.2, 1.0, fault, scores)

    assert ranked({0: of(a=1), 1: of(a=3), 2: of("flat", a=9), 3: of(a=2), 4: of("flat", a=1)}) == [
        1,
        3,
        0,
        2,
        4,
    ]
    # A model whose scores differ more does not count more.
    assert ranked({0: of(a=0.3, b=0.1), 1: of(a=0.2, b=90), 2: of(a=0.29, b=80)}) == [2, 1, 0]
    assert ranked({1: of(), 0: of(), 2: of("flat")}) == [0, 1, 2]
    assert ranked({}) == []


def test_what_cannot_be(read):
    with pytest.raises(SceneError, match="keep_best: expected a whole number from 1"):
        read("keep_best=0")
    with pytest.raises(SceneError, match="judge_at: is '150%', must be at most 100%"):
        read("keep_best=2", "judge_at=150%")
    with pytest.raises(SceneError, match="judge_at: is 0%, must be above 0%"):
        read("keep_best=2", "judge_at=0%")
    with pytest.raises(SceneError, match="judge_at: is 50%, but the pictures are stopped at 40%"):
        read("keep_best=2", "judge_at=50%", "diffusion.stop_at=40%")
    with pytest.raises(SceneError, match="judge_at: is 50%, 30%, must rise from one to the next"):
        read("keep_best=2", "judge_at=[50%, 30%]")
    with pytest.raises(SceneError, match="judge_at: expected"):
        read("keep_best=2", "judge_at=[]")
    assert "keeps all of them" in str(read("keep_best=5").notices[0])
    assert not read("keep_best=2").notices
    assert "has no effect without keep_best" in str(read("judge_at=30%").notices[0])
    assert "has no effect" in str(read("mode=2d", "keep_best=4").notices[0])


def test_a_plan_counts_what_is_painted(read):
    work = work_of(read("keep_best=2", "judge_at=50%", "diffusion.skip_steps=0"))
    assert work.steps.tolist() == [6, 6, 3, 3, 3]
    assert work.cuts.tolist() == [12, 12, 6, 6, 6]


def test_who_judges(tmp_path, monkeypatch):
    path = tmp_path / "real.yaml"
    path.write_text("prompts: a sea\n")
    monkeypatch.setenv("ANIMATOR_CACHE", str(tmp_path))

    def of(*overrides):
        return judges_of(read_scene(path, overrides).scene)

    assert of() == ["pocket-vit"]
    assert of("guidance.clip_models={pocket-vit: 1}") == ["pocket"]
    assert of("guidance.clip_models={pocket: 1, pocket-vit: 1}") == ["pocket", "pocket-vit"]
    assert of("models=fake") == []
    published = ("diffusion.model=512x512_diffusion_uncond_finetune_008100", "guidance.clip_models={RN50: 1}")
    assert of(*published) == ["RN50"]


@pytest.mark.slow
def test_pictures_of_the_bundled_networks_are_judged_by_the_other(tmp_path):
    text = SCENE.replace("models: fake", "guard: {policy: 'off'}").replace("images: 5", "images: 3")
    (tmp_path / "scene.yaml").write_text(text.replace("a red house", "a red house at sunset"))
    render_scene(
        read_scene(tmp_path / "scene.yaml", ["keep_best=1", "judge_at=50%"]), Quiet(), out=tmp_path / "run"
    )
    found = json.loads((tmp_path / "run" / "best.json").read_text())
    assert found["judges"] == ["pocket-vit"]
    scores = {int(n): one[0]["scores"]["pocket-vit"] for n, one in found["pictures"].items()}
    entries = RunFolder.open(tmp_path / "run").journal()
    assert [n for n in entries if entries[n].stopped == 1] == [max(scores, key=scores.__getitem__)]
