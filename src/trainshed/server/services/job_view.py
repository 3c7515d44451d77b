"""A job as the v2 API shows it, from its row and the rows of its tasks and attempts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from trainshed.core.algorithm import Access
from trainshed.core.lifecycle import TERMINAL
from trainshed.core.secrets import MASK, masked
from trainshed.server.language import say, say_message
from trainshed.server.wire.flavors import flavor_detail

if TYPE_CHECKING:
    from trainshed.server.context import Context

Row = Mapping[Any, Any]
Json = dict[str, Any]

_ENDED = frozenset(phase.value for phase in TERMINAL)
_KEPT_SPEC = (
    "volumes",
    "retention",
    "log_export_config",
    "notification",
    "custom_metrics",
    "output_model",
    "asset_model",
    "asset_id",
    "reserved_time",
    "auto_stop",
)


def millis(seconds: float | None) -> int | None:
    """Seconds as the API counts time; None for none."""
    return None if seconds is None else int(seconds * 1000)


def job_view(
    context: Context, row: Row, *, tasks: Sequence[Row] | None = None, attempts: Sequence[Row] = ()
) -> Json:
    """The whole job.

    Args:
        tasks: of its present attempt; None in a list, which does not look at them.
    """
    extra = cast(Json, row["extra"] or {})
    view: Json = {
        "kind": "job",
        "metadata": _metadata(row, extra),
        "status": _status(context, row, tasks, attempts),
        "algorithm": _algorithm(context, row, extra),
        "spec": _spec(context, row, extra),
    }
    for name in ("endpoints", "train_type", "ftjob_config"):
        if extra.get(name):
            view[name] = extra[name]
    return view


def _metadata(row: Row, extra: Json) -> Json:
    metadata: Json = {
        "id": row["id"],
        "name": row["name"],
        "workspace_id": row["workspace_id"],
        "description": row["description"],
        "create_time": millis(row["created_at"]),
        "user_name": row["user_name"],
        "annotations": row["annotations"] or {},
    }
    if extra.get("experiment"):
        metadata["training_experiment_reference"] = extra["experiment"]
    return metadata


def _status(context: Context, row: Row, tasks: Sequence[Row] | None, attempts: Sequence[Row]) -> Json:
    ended = row["ended_at"] if row["phase"] in _ENDED else None
    now = context.clock.now() if ended is None else ended
    started = row["started_at"]
    status: Json = {
        "phase": row["phase"],
        "secondary_phase": row["secondary_phase"] or row["phase"],
        "duration": max(0, int((now - started) * 1000)) if started else 0,
        "tasks": [f"worker-{index}" for index in range(row["node_count"])],
        "attempt": row["attempt"],
        "reason": say(row["reason"]),
    }
    if started:
        status["start_time"] = millis(started)
        status["node_count_metrics"] = [[millis(started), row["node_count"]]]
    if ended:
        status["end_time"] = millis(ended)
    if row["outcome"]:
        status["outcome"] = say_message(row["outcome"])
    if workers := cast(Json, row["placements"] or {}).get("workers"):
        status["workers"] = workers
    if tasks is not None:
        status["task_statuses"] = [_task_status(task) for task in tasks if task["outcome"]]
        status["running_records"] = [_record(record, tasks, row) for record in attempts]
    return status


def _task_status(task: Row) -> Json:
    outcome = cast(Json, task["outcome"])
    return {
        "task": f"worker-{task['index']}",
        "exit_code": exit_code(outcome),
        "message": say(outcome.get("message") or ""),
    }


def exit_code(outcome: Json) -> int:
    """An exit code as a shell has it: 128 and the signal, for a process that a signal ended."""
    if outcome.get("exit_code") is not None:
        return int(outcome["exit_code"])
    if outcome.get("signal"):
        return 128 + int(outcome["signal"])
    return 0 if outcome.get("cause") == "success" else 1


def _record(attempt: Row, tasks: Sequence[Row], job: Row) -> Json:
    outcome = cast(Json, attempt["outcome"] or {})
    record: Json = {
        "start_at": millis(attempt["started_at"]),
        "start_type": "init_or_rescheduled",
        "end_reason": say(outcome.get("message", "")),
        "attempt": attempt["attempt"],
    }
    if outcome:
        record["outcome"] = say_message(outcome)
    if attempt["ended_at"] is not None:
        record["end_at"] = millis(attempt["ended_at"])
    if attempt["attempt"] < job["attempt"]:
        record["end_recover"] = "job_restart"
    rank = outcome.get("rank", -1)
    failed = [t for t in tasks if t["attempt"] == attempt["attempt"] and t["outcome"]]
    if rank >= 0:
        named = next((t for t in failed if t["outcome"].get("rank") == rank), None)
        record["end_related_task"] = f"worker-{named['index']}" if named else "worker-0"
    return record


# ---- what runs


def _algorithm(context: Context, row: Row, extra: Json) -> Json:
    spec = cast(Json, row["spec"])
    algorithm: Json = {
        "code_dir": spec["code_dir"],
        "boot_file": spec["boot_file"],
        "parameters": [_parameter(p, extra) for p in spec["parameters"]],
        "inputs": [_channel(c, extra, "remote_constraint") for c in spec["inputs"]],
        "outputs": [_channel(c, extra) | _predownload(c) for c in spec["outputs"]],
        "engine": _engine(context, row, extra),
        "environments": masked(spec["environments"]),
    }
    if row["algorithm_id"]:
        algorithm |= {"id": row["algorithm_id"], "name": row["algorithm_name"]}
    for name in ("command", "working_dir", "local_code_dir"):
        if spec.get(name):
            algorithm[name] = spec[name]
    for name in ("policies", "summary"):
        if extra.get(name):
            algorithm[name] = extra[name]
    if spec["metric_regexes"]:
        algorithm["metrics"] = spec["metric_regexes"]
    return algorithm


def _parameter(parameter: Json, extra: Json) -> Json:
    said = extra.get("parameters", {}).get(parameter["name"], {})
    value = MASK if parameter["sensitive"] and parameter["value"] else parameter["value"]
    shown: Json = {"name": parameter["name"], "value": value, **said}
    return {**shown, "flag": True} if parameter.get("flag") else shown


def _channel(channel: Json, extra: Json, *_: str) -> Json:
    said = extra.get("channels", {}).get(channel["name"], {})
    shown: Json = {
        "name": channel["name"],
        "access_method": channel["access"] or Access.PARAMETER.value,
        "remote": {"obs": {"obs_url": channel["uri"]}},
        **said,
    }
    return {**shown, "local_dir": channel["local_dir"]} if channel["local_dir"] else shown


def _predownload(channel: Json) -> Json:
    return {"predownload": True} if channel["predownload"] else {}


def _engine(context: Context, row: Row, extra: Json) -> Json:
    found = cast(Json, extra.get("engine") or {})
    shown: Json = {"engine_id": row["engine_id"], **found}
    if row["engine_id"] in context.catalogue:
        engine = context.catalogue.get(row["engine_id"])
        shown |= {"engine_name": engine.family, "engine_version": engine.version}
    return shown


# ---- on what


def _spec(context: Context, row: Row, extra: Json) -> Json:
    spec, kept = cast(Json, row["spec"]), extra.get("spec", {})
    shown: Json = {
        "resource": _resource(context, row, spec),
        "log_export_path": {"obs_url": spec["log_uri"]} if spec["log_uri"] else {},
        "schedule_policy": {"priority": row["priority"], "preemptible": spec["preemptible"]},
        "grace_s": spec["grace_s"],
        "warm_start": spec["warm_start"],
    }
    if spec.get("min_workers"):
        shown["min_workers"] = spec["min_workers"]
    return shown | {name: kept[name] for name in _KEPT_SPEC if kept.get(name)}


def _resource(context: Context, row: Row, spec: Json) -> Json:
    resource: Json = {
        "policy": "regular",
        "flavor_id": row["flavor_id"],
        "flavor_name": row["flavor_id"],
        "node_count": row["node_count"],
        "pool_id": row["pool_id"],
        "pool_name": row["pool_id"],
    }
    if spec["processes"]:
        resource["processes"] = spec["processes"]
    detail = context.services.flavor_details.get((row["pool_id"], row["flavor_id"]))
    return {**resource, "flavor_detail": detail} if detail else resource


def flavor_details(context: Context) -> dict[tuple[str, str], Json]:
    """How jobs show the flavors of all pools."""
    return {
        (pool.id, flavor.id): flavor_detail(flavor).model_dump(exclude_none=True)
        for pool in context.pools.values()
        for flavor in pool.flavors()
    }


def task_history(tasks: Sequence[Row]) -> list[Json]:
    """Where the tasks of all attempts ran, as the v2 API lists them."""
    return [
        {
            "task": f"worker-{task['index']}",
            "ip": task["host"],
            "host_ip": task["host"],
            "schedule_count": task["attempt"],
            "node": task["node"],
            "stage": task["stage"],
            "outcome": say_message(task["outcome"]) if task["outcome"] else None,
        }
        for task in tasks
    ]
