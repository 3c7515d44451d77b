"""The way of a task through its stages."""

from __future__ import annotations

from tests.agent.conftest import Job


def test_a_trivial_script(job: Job) -> None:
    job.write("print('hello')")
    record = job.run()
    assert job.script_log() == b"hello\n"
    assert record.kinds("started", "done", "failed", "finished") == [
        ("precheck", "started"),
        ("precheck", "done"),
        ("code", "started"),
        ("code", "done"),
        ("environment", "started"),
        ("environment", "done"),
        ("run", "started"),
        ("run", "done"),
        ("report", "finished"),
    ]
    assert record.outcome is not None
    assert record.outcome["cause"] == "success"
    assert record.outcome["exit_code"] == 0
    assert all(e["duration"] >= 0 for e in record.events)
