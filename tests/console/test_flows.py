"""What people do in the console, in a real browser against a real service and real jobs."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.console.conftest import Tab
from tests.console.work import DEADLINE_S, FAILING, HOSTILE, WAITING, Gate, submit, wait_for_phase
from tests.naming import unique
from tests.server.running import Running

OpenTab = Callable[..., Tab]


def test_wrong_token_is_said_in_a_sentence(tab: OpenTab) -> None:
    page = tab().go()
    page.locator("input[type=password]").fill("wrong")
    page.locator("button[type=submit]").click()
    expect(page.get_by_role("alert")).to_contain_text("not known or has expired")


def test_a_failed_job_shows_its_log_and_why(tab: OpenTab, service: Running, tmp_path: Path) -> None:
    name = unique("failing")
    job_id = submit(service, tmp_path / "code", FAILING, name)
    wait_for_phase(service, job_id, "Failed")
    opened = tab()
    page = opened.sign_in()
    page.get_by_role("link", name="Training jobs").click()
    expect(page.get_by_role("heading", name="Training jobs")).to_be_visible()
    page.get_by_role("table").get_by_role("link", name=name).click()
    expect(page.get_by_role("tab", name="Diagnosis")).to_have_attribute("aria-selected", "true")
    page.get_by_role("tab", name="Logs").click()
    log = page.get_by_role("log")
    expect(log).to_contain_text("no such label: 11")
    expect(log).to_contain_text(HOSTILE)
    expect(page).to_have_title(re.compile(f"^{name}"))
    page.get_by_label("Search the whole log").fill("epoch 3")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of 1")).to_be_visible()
    page.get_by_role("tab", name="Events").click()
    expect(page.get_by_text("exit code 1").first).to_be_visible()
    page.get_by_role("tab", name="Metrics").click()
    expect(page.get_by_role("img", name="loss")).to_be_visible()
    page.get_by_role("tab", name="Configuration").click()
    expect(page.get_by_text(job_id)).to_be_visible()


def test_a_running_job_is_followed_live_and_stopped(
    tab: OpenTab, service: Running, tmp_path: Path, gate: Gate
) -> None:
    job_id = submit(service, tmp_path / "live", WAITING, unique("live"), gate=gate.port)
    opened = tab()
    opened.sign_in()
    wait_for_phase(service, job_id, "Running")
    page = opened.go(f"jobs/{job_id}")
    expect(page.get_by_role("log")).to_contain_text("started", timeout=DEADLINE_S * 1000)
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("tooltip").get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped").first).to_be_visible(timeout=DEADLINE_S * 1000)
    wait_for_phase(service, job_id, "Terminated")


def test_a_job_that_hangs_is_noticed_and_shows_where_it_stands(
    tab: OpenTab, service: Running, tmp_path: Path, gate: Gate
) -> None:
    name = unique("hangs")
    soon = {f"fault-tolerance/hang-{what}-s": "2" for what in ("window", "confirm", "start")}
    job_id = submit(service, tmp_path / "code", WAITING, name, soon, gate=gate.port)
    page = tab().sign_in()
    wait_for_phase(service, job_id, "Running")
    card = page.get_by_role("link", name=re.compile(f"^{name}: "))
    expect(card).to_be_visible(timeout=DEADLINE_S * 1000)
    card.click()
    expect(page.get_by_role("tab", name="Stacks")).to_have_attribute("aria-selected", "true")
    stack = page.get_by_role("group", name="rank 0")
    expect(stack.first).to_contain_text("train.py", timeout=DEADLINE_S * 1000)
    page.get_by_role("button", name="Take stacks now").click()
    expect(page.get_by_text("somebody asked")).to_be_visible(timeout=DEADLINE_S * 1000)
    gate.open()
    wait_for_phase(service, job_id, "Completed")


def test_chinese_dark_and_narrow(tab: OpenTab) -> None:
    opened = tab(locale="zh-CN", dark=True, width=390)
    page = opened.sign_in()
    expect(page.get_by_role("heading", name="总览")).to_be_visible()
    assert page.locator("html").get_attribute("data-theme") == "dark"
    page.get_by_role("button", name="打开菜单").click()
    page.get_by_role("link", name="预置引擎").click()
    expect(page.get_by_role("heading", name="预置引擎")).to_be_visible()
    expect(page.get_by_text("python_3.11").first).to_be_visible()


def test_language_and_theme_are_kept(tab: OpenTab) -> None:
    page = tab().sign_in()
    page.get_by_role("button", name="切换到中文").click()
    page.get_by_role("button", name="深色主题").click()
    page.reload()
    expect(page.get_by_role("heading", name="总览")).to_be_visible()
    assert page.locator("html").get_attribute("data-theme") == "dark"


def test_sign_out_ends_the_session(tab: OpenTab, service: Running) -> None:
    page = tab().sign_in()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("path", ["", "jobs/x?tab=logs", "assets/../../run.py", "%2e%2e/run.py"])
def test_pages_come_with_a_strict_policy_and_nothing_else_is_served(service: Running, path: str) -> None:
    answer = service.api.get(f"/console/{path}")
    if answer.status_code == 200:
        policy = answer.headers["content-security-policy"]
        assert "script-src 'self'" in policy
        assert "default-src 'none'" in policy
        assert "text/html" in answer.headers["content-type"]
    else:
        assert answer.status_code == 404
