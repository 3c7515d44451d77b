"""What can befall a job on a real cluster: each ends as what it is, nothing is lost, nothing runs twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pools.slurm_bench import SlurmBench
from tests.servers.slurm import SlurmCluster
from trainshed.core.errors import Unavailable
from trainshed.pools.base import AgentState
from trainshed.testing.agent_server import Server
from trainshed.testing.pools import COUNT, HELLO, STUBBORN, Run, eventually

pytestmark = pytest.mark.xdist_group("slurm")

ON = "import time\nprint('on', flush=True)\ntime.sleep(600)"
UNTIL_TOLD = """
import os, time
print("on", flush=True)
while not os.path.exists({word!r}):
    time.sleep(0.05)
print("off", flush=True)
"""
GREEDY = "import time\nprint('on', flush=True)\nkept = bytearray(b'x') * (900 << 20)\ntime.sleep(600)"


@pytest.fixture
def bench(server: Server, tmp_path: Path, cluster: SlurmCluster) -> Iterator[SlurmBench]:
    bench = SlurmBench.on(cluster, server, tmp_path)
    yield bench
    bench.close()


def on(bench: SlurmBench, script: str = ON, **changes: int) -> tuple[Run, str]:
    """A run whose script is at work, and Slurm's number of it."""
    run = Run(bench, script, **changes).start()
    for index in range(len(run.keys)):
        run.until_log(b"on\n", index)
    return run, bench.slurm_id(run.keys[0])


def until_told(word: Path) -> str:
    """A script that goes on until the file ``word`` is there."""
    return UNTIL_TOLD.format(word=str(word))


def state_in_slurm(cluster: SlurmCluster, slurm_id: str) -> str:
    shown = cluster.run("scontrol", "--oneliner", "show", "job", slurm_id, check=False)
    return shown.partition("JobState=")[2].partition(" ")[0]


def test_the_controller_is_killed_and_comes_back(
    bench: SlurmBench, cluster: SlurmCluster, tmp_path: Path
) -> None:
    """Meanwhile nothing is concluded, and a new job is refused as what may work later."""
    run, _ = on(bench, until_told(tmp_path / "word"))
    cluster.save()
    cluster.kill_controller()
    try:
        eventually(lambda: run.state().state is AgentState.UNKNOWN)
        assert "Slurm does not answer" in run.state().reason
        with pytest.raises(Unavailable, match="controller does not answer"):
            Run(bench, HELLO).start()
    finally:
        cluster.start_controller()
    eventually(lambda: run.state().state is AgentState.RUNNING)
    (tmp_path / "word").touch()
    assert run.outcome()["cause"] == "success"
    assert run.log() == b"on\noff\n"
    run.until_gone()


def test_the_controller_forgets_that_it_started_the_job(bench: SlurmBench, cluster: SlurmCluster) -> None:
    """As when it is killed just after; it starts the job a second time then, and ends the first run."""
    cluster.run("scontrol", "update", "partitionname=main", "state=down")
    run = Run(bench, ON).start()
    slurm_id = bench.slurm_id(run.keys[0])
    cluster.run("scontrol", "hold", slurm_id)
    before = cluster.save()
    cluster.run("scontrol", "update", "partitionname=main", "state=up")
    cluster.run("scontrol", "release", slurm_id)
    run.until_log(b"on\n")
    cluster.kill_controller()
    cluster.memory.write_bytes(before)
    cluster.start_controller()
    cluster.run("scontrol", "release", slurm_id)
    cause, words = run.end()
    assert cause == "infrastructure", words
    assert "started the job a second time" in words
    run.until_gone()
    assert run.log() == b"on\n"
    assert state_in_slurm(cluster, slurm_id) != "RUNNING"


def test_only_slurms_daemon_of_a_node_dies(bench: SlurmBench, cluster: SlurmCluster, tmp_path: Path) -> None:
    """Slurm gives the node up with all that is on it; the job goes on there, and is not given up."""
    run, slurm_id = on(bench, until_told(tmp_path / "word"))
    node = eventually(lambda: run.state().node)
    cluster.kill_daemon(node)
    cluster.run("scontrol", "update", f"nodename={node}", "state=down", "reason=silent")
    eventually(lambda: state_in_slurm(cluster, slurm_id) == "NODE_FAIL")
    eventually(lambda: "still at work" in run.state().reason)
    assert run.state().state is AgentState.RUNNING
    (tmp_path / "word").touch()
    assert run.outcome()["cause"] == "success"
    assert run.log() == b"on\noff\n"
    run.until_gone()


