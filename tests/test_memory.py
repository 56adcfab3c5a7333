"""What a scene is said to take, held to what it takes."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from animator.cli.main import app
from animator.diffusion import precision
from animator.errors import UsageError
from animator.memory.depth import depth_memory
from animator.memory.estimate import estimate
from animator.memory.machine import Room, ram
from animator.memory.report import memory_text, shortage
from animator.scene.reading import LoadedScene, read_text_scene
from animator.system.meter import REST, Meter, without_numbers
from animator.weights.registry import families
from tests.measure_memory import scene

Case = tuple[int, int, int, bool]
CASES: list[Case] = [
    (*size, cuts, False) for size in ((192, 128), (256, 128), (320, 192)) for cuts in (16, 64)
]
WITHIN = 0.35


def test_a_meter_counts_what_is_alive() -> None:
    meter = Meter()
    with without_numbers(), meter:
        first = torch.zeros(1000)
        second = meter.labelled("half", torch.add)(first, first)
        assert meter.peak == {REST: 4000, "half": 4000}
        view = second[10:]
        del first, second
        torch.zeros(500)
        assert meter.peak == {REST: 4000, "half": 4000}  # the view holds the second; the first is gone
        torch.zeros(1001)
        assert meter.peak == {REST: 4004, "half": 4000}
        del view
        torch.zeros(2002)
    assert meter.peak == {REST: 8008, "half": 0}


def test_a_meter_sees_what_is_kept_for_the_backward_pass() -> None:
    def peak(differentiated: bool) -> int:
        meter = Meter()
        with without_numbers(), meter:
            x = torch.zeros(1000, requires_grad=differentiated)
            x.exp().exp().exp().exp().exp().sum()
        return meter.peak[REST]

    assert peak(False) == 3 * 4000
    assert peak(True) >= 6 * 4000


@pytest.mark.vital
@pytest.mark.slow
@pytest.mark.parametrize("model", ["256x256_diffusion_uncond", "512x512_diffusion_uncond_finetune_008100"])
def test_published_networks_are_counted_without_their_weights(model: str) -> None:
    loaded = _with(f"diffusion: {{model: {model}, secondary: true}}\nguidance: {{clip_models: {{RN50: 1}}}}")
    found = estimate(loaded, "cuda")
    parts = dict(found.parts)
    family = {"256": "openai_256", "512": "openai_512"}[model[:3]]
    assert parts["diffusion network parameters"] == 4 * families()[family].parameters
    assert parts["secondary model parameters"] == 4 * families()["secondary_model_imagenet_2"].parameters
    # RN50 is published as 102,007,137 numbers; running statistics of its norms come on top.
    assert 4 * 102_007_137 <= parts["CLIP RN50/openai parameters"] < 4.1 * 102_007_137
    assert found.total == sum(parts.values()) == found.parameters + found.activations + found.cuts


@pytest.mark.slow
@pytest.mark.parametrize("fast", [False, True])
def test_more_of_anything_takes_more(fast: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the processor computes in bfloat16 copies of the weights stand beside them."""
    monkeypatch.setattr(precision, "_cpu_has_bfloat16", lambda _: fast)

    def at_work(*case: int | bool) -> int:
        found = estimate(scene(*case, more="  clip_models: {pocket: 1}\n"), "cpu")
        return found.activations + found.cuts

    plain = at_work(192, 128, 4, False)
    four_times, sixteen_times = (at_work(*size, 4, False) for size in ((384, 256), (768, 512)))
    assert sixteen_times - four_times == pytest.approx(4 * (four_times - plain), rel=0.1)
    assert four_times > 2.5 * plain
    if fast:
        return
    assert at_work(192, 128, 40, False) > 1.2 * plain
    assert at_work(192, 128, 4, True) < plain / 2


@pytest.mark.slow
def test_the_step_with_most_cuts_counts() -> None:
    flat, peaked = (
        estimate(_with(f"guidance: {{cuts: {{overview: 0, innercut: {cuts!r}}}}}"), "cpu")
        for cuts in ("32", "[4]*900+[32]*50+[2]*50")
    )
    assert flat.parts == peaked.parts


@pytest.mark.slow
def test_stills_painted_together_count_on_a_gpu() -> None:
    few = "guidance: {cuts: {overview: 2, innercut: 2}}"
    stills = [_with(f"mode: still\nimages: 4\nbatch: {n}\n{few}") for n in (1, 4)]
    one, four = (estimate(still, "cuda") for still in stills)
    assert 2 * one.activations < four.activations < 5 * one.activations
    assert four.parameters == one.parameters
    alone, together = (estimate(still, "cpu") for still in stills)
    assert alone.activations == together.activations


DEEP = "frames: 2\nwarp: {}\ndepth: {model: %s}\nguidance: {cuts: {overview: 1, innercut: 0}}"


@pytest.mark.slow
def test_depth_networks_count_in_3d() -> None:
    flat, deep = (
        estimate(_with(f"mode: {mode}\n{DEEP % 'depth-anything-small'}"), "cpu") for mode in ("2d", "3d")
    )
    assert deep.parameters - flat.parameters > 90e6
    assert deep.activations > flat.activations
    assert "depth depth-anything-small at work" in dict(deep.parts)


