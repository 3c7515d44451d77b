"""Training jobs over HTTP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from trainshed.client.follow import Follower
from trainshed.client.models import Diagnosis, Event, Job, JobList, Json, StoredObject, items, section
from trainshed.client.request import JobRequest
from trainshed.client.sse import ServerEvent
from trainshed.client.transport import Transport
from trainshed.core.errors import Code, NotFound
from trainshed.core.lifecycle import Phase

FIRST_TASK = "worker-0"


class Jobs:
    """``client.jobs``. A job is named by its id or by its name, everywhere."""

    def __init__(self, transport: Transport, base: str) -> None:
        self._transport = transport
        self._base = base

    def create(self, request: JobRequest) -> Job:
        """Create a job; it starts as soon as its environment and its resources are there.

        Raises:
            InvalidInput: something in it is wrong; nothing was created.
            Conflict: a job of that name exists.
        """
        return Job.of(self._transport.json("POST", f"{self._base}/training-jobs", request.body()))

    def check(self, request: JobRequest) -> Json:
        """Whether :meth:`create` would take all of it but its files; for before they are sent.

        Raises:
            InvalidInput: a name, engine, pool, flavor, number or hyperparameter is wrong.
            Conflict: a job of that name exists.
        """
        return self._transport.json("POST", f"{self._base}/training-jobs/checks", request.body())

    def dry_run(self, request: JobRequest) -> Json:
        """What :meth:`create` would run, exactly, after the same checks; nothing is created."""
        return self._transport.json("POST", f"{self._base}/training-jobs/dry-run", request.body())

    def list(
        self, *, phases: Sequence[str] = (), name: str | None = None, limit: int = 20, offset: int = 0
    ) -> JobList:
        """The newest jobs, newest first.

        Args:
            phases: only those in one of these phases, such as ``Running``.
            name: only those with this in their name.
        """
        filters = list[Json]()
        if phases:
            filters.append({"key": "phase", "operator": "in", "value": list(phases)})
        if name is not None:
            filters.append({"key": "name", "operator": "like", "value": [name]})
        body = {
            "offset": offset,
            "limit": limit,
            "sort_by": "create_time",
            "order": "desc",
            "filters": filters,
        }
        page = self._transport.json("POST", f"{self._base}/training-job-searches", body)
        return JobList(tuple(map(Job.of, items(page))), int(page.get("total") or 0))

    def show(self, job: str) -> Job:
        """The job as it is now."""
        return Job.of(self._transport.json("GET", self._url(job)))

    def stop(self, job: str) -> Job:
        """Ask the script to end (SIGTERM, the grace period, SIGKILL); its outputs are kept."""
        return Job.of(self._transport.json("POST", self._url(job, "actions"), {"action_type": "terminate"}))

    def resize(self, job: str, workers: int) -> None:
        """Have a running elastic job go on with so many workers.

        Raises:
            Conflict: it is not elastic, or does not run.
            InvalidInput: so few or so many it cannot have.
        """
        self._transport.json("POST", self._url(job, "resize"), {"workers": workers})

    def delete(self, job: str) -> None:
        """Delete a finished job with its logs; its outputs stay.

        Raises:
            Conflict: it has not finished; stop it first.
        """
        self._transport.json("DELETE", self._url(job))

    def describe(self, job: str, description: str) -> None:
        """Change the description."""
        self._transport.json("PUT", self._url(job), {"description": description})

    def why(self, job: str) -> Json:
        """Why a job waits: its position, the reason, and what would unblock it."""
        return self._transport.json("GET", self._url(job, "why"))

    def diagnosis(self, job: str) -> Diagnosis | None:
        """Why a job failed, and what to do; None where it did not, or nothing is known."""
        found = section(self._transport.json("GET", self._url(job, "diagnosis")), "diagnosis")
        return Diagnosis.of(found) if found else None

    def stacks(self, job: str, attempt: int | None = None) -> Json:
        """Whether an attempt hangs, and the stacks of its ranks that were taken; the newest by default."""
        return self._transport.json("GET", self._url(job, "stacks"), attempt=attempt)

    def take_stacks(self, job: str) -> int:
        """Have the stacks of all ranks taken; the id that they will have among :meth:`stacks`.

        Raises:
            Conflict: the job does not run.
        """
        return int(self._transport.json("POST", self._url(job, "stacks"))["id"])

    def events(self, job: str) -> list[Event]:
        """What happened to the job, oldest first."""
        found = list[Event]()
        while True:
            answer = self._transport.json(
                "GET", self._url(job, "events"), offset=len(found), limit=1000, order="asc"
            )
            page = items(answer, "events")
            found += [Event.of(item) for item in page]
            if not page or len(found) >= int(answer.get("total") or 0):
                return found

    def tasks(self, job: str) -> list[Json]:
        """The job's tasks with their addresses."""
        return items(self._transport.json("GET", self._url(job, "tasks")), "body")

    def metrics(self, job: str, task: str = FIRST_TASK) -> dict[str, list[float]]:
        """Resource use by name, one value a period; -1 where there is no such thing."""
        answer = self._transport.json("GET", self._url(job, "metrics", task))
        return {str(item["metric"]): list(item["value"]) for item in items(answer, "metrics")}

    def training_metrics(self, job: str) -> list[Json]:
        """The numbers that the script printed: name, step, value, time."""
        return items(self._transport.json("GET", self._url(job, "training-metrics")), "metrics")

    def outputs(self, job: str) -> list[StoredObject]:
        """The files that the job has written to its outputs."""
        answer = self._transport.json("GET", self._url(job, "outputs"))
        return [StoredObject.of(item) for item in items(answer, "outputs")]

    def log(
        self,
        job: str,
        task: str = FIRST_TASK,
        *,
        offset: int = 0,
        limit: int | None = None,
        attempt: int | None = None,
        stream: str = "",
    ) -> bytes:
        """The log's bytes from ``offset`` on (from its end where negative), ``limit`` of them at most.

        Args:
            attempt: which start of the job; the newest by default.
            stream: ``rank-1`` for what that rank alone printed, where a task has several.
        """
        path = self._url(job, "tasks", task, "logs")
        query = {"offset": offset, "limit": limit, "attempt": attempt, "stream": stream or None}
        return self._transport.send("GET", path, query=query, timeout=600).content

    def log_size(self, job: str, task: str = FIRST_TASK, *, attempt: int | None = None) -> int:
        """Bytes of the log so far."""
        path = self._url(job, "tasks", task, "logs")
        answer = self._transport.send("GET", path, query={"limit": 0, "attempt": attempt})
        return int(answer.headers["X-Log-Size"])

    def log_streams(self, job: str, task: str = FIRST_TASK, *, attempt: int | None = None) -> list[Json]:
        """The task's log and those of its ranks: ``name``, ``file_name`` (ModelArts' own), ``size``."""
        path = self._url(job, "tasks", task, "logs", "streams")
        return items(self._transport.json("GET", path, attempt=attempt), "streams")

    def search_log(
        self,
        job: str,
        text: str,
        task: str = FIRST_TASK,
        *,
        regex: bool = False,
        attempt: int | None = None,
    ) -> list[Json]:
        """Lines of the whole log with ``text`` in them."""
        path = self._url(job, "tasks", task, "logs", "search")
        query: dict[str, Any] = {"regex": text} if regex else {"q": text}
        query["attempt"] = attempt
        return items(self._transport.json("GET", path, **query), "matches")

    def follow_log(
        self, job: str, task: str = FIRST_TASK, *, offset: int = 0, attempt: int | None = None
    ) -> Iterator[str]:
        """The log as it grows, until the job ends; goes on after a break where it stopped.

        Args:
            offset: first byte that is wanted, in the log of ``attempt``.
            attempt: start of the job to begin with; by default the first, and then all that follow.
        """
        path = self._url(job, "tasks", task, "logs", "follow")
        for event in Follower(self._transport, path, offset=offset, attempt=attempt):
            if event.name == "log":
                yield event.data["text"]

    def follow(self, job: str, *, offset: int = 0, logs: bool = True) -> Iterator[ServerEvent]:
        """Everything that happens to the job, until its end.

        Yields:
            ``phase``, ``event``, ``progress`` and, of the first task, ``log`` events.
        """
        query = {"logs": "true"} if logs else None
        return iter(
            Follower(self._transport, self._url(job, "follow"), query, offset=offset if logs else None)
        )

    def wait(self, job: str, timeout_s: float | None = None) -> Job:
        """Wait for the end of the job.

        Raises:
            TimeoutError: it has not ended after ``timeout_s`` seconds; it goes on.
        """
        follower = Follower(self._transport, self._url(job, "follow"), timeout_s=timeout_s)
        for event in follower:
            if event.name == "phase" and Phase(section(event.data).get("phase", "Creating")).terminal:
                break
        return self.show(job)

    def name_taken(self, name: str) -> bool:
        """Whether a job of this name exists."""
        answer = self._transport.json("GET", f"{self._base}/training-job-names", job_name=name)
        return bool(answer["is_duplicate"])

    def _url(self, job: str, *rest: str) -> str:
        if not job:
            raise NotFound("no job is named: give its id or its name", code=Code.JOB_NOT_FOUND)
        return "/".join(
            [f"{self._base}/training-jobs", quote(job, safe=""), *(quote(part, safe="") for part in rest)]
        )
