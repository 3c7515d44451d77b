"""What the service answers, as small typed objects; ``raw`` keeps the answer itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from trainshed.core.lifecycle import Phase

Json = dict[str, Any]


def section(data: Any, *path: str) -> Json:
    """The object at ``path`` inside ``data``; empty where there is none.

    >>> section({"spec": {"resource": {"node_count": 2}}}, "spec", "resource")
    {'node_count': 2}
    >>> section({"spec": None}, "spec", "resource")
    {}
    """
    for name in path:
        data = cast(Json, data).get(name) if isinstance(data, Mapping) else None
    return cast(Json, data) if isinstance(data, dict) else {}


def items(data: Any, name: str = "items") -> list[Json]:
    """The objects listed under ``name``, or ``data`` itself where the answer is a bare list."""
    found = cast(Json, data).get(name) if isinstance(data, dict) else data
    return [cast(Json, item) for item in cast("list[Any]", found or []) if isinstance(item, dict)]


def _seconds(milliseconds: Any) -> float | None:
    return milliseconds / 1000 if isinstance(milliseconds, (int, float)) and milliseconds > 0 else None


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a job ended.

    Attributes:
        cause: ``success``, ``user_error``, ``infrastructure``, ``stopped``, ``timeout`` …
        exit_code: of the first rank that failed, or 0; None where nothing was started.
        signal: that ended it, or 0.
        rank: first global rank that failed; -1 where none did.
        stage: where it ended.
        log_offset: byte in the task's log that shows it; -1 where unknown.
    """

    cause: str = ""
    message: str = ""
    code: str = ""
    exit_code: int | None = None
    signal: int = 0
    rank: int = -1
    stage: str = ""
    log_offset: int = -1

    @classmethod
    def of(cls, data: Json) -> Outcome:
        """From the service's words; unknown fields are left out."""
        return cls(**{name: data[name] for name in cls.__slots__ if data.get(name) is not None})


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a job failed, as far as that can be told.

    Attributes:
        confidence: ``HIGH``, ``MEDIUM`` or ``LOW``.
        rank: the one that failed first of its own; -1 where unknown.
        location: file and line in the script, ``train.py:12``.
    """

    cause: str
    advice: str = ""
    cause_zh: str = ""
    advice_zh: str = ""
    confidence: str = ""
    rank: int = -1
    location: str = ""
    traceback: str = ""
    raw: Json = field(default_factory=dict[str, Any], repr=False)

    @classmethod
    def of(cls, data: Json) -> Diagnosis:
        """From the service's words."""
        names = ("cause", "advice", "cause_zh", "advice_zh", "confidence")
        cause, advice, cause_zh, advice_zh, confidence = (str(data.get(name) or "") for name in names)
        return cls(
            cause=cause,
            advice=advice,
            cause_zh=cause_zh,
            advice_zh=advice_zh,
            confidence=confidence,
            rank=int(data.get("rank", -1)),
            location=str(data.get("location") or ""),
            traceback=str(data.get("traceback") or ""),
            raw=data,
        )


@dataclass(frozen=True, slots=True)
class Job:
    """A training job as it was when it was asked for.

    Attributes:
        created_at, started_at: seconds since the Unix epoch.
        duration: seconds that it has run.
        outcome: once it has ended.
        task_count: nodes.
        attempt: how often it has been started again.
    """

    id: str
    name: str
    phase: Phase
    secondary_phase: str = ""
    description: str = ""
    reason: str = ""
    created_at: float | None = None
    started_at: float | None = None
    duration: float = 0.0
    engine: str = ""
    flavor: str = ""
    pool: str = ""
    task_count: int = 1
    tasks: tuple[str, ...] = ()
    outcome: Outcome | None = None
    attempt: int = 0
    raw: Json = field(default_factory=dict[str, Any], repr=False)

    @classmethod
    def of(cls, data: Json) -> Job:
        """From a v2 training job."""
        metadata, status = section(data, "metadata"), section(data, "status")
        resource = section(data, "spec", "resource")
        engine = section(data, "algorithm", "engine")
        return cls(
            id=str(metadata.get("id", "")),
            name=str(metadata.get("name", "")),
            phase=Phase(status.get("phase", "Creating")),
            secondary_phase=str(status.get("secondary_phase") or ""),
            description=str(metadata.get("description") or ""),
            reason=str(status.get("reason") or ""),
            created_at=_seconds(metadata.get("create_time")),
            started_at=_seconds(status.get("start_time")),
            duration=_seconds(status.get("duration")) or 0.0,
            engine=str(engine.get("engine_id") or ""),
            flavor=str(resource.get("flavor_id") or ""),
            pool=str(resource.get("pool_id") or ""),
            task_count=int(resource.get("node_count") or 1),
            tasks=tuple(status.get("tasks") or ()),
            outcome=_outcome(status),
            attempt=int(status.get("attempt") or 0),
            raw=data,
        )

    @property
    def finished(self) -> bool:
        """Whether it never changes any more."""
        return self.phase.terminal