@pytest.mark.slow
@pytest.mark.parametrize("depth", ["midas-hybrid", "zoedepth"])
def test_every_depth_network_is_followed_through_its_layers(depth: str) -> None:
    held, peak = depth_memory(_with(f"mode: 3d\n{DEEP % depth}").scene)
    assert [name for name, size in held if size > 90e6] == [f"depth {depth}"]
    assert sum(peak.values()) > 250e6


def test_fake_models_take_nothing() -> None:
    assert estimate(_with("models: fake"), "cuda").total == 0


@pytest.mark.slow
def test_a_file_of_no_family_is_told(tmp_path: Path) -> None:
    torch.save({}, tmp_path / "own.pt")
    with pytest.raises(UsageError, match=r"not known before it is read; name diffusion\.family"):
        estimate(_with(f"diffusion: {{model: {tmp_path}/own.pt}}"), "cpu")
    assert memory_text(_with(f"diffusion: {{model: {tmp_path}/own.pt}}")).startswith(
        "memory: what network own.pt"
    )
    named = estimate(_with(f"diffusion: {{model: {tmp_path}/own.pt, family: kaliyuga_256}}"), "cpu")
    assert named.parts[0] == ("diffusion network parameters", 4 * families()["kaliyuga_256"].parameters)


@pytest.mark.slow
def test_a_shortage_names_what_to_change() -> None:
    loaded = scene(192, 128, 64, False)
    found = estimate(loaded, "cpu")
    assert shortage(loaded, found, "cpu", Room(found.total, found.total)) == []
    (note,) = shortage(loaded, found, "cpu", Room(found.total - 1, 2**34))
    assert note.startswith("note: that is more than the memory (")
    assert "16.00 GiB are free" in note
    assert "a smaller size, diffusion.secondary: true, fewer guidance.cuts with" in note
    assert "secondary" not in shortage(scene(192, 128, 16, True), found, "cpu", Room(0, 0))[0]


def test_memory_of_the_machine(tmp_path: Path) -> None:
    info = tmp_path / "meminfo"
    info.write_text("MemTotal:  2000 kB\nMemFree: 1 kB\nMemAvailable:   1500 kB\nHugePages_Total: 0\n")
    assert ram(info) == Room(1500 * 1024, 2000 * 1024)
    whole = ram(tmp_path / "none")
    assert whole is None or whole.free == whole.total > 2**28


@pytest.mark.slow
def test_plan_prints_it(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("mode: still\nseed: 1\nsize: [64, 64]\nprompts: a sea\n")
    ran = CliRunner().invoke(app, ["plan", str(path)])
    assert ran.exit_code == 0
    (lines,) = (part.splitlines() for part in ran.stdout.split("\n\n") if part.startswith("memory"))
    assert lines[0].startswith("memory (estimated peak, ")
    assert lines[1].split()[:2] == ["diffusion", "network"]
    assert any(line.split()[0] == "total" and line.endswith(" GiB") for line in lines)


@pytest.mark.slow
def test_plan_as_csv_imports_no_torch(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("mode: still\nseed: 1\nprompts: a sea\n")
    code = (
        "import sys; from animator.cli.main import app; "
        f"app(['plan', '--csv', {str(path)!r}], standalone_mode=False); sys.exit('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True)
    assert (ran.returncode, ran.stdout[:5]) == (0, b"frame")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_the_estimate_is_what_a_cpu_takes() -> None:
    # The largest size with few cuts, a smaller one with many: what more there is of them on a GPU is below.
    some = CASES[1], CASES[4]
    _compare("cpu", _measured("cpu", some), some)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_the_estimate_is_what_a_gpu_takes() -> None:
    _compare("cuda", _measured("cuda"))


def _measured(device: str, cases: Sequence[Case] = CASES) -> list[int]:
    script = Path(__file__).with_name("measure_memory.py")
    command = [sys.executable, str(script), device, json.dumps(cases)]
    ran = subprocess.run(command, check=True, capture_output=True, text=True, cwd=script.parents[1])
    return json.loads(ran.stdout.splitlines()[-1])


def _compare(device: str, measured: list[int], cases: Sequence[Case] = CASES) -> None:
    for case, took in zip(cases, measured, strict=True):
        found = estimate(scene(*case), device)
        share = (found.activations + found.cuts) / took
        print(case, f"{took / 1e6:.0f} MB, estimate / measured {share:.2f}")
        assert 1 - WITHIN < share < 1 + WITHIN, (case, took, found)


def _with(text: str) -> LoadedScene:
    head = {"size": "[192, 128]", "mode": "still", "seed": "1", "prompts": "a sea"}
    lines = [f"{key}: {value}" for key, value in head.items() if f"{key}:" not in text.split("\n")[0]]
    return read_text_scene("\n".join([*lines, text]), "memory.yaml")


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["mode: 2d\nframes: 2", "mode: still"])
def test_depth_networks_count_where_there_are_two_eyes(mode: str) -> None:
    flat, eyes = (depth_memory(_with(f"{mode}\n{more}").scene) for more in ("", "vr: {layouts: [anaglyph]}"))
    assert flat == ([], {})
    assert [name for name, size in eyes[0] if size > 1e5] == ["depth pocket"]
    assert sum(eyes[1].values()) > 1e5
