"""MPI and Horovod as pure functions, and the small programs that they start, for real."""

from __future__ import annotations

import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from tests.engines.cluster import free_ports
from trainshed.core.engine import LauncherName
from trainshed.engines.launchers import base

SUPPORT = Path(base.__file__).parent / "support"
SCRIPT = ("/env/bin/python", "/home/ma-user/code/train.py")


def program(name: str) -> tuple[str, ...]:
    return ("/env/bin/python", "-I", "-S", str(SUPPORT / f"{name}.py"))


@pytest.mark.parametrize("launcher", [LauncherName.MPI, LauncherName.HOROVOD])
def test_one_process_is_plain(start: Callable, launcher: LauncherName) -> None:
    [[process]] = start(launcher, "--lr=1")
    assert process.argv == (*SCRIPT, "--lr=1")
    assert not {name for name in process.env if name.startswith(("PMI", "HOROVOD_RANK", "TRAINSHED"))}


def test_mpi_ranks_join_the_first_node(start: Callable) -> None:
    first, second = start(LauncherName.MPI, "--lr=1", nodes=2, processes=2)
    joins = (*program("pmi_join"), "127.0.0.1:30000", "600", "--")
    assert [p.argv for p in second] == [(*joins, *SCRIPT, "--lr=1")] * 2
    assert [(p.env["PMI_RANK"], p.env["PMI_SIZE"]) for p in second] == [("2", "4"), ("3", "4")]
    manager = first[2]
    assert manager.argv == (*program("pmi_server"), "127.0.0.1", "30000", "2", "2")
    assert (manager.rank, manager.role, manager.essential) == (-1, "pmi", False)
    keys = {p.env["TRAINSHED_PMI_KEY"] for p in (*first, *second)}
    assert len(keys) == 1
    assert "token" not in keys.pop()


def test_horovod_sets_what_horovodrun_sets(start: Callable) -> None:
    first, second = start(LauncherName.HOROVOD, nodes=2, processes=2)
    waits = (*program("wait_for"), "127.0.0.1:30000", "600", "--")
    last = second[1]
    assert last.argv == (*waits, *SCRIPT)
    golden = {
        "HOROVOD_HOSTNAME": "127.0.0.2",
        "HOROVOD_RANK": "3",
        "HOROVOD_SIZE": "4",
        "HOROVOD_LOCAL_RANK": "1",
        "HOROVOD_LOCAL_SIZE": "2",
        "HOROVOD_CROSS_RANK": "1",
        "HOROVOD_CROSS_SIZE": "2",
        "HOROVOD_CONTROLLER": "gloo",
        "HOROVOD_CPU_OPERATIONS": "gloo",
        "HOROVOD_GLOO_RENDEZVOUS_ADDR": "127.0.0.1",
        "HOROVOD_GLOO_RENDEZVOUS_PORT": "30000",
        "HOROVOD_GLOO_IFACE": "lo",
        "HOROVOD_GLOO_TIMEOUT_SECONDS": "120",
    }
    assert golden.items() <= last.env.items()
    assert first[2].argv == (*program("rendezvous"), "127.0.0.1", "30000")
    assert len(second) == 2


@pytest.fixture
def serve() -> Generator[Callable[..., int]]:
    """Starts one of the support programs on a free port of 127.0.0.1; gives the port."""
    running: list[subprocess.Popen[bytes]] = []

    def start(name: str, *arguments: str, **variables: str) -> int:
        [port] = free_ports(1)
        argv = [sys.executable, "-I", "-S", str(SUPPORT / f"{name}.py"), "127.0.0.1", str(port), *arguments]
        running.append(subprocess.Popen(argv, env={**os.environ, **variables}))
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                time.sleep(0.01)
            else:
                return port
        raise AssertionError(name)

    yield start
    for process in running:
        process.kill()
        process.wait()


