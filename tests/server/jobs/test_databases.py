"""The way of a job on each kind of database: insert, moves, reports, restarts of the server, searches."""

from __future__ import annotations

from pathlib import Path

from tests.server.jobs.by_hand import HandPool, by_hand
from trainshed.core.errors import Code, InvalidInput
from trainshed.core.task import Cause, EventKind, MetricSample, Stage, TrainingMetric
from trainshed.core.wire import to_wire


def test_a_job_on_this_database(tmp_path: Path, environments: Path, database_url: str) -> None:
    pool = HandPool()
    settings = {"database_url": database_url}
    with by_hand(tmp_path, environments, pool, **settings) as first:
        job, agents = first.begin(spec__resource__node_count=2)
        name = job["metadata"]["name"]
        assert first.refused(first.body(metadata__name=name))[1] == Code.NAME_TAKEN
        agents[0].say(Stage.RUN, EventKind.STARTED, "né€", {"loss": 0.5})
        agents[0].log(0, b"hello\n")
        numbers = {
            "samples": [to_wire(MetricSample(1000.0, cpu=5.0))],
            "training": [to_wire(TrainingMetric(0, 1000.0, "loss", 0, 0.5))],
        }
        for _ in range(2):
            assert agents[0].http.post("/metrics", json=numbers).status_code == 200
        pool.refuse = [InvalidInput("this cannot be")]
        refused = first.wait(first.submit())
        assert refused["status"]["phase"] == "Abnormal"
    with by_hand(tmp_path, environments, pool, **settings) as second:
        agents = second.agents(job["metadata"]["id"])
        agents[0].seq = 1
        agents[0].finish()
        agents[1].finish(Cause.USER_ERROR, exit_code=3, failed_at=1.0)
        status = second.wait(job)["status"]
        assert (status["phase"], status["outcome"]["exit_code"]) == ("Failed", 3)
        job_id = job["metadata"]["id"]
        assert second.get(job_id, "training-metrics")["metrics"][0]["value"] == 0.5
        assert second.get(job_id, "events", pattern="né€")["total"] == 1
        filters = [{"key": "phase", "operator": "in", "value": ["Failed"]}]
        assert second.search(filters=filters)["total"] == 1
        filters = [{"key": "name", "operator": "like", "value": [name.upper()]}]
        found = second.search(filters=filters, sort_by="duration")
        assert [item["metadata"]["id"] for item in found["items"]] == [job_id]
        filters = [{"key": "create_time", "operator": "between", "value": ["0", "9999999999999"]}]
        assert second.search(filters=filters)["total"] == 2
        assert second.search(host_ips=["nowhere"])["total"] == 0
        assert second.api.delete(second.url(job_id)).status_code == 202
        assert second.total() == 1
