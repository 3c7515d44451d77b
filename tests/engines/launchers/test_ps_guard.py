"""A parameter server lives exactly as long as the workers of its job."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

from trainshed.engines.launchers import base

GUARD = str(Path(base.__file__).parent / "support" / "ps_guard.py")


def guard(addresses: str, *program: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-I", "-S", GUARD, addresses, "--", *program])


def listen() -> tuple[socket.socket, str]:
    server = socket.create_server(("127.0.0.1", 0))
    return server, f"127.0.0.1:{server.getsockname()[1]}"


def test_ends_after_the_last_worker() -> None:
    first, one = listen()
    second, two = listen()
    with first, second, guard(f"{one},{two}", "/bin/sleep", "600") as process:
        first.accept()[0].close()
        second.accept()[0].close()
        first.close()
        for _ in range(4):  # it goes on looking at the second, so the first one's end was not enough
            second.accept()[0].close()
        assert process.poll() is None
        second.close()
        assert process.wait(60) == 0


def test_a_server_that_fails_is_the_answer() -> None:
    with guard("127.0.0.1:1", "/bin/sh", "-c", "exit 7") as process:
        assert process.wait(60) == 7


def test_a_stop_reaches_the_server() -> None:
    script = "trap 'exit 9' TERM; echo up; while :; do sleep 0.05; done"
    argv = [sys.executable, "-I", "-S", GUARD, "127.0.0.1:1", "--", "/bin/sh", "-c", script]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "up\n"
        deadline = time.monotonic() + 60
        while process.poll() is None:
            process.terminate()  # again: the guard may just not have noted its server yet
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert process.returncode == 9
