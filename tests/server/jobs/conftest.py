"""Servers for tests of jobs; one a module, because most tests only need some job."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.server.jobs.shed import Shed
from tests.server.running import running


@pytest.fixture(scope="session")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Engines' environments, shared by all servers of the session."""
    return tmp_path_factory.mktemp("environments")


@pytest.fixture(scope="module")
def shed(tmp_path_factory: pytest.TempPathFactory, environments: Path) -> Generator[Shed]:
    """A server on SQLite with the local pool."""
    folder = tmp_path_factory.mktemp("shed")
    with running(folder / "home", environments=environments) as server:
        yield Shed(server, folder / "scripts")
