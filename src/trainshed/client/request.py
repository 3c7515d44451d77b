"""What a person asks for when they run a script, and the v2 training job that says so."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from trainshed.core.errors import Code, InvalidInput

_NEGATIVE_NUMBER = re.compile(r"-(\d|\.\d|inf\b|nan\b)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Argument:
    """One hyperparameter of a run; without a value it is a flag and reaches the script bare."""

    name: str
    value: str | None = None

    @property
    def token(self) -> str:
        """As the script sees it: ``--name=value``, or ``--name``."""
        return f"--{self.name}" if self.value is None else f"--{self.name}={self.value}"


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A training job to be.

    Attributes:
        code_dir: URI of the code directory, empty with ``algorithm``.
        boot_file: path inside the code directory.
        engine: id, or family or alias for the newest of it.
        python, requirements: instead of ``engine``: a version such as ``3.11`` and packages in the form
            of ``requirements.txt``, which make an engine of their own.
        engine_name, engine_version: instead of ``engine``, as the v2 API has them.
        algorithm: id or name of an algorithm of the project, instead of code and engine.
        inputs, outputs: channel → URI.
        predownload: outputs that the script gets with what they hold already.
        by_environment: channels that reach the script as environment variables.
        arguments: in the order in which they reach the script.
        flavor: empty for the pool's default.
        processes: a node; 0 for the engine's own choice.
        max_hours: the script is stopped after this time; 0 for no limit.
        restarts: how often it is started again after a fault that is not the script's.
        annotations: notes on the job, and the rules of restarts and hangs that go by them.
        log_path: URI of a folder that keeps a copy of the logs.
        grace_s: seconds between SIGTERM and SIGKILL; None for the service's own choice.
        command: what starts the script, instead of the engine's launcher.
        local_code_dir: where the code lands on the node; empty for the place that its URI names.
        metrics: name → regex with one group, looked for in the log.
        warm_start: whether the script is forked from a process with the framework imported; None for
            what the pool does.
        min_workers: elastic: with how few workers the job goes on, of all that it starts with; 0 for a
            fixed number.
    """

    name: str
    code_dir: str = ""
    boot_file: str = ""
    engine: str = ""
    engine_name: str = ""
    engine_version: str = ""
    algorithm: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict[str, str])
    outputs: Mapping[str, str] = field(default_factory=dict[str, str])
    predownload: frozenset[str] = frozenset()
    by_environment: frozenset[str] = frozenset()
    arguments: tuple[Argument, ...] = ()
    environments: Mapping[str, str] = field(default_factory=dict[str, str])
    flavor: str = ""
    pool: str = ""
    nodes: int = 1
    processes: int = 0
    priority: int = 1
    description: str = ""
    max_hours: float = 0
    restarts: int = 0
    annotations: Mapping[str, str] = field(default_factory=dict[str, str])
    log_path: str = ""
    grace_s: int | None = None
    command: str = ""
    local_code_dir: str = ""
    metrics: Mapping[str, str] = field(default_factory=dict[str, str])
    warm_start: bool | None = None
    min_workers: int = 0
    python: str = ""
    requirements: str = ""

    def body(self) -> dict[str, Any]:
        """The body of ``POST /v2/{project_id}/training-jobs``."""
        restarts = {"fault-tolerance/job-retry-num": str(self.restarts)} if self.restarts else {}
        spec: dict[str, Any] = {"resource": self._resource(), "schedule_policy": {"priority": self.priority}}
        if self.max_hours:
            spec["auto_stop"] = _duration(self.max_hours)
        if self.log_path:
            spec["log_export_path"] = {"obs_url": self.log_path}
        if self.grace_s is not None:
            spec["grace_s"] = self.grace_s
        if self.warm_start is not None:
            spec["warm_start"] = self.warm_start
        if self.min_workers:
            spec["min_workers"] = self.min_workers
        return {
            "kind": "job",
            "metadata": {
                "name": self.name,
                "description": self.description,
                "annotations": {**restarts, **self.annotations},
            },
            "algorithm": self._algorithm(),
            "spec": spec,
        }

    def _resource(self) -> dict[str, Any]:
        resource: dict[str, Any] = {"flavor_id": self.flavor, "node_count": self.nodes}
        if self.pool:
            resource["pool_id"] = self.pool
        if self.processes:
            resource["processes"] = self.processes
        return resource

    def _algorithm(self) -> dict[str, Any]:
        algorithm: dict[str, Any] = {
            "parameters": [_parameter(argument) for argument in self.arguments],
            "inputs": [self._channel(name, uri) for name, uri in self.inputs.items()],
            "outputs": [self._channel(name, uri) for name, uri in self.outputs.items()],
            "environments": dict(self.environments),
        }
        if self.command:
            algorithm["command"] = self.command
        if self.local_code_dir:
            algorithm["local_code_dir"] = self.local_code_dir
        if self.metrics:
            algorithm["metrics"] = dict(self.metrics)
        if self.algorithm:
            return {"id": self.algorithm, **algorithm}
        engine = {"engine_id": self.engine}
        if self.engine_version:
            engine = {"engine_name": self.engine_name, "engine_version": self.engine_version}
        if self.python:
            engine = {"python": self.python, "requirements": self.requirements}
        return {"code_dir": self.code_dir, "boot_file": self.boot_file, "engine": engine, **algorithm}

    def _channel(self, name: str, uri: str) -> dict[str, Any]:
        channel: dict[str, Any] = {"name": name, "remote": {"obs": {"obs_url": uri}}}
        if name in self.predownload:
            channel["predownload"] = True
        if name in self.by_environment:
            channel["access_method"] = "env"
        return channel


