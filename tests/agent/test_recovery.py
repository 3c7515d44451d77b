"""Killed with -9 at many points, and then: every byte, event and output exactly once, nothing left."""

from __future__ import annotations

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from tests.agent.conftest import Job, eventually
from trainshed.agent import agent, processes
from trainshed.agent.journal import Journal
from trainshed.core.engine import LauncherName
from trainshed.core.job import ChannelBinding

SCRIPT = """
import pathlib, sys, time
out = pathlib.Path(sys.argv[-1].split("=")[1])
for i in range({lines}):
    print("line", i, "loss:", i / 10, flush=True)
    time.sleep({pause})
(out / "model").write_text("trained")
"""
ONCE = [
    (stage, kind)
    for stage in ("precheck", "code", "inputs", "environment", "pre-start", "run", "outputs")
    for kind in ("started", "done")
]


@pytest.fixture
def full(job: Job, tmp_path: Path) -> Job:
    """A job that goes through all stages."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "x").write_text("x")
    job.write("echo hook; export A=1\n", "ma-pre-start.sh")
    job.write(SCRIPT.format(lines=5, pause=0))
    job.set(
        inputs=(ChannelBinding("data_url", f"file://{tmp_path}/data/"),),
        outputs=(ChannelBinding("train_url", f"file://{tmp_path}/out/"),),
    )
    return job


def lines(count: int) -> list[bytes]:
    return [f"line {i} loss: {i / 10}\n".encode() for i in range(count)]


def audit(job: Job, tmp_path: Path, count: int, before: tuple[bytes, ...] = ()) -> None:
    """Everything is there exactly once, and nothing is left."""
    record = job.record
    assert job.script_log() == b"".join((*before, *lines(count)))
    assert record.outcome is not None
    assert record.outcome["cause"] == "success"
    told = record.kinds("started", "done", "failed", "finished")
    assert len(told) == len(set(told))
    assert told[-1] == ("report", "finished")
    assert record.log_at_finish == {name: len(log) for name, log in record.logs.items()}
    assert (tmp_path / "out" / "model").read_text() == "trained"
    losses = [m["value"] for m in record.training.values() if m["name"] == "loss"]
    assert losses == [i / 10 for i in range(count)]
    assert record.log.count(b"worker-0 of job a-job starts") == 1
    assert record.log.count(b"the script ended with exit code 0") == 1
    assert job.left() == []


def live_until(job: Job, writes: int, *, after: bool) -> bool:
    """One life of an agent that is killed at its ``writes``-th note in the journal; whether it was.

    Args:
        after: killed when the note is on disk, otherwise just before.
    """
    child = os.fork()
    if child == 0:
        real, count = Journal._write, 0

        def write(self: Journal, entry: dict[str, object]) -> None:
            nonlocal count
            count += 1
            if count == writes and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            real(self, entry)
            if count == writes:
                os.kill(os.getpid(), signal.SIGKILL)

        Journal._write = write  # type: ignore[method-assign]
        try:
            os.setsid()
            agent.run(str(job.root))
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("writes", range(1, 32, 2))
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_agent_killed_at_each_of_its_steps(full: Job, tmp_path: Path, writes: int, after: bool) -> None:
    full.prepare()
    killed = live_until(full, writes, after=after)
    full.run()
    audit(full, tmp_path, 5, (b"hook\n",))
    assert {pair for pair in full.record.kinds() if pair[1] in ("started", "done")} == set(ONCE)
    notes = [e for e in full.record.events if "a new agent goes on" in e["message"]]
    assert len(notes) <= int(killed)


def test_agents_killed_again_and_again(full: Job, tmp_path: Path) -> None:
    full.prepare()
    for writes in (4, 3, 5, 4, 6, 3, 8, 2):
        if not live_until(full, writes, after=True):
            break
    full.run()
    audit(full, tmp_path, 5, (b"hook\n",))


@pytest.mark.parametrize("sandbox", ["none", "namespaces"])
def test_an_agent_killed_while_the_script_runs(job: Job, tmp_path: Path, sandbox: str) -> None:
    job.write(SCRIPT.format(lines=300, pause=0.01))
    job.set(outputs=(ChannelBinding("train_url", f"file://{tmp_path}/out/"),), sandbox=sandbox)
    for reached in (1, 20, 90):
        running = job.start()
        job.server.wait(lambda reached=reached: len(job.script_log().splitlines()) >= reached)
        running.kill()
        running.wait()
    job.run()
    audit(job, tmp_path, 300)


def test_an_agent_killed_and_the_script_ends_alone(job: Job, tmp_path: Path) -> None:
    job.write(SCRIPT.format(lines=30, pause=0.02))
    job.set(outputs=(ChannelBinding("train_url", f"file://{tmp_path}/out/"),))
    running = job.start()
    job.server.wait(job.script_log)
    running.kill()
    running.wait()
    eventually((job.root / "run" / "run.result").exists)
    job.run()
    audit(job, tmp_path, 30)


RANKS = """
import os, time
rank = os.environ["RANK"]
for i in range(200):
    print("r" + rank, i, "x" * 50, flush=True)
    time.sleep(0.005)
