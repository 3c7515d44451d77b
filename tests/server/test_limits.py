"""Quotas, the disk, and how long logs are kept."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from tests.server.jobs.by_hand import Hand, by_hand
from tests.server.running import Running
from tests.servers.receivers import hook
from trainshed.core.errors import Code, Unavailable
from trainshed.jobs.queue import Quota, Reason
from trainshed.server.db.tables import jobs
from trainshed.server.services import disk as disks
from trainshed.server.services.disk import DiskWatch, Room
from trainshed.server.services.upkeep import delete_old_logs, tree_size

GIB = 1024**3
WAIT_S = 60.0


@pytest.fixture
def hand(tmp_path: Path) -> Generator[Hand]:
    with by_hand(tmp_path, tmp_path / "environments") as found:
        yield found


def until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_S
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


def limit(hand: Hand, **quota: int) -> None:
    answer = hand.api.put(f"/v1/projects/{hand.running.project_id}/quota", json=quota)
    assert answer.status_code == 200, answer.text
    assert answer.json()["quota"] == quota


def used(hand: Hand) -> dict[str, Any]:
    return hand.api.get(f"/v1/projects/{hand.running.project_id}/quota").json()["used"]


def test_jobs_over_a_quota_wait_and_say_why(hand: Hand):
    limit(hand, jobs=1)
    _, (agent,) = hand.begin()
    second = hand.submit()
    why = hand.get(second["metadata"]["id"], "why")
    assert (why["reason"], why["facts"]["quota"]) == (Reason.QUOTA, 1)
    assert (used(hand)["jobs"], used(hand)["queued"]) == (1, 1)
    agent.finish()
    (agent,) = hand.agents(second["metadata"]["id"])
    third = hand.submit()
    limit(hand, jobs=2)
    (other,) = hand.agents(third["metadata"]["id"])
    agent.finish()
    other.finish()


def test_a_quota_holds_after_a_restart(tmp_path: Path):
    with by_hand(tmp_path, tmp_path / "environments") as hand:
        limit(hand, jobs=0)
        waits = hand.submit()["metadata"]["id"]
    with by_hand(tmp_path, tmp_path / "environments") as hand:
        until(lambda: hand.get(waits, "why")["reason"] == Reason.QUOTA)
        assert hand.pool.started.empty()
        limit(hand)
        hand.agents(waits)[0].finish()


def test_a_quota_is_on_all_pools_together(hand: Hand):
    job, (agent,) = hand.begin()
    agent.finish()
    hand.wait(job)
    desk = hand.running.context.services.dispatcher._desk
    scheduler = desk.board.schedulers["local"]
    project = hand.running.project_id
    scheduler.set_quota(project, Quota(jobs=1))
    scheduler.set_elsewhere(project, 1, 0)
    assert scheduler.held(project) == (0, 0)
    waits = hand.submit()["metadata"]["id"]
    assert hand.get(waits, "why")["reason"] == Reason.QUOTA


def test_a_job_runs_no_longer_than_its_project_allows(hand: Hand):
    limit(hand, job_hours=2)
    _, (agent,) = hand.begin()
    assert agent.task.auto_stop_s == 7200
    _, (short,) = hand.begin(spec__auto_stop={"time_unit": "HOURS", "duration": 1})
    assert short.task.auto_stop_s == 3600
    body = hand.body(spec__auto_stop={"time_unit": "HOURS", "duration": 3})
    status, code, message = hand.refused(body)
    assert (status, code) == (403, Code.QUOTA_EXCEEDED)
    assert "2 hours" in message
    agent.finish()
    short.finish()


def test_storage_over_a_quota_is_refused_until_there_is_room(hand: Hand):
    server = hand.running
    uri = {"uri": "obs://trainshed/big"}
    limit(hand, storage_bytes=1000)
    until(lambda: server.context.quotas.storage(server.project_id))
    assert server.api.put(server.v2("objects"), params=uri, content=b"x" * 2000).status_code == 200
    again = server.api.put(server.v2("objects"), params={"uri": "obs://trainshed/more"}, content=b"x")
    assert (again.status_code, again.json()["error_code"]) == (403, Code.QUOTA_EXCEEDED)
    assert hand.refused(hand.body())[:2] == (403, Code.QUOTA_EXCEEDED)
    assert used(hand)["storage_bytes"] == 2000
    assert server.api.delete(server.v2("objects"), params=uri).status_code == 200
    server.context.services.upkeep.measure()
    assert server.api.put(server.v2("objects"), params=uri, content=b"x").status_code == 200


def test_a_running_job_is_told_when_its_project_stores_too_much(hand: Hand):
    limit(hand, storage_bytes=1000)
    _, (agent,) = hand.begin()
    assert "full" not in agent.beat()
    bucket = next(b["path"] for b in agent.task.buckets.values() if b["kind"] == "folder")
    (Path(bucket) / "checkpoint").write_bytes(b"x" * 2000)  # as agents store outputs: without the service
    said = until(lambda: agent.beat().get("full"))
    assert said == (
        "the project stores 2,000 bytes and its quota is 1,000: delete something, or have the quota raised"
    )
    (Path(bucket) / "checkpoint").unlink()
    until(lambda: "full" not in agent.beat())
    agent.finish()


@pytest.mark.parametrize("quota", [{"jobs": -1}, {"jobs": "many"}, {"job_hours": 0}, {"storage_bytes": 1.5}])
def test_a_quota_that_cannot_be_is_refused(hand: Hand, quota: dict[str, Any]):
    url = f"/v1/projects/{hand.running.project_id}/quota"
    assert hand.api.put(url, json=quota).status_code == 400
    assert hand.api.get(url).json()["quota"] == {}


def test_the_official_quota_shows_the_limit(hand: Hand):
    limit(hand, jobs=7)
    (found,) = hand.api.get(hand.running.v2("training-quotas")).json()["quotas"]
    assert (found["resource"], found["quota"]) == ("job-num", 7)


# ---- the disk


class Disk:
    """A disk whose room the test sets."""

    def __init__(self, free: int = 10 * GIB) -> None:
        self.room = Room("/data", free, 100 * GIB, 1000, 1000)

    def __call__(self, _: Path) -> Room:
        return self.room

    def leave(self, free: int, inodes: int = 1000) -> None:
        self.room = replace(self.room, free=free, inodes_free=inodes)


def test_the_disk_is_low_below_the_reserve_and_good_again_well_above():
    disk = Disk()
    watch = DiskWatch([Path("/")], GIB, disk)
    watch.check()
    disk.leave(GIB - 1)
    assert watch.look()
    with pytest.raises(Unavailable, match="goes on by itself") as caught:
        watch.check()
    assert (caught.value.code, caught.value.retry_after) == (Code.DISK_LOW, 60)
    disk.leave(int(GIB * 1.05))
    assert not watch.look()
    assert watch.low
    disk.leave(int(GIB * 1.2))
    assert watch.look()
    watch.check()
    disk.leave(10 * GIB, inodes=5)
    assert watch.look()
    assert "5 files" in watch.sentence()


def test_room_is_measured_where_a_folder_will_be(tmp_path: Path):
    assert disks.room(tmp_path / "a" / "b").free > 0


def test_a_low_disk_stops_what_is_new_and_goes_on_by_itself(tmp_path: Path):
    with hook() as receiver, by_hand(tmp_path, tmp_path / "environments") as hand:
        server, disk = hand.running, Disk()
        watch = server.context.disk
        watch._measure = disk
        body = {"name": "disk", "kind": "webhook", "address": receiver.url, "events": ["service.disk"]}
        assert server.api.post(server.v2("notifications"), json=body).status_code == 201
        _, (agent,) = hand.begin()
        limit(hand, jobs=1)
        waits = hand.submit()["metadata"]["id"]
        disk.leave(0)
        server.context.services.upkeep.watch_disk()
        assert receiver.next().json["title"] == "trainshed: no new jobs, the disk is low"
        status, code, message = hand.refused(hand.body())
        assert (status, code) == (503, Code.DISK_LOW)
        assert "/data" in message
        answer = server.api.put(server.v2("objects"), params={"uri": "obs://trainshed/x"}, content=b"x")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
        health = server.api.get("/v1/health").json()
        assert (health["accepting_jobs"], health["disk"]["low"]) == (False, True)
        limit(hand)
        assert hand.get(waits, "why")["reason"] == Reason.DISK
        # what runs goes on, to its end
        assert agent.log(0, b"still here\n").status_code == 200
        agent.finish()
        assert hand.pool.started.empty()
        disk.leave(10 * GIB)
        server.context.services.upkeep.watch_disk()
        assert receiver.next().json["title"] == "trainshed: jobs are taken again"
        hand.agents(waits)[0].finish()
        assert server.api.get("/v1/health").json()["accepting_jobs"]


# ---- old logs


def test_logs_of_jobs_that_ended_long_ago_are_deleted(hand: Hand):
    server, now = hand.running, time.time()
    old, exported, fresh, live = (hand.begin() for _ in range(4))
    for _, (agent,) in (old, exported, fresh, live):
        agent.log(0, b"line\n")
    for job, (agent,) in (old, exported, fresh):
        agent.finish()
        hand.wait(job)
    ids = [job["metadata"]["id"] for job, _ in (old, exported, fresh, live)]
    with server.context.db.write() as connection:
        long_ago = {"ended_at": now - 31 * 86_400}
        connection.execute(update(jobs).where(jobs.c.id.in_(ids[:2])).values(long_ago))
        spec = {**connection.execute(jobs.select().where(jobs.c.id == ids[1])).mappings().one()["spec"]}
        kept = {"spec": {**spec, "log_uri": "obs://trainshed/logs/"}}
        connection.execute(update(jobs).where(jobs.c.id == ids[1]).values(kept))
    orphan = server.context.log_root / str(uuid.uuid4())
    orphan.mkdir()
    gone = delete_old_logs(server.context, server.context.services.logs, now - 30 * 86_400)
    assert gone == [ids[0]]
    there = [(server.context.log_root / job_id).exists() for job_id in ids]
    assert there == [False, True, True, True]
    assert orphan.exists()
    assert hand.show(old[0])["status"]["phase"] == "Completed"
    live[1][0].finish()


def test_old_logs_are_deleted_by_themselves(serve: Callable[..., Running]):
    server = serve(log_days=0)
    assert server.api.get("/v1/health").json()["log_days"] == 0
    server.context.services.upkeep.delete_old()


def test_the_size_of_a_tree_counts_files_once_and_follows_no_links(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x").write_bytes(b"x" * 100)
    (tmp_path / "link").symlink_to("/usr")
    (tmp_path / "loop").symlink_to(tmp_path)
    assert tree_size(tmp_path) == 100
    assert tree_size(tmp_path / "nothing") == 0
