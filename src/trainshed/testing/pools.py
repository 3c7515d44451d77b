"""The contract of a pool. A pool passes by giving one fixture::

class TestMyPool(PoolContract):
    @pytest.fixture
    def bench(self, agent_server: Server, tmp_path: Path) -> Iterator[PoolBench]:
        ...

Agents are real, and so is what they run; only the service is played, by a server that is strict about
the agent protocol and remembers everything (:mod:`trainshed.testing.agent_server`).
"""

from __future__ import annotations

import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from trainshed.core.engine import LauncherName
from trainshed.core.job import ChannelBinding
from trainshed.core.resources import Flavor, Placement
from trainshed.core.task import Peer, Reporting, TaskSpec
from trainshed.pools.base import AgentState, AgentStatus, Gang, Pool, TaskKey
from trainshed.testing.agent_server import TOKEN, Server, TaskRecord

PATIENCE_S = 120.0
MARK = b"[ModelArts Service Log]"

HELLO = "print('hello')"
STUBBORN = "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('on', flush=True)\ntime.sleep(600)"
COUNT = "import time\nfor i in range(100):\n    print(i, flush=True)\n    time.sleep(0.02)"
MEET = """
import os, socket
place = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
if os.environ["RANK"] == "0":
    with socket.create_server(place) as server:
        connection, _ = server.accept()
        print("met", connection.recv(100).decode(), flush=True)
else:
    for _ in range(600):
        try:
            socket.create_connection(place).sendall(b"rank " + os.environ["RANK"].encode())
            break
        except ConnectionRefusedError:
            __import__("time").sleep(0.1)
    print("said it", os.environ["WORLD_SIZE"], os.environ["VC_WORKER_NUM"], flush=True)
"""
CHECKPOINTS = """
import os, sys, time
folder = next(a.partition("=")[2] for a in sys.argv if a.startswith("--train_url="))
seen = sorted(os.listdir(folder))
print("found", seen, flush=True)
open(os.path.join(folder, f"step-{len(seen)}.txt"), "w").write("weights")
"""

T = TypeVar("T")


def eventually(look: Callable[[], T], seconds: float = PATIENCE_S) -> T:
    """The first true answer of ``look``."""
    until = time.monotonic() + seconds
    while not (found := look()):
        assert time.monotonic() < until, f"it did not happen in {seconds} s"
        time.sleep(0.02)
    return found


@dataclass
class PoolBench(ABC):
    """A pool and what its tests need around it.

    Attributes:
        pool: under test; ``on_change`` is the bench's.
        server: that agents report to; its address is reached from all nodes.
        folder: that the tests and all nodes see.
        flavor: of the tests' jobs; two of them fit on a node.
        changed: what the pool has told of.
    """

    pool: Pool
    server: Server
    folder: Path
    flavor: Flavor
    changed: list[TaskKey] = field(default_factory=list[TaskKey])

    def __post_init__(self) -> None:
        self.pool.on_change = self.changed.append

    @abstractmethod
    def reopen(self) -> None:
        """Close the pool, as a service that ends does, and open it anew."""

    @abstractmethod
    def kill_agent(self, key: TaskKey) -> None:
        """End the agent of a task with SIGKILL."""

    def kill_node(self, key: TaskKey) -> None:
        """Let the node of a task die, with all that is on it; another node is left for the next job."""
        del key
        pytest.skip("the nodes of this pool cannot die by themselves")

    def placements(self, nodes: int) -> tuple[Placement, ...]:
        """Where a job of so many nodes goes; nowhere yet, for a pool that queues by itself."""
        return () if self.pool.queues else tuple(Placement(self.pool.nodes()[0].name) for _ in range(nodes))

    def close(self) -> None:
        """Let go of the pool."""
        self.pool.close()


