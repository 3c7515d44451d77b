"""A pool on Slurm through the whole service: added, tested, used by jobs, removed."""

from __future__ import annotations

import contextlib
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from tests.pools.service_bench import HELLO, Bench
from trainshed.core.errors import Code
from trainshed.testing.pools import MEET, eventually

pytestmark = pytest.mark.xdist_group("slurm")


@dataclass(frozen=True)
class Refused:
    """What is wrong with a pool, and what is said of it."""

    code: str
    words: str
    changes: dict[str, Any]


REFUSED = [
    Refused(Code.PARTITION_UNKNOWN, "no partition 'nowhere'", {"partition": "nowhere"}),
    Refused(Code.NODE_PYTHON_UNFIT, "no_such_python", {"python": "/no_such_python"}),
    Refused(Code.NODE_CUT_OFF, "set an endpoint or a tunnel", {"endpoint": "http://127.0.0.1:9"}),
    Refused(Code.NODE_CUT_OFF, "the tunnel", {"tunnel": "exit 3 # {port}"}),
    Refused(Code.STORAGE_UNREACHABLE, "/no/such/folder cannot be written to", {"shared": "/no/such/folder"}),
    Refused(Code.FIELD_INVALID, "--nodes", {"options": ["--nodes=7"]}),
    Refused(Code.CLUSTER_REFUSED, "reservation is invalid", {"options": ["--reservation=nobodys"]}),
    Refused(Code.CLUSTER_REFUSED, "features of the constraint", {"constraint": "a100"}),
]


@pytest.mark.parametrize("wrong", REFUSED, ids=lambda wrong: wrong.words)
def test_it_is_added_only_where_jobs_could_run(bench: Bench, wrong: Refused) -> None:
    refused(bench, wrong)


def refused(bench: Bench, wrong: Refused) -> None:
    answer = bench.add("other", **wrong.changes)
    assert answer.status_code in (400, 503), answer.text
    assert wrong.words in answer.json()["error_msg"]
    assert answer.json()["error_code"] == wrong.code
    assert bench.server.api.get("/v1/pools/other").status_code == 404
    assert not list(bench.shared.glob("check-*"))


def test_names_of_pools(bench: Bench) -> None:
    assert bench.add("hpc").json()["error_code"] == Code.NAME_TAKEN
    assert bench.add("local").json()["error_code"] == Code.NAME_TAKEN
    assert bench.add("../x").json()["error_code"] == Code.NAME_INVALID


def test_munge_refuses(bench: Bench) -> None:
    conf = bench.cluster.conf.read_text().replace("munge.socket", "nobody.socket")
    (bench.folder / "munge.conf").write_text(conf)
    refused(bench, Refused(Code.MUNGE_REFUSED, "munge refuses", {"conf": f"{bench.folder}/munge.conf"}))


def test_the_controller_does_not_answer(bench: Bench) -> None:
    conf = re.sub(r"SlurmctldPort=\d+", "SlurmctldPort=9", bench.cluster.conf.read_text())
    (bench.folder / "away.conf").write_text(conf)
    wrong = {"conf": f"{bench.folder}/away.conf"}
    refused(bench, Refused(Code.CLUSTER_UNREACHABLE, "controller does not answer", wrong))


def test_the_shared_folder_is_full(bench: Bench) -> None:
    full = bench.folder / "full"
    full.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(full)], check=True)
    try:
        with contextlib.suppress(OSError), (full / "filler").open("wb", buffering=0) as file:
            while file.write(b"x" * 4096):
                pass
        refused(bench, Refused(Code.DISK_FULL, "is full: make room", {"shared": str(full)}))
    finally:
        subprocess.run(["umount", str(full)], check=True)


@pytest.mark.parametrize("how", [("-t", "tmpfs", "tmpfs"), ("--bind", "-o", "ro", "{}")], ids=["away", "ro"])
def test_one_node_has_another_shared_folder(bench: Bench, how: tuple[str, ...]) -> None:
    shared = str(bench.shared)
    bench.cluster.on_node("node2", "mount", *(word.format(shared) for word in how), shared)
    try:
        wrong = Refused(Code.NODE_FOLDER_UNFIT, f"node2: {shared} cannot be written to", {})
        refused(bench, wrong)
        tested = bench.run("pools", "test", "hpc")
        assert tested.returncode == 1
        assert "node2" in tested.stdout
    finally:
        bench.cluster.on_node("node2", "umount", shared)


