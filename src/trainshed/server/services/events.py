"""What happened to a job, in words: English and Chinese, for people who read events and stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from trainshed.core.errors import Code, InvalidInput
from trainshed.core.task import Cause, EventKind, Stage, TaskEvent, TaskOutcome
from trainshed.translation import chinese as in_chinese

SERVICE = "service"
MAX_MESSAGE = 4096

STAGE_NAMES: dict[str, tuple[str, str]] = {
    "create": ("preparation", "作业准备"),
    "queue": ("queuing", "排队"),
    Stage.PRECHECK: ("pre-check", "环境预检"),
    Stage.CODE: ("code download", "代码下载"),
    Stage.INPUTS: ("input download", "输入数据下载"),
    Stage.ENVIRONMENT: ("engine environment", "引擎环境准备"),
    Stage.REQUIREMENTS: ("dependency installation", "依赖安装"),
    Stage.PRE_START: ("pre-start script", "启动前脚本"),
    Stage.RUN: ("training script", "训练脚本"),
    Stage.OUTPUTS: ("output upload", "输出上传"),
    Stage.REPORT: ("final report", "结果汇报"),
}

_SERVICE_EVENTS: dict[str, tuple[str, str, str]] = {
    "created": ("Info", "the job was created", "作业已创建"),
    "warning": ("Warning", "{text}", "{text_zh}"),
    "building": ("Info", "the environment of engine {engine} is built", "正在构建引擎 {engine} 的环境"),
    "built": ("Info", "the environment is ready after {seconds} s", "引擎环境已就绪，用时 {seconds} 秒"),
    "build_failed": ("Error", "the environment could not be made: {reason}", "引擎环境准备失败：{reason}"),
    "queued": ("Info", "the job is queued", "作业排队中"),
    "handed_over": ("Info", "the job waits in the queue of pool {pool}", "作业已提交到资源池 {pool} 的队列"),
    "started": ("Info", "the job starts on {nodes}", "作业开始运行，节点：{nodes}"),
    "unplaced": ("Warning", "the pool could not start the job: {reason}", "资源池未能启动作业：{reason}"),
    "stop": ("Info", "the job was told to stop by {user}", "{user} 请求停止作业"),
    "stopping_peers": (
        "Warning",
        "{task} has ended badly; the other tasks are told to stop",
        "{task} 异常结束，正在停止其他任务",
    ),
    "lost": ("Error", "the agent of {task} is gone: {reason}", "{task} 的代理进程已丢失：{reason}"),
    "restarted": ("Warning", "{reason}", "{reason_zh}"),
    "hang_suspected": (
        "Warning",
        "the job seems to hang: {reason} The stacks of all ranks are taken.",
        "作业疑似卡死：{reason_zh}正在采集各 rank 的堆栈。",
    ),
    "hung": ("Warning", "the job hangs: {reason} {doing}", "作业已卡死：{reason_zh}{doing_zh}"),
    "hang_over": ("Info", "the job works again", "作业已恢复运行"),
    "completed": ("Info", "the job has completed", "作业运行完成"),
    "failed": ("Error", "the job has failed: {reason}", "作业运行失败：{reason}"),
    "abnormal": ("Error", "the job has ended abnormally: {reason}", "作业异常结束：{reason}"),
    "terminated": ("Info", "the job was stopped: {reason}", "作业已停止：{reason}"),
    "resize": (
        "Info",
        "{user} wants the job to have {workers} workers",
        "{user} 请求将作业的工作进程数调整为 {workers}",
    ),
    "priority": ("Info", "the priority is now {priority}", "作业优先级已改为 {priority}"),
}

# whose messages are sentences; those of the others are figures and names
_SAID = (EventKind.FAILED, EventKind.NOTE, EventKind.FINISHED)
_KIND_ZH = {EventKind.STARTED: "开始", EventKind.PROGRESS: "进行中", EventKind.DONE: "完成"}


@dataclass(frozen=True, slots=True)
class JobEventRow:
    """One row of the table ``events``; ``fields`` are its columns."""

    fields: dict[str, Any]

    @property
    def source(self) -> str:
        """``service`` or the task's name."""
        return str(self.fields["source"])


