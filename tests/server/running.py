"""A real server in a thread of the test: uvicorn on a loopback port, its home in a temporary folder."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from trainshed.server.config import Settings
from trainshed.server.context import Context
from trainshed.server.run import Ready, Server

START_S = 120
ROOT = Path(__file__).parents[2]


@dataclass
class Running:
    """A server that answers.

    Attributes:
        api: a client that is logged in as the admin; its base URL is the server's.
    """

    server: Server
    ready: Ready
    api: httpx.Client

    @property
    def endpoint(self) -> str:
        return self.ready.endpoint

    @property
    def project_id(self) -> str:
        return self.ready.project_id

    @property
    def home(self) -> Path:
        return self.server.settings.home

    @property
    def context(self) -> Context:
        return self.server.app.state.context

    def v2(self, path: str) -> str:
        """``/v2/{project_id}/`` and ``path``."""
        return f"/v2/{self.project_id}/{path}"


def environments() -> Path:
    """Where engines' environments are kept for all test runs of this checkout."""
    return Path(os.environ.get("TRAINSHED_ENVIRONMENTS") or ROOT / ".cache" / "environments")


@contextmanager
def running(home: Path, **settings: Any) -> Generator[Running]:
    """Serve ``home`` until the end of the block; ``settings`` are those of ``Settings``."""
    told = threading.Event()
    box: list[Ready] = []
    failures: list[BaseException] = []

    def on_ready(ready: Ready) -> None:
        box.append(ready)
        told.set()

    def run() -> None:
        try:
            server.run()
        except BaseException as error:
            failures.append(error)
        finally:
            told.set()

    server = Server(Settings(home=home, **{"port": 0, "environments": environments(), **settings}), on_ready)
    thread = threading.Thread(target=run, name="server")
    thread.start()
    try:
        assert told.wait(START_S), "the server did not start in time"
        if failures:
            raise failures[0]
        headers = {"Authorization": f"Bearer {box[0].token}"}
        with httpx.Client(base_url=box[0].endpoint, headers=headers, timeout=120, trust_env=False) as api:
            yield Running(server, box[0], api)
    finally:
        server.stop()
        thread.join(START_S)
        server.close()
    assert not thread.is_alive(), "the server did not stop in time"
    if failures:
        raise failures[0]
