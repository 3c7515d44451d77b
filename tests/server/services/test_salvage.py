"""What the script of a lost agent has printed."""

from __future__ import annotations

from pathlib import Path

from trainshed.pools.base import TaskKey
from trainshed.server.services.logs import LogStore
from trainshed.server.services.salvage import salvage

JOB = "06a97e34-95a9-4d74-a2f5-8180141f87cc"


def test_only_what_is_missing_is_taken_over(tmp_path: Path) -> None:
    logs, node = LogStore(tmp_path / "logs"), tmp_path / "node"
    node.mkdir()
    (node / "task.log").write_bytes(b"one\ntwo\nthree\n")
    (node / "rank-1.log").write_bytes(b"of rank 1\n")
    (node / "ps-0.log").write_bytes(b"of a helper\n")
    logs.append(JOB, 2, "worker-1", 0, b"one\ntw")
    for _ in range(2):
        salvage(logs, TaskKey(JOB, 2, 1), node)
    assert logs.read(JOB, 2, "worker-1", 0, 100) == b"one\ntwo\nthree\n"
    assert logs.read(JOB, 2, "worker-1.rank-1", 0, 100) == b"of rank 1\n"
    assert [info.name for info in logs.streams(JOB, 2)] == ["worker-1", "worker-1.rank-1"]
