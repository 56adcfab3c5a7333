"""The log of a run: what is in the file, what is on the terminal, and that nothing stays behind."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

from animator.errors import RunError, UsageError
from animator.runs import log as log_module
from animator.runs.log import run_log

log = logging.getLogger("animator.somewhere")
PACKAGE = logging.getLogger("animator")
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ (DEBUG|INFO|WARNING|ERROR) ")


def said(path: Path) -> list[str]:
    """Return the events of a log without their times."""
    lines = path.read_text().splitlines()
    assert all(LINE.match(line) for line in lines)
    return [line.partition(" ")[2] for line in lines]


def state() -> tuple[object, ...]:
    return list(PACKAGE.handlers), PACKAGE.level, warnings.showwarning


def test_events_go_to_the_file_and_warnings_to_the_terminal(tmp_path, capsys):
    with run_log(tmp_path / "log.txt"):
        log.debug("hidden")
        log.info("frame %d kept", 3)
        log.warning("frame 4: all black")
        assert len(said(tmp_path / "log.txt")) == 2  # on the disk at once
    assert said(tmp_path / "log.txt") == ["INFO frame 3 kept", "WARNING frame 4: all black"]
    assert capsys.readouterr() == ("", "frame 4: all black\n")


def test_times_are_utc(tmp_path, monkeypatch):
    record = logging.LogRecord("animator", logging.INFO, "", 1, "text", (), None)
    record.created = 1_700_000_000.9
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    log_module.time.tzset()
    try:
        assert log_module._Line().format(record) == "2023-11-14T22:13:20Z INFO text"
    finally:
        monkeypatch.undo()
        log_module.time.tzset()


def test_levels(tmp_path, capsys):
    with run_log(tmp_path / "log.txt", logging.DEBUG, shown=logging.DEBUG):
        log.debug("small")
    with run_log(tmp_path / "log.txt", logging.ERROR, shown=logging.INFO):
        log.info("shown only")
    assert said(tmp_path / "log.txt") == ["DEBUG small"]
    assert capsys.readouterr().err == "small\nshown only\n"


def test_a_resumed_run_goes_on_in_the_same_log(tmp_path):
    for text in ("begun", "resumed"):
        with run_log(tmp_path / "log.txt"):
            log.info(text)
    assert said(tmp_path / "log.txt") == ["INFO begun", "INFO resumed"]


ENDS = {
    "fault": (UsageError("no such picture"), ["INFO ended by UsageError: no such picture"]),
    "user": (KeyboardInterrupt(), ["INFO ended by KeyboardInterrupt"]),
}


@pytest.mark.parametrize("end", ENDS)
def test_nothing_stays_behind_and_the_end_is_told(tmp_path, capsys, end):
    before = state()
    error, told = ENDS[end]
    with pytest.raises(type(error)), run_log(tmp_path / "log.txt"):
        raise error
    assert state() == before
    log.info("after the end")
    assert said(tmp_path / "log.txt") == told
    assert capsys.readouterr().err == ""  # the command line tells errors


def test_with_debug_the_log_has_the_traceback(tmp_path):
    with pytest.raises(UsageError), run_log(tmp_path / "log.txt", logging.DEBUG):
        raise UsageError("no such picture")
    text = (tmp_path / "log.txt").read_text()
    assert "\n    Traceback" in text
    assert "test_run_log.py" in text


def test_an_event_is_one_line(tmp_path):
    with run_log(tmp_path / "log.txt"):
        log.info("a\nb")
        log.info("2026-01-01T00:00:00Z INFO forged\r\n2026-01-01T00:00:00Z WARNING forged")
    lines = (tmp_path / "log.txt").read_text().splitlines()
    assert len([line for line in lines if LINE.match(line)]) == 2
    assert len(lines) == 4


def test_warnings_of_libraries_are_logged_and_not_shown(tmp_path, capsys):
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        with run_log(tmp_path / "log.txt"):
            warnings.warn("old function", DeprecationWarning, stacklevel=1)
    (line,) = said(tmp_path / "log.txt")
    assert line.startswith("INFO DeprecationWarning: old function (")
    assert capsys.readouterr().err == ""


def test_the_log_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(log_module, "LARGEST", 2000)
    for _ in range(2):
        with run_log(tmp_path / "log.txt"):
            for number in range(200):
                log.info("frame %d", number)
    sizes = [path.stat().st_size for path in tmp_path.iterdir()]
    assert len(sizes) == 2
    assert max(sizes) <= 2000
    assert said(tmp_path / "log.txt")[-1] == "INFO frame 199"


def test_two_runs_in_one_process_do_not_mix(tmp_path):
    before = state()
    turns = {name: threading.Event() for name in ("opened", "done")}

    def other() -> None:
        with run_log(tmp_path / "other.txt"):
            turns["opened"].set()
            log.info("of the other")
            turns["done"].wait(20)
            log.info("still of the other")

    thread = threading.Thread(target=other)
    with run_log(tmp_path / "one.txt"):
        thread.start()
        assert turns["opened"].wait(20)
        log.info("of the one")
    turns["done"].set()
    thread.join()
    assert said(tmp_path / "one.txt") == ["INFO of the one"]
    assert said(tmp_path / "other.txt") == ["INFO of the other", "INFO still of the other"]
    assert state() == before


def test_a_thread_without_a_log_of_its_own_is_heard(tmp_path):
    with run_log(tmp_path / "log.txt"):
        thread = threading.Thread(target=lambda: log.info("from the encoder"))
        thread.start()
        thread.join()
    assert said(tmp_path / "log.txt") == ["INFO from the encoder"]


def test_a_log_that_cannot_be_opened_is_one_line(tmp_path):
    before = state()
    with pytest.raises(RunError, match=r"log\.txt"), run_log(tmp_path / "gone" / "log.txt"):
        pass
    assert state() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told_once_and_does_not_end_the_run(capsys):
    with run_log(Path("/dev/full")):
        log.info("one")
        log.info("two")
    assert (
        capsys.readouterr().err
        == "/dev/full: the log cannot be written: [Errno 28] No space left on device\n"
    )


@pytest.mark.slow
def test_a_live_line_is_not_broken_by_a_warning(tmp_path):
    """The event goes to what `sys.stderr` is while the line lives, not to what it was before."""
    code = (
        "import io, logging, sys\n"
        "from pathlib import Path\n"
        "from rich.console import Console\n"
        "from animator.cli.progress import LiveReporter\n"
        "from animator.runs.log import run_log\n"
        "shown, real = io.StringIO(), sys.stderr\n"
        "reporter = LiveReporter(Console(file=shown, force_terminal=True))\n"
        f"with run_log(Path({str(tmp_path / 'log.txt')!r})):\n"
        "    reporter.begin('film', 3, 0)\n"
        "    logging.getLogger('animator').warning('frame 1: all black')\n"
        "    reporter.end()\n"
        "sys.exit('frame 1: all black' not in shown.getvalue())\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.slow
def test_importing_it_adds_no_handler():
    code = "import logging, animator.runs.log; raise SystemExit(len(logging.getLogger('animator').handlers))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
