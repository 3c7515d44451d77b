"""Numbers about jobs: what they use of the machine, and what their scripts print."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy.dialects import postgresql, sqlite

from trainshed.core.task import MetricSample, TrainingMetric
from trainshed.pools.base import TaskKey
from trainshed.server.db.tables import resource_samples, training_metrics
from trainshed.server.services import queries

if TYPE_CHECKING:
    from trainshed.server.db.database import Database
    from trainshed.server.services.reports import Metrics

# ModelArts' names, then ours
_FIELDS = {
    "cpuUsage": "cpu",
    "memUsage": "memory",
    "gpuUtil": "gpu",
    "gpuMemUsage": "gpu_memory",
    "npuUtil": "npu",
    "npuMemUsage": "npu_memory",
    "memMb": "memory_mb",
    "diskMb": "disk_mb",
}
MAX_POINTS = 10_000

_SAMPLE = {
    "sqlite": sqlite.insert(resource_samples).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(resource_samples).on_conflict_do_nothing(),
}
_METRIC = {
    "sqlite": sqlite.insert(training_metrics).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(training_metrics).on_conflict_do_nothing(),
}


def store(db: Database, key: TaskKey, metrics: Metrics) -> None:
    """Keep what an agent reported; a repeat changes nothing."""
    named = {"job_id": key.job_id, "attempt": key.attempt, "index": key.index}
    samples = [named | {"time": s.time, "values": _values(s)} for s in metrics.samples]
    training = [named | _metric(metric) for metric in metrics.training]
    if not samples and not training:
        return
    with db.write() as connection:
        if samples:
            connection.execute(_SAMPLE[db.dialect], samples)
        if training:
            connection.execute(_METRIC[db.dialect], training)


def _values(sample: MetricSample) -> dict[str, float]:
    found = {name: float(getattr(sample, field)) for name, field in _FIELDS.items()}
    return {name: value if math.isfinite(value) else -1.0 for name, value in found.items()}


def _metric(metric: TrainingMetric) -> dict[str, Any]:
    return {
        "seq": metric.seq,
        "name": metric.name,
        "step": metric.step,
        "value": metric.value if math.isfinite(metric.value) else None,
        "time": metric.time,
    }


def resource_use(db: Database, job_id: str, attempt: int, index: int) -> dict[str, Any]:
    """A task's use of its node, in the v2 shape: one value a sample, -1 where there is no such thing."""
    rows = queries.sample_rows(db, job_id, attempt, index, MAX_POINTS)
    return {
        "metrics": [
            {"metric": name, "value": [round(row["values"].get(name, -1.0), 3) for row in rows]}
            for name in _FIELDS
        ],
        "time": [round(row["time"], 3) for row in rows],
    }


def printed(
    db: Database, job_id: str, *, name: str = "", attempt: int | None = None, limit: int = MAX_POINTS
) -> dict[str, Any]:
    """The numbers that a job's script printed; a value that is no finite number is null."""
    rows = queries.metric_rows(db, job_id, name=name, attempt=attempt, limit=limit)
    return {"metrics": [_shown(row) for row in rows], "names": _names(rows)}


def _shown(row: queries.Row) -> dict[str, Any]:
    return {
        "name": row["name"],
        "step": row["step"],
        "value": row["value"],
        "time": round(row["time"], 3),
        "attempt": row["attempt"],
        "task": f"worker-{row['index']}",
    }


def _names(rows: Sequence[queries.Row]) -> list[str]:
    return list(dict.fromkeys(row["name"] for row in rows))
