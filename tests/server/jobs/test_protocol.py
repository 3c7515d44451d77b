"""The four calls of agents: repeats, gaps, restarts and lies change nothing that they should not."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.agent.conftest import eventually
from tests.server.jobs.by_hand import Hand, HandAgent, HandPool, by_hand
from tests.server.jobs.shed import Json
from trainshed.core.errors import Code, InvalidInput, Unavailable
from trainshed.core.resources import Node, Resources
from trainshed.core.task import (
    Cause,
    EventKind,
    MetricSample,
    Stage,
    TaskEvent,
    TaskOutcome,
    TrainingMetric,
)
from trainshed.core.wire import to_wire

CONTENT = bytes(range(256)) * 2


@pytest.fixture(scope="module")
def hand(tmp_path_factory: pytest.TempPathFactory, environments: Path) -> Generator[Hand]:
    with by_hand(tmp_path_factory.mktemp("hand"), environments) as found:
        yield found


def notes(count: int) -> list[TaskEvent]:
    return [TaskEvent(n, 1000.0 + n, Stage.RUN, EventKind.NOTE, f"note {n}") for n in range(count)]


def end(hand: Hand, agent: HandAgent) -> None:
    answer = agent.send([])
    agent.seq = answer.json()["next_seq"]
    agent.finish()


SEND = st.one_of(
    st.tuples(st.just("log"), st.integers(0, 600), st.integers(0, 300)),
    st.tuples(st.just("events"), st.integers(0, 10), st.integers(0, 5)),
)


@given(sends=st.lists(SEND, max_size=25))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_order_of_repeats_and_gaps_is_harmless(hand: Hand, sends: list[tuple[str, int, int]]) -> None:
    job, [agent] = hand.begin(code_dir=hand.code("print(1)"))
    size, known, events = 0, 0, notes(10)
    for kind, first, count in sends:
        if kind == "log":
            piece = CONTENT[first : first + count]
            answer = agent.log(first, piece)
            if first > size:
                assert answer.status_code == 409
                assert answer.json()["error_code"] == Code.LOG_OFFSET_GAP
            else:
                size = max(size, first + len(piece))
                assert answer.status_code == 200
            assert answer.json()["size"] == size
        else:
            batch = events[first : first + count]
            answer = agent.send(batch)
            if batch and first > known:
                assert answer.status_code == 409
            else:
                known = max(known, first + len(batch)) if batch else known
                assert answer.status_code == 200
            assert answer.json()["next_seq"] == known
    end(hand, agent)
    hand.wait(job)
    url = hand.url(job["metadata"]["id"], "tasks", "worker-0", "logs")
    assert hand.api.get(url).content == CONTENT[:size]
    told = hand.get(job["metadata"]["id"], "events", order="asc", limit=1000)["events"]
    heard = [event["message"] for event in told if event["kind"] == "note"]
    assert heard == [f"worker-0: note {n}" for n in range(known)]


def test_a_server_that_restarts_knows_what_it_has(tmp_path: Path, environments: Path) -> None:
    pool = HandPool()
    events = notes(4)
    with by_hand(tmp_path, environments, pool) as first:
        job, [agent] = first.begin()
        assert agent.send(events[:3]).json() == {"next_seq": 3}
        agent.log(0, b"one\n")
        task = agent.task
    with by_hand(tmp_path, environments, pool) as second:
        [again] = second.agents()
        assert again.task.reporting.token == task.reporting.token
        assert (again.task.ports, again.task.peers) == (task.ports, task.peers)
        assert again.send([]).json() == {"next_seq": 3}
        assert again.send(events[2:]).json() == {"next_seq": 4}
        assert again.log(0, b"one\ntwo\n").json() == {"size": 8}
        again.seq = 4
        again.finish()
        assert second.wait(job)["status"]["phase"] == "Completed"
        assert second.log(job) == "one\ntwo\n"
    with by_hand(tmp_path, environments, pool) as third:
        assert third.show(job)["status"]["phase"] == "Completed"
        assert pool.started.empty()


def test_a_stop_is_known_after_a_restart(tmp_path: Path, environments: Path) -> None:
    pool = HandPool()
    with by_hand(tmp_path, environments, pool) as first:
        job, _ = first.begin()
        first.stop(job)
        assert pool.stopped.get(timeout=20)[0] == job["metadata"]["id"]
    with by_hand(tmp_path, environments, pool) as second:
        [agent] = second.agents()
        assert pool.stopped.get(timeout=20)[0] == job["metadata"]["id"]
        assert agent.beat() == {"commands": [{"kind": "stop", "force": False}], "over": False}
        agent.finish(Cause.STOPPED, exit_code=1)
        assert second.wait(job)["status"]["phase"] == "Terminated"


def test_a_waiting_job_is_known_after_a_restart(tmp_path: Path, environments: Path) -> None:
    pool = HandPool(cores=1)
    with by_hand(tmp_path, environments, pool) as first:
        running, _ = first.begin()
        waiting = first.submit()
        assert first.get(waiting["metadata"]["id"], "why")["position"] == 1
    with by_hand(tmp_path, environments, pool) as second:
        [agent] = second.agents()
        assert agent.task.job_id == running["metadata"]["id"]
        assert second.get(waiting["metadata"]["id"], "why")["position"] == 1
        agent.finish()
        [next_agent] = second.agents()
        assert next_agent.task.job_id == waiting["metadata"]["id"]
        next_agent.finish()
        second.wait(waiting)


def test_a_token_opens_its_own_attempt_and_nothing_else(hand: Hand) -> None:
    job, [agent] = hand.begin()
    other, [stranger] = hand.begin()
    for token in ("x", "x" * 5000, stranger.task.reporting.token, hand.running.ready.token):
        answer = agent.http.post("/events", json={"events": []}, headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["error_code"]) == (401, Code.TOKEN_INVALID)
    answer = hand.api.get(
        hand.url(job["metadata"]["id"]),
        headers={"Authorization": f"Bearer {agent.task.reporting.token}"},
    )
    assert answer.status_code == 401
    for one, found in ((agent, job), (stranger, other)):
        one.finish()
        hand.wait(found)


def test_what_is_over_is_told_to_leave(hand: Hand) -> None:
    job, [agent] = hand.begin()
    assert agent.beat() == {"commands": [], "over": False}
    agent.finish()
    hand.wait(job)
    assert agent.beat() == {"commands": [], "over": True}
    for answer in (agent.send([]), agent.log(0, b"x"), agent.http.post("/metrics", json={})):
        assert (answer.status_code, answer.json()["error_code"]) == (410, Code.ATTEMPT_OVER)


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/events", b"{", 400),
        ("POST", "/events", b'{"events": [1]}', 400),
        ("POST", "/events", b'{"events": {}}', 400),
        ("POST", "/metrics", b"[]", 400),
        ("POST", "/metrics", b'{"samples": [{"time": "now"}]}', 400),
        ("PUT", "/logs/task?offset=-1", b"x", 400),
        ("PUT", "/logs/task?offset=x", b"x", 400),
        ("PUT", "/logs/task", b"x", 400),
        ("PUT", "/logs/..%2f..%2fsecret?offset=0", b"x", 404),
        ("PUT", "/logs/rank-x?offset=0", b"x", 404),
        ("PUT", "/logs/task?offset=0", b"x" * (4 * 1024 * 1024 + 1), 413),
        ("POST", "/events", b" " * (3 * 1024 * 1024), 413),
        ("GET", "/events", b"", 404),
        ("POST", "/shell", b"{}", 404),
        ("POST", "/events/more", b"{}", 404),
    ],
)
def test_what_no_agent_sends_is_refused(hand: Hand, method: str, path: str, body: bytes, status: int) -> None:
    job, [agent] = hand.begin()
    answer = agent.http.request(method, path, content=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["error_code"]
    agent.finish()
    assert hand.wait(job)["status"]["phase"] == "Completed"


def test_a_task_that_the_job_does_not_have(hand: Hand) -> None:
    job, [agent] = hand.begin()
    path = f"{hand.running.endpoint}/agent/v1/jobs/{job['metadata']['id']}/attempts/0/tasks/7/heartbeat"
    answer = agent.http.post(path, json={})
    assert (answer.status_code, answer.json()["error_code"]) == (404, Code.TASK_NOT_FOUND)
    path = path.replace("/attempts/0/", "/attempts/1/")
    assert agent.http.post(path, json={}).status_code == 401
    path = path.replace(job["metadata"]["id"], str(uuid.uuid4()))
    assert agent.http.post(path, json={}).status_code == 401
    agent.finish()
    hand.wait(job)


def test_an_outcome_that_is_none_is_refused_whole(hand: Hand) -> None:
    job, [agent] = hand.begin()
    bad = [*notes(1), TaskEvent(1, 1.0, Stage.REPORT, EventKind.FINISHED, detail={"cause": "luck"})]
    assert agent.send(bad).status_code == 400
    assert agent.send([]).json() == {"next_seq": 0}
    agent.finish()
    assert hand.wait(job)["status"]["phase"] == "Completed"


def test_metrics_may_be_repeated(hand: Hand) -> None:
    job, [agent] = hand.begin()
    body = {
        "samples": [to_wire(MetricSample(1000.0 + n, cpu=10.0 * n)) for n in range(3)],
        "training": [to_wire(TrainingMetric(n, 1000.0, "loss", n, 1.0 / (n + 1))) for n in range(3)],
    }
    for _ in range(2):
        assert agent.http.post("/metrics", json=body).json() == {}
    job_id = job["metadata"]["id"]
    found = hand.get(job_id, "training-metrics")["metrics"]
    assert [m["value"] for m in found] == [1.0, 0.5, 1 / 3]
    use = {item["metric"]: item["value"] for item in hand.get(job_id, "metrics", "worker-0")["metrics"]}
    assert use["cpuUsage"] == [0.0, 10.0, 20.0]
    assert use["gpuUtil"] == [-1.0, -1.0, -1.0]
    agent.finish()
    hand.wait(job)


def test_events_after_the_last_one_change_nothing(hand: Hand) -> None:
    job, agents = hand.begin(spec__resource__node_count=2)
    agents[0].finish(Cause.SUCCESS)
    agents[0].finish(Cause.USER_ERROR, exit_code=1)
    agents[1].finish(Cause.SUCCESS)
    assert hand.wait(job)["status"]["phase"] == "Completed"


def test_the_first_failure_counts_and_ends_the_gang_before_it_has_reported(hand: Hand) -> None:
    job, agents = hand.begin(spec__resource__node_count=3)
    assert [agent.beat()["commands"] for agent in agents] == [[], [], []]
    agents[1].say(Stage.RUN, EventKind.FAILED, "exit code 9")
    assert hand.pool.stopped.get(timeout=20) == (job["metadata"]["id"], 0, False)
    stop = [{"kind": "stop", "force": False}]
    assert [agent.beat()["commands"] for agent in agents] == [stop, [], stop]
    agents[0].finish(Cause.USER_ERROR, exit_code=1, failed_at=1006.0, rank=0)
    agents[2].finish(Cause.STOPPED)
    agents[1].finish(Cause.USER_ERROR, exit_code=9, failed_at=1005.0, rank=1)
    status = hand.wait(job)["status"]
    assert (status["phase"], status["outcome"]["exit_code"], status["outcome"]["rank"]) == ("Failed", 9, 1)


def test_an_agent_that_is_gone_makes_the_job_abnormal(hand: Hand) -> None:
    job, [agent] = hand.begin()
    hand.pool.lose(agent.task, "the node went away")
    status = hand.wait(job)["status"]
    assert status["phase"] == "Abnormal"
    assert "the node went away" in status["reason"]
    assert ("service", "", "lost") in hand.kinds(job)


def test_a_lost_agent_is_started_again_where_it_may_be(hand: Hand) -> None:
    job, [agent] = hand.begin(metadata__annotations={"fault-tolerance/job-retry-num": "1"})
    agent.log(0, b"first try\n")
    hand.pool.lose(agent.task)
    [again] = hand.agents()
    assert again.task.attempt == 1
    assert again.task.reporting.token != agent.task.reporting.token
    assert agent.beat()["over"]
    again.log(0, b"second try\n")
    hand.pool.lose(again.task)
    status = hand.wait(job)["status"]
    assert (status["phase"], status["attempt"]) == ("Abnormal", 1)
    assert [hand.log(job, attempt=n) for n in range(2)] == ["first try\n", "second try\n"]


@pytest.mark.parametrize("told_by", ["pool", "agent"])
def test_preemptions_have_a_budget_of_their_own(hand: Hand, told_by: str) -> None:
    """One that the pool took from its nodes comes back at once, as often as its budget says."""
    notes = {"fault-tolerance/preemption-retry-num": "2", "fault-tolerance/backoff-s": "3600"}
    job, [agent] = hand.begin(metadata__annotations=notes)
    why = "Slurm ended the job to make room for another one"
    for attempt in range(3):
        assert agent.task.attempt == attempt
        if told_by == "pool":
            hand.pool.lose(agent.task, why, Cause.PREEMPTED)
        else:
            agent.finish(Cause.PREEMPTED, exit_code=None, signal=15, message=why)
        if attempt < 2:
            [agent] = hand.agents(job["metadata"]["id"])
    status = hand.wait(job)["status"]
    assert (status["phase"], status["attempt"]) == ("Terminated", 2)
    assert why in status["reason"]
    told = hand.get(job["metadata"]["id"], "events", order="asc", limit=1000)["events"]
    restarts = [event for event in told if event["kind"] == "restarted"]
    for number, event in enumerate(restarts, 1):
        assert f"Started again after a preemption: restart {number} of 2." in event["message"]
    assert len(restarts) == 2


def test_a_preemption_takes_nothing_of_other_budgets(hand: Hand) -> None:
    notes = {"fault-tolerance/job-retry-num": "1"}
    job, [agent] = hand.begin(metadata__annotations=notes)
    hand.pool.lose(agent.task)
    [again] = hand.agents(job["metadata"]["id"])
    hand.pool.lose(again.task, "to make room", Cause.PREEMPTED)
    assert hand.wait(job)["status"]["attempt"] == 1


class TwoNodes(HandPool):
    def nodes(self) -> list[Node]:
        return [Node(name, Resources(1, 8192)) for name in ("n1", "n2")]


def test_a_node_that_failed_is_avoided_after_a_restart_of_the_server_too(
    tmp_path: Path, environments: Path
) -> None:
    notes = {"fault-tolerance/job-retry-num": "3", "fault-tolerance/backoff-s": "20"}
    pool = TwoNodes()
    with by_hand(tmp_path, environments, pool) as first:
        job, [agent] = first.begin(metadata__annotations=notes)
        failed = agent.task.peers[0].name
        first.pool.lose(agent.task)
        eventually(lambda: first.show(job)["status"]["attempt"] == 1)
    with by_hand(tmp_path, environments, pool) as second:
        [again] = second.agents(job["metadata"]["id"])
        assert {failed, again.task.peers[0].name} == {"n1", "n2"}
        again.finish()
        second.wait(job)


def test_a_stopped_agent_that_is_gone_was_stopped(hand: Hand) -> None:
    job, [agent] = hand.begin()
    hand.stop(job, force=True)
    assert hand.pool.stopped.get(timeout=20)[2]
    hand.pool.lose(agent.task)
    assert hand.wait(job)["status"]["phase"] == "Terminated"


def test_a_pool_that_cannot_start_now_is_asked_again(hand: Hand) -> None:
    hand.pool.refuse = [Unavailable("no room for a process")]
    job, [agent] = hand.begin()
    assert agent.task.attempt == 1
    agent.finish()
    status = hand.wait(job)["status"]
    assert (status["phase"], status["attempt"]) == ("Completed", 1)
    assert ("service", "queue", "unplaced") in hand.kinds(job)


def test_a_pool_that_can_never_start_it_ends_the_job(hand: Hand) -> None:
    hand.pool.refuse = [InvalidInput("this cannot be")]
    status = hand.wait(hand.submit())["status"]
    assert (status["phase"], status["reason"]) == ("Abnormal", "this cannot be")


def test_a_log_may_hold_any_bytes(hand: Hand) -> None:
    job, [agent] = hand.begin()
    content = bytes(range(256)) * 1000 + "né€😀".encode()
    for offset in range(0, len(content), 60_001):
        assert agent.log(offset, content[offset : offset + 60_001]).status_code == 200
    agent.finish()
    hand.wait(job)
    url = hand.url(job["metadata"]["id"], "tasks", "worker-0", "logs")
    assert hand.api.get(url).content == content
    text = "".join(data["text"] for kind, data in hand.follow(job, logs=True) if kind == "log")
    assert text.endswith("né€😀")


def test_streams_of_ranks_are_kept_apart(hand: Hand) -> None:
    job, [agent] = hand.begin()
    agent.log(0, b"both", "task")
    agent.log(0, b"mine", "rank-1")
    agent.finish()
    hand.wait(job)
    assert hand.log(job, stream="rank-1") == "mine"
    found = hand.get(job["metadata"]["id"], "tasks", "worker-0", "logs", "streams")["streams"]
    assert [(stream["name"], stream["size"]) for stream in found] == [
        ("worker-0", 4),
        ("worker-0.rank-1", 4),
    ]
    stem = f"modelarts-job-{job['metadata']['id']}"
    names = [stream["file_name"] for stream in found]
    assert names == [f"{stem}-worker-0.log", f"{stem}-proc-rank-1-device-1.txt"]
    url = hand.url(job["metadata"]["id"], "tasks", "worker-0", "logs") + "?stream=rank-1"
    assert hand.api.get(url).headers["Content-Disposition"] == f'inline; filename="{names[1]}"'


def test_times_of_the_stages_are_the_agents_own(hand: Hand) -> None:
    job, [agent] = hand.begin()
    agent.send(
        [
            TaskEvent(0, 1000.0, Stage.CODE, EventKind.STARTED),
            TaskEvent(1, 1002.5, Stage.CODE, EventKind.DONE, duration=2.5),
        ]
    )
    agent.seq = 2
    agent.finish()
    hand.wait(job)
    stages = hand.get(job["metadata"]["id"], "stages")["running_records"][0]["stages"]
    [code] = [stage for stage in stages if stage["name"] == "code"]
    assert (code["start_time"], code["end_time"]) == ("1970-01-01T00:16:40.000Z", "1970-01-01T00:16:42.500Z")


def test_an_outcome_comes_through_unchanged(hand: Hand) -> None:
    job, [agent] = hand.begin()
    outcome = TaskOutcome(Cause.USER_ERROR, Stage.RUN, "killed", "X", None, 9, 3, 17, 1234.5)
    agent.say(Stage.REPORT, EventKind.FINISHED, "killed", to_wire(outcome))
    assert hand.wait(job)["status"]["outcome"] == to_wire(outcome)


def test_little_logs_come_with_events(hand: Hand) -> None:
    job, [agent] = hand.begin()

    def send(seq: int, offset: int, data: bytes, stream: str = "task") -> Json:
        event = to_wire(TaskEvent(seq, 1000.0, Stage.RUN, EventKind.NOTE, f"note {seq}"))
        piece = {"stream": stream, "offset": offset, "data": base64.b64encode(data).decode()}
        answer = agent.http.post("/events", json={"events": [event], "logs": [piece]})
        return {"status": answer.status_code, **answer.json()}

    assert send(0, 0, b"one\n") == {"status": 200, "next_seq": 1, "sizes": {"task": 4}}
    assert send(0, 0, b"one\ntwo\n") == {"status": 200, "next_seq": 1, "sizes": {"task": 8}}
    gap = send(1, 99, b"late\n")
    assert (gap["status"], gap["sizes"]) == (409, {"task": 8})
    assert agent.send([]).json() == {"next_seq": 1}, "the event must not be there before its log"
    assert send(1, 0, b"x", "../../x")["status"] == 404
    for wrong in ("?", {"stream": "task"}, {"stream": "task", "offset": -1, "data": ""}):
        assert agent.http.post("/events", json={"events": [], "logs": [wrong]}).status_code == 400
    agent.seq = 1
    agent.finish()
    hand.wait(job)
    assert hand.log(job) == "one\ntwo\n"
