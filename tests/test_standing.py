"""What is made again after an edit, a deleted or a damaged file: what changed, and nothing else."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

import animator.run.render
from animator.errors import RunError
from animator.run.loop_state import bytes_of
from animator.run.render import render_scene, resume_run
from animator.run.tools import Tools, load_tools
from animator.runs import RunFolder
from animator.runs.png import decode_png
from animator.runs.prune import prune_frames, prune_states
from animator.scene.reading import LoadedScene, read_scene
from animator.video.ffmpeg import executable
from animator.video.probe import probe
from tests.test_kill import files_of
from tests.warm import Quiet

HEAD = "models: fake\nsize: [64, 64]\nprompts: a red house\ndiffusion: {steps: 2, skip_steps: 0}\n"
KEYED = "{0: 1, @-: 1, @: VALUE}"
"""Keys that change nothing before frame ``@``."""
MODES = {
    "2d": f"mode: 2d\nframes: 9\nseed: 5\ncamera: {{angle: {KEYED}}}\ncoherence: {{color_coherence: 0.5}}\n",
    "3d": f"mode: 3d\nframes: 9\nseed: 5\ncamera: {{translation_z: 8, rotation_3d_y: {KEYED}}}\n",
    "turbo": "mode: 3d\nframes: 9\nseed: 5\nturbo: {steps: 3, preroll: 1}\n"
    f"camera: {{translation_z: 8, rotation_3d_y: {KEYED}}}\n",
    "stereo": f"mode: 3d\nframes: 9\nseed: 5\ncamera: {{rotation_3d_y: {KEYED}}}\n"
    "vr: {layouts: [left_right]}\n",
    "video": f"mode: video\nseed: 5\nvideo: {{init: CLIP, flow: dis, flow_blend: {KEYED}}}\n",
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    source = ["-f", "lavfi", "-i", "testsrc2=size=64x64:rate=10:duration=0.6"]
    sound = ["-f", "lavfi", "-i", "sine=frequency=440:duration=0.6"]
    subprocess.run([executable(), "-v", "error", *source, *sound, str(path)], check=True)
    return path


class Counting:
    """An engine that notes which frames it paints."""

    def __init__(self, engine: object, painted: list[int]) -> None:
        self._engine, self._painted = engine, painted

    def paint(self, request, *rest):
        self._painted.append(request.frame)
        return self._engine.paint(request, *rest)

    def paint_together(self, requests, *rest, **more):
        self._painted += [request.seed for request in requests]
        return self._engine.paint_together(requests, *rest, **more)


@pytest.fixture
def painted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The frames that were painted so far; stills by their seeds."""
    noted: list[int] = []

    def counted(loaded: LoadedScene, sources: object, *others: object) -> Tools:
        tools = load_tools(loaded, sources, *others)  # type: ignore[arg-type]
        return Tools(Counting(tools.engine, noted), tools.depth, tools.device, tools.flow, tools.flow_name)  # type: ignore[arg-type]

    monkeypatch.setattr(animator.run.render, "load_tools", counted)
    return noted


def write(folder: Path, text: str, **values: object) -> Path:
    folder.mkdir(exist_ok=True)
    for name, value in values.items():
        text = text.replace(name, str(value))
    (folder / "scene.yaml").write_text(HEAD + text)
    return folder / "scene.yaml"


def read(scene: Path) -> LoadedScene:
    return read_scene(
        scene, ["output.losses=false", "output.progress_image=false", "output.preset=ultrafast"]
    )


def render(scene: Path, run: Path) -> None:
    render_scene(read(scene), Quiet(), out=run)  # type: ignore[arg-type]


def resume(run: Path) -> None:
    resume_run(run, Quiet())  # type: ignore[arg-type]


def scene_of(mode: str, at: int, value: float, clip: Path, folder: Path) -> Path:
    text = MODES[mode].replace("@-", str(at - 1)).replace("@", str(at))
    return write(folder, text, VALUE=value, CLIP=clip)


@pytest.fixture(scope="module")
def whole_run(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Path], Path]:
    """Copy the whole run of a mode, made once, to a folder; return that run."""

    @cache
    def made(mode: str) -> Path:
        folder = tmp_path_factory.mktemp("whole")
        render(scene_of(mode, 5, 0.4, clip, folder / "a"), folder / "run")
        return folder / "run"

    return lambda mode, to: shutil.copytree(made(mode), to)


