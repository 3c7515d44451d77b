"""A pool whose agents are played by the test, over real HTTP."""

from __future__ import annotations

import json
import queue
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.server.jobs.shed import Json, Shed
from tests.server.running import Running, running
from trainshed.core.engine import Engine
from trainshed.core.errors import TrainshedError
from trainshed.core.resources import Chip, Flavor, Node, Resources
from trainshed.core.task import Cause, EventKind, Stage, TaskEvent, TaskOutcome, TaskSpec
from trainshed.core.wire import to_wire
from trainshed.pools.base import AgentState, AgentStatus, Gang, Offer, Pool, TaskKey
from trainshed.server.pools import Pools


class HandPool(Pool):
    """Starts nothing: it hands the gangs to the test.

    Attributes:
        started: gangs in the order in which they came.
        stopped: (job, attempt, force) as they were asked for.
        states: what ``poll`` says of agents; UNKNOWN of others.
        refuse: raised by the next starts, one each.
    """

    id = "local"
    kind = "hand"

    def __init__(self, cores: int = 1000) -> None:
        self.cores = cores
        self.started: queue.Queue[Gang] = queue.Queue()
        self.stopped: queue.Queue[tuple[str, int, bool]] = queue.Queue()
        self.states: dict[TaskKey, AgentStatus] = {}
        self.refuse: list[TrainshedError] = []
        self.closed = False

    def nodes(self) -> list[Node]:
        return [Node("hand", Resources(self.cores, 8192))]

    def flavors(self) -> list[Flavor]:
        return [Flavor("cpu-1", Chip.CPU, Resources(1, 1024), max_nodes=self.cores)]

    def offers(self, engine: Engine) -> Offer:
        return Offer(Chip.CPU in engine.chips, "has no card")

    def start(self, gang: Gang) -> None:
        if self.refuse:
            raise self.refuse.pop(0)
        self.started.put(gang)

    def stop(self, job_id: str, attempt: int, *, force: bool = False) -> None:
        self.stopped.put((job_id, attempt, force))

    def poll(self, keys: Sequence[TaskKey]) -> dict[TaskKey, AgentStatus]:
        return {key: self.states.get(key, AgentStatus(AgentState.UNKNOWN)) for key in keys}

    def close(self) -> None:
        self.closed = True

    def lose(self, task: TaskSpec, reason: str = "killed", cause: Cause | None = None) -> None:
        """The agent of this task is gone for good; the pool may know whose doing that was."""
        key = TaskKey(task.job_id, task.attempt, task.index)
        self.states[key] = AgentStatus(AgentState.GONE, reason, cause)
        assert self.on_change is not None
        self.on_change(key)


class HandAgent:
    """Speaks for one task as an agent would."""

    def __init__(self, task: TaskSpec, endpoint: str = "") -> None:
        self.task = task
        base = f"{endpoint or task.reporting.endpoint}/agent/v1/jobs/{task.job_id}"
        self.http = httpx.Client(
            base_url=f"{base}/attempts/{task.attempt}/tasks/{task.index}",
            headers={"Authorization": f"Bearer {task.reporting.token}"},
            trust_env=False,
            timeout=30,
        )
        self.seq = 0

    def send(self, events: Sequence[TaskEvent]) -> httpx.Response:
        return self.http.post("/events", json={"events": [to_wire(event) for event in events]})

    def say(
        self, stage: Stage, kind: EventKind, message: str = "", detail: dict[str, Any] | None = None
    ) -> None:
        """The next event."""
        event = TaskEvent(self.seq, 1000.0 + self.seq, stage, kind, message, detail=detail or {})
        answer = self.send([event])
        self.seq += 1
        assert answer.json() == {"next_seq": self.seq}, answer.text

    def log(self, offset: int, data: bytes, stream: str = "task") -> httpx.Response:
        return self.http.put(f"/logs/{stream}", params={"offset": offset}, content=data)

    def beat(self) -> Json:
        answer = self.http.post("/heartbeat", json={"stage": "run", "time": 0})
        assert answer.status_code == 200, answer.text
        return answer.json()

    def finish(self, cause: Cause = Cause.SUCCESS, **facts: Any) -> None:
        """The last event."""
        outcome = TaskOutcome(cause, Stage.RUN, **{"message": cause.value, "exit_code": 0, **facts})
        self.say(Stage.REPORT, EventKind.FINISHED, outcome.message, to_wire(outcome))


class Hand(Shed):
    """A server with a :class:`HandPool`."""

    def __init__(self, server: Running, folder: Path, pool: HandPool) -> None:
        super().__init__(server, folder)
        self.pool = pool
        self._agents: list[HandAgent] = []

    def close(self) -> None:
        """Let go of all agents."""
        for agent in self._agents:
            agent.http.close()

    def begin(self, **changes: Any) -> tuple[Json, list[HandAgent]]:
        """A job that was placed, and its agents."""
        job = self.submit(**changes)
        return job, self.agents(job["metadata"]["id"])

    def agents(self, job_id: str = "") -> list[HandAgent]:
        """The agents of the next gang that is started (of this job)."""
        gang = self.pool.started.get(timeout=20)
        while job_id and gang.job_id != job_id:
            gang = self.pool.started.get(timeout=20)
        found = [HandAgent(task, self.running.endpoint) for task in gang.tasks]
        self._agents += found
        return found


@contextmanager
def by_hand(
    folder: Path, environments: Path, pool: HandPool | None = None, **settings: Any
) -> Generator[Hand]:
    """Serve ``folder``'s home with a pool in the test's hands."""
    pool = pool or HandPool()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trainshed.server.app.open_pools", lambda *_: Pools([pool]))
        with running(folder / "home", environments=environments, **settings) as server:
            hand = Hand(server, folder / "scripts", pool)
            try:
                yield hand
            finally:
                hand.close()


def raw(events: Sequence[TaskEvent]) -> bytes:
    """The body of a report."""
    return json.dumps({"events": [to_wire(event) for event in events]}).encode()
