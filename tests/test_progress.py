"""What a long job says about itself."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from animator.cli import progress
from animator.cli.progress import JsonReporter, LineReporter, LiveReporter, Pace


def test_time_left_follows_the_last_frames() -> None:
    pace = Pace()
    assert pace.text(5) == ""
    pace.lap(100)
    assert pace.text(5) == "36 frames/h, 8:20 left"
    assert pace.text(5, "picture") == "36 pictures/h, 8:20 left"
    pace.lap(10)  # the first frame takes a whole diffusion: it is forgotten as soon as a second is known
    assert pace.text(5) == "360 frames/h, 0:50 left"
    pace.lap(20)
    assert pace.text(10) == "240 frames/h, 2:30 left"
    for _ in range(12):  # older ones are forgotten
        pace.lap(30)
    assert pace.text(1) == "120 frames/h, 0:30 left"


def drive(reporter) -> None:
    reporter.begin("flight", 3, 1)
    for frame in (1, 2):
        reporter.stage(frame, "denoise")
        reporter.step(5, 20)
        reporter.finished(frame, 2.5, 2 - frame)
    reporter.end()


@pytest.mark.parametrize("kind", [LineReporter, JsonReporter])
def test_a_line_is_written_in_one_piece(kind: type) -> None:
    """An interrupt comes between two writes, and what is said of it must begin a line of its own."""

    class Pieces(io.StringIO):
        def __init__(self) -> None:
            super().__init__()
            self.written: list[str] = []

        def write(self, text: str) -> int:
            self.written.append(text)
            return super().write(text)

    stream = Pieces()
    drive(kind(stream))
    assert all(text.endswith("\n") for text in stream.written if text)
    assert len(stream.getvalue().splitlines()) == len([text for text in stream.written if text])


def test_lines_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    drive(LineReporter(stream))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "flight: 3 frames, 1 of them are up to date"
    assert [line.split("  ")[:2] for line in lines[1:]] == [["frame 2/3", "2.5 s"], ["frame 3/3", "2.5 s"]]
    assert all("frames/h" in line and "left" in line for line in lines[1:])


def test_json_for_machines() -> None:
    stream = io.StringIO()
    drive(JsonReporter(stream))
    events = [json.loads(line) for line in stream.getvalue().splitlines()]
    kinds = ["begin", "stage", "step", "frame", "stage", "step", "frame", "end"]
    assert [event["event"] for event in events] == kinds
    assert events[1] == {"event": "stage", "frame": 1, "stage": "denoise"}
    assert events[2] == {"event": "step", "done": 5, "of": 20}
    assert events[0] == {"event": "begin", "scene": "flight", "frames": 3, "done": 1}
    assert events[6]["frame"] == 2
    assert events[6]["left"] == 0


def test_a_terminal_sees_frame_stage_and_step() -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120)
    reporter = LiveReporter(console)
    reporter.begin("flight", 3, 0)
    reporter.finished(0, 1.0, 2)
    reporter.stage(1, "denoise")
    reporter.step(5, 20)
    line = reporter._line().plain
    reporter.end()
    assert "frame 2/3 denoise step 5/20" in line
    assert line.startswith("flight ━━━")


def drive_stage(reporter) -> None:
    reporter.begin("flight", 3, 3)
    reporter.stage(2, "film flight-finished.mp4")
    reporter.made(1, 36, None)
    reporter.made(2, 36, 62.0)
    reporter.made(36, 36, 0.0)
    reporter.end()


def test_a_stage_after_the_frames_reports_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, json_stream, terminal = io.StringIO(), io.StringIO(), io.StringIO()
    monkeypatch.setattr(progress, "PAUSE", 0.0)
    drive_stage(LineReporter(plain))
    assert plain.getvalue().splitlines()[1:] == [
        "film flight-finished.mp4: 1/36",
        "film flight-finished.mp4: 2/36, 1:02 left",
        "film flight-finished.mp4: 36/36",
    ]
    drive_stage(JsonReporter(json_stream))
    events = [json.loads(line) for line in json_stream.getvalue().splitlines()]
    assert events[3] == {"event": "made", "done": 2, "of": 36, "left": 62.0}
    reporter = LiveReporter(Console(file=terminal, force_terminal=True, width=120))
    drive_stage(reporter)
    assert "film flight-finished.mp4 36/36" in str(reporter._line())
    reporter.stage(2, "report")
    assert "36/36" not in str(reporter._line())


def test_a_quick_stage_prints_no_lines() -> None:
    stream = io.StringIO()
    drive_stage(LineReporter(stream))
    assert stream.getvalue().splitlines() == ["flight: 3 frames, 3 of them are up to date"]


def test_a_second_pass_has_a_pace_of_its_own() -> None:
    stream = io.StringIO()
    reporter = LineReporter(stream)
    for name, seconds in (("sea", 1.0), ("sea 512 x 512", 60.0)):
        reporter.begin(name, 9, 0)
        for left in (8, 7, 6):
            reporter.finished(0, seconds, left)
    assert stream.getvalue().splitlines()[-1] == "frame 3/9  60.0 s  60 frames/h, 6:00 left"


def test_quick_frames_have_no_pace_by_the_hour() -> None:
    pace = Pace()
    for _ in range(3):
        pace.lap(0.01)
    assert pace.text(600) == "0:06 left"


def test_stills_are_counted_as_pictures() -> None:
    stream = io.StringIO()
    reporter = LineReporter(stream)
    reporter.unit = "picture"
    reporter.begin("castle", 1, 0)
    reporter.finished(0, 2.0, 0)
    reporter.begin("castle", 3, 1)
    assert stream.getvalue().splitlines() == [
        "castle: 1 picture",
        "picture 1/1  2.0 s  1800 pictures/h, 0:00 left",
        "castle: 3 pictures, 1 of them are up to date",
    ]