def _duration(hours: float) -> dict[str, Any]:
    """Hours as the API has them: whole ones, or else seconds."""
    if hours == int(hours):
        return {"time_unit": "HOURS", "duration": int(hours)}
    return {"time_unit": "SECONDS", "duration": max(1, round(hours * 3600))}


def _parameter(argument: Argument) -> dict[str, Any]:
    if argument.value is None:
        return {"name": argument.name, "value": "", "flag": True}
    return {"name": argument.name, "value": argument.value}


def parse_arguments(tokens: Iterable[str]) -> tuple[Argument, ...]:
    """Hyperparameters out of a command line, in its order.

    >>> [a.token for a in parse_arguments(["--lr", "-0.1", "--amp", "--name=x y"])]
    ['--lr=-0.1', '--amp', '--name=x y']

    Raises:
        InvalidInput: a token that belongs to no ``--name``.
    """
    arguments = list[Argument]()
    for token in tokens:
        if token.startswith("--") and len(token) > 2:
            name, equals, value = token[2:].partition("=")
            arguments.append(Argument(name, value if equals else None))
        elif token.startswith("-") and len(token) > 1 and not _NEGATIVE_NUMBER.match(token):
            raise _no_parameter(f"{token!r} is a short option: give it by its long name, as --name=value")
        elif not arguments or arguments[-1].value is not None:
            raise _no_parameter(
                f"{token!r} belongs to no option: give every value as --name=value or --name value"
            )
        else:
            arguments[-1] = Argument(arguments[-1].name, token)
    return tuple(arguments)


def _no_parameter(message: str) -> InvalidInput:
    return InvalidInput(message, code=Code.PARAMETER_INVALID)


def arguments_of(hyperparameters: Mapping[str, Any]) -> tuple[Argument, ...]:
    """Hyperparameters out of Python values.

    Text goes as it is; True and False as ``True`` and ``False``, numbers as Python writes them,
    lists and dictionaries as JSON; None leaves the value out, which makes a bare flag.

    >>> [a.token for a in arguments_of({"lr": 0.1, "layers": [2, 3], "amp": None})]
    ['--lr=0.1', '--layers=[2, 3]', '--amp']
    """
    return tuple(Argument(name, _text(value)) for name, value in hyperparameters.items())


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (list, tuple, dict)):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def local_code_dir(folder: str) -> str:
    """Where code that was shipped from a folder of this name lands, so that tracebacks name it.

    >>> local_code_dir("digits"), local_code_dir("my code!")
    ('/home/ma-user/modelarts/user-job-dir/digits', '/home/ma-user/modelarts/user-job-dir/my-code-')
    """
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", folder).lstrip(".-")[:64] or "code"
    return f"/home/ma-user/modelarts/user-job-dir/{name}"


def name_for(file_name: str) -> str:
    """A job name that no other job has: the script's, and six random characters.

    >>> name_for("train.py").startswith("train-")
    True
    """
    stem = re.sub(r"[^\w-]+", "-", file_name.removesuffix(".py"))[:50].strip("-_") or "job"
    return f"{stem}-{secrets.token_hex(3)}"
