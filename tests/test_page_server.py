"""The server as a process: small, without torch, and it stays so with a hundred watchers."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[1]
MOST = 60.0
"""Megabytes of memory of the server."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path("/proc/self/status").is_file(), reason="asks Linux"),
]


def started(folder: Path, *words: str) -> tuple[subprocess.Popen[str], str]:
    """Start ``animator page`` in a stranger's folder; return the process and the address that it says."""
    for name in ("json", "starlette", "uvicorn", "animator", "runpy"):
        (folder / f"{name}.py").write_text("open('taken', 'w').close()\n")
    code = "import sys; sys.path.pop(0); from animator.start import main; main()"  # as the installed script
    command = [sys.executable, "-c", code, "page", str(folder), "--no-open", "--port", "0", *words]
    process = subprocess.Popen(
        command, cwd=folder, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert process.stderr is not None
    said = process.stderr.readline()
    address = re.search(r"http://\S+", said)
    assert address, said
    return process, address[0]


def until_open(address: str) -> None:
    for _ in range(200):
        try:
            httpx.get(address)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server does not answer")


def megabytes(process: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found
    return int(found[1]) / 1024


def test_the_server_is_small_with_a_hundred_watchers(tmp_path: Path) -> None:
    for number in range(20):
        run = tmp_path / f"run{number}"
        run.mkdir()
        (run / "run.json").write_text('{"scene": "a"}')
        (run / "scene.yaml").write_text("mode: 2d\nframes: 900\n")
    process, address = started(tmp_path)
    sockets = []
    try:
        until_open(address)
        alone = megabytes(process.pid)
        port = int(address.rstrip("/").rpartition(":")[2])
        for _ in range(100):
            one = socket.create_connection(("127.0.0.1", port))
            one.sendall(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            sockets.append(one)
        sockets[0].settimeout(10)
        heard = b""
        while b"event: run" not in heard:
            heard += sockets[0].recv(1 << 16)
        for frame in range(6):  # nobody but the first reads
            for number in range(20):
                entry = {"frame": frame, "inputs": "", "seed": 1, "seconds": 2.0, "file": "ab" * 32}
                with (tmp_path / f"run{number}" / "journal.jsonl").open("a") as journal:
                    journal.write(json.dumps(entry) + "\n")
            time.sleep(0.55)
        many = megabytes(process.pid)
        print(f"{alone:.1f} MB alone, {many:.1f} MB with a hundred watchers")
        assert many < MOST
        assert httpx.get(address + "runs").json()["runs"][0]["done"] == 6
        assert not (tmp_path / "taken").exists()
    finally:
        for one in sockets:
            one.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr is not None
        process.stderr.close()


def test_the_server_loads_no_torch() -> None:
    code = (
        "import sys, animator.page.serve, animator.page.__main__\n"
        "heavy = {'torch', 'numpy', 'pandas', 'pydantic', 'cv2', 'ruamel', 'PIL'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_a_server_for_others_has_a_token_that_the_process_list_does_not_show(tmp_path: Path) -> None:
    process, address = started(tmp_path, "--host", "0.0.0.0")
    try:
        port = re.search(r":(\d+)/\?token=(\S+)", address)
        assert port
        local = f"http://127.0.0.1:{port[1]}/"
        until_open(local)
        assert httpx.get(local + "runs").status_code == 401
        assert httpx.get(local + "runs", headers={"authorization": f"Bearer {port[2]}"}).status_code == 200
        assert port[2].encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(20)
        assert process.stderr is not None
        process.stderr.close()
