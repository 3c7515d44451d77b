"""One run: a world is built, jobs are submitted, faults are inflicted, and all is audited."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.chaos import clock
from tests.chaos.audit import ENDED, Crowd, Outputs, audit, left_behind, local_outputs
from tests.chaos.faults import Surroundings
from tests.chaos.plan import JobPlan, Plan
from tests.chaos.world import DEADLINE_S, World, outputs_of
from tests.servers.postgresql import PostgreSQL
from tests.servers.proxy import Proxy
from tests.servers.seaweedfs import ACCESS_KEY, SECRET_KEY, SeaweedFS
from trainshed.pools._machine import look
from trainshed.storage import Buckets

DISK = "256m"
BUCKET = "chaos"


@dataclass
class Report:
    """What a run has shown; ``problems`` is empty where nothing was lost."""

    world: str
    seed: int
    jobs: int
    faults: dict[str, int]
    starts: int
    seconds: float
    problems: list[str] = field(default_factory=list[str])

    def json(self) -> dict[str, Any]:
        return asdict(self)


def storm(plan: Plan, folder: Path) -> Report:
    """Play a plan in ``folder``."""
    began = time.monotonic()
    with _surroundings(plan, folder) as (on, outputs):
        world = on.world
        world.up()
        _prepare_storage(on)
        crowd = Crowd(world, look().cpus)
        crowd.start()
        try:
            _play(plan, on)
            problems = _settle(world)
        finally:
            found = crowd.end()
        problems += found if plan.world != "disk" else []
        problems += audit(world, outputs, clocks=plan.world != "clock")
        starts = sum(
            len(world.get(f"training-jobs/{job.name}")["status"]["running_records"]) for job in plan.jobs
        )
        world.kill(signal.SIGTERM)
        problems += _gone(world)
        if problems and on.disk:  # it goes with its file system
            shutil.copytree(on.disk, folder / "kept", symlinks=True, ignore_dangling_symlinks=True)
        return Report(
            plan.world, plan.seed, len(plan.jobs), on.counts, starts, time.monotonic() - began, problems
        )


def _play(plan: Plan, on: Surroundings) -> None:
    """Submit, stop and hurt, each at its time; what is late is done at once."""
    began = time.monotonic()
    gap = plan.seconds / max(1, len(plan.jobs))
    todo: list[tuple[float, int, Any]] = [(n * gap, 0, job) for n, job in enumerate(plan.jobs)]
    todo += [(n * gap + job.stop_after_s, 1, job) for n, job in enumerate(plan.jobs) if job.stop_after_s]
    todo += [(fault.at_s, 2, fault) for fault in plan.faults]
    for at, what, item in sorted(todo, key=lambda entry: entry[:2]):
        time.sleep(max(0.0, began + at - time.monotonic()))
        if what == 0:
            on.world.submit(item)
        elif what == 1:
            on.world.stop_job(item.name)
        else:
            on.inflict(item)


def _settle(world: World) -> list[str]:
    """Wait until every job has ended; which have not."""
    deadline = time.monotonic() + DEADLINE_S
    while True:
        phases = world.phases()
        open_ = {name: phase for name, phase in phases.items() if phase not in ENDED}
        missing = [job.name for job in world.accepted if job.name not in phases]
        if missing:
            return [f"jobs that were accepted are gone: {missing}"]
        if not open_:
            return []
        if time.monotonic() > deadline:
            return [f"jobs have not ended: {open_}"]
        time.sleep(0.3)


def _gone(world: World) -> list[str]:
    """Processes that stay although all has ended; each gets some seconds to leave."""
    deadline = time.monotonic() + 30
    while (left := left_behind(world)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


@contextmanager
def _surroundings(plan: Plan, folder: Path) -> Generator[tuple[Surroundings, Outputs]]:
    home = folder / "home"
    env: dict[str, str] = {}
    with ExitStack() as stack:
        on = Surroundings(World(folder, home, env=env))
        outputs = local_outputs(on.world.out)
        match plan.world:
            case "database":
                on.postgresql = stack.enter_context(PostgreSQL.start(durable=True))
                env["TRAINSHED_DATABASE_URL"] = on.postgresql.new_database()
            case "storage":
                server = stack.enter_context(SeaweedFS.start(folder / "weed"))
                on.proxy = stack.enter_context(Proxy(server.port))
                on.world.out = f"s3://{BUCKET}"
                outputs = _bucket_outputs(stack, server)
            case "disk":
                stack.enter_context(_small_disk(home))
                on.disk = home
                env["TRAINSHED_DISK_RESERVE_MB"] = "0"  # it is to be really full
            case "clock":
                on.clock = folder / "clock"
                on.clock.write_text("0")
                env["CHAOS_CLOCK"] = str(on.clock)
                env["PYTHONPATH"] = str(Path(clock.__path__[0]))
            case _:
                pass
        stack.callback(on.world.close)
        yield on, outputs


@contextmanager
def _small_disk(home: Path) -> Generator[None]:
    """A file system of its own for the home."""
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(home)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(home)], check=True)


def can_mount() -> bool:
    """Whether this user may make a small disk."""
    if os.geteuid():
        return False
    return subprocess.run(["unshare", "-m", "true"], check=False, capture_output=True).returncode == 0


def _prepare_storage(on: Surroundings) -> None:
    if on.proxy is None:
        return
    body = {
        "name": BUCKET,
        "kind": "s3",
        "endpoint": on.proxy.endpoint,
        "access_key": ACCESS_KEY,
        "secret_key": SECRET_KEY,
    }
    answer = on.world.call("POST", "buckets", json=body)
    assert answer.status_code == 201, answer.text


def _bucket_outputs(stack: ExitStack, server: SeaweedFS) -> Outputs:
    buckets = Buckets({BUCKET: server.bucket_settings()})
    stack.callback(buckets.close)
    buckets.store(BUCKET).make_bucket()  # type: ignore[attr-defined]

    def read(job: JobPlan) -> dict[str, str]:
        uris = {name: f"s3://{BUCKET}/{job.name}/{name}" for name in outputs_of(job)}
        return {name: buckets.read(uri).decode() for name, uri in uris.items() if buckets.exists(uri)}

    return read
