"""What somebody who means harm might send, and what comes of it."""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Generator
from pathlib import Path

import httpx
import pytest

from tests.server.jobs.by_hand import Hand, by_hand
from tests.server.people import People, people_of
from tests.server.running import Running
from trainshed.core.errors import Code
from trainshed.core.secrets import MASK
from trainshed.core.task import EventKind, Stage
from trainshed.server.auth import gate

SECRET = "hf_abcdefghijklmnop"


@pytest.fixture(scope="module")
def hand(tmp_path_factory: pytest.TempPathFactory) -> Generator[Hand]:
    folder = tmp_path_factory.mktemp("hand")
    with by_hand(folder, folder / "environments") as found:
        yield found


@pytest.fixture(scope="module")
def people(shared_server: Running) -> Generator[People]:
    with people_of(shared_server) as found:
        yield found


# ---- a job's token


def test_a_job_s_token_opens_that_job_s_reports_and_nothing_else(hand: Hand):
    _, (agent,) = hand.begin()
    other_job, (other,) = hand.begin()
    token = agent.http.headers["Authorization"]
    endpoint = hand.running.endpoint
    with httpx.Client(base_url=endpoint, headers={"Authorization": token}, trust_env=False) as thief:
        for path in (
            hand.url(other_job["metadata"]["id"]),
            hand.running.v2("buckets"),
            "/v1/account",
            "/v1/users",
        ):
            assert thief.get(path).status_code == 401, path
        base = f"/agent/v1/jobs/{other.task.job_id}/attempts/0/tasks/0"
        assert thief.post(f"{base}/heartbeat", json={}).status_code == 401
        assert thief.put(f"{base}/logs/task?offset=0", content=b"forged").status_code == 401
        again = f"/agent/v1/jobs/{agent.task.job_id}/attempts/1/tasks/0"
        assert thief.post(f"{again}/heartbeat", json={}).status_code == 401
        assert thief.post("/v1/sessions", json={"token": token.partition(" ")[2]}).status_code == 401
    assert hand.log(other_job) == ""
    # and a person's token reports for no job
    person = hand.api.post(f"/agent/v1/jobs/{agent.task.job_id}/attempts/0/tasks/0/heartbeat", json={})
    assert person.status_code == 401
    agent.finish()
    other.finish()


# ---- secrets


def test_secrets_are_masked_wherever_a_job_is_shown(hand: Hand, caplog: pytest.LogCaptureFixture):
    variables = {"HF_TOKEN": SECRET, "PROXY": f"http://me:{SECRET}@proxy/", "EPOCHS": "3"}
    with caplog.at_level(logging.DEBUG):
        job, (agent,) = hand.begin(algorithm__environments=variables)
        agent.say(Stage.RUN, EventKind.FAILED, "boom")
        shown = hand.show(job)
        plan = hand.api.post(hand.url("dry-run"), json=hand.body(algorithm__environments=variables)).text
        everything = [
            json.dumps(job),
            json.dumps(shown),
            json.dumps(hand.search()),
            json.dumps(hand.get(job["metadata"]["id"], "events")),
            hand.api.get("/v1/audit", params={"limit": 1000}).text,
            plan,
            caplog.text,
        ]
        agent.finish()
    assert shown["algorithm"]["environments"] == {
        "HF_TOKEN": MASK,
        "PROXY": f"http://{MASK}@proxy/",
        "EPOCHS": "3",
    }
    assert [text for text in everything if SECRET in text] == []
    assert agent.task.environments == variables, "the script itself gets the secret"


def test_a_mask_is_not_taken_for_the_secret(hand: Hand):
    body = hand.body(algorithm__environments={"HF_TOKEN": MASK})
    status, code, message = hand.refused(body)
    assert (status, code) == (400, Code.ENVIRONMENT_VARIABLE_INVALID)
    assert "HF_TOKEN" in message


# ---- files of the machine


