"""The ways of painting that are compared: each a name and the settings that make it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SIDE = 128
"""Width and height in pixels: those of the held-out pictures, from which the Fréchet distance is measured."""

DISCO = (
    "guidance.compat=disco-5",
    "diffusion.steps=250",
    "diffusion.skip_steps=10",
    "diffusion.sampler=ddim",
    "diffusion.eta=0.8",
    "guidance.clip_guidance_scale=5000",
    "guidance.clamp_max=0.05",
    "guidance.cuts.overview=[12]*400+[4]*600",
    "guidance.cuts.innercut=[4]*400+[12]*600",
    "guidance.cuts.ic_pow=1",
    "guidance.cuts.icgray_p=[0.2]*400+[0]*600",
    "guidance.tv_scale=0",
    "guidance.range_scale=150",
    "guidance.sat_scale=0",
)
"""Disco Diffusion 5.7's defaults, for one batch of cuts: the perceptor here is one, and small."""


FAST = (
    "diffusion.sampler=ddim",
    "diffusion.steps=50",
    "diffusion.skip_steps=4%",
    "diffusion.eta=0.8",
    "diffusion.reuse=[2]*700+[1]*300",
    "guidance.every=2",
    "guidance.even_cuts=true",
    "guidance.cutn_batches=1",
    "guidance.cuts.overview=[6]*400+[2]*600",
    "guidance.cuts.innercut=[2]*400+[6]*600",
)
"""What `animator/scene/base/fast.yaml` says."""

POCKET = ("guidance.clip_guidance_scale=8000", "guidance.clamp_max=[0.1]*400+[0.16]*600")
"""How strongly the bundled networks are guided, as in `animator/scene/base/pocket.yaml`."""


CUTS = ("guidance.cuts.overview=[6]*400+[2]*600", "guidance.cuts.innercut=[2]*400+[6]*600")
HALF_CUTS = ("guidance.cuts.overview=[3]*400+[1]*600", "guidance.cuts.innercut=[1]*400+[3]*600")
THIRTY = (
    "diffusion.steps=30",
    "diffusion.skip_steps=4%",
    "guidance.clip_guidance_scale=8000",
    "guidance.clamp_max=0.1",
)
"""Thirty steps, from which one setting is changed at a time."""

SINGLY: Mapping[str, tuple[str, ...]] = {
    "ddim-30": (*THIRTY, *CUTS),
    "2m-30": (*THIRTY, *CUTS, "diffusion.sampler=dpmpp_2m"),
    "sde-30": (*THIRTY, *CUTS, "diffusion.sampler=dpmpp_2m_sde"),
    "reuse-30": (*THIRTY, *CUTS, "diffusion.reuse=2"),
    "every-30": (*THIRTY, *CUTS, "guidance.every=2"),
    "even-30": (*THIRTY, *HALF_CUTS, "guidance.even_cuts=true"),
    "both-40": (*THIRTY, *CUTS, "diffusion.steps=40", "diffusion.reuse=2", "guidance.every=2"),
}
"""Each setting by itself: the solver, shared deep features, shared gradients, half as many cuts."""


@dataclass(frozen=True)
class Way:
    """One way of painting.

    Attributes:
        settings: changes to a scene of defaults, as of ``--set``; later ones win.
        slower: by how much the notebook's own code takes longer than ours for the same settings: 1 for a way
            that is ours; docs/benchmarks.md says where the number comes from.
    """

    settings: tuple[str, ...]
    slower: float = 1.0


def secondary(on: bool) -> str:
    """Return the setting of the secondary model."""
    return f"diffusion.secondary={str(on).lower()}"


WAYS: Mapping[str, Way] = {
    "disco-on": Way((*DISCO, secondary(True)), slower=1.0),
    "disco-off": Way((*DISCO, secondary(False)), slower=1.67),
    "disco-on-4": Way((*DISCO, secondary(True), "guidance.cutn_batches=4"), slower=1.0),
    "disco-off-4": Way((*DISCO, secondary(False), "guidance.cutn_batches=4"), slower=1.67),
    "fast-on": Way((*FAST, *POCKET, secondary(True))),
    "fast-off": Way((*FAST, *POCKET, secondary(False))),
    **{f"{name}-on": Way((*settings, secondary(True))) for name, settings in SINGLY.items()},
    **{f"{name}-off": Way((*settings, secondary(False))) for name, settings in SINGLY.items()},
}
"""Every way by its name. ``-on`` is with the secondary model, ``-off`` without, ``-4`` with Disco's four
batches of cuts a step."""


def way_of(text: str) -> tuple[str, Way]:
    """Return a way and its name: one of `WAYS`, or ``name:base:key=value;key=value`` built on one of them.

    Raises:
        ValueError: there is no way of that name.

    >>> way_of("half:disco-on:diffusion.steps=125")[1].settings[-1]
    'diffusion.steps=125'
    """
    name, _, rest = text.partition(":")
    if not rest:
        if name not in WAYS:
            raise ValueError(f"there is no way {name!r}; there are {', '.join(WAYS)}")
        return name, WAYS[name]
    base, _, more = rest.partition(":")
    settings = WAYS[base].settings if base else ()
    return name, Way((*settings, *(one for one in more.split(";") if one)))
