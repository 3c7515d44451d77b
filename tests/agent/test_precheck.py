"""What the agent finds out about a node before anything is fetched, on nodes that are really so."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.agent.conftest import Job
from trainshed.agent.stages import precheck
from trainshed.core.job import ChannelBinding
from trainshed.core.resources import Chip
from trainshed.core.task import Peer
from trainshed.translation import chinese


def run(job: Job, *before: str) -> None:
    """Run the agent by way of another command, such as one that limits it."""
    job.prepare()
    argv = [*before, sys.executable, "-m", "trainshed.agent", str(job.root)]
    with (job.folder / "agent.out").open("wb") as log:
        subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True, timeout=150)


def warnings(job: Job, *checks: str) -> list[str]:
    """What was told by these checks; the machine of the test may have troubles of its own."""
    found = [event for event in job.record.events if event["detail"].get("level") == "Warning"]
    for event in found:
        assert (event["stage"], event["kind"]) == ("precheck", "note")
        assert chinese(event["message"]) != event["message"]
    return [event["message"] for event in found if event["detail"]["check"] in checks]


def test_a_job_that_fits_has_nothing_told_of_its_inputs_and_stores(job: Job, tmp_path: Path) -> None:
    job.write("print('hello')")
    job.set(inputs=(ChannelBinding("data_url", sparse(tmp_path / "data", 1 << 20)),), disk_gb=1)
    assert job.run().outcome["cause"] == "success"
    assert warnings(job, "disk", "dns") == []


def test_limits_of_the_node_are_told_before_the_code_is_fetched(job: Job) -> None:
    job.write("print('hello')")
    run(job, "prlimit", "--nofile=900:900", f"--fsize={1 << 30}", "--cpu=500", f"--as={20 << 30}")
    told = [text.partition(";")[0] for text in warnings(job, "ulimit") if "processes and threads" not in text]
    assert told == [
        "only 900 files may be open at once",
        "no file may be larger than 1.0 GiB",
        "a process is killed after 500 s of CPU time",
        "a process may reserve only 20.0 GiB of memory, and frameworks reserve more than that",
    ]
    kinds = [(event["stage"], event["kind"]) for event in job.record.events]
    assert kinds.index(("precheck", "note")) < kinds.index(("code", "started"))
    assert job.record.outcome["cause"] == "success"


def test_limits_that_matter_to_several_nodes_with_cards_only(job: Job) -> None:
    job.write("print('hello')")
    run(job, "prlimit", "--memlock=65536:65536")
    assert not [text for text in warnings(job, "ulimit") if "RDMA" in text]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_little_memory_to_share(job: Job) -> None:
    job.write("print('hello')")
    if subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode:
        pytest.skip("no mounts here")
    mount = 'mount -t tmpfs -o size=64m tmpfs /dev/shm && exec "$@"'
    run(job, "unshare", "-m", "sh", "-c", mount, "sh")
    [found] = warnings(job, "shm")
    assert found.startswith("/dev/shm has only 64.0 MiB left: data loaders")


def test_no_memory_to_share_at_all(tmp_path: Path) -> None:
    [found] = precheck._shm(str(tmp_path / "missing"))
    assert found.check == "shm"


def test_a_store_that_is_not_found_by_name(job: Job) -> None:
    store = {"kind": "s3", "endpoint": "http://nowhere.invalid:9000", "access_key": "a", "secret_key": "b"}
    job.write("print('hello')")
    job.set(buckets={"far": store, "near": {**store, "endpoint": "http://127.0.0.1:9"}})
    job.run(HTTP_PROXY="", http_proxy="", HTTPS_PROXY="", https_proxy="")
    [found] = warnings(job, "dns")
    assert found.startswith("the object store nowhere.invalid is not found by name")
    assert job.record.outcome["cause"] == "success"


def sparse(folder: Path, size: int) -> str:
    folder.mkdir()
    with (folder / "data.bin").open("wb") as file:
        file.truncate(size)
    return f"file://{folder}"


def test_inputs_that_are_more_than_the_flavor_s_disk(job: Job, tmp_path: Path) -> None:
    job.write("print('never')")
    uri = sparse(tmp_path / "data", 3 << 30)
    job.set(inputs=(ChannelBinding("data_url", uri),), disk_gb=2)
    record = job.run()
    assert record.outcome["message"] == (
        "the inputs take 3.0 GiB or more, and the flavor has a disk of 2 GiB; choose one with more"
    )
    assert record.outcome["stage"] == "precheck"
    assert ("code", "started") not in record.kinds("started")


def test_inputs_that_are_more_than_the_disk_has_left(job: Job, tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    uri = sparse(tmp_path / "data", min(disk.f_bavail * disk.f_frsize + (1 << 30), 8 << 40))
    job.write("print('never')")
    job.set(inputs=(ChannelBinding("data_url", uri), ChannelBinding("none", f"file://{tmp_path}/none")))
    record = job.run()
    [found] = warnings(job, "disk")
    assert found.startswith("the inputs take ")
    assert record.outcome["stage"] == "inputs"
    assert "do not fit on the disk" in record.outcome["message"]


@pytest.mark.parametrize("chip", [Chip.GPU, Chip.ASCEND])
def test_a_card_that_is_not_there(job: Job, chip: Chip) -> None:
    job.write("print('never')")
    job.set(chip=chip, peers=(replace(job.spec.peers[0], devices=("77",)),))
    outcome = job.run().outcome
    assert outcome["cause"] == "infrastructure"
    assert "77 is not there; check the driver" in outcome["message"]


def test_a_peer_that_is_not_found_by_name(job: Job) -> None:
    job.write("print('never')")
    job.set(peers=(*job.spec.peers, Peer("nowhere.invalid")))
    outcome = job.run().outcome
    assert (outcome["cause"], outcome["stage"]) == ("infrastructure", "precheck")
    assert "the node nowhere.invalid is not found by name" in outcome["message"]
