"""The list of jobs with ten thousand of them in the database."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from playwright.sync_api import expect
from sqlalchemy import insert, select

from tests.console.conftest import Tab
from tests.console.work import DEADLINE_S, submit, wait_for_phase
from tests.server.running import Running, running
from trainshed.server.db.tables import jobs

OpenTab = Callable[..., Tab]
PATIENT = DEADLINE_S * 1000
MANY = 10_000


@pytest.fixture(scope="module")
def service(built: None, tmp_path_factory: pytest.TempPathFactory) -> Generator[Running]:
    """A service whose database holds 10,000 jobs besides a real one, all of them ended."""
    folder = tmp_path_factory.mktemp("list")
    with running(folder / "home") as server:
        first = submit(server, folder / "code", "print(1)", "the-first")
        wait_for_phase(server, first, "Completed")
        fill(server, first)
        yield server


def fill(server: Running, job_id: str) -> None:
    """Copies of a job, an hour apart, every fourth of them failed."""
    db = server.context.db
    with db.read() as connection:
        row = dict(connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().one())
    made = [
        row
        | {
            "id": str(uuid.uuid4()),
            "name": f"seeded-{number:05d}",
            "phase": "Failed" if number % 4 == 0 else "Completed",
            "created_at": row["created_at"] - 3600 * (number + 1),
        }
        for number in range(MANY)
    ]
    with db.write() as connection:
        connection.execute(insert(jobs), made)


def test_ten_thousand_jobs_are_paged_sorted_and_filtered(tab: OpenTab) -> None:
    opened = tab()
    opened.sign_in()
    page = opened.go("jobs")
    expect(page.get_by_text("10,001 jobs")).to_be_visible(timeout=PATIENT)
    expect(page.get_by_role("link", name="the-first")).to_be_visible()
    assert page.get_by_role("row").count() < 60
    page.get_by_role("listitem", name="501").click()
    expect(page.get_by_role("link", name="seeded-09999")).to_be_visible(timeout=PATIENT)
    assert "page=501" in page.url
    page.reload()
    expect(page.get_by_role("link", name="seeded-09999")).to_be_visible(timeout=PATIENT)

    page.get_by_label("Search by name").fill("seeded-0123")
    expect(page.get_by_text("10 jobs")).to_be_visible(timeout=PATIENT)
    page.get_by_role("columnheader", name="Name").click()
    page.wait_for_url(re.compile("sort=name"))
    expect(page.get_by_role("row").nth(1)).to_contain_text("seeded-01239", timeout=PATIENT)
    page.get_by_role("columnheader", name="Name").click()
    page.wait_for_url(re.compile("order=asc"))
    expect(page.get_by_role("row").nth(1)).to_contain_text("seeded-01230", timeout=PATIENT)
    page.get_by_label("Any status").click()
    page.get_by_role("option", name="Failed").or_(page.get_by_title("Failed")).first.click()
    page.keyboard.press("Escape")
    expect(page.get_by_text("2 jobs")).to_be_visible(timeout=PATIENT)
    page.get_by_label("Created up to this day").fill("2000-01-01")
    expect(page.get_by_text("No job matches these filters")).to_be_visible(timeout=PATIENT)
    page.get_by_role("button", name="Clear filters").click()
    expect(page.get_by_text("10,001 jobs")).to_be_visible(timeout=PATIENT)
    page.get_by_label("Only mine").check()
    page.wait_for_url(re.compile("mine=true"))
    expect(page.get_by_text("10,001 jobs")).to_be_visible(timeout=PATIENT)


def test_deleting_several_says_which_could_not_be(tab: OpenTab, service: Running, tmp_path: Path) -> None:
    opened = tab()
    opened.sign_in()
    run = uuid.uuid4().hex[:6]
    doomed = [submit(service, tmp_path / str(i), "print(1)", f"doomed-{run}-{i}") for i in range(4)]
    for job_id in doomed:
        wait_for_phase(service, job_id, "Completed")
    page = opened.go(f"jobs?name=doomed-{run}")
    expect(page.get_by_text("4 jobs")).to_be_visible(timeout=PATIENT)
    for number in range(3):
        page.get_by_label(f"Choose doomed-{run}-{number}").check()
    # somebody else is faster
    assert service.api.delete(service.v2(f"training-jobs/{doomed[1]}")).status_code == 202
    page.get_by_role("button", name="Delete 3").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Delete 3 jobs with their logs?")
    expect(dialog).to_contain_text(f"doomed-{run}-2")
    dialog.get_by_role("button", name="Delete").click()
    report = page.get_by_role("dialog").filter(has_text="2 done, 1 not")
    expect(report).to_contain_text(f"doomed-{run}-1", timeout=PATIENT)
    report.get_by_role("button", name="OK").click()
    expect(page.get_by_text("1 job", exact=True)).to_be_visible(timeout=PATIENT)


def test_several_are_stopped_together(tab: OpenTab, service: Running, tmp_path: Path) -> None:
    forever = "import time\nwhile True:\n    time.sleep(0.05)\n"
    ids = [submit(service, tmp_path / str(i), forever, f"endless-{uuid.uuid4().hex[:6]}") for i in range(2)]
    opened = tab()
    opened.sign_in()
    page = opened.go("jobs?name=endless-&phase=%5B%22Running%22%2C%22Pending%22%2C%22Creating%22%5D")
    expect(page.get_by_text("2 jobs")).to_be_visible(timeout=PATIENT)
    page.get_by_label("Choose all on this page").check()
    page.get_by_role("button", name="Stop 2").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    expect(page.get_by_text("2 jobs are being stopped")).to_be_visible(timeout=PATIENT)
    for job_id in ids:
        wait_for_phase(service, job_id, "Terminated")
    expect(page.get_by_text("No job matches these filters")).to_be_visible(timeout=PATIENT)