def differing(ours: Path, theirs: Path) -> list[str]:
    """Return the files that differ; outputs.json holds hashes of PNGs, in which the scene's text stands."""
    one, other = files_of(ours), files_of(theirs)
    one.pop("outputs.json"), other.pop("outputs.json")
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def states(run: Path) -> list[int]:
    return RunFolder(run).states()


@pytest.mark.vital
@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "at", "again"),
    [
        ("2d", 5, [5, 6, 7, 8]),
        ("2d", 8, [8]),
        ("3d", 2, [2, 3, 4, 5, 6, 7, 8]),
        ("turbo", 5, [6]),
        ("stereo", 7, [7, 8]),
        ("video", 3, [3, 4, 5]),
    ],
)
def test_an_edit_paints_only_what_it_changed(
    clip: Path, tmp_path: Path, painted: list[int], mode: str, at: int, again: list[int]
) -> None:
    run, fresh = tmp_path / "run", tmp_path / "fresh"
    render(scene_of(mode, at, 1, clip, tmp_path / "a"), run)
    kept = {name: data for name, data in files_of(run).items() if name.endswith(".png")}
    painted.clear()
    edited = scene_of(mode, at, 0.4, clip, tmp_path / "a")
    render(edited, run)
    assert painted == again
    render(edited, fresh)
    ours, theirs = files_of(run), files_of(fresh)
    assert ours.keys() == theirs.keys()
    for name in differing(run, fresh):
        # Frames that stayed carry the text of the scene that they were made of.
        assert int(Path(name).stem) < at
        assert ours[name] == kept[name]
        assert np.array_equal(decode_png(ours[name]), decode_png(theirs[name]))
    first = RunFolder(run).frame_file(at)
    assert not np.array_equal(
        decode_png(first.read_bytes()), decode_png(kept[str(first.relative_to(run))])
    ), "the edit must be seen"


@pytest.mark.slow
def test_an_edit_that_is_taken_back_is_no_edit_where_nothing_was_made(tmp_path: Path, painted) -> None:
    run = tmp_path / "run"
    old, new = (scene_of("2d", 4, value, Path(), tmp_path / str(value)) for value in (1, 0.4))
    render(old, run)
    whole = files_of(run)
    # Killed after frame 5 of the edited film: its state was written, and so were those of 4 and 5.
    render(new, tmp_path / "other")
    for frame in (4, 5):
        shutil.copy(tmp_path / "other" / "state" / f"{frame:06d}.safetensors", run / "state")
    painted.clear()
    (run / "frames" / "000006.png").unlink()
    resume(run)
    assert painted == [4, 5, 6]  # not from a state of the other film, though the journal knows nothing of it
    assert {**files_of(run), **{f"state/00000{n}.safetensors": b"" for n in (4, 5)}} == {
        **whole,
        **{f"state/00000{n}.safetensors": b"" for n in (4, 5)},
    }


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-30] ^= 1
    path.write_bytes(data)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "harm", "again"),
    [
        ("2d", {"frames/000004.png": truncate}, [4]),
        ("2d", {"frames/000000.png": Path.unlink, "frames/000008.png": Path.unlink}, [0, 8]),
        ("3d", {"frames/000003.png": spoil, "state/000002.safetensors": spoil}, [2, 3]),
        ("3d", {"frames/000003.png": Path.unlink, "state/000002.safetensors": Path.unlink}, [2, 3]),
        ("turbo", {"frames/000005.png": Path.unlink}, []),
        ("turbo", {"frames/000006.png": truncate, "frames/000007.png": truncate}, [6]),
        ("stereo", {"left/000003.png": truncate, "right/000007.png": Path.unlink}, [3, 7]),
        ("video", {"frames/000002.png": Path.unlink, "frames/000005.png": spoil}, [2, 5]),
    ],
)
def test_a_frame_that_was_lost_is_made_again_alone(
    whole_run: Callable[[str, Path], Path],
    tmp_path: Path,
    painted: list[int],
    mode: str,
    harm: dict,
    again: list[int],
) -> None:
    run = whole_run(mode, tmp_path / "run")
    whole = files_of(run)
    # A state that was lost is not missed: it is not on the way to anything that is to be made.
    expected = {name: data for name, data in whole.items() if "state/" not in name or name not in harm}
    for name, damage in harm.items():
        damage(run / name)
    painted.clear()
    resume(run)
    assert painted == again
    assert {name: data for name, data in files_of(run).items() if name in expected} == expected