def service_event(job_id: str, attempt: int, kind: str, time: float, **facts: object) -> JobEventRow:
    """An event of the service's own, such as ``started``; ``facts`` fill its sentence.

    >>> service_event("j", 0, "started", 0.0, nodes="local").fields["message"]
    'the job starts on local'
    """
    level, english, chinese = _SERVICE_EVENTS[kind]
    detail = {name: value for name, value in facts.items() if value is not None}
    detail_zh = detail
    if "{reason}" in english and "reason" in detail:
        detail_zh = detail | {"reason": in_chinese(str(detail["reason"]))}
    return JobEventRow(
        {
            "job_id": job_id,
            "attempt": attempt,
            "source": SERVICE,
            "seq": -1,
            "time": time,
            "level": level,
            "stage": _STAGE_OF_SERVICE.get(kind, ""),
            "kind": kind,
            "duration": float(detail.get("seconds") or 0.0),  # type: ignore[arg-type]
            "message": english.format_map(detail)[:MAX_MESSAGE],
            "message_zh": chinese.format_map(detail_zh)[:MAX_MESSAGE],
            "detail": detail or None,
        }
    )


_STAGE_OF_SERVICE = {
    "created": "create",
    "building": "create",
    "built": "create",
    "build_failed": "create",
    "queued": "queue",
    "handed_over": "queue",
    "unplaced": "queue",
}


def task_event(job_id: str, attempt: int, task: str, event: TaskEvent) -> JobEventRow:
    """What an agent saw, as a row."""
    english, chinese = _sentences(task, event)
    failed = event.kind is EventKind.FAILED or (
        event.kind is EventKind.FINISHED and event.detail.get("cause") != Cause.SUCCESS.value
    )
    level = "Error" if failed else str(event.detail.get("level", "Info"))
    return JobEventRow(
        {
            "job_id": job_id,
            "attempt": attempt,
            "source": task,
            "seq": event.seq,
            "time": event.time,
            "level": level if level in ("Info", "Warning", "Error") else "Info",
            "stage": event.stage.value,
            "kind": event.kind.value,
            "duration": event.duration,
            "message": english[:MAX_MESSAGE],
            "message_zh": chinese[:MAX_MESSAGE],
            "detail": event.detail or None,
        }
    )


def duration_texts(seconds: float) -> tuple[str, str]:
    """A duration for people, in English and in Chinese.

    >>> [duration_texts(seconds)[0] for seconds in (0.000086, 0.0123, 20.51, 125, 7260)]
    ['0.1 ms', '12.3 ms', '20.5 s', '2 min 5 s', '2 h 1 min']
    """
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms", f"{seconds * 1000:.1f} 毫秒"
    if seconds < 60:
        return f"{seconds:.1f} s", f"{seconds:.1f} 秒"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s", f"{minutes} 分 {rest} 秒"
    return f"{minutes // 60} h {minutes % 60} min", f"{minutes // 60} 小时 {minutes % 60} 分"


def _sentences(task: str, event: TaskEvent) -> tuple[str, str]:
    english, chinese = STAGE_NAMES[event.stage]
    said = f": {event.message}" if event.message else ""
    said_zh = (
        f"：{in_chinese(event.message) if event.kind in _SAID else event.message}" if event.message else ""
    )
    took, took_zh = duration_texts(event.duration)
    match event.kind:
        case EventKind.STARTED | EventKind.PROGRESS:
            word = "started" if event.kind is EventKind.STARTED else "goes on"
            return f"{task}: {english} {word}{said}", f"{task}：{chinese}{_KIND_ZH[event.kind]}{said_zh}"
        case EventKind.DONE:
            return (
                f"{task}: {english} done in {took}{said}",
                f"{task}：{chinese}完成，用时 {took_zh}{said_zh}",
            )
        case EventKind.FAILED:
            return (
                f"{task}: {english} failed after {took}{said}",
                f"{task}：{chinese}失败，用时 {took_zh}{said_zh}",
            )
        case EventKind.NOTE:
            return f"{task}{said}", f"{task}{said_zh}"
        case EventKind.FINISHED:
            return f"{task}: ended{said}", f"{task}：已结束{said_zh}"


