"""Run folders: what survives a kill between any two steps, and what is told when the disk refuses."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import animator
from animator.errors import RunError, UsageError
from animator.runs import Entry, RunFolder, folder_name, journal, write_atomic
from animator.runs.png import encode_png

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)
TENSORS = {"previous": torch.rand(3, 4, 5), "mask": torch.tensor([True, False]), "count": torch.tensor(7)}


def entry(frame, inputs="a"):
    return Entry(frame=frame, inputs=inputs, seed=3, seconds=1.5)


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path, "lighthouse")


def keep(run, frame, inputs="a", room=0):
    run.save_state(frame, TENSORS, {"frame": frame})
    return run.save_frame(frame, PIXELS, {"scene": "lighthouse"}, entry(frame, inputs), states=room)


def states(run):
    return sorted(int(path.stem) for path in (run.path / "state").iterdir())


# The folder


def test_runs_are_numbered_from_one_and_never_reused(tmp_path):
    first, second = (RunFolder.create(tmp_path, "my scene") for _ in range(2))
    assert first.path == tmp_path / "my-scene" / "001"
    assert second.path == tmp_path / "my-scene" / "002"
    (tmp_path / "my-scene" / "1041").mkdir()
    assert RunFolder.create(tmp_path, "my scene").path.name == "1042"


def test_a_folder_of_ones_own_is_used_as_it_is(tmp_path):
    run = RunFolder.create(tmp_path, "x", out=tmp_path / "deep" / "here")
    assert run.path == tmp_path / "deep" / "here"
    assert RunFolder.open(run.path).read_info() == {"scene": "x", "animator": animator.__version__}


def test_a_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(RunError, match="not empty; choose another folder"):
        RunFolder.create(tmp_path, "x", out=tmp_path)


@pytest.mark.parametrize(("name", "fault"), [("absent", "no such folder"), ("empty", "not a run")])
def test_what_is_no_run_is_told(tmp_path, name, fault):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=fault):
        RunFolder.open(tmp_path / name)


def test_the_other_files_of_a_run(run):
    run.write("scene.yaml", "mode: 3d\nprompt: ä\n")
    run.write_info({"seed": 3, "device": "cpu"})
    assert run.scene_file.read_text(encoding="utf-8") == "mode: 3d\nprompt: ä\n"
    assert RunFolder.open(run.path).read_info() == {"seed": 3, "device": "cpu"}
    assert run.film_file("a/b") == run.path / "a-b.mp4"


@pytest.mark.parametrize("text", ["{", "[1]", ""])
def test_a_damaged_run_json_is_told(run, text):
    (run.path / "run.json").write_text(text)
    with pytest.raises(RunError, match=r"run\.json: .*restore it or render again"):
        run.read_info()


@given(st.text(max_size=300))
def test_a_scenes_name_becomes_one_harmless_folder(name):
    folder = folder_name(name)
    assert folder
    assert folder not in (".", "..")
    assert not set(folder) & set('/\\:*?"<>|\0\n ')
    assert not folder.startswith((".", "-"))
    assert not folder.endswith((".", "-"))
    assert len(folder.encode()) <= 130
    assert folder_name(folder) == folder


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("lighthouse_2", "lighthouse_2"),
        ("../../etc/passwd", "etc-passwd"),
        ("NUL", "NUL-scene"),
        ("com1.a", "com1.a-scene"),
        ("Ночь", "Ночь"),
        ("..", "scene"),
        ("", "scene"),
    ],
)
def test_names_of_folders(name, folder):
    assert folder_name(name) == folder


# Atomic files


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_atomic(path, b"old")

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match="No space left on device; free some space, then") as caught:
        write_atomic(path, b"new")
    assert str(tmp_path / "file") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_folder_that_may_not_be_written_is_told(run, monkeypatch):
    def refused(*names):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(os, "replace", refused)
    with pytest.raises(RunError, match="Read-only file system; choose a folder that you may write to"):
        run.save_frame(0, PIXELS, {}, entry(0))
    assert run.journal() == {}


def test_a_run_cannot_be_made_below_a_file(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="Not a directory"):
        RunFolder.create(tmp_path / "file", "x")


# Pictures


def test_a_frame_comes_back_to_the_bit(run):
    keep(run, 5)
    assert np.array_equal(run.read_frame(5), PIXELS)
    assert run.frame_file(5).name == "000005.png"


def test_the_text_of_a_frame_is_read_by_others(run):
    text = {"scene": "phare à l'aube", "frame": "12", "prompt": "маяк 灯台 🌊"}
    run.save_frame(12, PIXELS, text, entry(12))
    with Image.open(run.frame_file(12)) as image:
        image.verify()
    with Image.open(run.frame_file(12)) as image:
        assert image.text == text
        assert np.array_equal(np.asarray(image), PIXELS)


def test_the_same_picture_has_the_same_bytes():
    assert encode_png(PIXELS, {"a": "b"}) == encode_png(PIXELS.copy(), {"a": "b"})
    assert encode_png(PIXELS, {"a": "b"}) != encode_png(PIXELS, {"a": "c"})


@pytest.mark.parametrize("left", [0, 20, 100, -1])
def test_a_torn_picture_is_told(run, left):
    keep(run, 0)
    path = run.frame_file(0)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(RunError, match=r"000000\.png: not a complete PNG"):
        run.read_frame(0)


def test_a_missing_picture_is_told(run):
    with pytest.raises(RunError, match=r"000003\.png: No such file"):
        run.read_frame(3)


# State


def test_a_state_comes_back_to_the_bit(run):
    run.save_state(4, TENSORS, {"hold": [1, 0.1], "name": "ü"})
    tensors, meta = run.load_state(4)
    assert meta == {"hold": [1, 0.1], "name": "ü"}
    assert tensors.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert tensors[name].dtype == tensor.dtype
        assert torch.equal(tensors[name], tensor)


def test_a_state_may_hold_the_same_tensor_twice_and_views(run):
    whole = torch.rand(4, 6)
    run.save_state(0, {"one": whole, "two": whole, "turned": whole.T, "part": whole[1:]}, {})
    tensors, _ = run.load_state(0)
    assert torch.equal(tensors["two"], whole)
    assert torch.equal(tensors["turned"], whole.T)


def test_a_state_that_is_missing_or_damaged_is_told(run):
    with pytest.raises(RunError, match=r"000009\.safetensors: No such file"):
        run.load_state(9)
    run.state_file(9).write_bytes(b"\x10\0\0\0\0\0\0\0torn")
    with pytest.raises(RunError, match=r"000009\.safetensors: not a complete state"):
        run.load_state(9)


@pytest.mark.parametrize(
    ("room", "kept"),
    [
        (0, [9]),
        (1, [0, 9]),
        (2, [0, 8, 9]),
        (4, [0, 4, 8, 9]),
        (9, [0, 2, 4, 6, 8, 9]),
        (10, list(range(10))),
    ],
)
def test_states_are_thinned_to_every_second_every_fourth(run, room, kept):
    for frame in range(10):
        keep(run, frame, room=room)
        assert {frame, max(0, frame - 1)} & set(states(run))
        assert len(states(run)) <= room + 1
    run.thin_states(room)
    assert states(run) == kept


def test_the_state_of_a_frame_made_again_stays_until_it_is_gone_on_from(run):
    for frame in (0, 1, 2, 3, 4, 9):
        keep(run, frame, room=3)
    assert states(run) == [0, 4, 9]
    keep(run, 3, room=3)
    assert states(run) == [0, 3, 4, 9]
    run.thin_states(3)
    assert states(run) == [0, 4, 9]


def test_a_state_stays_until_a_newer_frame_has_one(run):
    keep(run, 0)
    run.save_frame(1, PIXELS, {}, entry(1))
    assert states(run) == [0]


def test_a_state_names_what_its_frame_was_made_of(run):
    run.save_state(3, TENSORS, {"inputs": "abc"})
    assert run.inputs_of_state(3) == "abc"
    run.state_file(4).write_bytes(b"torn")
    assert run.inputs_of_state(4) == run.inputs_of_state(5) == ""


def test_a_state_of_which_the_disk_spoilt_a_bit_is_told(run):
    run.save_state(3, TENSORS, {})
    data = bytearray(run.state_file(3).read_bytes())
    data[-9] ^= 4
    run.state_file(3).write_bytes(data)
    with pytest.raises(RunError, match=r"000003\.safetensors: not a complete state"):
        run.load_state(3)


def test_the_same_state_is_the_same_bytes(run):
    files = []
    for _ in range(8):
        run.save_state(3, TENSORS, {"inputs": "abc", "frame": 3})
        files.append(run.state_file(3).read_bytes())
    assert len(set(files)) == 1


# Kills


def test_what_is_finished_stays_wherever_it_was_killed(run):
    keep(run, 0)
    keep(run, 1)
    run.save_state(2, TENSORS, {})  # killed here: the state is there, picture and line are not
    assert sorted(run.finished_frames()) == [0, 1]
    assert run.load_state(1)[1] == {"frame": 1}
    write_atomic(run.frame_file(2), encode_png(PIXELS, {}))  # killed here: the line is not there
    assert sorted(run.finished_frames()) == [0, 1]
    whole = keep(run, 2)
    assert run.journal()[2] == whole
    assert states(run) == [2]


def test_a_new_run_holds_nothing(run):
    assert run.finished_frames() == {}
    assert run.states() == []


@pytest.mark.parametrize("torn", [b'{"frame": 2, "inp', b"{", b"\0\0\0\0", b"\0\0\n"])
def test_a_torn_line_is_passed_over_and_written_over(run, torn):
    keep(run, 0)
    keep(run, 1)
    with (run.path / "journal.jsonl").open("ab") as file:
        file.write(torn)
    assert sorted(run.journal()) == [0, 1]
    keep(run, 2)
    assert sorted(run.journal()) == [0, 1, 2]
    assert all(json.loads(line) for line in (run.path / "journal.jsonl").read_text().splitlines())


def test_a_damaged_line_in_the_middle_is_told(run):
    keep(run, 0)
    (run.path / "journal.jsonl").write_bytes(b"rubbish\n" + (run.path / "journal.jsonl").read_bytes())
    with pytest.raises(RunError, match=r"journal\.jsonl:1: not a line of a journal"):
        run.journal()


def test_a_changed_or_missing_picture_is_noticed(run):
    for frame in range(4):
        keep(run, frame)
    run.frame_file(1).write_bytes(encode_png(PIXELS // 2, {}))
    run.frame_file(2).unlink()
    assert sorted(run.finished_frames()) == [0, 3]
    run.frame_file(3).write_bytes(b"")
    assert sorted(run.finished_frames()) == [0]


def test_a_picture_that_was_given_up_counts_as_there_until_it_is_made_again(run):
    written = [keep(run, frame) for frame in range(3)]
    run.give_up([dataclasses.replace(one, pruned={"frames": "pruned/film.mp4"}) for one in written[:2]])
    assert sorted(path.name for path in (run.path / "frames").iterdir()) == ["000002.png"]
    assert sorted(run.finished_frames()) == [0, 1, 2]
    keep(run, 1)
    run.frame_file(1).unlink()
    assert sorted(run.finished_frames()) == [0, 2]


def test_the_last_line_of_a_frame_counts(run):
    keep(run, 0, inputs="old")
    keep(run, 0, inputs="new")
    assert run.journal()[0].inputs == "new"


WRITER = """
import sys
import numpy as np, torch
from animator.runs import Entry, RunFolder
run = RunFolder.open(sys.argv[1])
with run.lock():
    for frame in range(10000):
        print(frame, flush=True)
        run.save_state(frame, {"x": torch.full((64, 64), float(frame))}, {})
        run.save_frame(frame, np.full((64, 64, 3), frame % 256, np.uint8), {}, Entry(frame, "", 0, 0.0))
