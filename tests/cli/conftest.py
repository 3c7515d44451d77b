"""Fixtures of the command line's tests: the command itself, and a service that really runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = [sys.executable, "-m", "trainshed.cli"]


@dataclass(frozen=True)
class Shell:
    """Runs ``trainshed`` as a person would: a process of its own, in a folder of its own."""

    folder: Path
    home: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TRAINSHED_")}
        environments = os.environ.get("TRAINSHED_ENVIRONMENTS") or str(ROOT / ".cache" / "environments")
        ours = {"TRAINSHED_HOME": str(self.home), "TRAINSHED_ENVIRONMENTS": environments}
        return {**kept, **ours, **self.variables}

    def run(self, *words: str | Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *map(str, words)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def start(self, *words: str | Path) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *map(str, words)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def json(self, *words: str | Path) -> Any:
        done = self.run(*words, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def script(self, text: str, name: str = "train.py") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path


class Service:
    """``trainshed up``, which can be killed and started again."""

    def __init__(self, shell: Shell) -> None:
        self.shell = shell
        self.ready: dict[str, str] = {}
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        self._process = self.shell.start("up", "--port", "0", "--json")
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        line = self._process.stdout.readline()
        assert line, self._process.stderr.read()
        self.ready = json.loads(line)

    def end(self, number: int = signal.SIGTERM) -> int:
        assert self._process is not None
        self._process.send_signal(number)
        _, _ = self._process.communicate(timeout=30)
        code = self._process.returncode
        self._process = None
        return code

    def close(self) -> None:
        if self._process is not None:
            self.end()


@pytest.fixture(scope="session")
def service_home(tmp_path_factory: pytest.TempPathFactory) -> Generator[Path]:
    """The home of one service that runs for all tests of a worker."""
    folder = tmp_path_factory.mktemp("service")
    service = Service(Shell(folder, folder / "home"))
    service.start()
    yield folder / "home"
    service.close()


@pytest.fixture
def shell(tmp_path: Path, service_home: Path) -> Shell:
    """The command, with a service that runs."""
    return Shell(tmp_path, service_home)


@pytest.fixture
def fresh(tmp_path: Path) -> Generator[Shell]:
    """The command in a home where nothing has run yet; ends the embedded service that it leaves."""
    home = tmp_path / "home"
    yield Shell(tmp_path, home)
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        pid = json.loads((home / "endpoint.json").read_text())["pid"]
        if str(home) in Path(f"/proc/{pid}/cmdline").read_text():
            os.kill(pid, signal.SIGTERM)


@pytest.fixture
def own_service(fresh: Shell) -> Generator[Service]:
    """A service of the test's own, to be killed at will."""
    service = Service(fresh)
    service.start()
    yield service
    service.close()
