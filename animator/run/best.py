"""Best of many: stills are painted a part of the way, judged there, and the best of them are finished.

What was found is kept in ``best.json``, so that a run that is resumed finishes the same ones.
"""

from __future__ import annotations

import json
import logging
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from animator.engines.registry import family_of
from animator.errors import RunError
from animator.film.judge import blank_estimate, noisy_estimate
from animator.film.requests import first_request
from animator.report.score import Scorer
from animator.run.cancel import Cancel
from animator.run.frames import make_frames
from animator.run.growing import GrowingFilms
from animator.run.job import Job
from animator.run.outdated import report_outdated
from animator.run.plan import plan_of
from animator.run.reporter import Reporter
from animator.runs import Entry, RunFolder
from animator.runs.png import encode_png
from animator.settings.base import share
from animator.settings.scene import Scene
from animator.system.convert import uint8_to_frame
from animator.system.json_text import parse_json
from animator.watch.contact import contact_sheet

log = logging.getLogger(__name__)

FILE, SHEET = "best.json", "judged.png"


@dataclass(frozen=True)
class Verdict:
    """What was found of one picture part of the way.

    Attributes:
        inputs: fingerprint of the picture.
        stopped: share of the diffusion at which it was looked at.
        seconds: how long it had taken until then.
        fault: what is wrong with it; empty if nothing is.
        scores: by the CLIP model that looked, see `animator.report.score.Scorer.add`.
    """

    inputs: str
    stopped: float
    seconds: float
    fault: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)


def chooses(scene: Scene) -> bool:
    """Return whether only the best of a scene's pictures are finished."""
    return scene.mode == "still" and scene.keep_best is not None


def judged_at(scene: Scene) -> float:
    """Return the share of the diffusion at which the pictures of a scene are judged, 0 to 1."""
    return share(scene.judge_at, scene.diffusion.steps)


def stops(run: RunFolder, scene: Scene, numbers: Sequence[int], stop_at: float) -> dict[int, float]:
    """Return how far each picture of a run is to be painted, as far as that is decided."""
    kept = ranked(read_verdicts(run))[: scene.keep_best]
    return {number: stop_at if number in kept else judged_at(scene) for number in numbers}


def with_best(job: Job, reporter: Reporter, cancel: Cancel, *, keep: bool) -> Job:
    """Paint all pictures of a job a part of the way, and return the job of finishing the best of them.

    Args:
        job: the scene; its run is locked.
        reporter: receives the progress.
        cancel: stops it.
        keep: see `report_outdated`.
    """
    scene, run = job.loaded.scene, job.run
    # The sheet of all of them is drawn in order below.
    output = scene.output.model_copy(update={"contact_sheet": False})
    loaded = replace(job.loaded, scene=scene.model_copy(update={"output": output}))
    drafts = replace(job, loaded=loaded, stop_at=min(judged_at(scene), job.stop_at))
    plan = plan_of(run, job.numbers, job.inputs, drafts.stop_at, still=True)
    if plan.missing:
        report_outdated(drafts, plan, keep=keep)
        make_frames(drafts, plan, GrowingFilms(drafts, wanted=False), reporter, cancel)
    verdicts = _judged(job, reporter, cancel)
    order = ranked(verdicts)
    if plan.missing and scene.output.contact_sheet:
        seeds = {number: entry.seed for number, entry in run.journal().items()}
        run.write(SHEET, encode_png(contact_sheet(order, run.read_frame, seeds), {}))
    kept = sorted(order[: scene.keep_best])
    log.warning("%s", _choice_text(kept, len(order), verdicts))
    return replace(job, numbers=kept)