"""


@pytest.mark.vital
@pytest.mark.slow
def test_a_killed_writer_leaves_a_run_that_goes_on(run):
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, run.path], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < 12:
            pass
        with pytest.raises(RunError, match=rf"in use by process {process.pid} on "), run.lock():
            pass
        process.kill()
        process.wait()
        begun = int((process.stdout.read().split() or ["12"])[-1])
    with run.lock():
        point = max(run.finished_frames())
        assert point in (begun - 1, begun)
        assert run.load_state(point)[0]["x"][0, 0] == point
        assert run.read_frame(point)[0, 0, 0] == point % 256
        assert not list(run.path.rglob("*.tmp"))


# The lock


def test_a_second_owner_is_refused_and_told_the_first(run):
    first = run.lock()
    with first, pytest.raises(RunError, match=rf"001: in use by process {os.getpid()} on "), run.lock():
        pass
    with run.lock():
        pass


def test_a_lock_file_of_a_dead_process_is_taken_over(run):
    (run.path / "run.lock").write_text('{"pid": 999999999, "host": "elsewhere", "and": "more"}')
    with run.lock():
        assert json.loads((run.path / "run.lock").read_text())["pid"] == os.getpid()


def test_leftovers_of_a_kill_are_cleared(run):
    left = run.path / "frames" / ".000001.png.77.tmp"
    left.write_bytes(b"half")
    with run.lock():
        assert not left.exists()


def test_the_journal_needs_no_file(tmp_path):
    assert journal.read(tmp_path / "journal.jsonl") == {}


def test_leftovers_are_found_in_whatever_folder_they_are(tmp_path):
    run, outside = RunFolder.create(tmp_path, "sea", out=tmp_path / "run"), tmp_path / "outside"
    outside.mkdir()
    left = [run.path / name for name in ("upscaled/.1.png.7.tmp", "a/b/.x.tmp", ".f.mp4.making/part.mp4")]
    sound = [run.path / "upscaled/1.png", run.path / "a/b.tmp", outside / ".theirs.tmp"]
    for path in (*left, *sound):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (run.path / "link").symlink_to(outside, target_is_directory=True)
    with run.lock():
        assert not any(path.exists() for path in left)
        assert not (run.path / ".f.mp4.making").exists()
        assert all(path.exists() for path in sound)
