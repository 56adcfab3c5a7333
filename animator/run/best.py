"""Best of many: stills are painted a part of the way, judged there, and the best of them are finished.

They may be judged several times (`judge_at`), and each time the better ones go on. What was found is kept in
``best.json``, so that a run that is resumed finishes the same ones.
"""

from __future__ import annotations

import json
import logging
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from animator.diffusion.notes import OWN
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
from animator.runs import RunFolder
from animator.runs.png import encode_png
from animator.scene.choosing import judged_at, survivors
from animator.settings.scene import Scene
from animator.system.convert import frame_to_uint8, signed_to_unit, uint8_to_frame
from animator.system.json_text import parse_json
from animator.watch.contact import contact_sheet

log = logging.getLogger(__name__)

FILE, SHEET = "best.json", "judged.png"


@dataclass(frozen=True)
class Verdict:
    """What was found of one picture part of the way.

    Attributes:
        inputs: fingerprint of the picture.
        at: share of the diffusion at which it was to be judged.
        seconds: how long it had taken since it was judged before, or since its beginning.
        fault: what is wrong with it; empty if nothing is.
        scores: by the CLIP model that looked, see `animator.report.score.Scorer.add`.
    """

    inputs: str
    at: float
    seconds: float
    fault: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)


Verdicts = Mapping[int, Mapping[float, Verdict]]
"""What was found of pictures by their numbers, and by when they were judged."""


def stops(run: RunFolder, scene: Scene, numbers: Sequence[int], stop_at: float) -> dict[int, float]:
    """Return how far each picture of a run is to be painted, as far as that is decided."""
    verdicts, left, found = read_verdicts(run), sorted(numbers), dict.fromkeys(numbers, stop_at)
    for at, many in _rounds(scene, len(numbers)):
        known = {number: verdicts[number][at] for number in left if at in verdicts.get(number, {})}
        decided = len(known) == len(left)
        on = ranked(known)[:many] if decided else []
        found |= {number: at for number in left if number not in on}
        if not decided:
            break
        left = sorted(on)
    return found


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
    left, painted = list(job.numbers), False
    out: list[int] = []
    for at, many in _rounds(scene, len(job.numbers)):
        drafts = replace(job, loaded=loaded, numbers=left, stop_at=min(at, job.stop_at))
        plan = plan_of(run, left, job.inputs, drafts.stop_at, still=True)
        if plan.missing:
            painted = True
            report_outdated(drafts, plan, keep=keep)
            make_frames(drafts, plan, GrowingFilms(drafts, wanted=False), reporter, cancel)
        verdicts = _judged(drafts, at, reporter, cancel)
        order = ranked(verdicts)
        log.warning("%s", _choice_text(sorted(order[:many]), at, verdicts))
        left, out = sorted(order[:many]), order[many:] + out
    if painted and scene.output.contact_sheet:
        seeds = {number: entry.seed for number, entry in run.journal().items()}
        best = [number for number in order if number in left]
        run.write(SHEET, encode_png(contact_sheet([*best, *out], run.read_frame, seeds), {}))
    return replace(job, numbers=left)


def _rounds(scene: Scene, many: int) -> list[tuple[float, int]]:
    """Return when so many pictures of a scene are judged, and how many of them go on each time."""
    moments = judged_at(scene)
    return list(zip(moments, survivors(many, scene.keep_best or many, len(moments)), strict=True))


def _judged(job: Job, at: float, reporter: Reporter, cancel: Cancel) -> dict[int, Verdict]:
    """Return the verdict on every picture of a job at one moment, and keep them."""
    run, judges = job.run, family_of(job.loaded.scene.diffusion.model).judges(job.loaded.scene)
    entries, before = run.finished_frames(), read_verdicts(run)
    verdicts = {
        number: old
        for number in job.numbers
        if (old := before.get(number, {}).get(at)) is not None and _holds(old, job.inputs[number], judges)
    }
    missing = [number for number in job.numbers if number not in verdicts]
    scorers = [Scorer(job.loaded, judge=name) for name in judges] if missing else []
    wanted = {id(scorer): scorer.wanted(missing) for scorer in scorers}
    reporter.stage(job.numbers[-1], "judge")
    for number in missing:
        cancel.check()
        pixels = _shown(run, number)
        for scorer in scorers:
            if number in wanted[id(scorer)]:
                scorer.add(number, pixels)
        scores = {
            str(scorer.scores.perceptor): scorer.scores.values[number]
            for scorer in scorers
            if number in scorer.scores.values
        }
        entry = entries[number]
        verdicts[number] = Verdict(entry.inputs, at, entry.seconds, _fault(job, number), scores)
    if missing:
        held = {number: dict(old) for number, old in before.items()}
        for number, one in verdicts.items():
            # What was found of another picture under this number is of no use.
            of_it = {when: old for when, old in held.get(number, {}).items() if old.inputs == one.inputs}
            held[number] = of_it | {at: one}
        plain = {
            str(n): [asdict(one) for _, one in sorted(found.items())] for n, found in sorted(held.items())
        }
        run.write(FILE, json.dumps({"judges": judges, "pictures": plain}, indent=1) + "\n")
    for scorer in scorers:
        if scorer.scores.skipped:
            log.warning("not judged by %s: %s", scorer.scores.perceptor, scorer.scores.skipped)
    return verdicts