class Run:
    """One attempt of a job: its gang, and what its tasks reported."""

    def __init__(self, bench: PoolBench, script: str, nodes: int = 1, **changes: Any) -> None:
        self.bench = bench
        self.id: str = changes.pop("job_id", "") or str(uuid.uuid4())
        self.attempt: int = changes.pop("attempt", 0)
        self.grace_s: int = changes.get("grace_s", 5)
        code = bench.folder / f"code-{self.id}"
        code.mkdir(parents=True, exist_ok=True)
        (code / "train.py").write_text(script)
        self.gang = self._gang(f"file://{code}", nodes, changes)

    def _gang(self, code: str, nodes: int, changes: dict[str, Any]) -> Gang:
        bench, queues = self.bench, self.bench.pool.queues
        reporting = Reporting(bench.server.endpoint, TOKEN, str(bench.server.endpoint_file))
        first = TaskSpec(
            job_id=self.id,
            job_name="contract",
            attempt=self.attempt,
            index=0,
            root="",
            code_dir=code,
            boot_file="train.py",
            engine_id="",
            family="PyTorch",
            launcher=LauncherName.TORCHRUN,
            reporting=reporting,
            peers=() if queues else tuple(Peer(f"127.0.0.{i + 1}") for i in range(nodes)),
            ports=() if queues else (29000 + int(self.id[:3], 16),),
            cpus=bench.flavor.resources.cpus,
            grace_s=5,
            sandbox="none",
            environments_dir=str(bench.folder / "environments"),
        )
        first = replace(first, **changes)
        folder = bench.folder / "jobs" / self.id / str(self.attempt)
        tasks = tuple(replace(first, index=i, root=str(folder / f"worker-{i}")) for i in range(nodes))
        return Gang(self.id, self.attempt, bench.flavor, tasks, bench.placements(nodes))

    def start(self) -> Run:
        self.bench.pool.start(self.gang)
        return self

    def at(self, endpoint: str) -> Run:
        """The same, of a service that came back on another port."""
        reporting = replace(self.gang.tasks[0].reporting, endpoint=endpoint)
        tasks = tuple(replace(task, reporting=reporting) for task in self.gang.tasks)
        self.gang = replace(self.gang, tasks=tasks)
        return self

    @property
    def keys(self) -> list[TaskKey]:
        return [TaskKey(self.id, self.attempt, task.index) for task in self.gang.tasks]

    def record(self, index: int = 0) -> TaskRecord:
        return self.bench.server.task(self.id, self.attempt, index)

    def log(self, index: int = 0) -> bytes:
        """What the script printed."""
        lines = self.record(index).log.splitlines(keepends=True)
        return b"".join(line for line in lines if not line.startswith(MARK))

    def until_log(self, text: bytes, index: int = 0) -> None:
        self.bench.server.wait(lambda: text in self.log(index), PATIENCE_S)

    def outcome(self, index: int = 0) -> dict[str, Any]:
        """How a task ended; waits for it."""
        return self.bench.server.wait(lambda: self.record(index).outcome, PATIENCE_S)

    def state(self, index: int = 0) -> AgentStatus:
        key = self.keys[index]
        return self.bench.pool.poll([key])[key]

    def until_gone(self, index: int = 0) -> AgentStatus:
        def look() -> AgentStatus | None:
            state = self.state(index)
            return state if state.state is AgentState.GONE else None

        found = eventually(look)
        assert found is not None
        return found

    def end(self, index: int = 0, seconds: float = PATIENCE_S) -> tuple[str, str]:
        """Cause and words of a task's end, by its agent or else by the pool."""

        def look() -> tuple[str, str] | None:
            if outcome := self.record(index).outcome:
                return outcome["cause"], outcome["message"]
            state = self.state(index)
            return (state.cause or "", state.reason) if state.state is AgentState.GONE else None

        found = eventually(look, seconds)
        assert found is not None
        return found

    def finished(self, index: int = 0) -> int:
        """How often a task said that it is finished."""
        return [event["kind"] for event in self.record(index).events].count("finished")


