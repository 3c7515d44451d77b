"""A log of a gigabyte in the browser, and a tab that outlives its service."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Generator
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response, expect

from tests.console.conftest import Tab
from tests.console.work import DEADLINE_S, WAITING, Gate, submit, wait_for_phase
from tests.naming import unique
from tests.server.running import Running, running

OpenTab = Callable[..., Tab]
PATIENT = DEADLINE_S * 1000
GIGABYTE = 1 << 30
LINE = b"step 000000 loss=0.123456 accuracy=0.654321 a line of the usual length\n"
OFFSET = "line => Number(line.dataset.offset)"
NEEDLES = (0.001, 0.5, 0.999)


@pytest.fixture
def large(service: Running, tmp_path: Path) -> Generator[str]:
    """A job whose log has a gigabyte with three needles in it; its id."""
    job_id = submit(service, tmp_path / "code", "print(1)", unique("large"))
    wait_for_phase(service, job_id, "Completed")
    path = service.context.log_root / job_id / "0" / "worker-0.log"
    write_large(path)
    yield job_id
    path.unlink()


def write_large(path: Path) -> None:
    block = LINE * (1024 * 1024 // len(LINE))
    places = [int(GIGABYTE * share) // len(block) for share in NEEDLES]
    with path.open("wb") as file:
        for number in range(GIGABYTE // len(block) + 1):
            file.write(block)
            if number in places:
                file.write(b"\x1b[31mneedle %d\x1b[0m\n" % places.index(number))
        file.write(b"the very last line\n")


def test_a_gigabyte_opens_at_its_end_scrolls_and_is_searched(tab: OpenTab, large: str) -> None:
    opened = tab()
    opened.sign_in()
    received: list[int] = []
    opened.page.on("response", lambda response: received.append(length_of(response)))
    page = opened.go(f"jobs/{large}")
    log = page.get_by_role("log")
    expect(log).to_contain_text("the very last line", timeout=PATIENT)
    expect(page.get_by_role("status").filter(has_text="GiB")).to_be_visible()
    assert page.locator(".log-line").count() < 200
    opening = sum(received)
    assert opening < 2_000_000, "only what is seen is fetched"

    scroll_up_through_blocks(page, received)

    page.get_by_label("Search the whole log").fill("needle")
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 of 3")).to_be_visible(timeout=PATIENT)
    for number in range(3):
        marked = page.locator(".log-marked")
        expect(marked).to_have_text(f"needle {number}", timeout=PATIENT)
        expect(marked).to_be_in_viewport()
        expect(marked.locator("mark")).to_have_text("needle")
        page.get_by_role("button", name="Next hit").click()
    expect(page.get_by_text("1 of 3")).to_be_visible()

    ruler = page.get_by_role("slider", name="Position in the log")
    ruler.press("Home")
    expect(page.locator(".log-line").first).to_have_attribute("data-offset", "0", timeout=PATIENT)
    ruler.press("PageDown")
    expect(ruler).to_have_attribute("aria-valuenow", "10", timeout=PATIENT)
    page.get_by_role("button", name="To the end").click()
    expect(log).to_contain_text("the very last line", timeout=PATIENT)
    assert sum(received) < 30_000_000


def scroll_up_through_blocks(page: Page, received: list[int]) -> None:
    """The wheel goes up far beyond what was loaded first, and no line is shown twice or left out."""
    first = first_offset(page)
    page.get_by_role("log").hover()
    fetched = len(received)
    deadline = time.monotonic() + DEADLINE_S
    while first_offset(page) > first - 3_000_000:
        page.mouse.wheel(0, -2000)
        assert time.monotonic() < deadline, "scrolling up comes to nothing"
    assert len(received) > fetched, "more was fetched on the way"
    offsets = page.evaluate(f"[...document.querySelectorAll('.log-line')].map({OFFSET})")
    assert {later - earlier for earlier, later in pairwise(offsets)} == {len(LINE)}


def first_offset(page: Page) -> int:
    return page.evaluate("Number(document.querySelector('.log-line').dataset.offset)")


def length_of(response: Response) -> int:
    return int(response.headers.get("content-length", 0))


def test_platform_lines_can_be_hidden(tab: OpenTab, service: Running, tmp_path: Path) -> None:
    job_id = submit(service, tmp_path / "code", "print('mine', flush=True)", unique("quiet"))
    wait_for_phase(service, job_id, "Completed")
    path = service.context.log_root / job_id / "0" / "worker-0.log"
    path.write_bytes(b"[ModelArts Service Log] platform says\nmine\n")
    opened = tab()
    opened.sign_in()
    page = opened.go(f"jobs/{job_id}")
    expect(page.get_by_role("log")).to_contain_text("platform says")
    page.get_by_role("switch", name="Platform lines").click()
    expect(page.get_by_role("log")).not_to_contain_text("platform says")
    expect(page.get_by_role("log")).to_contain_text("mine")


def test_logs_of_tasks_ranks_and_earlier_starts(tab: OpenTab, service: Running, tmp_path: Path) -> None:
    script = "import os\nprint('task', os.environ['VC_TASK_INDEX'], flush=True)"
    job_id = submit(service, tmp_path / "code", script, unique("wide"), nodes=2)
    wait_for_phase(service, job_id, "Completed")
    folder = service.context.log_root / job_id / "0"
    (folder / "worker-1.rank-1.log").write_text("only what rank 1 says\n")
    opened = tab()
    opened.sign_in()
    page = opened.go(f"jobs/{job_id}?tab=logs&task=worker-1")
    expect(page.get_by_role("log")).to_contain_text("task 1")
    choose(page, "Stream", "rank 1")
    expect(page.get_by_role("log")).to_contain_text("only what rank 1 says")
    choose(page, "Task", "All tasks, side by side")
    for number in range(2):
        part = page.get_by_role("region", name=f"worker-{number}")
        expect(part.get_by_role("log")).to_contain_text(f"task {number}")
    with page.expect_download() as download:
        page.get_by_role("region", name="worker-1").get_by_role("link", name="Download").click()
    assert b"task 1" in Path(download.value.path()).read_bytes()


def choose(page: Page, label: str, option: str) -> None:
    page.get_by_role("combobox", name=label).click()
    page.locator(".ant-select-item-option", has_text=option).last.click()


@pytest.mark.usefixtures("built")
def test_a_tab_goes_on_when_the_service_was_started_again(tab: OpenTab, tmp_path: Path, gate: Gate) -> None:
    home = tmp_path / "home"
    with running(home) as first:
        port = int(first.endpoint.rpartition(":")[2])
        job_id = submit(first, tmp_path / "code", WAITING, unique("survivor"), gate=gate.port)
        wait_for_phase(first, job_id, "Running")
        opened = tab(service=first)
        opened.sign_in()
        page = opened.go(f"jobs/{job_id}")
        expect(page.get_by_role("log")).to_contain_text("started", timeout=PATIENT)
    expect(page.get_by_text("Reconnecting")).to_be_visible(timeout=PATIENT)
    gate.open()
    with running(home, port=port):
        expect(page.get_by_role("log")).to_contain_text("the last line", timeout=PATIENT)
        expect(page.get_by_text("Completed").first).to_be_visible(timeout=PATIENT)
        page.get_by_role("link", name="Training jobs").click()
        expect(page.get_by_role("link", name=re.compile("^survivor"))).to_be_visible(timeout=PATIENT)
