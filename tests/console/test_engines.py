"""Engines and pools in the console: an environment is built while its log is read, a pool shows its use."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.console.conftest import Tab
from tests.console.work import WAITING, Gate, submit, wait_for_phase
from tests.naming import unique
from tests.server.running import Running, running

OpenTab = Callable[..., Tab]
ENGINE = "python_3.11"


@pytest.fixture
def bare(built: None, tmp_path: Path) -> Generator[Running]:
    """A service that has no environment yet."""
    with running(tmp_path / "home", environments=tmp_path / "environments") as server:
        yield server


def test_an_environment_is_built_now_and_its_log_read(tab: OpenTab, bare: Running) -> None:
    opened = tab(service=bare)
    opened.sign_in()
    page = opened.go("engines")
    row = page.get_by_role("row").filter(has_text=ENGINE)
    expect(row).to_contain_text("not built")
    row.get_by_role("button", name=ENGINE, exact=True).click()
    drawer = page.get_by_role("dialog")
    log = drawer.get_by_role("log")
    expect(log).to_contain_text("Nothing was written yet")
    drawer.get_by_role("button", name=f"Build now: {ENGINE}").click()
    expect(drawer.get_by_text(re.compile("^ready · "))).to_be_visible()
    expect(log).not_to_contain_text("Nothing was written yet")
    expect(log).to_contain_text("3.11")
    page.keyboard.press("Escape")
    expect(row).to_contain_text("ready")
    path = bare.v2(f"engines/{ENGINE}")
    assert bare.api.get(path).json()["environment"]["state"] == "ready"


def test_engines_are_searched_and_those_that_do_not_run_here_say_why(tab: OpenTab) -> None:
    opened = tab()
    opened.sign_in()
    page = opened.go("engines")
    page.get_by_placeholder("Search engines").fill("mindspore cann")
    row = page.get_by_role("row").filter(has_text="mindspore_2.10.0-cann")
    expect(row).to_contain_text("needs Ascend on aarch64")
    expect(page.get_by_text("pytorch_2")).to_have_count(0)
    page.get_by_role("switch", name="Only what runs here").click()
    expect(row).to_have_count(0)


def test_a_pool_shows_its_nodes_flavors_engines_and_what_they_carry(
    tab: OpenTab, service: Running, tmp_path: Path, gate: Gate
) -> None:
    job_id = submit(service, tmp_path / "code", WAITING, unique("busy"), gate=gate.port)
    wait_for_phase(service, job_id, "Running")
    opened = tab()
    opened.sign_in()
    page = opened.go("pools")
    expect(page.get_by_role("heading", name="local")).to_be_visible()
    node = page.get_by_role("row").filter(has_text="ready").first
    expect(node.get_by_role("progressbar").first).to_be_visible()
    flavor = page.get_by_role("row").filter(has_text="cpu-1")
    expect(flavor).to_contain_text("GiB")
    page.get_by_role("button", name="Engines").click()
    expect(page.get_by_text("needs Ascend on aarch64").first).to_be_visible()
    gate.open()
    wait_for_phase(service, job_id, "Completed")