@pytest.mark.parametrize("role", ["member", "admin"])
def test_only_an_administrator_of_the_service_may_name_its_machine_s_files(
    shared_server: Running, people: People, role: str, tmp_path: Path
):
    """The home folder, with everybody's keys, is among them; a job could copy it to where one can read it."""
    server, person = shared_server, people.add(role)
    home = str(server.home)
    tries = [
        {"code_dir": home, "boot_file": "train.py"},
        {"inputs": [{"name": "data_url", "remote": {"obs": {"obs_url": f"file://{home}/"}}}]},
        {"outputs": [{"name": "train_url", "remote": {"obs": {"obs_url": str(tmp_path)}}}]},
    ]
    code = server.api.post(server.v2("code"), content=_archive()).json()["code_dir"]
    for change in tries:
        algorithm = {"code_dir": code, "boot_file": "train.py", "engine": {"engine_id": "python"}, **change}
        body = {"kind": "job", "metadata": {"name": f"j{uuid.uuid4().hex[:8]}"}, "algorithm": algorithm}
        body["spec"] = {"resource": {"flavor_id": "cpu-1", "node_count": 1}}
        answer = person.api.post(server.v2("training-jobs"), json=body)
        assert (answer.status_code, answer.json()["error_code"]) == (403, Code.ROLE_FORBIDDEN), answer.text
    for method in ("GET", "PUT", "DELETE"):
        uri = {"uri": f"file://{home}/secret.key"}
        assert person.api.request(method, server.v2("objects"), params=uri).status_code == 403


def _archive() -> bytes:
    import io
    import tarfile

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("train.py")
        info.size = 5
        archive.addfile(info, io.BytesIO(b"x = 1"))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "uri",
    [
        "obs://trainshed/../secret.key",
        "obs://trainshed/a/../../secret.key",
        "obs://trainshed/%2e%2e/secret.key",
        "obs://trainshed//etc/passwd",
        "obs://../secret.key",
        "obs://trainshed/..\\secret.key",
        "obs://trainshed/\x01",
    ],
)
def test_no_key_leads_out_of_its_bucket(shared_server: Running, uri: str):
    server = shared_server
    key = (server.home / "secret.key").read_bytes().strip()
    for method in ("GET", "PUT", "DELETE"):
        answer = server.api.request(method, server.v2("objects"), params={"uri": uri}, content=b"evil")
        assert key not in answer.content
        assert answer.status_code < 500
    assert (server.home / "secret.key").read_bytes().strip() == key


def test_a_link_in_a_bucket_is_not_followed_out_of_it(shared_server: Running):
    server = shared_server
    folder = server.home / "buckets" / "trainshed"
    name = f"link-{uuid.uuid4().hex[:8]}"
    (folder / name).symlink_to(server.home / "secret.key")
    (folder / f"{name}-dir").symlink_to(server.home)
    for uri in (f"obs://trainshed/{name}", f"obs://trainshed/{name}-dir/secret.key"):
        answer = server.api.get(server.v2("objects"), params={"uri": uri})
        assert answer.status_code in (400, 403, 404), answer.text


@pytest.mark.parametrize("stream", ["../../../x", "..%2f..%2fx", "worker-0/../../x", "%00", "a" * 300])
def test_no_name_of_a_log_leads_out_of_its_folder(hand: Hand, stream: str):
    job, (agent,) = hand.begin()
    before = sorted(hand.running.home.rglob("*.log"))
    assert agent.log(0, b"evil", stream).status_code in (400, 404)
    answer = hand.api.get(f"{hand.url(job['metadata']['id'])}/tasks/{stream}/logs")
    assert answer.status_code in (400, 404)
    assert sorted(hand.running.home.rglob("*.log")) == before
    agent.finish()


# ---- connections


