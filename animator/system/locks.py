"""Locks that are the operating system's: they end with the process that holds them, however that ends."""

from __future__ import annotations

import os
import sys

if sys.platform == "win32":
    import msvcrt

    BEYOND_THE_TEXT = 1 << 20

    def take(handle: int) -> None:
        """Lock an open file for this process alone.

        Raises:
            BlockingIOError, PermissionError: another process holds it.
            OSError: this file system knows no locks.
        """
        os.lseek(handle, BEYOND_THE_TEXT, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def take(handle: int) -> None:
        """Lock an open file for this process alone.

        Raises:
            BlockingIOError, PermissionError: another process holds it.
            OSError: this file system knows no locks.
        """
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
