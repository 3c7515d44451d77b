"""Environments of engines on the cluster: each is built once, on a node, by a Slurm job of its own.

Jobs that need it are submitted at once and wait for that one (``--dependency=afterok``), so that no
node is held while others build.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from trainshed.engines import lookup
from trainshed.jobs import evidence
from trainshed.pools.slurm.commands import Slurm
from trainshed.pools.slurm.script import COMMENT, render_build
from trainshed.pools.slurm.settings import SlurmSettings

_LINE = re.compile(r"\[ *(\d+)%\] (.*)")


class Builds:
    """Submits builds."""

    def __init__(self, settings: SlurmSettings, slurm: Slurm) -> None:
        self._settings = settings
        self._slurm = slurm
        self._root = Path(settings.environments_dir)

    def needed(self, engine_id: str, agent: Path, *, gpu: bool) -> str:
        """The Slurm job that a job must wait for; empty where the environment is ready."""
        if not engine_id or self._ready(engine_id, gpu=gpu):
            return ""
        return self._under_way(engine_id) or self._submit(engine_id, agent)

    def log(self, engine_id: str) -> Path:
        """What the engine's build says."""
        return self._root / "logs" / f"slurm-{engine_id}.out"

    def progress(self, engine_id: str) -> tuple[float, str]:
        """How far the engine's build is: percent, and the last line of its log."""
        lines = [line for line in evidence.read(str(self.log(engine_id))).splitlines() if line.strip()]
        found = _LINE.match(lines[-1]) if lines else None
        return (float(found[1]), found[2]) if found else (0.0, lines[-1] if lines else "")

    def failed(self, engine_id: str) -> str:
        """Says that an environment could not be built, and why."""
        said = self.progress(engine_id)[1].removeprefix("trainshed: ") or "it left no log"
        return f"the environment of {engine_id} could not be built: {said} (all of it: {self.log(engine_id)})"

    def _ready(self, engine_id: str, *, gpu: bool) -> bool:
        kinds = (True,) if gpu else (False, True)
        links = (lookup.engine_link(self._root, engine_id, gpu=kind) for kind in kinds)
        return any(lookup.find(Path(os.path.realpath(link))) for link in links)

    def _under_way(self, engine_id: str) -> str:
        listed = self._slurm.run("squeue", "--noheader", "--me", "--Format=JobID:|,State:|,Comment:|")
        for line in listed.splitlines():
            job_id, _, comment, *_ = (*(part.strip() for part in line.split("|")), "", "")
            if comment == f"{COMMENT}:build/{engine_id}":
                return job_id
        return ""

    def _submit(self, engine_id: str, agent: Path) -> str:
        log = self.log(engine_id)
        log.parent.mkdir(parents=True, exist_ok=True)
        text = render_build(self._settings, engine_id, str(agent), str(log))
        return self._slurm.run("sbatch", "--parsable", script=text).strip().partition(";")[0]