def ask(port: int, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_the_rendezvous_is_a_key_value_store(serve: Callable[..., int]) -> None:
    port = serve("rendezvous")
    assert ask(port, "GET", "/global/0")[0] == 404
    assert ask(port, "PUT", "/global/0", b"address\x00") == (200, b"")
    assert ask(port, "GET", "/global/0") == (200, b"address\x00")
    assert ask(port, "GET", "/local/0")[0] == 404


def test_a_key_stays_until_all_ranks_have_met(serve: Callable[..., int]) -> None:
    port = serve("rendezvous")
    for key in ("/cross_0/0", "/cross_0/1", "/global/0"):
        assert ask(port, "PUT", key, b"address")[0] == 200
    assert ask(port, "DELETE", "/cross_0/1")[0] == 200
    assert ask(port, "GET", "/cross_0/1")[0] == 200  # rank 0 is slower and still needs it
    assert ask(port, "DELETE", "/cross_0/0")[0] == 200
    assert ask(port, "GET", "/cross_0/1")[0] == 404  # the next meeting starts afresh
    assert ask(port, "GET", "/global/0")[0] == 200


def test_the_process_manager_speaks_pmi(serve: Callable[..., int]) -> None:
    port = serve("pmi_server", "1", "2", TRAINSHED_PMI_KEY="secret")
    ranks = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(2)]
    files = [rank.makefile("rw", newline="\n") for rank in ranks]

    def say(number: int, line: str) -> None:
        files[number].write(line + "\n")
        files[number].flush()

    def hear(number: int) -> str:
        return files[number].readline().rstrip("\n")

    try:
        for number in range(2):
            say(number, "secret")
            assert hear(number) == "ok"
        say(0, "cmd=init pmi_version=1 pmi_subversion=1")
        assert hear(0) == "cmd=response_to_init pmi_version=1 pmi_subversion=1 rc=0"
        say(0, "cmd=put kvsname=kvs_0 key=P0 value=a value with = and spaces")
        assert hear(0) == "cmd=put_result rc=0 msg=success"
        say(0, "cmd=barrier_in")
        say(1, "cmd=get kvsname=kvs_0 key=P0")
        assert hear(1) == "cmd=get_result rc=0 msg=success value=a value with = and spaces"
        say(1, "cmd=get kvsname=kvs_0 key=nothing")
        assert hear(1).startswith("cmd=get_result rc=-1")
        say(1, "cmd=barrier_in")
        assert hear(0) == hear(1) == "cmd=barrier_out rc=0"
        say(1, "cmd=rocket")
        assert "rc=-1" in hear(1)
        say(0, "cmd=finalize")
        assert hear(0) == "cmd=finalize_ack rc=0"
    finally:
        for rank, file in zip(ranks, files, strict=True):
            file.close()
            rank.close()


def test_no_two_jobs_share_a_name(serve: Callable[..., int]) -> None:
    """MPICH names its shared memory after it; jobs that share it read each other's."""
    names: set[str] = set()
    for key in ("one", "two"):
        port = serve("pmi_server", "1", "1", TRAINSHED_PMI_KEY=key)
        with socket.create_connection(("127.0.0.1", port), 10) as rank, rank.makefile("rw") as file:
            file.write(f"{key}\ncmd=get_my_kvsname\n")
            file.flush()
            assert file.readline() == "ok\n"
            names.add(file.readline())
    assert len(names) == 2


def test_the_process_manager_turns_strangers_away(serve: Callable[..., int]) -> None:
    port = serve("pmi_server", "1", "1", TRAINSHED_PMI_KEY="secret")
    argv = [
        sys.executable,
        "-I",
        "-S",
        str(SUPPORT / "pmi_join.py"),
        f"127.0.0.1:{port}",
        "5",
        "--",
        "/bin/true",
    ]
    refused = subprocess.run(
        argv, env={"TRAINSHED_PMI_KEY": "wrong"}, check=False, capture_output=True, text=True
    )
    assert refused.returncode == 1
    assert "refused" in refused.stderr
    assert subprocess.run(argv, check=False, env={"TRAINSHED_PMI_KEY": "secret"}).returncode == 0


def test_waiting_gives_up_with_a_sentence() -> None:
    [port] = free_ports(1)
    argv = [
        sys.executable,
        "-I",
        "-S",
        str(SUPPORT / "wait_for.py"),
        f"127.0.0.1:{port}",
        "0.1",
        "--",
        "/bin/true",
    ]
    done = subprocess.run(argv, check=False, capture_output=True, text=True)
    assert done.returncode == 1
    assert f"nobody answered at 127.0.0.1:{port}" in done.stderr
