"""One thread that asks Slurm about all jobs at once, and acts on what it says.

While Slurm does not answer nothing is concluded: every agent's state is unknown, and the next look
comes later. A job that Slurm says is over is compared with what its agents left on the shared
folder; what they could not tell the service is delivered from there.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from trainshed.core.errors import TrainshedError
from trainshed.core.resources import Node
from trainshed.core.task import Cause, Stage, TaskOutcome
from trainshed.jobs import evidence
from trainshed.jobs.queue import Why
from trainshed.pools.base import AgentState, AgentStatus, TaskKey
from trainshed.pools.slurm import inventory, reasons, status
from trainshed.pools.slurm.builds import Builds
from trainshed.pools.slurm.commands import Slurm
from trainshed.pools.slurm.delivery import Deliveries
from trainshed.pools.slurm.files import AttemptFiles
from trainshed.pools.slurm.settings import SlurmSettings
from trainshed.pools.slurm.status import DEPENDENCY, SlurmJob

PERIODS_S = (1.0, 5.0)
LONGEST_S = 60.0
SETTLE_S = 10.0
FORCE_S = 20.0
NODES_S = 30.0
REMEMBER_S = 600.0
NAMED = 500

_log = logging.getLogger("trainshed.server")
_NOT_YET = AgentStatus(AgentState.UNKNOWN, "Slurm has not been asked yet")


@dataclass(slots=True)
class Tracked:
    """An attempt that was submitted and is not done.

    Attributes:
        endpoint: where this machine reaches the service.
        engine_id: whose environment it may wait for.
        since: when we began to look, by ``time.monotonic``.
        stop, forced_at: whether it is to stop, and since when at once.
        told: what was last told the job, so that it is not told again.
    """

    job_id: str
    attempt: int
    nodes: int
    files: AttemptFiles
    endpoint: str
    engine_id: str = ""
    slurm_id: str = ""
    since: float = field(default_factory=time.monotonic)
    stop: bool = False
    forced_at: float | None = None
    told: str = ""
    reason: str = ""

    @property
    def key(self) -> tuple[str, int]:
        """Names it."""
        return self.job_id, self.attempt

    def keys(self) -> list[TaskKey]:
        """Names its tasks."""
        return [TaskKey(self.job_id, self.attempt, index) for index in range(self.nodes)]


class Poller:
    """Looks after the jobs of one pool.

    Attributes:
        nodes: of the partition, as last seen.
        endpoint: that agents were last told.
    """

    def __init__(
        self,
        name: str,
        settings: SlurmSettings,
        slurm: Slurm,
        *,
        changed: Callable[[TaskKey], None],
        nodes_changed: Callable[[], None],
        builds: Builds,
    ) -> None:
        self.nodes: list[Node] = []
        self.endpoint = ""
        self._partition = settings.partition
        self._slurm = slurm
        self._changed = changed
        self._nodes_changed = nodes_changed
        self._builds = builds
        self.on_build: Callable[[str, float, str], None] | None = None
        self._lock = threading.RLock()
        self._tracked: dict[tuple[str, int], Tracked] = {}
        self._states: dict[TaskKey, AgentStatus] = {}
        self._ended_at: dict[TaskKey, float] = {}
        self._wake = threading.Event()
        self._closed = False
        self._failures = 0
        self._nodes_at = 0.0
        self._deliveries = Deliveries(self.look_soon)
        self._thread = threading.Thread(target=self._run, name=f"pool-{name}-slurm", daemon=True)

    def open(self) -> None:
        """Learn what there is, as far as Slurm answers, and begin to look."""
        self._look_at_nodes()
        self._thread.start()

    def close(self) -> None:
        """Look no more; jobs go on."""
        self._closed = True
        self._wake.set()
        self._thread.join(timeout=70)
        self._deliveries.close()

    # -- from other threads

    def track(self, tracked: Tracked) -> None:
        """Look after this attempt from now on."""
        with self._lock:
            self._tracked.setdefault(tracked.key, tracked)
            for task in tracked.keys():  # noqa: SIM118 it is no mapping
                self._ended_at.pop(task, None)
        self._wake.set()

    def stop(self, key: tuple[str, int], *, force: bool) -> None:
        """Have an attempt stopped, now or whenever Slurm answers again."""
        with self._lock:
            if tracked := self._tracked.get(key):
                tracked.stop = True
                if force and tracked.forced_at is None:
                    tracked.forced_at = time.monotonic()
        self._wake.set()

    def look_soon(self) -> None:
        """Do not wait for the end of the period."""
        self._wake.set()

    def status(self, key: TaskKey) -> AgentStatus:
        """What is known of an agent."""
        with self._lock:
            known = self._states.get(key)
            if known is None and (key.job_id, key.attempt) not in self._tracked:
                return AgentStatus(AgentState.GONE, "no agent was started for it here")
            if self._failures and (known is None or known.state is not AgentState.GONE):
                return AgentStatus(AgentState.UNKNOWN, "Slurm does not answer")
            return known or _NOT_YET

    def why(self, job_id: str, attempt: int) -> Why | None:
        """Why an attempt waits in Slurm; None where it does not."""
        with self._lock:
            waiting = [t for t in self._tracked.values() if t.reason]
            mine = next((t for t in waiting if t.key == (job_id, attempt)), None)
            if mine is None:
                return None
            place = 1 + sum(int(t.slurm_id) < int(mine.slurm_id) for t in waiting)
            return reasons.why(job_id, mine.reason, (place, len(waiting)))

    # -- the thread

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(self._period())
            self._wake.clear()
            if self._closed:
                return
            try:
                self._look()
            except Exception:
                _log.exception("a look at Slurm failed")
            time.sleep(0.1)  # however often somebody asks, Slurm is not asked all the time

    def _period(self) -> float | None:
        if self._failures:
            return min(LONGEST_S, 2.0**self._failures)
        if not self._tracked:
            return NODES_S
        with self._lock:
            settled = all(not t.reason and not t.stop for t in self._tracked.values())
        return PERIODS_S[settled]

    def _look(self) -> None:
        if time.monotonic() - self._nodes_at >= NODES_S:
            self._look_at_nodes()
        self._forget()
        with self._lock:
            tracked = list(self._tracked.values())
        if not tracked:
            return
        try:
            jobs = self._ask(tracked)
        except TrainshedError as error:
            self._failures = min(10, self._failures + 1)
            if self._failures == 1:
                _log.warning("Slurm does not say how its jobs are: %s", error.message)
            return
        self._failures = 0
        for each in tracked:
            self._consider(each, jobs.get(each.key))

    def _ask(self, tracked: Sequence[Tracked]) -> dict[tuple[str, int], SlurmJob]:
        """What Slurm knows of these: of all that have not finished at once, of the rest by number.

        Raises:
            TrainshedError: Slurm does not answer.
        """
        found = {job.key: job for job in status.parse(self._slurm.run(*status.UNFINISHED))}
        missing = [each.slurm_id for each in tracked if each.key not in found and each.slurm_id]
        for first in range(0, len(missing), NAMED):
            listed = self._slurm.run(*status.named(missing[first : first + NAMED]))
            found |= {job.key: job for job in status.parse(listed)}
        return found

    def _forget(self) -> None:
        """Let go of what was said for good: by now the service knows, and could ask anew."""
        now = time.monotonic()
        with self._lock:
            old = [key for key, ended in self._ended_at.items() if now - ended > REMEMBER_S]
            for key in old:
                del self._ended_at[key]
                self._states.pop(key, None)

    def _look_at_nodes(self) -> None:
        self._nodes_at = time.monotonic()
        try:
            nodes = inventory.parse_nodes(self._slurm.run(*inventory.COMMAND), self._partition)
        except TrainshedError as error:
            _log.warning("Slurm does not say what nodes it has: %s", error.message)
            return
        if nodes and nodes != self.nodes:
            self.nodes = nodes
            self._nodes_changed()

    def _consider(self, tracked: Tracked, job: SlurmJob | None) -> None:
        if job is None and time.monotonic() - tracked.since < SETTLE_S:
            return
        if job is not None and not job.over:
            tracked.reason = job.reason if job.waits else ""
            if tracked.reason == DEPENDENCY and self.on_build:
                self.on_build(tracked.job_id, *self._builds.progress(tracked.engine_id))
            for index, key in enumerate(tracked.keys()):
                self._set(key, status.status(job, index))
            self._obey(tracked, job)
            return
        tracked.reason = ""
        if job is not None and job.restarts > 0 and job.state not in ("CANCELLED", "COMPLETED"):
            self._command("scancel", job.id)
        concluded = [self._conclude(tracked, job, index) for index in range(tracked.nodes)]
        if all(concluded):
            with self._lock:
                self._tracked.pop(tracked.key, None)
                self._ended_at |= dict.fromkeys(tracked.keys(), time.monotonic())

    def _conclude(self, tracked: Tracked, job: SlurmJob | None, index: int) -> bool:
        """Find out how a task ended whose job is over; whether that is done."""
        key, files = TaskKey(tracked.job_id, tracked.attempt, index), tracked.files
        if files.delivered(index):
            self._set(key, AgentStatus(AgentState.GONE, "its agent has done its work"))
            return True
        outcome = self._verdict(tracked, job)
        if tracked.forced_at is None and files.at_work(index):
            node = self.status(key).node
            reason = f"Slurm says: {outcome.message}; but the agent is still at work"
            self._set(key, AgentStatus(AgentState.RUNNING, reason, node=node))
            return False
        if files.begun(index):
            done = self._deliveries.deliver(files, index, outcome, tracked.endpoint)
            if done is None:
                return False
        self._set(key, AgentStatus(AgentState.GONE, outcome.message, outcome.cause))
        return True

    def _verdict(self, tracked: Tracked, job: SlurmJob | None) -> TaskOutcome:
        """How the job ended, by Slurm's record, by its words, or because no agent could be started."""
        now = time.time()
        said = evidence.explain(evidence.read(str(tracked.files.output)), Stage.RUN, now)
        failed = job is not None and job.node_failed  # which is why its peers were stopped
        if tracked.stop and not failed:
            return TaskOutcome(Cause.STOPPED, Stage.RUN, "the job was stopped", failed_at=now)
        requeued = job is not None and job.restarts > 0
        if not requeued and (failure := tracked.files.failure()):
            stage = Stage.RUN if tracked.files.begun(0) else Stage.PRECHECK
            return TaskOutcome(Cause.INFRASTRUCTURE, stage, failure, failed_at=now)
        if job is not None and status.unbuilt(job):
            words = self._builds.failed(tracked.engine_id)
            return TaskOutcome(Cause.USER_ERROR, Stage.ENVIRONMENT, words, failed_at=now)
        if job is None:
            words = "Slurm does not know the job any more and its agent did not say how it ended"
            return said or TaskOutcome(Cause.INFRASTRUCTURE, Stage.RUN, words, failed_at=now)
        cause, words = status.ended(job)
        vague = job.state in ("FAILED", "COMPLETED") and not job.restarts
        return said if said and vague else TaskOutcome(cause, Stage.RUN, words, failed_at=now)

    def _obey(self, tracked: Tracked, job: SlurmJob) -> None:
        """Pass on a wish to stop."""
        if not tracked.stop:
            return
        forced = tracked.forced_at is not None
        if job.waits or (forced and time.monotonic() - (tracked.forced_at or 0.0) > FORCE_S):
            self._command("scancel", job.id)
        elif tracked.told != (wish := "USR1" if forced else "TERM"):
            tracked.told = wish if self._command("scancel", "--batch", f"--signal={wish}", job.id) else ""

    def _command(self, *argv: str) -> bool:
        try:
            self._slurm.run(*argv)
        except TrainshedError as error:
            _log.warning("%s: %s", " ".join(argv), error.message)
            return False
        return True

    def _set(self, key: TaskKey, new: AgentStatus) -> None:
        with self._lock:
            old = self._states.get(key)
            self._states[key] = new
        if new != old:
            self._changed(key)
