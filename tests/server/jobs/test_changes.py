"""The stream of changes: told at once, of one's own project, to as many as may listen, for a while."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.naming import unique
from tests.server.jobs.shed import DEADLINE_S, Json, Shed, eventually, sse
from trainshed.core.errors import Code
from trainshed.server.services import watching
from trainshed.server.services.feeds import Recent

Stream = Iterator[tuple[str, Json]]


@contextmanager
def watching_jobs(shed: Shed, **headers: str) -> Generator[Stream]:
    """The events of a project's jobs from now on."""
    url = shed.running.v2("training-job-changes")
    with shed.api.stream("GET", url, headers=headers, timeout=DEADLINE_S) as stream:
        assert stream.status_code == 200, stream.read()
        events = sse(stream.iter_lines())
        assert next(events)[0] == "ready"
        yield events


def until_told(events: Stream, job_id: str) -> None:
    """Read on until this job is told of."""
    for kind, data in events:
        if kind == "jobs" and job_id in (data["ids"] or [job_id]):
            return
    raise AssertionError("the stream ended")


def test_a_job_is_told_of_from_its_creation_to_its_deletion(shed: Shed) -> None:
    with watching_jobs(shed) as events:
        job = shed.submit("print(1)")
        job_id = job["metadata"]["id"]
        until_told(events, job_id)
        while shed.show(job)["status"]["phase"] != "Completed":
            until_told(events, job_id)
        changed = shed.api.put(shed.url(job_id), json={"description": "the first of many"})
        assert changed.status_code == 200, changed.text
        until_told(events, job_id)
        assert shed.api.delete(shed.url(job_id)).status_code == 202
        until_told(events, job_id)


def test_only_of_the_project_that_one_asks_for(shed: Shed) -> None:
    made = shed.api.post("/v1/projects", json={"name": unique("other")})
    assert made.status_code == 201, made.text
    url = f"/v2/{made.json()['id']}/training-job-changes"
    with shed.api.stream("GET", url, timeout=DEADLINE_S) as stream, watching_jobs(shed) as ours:
        theirs = sse(stream.iter_lines())
        assert next(theirs)[0] == "ready"
        until_told(ours, shed.submit("print(1)")["metadata"]["id"])
        recent = shed.running.context.services.hub.recent
        assert recent.since(recent.count - 1, made.json()["id"]) == []
    with httpx.Client(base_url=shed.running.endpoint, trust_env=False) as nobody:
        assert nobody.get(shed.running.v2("training-job-changes")).status_code == 401


def test_whoever_opens_too_many_is_told_so(shed: Shed, monkeypatch: pytest.MonkeyPatch) -> None:
    watchers = shed.running.context.services.watchers
    eventually(lambda: not watchers._open)  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(watchers, "_most", 1)
    with watching_jobs(shed):
        answer = shed.api.get(shed.running.v2("training-job-changes"))
        assert answer.status_code == 429
        assert answer.json()["error_code"] == Code.TOO_MANY_STREAMS
    # a place is free again once the other has gone
    eventually(lambda: not watchers._open)  # pyright: ignore[reportPrivateUsage]
    with watching_jobs(shed):
        pass


def test_a_stream_ends_after_a_while_so_that_rights_are_looked_at_again(
    shed: Shed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "LIFE_S", 0.0)
    with watching_jobs(shed) as events:
        assert [kind for kind, _ in events] == ["again"]


def test_more_changes_than_are_kept_mean_all() -> None:
    recent = Recent(3)
    for number in range(5):
        recent.add("p", str(number % 2))
    assert recent.since(5, "p") == []
    assert recent.since(2, "p") == ["0", "1"]
    assert recent.since(1, "p") is None
