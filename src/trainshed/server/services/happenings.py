"""What people can be told of, and in which words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Literal, cast, get_args

from trainshed.server.services.events import iso

EventName = Literal[
    "job.started",
    "job.completed",
    "job.failed",
    "job.stopped",
    "job.restarted",
    "job.hang",
    "service.disk",
]
EVENTS: tuple[str, ...] = get_args(EventName)
TEST = "test"

# kinds of the service's own events about jobs
OF_KIND: dict[str, str] = {
    "started": "job.started",
    "completed": "job.completed",
    "failed": "job.failed",
    "abnormal": "job.failed",
    "terminated": "job.stopped",
    "restarted": "job.restarted",
    "hang_suspected": "job.hang",
}

_TITLES: dict[str, tuple[str, str]] = {
    "job.started": ("Job {name} has started", "作业 {name} 已开始运行"),
    "job.completed": ("Job {name} has completed", "作业 {name} 已完成"),
    "job.failed": ("Job {name} has failed", "作业 {name} 运行失败"),
    "job.stopped": ("Job {name} was stopped", "作业 {name} 已停止"),
    "job.restarted": ("Job {name} was restarted", "作业 {name} 已重新启动"),
    "job.hang": ("Job {name} may hang", "作业 {name} 疑似挂起"),
    "service.disk": ("trainshed: {state}", "trainshed：{state_zh}"),
    TEST: ("A test of trainshed", "trainshed 测试通知"),
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def title(event: str, language: str, facts: Mapping[str, Any]) -> str:
    """One line that says what happened.

    >>> title("job.failed", "en", {"name": "mnist"})
    'Job mnist has failed'
    """
    english, chinese = _TITLES[event]
    return clean((chinese if language == "zh" else english).format_map(facts))


def job_text(
    job: Mapping[str, Any], event: Mapping[str, Any], why: Mapping[str, Any], url: str, zh: bool
) -> str:
    """What happened to a job, for people.

    Args:
        why: its diagnosis, where there is one.
        url: its page.
    """
    said = event["message_zh"] if zh and event["message_zh"] else event["message"]
    cause = str(why.get("cause_zh" if zh else "cause") or "")
    advice = str(why.get("advice_zh" if zh else "advice") or "")
    names = ("原因", "建议", "用户", "时间") if zh else ("cause", "advice", "user", "time")
    facts = zip(names, (cause, advice, job["user_name"], iso(event["time"])), strict=True)
    separator = "：" if zh else ": "
    lines = [str(said), *(f"{name}{separator}{fact}" for name, fact in facts if fact), url]
    return clean("\n".join(line for line in lines if line))[:4000]


def job_data(job: Mapping[str, Any], event: Mapping[str, Any], url: str) -> dict[str, Any]:
    """What happened to a job, for machines."""
    outcome = cast("dict[str, Any]", job["outcome"] or {})
    return {
        "project_id": job["project_id"],
        "job_id": job["job_id"],
        "job_name": job["name"],
        "user_name": job["user_name"],
        "engine_id": job["engine_id"],
        "attempt": event["attempt"],
        "phase": job["phase"],
        "message": clean(str(event["message"])),
        "exit_code": outcome.get("exit_code"),
        "rank": outcome.get("rank", -1),
        "url": url,
    }


def clean(text: str) -> str:
    """``text`` without what a terminal or a reader's eyes could be tricked with."""
    return _CONTROL.sub("", text)