@pytest.mark.slow
def test_a_torn_last_line_makes_the_last_frame_again(
    whole_run: Callable[[str, Path], Path], tmp_path: Path, painted: list[int]
) -> None:
    run = whole_run("3d", tmp_path / "run")
    whole = files_of(run)
    truncate(run / "journal.jsonl")
    painted.clear()
    resume(run)
    assert painted == [8]
    assert files_of(run) == whole


@pytest.mark.slow
def test_a_still_that_was_lost_is_made_again_alone(tmp_path: Path, painted: list[int]) -> None:
    run = tmp_path / "run"
    render(write(tmp_path / "a", "mode: still\nimages: 4\nseed: 5\n"), run)
    whole = files_of(run)
    (run / "frames" / "000002.png").unlink()
    painted.clear()
    resume(run)
    assert painted == [7]
    assert files_of(run) == whole


@pytest.mark.slow
@pytest.mark.parametrize(
    ("room", "kept"),
    [
        (0, [8]),
        (5 * 53248, [0, 4, 8]),
        (f"{53.248 * 4}kB", [0, 8]),
    ],
)
def test_states_are_thinned_evenly_to_what_there_is_room_for(
    tmp_path: Path, painted: list[int], room: object, kept: list[int]
) -> None:
    text = f"{MODES['2d']}output: {{keep_states: {room}}}\n".replace("@-", "4").replace("@", "5")
    text = text.replace("color_coherence: 0.5", "color_coherence: 0.5, noise: new")  # moved takes more room
    run, peak = tmp_path / "run", [0]

    class Watching(Quiet):
        def finished(self, *told: object) -> None:
            peak.append(53248 * len(list((run / "state").glob("[0-9]*.safetensors"))))

    loaded = read(write(tmp_path / "a", text, VALUE=1))
    render_scene(loaded, Watching(), out=run)  # type: ignore[arg-type]
    assert states(run) == kept
    # One more may lie there while the other thread makes room for it.
    assert max(peak) <= max(bytes_of(loaded.scene.output.keep_states), 53248) + 53248
    (run / "frames" / "000006.png").unlink()
    whole, at = files_of(run), max((n for n in kept if n < 6), default=-1)
    painted.clear()
    resume(run)
    assert painted == list(range(at + 1, 7))
    assert {k: v for k, v in files_of(run).items() if k != "frames/000006.png"} == whole
    render(write(tmp_path / "b", text, VALUE=0.4), run)
    render(tmp_path / "b" / "scene.yaml", tmp_path / "fresh")
    assert states(run) == states(tmp_path / "fresh") == kept
    assert not [name for name in differing(run, tmp_path / "fresh") if not name.startswith("frames/00000")]


def test_a_wrong_size_is_told(tmp_path: Path) -> None:
    with pytest.raises(Exception, match=r"output\.keep_states: .*500 MB"):
        read_scene(write(tmp_path / "a", "output: {keep_states: plenty}\n"))


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["2d", "turbo", "stereo"])
def test_a_copy_in_another_folder_goes_on_to_the_same_bytes(
    whole_run: Callable[[str, Path], Path], tmp_path: Path, painted: list[int], mode: str
) -> None:
    scene = scene_of(mode, 5, 0.4, Path(), tmp_path / "a")
    whole_run(mode, tmp_path / "whole")

    class Stopping(Quiet):
        def finished(self, frame: int, *told: object) -> None:
            if frame == 4:
                raise MemoryError

    with pytest.raises(MemoryError):
        render_scene(read(scene), Stopping(), out=tmp_path / "run")  # type: ignore[arg-type]
    shutil.copytree(tmp_path / "run", tmp_path / "deep" / "copy")
    shutil.rmtree(tmp_path / "run")
    painted.clear()
    resume(tmp_path / "deep" / "copy")
    assert 4 not in painted
    assert differing(tmp_path / "deep" / "copy", tmp_path / "whole") == []


# Pruning