def test_one_node_of_two_dies(bench: SlurmBench) -> None:
    run, _ = on(bench, STUBBORN, nodes=2)
    bench.kill_node(run.keys[1])
    causes = [run.end(index)[0] for index in range(2)]
    assert causes[1] == "infrastructure"
    assert causes[0] in ("infrastructure", "stopped")
    assert "node" in run.end(1)[1]


def test_more_memory_than_asked_for(bench: SlurmBench) -> None:
    run, _ = on(bench, GREEDY)
    cause, words = run.end()
    assert cause == "user_error", words
    assert "memory" in words
    assert run.log() == b"on\n"


def test_preemption(bench: SlurmBench, cluster: SlurmCluster) -> None:
    run, _ = on(bench)
    urgent = cluster.run(
        "sbatch", "--parsable", "--partition=urgent", "--nodes=4", "--exclusive", "--output=/dev/null",
        "--wrap=true",
    ).strip()  # fmt: skip
    cause, words = run.end()
    assert cause == "preempted", words
    assert "make room" in words
    eventually(lambda: state_in_slurm(cluster, urgent) == "COMPLETED")
    again = Run(bench, HELLO, job_id=run.id, attempt=1).start()
    assert again.outcome()["cause"] == "success"


def test_an_administrator_requeues_it(bench: SlurmBench, cluster: SlurmCluster) -> None:
    """Slurm would run it again by itself; that is ours to decide, and it must not run twice."""
    run, slurm_id = on(bench)
    cluster.run("scontrol", "update", f"jobid={slurm_id}", "requeue=1")
    cluster.run("scontrol", "requeue", slurm_id)
    cause, words = run.end()
    assert cause == "infrastructure", words
    assert "requeued" in words
    run.until_gone()
    eventually(lambda: state_in_slurm(cluster, slurm_id) in ("CANCELLED", "COMPLETED", ""))
    assert run.log() == b"on\n"


@pytest.mark.parametrize("state", ["running", "pending"])
def test_scancel_behind_our_back(bench: SlurmBench, cluster: SlurmCluster, state: str) -> None:
    if state == "running":
        _, slurm_id = run, _ = on(bench)
    else:
        cluster.run("scontrol", "update", "partitionname=main", "state=down")
        run = Run(bench, HELLO).start()
        slurm_id = bench.slurm_id(run.keys[0])
        eventually(lambda: run.state().state is AgentState.WAITING)
    try:
        cluster.run("scancel", slurm_id)
        cause, words = run.end()
    finally:
        cluster.run("scontrol", "update", "partitionname=main", "state=up")
    assert cause == "stopped", words
    assert "cancelled in Slurm" in words


def test_a_held_job_says_so(bench: SlurmBench, cluster: SlurmCluster) -> None:
    cluster.run("scontrol", "update", "partitionname=main", "state=down")
    try:
        run = Run(bench, HELLO).start()
        cluster.run("scontrol", "hold", bench.slurm_id(run.keys[0]))
        why = eventually(lambda: w if (w := bench.pool.why(run.id, 0)) and "held" in w.sentence else None)
        assert why is not None
        assert "scontrol release" in why.unblock
    finally:
        cluster.run("scontrol", "update", "partitionname=main", "state=up")
    cluster.run("scontrol", "release", bench.slurm_id(run.keys[0]))
    assert run.outcome()["cause"] == "success"


def test_slurms_own_time_limit(bench: SlurmBench, cluster: SlurmCluster) -> None:
    """Slurm counts whole minutes, and looks twice a minute."""
    run, slurm_id = on(bench)
    cluster.run("scontrol", "update", f"jobid={slurm_id}", "timelimit=1")
    cause, words = run.end(seconds=240)
    assert cause == "timeout", words
    assert "time limit" in words


def test_the_agent_is_killed_after_the_service_went_away(bench: SlurmBench) -> None:
    """All that is left is on the shared folder; it is told when the service is back."""
    run = Run(bench, COUNT).start()
    run.until_log(b"3\n")
    bench.server.stop()
    bench.kill_agent(run.keys[0])
    bench.server.start()
    run.at(bench.server.endpoint).start()
    bench.reopen()
    run.start()
    cause, words = run.end()
    assert cause in ("success", "infrastructure"), words
    whole = b"".join(b"%d\n" % i for i in range(100))
    assert whole.startswith(run.log())
    run.until_gone()