class PoolContract:
    """What every pool does, wherever its jobs run."""

    def test_a_job_from_start_to_end(self, bench: PoolBench) -> None:
        run = Run(bench, HELLO).start()
        assert run.outcome()["cause"] == "success"
        assert run.log() == b"hello\n"
        run.until_gone()
        assert run.keys[0] in bench.changed

    def test_starting_twice_is_starting_once(self, bench: PoolBench) -> None:
        run = Run(bench, HELLO).start().start()
        run.outcome()
        run.until_gone()
        run.start()
        run.until_gone()
        assert run.log() == b"hello\n"
        assert run.finished() == 1

    def test_a_script_that_fails(self, bench: PoolBench) -> None:
        run = Run(bench, "import sys\nprint('oh', file=sys.stderr)\nsys.exit(3)").start()
        outcome = run.outcome()
        assert (outcome["cause"], outcome["exit_code"]) == ("user_error", 3)
        assert run.log() == b"oh\n"
        run.until_gone()

    @pytest.mark.parametrize("force", [False, True])
    def test_stop(self, bench: PoolBench, force: bool) -> None:
        run = Run(bench, STUBBORN, grace_s=600 if force else 1).start()
        run.until_log(b"on\n")
        bench.pool.stop(run.id, 0, force=force)
        assert run.outcome()["cause"] == "stopped"
        run.until_gone()
        bench.pool.stop(run.id, 0)

    def test_stop_of_what_is_not_there(self, bench: PoolBench) -> None:
        bench.pool.stop("never-heard-of", 0)
        key = TaskKey("nobody", 0, 0)
        status = bench.pool.poll([key])[key]
        assert status.state is AgentState.GONE
        assert status.reason

    def test_a_script_reaches_its_time_limit(self, bench: PoolBench) -> None:
        run = Run(bench, STUBBORN, grace_s=1, auto_stop_s=1).start()
        assert run.outcome()["cause"] == "timeout"
        run.until_gone()

    def test_no_byte_of_the_log_is_lost(self, bench: PoolBench) -> None:
        run = Run(bench, "for i in range(50_000):\n    print(i, 'x' * 40)").start()
        run.outcome()
        assert run.log() == b"".join(b"%d %s\n" % (i, b"x" * 40) for i in range(50_000))

    def test_outputs_are_stored_and_a_restart_finds_them(self, bench: PoolBench) -> None:
        store = bench.folder / f"out-{uuid.uuid4().hex}"
        output = (ChannelBinding("train_url", f"file://{store}/", predownload=True),)
        first = Run(bench, CHECKPOINTS, outputs=output).start()
        assert first.outcome()["cause"] == "success"
        first.until_gone()
        again = Run(bench, CHECKPOINTS, outputs=output, job_id=first.id, attempt=1).start()
        assert again.outcome()["cause"] == "success"
        assert again.log() == b"found ['step-0.txt']\n"
        assert sorted(path.name for path in store.glob("step-*")) == ["step-0.txt", "step-1.txt"]

    def test_the_nodes_of_a_job_meet(self, bench: PoolBench) -> None:
        run = Run(bench, MEET, nodes=2).start()
        assert [run.outcome(i)["cause"] for i in range(2)] == ["success"] * 2
        assert run.log(0) == b"met rank 1\n"
        assert run.log(1) == b"said it 2 2\n"

    def test_a_job_of_several_nodes_is_stopped_as_a_whole(self, bench: PoolBench) -> None:
        run = Run(bench, STUBBORN, nodes=2, grace_s=1).start()
        for index in range(2):
            run.until_log(b"on\n", index)
        bench.pool.stop(run.id, 0)
        assert [run.outcome(i)["cause"] for i in range(2)] == ["stopped"] * 2
        for index in range(2):
            run.until_gone(index)

    def test_two_jobs_at_once(self, bench: PoolBench) -> None:
        runs = [Run(bench, MEET, nodes=2).start() for _ in range(2)]
        for run in runs:
            assert [run.outcome(i)["cause"] for i in range(2)] == ["success"] * 2

    def test_a_service_that_comes_back_finds_its_jobs(self, bench: PoolBench) -> None:
        run = Run(bench, COUNT).start()
        run.until_log(b"3\n")
        bench.reopen()
        run.start()
        eventually(lambda: run.state().state in (AgentState.RUNNING, AgentState.GONE))
        assert run.outcome()["cause"] == "success"
        assert run.log() == b"".join(b"%d\n" % i for i in range(100))
        run.until_gone()

    def test_a_service_that_is_away_for_a_while_misses_nothing(self, bench: PoolBench) -> None:
        run = Run(bench, COUNT).start()
        run.until_log(b"3\n")
        bench.server.stop()
        time.sleep(3)  # the script ends meanwhile
        bench.server.start()
        run.at(bench.server.endpoint).start()
        assert run.outcome()["cause"] == "success"
        assert run.log() == b"".join(b"%d\n" % i for i in range(100))
        run.until_gone()

    def test_an_agent_is_killed(self, bench: PoolBench) -> None:
        """The script goes on under another agent, or the job ends as a fault that is not the script's."""
        run = Run(bench, COUNT).start()
        run.until_log(b"3\n")
        bench.kill_agent(run.keys[0])
        cause, words = run.end()
        assert cause in ("success", "infrastructure"), words
        whole = b"".join(b"%d\n" % i for i in range(100))
        assert run.log() == whole if cause == "success" else whole.startswith(run.log())
        assert run.finished() <= 1
        run.until_gone()

    def test_a_node_dies(self, bench: PoolBench) -> None:
        run = Run(bench, STUBBORN).start()
        run.until_log(b"on\n")
        bench.kill_node(run.keys[0])
        cause, words = run.end()
        assert cause == "infrastructure", words
        assert run.log() == b"on\n"
        again = Run(bench, HELLO, job_id=run.id, attempt=1).start()
        assert again.outcome()["cause"] == "success"
