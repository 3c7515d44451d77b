"""``Estimator``: train with one call, in the words of the ModelArts SDK.

    from trainshed.client import Estimator, InputData, OutputData, TrainingFiles

    estimator = Estimator(
        training_files=TrainingFiles(code_dir="./code", boot_file="train.py"),
        framework_type="PyTorch",
        outputs=[OutputData(obs_path="./out", name="train_url")],
        parameters=[{"name": "epochs", "value": "5"}],
    )
    run = estimator.fit(inputs=[InputData(obs_path="./data", name="data_url")], wait=True)
    print(run.get_job_info()["status"]["phase"])

Paths may be ``obs://`` or ``s3://`` URIs or, other than there, folders of this machine.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from trainshed.client.bundle import collect
from trainshed.client.client import Client
from trainshed.client.models import Job, Json
from trainshed.client.request import Argument, JobRequest, arguments_of, local_code_dir, name_for
from trainshed.client.staging import Staging
from trainshed.core.algorithm import Access
from trainshed.core.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class TrainingFiles:
    """The code directory (URI or local folder), and the boot file in it."""

    code_dir: str
    boot_file: str


@dataclass(frozen=True, slots=True)
class InputData:
    """An input: where it is, and the parameter by which the script gets it."""

    obs_path: str
    name: str = "data_url"
    access_method: str = Access.PARAMETER


@dataclass(frozen=True, slots=True)
class OutputData:
    """An output: where it goes, and the parameter by which the script gets its folder."""

    obs_path: str
    name: str = "train_url"
    access_method: str = Access.PARAMETER


@dataclass(kw_only=True)
class Estimator:
    """A training job to be, run by :meth:`fit`.

    Attributes:
        client: of the service; by default the one that the environment names.
        framework_type: family of the engine, or an engine's id.
        framework_version: the engine's version; empty for the newest.
        train_instance_type: flavor; empty for the pool's default.
        train_instance_count: nodes.
        parameters: hyperparameters, as a mapping or as ``[{"name": …, "value": …}]``.
        warm_start: whether the script is forked from a process with the framework imported; None for
            what the pool does.
        min_workers: elastic: with how few workers the job goes on; 0 for a fixed number.
    """

    training_files: TrainingFiles
    framework_type: str
    framework_version: str = ""
    train_instance_type: str = ""
    train_instance_count: int = 1
    pool_id: str = ""
    outputs: Sequence[OutputData] = ()
    parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] = ()
    env_variables: Mapping[str, str] = field(default_factory=dict[str, str])
    job_description: str = ""
    warm_start: bool | None = None
    min_workers: int = 0
    client: Client | None = None

    def fit(
        self,
        inputs: Sequence[InputData] | InputData = (),
        *,
        job_name: str = "",
        wait: bool = True,
        logs: bool = True,
    ) -> TrainingRun:
        """Create the job.

        Args:
            inputs: what the script reads.
            job_name: unique in the project; made from the boot file's name where empty.
            wait: return once the job has ended.
            logs: while waiting, print the log.

        Raises:
            InvalidInput: something is wrong with the request; nothing was created.
        """
        client = self.client or Client()
        name = job_name or name_for(Path(self.training_files.boot_file).name)
        staging = Staging(client, name)
        channels = [inputs] if isinstance(inputs, InputData) else inputs
        request = self._request(name, channels)
        client.jobs.check(request)
        request = self._with_files(client, staging, request, channels)
        run = TrainingRun(client, client.jobs.create(request), staging)
        if wait:
            run.wait(logs=logs)
        return run

    def _with_files(
        self, client: Client, staging: Staging, request: JobRequest, inputs: Sequence[InputData]
    ) -> JobRequest:
        """Send what the job needs, and say where it is."""
        input_uris = staging.inputs({item.name: item.obs_path for item in inputs})
        output_uris = staging.outputs({item.name: item.obs_path for item in self.outputs})
        code_dir = self._code(client, staging)
        return replace(request, code_dir=code_dir, inputs=input_uris, outputs=output_uris)

    def _request(self, name: str, inputs: Sequence[InputData]) -> JobRequest:
        """The job, but for where its files will be."""
        by_env = frozenset(c.name for c in (*inputs, *self.outputs) if c.access_method == Access.ENV)
        return JobRequest(
            name=name,
            boot_file=self.training_files.boot_file,
            local_code_dir=self._local_code_dir(),
            engine="" if self.framework_version else self.framework_type,
            engine_name=self.framework_type if self.framework_version else "",
            engine_version=self.framework_version,
            by_environment=by_env,
            arguments=self._arguments(),
            environments=self.env_variables,
            flavor=self.train_instance_type,
            nodes=self.train_instance_count,
            pool=self.pool_id,
            description=self.job_description,
            warm_start=self.warm_start,
            min_workers=self.min_workers,
        )

    def _code(self, client: Client, staging: Staging) -> str:
        code_dir = self.training_files.code_dir
        if "://" in code_dir:
            return code_dir
        return client.code.upload(collect(Path(code_dir).expanduser(), exclude=staging.folders)).uri

    def _local_code_dir(self) -> str:
        code_dir = self.training_files.code_dir
        return "" if "://" in code_dir else local_code_dir(Path(code_dir).expanduser().resolve().name)

    def _arguments(self) -> tuple[Argument, ...]:
        if isinstance(self.parameters, Mapping):
            return arguments_of(self.parameters)
        for item in self.parameters:
            if "name" not in item:
                raise InvalidInput(f"parameter {dict(item)!r} has no name: give it name and value")
        return arguments_of({str(item["name"]): item.get("value", "") for item in self.parameters})


class TrainingRun:
    """A job that :meth:`Estimator.fit` created."""

    def __init__(self, client: Client, job: Job, staging: Staging) -> None:
        self._client = client
        self._staging = staging
        self.job = job

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self.job.id

    def wait(self, *, logs: bool = False) -> Job:
        """Wait for the end; local output folders hold the results afterwards."""
        for event in self._client.jobs.follow(self.job_id, logs=logs):
            if event.name == "log":
                sys.stdout.write(event.data["text"])
                sys.stdout.flush()
        self._staging.fetch()
        self.job = self._client.jobs.show(self.job_id)
        return self.job

    def get_job_info(self) -> Json:
        """The job as the v2 API tells it."""
        self.job = self._client.jobs.show(self.job_id)
        return self.job.raw

    def get_job_log(self, task_id: str = "worker-0") -> str:
        """The whole log of one task."""
        return self._client.jobs.log(self.job_id, task_id).decode(errors="replace")

    def get_job_metrics(self, task_id: str = "worker-0") -> dict[str, list[float]]:
        """Resource use of one task."""
        return self._client.jobs.metrics(self.job_id, task_id)

    def update_job_configuration(self, description: str) -> None:
        """Change the description."""
        self._client.jobs.describe(self.job_id, description)

    def stop_job(self) -> None:
        """Stop the job; its outputs are kept."""
        self.job = self._client.jobs.stop(self.job_id)

    def delete_job(self) -> None:
        """Delete the job with its logs."""
        self._client.jobs.delete(self.job_id)
