"""What agents say, checked: an agent runs somebody's job, so nothing it sends is taken on trust."""

from __future__ import annotations

import json
import math
from binascii import a2b_base64
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from trainshed.core.errors import Code, Conflict, InvalidInput
from trainshed.core.task import EventKind, MetricSample, Stage, TaskEvent, TaskOutcome, TrainingMetric
from trainshed.core.wire import from_wire
from trainshed.jobs.hang import RankSample

MAX_EVENTS = 1000
MAX_LOGS = 1000
MAX_SAMPLES = 5000
MAX_BODY = 2 * 1024 * 1024
MAX_MESSAGE = 4096
MAX_DETAIL = 16 * 1024
MAX_METRIC_NAME = 64
MAX_RANKS = 1_000_000
MAX_STACKS = 256
MAX_STACK = 64 * 1024
# An agent whose clock is off by more than a day tells us nothing by its times.
_LATEST = 1e11

_STAGES = {stage.value: stage for stage in Stage}
_KINDS = {kind.value: kind for kind in EventKind}


class SequenceGap(Conflict):
    """Events were sent that do not follow those that are known.

    Attributes:
        next_seq: where the agent must go on.
    """

    def __init__(self, next_seq: int) -> None:
        super().__init__(f"the next event is {next_seq}: go on from there", code=Code.LOG_OFFSET_GAP)
        self.next_seq = next_seq


@dataclass(frozen=True, slots=True)
class Metrics:
    """One report of numbers."""

    samples: tuple[MetricSample, ...] = ()
    training: tuple[TrainingMetric, ...] = ()


