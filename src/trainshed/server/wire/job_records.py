"""The shapes of what a job leaves behind: events, stages, logs, metrics, outputs."""

from __future__ import annotations

from pydantic import Field

from trainshed.server.wire.base import Bytes, Count, WireModel
from trainshed.server.wire.job_answers import OutcomeModel


class EventModel(WireModel):
    """One thing that happened to a job."""

    message: str
    level: str = Field(examples=["Info"])
    time: str
    source: str
    attempt: Count = 0
    stage: str = ""
    kind: str = ""
    duration: float = 0.0


class EventList(WireModel):
    """One page of events."""

    total: Count
    limit: Count
    offset: Count
    order: str
    start_time: str = ""
    end_time: str = ""
    events: list[EventModel]


class SubStage(WireModel):
    """One step of a stage."""

    name: str
    en_message: str
    zh_message: str
    create_time: str


class StageModel(WireModel):
    """One stage of a job."""

    job_id: str
    name: str
    en_message: str
    zh_message: str
    start_time: str
    end_time: str
    stage_order: Count
    sub_stages: list[SubStage]


class StageRecord(WireModel):
    """The stages of one start of a job."""

    record_order: Count
    stages: list[StageModel]


class StageList(WireModel):
    """The stages of all starts of a job."""

    total_count: Count
    running_records: list[StageRecord]


class TaskHistory(WireModel):
    """Where one task ran."""

    task: str
    ip: str
    host_ip: str
    schedule_count: Count
    node: str = ""
    stage: str = ""
    outcome: OutcomeModel | None = None


class LogPreview(WireModel):
    """The newest part of a log."""

    content: str
    current_size: Bytes
    full_size: Bytes


class LogLines(WireModel):
    """Some lines of a log."""

    start_line: str
    end_line: str
    lines: Count
    content: str


class LogUrl(WireModel):
    """Where the whole log is."""

    obs_url: str
    shards: list[str] = Field(default_factory=list[str])


class LogMatch(WireModel):
    """One line that matches."""

    offset: Bytes
    line: Count
    text: str


class LogMatches(WireModel):
    """What a search through a log found."""

    matches: list[LogMatch]
    size: Bytes
    truncated: bool


class LogStream(WireModel):
    """One stream of a task."""

    name: str
    file_name: str = Field(default="", description="What ModelArts calls it.")
    size: Bytes
    attempt: Count


class LogStreams(WireModel):
    """All streams of a task."""

    streams: list[LogStream]


class MetricValues(WireModel):
    """One metric over time."""

    metric: str
    value: list[float]


class ResourceMetrics(WireModel):
    """What a task used of its node."""

    metrics: list[MetricValues]
    time: list[float] = Field(default_factory=list[float])


class PrintedMetric(WireModel):
    """A number that the script printed."""

    name: str
    step: Count
    value: float | None = None
    time: float
    attempt: Count
    task: str


class PrintedMetrics(WireModel):
    """The numbers that the script printed."""

    metrics: list[PrintedMetric]
    names: list[str]


class OutputFile(WireModel):
    """One file that a job wrote to an output."""

    channel: str
    key: str
    uri: str
    size: Bytes
    mtime: float


class OutputList(WireModel):
    """The files that a job wrote to its outputs."""

    outputs: list[OutputFile]
    truncated: bool