def _judged(job: Job, reporter: Reporter, cancel: Cancel) -> dict[int, Verdict]:
    """Return the verdict on every picture of a job, and keep them."""
    run, judges = job.run, family_of(job.loaded.scene.diffusion.model).judges(job.loaded.scene)
    entries, before = run.finished_frames(), read_verdicts(run)
    verdicts = {
        number: old
        for number in job.numbers
        if (old := before.get(number)) is not None
        and _holds(old, entries[number], job.inputs[number], judges)
    }
    missing = [number for number in job.numbers if number not in verdicts]
    scorers = [Scorer(job.loaded, judge=name) for name in judges] if missing else []
    wanted = {id(scorer): scorer.wanted(missing) for scorer in scorers}
    reporter.stage(job.numbers[-1], "judge")
    for number in missing:
        cancel.check()
        pixels = run.read_frame(number)
        for scorer in scorers:
            if number in wanted[id(scorer)]:
                scorer.add(number, pixels)
        scores = {
            str(scorer.scores.perceptor): scorer.scores.values[number]
            for scorer in scorers
            if number in scorer.scores.values
        }
        entry = entries[number]
        fault = _fault(job, number)
        verdicts[number] = Verdict(entry.inputs, entry.stopped, entry.seconds, fault, scores)
    if missing:
        plain = {str(number): asdict(one) for number, one in sorted(verdicts.items())}
        run.write(FILE, json.dumps({"judges": judges, "pictures": plain}, indent=1) + "\n")
    for scorer in scorers:
        if scorer.scores.skipped:
            log.warning("not judged by %s: %s", scorer.scores.perceptor, scorer.scores.skipped)
    return verdicts


def _holds(old: Verdict, entry: Entry, inputs: str, judges: Sequence[str]) -> bool:
    """Return whether a verdict is of the picture as it is now, or as it was before it was finished."""
    same = old.inputs == inputs and (entry.stopped in (old.stopped, 1.0))
    return same and (not old.scores or set(old.scores) == set(judges))


def _fault(job: Job, number: int) -> str:
    limits = job.loaded.scene.guard
    if limits.policy == "off" or job.loaded.scene.models == "fake":
        return ""
    picture = uint8_to_frame(job.run.read_frame(number))
    init = first_request(job.loaded.timeline.row(number), job.shot, 0).init
    return blank_estimate(picture, init, limits) or noisy_estimate(picture, init, limits)


def ranked(verdicts: Mapping[int, Verdict]) -> list[int]:
    """Return the numbers of pictures, the best first; broken ones come last, equal ones by their numbers.

    Several models count alike: scores are taken in standard deviations from the mean of all pictures.
    """
    sound = [one for one in verdicts.values() if not one.fault]
    marks = dict.fromkeys(verdicts, 0.0)
    for model in sorted({name for one in sound for name in one.scores}):
        values = [one.scores[model] for one in sound if model in one.scores]
        mean, spread = statistics.fmean(values), statistics.pstdev(values)
        for number, one in verdicts.items():
            if model in one.scores and spread:
                marks[number] += (one.scores[model] - mean) / spread
    return sorted(verdicts, key=lambda number: (bool(verdicts[number].fault), -marks[number], number))


def read_verdicts(run: RunFolder) -> dict[int, Verdict]:
    """Return what was found of a run's pictures; nothing where none was judged.

    Raises:
        RunError: the file is damaged.
    """
    path = run.path / FILE
    if not path.is_file():
        return {}
    try:
        found: Any = parse_json(path.read_bytes())
        return {int(number): Verdict(**one) for number, one in found["pictures"].items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError(
            f"{path}: cannot be read ({error}); remove it, and the pictures are judged again"
        ) from error


def _choice_text(kept: Sequence[int], many: int, verdicts: Mapping[int, Verdict]) -> str:
    models = sorted({name for one in verdicts.values() for name in one.scores})
    by = f" by {' and '.join(models)}" if models else ", not scored"
    bad = sum(1 for one in verdicts.values() if one.fault)
    broken = f", {bad} broken" if bad else ""
    return f"the best {len(kept)} of {many}{by}{broken}: {', '.join(map(str, kept))}; the others stay drafts"


def report_saving(job: Job) -> None:
    """Say what was saved by finishing only some pictures: steps and seconds."""
    scene, run = job.loaded.scene, job.run
    verdicts, entries = read_verdicts(run), run.journal()
    finished = [
        entries[number] for number in job.numbers if entries[number].stopped > verdicts[number].stopped
    ]
    if not finished:
        return
    steps = scene.diffusion.steps
    begin = round(scene.diffusion.keep() * steps)
    whole = max(1, round(job.stop_at * steps) - begin)
    part = max(1, round(judged_at(scene) * steps) - begin)
    many, kept = len(verdicts), len(job.numbers)
    made = many * part + kept * (whole - part)
    drafts = sum(one.seconds for one in verdicts.values())
    rest = statistics.fmean(one.seconds for one in finished)
    full = drafts + rest * many
    spent = drafts + rest * kept
    log.warning(
        "painted %d steps in place of %d, about %.0f s in place of %.0f s: %.0f %% saved",
        made, many * whole, spent, full, 100 * (1 - spent / full) if full else 0,
    )  # fmt: skip
