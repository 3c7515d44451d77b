"""What the benchmarks of jobs share: a service of their own, and peers in environments of their own."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from trainshed.client import Client, Connection, JobRequest
from trainshed.engines.pip_config import uv_variables

ROOT = Path(__file__).resolve().parents[2]
ENVIRONMENTS = Path(os.environ.get("TRAINSHED_ENVIRONMENTS") or ROOT / ".cache" / "environments")
PEERS = ROOT / ".cache" / "peers"


@contextmanager
def service(home: Path) -> Generator[Client]:
    """``trainshed up`` in a process of its own until the end of the block; a client of it."""
    command = [sys.executable, "-m", "trainshed.cli", "up", "--json", "--home", str(home), "--port", "0"]
    environment = {**os.environ, "TRAINSHED_ENVIRONMENTS": str(ENVIRONMENTS)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        with Client(Connection(ready["endpoint"], ready["project_id"], ready["token"])) as client:
            yield client
    finally:
        process.terminate()
        process.wait(60)


def request(name: str, script: Path, engine: str, **more: Any) -> JobRequest:
    """A job that runs ``script`` where it is."""
    code = f"{script.parent.as_uri()}/"
    return JobRequest(name=name, code_dir=code, boot_file=script.name, engine=engine, **more)


class Driver:
    """A peer's system in a Python of its own, which runs a job for each line that it is sent."""

    def __init__(self, name: str, packages: Sequence[str], source: str, *arguments: str) -> None:
        python = peer_python(name, packages)
        command = [str(python), "-u", "-c", source, *arguments]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self._answer()  # it says when it is ready

    def run(self) -> dict[str, float]:
        """Seconds from the submit, by what was seen: ``first`` line, ``done``."""
        stdin = self._process.stdin
        assert stdin is not None
        stdin.write("run\n")
        stdin.flush()
        return json.loads(self._answer())

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _answer(self) -> str:
        stdout: IO[str] | None = self._process.stdout
        assert stdout is not None
        for line in stdout:
            if line.startswith("{"):
                return line
        raise RuntimeError("the peer ended without an answer")


def peer_python(name: str, packages: Sequence[str]) -> Path:
    """The interpreter of a virtual environment that has ``packages``; made the first time."""
    folder = PEERS / name
    python = folder / "bin" / "python"
    marker = folder / "ready"
    if not marker.is_file():
        environment = {**os.environ, **uv_variables()}
        uv = [sys.executable, "-m", "uv"]
        subprocess.run(
            [*uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)], check=True
        )
        install = [*uv, "pip", "install", "--quiet", "--python", str(python), *packages]
        subprocess.run(install, env=environment, check=True)
        marker.touch()
    return python


class Rounds:
    """Times of several systems, measured one after the other in each round, so that noise is shared.

    Args:
        base: the system that the others are compared with.
    """

    def __init__(self, base: str) -> None:
        self._base = base
        self._times: dict[tuple[str, str], list[float]] = {}

    def measure(self, rounds: int, systems: dict[str, Callable[[], dict[str, float]]]) -> None:
        """Run every system once a round; the first round warms up and does not count.

        Each system answers seconds by what was timed, such as ``{"first": 0.02, "done": 0.03}``.
        """
        for count in range(rounds + 1):
            for name, run in systems.items():
                for what, seconds in run().items():
                    if count:
                        self._times.setdefault((name, what), []).append(seconds)

    def median(self, name: str, what: str) -> float:
        """Seconds."""
        return statistics.median(self._times[name, what])

    def ratio(self, name: str, what: str) -> float:
        """Median over the rounds of the ratio to the base in the same round."""
        pairs = zip(self._times[name, what], self._times[self._base, what], strict=True)
        return statistics.median(mine / base for mine, base in pairs)


def parser_of(description: str | None) -> argparse.ArgumentParser:
    """A parser that shows a module's docstring as it is written."""
    raw = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(description=description, formatter_class=raw)


def timed(work: Callable[[], object]) -> float:
    """Seconds that ``work`` takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