@pytest.mark.parametrize(
    ("code", "words", "trick"),
    [
        (Code.NODE_PYTHON_UNFIT, "node1: this is Python 3.8.0", "import sys; sys.version_info = (3, 8, 0)"),
        (Code.NODE_CLOCK_WRONG, "fast: let NTP", "import time; t = time.time; time.time = lambda: t() + 900"),
    ],
    ids=["python", "clock"],
)
def test_one_node_is_odd(bench: Bench, code: str, words: str, trick: str) -> None:
    """Its Python is told to be another one: a node's clock cannot be set here."""
    odd = bench.folder / f"odd-{code}"
    odd.mkdir()
    (odd / "sitecustomize.py").write_text(trick)
    python = odd / "python"
    python.write_text(f'[ $SLURMD_NODENAME = node1 ] && export PYTHONPATH={odd}\nexec {sys.executable} "$@"')
    python.write_text("#!/bin/sh\n" + python.read_text())
    python.chmod(0o755)
    refused(bench, Refused(code, words, {"python": str(python)}))


def test_it_is_shown_and_tested(bench: Bench) -> None:
    assert bench.server.api.get("/v1/pools/hpc").json()["settings"]["partition"] == "main"
    tested = bench.server.api.post("/v1/pools/hpc/test").json()
    assert tested["usable"], tested
    assert {each["what"] for each in tested["findings"]} >= {"partition", "shared folder", "Python on nodes"}
    shown = bench.run("pools", "show", "hpc")
    assert shown.returncode == 0, shown.stderr
    assert str(bench.folder / "shared") in shown.stdout
    listed = json.loads(bench.run("pools", "list", "--json").stdout)
    assert {pool["id"] for pool in listed["pools"]} == {"local", "hpc"}


def test_a_job_on_two_nodes(bench: Bench) -> None:
    script = bench.script(MEET)
    done = bench.run("run", "--pool", "hpc", "--nodes", "2", "--flavor", "cpu-1", "--logs", "all", script)
    assert done.returncode == 0, done.stderr
    assert "met rank 1" in done.stdout
    assert "said it 2 2" in done.stdout


def test_a_dry_run_prints_the_script_of_sbatch(bench: Bench) -> None:
    done = bench.run("run", "--dry-run", "--pool", "hpc", "--nodes", "2", bench.script(HELLO))
    assert done.returncode == 0, done.stderr
    assert "#SBATCH --partition=main" in done.stdout
    assert "#SBATCH --nodes=2" in done.stdout


def test_why_it_waits_in_words_of_slurm(bench: Bench) -> None:
    with bench.drained():
        refused(bench, Refused(Code.CLUSTER_UNREACHABLE, "0 of them ready", {}))
        done = bench.run("run", "--detach", "--pool", "hpc", "--flavor", "cpu-1", bench.script(HELLO))
        assert done.returncode == 0, done.stderr
        url = bench.server.v2(f"training-jobs/{done.stdout.split()[0]}")

        def why() -> str:
            sentence = bench.server.api.get(f"{url}/why").json()["sentence"]
            return sentence if "Slurm says" in sentence else ""

        assert "nodes that it needs are down, drained or reserved" in eventually(why)
        busy = bench.server.api.delete("/v1/pools/hpc")
        assert busy.status_code == 409, busy.text
        assert busy.json()["error_code"] == Code.POOL_IN_USE
    bench.until(url, "Completed")


def test_a_pool_is_removed_and_comes_back(bench: Bench) -> None:
    added = bench.add("brief")
    assert added.status_code == 201, added.text
    assert bench.server.api.delete("/v1/pools/brief").status_code == 204
    assert bench.server.api.get("/v1/pools/brief").status_code == 404
    refused = bench.run("run", "--pool", "brief", bench.script(HELLO))
    assert "there is no pool 'brief'" in refused.stderr
    assert bench.add("brief").status_code == 201
    assert bench.server.api.delete("/v1/pools/brief").status_code == 204