@pytest.mark.slow
def test_a_pruned_run_is_whole_and_its_film_is_left_alone(
    whole_run: Callable[[str, Path], Path], tmp_path: Path, painted: list[int]
) -> None:
    run = whole_run("stereo", tmp_path / "run")
    film = (run / "scene.mp4").read_bytes()
    size = sum(file.stat().st_size for name in ("frames", "left", "right") for file in (run / name).iterdir())
    kept = sum(
        (run / name / f"00000{n}.png").stat().st_size
        for name in ("frames", "left", "right")
        for n in (0, 4, 8)
    )
    freed = prune_frames(run, keep_every=4)
    assert (freed.files, freed.size, freed.left) == (18, size - kept, ())
    assert sorted(file.name for file in (run / "left").iterdir()) == [f"00000{n}.png" for n in (0, 4, 8)]
    assert prune_frames(run, keep_every=4).files == 0
    painted.clear()
    resume(run)
    assert painted == []
    assert (run / "scene.mp4").read_bytes() == film


@pytest.mark.slow
def test_an_edited_film_is_made_of_the_pruned_one(
    tmp_path: Path, painted: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    run, text = tmp_path / "run", MODES["2d"].replace("@-", "5").replace("@", "6")
    render(write(tmp_path / "a", text, VALUE=1), run)
    before = [RunFolder(run).read_frame(n).astype(int) for n in range(9)]
    prune_frames(run)
    prune_states(run, keep_every=5)
    assert states(run) == [0, 5, 8]
    painted.clear()
    with caplog.at_level(logging.WARNING):
        render(write(tmp_path / "a", text, VALUE=0.4), run)
    assert "have been through the encoder once" in caplog.text
    assert painted == [6, 7, 8]
    assert sorted(file.name for file in (run / "frames").iterdir()) == [f"00000{n}.png" for n in (6, 7, 8)]
    assert probe(run / "scene.mp4").frames == 9
    from animator.video.probe import read_frames

    shown = list(read_frames(run / "scene.mp4"))
    assert max(np.abs(shown[n] - before[n]).mean() for n in range(6)) < 3
    film = (run / "scene.mp4").read_bytes()
    resume(run)
    assert (run / "scene.mp4").read_bytes() == film
    # The film is made of the one that was kept, not of itself, however often.
    info = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({key: info[key] for key in info if key != "film"}))
    resume(run)
    assert (run / "scene.mp4").read_bytes() == film
    painted.clear()
    next((run / "pruned").iterdir()).unlink()
    with pytest.raises(RunError, match=r"pruned/.*mp4: no such file, but frames were pruned"):
        render(write(tmp_path / "a", text, VALUE=0.7), run)


@pytest.mark.slow
def test_pruned_frames_of_ten_bits_come_back_with_ten(tmp_path: Path) -> None:
    run, text = tmp_path / "run", "mode: 2d\nframes: 4\nseed: 5\noutput: {ten_bits: true, gif: GIF}\n"
    render(write(tmp_path / "a", text, GIF="false"), run)
    prune_frames(run)
    render(write(tmp_path / "a", text, GIF="true"), run)
    assert probe(run / "scene.mp4").pix_fmt == "yuv420p10le"
    assert (run / "scene.gif").is_file()


@pytest.mark.slow
def test_a_pruning_that_was_killed_is_finished_by_the_next(
    whole_run: Callable[[str, Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = whole_run("2d", tmp_path / "run")
    unlink, gone = Path.unlink, []

    def dying(path: Path, *args: object, **more: object) -> None:
        if path.suffix == ".png" and path.parent.name == "frames":
            if len(gone) == 3:
                raise KeyboardInterrupt
            gone.append(path)
        unlink(path, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "unlink", dying)
    with pytest.raises(KeyboardInterrupt):
        prune_frames(run)
    monkeypatch.undo()
    assert len(RunFolder(run).finished_frames()) == 9
    assert prune_frames(run).files == 6
    assert not list((run / "frames").iterdir())


@pytest.mark.slow
def test_what_cannot_be_pruned_is_told(clip: Path, tmp_path: Path) -> None:
    text = "mode: video\nseed: 5\nvideo: {init: CLIP, flow: none, finish: linear}\n"
    render(write(tmp_path / "a", text, CLIP=clip), tmp_path / "blended")
    render(write(tmp_path / "b", "mode: still\nseed: 5\n"), tmp_path / "still")
    for name in ("blended", "still"):
        with pytest.raises(RunError, match="has no finished film that shows its frames as they are"):
            prune_frames(tmp_path / name)
    with RunFolder(tmp_path / "still").lock():
        for prune in (prune_frames, prune_states):
            with pytest.raises(RunError, match="in use by process"):
                prune(tmp_path / "still")
