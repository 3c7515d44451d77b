"""Pages that are told of changes: without asking all the time, and again after the service was away."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Request, expect

from tests.console.conftest import Tab
from tests.console.work import WAITING, Gate, submit, wait_for_phase
from tests.naming import unique
from tests.server.running import Running, running

OpenTab = Callable[..., Tab]
QUIET_MS = 6000


def test_the_list_is_told_and_does_not_ask(
    tab: OpenTab, service: Running, tmp_path: Path, gate: Gate
) -> None:
    opened = tab()
    opened.sign_in()
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url.rpartition("/")[2])

    opened.page.on("request", note)
    page = opened.go("jobs")
    name = unique("told")
    job_id = submit(service, tmp_path / "code", WAITING, name, gate=gate.port)
    row = page.get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text("Running")
    assert asked.count("training-job-changes") == 1
    asked.clear()
    # asking by the clock would be three times in this while
    page.wait_for_timeout(QUIET_MS)
    assert asked.count("training-job-searches") <= 1, asked
    gate.open()
    wait_for_phase(service, job_id, "Completed")
    expect(row).to_contain_text("Completed")


def test_a_tab_recovers_when_the_service_has_restarted(built: None, tab: OpenTab, tmp_path: Path) -> None:
    del built
    home, name = tmp_path / "home", unique("after")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running(home, port=port) as first:
        opened = tab(service=first)
        opened.sign_in()
        page = opened.go("jobs")
        expect(page.get_by_text("There is no training job yet")).to_be_visible()
    with running(home, port=port) as second:
        submit(second, tmp_path / "code", "print(1)", name)
        row = page.get_by_role("row").filter(has_text=name)
        expect(row).to_contain_text("Completed")
        page.close()
