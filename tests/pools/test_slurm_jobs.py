"""Jobs on a real Slurm cluster through the whole service: what a person asked for is what Slurm is told."""

from __future__ import annotations

import sys

import pytest

from tests.pools.service_bench import HELLO, Bench
from trainshed.testing.pools import STUBBORN, eventually

pytestmark = pytest.mark.xdist_group("slurm")

FORWARD = """
import socket, sys, threading
def pump(a, b):
    while data := a.recv(65536):
        b.sendall(data)
    b.shutdown(1)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    while True:
        near = server.accept()[0]
        far = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
        for pair in ((near, far), (far, near)):
            threading.Thread(target=pump, args=pair, daemon=True).start()
"""


def log(bench: Bench, url: str) -> str:
    """What the script printed."""
    done = bench.run("jobs", "logs", url.rsplit("/", 1)[1])
    assert done.returncode == 0, done.stderr
    return "".join(line for line in done.stdout.splitlines(True) if "[ModelArts Service Log]" not in line)


def test_a_job_that_does_not_hear_is_stopped_after_its_grace(bench: Bench) -> None:
    url = bench.submit(STUBBORN, "--pool", "hpc")
    eventually(lambda: "on\n" in log(bench, url))
    assert bench.run("jobs", "stop", url.rsplit("/", 1)[1]).returncode == 0
    bench.until(url, "Terminated")
    assert log(bench, url) == "on\n"


def test_agents_reach_the_service_through_a_tunnel(bench: Bench) -> None:
    forward = bench.folder / "forward.py"
    forward.write_text(FORWARD)
    port = bench.server.endpoint.rpartition(":")[2]
    tunnel = f"exec {sys.executable} {forward} {{port}} {port}"
    added = bench.add("far", tunnel=tunnel, endpoint="http://127.0.0.1:9")
    assert added.status_code == 201, added.text
    url = bench.submit(HELLO, "--pool", "far")
    bench.until(url, "Completed")
    assert log(bench, url) == "hello\n"


def test_an_environment_is_built_on_a_node(bench: Bench) -> None:
    added = bench.add("nodes", build="node", environments=str(bench.folder / "environments"))
    assert added.status_code == 201, added.text
    done = bench.run("run", "--pool", "nodes", "--engine", "python_3.11", bench.script(HELLO))
    assert done.returncode == 0, done.stderr
    assert "hello" in done.stdout
    assert "100%" in (bench.folder / "environments" / "logs" / "slurm-python_3.11.out").read_text()
    job = bench.submit(HELLO, "--pool", "nodes", "--engine", "python_3.11")
    bench.until(job, "Completed")
    assert bench.slurm(job)["Dependency"] == "(null)"


def test_an_environment_that_cannot_be_built(bench: Bench) -> None:
    wheels = bench.folder / "no-wheels"
    wheels.mkdir(exist_ok=True)
    added = bench.add(
        "offline", build="node", environments=str(bench.folder / "none"), wheelhouse=str(wheels)
    )
    assert added.status_code == 201, added.text
    url = bench.submit(HELLO, "--pool", "offline", "--engine", "pytorch_2.13.0-py_3.11")
    status = bench.until(url, "Failed")
    assert "the environment of pytorch_2.13.0-py_3.11 could not be built" in str(status)
    assert "slurm-pytorch_2.13.0-py_3.11.out" in str(status)
