"""What an administrator says about a pool on Slurm, and what of it is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass

from trainshed.core.errors import Code, InvalidInput

_NAME = re.compile(r"[A-Za-z0-9][\w.,+@:/-]{0,127}", re.ASCII)
_CONSTRAINT = re.compile(r"[\w.,&|()*\[\]-]{1,256}", re.ASCII)
_OPTION = re.compile(r"(--[a-z][a-z0-9-]*)(=[^\x00-\x1f\x7f\"'\\`$]*)?", re.ASCII)
_OURS = frozenset(
    [
        "account",
        "array",
        "batch",
        "chdir",
        "comment",
        "constraint",
        "cpus-per-task",
        "dependency",
        "error",
        "exclude",
        "export",
        "export-file",
        "gres",
        "help",
        "input",
        "job-name",
        "mem",
        "nice",
        "no-requeue",
        "nodes",
        "ntasks",
        "ntasks-per-node",
        "open-mode",
        "output",
        "parsable",
        "partition",
        "qos",
        "quiet",
        "requeue",
        "test-only",
        "time",
        "usage",
        "version",
        "wait",
        "wrap",
    ]
)
BUILD = ("node", "server")


@dataclass(frozen=True, slots=True)
class SlurmSettings:
    """One pool.

    Attributes:
        partition: where its jobs go.
        shared: folder that the service and all nodes see under this path.
        account, qos, constraint: for every job; empty for Slurm's own defaults.
        options: further options of sbatch, such as ``--reservation=ai``.
        scratch: folder on each node's own disk for what scripts write; empty for the shared folder.
        endpoint: where nodes reach the service; empty for where everybody does.
        tunnel: command that, on a node, makes the service reachable at its port ``{port}``.
        python: interpreter of the nodes, 3.11 or later, that runs the agent.
        environments: folder of engines' environments on the nodes; empty for one in ``shared``.
        build: where environments are built: on a ``node``, by a Slurm job of its own, or by the
            ``server``, where nodes have no network.
        wheelhouse: folder of wheels that nodes build from, where they have no network; else empty.
        conf: Slurm's configuration file; empty for Slurm's default.
        max_nodes: most nodes of one job; 0 for all that the partition has.
        priority_step: what a step of a job's priority counts in Slurm (as ``--nice``); 0 for nothing.
    """

    partition: str
    shared: str
    account: str = ""
    qos: str = ""
    constraint: str = ""
    options: tuple[str, ...] = ()
    scratch: str = ""
    endpoint: str = ""
    tunnel: str = ""
    python: str = "python3"
    environments: str = ""
    build: str = "node"
    wheelhouse: str = ""
    conf: str = ""
    max_nodes: int = 0
    priority_step: int = 100

    @property
    def environments_dir(self) -> str:
        """Where environments are on the nodes."""
        return self.environments or f"{self.shared}/environments"

    def checked(self) -> SlurmSettings:
        """``self``, if it makes sense.

        Raises:
            InvalidInput: it does not; says what, and what would.
        """
        for name in ("partition", "account", "qos"):
            value = getattr(self, name)
            if (value or name == "partition") and not _NAME.fullmatch(value):
                raise _wrong(name, value, "the name of one")
        if self.constraint and not _CONSTRAINT.fullmatch(self.constraint):
            raise _wrong("constraint", self.constraint, "one as sbatch takes it, such as 'a100&nvlink'")
        for name in ("shared", "scratch", "environments", "wheelhouse", "conf"):
            value = getattr(self, name)
            if (value or name == "shared") and not _is_path(value):
                raise _wrong(name, value, "an absolute path without special characters")
        if not (_is_path(self.python) or re.fullmatch(r"python[\d.]*", self.python)):
            raise _wrong("python", self.python, "a path, or a name such as python3.11")
        if self.endpoint and not re.fullmatch(r"https?://[\w.:\[\]-]+(/[\w./-]*)?", self.endpoint):
            raise _wrong("endpoint", self.endpoint, "a URL such as https://login1:8470")
        if self.tunnel and ("{port}" not in self.tunnel or not self.tunnel.isprintable()):
            raise _wrong("tunnel", self.tunnel, "a command with {port} in it, for the local port")
        if self.build not in BUILD:
            raise _wrong("build", self.build, "node or server")
        if not 0 <= self.max_nodes <= 100_000 or not 0 <= self.priority_step <= 1_000_000:
            raise InvalidInput(
                "max_nodes and priority_step must not be negative or huge", code=Code.FIELD_INVALID
            )
        self._check_options()
        return self

    def _check_options(self) -> None:
        for option in self.options:
            found = _OPTION.fullmatch(option)
            if not found:
                raise _wrong("option", option, "one of sbatch's long options, such as --reservation=ai")
            if found[1][2:] in _OURS:
                raise InvalidInput(
                    f"the option {found[1]} of sbatch is set by trainshed itself: leave it out",
                    code=Code.FIELD_INVALID,
                )


def _is_path(text: str) -> bool:
    return bool(re.fullmatch(r"/[\w.,+@/-]{1,200}", text, re.ASCII)) and ".." not in text.split("/")


def _wrong(name: str, value: str, wanted: str) -> InvalidInput:
    return InvalidInput(f"{name} is {value[:80]!r}; it must be {wanted}", code=Code.FIELD_INVALID)
