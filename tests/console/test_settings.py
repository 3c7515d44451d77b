"""Settings: credentials that really open the service, people with different rights, messages that arrive."""

from __future__ import annotations

import re
import threading
import uuid
from collections.abc import Callable, Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.console.conftest import Tab
from tests.console.work import DEADLINE_S, submit, wait_for_phase
from tests.naming import unique
from tests.server.running import Running

OpenTab = Callable[..., Tab]
PATIENT = DEADLINE_S * 1000
PASSWORD = "Drei-Viertel-9-Gleis"


class Receiver(ThreadingHTTPServer):
    """Takes notifications; refuses them while ``status`` says so."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.bodies: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def receiver() -> Generator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, name="receiver")
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def settings(tab: OpenTab) -> Callable[[str], Page]:
    """Opens a page of the settings as the admin."""
    opened = tab()
    opened.sign_in()
    return lambda name: opened.go(f"settings?tab={name}")


def choose(page: Page, label: str, option: str) -> None:
    """Choose from a list of the dialog."""
    page.get_by_role("dialog").get_by_label(label, exact=True).click()
    page.locator(".ant-select-item-option", has_text=re.compile(f"^{re.escape(option)}$")).click()


def get(service: Running, path: str, token: str) -> httpx.Response:
    headers = {"X-Auth-Token": token}
    return httpx.get(f"{service.endpoint}{path}", headers=headers, trust_env=False, timeout=60)


def test_a_token_opens_what_it_is_for_until_it_is_removed(
    settings: Callable[[str], Page], service: Running
) -> None:
    name = unique("token")
    page = settings("tokens")
    page.get_by_role("button", name="New token").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_text("Please fill this in")).to_be_visible()
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Days it is valid").fill("7")
    choose(page, "Projects that it opens", "default")
    choose(page, "What it may do there", "as viewer at most")
    dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_text("it is not shown again")).to_be_visible(timeout=PATIENT)
    token = page.get_by_role("dialog").locator("code").inner_text().strip()
    page.get_by_role("button", name="I have kept it").click()

    shown = page.get_by_role("row").filter(has_text=name)
    expect(shown).to_contain_text("default · as viewer at most")
    headers = {"X-Auth-Token": token}
    assert get(service, service.v2("pools"), token).status_code == 200
    refused = httpx.post(
        f"{service.endpoint}{service.v2('training-jobs')}",
        headers=headers,
        json={},
        trust_env=False,
        timeout=60,
    )
    assert refused.json()["error_code"] == "TrainShed.3002"
    shown.get_by_role("button", name=f"Remove: {name}").click()
    page.get_by_role("tooltip").get_by_role("button", name="Remove").click()
    expect(shown).to_have_count(0, timeout=PATIENT)
    assert get(service, service.v2("pools"), token).status_code == 401


def test_an_access_key_is_made_and_rotated(settings: Callable[[str], Page], service: Running) -> None:
    purpose = unique("sdk")
    page = settings("keys")
    page.get_by_role("button", name="New access key").click()
    page.get_by_role("dialog").get_by_label("Description").fill(purpose)
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    first = kept_key(page)
    page.get_by_role("button", name=f"Rotate {first}").click()
    page.get_by_role("dialog").get_by_label("Hours in which the old key still works").fill("2")
    page.get_by_role("dialog").get_by_role("button", name="Rotate").click()
    second = kept_key(page)
    assert second != first
    keys = {key["access_key"]: key for key in service.api.get("/v1/keys").json()["items"]}
    assert keys[second]["description"] == purpose
    assert keys[second]["expire_time"] is None
    assert keys[first]["expire_time"] is not None
    old = page.get_by_role("row").filter(has_text=first)
    old.get_by_role("button", name=f"Disable: {first}").click()
    expect(old).to_contain_text("disabled", timeout=PATIENT)


def kept_key(page: Page) -> str:
    """The access key that is shown once, together with its secret."""
    dialog = page.get_by_role("dialog").filter(has_text="it is not shown again")
    expect(dialog.locator("code")).to_have_count(2, timeout=PATIENT)
    key, secret = (text.strip() for text in dialog.locator("code").all_inner_texts())
    assert len(secret) >= 32
    dialog.get_by_role("button", name="I have kept it").click()
    expect(dialog).to_have_count(0)
    return key


def test_an_admin_takes_people_in_and_a_viewer_only_looks(
    settings: Callable[[str], Page], tab: OpenTab, service: Running
) -> None:
    name, project = unique("ann"), unique("vision")
    page = settings("users")
    page.get_by_role("button", name="New user").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Password").fill(f"{name}{name}")
    dialog.get_by_role("button", name="Create").click()
    expect(dialog.get_by_role("alert")).to_contain_text("guessed too easily", timeout=PATIENT)
    dialog.get_by_label("Password").fill(PASSWORD)
    dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_role("row").filter(has_text=name)).to_contain_text("password", timeout=PATIENT)

    page = settings("projects")
    page.get_by_role("button", name="New project").click()
    page.get_by_role("dialog").get_by_label("Name").fill(project)
    page.get_by_role("dialog").get_by_role("button", name="Create").click()
    page.get_by_role("row").filter(has_text=project).get_by_role("button", name=project, exact=True).click()
    expect(page.get_by_role("heading", name=f"Members of {project}")).to_be_visible(timeout=PATIENT)
    page.get_by_role("button", name=f"Quota of {project}").click()
    page.get_by_role("dialog").get_by_label("Running jobs").fill("3")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page.get_by_text("0 of 3").first).to_be_visible(timeout=PATIENT)
    page.get_by_label("User", exact=True).fill(name)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text(f"{name} is member now.")).to_be_visible(timeout=PATIENT)
    page.get_by_label(f"Role of {name}").click()
    page.locator(".ant-select-item-option", has_text="viewer").last.click()
    expect(page.get_by_text(f"{name} is viewer now.")).to_be_visible(timeout=PATIENT)

    hers = tab()
    page = hers.go()
    page.get_by_text("Password", exact=True).click()
    page.get_by_label("Name").fill(name)
    page.locator("input[type=password]").fill(PASSWORD)
    page.locator("button[type=submit]").click()
    page.locator("main#page").wait_for(timeout=PATIENT)
    expect(page.get_by_text("read-only")).to_be_visible()
    page = hers.go("jobs/new")
    expect(page.get_by_text("Ask an admin of the project to make you a member")).to_be_visible()
    expect(page.get_by_role("button", name="Create job")).to_be_disabled()
    page = hers.go(f"jobs/{uuid.uuid4()}")
    expect(page.get_by_role("alert")).to_contain_text("there is no training job")
    page.get_by_role("main").get_by_role("link", name="All jobs").click()
    expect(page.get_by_text("There is no training job yet")).to_be_visible()
    page = hers.go("settings?tab=projects")
    expect(page.get_by_role("heading", name=f"Quota of {project}")).to_be_visible(timeout=PATIENT)
    expect(page.get_by_role("tab", name="Users")).to_have_count(0)
    expect(page.get_by_role("tab", name="Audit log")).to_have_count(0)
    expect(page.get_by_role("button", name="New project")).to_have_count(0)
    expect(page.get_by_role("button", name=f"Quota of {project}")).to_have_count(0)
    expect(page.get_by_label(f"Role of {name}")).to_have_count(0)
    page.get_by_role("tab", name="Profile").click()
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_label("New password").fill(f"{PASSWORD}-2")
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=PATIENT)


def test_whoever_is_in_several_projects_chooses_one(tab: OpenTab, service: Running, tmp_path: Path) -> None:
    name = unique("other")
    made = service.api.post("/v1/projects", json={"name": name}).json()
    job = unique("here")
    wait_for_phase(service, submit(service, tmp_path / "code", "print(1)", job), "Completed")
    opened = tab()
    opened.sign_in()
    page = opened.go(f"jobs?name={job}")
    expect(page.get_by_role("link", name=job)).to_be_visible(timeout=PATIENT)
    page.get_by_label("Project", exact=True).click()
    page.locator(".ant-select-item-option", has_text=name).click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible(timeout=PATIENT)
    page = opened.go(f"jobs?name={job}")
    expect(page.get_by_text("No job matches these filters")).to_be_visible(timeout=PATIENT)
    service.api.delete(f"/v1/projects/{made['id']}")
    page.reload()
    expect(page.get_by_role("link", name=job)).to_be_visible(timeout=PATIENT)


def test_a_notification_arrives_and_a_failure_is_explained(
    settings: Callable[[str], Page], service: Running, receiver: Receiver, tmp_path: Path
) -> None:
    name = unique("hook")
    page = settings("notifications")
    page.get_by_role("button", name="New notification").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(name)
    dialog.get_by_label("Address").fill(receiver.url)
    dialog.get_by_role("button", name="Create").click()
    expect(page.get_by_text("it is not shown again")).to_be_visible(timeout=PATIENT)
    page.get_by_role("button", name="I have kept it").click()
    page.get_by_role("button", name=f"Test: {name}").click()
    expect(page.get_by_text("The test message has arrived.")).to_be_visible(timeout=PATIENT)
    assert len(receiver.bodies) == 1

    job = unique("fails")
    wait_for_phase(service, submit(service, tmp_path / "code", "raise SystemExit(3)", job), "Failed")
    page.get_by_role("button", name=f"Deliveries: {name}").click()
    drawer = page.get_by_role("dialog", name=f"What became of the messages of {name}")
    expect(drawer.get_by_text(f"Job {job} has failed")).to_be_visible(timeout=PATIENT)
    expect(drawer.get_by_text("delivered")).to_have_count(2, timeout=PATIENT)
    assert any(job in body for body in receiver.bodies)
    receiver.status = 500
    drawer.get_by_role("button", name=f"Test: {name}").click()
    expect(drawer.get_by_text("the receiver answered 500").first).to_be_visible(timeout=PATIENT)
    page.keyboard.press("Escape")
    page.get_by_role("button", name=f"Disable: {name}").click()
    expect(page.get_by_role("row").filter(has_text=name)).to_contain_text("disabled", timeout=PATIENT)


def test_the_audit_log_is_searched(settings: Callable[[str], Page], service: Running) -> None:
    name = unique("project")
    service.api.post("/v1/projects", json={"name": name})
    page = settings("audit")
    page.get_by_placeholder("Target").fill(name)
    page.keyboard.press("Enter")
    expect(page.get_by_role("row")).to_have_count(2, timeout=PATIENT)
    expect(page.get_by_role("row").nth(1)).to_contain_text("create_project")
    page.get_by_placeholder("Target").fill("no-such-thing")
    page.keyboard.press("Enter")
    expect(page.get_by_text("No record matches")).to_be_visible(timeout=PATIENT)


def test_settings_in_chinese(tab: OpenTab) -> None:
    opened = tab(locale="zh-CN")
    opened.sign_in()
    page = opened.go("settings?tab=notifications")
    page.get_by_role("button", name="新建通知").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("名称").fill("a b")
    dialog.get_by_label("地址").fill("http://127.0.0.1:9/x")
    dialog.get_by_role("button", name=re.compile("创 ?建")).click()
    expect(dialog.get_by_role("alert")).to_contain_text("通知名 'a b' 不可用", timeout=PATIENT)
