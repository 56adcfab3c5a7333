"""Who is at work at a run: by its lock, and what the system says of that process."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from animator.system.json_text import parse_json
from animator.system.locks import take


def owner_of(run: Path) -> int | None:
    """Return the process that is at work at a run; 0 where it is on another machine, None where none is.

    The lock is only tried where its file names a process that is alive, so that a look never is in the way of
    a program that begins.
    """
    lock = run / "run.lock"
    try:
        owner = parse_json(lock.read_bytes())
        process, host = int(owner["pid"]), str(owner["host"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    here = host == socket.gethostname()
    if here and not alive(process):
        return None
    try:
        handle = os.open(lock, os.O_RDONLY)
    except OSError:
        return None
    try:
        take(handle)
    except (BlockingIOError, PermissionError):
        return process if here else 0
    except OSError:
        return None  # this file system knows no locks
    finally:
        os.close(handle)
    return None


def alive(process: int) -> bool:
    """Return whether a process of this machine lives; one that has ended and waits to be noticed does not."""
    if process <= 0:
        return False
    if os.path.isdir("/proc/self"):
        return process_state(process) not in ("", "Z", "X")
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def process_state(process: int) -> str:
    """Return Linux' letter for what a process does, ``T`` where it is paused; empty: unknown."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(errors="replace")
    except OSError:
        return ""
    return stat.rpartition(")")[2].split()[0]


def works_in(process: int, folder: Path) -> bool:
    """Return whether a process is a render that was started in a folder, not another that has its number now.

    Where the system does not say (it is not Linux), it is taken for one.
    """
    if not os.path.isdir("/proc/self"):
        return True
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
        return b"animator" in words and os.path.samefile(f"/proc/{process}/cwd", folder)
    except OSError:
        return False
