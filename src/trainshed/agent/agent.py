"""The way of one task through its stages, and of a recovering agent through what is left of it."""

from __future__ import annotations

import contextlib
import fcntl
import gc
import json
import os
import resource
import shutil
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

from trainshed.agent import contract, moxing_port, processes, sandbox, warm_keeper
from trainshed.agent.halt import Halt, Halted
from trainshed.agent.journal import DELIVERED, Journal
from trainshed.agent.logs import TaskLog
from trainshed.agent.places import Places
from trainshed.agent.reporter import Ears, Reporter, Wish
from trainshed.agent.resizing import Resizing
from trainshed.agent.stages import code, environment, inputs, outputs, pre_start, precheck, requirements
from trainshed.agent.stages import run as run_stage
from trainshed.agent.stages.base import Work, failure
from trainshed.agent.supervision import Supervision
from trainshed.core.errors import Conflict, TrainshedError
from trainshed.core.task import Cause, EventKind, Stage, TaskOutcome, TaskSpec
from trainshed.core.wire import from_wire, to_wire
from trainshed.jobs import evidence

_FORCED_LINGER_S = 10.0


def run(
    root: str,
    keeper: socket.socket | None = None,
    on_start: Callable[[Halt], None] | None = None,
) -> bool:
    """Do the task in ``root`` from where it is; whether everything was delivered.

    Args:
        keeper: a connection to the node's keeper of warm parents; without one a task that wants it
            has a keeper of its own.
        on_start: gets the means to stop the task, once threads may be started.

    Raises:
        Conflict: another agent is at it.
        InvalidInput: ``task.json`` is wrong.
    """
    lock = take_lock(Places(root))
    _take_limits()
    halt = Halt()
    _take_signals(halt)
    task = read_task(root)
    places = Places(root, task.scratch)
    _obey_stop_file(places, halt)
    places.make()
    journal = Journal(places.journal)
    # the supervisor is forked while there is one thread and little open
    wanted = journal.facts.get("sandbox", task.sandbox)
    if task.environments_dir:  # the sandbox shows it only if it is there
        with contextlib.suppress(OSError):
            os.makedirs(task.environments_dir, exist_ok=True)
    plan = sandbox.plan(task, places)
    for bind in plan.binds:
        if bind.writable:
            os.makedirs(bind.source, exist_ok=True)
    own = [lock, halt.fd, journal.fd]
    control = None
    if task.warm_start and keeper is None:
        control = warm_keeper.fork(own)
        keeper = warm_keeper.introduce(control)
    own += [each.fileno() for each in (keeper, control) if each]
    gc.freeze()  # a collection would write to all that the supervisor shares with us
    supervision = Supervision(places, plan, wanted, contract.mark(task), own)
    if on_start:
        on_start(halt)
    try:
        return Agent(task, places, lock, journal, halt, supervision, keeper).live()
    finally:
        supervision.close()
        journal.close()


def read_task(root: str) -> TaskSpec:
    """What is to be done in ``root``."""
    with open(Places(root).task_file, "rb") as file:
        return from_wire(TaskSpec, json.load(file))


