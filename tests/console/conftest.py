"""The console as people get it: built, served by a real server, shown by a real Chromium."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from hatch_build import build_console
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from tests.console.work import DEADLINE_S, Gate
from tests.server.running import Running, running

ROOT = Path(__file__).parents[2]
expect.set_options(timeout=DEADLINE_S * 1000)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def built() -> None:
    """The console, built once for all workers."""
    lock = ROOT / ".cache" / "console.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        build_console(ROOT)


@pytest.fixture(scope="module")
def service(built: None, tmp_path_factory: pytest.TempPathFactory) -> Generator[Running]:
    """A service for the flows of a module."""
    with running(tmp_path_factory.mktemp("console") / "home") as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Generator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("chromium not found: run scripts/test_deps.sh")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def gate() -> Generator[Gate]:
    """A gate that is open at the end, so that no script waits for ever."""
    gate = Gate()
    yield gate
    gate.open()


class Tab:
    """One tab of a fresh browser profile, and every fault that its page had."""

    def __init__(self, context: BrowserContext, service: Running) -> None:
        self.page: Page = context.new_page()
        self.faults: list[str] = []
        self.foreign: list[str] = []
        self._service = service
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self._hear)
        self.page.on("request", lambda request: self._note(request.url))

    def go(self, path: str = "") -> Page:
        self.page.goto(f"{self._service.endpoint}/console/{path}")
        return self.page

    def sign_in(self) -> Page:
        page = self.go()
        page.locator("input[type=password]").fill(self._service.ready.token)
        page.locator("button[type=submit]").click()
        page.locator("main#page").wait_for()
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            self.faults.append(message.text)

    def _note(self, url: str) -> None:
        if not url.startswith((self._service.endpoint, "data:", "blob:")):
            self.foreign.append(url)


@pytest.fixture
def tab(browser: Browser, service: Running) -> Generator[Callable[..., Tab]]:
    """Opens tabs; at the end none of them had a fault or asked another host for anything."""
    contexts: list[BrowserContext] = []
    tabs: list[Tab] = []

    def open_tab(
        *, locale: str = "en-US", dark: bool = False, width: int = 1280, service: Running = service
    ) -> Tab:
        # without motion: a click on what still moves into its place hits nothing on a busy machine
        context = browser.new_context(
            locale=locale,
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": 800},
            reduced_motion="reduce",
        )
        context.set_default_timeout(DEADLINE_S * 1000)
        contexts.append(context)
        tabs.append(Tab(context, service))
        return tabs[-1]

    yield open_tab
    for context in contexts:
        context.close()
    assert [t.faults for t in tabs if t.faults] == []
    assert [t.foreign for t in tabs if t.foreign] == []
