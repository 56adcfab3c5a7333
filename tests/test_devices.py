"""Where networks run: chosen in one place, by a scene or the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from animator.cli.main import main
from animator.errors import UsageError
from animator.run.fingerprint import hash_inputs
from animator.run.render import render_scene, resume_run
from animator.run.reporter import Reporter
from animator.run.sources import gather
from animator.run.tools import load_tools
from animator.scene.carried import carried_text
from animator.scene.reading import read_scene
from animator.system.devices import available_devices, choose_device

SCENE = (
    "models: fake\nsize: [64, 64]\nprompts: a red house\nmode: 2d\nframes: 2\nseed: 5\n"
    "diffusion: {steps: 2, skip_steps: 0}\noutput: {preset: ultrafast}\n"
)


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that says it has two GPUs with CUDA."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "scene.yaml").write_text(SCENE)
    return tmp_path / "scene.yaml"


@pytest.mark.usefixtures("two_gpus")
def test_a_gpu_is_chosen_by_its_number() -> None:
    assert choose_device() == torch.device("cuda")
    assert choose_device("cuda:1") == torch.device("cuda:1")
    assert choose_device("cpu") == torch.device("cpu")
    assert available_devices()[:3] == ["cpu", "cuda:0", "cuda:1"]
    with pytest.raises(UsageError, match=r"this machine has no cuda:2; it has cpu, cuda:0, cuda:1"):
        choose_device("cuda:2")


@pytest.mark.usefixtures("no_gpu")
def test_without_a_gpu_there_is_the_cpu() -> None:
    assert choose_device("auto") == choose_device("cpu") == torch.device("cpu")
    for name in ("cuda", "cuda:0", "mps"):
        with pytest.raises(UsageError, match=f"this machine has no {name}; it has cpu$"):
            choose_device(name)


def test_a_mac_computes_on_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert (choose_device(), available_devices()) == (torch.device("mps"), ["cpu", "mps"])
    assert choose_device("cpu") == torch.device("cpu")


def test_no_other_place_looks_whether_there_is_a_gpu_to_choose_one() -> None:
    root = Path(__file__).parents[1] / "animator"
    asking = {
        str(path.relative_to(root)) for path in root.rglob("*.py") if "cuda.is_available" in path.read_text()
    }
    assert asking == {
        "system/devices.py",
        "system/deterministic.py",  # whether there are kernels to be made deterministic
        "cli/doctor.py",  # shows what there is
        "diffusion/memory_saving.py",  # empties the cache
        "engines/guided/memory.py",  # of a GPU that is not there
    }


@pytest.mark.slow
@pytest.mark.usefixtures("no_gpu", "scene")
def test_an_absent_device_is_an_error_of_every_verb(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    render_scene(read_scene(tmp_path / "scene.yaml"), Reporter(), out=tmp_path / "run")
    for words in (
        ["render", "scene.yaml"],
        ["resume", "run"],
        ["plan", "scene.yaml"],
        ["plan", "scene.yaml", "--probe"],
        ["doctor"],
        ["doctor", "scene.yaml"],
        ["frame", "scene.yaml", "1", "--dump", "dump"],
    ):
        monkeypatch.setattr("sys.argv", ["animator", *words, "--device", "cuda:1"])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2, words
        assert "device: this machine has no cuda:1; it has cpu" in capsys.readouterr().err, words
    assert not (tmp_path / "renders").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("no_gpu")
def test_a_draft_is_finished_on_a_device(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], scene: Path
) -> None:
    text = scene.read_text().replace("mode: 2d\nframes: 2", "mode: still").replace("steps: 2", "steps: 4")
    scene.write_text(text)
    render_scene(read_scene(scene, ["diffusion.stop_at=50%"]), Reporter(), out=scene.parent / "run")
    for device, status in (("cuda", 2), ("cpu", 0)):
        monkeypatch.setattr("sys.argv", ["animator", "finish", "run", "--device", device])
        with pytest.raises(SystemExit) as ended:
            main()
        assert (ended.value.code or 0) == status, capsys.readouterr().err


@pytest.mark.usefixtures("two_gpus")
def test_the_scene_and_the_command_line_say_where(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[torch.device] = []

    def noted(*sections: object, **options: object) -> None:
        asked.append(sections[2])  # type: ignore[arg-type]

    monkeypatch.setattr("animator.diffusion.fake.fake_engine", noted)
    for settings in (["device=cuda:1"], ["device=cpu"], []):
        loaded = read_scene(scene, settings)
        assert load_tools(loaded, gather(loaded)).device == asked[-1]
    assert asked == [torch.device("cuda:1"), torch.device("cpu"), torch.device("cuda")]


@pytest.mark.slow
def test_frames_do_not_depend_on_it_and_do_not_carry_it(scene: Path) -> None:
    one, other = (read_scene(scene, settings) for settings in ([], ["device=cpu"]))
    assert hash_inputs(one, gather(one), {}) == hash_inputs(other, gather(other), {})
    run = scene.parent / "run"
    render_scene(other, Reporter(), out=run)
    assert "device: cpu" in (run / "scene.yaml").read_text()
    assert "device: auto" in carried_text(run / "frames" / "000001.png", everything=False)
    when = (run / "frames" / "000001.png").stat().st_mtime_ns
    resume_run(run, Reporter(), device="auto")
    assert (run / "frames" / "000001.png").stat().st_mtime_ns == when


@pytest.mark.parametrize("wrong", ["tpu", "cuda:", "cuda:x", "3"])
def test_a_name_that_is_none(scene: Path, wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    from animator.errors import SceneError

    with pytest.raises(SceneError, match="device: expected auto, cpu, cuda, cuda:1"):
        read_scene(scene, [f"device={wrong}"])
