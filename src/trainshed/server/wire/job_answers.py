"""The shapes of answers about training jobs; for the OpenAPI description, and checked in the tests."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from trainshed.server.wire.base import Count, Int, Millis, WireModel
from trainshed.server.wire.common import InputModel, OutputModel, ParameterModel
from trainshed.server.wire.flavors import FlavorDetail


class JobMetadataModel(WireModel):
    """What a job is called, and notes on it."""

    id: str
    name: str
    workspace_id: str = "0"
    description: str = ""
    create_time: Millis
    user_name: str = ""
    annotations: dict[str, str] = Field(default_factory=dict[str, str])
    training_experiment_reference: dict[str, str] | None = None


class OutcomeModel(WireModel):
    """Ours: how a job ended."""

    cause: str = Field(examples=["user_error"])
    stage: str
    message: str = ""
    code: str = ""
    exit_code: Int | None = None
    signal: Count = 0
    rank: Int = -1
    log_offset: int = -1
    failed_at: float = 0.0


class TaskStatusModel(WireModel):
    """How one task ended."""

    task: str
    exit_code: Int
    message: str = ""


class RunningRecord(WireModel):
    """One start of a job."""

    start_at: Millis | None = None
    end_at: Millis | None = None
    start_type: str = ""
    end_reason: str = ""
    end_related_task: str | None = None
    end_recover: str | None = None
    attempt: Count = Field(default=0, description="Ours: which start; logs and diagnosis take it too.")
    outcome: OutcomeModel | None = Field(default=None, description="Ours.")


class JobStatusModel(WireModel):
    """Where a job is."""

    phase: str = Field(examples=["Running"])
    secondary_phase: str = ""
    duration: Millis = Field(default=0, description="Milliseconds.")
    start_time: Millis | None = None
    end_time: Millis | None = None
    node_count_metrics: list[list[int]] | None = None
    tasks: list[str] = Field(default_factory=list[str])
    task_statuses: list[TaskStatusModel] | None = None
    running_records: list[RunningRecord] | None = None
    attempt: Count = Field(default=0, description="Ours: how often it was started again.")
    reason: str = Field(default="", description="Ours: one sentence.")
    stage: str | None = Field(default=None, description="Ours: stage of the first task.")
    workers: Count | None = Field(
        default=None, description="Ours: how many workers an elastic job was told to have."
    )
    outcome: OutcomeModel | None = None


class ResizeAnswer(WireModel):
    """What a job was told."""

    job_id: str
    workers: Count
    least: Count
    most: Count


class JobEngineModel(WireModel):
    """The engine of a job."""

    engine_id: str
    engine_name: str = ""
    engine_version: str = ""
    install_sys_packages: bool | None = None


class JobAlgorithmModel(WireModel):
    """What a job runs."""

    id: str | None = None
    name: str | None = None
    code_dir: str = ""
    boot_file: str = ""
    command: str | None = None
    parameters: list[ParameterModel] = Field(default_factory=list[ParameterModel])
    inputs: list[InputModel] = Field(default_factory=list[InputModel])
    outputs: list[OutputModel] = Field(default_factory=list[OutputModel])
    engine: JobEngineModel
    environments: dict[str, str] = Field(default_factory=dict[str, str])
    working_dir: str | None = None
    local_code_dir: str | None = None
    policies: dict[str, Any] | None = None
    summary: Any = None
    metrics: dict[str, str] | None = None


class ResourceModel(WireModel):
    """Where a job runs, and on how much."""

    policy: str = "regular"
    flavor_id: str
    flavor_name: str
    node_count: Count
    pool_id: str
    pool_name: str = ""
    processes: Count | None = None
    flavor_detail: FlavorDetail | None = None


class ScheduleModel(WireModel):
    """How a job queues."""

    priority: Count
    preemptible: bool = False


class JobSpecModel(WireModel):
    """Resources and rules of a job."""

    resource: ResourceModel
    log_export_path: dict[str, str] = Field(default_factory=dict[str, str])
    schedule_policy: ScheduleModel
    auto_stop: dict[str, Any] | None = None
    grace_s: Count
    warm_start: bool = False
    min_workers: Count | None = Field(default=None, description="Ours: of an elastic job.")
    volumes: Any = None
    retention: Any = None
    log_export_config: Any = None
    notification: Any = None
    custom_metrics: Any = None
    output_model: Any = None
    asset_model: Any = None
    asset_id: str | None = None
    reserved_time: Any = None


class JobModel(WireModel):
    """A training job."""

    kind: str = "job"
    metadata: JobMetadataModel
    status: JobStatusModel
    algorithm: JobAlgorithmModel
    spec: JobSpecModel
    endpoints: Any = None
    train_type: str | None = None
    ftjob_config: Any = None
    warnings: list[str] | None = Field(default=None, description="Ours: said once, to who creates it.")


class JobList(WireModel):
    """One page of jobs."""

    total: Count
    count: Count
    limit: Count
    offset: Count
    sort_by: str
    order: str
    group_by: str = ""
    workspace_id: str = ""
    ai_project: str = ""
    train_type: str = ""
    items: list[JobModel]


class BatchResult(WireModel):
    """What became of one job."""

    id: str
    success: bool
    error_code: str | None = None
    error_msg: str | None = None
    error_msg_en: str | None = None


class BatchAnswer(WireModel):
    """What became of each job."""

    jobs: list[BatchResult]


class WhyAnswer(WireModel):
    """Why a job waits."""

    job_id: str
    phase: str
    reason: str
    position: Count = Field(description="From 1; 0 for a job that does not queue.")
    queued: Count
    sentence: str
    unblock: str = ""
    sentence_zh: str = ""
    unblock_zh: str = ""
    eta: float | None = Field(default=None, description="Seconds since the epoch.")
    facts: dict[str, str | int | float] = Field(default_factory=dict[str, str | int | float])


class PlannedProcess(WireModel):
    """One process that would be started."""

    rank: Int
    local_rank: Int
    role: str
    command: str
    argv: list[str]
    env: dict[str, str]
    cwd: str


class PlannedTask(WireModel):
    """What would run on one node."""

    task: str
    node: str
    host: str
    devices: list[str]
    processes: list[PlannedProcess]


class Checked(WireModel):
    """What a job would run on."""

    name: str
    pool: str
    flavor: str
    engine: str


class Plan(WireModel):
    """What a job would run."""

    name: str
    pool: str
    flavor: str
    engine: str
    interpreter: str
    environment: str = Field(description="ready, or absent where it would be built first")
    start: str = Field("", description="warm or cold, and why.", examples=["cold: …"])
    priority: Count
    warnings: list[str] = Field(default_factory=list[str], description="What is likely to go wrong.")
    script: str = Field("", description="What a pool that queues by itself would be given, word for word.")
    tasks: list[PlannedTask]