def end_event(job_id: str, attempt: int, phase: str, outcome: TaskOutcome, time: float) -> JobEventRow:
    """The last event of a job."""
    return service_event(job_id, attempt, phase.lower(), time, reason=outcome.message or outcome.cause.value)


def iso(time: float | None) -> str:
    """ISO 8601 in UTC with milliseconds; empty for no time.

    >>> iso(0.0)
    '1970-01-01T00:00:00.000Z'
    """
    if time is None:
        return ""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(text: str, name: str) -> float | None:
    """A time as clients write it, ISO 8601 or milliseconds, in seconds; None for no text.

    >>> parse_time("1000", "start_time"), parse_time("1970-01-01T00:00:01Z", "start_time")
    (1.0, 1.0)

    Raises:
        InvalidInput: it is neither.
    """
    if not text:
        return None
    try:
        if text.isascii() and text.isdigit():
            return int(text) / 1000
        moment = datetime.fromisoformat(text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).timestamp()
    except (ValueError, OverflowError, OSError):
        raise InvalidInput(
            f"{name} is {text[:40]!r}; write it as 2026-01-31T23:59:59Z or in milliseconds",
            code=Code.FIELD_INVALID,
        ) from None


def event_item(row: Mapping[str, Any], *, chinese: bool) -> dict[str, Any]:
    """An event on the wire: the v2 shape, and what is ours beside it."""
    return {
        "message": row["message_zh"] if chinese and row["message_zh"] else row["message"],
        "level": row["level"],
        "time": iso(row["time"]),
        "source": row["source"],
        "attempt": row["attempt"],
        "stage": row["stage"],
        "kind": row["kind"],
        "duration": row["duration"],
    }


def feed_event(row: Mapping[str, Any]) -> dict[str, Any]:
    """An event as those get it who follow the job: in both languages."""
    return event_item(row, chinese=False) | {"message_zh": row["message_zh"], "detail": row["detail"]}


def stage_records(job_id: str, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The v2 listing of stages: one record for each attempt, its stages in the order they began."""
    attempts: dict[int, dict[str, list[Mapping[str, Any]]]] = {}
    for row in rows:
        if row["stage"] and row["kind"] not in (EventKind.NOTE, EventKind.FINISHED):
            attempts.setdefault(row["attempt"], {}).setdefault(row["stage"], []).append(row)
    return [
        {
            "record_order": attempt,
            "stages": [
                _stage(job_id, name, order, events) for order, (name, events) in enumerate(stages.items())
            ],
        }
        for attempt, stages in sorted(attempts.items())
    ]


_ENDS = (EventKind.DONE, EventKind.FAILED, "built", "build_failed")


def _stage(job_id: str, name: str, order: int, events: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    english, chinese = STAGE_NAMES.get(name, (name, name))
    ends = [row["time"] for row in events if row["kind"] in _ENDS]
    return {
        "job_id": job_id,
        "name": name,
        "en_message": english,
        "zh_message": chinese,
        "start_time": iso(min(row["time"] for row in events)),
        "end_time": iso(max(ends)) if ends else "",
        "stage_order": order,
        "sub_stages": [
            {
                "name": f"{row['source']} {row['kind']}",
                "en_message": row["message"],
                "zh_message": row["message_zh"],
                "create_time": iso(row["time"]),
            }
            for row in events
        ],
    }
