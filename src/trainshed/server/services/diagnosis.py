"""Why jobs failed: evidence from database and logs, the answer kept beside the logs.

An attempt that ended badly is diagnosed as soon as it has, by one thread of its own; what was not
(the server was down) is when somebody asks. The answer goes when the logs go.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from trainshed.core.errors import Code, InvalidInput, NotFound, TrainshedError
from trainshed.core.lifecycle import Phase
from trainshed.core.task import Cause, EventKind, Stage, TaskOutcome
from trainshed.core.wire import from_wire, to_wire
from trainshed.diagnosis import Evidence, Facts, RankEnd, RankStack, Stream, diagnose
from trainshed.diagnosis.evidence import LogFile
from trainshed.jobs.hang import State
from trainshed.server.services import hangs, queries
from trainshed.server.services.jobs import find
from trainshed.server.services.logs import LogStore

if TYPE_CHECKING:
    from trainshed.server.context import Context, Principal
    from trainshed.server.services.queries import Row

FILE = "diagnosis.json"
_RANK = re.compile(r"worker-(?P<task>\d+)\.rank-(?P<rank>\d+)", re.ASCII)
_BUILT = (Stage.ENVIRONMENT, Stage.REQUIREMENTS)
_log = logging.getLogger("trainshed.server")


def answer(context: Context, caller: Principal, job: str, attempt: int | None) -> dict[str, Any]:
    """What went wrong with an attempt of a job; the newest one where none is named.

    Raises:
        NotFound: there is no such job or attempt.
    """
    row = find(context, caller, job)
    chosen = row["attempt"] if attempt is None else attempt
    if chosen > row["attempt"]:
        raise NotFound(f"job {row['name']!r} has no attempt {chosen}", code=Code.TASK_NOT_FOUND)
    found = {"job_id": row["id"], "attempt": chosen, "phase": row["phase"]}
    outcome = _outcome(context, row, chosen)
    if outcome is None and (hang := _hanging(context, row["id"], chosen)):
        return {**found, **hang}
    if outcome is None:
        return {**found, "sentence": "This attempt has not ended yet.", "sentence_zh": "该次运行尚未结束。"}
    if outcome.cause is Cause.SUCCESS:
        return {**found, "sentence": "The job succeeded.", "sentence_zh": "作业已成功。"}
    diagnosis = stored(context, row["id"], chosen)
    if diagnosis is None:
        diagnosis = make(context, row, chosen, outcome)
    if not diagnosis:
        return {
            **found,
            "sentence": "Nothing is known of why it ended.",
            "sentence_zh": "没有可供诊断的信息。",
        }
    sentences = {"sentence": diagnosis["cause"], "sentence_zh": diagnosis["cause_zh"]}
    return {**found, **sentences, "diagnosis": diagnosis}


def stored(context: Context, job_id: str, attempt: int) -> dict[str, Any] | None:
    """The answer that is kept, if there is one."""
    try:
        return json.loads(_file(context, job_id, attempt).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def make(context: Context, row: Row, attempt: int, outcome: TaskOutcome) -> dict[str, Any]:
    """Diagnose an attempt and keep the answer; empty where nothing is known."""
    diagnosis = diagnose(evidence(context, row, attempt, outcome))
    data: dict[str, Any] = to_wire(diagnosis) if diagnosis else {}
    path = _file(context, row["id"], attempt)
    with suppress(OSError):  # no logs, or gone with them meanwhile: it can be made again
        half = path.with_name(f".{FILE}.{threading.get_ident()}")
        half.write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
        os.replace(half, path)  # noqa: PTH105 atomic
    return data


def evidence(context: Context, row: Row, attempt: int, outcome: TaskOutcome) -> Evidence:
    """All that is known of an attempt."""
    logs, job_id = LogStore(context.log_root), row["id"]
    names = [info.name for info in logs.streams(job_id, attempt)]
    ranks = {name: match for name in names if (match := _RANK.fullmatch(name))}
    by_rank = {int(match["task"]) for match in ranks.values()}
    streams = [
        Stream(name, LogFile(logs.path(job_id, attempt, name)), int(match["rank"]), int(match["task"]))
        for name, match in ranks.items()
    ]
    for name in names:
        if name not in ranks and (
            name.endswith(".build") or int(name.removeprefix("worker-")) not in by_rank
        ):
            task = int(name.removeprefix("worker-").partition(".")[0])
            if not name.endswith(".build") or outcome.stage in _BUILT:
                streams.append(Stream(name, LogFile(logs.path(job_id, attempt, name)), -1, task))
    if outcome.stage in _BUILT and (build := _engine_build(context, row["engine_id"])):
        streams.append(Stream("build", LogFile(build)))
    ends, stacks = _ends(context, job_id, attempt, streams), _stacks(context, job_id, attempt)
    return Evidence(tuple(streams), ends, outcome, _facts(context, job_id, attempt, outcome), stacks=stacks)


def _facts(context: Context, job_id: str, attempt: int, outcome: TaskOutcome) -> Facts:
    """What the node knows where the first rank failed, as its agent has told."""
    told: dict[str, Facts] = {}
    for event in queries.event_rows(context.db, job_id):
        detail: dict[str, Any] = event["detail"] or {}
        said = detail.get("facts")
        if event["attempt"] == attempt and event["kind"] == EventKind.FAILED and said:
            with suppress(InvalidInput):  # of an agent of another age
                told.setdefault(event["source"], from_wire(Facts, said))
    rows = queries.task_rows(context.db, job_id, attempt)
    failed = [f"worker-{r['index']}" for r in rows if r["outcome"] and r["outcome"]["rank"] == outcome.rank]
    return next((told[name] for name in (*failed, *sorted(told)) if name in told), Facts())


def _stacks(context: Context, job_id: str, attempt: int) -> tuple[RankStack, ...]:
    """The stacks that were taken when the attempt was first suspected to hang."""
    record = hangs.stored(context, job_id, attempt) or {"checks": []}
    check = next((c for c in record["checks"] if c["why"] == hangs.SUSPECTED and c["ranks"]), None)
    ranks: list[dict[str, Any]] = check["ranks"] if check else []
    return tuple(RankStack(rank["rank"], rank["text"], rank["task"]) for rank in ranks)


def _hanging(context: Context, job_id: str, attempt: int) -> dict[str, str] | None:
    """What is said of an attempt that has not ended but seems to hang."""
    record = hangs.stored(context, job_id, attempt)
    if record is None or record["state"] not in (State.SUSPECT, State.HUNG):
        return None
    sure = record["state"] == State.HUNG
    says, says_zh = ("The job hangs", "作业已卡死") if sure else ("The job seems to hang", "作业疑似卡死")
    return {"sentence": f"{says}: {record['reason']}", "sentence_zh": f"{says_zh}：{record['reason_zh']}"}


def _ends(context: Context, job_id: str, attempt: int, streams: list[Stream]) -> tuple[RankEnd, ...]:
    """How ranks ended. An agent reports the first that failed on its node; the others are suspects."""
    found: list[RankEnd] = []
    for task in queries.task_rows(context.db, job_id, attempt):
        outcome = from_wire(TaskOutcome, task["outcome"]) if task["outcome"] else None
        if outcome is None or outcome.stage is not Stage.RUN or not (outcome.exit_code or outcome.signal):
            continue
        index, signal = task["index"], outcome.signal
        if outcome.cause is Cause.STOPPED and not signal:
            signal = 15  # ended because another had failed
        found.append(RankEnd(outcome.rank, outcome.exit_code, signal, outcome.failed_at, index))
        others = {s.rank for s in streams if s.task == index and s.rank >= 0} - {outcome.rank}
        found += [RankEnd(r, at=outcome.failed_at + 1, task=index, suspect=True) for r in sorted(others)]
    return tuple(found)


def _engine_build(context: Context, engine_id: str) -> Path | None:
    try:
        return Path(context.environments.state(context.catalogue.get(engine_id)).log)
    except TrainshedError:
        return None


def _outcome(context: Context, row: Row, attempt: int) -> TaskOutcome | None:
    if attempt == row["attempt"] and Phase(row["phase"]).terminal and row["outcome"]:
        return from_wire(TaskOutcome, row["outcome"])
    for each in queries.attempt_rows(context.db, row["id"]):
        if each["attempt"] == attempt and each["outcome"]:
            return from_wire(TaskOutcome, each["outcome"])
    return None


def _file(context: Context, job_id: str, attempt: int) -> Path:
    return LogStore(context.log_root).path(job_id, attempt, "worker-0").with_name(FILE)


class Diagnostician:
    """One thread that diagnoses attempts as they end."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._inbox: SimpleQueue[tuple[str, int] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="diagnosis", daemon=True)
        self._thread.start()

    def tell(self, job_id: str, attempt: int) -> None:
        """This attempt has ended badly. From any thread."""
        self._inbox.put((job_id, attempt))

    def close(self) -> None:
        """End; what is left is diagnosed when somebody asks."""
        self._inbox.put(None)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        while (told := self._inbox.get()) is not None:
            try:
                self._diagnose(*told)
            except Exception:
                _log.exception("job %s could not be diagnosed", told[0])

    def _diagnose(self, job_id: str, attempt: int) -> None:
        row = queries.row_of(self._context.db, job_id)
        outcome = _outcome(self._context, row, attempt) if row else None
        if row and outcome and outcome.cause is not Cause.SUCCESS:
            make(self._context, row, attempt, outcome)
