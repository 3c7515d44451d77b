"""A service, a Slurm cluster, and the command line before both."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.server.running import Running
from tests.servers.slurm import SlurmCluster
from trainshed.core.lifecycle import TERMINAL
from trainshed.testing.pools import eventually

HELLO = "print('hello')"


@dataclass
class Bench:
    """A service with a pool ``hpc`` on a cluster, and the command line before it."""

    server: Running
    cluster: SlurmCluster
    folder: Path

    @property
    def shared(self) -> Path:
        return self.folder / "shared"

    def settings(self, **changes: Any) -> dict[str, Any]:
        self.shared.mkdir(exist_ok=True)
        found = {"partition": "main", "shared": str(self.shared), "conf": str(self.cluster.conf)}
        return {**found, "python": sys.executable, "build": "server", **changes}

    def add(self, name: str, **changes: Any) -> httpx.Response:
        return self.server.api.post("/v1/pools", json={"name": name, "settings": self.settings(**changes)})

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """``trainshed …``, as a person would."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("TRAINSHED_")}
        return subprocess.run(
            [sys.executable, "-m", "trainshed.cli", *words],
            cwd=self.folder,
            env={**kept, "TRAINSHED_HOME": str(self.server.home)},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def script(self, text: str) -> str:
        code = self.folder / "code"
        code.mkdir(exist_ok=True)
        (code / "train.py").write_text(text)
        return str(code / "train.py")

    @contextlib.contextmanager
    def drained(self) -> Generator[None]:
        """No node takes jobs meanwhile."""
        for name in self.cluster.nodes:
            self.cluster.run("scontrol", "update", f"nodename={name}", "state=drain", "reason=test")
        try:
            yield
        finally:
            for name in self.cluster.nodes:
                self.cluster.run("scontrol", "update", f"nodename={name}", "state=resume")
            out = {"drained", "draining", "down"}
            self.cluster.wait_until(lambda: out.isdisjoint(self.cluster.states().values()), "all back", 90)

    def close(self) -> None:
        self.cluster.run("scancel", "--user=root", check=False)
        self.cluster.recover()

    def submit(self, script: str, *options: str) -> str:
        """Have a script run in the background; where the API has the job."""
        done = self.run("run", "--detach", "--flavor", "cpu-1", *options, self.script(script))
        assert done.returncode == 0, done.stderr
        by_name = self.job(self.server.v2(f"training-jobs/{done.stdout.split()[0]}"))
        return self.server.v2(f"training-jobs/{by_name['metadata']['id']}")

    def job(self, url: str) -> dict[str, Any]:
        """The job as the API shows it."""
        return self.server.api.get(url).json()

    def until(self, url: str, *phases: str) -> dict[str, Any]:
        """The job's status once it is in one of these phases, or has ended otherwise."""
        ends = {*phases, *(phase.value for phase in TERMINAL)}

        def look() -> dict[str, Any] | None:
            status = self.job(url)["status"]
            return status if status["phase"] in ends else None

        found = eventually(look)
        assert found
        assert not phases or found["phase"] in phases, found
        return found

    def slurm(self, url: str, attempt: int = 0) -> dict[str, str]:
        """What Slurm knows of the job."""
        folder = self.shared / "jobs" / url.rsplit("/", 1)[1] / str(attempt) / "submitted.json"
        slurm_id = json.loads(eventually(lambda: (folder.exists() and folder.read_text()) or ""))["id"]
        shown = self.cluster.run("scontrol", "--oneliner", "show", "job", slurm_id, check=False)
        return {name: value for name, _, value in (part.partition("=") for part in shown.split())}