@pytest.mark.parametrize("endpoint", ["http://169.254.169.254", "http://[fe80::1]", "http://0.0.0.0:9"])
def test_a_bucket_s_endpoint_is_not_where_the_service_may_not_go(shared_server: Running, endpoint: str):
    body = {"name": "inside", "kind": "s3", "endpoint": endpoint, "access_key": "a", "secret_key": "s"}
    answer = shared_server.api.post(shared_server.v2("buckets"), json=body)
    assert (answer.status_code, answer.json()["error_code"]) == (403, Code.ADDRESS_FORBIDDEN)


def test_an_administrator_says_where_the_service_may_go(serve: Callable[..., Running]):
    server = serve(allowed_networks="10.0.0.0/8")
    body = {
        "name": "here",
        "kind": "s3",
        "endpoint": "http://127.0.0.1:9",
        "access_key": "a",
        "secret_key": "s",
    }
    answer = server.api.post(server.v2("buckets"), json=body)
    assert answer.json()["error_code"] == Code.ADDRESS_FORBIDDEN
    hook = {"name": "n", "kind": "slack", "address": "http://127.0.0.1:9", "events": ["job.failed"]}
    answer = server.api.post(server.v2("notifications"), json=hook)
    assert answer.json()["error_code"] == Code.ADDRESS_FORBIDDEN


# ---- pages


def test_nothing_that_a_user_stored_is_ever_a_page(shared_server: Running):
    server = shared_server
    uri = {"uri": "obs://trainshed/page.html"}
    assert (
        server.api.put(server.v2("objects"), params=uri, content=b"<script>alert(1)</script>").status_code
        == 200
    )
    answer = server.api.get(server.v2("objects"), params=uri)
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]


def test_a_log_is_text_and_its_markup_stays_markup(hand: Hand):
    job, (agent,) = hand.begin()
    evil = b"<script>alert(1)</script>\x1b]0;x\x07\n"
    agent.log(0, evil)
    answer = hand.api.get(f"{hand.url(job['metadata']['id'])}/tasks/worker-0/logs")
    assert answer.content == evil, "the log is what was printed, byte for byte"
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"].startswith("nosniff")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    agent.finish()


def test_errors_are_json_whatever_is_asked_for(shared_server: Running):
    answer = shared_server.api.get(shared_server.v2("algorithms/<script>alert(1)<script>"))
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_browser_s_cookie_alone_changes_nothing(shared_server: Running, people: People):
    browser = people.client()
    session = browser.post("/v1/sessions", json={"token": shared_server.ready.token})
    cookie = session.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    url = shared_server.v2("notifications/nothing")
    assert browser.get(url).status_code == 404
    assert browser.delete(url).status_code == 403
    assert browser.delete(url, headers={"X-CSRF-Token": "0" * 64}).status_code == 403
    assert browser.delete(url, headers={"X-CSRF-Token": session.json()["csrf"]}).status_code == 404


@pytest.mark.parametrize("how", ["token", "membership"])
def test_a_stream_ends_for_who_is_no_longer_let_in(
    hand: Hand, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """Who follows a log keeps a connection open that was let in long ago."""
    monkeypatch.setattr(gate, "LOOK_AGAIN_S", 0.1)
    server = hand.running
    job, (agent,) = hand.begin()
    url = server.v2(f"training-jobs/{job['metadata']['id']}/tasks/worker-0/logs/follow")
    printed = 0
    with people_of(server) as people:
        person = people.add("viewer")
        with person.api.stream("GET", url) as answer:
            assert answer.status_code == 200
            if how == "token":
                token = person.api.get("/v1/tokens").json()["items"][0]["id"]
                assert server.api.delete(f"/v1/tokens/{token}").status_code == 204
            else:
                member = f"/v1/projects/{server.project_id}/members/{person.name}"
                assert server.api.delete(member).status_code == 204
            over = threading.Event()

            def read() -> None:
                for _ in answer.iter_raw():
                    pass
                over.set()

            reader = threading.Thread(target=read)
            reader.start()
            deadline = time.monotonic() + 60
            while not over.wait(0.1):
                assert time.monotonic() < deadline
                agent.log(printed, b"more\n")
                printed += 5
            reader.join()
    agent.finish()
