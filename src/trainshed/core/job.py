"""The training job: what one run is made of. Its phases are in ``lifecycle``."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from trainshed.core.algorithm import Access


@dataclass(frozen=True, slots=True)
class ChannelBinding:
    """A channel with the remote path that this run binds to it.

    Attributes:
        name: the code parameter, such as ``data_url``.
        uri: ``obs://``, ``s3://`` or ``file://`` URI of a directory (or, for an input, a file).
        local_dir: where it lands on the node; empty for ModelArts' own place.
        predownload: outputs only: fetch what is there before the start, so that a script resumes.
    """

    name: str
    uri: str
    access: Access = Access.PARAMETER
    local_dir: str = ""
    predownload: bool = False


@dataclass(frozen=True, slots=True)
class Parameter:
    """A hyperparameter's value for this run, as text; passed as ``--name=value``.

    Attributes:
        flag: it has no value and is passed as ``--name``.
    """

    name: str
    value: str
    sensitive: bool = False
    flag: bool = False

    @property
    def token(self) -> str:
        """The one argument that the script gets.

        >>> Parameter("lr", "0.1").token, Parameter("amp", "", flag=True).token
        ('--lr=0.1', '--amp')
        """
        return f"--{self.name}" if self.flag else f"--{self.name}={self.value}"


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """When a job that ended badly is started again. The rules are in ``jobs.retry``.

    Attributes:
        infrastructure: restarts after a fault that is not the script's (node, agent, storage).
        user_error: restarts after the script's own failure.
        unconditional: count every failure against ``infrastructure`` alike.
        hang: restarts after the job was found hanging.
        preemption: restarts after it had to make room for another job.
        retry_codes: exit codes that count against ``infrastructure``, whoever's fault it looks like.
        never_codes: exit codes after which it is never started again.
        backoff_s: wait before the first restart in seconds; doubles with every further one.
        backoff_max_s: longest wait in seconds.
        avoid_nodes: whether a node that failed is left out at the next start.
    """

    infrastructure: int = 0
    user_error: int = 0
    unconditional: bool = False
    hang: int = 0
    preemption: int = 0
    retry_codes: tuple[int, ...] = ()
    never_codes: tuple[int, ...] = ()
    backoff_s: float = 0.0
    backoff_max_s: float = 300.0
    avoid_nodes: bool = True


class HangAction(enum.StrEnum):
    """What is done about a job that hangs, beside writing it down with the stacks of all ranks."""

    WAIT = "wait"
    NOTIFY = "notify"
    RESTART = "restart"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class HangRules:
    """When a job counts as hanging, and what then. The verdict is in ``jobs.hang``.

    Attributes:
        action: ``restart`` counts against the budget for hangs, and ends the job once that is used up.
        window_s: seconds in which no rank may be alive before it is suspected; 0 for the service's own.
        confirm_s: seconds more before it is called hung; 0 for the service's own.
        start_s: seconds from the start in which nothing is suspected; 0 for the service's own.
    """

    action: HangAction = HangAction.NOTIFY
    window_s: float = 0.0
    confirm_s: float = 0.0
    start_s: float = 0.0


@dataclass(frozen=True, slots=True)
class JobSpec:
    """All that is fixed when a job is created. Never changes afterwards.

    Attributes:
        code_dir: URI of the code directory.
        boot_file: path inside the code directory.
        parameters: in the order in which they reach the script.
        grace_s: seconds between SIGTERM and SIGKILL when the job is stopped.
        auto_stop_s: longest time that the script may run; 0 for no limit.
        processes: processes a node; 0 for one a card (one on a CPU flavor).
        min_workers: elastic: with how few workers it goes on, of those that it starts with; 0 where
            their number is fixed.
        log_uri: where the logs are exported for good; empty for the service's own store.
        metric_regexes: name → regex with one group, picked from the log.
    """

    code_dir: str
    boot_file: str
    engine_id: str
    flavor_id: str
    pool_id: str = "local"
    command: str = ""
    image: str = ""
    node_count: int = 1
    processes: int = 0
    inputs: tuple[ChannelBinding, ...] = ()
    outputs: tuple[ChannelBinding, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    environments: dict[str, str] = field(default_factory=dict[str, str])
    priority: int = 1
    preemptible: bool = False
    working_dir: str = ""
    local_code_dir: str = ""
    log_uri: str = ""
    auto_stop_s: int = 0
    grace_s: int = 30
    restart: RestartPolicy = field(default_factory=RestartPolicy)
    hang: HangRules = field(default_factory=HangRules)
    metric_regexes: dict[str, str] = field(default_factory=dict[str, str])
    warm_start: bool = False
    min_workers: int = 0
