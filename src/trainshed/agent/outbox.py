"""What the server does not have yet: events, log bytes, numbers. All of it is on disk."""

from __future__ import annotations

import re
import sys
from collections import deque
from collections.abc import Sequence

from trainshed.agent.journal import Journal
from trainshed.agent.logs import Merger, Stream
from trainshed.agent.looks import Looker
from trainshed.agent.metrics import Picker
from trainshed.agent.places import Places
from trainshed.agent.samples import Sampler
from trainshed.agent.server_link import PIECE, Refused, ServerLink
from trainshed.agent.spool import Spool
from trainshed.core.task import EventKind, Stage, TaskEvent, TaskSpec
from trainshed.jobs.hang import RankSample

_BACKLOG = 8 << 20
_MANY = 50_000
_MOST_LOOKS = 1024
_RIDES = 16 * 1024
"""So many bytes of logs go along with events, instead of by a call of their own."""


class Outbox:
    """Gathers and sends what one task has to tell. Used by one thread."""

    def __init__(self, task: TaskSpec, places: Places, journal: Journal, link: ServerLink) -> None:
        self._task, self._places, self._journal, self._link = task, places, journal, link
        self._synchronised = not journal.events
        self._streams = [Stream("build", f"{places.log}/build.log"), Stream("task", places.task_log)]
        self._spool: Spool | None = None
        self._picked: Stream | None = None
        self._picker: Picker | None = None
        self._merger: Merger | None = None
        self._sampler = Sampler(task, places.root)
        launch = f"{places.run}/{Stage.RUN.value}.launched"
        self.looker = Looker(launch, places.log, self._sampler.accelerator, task.index)
        self.looks: deque[RankSample] = deque(maxlen=_MOST_LOOKS)

    def launched(self, names: Sequence[str], start: int) -> None:
        """The ranks are at work and write to these files.

        Args:
            start: where in the first of them the script's own output begins.
        """
        self._spool = Spool(f"{self._places.run}/numbers.jsonl")
        if len(names) > 1:
            self._merger = Merger(self._places.log, names, f"{self._places.run}/merge.state")
            ranks = [name for name in names if name.startswith("rank-")]
            self._streams += [Stream(n.removesuffix(".log"), f"{self._places.log}/{n}") for n in ranks]
        self._picked = Stream("", f"{self._places.log}/{names[0]}")
        self._picker = Picker(_compilable(self._task.metric_regexes), self._spool.state or {"offset": start})

    def gather(self, *, end: bool = False) -> None:
        """Merge what the ranks wrote, and pick metrics from it."""
        if self._merger is not None:
            self._merger.merge(end=end)
        while self._pick(end=end) and end:
            pass

    def _pick(self, *, end: bool) -> bool:
        """Pick from the next piece; whether there was one."""
        if self._picked is None or self._picker is None or self._spool is None:
            return False
        waiting = self._picked.size() - self._picker.offset
        if waiting <= 0:
            return False
        last = end and waiting <= PIECE
        hurry = waiting > _BACKLOG or len(self._spool) > _MANY
        found = self._picker.feed(self._picked.read(PIECE, self._picker.offset), end=last, hurry=hurry)
        if found:
            self._spool.add([], found, self._picker.state())
        return True

    def sample(self, supervisor: int) -> None:
        """Note what the task uses of the machine now."""
        if self._spool is not None:
            self._spool.add([self._sampler.sample(supervisor)], [], {})

    def look(self, supervisor: int) -> None:
        """Note what each rank does now."""
        self.looks.extend(self.looker.look(supervisor))

    def deliver(self, *, closing: bool = False) -> bool:
        """Send some of everything; whether that was all.

        Args:
            closing: the last event, by which the task counts as finished, is in the journal: it
                must go after all else.

        Raises:
            Unavailable, AttemptOver: what is left is still there.
        """
        if not self._synchronised:
            self._link.synchronise()
            self._synchronised = True
        events = self._journal.events
        if closing:
            if not self._send_numbers() or (self._waiting() > _RIDES and not self._send_logs()):
                return False
            return self._link.send_events(events, self._riding(events))
        if events and events[-1].kind is EventKind.FINISHED:
            events = events[:-1]
        sent = self._link.send_events(events, self._riding(events))
        logs = self._send_logs()
        return self._send_numbers() and logs and sent

    def _waiting(self) -> int:
        """Bytes of logs that the server does not have."""
        return sum(max(0, stream.size() - stream.sent) for stream in self._streams)

    def _riding(self, events: Sequence[TaskEvent]) -> list[tuple[Stream, bytes]]:
        """What waits of the logs, where it is little and there are events to send it with."""
        if self._link.next_seq >= len(events) or self._waiting() > _RIDES:
            return []
        return [(s, data) for s in self._streams if (data := s.read(PIECE, s.sent))]

    def _send_logs(self) -> bool:
        """Send a piece of each log; whether none has more."""
        complete = True
        for stream in self._streams:
            if data := stream.read(PIECE, stream.sent):
                self._link.send_log(stream, data)
                complete = complete and stream.sent >= stream.size()
        return complete

    def _send_numbers(self) -> bool:
        if self._spool:
            batch = self._spool.batch()
            try:
                self._link.send_numbers(batch)
            except Refused as error:
                print(f"numbers were refused, and stay in {self._places.run}: {error}", file=sys.stderr)
            self._spool.sent(batch)
        return not self._spool


def _compilable(regexes: dict[str, str]) -> dict[str, str]:
    """Those that Python's ``re`` takes; the service has refused the others when the job was made."""
    found: dict[str, str] = {}
    for name, text in regexes.items():
        try:
            re.compile(text)
        except re.error:
            continue
        found[name] = text
    return found
