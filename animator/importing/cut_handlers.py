"""What becomes of the keys for cuts, which Disco Diffusion and its forks have in several forms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from animator.importing import common
from animator.importing.common import Handler
from animator.importing.job import Job
from animator.importing.tool_keys import number_of
from animator.scene.presets import all_presets


def cut_handlers() -> Mapping[str, Handler]:
    """Return what is done with a key for cuts, by the name that the table has for it."""
    gray = dict.fromkeys(
        ("cut_icgray_p", "cut_icgray", "cut_ic_gray", "cut_ic_gray_p", "cut_icgrey_p"),
        _cuts("guidance.cuts.icgray_p"),
    )
    return {
        "cut_schedules_group": _cut_group,
        **dict.fromkeys(("pad_or_pulp_*", "watercolor_*"), _for_model),
        "cut_overview": _cuts("guidance.cuts.overview", whole=True),
        "cut_innercut": _cuts("guidance.cuts.innercut", whole=True),
        **gray,
        "cut_ic_pow": _ramp("guidance.cuts.ic_pow", "cut_ic_pow", "cut_ic_pow_final"),
        "cut_ic_pow_final": _ramp("guidance.cuts.ic_pow", "cut_ic_pow", "cut_ic_pow_final"),
        "cutn_batches": _ramp("guidance.cutn_batches", "cutn_batches", "cutn_batches_final", whole=True),
        "cutn_batches_final": _ramp(
            "guidance.cutn_batches", "cutn_batches", "cutn_batches_final", whole=True
        ),
    }


def _ramp(place: str, begin: str, end: str, whole: bool = False) -> Handler:
    """Return a handler of a number that moves to another over the diffusion, as in ProgRock."""

    def take(job: Job, name: str, value: Any) -> None:
        first, last = number_of(job.get(begin)), number_of(job.get(end))
        if first is None or last is None or first == last:
            key = job.key(begin)
            if name != key:
                job.draft.drop(name, "it ends as it begins")
            elif whole:
                job.schedule(name, place, value, whole=True)
            else:
                job.schedule(name, place, value)
            return
        pieces = 10
        steps = [first + (last - first) * index / (pieces - 1) for index in range(pieces)]
        shown = "+".join(f"[{round(one) if whole else round(one, 4):g}]*{1000 // pieces}" for one in steps)
        job.draft.carry(name, place, shown, "in ten steps", differs=True)

    return take


def _cut_group(job: Job, name: str, value: Any) -> None:
    word = common.meant_word("guidance.cuts", value)
    presets = {common.folded(one): one for one in all_presets()["guidance.cuts"].values}
    found = presets.get(common.folded(word or value))
    if found is None:
        job.refuse(name, "guidance.cuts", value)
        return
    for cut, schedule in all_presets()["guidance.cuts"].values[found].items():
        job.draft.values[f"guidance.cuts.{cut}"] = schedule
    for cut in ("cut_overview", "cut_innercut", "cut_ic_pow", "cut_icgray_p"):
        if job.has(cut):
            job.draft.drop(job.key(cut), f"cut_schedules_group {found} goes over it")
    job.draft.note(name, "carried", "guidance.cuts", "")


def _cuts(place: str, whole: bool = False) -> Handler:
    return lambda job, name, value: job.schedule(name, place, value, whole=whole)


def _for_model(job: Job, name: str, value: Any) -> None:
    """Carry cuts over that a notebook keeps for one kind of network."""
    model = common.folded(job.get("diffusion_model"))
    words = ("pixel", "pulp") if name.startswith("pad_or_pulp") else ("watercolor",)
    cut = name.partition("_cut_")[2]
    if not any(word in model for word in words):
        job.draft.drop(name, "it is for another network")
    elif cut in ("overview", "innercut", "ic_pow", "icgray_p"):
        job.schedule(name, f"guidance.cuts.{cut}", value, whole=cut in ("overview", "innercut"))
    else:
        job.draft.drop(name, "no cut schedule")
