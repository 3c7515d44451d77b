"""Stopping: the whole tree ends, within the grace period, whatever the script tries."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.agent.conftest import SANDBOXES, Job, eventually
from tests.agent.slow_s3 import slow_s3
from trainshed.agent import processes
from trainshed.core.engine import LauncherName
from trainshed.core.job import ChannelBinding

STUBBORN = """
import os, signal, subprocess, sys, time
{before}
def child(kind):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print(kind, flush=True)
    time.sleep(600)
if os.fork() == 0:
    os.setsid()
    child("setsid")
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            child("double fork")
        os._exit(0)
    os._exit(0)
unmarked = "trap '' TERM; echo no mark; while :; do sleep 1; done"
subprocess.Popen(["/usr/bin/env", "-i", "setsid", "/bin/sh", "-c", unmarked])
time.sleep(600)
"""


def started(job: Job, lines: int) -> None:
    job.server.wait(lambda: len(job.script_log().splitlines()) >= lines)


@pytest.mark.parametrize("sandbox", SANDBOXES)
def test_a_stubborn_tree_ends(job: Job, sandbox: str) -> None:
    job.write(STUBBORN.format(before="signal.signal(signal.SIGTERM, signal.SIG_IGN)"))
    job.set(grace_s=1, sandbox=sandbox)
    agent = job.start()
    started(job, 3)
    supervisor = job.supervisor()
    assert len(processes.descendants(supervisor)) >= 4
    before = time.monotonic()
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(120) == 0
    assert time.monotonic() - before < 60
    record = job.record
    assert record.outcome is not None
    assert record.outcome["cause"] == "stopped"
    assert record.outcome["signal"] == signal.SIGKILL
    eventually(lambda: processes.Identity.of(supervisor) is None)
    assert job.left() == []


def test_the_script_has_its_grace(job: Job, tmp_path: Path) -> None:
    job.write(
        "import signal, sys, time\nout = sys.argv[1].split('=')[1]\n"
        "def on_term(*_):\n    time.sleep(0.5)\n    open(out + 'saved', 'w').write('x')\n    print('saved')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, on_term)\nprint('on', flush=True)\ntime.sleep(600)\n"
    )
    job.set(outputs=(ChannelBinding("train_url", f"file://{tmp_path}/out/"),))
    agent = job.start()
    started(job, 1)
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(120) == 0
    record = job.record
    assert record.outcome is not None
    assert (record.outcome["cause"], record.outcome["exit_code"]) == ("stopped", 0)
    assert job.script_log() == b"on\nsaved\n"
    assert (tmp_path / "out" / "saved").exists()


def test_a_forced_stop_does_not_wait(job: Job) -> None:
    job.write(STUBBORN.format(before="signal.signal(signal.SIGTERM, signal.SIG_IGN)"))
    job.set(grace_s=300)
    agent = job.start()
    started(job, 3)
    agent.send_signal(signal.SIGTERM)
    agent.send_signal(signal.SIGUSR1)
    assert agent.wait(120) == 0
    assert job.left() == []


def test_the_server_can_stop_it_too(job: Job) -> None:
    job.write("import time\nprint('on', flush=True)\ntime.sleep(600)")
    job.record.commands.append({"kind": "stop", "force": False})
    assert job.start().wait(120) == 0
    assert job.record.outcome is not None
    assert job.record.outcome["cause"] == "stopped"


def test_an_attempt_that_is_over_leaves_at_once(job: Job) -> None:
    job.write(STUBBORN.format(before="signal.signal(signal.SIGTERM, signal.SIG_IGN)"))
    job.set(grace_s=300)
    agent = job.start()
    started(job, 3)
    job.record.over = True
    assert agent.wait(120) == 0
    assert job.record.outcome is None
    assert job.left() == []


def test_a_stop_before_the_script_starts(job: Job) -> None:
    job.write("sleep 600", "ma-pre-start.sh")
    job.write("print('never')")
    agent = job.start()
    job.server.wait(lambda: ("pre-start", "started") in job.record.kinds())
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(120) == 0
    record = job.record
    assert record.outcome is not None
    assert (record.outcome["cause"], record.outcome["stage"]) == ("stopped", "pre-start")
    assert record.outcome["exit_code"] is None
    assert b"never" not in job.script_log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1], ids=["stop", "force"])
def test_a_stop_during_a_large_copy(job: Job, number: signal.Signals) -> None:
    """It does not wait for the copy, and what has come of it is given back."""
    job.write("print('never')")
    with slow_s3() as store:
        job.set(buckets={"slow": store.bucket}, inputs=(ChannelBinding("data_url", "s3://slow/data/"),))
        agent = job.start()
        assert store.asked.wait(60), job.agent_log()
        agent.send_signal(number)
        assert agent.wait(60) == 0
    outcome = job.record.outcome
    assert outcome is not None
    assert (outcome["cause"], outcome["stage"]) == ("stopped", "inputs")
    assert b"never" not in job.script_log()
    assert not list((job.root / "ma-user" / "modelarts" / "inputs").rglob("big*"))


def test_what_a_finished_script_leaves_behind_is_ended(job: Job) -> None:
    job.write(
        "import subprocess\nsubprocess.Popen(['setsid', 'sleep', '600'])\nprint('done')\n"
        "subprocess.Popen(['/bin/sh', '-c', 'trap \"\" TERM; sleep 601'], start_new_session=True)\n"
    )
    job.set(grace_s=1)
    record = job.run()
    assert record.outcome is not None
    assert record.outcome["cause"] == "success"
    assert job.left() == []


RANK = """
import os, sys, time
rank = int(os.environ["RANK"])
print("rank", rank, flush=True)
while not os.path.exists(os.environ["MA_LOG_DIR"] + "/go"): time.sleep(0.01)
if rank == 2: sys.exit(5)
if rank == 1:
    import signal
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
time.sleep(600)
"""


def test_the_first_rank_that_fails_ends_the_others(job: Job) -> None:
    job.write(RANK)
    job.set(launcher=LauncherName.TORCHRUN, processes=4, grace_s=1)
    agent = job.start()
    started(job, 4)
    before = time.monotonic()
    (job.root / "ma-user/modelarts/log/go").touch()
    assert agent.wait(120) == 0
    assert time.monotonic() - before < 60
    record = job.record
    assert record.outcome is not None
    assert record.outcome["cause"] == "user_error"
    assert (record.outcome["rank"], record.outcome["exit_code"]) == (2, 5)
    assert record.outcome["message"] == "rank 2 ended with exit code 5"
    assert sorted(job.script_log().splitlines()) == [b"[rank %d] rank %d" % (r, r) for r in range(4)]
    assert record.logs["rank-2"] == b"rank 2\n"
    assert job.left() == []


def test_a_stopped_process_is_ended_too(job: Job) -> None:
    job.write(
        "import os, signal\nprint('on', flush=True)\nos.kill(os.getpid(), signal.SIGSTOP)\nprint('never')"
    )
    agent = job.start()
    started(job, 1)
    agent.send_signal(signal.SIGTERM)
    assert agent.wait(120) == 0
    assert job.left() == []


def test_a_stop_that_came_while_no_agent_lived(job: Job) -> None:
    job.write("print('never')")
    job.prepare()
    (job.root / "stop.json").write_text('{"force": false}')
    job.run()
    assert job.record.outcome is not None
    assert job.record.outcome["cause"] == "stopped"
    assert job.script_log() == b""
    eventually(lambda: not job.left())
