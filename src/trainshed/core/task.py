"""What an agent is given, what a launcher makes of it, and what an agent reports."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any

from trainshed.core.engine import LauncherName
from trainshed.core.job import ChannelBinding, Parameter
from trainshed.core.resources import Chip


@dataclass(frozen=True, slots=True)
class Peer:
    """One node of the job, as the other nodes see it.

    Attributes:
        host: address that its peers reach it at.
        devices: ids of the cards given to the job there.
        name: the node's name in its pool.
    """

    host: str
    devices: tuple[str, ...] = ()
    name: str = ""


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The engine's environment on this node.

    Attributes:
        python: absolute path of the interpreter.
        python_version: ``3.7``.
        variables: environment variables that every process in it gets.
    """

    python: str
    python_version: str = ""
    variables: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Reporting:
    """How the agent reaches the server.

    Attributes:
        endpoint: base URL; read anew from ``endpoint_file`` on every failure, where there is one,
            because an embedded server may come back on another port.
        token: opens this job's reports and nothing else.
    """

    endpoint: str
    token: str
    endpoint_file: str = ""


@dataclass(frozen=True, slots=True)
class TaskSpec:
    """Everything an agent needs to know; written to ``task.json`` in the task's directory.

    Attributes:
        job_id, attempt, index: which task this is; ``attempt`` counts from 0.
        root: directory of this task on the node; the agent writes nowhere else.
        peers: all nodes of the job, by index; ``peers[index]`` is this one.
        ports: free ports on ``peers[0].host`` for rendezvous, the same list on every node,
            then for launchers that need ports on each node. Never shared with another job.
        processes: how many processes to start on this node.
        min_workers: with how few workers an elastic job goes on; 0 for one whose number is fixed.
        local paths: ``code_dir`` and channels keep their URIs; the agent decides where they land.
        engine_id, family, launcher: which engine and how it starts the script.
        environments_dir: where environments are cached on this node.
        disk_gb: how much the inputs may take, by the flavor; 0 where that is not limited.
        buckets: storage configuration for the agent: bucket name → its settings
            (``{"kind": "folder", "path": …}`` or ``{"kind": "s3", "endpoint": …, …}``).
        sandbox: ``auto`` (the best that works), ``none``, ``namespaces`` or ``bubblewrap``.
        hidden: directories that the script must not see, where there is a sandbox.
        look_s: seconds between two looks at what the ranks do, for the hang verdict; 0 for none.
        warm_start: whether the script may be forked from a process that has ``warm_modules``, the
            engine's, imported already.
        scratch: directory on the node's own disk for all that the script writes; empty for ``root``.
        evidence: file where the cluster's scheduler writes why it ended the job; empty for none.
        linger_s: how long the agent stays at the end for a server that does not answer, before it
            leaves what it has to tell for somebody else to deliver; 0 for as long as it takes.
        tunnel: command that makes the server reachable at the node's loopback port ``{port}``.
    """

    job_id: str
    job_name: str
    attempt: int
    index: int
    root: str
    code_dir: str
    boot_file: str
    engine_id: str
    family: str
    launcher: LauncherName
    reporting: Reporting
    peers: tuple[Peer, ...]
    ports: tuple[int, ...]
    command: str = ""
    chip: Chip = Chip.CPU
    processes: int = 1
    min_workers: int = 0
    cpus: float = 1.0
    memory_mb: int = 0
    disk_gb: int = 0
    inputs: tuple[ChannelBinding, ...] = ()
    outputs: tuple[ChannelBinding, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    environments: dict[str, str] = field(default_factory=dict[str, str])
    working_dir: str = ""
    local_code_dir: str = ""
    log_uri: str = ""
    environments_dir: str = ""
    buckets: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    interpreter: Interpreter | None = None
    grace_s: int = 30
    auto_stop_s: int = 0
    sandbox: str = "auto"
    hidden: tuple[str, ...] = ()
    metric_regexes: dict[str, str] = field(default_factory=dict[str, str])
    warm_start: bool = False
    look_s: float = 30.0
    warm_modules: tuple[str, ...] = ()
    scratch: str = ""
    evidence: str = ""
    linger_s: int = 0
    tunnel: str = ""

    @property
    def name(self) -> str:
        """``worker-0``, as ModelArts names it."""
        return f"worker-{self.index}"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things are on the node, as the script sees them (inside the sandbox, if any).

    Attributes:
        code_dir: the code directory; ``boot_file`` is an absolute path inside it.
        arguments: the script's argv after the boot file: channels, then hyperparameters.
        variables: the ``MA_*``, ``VC_*``, ``DLS_*`` … and the user's own variables.
    """

    code_dir: str
    boot_file: str
    working_dir: str
    log_dir: str
    arguments: tuple[str, ...] = ()
    variables: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process to start on this node; what a launcher returns.

    Attributes:
        rank: global rank; -1 for a process that is no rank (a parameter server, a scheduler).
        argv: command line, absolute path first.
        env: the whole environment, nothing is inherited.
        essential: whether the task is over when it ends. A helper that runs for as long as the
            ranks do (a parameter server) is not essential and is stopped after them.
        tolerated_codes: exit codes that count as success besides 0.
    """

    rank: int
    argv: tuple[str, ...]
    env: dict[str, str]
    cwd: str
    local_rank: int = 0
    role: str = "worker"
    essential: bool = True
    tolerated_codes: tuple[int, ...] = ()


class Stage(enum.StrEnum):
    """The stages of a task, in their order."""

    PRECHECK = "precheck"
    CODE = "code"
    INPUTS = "inputs"
    ENVIRONMENT = "environment"
    REQUIREMENTS = "requirements"
    PRE_START = "pre-start"
    RUN = "run"
    OUTPUTS = "outputs"
    REPORT = "report"


class EventKind(enum.StrEnum):
    """What happened to a stage (or, with ``NOTE``, a thing worth telling)."""

    STARTED = "started"
    PROGRESS = "progress"
    DONE = "done"
    FAILED = "failed"
    NOTE = "note"
    FINISHED = "finished"


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """One thing that an agent saw. ``seq`` counts from 0 within a task's attempt.

    Attributes:
        time: seconds since the Unix epoch, by the node's clock.
        duration: seconds, on ``done`` and ``failed``.
        detail: facts for machines; a ``finished`` event carries a :class:`TaskOutcome`.
    """

    seq: int
    time: float
    stage: Stage
    kind: EventKind
    message: str = ""
    duration: float = 0.0
    detail: dict[str, Any] = field(default_factory=dict[str, Any])


class Cause(enum.StrEnum):
    """Whose doing the end of a task was. Decides what restart budget it counts against."""

    SUCCESS = "success"
    USER_ERROR = "user_error"
    INFRASTRUCTURE = "infrastructure"
    STOPPED = "stopped"
    TIMEOUT = "timeout"
    PREEMPTED = "preempted"
    HANG = "hang"


@dataclass(frozen=True, slots=True)
class TaskOutcome:
    """How a task ended.

    Attributes:
        exit_code: of the first rank that failed, or 0; None where nothing was started.
        signal: that ended it, or 0.
        rank: first global rank that failed; -1 where none did.
        stage: where it ended.
        log_offset: byte offset in the task's log that shows it; -1 where unknown.
    """

    cause: Cause
    stage: Stage
    message: str = ""
    code: str = ""
    exit_code: int | None = None
    signal: int = 0
    rank: int = -1
    log_offset: int = -1
    failed_at: float = 0.0


@dataclass(frozen=True, slots=True)
class MetricSample:
    """Resource use of one task over the last period; -1 where there is no such thing.

    Attributes:
        cpu: per cent of the cores given to the task.
        memory: per cent of the memory given to the task.
        memory_mb: MiB.
        gpu, gpu_memory, npu, npu_memory: per cent, mean over the task's cards.
        disk_mb: MiB that the task's folders take of the node's disk.
    """

    time: float
    cpu: float = -1.0
    memory: float = -1.0
    memory_mb: float = -1.0
    gpu: float = -1.0
    gpu_memory: float = -1.0
    npu: float = -1.0
    npu_memory: float = -1.0
    disk_mb: float = -1.0


@dataclass(frozen=True, slots=True)
class TrainingMetric:
    """A number that the script printed, picked by regex.

    Attributes:
        seq: counts from 0 within a task's attempt, so that a repeat is harmless.
        step: index of this value among those of its name, from 0.
    """

    seq: int
    time: float
    name: str
    step: int
    value: float