print("r" + rank, "end", end="")
"""


def test_the_merged_log_has_every_line_once(job: Job) -> None:
    job.write(RANKS)
    job.set(launcher=LauncherName.TORCHRUN, processes=3)
    for reached in (5, 150, 300):
        running = job.start()
        job.server.wait(lambda reached=reached: len(job.record.log.splitlines()) >= reached)
        running.kill()
        running.wait()
    record = job.run()
    merged = job.script_log().splitlines()
    for rank in range(3):
        own = [f"r{rank} {i} {'x' * 50}".encode() for i in range(200)] + [f"r{rank} end".encode()]
        mark = f"[rank {rank}] ".encode()
        assert [line.removeprefix(mark) for line in merged if line.startswith(mark)] == own
        assert record.logs[f"rank-{rank}"] == b"\n".join(own)
    assert len(merged) == 3 * 201


STUBBORN = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("child", flush=True)
    time.sleep(600)
print("on", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("sandbox", ["none", "namespaces"])
def test_a_killed_supervisor_is_a_fault_of_ours_and_leaves_nothing(job: Job, sandbox: str) -> None:
    job.write(STUBBORN)
    job.set(sandbox=sandbox)
    running = job.start()
    job.server.wait(lambda: len(job.script_log().splitlines()) == 2)
    os.kill(job.supervisor(), signal.SIGKILL)
    assert running.wait(120) == 0
    outcome = job.record.outcome
    assert outcome is not None
    assert (outcome["cause"], outcome["stage"]) == ("infrastructure", "run")
    assert "supervisor" in outcome["message"]
    assert job.left() == []


@pytest.mark.parametrize("sandbox", ["none", "namespaces"])
def test_agent_and_supervisor_killed(job: Job, sandbox: str) -> None:
    job.write(STUBBORN)
    job.set(sandbox=sandbox)
    running = job.start()
    job.server.wait(lambda: len(job.script_log().splitlines()) == 2)
    running.kill()
    os.kill(job.supervisor(), signal.SIGKILL)
    running.wait()
    job.run()
    outcome = job.record.outcome
    assert outcome is not None
    assert outcome["cause"] == "infrastructure"
    assert job.left() == []


def test_a_recovering_agent_can_stop_the_script(job: Job) -> None:
    job.write(STUBBORN)
    job.set(grace_s=1)
    running = job.start()
    job.server.wait(lambda: len(job.script_log().splitlines()) == 2)
    running.kill()
    running.wait()
    second = job.start()
    job.server.wait(lambda: any("new agent" in e["message"] for e in job.record.events))
    second.send_signal(signal.SIGTERM)
    assert second.wait(120) == 0
    assert job.record.outcome is not None
    assert job.record.outcome["cause"] == "stopped"
    assert job.left() == []


def test_the_limit_holds_without_an_agent(job: Job) -> None:
    job.write("import time\nprint('on', flush=True)\ntime.sleep(600)")
    job.set(auto_stop_s=2)
    running = job.start()
    job.server.wait(job.script_log)
    running.kill()
    running.wait()
    eventually(lambda: not job.left())
    job.run()
    assert job.record.outcome is not None
    assert job.record.outcome["cause"] == "timeout"


def test_a_server_killed_while_the_script_runs(job: Job, tmp_path: Path) -> None:
    job.write(SCRIPT.format(lines=200, pause=0.01))
    job.set(outputs=(ChannelBinding("train_url", f"file://{tmp_path}/out/"),))
    running = job.start()
    for reached in (5, 60):
        job.server.wait(lambda reached=reached: len(job.script_log().splitlines()) >= reached)
        job.server.stop()
        time.sleep(0.3)
        job.server.start()
    assert running.wait(120) == 0
    audit(job, tmp_path, 200)


def test_server_and_agent_killed_and_the_script_ends_alone(job: Job, tmp_path: Path) -> None:
    job.write(SCRIPT.format(lines=50, pause=0.02))
    job.set(outputs=(ChannelBinding("train_url", f"file://{tmp_path}/out/"),))
    running = job.start()
    job.server.wait(job.script_log)
    job.server.stop()
    running.kill()
    running.wait()
    eventually((job.root / "run" / "run.result").exists)
    second = job.start()
    eventually(lambda: (job.root / "journal.jsonl").read_text().count('"finished"'))
    job.server.start()
    assert second.wait(120) == 0
    audit(job, tmp_path, 50)


def test_a_server_that_is_away_from_the_start(job: Job, tmp_path: Path) -> None:
    job.write(SCRIPT.format(lines=5, pause=0))
    job.set(outputs=(ChannelBinding("train_url", f"file://{tmp_path}/out/"),))
    job.server.stop()
    running = job.start()
    eventually((tmp_path / "out" / "model").exists)
    job.server.start()
    assert running.wait(120) == 0
    audit(job, tmp_path, 5)


def test_a_server_that_answers_badly_for_a_while(job: Job, tmp_path: Path) -> None:
    answers = iter([500, 502, 404, 500, 503, 429] + [0] * 10000)
    job.server.answer_first = lambda method, path: next(answers)
    job.write(SCRIPT.format(lines=20, pause=0.01))
    job.set(outputs=(ChannelBinding("train_url", f"file://{tmp_path}/out/"),))
    job.run()
    audit(job, tmp_path, 20)


def test_a_refusal_is_said_and_what_was_refused_is_kept(job: Job, tmp_path: Path) -> None:
    """The script goes on and its outputs are stored; only the reports end."""
    job.server.answer_first = lambda method, path: 400 if "/logs/" in path else None
    job.write(SCRIPT.format(lines=20, pause=0.01))
    job.set(outputs=(ChannelBinding("train_url", f"file://{tmp_path}/out/"),))
    assert job.start().wait(120) == 75
    assert (tmp_path / "out").is_dir()
    said = job.agent_log().splitlines()[-1]
    assert "the server refuses the reports of this agent" in said
    assert str(job.root) in said
    assert "made to fail" in said
    assert b"line 19" in (job.root / "log" / "task.log").read_bytes()
    job.server.answer_first = lambda method, path: None
    job.run()
    audit(job, tmp_path, 20)


def test_numbers_that_are_refused_hold_up_nothing(job: Job, tmp_path: Path) -> None:
    job.server.answer_first = lambda method, path: 400 if path.endswith("/metrics") else None
    job.write("print('loss: 0.5', flush=True)")
    record = job.run()
    assert record.outcome is not None
    assert record.outcome["cause"] == "success"
    assert record.training == {}
    assert "numbers were refused" in job.agent_log()


@pytest.mark.parametrize("script", [STUBBORN, "print('done')"], ids=["running", "done"])
def test_nobody_waits_for_a_service_whose_home_was_deleted(job: Job, script: str) -> None:
    job.write(script)
    job.set(grace_s=600)
    job.server.stop()
    running = job.start()
    eventually((job.root / "log" / "task.log").exists)
    eventually(lambda: b"on\n" in (job.root / "log" / "task.log").read_bytes() or script != STUBBORN)
    if script != STUBBORN:
        eventually(lambda: '"finished"' in (job.root / "journal.jsonl").read_text())
    shutil.rmtree(job.root)
    running.wait(120)
    eventually(lambda: job.left() == [])


def test_a_torn_note_is_dropped(full: Job, tmp_path: Path) -> None:
    full.prepare()
    assert live_until(full, 9, after=True)
    with (full.root / "journal.jsonl").open("ab") as journal:
        journal.write(b'{"event": {"seq": 99, "ti')
    full.run()
    audit(full, tmp_path, 5, (b"hook\n",))


def test_processes_are_told_apart_from_later_ones() -> None:
    me = processes.Identity.of(os.getpid())
    assert me is not None
    assert me.alive
    other = processes.Identity(me.pid, me.started + 1)
    assert not other.alive
    assert other.open() is None
    assert not other.send(0)
