"""A pool with a queue of its own: a job is Pending until the pool or an agent says that it runs."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.server.jobs.by_hand import Hand, HandAgent, HandPool, by_hand
from tests.server.jobs.shed import Json, eventually
from trainshed.core.task import EventKind, Stage
from trainshed.pools.base import AgentState, AgentStatus, TaskKey


class QueueingPool(HandPool):
    """As Slurm does, it takes every job at once and runs it when it likes."""

    queues = builds = True

    def say(self, job_id: str, attempt: int, state: AgentState, reason: str = "") -> None:
        """What becomes of the first agent of a job."""
        key = TaskKey(job_id, attempt, 0)
        self.states[key] = AgentStatus(state, reason)
        assert self.on_change is not None
        self.on_change(key)


@pytest.fixture
def pool() -> QueueingPool:
    return QueueingPool()


@pytest.fixture
def hand(tmp_path: Path, environments: Path, pool: QueueingPool) -> Generator[Hand]:
    with by_hand(tmp_path, environments, pool) as found:
        yield found


def phase(hand: Hand, job: Json) -> str:
    return hand.show(job)["status"]["phase"]


def kinds(hand: Hand, job: Json) -> list[str]:
    told = hand.get(job["metadata"]["id"], "events", order="asc", limit=1000)["events"]
    return [event["kind"] for event in told if event["source"] == "service"]


def test_a_job_waits_until_its_pool_says_that_it_runs(hand: Hand, pool: QueueingPool) -> None:
    job, [agent] = hand.begin()
    job_id = job["metadata"]["id"]
    assert phase(hand, job) == "Pending"
    pool.say(job_id, 0, AgentState.WAITING, "Resources")
    eventually(lambda: "Resources" in hand.get(job_id, "why")["sentence"])
    why = hand.get(job_id, "why")
    assert why["sentence"] == "the job waits in the queue of pool local: Resources"
    assert why["sentence_zh"] == "作业正在资源池 local 的队列中等待：Resources"
    assert "start_time" not in hand.show(job)["status"]
    pool.say(job_id, 0, AgentState.RUNNING)
    eventually(lambda: phase(hand, job) == "Running")
    status = hand.show(job)["status"]
    assert (status["reason"], bool(status["start_time"])) == ("", True)
    agent.finish()
    assert hand.wait(job)["status"]["phase"] == "Completed"
    assert kinds(hand, job) == ["created", "queued", "handed_over", "started", "completed"]
    [record] = hand.show(job)["status"]["running_records"]
    assert record["start_at"] == status["start_time"]


def test_an_agent_that_reports_runs(hand: Hand) -> None:
    job, [agent] = hand.begin()
    agent.say(Stage.PRECHECK, EventKind.STARTED)
    assert phase(hand, job) == "Running"
    agent.finish()
    assert hand.wait(job)["status"]["phase"] == "Completed"


def test_a_stop_takes_it_out_of_the_queue(hand: Hand, pool: QueueingPool) -> None:
    job, _ = hand.begin()
    job_id = job["metadata"]["id"]
    hand.stop(job)
    assert phase(hand, job) == "Terminating"
    assert pool.stopped.get(timeout=20) == (job_id, 0, False)
    pool.say(job_id, 0, AgentState.GONE, "cancelled")
    assert hand.wait(job)["status"]["phase"] == "Terminated"
    assert "started" not in kinds(hand, job)


def test_a_job_that_is_lost_in_the_queue_ends(hand: Hand, pool: QueueingPool) -> None:
    job, _ = hand.begin()
    pool.say(job["metadata"]["id"], 0, AgentState.GONE, "cancelled by root")
    done = hand.wait(job)
    assert done["status"]["phase"] == "Abnormal"
    assert "cancelled by root" in done["status"]["reason"]


def test_its_priority_is_the_pools_affair_now(hand: Hand) -> None:
    job, [agent] = hand.begin()
    body = {"spec": {"schedule_policy": {"priority": 2}}}
    answer = hand.api.put(hand.url(job["metadata"]["id"]), json=body)
    assert answer.status_code == 409
    agent.finish()
    hand.wait(job)


def test_a_restarted_service_finds_it_in_the_queue(
    tmp_path: Path, environments: Path, pool: QueueingPool
) -> None:
    with by_hand(tmp_path, environments, pool) as first:
        job, _ = first.begin()
    with by_hand(tmp_path, environments, pool) as second:
        [agent] = second.agents(job["metadata"]["id"])
        assert phase(second, job) == "Pending"
        _finish(agent)
        assert second.wait(job)["status"]["phase"] == "Completed"
        assert second.show(job)["status"]["attempt"] == 0


def _finish(agent: HandAgent) -> None:
    agent.say(Stage.RUN, EventKind.STARTED)
    agent.finish()
