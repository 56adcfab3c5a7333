"""The plain way of the benchmarks does what Disco Diffusion does, call for call."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import pytest
import torch
from torch import nn

from animator.diffusion.unet import UNet
from benchmarks.__main__ import line, table
from benchmarks.measures import Result
from benchmarks.plain import PlainEngine, plain_cuts
from benchmarks.subject import Subject, subject
from benchmarks.timing import Timing, clock_of

STEPS, CPU = 3, torch.device("cpu")


def small(**changes: object) -> Subject:
    cuts = {"guidance__cuts__overview": 2, "guidance__cuts__innercut": 2, "guidance__cutn_batches": 2}
    how = {"size": "[64,64]", "diffusion__precision": "float32", **cuts, **changes}
    return subject(CPU, **how)


class Counted:
    """Counts the calls of a network that are not made while its activations are computed again."""

    def __init__(self, counts: Counter[str], name: str, network: nn.Module) -> None:
        self.recomputing: list[bool] = []

        def noted(module: nn.Module, given: Any) -> None:
            counts[f"{name} {'with' if torch.is_grad_enabled() else 'without'} a graph"] += 1
            self.recomputing.append(bool(getattr(module, "use_checkpoint", False)))

        self.handle = network.register_forward_pre_hook(noted)


def calls(one: Subject, paint: Any) -> tuple[Counter[str], list[bool]]:
    counts: Counter[str] = Counter()
    networks = one.engine.networks
    seen = [Counted(counts, "U-Net", networks.denoiser)]  # type: ignore[arg-type]
    if networks.secondary is not None:
        seen.append(Counted(counts, "secondary", networks.secondary))  # type: ignore[arg-type]
    encode = {}
    for name, perceptor in networks.perceptors.items():

        def counted(cuts: Any, of: Any = perceptor.encode_images) -> Any:
            counts["looks"] += 1
            return of(cuts)

        encode[name] = perceptor.encode_images
        object.__setattr__(perceptor, "encode_images", counted)
    try:
        paint(dataclasses.replace(one.request, keep=1 - STEPS / one.loaded.scene.diffusion.steps))
    finally:
        for name, original in encode.items():
            object.__setattr__(networks.perceptors[name], "encode_images", original)
        for part in seen:
            part.handle.remove()
    return counts, seen[0].recomputing


@pytest.mark.parametrize("secondary", ["true", "false"])
def test_a_plain_step_asks_what_disco_diffusion_asks(secondary: str) -> None:
    one = small(diffusion__secondary=secondary)
    plain = PlainEngine(one.loaded.scene, one.engine.networks, CPU)
    counts, recomputing = calls(one, plain.paint)
    differentiated = "secondary" if secondary == "true" else "U-Net"
    assert counts == {
        "U-Net without a graph": STEPS,
        f"{differentiated} with a graph": STEPS,
        "looks": 2 * STEPS,
    }
    assert all(recomputing)
    denoiser = one.engine.networks.denoiser
    assert isinstance(denoiser, UNet)
    assert not denoiser.use_checkpoint


@pytest.mark.parametrize("secondary", ["true", "false"])
def test_a_step_here_asks_no_more(secondary: str) -> None:
    one = small(diffusion__secondary=secondary)
    counts, _ = calls(one, one.engine.paint)
    wanted = {"U-Net without a graph": STEPS, "secondary with a graph": STEPS}
    assert counts == {
        **(wanted if secondary == "true" else {"U-Net with a graph": STEPS}),
        "looks": 2 * STEPS,
    }


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_both_ways_compute_in_one_precision(precision: str) -> None:
    one = small(diffusion__precision=precision)
    plain = PlainEngine(one.loaded.scene, one.engine.networks, CPU)
    types = []
    layer = one.engine.networks.denoiser.input_blocks[0][0]  # type: ignore[attr-defined]
    handle = layer.register_forward_hook(lambda module, given, out: types.append(out.dtype))
    request = dataclasses.replace(one.request, keep=1 - 1 / one.loaded.scene.diffusion.steps)
    for paint in (plain.paint, one.engine.paint):
        paint(request)
    handle.remove()
    assert set(types) == {getattr(torch, precision)}
    assert plain.precision == precision


def test_plain_cuts_are_discos() -> None:
    from animator.diffusion.cutouts import CutSettings

    picture = torch.rand(1, 3, 64, 96)
    cuts = plain_cuts(picture, 32, CutSettings(4, 4, 1.0, 0.0, skip_augs=True))
    grey = [bool((cut.std(dim=0) < 1e-5).all()) for cut in cuts]
    assert grey == [False, True, False, True, True, False, False, False]
    assert torch.equal(cuts[2], cuts[0].flip(-1))


def test_a_row_says_in_which_precision() -> None:
    row = Result("a step", Timing(0.1, 0.1, 0.2, 3), Timing(0.2, 0.2, 0.3, 3), precision="float32")
    assert "| a step | float32 | 100.0 ms | 200.0 ms | 2.00 |" in table([row])
    assert "float32" in line(row)
    assert clock_of(CPU).__name__ == "process_time"
