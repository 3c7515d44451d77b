"""What every page of the console keeps: accessible, narrow enough, small, strict, and nobody else's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Response, expect

from tests.console.conftest import Tab
from tests.server.running import Running
from trainshed.server.console import FILES

OpenTab = Callable[..., Tab]
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
ASSETS = FILES / "assets"
FIRST_LOAD_BYTES = 300 * 1024
PATHS = ["", "jobs", "algorithms", "algorithms/new", "engines", "pools", "buckets", "settings"]


def settled(page: Page) -> None:
    """Wait until the page shows its own heading, and nothing that stands in for content."""
    expect(page.locator("main h1")).to_be_visible()
    expect(page.locator(".ant-skeleton-active, .ant-spin-spinning")).to_have_count(0)


def faults(page: Page) -> list[str]:
    """Serious and critical faults that axe finds."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run({resultTypes: ['violations']})")
    return [
        f"{fault['id']}: {node['html'][:160]} {_reason(node)}"
        for fault in found["violations"]
        if fault["impact"] in ("serious", "critical")
        for node in fault["nodes"]
    ]


def _reason(node: dict[str, Any]) -> str:
    for check in [*node["any"], *node["all"], *node["none"]]:
        data = check.get("data") or {}
        if isinstance(data, dict) and "contrastRatio" in data:
            return f"{data['fgColor']} on {data['bgColor']}: {data['contrastRatio']}"
        return check["message"]
    return ""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_has_a_serious_fault_or_scrolls_sideways(tab: OpenTab, dark: bool) -> None:
    wide, narrow = tab(dark=dark), tab(dark=dark, width=390, locale="zh-CN")
    bad: list[str] = []
    for opened, path in [(opened, path) for opened in (wide, narrow) for path in ["sign-in", *PATHS]]:
        page = opened.sign_in() if path == PATHS[0] else opened.go(path)
        if path == "sign-in":
            page.locator("input[type=password]").wait_for()
        else:
            settled(page)
        bad += [f"{path}: {fault}" for fault in faults(page)]
        if (width := page.evaluate("document.documentElement.scrollWidth - innerWidth")) > 0:
            bad.append(f"{path}: {width} px too wide")
    assert bad == [], "\n".join(bad)


@pytest.mark.parametrize("accepted", ["br", "gzip", "identity"])
def test_scripts_are_sent_as_the_browser_takes_them(service: Running, accepted: str) -> None:
    page = service.api.get("/console/").text
    script = page.partition('src="/console/assets/')[2].partition('"')[0]
    answer = service.api.get(f"/console/assets/{script}", headers={"Accept-Encoding": accepted})
    assert answer.headers.get("content-encoding", "identity") == accepted
    assert answer.headers["content-type"].startswith("text/javascript")
    assert "immutable" in answer.headers["cache-control"]


def test_the_list_needs_less_script_than_it_may(tab: OpenTab) -> None:
    opened = tab()
    opened.sign_in()
    scripts: list[Response] = []
    opened.page.on(
        "response",
        lambda answer: scripts.append(answer) if answer.request.resource_type == "script" else None,
    )
    page = opened.go("jobs")
    settled(page)
    expect(page.get_by_role("table")).to_be_visible()
    names = [script.url.rpartition("/")[2] for script in scripts]
    assert any(name.startswith("jobs-") for name in names), names
    for ending in (".br", ".gz"):
        packed = [size for name in names if (size := size_of(name + ending))]
        assert len(packed) >= len(names) - 1, f"one script is not compressed before it is built: {names}"
        assert sum(packed) < FIRST_LOAD_BYTES, f"{ending}: {sum(packed):,} bytes: {names}"


def size_of(name: str) -> int:
    path = ASSETS / name
    return path.stat().st_size if path.is_file() else 0


def test_styles_need_the_nonce_of_their_page(service: Running) -> None:
    first, second = (service.api.get("/console/") for _ in range(2))
    policy = first.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert policy != second.headers["content-security-policy"]
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert f'nonce="{nonce}"' in first.text