def _outcome(status: Json) -> Outcome | None:
    if status.get("outcome"):
        return Outcome.of(section(status, "outcome"))
    ended = [s for s in items(status, "task_statuses") if s.get("exit_code") is not None]
    if not ended:
        return None
    worst = next((s for s in ended if s["exit_code"]), ended[0])
    return Outcome(exit_code=worst["exit_code"], message=str(worst.get("message") or ""))


@dataclass(frozen=True, slots=True)
class JobList:
    """One page of jobs, and how many there are in all."""

    jobs: tuple[Job, ...]
    total: int


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to a job; ``time`` is in the service's words (ISO 8601)."""

    time: str
    level: str
    source: str
    message: str
    raw: Json = field(default_factory=dict[str, Any], repr=False)

    @classmethod
    def of(cls, data: Json) -> Event:
        """From a v2 event."""
        return cls(*(str(data.get(name) or "") for name in ("time", "level", "source", "message")), raw=data)


@dataclass(frozen=True, slots=True)
class Algorithm:
    """An algorithm of the project."""

    id: str
    name: str
    version: int = 1
    description: str = ""
    engine: str = ""
    boot_file: str = ""
    code_dir: str = ""
    created_at: float | None = None
    raw: Json = field(default_factory=dict[str, Any], repr=False)

    @classmethod
    def of(cls, data: Json) -> Algorithm:
        """From a v2 algorithm."""
        metadata, config = section(data, "metadata"), section(data, "job_config")
        return cls(
            id=str(metadata.get("id", "")),
            name=str(metadata.get("name", "")),
            version=int(metadata.get("version_num") or 1),
            description=str(metadata.get("description") or ""),
            engine=str(section(config, "engine").get("engine_id") or ""),
            boot_file=str(config.get("boot_file") or ""),
            code_dir=str(config.get("code_dir") or ""),
            created_at=_seconds(metadata.get("create_time")),
            raw=data,
        )


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine of the catalogue, and whether the pool can run it here.

    Attributes:
        state: of its environment: ``absent``, ``building``, ``ready`` or ``broken``.
        available: whether a pool offers it; ``reason`` says why not.
        size: bytes of its environment, once built.
    """

    id: str
    family: str
    version: str = ""
    python: str = ""
    chips: tuple[str, ...] = ()
    launcher: str = ""
    available: bool = True
    reason: str = ""
    state: str = ""
    size: int = 0
    raw: Json = field(default_factory=dict[str, Any], repr=False)

    @classmethod
    def of(cls, data: Json) -> Engine:
        """From our own engine resource."""
        environment = section(data, "environment")
        return cls(
            id=str(data.get("id") or data.get("engine_id") or ""),
            family=str(data.get("family") or data.get("engine_name") or ""),
            version=str(data.get("version") or data.get("engine_version") or ""),
            python=str(data.get("python") or ""),
            chips=tuple(data.get("chips") or ()),
            launcher=str(data.get("launcher") or ""),
            available=bool(data.get("available", True)),
            reason=str(data.get("reason") or ""),
            state=str(environment.get("state") or ""),
            size=int(environment.get("size") or 0),
            raw=data,
        )


@dataclass(frozen=True, slots=True)
class Flavor:
    """A resource specification that a pool offers."""

    id: str
    pool: str = ""
    chip: str = ""
    cores: float = 0
    memory_gb: float = 0
    cards: int = 0
    card_name: str = ""
    max_nodes: int = 1
    raw: Json = field(default_factory=dict[str, Any], repr=False)

    @classmethod
    def of(cls, data: Json) -> Flavor:
        """From a v2 flavor."""
        info = section(data, "flavor_info")
        card = section(info, "gpu") or section(info, "npu")
        return cls(
            id=str(data.get("flavor_id") or ""),
            pool=str(data.get("pool_id") or ""),
            chip=str(data.get("flavor_type") or ""),
            cores=float(section(info, "cpu").get("core_num") or 0),
            memory_gb=float(section(info, "memory").get("size") or 0),
            cards=int(card.get("unit_num") or 0),
            card_name=str(card.get("product_name") or ""),
            max_nodes=int(info.get("max_num") or data.get("max_num") or 1),
            raw=data,
        )


@dataclass(frozen=True, slots=True)
class Pool:
    """A place where jobs run."""

    id: str
    kind: str = ""
    phase: str = ""
    raw: Json = field(default_factory=dict[str, Any], repr=False)

    @classmethod
    def of(cls, data: Json) -> Pool:
        """From a v2 pool."""
        return cls(
            id=str(section(data, "metadata").get("name") or data.get("id") or ""),
            kind=str(section(data, "spec").get("type") or ""),
            phase=str(section(data, "status").get("phase") or ""),
            raw=data,
        )


@dataclass(frozen=True, slots=True)
class CodeUpload:
    """A code directory on the service.

    Attributes:
        uri: what a job names as its code directory.
        cached: whether it was there already, so that nothing was sent.
    """

    uri: str
    sha: str
    files: int
    bytes: int
    cached: bool


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One object of a bucket, or one output file of a job."""

    key: str
    size: int
    raw: Json = field(default_factory=dict[str, Any], repr=False)

    @classmethod
    def of(cls, data: Json) -> StoredObject:
        """From an entry of an objects list."""
        return cls(
            key=str(data.get("key") or data.get("path") or ""), size=int(data.get("size") or 0), raw=data
        )
