"""From what happens to a job to what arrives: over HTTP, with retries that a restart does not lose."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from standardwebhooks.webhooks import Webhook as Verifier

from tests.server.jobs.by_hand import Hand, by_hand
from tests.server.people import people_of
from tests.server.running import Running, running
from tests.servers.receivers import Hook, hook, mailbox
from trainshed.core.errors import Code
from trainshed.core.task import Cause
from trainshed.server.db.tables import deliveries as table
from trainshed.server.services import delivery

WAIT_S = 60.0


@pytest.fixture
def receiver() -> Generator[Hook]:
    with hook() as found:
        yield found


@pytest.fixture(scope="module")
def hand(tmp_path_factory: pytest.TempPathFactory) -> Generator[Hand]:
    folder = tmp_path_factory.mktemp("hand")
    with by_hand(folder, folder / "environments") as found:
        yield found


def add(server: Running, url: str, *events: str, **fields: Any) -> dict[str, Any]:
    body = {
        "name": f"n{secrets.token_hex(6)}",
        "kind": "webhook",
        "address": url,
        "events": list(events),
        **fields,
    }
    answer = server.api.post(server.v2("notifications"), json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def deliveries(server: Running, name: str) -> list[dict[str, Any]]:
    return server.api.get(server.v2(f"notifications/{name}/deliveries")).json()["items"]


def make_due(server: Running) -> None:
    """What waits for its next try need not."""
    with server.context.db.write() as connection:
        connection.execute(update(table).where(table.c.state == "waiting").values(next_at=0.0))
    server.context.services.delivery.tell()


def until(found: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + WAIT_S
    while not (value := found()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return value


def ended(hand: Hand, cause: Cause = Cause.SUCCESS, **facts: Any) -> dict[str, Any]:
    job, (agent,) = hand.begin()
    agent.finish(cause, **facts)
    hand.wait(job)
    return job


def test_a_failed_job_is_told_signed_and_once(hand: Hand, receiver: Hook):
    made = add(hand.running, receiver.url, "job.failed")
    ended(hand)
    job = ended(hand, Cause.USER_ERROR, exit_code=3, rank=0, message="exit \x1b[2J code 3")
    got = receiver.next()
    told = Verifier(made["secret"]).verify(got.body, got.headers)
    assert (told["type"], told["data"]["job_id"]) == ("job.failed", job["metadata"]["id"])
    assert (told["data"]["phase"], told["data"]["exit_code"]) == ("Failed", 3)
    assert told["title"] == f"Job {job['metadata']['name']} has failed"
    assert "\x1b" not in got.body.decode()
    assert "\\u001b" not in got.body.decode()
    (record,) = until(
        lambda: [d for d in deliveries(hand.running, made["name"]) if d["state"] == "delivered"]
    )
    assert record["tries"] == 1
    assert receiver.received.empty()


def test_each_gets_the_events_that_it_asked_for_in_its_language(hand: Hand, receiver: Hook):
    add(hand.running, receiver.url + "/started", "job.started", "job.completed", language="zh")
    job = ended(hand)
    got = [receiver.next().json, receiver.next().json]
    assert {told["type"] for told in got} == {"job.started", "job.completed"}
    assert all(f"作业 {job['metadata']['name']}" in told["title"] for told in got)


def test_mine_is_only_of_one_s_own_jobs(hand: Hand, receiver: Hook):
    server = hand.running
    with people_of(server) as people:
        ann = people.add("member")
        body = {"name": f"m{secrets.token_hex(4)}", "kind": "webhook", "address": receiver.url, "mine": True}
        body["events"] = ["job.completed"]
        assert ann.api.post(server.v2("notifications"), json={**body, "mine": False}).status_code == 403
        made = ann.api.post(server.v2("notifications"), json=body)
        assert made.status_code == 201, made.text
        ended(hand)
        name = made.json()["name"]
        assert deliveries(server, name) == []
        # an admin of the project may end it, another member may not
        other = people.add("member")
        assert other.api.delete(server.v2(f"notifications/{name}")).status_code == 403
        assert server.api.delete(server.v2(f"notifications/{name}")).status_code == 204


def test_who_has_left_the_project_is_told_no_more(hand: Hand, receiver: Hook):
    server = hand.running
    with people_of(server) as people:
        ann, bob = people.add("admin"), people.add("admin")
        made: dict[str, str] = {}
        for who in (ann, bob):
            body = {"kind": "webhook", "address": f"{receiver.url}/{who.name}", "events": ["job.completed"]}
            answer = who.api.post(server.v2("notifications"), json={"name": f"of-{who.name}", **body})
            assert answer.status_code == 201, answer.text
            made[who.name] = answer.json()["name"]
        receiver.answer(503, b"later")
        receiver.answer(503, b"later")
        ended(hand)
        assert {receiver.next().path, receiver.next().path} == {f"/{ann.name}", f"/{bob.name}"}
        until(lambda: all(deliveries(server, name)[0]["tries"] for name in made.values()))
        gone = server.api.delete(f"/v1/projects/{server.project_id}/members/{ann.name}")
        assert gone.status_code == 204
        make_due(server)
        ended(hand)
        assert {receiver.next().path, receiver.next().path} == {f"/{bob.name}"}
        (only,) = until(lambda: [d for d in deliveries(server, made[ann.name]) if d["state"] == "failed"])
        assert "no longer in the project" in only["error"]
        assert receiver.received.empty()
        for name in made.values():
            assert server.api.delete(server.v2(f"notifications/{name}")).status_code == 204


def test_what_was_delivered_since_it_was_found_due_is_not_sent_again(
    hand: Hand, receiver: Hook, monkeypatch: pytest.MonkeyPatch
):
    """The list of what is due is read before the last try is written down, and worked off after it."""
    server = hand.running
    sender = server.context.services.delivery
    made = add(server, receiver.url, "job.completed")
    ended(hand)
    receiver.next()
    (done,) = until(lambda: [d for d in deliveries(server, made["name"]) if d["state"] == "delivered"])
    for _ in range(3):
        sender._hand_out(done["id"])
    until(lambda: not sender._under_way)
    assert receiver.received.empty()
    assert deliveries(server, made["name"])[0]["tries"] == 1


def test_what_did_not_arrive_is_tried_again(hand: Hand, receiver: Hook, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(delivery, "PAUSES_S", (0.1, 0.1, 0.1))
    made = add(hand.running, receiver.url, "job.completed")
    receiver.answer(500, b"down")
    receiver.answer(503, b"down")
    ended(hand)
    ids = {receiver.next().headers["webhook-id"] for _ in range(3)}
    assert len(ids) == 1
    (found,) = until(lambda: [d for d in deliveries(hand.running, made["name"]) if d["state"] == "delivered"])
    assert found["tries"] == 3
    receiver.then = (500, {}, b"down for good")
    ended(hand)
    failed = until(lambda: [d for d in deliveries(hand.running, made["name"]) if d["state"] == "failed"])
    assert failed[0]["tries"] == 4
    assert "down for good" in failed[0]["error"]


def test_what_is_refused_for_good_is_not_tried_again(hand: Hand, receiver: Hook):
    made = add(hand.running, receiver.url, "job.completed")
    receiver.answer(410, b"gone")
    ended(hand)
    (found,) = until(lambda: [d for d in deliveries(hand.running, made["name"]) if d["state"] == "failed"])
    assert (found["tries"], found["error"]) == (1, "the receiver answered 410: gone")


def test_what_waits_is_sent_after_a_restart(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(delivery, "PAUSES_S", (1.0,) * 60)
    with hook() as receiver:
        receiver.then = (503, {}, b"down")
        with by_hand(tmp_path, tmp_path / "environments", database_url=database_url) as hand:
            made = add(hand.running, receiver.url, "job.completed")
            ended(hand)
            first = receiver.next().headers["webhook-id"]
            until(lambda: deliveries(hand.running, made["name"])[0]["tries"])
        while not receiver.received.empty():
            receiver.received.get()
        receiver.then = (200, {}, b"")
        with running(tmp_path / "home", database_url=database_url) as server:
            assert receiver.next().headers["webhook-id"] == first
            (found,) = until(
                lambda: [d for d in deliveries(server, made["name"]) if d["state"] == "delivered"]
            )
            assert found["tries"] >= 2


def test_a_test_message_says_whether_it_arrived(hand: Hand, receiver: Hook):
    server = hand.running
    made = add(server, receiver.url, "job.failed")
    url = server.v2(f"notifications/{made['id']}")
    assert server.api.post(f"{url}/test").status_code == 204
    assert receiver.next().json["type"] == "test"
    receiver.answer(404, b"no such hook")
    answer = server.api.post(f"{url}/test")
    assert (answer.status_code, answer.json()["error_code"]) == (503, Code.NOTIFICATION_UNDELIVERED)
    assert "no such hook" in answer.json()["error_msg"]
    assert [d["state"] for d in deliveries(server, made["name"])] == ["failed", "delivered"]


def test_mail_is_sent_through_the_service_s_mail_server(tmp_path: Path):
    with mailbox() as box:
        settings = {"smtp": f"smtp+plain://127.0.0.1:{box.port}", "mail_from": "shed@example.com"}
        with by_hand(tmp_path, tmp_path / "environments", **settings) as hand:
            add(hand.running, "ann@example.com", "job.completed", kind="email")
            job = ended(hand)
            sender, receivers, mail = box.next()
            assert (sender, receivers) == ("shed@example.com", ["ann@example.com"])
            assert mail["subject"] == f"Job {job['metadata']['name']} has completed"


def test_secrets_and_addresses_are_not_shown_again(hand: Hand):
    server = hand.running
    address = "http://127.0.0.1:9/services/T0/B0/s3cr3t"
    made = add(server, address, "job.failed", secret="whsec_c2VjcmV0")
    shown = server.api.get(server.v2(f"notifications/{made['name']}")).text
    assert "s3cr3t" not in shown + str(made)
    assert "whsec_c2VjcmV0" not in shown
    stored = (server.home / "trainshed.db").read_bytes() + (server.home / "trainshed.db-wal").read_bytes()
    assert b"s3cr3t" not in stored
    # another address does not get the secret of the one before
    changed = server.api.put(
        server.v2(f"notifications/{made['name']}"), json={"address": "http://127.0.0.1:8/"}
    )
    assert changed.json()["has_secret"] is False


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"kind": "pigeon"}, 400),
        ({"events": []}, 400),
        ({"events": ["job.exploded"]}, 400),
        ({"address": "ftp://x"}, 400),
        ({"address": ""}, 400),
        ({"address": "http://169.254.169.254/latest/meta-data"}, 403),
        ({"name": "a b"}, 400),
        ({"kind": "email", "address": "ann@example.com"}, 503),
    ],
)
def test_a_notification_that_cannot_be_is_refused(hand: Hand, change: dict[str, Any], status: int):
    server = hand.running
    before = server.api.get(server.v2("notifications")).json()["total"]
    body = {
        "name": "odd",
        "kind": "webhook",
        "address": "http://127.0.0.1:9/",
        "events": ["job.failed"],
        **change,
    }
    assert server.api.post(server.v2("notifications"), json=body).status_code == status
    assert server.api.get(server.v2("notifications")).json()["total"] == before
