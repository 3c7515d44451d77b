"""``trainshed jobs stacks``: where every rank of a job stands."""

from __future__ import annotations

import time
from datetime import datetime
from pathlib import Path
from typing import Any

from trainshed.cli import output, service
from trainshed.cli.words import chinese, word
from trainshed.client import Client
from trainshed.client.models import Json, items

_PATIENCE_S = 60.0
_PAUSE_S = 0.3


def show_stacks(job: str, home: Path | None, *, attempt: int | None, kept: bool, as_json: bool) -> None:
    """Print the stacks of all ranks: new ones where the job runs, else those that were kept."""
    with service.client(home) as client:
        found = client.jobs.show(job)
        fresh = not kept and attempt is None and not found.finished and found.phase.value == "Running"
        answer = _take(client, job) if fresh else client.jobs.stacks(job, attempt)
    if as_json:
        output.print_json(answer)
        return
    for line in lines(answer):
        print(line)


def _take(client: Client, job: str) -> Json:
    """Have stacks taken, and wait for those of all tasks."""
    number = client.jobs.take_stacks(job)
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        answer = client.jobs.stacks(job)
        check = next((c for c in items(answer, "checks") if c.get("id") == number), None)
        late = time.monotonic() > deadline
        if late or (check is not None and not check.get("waiting")):
            return {**answer, "checks": [check] if check else []}
        time.sleep(_PAUSE_S)


def lines(answer: Json) -> list[str]:
    """What is known of a hang, then the newest stacks, rank by rank."""
    checks = items(answer, "checks")
    reason = str(answer.get("reason_zh" if chinese() else "reason") or "")
    found = [reason] if answer.get("state") in ("suspect", "hung") and reason else []
    if not checks:
        return [*found, word("no stacks have been taken of this job")]
    check = checks[-1]
    taken = datetime.fromtimestamp(float(check["time"])).astimezone()
    found.append(word("taken at {time}", time=f"{taken:%Y-%m-%d %H:%M:%S}"))
    for rank in items(check, "ranks"):
        found += ["", *_rank(rank, odd=int(answer.get("odd_rank", -1)))]
    if waiting := check.get("waiting"):
        names = ", ".join(f"worker-{index}" for index in waiting)
        found += ["", word("nothing has come from {names} yet", names=names)]
    return found


def _rank(rank: dict[str, Any], odd: int) -> list[str]:
    mark = " " + word("(waits elsewhere than the others)") if rank["rank"] == odd else ""
    head = f"── rank {rank['rank']}, worker-{rank['task']}, pid {rank['pid']}{mark}"
    return [head, *([str(rank["error"])] if rank.get("error") else []), *str(rank["text"]).splitlines()]
