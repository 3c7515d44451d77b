"""What the agent tells of the node when a script has failed."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from tests.agent.conftest import Job
from trainshed.agent import facts


def told(job: Job) -> dict[str, Any]:
    record = job.run()
    [event] = [e for e in record.events if e["stage"] == "run" and e["kind"] == "failed"]
    return event["detail"]["facts"]


def test_a_script_that_was_killed_with_all_its_memory(job: Job) -> None:
    job.write("import os\nx = bytearray(os.urandom(1)) * (200 << 20)\nos.kill(os.getpid(), 9)\n")
    job.set(memory_mb=220)
    found = told(job)
    assert found["memory_limit_mb"] == 220
    assert 200 < found["memory_peak_mb"] < 260
    assert (found["oom_kills"], found["disk_full"], found["inodes_full"]) == (0, False, False)
    assert found["shm_mb"] > 0


def test_a_script_that_succeeds_needs_none(job: Job) -> None:
    job.write("print('fine')\n")
    assert all("facts" not in event["detail"] for event in job.run().events)


def test_telling_lines_of_the_kernel(tmp_path: Path) -> None:
    """A record a read, as the kernel gives them; only those of the time, and only those that tell."""
    said = [
        "6,1,1000,-;Out of memory: Killed process 7 (too early)",
        "4,2,5000001,-;Memory cgroup out of memory: Killed process 8 (python)\n SUBSYSTEM=x",
        "6,3,5000002,-;eth0: link up",
        "3,4,5000003,-;NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.",
    ]
    path = tmp_path / "kmsg"
    os.mkfifo(path)
    assert _read(path, said, since=5.0) == [
        "Memory cgroup out of memory: Killed process 8 (python)",
        "NVRM: Xid (PCI:0000:3b:00): 79, GPU has fallen off the bus.",
    ]
    assert facts.kernel_lines(0.0, str(tmp_path / "none")) == []


def _read(path: Path, said: list[str], since: float) -> list[str]:
    """Feed a fifo so slowly that each read gives one record."""
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(path, os.O_WRONLY)
    found: list[str] = []
    for record in said:
        os.write(writer, record.encode())
        found += facts.kernel_lines(since, str(path))
    os.close(writer)
    os.close(reader)
    return found


def test_counters_that_are_not_there() -> None:
    before = facts.before()
    assert before["clock"] <= time.monotonic()
    found = facts.after({}, ["/nowhere"], peak_mb=0.0, limit_mb=0)
    assert found["oom_kills"] == 0
