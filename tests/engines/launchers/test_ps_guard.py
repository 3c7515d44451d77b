"""A parameter server lives exactly as long as the workers of its job, however short one of them lives."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.engines.cluster import free_ports
from trainshed.engines.launchers import base

SUPPORT = Path(base.__file__).parent / "support"
Process = subprocess.Popen[bytes]


def start(program: str, *arguments: str) -> Process:
    argv = [sys.executable, "-I", "-S", str(SUPPORT / f"{program}.py"), *arguments]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def guard(address: str, workers: int, *program: str) -> Process:
    return start("ps_guard", address, str(workers), "--", *program)


def worker(addresses: str, number: int) -> Process:
    """One that says hello and works until its input ends."""
    return start("ps_join", addresses, str(number), "--", "/bin/sh", "-c", "echo hello; exec cat")


def addresses(count: int) -> list[str]:
    return [f"127.0.0.1:{port}" for port in free_ports(count)]


def test_servers_end_after_the_last_worker() -> None:
    places = addresses(2)
    first, second = (worker(",".join(places), number) for number in range(2))
    guards = [guard(place, 2, "/bin/sleep", "600") for place in places]
    with first, second, guards[0], guards[1]:
        assert first.communicate()[0] == b"hello\n"  # it has come and gone
        assert second.stdout
        assert second.stdout.readline() == b"hello\n"
        assert [each.poll() for each in guards] == [None, None]
        second.kill()
        assert [each.wait(60) for each in guards] == [0, 0]


def test_a_worker_that_was_gone_before_another_came_counts() -> None:
    [place] = addresses(1)
    with guard(place, 2, "/bin/sleep", "600") as process:
        with worker(place, 1) as first:
            first.communicate()
        with socket.create_connection(place.split(":")) as stranger:
            stranger.sendall(b"x\n")
            assert process.poll() is None
        with worker(place, 0) as second:
            second.communicate()
        assert process.wait(60) == 0


def test_a_server_that_fails_is_the_answer() -> None:
    [place] = addresses(1)
    with guard(place, 1, "/bin/sh", "-c", "exit 7") as process:
        assert process.wait(60) == 7


def test_a_stop_reaches_the_server() -> None:
    [place] = addresses(1)
    script = "trap 'exit 9' TERM; echo up; while :; do sleep 0.05; done"
    with guard(place, 1, "/bin/sh", "-c", script) as process:
        assert process.stdout
        assert process.stdout.readline() == b"up\n"
        deadline = time.monotonic() + 60
        while process.poll() is None:
            process.terminate()  # again: the guard may just not have noted its server yet
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert process.returncode == 9
