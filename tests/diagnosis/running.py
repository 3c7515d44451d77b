"""Really runs a failing script, as ranks with their own logs, and keeps what there is to see.

A case (``cases/*.toml``) is a script and the rule that should explain its end. The recorder runs all
of them once and keeps logs and ends under ``logs/``; the tests diagnose those records, and run every
case again that needs no more than this machine has.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from trainshed.core.task import Cause, Stage, TaskOutcome
from trainshed.diagnosis import Bytes, Evidence, Facts, RankEnd, Stream
from trainshed.engines.pip_config import uv_variables

HERE = Path(__file__).parent
CASES = HERE / "cases"
LOGS = HERE / "logs"
CODE = "/home/ma-user/modelarts/user-job-dir/code"
ENVIRONMENTS = Path(os.environ.get("TRAINSHED_ENVIRONMENTS", HERE.parents[1] / ".cache" / "environments"))
ENGINES = {
    "torch": "pytorch_2.13.0-py_3.11.cpu",
    "torch18": "pytorch_1.8.0-cuda_10.2-py_3.7-ubuntu_18.04-x86_64.cpu",
    "tensorflow": "tensorflow_2.21.0-py_3.11.cpu",
    "horovod": "horovod_0.28.1-pytorch_2.13.0-py_3.11.cpu",
}
_PEERS_GRACE_S = 6.0


@dataclass(frozen=True)
class Case:
    """One failing script.

    Attributes:
        rule: id of the rule that should explain it; ``accept`` has others that are right too.
        rank: the rank that failed first, -1 where it does not matter.
        limits: as_mb, nofile, fsize_mb, nproc (set by rlimit), cgroup_mb, shm_mb, cache_mb,
            cache_inodes, read_only (need privileges).
        build: command that installs, instead of a script.
    """

    family: str
    name: str
    rule: str
    script: str = ""
    accept: tuple[str, ...] = ()
    boot: str = "train.py"
    engine: str = "project"
    args: tuple[str, ...] = ()
    ranks: int = 1
    rank: int = -1
    seconds: float = 60.0
    env: dict[str, str] = field(default_factory=dict[str, str])
    unset: tuple[str, ...] = ()
    files: dict[str, str] = field(default_factory=dict[str, str])
    limits: dict[str, Any] = field(default_factory=dict[str, Any])
    user: str = ""
    torchrun: int = 0
    horovod: int = 0
    tf_config: int = 0
    s3: bool = False
    build: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """``family/name``."""
        return f"{self.family}/{self.name}"

    @property
    def plain(self) -> bool:
        """Whether it runs anywhere: no engine, no privileges, no index."""
        special = {"cgroup_mb", "shm_mb", "cache_mb", "cache_inodes", "read_only"} & self.limits.keys()
        return self.engine == "project" and not (special or self.user or self.s3 or self.build)


@dataclass
class End:
    """How one rank ended."""

    rank: int
    exit_code: int | None
    signal: int
    at: float


def evidence(record: Record) -> Evidence:
    """What the service would hand to the diagnosis."""
    facts, stage = dict(record.facts), Stage.RUN
    if "stage" in facts:
        stage = Stage(facts.pop("stage"))
    failed = [end for end in record.ends if end.exit_code or end.signal]
    outcome = TaskOutcome(
        Cause.USER_ERROR if failed else Cause.SUCCESS,
        stage,
        "it failed",
        exit_code=failed[0].exit_code if failed else 0,
        signal=failed[0].signal if failed else 0,
    )
    if stage is Stage.ENVIRONMENT:
        return Evidence(streams=(Stream("worker-0.build", Bytes(record.logs[0])),), outcome=outcome)
    single = len(record.logs) == 1
    return Evidence(
        streams=tuple(
            Stream("worker-0" if single else f"worker-0.rank-{rank}", Bytes(log), rank)
            for rank, log in record.logs.items()
        ),
        ends=tuple(RankEnd(end.rank, end.exit_code, end.signal, 1e9 + end.at) for end in record.ends),
        outcome=outcome,
        facts=Facts(**facts),
    )


@dataclass
class Record:
    """What is left of a run: ends and logs by rank, and facts of the node."""

    ends: list[End]
    logs: dict[int, bytes]
    facts: dict[str, Any] = field(default_factory=dict[str, Any])

    def save(self, folder: Path) -> None:
        """Write it to ``folder``, which is emptied first."""
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for rank, log in self.logs.items():
            (folder / f"rank-{rank}.log").write_bytes(log)
        ends = [asdict(end) for end in self.ends]
        (folder / "ends.json").write_text(json.dumps({"ends": ends, "facts": self.facts}, indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> Record:
        """Read it back."""
        data = json.loads((folder / "ends.json").read_text())
        logs = {int(path.stem[5:]): path.read_bytes() for path in sorted(folder.glob("rank-*.log"))}
        return cls([End(**end) for end in data["ends"]], logs, data["facts"])


def cases() -> list[Case]:
    """All cases, by family and in their order."""
    found: list[Case] = []
    for path in sorted(CASES.glob("*.toml")):
        for row in tomllib.loads(path.read_text())["case"]:
            lists = {k: tuple(row[k]) for k in ("accept", "args", "unset", "build") if k in row}
            found.append(Case(**{**row, **lists, "family": path.stem}))
    return found


def python(engine: str) -> Path | None:
    """The interpreter of an engine that is built here, or None."""
    if engine == "project":
        return Path(sys.executable)
    path = ENVIRONMENTS / "engines" / ENGINES[engine] / "bin" / "python"
    return path if path.exists() else None


def run(case: Case, work: Path, s3: dict[str, str] | None = None) -> Record:
    """Run ``case`` in the empty folder ``work`` and wait for its end."""
    code = work / "code"
    code.mkdir(parents=True)
    cache = work / "cache"
    cache.mkdir()
    script = case.script.replace('"/cache/', f'"{cache}/').replace(f"f{cache}", f"{cache}")
    (code / "train.py").write_text(script.lstrip("\n"))
    for name, text in case.files.items():
        (code / name).parent.mkdir(parents=True, exist_ok=True)
        (code / name).write_text(text)
    if case.user:
        for path in (work, *work.parents):
            if path.is_relative_to("/tmp") and path != Path("/tmp"):
                path.chmod(0o755)
    started = time.time()
    with _cgroup(case) as group:
        processes = {rank: _start(case, rank, work, s3 or {}, group) for rank in range(case.ranks)}
        ends = _wait(processes, case.seconds, started)
        facts = _facts(case, group)
    if (work / "inodes").exists():
        facts["inodes_full"] = int((work / "inodes").read_text()) == 0
    if case.build:
        facts["stage"] = "environment"
    logs = {rank: normal((work / f"rank-{rank}.log").read_bytes(), case, work) for rank in range(case.ranks)}
    return Record(ends, logs, facts)


def _facts(case: Case, group: Path | None) -> dict[str, Any]:
    if group is None:
        return {}
    text = (group / "memory.oom_control").read_text()
    kills = int(next(line.split()[1] for line in text.splitlines() if line.startswith("oom_kill ")))
    return {"oom_kills": kills, "memory_limit_mb": case.limits["cgroup_mb"]}


@contextlib.contextmanager
def _cgroup(case: Case) -> Iterator[Path | None]:
    if "cgroup_mb" not in case.limits:
        yield None
        return
    group = Path(f"/sys/fs/cgroup/memory/diagnosis-{os.getpid()}")
    group.mkdir()
    try:
        (group / "memory.limit_in_bytes").write_text(str(case.limits["cgroup_mb"] << 20))
        yield group
    finally:
        group.rmdir()


def _start(
    case: Case, rank: int, work: Path, s3: dict[str, str], group: Path | None
) -> subprocess.Popen[bytes]:
    def prepare() -> None:
        if group is not None:
            (group / "cgroup.procs").write_text(str(os.getpid()))
        limits = case.limits
        for name, kind, unit in _RLIMITS:
            if name in limits:
                resource.setrlimit(kind, (limits[name] * unit, limits[name] * unit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if "fsize_mb" in limits:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        if case.user:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)

    with (work / f"rank-{rank}.log").open("wb") as log:
        return subprocess.Popen(
            _command(case, work),
            cwd=work / "code",
            env=_environment(case, rank, work, s3),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=prepare,  # noqa: PLW1509 this process has one thread
        )


_RLIMITS = (
    ("as_mb", resource.RLIMIT_AS, 1 << 20),
    ("nofile", resource.RLIMIT_NOFILE, 1),
    ("fsize_mb", resource.RLIMIT_FSIZE, 1 << 20),
    ("nproc", resource.RLIMIT_NPROC, 1),
)


def _command(case: Case, work: Path) -> list[str]:
    interpreter = Path("/usr/bin/python3") if case.user else python(case.engine)
    assert interpreter
    if case.build:
        tools = {"uv": [str(Path(sys.executable).with_name("uv"))], "pip": [sys.executable, "-m", "pip"]}
        return [*tools[case.build[0]], *case.build[1:]]
    boot = str(work / "code" / case.boot)
    command = [str(interpreter), boot, *case.args]
    if case.torchrun:
        command[1:1] = ["-m", "torch.distributed.run", f"--nproc-per-node={case.torchrun}", "--standalone"]
    if case.horovod:
        command = [str(interpreter.with_name("horovodrun")), "--gloo", "-np", str(case.horovod), *command]
    return [*_mounts(case, work), *command]


def _mounts(case: Case, work: Path) -> list[str]:
    limits, cache = case.limits, str(work / "cache")
    if inodes := limits.get("cache_inodes"):
        count = f"stat -f -c %d {cache} > {work}/inodes"
        mount = f'mount -t tmpfs -o nr_inodes={inodes} tmpfs {cache} && "$@"; code=$?; {count}; exit $code'
        return ["unshare", "-m", "sh", "-c", mount, "sh"]
    bwrap = ["bwrap", "--dev-bind", "/", "/"]
    if limits.get("read_only"):
        return [*bwrap, "--ro-bind", "/usr", "/usr", "--"]
    for name, place in (("cache_mb", cache), ("shm_mb", "/dev/shm")):
        if name in limits:
            return [*bwrap, "--size", str(limits[name] << 20), "--tmpfs", place, "--"]
    return []


def _environment(case: Case, rank: int, work: Path, s3: dict[str, str]) -> dict[str, str]:
    port = _ports.setdefault(work, _free_port())
    env = {
        "PATH": f"{Path(python(case.engine) or '').parent}:/usr/bin:/bin",
        "HOME": str(work),
        "LANG": "C.UTF-8",
        "TMPDIR": str(work / "cache"),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "1",
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(case.ranks),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    if case.build:
        env |= {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_"))}
        env["HOME"] = os.environ.get("HOME", "")
        env |= uv_variables()
    if case.tf_config:
        workers = [
            f"127.0.0.1:{_ports.setdefault(work / str(i), _free_port())}" for i in range(case.tf_config)
        ]
        env["TF_CONFIG"] = json.dumps(
            {"cluster": {"worker": workers}, "task": {"type": "worker", "index": rank}}
        )
    env |= s3
    env |= case.env
    return {name: value for name, value in env.items() if name not in case.unset}


_ports: dict[Path, int] = {}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _wait(processes: dict[int, subprocess.Popen[bytes]], seconds: float, started: float) -> list[End]:
    """Wait as the agent does: once one has failed, the others have a grace period."""
    deadline = time.monotonic() + seconds
    left, ends = dict(processes), list[End]()
    failed = ended = False
    while left:
        for rank, process in list(left.items()):
            code = process.poll()
            if code is None:
                continue
            del left[rank]
            ends.append(
                End(rank, code if code >= 0 else None, max(0, -code), round(time.time() - started, 3))
            )
            if code and not failed:
                failed, deadline = True, min(deadline, time.monotonic() + _PEERS_GRACE_S)
        if left and time.monotonic() > deadline:
            for process in left.values():
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL if ended else signal.SIGTERM)
            ended, deadline = True, time.monotonic() + 3
        time.sleep(0.005)
    for process in processes.values():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return ends


def normal(log: bytes, case: Case, work: Path) -> bytes:
    """The log as it would be in a job: with the job's paths, and without those of this machine."""
    places: dict[str, str] = {
        str(work / "code"): CODE,
        str(work / "cache"): "/cache",
        str(work): "/home/ma-user",
    }
    interpreter = python(case.engine)
    if interpreter:
        environment = interpreter.parent.parent
        for path in {environment, environment.resolve()}:
            places[str(path)] = "/opt/engine"
        places[str(interpreter.resolve().parents[1])] = "/usr/local"
    places[str(HERE.parents[1])] = "/opt/trainshed"
    places |= {socket.gethostname(): "node-0", str(Path.home()): "/home/user"}
    places |= dict.fromkeys(os.environ.get("PIP_FIND_LINKS", "").split(), "/opt/wheelhouse")
    for old in sorted(places, key=len, reverse=True):
        log = log.replace(old.encode(), places[old].encode())
    log = re.sub(
        rb"https?://(?!127\.0\.0\.1|github\.com|pytorch\.org|docs\.)[^\s/'\"`)]+",
        b"https://index.example",
        log,
    )
    log = re.sub(rb"file:///[^\s'\",]*simple[^\s'\",]*", b"https://index.example/simple", log)
    return re.sub(rb"/opt/pypi[\w./-]*/", b"/opt/wheelhouse/", log)