def _shown(run: RunFolder, number: int) -> np.ndarray:
    """Return the picture by which a draft is judged: what the network itself sees, where that was kept."""
    if run.draft_file(number).is_file() and (own := run.load_draft(number).get(OWN)) is not None:
        return frame_to_uint8(signed_to_unit(own))
    return run.read_frame(number)


def _holds(old: Verdict, inputs: str, judges: Sequence[str]) -> bool:
    """Return whether a verdict is of the picture as the scene has it now, by those who judge now."""
    return old.inputs == inputs and (not old.scores or set(old.scores) == set(judges))


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


def read_verdicts(run: RunFolder) -> dict[int, dict[float, Verdict]]:
    """Return what was found of a run's pictures, see `Verdicts`; nothing where none was judged.

    Raises:
        RunError: the file is damaged.
    """
    path = run.path / FILE
    if not path.is_file():
        return {}
    try:
        found: Any = parse_json(path.read_bytes())
        return {
            int(number): {float(one["at"]): Verdict(**one) for one in _each(verdicts)}
            for number, verdicts in found["pictures"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise RunError(
            f"{path}: cannot be read ({error}); remove it, and the pictures are judged again"
        ) from error


def _each(kept: Any) -> list[dict[str, Any]]:
    """Return the verdicts kept of one picture; earlier programs kept one, its moment as ``stopped``."""
    if not isinstance(kept, dict):
        return list(kept)
    rest = dict(kept)
    return [{"at": rest.pop("stopped"), **rest}]


def _choice_text(kept: Sequence[int], at: float, verdicts: Mapping[int, Verdict]) -> str:
    models = sorted({name for one in verdicts.values() for name in one.scores})
    by = f" by {' and '.join(models)}" if models else ", not scored"
    bad = sum(1 for one in verdicts.values() if one.fault)
    broken = f", {bad} broken" if bad else ""
    best = f"at {at:.0%} the best {len(kept)} of {len(verdicts)}{by}{broken}"
    return f"{best}: {', '.join(map(str, kept))}; the others stay drafts"


def report_saving(job: Job) -> None:
    """Say what was saved by finishing only some pictures: steps and seconds."""
    scene, run = job.loaded.scene, job.run
    verdicts, entries = read_verdicts(run), run.journal()
    many, moments = len(verdicts), judged_at(scene)
    finished = [entries[number] for number in job.numbers if entries[number].stopped > moments[-1]]
    if not finished or not many:
        return
    steps = scene.diffusion.steps
    begin = round(scene.diffusion.keep() * steps)
    whole = max(1, round(job.stop_at * steps) - begin)
    # Of each part of the way: pictures that went it, its steps, seconds of one picture.
    parts = [(len(job.numbers), whole, statistics.fmean(one.seconds for one in finished))]
    done = 0
    for at in moments:
        took = [found[at].seconds for found in verdicts.values() if at in found]
        upto = max(1, round(at * steps) - begin)
        if took:
            parts.append((len(took), upto - done, statistics.fmean(took)))
            done = upto
    parts[0] = (parts[0][0], whole - done, parts[0][2])
    made = sum(count * length for count, length, _ in parts)
    spent, full = (
        sum(count * seconds for count, seconds in counted)
        for counted in ([(n, s) for n, _, s in parts], [(many, s) for _, _, s in parts])
    )
    log.warning(
        "painted %d steps in place of %d, about %.0f s in place of %.0f s: %.0f %% saved",
        made, many * whole, spent, full, 100 * (1 - spent / full) if full else 0,
    )  # fmt: skip
