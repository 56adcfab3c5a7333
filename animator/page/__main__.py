"""What ``animator page`` becomes: a small process, without the command line. Not to be called by hand."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from animator.page.serve import serve

TOKEN = "ANIMATOR_PAGE_TOKEN"
"""The token is in the environment: what is on a command line, every user of a machine can read."""

if __name__ == "__main__":
    folder, host, handle, opens = sys.argv[1:]
    serve(Path(folder), host, socket.socket(fileno=int(handle)), os.environ.pop(TOKEN, ""), opens)
