"""What a job leaves: pictures and texts that are looked at, curves that are laid over those of others."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.console.conftest import Tab
from tests.console.work import WAITING, Gate, submit, wait_for_phase, write_code
from tests.naming import unique
from tests.server.running import Running

OpenTab = Callable[..., Tab]

PAINTING = """
import argparse, pathlib, struct, zlib
parser = argparse.ArgumentParser()
parser.add_argument("--train_url")
parser.add_argument("--rate", type=float, default=1.0)
given, _ = parser.parse_known_args()
for epoch in range(6):
    print(f"epoch {epoch} loss={given.rate / (epoch + 1):.3f}", flush=True)

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

head = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 4, 8, 2, 0, 0, 0))
body = chunk(b"IDAT", zlib.compress(b"".join(b"\\0" + b"\\x20\\x60\\xff" * 8 for _ in range(4))))
out = pathlib.Path(given.train_url)
(out / "plots").mkdir()
(out / "plots" / "curve.png").write_bytes(b"\\x89PNG\\r\\n\\x1a\\n" + head + body + chunk(b"IEND", b""))
(out / "report.json").write_text('{"accuracy": 0.97}')
"""


def paint(service: Running, folder: Path, name: str, rate: str) -> str:
    """A finished job with a picture, a text and a curve; its id."""
    write_code(folder, PAINTING)
    body: dict[str, Any] = {
        "kind": "job",
        "metadata": {"name": name},
        "algorithm": {
            "code_dir": folder.as_uri() + "/",
            "boot_file": "train.py",
            "engine": {"engine_id": "python_3.11"},
            "parameters": [{"name": "rate", "value": rate}],
            "outputs": [{"name": "train_url", "remote": {"obs": {"obs_url": f"obs://trainshed/{name}/"}}}],
        },
        "spec": {"resource": {"flavor_id": "cpu-1", "node_count": 1}},
    }
    answer = service.api.post(service.v2("training-jobs"), json=body)
    assert answer.status_code == 201, answer.text
    job_id = answer.json()["metadata"]["id"]
    wait_for_phase(service, job_id, "Completed")
    return job_id


def test_a_picture_and_a_text_are_looked_at_and_fetched(
    tab: OpenTab, service: Running, tmp_path: Path
) -> None:
    job_id = paint(service, tmp_path / "code", unique("paints"), "1")
    opened = tab()
    opened.sign_in()
    page = opened.go(f"jobs/{job_id}?tab=outputs")
    page.get_by_role("button", name="plots").click()
    page.get_by_role("button", name="curve.png").click()
    picture = page.get_by_role("dialog").get_by_role("img", name="curve.png")
    expect(picture).to_be_visible()
    page.wait_for_function("document.querySelector('[role=dialog] img')?.naturalWidth === 8")
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download curve.png").click()
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    page.get_by_role("navigation", name="Outputs").get_by_role("button", name="train_url").click()
    page.get_by_role("button", name="report.json").click()
    expect(page.get_by_role("dialog").get_by_role("region", name="report.json")).to_contain_text("0.97")


def test_curves_of_two_jobs_are_compared(tab: OpenTab, service: Running, tmp_path: Path) -> None:
    slow, fast = unique("slow"), unique("fast")
    first = paint(service, tmp_path / "slow", slow, "1")
    paint(service, tmp_path / "fast", fast, "0.5")
    opened = tab()
    opened.sign_in()
    page = opened.go(f"jobs/{first}?tab=metrics")
    chart = page.get_by_role("img", name="loss")
    expect(chart).to_be_visible()
    page.get_by_label("Compare with other jobs").fill(fast)
    page.locator(".ant-select-item-option", has_text=fast).click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("img", name="loss")).to_have_attribute("aria-description", f"{slow}, {fast}")
    page.get_by_text("Duration", exact=True).last.click()
    expect(chart).to_be_visible()


def reach(page: Page, selector: str) -> None:
    """Press Tab until the focus is on what ``selector`` finds."""
    for _ in range(120):
        if page.evaluate("selector => document.activeElement?.matches(selector) ?? false", selector):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way by keyboard to {selector}")


def test_a_job_is_created_by_keyboard_alone(tab: OpenTab, service: Running) -> None:
    code, name = f"obs://trainshed/{unique('code')}/", unique("keyboard")
    answer = service.api.put(
        service.v2("objects"), params={"uri": f"{code}train.py"}, content=b"print('by hand', flush=True)\n"
    )
    assert answer.is_success, answer.text
    page = tab().sign_in()
    reach(page, "a[href$='/console/jobs']")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Training jobs")).to_be_visible()
    reach(page, "a[href$='/jobs/new'], a[href$='/jobs/new'] *")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Create a training job")).to_be_visible()
    reach(page, "#name")
    page.keyboard.press("Control+A")
    page.keyboard.type(name)
    reach(page, "#code_dir")
    page.keyboard.type(code)
    reach(page, "#boot_file")
    page.keyboard.type("train.py")
    page.keyboard.press("Escape")
    reach(page, "#engine")
    page.keyboard.type("python_3.11")
    page.keyboard.press("Enter")
    reach(page, "button[type=submit]")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_role("log")).to_contain_text("by hand")
    job = service.api.get(service.v2(f"training-jobs/{name}")).json()
    assert json.dumps(job).count("python_3.11") >= 1


def test_a_job_is_found_watched_and_stopped_on_a_phone(
    tab: OpenTab, service: Running, tmp_path: Path, gate: Gate
) -> None:
    name = unique("phone")
    job_id = submit(service, tmp_path / "code", WAITING, name, gate=gate.port)
    wait_for_phase(service, job_id, "Running")
    page = tab(width=390).sign_in()
    page.get_by_role("button", name="Open the menu").click()
    page.get_by_role("link", name="Training jobs").click()
    page.get_by_label("Search by name").fill(name)
    page.get_by_role("table").get_by_role("link", name=name).click()
    expect(page.get_by_role("log")).to_contain_text("started")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("button", name="Stop").click()
    page.get_by_role("tooltip").get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped").first).to_be_visible()
    wait_for_phase(service, job_id, "Terminated")