def parse_body(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``.

    Raises:
        InvalidInput: it is not JSON, or no object.
    """
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidInput("the body is not JSON", code=Code.BODY_NOT_JSON) from None
    if not isinstance(data, dict):
        raise InvalidInput("the body is not a JSON object", code=Code.BODY_NOT_JSON)
    return cast("dict[str, Any]", data)


def parse_events(data: dict[str, Any]) -> list[TaskEvent]:
    """The events of one report.

    Raises:
        InvalidInput: they are not what an agent sends.
    """
    return [_event(item) for item in _items(data, "events", MAX_EVENTS)]


def parse_logs(data: dict[str, Any]) -> list[tuple[str, int, bytes]]:
    """The pieces of logs that come with events: stream, offset, bytes.

    Raises:
        InvalidInput: they are not what an agent sends.
    """
    found: list[tuple[str, int, bytes]] = []
    for item in _items(data, "logs", MAX_LOGS):
        try:
            name, offset, text = item["stream"], item["offset"], item["data"]
            piece = a2b_base64(text, strict_mode=True)
        except (KeyError, TypeError, ValueError):
            raise InvalidInput("a piece of a log is none", code=Code.FIELD_INVALID) from None
        if not isinstance(name, str) or type(offset) is not int or not 0 <= offset < 1 << 53:
            raise InvalidInput("a piece of a log needs stream and offset", code=Code.FIELD_INVALID)
        found.append((name, offset, piece))
    return found


def fresh(events: Sequence[TaskEvent], next_seq: int) -> list[TaskEvent]:
    """Those that are not known yet, in order and without a gap.

    >>> [e.seq for e in fresh([TaskEvent(s, 0.0, Stage.RUN, EventKind.NOTE) for s in (0, 1, 2)], 1)]
    [1, 2]

    Raises:
        SequenceGap: one before them is missing.
    """
    new: list[TaskEvent] = []
    for event in events:
        if event.seq > next_seq:
            raise SequenceGap(next_seq - len(new))
        if event.seq == next_seq:
            new.append(event)
            next_seq += 1
    return new


def outcome_of(event: TaskEvent) -> TaskOutcome:
    """The outcome that a ``finished`` event carries.

    Raises:
        InvalidInput: it carries none.
    """
    outcome = from_wire(TaskOutcome, event.detail.get("outcome", event.detail))
    return replace(
        outcome,
        message=clean(outcome.message, MAX_MESSAGE),
        code=clean(outcome.code, 64),
        exit_code=None if outcome.exit_code is None else max(-(2**31), min(2**31 - 1, outcome.exit_code)),
        failed_at=outcome.failed_at if math.isfinite(outcome.failed_at) else 0.0,
    )


def parse_metrics(data: dict[str, Any]) -> Metrics:
    """Resource samples and training metrics of one report.

    Raises:
        InvalidInput: they are not what an agent sends.
    """
    samples = [from_wire(MetricSample, item) for item in _items(data, "samples", MAX_SAMPLES)]
    training = [from_wire(TrainingMetric, item) for item in _items(data, "training", MAX_SAMPLES)]
    for sample in samples:
        _moment(sample.time)
    for metric in training:
        _moment(metric.time)
        if not 0 <= metric.seq < 2**31 or not 0 <= metric.step < 2**31:
            raise InvalidInput("a metric's seq and step must be from 0", code=Code.FIELD_INVALID)
    return Metrics(tuple(samples), tuple(replace(m, name=clean(m.name, MAX_METRIC_NAME)) for m in training))


def parse_looks(data: dict[str, Any], now: float) -> list[RankSample]:
    """What the ranks of a task do, as a heartbeat says it, in the times of ``now``.

    Raises:
        InvalidInput: it is not what an agent sends.
    """
    clock = _moment(data.get("clock", 0.0))
    looks = [from_wire(RankSample, item) for item in _items(data, "looks", MAX_SAMPLES)]
    if not all(0 <= look.rank < MAX_RANKS and math.isfinite(look.time) for look in looks):
        raise InvalidInput("a look has a rank or a time that cannot be", code=Code.FIELD_INVALID)
    return [replace(look, time=now - max(0.0, clock - look.time)) for look in looks]


def parse_stacks(data: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    """The number that stacks were asked for by, and those of each rank.

    Raises:
        InvalidInput: they are not what an agent sends.
    """
    number: object = data.get("id")
    if type(number) is not int or not 0 <= number < 2**53:
        raise InvalidInput("stacks need the id that they were asked for by", code=Code.FIELD_INVALID)
    return number, [_stack(item) for item in _items(data, "ranks", MAX_STACKS)]


def _stack(item: Any) -> dict[str, Any]:
    given = cast("dict[str, Any]", item) if isinstance(item, dict) else {}
    rank, pid, text, error = (given.get(name) for name in ("rank", "pid", "text", "error"))
    if type(rank) is not int or type(pid) is not int or not 0 <= rank < MAX_RANKS or not 0 <= pid < 2**31:
        raise InvalidInput("a stack needs the rank and the process that it is of", code=Code.FIELD_INVALID)
    if not isinstance(text, str) or not isinstance(error, str):
        raise InvalidInput("a stack must be text", code=Code.FIELD_INVALID)
    return {
        "rank": rank,
        "pid": pid,
        "text": clean(text, MAX_STACK),
        "error": clean(error, MAX_MESSAGE),
    }


def clean(text: str, limit: int) -> str:
    """``text`` as every database takes it: cut to ``limit``, without NUL and half characters."""
    text = text[:limit]
    return text if text.isascii() and "\x00" not in text else _scrub(text)


def _scrub(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _items(data: dict[str, Any], name: str, limit: int) -> list[Any]:
    given: object = data.get(name, [])
    if not isinstance(given, list):
        raise InvalidInput(f"{name} must be a list", code=Code.FIELD_INVALID)
    found = cast("list[Any]", given)
    if len(found) > limit:
        raise InvalidInput(f"{len(found)} {name} in one report; {limit} at most", code=Code.FIELD_INVALID)
    return found


def _event(item: Any) -> TaskEvent:
    if not isinstance(item, dict):
        raise InvalidInput("an event must be an object", code=Code.FIELD_INVALID)
    given = cast("dict[str, Any]", item)
    seq: object = given.get("seq")
    stage, kind = _STAGES.get(str(given.get("stage"))), _KINDS.get(str(given.get("kind")))
    if type(seq) is not int or not 0 <= seq < 2**31:
        raise InvalidInput("an event's seq must be an integer from 0", code=Code.FIELD_INVALID)
    if stage is None or kind is None:
        raise InvalidInput(f"event {seq} has no known stage and kind", code=Code.FIELD_INVALID)
    message: object = given.get("message", "")
    detail: object = given.get("detail") or {}
    if not isinstance(message, str) or not isinstance(detail, dict):
        raise InvalidInput(f"event {seq} has a message or detail of the wrong type", code=Code.FIELD_INVALID)
    return TaskEvent(
        seq,
        _moment(given.get("time")),
        stage,
        kind,
        clean(message, MAX_MESSAGE),
        _moment(given.get("duration", 0.0)),
        _detail(cast("dict[str, Any]", detail)),
    )


def _moment(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value < _LATEST:
        raise InvalidInput("a time or duration must be a number of seconds", code=Code.FIELD_INVALID)
    return float(value)


def _detail(detail: dict[str, Any]) -> dict[str, Any]:
    """``detail`` as every database takes it; only said to be too long where it is."""
    if not detail:
        return detail
    text = json.dumps(detail)
    if len(text) > MAX_DETAIL:
        return {"dropped": f"{len(text)} bytes of detail"}
    if "\\u" in text or "NaN" in text or "Infinity" in text:
        return cast("dict[str, Any]", plain(json.loads(text, parse_constant=lambda _: None)))
    return detail


def plain(value: Any) -> Any:
    """JSON as every database takes it: without NUL and half characters."""
    if isinstance(value, str):
        return _scrub(value)
    if isinstance(value, dict):
        return {_scrub(k): plain(v) for k, v in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [plain(v) for v in cast("list[Any]", value)]
    return value
