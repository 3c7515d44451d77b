"""KungFu's configuration server: tells, replaces and refuses."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from pathlib import Path

from tests.engines.cluster import free_ports, make_task
from trainshed.core.engine import LauncherName
from trainshed.engines.launchers import kungfu

PROGRAM = str(Path(kungfu.__file__).parent / "support" / "kungfu_config.py")


def ask(port: int, method: str, body: bytes | None = None) -> tuple[int, bytes]:
    deadline = time.monotonic() + 30
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request(method, "/config", body)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        finally:
            connection.close()


def test_a_cluster_is_told_replaced_and_cleared() -> None:
    cluster = kungfu.cluster(make_task(LauncherName.KUNGFU, nodes=2, processes=2))
    assert cluster["Runners"][1] == {"IPv4": (127 << 24) + 2, "Port": 30000}
    assert len(cluster["Workers"]) == 4
    [port] = free_ports(1)
    argv = [sys.executable, "-I", "-S", PROGRAM, "127.0.0.1", str(port), json.dumps(cluster)]
    with subprocess.Popen(argv) as server:
        try:
            assert json.loads(ask(port, "GET")[1]) == cluster
            smaller = {**cluster, "Workers": cluster["Workers"][:2]}
            assert ask(port, "PUT", json.dumps(smaller).encode())[0] == 200
            assert json.loads(ask(port, "GET")[1]) == smaller
            for wrong in (b"", b"[]", b'{"Runners": [], "Workers": []}', b'{"Workers": [{"Port": 1}]}'):
                assert ask(port, "PUT", wrong)[0] == 400
            assert ask(port, "DELETE")[0] == 200
            assert ask(port, "GET")[0] == 404
        finally:
            server.kill()
