"""The bodies that clients send about training jobs, as the v2 API and its official client have them.

Fields that ModelArts does not know are marked as ours in their description.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, Field

from trainshed.server.wire.base import Count, Kept, Text, WireModel
from trainshed.server.wire.common import (
    MAX_ITEMS,
    AdvancedConfig,
    EngineModel,
    InputModel,
    OutputModel,
    ParameterModel,
)


def _variables(value: Any) -> Any:
    """Environment variables come as an object, or as a list of objects."""
    if not isinstance(value, list):
        return value
    merged: dict[str, Any] = {}
    for item in cast("list[Any]", value):
        if not isinstance(item, dict):
            return cast("list[Any]", value)
        merged.update(cast("dict[str, Any]", item))
    return merged


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: v for k, v in cast("dict[str, Any]", value).items() if v is not None}
    return value


Variables = Annotated[dict[str, Text], BeforeValidator(_variables)]
TextMap = Annotated[dict[str, Text], BeforeValidator(_without_nulls)]


class ExperimentReference(WireModel):
    """The experiment that a job belongs to."""

    id: str | None = None
    name: str | None = None
    description: str | None = None
    serial_number: str | None = None


class JobMetadata(WireModel):
    """What a job is called, and notes on it."""

    name: str = Field(default="", examples=["mnist-1"])
    workspace_id: str = Field(default="0", max_length=64)
    description: str = ""
    annotations: TextMap = Field(default_factory=dict[str, str])
    training_experiment_reference: ExperimentReference | None = None


class JobAlgorithm(WireModel):
    """What is to run: an algorithm by id or name with this run's values, or code given inline."""

    id: str = ""
    name: str = ""
    subscription_id: str = ""
    item_version_id: str = ""
    code_dir: str = Field(default="", examples=["obs://trainshed/code/mnist/"])
    boot_file: str = Field(default="", examples=["train.py"])
    command: str = ""
    parameters: list[ParameterModel] = Field(default_factory=list[ParameterModel], max_length=MAX_ITEMS)
    policies: AdvancedConfig | None = None
    inputs: list[InputModel] = Field(default_factory=list[InputModel], max_length=MAX_ITEMS)
    outputs: list[OutputModel] = Field(default_factory=list[OutputModel], max_length=MAX_ITEMS)
    engine: EngineModel | None = None
    local_code_dir: str = ""
    working_dir: str = ""
    environments: Variables = Field(default_factory=dict[str, str])
    summary: Kept = None
    metrics: TextMap = Field(
        default_factory=dict[str, str],
        description="Ours: name of a metric → regular expression with one group, looked for in the log.",
    )


class JobResource(WireModel):
    """Where a job runs, and on how much."""

    flavor_id: str = Field(default="", description="Empty for the pool's default.")
    node_count: int = Field(default=1, ge=-(2**31), le=2**31 - 1, examples=[1])
    pool_id: str = Field(default="", description="Empty for the machine itself.")
    pool_group_id: str | None = None
    main_container_customized_flavor: Kept = None
    processes: Count = Field(
        default=0, description="Ours: processes a node; 0 for one a card, or one on a CPU flavor."
    )


class ObsPath(WireModel):
    """A place for logs."""

    obs_url: str = ""
    host_path: str | None = None


class Duration(WireModel):
    """A length of time."""

    time_unit: str = Field(default="HOURS", examples=["HOURS"])
    duration: int = Field(default=0, ge=-(2**31), le=2**31 - 1)


class SchedulePolicy(WireModel):
    """How a job queues."""

    priority: int | None = Field(default=None, ge=-(2**31), le=2**31 - 1, examples=[1])
    preemptible: bool | None = None
    required_affinity: Kept = None
    preferred_affinity: Kept = None


class JobSpecification(WireModel):
    """Resources and rules of a run."""

    resource: JobResource = Field(default_factory=JobResource)
    volumes: Kept = None
    log_export_path: ObsPath | None = None
    auto_stop: Duration | None = None
    retention: Kept = None
    schedule_policy: SchedulePolicy | None = None
    log_export_config: Kept = None
    notification: Kept = None
    custom_metrics: Kept = None
    output_model: Kept = None
    asset_model: Kept = None
    asset_id: str | None = None
    reserved_time: Kept = None
    grace_s: int | None = Field(
        default=None, ge=0, le=3600, description="Ours: seconds between SIGTERM and SIGKILL."
    )
    warm_start: bool | None = Field(
        default=None,
        description="Ours: fork the script from a process with the framework imported. Without a value, as "
        'the annotation "trainshed/warm-start" (true or false) says, else as the pool does.',
    )
    min_workers: Count = Field(
        default=0,
        description="Ours: makes the job elastic: it goes on with so few workers of all that it starts with, "
        'and can be resized while it runs. Or the annotation "trainshed/min-workers".',
    )


class JobResize(WireModel):
    """How many workers an elastic job is to have."""

    workers: int = Field(ge=-(2**31), le=2**31 - 1, examples=[2])


class JobRequest(WireModel):
    """A training job to be."""

    kind: str = Field(default="job", examples=["job"])
    metadata: JobMetadata = Field(default_factory=JobMetadata)
    algorithm: JobAlgorithm = Field(default_factory=JobAlgorithm)
    spec: JobSpecification = Field(default_factory=JobSpecification)
    endpoints: Kept = None
    train_type: str | None = None
    ftjob_config: Kept = None


class JobFilter(WireModel):
    """One condition of a search."""

    key: str = Field(default="", examples=["phase"])
    operator: str = Field(default="in", description="in, not, like or between", examples=["in"])
    value: list[Text] = Field(default_factory=list[str], max_length=1000)


class JobSearch(WireModel):
    """Which jobs to list, in what order."""

    offset: Count = 0
    limit: int = Field(default=20, ge=1, le=1000)
    sort_by: str = ""
    order: str = Field(default="desc", examples=["desc"])
    group_by: str | None = None
    workspace_id: str = ""
    train_type: str | None = None
    tags: Kept = None
    host_ips: list[str] = Field(default_factory=list[str], max_length=10)
    filters: list[JobFilter] = Field(default_factory=list[JobFilter], max_length=100)


class JobAction(WireModel):
    """What to do with a job."""

    action_type: str = Field(default="", examples=["terminate"])
    force: bool = Field(default=False, description="Ours: end the script at once, without a grace period.")


class UpdateMetadata(WireModel):
    """Notes to change."""

    annotation: TextMap | None = None
    annotations: TextMap | None = None


class UpdateSpec(WireModel):
    """Rules to change while a job waits."""

    schedule_policy: SchedulePolicy | None = None
    notification: Kept = None


class JobUpdate(WireModel):
    """What may change of a job: its description, its notes, and its priority while it waits."""

    description: str | None = None
    spec: UpdateSpec | None = None
    metadata: UpdateMetadata | None = None
    endpoints: Kept = None


class BatchMetadata(WireModel):
    """Names one job."""

    id: str = ""


class BatchItem(WireModel):
    """One job of many."""

    kind: str = "job"
    metadata: BatchMetadata = Field(default_factory=BatchMetadata)


class BatchDelete(WireModel):
    """Jobs to delete together."""

    jobs: list[BatchItem] = Field(default_factory=list[BatchItem], max_length=1000)


def dump(value: Any) -> bytes:
    """``value`` as JSON bytes."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode(
        "utf-8", "replace"
    )