def take_lock(places: Places) -> int:
    """A descriptor that holds the task's lock: there is one agent for a task.

    Raises:
        Conflict: another agent has it.
    """
    lock = os.open(places.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict(f"another agent is at work in {places.root}") from None
    processes.write_identity(lock, delivered=False)
    return lock


def _take_limits() -> None:
    """No core files on the disk of outputs, and as many open files as we may have."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def _take_signals(halt: Halt) -> None:
    def stop(number: int, _: FrameType | None) -> None:
        halt.ask(Cause.STOPPED, force=number == signal.SIGUSR1)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _obey_stop_file(places: Places, halt: Halt) -> None:
    """A stop that came while no agent was there to take a signal."""
    with contextlib.suppress(FileNotFoundError, ValueError), open(places.stop_file, "rb") as file:
        halt.ask(Cause.STOPPED, force=bool(json.load(file).get("force")))


class Agent:
    """One life of the agent of one task."""

    def __init__(  # noqa: PLR0917 each of them is something else
        self,
        task: TaskSpec,
        places: Places,
        lock: int,
        journal: Journal,
        halt: Halt,
        supervision: Supervision,
        keeper: socket.socket | None,
    ) -> None:
        self._task, self._places, self._journal, self._halt = task, places, journal, halt
        self._lock = lock
        self._recovering = bool(journal.events)
        self._stage = Stage.PRECHECK
        ears = Ears(self._told_to_stop, self._told_over, self._told_to_resize)
        reporter = Reporter(task, places, journal, ears)
        log = TaskLog(places.task_log, journal)
        self._work = Work(task, places, journal, log, halt, reporter, supervision, keeper)
        self._syncs = outputs.Syncs(self._work)
        self._resizing = Resizing(self._work)
        self._told = False
        self._port = moxing_port.Port(None)

    def live(self) -> bool:
        """Everything, from where it is; whether it was all delivered."""
        if DELIVERED in self._journal.facts:
            return True
        if self._recovering and not self._journal.find(Stage.REPORT, EventKind.FINISHED):
            stage = self._journal.events[-1].stage
            self._work.note(stage, "a new agent goes on where the last one was killed")
        self._work.reporter.start()
        try:
            delivered = self._report(self._outputs(self._outcome()))
        finally:
            self._syncs.close()
            self._port.close()
        if delivered:
            self._journal.fact(DELIVERED, True)
            processes.write_identity(self._lock, delivered=True)
            self._clean_up()
        return delivered

    def _told_to_stop(self, wish: Wish) -> None:
        self._told = True
        self._halt.ask(wish.cause, force=wish.force, reason=wish.reason, rank=wish.rank)

    def _told_over(self) -> None:
        """Nobody waits for us: end the script at once, and leave."""
        self._halt.ask(Cause.STOPPED, force=True)

    def _told_to_resize(self, wish: int, workers: int) -> None:
        self._resizing.ask(wish, workers)

    def _outcome(self) -> TaskOutcome:
        """How it ended up to the outputs: known from before, or found out now."""
        if known := self._journal.facts.get("outcome"):
            run_stage.report_again(self._work)
            return from_wire(TaskOutcome, known)
        try:
            outcome = self._walk()
        except Halted:
            assert self._halt.cause is not None
            message = f"stopped in the {self._stage.value} stage, before the script started"
            outcome = TaskOutcome(self._halt.cause, self._stage, message, failed_at=time.time())
        except Exception as error:
            if not isinstance(error, TrainshedError):
                sys.excepthook(type(error), error, error.__traceback__)
            outcome = failure(self._stage, error)
            self._work.supervision.end_launches()
        outcome = self._explained(outcome)
        self._journal.fact("outcome", to_wire(outcome))
        return outcome

    def _explained(self, outcome: TaskOutcome) -> TaskOutcome:
        """The cluster's own reason, where it was the cluster that ended the script."""
        told = self._told or os.path.exists(self._places.stop_file)
        ended = outcome.cause is Cause.STOPPED or outcome.signal in (signal.SIGTERM, signal.SIGKILL)
        if not self._task.evidence or told or not ended:
            return outcome
        text = evidence.read(self._task.evidence)
        found = evidence.explain(text, outcome.stage, time.time(), alive=True)
        return (
            outcome if found is None else replace(found, exit_code=outcome.exit_code, signal=outcome.signal)
        )

    def _walk(self) -> TaskOutcome:
        """All stages up to the end of the script."""
        work, task = self._work, self._task
        self._perform(Stage.PRECHECK, lambda: precheck.run(work))
        if task.code_dir:
            self._perform(Stage.CODE, lambda: code.run(work))
        self._settle()
        if inputs.needed(task):
            self._perform(Stage.INPUTS, lambda: inputs.run(work))
        self._perform(Stage.ENVIRONMENT, lambda: environment.run(work))
        if file := requirements.file(work):
            self._perform(Stage.REQUIREMENTS, lambda: requirements.run(work, file))
        if hook := pre_start.hook(work):
            self._perform(Stage.PRE_START, lambda: pre_start.run(work, hook))
        return self._run()

    def _settle(self) -> None:
        """The supervisor is in its sandbox by now, or in the next best one."""
        supervision, journal = self._work.supervision, self._journal
        supervision.settle()
        mode = supervision.mode
        self._places.sandboxed = mode is not sandbox.Mode.NONE
        if "sandbox" not in journal.facts:
            why = f" ({supervision.reason})" if supervision.reason else ""
            detail = {"sandbox": mode.value}
            journal.event(Stage.PRECHECK, EventKind.NOTE, f"sandbox: {mode.value}{why}", detail=detail)
            journal.fact("sandbox", mode.value)
        self._port = moxing_port.open_port(self._work)

    def _begin(self, stage: Stage) -> float:
        """Note that a stage begins, unless it has already; when it did."""
        self._stage = self._work.reporter.stage = stage
        if not self._work.supervision.launched(stage.value):
            self._halt.check()
        started = self._journal.find(stage, EventKind.STARTED)
        return (started or self._journal.event(stage, EventKind.STARTED)).time

    def _perform(self, stage: Stage, body: Callable[[], str]) -> None:
        """Go through a stage, unless that was done before."""
        if self._journal.find(stage, EventKind.DONE):
            return
        started = self._begin(stage)
        try:
            message = body()
            self._halt.check()
        except Halted:
            raise
        except Exception as error:
            self._halt.check()
            outcome = failure(stage, error)
            self._end(stage, EventKind.FAILED, outcome.message, started)
            raise
        self._end(stage, EventKind.DONE, message, started)

    def _end(
        self,
        stage: Stage,
        kind: EventKind,
        message: str,
        started: float,
        detail: dict[str, Any] | None = None,
    ) -> None:
        """Note how a stage ended, unless an agent before us has."""
        ends = (EventKind.DONE, EventKind.FAILED)
        if not any(self._journal.find(stage, end) for end in ends):
            duration = max(0.0, time.time() - started)
            self._journal.event(stage, kind, message, duration=duration, detail=detail)
            self._work.reporter.soon()

    def _run(self) -> TaskOutcome:
        started = self._begin(Stage.RUN)
        try:
            with self._resizing:
                outcome = run_stage.run(self._work, self._syncs)
        except Halted:
            raise
        except Exception as error:
            self._end(Stage.RUN, EventKind.FAILED, failure(Stage.RUN, error).message, started)
            raise
        bad = outcome.cause in (Cause.USER_ERROR, Cause.INFRASTRUCTURE, Cause.HANG)
        facts = {"facts": run_stage.facts(work=self._work)} if bad else None
        self._end(Stage.RUN, EventKind.FAILED if bad else EventKind.DONE, outcome.message, started, facts)
        return outcome

    def _outputs(self, outcome: TaskOutcome) -> TaskOutcome:
        """Store what the script left, whatever its end was; a failure here fails a good run."""
        begun = self._work.supervision.launched(run_stage.NAME)
        if self._work.reporter.over or not begun or not outputs.needed(self._task):
            return outcome
        if self._journal.find(Stage.OUTPUTS, EventKind.DONE):
            return outcome
        self._stage = self._work.reporter.stage = Stage.OUTPUTS
        known = self._journal.find(Stage.OUTPUTS, EventKind.STARTED)
        started = (known or self._journal.event(Stage.OUTPUTS, EventKind.STARTED)).time
        self._halt.copying_on = True
        try:
            message = self._syncs.finish()
        except Exception as error:
            failed = failure(Stage.OUTPUTS, error)
            self._end(Stage.OUTPUTS, EventKind.FAILED, failed.message, started)
            self._journal.fact("kept", True)
            kept = self._places.host(f"{contract.MODELARTS}/outputs")
            self._work.note(Stage.OUTPUTS, f"what could not be stored is kept on the node in {kept}")
            worse = outcome.cause is Cause.SUCCESS
            return replace(failed, exit_code=outcome.exit_code) if worse else outcome
        self._end(Stage.OUTPUTS, EventKind.DONE, message, started)
        return outcome

    def _report(self, outcome: TaskOutcome) -> bool:
        """Say how it ended, last of all; whether the server has it all (or wants none of it)."""
        if self._work.reporter.over:
            return True
        self._work.reporter.stage = Stage.REPORT
        self._work.log.line("end", f"{self._task.name}: {outcome.message}")
        if not self._journal.find(Stage.REPORT, EventKind.FINISHED):
            detail = to_wire(outcome)
            self._journal.event(Stage.REPORT, EventKind.FINISHED, outcome.message, detail=detail)
        self._work.reporter.close()
        asked = time.monotonic()
        while not self._work.reporter.closed(1.0):
            if self._out_of_patience(time.monotonic() - asked):
                return False
        return not self._work.reporter.refused

    def _out_of_patience(self, waited: float) -> bool:
        """Whether to leave the rest to somebody else."""
        return (self._halt.force and waited > _FORCED_LINGER_S) or 0 < self._task.linger_s < waited

    def _clean_up(self) -> None:
        """Give back the disk; logs and journal stay, and outputs that could not be stored."""
        seen = ("/cache", "/tmp", f"{contract.MODELARTS}/inputs", contract.JOB_DIR, contract.OWN)  # noqa: S108
        if "kept" not in self._journal.facts:
            seen = (*seen, f"{contract.MODELARTS}/outputs")
        for path in (*(self._places.host(each) for each in seen), f"{self._places.own}/places"):
            _empty(path)


def _empty(folder: str) -> None:
    """Delete what is in ``folder``; an empty one costs less to leave than to delete."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)
